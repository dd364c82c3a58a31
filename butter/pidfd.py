"""Processes without races: objects and calls for :manpage:`pidfd_open(2)`."""

from __future__ import annotations

import os
import signal
import time
from math import inf
from typing import TYPE_CHECKING

from butter._arguments import CLOEXEC_DEFAULT
from butter._constants import pidfd as _constants
from butter._constants.pidfd import *  # noqa: F403
from butter._descriptor import Descriptor, tell_of_forks
from butter._pidfd import (
    LINK,
    NOT_A_CHILD,
    SI_QUEUE,
    ProcessInfo,
    Siginfo,
    Waited,
    kept_code,
    look_at_child,
    number_of,
    pidfd_get_info,
    pidfd_get_namespace,
    pidfd_getfd,
    pidfd_open,
    pidfd_send_signal,
    reap_child,
    waitid,
)
from butter.eventlike import deadline_of, readable, timed_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from butter._descriptor import Owner

__all__ = [
    "Pidfd",
    "ProcessInfo",
    "Siginfo",
    "Waited",
    "pidfd_get_info",
    "pidfd_get_namespace",
    "pidfd_getfd",
    "pidfd_open",
    "pidfd_send_signal",
    "waitid",
]
__all__ += _constants.__all__

#: what a wait that was in vain says
NOT_ENDED = "the process has not ended"

# The shortest and the longest time in seconds until the next look at a process that has
# ended and whose exit code is not to be had yet; subprocess looks as often.
SOON, LATE = 0.0005, 0.05


class _LeftBehind:
    """The children whose objects the program has forgotten, until they are reaped.

    A finaliser must not wait, so the next Pidfd that is made reaps them, as the next
    :class:`subprocess.Popen` does for its own.
    """

    def __init__(self) -> None:
        self._pidfds: list[int] = []
        tell_of_forks(self)

    def add(self, fd: int) -> None:
        self._pidfds.append(os.dup(fd))

    def reap(self) -> None:
        running = []
        try:
            while self._pidfds:
                running.append(self._pidfds.pop())
                if not reap_child(running[-1]):
                    os.close(running.pop())
        except IndexError:
            pass  # another thread took the last one
        finally:
            self._pidfds += running

    def _after_fork(self) -> None:
        # the children are the parent's
        while self._pidfds:
            os.close(self._pidfds.pop())


_left_behind = _LeftBehind()


class Pidfd(Descriptor):
    """``Pidfd(pid, flags=0, closefd=True)``: a process, whatever becomes of its number.

    ::

        with Pidfd(os.posix_spawn("/bin/sleep", ["sleep", "60"], {})) as process:
            process.terminate()
            print(process.wait())  # -15

    *pid* is the number of a process, *flags* are PidfdOpen's: with ``PIDFD_THREAD`` it
    may be a thread, which has no exit code to wait for before Linux 6.15. *closefd*
    keeps the descriptor from programs that the process executes.

    The object is readable once the process has ended, also for ``select`` and
    ``epoll``. The end is not an event that one reader takes, but a state: each
    :meth:`wait` of each thread returns the same exit code. It is that of
    :mod:`subprocess`: the exit status, or the negative number of the signal that killed
    the process.

    A child is reaped by the first :meth:`wait` or :meth:`poll` that finds it ended. So
    a child of :mod:`subprocess`, :mod:`asyncio` or :mod:`multiprocessing` should be
    waited for there: the second of two that wait for it does not find a child, and
    those modules then take its exit code for another one.

    The exit code of a process that is not a child of this one, and of a child that
    another call has waited for, is known from Linux 6.15 on, once the process was
    reaped. Where it is not known a wait raises ChildProcessError, and never guesses.

    Closing the object does nothing to the process, and leaves it to the program to wait
    for a child. An object of a child that the program forgets warns, as every object
    does, and the child is reaped when the next Pidfd is made. A forked child may use
    the object, but the process is not its child.

    Raises what :func:`pidfd_open` does.

    Linux 5.4, :manpage:`pidfd_open(2)`.
    """

    _kind = "a pidfd"
    _link = LINK

    _pid: int | None = None
    _code: int | None = None
    _child = False  # a child that was not reaped yet

    def __init__(self, pid: int, flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> None:
        _left_behind.reap()
        super().__init__(pidfd_open(pid, flags, closefd))
        self._pid = pid
        try:
            self._child = look_at_child(self.fileno()) != NOT_A_CHILD
        except BaseException:
            self.close()
            raise

    def _adopted(self, fd: int) -> None:
        _left_behind.reap()
        number = number_of(fd) or 0
        self._pid = number if number > 0 else None
        self._child = look_at_child(fd) != NOT_A_CHILD

    def __repr__(self) -> str:
        ended = "" if self._code is None else f" returncode={self._code}"
        return f"{super().__repr__()[:-1]} pid={self._pid}{ended}>"

    @property
    def pid(self) -> int | None:
        """The number that the process had when the object was made.

        Once the process was reaped another one may get it. None if an adopted
        descriptor did not tell it.
        """
        return self._pid

    @property
    def returncode(self) -> int | None:
        """The exit code, if a :meth:`wait` or :meth:`poll` has learned it, or None.

        It stays when the object is closed.
        """
        return self._code

    def poll(self) -> int | None:
        """The exit code of a process that has ended, None while it runs; does not wait.

        A child that has ended is reaped. For a process that is not a child of this one
        the code comes when its parent has reaped it.

        Raises ChildProcessError if the process has ended and its exit code is not
        known, ValueError if the object is closed.
        """
        fd = self.fileno()
        if self._code is None:
            found = look_at_child(fd)
            if found > 0:
                self._code = found - 256
            # a thread, or a signal handler, may have reaped it before this look
            elif found == NOT_A_CHILD and self._code is None and readable(self, 0):
                code = kept_code(fd)
                if code is not None:
                    self._code = code
        if self._child and self._code is not None:
            # only now that its code is kept, so that no handler or thread loses it
            reap_child(fd)
            self._child = False
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """The exit code of the process, waiting for its end at most *timeout* seconds.

        *timeout* is an int or float; None waits for ever, 0 not at all. A child is
        reaped. For a process that is not a child of this one the wait ends when its
        parent has reaped it.

        Raises TimeoutError if the process has not ended in time, ChildProcessError if
        its exit code is not known, ValueError for a negative timeout or a closed
        object.
        """
        deadline = deadline_of(timeout)
        delay = 0.0
        while (code := self.poll()) is None:
            if not delay:
                in_time = readable(self, deadline)
                delay = SOON
            else:
                # Another process's child is reaped by its parent, and a traced one
                # first by its tracer. The first makes the pidfd hang up.
                now = time.monotonic()
                readable(self, min(now + delay, inf if deadline is None else deadline), 0)
                in_time = deadline is None or now < deadline
                delay = min(2 * delay, LATE)
            if not in_time:
                raise timed_out(TimeoutError, timeout, NOT_ENDED)
        return code

    def send_signal(self, signal: int, value: int | None = None, flags: int = 0) -> None:
        """Send *signal* to the process, and never to another that has its number.

        *value* is sent with it, as :manpage:`sigqueue(3)` does; it has 64 bits, and
        receivers see it as ``ssi_ptr`` and ``ssi_int``. *flags* are one of
        PidfdSignal's: the scope. A signal of 0 only looks for the process.

        Raises ProcessLookupError if the process has ended and was reaped, and with
        ``PIDFD_SIGNAL_PROCESS_GROUP`` also if it does not lead a process group;
        ValueError if the object is closed, and what else :func:`pidfd_send_signal`
        does.
        """
        info = None if value is None else Siginfo(signal, SI_QUEUE, os.getpid(), os.getuid(), value)
        pidfd_send_signal(self.fileno(), signal, info, flags)

    def terminate(self) -> None:
        """Send SIGTERM. Raises what :meth:`send_signal` does."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL. Raises what :meth:`send_signal` does."""
        self.send_signal(signal.SIGKILL)

    def info(self, mask: int = 0) -> ProcessInfo:
        """The facts that the kernel has: numbers, users, groups, control group.

        *mask* are bits of PidfdInfo for what is not always returned.

        Raises what :func:`pidfd_get_info` does, ValueError if the object is closed.

        Linux 6.13.
        """
        return pidfd_get_info(self.fileno(), mask)

    def getfd(self, targetfd: int, closefd: bool = CLOEXEC_DEFAULT) -> int:
        """A duplicate of the descriptor *targetfd* of the process, as a number.

        The caller closes it. Both descriptors share one open file and its position.

        Raises what :func:`pidfd_getfd` does, ValueError if the object is closed.

        Linux 5.6.
        """
        return pidfd_getfd(self.fileno(), targetfd, 0, closefd)

    def namespace(self, kind: int, closefd: bool = CLOEXEC_DEFAULT) -> int:
        """A descriptor of a namespace of the process, as a number.

        The caller closes it. *kind* is a PidfdNamespace, as
        ``PIDFD_GET_NET_NAMESPACE``.

        Raises what :func:`pidfd_get_namespace` does, ValueError if the object is
        closed.

        Linux 6.11.
        """
        return pidfd_get_namespace(self.fileno(), kind, closefd)

    def _forgotten(self, fd: int, owner: Owner, warn: Any, close: Callable[[int], object]) -> None:
        try:
            self._leave_child(fd)
        finally:
            super()._forgotten(fd, owner, warn, close)

    def _leave_child(self, fd: int) -> None:
        """Reap a child, or leave it to the next Pidfd while it runs."""
        try:
            # another call may have reaped it, which is not known before Linux 6.15
            if self._child and reap_child(fd):
                _left_behind.add(fd)
        except OSError:
            pass  # there is no descriptor left, and the child stays a zombie

    def _after_fork(self) -> None:
        super()._after_fork()
        self._child = False
