"""Reading and writing files in the background, under whichever event loop."""

from __future__ import annotations

from butter._arguments import integer
from butter._awaitables._awaitable import forward
from butter._awaitables._queue import AnyQueue
from butter.aio import EFD_NONBLOCK, Aio, Completion


class AnyAio(AnyQueue[Aio, Completion]):
    """The part of ``Aio_async`` that is the same under each loop."""

    def __init__(self, depth: int = 128, flags: int = 0, *, maxsize: int = 0) -> None:
        super().__init__(Aio(depth, integer(flags, -32, "flags") | EFD_NONBLOCK), maxsize)

    _source_class = Aio

    pread = forward(Aio.pread)
    pwrite = forward(Aio.pwrite)
    preadv = forward(Aio.preadv)
    pwritev = forward(Aio.pwritev)
    fsync = forward(Aio.fsync)
    fdsync = forward(Aio.fdsync)
    poll = forward(Aio.poll)
    submit = forward(Aio.submit)
    cancel = forward(Aio.cancel)

    @property
    def queued(self) -> int:
        """How many operations are not handed over yet."""
        return self._source.queued

    @property
    def in_flight(self) -> int:
        """How many operations the kernel has, those included that no read has taken."""
        return self._source.in_flight
