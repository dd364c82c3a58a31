#include <stddef.h>
#include <string.h>
#include <sys/sysmacros.h>

/* Not from <sys/mount.h> or <linux/mount.h>: some of these are an enum there, which the
   preprocessor does not see, and the two headers exclude each other. */
#define FSOPEN_CLOEXEC 0x1
#define FSPICK_CLOEXEC 0x1
#define FSPICK_SYMLINK_NOFOLLOW 0x2
#define FSPICK_NO_AUTOMOUNT 0x4
#define FSPICK_EMPTY_PATH 0x8
#define FSCONFIG_SET_FLAG 0
#define FSCONFIG_SET_STRING 1
#define FSCONFIG_SET_BINARY 2
#define FSCONFIG_SET_PATH 3
#define FSCONFIG_SET_PATH_EMPTY 4
#define FSCONFIG_SET_FD 5
#define FSCONFIG_CMD_CREATE 6
#define FSCONFIG_CMD_RECONFIGURE 7
#define FSCONFIG_CMD_CREATE_EXCL 8
#define FSMOUNT_CLOEXEC 0x1
#define FSMOUNT_NAMESPACE 0x2
#define MOUNT_ATTR_RDONLY 0x1
#define MOUNT_ATTR_NOSUID 0x2
#define MOUNT_ATTR_NODEV 0x4
#define MOUNT_ATTR_NOEXEC 0x8
#define MOUNT_ATTR__ATIME 0x70
#define MOUNT_ATTR_RELATIME 0x0
#define MOUNT_ATTR_NOATIME 0x10
#define MOUNT_ATTR_STRICTATIME 0x20
#define MOUNT_ATTR_NODIRATIME 0x80
#define MOUNT_ATTR_IDMAP 0x100000
#define MOUNT_ATTR_NOSYMFOLLOW 0x200000
#define OPEN_TREE_CLONE 0x1
#define OPEN_TREE_NAMESPACE 0x2
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#ifndef AT_RECURSIVE
# define AT_RECURSIVE 0x8000
#endif
#define MOVE_MOUNT_F_SYMLINKS 0x1
#define MOVE_MOUNT_F_AUTOMOUNTS 0x2
#define MOVE_MOUNT_F_EMPTY_PATH 0x4
#define MOVE_MOUNT_T_SYMLINKS 0x10
#define MOVE_MOUNT_T_AUTOMOUNTS 0x20
#define MOVE_MOUNT_T_EMPTY_PATH 0x40
#define MOVE_MOUNT_SET_GROUP 0x100
#define MOVE_MOUNT_BENEATH 0x200
#define STATMOUNT_SB_BASIC 0x1
#define STATMOUNT_MNT_BASIC 0x2
#define STATMOUNT_PROPAGATE_FROM 0x4
#define STATMOUNT_MNT_ROOT 0x8
#define STATMOUNT_MNT_POINT 0x10
#define STATMOUNT_FS_TYPE 0x20
#define STATMOUNT_MNT_NS_ID 0x40
#define STATMOUNT_MNT_OPTS 0x80
#define STATMOUNT_FS_SUBTYPE 0x100
#define STATMOUNT_SB_SOURCE 0x200
#define STATMOUNT_OPT_ARRAY 0x400
#define STATMOUNT_OPT_SEC_ARRAY 0x800
#define STATMOUNT_SUPPORTED_MASK 0x1000
#define STATMOUNT_MNT_UIDMAP 0x2000
#define STATMOUNT_MNT_GIDMAP 0x4000
#define STATMOUNT_BY_FD 0x1
#define LISTMOUNT_REVERSE 0x1
#define LSMT_ROOT 0xffffffffffffffffULL

/* System calls since Linux 5.2 have the same number on every machine. */
#ifndef SYS_open_tree
# define SYS_open_tree 428
# define SYS_move_mount 429
# define SYS_fsopen 430
# define SYS_fsconfig 431
# define SYS_fsmount 432
# define SYS_fspick 433
#endif
#ifndef SYS_mount_setattr
# define SYS_mount_setattr 442
#endif
#ifndef SYS_statmount
# define SYS_statmount 457
# define SYS_listmount 458
#endif
#ifndef SYS_open_tree_attr
# define SYS_open_tree_attr 467
#endif

/* The kernel's structs, under names that no header has. */
struct butter_mount_attr {
    uint64_t attr_set, attr_clr, propagation, userns_fd;
};

struct butter_mnt_id_req {
    uint32_t size, fd;
    uint64_t mnt_id, param, mnt_ns_id;
};

struct butter_statmount {
    uint32_t size, mnt_opts;
    uint64_t mask;
    uint32_t sb_dev_major, sb_dev_minor;
    uint64_t sb_magic;
    uint32_t sb_flags, fs_type;
    uint64_t mnt_id, mnt_parent_id;
    uint32_t mnt_id_old, mnt_parent_id_old;
    uint64_t mnt_attr, mnt_propagation, mnt_peer_group, mnt_master, propagate_from;
    uint32_t mnt_root, mnt_point;
    uint64_t mnt_ns_id;
    uint32_t fs_subtype, sb_source, arrays[4];
    uint64_t supported_mask, spare[45];
    char str[];
};

static int butter_fsopen(const char *fstype, unsigned int flags)
{
    return (int)result_of(syscall(SYS_fsopen, fstype, flags));
}

static int butter_fspick(int dirfd, const char *path, unsigned int flags)
{
    return (int)result_of(syscall(SYS_fspick, dirfd, path, flags));
}

static int butter_fsconfig(int fd, unsigned int cmd, const char *key, const char *value, int aux)
{
    return (int)result_of(syscall(SYS_fsconfig, fd, cmd, key, value, aux));
}

static int butter_fsmount(int fd, unsigned int flags, unsigned int attributes)
{
    return (int)result_of(syscall(SYS_fsmount, fd, flags, attributes));
}

static int butter_move_mount(int from_dirfd, const char *from_path, int to_dirfd, const char *to_path,
                             unsigned int flags)
{
    return (int)result_of(syscall(SYS_move_mount, from_dirfd, from_path, to_dirfd, to_path, flags));
}

static int butter_open_tree(int dirfd, const char *path, unsigned int flags)
{
    return (int)result_of(syscall(SYS_open_tree, dirfd, path, flags));
}

static int butter_open_tree_attr(int dirfd, const char *path, unsigned int flags, uint64_t attr_set, uint64_t attr_clr,
                                 uint64_t propagation, int64_t userns_fd)
{
    struct butter_mount_attr attr = {attr_set, attr_clr, propagation, (uint64_t)userns_fd};

    return (int)result_of(syscall(SYS_open_tree_attr, dirfd, path, flags, &attr, sizeof(attr)));
}

static int butter_mount_setattr(int dirfd, const char *path, unsigned int flags, uint64_t attr_set, uint64_t attr_clr,
                                uint64_t propagation, int64_t userns_fd)
{
    struct butter_mount_attr attr = {attr_set, attr_clr, propagation, (uint64_t)userns_fd};

    return (int)result_of(syscall(SYS_mount_setattr, dirfd, path, flags, &attr, sizeof(attr)));
}

/* Ask about a mount. In a request the kernel takes descriptor 0 for none at all, so a
   copy with another number stands for it. */
static long butter_ask(long call, struct butter_mnt_id_req *request, const int *fd, void *answer, size_t size,
                       unsigned int flags)
{
    int copy = -1;
    long result;

    if (fd && *fd == 0 && (copy = fcntl(0, F_DUPFD_CLOEXEC, 1)) < 0)
        return -1 - errno;
    request->size = sizeof(*request);
    request->fd = fd ? (uint32_t)(*fd ? *fd : copy) : 0;
    result = result_of(syscall(call, request, answer, size, flags));
    if (copy >= 0)
        close(copy);
    return result;
}

static int butter_statmount(uint64_t mnt_id, uint64_t mnt_ns_id, const int *fd, uint64_t mask, unsigned int flags,
                            char *buffer, size_t size)
{
    struct butter_mnt_id_req request = {0, 0, mnt_id, mask, mnt_ns_id};

    return (int)butter_ask(SYS_statmount, &request, fd, buffer, size, flags);
}

static ssize_t butter_listmount(uint64_t mnt_id, uint64_t mnt_ns_id, const int *fd, uint64_t last, unsigned int flags,
                                uint64_t *ids, size_t count)
{
    struct butter_mnt_id_req request = {0, 0, mnt_id, last, mnt_ns_id};

    return butter_ask(SYS_listmount, &request, fd, ids, count, flags);
}

/* The unique id of the mount that a file is on. */
static int64_t butter_mount_id(int fd)
{
    struct butter_statx found;
    int result = butter_statx(fd, "", AT_EMPTY_PATH, BUTTER_MNT_ID_UNIQUE, &found);

    if (result < 0)
        return result;
    return found.mask & BUTTER_MNT_ID_UNIQUE ? (int64_t)found.mount : -1 - ENOSYS;
}

typedef struct {
    uint64_t id, parent;
    uint32_t old_id, old_parent;
    uint32_t flags, propagation;
    uint32_t peer_group, master;
    uint64_t device;
    uint32_t superblock_flags, unused;
} butter_mount;

/* how many mounts are listed at once */
#define BUTTER_IDS 256
#define BUTTER_STRINGS                                                                                                 \
    (STATMOUNT_SB_BASIC | STATMOUNT_MNT_ROOT | STATMOUNT_MNT_POINT | STATMOUNT_FS_TYPE | STATMOUNT_MNT_OPTS |          \
     STATMOUNT_FS_SUBTYPE | STATMOUNT_SB_SOURCE)

static void butter_fill(butter_mount *mount, const struct butter_statmount *status)
{
    mount->id = status->mnt_id;
    mount->parent = status->mnt_parent_id;
    mount->old_id = status->mnt_id_old;
    mount->old_parent = status->mnt_parent_id_old;
    mount->flags = (uint32_t)status->mnt_attr;
    mount->propagation = (uint32_t)status->mnt_propagation;
    mount->peer_group = (uint32_t)status->mnt_peer_group;
    mount->master = (uint32_t)status->mnt_master;
    mount->device = makedev(status->sb_dev_major, status->sb_dev_minor);
    mount->superblock_flags = status->sb_flags;
}

/* Append path, root, type, source and options to the text, a NUL behind each. Returns
   the new end of the text, NULL where it is full. */
static char *butter_append(char *to, const char *end, const struct butter_statmount *status)
{
    static const struct {
        uint64_t bit;
        size_t offset;
        char after;
    } strings[] = {
        {STATMOUNT_MNT_POINT, offsetof(struct butter_statmount, mnt_point), '\0'},
        {STATMOUNT_MNT_ROOT, offsetof(struct butter_statmount, mnt_root), '\0'},
        {STATMOUNT_FS_TYPE, offsetof(struct butter_statmount, fs_type), '.'},
        {STATMOUNT_FS_SUBTYPE, offsetof(struct butter_statmount, fs_subtype), '\0'},
        {STATMOUNT_SB_SOURCE, offsetof(struct butter_statmount, sb_source), '\0'},
        {STATMOUNT_MNT_OPTS, offsetof(struct butter_statmount, mnt_opts), '\0'},
    };

    for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++) {
        uint32_t offset = 0;
        size_t length = 0;

        if (status->mask & strings[i].bit) {
            memcpy(&offset, (const char *)status + strings[i].offset, sizeof(offset));
            length = strlen(status->str + offset);
        }
        if ((size_t)(end - to) < length + 1)
            return NULL;
        memcpy(to, status->str + offset, length);
        to += length;
        /* the type ends where its subtype, if it has one, does */
        if (strings[i].after != '.')
            *to++ = '\0';
        else if (status->mask & STATMOUNT_FS_SUBTYPE)
            *to++ = '.';
    }
    return to;
}

typedef struct {
    uint64_t last, length, failed;
} butter_reached;

/* Look up the mounts after the id reached->last, up to count of them, or fewer if the
   text is full. Returns how many, 0 if there are no more. Mounts that are gone by now
   are left out.

   The first half of the text is for the strings of the mounts, as butter_append() has
   them, the second for what the kernel writes about one. If that is too small for a
   single mount, the result is -1 - EOVERFLOW. Of any failure, reached->failed is the
   mount that could not be looked up, 0 if they could not be listed.

   Without strings too the first mount is asked for its source, which a kernel older
   than 6.13 does not tell: the result is then -1 - ENOSYS. An empty source looks the
   same, so from 6.15 on the kernel is also asked what it can tell. */
static ssize_t butter_mounts(butter_reached *reached, int strings, butter_mount *mounts, size_t count, char *text,
                             size_t size)
{
    struct butter_statmount *status = (struct butter_statmount *)(text + size / 2);
    char *to = text, *const end = text + size / 2;
    int source = reached->last != 0;
    uint64_t ids[BUTTER_IDS];
    size_t filled = 0;

    while (filled < count) {
        size_t room = count - filled < BUTTER_IDS ? count - filled : BUTTER_IDS;
        ssize_t listed = butter_listmount(LSMT_ROOT, 0, NULL, reached->last, 0, ids, room);

        reached->failed = 0;
        if (listed < 0 && !filled)
            return listed;
        if (listed <= 0)
            break;
        for (ssize_t i = 0; i < listed; i++) {
            uint64_t mask = STATMOUNT_MNT_BASIC | (strings || !source ? BUTTER_STRINGS : 0) |
                            (source ? 0 : STATMOUNT_SUPPORTED_MASK);
            int result = butter_statmount(ids[i], 0, NULL, mask, 0, (char *)status, size - size / 2);
            char *next = to;

            if (result == 0 && strings && (next = butter_append(to, end, status)) == NULL)
                result = -1 - EOVERFLOW;
            reached->failed = ids[i];
            if (result < 0 && result != -1 - ENOENT)
                return filled ? (ssize_t)filled : result;
            if (result == 0) {
                uint64_t told = status->mask & STATMOUNT_SUPPORTED_MASK ? status->supported_mask : status->mask;

                source |= (told & STATMOUNT_SB_SOURCE) != 0;
                if (!source)
                    return -1 - ENOSYS;
                butter_fill(&mounts[filled++], status);
            }
            to = next;
            reached->length = (uint64_t)(to - text);
            reached->last = ids[i];
        }
    }
    return (ssize_t)filled;
}

#define fsopen butter_fsopen
#define fspick butter_fspick
#define fsconfig butter_fsconfig
#define fsmount butter_fsmount
#define move_mount butter_move_mount
#define open_tree butter_open_tree
#define open_tree_attr butter_open_tree_attr
#define mount_setattr butter_mount_setattr
#define statmount butter_statmount
#define listmount butter_listmount
