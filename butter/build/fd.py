from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* FdDup(IntFlag, O_): the flags of dup3 */
#define O_CLOEXEC ...            /* close the duplicate when the process executes another program */

/* FdCloseRange(IntFlag, CLOSE_RANGE_): the flags of close_range */
#define CLOSE_RANGE_UNSHARE ...  /* leave the descriptors of what shares them, as threads do: copy the table first */
#define CLOSE_RANGE_CLOEXEC ...  /* close them when the process executes another program, and not now (Linux 5.11) */

/* FdTransfer(IntFlag, RWF_): the flags of preadv2 and pwritev2 */
#define RWF_HIPRI ...            /* poll the device for the end of the transfer; for files open with O_DIRECT */
#define RWF_DSYNC ...            /* have the bytes on the disk when the call returns, as O_DSYNC does */
#define RWF_SYNC ...             /* have the bytes and the file's metadata on the disk, as O_SYNC does */
#define RWF_NOWAIT ...           /* fail with EAGAIN instead of waiting for a disk or a lock (Linux 4.14) */
#define RWF_APPEND ...           /* write at the end of the file, whatever the offset (Linux 4.16) */
#define RWF_NOAPPEND ...         /* write at the offset though the file is open with O_APPEND (Linux 6.9) */
#define RWF_ATOMIC ...           /* write all of it or nothing, even if the power fails (Linux 6.11) */
#define RWF_DONTCACHE ...        /* leave nothing of the transfer in the page cache (Linux 6.14) */
#define RWF_NOSIGNAL ...         /* send no SIGPIPE to a writer without a reader (Linux 6.18) */

int dup3(int oldfd, int newfd, int flags);
int close_range(unsigned int first, unsigned int last, unsigned int flags);
int same_open_file(int a, int b);

struct iovec {
    void *iov_base;
    size_t iov_len;
};

ssize_t readv(int fd, const struct iovec *iov, int iovcnt);
ssize_t writev(int fd, const struct iovec *iov, int iovcnt);
ssize_t preadv2(int fd, const struct iovec *iov, int iovcnt, int64_t offset, int flags);
ssize_t pwritev2(int fd, const struct iovec *iov, int iovcnt, int64_t offset, int flags);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
SOURCES = [Path(__file__).with_name(name).read_text() for name in ("calls.h", "transfer.h", "fd.c")]
ffi.set_source("butter._fd_c", "\n".join(SOURCES))
