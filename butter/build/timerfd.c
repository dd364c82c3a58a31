#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#ifndef CLOCK_BOOTTIME
# define CLOCK_BOOTTIME 7
#endif
#ifndef CLOCK_REALTIME_ALARM
# define CLOCK_REALTIME_ALARM 8
#endif
#ifndef CLOCK_BOOTTIME_ALARM
# define CLOCK_BOOTTIME_ALARM 9
#endif
#ifndef CLOCK_TAI
# define CLOCK_TAI 11
#endif
#ifndef CLOCK_AUX
# define CLOCK_AUX 16
#endif
#ifndef TFD_TIMER_CANCEL_ON_SET
# define TFD_TIMER_CANCEL_ON_SET 2
#endif

/* Return how often the timer has expired, or -1 - errno. */
static int64_t butter_timerfd_read(int fd)
{
    uint64_t count = 0;
    int64_t result;

    WITHOUT_GIL(result = read(fd, &count, sizeof count) < 0 ? -1 - errno : (int64_t)count);
    return result;
}

/* A call that fails returns -1 - errno: butter/errors.py says why. */
static int butter_timerfd_create(int clockid, int flags)
{
    int fd = timerfd_create(clockid, flags);
    return fd < 0 ? -1 - errno : fd;
}
#define timerfd_create butter_timerfd_create

static int butter_settime(int fd, int flags, const struct itimerspec *new_value, struct itimerspec *old_value)
{
    return timerfd_settime(fd, flags, new_value, old_value) < 0 ? -1 - errno : 0;
}
#define timerfd_settime butter_settime

static int butter_gettime(int fd, struct itimerspec *curr_value)
{
    return timerfd_gettime(fd, curr_value) < 0 ? -1 - errno : 0;
}
#define timerfd_gettime butter_gettime

typedef struct {
    int64_t first;
    int64_t period;
} butter_times;

static butter_times butter_times_of(int result, const struct itimerspec *spec)
{
    if (result < 0)
        return (butter_times){.first = result};
    return (butter_times){butter_nanoseconds(&spec->it_value), butter_nanoseconds(&spec->it_interval)};
}

/* Arm the timer and return its setting before. */
static butter_times butter_timer_arm(int fd, int flags, int64_t first, int64_t period)
{
    struct itimerspec old, spec = {.it_value = butter_timespec(first), .it_interval = butter_timespec(period)};
    return butter_times_of(timerfd_settime(fd, flags, &spec, &old), &old);
}

/* Return the time left, and the period. */
static butter_times butter_timer_get(int fd)
{
    struct itimerspec now;
    return butter_times_of(timerfd_gettime(fd, &now), &now);
}
