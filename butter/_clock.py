"""The calls of :manpage:`clock_gettime(2)`, and the others about clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from butter._arguments import integer
from butter._clock_c import ffi, lib
from butter._clock_errors import ADJTIME, GETRES, GETTIME, NANOSLEEP, SETTIME
from butter._constants.clock import ADJ_NANO, ADJ_SETOFFSET, STA_NANO
from butter._signals import INTERRUPTED, run_handlers
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from typing import Any

_SECOND = 10**9

# Looked up once, here, unlike the other calls: to look them up takes a fifth of the
# time of reading a clock.
_gettime, _getres = lib.clock_gettime, lib.clock_getres


def _clock(clock: int) -> int:
    return integer(clock, -32, "clock")


def clock_gettime(clock: int) -> int:
    """``clock_gettime(clock, &time)``: returns the time of a clock, in nanoseconds.

    *clock* is one of TimerfdClock, or what :func:`fd_clock`, :func:`process_clock` or
    :func:`thread_clock` returns.

    Raises InvalidArgument for a clock that this kernel does not have, OSError (ENODEV)
    for one whose device is gone, or that is not enabled.

    :manpage:`clock_gettime(2)`.
    """
    try:
        # an object is never left to the C function, which would take int(clock)
        time = _gettime(clock if clock.__class__ is int else _clock(clock))
    except OverflowError:
        time = _gettime(_clock(clock))
    return time if time >= 0 else GETTIME.check(time, clock=clock)


def clock_getres(clock: int) -> int:
    """``clock_getres(clock, &time)``: returns the resolution, in nanoseconds.

    That of the clocks for timers is 1, and that of the coarse ones a tick of the
    kernel. *clock* and the errors are those of :func:`clock_gettime`.

    :manpage:`clock_getres(2)`.
    """
    try:
        time = _getres(clock if clock.__class__ is int else _clock(clock))
    except OverflowError:
        time = _getres(_clock(clock))
    return time if time >= 0 else GETRES.check(time, clock=clock)


def clock_settime(clock: int, nanoseconds: int) -> None:
    """``clock_settime(clock, time)``: sets a clock to a time in nanoseconds.

    *clock* is CLOCK_REALTIME, whose times count from 1970, a CLOCK_AUX, or a
    :func:`fd_clock`. Sleeps and timers until a time on this clock follow the change;
    those that last some time do not.

    Raises PermissionError without CAP_SYS_TIME (EPERM) and for a descriptor that is not
    open for writing (EACCES), InvalidArgument for another clock, and for a time below
    CLOCK_MONOTONIC.

    :manpage:`clock_settime(2)`.
    """
    clock, nanoseconds = _clock(clock), integer(nanoseconds, 63, "nanoseconds")
    SETTIME.check(lib.clock_settime(clock, nanoseconds), clock=clock, nanoseconds=nanoseconds)


def clock_nanosleep(clock: int, flags: int, nanoseconds: int) -> None:
    """``clock_nanosleep(clock, flags, time, &rest)``: sleeps, as a clock measures it.

    The thread sleeps so many *nanoseconds* or, if *flags* are ``TIMER_ABSTIME``, until
    the clock shows that time; one that is past ends the sleep at once. A sleep until a
    time of CLOCK_REALTIME follows a clock that is set meanwhile, and a sleep of some
    time does not.

    A signal runs Python's handler, and the sleep goes on (:pep:`475`): until the same
    time, or for as long as was left when the signal came. So a program that does
    something every second sleeps until a time, and does not drift.

    Raises InvalidArgument for a clock that this kernel does not have, OSError
    (EOPNOTSUPP) for one that cannot measure sleeps, as the coarse ones, PermissionError
    for a ``CLOCK_*_ALARM`` without CAP_WAKE_ALARM.

    :manpage:`clock_nanosleep(2)`.
    """
    clock, flags = _clock(clock), integer(flags, -32, "flags")
    rest = integer(nanoseconds, 63, "nanoseconds")
    while result := lib.clock_nanosleep(clock, flags, rest):
        if result > 0:  # what was left of a sleep that a signal interrupted
            rest = result
        elif result != INTERRUPTED:
            NANOSLEEP.check(result, clock=clock)
        run_handlers()


class Timex(NamedTuple):
    """``Timex(modes=0, …)``: how a clock is adjusted, a named tuple of ints.

    Its fields are those of ``struct timex``, in the kernel's units. *modes* are
    ClockAdjust's: they name the fields that :func:`clock_adjtime` sets.

    * ``offset``: what is left to adjust, in nanoseconds if *status* has ``STA_NANO``,
      else in microseconds
    * ``freq``: how much faster the clock runs, in parts per million times 65536, and
      ``tolerance``, the most of it
    * ``maxerror``, ``esterror``: the largest and the estimated error, in microseconds
    * ``status``: ClockStatus
    * ``constant``: the time constant of the loop; for ``ADJ_TAI`` the new ``tai``
    * ``precision``: of the clock, in microseconds
    * ``time``: the time of the clock, or what ``ADJ_SETOFFSET`` adds to it, in
      nanoseconds; without ``ADJ_NANO`` these have to be whole microseconds
    * ``tick``: the microseconds between two of 100 ticks a second
    * ``ppsfreq``, ``jitter``, ``shift``, ``stabil``, ``jitcnt``, ``calcnt``,
      ``errcnt``, ``stbcnt``: about a signal that comes once each second
    * ``tai``: the seconds from CLOCK_REALTIME to CLOCK_TAI
    * ``state``: what the call returned, a ClockState; setting ignores it

    See :manpage:`clock_adjtime(2)`.
    """

    modes: int = 0
    offset: int = 0
    freq: int = 0
    maxerror: int = 0
    esterror: int = 0
    status: int = 0
    constant: int = 0
    precision: int = 0
    tolerance: int = 0
    time: int = 0
    tick: int = 0
    ppsfreq: int = 0
    jitter: int = 0
    shift: int = 0
    stabil: int = 0
    jitcnt: int = 0
    calcnt: int = 0
    errcnt: int = 0
    stbcnt: int = 0
    tai: int = 0
    state: int = 0


# those that stand in the struct under the same name
_PLAIN = [name for name in Timex._fields if name not in ("time", "state")]
# the width of each that is not a long
_BITS = {"modes": 32, "status": -32, "shift": -32, "tai": -32}


def _struct(timex: Timex) -> Any:
    """Return a ``struct timex *`` with the values of *timex*."""
    if not isinstance(timex, Timex):
        raise TypeError(f"timex must be a Timex, not {type(timex).__name__}")
    made = ffi.new("struct timex *")
    for name in _PLAIN:
        setattr(made, name, integer(getattr(timex, name), _BITS.get(name, -64), name))
    if made.modes & ADJ_SETOFFSET:
        made.time.tv_sec, parts = divmod(integer(timex.time, -64, "time"), _SECOND)
        if not made.modes & ADJ_NANO:
            parts, too_fine = divmod(parts, 1000)
            if too_fine:
                raise ValueError(f"time is {timex.time} ns; it must be whole microseconds without ADJ_NANO")
        made.time.tv_usec = parts
    return made


def clock_adjtime(clock: int, timex: Timex = Timex()) -> Timex:  # noqa: B008  # it cannot be changed
    """``clock_adjtime(clock, &timex)``: returns how a clock is adjusted, a Timex.

    Before that it sets the fields that ``timex.modes`` name; by default there are none.
    *clock* is CLOCK_REALTIME, a CLOCK_AUX, or a :func:`fd_clock`. ::

        clock_adjtime(CLOCK_REALTIME).state == TIME_OK
        clock_adjtime(CLOCK_REALTIME, Timex(ADJ_SETOFFSET | ADJ_NANO, time=-1500))

    Raises PermissionError for modes without CAP_SYS_TIME (EPERM) and for a descriptor
    that is not open for writing (EACCES), InvalidArgument for a clock that this kernel
    does not have and for values that it does not take, OSError (EOPNOTSUPP) for a clock
    that cannot be adjusted.

    Linux 2.6.39, :manpage:`clock_adjtime(2)`.
    """
    clock, struct = _clock(clock), _struct(timex)
    modes, tick = struct.modes, struct.tick
    state = ADJTIME.check(lib.clock_adjtime(clock, struct), clock=clock, modes=modes, tick=tick)
    values = {name: getattr(struct, name) for name in _PLAIN}
    # the parts of the second are nanoseconds if the status says so
    parts = struct.time.tv_usec if struct.status & STA_NANO else struct.time.tv_usec * 1000
    return Timex(**values, time=struct.time.tv_sec * _SECOND + parts, state=state)
