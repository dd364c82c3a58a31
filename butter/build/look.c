#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

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

#define BUTTER_MOUNT_ROOT 0x2000 /* Linux 5.8 */

/* Return whether a mount begins at the path, or -1 - errno; -1 - ENOSYS also where the
   kernel is too old to know. The filesystem there is not asked: it may wait for a
   server that is gone. */
static int butter_is_mount_root(const char *path)
{
    uint64_t found[32]; /* struct statx: stx_attributes at 8, stx_attributes_mask at 56 */
    const int no_automount = 0x800, no_follow = 0x100, as_cached = 0x4000;

    if (syscall(SYS_statx, AT_FDCWD, path, no_automount | no_follow | as_cached, 0, found) < 0)
        return -1 - errno;
    return found[7] & BUTTER_MOUNT_ROOT ? (found[1] & BUTTER_MOUNT_ROOT) != 0 : -1 - ENOSYS;
}

#define BUTTER_NS_GET_USERNS 0xb701

/* Return a descriptor of the user namespace that owns the namespace fd, or -1 - errno:
   EPERM where it is above that of this process. */
static int butter_ns_owner(int fd)
{
    int owner = ioctl(fd, BUTTER_NS_GET_USERNS);

    return owner < 0 ? -1 - errno : owner;
}
