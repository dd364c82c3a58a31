#include <sys/ioctl.h>
#include <sys/stat.h>

/* Return whether the capability is in force in this thread, or -1 - errno. */
static int butter_capable(int capability)
{
    struct {
        uint32_t version;
        int pid;
    } header = {0x20080522, 0}; /* version 3, of this thread */
    struct {
        uint32_t effective, permitted, inheritable;
    } sets[2];

    if (syscall(SYS_capget, &header, sets) < 0)
        return -1 - errno;
    return sets[capability / 32].effective >> capability % 32 & 1;
}

typedef struct {
    int64_t mount;
    int begins;
    uint32_t type;
} butter_place;

/* Looks at a file: the number of its mount in mountinfo, and whether the mount begins
   there, both -1 where the kernel, older than 5.8, does not tell; and its type as in
   S_IFMT, 0 if unknown. */
static int butter_look(int dirfd, const char *path, int flags, butter_place *place)
{
    struct butter_statx found;
    int result = butter_statx(dirfd, path, flags, BUTTER_TYPE | BUTTER_MNT_ID, &found);

    if (result < 0)
        return result;
    place->mount = found.mask & BUTTER_MNT_ID ? (int64_t)found.mount : -1;
    place->begins = found.attributes_mask & BUTTER_MOUNT_ROOT ? !!(found.attributes & BUTTER_MOUNT_ROOT) : -1;
    place->type = found.mask & BUTTER_TYPE ? found.mode & S_IFMT : 0;
    return 0;
}

#define BUTTER_NS_GET_USERNS 0xb701

/* Return a descriptor of the user namespace that owns the namespace fd, or -1 - errno:
   EPERM where it is above that of this process. */
static int butter_ns_owner(int fd)
{
    return (int)result_of(ioctl(fd, BUTTER_NS_GET_USERNS));
}
