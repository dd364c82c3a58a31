"""The requests that are under way, their completions, and the end of a ring.

The head of butter/build/uring_ring.h has the rules of the memory that the kernel and
butter share. Those of Python are here.
"""

# A buffer belongs to the kernel until the last completion of its request, also where
# the request was cancelled: to cancel means to ask. So a request has a slot, under a
# number that the kernel returns with each completion (user_data), and the slot keeps
# all that the request points to. A bytearray is kept by an export of its buffer, which
# refuses to let it be resized. The slot goes with the last completion, the one without
# IORING_CQE_F_MORE.
#
# The number of a slot counts up and is never used again. So neither an old completion
# nor a cancellation can meet another request.
#
# A slot is filled before the kernel can know of its request, and is left where a signal
# handler raises meanwhile: it cannot be known then whether the request is queued.
#
# Where a request cannot be ended (a disk that does not answer, a ring that only another
# thread may use), closing gives up after a while, and the slots stay for ever: lost
# memory is harmless, memory that is used twice is not.

from __future__ import annotations

import errno
import itertools
import time
from collections import deque
from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from butter._constants.uring import IORING_CQE_F_BUFFER, IORING_CQE_F_MORE
from butter._descriptor import closed_error
from butter._uring_completions import Completions, first_in
from butter._uring_memory import COPIES, copy_back
from butter._uring_operations import ENDING, MESSAGE, MESSAGE_BIT, Completion, Operation, ignore
from butter._uring_ring_c import ffi, lib

if TYPE_CHECKING:
    Slot = tuple[Any, Any, Operation, Any, Any]

#: how long closing waits for requests that do not end, in seconds
PATIENCE = 10.0

_OTHER_THREAD = -1 - errno.EEXIST
_request_of, _flags_of = itemgetter(0), itemgetter(2)
_new = tuple.__new__
#: BUTTER_CQE_F_HELD of C, a flag that only C gives
_HELD = 1 << 14
#: the flags of completions that the short way does not know
_UNUSUAL = IORING_CQE_F_MORE | IORING_CQE_F_BUFFER | _HELD
_NO_SLOT = (None,) * 5
#: the slots and batches of requests that could not be ended
abandoned: list[tuple[Any, ...]] = []


class Slots:
    """The requests under way in a ring, which is opened and ended here."""

    _ring: Any = None
    _slots: dict[int, Slot]
    _unmade: Any

    def _init_queue(self) -> None:
        self._ring = None
        self._slots = {}
        self._ended = False
        #: the requests that are complete, and whose slots another thread may need
        self._held: dict[int, None] = {}
        self._unmade = deque()
        self._left: dict[int, tuple[Any, ...]] = {}
        self._next = itertools.count(1).__next__

    def _open_ring(self, entries: int, flags: int, *rest: int) -> int:
        """Make the ring, and return its descriptor, or -1 - errno."""
        ring = lib.butter_ring_new()
        if not ring:
            return -1 - errno.ENOMEM
        self._ring = ffi.gc(ring, lib.butter_ring_free)  # type: ignore[call-overload]
        return lib.butter_ring_open(self._ring, entries, flags, *rest)

    def _made_one(self, found: Completions) -> list[Completion]:
        """Return the event of a read that has found one, as ``_made`` does.

        It is the short way of a program that has one request at a time.
        """
        request, result, flags = first_in(found.view)
        slot = self._slots.get(request)
        if slot is None or flags & _UNUSUAL:
            return self._made(found)
        if COPIES:
            copy_back(slot[3])
        events = found.made = [_new(Completion, (slot[0], result, flags, slot[1], request, slot[2]))]
        self._slots.pop(request, None)
        found.made = None
        return events

    def _made(self, found: Completions) -> list[Completion]:
        """Return the events of a read, and forget the slots of those that are the last.

        A signal handler may raise anywhere, and this is called again then: so the
        events are in *found* before the first slot goes.
        """
        slots, events, entries = self._slots, found.made, found.entries()
        all_flags = 0
        for flags in set(map(_flags_of, entries)):
            all_flags |= flags
        provided = all_flags & IORING_CQE_F_BUFFER
        if events is None:
            events = [
                _new(Completion, (slot[0], result, flags, slot[1], request, slot[2]))
                for request, result, flags in entries
                for slot in (slots.get(request),)
                if slot is not None
            ]
            if len(events) != len(entries):
                events = self._with_messages(entries)
            if provided:
                self._copy_provided(events, entries, found)
            if all_flags & _HELD:
                events = [event._replace(flags=event.flags & ~_HELD) for event in events]
            found.made = events
        if provided:
            self._give_back(found, entries)
        if all_flags & IORING_CQE_F_MORE:
            last = [request for request, _, flags in entries if not flags & IORING_CQE_F_MORE]
        else:
            last = list(map(_request_of, entries))
        if COPIES:
            for request in last:
                copy_back(slots.get(request, _NO_SLOT)[3])
        if all_flags & (IORING_CQE_F_MORE | _HELD):
            last = self._not_held(found, last)
        # one call of C, which forgets them all
        deque(map(slots.pop, last, repeat(None)), 0)
        found.made = None
        return events

    def _not_held(self, found: Completions, last: list[int]) -> list[int]:
        """Return the requests to forget: none while other threads make events."""
        self._held.update(dict.fromkeys(last))
        complete = list(self._held)
        if lib.butter_ring_made(self._ring, found.struct):
            return []
        deque(map(self._held.pop, complete, repeat(None)), 0)
        return complete

    def _with_messages(self, entries: list[tuple[int, int, int]]) -> list[Completion]:
        """Return the events where some are messages, or of the end of the ring."""
        events = []
        for request, result, flags in entries:
            slot = self._slots.get(request)
            if slot is not None:
                events.append(Completion(slot[0], result, flags, slot[1], request, slot[2]))
            elif self._ended:
                # closed by another thread since the read
                raise closed_error()
            elif request != ENDING:
                # other libraries may send messages without the bit
                events.append(Completion(request & ~MESSAGE_BIT, result, flags, None, 0, MESSAGE))
        return events

    def _copy_provided(self, events: list[Completion], entries: list[tuple[int, int, int]], found: Completions) -> None:
        """Replace each provided buffer by its bytes."""
        raise NotImplementedError

    def _give_back(self, found: Completions, entries: list[tuple[int, int, int]]) -> None:
        """Give each provided buffer back to its group, once."""
        raise NotImplementedError

    # the end

    def _end(self) -> None:
        """Cancel all requests, wait for their completions, and unmap the ring.

        A call that a signal handler ends is repeated, and goes on.
        """
        ring = self._ring
        if ring is None:
            return
        deadline = time.monotonic() + PATIENCE
        found = Completions()
        requests = ffi.new("uint64_t[]", list(self._slots))
        while result := lib.butter_ring_end(ring, found.struct, requests, len(requests)):
            self._discard(found)
            if result == _OTHER_THREAD or time.monotonic() > deadline:
                break
        self._discard(found)
        self._ended = True
        lib.butter_ring_unmap(ring)
        if lib.butter_ring_in_flight(ring):
            abandoned.append((self._slots, self._left))
            self._slots, self._left = {}, {}
        else:
            self._slots.clear()
            self._left.clear()
        self._held.clear()

    def _discard(self, found: Completions) -> None:
        """Drop completions that came while the ring ended."""
        entries = found.entries()
        for request, _, _ in entries:
            copy_back(self._slots.get(request, _NO_SLOT)[3])
        events = self._with_messages(entries)
        self._copy_provided(events, entries, found)
        deque(map(ignore, events), 0)
        for request, _, flags in entries:
            if not flags & IORING_CQE_F_MORE:
                self._slots.pop(request, None)
        found.struct.count = 0

    def _forget_ring(self) -> None:
        """Forget the ring in a forked child, which does not have its memory."""
        if self._ring is not None:
            lib.butter_ring_forget(self._ring)
        self._slots = {}
