from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* AioInit(IntFlag): the flags of an Aio */
#define EFD_NONBLOCK ...      /* reads of events fail with EAGAIN instead of waiting */

/* AioCommand(IntEnum, IOCB_CMD_): the operations */
#define IOCB_CMD_PREAD ...    /* read into a buffer, from an offset */
#define IOCB_CMD_PWRITE ...   /* write a buffer, at an offset */
#define IOCB_CMD_FSYNC ...    /* bring a file's bytes and metadata to the disk (Linux 4.18) */
#define IOCB_CMD_FDSYNC ...   /* bring a file's bytes to the disk (Linux 4.18) */
#define IOCB_CMD_POLL ...     /* wait once until a file is ready (Linux 4.19) */
#define IOCB_CMD_NOOP ...     /* nothing; no kernel knows it */
#define IOCB_CMD_PREADV ...   /* read into several buffers */
#define IOCB_CMD_PWRITEV ...  /* write several buffers */

/* AioFlag(IntFlag, IOCB_FLAG_): which fields of an iocb count */
#define IOCB_FLAG_RESFD ...   /* add 1 to an eventfd when the operation is complete */
#define IOCB_FLAG_IOPRIO ...  /* the priority counts; by default that of the thread does (Linux 4.18) */

/* AioTransfer(IntFlag, RWF_): the flags of reads and writes */
#define RWF_HIPRI ...         /* poll the device for the end of the transfer; for files open with O_DIRECT */
#define RWF_DSYNC ...         /* have the bytes on the disk at the completion, as O_DSYNC does */
#define RWF_SYNC ...          /* have the bytes and the file's metadata on the disk, as O_SYNC does */
#define RWF_NOWAIT ...        /* fail with EAGAIN instead of waiting for a disk or a lock (Linux 4.14) */
#define RWF_APPEND ...        /* write at the end of the file, whatever the offset (Linux 4.16) */
#define RWF_NOAPPEND ...      /* write at the offset though the file is open with O_APPEND (Linux 6.9) */
#define RWF_ATOMIC ...        /* write all of it or nothing, even if the power fails (Linux 6.11) */
#define RWF_DONTCACHE ...     /* leave nothing of the transfer in the page cache (Linux 6.14) */
#define RWF_NOSIGNAL ...      /* send no SIGPIPE to a writer without a reader (Linux 6.18) */

struct iovec {
    void *iov_base;
    size_t iov_len;
};

/* struct iocb and struct io_event of the kernel */
typedef struct {
    uint64_t aio_data;
    ...;
} butter_iocb;
typedef struct {
    uint64_t data, obj;
    int64_t res, res2;
} butter_io_event;

int io_setup(unsigned int nr_events, unsigned long *context);
int io_submit(unsigned long context, long count, butter_iocb **iocbs);
int io_getevents(unsigned long context, long min_nr, long nr, butter_io_event *events, int64_t timeout);
int io_pgetevents(unsigned long context, long min_nr, long nr, butter_io_event *events, int64_t timeout, int masked,
                  uint64_t blocked);
int io_cancel(unsigned long context, butter_iocb *iocb);
int io_destroy(unsigned long context);

/* The context of an object. */
typedef struct {
    uint64_t context;
    ...;
} butter_aio;

/* Operations that are handed over together, and how many of them are. */
typedef struct {
    uint32_t count, done;
    butter_iocb *iocbs;
} butter_aio_batch;

/* The events of one read. */
typedef struct {
    uint32_t count, room;
    butter_io_event *found;
} butter_aio_events;

int butter_aio_eventfd(int flags);
int butter_aio_begin(butter_aio *aio, unsigned int depth);
int butter_aio_submit(butter_aio *aio, butter_aio_batch *batch);
int butter_aio_signal(butter_aio *aio, int fd);
int butter_aio_read(int fd, butter_aio_events *events, butter_aio *aio);
int butter_aio_cancel(butter_aio *aio, butter_iocb *iocb);
int butter_aio_end(butter_aio *aio, int patient);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
SOURCES = [Path(__file__).with_name(name).read_text() for name in ("calls.h", "times.h", "transfer.h", "aio.c")]
ffi.set_source("butter._aio_c", "\n".join(SOURCES))
