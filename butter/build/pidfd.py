from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* PidfdOpen(IntFlag): the flags of pidfd_open */
#define PIDFD_NONBLOCK ...              /* waitid fails with EAGAIN while the process runs (Linux 5.10) */
#define PIDFD_THREAD ...                /* the number is that of a thread, of any in its process (Linux 6.9) */

/* PidfdSignal(IntFlag, PIDFD_SIGNAL_): the scope of a signal, if it is not what the pidfd was opened for */
#define PIDFD_SIGNAL_THREAD ...         /* the thread alone (Linux 6.9) */
#define PIDFD_SIGNAL_THREAD_GROUP ...   /* the whole process (Linux 6.9) */
#define PIDFD_SIGNAL_PROCESS_GROUP ...  /* every process of the process group that it leads (Linux 6.9) */

/* PidfdInfo(IntFlag, PIDFD_INFO_): what is asked of a process, and what the answer has */
#define PIDFD_INFO_PID ...              /* numbers of thread, process and parent, until it is reaped (Linux 6.13) */
#define PIDFD_INFO_CREDS ...            /* users and groups, until it is reaped (Linux 6.13) */
#define PIDFD_INFO_CGROUPID ...         /* the number of its control group (Linux 6.13) */
#define PIDFD_INFO_EXIT ...             /* the wait status, once it was reaped (Linux 6.15) */
#define PIDFD_INFO_COREDUMP ...         /* whether it dumped core (Linux 6.16) */
#define PIDFD_INFO_SUPPORTED_MASK ...   /* which of these bits the kernel knows (Linux 6.19) */
#define PIDFD_INFO_COREDUMP_SIGNAL ...  /* the signal that made it dump core (Linux 6.19) */
#define PIDFD_INFO_COREDUMP_CODE ...    /* the code of that signal (Linux 7.1) */

/* PidfdCoredump(IntFlag): what became of the core dump */
#define PIDFD_COREDUMPED ...            /* there was a crash, and the kernel looked at it */
#define PIDFD_COREDUMP_SKIP ...         /* none was written */
#define PIDFD_COREDUMP_USER ...         /* it was written as the user's */
#define PIDFD_COREDUMP_ROOT ...         /* it was written as root's, and is to be kept secret */

/* PidfdNamespace(IntEnum, PIDFD_GET_): which namespace of a process */
#define PIDFD_GET_CGROUP_NAMESPACE ...  /* that of control groups (Linux 6.11) */
#define PIDFD_GET_IPC_NAMESPACE ...     /* that of message queues, semaphores and shared memory (Linux 6.11) */
#define PIDFD_GET_MNT_NAMESPACE ...     /* that of mounts (Linux 6.11) */
#define PIDFD_GET_NET_NAMESPACE ...     /* that of the network (Linux 6.11) */
#define PIDFD_GET_PID_NAMESPACE ...     /* that of process numbers (Linux 6.11) */
#define PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE ...  /* that of the process numbers of new children (Linux 6.11) */
#define PIDFD_GET_TIME_NAMESPACE ...    /* that of clocks (Linux 6.11) */
#define PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE ... /* that of the clocks of new children (Linux 6.11) */
#define PIDFD_GET_USER_NAMESPACE ...    /* that of users and capabilities (Linux 6.11) */
#define PIDFD_GET_UTS_NAMESPACE ...     /* that of the host's name (Linux 6.11) */

/* WaitId(IntEnum, P_): which children waitid waits for */
#define P_ALL ...                       /* any child */
#define P_PID ...                       /* the child with this number */
#define P_PGID ...                      /* the children of this process group */
#define P_PIDFD ...                     /* the child of this pidfd (Linux 5.4) */

/* WaitOption(IntFlag): what waitid waits for, and how */
#define WNOHANG ...                     /* do not wait */
#define WSTOPPED ...                    /* for children that a signal stopped */
#define WEXITED ...                     /* for children that have ended */
#define WCONTINUED ...                  /* for stopped children that go on */
#define WNOWAIT ...                     /* leave the child as it is: another call returns the same again */

/* -: instead of a pidfd, and other numbers */
#define PIDFD_SELF ...                  /* the calling thread (Linux 6.15) */
#define PIDFD_SELF_THREAD ...           /* the same as PIDFD_SELF (Linux 6.15) */
#define PIDFD_SELF_PROCESS ...          /* the calling process (Linux 6.17) */
#define PIDFD_SELF_THREAD_GROUP ...     /* the same as PIDFD_SELF_PROCESS (Linux 6.17) */
#define PIDFD_GET_INFO ...              /* the number of the ioctl that returns information (Linux 6.13) */
#define PIDFD_INFO_SIZE_VER0 ...        /* the size of its first struct */
#define PIDFD_INFO_SIZE_VER1 ...        /* the size with what belongs to PIDFD_INFO_COREDUMP */
#define PIDFD_INFO_SIZE_VER2 ...        /* the size with what belongs to PIDFD_INFO_SUPPORTED_MASK */
#define PIDFD_INFO_SIZE_VER3 ...        /* the size with what belongs to PIDFD_INFO_COREDUMP_CODE */
#define PIDFS_IOCTL_MAGIC ...           /* the letter of the ioctls of pidfds */

struct pidfd_info {
    uint64_t mask, cgroupid;
    uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
    int32_t exit_code;
    uint32_t coredump_mask, coredump_signal, coredump_code, coredump_pad;
    uint64_t supported_mask;
};

typedef struct { ...; } siginfo_t;

typedef struct {
    int pid, uid, signo, status, code;
} butter_waited;

int pidfd_open(int pid, unsigned int flags);
int pidfd_getfd(int pidfd, int targetfd, unsigned int flags);
int pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned int flags);
int waitid(unsigned int idtype, int id, butter_waited *infop, int options);

void butter_siginfo_fill(siginfo_t *info, int sig, int code, int pid, unsigned int uid, uint64_t value);
int butter_pidfd_info(int pidfd, struct pidfd_info *info);
int butter_pidfd_namespace(int pidfd, unsigned int request);
int butter_pidfd_exit_code(int pidfd, int options);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
ffi.set_source("butter._pidfd_c", Path(__file__).with_suffix(".c").read_text())
