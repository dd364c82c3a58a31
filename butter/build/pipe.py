from cffi import FFI

DECLARATIONS = """
/* PipeFlags(IntFlag, O_): the flags of pipe2 */
#define O_CLOEXEC ...            /* close both ends when the process executes another program */
#define O_NONBLOCK ...           /* reads of an empty pipe, and writes to a full one, fail with EAGAIN */
#define O_DIRECT ...             /* each write is a packet, which one read takes whole; up to PIPE_BUF bytes */
#define O_NOTIFICATION_PIPE ...  /* the kernel writes notifications, if it was built with them (Linux 5.8) */

/* -: commands of fcntl, and a limit */
#define F_SETPIPE_SZ ...         /* set the size of a pipe */
#define F_GETPIPE_SZ ...         /* return the size of a pipe */
#define PIPE_BUF ...             /* the most bytes of a write that no other write can tear, and of a packet */

int pipe2(int *ends, int flags);
void butter_close_ends(int *ends);
int get_pipe_size(int fd);
int set_pipe_size(int fd, unsigned int size);
"""

SOURCE = """
#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#ifndef O_NOTIFICATION_PIPE
# define O_NOTIFICATION_PIPE O_EXCL
#endif
#ifndef PIPE_BUF
# define PIPE_BUF 4096
#endif

/* A call that fails returns -1 - errno: butter/errors.py says why. */
static int butter_pipe2(int *ends, int flags)
{
    return pipe2(ends, flags) < 0 ? -1 - errno : 0;
}

static void butter_close_ends(int *ends)
{
    if (ends[0] >= 0)
        close(ends[0]);
    if (ends[1] >= 0)
        close(ends[1]);
}

static int get_pipe_size(int fd)
{
    int size = fcntl(fd, F_GETPIPE_SZ);
    return size < 0 ? -1 - errno : size;
}

static int set_pipe_size(int fd, unsigned int size)
{
    int result = fcntl(fd, F_SETPIPE_SZ, size);
    return result < 0 ? -1 - errno : result;
}

#define pipe2 butter_pipe2
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
ffi.set_source("butter._pipe_c", SOURCE)
