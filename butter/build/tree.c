#include <limits.h>
#include <string.h>
#include <sys/epoll.h>

#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

enum { BUTTER_MODE, BUTTER_DEVICE, BUTTER_INODE, BUTTER_BYTES, BUTTER_MTIME, BUTTER_MOUNT, BUTTER_FACTS };
enum { BUTTER_PARTS = 3 };

/* One statx of a file, which is not followed if it is a symbolic link. With an empty
   name it is dirfd itself. */
static int butter_tree_look(int dirfd, const char *name, int64_t *facts)
{
    const int empty_path = 0x1000, no_follow = 0x100, no_automount = 0x800;
    const uint32_t basic = 0x7ff;
    struct butter_statx found;
    int flags = no_automount | (*name ? no_follow : empty_path);

    if (syscall(SYS_statx, dirfd, name, flags, basic | BUTTER_MNT_ID | BUTTER_MNT_ID_UNIQUE, &found) < 0)
        return -1 - errno;
    /* others: inode, size, blocks; times: atime, btime, ctime, mtime, of two words
       each, and the numbers of two devices */
    facts[BUTTER_MODE] = found.mode;
    facts[BUTTER_DEVICE] = (int64_t)found.times[9];
    facts[BUTTER_INODE] = (int64_t)found.others[0];
    facts[BUTTER_BYTES] = (int64_t)found.others[1];
    facts[BUTTER_MTIME] = (int64_t)found.times[6] * 1000000000 + (int64_t)(found.times[7] & 0xffffffff);
    facts[BUTTER_MOUNT] = found.mask & (BUTTER_MNT_ID | BUTTER_MNT_ID_UNIQUE) ? (int64_t)found.mount : 0;
    return 0;
}

/* How many directories a walk or a look has open at once, each in the one before, and
   how many more a look opens. */
enum { BUTTER_TREE_DEPTH = 40, BUTTER_TREE_MOST = BUTTER_TREE_DEPTH + 8 };

/* The descriptors that are open for a look, the deepest last. They are put here by C
   and not by Python, in which a signal handler may raise when C has returned. */
typedef struct {
    int count, fds[BUTTER_TREE_MOST];
} butter_tree_opened;

/* How a directory is opened: one that may not be read for its names alone; or one that
   a symbolic link leads to. */
enum { BUTTER_TREE_NAMES = 1, BUTTER_TREE_FOLLOW = 2 };

/* Return a descriptor of a directory, and the facts about it, or -1 - errno. */
static int enter_directory(int dirfd, const char *name, int how, int64_t *facts)
{
    int flags = how & BUTTER_TREE_FOLLOW ? OPEN_DIRECTORY & ~O_NOFOLLOW : OPEN_DIRECTORY;
    int fd = openat(dirfd, name, flags), result;

    if (fd < 0 && how & BUTTER_TREE_NAMES && (errno == EACCES || errno == EPERM))
        fd = openat(dirfd, name, flags | O_PATH);
    if (fd < 0)
        return -1 - errno;
    result = butter_tree_look(fd, "", facts);
    if (result < 0) {
        close(fd);
        return result;
    }
    return fd;
}

/* As enter_directory, for an absolute path of any length. */
static int open_directory(const char *path, int how, int64_t *facts)
{
    char part[PATH_MAX];
    size_t left = strlen(path);
    int dirfd = AT_FDCWD, next;

    while (left >= PATH_MAX) {
        size_t length = PATH_MAX - 1;
        while (length && path[length] != '/')
            length--;
        memcpy(part, path, length);
        part[length] = '\0';
        /* a part needs no permission to be read */
        next = (int)result_of(openat(dirfd, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (dirfd != AT_FDCWD)
            close(dirfd);
        if (next < 0)
            return next;
        dirfd = next;
        path += length + 1;
        left -= length + 1;
    }
    next = enter_directory(dirfd, path, how, facts);
    if (dirfd != AT_FDCWD)
        close(dirfd);
    return next;
}

/* Have a new descriptor among those that are open, and return it. */
static int keep(butter_tree_opened *opened, int fd)
{
    if (fd >= 0 && opened->count == BUTTER_TREE_MOST) {
        close(fd);
        return -1 - EMFILE;
    }
    if (fd >= 0)
        opened->fds[opened->count++] = fd;
    return fd;
}

static int butter_tree_enter(butter_tree_opened *opened, int dirfd, const char *name, int how, int64_t *facts)
{
    return keep(opened, enter_directory(dirfd, name, how, facts));
}

static int butter_tree_open(butter_tree_opened *opened, const char *path, int how, int64_t *facts)
{
    return keep(opened, open_directory(path, how, facts));
}

/* Close all but the first descriptors. */
static void butter_tree_close(butter_tree_opened *opened, int count)
{
    while (opened->count > count)
        close(opened->fds[--opened->count]);
}

/* Look at a name of a directory by an absolute path, in one call because it is so
   frequent. Returns 0 if that is the directory with this identity, and the look was
   possible; else anything else. */
static int butter_tree_look_once(const char *path, int64_t inode, int64_t device, int64_t mount, const char *name,
                                 int64_t *facts)
{
    int fd = enter_directory(AT_FDCWD, path, 0, facts), result = -1;

    if (fd < 0)
        return fd;
    if (facts[BUTTER_INODE] == inode && facts[BUTTER_DEVICE] == device && facts[BUTTER_MOUNT] == mount)
        result = butter_tree_look(fd, name, facts);
    close(fd);
    return result;
}

static int butter_tree_epoll(int flags)
{
    return (int)result_of(epoll_create1(flags));
}

/* Have an epoll descriptor be readable when fd has these events, and know fd by a
   bit. */
static int butter_tree_wait_for(int epoll, int fd, uint32_t events, uint32_t bit)
{
    struct epoll_event event = {.events = events, .data = {.u32 = bit}};

    return (int)result_of(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

/* Return the bits of all that is ready. */
static int butter_tree_ask(int epoll)
{
    struct epoll_event events[BUTTER_PARTS];
    int count = epoll_wait(epoll, events, BUTTER_PARTS, 0), found = 0;

    if (count < 0)
        return -1 - errno;
    while (count--)
        found |= (int)events[count].data.u32;
    return found;
}
