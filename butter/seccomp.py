"""Filters in front of system calls: :manpage:`seccomp(2)`.

::

    import errno
    from butter.prctl import prctl
    from butter.seccomp import ALLOW, EQ, ERRNO, Filter

    filter = Filter(ALLOW)
    filter.add("ptrace", ERRNO(errno.EPERM))
    filter.add("socket", ERRNO(errno.EACCES), EQ(0, socket.AF_NETLINK, bits=32))
    print(filter.explain())

    prctl.no_new_privs = True
    filter.load()  # for this thread and all that it starts, for ever

A filter sees the number of a call and its registers, and not the memory that these
point to: it can tell which flags a file is opened with, and not which file.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from butter import _seccomp_bpf as _bpf
from butter import _seccomp_calls as _calls
from butter import _seccomp_rules as _rules
from butter._arguments import integer
from butter._checks import number, refuse
from butter._constants import seccomp as _constants
from butter._constants import seccomp_listener as _listener_constants
from butter._constants.seccomp import *  # noqa: F403
from butter._constants.seccomp_listener import *  # noqa: F403
from butter._descriptor import closed_error
from butter._seccomp import NotificationSizes, action_available, notification_sizes, seccomp
from butter._seccomp_actions import (
    ALLOW,
    EQ,
    ERRNO,
    GE,
    GT,
    KILL_PROCESS,
    KILL_THREAD,
    LE,
    LOG,
    LT,
    MASKED,
    NE,
    NOTIFY,
    TRACE,
    TRAP,
    Action,
    Comparison,
)
from butter._seccomp_c import ffi as ffi
from butter._seccomp_c import lib as lib
from butter._seccomp_calls import syscall_name, syscall_number
from butter._seccomp_compile import compiled
from butter._seccomp_disassemble import disassemble
from butter._seccomp_errors import ThreadsDiffer
from butter._seccomp_explain import explained
from butter._seccomp_listener import Answers, Received, reader, set_flags
from butter._seccomp_listener_errors import CallGone
from butter._seccomp_notification import Notification, made
from butter.errors import NoMoreEvents
from butter.errors import UnknownError as UnknownError
from butter.eventlike import Eventlike
from butter.pidfd import Pidfd

if TYPE_CHECKING:
    from typing import Union

    from butter._seccomp_calls import Arch

    Architectures = Union[str, Iterable[str]]

# ruff: noqa: F405

__all__ = [
    "ALLOW",
    "EQ",
    "ERRNO",
    "GE",
    "GT",
    "KILL_PROCESS",
    "KILL_THREAD",
    "LE",
    "LOG",
    "LT",
    "MASKED",
    "NE",
    "NOTIFY",
    "TRACE",
    "TRAP",
    "Action",
    "CallGone",
    "Comparison",
    "Filter",
    "Listener",
    "Notification",
    "NotificationSizes",
    "ThreadsDiffer",
    "UnknownError",
    "action_available",
    "disassemble",
    "notification_sizes",
    "seccomp",
    "syscall_name",
    "syscall_number",
]
__all__ += _constants.__all__
__all__ += _listener_constants.__all__

Notification._pidfd_class = Pidfd

# of a call, and of one rule
_MOST_ARGUMENTS, _MOST_COMPARISONS = 6, 32


class Filter:
    """Rules for system calls, and the program that the kernel runs for them.

    *default* is the action for a call without a rule. *arch* names the architectures
    whose calls the filter is for, as ``"x86_64"`` or ``["x86_64", "i386"]``; this
    machine's alone by default. A call of another gets the action *foreign*: a program
    for x86_64 can also make the calls of i386, and on some kernels those of x32, whose
    numbers mean something else. To answer such a call with an errno would let a program
    go on that has taken a way around the filter; so the default is ``KILL_PROCESS``.

    Rules are added with :meth:`add`, and nothing happens before :meth:`load`.
    """

    def __init__(self, default: Action, arch: Architectures | None = None, foreign: Action = KILL_PROCESS) -> None:
        self._default = _checked(default, "default")
        self._foreign = _checked(foreign, "foreign")
        if arch is not None and not isinstance(arch, Iterable):
            refuse(arch, "arch", "a name, as 'x86_64', or several")
        names = [_calls.native()] if arch is None else [arch] if isinstance(arch, str) else list(arch)
        for name in names:
            if not isinstance(name, str):
                raise TypeError(f"arch must have names, as 'x86_64', and not {type(name).__name__}")
        self._arch = tuple(dict.fromkeys(_calls.architecture(name).name for name in names))
        if not self._arch:
            raise ValueError("arch is empty: a filter is for one architecture at least")
        self._given: list[_rules.Given] = []
        self._compiled: list[_bpf.Instruction] | None = None
        # the error of rules that make too long a program, which takes long to find
        self._too_long: str | None = None

    @property
    def default(self) -> Action:
        """The action for a call to which no rule applies."""
        return self._default

    @property
    def foreign(self) -> Action:
        """The action for a call of an architecture that the filter is not for."""
        return self._foreign

    @property
    def arch(self) -> tuple[str, ...]:
        """The names of the architectures whose calls the filter is for."""
        return self._arch

    def __repr__(self) -> str:
        arch = "" if self._arch == (_calls.native(),) else f", arch={list(self._arch)}"
        foreign = "" if self._foreign == KILL_PROCESS else f", foreign={self._foreign!r}"
        return f"<Filter({self._default!r}{arch}{foreign}) with {len(self._given)} rules>"

    def add(self, call: str | int, action: Action, *comparisons: Comparison) -> Filter:
        """Add a rule: the *action* for a *call* for which all *comparisons* are true.

        *call* is the name of a system call, or its number where the filter is for one
        architecture. By its name, it is looked up in each of them; one that lacks the
        call is left alone. Of several rules for one call the first that applies
        decides, in the order in which they were added.

        A call that has arguments of 32 bits, as most descriptors and flags are, ignores
        the upper half of their registers: compare those with ``bits=32``.

        Returns the filter, so rules can be chained.

        Raises ValueError for a name that no architecture has, and for a rule that never
        applies because an earlier one for the call has no comparisons.
        """
        rule = _rules.Given(self._call(call), _checked(action, "action"), comparisons)
        for comparison in comparisons:
            if not isinstance(comparison, Comparison):
                raise TypeError(f"a comparison is EQ(index, value) or another of them, not {comparison!r}")
        if len(comparisons) > _MOST_COMPARISONS:
            raise ValueError(f"the rule has {len(comparisons)} comparisons; at most {_MOST_COMPARISONS} are allowed")
        for before in self._given:
            if before.call == call and not before.comparisons:
                if before.action == action:
                    return self
                raise ValueError(
                    f"the rule never applies: "
                    f"an earlier one answers {before.action!r} to {call}, whatever its arguments"
                )
        self._check_memory(rule)
        self._given.append(rule)
        self._compiled = self._too_long = None
        return self

    def _call(self, call: str | int) -> str | int:
        """Return *call* if a rule can be about it."""
        if isinstance(call, str):
            return _calls.check_name(call)
        number(call, 32, "call", "a name or a number")
        if len(self._arch) > 1:
            raise ValueError(f"{call} is another call on each of {', '.join(self._arch)}: pass its name")
        if not _rules.is_number_of(call, self._arch[0]):
            raise ValueError(f"{call:#x} is not the number of a call of {self._arch[0]}")
        return call

    def _check_memory(self, rule: _rules.Given) -> None:
        """Raise ValueError if i386 has a way to the call that cannot be compared."""
        way = _rules.multiplexed(rule) if "i386" in self._arch else None
        if way and not any(before.call == way and not before.comparisons for before in self._given):
            raise ValueError(
                f"on i386 {rule.call} is also reached through {way}, whose arguments are in memory, where a filter "
                f"cannot compare them: add a rule for {way} first, as .add({way!r}, ERRNO(errno.ENOSYS))"
            )

    def _instructions(self) -> list[_bpf.Instruction]:
        if self._too_long is not None:
            raise ValueError(self._too_long)
        if self._compiled is None:
            chains = _rules.chains(self._given, self._default, self._foreign, self._arch)
            try:
                self._compiled = compiled(chains, self._foreign)
            except ValueError as error:
                self._too_long = str(error)
                raise
        return self._compiled

    def program(self) -> bytes:
        """Return the program: an array of ``struct sock_filter`` of classic BPF.

        Raises ValueError if it would have more than 4096 instructions, which is the
        most that the kernel takes.
        """
        return _bpf.encoded(self._instructions())

    def load(self, flags: int = 0) -> None:
        """Put the filter in front of the system calls of this thread, for ever.

        It is also that of the threads and processes that this thread starts, and is
        kept when a program is executed. The other threads of the process go on without
        it, unless *flags* have ``SECCOMP_FILTER_FLAG_TSYNC``. Of several filters the
        strictest answer counts.

        The kernel wants no_new_privs, which butter never sets by itself
        (``butter.prctl.prctl.no_new_privs = True``), or CAP_SYS_ADMIN.

        Raises ValueError for a filter with the action NOTIFY, which needs a listener,
        and for one that would refuse every call, being for other architectures; and
        what :func:`seccomp` raises: PermissionError (EACCES) without no_new_privs,
        ThreadsDiffer.

        Linux 3.17, :manpage:`seccomp(2)`.
        """
        if integer(flags, 32, "flags") & SECCOMP_FILTER_FLAG_NEW_LISTENER:
            raise ValueError("SECCOMP_FILTER_FLAG_NEW_LISTENER returns a listener, which load() does not")
        self._check_alone()
        seccomp(SECCOMP_SET_MODE_FILTER, flags, self.program())

    def listen(self, flags: int = 0, *, sync_wake_up: bool = False) -> Listener:
        """Put the filter in front of this thread, and return its listener.

        It is loaded as by :meth:`load`, and the listener has the calls for which it has
        the action NOTIFY. They wait for its answer, so this thread must not make them
        unless another thread reads the listener. *flags* and *sync_wake_up* are those
        of :class:`Listener`.

        Raises ValueError for a filter that would refuse every call, and what
        :func:`seccomp` does: OSError (EBUSY) if this thread has a listener already.

        Linux 5.0, :manpage:`seccomp_unotify(2)`.
        """
        return Listener(self, flags, sync_wake_up=sync_wake_up)

    def _actions(self) -> list[Action]:
        return [self._default, self._foreign, *(rule.action for rule in self._given)]

    def _check_alone(self) -> None:
        """Raise ValueError if the filter is none to load without a listener."""
        self._check_native()
        if any(action.name == "NOTIFY" for action in self._actions()):
            raise ValueError("the filter has the action NOTIFY, which needs a listener: without one the call fails")

    def _check_native(self) -> None:
        """Raise ValueError if the filter would refuse each call of this process."""
        native = _calls.native()
        if native not in self._arch and self._foreign not in (ALLOW, LOG):
            raise ValueError(
                f"the filter is for {', '.join(self._arch)}, and this process makes calls of {native}, which would all "
                f"get {self._foreign!r}: name {native} in arch"
            )

    def test(self, call: str | int, *args: int, arch: Arch | None = None, instruction_pointer: int = 0) -> Action:
        """Return the action for a call, without making it or loading the filter.

        The program itself is run, by an interpreter in Python. *call* is a name or a
        number, *args* are up to six numbers, and those left out are 0. *arch* is the
        architecture that the call is one of: its name, or the number that the kernel
        has for it, even of one that butter does not know; by default the first of the
        filter's. *instruction_pointer* is the address that the call is made from, which
        no rule looks at.

        Other filters that are loaded may answer something stricter.
        """
        found = _calls.architecture(self._arch[0] if arch is None else arch)
        number = syscall_number(call, found.name) if isinstance(call, str) else integer(call, 32, "call")
        if len(args) > _MOST_ARGUMENTS:
            raise TypeError(f"a call has at most {_MOST_ARGUMENTS} arguments, and {len(args)} were passed")
        arguments = []
        for index, value in enumerate(args):
            negative = isinstance(value, int) and value < 0
            integer(value, -found.bits if negative else found.bits, f"argument {index}")
            arguments.append(value & ((1 << found.bits) - 1))
        pointer = integer(instruction_pointer, 64, "instruction_pointer")
        data = _bpf.data_of(number, found.audit, pointer, arguments)
        return Action(_bpf.run(self._instructions(), data))

    def explain(self) -> str:
        """Return the filter in plain words, a line for each kind of call."""
        return explained(self._given, self._default, self._foreign, self._arch)


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
    parent by ``socket.send_fds``: the filter has to allow that. The parent has an
    object by ``adopt()``. An iteration ends, and a wait raises NoMoreEvents, when no
    task is left under the filter. The variable of a loop holds a notification until the
    next one is there: answer each before.

    Calls that nothing has read when the object is closed, and all later ones, fail with
    ENOSYS. As long as another process has the descriptor, they wait for that one. A
    forked child closes its copy, and answers nothing. A non-blocking object
    (``os.set_blocking``) does not wait.

    Raises what :meth:`Filter.listen` does.

    Linux 5.0, :manpage:`seccomp_unotify(2)`.
    """

    _kind = "a seccomp listener"
    _link = "anon_inode:seccomp notify"

    _answers: Answers
    _ended = False  # the last task is gone

    def __init__(self, filter: Filter, flags: int = 0, *, sync_wake_up: bool = False) -> None:
        if not isinstance(filter, Filter):
            refuse(filter, "filter", "a Filter")
        flags = integer(flags, 32, "flags") | SECCOMP_FILTER_FLAG_NEW_LISTENER
        filter._check_native()
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

    def read_event(self) -> Notification:
        """The next system call that waits for an answer.

        Waits for one; a non-blocking object raises BlockingIOError instead.

        Raises NoMoreEvents where the last task is gone, ValueError if the object is
        closed.
        """
        # not through the batch, since each read has one at most
        while not self._batch:
            events = self._read_events()
            if events:
                return events[0]
        return super().read_event()

    def _check_more(self) -> None:
        if self._ended:
            self._read_events()  # which raises

    def _read_events(self) -> list[Notification]:
        fd = self._fd
        if fd is None:
            raise closed_error()
        try:
            return reader.read(fd, self._made, self._unmade)
        except NoMoreEvents:
            self._ended = True
            raise

    def _made(self, received: Received) -> list[Notification]:
        answers = self._answers
        if answers.fd is None:
            answers.fd = self._fd  # of an object that __init__ never saw
        return made(received, answers)

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


def _checked(action: Action, name: str) -> Action:
    if isinstance(action, Action):
        return action
    if action in (ERRNO, TRAP, TRACE):
        example = "ERRNO(errno.EPERM)" if action is ERRNO else f"{action.__name__}()"
        raise TypeError(f"{name} must be an action, as {example}, not the function that makes one")
    raise TypeError(f"{name} must be an action, as ALLOW or ERRNO(errno.EPERM), not {type(action).__name__}")
