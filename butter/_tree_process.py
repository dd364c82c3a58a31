"""The process behind a change, and its pidfd, which the changes share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from butter._descriptor import tell_of_forks
from butter.pidfd import Pidfd

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from butter._descriptor import Owner
    from butter._fanotify_event import FanotifyEvent
    from butter._fanotify_read import Columns


class Process(NamedTuple):
    """``Process(pid, pidfd)``: the process behind a change."""

    #: its number when it made the change; another process may have the number by now
    pid: int
    #: the process itself, only with ``pidfd=True``; None if it had ended before the
    #: event was read, or the kernel could not make one
    pidfd: Pidfd | None = None

    def __deepcopy__(self, memo: Any) -> Process:
        # it does not change, and a Pidfd cannot be copied
        return self


class _Read:
    """A read, whose buffer owns all descriptors while its events are being made."""

    making = True


class SharedPidfd(Pidfd):
    """The pidfd of a process that changes share, closed when the last is forgotten.

    A program cannot know which change that is, so nothing warns.
    """

    _read: _Read

    @classmethod
    def of(cls, number: int, read: _Read) -> SharedPidfd:
        """Return the object that owns *number* once the read has ended."""
        made = cls.__new__(cls)
        made._read = read
        made._fd = made._opened = number
        return made

    def learn(self, number: int) -> None:
        """Read the number of the process, before the program has the object."""
        self._adopted(number)
        tell_of_forks(self)

    def is_same(self, pid: int) -> bool:
        """Return whether this process has had the number *pid* until now.

        The number of a process is free when it was reaped, and not before.
        """
        try:
            self.send_signal(0)
        except (OSError, ValueError):
            return False
        return self._pid == pid

    def _forgotten(self, fd: int, owner: Owner, warn: Any, close: Callable[[int], object]) -> None:
        if not self._read.making:
            # a child that made a change is not butter's to be reaped
            self._child = False
            super()._forgotten(fd, owner, lambda *_, **__: None, close)


class Processes:
    """Knows the processes of events; the changes of a burst have one Process."""

    def __init__(self) -> None:
        #: that of the last event
        self._last = Process(0)
        self._spare: list[SharedPidfd] = []

    def of(self, event: FanotifyEvent) -> Process | None:
        """Return the process of an event without a pidfd."""
        pid = event.pid
        if pid != self._last.pid:
            self._last = Process(pid)
        return self._last if pid else None

    def made(self, columns: Columns) -> list[tuple[FanotifyEvent, Process | None]]:
        """Return the events of a read, with processes that have pidfds."""
        events, read, last = columns.events(), _Read(), self._last
        found, spare = [], []
        for event, number in zip(events, list(columns.pidfds[0 : len(events)])):
            pid = event.pid
            if number < 0:
                last = Process(pid)
            else:
                made = SharedPidfd.of(number, read)
                known = last.pidfd
                if isinstance(known, SharedPidfd) and last.pid == pid and known.is_same(pid):
                    spare.append(made)
                else:
                    made.learn(number)
                    last = Process(pid, made)
            found.append((event, last if pid else None))
        # From here on the objects own the descriptors, and the buffer does not. No
        # handler runs between these stores.
        columns.struct.count, read.making, self._last, self._spare = 0, False, last, spare
        return found

    def close_spare(self) -> None:
        """Close the pidfds of processes that had one already."""
        while self._spare:
            self._spare.pop().close()

    def forget(self) -> None:
        """Leave the pidfd of the last process to its changes."""
        self.close_spare()
        self._last = Process(0)
