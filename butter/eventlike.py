"""The base of all event objects: waiting, reading, iterating, methods of a file."""

from __future__ import annotations

import errno
import math
import os
import select
import sys
import time
from collections import deque
from itertools import repeat, starmap
from select import POLLIN
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Generic, TypeVar

from butter._descriptor import Descriptor
from butter._eventlike_c import lib
from butter._signals import INTERRUPTED, run_handlers
from butter.errors import NO_MEMORY, Errors, NoMoreEvents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from butter._arguments import HasFileno

Event = TypeVar("Event")

# poll takes milliseconds in a C int; a longer wait is several polls
LONGEST_POLL = 2**31 - 1

POLL = Errors(
    "poll",
    {
        errno.EINVAL: (OSError, "the kernel refuses to wait for this descriptor"),
        errno.ENOMEM: NO_MEMORY,
    },
)
# poll(fd, events, milliseconds) in C, for every wait of this module; see the builder
_poll = lib.butter_poll


def poll_is_replaced() -> bool:
    """Return whether a library has replaced Python's poll by its own.

    gevent does so, to run other greenlets meanwhile.
    """
    return type(select.poll) is not BuiltinFunctionType


def poll(fd: int, events: int, milliseconds: int) -> int:
    """Wait until *fd* is ready for one of *events*.

    Returns a positive number if it is ready, 0 if it is not after *milliseconds*, and
    -1 - errno for a failure. A negative number of *milliseconds* waits for ever.
    """
    if poll_is_replaced():
        replaced = select.poll()
        replaced.register(fd, events)
        return len(replaced.poll(milliseconds))
    return _poll(fd, events, milliseconds)


def check_poll(ready: int) -> None:
    """Raise the error that *ready*, the result of poll, stands for, if there is one.

    A signal that interrupted the poll is not an error.
    """
    if ready != INTERRUPTED:
        POLL.check(ready)


def deadline_of(timeout: float | None, name: str = "timeout") -> float | None:
    """Return the ``time.monotonic()`` at which a wait of *timeout* seconds is over.

    None for a wait without an end. *name* is that of the argument, for sentences.

    Raises TypeError for a timeout that is not a number, ValueError for a negative one.
    """
    if timeout is None:
        return None
    if not isinstance(timeout, (int, float)):
        raise TypeError(f"{name} must be a number of seconds or None, not {type(timeout).__name__}")
    if timeout != timeout:
        raise ValueError(f"{name} is not a number of seconds but NaN")
    if timeout < 0:
        raise ValueError(f"{name} is {timeout}; it must not be negative")
    try:
        return time.monotonic() + timeout
    except OverflowError:
        raise ValueError(f"{name} is larger than a float can hold; None waits for ever") from None


def timed_out(error: type[TimeoutError], timeout: float | None, missing: str = "no event") -> TimeoutError:
    """Return the *error* of a wait of *timeout* seconds that was in vain.

    *missing* says what did not come, as "no event".
    """
    return error(errno.ETIMEDOUT, f"{missing} within {timeout} seconds")


def readable(source: HasFileno, deadline: float | None, events: int = POLLIN) -> bool:
    """Return True as soon as *source* has something to read, False at *deadline*.

    *deadline* is a ``time.monotonic()``; None waits for ever. *events* are those of
    poll; with 0 only the hangup of *source* counts.
    """
    while True:
        left = math.inf if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        milliseconds = math.ceil(left) if left < LONGEST_POLL else LONGEST_POLL
        # looked up last: a handler that runs before poll may close the object
        ready = poll(source.fileno(), events, milliseconds)
        if ready > 0:
            return True
        if ready == 0 and left < LONGEST_POLL:
            return False
        check_poll(ready)
        run_handlers()


class Eventlike(Descriptor, Generic[Event]):
    """A descriptor of events: works with ``select``, ``with`` and ``for``.

    One read takes a batch of events. Those that ``read_event``, ``wait`` and iteration
    do not return at once wait in the object, and ``pending`` says how many there are.
    The descriptor is not readable for events that are in the object already. A program
    that uses ``select`` or ``epoll`` therefore calls ``read_events()``, or
    ``read_event()`` while ``pending``.

    Threads may share an object, which delivers each event once. Threads that share a
    blocking object should use ``read_events()``: a thread already blocked in a read
    does not see the events that ``read_event()`` left in the object. If one thread
    closes the object while another is blocked in a read, the file stays open until that
    read returns; Linux cannot end it.
    """

    # For the awaitable, which reads an object of this class (_source in
    # butter/_awaitables/_queue.py), these members are public: _batch, _read_events()
    # and _check_more(); of Descriptor _fd, _opened, _in_queue, _give_up() and
    # _forgotten(). Signalfd_async uses _restore_surely() too, and Eventfd_async
    # _read_value().

    _batch: deque[Event]
    #: Buffers of reads whose events could not be made; see butter._buffers. A
    #: class whose reads may have several events sets a deque in _init_state.
    _unmade: deque[Any] | tuple[()] = ()

    def _init_state(self) -> None:
        super()._init_state()
        self._batch = deque()

    def _read_events(self) -> list[Event]:
        """Make one read, and return its events.

        Raises BlockingIOError where there is no event and the descriptor is
        non-blocking.

        The list is empty if a signal interrupted the read. Python has then run its
        handlers, and the caller goes on waiting (PEP 475). But a handler may have
        closed the object, or read from it, so the caller has to look again.
        """
        raise NotImplementedError

    def _read_many(self) -> list[Event]:
        """Make the read of ``read_events``, which may be a longer one."""
        return self._read_events()

    def _check_more(self) -> None:
        """Raise NoMoreEvents where no event can come; called before a wait.

        ``_read_events`` raises it too.
        """

    @property
    def pending(self) -> int:
        """How many events were read and not yet taken.

        These events do not make the descriptor readable.
        """
        return len(self._batch) + sum(map(len, self._unmade))

    def read_event(self) -> Event:
        """The next event.

        Waits for one; a non-blocking object raises BlockingIOError instead.

        Raises NoMoreEvents where no event can come any more, ValueError if the object
        is closed.
        """
        batch = self._batch
        while True:
            try:
                return batch.popleft()
            except IndexError:
                pass  # read outside: an error of the read would have this one as its context
            batch.extend(self._read_events())

    def read_events(self) -> list[Event]:
        """The events in the object, or if there are none, the events of one read.

        Waits for at least one event. A non-blocking object returns an empty list when
        nothing is left; until then there may be more to read.

        Raises NoMoreEvents where it would wait and no event can come any more,
        ValueError if the object is closed.
        """
        events: list[Event] = []
        while not events:
            try:
                events = (self._batch and self._take_batch()) or self._read_many()
            except (BlockingIOError, NoMoreEvents):
                # of a blocking object this may be a signal handler's BlockingIOError
                if os.get_blocking(self.fileno()):
                    raise
                break
        return events

    def _take_batch(self, most: int = sys.maxsize) -> list[Event]:
        """Return the events that wait in the object, at most *most*."""
        batch = self._batch
        events: list[Event] = []
        try:
            # One call takes them all: between a popleft and an append of Python's a
            # signal handler may raise, and the event would be lost.
            events.extend(starmap(batch.popleft, repeat((), most)))
        except IndexError:
            pass  # these are all
        except BaseException:
            batch.extendleft(reversed(events))
            raise
        return events

    def wait(self, timeout: float | None = None) -> Event:
        """The next event, waiting at most *timeout* seconds.

        *timeout* is an int or float; None waits for ever, 0 not at all. A non-blocking
        object waits too.

        Raises TimeoutError when no event came in time, NoMoreEvents where no event can
        come any more, ValueError for a negative timeout or a closed object.

        If threads, or a thread and a signal handler, share a blocking object, another
        one may take the event that ended the wait, and the read then goes on waiting:
        give such an object the non-blocking flag.
        """
        deadline = deadline_of(timeout)
        batch = self._batch
        while True:
            try:
                return batch.popleft()
            except IndexError:
                pass
            if self._unmade:
                batch.extend(self._read_events())
                continue
            self._check_more()
            # without a deadline the read of a blocking object waits by itself
            if (deadline is not None or poll_is_replaced()) and not readable(self, deadline):
                # a signal handler, or another thread, may have read meanwhile
                if batch:
                    continue
                raise timed_out(TimeoutError, timeout)
            try:
                batch.extend(self._read_events())
                continue
            except BlockingIOError:
                if os.get_blocking(self.fileno()):
                    raise  # a signal handler's
            if deadline is None:
                readable(self, None)

    def __iter__(self) -> Iterator[Event]:
        """Every event, waiting for each; a non-blocking object waits too.

        The iteration ends where no event can come any more. Leaving the loop loses
        nothing: the next event is still the next one.
        """
        batch = self._batch
        while True:
            try:
                event = self.wait()
            except NoMoreEvents:
                return
            yield event
            # an event may own something, which the program lets go by forgetting it
            del event
            # one at a time, so that the events after it stay for other readers
            while batch:
                try:
                    event = batch.popleft()
                except IndexError:
                    break  # another thread took the last
                yield event
                del event

    def _drop_batch(self) -> None:
        self._batch.clear()
        if self._unmade:
            self._unmade.clear()

    def isatty(self) -> bool:
        """False: no event descriptor is a terminal."""
        return False

    def mode(self) -> str:
        """The abilities of the object, as the ``mode`` of a file.

        ``'r'``, or ``'r+'`` if it can be written as well.
        """
        return "r+" if self.writable() else "r"

    def name(self) -> str:
        """The same as ``repr``."""
        return repr(self)

    def readable(self) -> bool:
        """True: events can be read."""
        return True

    def writable(self) -> bool:
        """Whether the object has a method that writes to its descriptor."""
        return False

    def seekable(self) -> bool:
        """False: each event is read once, in order."""
        return False

    def _not_a_file(self, *args: object) -> None:
        """Raises NotImplementedError: events are not bytes. Use ``read_event``."""
        raise NotImplementedError(f"{type(self).__name__} returns events, not bytes: use read_event()")

    read = readline = readlines = seek = tell = truncate = write = writelines = _not_a_file
