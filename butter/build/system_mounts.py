from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* Fsopen(IntFlag): the flags of fsopen */
#define FSOPEN_CLOEXEC ...              /* close the descriptor when the process executes another program (Linux 5.2) */

/* Fspick(IntFlag): the flags of fspick */
#define FSPICK_CLOEXEC ...              /* close the descriptor when the process executes another program (Linux 5.2) */
#define FSPICK_SYMLINK_NOFOLLOW ...     /* do not follow a symbolic link at the end of the path (Linux 5.2) */
#define FSPICK_NO_AUTOMOUNT ...         /* do not mount an automount point at the end of the path (Linux 5.2) */
#define FSPICK_EMPTY_PATH ...           /* the path may be empty, and then means the descriptor itself (Linux 5.2) */

/* FsconfigCommand(IntEnum): the commands of fsconfig */
#define FSCONFIG_SET_FLAG ...           /* set an option without a value (Linux 5.2) */
#define FSCONFIG_SET_STRING ...         /* set an option to a string (Linux 5.2) */
#define FSCONFIG_SET_BINARY ...         /* set an option to bytes, of which aux is the number (Linux 5.2) */
#define FSCONFIG_SET_PATH ...           /* set an option to the file of a path, which is relative to aux (Linux 5.2) */
#define FSCONFIG_SET_PATH_EMPTY ...     /* the same; an empty path means the file of aux itself (Linux 5.2) */
#define FSCONFIG_SET_FD ...             /* set an option to the file of the descriptor aux (Linux 5.2) */
#define FSCONFIG_CMD_CREATE ...         /* make the filesystem, or find one that exists and is like it (Linux 5.2) */
#define FSCONFIG_CMD_RECONFIGURE ...    /* change the filesystem (Linux 5.2) */
#define FSCONFIG_CMD_CREATE_EXCL ...    /* make the filesystem, and fail if one that exists is like it (Linux 6.6) */

/* Fsmount(IntFlag): the flags of fsmount */
#define FSMOUNT_CLOEXEC ...             /* close the descriptor when the process executes another program (Linux 5.2) */
#define FSMOUNT_NAMESPACE ...           /* put the mount into a new mount namespace, and return that (Linux 7.1) */

/* MountAttr(IntFlag, MOUNT_ATTR_): the attributes of a mount */
#define MOUNT_ATTR_RDONLY ...           /* nothing can be written through the mount (Linux 5.2) */
#define MOUNT_ATTR_NOSUID ...           /* programs get no privileges of their files (Linux 5.2) */
#define MOUNT_ATTR_NODEV ...            /* device files cannot be opened (Linux 5.2) */
#define MOUNT_ATTR_NOEXEC ...           /* no program can be executed (Linux 5.2) */
#define MOUNT_ATTR__ATIME ...           /* all bits of the three settings of access times (Linux 5.2) */
#define MOUNT_ATTR_RELATIME ...         /* reading changes an access time after a write, or once a day (Linux 5.2) */
#define MOUNT_ATTR_NOATIME ...          /* reading changes no access time (Linux 5.2) */
#define MOUNT_ATTR_STRICTATIME ...      /* reading always changes the access time (Linux 5.2) */
#define MOUNT_ATTR_NODIRATIME ...       /* reading changes no access time of a directory (Linux 5.2) */
#define MOUNT_ATTR_IDMAP ...            /* owners are those that a user namespace maps them to (Linux 5.12) */
#define MOUNT_ATTR_NOSYMFOLLOW ...      /* symbolic links are not followed (Linux 5.14) */

/* OpenTree(IntFlag, OPEN_TREE_): the flags of open_tree, and some of MountAt beside them */
#define OPEN_TREE_CLONE ...             /* open a copy of the mount, which is attached nowhere (Linux 5.2) */
#define OPEN_TREE_NAMESPACE ...         /* put the copy into a new mount namespace, and return that (Linux 7.0) */
#define OPEN_TREE_CLOEXEC ...           /* close the descriptor when the process executes another program (Linux 5.2) */

/* MountAt(IntFlag, AT_): how open_tree and mount_setattr look the path up */
#define AT_SYMLINK_NOFOLLOW ...         /* do not follow a symbolic link at the end of the path */
#define AT_NO_AUTOMOUNT ...             /* do not mount an automount point at the end of the path */
#define AT_EMPTY_PATH ...               /* the path may be empty, and then means the descriptor itself */
#define AT_RECURSIVE ...                /* the mounts below it too (Linux 5.2) */

/* MoveMount(IntFlag, MOVE_MOUNT_): the flags of move_mount */
#define MOVE_MOUNT_F_SYMLINKS ...       /* follow a symbolic link at the end of the source (Linux 5.2) */
#define MOVE_MOUNT_F_AUTOMOUNTS ...     /* mount an automount point at the end of the source (Linux 5.2) */
#define MOVE_MOUNT_F_EMPTY_PATH ...     /* the source may be empty, and then means its descriptor itself (Linux 5.2) */
#define MOVE_MOUNT_T_SYMLINKS ...       /* follow a symbolic link at the end of the target (Linux 5.2) */
#define MOVE_MOUNT_T_AUTOMOUNTS ...     /* mount an automount point at the end of the target (Linux 5.2) */
#define MOVE_MOUNT_T_EMPTY_PATH ...     /* the target may be empty, and then means its descriptor itself (Linux 5.2) */
#define MOVE_MOUNT_SET_GROUP ...        /* do not move, but give the target the source's propagation (Linux 5.15) */
#define MOVE_MOUNT_BENEATH ...          /* put the source below the uppermost mount of the target (Linux 6.5) */

/* StatmountMask(IntFlag, STATMOUNT_): what statmount looks up */
#define STATMOUNT_SB_BASIC ...          /* the device, kind and flags of the filesystem (Linux 6.8) */
#define STATMOUNT_MNT_BASIC ...         /* the ids, attributes and propagation of the mount (Linux 6.8) */
#define STATMOUNT_PROPAGATE_FROM ...    /* the peer group that it receives mounts from (Linux 6.8) */
#define STATMOUNT_MNT_ROOT ...          /* which directory of the filesystem is mounted (Linux 6.8) */
#define STATMOUNT_MNT_POINT ...         /* the path where it is mounted (Linux 6.8) */
#define STATMOUNT_FS_TYPE ...           /* the type of the filesystem (Linux 6.8) */
#define STATMOUNT_MNT_NS_ID ...         /* the id of the mount namespace (Linux 6.11) */
#define STATMOUNT_MNT_OPTS ...          /* the options of the filesystem in one string (Linux 6.11) */
#define STATMOUNT_FS_SUBTYPE ...        /* the rest of the type, as sshfs of fuse.sshfs (Linux 6.13) */
#define STATMOUNT_SB_SOURCE ...         /* the source, as a device (Linux 6.13) */
#define STATMOUNT_OPT_ARRAY ...         /* the options of the filesystem one by one (Linux 6.13) */
#define STATMOUNT_OPT_SEC_ARRAY ...     /* the options of security modules one by one (Linux 6.13) */
#define STATMOUNT_SUPPORTED_MASK ...    /* which of these bits the kernel knows (Linux 6.15) */
#define STATMOUNT_MNT_UIDMAP ...        /* how the mount maps users (Linux 6.15) */
#define STATMOUNT_MNT_GIDMAP ...        /* how the mount maps groups (Linux 6.15) */

/* StatmountFlags(IntFlag, STATMOUNT_): the flags of statmount */
#define STATMOUNT_BY_FD ...             /* the mount is that of the descriptor, and not that of an id (Linux 7.0) */

/* ListmountFlags(IntFlag): the flags of listmount */
#define LISTMOUNT_REVERSE ...           /* the newest mounts come first (Linux 6.11) */

/* -: numbers in place of an id or a descriptor */
#define LSMT_ROOT ...                   /* for listmount: the root of the calling process (Linux 6.8) */
#define AT_FDCWD ...                    /* for a directory: the working directory */

int fsopen(const char *fstype, unsigned int flags);
int fspick(int dirfd, const char *path, unsigned int flags);
int fsconfig(int fd, unsigned int cmd, const char *key, const char *value, int aux);
int fsmount(int fd, unsigned int flags, unsigned int attributes);
int move_mount(int from_dirfd, const char *from_path, int to_dirfd, const char *to_path, unsigned int flags);
int open_tree(int dirfd, const char *path, unsigned int flags);
int open_tree_attr(int dirfd, const char *path, unsigned int flags,
                   uint64_t attr_set, uint64_t attr_clr, uint64_t propagation, int64_t userns_fd);
int mount_setattr(int dirfd, const char *path, unsigned int flags,
                  uint64_t attr_set, uint64_t attr_clr, uint64_t propagation, int64_t userns_fd);
int statmount(uint64_t mnt_id, uint64_t mnt_ns_id, const int *fd, uint64_t mask, unsigned int flags,
              char *buffer, size_t size);
ssize_t listmount(uint64_t mnt_id, uint64_t mnt_ns_id, const int *fd, uint64_t last, unsigned int flags,
                  uint64_t *ids, size_t count);

int64_t butter_mount_id(int fd);

/* The fields of a mount for STATMOUNT_MNT_BASIC and STATMOUNT_SB_BASIC */
typedef struct {
    uint64_t id, parent;
    uint32_t old_id, old_parent;
    uint32_t flags, propagation;
    uint32_t peer_group, master;
    uint64_t device;
    uint32_t superblock_flags, unused;
} butter_mount;

/* How far butter_mounts has come: the id of the last mount, the bytes of the text, and
   the id of the mount that it could not look up */
typedef struct {
    uint64_t last, length, failed;
} butter_reached;

ssize_t butter_mounts(butter_reached *reached, int strings, butter_mount *mounts, size_t count,
                      char *text, size_t size);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
SOURCES = [Path(__file__).with_name(name).read_text() for name in ("calls.h", "system_mounts.c")]
ffi.set_source("butter._system_mounts_c", "\n".join(SOURCES))
