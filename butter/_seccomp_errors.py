"""The errors of seccomp, and how they look for their cause."""

from __future__ import annotations

import errno

from butter._constants.seccomp import (
    SECCOMP_FILTER_FLAG_NEW_LISTENER,
    SECCOMP_FILTER_FLAG_TSYNC,
    SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
    SECCOMP_SET_MODE_FILTER,
    SECCOMP_SET_MODE_STRICT,
    SeccompFlag,
    SeccompOperation,
    SeccompReturn,
)
from butter._look import CAP_SYS_ADMIN, capable, status_field
from butter._seccomp_bpf import decoded, fault
from butter.errors import NEW_DESCRIPTOR, Errors, InvalidArgument, OutOfMemory, newer_than_kernel, running_kernel

_KNOWN_FLAGS = sum(SeccompFlag)


class ThreadsDiffer(ProcessLookupError):
    """Another thread has filters that this one lacks, so all cannot get the same one.

    ``tid`` is that thread's number, as :func:`threading.get_native_id` returns it
    there; 0 where the kernel does not say it, as with
    ``SECCOMP_FILTER_FLAG_TSYNC_ESRCH``.
    """

    tid = 0


def action_name(action: int) -> str:
    """Return ``SECCOMP_RET_LOG`` for its number, an unknown one as it is."""
    try:
        return f"SECCOMP_RET_{SeccompReturn(action).name}"
    except ValueError:
        return f"{action:#x}"


def _newer_operation(operation: int) -> str | None:
    for name, (number, kernel) in SeccompOperation.__since__.items():
        if number == operation and tuple(map(int, kernel.split("."))) > running_kernel():
            return f"Linux {'.'.join(map(str, running_kernel()))} does not know {name} (Linux {kernel})"
    return None


def _flags_refused(flags: int) -> str | None:
    """Return a sentence about flags that no kernel, or not this one, takes together."""
    if flags & ~_KNOWN_FLAGS:
        return f"unknown flags {flags & ~_KNOWN_FLAGS:#x}"
    if flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV and not flags & SECCOMP_FILTER_FLAG_NEW_LISTENER:
        return "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is about notifications: add SECCOMP_FILTER_FLAG_NEW_LISTENER"
    newer = newer_than_kernel(flags, SeccompFlag)
    if newer:
        return newer
    both = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_NEW_LISTENER
    if flags & both == both and not flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH:
        return (
            "with SECCOMP_FILTER_FLAG_TSYNC and SECCOMP_FILTER_FLAG_NEW_LISTENER the result could be a thread or a "
            "descriptor: add SECCOMP_FILTER_FLAG_TSYNC_ESRCH"
        )
    return None


def _refused(operation: int, flags: int, program: bytes | None = None, **_: object) -> str:
    if operation not in list(SeccompOperation):
        return f"neither this kernel nor butter knows operation {operation}"
    newer = _newer_operation(operation)
    if newer:
        return newer
    if operation != SECCOMP_SET_MODE_FILTER and flags:
        return f"the flags must be 0 for {SeccompOperation(operation)}, and are {flags:#x}"
    mode = status_field("Seccomp")
    if operation == SECCOMP_SET_MODE_STRICT and mode == "2":
        return "this thread has a filter, and so cannot get the strict mode any more"
    wrong = _flags_refused(flags) or (None if program is None else fault(decoded(program)))
    return wrong or "the kernel or a seccomp filter refuses it, for a reason that the manual page does not list"


def _no_privilege(**_: object) -> str:
    if not capable(CAP_SYS_ADMIN) and status_field("NoNewPrivs") != "1":
        return (
            "a filter needs no_new_privs, which gives up setuid programs (butter.prctl.prctl.no_new_privs = True "
            "before), or CAP_SYS_ADMIN"
        )
    return "a security module does not allow it"


def _busy(**_: object) -> str:
    return (
        "this thread has a filter with a listener already, which the kernel allows once: put the rules of both into "
        "one filter"
    )


def _no_room(**_: object) -> str:
    count = status_field("Seccomp_filters")
    filters = f"{count} filters" if count else "filters"
    return (
        f"the kernel has no memory for this call, or the {filters} of this thread have 32768 instructions together, "
        "each filter counted with 4 more: use fewer or shorter ones"
    )


def _unavailable(action: int | None = None, **_: object) -> str:
    if action is None:
        return "this kernel does not know the action"
    for name, (number, kernel) in SeccompReturn.__since__.items():
        if number == action and tuple(map(int, kernel.split("."))) > running_kernel():
            return f"Linux {'.'.join(map(str, running_kernel()))} does not know {name} (Linux {kernel})"
    return f"this kernel does not know the action {action_name(action)}"


def threads_differ(tid: int) -> str:
    """Return the sentence for a thread that could not get the filter too."""
    thread = f"thread {tid} of this process" if tid else "a thread of this process"
    return (
        f"{thread} has a filter that this thread lacks, or the strict mode, so no thread got the new one: load the "
        "first filter with SECCOMP_FILTER_FLAG_TSYNC too, or before the threads start"
    )


SECCOMP = Errors(
    "seccomp",
    {
        **NEW_DESCRIPTOR,
        errno.EACCES: (PermissionError, _no_privilege),
        errno.EBUSY: (OSError, _busy),
        errno.EFAULT: (InvalidArgument, "the argument is not in the memory of this process"),
        errno.EINVAL: (InvalidArgument, _refused),
        errno.ENOMEM: (OutOfMemory, _no_room),
        errno.ENOSYS: (OSError, "this kernel was built without seccomp, or a seccomp filter hides the system call"),
        errno.EOPNOTSUPP: (OSError, _unavailable),
        errno.ESRCH: (ThreadsDiffer, lambda tid=0, **_: threads_differ(tid)),
    },
)
