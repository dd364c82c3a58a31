#include <stdint.h>
#include <time.h>

/* Python and C exchange times as nanoseconds, as the kernel itself counts: 64 bits hold
   them. */
#define SECOND 1000000000

static inline struct timespec butter_timespec(int64_t nanoseconds)
{
    return (struct timespec){.tv_sec = nanoseconds / SECOND, .tv_nsec = nanoseconds % SECOND};
}

static inline int64_t butter_nanoseconds(const struct timespec *time)
{
    return (int64_t)time->tv_sec * SECOND + time->tv_nsec;
}
