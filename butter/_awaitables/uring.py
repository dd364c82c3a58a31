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
    madvise = forward(Ring.madvise)
    splice = forward(Ring.splice)
    tee = forward(Ring.tee)
    open = forward(Ring.open)
    close_fd = forward(Ring.close_fd)
    statx = forward(Ring.statx)
    rename = forward(Ring.rename)
    link = forward(Ring.link)
    unlink = forward(Ring.unlink)
    mkdir = forward(Ring.mkdir)
    symlink = forward(Ring.symlink)
    getxattr = forward(Ring.getxattr)
    fgetxattr = forward(Ring.fgetxattr)
    setxattr = forward(Ring.setxattr)
    fsetxattr = forward(Ring.fsetxattr)
    socket = forward(Ring.socket)
    bind = forward(Ring.bind)
    listen = forward(Ring.listen)
    accept = forward(Ring.accept)
    connect = forward(Ring.connect)
    shutdown = forward(Ring.shutdown)
    send = forward(Ring.send)
    send_zc = forward(Ring.send_zc)
    recv = forward(Ring.recv)
    read_multishot = forward(Ring.read_multishot)
    pipe = forward(Ring.pipe)
    sendmsg = forward(Ring.sendmsg)
    recvmsg = forward(Ring.recvmsg)
    poll = forward(Ring.poll)
    change_poll = forward(Ring.change_poll)
    timeout = forward(Ring.timeout)
    change_timeout = forward(Ring.change_timeout)
    link_timeout = forward(Ring.link_timeout)
    cancel = forward(Ring.cancel)
    cancel_fd = forward(Ring.cancel_fd)
    cancel_all = forward(Ring.cancel_all)
    waitid = forward(Ring.waitid)
    msg_ring = forward(Ring.msg_ring)
    epoll_ctl = forward(Ring.epoll_ctl)
    epoll_wait = forward(Ring.epoll_wait)
    futex_wait = forward(Ring.futex_wait)
    futex_wake = forward(Ring.futex_wake)
    futex_waitv = forward(Ring.futex_waitv)
    probe = forward(Ring.probe)
    register_files = forward(Ring.register_files)
    update_files = forward(Ring.update_files)
    unregister_files = forward(Ring.unregister_files)
    install = forward(Ring.install)
    register_buffers = forward(Ring.register_buffers)
    unregister_buffers = forward(Ring.unregister_buffers)
    clone_buffers = forward(Ring.clone_buffers)
    read_fixed = forward(Ring.read_fixed)
    write_fixed = forward(Ring.write_fixed)
    restrict = forward(Ring.restrict)
    enable = forward(Ring.enable)
    max_workers = forward(Ring.max_workers)
    provide = forward(Ring.provide)
