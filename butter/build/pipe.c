#include <limits.h>

#ifndef O_NOTIFICATION_PIPE
# define O_NOTIFICATION_PIPE O_EXCL
#endif
#ifndef PIPE_BUF
# define PIPE_BUF 4096
#endif

static int butter_pipe2(int *ends, int flags)
{
    return (int)result_of(pipe2(ends, flags));
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
    return (int)result_of(fcntl(fd, F_GETPIPE_SZ));
}

static int set_pipe_size(int fd, unsigned int size)
{
    return (int)result_of(fcntl(fd, F_SETPIPE_SZ, size));
}

#define pipe2 butter_pipe2
