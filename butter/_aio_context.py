"""The context of an Aio, which owns the operations that the kernel has."""

# Between its submission and its completion an operation's buffers belong to the kernel:
# it writes into them at any moment. So a buffer must outlive its operation, whatever
# the program does. That is the work of this file:
#
# 1. The context owns the operations, in a dict by their numbers, and each operation
#    owns views of its buffers. An operation is in the dict before the kernel knows it,
#    and leaves it when its event was taken.
#
# 2. The dict is emptied only after io_destroy, which waits until the kernel has ended
#    every operation. So do close(), the finaliser of a forgotten object, and the end of
#    the interpreter. The finaliser is that of the context itself, so the order in which
#    a garbage collector takes the parts of an object apart does not matter.
#
# 3. The number of a context is an address, which another one may get once it is
#    destroyed. A thread that submits to that one would leave its buffers with an object
#    that does not know them. A lock in C is held over each call, and the end of the
#    context takes the number away under it.
#
# 4. A forked child has a copy of the dict and of the buffers, which are its own memory,
#    and no context: the kernel has left it with the parent. The child forgets all.
#
# The numbers of operations are never used again, so taking an event twice, after a
# signal handler has raised half way, finds the same operation or none.

from __future__ import annotations

import atexit
import errno
import weakref
from collections import deque
from itertools import repeat, starmap
from operator import itemgetter
from struct import Struct
from typing import TYPE_CHECKING, Any

from butter._aio_c import ffi, lib
from butter._aio_errors import CANCEL, EVENTS, SETUP, SUBMIT
from butter._arguments import integer
from butter._buffers import Reader
from butter._descriptor import closed_error, tell_of_forks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from butter._aio_operation import Completion, Operation

# looked up once, as cffi takes its time for a name
_new, _BATCH, _BLOCK = ffi.new, ffi.typeof("butter_aio_batch *"), ffi.typeof("butter_iocb[]")
_ENDED = -1 - errno.ESHUTDOWN
_FULL = -1 - errno.EAGAIN
# those that can be cancelled no more
_TOO_LATE = -1 - errno.EINVAL
# how many events one read takes: 16 KiB of them
_ROOM = 512
# struct io_event, without obj
_EVENT = Struct("=Q8xqq")


class Events:
    """Room for the events of one read."""

    __slots__ = ("_found", "made", "struct")

    def __init__(self) -> None:
        self._found = ffi.new("butter_io_event[]", _ROOM)
        self.struct = ffi.new("butter_aio_events *", (0, _ROOM, self._found))
        #: their completions, until the operations are released
        self.made: list[Completion] | None = None

    def __len__(self) -> int:
        count: int = self.struct.count
        return count

    def records(self) -> list[tuple[int, int, int]]:
        """Return the number, the result and the flags of each event."""
        return list(_EVENT.iter_unpack(ffi.buffer(self._found, self.struct.count * _EVENT.size)))


_reader: Reader[Events, Any] = Reader(Events, lib.butter_aio_read, EVENTS)

# those that have not ended
_contexts: weakref.WeakSet[Context] = weakref.WeakSet()


class Context:
    """A context of the kernel, with the operations that it has."""

    _begun = False

    def __init__(self, depth: int) -> None:
        depth = integer(depth, 32, "depth")
        self._struct = ffi.new("butter_aio *")
        #: what is not handed over yet
        self.queue: deque[Operation] = deque()
        #: what the kernel has, and what it has completed and no read has taken
        self.known: dict[int, Operation] = {}
        # before the kernel has it, so that neither a handler that raises nor a fork
        # leaves a context that nothing ends, or a child that would end it
        self._begun = True
        _contexts.add(self)
        tell_of_forks(self)
        SETUP.check(lib.butter_aio_begin(self._struct, depth), nr_events=depth)

    def end(self, patient: bool = True) -> None:
        """End all operations, wait for that, and then let go of the buffers.

        An impatient call does nothing while another thread is inside io_submit.
        """
        if self._begun and lib.butter_aio_end(self._struct, patient):
            self.queue.clear()
            self.known.clear()
            self._begun = False

    def __del__(self) -> None:
        self.end()

    def _after_fork(self) -> None:
        """Forget the context, which the parent of this process has."""
        # A thread of the parent may hold the lock for ever. One that was inside a
        # method, and whose signal handler has forked, goes on with an ended context.
        self._begun = False
        self._struct = ffi.new("butter_aio *")
        self.queue.clear()
        self.known.clear()

    def submit(self, fd: int, batch: deque[Completion]) -> int:
        """Hand over what is queued, and return how many operations the kernel took.

        One that it refuses becomes a completion in *batch*, for which *fd*, the
        eventfd, becomes readable; those that it has no room for stay queued.
        """
        queue = self.queue
        taken: list[Operation] = []
        struct = _new(_BATCH)
        refused = 0
        try:
            try:
                # one call takes them all; another thread hands over the others
                taken.extend(starmap(queue.popleft, repeat(())))
            except IndexError:
                pass
            struct.count = len(taken)
            struct.iocbs = block = _new(_BLOCK, len(taken))
            ffi.buffer(block)[:] = b"".join([operation.iocb(fd) for operation in taken])
            for place, operation in enumerate(taken):
                # where the kernel finds it to cancel it, and what keeps that alive
                operation.block = block, place
            self.known.update({operation.number: operation for operation in taken})
            while (result := lib.butter_aio_submit(self._struct, struct)) < 0 and result not in (_FULL, _ENDED):
                operation = taken[struct.done]
                self.known.pop(operation.number, None)
                taking = map(setattr, (struct,), ("done",), (struct.done + 1,))
                self._complete(operation, 1 + result, taking, fd, batch)
                refused += 1
        finally:
            try:
                self._keep(taken, struct.done)
            except BaseException:
                # a signal handler's: what it has left is still there
                self._keep(taken, struct.done)
                raise
        if result == _ENDED:
            raise closed_error()
        accepted: int = struct.done - refused
        if result == _FULL and not struct.done and len(self.known) == 0:
            SUBMIT.check(result)
        return accepted

    def _complete(
        self, operation: Operation, result: int, taking: Iterable[object], fd: int, batch: deque[Completion]
    ) -> bool:
        """Complete an operation that the kernel does not have.

        *taking* is an iterator that takes it from its place. Returns whether it was
        there.
        """
        completion = operation.completion(result)
        try:
            # one call takes it out and completes it, so a signal handler that raises
            # leaves it in one of the two
            batch.extend(map(itemgetter(1), zip(taking, (completion,))))
        except ValueError:
            return False  # another thread has handed it over
        operation.release(0)
        lib.butter_aio_signal(self._struct, fd)
        return True

    def _keep(self, taken: list[Operation], done: int) -> None:
        """Queue again, in front of the others, what the kernel did not take.

        A second call does what was left of the first.
        """
        for operation in taken[done:]:
            self.known.pop(operation.number, None)
        # one call moves them all, the last one first
        self.queue.extendleft(starmap(taken.pop, repeat((), len(taken) - done)))
        if not self._begun:
            # it ended meanwhile, and nothing else lets go of their buffers
            self.queue.clear()

    def read(self, fd: int, unmade: deque[Events]) -> list[Completion]:
        """Return the completions of one read, which waits if *fd* is blocking."""
        return _reader.read(fd, self._made, unmade, self._struct)

    def _made(self, events: Events) -> list[Completion]:
        """Return the completions of events, and release their operations."""
        known, records = self.known, events.records()
        if events.made is None:
            try:
                events.made = [known[number].completion(result, flags) for number, result, flags in records]
            except KeyError:
                # another thread has closed the object since they were read
                events.struct.count = 0
                raise closed_error() from None
        # A handler that raises here has this done again. All operations are looked up
        # first: another thread that closes the object forgets them.
        ended = [(known.get(number), number, result) for number, result, _ in records]
        for operation, number, result in ended:
            if operation is not None:
                operation.release(result)
                known.pop(number, None)
        made, events.made = events.made, None
        return made

    def cancel(self, user_data: object, fd: int, batch: deque[Completion]) -> int:
        """Cancel the operations with this *user_data*, and return how many."""
        # an operation that was queued without a user_data is found by its number
        named = self.known.get(user_data) if isinstance(user_data, int) else None
        if named is not None and named.user_data == named.number:
            return int(self._cancel(named))
        count = 0
        for operation in [each for each in list(self.queue) if _is(each.user_data, user_data)]:
            taking = map(self.queue.remove, (operation,))
            count += self._complete(operation, -errno.ECANCELED, taking, fd, batch)
        found = [each for each in list(self.known.values()) if _is(each.user_data, user_data)]
        return count + sum(map(self._cancel, found))

    def _cancel(self, operation: Operation) -> bool:
        """Cancel an operation that the kernel has, and return whether it could."""
        # one that a thread is just handing over, or that was cancelled, is not there
        if operation.block is None:
            return False
        block, place = operation.block
        result = lib.butter_aio_cancel(self._struct, block + place)
        if result == _ENDED:
            raise closed_error()
        return result != _TOO_LATE and CANCEL.check(result) == 0


def _is(mine: object, wanted: object) -> bool:
    return mine is wanted or bool(mine == wanted)


def _end_all() -> None:
    """End what the program has left open, before the interpreter frees its memory."""
    # A daemon thread that is inside io_submit stays there, with all that it refers to:
    # so its context is left alone, and its buffers are not freed.
    for context in list(_contexts):
        context.end(patient=False)


atexit.register(_end_all)
