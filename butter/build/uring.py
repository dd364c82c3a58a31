from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* UringSetup(IntFlag, IORING_SETUP_): the flags of io_uring_setup */
#define IORING_SETUP_IOPOLL ...              /* devices are asked whether they are done (Linux 5.1) */
#define IORING_SETUP_SQPOLL ...              /* a thread of the kernel submits what is queued (Linux 5.1) */
#define IORING_SETUP_SQ_AFF ...              /* that thread runs on the processor sq_thread_cpu (Linux 5.1) */
#define IORING_SETUP_CQSIZE ...              /* cq_entries says how many completions there is room for (Linux 5.5) */
#define IORING_SETUP_CLAMP ...               /* too many entries become as many as the kernel allows (Linux 5.6) */
#define IORING_SETUP_ATTACH_WQ ...           /* share the kernel's workers with the ring wq_fd (Linux 5.6) */
#define IORING_SETUP_R_DISABLED ...  /* the ring takes requests only after IORING_REGISTER_ENABLE_RINGS (Linux 5.10) */
#define IORING_SETUP_SUBMIT_ALL ...          /* a request that is refused does not keep those after it (Linux 5.18) */
#define IORING_SETUP_COOP_TASKRUN ...        /* completions wait for the next call of the thread (Linux 5.19) */
#define IORING_SETUP_TASKRUN_FLAG ...  /* IORING_SQ_TASKRUN tells of completions that wait for a call (Linux 5.19) */
#define IORING_SETUP_SQE128 ...              /* requests have 128 bytes (Linux 5.19) */
#define IORING_SETUP_CQE32 ...               /* completions have 32 bytes (Linux 5.19) */
#define IORING_SETUP_SINGLE_ISSUER ...       /* only one thread submits (Linux 6.0) */
#define IORING_SETUP_DEFER_TASKRUN ...       /* completions wait until that thread asks for them (Linux 6.1) */
#define IORING_SETUP_NO_MMAP ...             /* the program brings the memory of the queues (Linux 6.5) */
#define IORING_SETUP_REGISTERED_FD_ONLY ...  /* return an index of a registered ring, not a descriptor (Linux 6.5) */
#define IORING_SETUP_NO_SQARRAY ...  /* requests are taken in their order, without a list of indices (Linux 6.6) */
#define IORING_SETUP_HYBRID_IOPOLL ...       /* sleep for a while before a device is asked (Linux 6.13) */
#define IORING_SETUP_CQE_MIXED ...           /* completions have 16 or 32 bytes (Linux 6.18) */
#define IORING_SETUP_SQE_MIXED ...           /* requests have 64 or 128 bytes (Linux 6.19) */
#define IORING_SETUP_SQ_REWIND ...           /* each submission begins at the first entry (Linux 7.0) */

/* UringFeature(IntFlag, IORING_FEAT_): abilities of a ring, in the features of its parameters */
#define IORING_FEAT_SINGLE_MMAP ...      /* both queues are in one mapping (Linux 5.4) */
#define IORING_FEAT_NODROP ...           /* completions are kept where the queue is full (Linux 5.5) */
#define IORING_FEAT_SUBMIT_STABLE ...    /* what a request points to may change once it is submitted (Linux 5.5) */
#define IORING_FEAT_RW_CUR_POS ...       /* an offset of -1 is the position of the file (Linux 5.6) */
#define IORING_FEAT_CUR_PERSONALITY ...  /* requests have the credentials of the thread that submits (Linux 5.6) */
#define IORING_FEAT_FAST_POLL ...        /* a file that is not ready is waited for without a thread (Linux 5.7) */
#define IORING_FEAT_POLL_32BITS ...      /* events of poll have 32 bits (Linux 5.9) */
#define IORING_FEAT_SQPOLL_NONFIXED ...  /* the thread of IORING_SETUP_SQPOLL takes any descriptor (Linux 5.11) */
#define IORING_FEAT_EXT_ARG ...          /* io_uring_enter may have a timeout (Linux 5.11) */
#define IORING_FEAT_NATIVE_WORKERS ...   /* the kernel's workers are threads of the process (Linux 5.12) */
#define IORING_FEAT_RSRC_TAGS ...        /* registered files and buffers may have tags (Linux 5.13) */
#define IORING_FEAT_CQE_SKIP ...         /* IOSQE_CQE_SKIP_SUCCESS works (Linux 5.17) */
#define IORING_FEAT_LINKED_FILE ...      /* a linked request finds its file when it begins (Linux 5.18) */
#define IORING_FEAT_REG_REG_RING ...     /* io_uring_register takes a registered ring (Linux 6.3) */
#define IORING_FEAT_RECVSEND_BUNDLE ...  /* send and recv may use several provided buffers (Linux 6.10) */
#define IORING_FEAT_MIN_TIMEOUT ...      /* a wait may have a minimal time (Linux 6.12) */
#define IORING_FEAT_RW_ATTR ...          /* reads and writes may have attributes (Linux 6.13) */
#define IORING_FEAT_NO_IOWAIT ...        /* IORING_ENTER_NO_IOWAIT works (Linux 6.15) */

/* UringEnter(IntFlag, IORING_ENTER_): the flags of io_uring_enter */
#define IORING_ENTER_GETEVENTS ...        /* wait for completions (Linux 5.1) */
#define IORING_ENTER_SQ_WAKEUP ...        /* wake the thread of IORING_SETUP_SQPOLL (Linux 5.1) */
#define IORING_ENTER_SQ_WAIT ...          /* wait until that thread has made room (Linux 5.10) */
#define IORING_ENTER_EXT_ARG ...          /* the argument is a struct with a mask and a timeout (Linux 5.11) */
#define IORING_ENTER_REGISTERED_RING ...  /* the descriptor is an index of a registered ring (Linux 5.18) */
#define IORING_ENTER_ABS_TIMER ...        /* the timeout is a time of the ring's clock (Linux 6.12) */
#define IORING_ENTER_EXT_ARG_REG ...      /* the argument is an index of a registered region (Linux 6.13) */
#define IORING_ENTER_NO_IOWAIT ...        /* the wait does not count as one for a disk (Linux 6.15) */

/* UringRegister(IntEnum, IORING_): the operations of io_uring_register */
#define IORING_REGISTER_BUFFERS ...           /* register buffers (Linux 5.1) */
#define IORING_UNREGISTER_BUFFERS ...         /* forget them (Linux 5.1) */
#define IORING_REGISTER_FILES ...             /* register descriptors (Linux 5.1) */
#define IORING_UNREGISTER_FILES ...           /* forget them (Linux 5.1) */
#define IORING_REGISTER_EVENTFD ...           /* have an eventfd count completions (Linux 5.2) */
#define IORING_UNREGISTER_EVENTFD ...         /* no longer (Linux 5.2) */
#define IORING_REGISTER_FILES_UPDATE ...      /* replace registered descriptors (Linux 5.5) */
#define IORING_REGISTER_EVENTFD_ASYNC ...     /* have an eventfd count what does not complete at once (Linux 5.6) */
#define IORING_REGISTER_PROBE ...             /* say which operations the kernel has (Linux 5.6) */
#define IORING_REGISTER_PERSONALITY ...       /* keep the credentials of this thread for requests (Linux 5.6) */
#define IORING_UNREGISTER_PERSONALITY ...     /* forget them (Linux 5.6) */
#define IORING_REGISTER_RESTRICTIONS ...      /* say what the ring may do (Linux 5.10) */
#define IORING_REGISTER_ENABLE_RINGS ...      /* begin to take requests (Linux 5.10) */
#define IORING_REGISTER_FILES2 ...            /* register descriptors with tags (Linux 5.13) */
#define IORING_REGISTER_FILES_UPDATE2 ...     /* replace registered descriptors and their tags (Linux 5.13) */
#define IORING_REGISTER_BUFFERS2 ...          /* register buffers with tags (Linux 5.13) */
#define IORING_REGISTER_BUFFERS_UPDATE ...    /* replace registered buffers and their tags (Linux 5.13) */
#define IORING_REGISTER_IOWQ_AFF ...          /* say which processors the kernel's workers run on (Linux 5.14) */
#define IORING_UNREGISTER_IOWQ_AFF ...        /* let them run on any (Linux 5.14) */
#define IORING_REGISTER_IOWQ_MAX_WORKERS ...  /* limit the number of the kernel's workers (Linux 5.15) */
#define IORING_REGISTER_RING_FDS ...          /* register descriptors of rings for this thread (Linux 5.18) */
#define IORING_UNREGISTER_RING_FDS ...        /* forget them (Linux 5.18) */
#define IORING_REGISTER_PBUF_RING ...         /* register a ring of provided buffers (Linux 5.19) */
#define IORING_UNREGISTER_PBUF_RING ...       /* forget it (Linux 5.19) */
#define IORING_REGISTER_SYNC_CANCEL ...       /* cancel requests, and wait for that (Linux 6.0) */
#define IORING_REGISTER_FILE_ALLOC_RANGE ...  /* say which slots the kernel itself may fill (Linux 6.0) */
#define IORING_REGISTER_PBUF_STATUS ...       /* say how far a ring of provided buffers was used (Linux 6.8) */
#define IORING_REGISTER_NAPI ...              /* have waits poll the network card (Linux 6.9) */
#define IORING_UNREGISTER_NAPI ...            /* no longer (Linux 6.9) */
#define IORING_REGISTER_CLOCK ...             /* say which clock timeouts of waits have (Linux 6.12) */
#define IORING_REGISTER_CLONE_BUFFERS ...     /* take over the registered buffers of another ring (Linux 6.12) */
#define IORING_REGISTER_SEND_MSG_RING ...     /* send a message to a ring, without having one (Linux 6.13) */
#define IORING_REGISTER_ZCRX_IFQ ...  /* register a queue of a network card to receive without copies (Linux 6.15) */
#define IORING_REGISTER_RESIZE_RINGS ...      /* change the size of the queues (Linux 6.13) */
#define IORING_REGISTER_MEM_REGION ...        /* register a region of memory (Linux 6.13) */
#define IORING_REGISTER_QUERY ...             /* ask about abilities of io_uring (Linux 6.18) */
#define IORING_REGISTER_ZCRX_CTRL ...         /* change what IORING_REGISTER_ZCRX_IFQ registered (Linux 6.19) */
#define IORING_REGISTER_BPF_FILTER ...        /* register a BPF program that judges requests (Linux 7.0) */

/* -: a bit of the operation of io_uring_register */
#define IORING_REGISTER_USE_REGISTERED_RING ...  /* the descriptor is an index of a registered ring (Linux 6.3) */

/* UringCompletion(IntFlag, IORING_CQE_): the flags of a completion */
#define IORING_CQE_F_BUFFER ...         /* the upper 16 bits are the number of the provided buffer (Linux 5.7) */
#define IORING_CQE_F_MORE ...           /* the request will have more completions (Linux 5.13) */
#define IORING_CQE_F_SOCK_NONEMPTY ...  /* the socket has more to read (Linux 5.19) */
#define IORING_CQE_F_NOTIF ...          /* the kernel no longer uses what send_zc has sent (Linux 6.0) */
#define IORING_CQE_F_BUF_MORE ...       /* the provided buffer will be used further (Linux 6.12) */
#define IORING_CQE_F_SKIP ...           /* the entry only fills a gap of the queue (Linux 6.18) */
#define IORING_CQE_F_TSTAMP_HW ...      /* the timestamp is that of the network card (Linux 6.17) */
#define IORING_CQE_F_32 ...             /* the entry has 32 bytes (Linux 6.18) */

/* -: where the flags of a completion have numbers */
#define IORING_CQE_BUFFER_SHIFT ...      /* the place of the number of a provided buffer (Linux 5.7) */
#define IORING_TIMESTAMP_HW_SHIFT ...    /* the place of IORING_CQE_F_TSTAMP_HW (Linux 6.17) */
#define IORING_TIMESTAMP_TYPE_SHIFT ...  /* the place of the type of a timestamp (Linux 6.17) */

/* UringSqFlags(IntFlag, IORING_SQ_): the flags that the kernel keeps in the queue of requests */
#define IORING_SQ_NEED_WAKEUP ...  /* the thread of IORING_SETUP_SQPOLL sleeps (Linux 5.1) */
#define IORING_SQ_CQ_OVERFLOW ...  /* the kernel keeps completions that had no room (Linux 5.8) */
#define IORING_SQ_TASKRUN ...      /* completions wait for a call (Linux 5.19) */

/* UringCqFlags(IntFlag, IORING_CQ_): the flags that the program keeps in the queue of completions */
#define IORING_CQ_EVENTFD_DISABLED ...  /* completions do not count in the registered eventfd (Linux 5.8) */

/* -: the offsets at which mmap finds the queues */
#define IORING_OFF_SQ_RING ...     /* the queue of requests (Linux 5.1) */
#define IORING_OFF_CQ_RING ...     /* the queue of completions (Linux 5.1) */
#define IORING_OFF_SQES ...        /* the requests themselves (Linux 5.1) */
#define IORING_OFF_PBUF_RING ...   /* a ring of provided buffers, plus its group shifted (Linux 6.4) */
#define IORING_OFF_PBUF_SHIFT ...  /* how far the group is shifted (Linux 6.4) */
#define IORING_OFF_MMAP_MASK ...   /* the bits that say which of them it is (Linux 6.4) */

/* -: arguments of io_uring_register */
#define IORING_RSRC_REGISTER_SPARSE ...     /* all slots are empty at first (Linux 5.19) */
#define IORING_REGISTER_FILES_SKIP ...      /* leave the descriptor of this slot as it is (Linux 5.12) */
#define IO_URING_OP_SUPPORTED ...           /* of a probe: the kernel has the operation (Linux 5.6) */
#define IO_WQ_BOUND ...                     /* workers for files and devices, whose operations end (Linux 5.15) */
#define IO_WQ_UNBOUND ...                   /* workers for the rest, such as sockets (Linux 5.15) */
#define IORING_MEM_REGION_TYPE_USER ...     /* the region is memory of the program (Linux 6.13) */
#define IORING_MEM_REGION_REG_WAIT_ARG ...  /* the region has arguments of waits (Linux 6.13) */
#define IORING_REG_WAIT_TS ...              /* the argument of a wait has a timeout (Linux 6.13) */
#define IORING_REGISTER_SRC_REGISTERED ...  /* the other ring is an index of a registered ring (Linux 6.12) */
#define IORING_REGISTER_DST_REPLACE ...     /* buffers that are registered already are replaced (Linux 6.13) */

/* UringRestriction(IntEnum, IORING_RESTRICTION_): kinds of restrictions */
#define IORING_RESTRICTION_REGISTER_OP ...         /* allow an operation of io_uring_register (Linux 5.10) */
#define IORING_RESTRICTION_SQE_OP ...              /* allow an operation of requests (Linux 5.10) */
#define IORING_RESTRICTION_SQE_FLAGS_ALLOWED ...   /* allow flags of requests (Linux 5.10) */
#define IORING_RESTRICTION_SQE_FLAGS_REQUIRED ...  /* ask for flags of each request (Linux 5.10) */

/* UringBufferRing(IntFlag, IOU_PBUF_RING_): the flags of a ring of provided buffers */
#define IOU_PBUF_RING_MMAP ...  /* the kernel has the memory of the ring (Linux 6.4) */
#define IOU_PBUF_RING_INC ...   /* a buffer is used piece by piece (Linux 6.12) */

/* UringNapi(IntEnum, IO_URING_NAPI_): the operations of IORING_REGISTER_NAPI */
#define IO_URING_NAPI_REGISTER_OP ...    /* begin, in the way that op_param says (Linux 6.9) */
#define IO_URING_NAPI_STATIC_ADD_ID ...  /* poll this card too (Linux 6.13) */
#define IO_URING_NAPI_STATIC_DEL_ID ...  /* no longer poll this card (Linux 6.13) */

/* UringNapiTracking(IntEnum, IO_URING_NAPI_TRACKING_): how the cards to poll are found */
#define IO_URING_NAPI_TRACKING_DYNAMIC ...   /* by the sockets that requests use (Linux 6.9) */
#define IO_URING_NAPI_TRACKING_STATIC ...    /* by IO_URING_NAPI_STATIC_ADD_ID alone (Linux 6.13) */
#define IO_URING_NAPI_TRACKING_INACTIVE ...  /* not at all (Linux 6.13) */
typedef struct {
    uint32_t head, tail, ring_mask, ring_entries, flags, dropped, array;
    uint64_t user_addr;
    ...;
} butter_sq_offsets;

typedef struct {
    uint32_t head, tail, ring_mask, ring_entries, overflow, cqes, flags;
    uint64_t user_addr;
    ...;
} butter_cq_offsets;

typedef struct {
    uint32_t sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features, wq_fd;
    butter_sq_offsets sq_off;
    butter_cq_offsets cq_off;
    ...;
} butter_uring_params;

int butter_uring_setup(uint32_t entries, butter_uring_params *params);
int butter_uring_enter(int fd, uint32_t to_submit, uint32_t min_complete, uint32_t flags, int masked, uint64_t blocked,
                       int64_t timeout, uint32_t min_wait);
int butter_uring_register(int fd, uint32_t opcode, void *argument, uint32_t count);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
SOURCES = [Path(__file__).with_name(name).read_text() for name in ("quick.h", "uring_numbers.h", "uring.h", "uring.c")]
ffi.set_source("butter._uring_c", "\n".join(SOURCES))
