from cffi import FFI

DECLARATIONS = """
/* EventfdInit(IntFlag): the flags of eventfd */
#define EFD_CLOEXEC ...    /* close the descriptor when the process executes another program */
#define EFD_NONBLOCK ...   /* reads of 0, and writes that would overflow, fail with EAGAIN instead of waiting */
#define EFD_SEMAPHORE ...  /* a read takes 1 from the counter instead of all of it */

int eventfd(unsigned int initval, int flags);
int eventfd_read(int fd, uint64_t *value);
int eventfd_write(int fd, uint64_t value);
"""

SOURCE = """
#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>

/* A call that fails returns -1 - errno: butter/errors.py says why. */
static int butter_eventfd(unsigned int initval, int flags)
{
    int fd = eventfd(initval, flags);
    return fd < 0 ? -1 - errno : fd;
}

static int butter_eventfd_read(int fd, uint64_t *value)
{
    /* If the read returns fewer than 8 bytes, the C library fails without an errno; a
       read of an eventfd never does that. */
    errno = EINVAL;
    return eventfd_read(fd, value) == 0 ? 0 : -1 - errno;
}

static int butter_eventfd_write(int fd, uint64_t value)
{
    errno = EINVAL;
    return eventfd_write(fd, value) == 0 ? 0 : -1 - errno;
}

#define eventfd butter_eventfd
#define eventfd_read butter_eventfd_read
#define eventfd_write butter_eventfd_write
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
ffi.set_source("butter._eventfd_c", SOURCE)
