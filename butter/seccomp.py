"""Filters of system calls: objects and calls for :manpage:`seccomp(2)`."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING

from butter._arguments import integer
from butter._constants.seccomp import SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_SET_MODE_FILTER
from butter._constants.seccomp_listener import *  # noqa: F403
from butter._constants.seccomp_listener import SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
from butter._seccomp import seccomp
from butter._seccomp_listener import Answers, Received, read_events, set_flags
from butter._seccomp_listener_errors import CallGone as CallGone
from butter._seccomp_notification import Notification
from butter.errors import NoMoreEvents
from butter.eventlike import Eventlike
from butter.pidfd import Pidfd

if TYPE_CHECKING:
    from typing import Protocol

    class HasProgram(Protocol):
        def program(self) -> bytes: ...


Notification._pidfd_class = Pidfd


class Listener(Eventlike[Notification]):
    """``Listener(filter, flags=0, *, sync_wake_up=False)``: answers system calls.

    The constructor loads *filter*, a :class:`Filter`, in front of this thread, as
    :meth:`Filter.listen` does; the object gets the calls for which the filter has the
    action NOTIFY, of this thread and of those threads and processes that it starts
    later. They wait until they are answered, so another thread or process answers: one
    that is not under the filter, or does not make these calls. ::

        listener = Filter(ALLOW).add("mkdir", NOTIFY).listen()
        child = subprocess.Popen(["make", "install"])
        for notification in listener:
            print(notification.read_path(notification.arguments[0]))
            notification.fail(errno.EROFS)

    *flags* are SeccompFlag's. With ``SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV`` (Linux
    5.19) a signal does not interrupt a call once its notification was read, unless it
    kills the task. *sync_wake_up* lets the two sides run on one processor (Linux 6.6):
    that is faster where one waits while the other works.

    A child that is to be fenced alone loads the filter, and sends the descriptor to its
    parent by :func:`socket.send_fds`: the filter has to allow that. The parent has an
    object by :meth:`adopt`. An iteration ends, and a wait raises NoMoreEvents, when no
    task is left under the filter.

    Calls that nothing has read when the object is closed, and all later ones, fail with
    ENOSYS. As long as another process has the descriptor, they wait for that one. A
    forked child closes its copy, and answers nothing. A non-blocking object
    (:func:`os.set_blocking`) does not wait.

    Raises what :func:`seccomp` does.

    Linux 5.0, :manpage:`seccomp_unotify(2)`.
    """

    _kind = "a seccomp listener"
    _link = "anon_inode:seccomp notify"

    _answers: Answers
    _ended = False  # the last task is gone

    def __init__(self, filter: HasProgram, flags: int = 0, *, sync_wake_up: bool = False) -> None:
        flags = integer(flags, 32, "flags") | SECCOMP_FILTER_FLAG_NEW_LISTENER
        super().__init__(seccomp(SECCOMP_SET_MODE_FILTER, flags, filter.program()))
        self._answers = Answers(self._fd)
        if sync_wake_up:
            try:
                self.set_flags(SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP)
            except BaseException:
                self.close()
                raise

    def _init_state(self) -> None:
        super()._init_state()
        self._unmade: deque[Received] = deque()
        self._answers = Answers(None)

    def _adopted(self, fd: int) -> None:
        self._answers = Answers(fd)

    def set_flags(self, flags: int) -> None:
        """Set the flags of the listener, which are ListenerFlag's.

        With ``SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP`` the task and the reader wake each
        other on one processor.

        Raises InvalidArgument for other flags, and before Linux 6.6.
        """
        set_flags(self.fileno(), integer(flags, 64, "flags"))

    @property
    def blocking(self) -> bool:
        """Whether a read waits for a notification."""
        return os.get_blocking(self.fileno())

    def _check_more(self) -> None:
        if self._ended:
            self._read_events()  # which raises

    def _read_events(self) -> list[Notification]:
        try:
            return read_events(self.fileno(), self._made, self._unmade)
        except NoMoreEvents:
            self._ended = True
            raise

    def _made(self, received: Received) -> list[Notification]:
        answers = self._answers
        if answers.fd is None:
            answers.fd = self._fd  # of an object that __init__ never saw
        notification = Notification(received.view[:])
        answers.waiting.add(notification.id)
        events = [notification]
        # Last, and without a call: a handler that raises before leaves the buffer, from
        # which the notification is made again, and one that was lost answers nothing.
        notification._answers = answers
        return events

    def _drop_batch(self) -> None:
        answers = self._answers
        answers.waiting.update([received.id() for received in self._unmade])
        answers.end()
        super()._drop_batch()

    def _after_fork(self) -> None:
        self._answers.forget()
        self._unmade.clear()
        self._batch.clear()
        fd = self._fd
        if fd is not None:
            # a copy would keep the tasks waiting when this process's parent is gone
            self._fd = None
            os.close(fd)
