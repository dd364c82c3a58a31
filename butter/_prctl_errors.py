"""The errors of prctl, of capabilities, and how they look for their cause."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from butter._constants.prctl import (
    CAP_SETFCAP,
    CAP_SETPCAP,
    CAP_SYS_ADMIN,
    CAP_SYS_RESOURCE,
    PR_CAP_AMBIENT,
    PR_CAP_AMBIENT_RAISE,
    PR_CAPBSET_DROP,
    PR_CAPBSET_READ,
    PR_GET_IO_FLUSHER,
    PR_GET_NO_NEW_PRIVS,
    PR_GET_SECUREBITS,
    PR_GET_SPECULATION_CTRL,
    PR_PPC_SET_DEXCR,
    PR_SCHED_CORE,
    PR_SET_IO_FLUSHER,
    PR_SET_KEEPCAPS,
    PR_SET_MDWE,
    PR_SET_MM,
    PR_SET_SECCOMP,
    PR_SET_SECUREBITS,
    PR_SET_SPECULATION_CTRL,
    PR_SET_VMA,
    PR_SPEC_FORCE_DISABLE,
    SECBIT_KEEP_CAPS_LOCKED,
    SECBIT_NO_CAP_AMBIENT_RAISE,
    Capability,
    PrctlSecurebits,
)
from butter._look import capable
from butter._prctl_c import ffi, lib
from butter._prctl_options import OPTIONS, absent, built_with, option_name, unknown_capability
from butter.errors import NOT_ALLOWED, PATH, Errors, InvalidArgument, OutOfMemory, bad_descriptor, newer_than_kernel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from butter.errors import Meaning

_NOTHING = (0, 0, 0, 0)
_SECUREBITS = sum(PrctlSecurebits)
_LOCKS = sum(bit for name, bit in PrctlSecurebits.__members__.items() if name.endswith("_LOCKED"))
# the options that need a capability; for the second kind the kernel looks in the
# initial user namespace
_NEED = {PR_CAPBSET_DROP: CAP_SETPCAP, PR_SET_SECUREBITS: CAP_SETPCAP, PR_PPC_SET_DEXCR: CAP_SYS_ADMIN}
_NEED_INITIAL = {
    PR_SET_IO_FLUSHER: CAP_SYS_RESOURCE,
    PR_GET_IO_FLUSHER: CAP_SYS_RESOURCE,
    PR_SET_MM: CAP_SYS_RESOURCE,
}


def capability_name(number: int) -> str:
    """Return ``CAP_NET_ADMIN`` for 12, and a number that has no name as it is."""
    try:
        return f"CAP_{Capability(number).name}"
    except ValueError:
        return f"capability {number}"


def _sets() -> tuple[int, int, int]:
    """Return the three sets of this thread for a sentence.

    They are empty where a seccomp filter hides the call.
    """
    found = ffi.new("butter_capabilities *")
    lib.capget(0, found)
    return found.effective, found.permitted, found.inheritable


def _asked(option: int, *arguments: int) -> int:
    """Return what a prctl returns for a sentence, 0 where it fails."""
    return max(lib.prctl(option, *arguments, *_NOTHING[len(arguments) :]), 0)


def _refused(option: int = 0, arguments: Sequence[int] = _NOTHING, **_: object) -> str:
    if option not in OPTIONS:
        return f"neither this kernel nor butter knows the option {option}"
    missing = absent(option)
    if missing:
        return missing
    name, found = option_name(option), OPTIONS[option]
    if any(arguments[len(found.takes) :]):
        return f"{name} takes {len(found.takes)} of the four arguments; the others must be 0"
    if option in (PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_CAP_AMBIENT):
        unknown = unknown_capability(arguments[1] if option == PR_CAP_AMBIENT else arguments[0])
        if unknown:
            return unknown
    built = built_with(found.config) if found.config else True
    if built is False:
        return f"{name} needs a kernel that was built with {found.config}, and this one was not"
    unsure = "" if built else f", or this kernel was built without {found.config}"
    return f"{name}: {found.values or 'the kernel does not take this value'}{unsure}"


def _securebits_refused(bits: int) -> str:
    now = _asked(PR_GET_SECUREBITS)
    if bits & ~_SECUREBITS:
        return f"unknown securebits {bits & ~_SECUREBITS:#x}"
    newer = newer_than_kernel(bits, PrctlSecurebits)
    if newer:
        return newer
    locked = (now & _LOCKS) >> 1 & (now ^ bits) | now & _LOCKS & ~bits
    return f"{PrctlSecurebits(locked)} is locked, and cannot be changed any more" if locked else NOT_ALLOWED


def _ambient_refused(capability: int) -> str:
    name = capability_name(capability)
    _effective, permitted, inheritable = _sets()
    if not permitted >> capability & 1:
        return f"{name} cannot become ambient: it is not in the permitted set"
    if not inheritable >> capability & 1:
        return f"{name} cannot become ambient: it is not in the inheritable set"
    if _asked(PR_GET_SECUREBITS) & SECBIT_NO_CAP_AMBIENT_RAISE:
        return f"{name} cannot become ambient: SECBIT_NO_CAP_AMBIENT_RAISE forbids it"
    return NOT_ALLOWED


def _not_allowed(option: int = 0, arguments: Sequence[int] = _NOTHING, **_: object) -> str:
    name = option_name(option)
    if option in _NEED and not capable(_NEED[option]):
        return f"{name} needs {capability_name(_NEED[option])}, which is not in this thread's effective set"
    if option in _NEED_INITIAL:
        return f"{name} needs {capability_name(_NEED_INITIAL[option])} in the initial user namespace"
    if option == PR_SET_SECUREBITS:
        return _securebits_refused(arguments[0])
    if option == PR_CAP_AMBIENT and arguments[0] == PR_CAP_AMBIENT_RAISE:
        return _ambient_refused(arguments[1])
    if option == PR_SET_KEEPCAPS and _asked(PR_GET_SECUREBITS) & SECBIT_KEEP_CAPS_LOCKED:
        return "SECBIT_KEEP_CAPS_LOCKED does not let it change"
    if option == PR_SET_SPECULATION_CTRL and _asked(PR_GET_SPECULATION_CTRL, arguments[0]) & PR_SPEC_FORCE_DISABLE:
        return "it was switched off for ever (PR_SPEC_FORCE_DISABLE), by this thread or for the whole system"
    if option == PR_SET_SPECULATION_CTRL:
        return "a mitigation of the whole system decides, and this thread cannot change it"
    if option == PR_SET_MDWE:
        return "its bits cannot be changed once they are set"
    if option == PR_SCHED_CORE:
        return f"this process may not trace the process {arguments[1]}, or share with it"
    return NOT_ALLOWED


def _no_access(option: int = 0, **_: object) -> str:
    if option == PR_SET_SECCOMP and not capable(CAP_SYS_ADMIN) and not _asked(PR_GET_NO_NEW_PRIVS):
        return "a seccomp filter needs CAP_SYS_ADMIN, or prctl.no_new_privs = True before"
    return "the file is not executable, or a security module does not allow it"


def _bad_descriptor(option: int = 0, arguments: Sequence[int] = _NOTHING, **_: object) -> str:
    if option == PR_SET_VMA:
        return "the memory belongs to a file, and only anonymous memory can have a name"
    return bad_descriptor(arguments[1])


def _no_process(option: int = 0, arguments: Sequence[int] = _NOTHING, **_: object) -> str:
    return f"there is no process or thread {arguments[1]}"


def _no_memory(option: int = 0, arguments: Sequence[int] = _NOTHING, **_: object) -> str:
    if option == PR_SET_VMA:
        return "a part of the memory is not mapped"
    return "the kernel has no memory for it"


PRCTL = Errors(
    "prctl",
    {
        errno.EACCES: (PermissionError, _no_access),
        errno.EBADF: (InvalidArgument, _bad_descriptor),
        errno.EBUSY: (OSError, "it was locked, or changed once already, and cannot change again"),
        errno.EFAULT: (InvalidArgument, "an address is not in the memory of this process"),
        errno.EINVAL: (InvalidArgument, _refused),
        errno.ENODEV: (InvalidArgument, "the kernel or this processor does not have this flaw to control"),
        errno.ENOMEM: (OutOfMemory, _no_memory),
        errno.ENXIO: (InvalidArgument, "the kernel or this processor cannot control it (see what the option returns)"),
        errno.EOPNOTSUPP: (InvalidArgument, "this processor does not support the value"),
        errno.EPERM: (PermissionError, _not_allowed),
        errno.ERANGE: (InvalidArgument, "the value is not one of PrctlSpeculation that can be set"),
        errno.ESRCH: (ProcessLookupError, _no_process),
    },
)


def _bad_thread(pid: int = 0, **_: object) -> str:
    return f"there cannot be a thread {pid}" if pid < 0 else "the kernel does not know this form of the sets"


def _no_thread(pid: int = 0, **_: object) -> str:
    return f"there is no thread {pid} in this pid namespace"


def _names(mask: int) -> str:
    return " and ".join(capability_name(number) for number in range(64) if mask >> number & 1)


def _sets_refused(
    pid: int = 0, effective: int = 0, permitted: int = 0, inheritable: int = 0, own: bool = True, **_: object
) -> str:
    if not own:
        return f"thread {pid} is another one, and a thread can change only its own capabilities"
    now, may, inherits = _sets()
    lacks = not now >> CAP_SETPCAP & 1
    if permitted & ~may:
        return f"{_names(permitted & ~may)} cannot be permitted: what was given up does not come back"
    if effective & ~permitted:
        return f"{_names(effective & ~permitted)} cannot be effective without being permitted"
    added = inheritable & ~inherits
    if lacks and added & ~may:
        return f"{_names(added & ~may)} cannot become inheritable: it is not permitted, and CAP_SETPCAP is not there"
    outside = sum(1 << number for number in range(64) if added >> number & 1 and not _asked(PR_CAPBSET_READ, number))
    return f"{_names(outside)} cannot become inheritable: the bounding set lacks it" if outside else NOT_ALLOWED


_CAPABILITIES: Mapping[int, Meaning] = {
    errno.EFAULT: (InvalidArgument, "an address is not in the memory of this process"),
    errno.EINVAL: (InvalidArgument, _bad_thread),
    errno.ESRCH: (ProcessLookupError, _no_thread),
}
CAPGET = Errors("capget", _CAPABILITIES)
CAPSET = Errors("capset", {**_CAPABILITIES, errno.EPERM: (PermissionError, _sets_refused)})


def _file_refused(**_: object) -> str:
    if not capable(CAP_SETFCAP):
        return "it needs CAP_SETFCAP, which is not in this thread's effective set"
    return "CAP_SETFCAP has to be over the user namespace of the filesystem, or the file is immutable"


_FILE: Mapping[int, Meaning] = {
    **PATH,
    errno.EBADF: (InvalidArgument, bad_descriptor),
    errno.ENOTSUP: (OSError, "the filesystem does not have extended attributes"),
}
_CHANGED: Mapping[int, Meaning] = {
    **_FILE,
    errno.EPERM: (PermissionError, _file_refused),
    errno.EROFS: (OSError, "the filesystem is mounted read-only"),
}
GETXATTR = Errors(
    "getxattr",
    {
        **_FILE,
        errno.EINVAL: (InvalidArgument, "the capabilities of the file are not well-formed"),
        errno.EOVERFLOW: (OSError, "the capabilities belong to a user namespace whose root this one does not know"),
        errno.ERANGE: (OSError, "the capabilities are of a form that is newer than butter"),
    },
)
SETXATTR = Errors(
    "setxattr",
    {
        **_CHANGED,
        errno.EDQUOT: (OSError, "the disk quota of the user is used up"),
        errno.EINVAL: (InvalidArgument, "this user namespace does not know the rootid"),
        errno.ENOSPC: (OSError, "the filesystem has no room for the attribute"),
    },
)
REMOVEXATTR = Errors("removexattr", _CHANGED)
