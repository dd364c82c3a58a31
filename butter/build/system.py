from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* MountFlags(IntFlag): the flags of mount */
#define MS_RDONLY ...           /* nothing can be written through the mount */
#define MS_NOSUID ...           /* set-user-ID bits and file capabilities mean nothing when a program is executed */
#define MS_NODEV ...            /* device files cannot be opened */
#define MS_NOEXEC ...           /* no program can be executed */
#define MS_SYNCHRONOUS ...      /* a write waits until the device has it */
#define MS_REMOUNT ...          /* change the flags and options of a mount that exists */
#define MS_MANDLOCK ...         /* mandatory locks; Linux 5.15 and later ignore it */
#define MS_DIRSYNC ...          /* a change of a directory waits until the device has it */
#define MS_NOSYMFOLLOW ...      /* symbolic links are not followed (Linux 5.10) */
#define MS_NOATIME ...          /* reading changes no access time */
#define MS_NODIRATIME ...       /* reading changes no access time of a directory */
#define MS_BIND ...             /* mount a file or directory that exists a second time */
#define MS_MOVE ...             /* move a mount to another place */
#define MS_REC ...              /* the mounts below it too (with MS_BIND or a propagation) */
#define MS_SILENT ...           /* some warnings are not written to the kernel's log */
#define MS_VERBOSE ...          /* the old name of MS_SILENT */
#define MS_POSIXACL ...         /* POSIX access control lists; filesystems decide that themselves by now */
#define MS_UNBINDABLE ...       /* propagation: neither receives nor sends mounts, and cannot be bound */
#define MS_PRIVATE ...          /* propagation: neither receives nor sends mounts */
#define MS_SLAVE ...            /* propagation: receives mounts, and sends none */
#define MS_SHARED ...           /* propagation: receives mounts, and sends them */
#define MS_RELATIME ...         /* reading changes an access time only after a write, or once a day */
#define MS_I_VERSION ...        /* count the changes of each inode */
#define MS_STRICTATIME ...      /* reading always changes the access time */
#define MS_LAZYTIME ...         /* times are changed in memory, and written later */

/* UmountFlags(IntFlag, MNT_): the flags of umount, and UMOUNT_NOFOLLOW beside them */
#define MNT_FORCE ...           /* abort what is under way (for network filesystems); data may be lost */
#define MNT_DETACH ...          /* take the mount out of the tree now, and end it when it is no longer busy */
#define MNT_EXPIRE ...          /* the first call marks the mount (Retry), the second unmounts it if it was not used */

/* -: a flag of umount with a prefix of its own */
#define UMOUNT_NOFOLLOW ...     /* fail if the last part of the path is a symbolic link */

/* -: flags that the kernel keeps for itself, and the number that old programs put before the flags of mount */
#define MS_KERNMOUNT ...        /* the kernel mounts it for itself */
#define MS_SUBMOUNT ...         /* the kernel mounts it below another filesystem */
#define MS_NOREMOTELOCK ...     /* locks are not sent to the server (GFS2) */
#define MS_NOSEC ...            /* the filesystem tells which files have no capabilities */
#define MS_BORN ...             /* the filesystem is complete */
#define MS_ACTIVE ...           /* the filesystem is in use */
#define MS_NOUSER ...           /* programs cannot mount it */
#define MS_RMT_MASK ...         /* the flags of a filesystem that MS_REMOUNT changes */
#define MS_MGC_VAL ...          /* the number, which Linux 2.4 and later ignore */
#define MS_MGC_MSK ...          /* the bits of that number */

/* -: the longest names, in bytes */
#define HOST_NAME_MAX ...       /* of a host or domain name */
#define MAXPATHLEN ...          /* of a path, with the NUL that ends it in C */

int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data);
int umount2(const char *target, int flags);
int pivot_root(const char *new_root, const char *put_old);
int sethostname(const char *name, size_t length);
int gethostname(char *name, size_t length);
int setdomainname(const char *name, size_t length);
int getdomainname(char *name, size_t length);
int getpid(void);
int getppid(void);
int gettid(void);
int butter_mounted(const char *source, const char *target, const char *type, unsigned long flags, const char *data,
                   const char *path, int64_t *made);
int butter_unmounted(const char *path, int flags, int64_t *made);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
SOURCES = [Path(__file__).with_name(name).read_text() for name in ("calls.h", "system.c")]
ffi.set_source("butter._system_c", "\n".join(SOURCES))
