from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* UringOp(IntEnum, IORING_OP_): the operations of requests */
#define IORING_OP_NOP ...               /* do nothing (Linux 5.1) */
#define IORING_OP_READV ...             /* read into several buffers (Linux 5.1) */
#define IORING_OP_WRITEV ...            /* write several buffers (Linux 5.1) */
#define IORING_OP_FSYNC ...             /* write a file to its disk (Linux 5.1) */
#define IORING_OP_READ_FIXED ...        /* read into a registered buffer (Linux 5.1) */
#define IORING_OP_WRITE_FIXED ...       /* write a registered buffer (Linux 5.1) */
#define IORING_OP_POLL_ADD ...          /* wait until a descriptor is ready (Linux 5.1) */
#define IORING_OP_POLL_REMOVE ...       /* end or change such a wait (Linux 5.1) */
#define IORING_OP_SYNC_FILE_RANGE ...   /* write a part of a file to its disk (Linux 5.2) */
#define IORING_OP_SENDMSG ...           /* send a message (Linux 5.3) */
#define IORING_OP_RECVMSG ...           /* receive a message (Linux 5.3) */
#define IORING_OP_TIMEOUT ...           /* complete after a time (Linux 5.4) */
#define IORING_OP_TIMEOUT_REMOVE ...    /* end or change such a timeout (Linux 5.5) */
#define IORING_OP_ACCEPT ...            /* accept a connection (Linux 5.5) */
#define IORING_OP_ASYNC_CANCEL ...      /* cancel requests (Linux 5.5) */
#define IORING_OP_LINK_TIMEOUT ...      /* cancel the request before it after a time (Linux 5.5) */
#define IORING_OP_CONNECT ...           /* connect a socket (Linux 5.5) */
#define IORING_OP_FALLOCATE ...         /* allocate space of a file (Linux 5.6) */
#define IORING_OP_OPENAT ...            /* open a file (Linux 5.6) */
#define IORING_OP_CLOSE ...             /* close a descriptor (Linux 5.6) */
#define IORING_OP_FILES_UPDATE ...      /* replace registered descriptors (Linux 5.6) */
#define IORING_OP_STATX ...             /* look at a file (Linux 5.6) */
#define IORING_OP_READ ...              /* read into a buffer (Linux 5.6) */
#define IORING_OP_WRITE ...             /* write a buffer (Linux 5.6) */
#define IORING_OP_FADVISE ...           /* say how a file will be used (Linux 5.6) */
#define IORING_OP_MADVISE ...           /* say how memory will be used (Linux 5.6) */
#define IORING_OP_SEND ...              /* send bytes (Linux 5.6) */
#define IORING_OP_RECV ...              /* receive bytes (Linux 5.6) */
#define IORING_OP_OPENAT2 ...           /* open a file, with restrictions of the path (Linux 5.6) */
#define IORING_OP_EPOLL_CTL ...         /* change the registrations of an epoll (Linux 5.6) */
#define IORING_OP_SPLICE ...            /* move bytes to or from a pipe (Linux 5.7) */
#define IORING_OP_PROVIDE_BUFFERS ...   /* provide buffers to a group (Linux 5.7) */
#define IORING_OP_REMOVE_BUFFERS ...    /* take buffers from a group (Linux 5.7) */
#define IORING_OP_TEE ...               /* copy bytes from a pipe to a pipe (Linux 5.8) */
#define IORING_OP_SHUTDOWN ...          /* end a direction of a connection (Linux 5.11) */
#define IORING_OP_RENAMEAT ...          /* rename a file (Linux 5.11) */
#define IORING_OP_UNLINKAT ...          /* remove a name (Linux 5.11) */
#define IORING_OP_MKDIRAT ...           /* make a directory (Linux 5.15) */
#define IORING_OP_SYMLINKAT ...         /* make a symbolic link (Linux 5.15) */
#define IORING_OP_LINKAT ...            /* make a hard link (Linux 5.15) */
#define IORING_OP_MSG_RING ...          /* send a completion to another ring (Linux 5.18) */
#define IORING_OP_FSETXATTR ...         /* set an extended attribute of a descriptor (Linux 5.19) */
#define IORING_OP_SETXATTR ...          /* set an extended attribute of a path (Linux 5.19) */
#define IORING_OP_FGETXATTR ...         /* get an extended attribute of a descriptor (Linux 5.19) */
#define IORING_OP_GETXATTR ...          /* get an extended attribute of a path (Linux 5.19) */
#define IORING_OP_SOCKET ...            /* make a socket (Linux 5.19) */
#define IORING_OP_URING_CMD ...         /* a command of the driver of a device (Linux 5.19) */
#define IORING_OP_SEND_ZC ...           /* send bytes without copying them (Linux 6.0) */
#define IORING_OP_SENDMSG_ZC ...        /* send a message without copying it (Linux 6.1) */
#define IORING_OP_READ_MULTISHOT ...    /* read into provided buffers, again and again (Linux 6.7) */
#define IORING_OP_WAITID ...            /* wait for a child (Linux 6.7) */
#define IORING_OP_FUTEX_WAIT ...        /* wait for a futex (Linux 6.7) */
#define IORING_OP_FUTEX_WAKE ...        /* wake waiters of a futex (Linux 6.7) */
#define IORING_OP_FUTEX_WAITV ...       /* wait for one of several futexes (Linux 6.7) */
#define IORING_OP_FIXED_FD_INSTALL ...  /* make a descriptor of a registered one (Linux 6.8) */
#define IORING_OP_FTRUNCATE ...         /* change the size of a file (Linux 6.9) */
#define IORING_OP_BIND ...              /* give an address to a socket (Linux 6.11) */
#define IORING_OP_LISTEN ...            /* have a socket take connections (Linux 6.11) */
#define IORING_OP_RECV_ZC ...           /* receive without copies (Linux 6.15) */
#define IORING_OP_EPOLL_WAIT ...        /* wait for events of an epoll (Linux 6.15) */
#define IORING_OP_READV_FIXED ...       /* read into parts of registered buffers (Linux 6.15) */
#define IORING_OP_WRITEV_FIXED ...      /* write parts of registered buffers (Linux 6.15) */
#define IORING_OP_PIPE ...              /* make a pipe (Linux 6.16) */
#define IORING_OP_NOP128 ...            /* do nothing, with 128 bytes (Linux 6.19) */
#define IORING_OP_URING_CMD128 ...      /* a command with 128 bytes (Linux 6.19) */

/* UringRequest(IntFlag, IOSQE_): the flags of a request */
#define IOSQE_FIXED_FILE ...        /* the descriptor is an index of a registered file (Linux 5.1) */
#define IOSQE_IO_DRAIN ...          /* begin after all requests before this one (Linux 5.2) */
#define IOSQE_IO_LINK ...           /* the next request begins when this one has succeeded (Linux 5.3) */
#define IOSQE_IO_HARDLINK ...       /* the next request begins when this one has ended (Linux 5.5) */
#define IOSQE_ASYNC ...             /* leave the request to a worker of the kernel at once (Linux 5.6) */
#define IOSQE_BUFFER_SELECT ...     /* take a buffer of the group (Linux 5.7) */
#define IOSQE_CQE_SKIP_SUCCESS ...  /* complete only where the request fails (Linux 5.17) */

/* UringTimeout(IntFlag, IORING_TIMEOUT_): the flags of a timeout */
#define IORING_TIMEOUT_ABS ...            /* the time is a time of the clock, and not a span (Linux 5.4) */
#define IORING_TIMEOUT_UPDATE ...         /* of TIMEOUT_REMOVE: change the time (Linux 5.11) */
#define IORING_TIMEOUT_BOOTTIME ...       /* the clock is CLOCK_BOOTTIME (Linux 5.15) */
#define IORING_TIMEOUT_REALTIME ...       /* the clock is CLOCK_REALTIME (Linux 5.15) */
#define IORING_TIMEOUT_ETIME_SUCCESS ...  /* a linked request begins when the time is over (Linux 5.16) */
#define IORING_TIMEOUT_MULTISHOT ...      /* complete again and again (Linux 6.4) */
#define IORING_TIMEOUT_IMMEDIATE_ARG ...  /* the time is in the request itself, in nanoseconds (Linux 7.0) */

/* -: more bits of a timeout */
#define IORING_LINK_TIMEOUT_UPDATE ...  /* of TIMEOUT_REMOVE: change the time of a LINK_TIMEOUT (Linux 5.15) */
#define IORING_TIMEOUT_CLOCK_MASK ...   /* the flags that choose a clock (Linux 5.15) */
#define IORING_TIMEOUT_UPDATE_MASK ...  /* the flags that change a timeout (Linux 5.15) */

/* UringPoll(IntFlag, IORING_POLL_): the flags of POLL_ADD and POLL_REMOVE */
#define IORING_POLL_ADD_MULTI ...         /* complete again and again (Linux 5.13) */
#define IORING_POLL_UPDATE_EVENTS ...     /* change the events of a wait (Linux 5.13) */
#define IORING_POLL_UPDATE_USER_DATA ...  /* change the user_data of a wait (Linux 5.13) */
#define IORING_POLL_ADD_LEVEL ...         /* complete while the descriptor stays ready (Linux 6.0) */

/* UringCancel(IntFlag, IORING_ASYNC_CANCEL_): the flags of ASYNC_CANCEL */
#define IORING_ASYNC_CANCEL_ALL ...       /* cancel all requests that match (Linux 5.19) */
#define IORING_ASYNC_CANCEL_FD ...        /* match requests by their descriptor (Linux 5.19) */
#define IORING_ASYNC_CANCEL_ANY ...       /* match each request (Linux 5.19) */
#define IORING_ASYNC_CANCEL_FD_FIXED ...  /* the descriptor is an index of a registered file (Linux 6.0) */
#define IORING_ASYNC_CANCEL_USERDATA ...  /* match requests by their user_data (Linux 6.6) */
#define IORING_ASYNC_CANCEL_OP ...        /* match requests by their operation (Linux 6.6) */

/* UringTransfer(IntFlag, IORING_): the flags of sends and receives */
#define IORING_RECVSEND_POLL_FIRST ...   /* wait until the socket is ready before the first try (Linux 5.19) */
#define IORING_RECV_MULTISHOT ...        /* receive again and again (Linux 6.0) */
#define IORING_RECVSEND_FIXED_BUF ...    /* the buffer is a registered one (Linux 6.0) */
#define IORING_SEND_ZC_REPORT_USAGE ...  /* the notification says whether bytes were copied (Linux 6.2) */
#define IORING_RECVSEND_BUNDLE ...       /* use several provided buffers (Linux 6.10) */
#define IORING_SEND_VECTORIZED ...       /* send several buffers (Linux 6.17) */

/* -: the result of a notification */
#define IORING_NOTIF_USAGE_ZC_COPIED ...  /* the bytes were copied, at least some (Linux 6.2) */

/* UringAccept(IntFlag, IORING_ACCEPT_): the flags of ACCEPT */
#define IORING_ACCEPT_MULTISHOT ...   /* accept again and again (Linux 5.19) */
#define IORING_ACCEPT_DONTWAIT ...    /* do not wait for a connection (Linux 6.10) */
#define IORING_ACCEPT_POLL_FIRST ...  /* wait before the first try (Linux 6.10) */

/* UringMessage(IntEnum, IORING_MSG_): the kinds of messages between rings */
#define IORING_MSG_DATA ...     /* a result and a user_data (Linux 5.18) */
#define IORING_MSG_SEND_FD ...  /* a registered file (Linux 6.0) */

/* UringMessageFlags(IntFlag, IORING_MSG_RING_): the flags of MSG_RING */
#define IORING_MSG_RING_CQE_SKIP ...    /* the other ring gets no completion (Linux 6.0) */
#define IORING_MSG_RING_FLAGS_PASS ...  /* the completion has the flags of the request (Linux 6.3) */

/* UringNop(IntFlag, IORING_NOP_): the flags of NOP */
#define IORING_NOP_INJECT_RESULT ...  /* complete with the result that the request has (Linux 6.10) */
#define IORING_NOP_FILE ...           /* look the descriptor up (Linux 6.13) */
#define IORING_NOP_FIXED_FILE ...     /* the descriptor is an index of a registered file (Linux 6.13) */
#define IORING_NOP_FIXED_BUFFER ...   /* look a registered buffer up (Linux 6.13) */
#define IORING_NOP_TW ...             /* complete as a request that had to wait (Linux 6.16) */
#define IORING_NOP_CQE32 ...          /* complete with 32 bytes (Linux 6.18) */

/* -: other flags of requests */
#define IORING_FSYNC_DATASYNC ...       /* of FSYNC: as fdatasync (Linux 5.1) */
#define IORING_FILE_INDEX_ALLOC ...     /* the kernel chooses the slot of a new registered file (Linux 5.19) */
#define IORING_FIXED_FD_NO_CLOEXEC ...  /* of FIXED_FD_INSTALL: an executed program has it (Linux 6.8) */
#define IORING_URING_CMD_FIXED ...      /* of URING_CMD: the buffer is a registered one (Linux 6.1) */
#define IORING_URING_CMD_MULTISHOT ...  /* of URING_CMD: complete again and again (Linux 6.18) */
#define IORING_URING_CMD_MASK ...       /* all flags of URING_CMD (Linux 6.1) */
#define IORING_RW_ATTR_FLAG_PI ...      /* of READ and WRITE: the request has protection information (Linux 6.13) */
#define SPLICE_F_FD_IN_FIXED ...        /* of SPLICE and TEE: the source is an index of a registered file (Linux 5.7) */

/* UringSocketOp(IntEnum, SOCKET_URING_OP_): the commands of URING_CMD for a socket */
#define SOCKET_URING_OP_SIOCINQ ...       /* how many bytes can be read (Linux 6.7) */
#define SOCKET_URING_OP_SIOCOUTQ ...      /* how many bytes are not sent yet (Linux 6.7) */
#define SOCKET_URING_OP_GETSOCKOPT ...    /* get an option (Linux 6.7) */
#define SOCKET_URING_OP_SETSOCKOPT ...    /* set an option (Linux 6.7) */
#define SOCKET_URING_OP_TX_TIMESTAMP ...  /* get the timestamps of what was sent (Linux 6.17) */
#define SOCKET_URING_OP_GETSOCKNAME ...   /* get an address of the socket (Linux 6.19) */

/* UringResolve(IntFlag, RESOLVE_): the restrictions of the path of OPENAT2, see openat2(2) */
#define RESOLVE_NO_XDEV ...        /* the path stays in one mount */
#define RESOLVE_NO_MAGICLINKS ...  /* no link of /proc that leads to an open file */
#define RESOLVE_NO_SYMLINKS ...    /* no symbolic link, also not at the end */
#define RESOLVE_BENEATH ...        /* the path stays below its directory, also by links and '..' */
#define RESOLVE_IN_ROOT ...        /* the directory is the root of absolute paths and links, and '..' stays in it */
#define RESOLVE_CACHED ...         /* EAGAIN where a disk would have to be asked (Linux 5.12) */

typedef struct {
    uint64_t user_data;
    int32_t result;
    uint32_t flags;
} butter_cqe;

/* Room for the completions of one read */
typedef struct {
    uint32_t count, room;
    butter_cqe *found;
    uint32_t *at;
    uint32_t holds;
} butter_completions;

/* A ring of uring_ring.h, of which Python reads these */
typedef struct {
    uint32_t setup, features, entries, cq_entries;
    ...;
} butter_ring;

butter_ring *butter_ring_new(void);
void butter_ring_free(butter_ring *ring);
int butter_ring_open(butter_ring *ring, uint32_t entries, uint32_t flags, uint32_t cq_entries, uint32_t sq_thread_cpu,
                     uint32_t sq_thread_idle, int wq_fd);
int butter_ring_queue(butter_ring *ring, uint64_t user_data, uint8_t opcode, uint8_t flags, int fd, const void *addr,
                      uint32_t len, uint64_t off, uint32_t op_flags, uint16_t ioprio, uint16_t buf_index,
                      int32_t file_index, uint64_t addr3);
int butter_ring_move(butter_ring *ring, int64_t user_data, int opcode, int fd, void *addr, int len, int64_t off);
int butter_ring_submit(butter_ring *ring);
int butter_ring_make_room(butter_ring *ring);
int butter_ring_read(int fd, butter_completions *completions, butter_ring *ring, int wait);
int butter_ring_made(butter_ring *ring, butter_completions *completions);
int butter_ring_wait(butter_ring *ring, int64_t nanoseconds);
int butter_ring_queued(butter_ring *ring);
int butter_ring_in_flight(butter_ring *ring);
int butter_ring_end(butter_ring *ring, butter_completions *completions, const uint64_t *requests, uint32_t count);
void butter_ring_unmap(butter_ring *ring);
int butter_ring_register(butter_ring *ring, uint32_t opcode, void *argument, uint32_t count);

/* Many reads that one call makes */
typedef struct {
    uint32_t count, queued, left, failed;
    ...;
} butter_batch;

int64_t butter_batch_size(const int64_t *requests, uint32_t count);
int butter_ring_read_many(butter_ring *ring, butter_completions *completions, butter_batch *batch, uint32_t count,
                          int64_t *requests, char *memory, int64_t size, int32_t *results);
int butter_ring_go_on(butter_ring *ring, butter_completions *completions, butter_batch *batch);
int butter_ring_leave_batch(butter_ring *ring, butter_batch *batch);
int butter_batch_goes_on(butter_ring *ring, butter_batch *batch);

/* A group of provided buffers */
typedef struct {
    uint32_t number, entries, size, first;
    char *memory;
    uint16_t *next;
    ...;
} butter_group;

int butter_ring_use_pieces(butter_ring *ring);
butter_group *butter_group_new(uint32_t number, uint32_t entries, uint32_t size, uint32_t first);
void butter_group_free(butter_group *group);
int butter_group_register(butter_ring *ring, butter_group *group);
int butter_group_unregister(butter_ring *ring, butter_group *group);
void butter_group_give_back(butter_ring *ring, butter_group *group, butter_completions *completions, uint32_t index,
                            uint32_t count);
void butter_ring_forget(butter_ring *ring);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
NAMES = (
    "quick.h",
    "uring_numbers.h",
    "uring.h",
    "uring_ring.h",
    "uring_ring.c",
    "uring_ring_end.c",
    "uring_ring_buffers.c",
    "uring_ring_batch.c",
)
SOURCES = [Path(__file__).with_name(name).read_text() for name in NAMES]
ffi.set_source("butter._uring_ring_c", "\n".join(SOURCES))
