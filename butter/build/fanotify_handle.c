#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_openat2
# define SYS_openat2 437
#endif
#ifndef RESOLVE_NO_SYMLINKS
# define RESOLVE_NO_SYMLINKS 0x04
#endif
#ifndef AT_HANDLE_FID
# define AT_HANDLE_FID 0x200
#endif
#ifndef AT_HANDLE_MNT_ID_UNIQUE
# define AT_HANDLE_MNT_ID_UNIQUE 0x1
#endif
#ifndef AT_HANDLE_CONNECTABLE
# define AT_HANDLE_CONNECTABLE 0x2
#endif
#ifndef MAX_HANDLE_SZ
# define MAX_HANDLE_SZ 128
#endif
#ifndef FD_PIDFS_ROOT
# define FD_PIDFS_ROOT -10002
#endif
#ifndef FD_NSFS_ROOT
# define FD_NSFS_ROOT -10003
#endif

typedef struct {
    uint64_t id;
    int32_t fsid[2];
} butter_mount;

/* From size on it is struct file_handle. There is no padding, so that memcmp() tells
   whether two are the same. */
typedef struct {
    butter_mount mount;
    uint32_t size;
    int32_t type;
    char handle[MAX_HANDLE_SZ];
} butter_handle;

/* The kernel takes no room for more than MAX_HANDLE_SZ bytes, so EOVERFLOW from here
   means that the file has no handle, and never that the room is too small. */
static int handle_of(int dirfd, const char *path, int flags, butter_handle *found)
{
    int id = 0;
    void *mount = flags & AT_HANDLE_MNT_ID_UNIQUE ? (void *)&found->mount.id : (void *)&id;
    long result;

    memset(found, 0, sizeof(*found));
    found->size = MAX_HANDLE_SZ;
    result = syscall(SYS_name_to_handle_at, dirfd, path, &found->size, mount, flags);
    if (result < 0)
        return -1 - errno;
    if (!(flags & AT_HANDLE_MNT_ID_UNIQUE))
        found->mount.id = (uint64_t)id;
    return 0;
}

static int fsid_of(int fd, int32_t *fsid)
{
    struct statfs status;

    if (fstatfs(fd, &status) < 0)
        return -1 - errno;
    memcpy(fsid, &status.f_fsid, 2 * sizeof(*fsid));
    return 0;
}

/* Open a file for its name alone, which needs no permission for the file. */
static int open_name(int dirfd, const char *path, int follow)
{
    int fd = openat(dirfd, *path ? path : ".", O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));

    return fd < 0 ? -1 - errno : fd;
}

/* Look at a file so that two looks tell whether it is the same one: at its mount, and
   its handle there. A mount has an id of its own since Linux 6.12. Before, the next
   mount gets the id of one that has ended, so the filesystem counts as well. */
static int identify(int dirfd, const char *path, butter_handle *found)
{
    const int empty = *path ? 0 : AT_EMPTY_PATH;
    int fd = dirfd, result = handle_of(dirfd, path, AT_HANDLE_FID | AT_HANDLE_MNT_ID_UNIQUE | empty, found);

    if (result != -1 - EINVAL)
        return result;
    if (!empty && (fd = open_name(dirfd, path, 0)) < 0)
        return fd;
    result = handle_of(fd, "", AT_HANDLE_FID | AT_EMPTY_PATH, found);
    if (result == -1 - EINVAL) /* before Linux 6.5 */
        result = handle_of(fd, "", AT_EMPTY_PATH, found);
    if (result == 0)
        result = fsid_of(fd, found->mount.fsid);
    if (!empty)
        close(fd);
    return result;
}

static int is_same_mount(const butter_handle *found, const butter_mount *mount)
{
    return memcmp(&found->mount, mount, sizeof(*mount)) == 0;
}

/* The call, and the id of the filesystem, which events have beside a handle. If a mount
   came in between, the two would not belong together. */
static int butter_name_to_handle_at(int dirfd, const char *path, int flags, butter_handle *found)
{
    const int itself = flags & AT_EMPTY_PATH && !*path && dirfd != AT_FDCWD;
    butter_handle again;
    int32_t fsid[2];
    int fd, result;

    do {
        result = handle_of(dirfd, path, flags, found);
        if (result < 0)
            return result;
        fd = itself ? dirfd : open_name(dirfd, path, flags & AT_SYMLINK_FOLLOW);
        if (fd < 0)
            return fd;
        result = fsid_of(fd, fsid);
        if (result == 0)
            result = handle_of(fd, "", AT_EMPTY_PATH | (flags & (AT_HANDLE_FID | AT_HANDLE_MNT_ID_UNIQUE)), &again);
        if (!itself)
            close(fd);
        if (result < 0)
            return result;
    } while (!is_same_mount(&again, &found->mount));
    memcpy(found->mount.fsid, fsid, sizeof(fsid));
    return 0;
}

static int butter_open_by_handle_at(int mount_fd, const char *handle, size_t size, int type, int flags)
{
    butter_handle wanted = {.type = type};
    int fd;

    /* the kernel refuses a longer one before it reads it */
    wanted.size = size > MAX_HANDLE_SZ ? MAX_HANDLE_SZ + 1 : (uint32_t)size;
    memcpy(wanted.handle, handle, size > MAX_HANDLE_SZ ? MAX_HANDLE_SZ : size);
    fd = (int)syscall(SYS_open_by_handle_at, mount_fd, &wanted.size, flags);
    return fd < 0 ? -1 - errno : fd;
}

/* Open a handle on its own filesystem. Another one may have a file with the same
   handle, as the roots of two ext4 have, and it must not be opened, since flags may
   change it. The subvolumes of btrfs have ids of their own, and the file may be in
   another one than mount_fd. Fails with ESTALE if the filesystem is not that of the
   handle. */
static int butter_open_handle(int mount_fd, const char *handle, size_t size, int type, int flags,
                              const butter_mount *mount)
{
    int32_t fsid[2];
    int fd, result = fsid_of(mount_fd, fsid);

    if (result < 0 || memcmp(fsid, mount->fsid, sizeof(fsid)) != 0) {
        fd = butter_open_by_handle_at(mount_fd, handle, size, type, O_PATH | O_CLOEXEC | (flags & O_DIRECTORY));
        if (fd < 0)
            return fd;
        result = fsid_of(fd, fsid);
        close(fd);
        if (result < 0)
            return result;
        if (memcmp(fsid, mount->fsid, sizeof(fsid)) != 0)
            return -1 - ESTALE;
    }
    return butter_open_by_handle_at(mount_fd, handle, size, type, flags);
}

/* Look at the file of a path that was found before. A symbolic link that was put in the
   place of a directory would lead to the file by a path that is not its own, so a path
   through one fails with ELOOP. Before Linux 5.6, or where a filter refuses openat2, it
   is followed. */
static int identify_again(const char *path, butter_handle *found)
{
    const struct {
        uint64_t flags, mode, resolve;
    } how = {.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW, .resolve = RESOLVE_NO_SYMLINKS};
    int result, fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

    if (fd < 0)
        return errno == ENOSYS || errno == EPERM ? identify(AT_FDCWD, path, found) : -1 - errno;
    result = identify(fd, "", found);
    close(fd);
    return result;
}

/* Whether a path leads to the file with this handle on this mount, -1 - errno if there
   is no descriptor or memory to look. */
static int butter_leads_to(const char *path, const butter_mount *mount, const char *handle, size_t size, int type)
{
    butter_handle found;
    int result = identify_again(path, &found);

    if (result == -1 - EMFILE || result == -1 - ENFILE || result == -1 - ENOMEM)
        return result;
    return result == 0 && is_same_mount(&found, mount) && found.type == type && found.size == size &&
           memcmp(found.handle, handle, size) == 0;
}

/* Whether a path leads to a file on this mount. */
static int butter_is_on(const char *path, const butter_mount *mount)
{
    butter_handle found;

    return identify(AT_FDCWD, path, &found) == 0 && is_same_mount(&found, mount);
}

/* The steps from a handle to a path, to say which of them failed. */
enum { BUTTER_PLACE, BUTTER_OPEN, BUTTER_LINK, BUTTER_PATH };

typedef struct {
    int step, length;
    int32_t fsid[2];
    butter_handle file;
    char path[PATH_MAX + 1];
} butter_found;

static int link_of(int fd, char *text, size_t size)
{
    char name[40];
    ssize_t length;

    snprintf(name, sizeof(name), "/proc/thread-self/fd/%d", fd);
    length = readlink(name, text, size - 1);
    if (length < 0)
        return -1 - errno;
    if ((size_t)length == size - 1)
        return -1 - ENAMETOOLONG;
    text[length] = 0;
    return (int)length;
}

/* Whether a path leads to an open file: to the same file on the same mount, or, if file
   is NULL, to the same file on whichever mount. Return 0 or -1 - errno, EXDEV for
   another file. The link of a pipe, a socket or the like is not absolute. */
static int try_path(const char *path, int fd, const butter_handle *file)
{
    butter_handle found;
    struct stat there, here;
    int result;

    if (*path != '/')
        return -1 - EXDEV;
    if (file) {
        result = identify(AT_FDCWD, path, &found);
        return result < 0 || memcmp(&found, file, sizeof(found)) == 0 ? result : -1 - EXDEV;
    }
    if (lstat(path, &there) < 0 || fstat(fd, &here) < 0)
        return -1 - errno;
    return there.st_dev == here.st_dev && there.st_ino == here.st_ino ? 0 : -1 - EXDEV;
}

/* Find the path of an open file, with a file only one on its mount. Its link in /proc
   is not believed: that has the same form for a file that is outside the root, covered
   by a mount, on a mount of another namespace, or outside the part of its filesystem
   that is mounted. So the path counts only if it leads to the file. Fails with ENOENT
   if the file was deleted, EXDEV if its link leads elsewhere, and EAGAIN if it was
   moved at each look. */
static int path_of(int fd, const butter_handle *file, butter_found *found)
{
    static const char deleted[] = " (deleted)";
    const size_t cut = sizeof(deleted) - 1;
    char again[sizeof(found->path)];
    struct stat status;
    int result, looks = 0, same = 0;

    found->step = BUTTER_PATH;
    found->length = link_of(fd, found->path, sizeof(found->path));
    while (found->length >= 0) {
        result = try_path(found->path, fd, file);
        if (result == 0)
            return 0;
        strcpy(again, found->path);
        found->length = link_of(fd, found->path, sizeof(found->path));
        if (found->length < 0)
            break;
        /* it may have been moved there and back in between, again and again */
        same = strcmp(again, found->path) == 0 ? same + 1 : 0;
        if (same < 16) {
            if (++looks == 100)
                return -1 - EAGAIN;
            continue;
        }
        if (result == -1 - EACCES || result == -1 - ENOMEM || result == -1 - EMFILE || result == -1 - ENFILE)
            return result;
        /* the words alone may be part of a name */
        if (fstat(fd, &status) < 0 || status.st_nlink > 0)
            return -1 - EXDEV;
        if ((size_t)found->length > cut && strcmp(found->path + found->length - cut, deleted) == 0)
            found->length -= (int)cut;
        return -1 - ENOENT;
    }
    found->step = BUTTER_LINK;
    result = found->length;
    found->length = 0;
    return result;
}

/* Find the path of an open file through any mount: that of the descriptor may be one of
   another namespace. Not every filesystem has handles. */
static int butter_path_of(int fd, butter_found *found)
{
    return path_of(fd, NULL, found);
}

/* Find the path of an open file on its own mount, and its handle. */
static int locate(int fd, butter_found *found)
{
    int result;

    found->length = 0;
    found->step = BUTTER_PATH;
    result = identify(fd, "", &found->file);
    return result < 0 ? result : path_of(fd, &found->file, found);
}

/* Find what a path leads to now, or dirfd if it is empty: its own path, its handle and
   its filesystem. */
static int butter_find(int dirfd, const char *path, int follow, butter_found *found)
{
    const int itself = !*path && dirfd != AT_FDCWD;
    int fd, result;

    found->step = BUTTER_OPEN;
    fd = itself ? dirfd : open_name(dirfd, path, follow);
    if (fd < 0)
        return fd;
    result = fsid_of(fd, found->fsid);
    if (result == 0)
        result = locate(fd, found);
    if (!itself)
        close(fd);
    return result;
}

/* Find the path of a handle. The directory at place is on the mount through which the
   file is opened; it is open only meanwhile, because an open file keeps a filesystem
   from being unmounted. Without CAP_DAC_READ_SEARCH only O_DIRECTORY may be opened. */
static int butter_find_handle(const char *place, const butter_mount *mount, const char *handle, size_t size, int type,
                              butter_found *found)
{
    int fd, file, result;

    found->step = BUTTER_PLACE;
    fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1 - errno;
    result = identify(fd, "", &found->file);
    if (result == 0 && !is_same_mount(&found->file, mount))
        result = -1 - EXDEV;
    if (result == 0) {
        found->step = BUTTER_OPEN;
        file = butter_open_by_handle_at(fd, handle, size, type, O_PATH | O_CLOEXEC);
        if (file == -1 - EPERM)
            file = butter_open_by_handle_at(fd, handle, size, type, O_PATH | O_CLOEXEC | O_DIRECTORY);
        result = file;
        if (file >= 0) {
            result = locate(file, found);
            close(file);
        }
    }
    close(fd);
    return result;
}

#define name_to_handle_at butter_name_to_handle_at
#define open_by_handle_at butter_open_by_handle_at
