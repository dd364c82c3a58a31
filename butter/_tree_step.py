"""The base of the objects of butter.tree: a step that reads and looks, and a timer."""

from __future__ import annotations

import errno
import math
import os
import time
from _thread import get_ident
from select import POLLIN
from threading import RLock
from typing import TYPE_CHECKING, Protocol, TypeVar

from butter._descriptor import ADOPT
from butter._inotify import proc_is_mounted
from butter._signals import run_handlers
from butter._tree_alarm import Alarm
from butter._tree_c import lib
from butter._tree_errors import TREE
from butter.eventlike import LONGEST_POLL, Eventlike, check_poll, deadline_of, poll, timed_out

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Iterable

    class Part(Protocol):
        """Something that is closed with the object."""

        def close(self) -> None: ...

    class Waited(Part, Protocol):
        """A part whose descriptor becomes readable."""

        def fileno(self) -> int: ...


Event = TypeVar("Event")

#: how much longer than its timeout a wait may take for what has begun, in seconds
LATE = 0.1
#: how long such a wait pauses between two looks, in seconds
PAUSE = 0.005


class Steps(Eventlike[Event]):
    """Something that reads hints and looks, in steps, until it is quiet.

    A class has ``_work``, ``_take``, ``_next_time`` and ``_is_quiet``.
    """

    # The descriptor is an epoll over those that hints come from, and a timer for what
    # becomes known without an event. O_NONBLOCK of an epoll descriptor means nothing to
    # the kernel; here it says, as everywhere, whether a read waits.
    #
    # Two threads must not follow the hints at once, so a step holds a lock. A signal
    # handler that reads the object inside a step of its own thread would find it half
    # changed, so it gets an error. A handler that raises there leaves behind what is
    # not known to be dirty any more: the next step is torn, and looks at everything.
    # The object is readable then, because the hints are not in the queue any more.

    _link = "anon_inode:[eventpoll]"

    _alarm: Alarm
    _torn = False
    _stepping: int | None = None  # the thread that is in a step

    def _init_state(self) -> None:
        super()._init_state()
        self._lock = RLock()
        #: what has a descriptor beside that of the object
        self._parts: list[Part] = []

    def _start(self, path: object) -> None:
        """Make the descriptor that the program waits for."""
        if not proc_is_mounted():
            TREE.fail(errno.EOPNOTSUPP, path)
        fd: int = lib.butter_tree_epoll()
        if fd < 0:
            TREE.check(fd, path)
        super().__init__(fd)

    def _wait_for(self, *parts: tuple[Waited, int]) -> None:
        """Have the descriptor become readable for all that there is to wait for.

        Each of *parts* has the events of poll with it.
        """
        self._alarm = alarm = Alarm()
        self._parts.append(alarm)
        for part, events in (*parts, (alarm, POLLIN)):
            TREE.check(lib.butter_tree_wait_for(self.fileno(), part.fileno(), events))
        alarm.set(self._next_time())

    def _fail(self) -> None:
        """Close what a constructor that raises has opened."""
        if not self.closed():
            self.close()

    def _end(self) -> None:
        """Close all descriptors but the one that the program knows."""
        # A signal handler may raise between two of them: the caller comes again then.
        for part in self._parts:
            part.close()
        self._parts.clear()

    def _drop_batch(self) -> None:
        super()._drop_batch()
        self._end()

    def _after_fork(self) -> None:
        # two processes cannot follow one queue
        self._lock, self._stepping = RLock(), None
        fd, self._fd = self._fd, None
        super()._after_fork()
        if fd is not None:
            os.close(fd)

    def _adopted(self, fd: int) -> None:
        other = f"a descriptor, and {type(self).__name__} consists of more than that"
        ADOPT.fail(errno.EINVAL, fd=fd, kind=self._kind, other=other)

    # the parts of a step

    def _work(self, torn: bool) -> None:
        """Read the hints that are there, and look, at everything if *torn*."""
        raise NotImplementedError

    def _take(self) -> Iterable[Event]:
        """Return the events that were found, and forget them at the very end."""
        raise NotImplementedError

    def _send(self) -> None:
        """Put the events that were found into the batch."""
        self._batch.extend(self._take())

    def _next_time(self) -> float | None:
        """Return the ``time.monotonic()`` at which a step has something to do."""
        raise NotImplementedError

    def _is_quiet(self) -> bool:
        """Return whether nothing that was read is left to be looked at."""
        raise NotImplementedError

    @property
    def quiet(self) -> bool:
        """Whether nothing is left to be read and looked at.

        The changes may still wait in the object (``pending``).

        Raises ValueError if the object is closed.
        """
        with self._lock:
            self.step()
            return self._is_quiet()

    def sync(self, timeout: float | None = None) -> None:
        """Read and look until the object is quiet.

        ``wait`` and iteration then return all changes that were complete before the
        call, and ``pending`` says how many there are. *timeout* is in seconds; None is
        without a limit, though what never pauses is never quiet.

        Raises TimeoutError, ValueError if the object is closed.
        """
        deadline = deadline_of(timeout)
        while not self.quiet:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise timed_out(TimeoutError, timeout, "no quiet moment")
            self._await(-1 if left is None else int(left * 1000) + 1)

    def wait(self, timeout: float | None = None) -> Event:
        """The next change, waiting at most *timeout* seconds.

        *timeout* is an int or float; None waits for ever, 0 not at all. A wait may take
        a tenth of a second longer, for a change that has begun and is not known yet.

        Raises TimeoutError when nothing has changed in time, ValueError for a negative
        timeout or a closed object.
        """
        deadline = deadline_of(timeout)
        try:
            return super().wait(timeout)
        except TimeoutError:
            while deadline is not None and not self.quiet and time.monotonic() < deadline + LATE:
                try:
                    return super().wait(PAUSE)
                except TimeoutError:
                    pass
            try:
                # the last look may have found a change
                return self._batch.popleft()
            except IndexError:
                pass
            raise

    def _read_events(self) -> list[Event]:
        # A step puts the changes into the batch itself, where a signal handler that
        # raises cannot lose them; the caller looks there after this.
        if not os.get_blocking(self.fileno()):
            self.step()
            if not self._batch:
                self._check_more()
                TREE.fail(errno.EAGAIN)
            return []
        self._check_more()
        if self._await(-1):
            self.step()
        return []

    def _fill(self, timeout: float | None) -> deque[Event]:
        """Wait until an event is in the batch, at most *timeout* seconds; return it."""
        deadline = deadline_of(timeout)
        while not self._batch:
            left = math.inf if deadline is None else deadline - time.monotonic()
            if left <= 0:
                break
            self._await(min(math.ceil(left * 1000), LONGEST_POLL) if left < math.inf else -1)
            self.step()
        return self._batch

    def _await(self, milliseconds: int) -> bool:
        """Wait until there is something to do, and return whether no signal came."""
        ready = 1 if self._torn else poll(self.fileno(), POLLIN, milliseconds)
        if ready < 0:
            check_poll(ready)
            run_handlers()
        return ready >= 0

    def step(self) -> None:
        """Read and look as far as that is possible without waiting.

        The changes that were found wait in the object (``pending``).

        Raises ValueError if the object is closed, OSError where a limit is reached.
        """
        if self._stepping == get_ident():
            others = "a signal handler, or a function of exclude or include, cannot read it meanwhile"
            raise RuntimeError(f"{self!r} is being read by this thread: {others}")
        with self._lock:
            self.fileno()
            try:
                self._stepping = get_ident()
                torn, self._torn = self._torn, True
                self._work(torn)
                self._send()
                self._alarm.set(self._next_time())
                self._torn = False
            except BaseException:
                if self._torn and not self.closed():
                    self._alarm.set(time.monotonic() + PAUSE)
                raise
            finally:
                self._stepping = None
