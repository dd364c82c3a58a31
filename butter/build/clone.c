#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef CLONE_NEWCGROUP
# define CLONE_NEWCGROUP 0x02000000
#endif
#ifndef CLONE_NEWTIME
# define CLONE_NEWTIME 0x00000080
#endif
#ifndef UNSHARE_EMPTY_MNTNS
# define UNSHARE_EMPTY_MNTNS 0x00100000
#endif
#define SETNS_ANY 0

#ifndef NS_GET_USERNS
# define NS_GET_USERNS _IO(0xb7, 0x1)
# define NS_GET_PARENT _IO(0xb7, 0x2)
# define NS_GET_NSTYPE _IO(0xb7, 0x3)
# define NS_GET_OWNER_UID _IO(0xb7, 0x4)
#endif
#ifndef NS_GET_MNTNS_ID
# define NS_GET_MNTNS_ID _IOR(0xb7, 5, uint64_t)
#endif
#ifndef NS_GET_ID
# define NS_GET_ID _IOR(0xb7, 13, uint64_t)
#endif

#define BUTTER_NSFS_MAGIC 0x6e736673

/* A call that fails returns -1 - errno: butter/errors.py says why. */
static int butter_unshare(int flags)
{
    return unshare(flags) < 0 ? -1 - errno : 0;
}

static int butter_setns(int fd, int nstype)
{
    return setns(fd, nstype) < 0 ? -1 - errno : 0;
}

/* Join a namespace and have these directories as root and working directory, which a
   mount namespace sets to its root; -1 leaves both as they are. In one call, because no
   handler of a signal may come between the steps. */
static int setns_at(int fd, int nstype, int root, int directory)
{
    if (setns(fd, nstype) < 0)
        return -1 - errno;
    if (root >= 0 && (fchdir(root) < 0 || chroot(".") < 0 || fchdir(directory) < 0))
        return -1 - errno;
    return 0;
}

static int butter_tgkill(int pid, int tid, int signal)
{
    return syscall(SYS_tgkill, pid, tid, signal) < 0 ? -1 - errno : 0;
}

/* Open the file of a namespace. Any other file is refused before it is opened, because
   opening a fifo waits, and opening a device may do something. */
static int ns_open(const char *path, int flags)
{
    struct statfs filesystem;
    int fd;

    if (statfs(path, &filesystem) < 0)
        return -1 - errno;
    if (filesystem.f_type != BUTTER_NSFS_MAGIC)
        return -1 - EINVAL;
    fd = open(path, O_RDONLY | flags);
    return fd < 0 ? -1 - errno : fd;
}

/* Return what the request asks for: a descriptor, a kind, or a number that the kernel
   writes to memory. Other files may know the request as another one. */
static int64_t ns_ioctl(int fd, unsigned int request)
{
    struct statfs filesystem;
    uint64_t id = 0;
    uid_t owner = 0;
    int result;

    if (fstatfs(fd, &filesystem) < 0)
        return -1 - errno;
    if (filesystem.f_type != BUTTER_NSFS_MAGIC)
        return -1 - ENOTTY;
    if (request == NS_GET_OWNER_UID) {
        result = ioctl(fd, request, &owner);
        id = owner;
    } else if (request == NS_GET_ID || request == NS_GET_MNTNS_ID) {
        result = ioctl(fd, request, &id);
    } else {
        result = ioctl(fd, request);
        id = result;
    }
    return result < 0 ? -1 - errno : (int64_t)id;
}

#define unshare butter_unshare
#define setns butter_setns
#define tgkill butter_tgkill
