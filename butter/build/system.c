#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/param.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

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

/* The C functions fail with -1 - errno: butter/errors.py says why. */
static int result_of(long result)
{
    return result < 0 ? -1 - errno : (int)result;
}

static int butter_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)
{
    return result_of(mount(source, target, type, flags, data));
}

static int butter_umount2(const char *target, int flags)
{
    return result_of(umount2(target, flags));
}

static int butter_pivot_root(const char *new_root, const char *put_old)
{
    return result_of(syscall(SYS_pivot_root, new_root, put_old));
}

static int butter_sethostname(const char *name, size_t length)
{
    return result_of(syscall(SYS_sethostname, name, length));
}

static int butter_setdomainname(const char *name, size_t length)
{
    return result_of(syscall(SYS_setdomainname, name, length));
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

/* The number of the mount that is topmost at a path; 0 if the kernel does not tell it.
   statx is younger than old C libraries, so its struct is not used: the mask of what
   was found comes first, and the number of the mount is at byte 0x90. */
#ifndef SYS_statx
# if defined(__x86_64__)
#  define SYS_statx 332
# elif defined(__aarch64__)
#  define SYS_statx 291
# endif
#endif
#define BUTTER_MNT_ID 0x1000U        /* Linux 5.8 */
#define BUTTER_MNT_ID_UNIQUE 0x4000U /* Linux 6.8: a number that no other mount gets */

static int64_t butter_mount_id(const char *path)
{
    union {
        uint32_t mask;
        uint64_t words[32];
    } found;
    const int no_automount = 0x800, as_cached = 0x4000;

    if (syscall(SYS_statx, AT_FDCWD, path, no_automount | as_cached, BUTTER_MNT_ID | BUTTER_MNT_ID_UNIQUE, &found) < 0)
        return errno == ENOSYS ? 0 : -1 - errno;
    return found.mask & (BUTTER_MNT_ID | BUTTER_MNT_ID_UNIQUE) ? (int64_t)found.words[0x90 / 8] : 0;
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
