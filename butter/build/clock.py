from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* ClockSleep(IntFlag, TIMER_): the flags of clock_nanosleep */
#define TIMER_ABSTIME ...          /* the sleep ends at a time on the clock, and not after a time */

/* ClockAdjust(IntFlag): the modes of clock_adjtime: the fields that it sets */
#define ADJ_OFFSET ...             /* offset: the clock is moved by it slowly, in small steps */
#define ADJ_FREQUENCY ...          /* freq */
#define ADJ_MAXERROR ...           /* maxerror */
#define ADJ_ESTERROR ...           /* esterror */
#define ADJ_STATUS ...             /* status: the bits of ClockStatus that can be set */
#define ADJ_TIMECONST ...          /* constant */
#define ADJ_TAI ...                /* constant: the whole seconds from CLOCK_REALTIME to CLOCK_TAI */
#define ADJ_SETOFFSET ...          /* time: it is added to the clock at once */
#define ADJ_MICRO ...              /* offset counts microseconds from now on */
#define ADJ_NANO ...               /* offset counts nanoseconds from now on, and time is exact to the nanosecond */
#define ADJ_TICK ...               /* tick */
#define ADJ_OFFSET_SINGLESHOT ...  /* offset, in microseconds: as adjtime moves the clock; no other mode beside it */
#define ADJ_OFFSET_SS_READ ...     /* read into offset how much of that movement is left; no other mode beside it */

/* ClockStatus(IntFlag): the bits of the status of a clock that is adjusted; the last eight can only be read */
#define STA_PLL ...                /* the kernel follows the offset by a phase-locked loop */
#define STA_PPSFREQ ...            /* the frequency follows a signal once each second */
#define STA_PPSTIME ...            /* the time follows a signal once each second */
#define STA_FLL ...                /* the loop follows the frequency */
#define STA_INS ...                /* the last minute of this UTC day gets a leap second */
#define STA_DEL ...                /* the last minute of this UTC day loses a second */
#define STA_UNSYNC ...             /* the clock is not synchronised */
#define STA_FREQHOLD ...           /* the frequency is held, and not estimated */
#define STA_PPSSIGNAL ...          /* the signal once each second is there */
#define STA_PPSJITTER ...          /* the signal jitters too much */
#define STA_PPSWANDER ...          /* the signal wanders too much */
#define STA_PPSERROR ...           /* the signal could not be calibrated */
#define STA_CLOCKERR ...           /* the hardware of the clock has a fault */
#define STA_NANO ...               /* offset counts nanoseconds, not microseconds */
#define STA_MODE ...               /* the loop is a frequency-locked one */
#define STA_CLK ...                /* the source is B, not A; Linux never sets it */

/* ClockState(IntEnum): the state that clock_adjtime tells */
#define TIME_OK ...                /* the clock is synchronised, and no leap second is near */
#define TIME_INS ...               /* the last minute of this UTC day gets a leap second */
#define TIME_DEL ...               /* the last minute of this UTC day loses a second */
#define TIME_OOP ...               /* this is the leap second */
#define TIME_WAIT ...              /* a leap second is over, and the status still announces it */
#define TIME_ERROR ...             /* the clock is not synchronised */

typedef int... time_t;

struct timeval {
    time_t tv_sec;
    long tv_usec;
    ...;
};

struct timex {
    uint32_t modes;
    long offset;
    long freq;
    long maxerror;
    long esterror;
    int status;
    long constant;
    long precision;
    long tolerance;
    struct timeval time;
    long tick;
    long ppsfreq;
    long jitter;
    int shift;
    long stabil;
    long jitcnt;
    long calcnt;
    long errcnt;
    long stbcnt;
    int tai;
    ...;
};

int64_t clock_gettime(int clock);
int64_t clock_getres(int clock);
int clock_settime(int clock, int64_t nanoseconds);
int clock_adjtime(int clock, struct timex *timex);
int64_t clock_nanosleep(int clock, int flags, int64_t nanoseconds);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
SOURCES = [Path(__file__).with_name(name).read_text() for name in ("calls.h", "quick.h", "times.h", "clock.c")]
ffi.set_source("butter._clock_c", "\n".join(SOURCES))
