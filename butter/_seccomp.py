"""The call of :manpage:`seccomp(2)`."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, NamedTuple

from butter._arguments import integer
from butter._constants.seccomp import (
    SECCOMP_FILTER_FLAG_NEW_LISTENER,
    SECCOMP_FILTER_FLAG_TSYNC,
    SECCOMP_GET_ACTION_AVAIL,
    SECCOMP_GET_NOTIF_SIZES,
    SECCOMP_RET_ACTION_FULL,
    SECCOMP_SET_MODE_FILTER,
)
from butter._seccomp_bpf import INSTRUCTION
from butter._seccomp_c import ffi as ffi
from butter._seccomp_c import lib
from butter._seccomp_errors import SECCOMP
from butter._seccomp_errors import ThreadsDiffer as ThreadsDiffer
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from typing import Union

    from typing_extensions import Buffer

    FilterArgument = Union[None, int, Buffer]

# how the kernel answers about an action that it does not know
_UNKNOWN = -1 - errno.EOPNOTSUPP
# the number of instructions has 16 bits
_LONGEST = 0xFFFF * INSTRUCTION


class NotificationSizes(NamedTuple):
    """The sizes, in bytes, that the kernel has for the structs of notifications."""

    #: of a notification, as it is read
    seccomp_notif: int
    #: of an answer
    seccomp_notif_resp: int
    #: of the system call in a notification
    seccomp_data: int


def seccomp(operation: int, flags: int = 0, args: FilterArgument = None) -> Any:
    """``seccomp(operation, flags, args)``: makes the operation, and returns its result.

    * ``SECCOMP_SET_MODE_STRICT``: takes no *args*. From then on this thread may only
      read, write and end; Python itself does not live long with that.
    * ``SECCOMP_SET_MODE_FILTER``: *args* are the bytes of a program, as
      :meth:`Filter.program <butter.seccomp.Filter.program>` returns them. Returns 0, or
      with ``SECCOMP_FILTER_FLAG_NEW_LISTENER`` a new descriptor, which is closed when
      the process executes another program.
    * ``SECCOMP_GET_ACTION_AVAIL``: *args* is an action. Returns 0 if the kernel
      knows it.
    * ``SECCOMP_GET_NOTIF_SIZES``: takes no *args*, and returns a NotificationSizes.

    *args* of an operation that is newer than butter may be an address, or a buffer.
    The filter is that of this thread, unless ``SECCOMP_FILTER_FLAG_TSYNC`` is among the
    flags, and of the threads and processes that it starts. It is never taken away
    again. The call does not set no_new_privs by itself.

    Raises PermissionError (EACCES) without no_new_privs and CAP_SYS_ADMIN,
    ThreadsDiffer with the number of the thread that cannot get the filter, OSError
    (EBUSY) for a second listener, (EOPNOTSUPP) for an action that the kernel does not
    know, InvalidArgument for a program or flags that it refuses, OutOfMemory also for
    too many filters.

    Linux 3.17, :manpage:`seccomp(2)`.
    """
    operation, flags = integer(operation, 32, "operation"), integer(flags, 32, "flags")
    if operation == SECCOMP_SET_MODE_FILTER:
        return _set_filter(flags, args)
    if operation == SECCOMP_GET_ACTION_AVAIL:
        action = _number(args, "an action")
        return SECCOMP.check(
            lib.seccomp(operation, flags, ffi.new("uint32_t *", action)),
            operation=operation,
            flags=flags,
            action=action,
        )
    if operation == SECCOMP_GET_NOTIF_SIZES:
        if args is not None:
            raise TypeError("SECCOMP_GET_NOTIF_SIZES takes no args")
        sizes = ffi.new("struct seccomp_notif_sizes *")
        SECCOMP.check(lib.seccomp(operation, flags, sizes), operation=operation, flags=flags)
        return NotificationSizes(sizes.seccomp_notif, sizes.seccomp_notif_resp, sizes.seccomp_data)
    return SECCOMP.check(lib.seccomp(operation, flags, _address(args)), operation=operation, flags=flags)


def _set_filter(flags: int, program: FilterArgument) -> int:
    """Put a filter in front, and return 0 or the descriptor of its listener."""
    try:
        # of the types that mypy sees, None and int are refused here
        code = ffi.from_buffer(program)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"args must be the bytes of a program, not {type(program).__name__}") from None
    length = len(code)
    if length % INSTRUCTION or length > _LONGEST:
        raise ValueError(f"the program has {length} bytes; it must be a multiple of {INSTRUCTION} up to {_LONGEST}")
    argument = ffi.new(
        "struct sock_fprog *", {"len": length // INSTRUCTION, "filter": ffi.cast("struct sock_filter *", code)}
    )
    result: int = lib.seccomp(SECCOMP_SET_MODE_FILTER, flags, argument)
    if result < 0:
        SECCOMP.check(result, operation=SECCOMP_SET_MODE_FILTER, flags=flags, program=ffi.buffer(code)[:])
    if result and flags & SECCOMP_FILTER_FLAG_TSYNC and not flags & SECCOMP_FILTER_FLAG_NEW_LISTENER:
        # the kernel returns the number of a thread, and has done nothing
        error = SECCOMP.error(errno.ESRCH, tid=result)
        error.__dict__["tid"] = result
        raise error
    return result


def _number(args: FilterArgument, what: str) -> int:
    if not isinstance(args, int):
        raise TypeError(f"args must be {what}, not {type(args).__name__}")
    return integer(args, 32, "args")


def _address(args: FilterArgument) -> Any:
    """Return the address that *args* are, or are at."""
    if args is None:
        return ffi.NULL
    if isinstance(args, int):
        return ffi.cast("void *", integer(args, 64, "args"))
    return ffi.cast("void *", ffi.from_buffer(args))


def action_available(action: int) -> bool:
    """Return whether the kernel knows an action, as ``SECCOMP_RET_LOG``.

    An action with an errno or a number in its lowest bits counts as the action alone.

    Linux 4.14, :manpage:`seccomp(2)`.
    """
    action = integer(action, 32, "action") & SECCOMP_RET_ACTION_FULL
    operation = SECCOMP_GET_ACTION_AVAIL
    result = lib.seccomp(operation, 0, ffi.new("uint32_t *", action))
    if result == _UNKNOWN:
        return False
    SECCOMP.check(result, operation=operation, flags=0, action=action)
    return True


def notification_sizes() -> NotificationSizes:
    """Return the sizes of the structs of notifications, as this kernel has them.

    Linux 5.0, :manpage:`seccomp(2)`.
    """
    sizes: NotificationSizes = seccomp(SECCOMP_GET_NOTIF_SIZES)
    return sizes
