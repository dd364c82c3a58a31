#include <sys/time.h>
#include <sys/timex.h>

/* Sleep, and return 0 or -1 - errno. Where a signal ends a sleep of some time, the
   result is the time that is left. It is not the function of the C library, which has
   an errno of its own for CLOCK_THREAD_CPUTIME_ID. */
static int64_t butter_clock_nanosleep(int clock, int flags, int64_t nanoseconds)
{
    struct timespec time = butter_timespec(nanoseconds), rest = {0};
    long result;

    WITHOUT_GIL(result = result_of(syscall(SYS_clock_nanosleep, clock, flags, &time, &rest)));
    return result == -1 - EINTR && !(flags & TIMER_ABSTIME) ? butter_nanoseconds(&rest) : result;
}
#define clock_nanosleep butter_clock_nanosleep

static int64_t butter_clock_gettime(int clock)
{
    struct timespec time;
    return clock_gettime(clock, &time) < 0 ? -1 - errno : butter_nanoseconds(&time);
}
#define clock_gettime butter_clock_gettime

static int64_t butter_clock_getres(int clock)
{
    struct timespec time;
    return clock_getres(clock, &time) < 0 ? -1 - errno : butter_nanoseconds(&time);
}
#define clock_getres butter_clock_getres

static int butter_clock_settime(int clock, int64_t nanoseconds)
{
    struct timespec time = butter_timespec(nanoseconds);
    return (int)result_of(clock_settime(clock, &time));
}
#define clock_settime butter_clock_settime

static int butter_clock_adjtime(int clock, struct timex *timex)
{
    return (int)result_of(clock_adjtime(clock, timex));
}
#define clock_adjtime butter_clock_adjtime
