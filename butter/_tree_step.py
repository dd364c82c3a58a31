"""The base of the objects of butter.tree: a step that reads and looks, and a timer."""

from __future__ import annotations

import errno
import math
import os
import time
from _thread import get_ident
from select import POLLIN
from threading import RLock
from typing import TYPE_CHECKING, TypeVar

from butter._inotify import proc_is_mounted
from butter._signals import run_handlers
from butter._tree_alarm import Alarm
from butter._tree_c import lib
from butter._tree_errors import TREE, explained
from butter._tree_events import GRACE
from butter._tree_part import Part, open_into
from butter.eventlike import LONGEST_POLL, Eventlike, check_poll, deadline_of, poll, timed_out

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Iterable
    from typing import Protocol

    from butter._arguments import Path

    class Closes(Protocol):
        """Something that is closed with the object."""

        def close(self) -> None: ...


Event = TypeVar("Event")

#: the bits by which the parts are known that the descriptor is readable for
HINTS, MOUNTS, ALARM = 1, 2, 4
#: how much longer than its timeout a wait may take for what has begun, in seconds
LATE = 0.010
#: when a step that has failed is made again, in seconds
AGAIN = 0.005


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
    _bare = False  # two processes cannot follow one queue

    _alarm: Alarm
    #: the epoll itself, which a step may use while the number of the object is closed
    _epoll: Part
    _torn = False
    _stepping: int | None = None  # the thread that is in a step

    def _init_state(self) -> None:
        super()._init_state()
        self._lock = RLock()
        #: what has a descriptor beside that of the object
        self._parts: list[Closes] = []
        self._epoll = Part()

    def _start(self, path: Path) -> None:
        """Make the descriptor that the program waits for."""
        if not proc_is_mounted():
            TREE.fail(errno.EOPNOTSUPP, path)
        fd = open_into(self, lib.butter_tree_epoll, os.O_CLOEXEC)
        if fd < 0:
            self._fd = None
            TREE.check(fd, path)
        super().__init__(fd)
        self._parts.append(self._epoll)
        explained(path, open_into, self._epoll, os.dup, fd)
        self._alarm = Alarm()
        self._add(self._alarm, POLLIN, ALARM)

    def _add(self, part: Part, events: int, bit: int) -> None:
        """Open a part, and have the descriptor become readable for its *events*."""
        self._parts.append(part)
        part.open()
        TREE.check(lib.butter_tree_wait_for(self._epoll.fileno(), part.fileno(), events, bit))
        # mounts are ready until they are asked about for the first time
        self._ask()

    def _ask(self) -> int:
        """Return the bits of the parts for which the descriptor is readable."""
        return TREE.check(lib.butter_tree_ask(self._epoll.fileno()))

    def _arm(self) -> None:
        """Have the descriptor become readable when a step has something to do."""
        self._alarm.set(self._next_time())

    def _fail(self) -> None:
        """Close what a constructor that raises has opened."""
        self._stepping = None
        if self.closed():
            self._end()
        else:
            self.close()

    def _end(self) -> None:
        """Close all descriptors but the one that the program knows."""
        # A signal handler may raise between two of them: the caller comes again then.
        # A step that is at work uses them, in another thread or in this one, which has
        # called a function of the program; it closes them then. A step that begins
        # now finds the number of the object gone.
        if self._stepping is None:
            with self._lock:
                for part in self._parts:
                    part.close()
                self._parts.clear()

    def _drop_batch(self) -> None:
        super()._drop_batch()
        self._end()

    def _after_fork(self) -> None:
        self._lock, self._stepping = RLock(), None
        super()._after_fork()

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

    def _begun(self) -> float | None:
        """Return the ``time.monotonic()`` since which something waits for a look."""
        when = self._next_time()
        return None if when is None else when - GRACE

    def _is_behind(self, moment: float) -> bool:
        """Return whether something waits for a look since *moment*, or before."""
        with self._lock:
            self.step()
            begun = self._begun()
            return begun is not None and begun <= moment

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
        """Read and look until all is known that was there before the call.

        ``wait`` and iteration then return all changes that were complete before the
        call, and ``pending`` says how many there are. Where nothing changes meanwhile,
        the object is ``quiet``. *timeout* is in seconds; None is without a limit.

        Raises TimeoutError, ValueError if the object is closed.
        """
        deadline = deadline_of(timeout)
        self.step()
        called = time.monotonic()
        while self._is_behind(called):
            if not self._await(deadline):
                raise timed_out(TimeoutError, timeout, "no quiet moment")

    def wait(self, timeout: float | None = None) -> Event:
        """The next change, waiting at most *timeout* seconds.

        *timeout* is an int or float; None waits for ever, 0 not at all. A wait may take
        a hundredth of a second longer, for a change that has begun by then and is not
        known yet, as a file that left its directory and may turn up in another.

        Raises TimeoutError when nothing has changed in time, ValueError for a negative
        timeout or a closed object.
        """
        deadline, last = deadline_of(timeout), 0.0
        while True:
            try:
                return self._batch.popleft()
            except IndexError:
                pass
            self._check_more()
            if self._await(deadline):
                self._step_to_read()
                continue
            self._step_to_read()
            last = last or time.monotonic() + LATE
            if self._batch:
                continue
            if not self._is_due(last):
                raise timed_out(TimeoutError, timeout)
            self._await(last)

    def _is_due(self, moment: float) -> bool:
        """Return whether a step has something to do until *moment*."""
        with self._lock:
            when = self._next_time()
            return when is not None and when <= moment

    def _read_events(self) -> list[Event]:
        # A step puts the changes into the batch itself, where a signal handler that
        # raises cannot lose them; the caller looks there after this.
        if not os.get_blocking(self.fileno()):
            self._step_to_read()
            if not self._batch:
                self._check_more()
                TREE.fail(errno.EAGAIN)
            return []
        self._check_more()
        self._await(None)
        self._step_to_read()
        return []

    def _fill(self, timeout: float | None) -> deque[Event]:
        """Wait until an event is in the batch, at most *timeout* seconds; return it."""
        deadline = deadline_of(timeout)
        while not self._batch and self._await(deadline):
            self._step_to_read()
        return self._batch

    def _await(self, deadline: float | None) -> bool:
        """Wait until a step may have something to do; return False at *deadline*."""
        left = math.inf if deadline is None else (deadline - time.monotonic()) * 1000
        if left <= 0:
            return False
        milliseconds = math.ceil(left) if left < LONGEST_POLL else LONGEST_POLL
        ready = 1 if self._torn else poll(self.fileno(), POLLIN, milliseconds)
        if ready < 0:
            check_poll(ready)
            run_handlers()
        return True

    def _step_to_read(self) -> None:
        """Make a step for a reader, which gets what is known before the error."""
        try:
            self.step()
        except OSError:
            # the next step meets the limit again
            if not self._batch:
                raise

    def step(self) -> None:
        """Read and look as far as that is possible without waiting.

        The changes that were found wait in the object (``pending``).

        Raises ValueError if the object is closed, OSError where a limit is reached.
        """
        if self._stepping == get_ident():
            others = "a signal handler, or a function of exclude or include, cannot read it meanwhile"
            raise RuntimeError(f"{self!r} is being read by this thread: {others}")
        with self._lock:
            try:
                self._stepping = get_ident()
                self.fileno()
                torn, self._torn = self._torn, True
                self._work(torn)
                self._send()
                self._arm()
                self._torn = False
            except OSError:
                self._send()
                raise
            finally:
                self._stepping = None
                if self.closed():
                    self._drop_batch()
                elif self._torn:
                    # the hints are not in the queue any more
                    self._alarm.set(time.monotonic() + AGAIN)
        # it may have been closed meanwhile
        self.fileno()
