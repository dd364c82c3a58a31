"""Completions of requests, under whichever event loop."""

from __future__ import annotations

import os

from butter._awaitables._awaitable import forward
from butter._awaitables._queue import AnyQueue
from butter.uring import Completion, Ring


class AnyRing(AnyQueue[Ring, Completion]):
    """The part of ``Ring_async`` that is the same under each loop."""

    def __init__(self, entries: int = 128, flags: int = 0, *, maxsize: int = 0) -> None:
        ring = Ring(entries, flags)
        os.set_blocking(ring.fileno(), False)
        super().__init__(ring, maxsize)

    _source_class = Ring

    submit = forward(Ring.submit)
    nop = forward(Ring.nop)
    pread = forward(Ring.pread)
    pwrite = forward(Ring.pwrite)
    preadv = forward(Ring.preadv)
    pwritev = forward(Ring.pwritev)
    fsync = forward(Ring.fsync)
    sync_file_range = forward(Ring.sync_file_range)
    fallocate = forward(Ring.fallocate)
    ftruncate = forward(Ring.ftruncate)
    fadvise = forward(Ring.fadvise)
    splice = forward(Ring.splice)
    tee = forward(Ring.tee)
    poll = forward(Ring.poll)
    change_poll = forward(Ring.change_poll)
    timeout = forward(Ring.timeout)
    change_timeout = forward(Ring.change_timeout)
    link_timeout = forward(Ring.link_timeout)
    cancel = forward(Ring.cancel)
    cancel_fd = forward(Ring.cancel_fd)
    cancel_all = forward(Ring.cancel_all)
    waitid = forward(Ring.waitid)
    futex_wait = forward(Ring.futex_wait)
    futex_wake = forward(Ring.futex_wake)
    futex_waitv = forward(Ring.futex_waitv)
    msg_ring = forward(Ring.msg_ring)
    epoll_ctl = forward(Ring.epoll_ctl)
    epoll_wait = forward(Ring.epoll_wait)
