from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* TimerfdClock(IntEnum): the clocks of timerfd_create, and those that it refuses */
#define CLOCK_REALTIME ...            /* the time of day, which can be set and so can jump */
#define CLOCK_MONOTONIC ...           /* never set, does not count the time in suspend */
#define CLOCK_BOOTTIME ...            /* never set, counts the time in suspend (Linux 3.15) */
#define CLOCK_REALTIME_ALARM ...      /* CLOCK_REALTIME that wakes the system from suspend (Linux 3.11) */
#define CLOCK_BOOTTIME_ALARM ...      /* CLOCK_BOOTTIME that wakes the system from suspend (Linux 3.11) */
#define CLOCK_PROCESS_CPUTIME_ID ...  /* the processor time of this process; not for timers */
#define CLOCK_THREAD_CPUTIME_ID ...   /* the processor time of this thread; not for timers */
#define CLOCK_MONOTONIC_RAW ...       /* the hardware's own time, without correction; not for timers */
#define CLOCK_REALTIME_COARSE ...     /* CLOCK_REALTIME in steps of a kernel tick; not for timers */
#define CLOCK_MONOTONIC_COARSE ...    /* CLOCK_MONOTONIC in steps of a kernel tick; not for timers */
#define CLOCK_TAI ...                 /* atomic time: CLOCK_REALTIME without leap seconds; not for timers */
#define CLOCK_AUX ...                 /* the first of eight clocks of other time domains; not for timers (Linux 6.17) */

/* TimerfdInit(IntFlag): the flags of timerfd_create */
#define TFD_CLOEXEC ...               /* close the descriptor when the process executes another program */
#define TFD_NONBLOCK ...              /* reads fail with EAGAIN instead of waiting for an expiration */

/* TimerfdSet(IntFlag, TFD_TIMER_): the flags of timerfd_settime */
#define TFD_TIMER_ABSTIME ...         /* the first expiration is a time on the clock, not one from now */
#define TFD_TIMER_CANCEL_ON_SET ...   /* reads fail with ECANCELED after the clock was set (Linux 3.0) */

typedef int... time_t;

struct timespec {
    time_t tv_sec;
    long tv_nsec;
    ...;
};

struct itimerspec {
    struct timespec it_interval;
    struct timespec it_value;
};

int timerfd_create(int clockid, int flags);
int timerfd_settime(int fd, int flags, const struct itimerspec *new_value, struct itimerspec *old_value);
int timerfd_gettime(int fd, struct itimerspec *curr_value);

/* Times in nanoseconds; first is -1 - errno where the call failed. */
typedef struct {
    int64_t first;
    int64_t period;
} butter_times;

butter_times butter_timer_arm(int fd, int flags, int64_t first, int64_t period);
butter_times butter_timer_get(int fd);
int64_t butter_timerfd_read(int fd);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
SOURCES = [Path(__file__).with_name(name).read_text() for name in ("quick.h", "times.h", "timerfd.c")]
ffi.set_source("butter._timerfd_c", "\n".join(SOURCES))
