#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
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
#ifndef TFD_TIMER_CANCEL_ON_SET
# define TFD_TIMER_CANCEL_ON_SET 2
#endif

/* Return how often the timer has expired, or -1 - errno. */
static int64_t butter_timerfd_read(int fd)
{
    uint64_t count = 0;
    int64_t result;

#ifndef PYPY_VERSION /* which does so around every call, by itself */
    Py_BEGIN_ALLOW_THREADS
#endif
        result = read(fd, &count, sizeof count) < 0 ? -1 - errno : (int64_t)count;
#ifndef PYPY_VERSION
    Py_END_ALLOW_THREADS
#endif
        return result;
}

/* Nothing but that read waits, and to let other threads run meanwhile, which cffi
   does around every call on CPython, costs a tenth of what asking a timer does. */
#undef Py_BEGIN_ALLOW_THREADS
#undef Py_END_ALLOW_THREADS
#define Py_BEGIN_ALLOW_THREADS {
#define Py_END_ALLOW_THREADS }

/* What fails returns -1 - errno: butter/errors.py says why. */
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

#define SECOND 1000000000

typedef struct {
    int64_t first;
    int64_t period;
} butter_times;

/* What Python packs into bytes: one pointer is what a C function takes cheaply,
   and bytes do not change while a handler or another thread sets the timer. */
typedef struct {
    int fd;
    int flags;
    butter_times times;
} butter_setting;

static butter_setting butter_unpacked(const char *bytes)
{
    butter_setting setting;
    memcpy(&setting, bytes, sizeof setting);
    return setting;
}

/* fits: the kernel counts nanoseconds in 64 bits itself */
static int64_t butter_nanoseconds(const struct timespec *time)
{
    return (int64_t)time->tv_sec * SECOND + time->tv_nsec;
}

/* Arm the timer. The setting before is two numbers, and one is what a C function
   gives cheaply: if the period was the same as it is now, which is usual, the time
   left is enough. Else it is an address above INT64_MIN, of memory that is this
   call's alone: signal handlers and threads may arm any number of timers before
   Python has looked (and one that raises then costs these 16 bytes). The kernel
   says which case it is, never a guess of what was armed last. Errors are -errno. */
static int64_t butter_timer_arm(const char *bytes)
{
    butter_setting setting = butter_unpacked(bytes);
    struct itimerspec old,
        spec = {
            .it_interval = {.tv_sec = setting.times.period / SECOND, .tv_nsec = setting.times.period % SECOND},
            .it_value = {.tv_sec = setting.times.first / SECOND, .tv_nsec = setting.times.first % SECOND},
        };
    int result = timerfd_settime(setting.fd, setting.flags, &spec, &old);
    butter_times times, *before;

    if (result < 0)
        return result + 1;
    times = (butter_times){butter_nanoseconds(&old.it_value), butter_nanoseconds(&old.it_interval)};
    if (times.period == setting.times.period)
        return times.first;
    before = malloc(sizeof *before);
    if (before == NULL)
        return -ENOMEM;
    *before = times;
    return INT64_MIN + (int64_t)(intptr_t)before;
}

/* What arming gave the address of, once. */
static butter_times butter_timer_before(int64_t armed)
{
    butter_times *before = (butter_times *)(intptr_t)(armed - INT64_MIN), times = *before;
    free(before);
    return times;
}

/* The time left; 0 also for errors and for another period: to ask again harms nobody. */
static int64_t butter_timer_get(const char *bytes)
{
    butter_setting setting = butter_unpacked(bytes);
    struct itimerspec now;

    if (timerfd_gettime(setting.fd, &now) < 0 || butter_nanoseconds(&now.it_interval) != setting.times.period)
        return 0;
    return butter_nanoseconds(&now.it_value);
}
