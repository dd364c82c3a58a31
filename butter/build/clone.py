from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* CloneNew(IntFlag): the kinds of namespaces: a new one for unshare, the one that setns has to meet */
#define CLONE_NEWNS ...      /* mount namespace: the tree of directories */
#define CLONE_NEWUTS ...     /* uts namespace: host name and domain name */
#define CLONE_NEWIPC ...     /* ipc namespace: System V IPC and POSIX message queues */
#define CLONE_NEWUSER ...    /* user namespace: ids of users and groups, and capabilities */
#define CLONE_NEWPID ...     /* pid namespace: ids of processes; the caller's children enter a new one */
#define CLONE_NEWNET ...     /* network namespace: devices, addresses, routes, ports */
#define CLONE_NEWCGROUP ...  /* cgroup namespace: the root of the control groups */
#define CLONE_NEWTIME ...    /* time namespace: offsets of clocks; the caller's children enter a new one (Linux 5.6) */

/* CloneUnshare(IntFlag, CLONE_): what else unshare stops sharing with other threads and processes */
#define CLONE_FS ...         /* root directory, working directory and umask */
#define CLONE_FILES ...      /* the table of descriptors */
#define CLONE_SYSVSEM ...    /* adjustments of System V semaphores */
#define CLONE_VM ...         /* memory: allowed for a single thread alone, and without effect */
#define CLONE_SIGHAND ...    /* signal handlers: allowed for a single thread alone, and without effect */
#define CLONE_THREAD ...     /* the group of threads: allowed for a single thread alone, and without effect */

/* CloneMounts(IntFlag, UNSHARE_): the mounts of the new mount namespace */
#define UNSHARE_EMPTY_MNTNS ...  /* an empty mount namespace instead of a copy (Linux 7.1) */

/* -: the kind that setns need not check, and the requests of ioctl for namespaces */
#define SETNS_ANY ...         /* any kind of namespace */
#define NS_GET_USERNS ...     /* open the user namespace that owns the namespace */
#define NS_GET_PARENT ...     /* open the parent of a user or pid namespace */
#define NS_GET_NSTYPE ...     /* the kind of the namespace, as CLONE_NEWNET */
#define NS_GET_OWNER_UID ...  /* the user that owns a user namespace */
#define NS_GET_MNTNS_ID ...   /* the id of a mount namespace, which is never used again (Linux 6.11) */
#define NS_GET_ID ...         /* the id of any namespace, which is never used again (Linux 6.18) */

int unshare(int flags);
int setns(int fd, int nstype);
int setns_at(int fd, int nstype, int root, int directory);
int tgkill(int pid, int tid, int signal);
int ns_open(const char *path, int flags);
int64_t ns_ioctl(int fd, unsigned int request);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
ffi.set_source("butter._clone_c", Path(__file__).with_suffix(".c").read_text())
