#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { COPY_DONE, COPY_MORE, COPY_WAIT_IN, COPY_WAIT_OUT };

/* The ways to copy. Where RANGE, SENDFILE or PIPE does not work, the next one is tried;
   SPLICE is for pipes, and PLAIN, the last, always works. */
enum { NONE, RANGE, SENDFILE, PIPE, SPLICE, PLAIN };

typedef struct {
    int fd_in, fd_out, duplicate;
    loff_t in_offset, out_offset;
    int64_t left, moved;
    int pipe[2];
    size_t piped;
    char *buffer;
    size_t start, end;
    int in_waits, out_waits;
    int in_disk, out_disk, in_pipe, out_pipe, in_socket, in_sizeless;
    int way, refusals;
    /* for a source with holes, see look() */
    int seeker;
    int64_t stop, gap;
} butter_copy;

#define PIPE_SIZE (1 << 19)
#define BUFFER_SIZE (1 << 18)
#define SLICE_NS 10000000
#define REFUSALS 64

#ifndef F_OFD_GETLK
# define F_OFD_GETLK 36
#endif
#ifndef FALLOC_FL_PUNCH_HOLE
# define FALLOC_FL_KEEP_SIZE 1
# define FALLOC_FL_PUNCH_HOLE 2
#endif

static size_t held(const butter_copy *copy)
{
    return copy->end - copy->start + copy->piped;
}

static loff_t position(int fd, loff_t offset)
{
    return offset < 0 ? lseek(fd, 0, SEEK_CUR) : offset;
}
