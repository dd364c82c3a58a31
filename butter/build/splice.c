#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>

#ifndef IOV_MAX
# define IOV_MAX 1024
#endif
#define NULL_TERMINATOR 1

/* A call that fails returns -1 - errno: butter/errors.py says why. A pointer for an
   offset would cost as much time as the call, so an offset is a number, and
   INT64_MIN, which is not a valid offset, stands for NULL. */
static ssize_t butter_splice(int fd_in, int64_t off_in, int fd_out, int64_t off_out, size_t len, unsigned int flags)
{
    loff_t in = off_in, out = off_out;
    loff_t *in_offset = off_in == INT64_MIN ? NULL : &in, *out_offset = off_out == INT64_MIN ? NULL : &out;
    ssize_t moved = splice(fd_in, in_offset, fd_out, out_offset, len, flags);

    return moved < 0 ? -1 - errno : moved;
}

static ssize_t butter_tee(int fd_in, int fd_out, size_t len, unsigned int flags)
{
    ssize_t copied = tee(fd_in, fd_out, len, flags);

    return copied < 0 ? -1 - errno : copied;
}

#define splice butter_splice
#define tee butter_tee
