#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#ifndef EPOLLNVAL
# define EPOLLNVAL 0x020
#endif
#ifndef EPOLLEXCLUSIVE
# define EPOLLEXCLUSIVE (1U << 28)
#endif
#ifndef EPOLLWAKEUP
# define EPOLLWAKEUP (1U << 29)
#endif
#ifndef SYS_epoll_pwait2
# define SYS_epoll_pwait2 441
#endif

/* struct epoll_params of the kernel; the C library's own may be missing. */
typedef struct {
    uint32_t busy_poll_usecs;
    uint16_t busy_poll_budget;
    uint8_t prefer_busy_poll;
    uint8_t pad;
} butter_epoll_params;
_Static_assert(sizeof(butter_epoll_params) == 8, "the size is a part of the number of the request");

#ifndef EPIOCSPARAMS
# define EPIOCSPARAMS _IOW(0x8A, 1, butter_epoll_params)
# define EPIOCGPARAMS _IOR(0x8A, 2, butter_epoll_params)
#endif

/* The events of one call: the kernel's structs, or after a read of an object, in the
   same place, a descriptor and a mask for each. */
typedef struct {
    uint32_t count, room;
    struct epoll_event *found;
} butter_epoll_events;

typedef struct {
    int32_t fd;
    uint32_t events;
} butter_epoll_pair;

static int butter_epoll_create1(int flags)
{
    return (int)result_of(epoll_create1(flags));
}
#define epoll_create1 butter_epoll_create1

/* The kernel asks a file what it is ready for, under a lock that the other calls on the
   descriptor take too. A file of FUSE asks a server, which may be a thread of this
   process: so each operation leaves the GIL to it. */
static int butter_epoll_ctl(int epfd, int op, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    int result;

    WITHOUT_GIL(result = (int)result_of(epoll_ctl(epfd, op, fd, &event)));
    return result;
}

static int counted(butter_epoll_events *events, long count)
{
    if (count > 0)
        events->count = (uint32_t)count;
    return (int)result_of(count);
}

/* Turn the structs into pairs, which are smaller: each is read before it is covered. */
static int paired(butter_epoll_events *events, long count)
{
    char *pairs = (char *)events->found;

    for (long i = 0; i < count; i++) {
        const struct epoll_event found = events->found[i];
        const butter_epoll_pair pair = {found.data.fd, found.events};
        memcpy(pairs + i * (long)sizeof pair, &pair, sizeof pair);
    }
    return counted(events, count);
}

static int butter_epoll_wait(int epfd, butter_epoll_events *events, int maxevents, int timeout)
{
    int result;

    WITHOUT_GIL(result = counted(events, epoll_wait(epfd, events->found, maxevents, timeout)));
    return result;
}

/* A mask of the kernel has 64 bits on each architecture, that of the C library more. */
static long pwait(int epfd, butter_epoll_events *events, int maxevents, int timeout, const uint64_t *mask)
{
    return syscall(SYS_epoll_pwait, epfd, events->found, maxevents, timeout, mask, sizeof *mask);
}

static int butter_epoll_pwait(int epfd, butter_epoll_events *events, int maxevents, int timeout, int masked,
                              uint64_t blocked)
{
    int result;

    WITHOUT_GIL(result = counted(events, pwait(epfd, events, maxevents, timeout, masked ? &blocked : NULL)));
    return result;
}

/* A negative number of nanoseconds stands for a wait without an end. */
static long pwait2(int epfd, butter_epoll_events *events, int maxevents, int64_t nanoseconds, const uint64_t *mask)
{
    const struct timespec timeout = butter_timespec(nanoseconds);

    return syscall(SYS_epoll_pwait2, epfd, events->found, maxevents, nanoseconds < 0 ? NULL : &timeout, mask,
                   sizeof *mask);
}

static int butter_epoll_pwait2(int epfd, butter_epoll_events *events, int maxevents, int64_t timeout, int masked,
                               uint64_t blocked)
{
    int result;

    WITHOUT_GIL(result = counted(events, pwait2(epfd, events, maxevents, timeout, masked ? &blocked : NULL)));
    return result;
}

/* The timeout is in nanoseconds; -1 waits for ever, and -2 too unless the descriptor
   has the flag O_NONBLOCK, which means nothing to the kernel. */
static int read_pairs(int epfd, butter_epoll_events *events, int maxevents, int64_t timeout)
{
    const int64_t millisecond = 1000000;
    long count;

    if (maxevents > (int64_t)events->room)
        maxevents = (int)events->room;
    if (timeout <= 0) {
        count = epoll_wait(epfd, events->found, maxevents, timeout == -1 ? -1 : 0);
        /* the flag is looked at only where it matters: that is a system call too */
        if (count == 0 && timeout == -2) {
            int flags = fcntl(epfd, F_GETFL);
            if (flags >= 0 && flags & O_NONBLOCK)
                return -1 - EAGAIN;
            count = epoll_wait(epfd, events->found, maxevents, -1);
        }
        return paired(events, count);
    }
    count = pwait2(epfd, events, maxevents, timeout, NULL);
    /* before Linux 5.11 the time is rounded up to milliseconds; an old seccomp filter
       answers EPERM for calls that it does not know */
    if (count < 0 && (errno == ENOSYS || errno == EPERM)) {
        int64_t longest = INT_MAX * millisecond;
        int64_t left = timeout < longest ? (timeout + millisecond - 1) / millisecond : INT_MAX;
        count = epoll_wait(epfd, events->found, maxevents, (int)left);
    }
    return paired(events, count);
}

/* The read of an object. */
static int butter_epoll_read(int epfd, butter_epoll_events *events, int maxevents, int64_t timeout)
{
    int result;

    WITHOUT_GIL(result = read_pairs(epfd, events, maxevents, timeout));
    return result;
}

static int butter_epoll_ioctl(int epfd, unsigned long request, butter_epoll_params *params)
{
    params->pad = 0;
    return (int)result_of(ioctl(epfd, request, params));
}
