"""The calls of pidfds: :manpage:`pidfd_open(2)` and those that take a pidfd."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, NamedTuple

from butter._arguments import CLOEXEC_DEFAULT, fileno, integer
from butter._constants.pidfd import *  # noqa: F403
from butter._constants.pidfd import (
    PIDFD_GET_CGROUP_NAMESPACE,
    PIDFD_GET_UTS_NAMESPACE,
    PIDFD_INFO_CGROUPID,
    PIDFD_INFO_COREDUMP,
    PIDFD_INFO_COREDUMP_CODE,
    PIDFD_INFO_COREDUMP_SIGNAL,
    PIDFD_INFO_CREDS,
    PIDFD_INFO_EXIT,
    PIDFD_INFO_PID,
    PIDFD_INFO_SUPPORTED_MASK,
    PIDFD_NONBLOCK,
    PIDFD_SIGNAL_PROCESS_GROUP,
    PIDFD_SIGNAL_THREAD,
    PIDFD_SIGNAL_THREAD_GROUP,
    PIDFD_THREAD,
    WCONTINUED,
    WEXITED,
    WNOHANG,
    WNOWAIT,
    WSTOPPED,
    PidfdNamespace,
    PidfdOpen,
    PidfdSignal,
)
from butter._descriptor import fields_of, link_of
from butter._pidfd_c import ffi, lib
from butter._signals import INTERRUPTED, run_handlers
from butter.errors import (
    BAD_DESCRIPTOR,
    NEW_ANONYMOUS,
    NEW_DESCRIPTOR,
    Errors,
    InvalidArgument,
    bad_descriptor,
    newer_than_kernel,
)

if TYPE_CHECKING:
    from butter._arguments import FileDescriptor
    from butter.errors import Meaning

#: how the link in ``/proc/self/fd`` of a pidfd begins
LINK = "anon_inode:[pidfd]"

# the codes of the signals that sigqueue(3) and tgkill(2) send
SI_QUEUE, SI_TKILL = -1, -6

_REAPED = "the process has ended, and its parent has waited for it"


def _unknown_flags(flags: int, known: int, names: type[PidfdOpen] | type[PidfdSignal]) -> str | None:
    """Return a sentence about bits of *flags* that are wrong, or None."""
    if flags & ~known:
        listed = ", ".join(each for each in names.__since__)
        return f"the only flags are {listed}, not {flags & ~known:#x}"
    return newer_than_kernel(flags, names)


def _open_refused(pid: int, flags: int, **_: object) -> str:
    if pid <= 0:
        return f"pid is {pid}; the number of a process is positive"
    wrong = _unknown_flags(flags, PIDFD_NONBLOCK | PIDFD_THREAD, PidfdOpen)
    return wrong or _not_a_process(pid)


def _not_a_process(pid: int, **_: object) -> str:
    return f"{pid} is the number of a thread and not of a process: PIDFD_THREAD (Linux 6.9) opens threads"


def _signal_refused(fd: int, sig: int, info: Siginfo | None, flags: int, **_: object) -> str:
    scopes = PIDFD_SIGNAL_THREAD, PIDFD_SIGNAL_THREAD_GROUP, PIDFD_SIGNAL_PROCESS_GROUP
    if wrong := _unknown_flags(flags, sum(scopes), PidfdSignal):
        return wrong
    if flags not in (0, *scopes):
        return "a signal has one scope: flags must be one of the PIDFD_SIGNAL_ flags, or 0"
    if not 0 <= sig <= 64:
        return f"there is no signal {sig}: signals are 1 to 64, and 0 only checks"
    if info is not None and info.si_signo != sig:
        return f"sig is {sig}, and si_signo of info is {info.si_signo}: they must be the same"
    return f"the process of descriptor {fd} is in another PID namespace, which does not see the sender"


def _signal_not_allowed(info: Siginfo | None, **_: object) -> str:
    if info is not None and (info.si_code >= 0 or info.si_code == SI_TKILL):
        return f"si_code of info is {info.si_code}, which stands for the kernel, kill or tgkill: use SI_QUEUE"
    return "a signal to a process of another user needs CAP_KILL"


def _is_other(fd: int) -> bool:
    """Return whether *fd* is surely not a pidfd."""
    found = link_of(fd)
    return found is not None and not found.startswith(LINK)


def _not_a_pidfd(fd: int, **_: object) -> str:
    found = link_of(fd)
    return bad_descriptor(fd) if found is None else f"descriptor {fd} is not a pidfd, but {found!r}"


def _no_such_target(fd: int, targetfd: int, **_: object) -> str:
    if link_of(fd) is None or _is_other(fd):
        return _not_a_pidfd(fd)
    return f"the process does not have a descriptor {targetfd}"


def _wait_refused(options: int, **_: object) -> str:
    if not options & (WEXITED | WSTOPPED | WCONTINUED):
        return "options must have at least one of WEXITED, WSTOPPED and WCONTINUED"
    return "idtype must be P_PID, P_PGID, P_ALL or P_PIDFD (Linux 5.4), id fit for it, and options WaitOption's"


def _no_child(**_: object) -> str:
    return "it is not a child of this process, or another call has waited for it, or SIGCHLD is ignored"


def _no_info(fd: int, **_: object) -> str:
    return _not_a_pidfd(fd) if _is_other(fd) else "this kernel is older than Linux 6.13"


def _no_namespace(fd: int, **_: object) -> str:
    return _not_a_pidfd(fd) if _is_other(fd) else "this kernel is older than Linux 6.11"


def _signal_to_nothing(flags: int, **_: object) -> str:
    if flags == PIDFD_SIGNAL_PROCESS_GROUP:
        return "there is no process group of this number: the process does not lead one, or has ended"
    return _REAPED


_GONE: Meaning = (ProcessLookupError, _REAPED)
_NO_ACCESS = "the process is another user's, or more privileged: it needs CAP_SYS_PTRACE"

OPEN = Errors(
    "pidfd_open",
    {
        **NEW_ANONYMOUS,
        errno.EINVAL: (InvalidArgument, _open_refused),
        errno.ENOENT: (OSError, _not_a_process),
        errno.ESRCH: (ProcessLookupError, lambda pid, **_: f"there is no process {pid} (any more)"),
    },
    since="5.3",
)
SEND_SIGNAL = Errors(
    "pidfd_send_signal",
    {
        errno.EAGAIN: (BlockingIOError, "as many signals wait as RLIMIT_SIGPENDING ('ulimit -i') allows"),
        errno.EBADF: (InvalidArgument, _not_a_pidfd),
        errno.EINVAL: (InvalidArgument, _signal_refused),
        errno.EPERM: (PermissionError, _signal_not_allowed),
        errno.ESRCH: (ProcessLookupError, _signal_to_nothing),
    },
    since="5.1",
)
GETFD = Errors(
    "pidfd_getfd",
    {
        **NEW_DESCRIPTOR,
        errno.EBADF: (InvalidArgument, _no_such_target),
        errno.EINVAL: (InvalidArgument, lambda flags, **_: f"pidfd_getfd does not have flags; flags is {flags:#x}"),
        errno.EPERM: (PermissionError, _NO_ACCESS),
        errno.ESRCH: _GONE,
    },
    since="5.6",
)
WAITID = Errors(
    "waitid",
    {
        errno.EAGAIN: (BlockingIOError, "the process has not ended, and its pidfd has PIDFD_NONBLOCK"),
        errno.EBADF: (InvalidArgument, _not_a_pidfd),
        errno.ECHILD: (ChildProcessError, _no_child),
        errno.EINVAL: (InvalidArgument, _wait_refused),
    },
)
WAIT = Errors(
    "wait of a pidfd",
    {
        errno.EBADF: BAD_DESCRIPTOR,
        errno.ECHILD: (
            ChildProcessError,
            "the exit code of the process is lost: it is not a child of this process, or another call has waited for"
            " it, or SIGCHLD is ignored; and before Linux 6.15 the kernel does not keep the code",
        ),
    },
)
INFO = Errors(
    "pidfd_get_info",
    {
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EREMOTE: (OSError, "the process is in a PID namespace that this process does not see"),
        errno.ESRCH: _GONE,
        errno.ENOTTY: (OSError, _no_info),
        # Linux 6.11 and 6.12 take the number for that of a namespace
        errno.EINVAL: (OSError, _no_info),
    },
)
NAMESPACE = Errors(
    "pidfd_get_namespace",
    {
        **NEW_DESCRIPTOR,
        errno.EACCES: (PermissionError, _NO_ACCESS),
        errno.EBADF: BAD_DESCRIPTOR,
        errno.ENOTTY: (OSError, _no_namespace),
        errno.EOPNOTSUPP: (OSError, "this kernel was built without namespaces of this kind"),
        errno.ESRCH: _GONE,
    },
)


class Siginfo(NamedTuple):
    """``Siginfo(si_signo, si_code=SI_QUEUE, si_pid=0, si_uid=0, si_value=0)``.

    The information that a signal carries: its number, why it was sent, the process and
    the user that sent it, and a value of 64 bits. See :manpage:`sigqueue(3)`.
    """

    si_signo: int
    si_code: int = SI_QUEUE
    si_pid: int = 0
    si_uid: int = 0
    si_value: int = 0


class Waited(NamedTuple):
    """The result of :func:`waitid`: a child, and what happened to it.

    ``si_pid`` is its number and ``si_uid`` its user, ``si_signo`` is SIGCHLD.
    ``si_code`` is a :class:`butter.signalfd.ChildCode`, and ``si_status`` the exit
    status, or the signal that ended, stopped or continued the child.
    """

    si_pid: int
    si_uid: int
    si_signo: int
    si_status: int
    si_code: int


class ProcessInfo(NamedTuple):
    """The result of :func:`pidfd_get_info`: the fields of ``struct pidfd_info``.

    ``mask`` says which of them the kernel knew; the others are None.

    * ``pid``, ``tgid``, ``ppid``: the numbers of the thread, its process, its parent
    * ``ruid`` to ``fsgid``: the users and groups: real, effective, saved, and those for
      access to files
    * ``cgroupid``: the number of the control group, which is the inode of its directory
    * ``exit_code``: the wait status; :func:`os.waitstatus_to_exitcode` decodes it
    * ``coredump_mask`` (PidfdCoredump), ``coredump_signal``, ``coredump_code``: whether
      the process dumped core, and for which signal
    * ``supported_mask``: the bits of PidfdInfo that the kernel knows
    """

    mask: int
    cgroupid: int | None
    pid: int | None
    tgid: int | None
    ppid: int | None
    ruid: int | None
    rgid: int | None
    euid: int | None
    egid: int | None
    suid: int | None
    sgid: int | None
    fsuid: int | None
    fsgid: int | None
    exit_code: int | None
    coredump_mask: int | None
    coredump_signal: int | None
    coredump_code: int | None
    supported_mask: int | None


# the bit of the mask that says whether a field is filled
_FIELDS = dict.fromkeys(ProcessInfo._fields[1:], PIDFD_INFO_CREDS)
_FIELDS.update(
    cgroupid=PIDFD_INFO_CGROUPID,
    pid=PIDFD_INFO_PID,
    tgid=PIDFD_INFO_PID,
    ppid=PIDFD_INFO_PID,
    exit_code=PIDFD_INFO_EXIT,
    coredump_mask=PIDFD_INFO_COREDUMP,
    coredump_signal=PIDFD_INFO_COREDUMP_SIGNAL,
    coredump_code=PIDFD_INFO_COREDUMP_CODE,
    supported_mask=PIDFD_INFO_SUPPORTED_MASK,
)


def pidfd_open(pid: int, flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> int:
    """``pidfd_open(pid, flags)``: returns a new descriptor of the process *pid*.

    *flags* are PidfdOpen's. With ``PIDFD_THREAD`` *pid* may be any thread's number. The
    kernel makes every pidfd close-on-exec, which *closefd* = False takes back.

    The number may be another process's by now, unless the process is a child of this
    one that no call has waited for yet.

    Raises ProcessLookupError if there is no such process, InvalidArgument for a *pid*
    that is not positive and for other flags, FileNotFoundError for the number of a
    thread, OSError (EMFILE, ENFILE) where a limit is reached, OutOfMemory.

    Linux 5.3, :manpage:`pidfd_open(2)`.
    """
    pid, flags = integer(pid, -32, "pid"), integer(flags, 32, "flags")
    fd = lib.pidfd_open(pid, flags)
    if fd < 0:
        OPEN.check(fd, pid=pid, flags=flags)
    return _inheritable(fd, closefd)


def _inheritable(fd: int, closefd: bool) -> int:
    """Return *fd*, which is close-on-exec only if *closefd* is true."""
    if not closefd:
        os.set_inheritable(fd, True)
    return fd


def pidfd_send_signal(pidfd: FileDescriptor, sig: int, info: Siginfo | None = None, flags: int = 0) -> None:
    """``pidfd_send_signal(pidfd, sig, info, flags)``: sends the signal *sig*.

    *pidfd* may also be ``PIDFD_SELF`` or ``PIDFD_SELF_PROCESS``, or the descriptor of a
    directory ``/proc/<pid>``. A *sig* of 0 sends nothing, and only looks for the
    process and the permission. Without *info* the signal is as :func:`os.kill` sends
    it. *flags* are 0 or one of PidfdSignal's.

    Raises ProcessLookupError if the process has ended and its parent has waited for it,
    and with ``PIDFD_SIGNAL_PROCESS_GROUP`` also if it does not lead a process group;
    PermissionError, InvalidArgument, and BlockingIOError if the queue of signals with
    an *info* is full.

    Linux 5.1, :manpage:`pidfd_send_signal(2)`.
    """
    number, sig, flags = fileno(pidfd), integer(sig, -32, "sig"), integer(flags, 32, "flags")
    sent = ffi.NULL
    if info is not None:
        sent = ffi.new("siginfo_t *")
        lib.butter_siginfo_fill(
            sent,
            integer(info.si_signo, -32, "si_signo"),
            integer(info.si_code, -32, "si_code"),
            integer(info.si_pid, -32, "si_pid"),
            integer(info.si_uid, 32, "si_uid"),
            integer(info.si_value, -64 if info.si_value < 0 else 64, "si_value") & 2**64 - 1,
        )
    result = lib.pidfd_send_signal(number, sig, sent, flags)
    SEND_SIGNAL.check(result, fd=number, sig=sig, info=info, flags=flags)


def number_of(fd: int) -> int | None:
    """Return the number that ``/proc`` has for the process of a pidfd.

    It is -1 if the process was reaped, 0 if it is not in the PID namespace of
    ``/proc``, and None where ``/proc`` does not tell.
    """
    found = fields_of(fd).get("Pid")
    return int(found[0]) if found else None


def pidfd_getfd(pidfd: FileDescriptor, targetfd: int, flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> int:
    """``pidfd_getfd(pidfd, targetfd, flags)``: returns a descriptor of another process.

    The new descriptor is a duplicate of *targetfd* in that process: both share one open
    file with its position. *flags* is 0. The kernel makes it close-on-exec, which
    *closefd* = False takes back.

    Raises PermissionError unless this process may trace the other one, InvalidArgument
    if there is no such descriptor, ProcessLookupError if the process has ended, OSError
    (EMFILE, ENFILE) where a limit is reached.

    Linux 5.6, :manpage:`pidfd_getfd(2)`.
    """
    number, targetfd, flags = fileno(pidfd), integer(targetfd, -32, "targetfd"), integer(flags, 32, "flags")
    fd = lib.pidfd_getfd(number, targetfd, flags)
    if fd < 0:
        GETFD.check(fd, fd=number, targetfd=targetfd, flags=flags)
    return _inheritable(fd, closefd)


def waitid(idtype: int, id: FileDescriptor, options: int) -> Waited | None:
    """``waitid(idtype, id, options)``: waits for a change of a child, and returns it.

    *idtype* is a WaitId: with ``P_PIDFD`` *id* is a pidfd, as an int or anything with
    ``fileno()``; otherwise it is a number. *options* are WaitOption's. With ``WEXITED``
    the child is reaped: its number becomes free. Returns None where ``WNOHANG`` finds
    nothing.

    Raises ChildProcessError if there is no such child (any more), BlockingIOError for a
    pidfd with ``PIDFD_NONBLOCK`` whose process runs, InvalidArgument.

    Linux 5.4 for pidfds, :manpage:`waitid(2)`.
    """
    idtype, number, options = integer(idtype, 32, "idtype"), fileno(id), integer(options, -32, "options")
    child = ffi.new("butter_waited *")
    while (result := lib.waitid(idtype, number, child, options)) == INTERRUPTED:
        run_handlers()
        number = fileno(id)
    WAITID.check(result, fd=number, options=options)
    if not child.signo:
        return None
    return Waited(child.pid, child.uid, child.signo, child.status, child.code)


def pidfd_get_info(pidfd: FileDescriptor, mask: int = 0) -> ProcessInfo:
    """``ioctl(pidfd, PIDFD_GET_INFO, &info)``: returns what the kernel knows.

    *mask* is PidfdInfo's: what is asked beside the numbers, credentials and control
    group, which are always returned. With ``PIDFD_INFO_EXIT`` the kernel still answers
    once the process was reaped, if a pidfd was open before.

    Raises ProcessLookupError if the process was reaped, OSError (ENOTTY: the kernel is
    older or *pidfd* is not a pidfd; EREMOTE: the process is in another PID namespace).

    Linux 6.13, :manpage:`ioctl_pidfd(2)`.
    """
    number, info = fileno(pidfd), ffi.new("struct pidfd_info *")
    info.mask = integer(mask, 64, "mask")
    INFO.check(lib.butter_pidfd_info(number, info), fd=number)
    found = info.mask
    values = (getattr(info, name) if found & bit else None for name, bit in _FIELDS.items())
    return ProcessInfo(found, *values)


def pidfd_get_namespace(pidfd: FileDescriptor, kind: int, closefd: bool = CLOEXEC_DEFAULT) -> int:
    """``ioctl(pidfd, kind)``: returns a descriptor of a namespace of the process.

    *kind* is a PidfdNamespace, as ``PIDFD_GET_NET_NAMESPACE``. The kernel makes it
    close-on-exec, which *closefd* = False takes back.

    Raises PermissionError unless this process may inspect the other one, ValueError for
    another *kind*, ProcessLookupError if the process has ended, OSError (ENOTTY: the
    kernel is older or *pidfd* is not a pidfd; EMFILE, ENFILE: a limit is reached).

    Linux 6.11, :manpage:`ioctl_pidfd(2)`.
    """
    number, kind = fileno(pidfd), integer(kind, 32, "kind")
    # the kernel has ioctls of another kind, whose argument is a pointer
    if not PIDFD_GET_CGROUP_NAMESPACE <= kind <= PIDFD_GET_UTS_NAMESPACE:
        raise ValueError(f"kind is {kind:#x}; it must be one of {', '.join(PidfdNamespace.__since__)}")
    fd = lib.butter_pidfd_namespace(number, kind)
    if fd < 0:
        NAMESPACE.check(fd, fd=number)
    return _inheritable(fd, closefd)


# Looked up once: tests replace `lib` with mocks for the thin calls, and none of these
# is one.
_exit_code, _info, _new = lib.butter_pidfd_exit_code, lib.butter_pidfd_info, ffi.new

# how a kernel answers that does not keep exit codes, or not for this PID namespace
_NOT_KEPT = {errno.ENOTTY, errno.EINVAL, errno.ESRCH, errno.EREMOTE}

NOT_A_CHILD = -1 - errno.ECHILD


def look_at_child(fd: int) -> int:
    """Return 256 more than the exit code of a child that has ended, 0 while it runs.

    The exit code is negative if a signal killed the child. The child is not reaped, so
    the next call returns the same. Returns NOT_A_CHILD if *fd* is not that of a child,
    or if the child was reaped already.

    Raises what the table WAITID says for every other error.
    """
    result = _exit_code(fd, WNOWAIT)
    return result if result == NOT_A_CHILD else WAITID.check(result, fd=fd, options=WEXITED | WNOHANG | WNOWAIT)


def reap_child(fd: int) -> bool:
    """Reap the child if it has ended; return whether it still runs."""
    return _exit_code(fd, 0) == 0


def kept_code(fd: int) -> int | None:
    """Return the exit code that the kernel keeps of a process that was reaped.

    None if the process has not been reaped, so that its code may come yet.

    Raises ChildProcessError where the kernel does not keep it.
    """
    info = _new("struct pidfd_info *")
    info.mask = PIDFD_INFO_EXIT
    result = _info(fd, info)
    if result < 0:
        WAIT.fail(errno.ECHILD if -1 - result in _NOT_KEPT else -1 - result, fd=fd)
    return os.waitstatus_to_exitcode(info.exit_code) if info.mask & PIDFD_INFO_EXIT else None
