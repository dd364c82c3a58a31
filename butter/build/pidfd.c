#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
# define P_PIDFD 3
#endif
#ifndef __WALL
# define __WALL 0x40000000
#endif

#define PIDFD_NONBLOCK O_NONBLOCK
#define PIDFD_THREAD O_EXCL

#define PIDFD_SELF_THREAD -10000
#define PIDFD_SELF_THREAD_GROUP -10001
#define PIDFD_SELF PIDFD_SELF_THREAD
#define PIDFD_SELF_PROCESS PIDFD_SELF_THREAD_GROUP

#define PIDFD_SIGNAL_THREAD (1U << 0)
#define PIDFD_SIGNAL_THREAD_GROUP (1U << 1)
#define PIDFD_SIGNAL_PROCESS_GROUP (1U << 2)

#define PIDFD_INFO_PID (1U << 0)
#define PIDFD_INFO_CREDS (1U << 1)
#define PIDFD_INFO_CGROUPID (1U << 2)
#define PIDFD_INFO_EXIT (1U << 3)
#define PIDFD_INFO_COREDUMP (1U << 4)
#define PIDFD_INFO_SUPPORTED_MASK (1U << 5)
#define PIDFD_INFO_COREDUMP_SIGNAL (1U << 6)
#define PIDFD_INFO_COREDUMP_CODE (1U << 7)

#define PIDFD_INFO_SIZE_VER0 64
#define PIDFD_INFO_SIZE_VER1 72
#define PIDFD_INFO_SIZE_VER2 80
#define PIDFD_INFO_SIZE_VER3 88

#define PIDFD_COREDUMPED (1U << 0)
#define PIDFD_COREDUMP_SKIP (1U << 1)
#define PIDFD_COREDUMP_USER (1U << 2)
#define PIDFD_COREDUMP_ROOT (1U << 3)

/* Not from <linux/pidfd.h>, whose older versions lack the last fields: an older kernel
   leaves those 0. */
struct pidfd_info {
    uint64_t mask, cgroupid;
    uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
    int32_t exit_code;
    uint32_t coredump_mask, coredump_signal, coredump_code, coredump_pad;
    uint64_t supported_mask;
};
_Static_assert(sizeof(struct pidfd_info) == PIDFD_INFO_SIZE_VER3, "the number of the ioctl has the size");

#define PIDFS_IOCTL_MAGIC 0xFF
#define PIDFD_GET_CGROUP_NAMESPACE _IO(PIDFS_IOCTL_MAGIC, 1)
#define PIDFD_GET_IPC_NAMESPACE _IO(PIDFS_IOCTL_MAGIC, 2)
#define PIDFD_GET_MNT_NAMESPACE _IO(PIDFS_IOCTL_MAGIC, 3)
#define PIDFD_GET_NET_NAMESPACE _IO(PIDFS_IOCTL_MAGIC, 4)
#define PIDFD_GET_PID_NAMESPACE _IO(PIDFS_IOCTL_MAGIC, 5)
#define PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE _IO(PIDFS_IOCTL_MAGIC, 6)
#define PIDFD_GET_TIME_NAMESPACE _IO(PIDFS_IOCTL_MAGIC, 7)
#define PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE _IO(PIDFS_IOCTL_MAGIC, 8)
#define PIDFD_GET_USER_NAMESPACE _IO(PIDFS_IOCTL_MAGIC, 9)
#define PIDFD_GET_UTS_NAMESPACE _IO(PIDFS_IOCTL_MAGIC, 10)
#define PIDFD_GET_INFO _IOWR(PIDFS_IOCTL_MAGIC, 11, struct pidfd_info)

/* The C library has these calls since glibc 2.36. Every architecture has the same
   numbers. */
#ifndef SYS_pidfd_send_signal
# define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
# define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
# define SYS_pidfd_getfd 438
#endif

/* A call that fails returns -1 - errno: butter/errors.py says why. */
static int butter_pidfd_open(int pid, unsigned int flags)
{
    long fd = syscall(SYS_pidfd_open, pid, flags);
    return fd < 0 ? -1 - errno : (int)fd;
}

static int butter_pidfd_getfd(int pidfd, int targetfd, unsigned int flags)
{
    long fd = syscall(SYS_pidfd_getfd, pidfd, targetfd, flags);
    return fd < 0 ? -1 - errno : (int)fd;
}

static int butter_pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned int flags)
{
    return syscall(SYS_pidfd_send_signal, pidfd, sig, info, flags) < 0 ? -1 - errno : 0;
}

static void butter_siginfo_fill(siginfo_t *info, int sig, int code, int pid, unsigned int uid, uint64_t value)
{
    memset(info, 0, sizeof *info);
    info->si_signo = sig;
    info->si_code = code;
    info->si_pid = pid;
    info->si_uid = uid;
    info->si_value.sival_ptr = (void *)(uintptr_t)value;
}

/* The C library defines si_pid and its like as macros. */
typedef struct {
    int pid, uid, signo, status, code;
} butter_waited;

/* Not the C library's waitid(), which makes this call a point where threads are
   cancelled. The struct is all 0 if nothing has happened. */
static int butter_waitid(unsigned int idtype, int id, butter_waited *infop, int options)
{
    siginfo_t info;

    memset(&info, 0, sizeof info);
    if (syscall(SYS_waitid, idtype, id, &info, options, NULL) < 0)
        return -1 - errno;
    *infop = (butter_waited){info.si_pid, (int)info.si_uid, info.si_signo, info.si_status, info.si_code};
    return 0;
}

/* Fill info with what info->mask asks for. */
static int butter_pidfd_info(int pidfd, struct pidfd_info *info)
{
    return ioctl(pidfd, PIDFD_GET_INFO, info) < 0 ? -1 - errno : 0;
}

static int butter_pidfd_namespace(int pidfd, unsigned int request)
{
    int fd = ioctl(pidfd, request, 0L);
    return fd < 0 ? -1 - errno : fd;
}

/* Return 256 more than the exit code of a child that has ended (which is negative if a
   signal killed it), and 0 while it runs. __WALL is for children of clone() whose end
   sends another signal than SIGCHLD. */
static int butter_pidfd_exit_code(int pidfd, int options)
{
    butter_waited child;
    int result = butter_waitid(P_PIDFD, pidfd, &child, WEXITED | WNOHANG | __WALL | options);

    if (result < 0)
        return result;
    if (!child.signo)
        return 0;
    return 256 + (child.code == CLD_EXITED ? child.status : -child.status);
}

#define pidfd_open butter_pidfd_open
#define pidfd_getfd butter_pidfd_getfd
#define pidfd_send_signal butter_pidfd_send_signal
#define waitid butter_waitid
