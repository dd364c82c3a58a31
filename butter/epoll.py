"""Waiting for many descriptors: objects and calls for :manpage:`epoll(7)`."""

from __future__ import annotations

import selectors
import time
from collections import deque
from collections.abc import Mapping
from selectors import EVENT_READ, EVENT_WRITE, SelectorKey
from typing import TYPE_CHECKING, Any

from butter._arguments import CLOEXEC_DEFAULT, fileno, integer
from butter._constants import epoll as _constants
from butter._constants.epoll import *  # noqa: F403
from butter._constants.epoll import EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLIN, EPOLLOUT, EPOLLPRI
from butter._epoll import (
    AS_FLAGGED,
    FOR_EVER,
    ROOM,
    EpollEvent,
    EpollParams,
    Events,
    epoll_create1,
    epoll_ctl,
    epoll_get_params,
    epoll_pwait,
    epoll_pwait2,
    epoll_set_params,
    epoll_wait,
    nanoseconds,
    read_few,
    reader,
)
from butter._epoll_errors import LINK, MOST
from butter.eventlike import Eventlike, deadline_of, poll_is_replaced, readable, timed_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Self

    from butter._arguments import FileDescriptor

__all__ = [
    "Epoll",
    "EpollEvent",
    "EpollParams",
    "EpollSelector",
    "epoll_create1",
    "epoll_ctl",
    "epoll_get_params",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_set_params",
    "epoll_wait",
]
__all__ += _constants.__all__

# How many events an object reads at most to return them one by one. Each of those that
# wait may be dropped, for which it is looked for; and other threads get their share.
_FEW = 64


class Epoll(Eventlike[EpollEvent]):
    """``Epoll(flags=0, closefd=True)``: waits for many descriptors at once.

    Its events are EpollEvents, each with a descriptor that is ready and what it is
    ready for. ::

        with Epoll() as epoll:
            epoll.register(server, EPOLLIN)
            for fd, events in epoll:
                ...

    *flags* are EpollInit's; *closefd* keeps the descriptor from programs that the
    process executes. ``os.set_blocking(epoll.fileno(), False)`` makes it non-blocking.

    A descriptor that stays ready comes with each read again, unless it was registered
    with ``EPOLLET`` or ``EPOLLONESHOT``. Events that wait in the object do not come any
    more once their descriptor is unregistered, modified or registered anew: so a
    program that closes a connection unregisters it first, and does not meet it again.
    (The call :func:`epoll_ctl` knows nothing of the object, and drops no event.)
    ``poll`` returns pairs as ``select.epoll.poll`` does, and ``register``, ``modify``,
    ``unregister`` and ``fromfd`` are those of :func:`select.epoll`, too.

    A forked child shares the registrations with its parent, and a change of one is that
    of both.

    Raises what :func:`epoll_create1` does.

    Linux 2.6.27, :manpage:`epoll(7)`.
    """

    _kind = "an epoll descriptor"
    _link = LINK

    def __init__(self, flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> None:
        super().__init__(epoll_create1(flags, closefd))

    def _init_state(self) -> None:
        super()._init_state()
        self._unmade: deque[Events] = deque()
        # how many descriptors were unregistered, and which of them each number was
        self._ended = 0
        self._gone: dict[int, int] = {}

    @classmethod
    def fromfd(cls, fd: FileDescriptor) -> Self:
        """The same as ``adopt``: an object for an epoll descriptor that exists."""
        return cls.adopt(fd)

    def register(self, fd: FileDescriptor, eventmask: int = EPOLLIN | EPOLLPRI | EPOLLOUT) -> None:
        """Wait for events of *fd*, an int or anything with ``fileno()``.

        *eventmask* is a combination of EpollMask's; ``EPOLLERR`` and ``EPOLLHUP`` are
        always waited for.

        Raises FileExistsError if *fd* is registered already, PermissionError for a file
        that is always ready, and what :func:`epoll_ctl` does; ValueError if the object
        is closed.
        """
        number = fileno(fd)
        self._gone.pop(number, None)
        self._change(EPOLL_CTL_ADD, number, eventmask)

    def modify(self, fd: FileDescriptor, eventmask: int) -> None:
        """Wait for other events of *fd*, which is registered.

        An event of *fd* that was read, and not yet taken, is dropped: the next read
        returns what is true then.

        Raises FileNotFoundError if *fd* is not registered, and what :func:`epoll_ctl`
        does; ValueError if the object is closed.
        """
        self._change(EPOLL_CTL_MOD, fd if fd.__class__ is int else fileno(fd), eventmask)

    def _change(self, op: int, fd: int, eventmask: int) -> None:
        """Have the kernel do *op*, and drop the events of *fd* that were read before.

        They stay where the kernel refuses. They are dropped first: afterwards another
        thread may read the first event of the changed registration, which is the only
        one with EPOLLONESHOT. Hence an event that another thread is just reading is
        kept too, though it may be an old one.
        """
        stale = self._waiting(fd) if self._batch or self._unmade else None
        if not stale:
            epoll_ctl(self.fileno(), op, fd, eventmask)
            return
        try:
            self._drop(stale)
            epoll_ctl(self.fileno(), op, fd, eventmask)
        except BaseException:
            self._batch.extendleft(event for event in reversed(stale) if event not in self._batch)
            raise

    def unregister(self, fd: FileDescriptor) -> None:
        """Wait for *fd* no longer, and drop its events that were read.

        Raises FileNotFoundError if *fd* is not registered, and what :func:`epoll_ctl`
        does; ValueError if the object is closed.
        """
        number = fileno(fd)
        try:
            epoll_ctl(self.fileno(), EPOLL_CTL_DEL, number)
        finally:
            # where fd is closed already, the kernel has forgotten it by itself
            self._ended += 1
            self._gone[number] = self._ended
            if self._batch or self._unmade:
                self._drop(self._waiting(number))

    def _waiting(self, fd: int) -> list[EpollEvent]:
        """Return the events of *fd* that wait in the object."""
        batch = self._batch
        while self._unmade:
            batch.extend(reader(ROOM).resume(Events.made, self._unmade))
        return [event for event in batch.copy() if event[0] == fd]

    def _drop(self, events: list[EpollEvent]) -> None:
        for event in events:
            try:
                # one step, though another thread may be taking events meanwhile
                self._batch.remove(event)
            except (ValueError, IndexError):
                pass  # another thread took it

    def _registered(self, events: list[EpollEvent], since: int) -> list[EpollEvent]:
        """Return those *events* whose descriptor was not unregistered meanwhile.

        *since* is what ``_ended`` was before it.
        """
        return [event for event in events if self._gone.get(event[0], 0) <= since]

    def _read_events(self, most: int = _FEW) -> list[EpollEvent]:
        since = self._ended
        events = read_few(self.fileno(), Events.made, self._unmade, most, AS_FLAGGED)
        # no function of Python begins here, where a handler could raise and lose them
        return events if since == self._ended else self._registered(events, since)

    def _read_many(self) -> list[EpollEvent]:
        return self._read_events(ROOM)

    def poll(self, timeout: float | None = FOR_EVER, maxevents: int = -1) -> list[tuple[int, int]]:
        """The descriptors that are ready, as pairs of a number and its events.

        *timeout* is in seconds, and counts to the nanosecond (before Linux 5.11 to the
        millisecond); None or a negative number waits for ever. *maxevents* is the
        longest list, by default 1024. Events that wait in the object are returned
        first. The list is empty when the time is over.

        Raises ValueError for another *maxevents*, and if the object is closed;
        TypeError for a timeout that is not a number.
        """
        # the arguments that programs use most need no look at their type
        if maxevents == -1 and maxevents.__class__ is int:
            most = ROOM
        elif (most := min(integer(maxevents, -32, "maxevents"), MOST)) < 1:
            raise ValueError(f"maxevents is {maxevents}; it must be positive, or -1")
        limit = timeout if timeout.__class__ is int and FOR_EVER <= timeout <= 0 else nanoseconds(timeout)
        return self._waited(Events.pairs, limit, most)

    def _waited(self, make: Callable[[Events], list[Any]], timeout: int, most: int) -> list[Any]:
        """Return what *make* makes of the events of a read, at most *most* events.

        The *timeout* is in nanoseconds. Events that wait in the object come as they
        are. The list is empty when the time is over.
        """
        unmade = self._unmade
        read = read_few if most <= ROOM else reader(most).read
        if timeout <= 0 and not (self._batch or unmade or (timeout and poll_is_replaced())):
            # the short way of most calls
            found: list[Any] = read(self.fileno(), make, unmade, most, timeout)
            if found or not timeout:
                return found
        end = time.monotonic_ns() + timeout
        left = timeout
        while True:
            if unmade:
                self._batch.extend(reader(ROOM).resume(Events.made, unmade))
            if self._batch and (found := self._take_batch(most)):
                return found
            if left and poll_is_replaced():
                readable(self, None if left < 0 else time.monotonic() + left / 1e9)
                found = read(self.fileno(), make, unmade, most, 0)
            else:
                found = read(self.fileno(), make, unmade, most, left)
            # after a signal the wait goes on, and a handler may have read events
            if found or not left:
                return found
            if timeout > 0:
                left = max(0, end - time.monotonic_ns())

    def wait(self, timeout: float | None = None) -> EpollEvent:
        """The next event, waiting at most *timeout* seconds.

        *timeout* is an int or float; None waits for ever, 0 not at all. A non-blocking
        object waits too.

        Raises TimeoutError when no event came in time, ValueError for a negative
        timeout or a closed object.
        """
        # The file may have been used by another thread before this reads what made the
        # descriptor readable: so the read itself has the timeout.
        deadline_of(timeout)
        batch = self._batch
        left = limit = nanoseconds(timeout)
        end = time.monotonic_ns() + limit
        over = False
        while True:
            try:
                return batch.popleft()
            except IndexError:
                pass  # another thread may take all that this has read
            if over:
                raise timed_out(TimeoutError, timeout)
            since = self._ended
            events = self._waited(Events.made, left, _FEW)
            batch.extend(events if since == self._ended else self._registered(events, since))
            over = not (events and left)
            if limit > 0:
                left = max(0, end - time.monotonic_ns())

    @property
    def params(self) -> EpollParams:
        """The parameters of busy polling, which can be set (Linux 6.9).

        Raises what :func:`epoll_get_params` and :func:`epoll_set_params` do, and
        ValueError if the object is closed.
        """
        return epoll_get_params(self.fileno())

    @params.setter
    def params(self, params: EpollParams) -> None:
        epoll_set_params(self.fileno(), params)


# the events that are for a reader, and for a writer: an error or a hangup is for both
_READER, _WRITER = ~int(EPOLLOUT), ~int(EPOLLIN)


class _Keys(Mapping[Any, SelectorKey]):
    """The keys of a selector, by the files that were registered."""

    def __init__(self, selector: EpollSelector) -> None:
        self._selector = selector

    def __len__(self) -> int:
        return len(self._selector._keys)

    def __getitem__(self, fileobj: Any) -> SelectorKey:
        return self._selector._key(fileobj)

    def __iter__(self) -> Iterator[int]:
        return iter(self._selector._keys)


def _number(fileobj: Any) -> int:
    """Return the number of a file that a selector is asked about.

    Raises ValueError for anything without one, as the selectors of Python do.
    """
    try:
        number = int(fileobj if isinstance(fileobj, int) else fileobj.fileno())
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"fd must be an int or have fileno(), not {fileobj!r}: {error}") from None
    if number < 0:
        raise ValueError(f"fd is {number}; it must not be negative")
    return number


class EpollSelector(selectors.BaseSelector):
    """``EpollSelector()``: an Epoll as a selector of :mod:`selectors`.

    asyncio takes it, and then waits to the nanosecond instead of the millisecond::

        loop = asyncio.SelectorEventLoop(EpollSelector())

    It does what :class:`selectors.EpollSelector` does, and ``fileno()`` is the
    descriptor of its Epoll.

    Raises what :class:`Epoll` does.
    """

    def __init__(self) -> None:
        self._keys: dict[int, SelectorKey] = {}
        self._map: _Keys | None = _Keys(self)
        self._epoll = Epoll()

    def fileno(self) -> int:
        """The number of the descriptor. Raises ValueError if the selector is closed."""
        return self._epoll.fileno()

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        """Wait for *events* of a file, and return its SelectorKey.

        *fileobj* is an int or anything with ``fileno()``, *events* are EVENT_READ,
        EVENT_WRITE or both; *data* comes with each event.

        Raises KeyError if the file is registered already, ValueError for other
        *events* or if *fileobj* is not a file, and what :meth:`Epoll.register` does.
        """
        mask = _mask(events)
        fd = _number(fileobj)
        if fd in self._keys:
            raise KeyError(f"{fileobj!r} (descriptor {fd}) is registered already")
        self._keys[fd] = key = SelectorKey(fileobj, fd, events, data)
        try:
            try:
                self._epoll.register(fd, mask)
            except FileExistsError:
                # a register whose end a signal handler kept from running left it there
                self._epoll.modify(fd, mask)
        except BaseException:
            self.unregister(fd)
            raise
        return key

    def unregister(self, fileobj: Any) -> SelectorKey:
        """Wait for a file no longer, and return the SelectorKey that it had.

        Raises KeyError if the file is not registered, ValueError if *fileobj* is not a
        file.
        """
        key = self._key(fileobj)
        # A signal handler may raise between the two steps. A file without a key would
        # come with each select, and could not be unregistered.
        try:
            self._epoll.unregister(key.fd)
        except (OSError, ValueError):
            pass  # the file is closed, which the kernel forgets, or the selector is
        self._keys.pop(key.fd, None)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        """Change the *events* and the *data* of a file, and return its new SelectorKey.

        Raises KeyError if the file is not registered, ValueError for other *events* or
        if *fileobj* is not a file, and what :meth:`Epoll.modify` does; the file is then
        not registered any more.
        """
        key = self._key(fileobj)
        if events != key.events:
            mask = _mask(events)
            try:
                self._epoll.modify(key.fd, mask)
            except BaseException:
                self.unregister(fileobj)
                raise
        self._keys[key.fd] = key = SelectorKey(key.fileobj, key.fd, events, data)
        return key

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """The files that are ready: pairs of a SelectorKey and the events.

        *timeout* is in seconds. None waits for ever, a timeout that is not positive not
        at all; the list is empty when the time is over. A signal handler that raises
        ends the wait.
        """
        keys = self._keys
        limit = FOR_EVER if timeout is None else nanoseconds(timeout) if timeout > 0 else 0
        ready = []
        for fd, mask in self._epoll._waited(Events.pairs, limit, len(keys) or 1):
            key = keys.get(fd)
            if key is not None:
                events = (EVENT_READ if mask & _READER else 0) | (EVENT_WRITE if mask & _WRITER else 0)
                ready.append((key, events & key.events))
        return ready

    def close(self) -> None:
        """Close the selector; a second close does nothing."""
        if not self._epoll.closed():
            self._epoll.close()
        self._keys.clear()
        self._map = None

    def get_key(self, fileobj: Any) -> SelectorKey:
        """The SelectorKey of a file.

        Raises KeyError if the file is not registered, ValueError if *fileobj* is not a
        file, RuntimeError if the selector is closed.
        """
        if self._map is None:
            raise RuntimeError("the selector is closed")
        return self._key(fileobj)

    def get_map(self) -> Mapping[Any, SelectorKey]:
        """The SelectorKeys by file; None if the selector is closed."""
        return self._map  # type: ignore[return-value]

    def _key(self, fileobj: Any) -> SelectorKey:
        """Return the SelectorKey of a file, which may be closed.

        Raises KeyError if the file is not registered, ValueError if *fileobj* is not a
        file.
        """
        try:
            key = self._keys.get(_number(fileobj))
        except ValueError:
            # an object without a number any more
            key = next((each for each in self._keys.values() if each.fileobj is fileobj), None)
            if key is None:
                raise
        if key is None:
            raise KeyError(f"{fileobj!r} is not registered")
        return key


def _mask(events: int) -> int:
    """Return the events of a selector as EpollMask's.

    Raises ValueError for others.
    """
    if not events or events & ~(EVENT_READ | EVENT_WRITE):
        raise ValueError(f"events are {events!r}; they must be EVENT_READ, EVENT_WRITE or both")
    return (EPOLLIN if events & EVENT_READ else 0) | (EPOLLOUT if events & EVENT_WRITE else 0)
