from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* SeccompOperation(IntEnum, SECCOMP_): what seccomp does */
#define SECCOMP_SET_MODE_STRICT ...     /* allow read, write, _exit and sigreturn alone, and kill for any other call */
#define SECCOMP_SET_MODE_FILTER ...     /* put a filter in front of every system call */
#define SECCOMP_GET_ACTION_AVAIL ...    /* tell whether the kernel knows an action (Linux 4.14) */
#define SECCOMP_GET_NOTIF_SIZES ...     /* return the sizes of the structs of notifications (Linux 5.0) */

/* SeccompFlag(IntFlag, SECCOMP_FILTER_FLAG_): how a filter is put in front */
#define SECCOMP_FILTER_FLAG_TSYNC ...   /* of every thread of the process, and not only of this one */
#define SECCOMP_FILTER_FLAG_LOG ...     /* log every answer but ALLOW that actions_logged lists (Linux 4.14) */
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW ...  /* leave speculative execution as it is (Linux 4.17) */
#define SECCOMP_FILTER_FLAG_NEW_LISTENER ...  /* return a descriptor that has the notifications (Linux 5.0) */
#define SECCOMP_FILTER_FLAG_TSYNC_ESRCH ... /* with TSYNC, fail with ESRCH if a thread differs (Linux 5.7) */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV ... /* a taken notification waits for death alone (Linux 5.19) */

/* SeccompReturn(IntEnum, SECCOMP_RET_): what a filter answers, the strictest first */
#define SECCOMP_RET_KILL_PROCESS ...    /* kill the process, as by SIGSYS (Linux 4.14) */
#define SECCOMP_RET_KILL_THREAD ...     /* kill the thread, as by SIGSYS */
#define SECCOMP_RET_KILL ...            /* the same as SECCOMP_RET_KILL_THREAD */
#define SECCOMP_RET_TRAP ...            /* send SIGSYS, which a handler may catch, instead of the call */
#define SECCOMP_RET_ERRNO ...           /* let the call fail with the errno in the lowest 16 bits */
#define SECCOMP_RET_USER_NOTIF ...      /* ask the listener of the filter (Linux 5.0) */
#define SECCOMP_RET_TRACE ...           /* ask the debugger; without one the call fails with ENOSYS */
#define SECCOMP_RET_LOG ...             /* allow the call, and log it (Linux 4.14) */
#define SECCOMP_RET_ALLOW ...           /* allow the call */

/* -: the parts of an answer */
#define SECCOMP_RET_ACTION_FULL ...     /* the bits with the action */
#define SECCOMP_RET_ACTION ...          /* the bits with the action, except that of SECCOMP_RET_KILL_PROCESS */
#define SECCOMP_RET_DATA ...            /* the bits with the errno, or with the number for the handler or debugger */

struct sock_filter {
    uint16_t code;
    uint8_t jt, jf;
    uint32_t k;
};

struct sock_fprog {
    uint16_t len;
    struct sock_filter *filter;
};

struct seccomp_notif_sizes {
    uint16_t seccomp_notif, seccomp_notif_resp, seccomp_data;
};

int seccomp(unsigned int operation, unsigned int flags, void *args);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
ffi.set_source("butter._seccomp_c", Path(__file__).with_suffix(".c").read_text())
