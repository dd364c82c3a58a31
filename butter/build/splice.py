from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* SpliceFlags(IntFlag, SPLICE_F_): the flags of splice and tee */
#define SPLICE_F_MOVE ...      /* move pages instead of copying them; Linux 2.6.21 and later ignore it */
#define SPLICE_F_NONBLOCK ...  /* fail with EAGAIN instead of waiting for a pipe; a socket may still wait */
#define SPLICE_F_MORE ...      /* more follows soon, so a socket may wait to fill its packet */
#define SPLICE_F_GIFT ...      /* the pages become the kernel's (vmsplice alone) */

/* -: limits of the C library */
#define IOV_MAX ...            /* the most buffers that one call takes */
#define NULL_TERMINATOR ...    /* the bytes that end a string in C */

ssize_t splice(int fd_in, int64_t off_in, int fd_out, int64_t off_out, size_t len, unsigned int flags);
ssize_t tee(int fd_in, int fd_out, size_t len, unsigned int flags);

enum { COPY_DONE, COPY_MORE, COPY_WAIT_IN, COPY_WAIT_OUT };

/* A copy under way. The caller sets the first six fields; an offset of -1 means the file's own position. */
typedef struct {
    int fd_in, fd_out;
    int duplicate;                  /* work on duplicates of both, which become fd_in and fd_out */
    int64_t in_offset, out_offset;
    int64_t left;                   /* bytes still to take from fd_in */
    int64_t moved;                  /* bytes that reached fd_out */
    int pipe[2];                    /* the private pipe, or -1 */
    size_t piped;                   /* bytes taken that wait in the private pipe */
    char *buffer;
    size_t start, end;              /* bytes taken that wait in the buffer, before those in the pipe */
    int in_disk;                    /* whether fd_in has a position that can be set */
    int in_waits, out_waits;        /* whether a call for this descriptor may wait in the kernel */
    ...;
} butter_copy;

int butter_copy_begin(butter_copy *copy);
int butter_copy_step(butter_copy *copy, size_t most);
void butter_copy_end(butter_copy *copy);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
# splice.c comes last: it ends with the names of the calls
SOURCES = [Path(__file__).with_name(name).read_text() for name in ("copy.h", "holes.c", "copy.c", "splice.c")]
ffi.set_source("butter._splice_c", "\n".join(SOURCES))
