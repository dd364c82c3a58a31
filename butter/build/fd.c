#include <sys/uio.h>

/* These are younger than the headers of old C libraries. */
#ifndef SYS_close_range
# define SYS_close_range 436
#endif
#ifndef CLOSE_RANGE_UNSHARE
# define CLOSE_RANGE_UNSHARE 2
#endif
#ifndef CLOSE_RANGE_CLOEXEC
# define CLOSE_RANGE_CLOEXEC 4
#endif
#define BUTTER_DUPFD_QUERY 1027 /* Linux 6.10 */

static int butter_dup3(int oldfd, int newfd, int flags)
{
    return (int)result_of(syscall(SYS_dup3, oldfd, newfd, flags));
}

static int butter_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
    return (int)result_of(syscall(SYS_close_range, first, last, flags));
}

/* Returns whether both descriptors are of one open file. The thread is named by its own
   number: its table of descriptors may be another one than that of the process. */
static int same_open_file(int a, int b)
{
    long result = result_of(fcntl(a, BUTTER_DUPFD_QUERY, b)), order;
    int thread;

    /* some kernels look at a alone, and then say that a closed b is another file */
    if (result == 0 && fcntl(b, F_GETFD) < 0)
        return -1 - EBADF;
    if (result >= 0)
        return (int)result;
    /* EBADF too: an older kernel says so of a descriptor with O_PATH, which is open */
    thread = (int)syscall(SYS_gettid);
    order = butter_compare_files(thread, a, thread, b);
    if (order < 0)
        return (int)(result == -1 - EBADF ? result : order);
    return order == 0;
}

static ssize_t butter_readv(int fd, const struct iovec *iov, int iovcnt)
{
    return result_of(readv(fd, iov, iovcnt));
}

static ssize_t butter_writev(int fd, const struct iovec *iov, int iovcnt)
{
    return result_of(writev(fd, iov, iovcnt));
}

/* The kernel takes the offset in two halves, of which the first has all 64 bits. */
static ssize_t butter_preadv2(int fd, const struct iovec *iov, int iovcnt, int64_t offset, int flags)
{
    return result_of(syscall(SYS_preadv2, fd, iov, (long)iovcnt, (long)offset, 0L, flags));
}

static ssize_t butter_pwritev2(int fd, const struct iovec *iov, int iovcnt, int64_t offset, int flags)
{
    return result_of(syscall(SYS_pwritev2, fd, iov, (long)iovcnt, (long)offset, 0L, flags));
}

#define dup3 butter_dup3
#define close_range butter_close_range
#define readv butter_readv
#define writev butter_writev
#define preadv2 butter_preadv2
#define pwritev2 butter_pwritev2
