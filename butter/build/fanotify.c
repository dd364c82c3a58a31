#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of the newest kernel, and not from <linux/fanotify.h>, which may be old. */
#define FAN_CLOEXEC 0x1
#define FAN_NONBLOCK 0x2
#define FAN_CLASS_NOTIF 0x0
#define FAN_CLASS_CONTENT 0x4
#define FAN_CLASS_PRE_CONTENT 0x8
#define FAN_UNLIMITED_QUEUE 0x10
#define FAN_UNLIMITED_MARKS 0x20
#define FAN_ENABLE_AUDIT 0x40
#define FAN_REPORT_PIDFD 0x80
#define FAN_REPORT_TID 0x100
#define FAN_REPORT_FID 0x200
#define FAN_REPORT_DIR_FID 0x400
#define FAN_REPORT_NAME 0x800
#define FAN_REPORT_DFID_NAME (FAN_REPORT_DIR_FID | FAN_REPORT_NAME)
#define FAN_REPORT_TARGET_FID 0x1000
#define FAN_REPORT_DFID_NAME_TARGET (FAN_REPORT_DFID_NAME | FAN_REPORT_FID | FAN_REPORT_TARGET_FID)
#define FAN_REPORT_FD_ERROR 0x2000
#define FAN_REPORT_MNT 0x4000
#define FAN_ACCESS 0x1
#define FAN_MODIFY 0x2
#define FAN_ATTRIB 0x4
#define FAN_CLOSE_WRITE 0x8
#define FAN_CLOSE_NOWRITE 0x10
#define FAN_OPEN 0x20
#define FAN_MOVED_FROM 0x40
#define FAN_MOVED_TO 0x80
#define FAN_CREATE 0x100
#define FAN_DELETE 0x200
#define FAN_DELETE_SELF 0x400
#define FAN_MOVE_SELF 0x800
#define FAN_OPEN_EXEC 0x1000
#define FAN_Q_OVERFLOW 0x4000
#define FAN_FS_ERROR 0x8000
#define FAN_OPEN_PERM 0x10000
#define FAN_ACCESS_PERM 0x20000
#define FAN_OPEN_EXEC_PERM 0x40000
#define FAN_PRE_ACCESS 0x100000
#define FAN_MNT_ATTACH 0x1000000
#define FAN_MNT_DETACH 0x2000000
#define FAN_EVENT_ON_CHILD 0x8000000
#define FAN_RENAME 0x10000000
#define FAN_ONDIR 0x40000000
#define FAN_CLOSE (FAN_CLOSE_WRITE | FAN_CLOSE_NOWRITE)
#define FAN_MOVE (FAN_MOVED_FROM | FAN_MOVED_TO)
#define FAN_MARK_ADD 0x1
#define FAN_MARK_REMOVE 0x2
#define FAN_MARK_FLUSH 0x80
#define FAN_MARK_INODE 0x0
#define FAN_MARK_MOUNT 0x10
#define FAN_MARK_FILESYSTEM 0x100
#define FAN_MARK_MNTNS 0x110
#define FAN_MARK_DONT_FOLLOW 0x4
#define FAN_MARK_ONLYDIR 0x8
#define FAN_MARK_EVICTABLE 0x200
#define FAN_MARK_IGNORE 0x400
#define FAN_MARK_IGNORED_MASK 0x20
#define FAN_MARK_IGNORED_SURV_MODIFY 0x40
#define FAN_MARK_IGNORE_SURV (FAN_MARK_IGNORE | FAN_MARK_IGNORED_SURV_MODIFY)
#define FAN_ALLOW 0x1
#define FAN_DENY 0x2
#define FAN_AUDIT 0x10
#define FAN_INFO 0x20
#define FAN_EVENT_INFO_TYPE_FID 1
#define FAN_EVENT_INFO_TYPE_DFID_NAME 2
#define FAN_EVENT_INFO_TYPE_DFID 3
#define FAN_EVENT_INFO_TYPE_PIDFD 4
#define FAN_EVENT_INFO_TYPE_ERROR 5
#define FAN_EVENT_INFO_TYPE_RANGE 6
#define FAN_EVENT_INFO_TYPE_MNT 7
#define FAN_EVENT_INFO_TYPE_OLD_DFID_NAME 10
#define FAN_EVENT_INFO_TYPE_NEW_DFID_NAME 12
#define FAN_RESPONSE_INFO_NONE 0
#define FAN_RESPONSE_INFO_AUDIT_RULE 1
#define FAN_NOFD (-1)
#define FAN_NOPIDFD FAN_NOFD
#define FAN_EPIDFD (-2)
#define FANOTIFY_METADATA_VERSION 3
#define FAN_EVENT_METADATA_LEN HEADER
#define FAN_ERRNO_BITS 8
#define FAN_ERRNO_SHIFT (32 - FAN_ERRNO_BITS)
#define FAN_ERRNO_MASK ((1 << FAN_ERRNO_BITS) - 1)
#define FAN_ALL_CLASS_BITS (FAN_CLASS_NOTIF | FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT)
#define FAN_ALL_INIT_FLAGS (FAN_CLOEXEC | FAN_NONBLOCK | FAN_ALL_CLASS_BITS | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS)
#define FAN_ALL_MARK_FLAGS                                                                                             \
    (FAN_MARK_ADD | FAN_MARK_REMOVE | FAN_MARK_DONT_FOLLOW | FAN_MARK_ONLYDIR | FAN_MARK_MOUNT |                       \
     FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY | FAN_MARK_FLUSH)
#define FAN_ALL_EVENTS (FAN_ACCESS | FAN_MODIFY | FAN_CLOSE | FAN_OPEN)
#define FAN_ALL_PERM_EVENTS (FAN_OPEN_PERM | FAN_ACCESS_PERM)
#define FAN_ALL_OUTGOING_EVENTS (FAN_ALL_EVENTS | FAN_ALL_PERM_EVENTS | FAN_Q_OVERFLOW)

/* A call that fails returns -1 - errno: butter/errors.py says why. */
static int fanotify_init(unsigned int flags, unsigned int event_f_flags)
{
    long fd = syscall(SYS_fanotify_init, flags, event_f_flags);
    return (int)(fd < 0 ? -1 - errno : fd);
}

static int fanotify_mark(int fd, unsigned int flags, uint64_t mask, int dirfd, const char *pathname)
{
    long result = syscall(SYS_fanotify_mark, fd, flags, mask, dirfd, pathname);
    return (int)(result < 0 ? -1 - errno : result);
}

/* Larger buffers are no faster: garbage collection of larger batches takes the time
   that fewer system calls save. Each event of a group that reports descriptors costs
   one, and an event for which none is left comes without, so its batches are small. */
#define READ_SIZE 16384
#define READ_FEW 4096
/* Without FAN_REPORT_FD_ERROR such an event is lost. The read fails if it is the first,
   and a later one only ends the read, as if no more had waited. So that each loss is
   told, there is room for one event: with a pidfd, or else with a range too. */
#define READ_ONE (2 * HEADER - 1)
#define READ_LARGE_ONE (HEADER + 8 + 24)

/* The structs of the kernel, which no old header has whole. */
struct metadata {
    uint32_t event_len;
    uint8_t version, reserved;
    uint16_t metadata_len;
    uint64_t mask;
    int32_t fd, pid;
};
#define HEADER sizeof(struct metadata)

struct record {
    uint8_t type, pad;
    uint16_t len;
};

struct fid {
    struct record record;
    int32_t fsid[2];
    uint32_t handle_bytes;
    int32_t handle_type;
};

typedef struct {
    uint64_t masks[READ_SIZE / HEADER];
    int32_t fds[READ_SIZE / HEADER];
    int32_t pids[READ_SIZE / HEADER];
    int32_t pidfds[READ_SIZE / HEADER];
    uint32_t offsets[READ_SIZE / HEADER];
    /* One array for Python, where each access to a field costs as much as an event. */
    union {
        uint64_t summary[6];
        struct {
            uint64_t count;
            uint64_t used;
            uint64_t any_mask;
            uint64_t any_fd;
            uint64_t any_pidfd;
            uint64_t many_pids;
        };
    };
    char data[READ_SIZE];
} butter_fanotify_events;

#define PERMISSION (FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM | FAN_PRE_ACCESS)

/* Return 0, and the pidfd of one event's records; or -1 - EBADMSG if one of them is cut
   short, on which butter/_fanotify_records.py relies. Those of another type are
   skipped. */
static int butter_fanotify_check(const char *data, size_t size, int32_t *pidfd)
{
    static const uint8_t least[] = {
        [FAN_EVENT_INFO_TYPE_FID] = sizeof(struct fid),
        [FAN_EVENT_INFO_TYPE_DFID_NAME] = sizeof(struct fid),
        [FAN_EVENT_INFO_TYPE_DFID] = sizeof(struct fid),
        [FAN_EVENT_INFO_TYPE_PIDFD] = 8,
        [FAN_EVENT_INFO_TYPE_ERROR] = 12,
        [FAN_EVENT_INFO_TYPE_RANGE] = 24,
        [FAN_EVENT_INFO_TYPE_MNT] = 16,
        [FAN_EVENT_INFO_TYPE_OLD_DFID_NAME] = sizeof(struct fid),
        [FAN_EVENT_INFO_TYPE_NEW_DFID_NAME] = sizeof(struct fid),
    };
    struct record record;
    struct fid fid;

    *pidfd = FAN_NOPIDFD;
    for (size_t offset = 0; offset < size; offset += record.len) {
        if (size - offset < sizeof record)
            return -1 - EBADMSG;
        /* copied, because a slice of bytes may not be aligned */
        memcpy(&record, data + offset, sizeof record);
        if (record.len < sizeof record || record.len > size - offset)
            return -1 - EBADMSG;
        if (record.type >= sizeof least || !least[record.type])
            continue;
        if (record.len < least[record.type])
            return -1 - EBADMSG;
        if (record.type == FAN_EVENT_INFO_TYPE_PIDFD)
            memcpy(pidfd, data + offset + sizeof record, sizeof *pidfd);
        if (least[record.type] == sizeof fid) {
            memcpy(&fid, data + offset, sizeof fid);
            if (fid.handle_bytes > record.len - sizeof fid)
                return -1 - EBADMSG;
        }
    }
    return 0;
}

/* Take as many whole events as the columns hold, and return their size in bytes, or
   -1 - EBADMSG if the first is broken or larger than any event of the kernel. */
static ssize_t butter_fanotify_parse(const char *data, size_t size, butter_fanotify_events *events)
{
    struct metadata header;
    size_t used = 0;
    uint64_t count = 0, any_mask = 0, any_fd = 0, any_pidfd = 0, many_pids = 0;

    if (size > READ_SIZE)
        size = READ_SIZE;
    while (size - used >= HEADER) {
        memcpy(&header, data + used, HEADER);
        if (header.version != FANOTIFY_METADATA_VERSION || header.metadata_len < HEADER ||
            header.event_len < header.metadata_len || header.event_len > size - used)
            break;
        if (butter_fanotify_check(data + used + header.metadata_len, header.event_len - header.metadata_len,
                                  &events->pidfds[count]) < 0)
            break;
        /* with FAN_REPORT_FD_ERROR the fd of an event that is not about an open file */
        if (header.fd == -EBADF)
            header.fd = FAN_NOFD;
        events->masks[count] = header.mask;
        events->fds[count] = header.fd;
        events->pids[count] = header.pid;
        events->offsets[count] = (uint32_t)used;
        any_mask |= header.mask;
        any_fd |= header.fd != FAN_NOFD;
        any_pidfd |= events->pidfds[count] >= 0;
        many_pids |= header.pid != events->pids[0];
        used += header.event_len;
        count++;
    }
    events->count = count;
    events->used = used;
    events->any_mask = any_mask;
    events->any_fd = any_fd;
    events->any_pidfd = any_pidfd;
    events->many_pids = many_pids;
    return used || !size ? (ssize_t)used : -1 - EBADMSG;
}

static int read_events(int fd, size_t most, butter_fanotify_events *events)
{
    ssize_t size = read(fd, events->data, most);

    if (size < 0)
        return -1 - errno;
    if (!size || butter_fanotify_parse(events->data, (size_t)size, events) != size) {
        events->count = 0;
        return -1 - EBADMSG;
    }
    return (int)events->count;
}

/* Return the number of events of one read, or -1 - errno. Trailing bytes that are not
   a whole event mean that fd is not an fanotify descriptor. */
static int butter_fanotify_read(int fd, butter_fanotify_events *events)
{
    return read_events(fd, READ_SIZE, events);
}

/* The same for events that have descriptors. */
static int butter_fanotify_read_few(int fd, butter_fanotify_events *events)
{
    return read_events(fd, READ_FEW, events);
}

/* The same for one event that has a descriptor. */
static int butter_fanotify_read_one(int fd, butter_fanotify_events *events)
{
    int count = read_events(fd, READ_ONE, events);

    return count == -1 - EINVAL ? read_events(fd, READ_LARGE_ONE, events) : count;
}

/* Take this process's own events out of those of a read: its tasks go on, and what the
   events have is closed. The pids are those of threads if *threads* is not 0. Done in
   C, because Python would run signal handlers in between. */
static void butter_fanotify_leave_out_own(int fd, int threads, butter_fanotify_events *events)
{
    pid_t own = getpid();
    uint64_t kept = 0;
    int bare = events->used == events->count * HEADER;

    for (uint64_t i = 0; i < events->count; i++) {
        int32_t pid = events->pids[i];
        struct {
            int32_t fd;
            uint32_t response;
        } answer = {events->fds[i], FAN_ALLOW};

        if (threads ? pid > 0 && !syscall(SYS_tgkill, own, pid, 0) : pid == own) {
            /* the kernel has answered where it could not open the file */
            if (events->masks[i] & PERMISSION && answer.fd >= 0 && write(fd, &answer, sizeof answer) < 0) {
            }
            if (answer.fd >= 0)
                close(answer.fd);
            if (events->pidfds[i] >= 0)
                close(events->pidfds[i]);
            continue;
        }
        events->masks[kept] = events->masks[i];
        events->fds[kept] = events->fds[i];
        events->pids[kept] = events->pids[i];
        events->pidfds[kept] = events->pidfds[i];
        events->offsets[kept] = events->offsets[i];
        kept++;
    }
    events->count = kept;
    if (bare)
        events->used = kept * HEADER;
}
