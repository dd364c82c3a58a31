from pathlib import Path

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

ffi = FFI()
ffi.cdef(DECLARATIONS)
SOURCES = [Path(__file__).with_name(name).read_text() for name in ("calls.h", "pipe.c")]
ffi.set_source("butter._pipe_c", "\n".join(SOURCES))
