#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/param.h>
#include <sys/utsname.h>

#ifndef MS_NOSYMFOLLOW
# define MS_NOSYMFOLLOW 256
#endif
#ifndef MS_VERBOSE
# define MS_VERBOSE 32768
#endif
#ifndef MS_LAZYTIME
# define MS_LAZYTIME (1 << 25)
#endif
#ifndef MS_SUBMOUNT
# define MS_SUBMOUNT (1 << 26)
#endif
#ifndef MS_NOREMOTELOCK
# define MS_NOREMOTELOCK (1 << 27)
#endif
#ifndef MS_NOSEC
# define MS_NOSEC (1 << 28)
#endif
#ifndef MS_BORN
# define MS_BORN (1 << 29)
#endif
#ifndef MS_ACTIVE
# define MS_ACTIVE (1 << 30)
#endif
#ifndef UMOUNT_NOFOLLOW
# define UMOUNT_NOFOLLOW 8
#endif

/* The C libraries declare these as negative numbers, or with fewer flags. */
#undef MS_NOUSER
#define MS_NOUSER (1U << 31)
#undef MS_RMT_MASK
#define MS_RMT_MASK (MS_RDONLY | MS_SYNCHRONOUS | MS_MANDLOCK | MS_I_VERSION | MS_LAZYTIME)
#undef MS_MGC_VAL
#define MS_MGC_VAL 0xC0ED0000U
#undef MS_MGC_MSK
#define MS_MGC_MSK 0xFFFF0000U

/* musl has 255, the limit of POSIX; the kernel's is 64. */
#undef HOST_NAME_MAX
#define HOST_NAME_MAX 64

static int butter_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)
{
    return (int)result_of(mount(source, target, type, flags, data));
}

static int butter_umount2(const char *target, int flags)
{
    return (int)result_of(umount2(target, flags));
}

static int butter_pivot_root(const char *new_root, const char *put_old)
{
    return (int)result_of(syscall(SYS_pivot_root, new_root, put_old));
}

static int butter_sethostname(const char *name, size_t length)
{
    return (int)result_of(syscall(SYS_sethostname, name, length));
}

static int butter_setdomainname(const char *name, size_t length)
{
    return (int)result_of(syscall(SYS_setdomainname, name, length));
}

/* uname is the only system call that returns these names. */
static int copy_name(char *name, size_t length, const char *found)
{
    if (strlen(found) >= length)
        return -1 - ENAMETOOLONG;
    strcpy(name, found);
    return 0;
}

static int butter_gethostname(char *name, size_t length)
{
    struct utsname names;

    return uname(&names) < 0 ? -1 - errno : copy_name(name, length, names.nodename);
}

static int butter_getdomainname(char *name, size_t length)
{
    struct utsname names;

    return uname(&names) < 0 ? -1 - errno : copy_name(name, length, names.domainname);
}

/* By syscall(): old C libraries remember the pid, also where it is another by now, as
   in a child of clone(). */
static int butter_getpid(void)
{
    return (int)syscall(SYS_getpid);
}

static int butter_getppid(void)
{
    return (int)syscall(SYS_getppid);
}

static int butter_gettid(void)
{
    return (int)syscall(SYS_gettid);
}

/* The number of the mount that is topmost at a path, 0 if the kernel does not tell. */
static int64_t mount_id(const char *path)
{
    struct butter_statx found;

    if (butter_statx(AT_FDCWD, path, 0, BUTTER_MNT_ID | BUTTER_MNT_ID_UNIQUE, &found) < 0)
        return 0;
    return found.mask & (BUTTER_MNT_ID | BUTTER_MNT_ID_UNIQUE) ? (int64_t)found.mount : 0;
}

/* Whether a mount is in this mount namespace: 0, or -1 - ENOENT if it is not, or
   another number if the kernel does not tell. */
#ifndef SYS_statmount
# define SYS_statmount 457
#endif
static int find_mount(int64_t number)
{
    /* struct mnt_id_req, as Linux 6.8 has it, and struct statmount */
    uint64_t request[3] = {24, (uint64_t)number, 0}, found[64];

    return (int)result_of(syscall(SYS_statmount, request, found, sizeof(found), 0));
}

/* mounted() has to undo what it did, although a signal handler may raise between any
   two calls of Python functions. So each of its ends is one call, and what the first
   one did is in memory that was there before: the number of the new mount (-1: there is
   none to unmount), of the one below it, of the root, and the process. */
enum { NUMBER, BELOW, ROOT, PROCESS };

static int butter_mounted(const char *source, const char *target, const char *type, unsigned long flags,
                          const char *data, const char *path, int64_t *made)
{
    int result;

    made[NUMBER] = -1;
    made[BELOW] = mount_id(path);
    made[ROOT] = mount_id("/");
    made[PROCESS] = syscall(SYS_getpid);
    result = butter_mount(source, target, type, flags, data);
    if (result == 0)
        made[NUMBER] = mount_id(path);
    return result;
}

/* Unmounts what butter_mounted() mounted. Returns 0 also if there is nothing to do, and
   a positive number if the path does not lead to that mount: 1 if the mount is
   elsewhere, 2 if the process is, 3 if the kernel does not tell which. */
static int butter_unmounted(const char *path, int flags, int64_t *made)
{
    int64_t number = made[NUMBER], found = mount_id(path);
    int result;

    if (number == -1 || made[PROCESS] != syscall(SYS_getpid))
        return 0;
    if (found == number && (found == 0 || found != made[BELOW])) {
        result = butter_umount2(path, flags | UMOUNT_NOFOLLOW);
    } else {
        result = find_mount(number);
        if (result == 0)
            return 1;
        if (result != -1 - ENOENT)
            result = found == made[BELOW] ? 0 : 3;
        else
            result = made[ROOT] == mount_id("/") ? 0 : 2;
    }
    if (result == 0)
        made[NUMBER] = -1;
    return result;
}

#define mount butter_mount
#define umount2 butter_umount2
#define pivot_root butter_pivot_root
#define sethostname butter_sethostname
#define gethostname butter_gethostname
#define setdomainname butter_setdomainname
#define getdomainname butter_getdomainname
#define getpid butter_getpid
#define getppid butter_getppid
#define gettid butter_gettid
