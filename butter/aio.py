"""Reading and writing files in the background: Linux's :manpage:`io_submit(2)`."""

from __future__ import annotations

import errno
import os
import sys
from collections import deque
from select import POLLIN
from typing import TYPE_CHECKING, Any

from butter._aio import (
    Iocb,
    IoEvent,
    io_cancel,
    io_destroy,
    io_getevents,
    io_pgetevents,
    io_setup,
    io_submit,
)
from butter._aio_c import lib
from butter._aio_context import Context, Events
from butter._aio_errors import EVENTFD, EVENTS
from butter._aio_memory import aligned_buffer
from butter._aio_operation import Completion, Operation
from butter._arguments import integer
from butter._constants import aio as _constants
from butter._constants.aio import *  # noqa: F403
from butter._constants.aio import (
    EFD_NONBLOCK,
    IOCB_CMD_FDSYNC,
    IOCB_CMD_FSYNC,
    IOCB_CMD_POLL,
    IOCB_CMD_PREAD,
    IOCB_CMD_PREADV,
    IOCB_CMD_PWRITE,
    IOCB_CMD_PWRITEV,
)
from butter._descriptor import closed_error
from butter.eventlike import Eventlike, poll

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Buffer

    from butter._arguments import FileDescriptor

__all__ = [
    "Aio",
    "Completion",
    "IoEvent",
    "Iocb",
    "aligned_buffer",
    "io_cancel",
    "io_destroy",
    "io_getevents",
    "io_pgetevents",
    "io_setup",
    "io_submit",
]
__all__ += _constants.__all__

#: a flag of the eventfd, which another program, after exec, has no use for
_CLOEXEC = os.O_CLOEXEC


class Aio(Eventlike[Completion]):
    """``Aio(depth=128, flags=0)``: reads, writes and waits in the background.

    Its events are Completions. A method queues an operation; ``submit()``, and each
    wait for an event, hands over what is queued. ::

        with Aio() as aio, open("/etc/passwd", "rb") as file:
            aio.pread(file, 100, offset=0, user_data="first")
            aio.pread(file, 100, offset=100, user_data="second")
            for done in aio:
                print(done.user_data, done.error or done.data)

    An operation that fails is a Completion with an ``error``; nothing is raised. They
    complete in any order. An iteration ends, and a wait raises NoMoreEvents, when all
    are complete and taken.

    *depth* is how many operations the kernel takes at least, before some of them have
    to complete; the rest stays queued. *flags* are AioInit's: with ``EFD_NONBLOCK``
    reads of events do not wait. The descriptor is that of an eventfd, which is readable
    when an operation is complete.

    A buffer belongs to the kernel until its Completion is returned. Till then it cannot
    be resized or closed (BufferError), and it must not be read or changed. ``close()``
    cancels the operations that can be cancelled, waits for the others, and takes some
    hundredths of a second even without any; so do the finaliser of a forgotten object
    and the end of the program. A forked child has a closed object.

    Raises InvalidArgument for other flags and a *depth* of 0, BlockingIOError where
    fs.aio-max-nr is reached, OSError (EMFILE, ENFILE, ENOSYS), OutOfMemory.

    Linux 2.6.22, :manpage:`io_submit(2)`.
    """

    _kind = "that of an Aio"
    _link = "anon_inode:[eventfd]"
    _bare = False

    _context: Context | None

    def __init__(self, depth: int = 128, flags: int = 0) -> None:
        flags = integer(flags, -32, "flags")
        if flags & ~EFD_NONBLOCK:
            EVENTFD.fail(errno.EINVAL, flags=flags)
        super().__init__(EVENTFD.check(lib.butter_aio_eventfd(flags | _CLOEXEC)))
        try:
            self._context = Context(depth)
        except BaseException:
            self.close()
            raise

    def _init_state(self) -> None:
        super()._init_state()
        self._context = None
        self._unmade: deque[Events] = deque()

    def _open_context(self) -> Context:
        """Return the context; raise ValueError if the object is closed."""
        if self._context is None or self._fd is None:
            raise closed_error()
        return self._context

    def _drop_batch(self) -> None:
        super()._drop_batch()
        if self._context is not None:
            self._context.end()

    def _after_fork(self) -> None:
        # the context is the parent's, and has forgotten it by itself
        self._context = None
        super()._after_fork()

    # the operations

    def _add(self, operation: Operation) -> Any:
        self._open_context().queue.append(operation)
        return operation.user_data

    def pread(
        self, fd: FileDescriptor, buffer: Buffer | int, offset: int = 0, user_data: Any = None, flags: int = 0
    ) -> Any:
        """Queue a read at *offset* into *buffer*, or of so many bytes.

        *fd* is an int or anything with ``fileno()``. *buffer* can be written; or it is
        the size in bytes of a new one, which the Completion has as ``buffer``. *flags*
        are AioTransfer's. *user_data* is any object that the Completion is to have;
        None stands for a number that no other operation has. Either is returned, for
        ``cancel``.

        Raises TypeError and ValueError for other types and numbers, BufferError for a
        buffer that cannot be written, ValueError if the object is closed.

        :manpage:`pread(2)`.
        """
        operation = Operation(IOCB_CMD_PREAD, fd, offset, flags, user_data)
        return self._add(operation.with_size(buffer) if isinstance(buffer, int) else operation.with_buffer(buffer))

    def pwrite(self, fd: FileDescriptor, buffer: Buffer, offset: int = 0, user_data: Any = None, flags: int = 0) -> Any:
        """Queue a write of *buffer* at *offset*.

        The ``result`` of the Completion is the number of bytes that were written, which
        may be fewer. The other arguments, the result and the errors are as for
        ``pread``.

        :manpage:`pwrite(2)`.
        """
        return self._add(Operation(IOCB_CMD_PWRITE, fd, offset, flags, user_data).with_buffer(buffer))

    def preadv(
        self, fd: FileDescriptor, buffers: Sequence[Buffer], offset: int = 0, user_data: Any = None, flags: int = 0
    ) -> Any:
        """Queue a read at *offset* into one buffer after the other.

        The rest is as for ``pread``.

        :manpage:`preadv(2)`.
        """
        return self._add(Operation(IOCB_CMD_PREADV, fd, offset, flags, user_data).with_buffers(buffers))

    def pwritev(
        self, fd: FileDescriptor, buffers: Sequence[Buffer], offset: int = 0, user_data: Any = None, flags: int = 0
    ) -> Any:
        """Queue a write of one buffer after the other, at *offset*.

        The rest is as for ``pwrite``.

        :manpage:`pwritev(2)`.
        """
        return self._add(Operation(IOCB_CMD_PWRITEV, fd, offset, flags, user_data).with_buffers(buffers))

    def fsync(self, fd: FileDescriptor, user_data: Any = None) -> Any:
        """Queue that the bytes and the metadata of a file are brought to the disk.

        It is about the writes that are complete: an operation does not wait for others.
        The result is as for ``pread``.

        Linux 4.18, :manpage:`fsync(2)`.
        """
        return self._add(Operation(IOCB_CMD_FSYNC, fd, user_data=user_data))

    def fdsync(self, fd: FileDescriptor, user_data: Any = None) -> Any:
        """Queue that the bytes of a file are brought to the disk, as by fdatasync.

        The rest is as for ``fsync``.

        Linux 4.18, :manpage:`fdatasync(2)`.
        """
        return self._add(Operation(IOCB_CMD_FDSYNC, fd, user_data=user_data))

    def poll(self, fd: FileDescriptor, events: int, user_data: Any = None) -> Any:
        """Queue a wait until *fd* is ready for one of *events*.

        *events* are those of :func:`select.poll`, as ``select.POLLIN``, and the
        ``result`` of the Completion is the events that have come, of which some may not
        have been asked for. The operation completes once, however long *fd* is ready.

        Linux 4.19, :manpage:`poll(2)`.
        """
        return self._add(Operation(IOCB_CMD_POLL, fd, user_data=user_data).with_events(events))

    def submit(self) -> int:
        """Hand over what is queued, and return how many operations the kernel took.

        Those that it has no room for stay queued until the next ``submit()`` or wait,
        and one that it refuses completes with an error. A file that is not open with
        O_DIRECT is read and written inside this call, which waits for that.

        Raises BlockingIOError where the kernel has no room although no operation is
        under way, ValueError if the object is closed.
        """
        context = self._open_context()
        return context.submit(self.fileno(), self._batch) if context.queue else 0

    def cancel(self, user_data: Any) -> int:
        """Cancel the operations with this *user_data*, and return how many.

        Each of them completes, with an ``error`` of ECANCELED. The kernel cancels what
        is queued and what ``poll`` waits for: a read or write that has begun goes on to
        its end, and does not count.

        Raises ValueError if the object is closed.
        """
        return self._open_context().cancel(user_data, self.fileno(), self._batch)

    @property
    def queued(self) -> int:
        """How many operations are not handed over yet."""
        return 0 if self._context is None else len(self._context.queue)

    @property
    def in_flight(self) -> int:
        """How many operations the kernel has, those included that no read has taken."""
        return 0 if self._context is None else len(self._context.known)

    # their completions

    def _check_more(self) -> None:
        context = self._open_context()
        if context.queue:
            self.submit()
        if self._more(context):
            return
        self._read_signal(context)
        if not self._more(context):
            EVENTS.fail(errno.ENODATA)

    def _more(self, context: Context) -> bool:
        return bool(context.known or self._batch or self._unmade or context.queue)

    def _read_signal(self, context: Context) -> None:
        """Take what made the object readable for operations that the kernel refused.

        They are in the batch already, and a program that selects would find the object
        readable for ever. Other completions that the read finds wait there, too.
        """
        fd = self.fileno()
        if poll(fd, POLLIN, 0) > 0:
            try:
                self._batch.extend(context.read(fd, self._unmade))
            except BlockingIOError:
                pass  # another thread took it

    def _read_events(self) -> list[Completion]:
        self._check_more()
        # what the kernel refused is there already
        return [] if self._batch else self._open_context().read(self.fileno(), self._unmade)

    def _take_batch(self, most: int = sys.maxsize) -> list[Completion]:
        self._read_signal(self._open_context())
        return super()._take_batch(most)

    def writable(self) -> bool:
        """True: operations are handed over."""
        return True
