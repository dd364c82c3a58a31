"""The clock ids that are not constants, and what the errnos of the calls mean."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from butter._arguments import fileno, integer
from butter._clock_c import lib
from butter._constants.clock import ADJ_TICK
from butter._constants.timerfd import CLOCK_AUX, CLOCK_MONOTONIC, CLOCK_REALTIME
from butter._timerfd import ALARM_CLOCKS, clock_name
from butter.errors import NOT_ALLOWED, Errors, InternalError, InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from butter._arguments import FileDescriptor
    from butter.errors import Meaning

# The lowest bits of a negative clock id say what it is of, and those above are the
# complement of the number. The kernel has macros for them, and no C library does.
_PROCESS, _DESCRIPTOR, _THREAD = 2, 3, 6
_KIND, _BITS = 7, 3
# the bit of every kind of clock of a thread
_OF_THREAD = 4
# the id has 32 bits, so this is left for the number
_NUMBER = 28

_AUXILIARY = range(CLOCK_AUX, CLOCK_AUX + 8)
_ENABLED = "a file in /sys/kernel/time/aux_clocks enables it, since Linux 6.17"


def fd_clock(fd: FileDescriptor) -> int:
    """The id of the clock behind a descriptor, as one of ``/dev/ptp0``.

    The descriptor has to be open while the id is used; to set or adjust the clock it
    has to be open for writing.

    :manpage:`clock_getres(2)`, under *Dynamic clocks*.
    """
    return ~integer(fileno(fd), _NUMBER, "fd") << _BITS | _DESCRIPTOR


def process_clock(pid: int) -> int:
    """The id of the clock of a process: the processor time of all its threads.

    *pid* of 0 is for the calling process. The kernel is not asked, as
    :manpage:`clock_getcpuclockid(3)` does: if there is no such process, the call that
    uses the id raises InvalidArgument.
    """
    return ~integer(pid, _NUMBER, "pid") << _BITS | _PROCESS


def thread_clock(tid: int) -> int:
    """The id of the clock of a thread of this process: its processor time.

    *tid* is what :func:`threading.get_native_id` returns in that thread; 0 is for the
    calling thread. If there is no such thread, the call that uses the id raises
    InvalidArgument.
    """
    return ~integer(tid, _NUMBER, "tid") << _BITS | _THREAD


def _name(clock: int) -> str:
    number, kind = ~(clock >> _BITS), clock & _KIND
    if clock in _AUXILIARY[1:]:
        return f"CLOCK_AUX + {clock - CLOCK_AUX}"
    if clock >= 0:
        return clock_name(clock)
    if kind == _DESCRIPTOR:
        return f"the clock of descriptor {number}"
    return f"the clock of {'thread' if kind & _OF_THREAD else 'process'} {number}"


def _no_clock(clock: int, **_: object) -> str:
    number, kind = ~(clock >> _BITS), clock & _KIND
    if clock in _AUXILIARY:
        return f"{_name(clock)} is off, or this kernel lacks it: {_ENABLED}"
    if clock in ALARM_CLOCKS:
        return f"{_name(clock)} needs a real-time clock that can wake this machine, and it does not have one"
    if clock >= 0:
        return f"there is no clock {clock}"
    if kind == _DESCRIPTOR:
        return f"descriptor {number} is not that of a clock, as one of /dev/ptp0 is"
    if kind & _OF_THREAD:
        return f"this process does not have a thread {number}"
    return f"there is no process {number}"


def _is_known(clock: int) -> bool:
    """Return whether this kernel has the clock."""
    return lib.clock_gettime(clock) >= 0


def _no_device(clock: int, **_: object) -> str:
    if clock in _AUXILIARY:
        return f"{_name(clock)} is off: {_ENABLED}"
    return f"the device of {_name(clock)} is gone"


def _not_readable(clock: int, **_: object) -> str:
    return f"{_name(clock)} cannot be read"


def _not_settable(clock: int, **_: object) -> str:
    return f"{_name(clock)} cannot be set"


def _not_adjustable(clock: int, **_: object) -> str:
    return f"{_name(clock)} cannot be adjusted"


def _not_for_sleeps(clock: int, **_: object) -> str:
    if clock in ALARM_CLOCKS:
        return _no_clock(clock)
    return f"{_name(clock)} cannot measure a sleep"


def _not_writable(clock: int, **_: object) -> str:
    return f"{_name(clock)} needs a descriptor that is open for writing"


def _not_set(clock: int, nanoseconds: int, **_: object) -> str:
    if not _is_known(clock):
        return _no_clock(clock)
    if clock != CLOCK_REALTIME:
        return _not_settable(clock)
    up = lib.clock_gettime(CLOCK_MONOTONIC)
    if nanoseconds < up:
        return f"the time is {nanoseconds} ns, and must not be below CLOCK_MONOTONIC, which is {up} ns"
    return f"the time is {nanoseconds} ns; the kernel refuses the last 30 years that its 64 bits can hold"


def _may_not_set(clock: int, **_: object) -> str:
    # CPU clocks: the kernel says EPERM to root too
    return _not_settable(clock) if clock < 0 and clock & _KIND != _DESCRIPTOR else _needs_capability()


def _needs_capability() -> str:
    return "CAP_SYS_TIME is needed, in the first user namespace"


def _may_not_adjust(modes: int, **_: object) -> str:
    return _needs_capability() if modes else NOT_ALLOWED


def _not_adjusted(clock: int, modes: int, tick: int, **_: object) -> str:
    if not _is_known(clock):
        return _no_clock(clock)
    if modes & ADJ_TICK and not 9000 <= tick <= 11000:
        return f"tick is {tick}; it must be 9000 to 11000 microseconds"
    return f"the kernel does not take these values with modes of {modes:#x}"


def _no_sleep(clock: int, **_: object) -> str:
    if not _is_known(clock):
        return _no_clock(clock)
    return "a thread cannot sleep by its own processor time, which stands still meanwhile"


def _may_not_sleep(clock: int, **_: object) -> str:
    if clock in ALARM_CLOCKS:
        return f"{_name(clock)} wakes the system from suspend, and so needs CAP_WAKE_ALARM"
    return NOT_ALLOWED


_ANY: Mapping[int, Meaning] = {
    errno.EFAULT: (InternalError, "the time is not in the memory of this process"),
    errno.EINVAL: (InvalidArgument, _no_clock),
    errno.ENODEV: (OSError, _no_device),
}

GETTIME = Errors("clock_gettime", {**_ANY, errno.EOPNOTSUPP: (OSError, _not_readable)})
GETRES = Errors("clock_getres", {**_ANY, errno.EOPNOTSUPP: (OSError, _not_readable)})
SETTIME = Errors(
    "clock_settime",
    {
        **_ANY,
        errno.EACCES: (PermissionError, _not_writable),
        errno.EINVAL: (InvalidArgument, _not_set),
        errno.EOPNOTSUPP: (OSError, _not_settable),
        errno.EPERM: (PermissionError, _may_not_set),
    },
)
ADJTIME = Errors(
    "clock_adjtime",
    {
        **_ANY,
        errno.EACCES: (PermissionError, _not_writable),
        errno.EINVAL: (InvalidArgument, _not_adjusted),
        errno.EOPNOTSUPP: (OSError, _not_adjustable),
        errno.EPERM: (PermissionError, _may_not_adjust),
    },
)
NANOSLEEP = Errors(
    "clock_nanosleep",
    {
        **_ANY,
        errno.EINVAL: (InvalidArgument, _no_sleep),
        errno.EOPNOTSUPP: (OSError, _not_for_sleeps),
        errno.EPERM: (PermissionError, _may_not_sleep),
    },
)
