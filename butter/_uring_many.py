"""Many reads by one call of a ring."""

from __future__ import annotations

import errno
from array import array
from itertools import chain
from typing import TYPE_CHECKING, Any

from butter._arguments import fileno, integer
from butter._descriptor import closed_error
from butter._signals import INTERRUPTED, run_handlers
from butter._uring_completions import reader
from butter._uring_errors import READ
from butter._uring_files import PREAD
from butter._uring_memory import COPIES, copy_back, from_buffer, writable
from butter._uring_ring import Queue
from butter._uring_ring_c import ffi, lib

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from typing_extensions import Buffer

    from butter._arguments import FileDescriptor

_new, _raw = ffi.new, ffi.new_allocator(should_clear_after_alloc=False)
# looked up once, as cffi takes its time for a name
_REQUESTS, _RESULTS, _BATCH = ffi.typeof("int64_t[]"), ffi.typeof("int32_t[]"), ffi.typeof("butter_batch *")
_read_all = lib.butter_ring_read_many
_CUT, _CLOSED = -1 - errno.E2BIG, -1 - errno.EBADF
_FULL, _RANGE = -1 - errno.ENOBUFS, -1 - errno.ERANGE
#: for a call that meets no other completions, as most
_NO_ROOM = ffi.new("butter_completions *")
_THREE = "each request is a descriptor, a size and an offset"


class Many(Queue):
    """Many reads by one call of a ring."""

    #: the batches under way, and what their reads use
    _left: dict[int, tuple[Any, ...]]

    def read_many(
        self, requests: Iterable[tuple[FileDescriptor, int, int]] | Sequence[int], buffer: Buffer | None = None
    ) -> list[bytes | int | OSError]:
        """Read from many places at once, and return what was read, in their order.

        Each request is a descriptor, a size and an offset. The result has the bytes of
        each, or with a *buffer*, into which they go one after the other, how many there
        are: read k begins where those before it, with their whole sizes, would end. The
        exception of a read that has failed stands in its place.

        The call submits, waits for these reads, and makes no Completion for them. It is
        nearly as fast as C where *requests* is an ``array("q")``, with these three
        numbers for each read one after the other.

        Raises ValueError for a *buffer* that is too small and if the object is closed,
        TypeError and ValueError for other requests, and what ``read_events`` does.

        Linux 5.6.
        """
        if isinstance(requests, array) and requests.typecode == "q":
            # a copy: the numbers of the program's own may change while the kernel reads
            packed: Any = array("q", requests)
        else:
            # the list keeps files that nothing else refers to open
            kept: list[Any] = list(requests)
            packed = _packed(kept)
        count, rest = divmod(len(packed), 3)
        if rest:
            raise ValueError(_THREE)
        ring = self._opened_ring()
        if not count:
            return []
        requests_memory, results = from_buffer(_REQUESTS, packed), _new(_RESULTS, count)
        if buffer is None:
            memory = _raw("char[]", max(1, lib.butter_batch_size(requests_memory, count)))
        else:
            _, memory = writable(buffer)
        if self._left:
            self._forget_batches(ring)
        batch, room = _new(_BATCH), _NO_ROOM
        key = id(batch)
        # the reads use this, also where a signal handler raises
        self._left[key] = batch, requests_memory, results, memory
        try:
            result = _read_all(ring, room, batch, count, requests_memory, memory, len(memory), results)
            if result:
                if result == _RANGE:
                    raise _wrong(packed, len(memory))
                self._go_on(ring, batch, result)
        except BaseException:
            lib.butter_ring_leave_batch(ring, batch)
            raise
        self._left.pop(key, None)
        if COPIES:
            copy_back(memory)
        found: list[Any] = [*ffi.unpack(results, count)]
        if buffer is None:
            at, view = 0, ffi.buffer(memory)
            for index, result in enumerate(found):
                found[index] = view[at : at + result] if result >= 0 else PREAD.error(-result)
                at += packed[3 * index + 1]
        elif batch.failed:
            found = [result if result >= 0 else PREAD.error(-result) for result in found]
        return found

    def _go_on(self, ring: Any, batch: Any, result: int) -> None:
        """Go on with a batch, and make events of other completions that are there."""
        room = reader.take()
        try:
            while result or room.struct.count:
                if result == _CUT:
                    raise ValueError("a chain of linked requests is open: submit() it before read_many()")
                if result == _CLOSED:
                    raise closed_error()
                if result == INTERRUPTED:
                    run_handlers()
                elif result not in (0, _FULL):
                    READ.check(result, fd=self.fileno())
                events = self._made(room)
                # before a call, after which a signal handler may raise
                room.struct.count = 0
                self._batch.extend(events)
                result = result and lib.butter_ring_go_on(ring, room.struct, batch)
        except BaseException:
            if room.struct.count:
                self._unmade.append(room)
            raise
        reader.give(room)

    def _forget_batches(self, ring: Any) -> None:
        """Forget the batches that have ended, after a signal handler has raised."""
        for key, (batch, *_) in list(self._left.items()):
            if not lib.butter_batch_goes_on(ring, batch):
                self._left.pop(key, None)


def _packed(requests: list[Any]) -> Any:
    """Return the numbers of requests one after the other.

    Raises TypeError and ValueError for other requests.
    """
    try:
        lengths = set(map(len, requests))
    except TypeError:
        raise TypeError(_THREE) from None
    if lengths - {3}:
        raise ValueError(_THREE)
    try:
        return array("q", [*chain.from_iterable(requests)])
    except (TypeError, OverflowError):
        return array(
            "q",
            [
                number
                for fd, size, offset in requests
                for number in (fileno(fd), integer(size, 31, "size"), integer(offset, 63, "offset"))
            ],
        )


def _wrong(packed: Any, size: int) -> Exception:
    """Return the exception for requests that cannot be, or not in so many bytes."""
    columns = packed[0::3], packed[1::3], packed[2::3]
    try:
        for fd, length, offset in zip(*columns):
            fileno(fd), integer(length, 31, "size"), integer(offset, 63, "offset")
    except ValueError as error:
        return error
    return ValueError(f"the buffer has {size} bytes, and the requests ask for {sum(columns[1])}")
