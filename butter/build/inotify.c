#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#ifndef IN_MASK_CREATE
# define IN_MASK_CREATE 0x10000000
#endif

/* A call that fails returns -1 - errno: butter/errors.py says why. */
static int butter_init1(int flags)
{
    int fd = inotify_init1(flags);
    return fd < 0 ? -1 - errno : fd;
}
#define inotify_init1 butter_init1

static int butter_add_watch(int fd, const char *pathname, uint32_t mask)
{
    int wd = inotify_add_watch(fd, pathname, mask);
    return wd < 0 ? -1 - errno : wd;
}
#define inotify_add_watch butter_add_watch

static int butter_rm_watch(int fd, int wd)
{
    int result = inotify_rm_watch(fd, wd);
    return result < 0 ? -1 - errno : result;
}
#define inotify_rm_watch butter_rm_watch

/* Larger buffers are no faster: garbage collection of larger batches takes the time
   that fewer system calls save. The columns have room for the shortest events, which
   are a bare header; a name and its NUL do not need more room than its event. */
#define READ_SIZE 16384
#define HEADER sizeof(struct inotify_event)

typedef struct {
    int32_t wds[READ_SIZE / HEADER];
    uint32_t masks[READ_SIZE / HEADER];
    uint32_t cookies[READ_SIZE / HEADER];
    char names[READ_SIZE];
    /* One array for Python, where each access to a field costs as much as an event. */
    union {
        uint32_t summary[5];
        struct {
            uint32_t count;
            uint32_t names_size;
            uint32_t many_wds;
            uint32_t any_cookie;
            uint32_t any_mask;
        };
    };
    char data[READ_SIZE];
} butter_inotify_events;

/* Take as many whole events as the columns hold, and return their size in bytes, or
   -1 - EBADMSG if the first is cut short or larger than any event of the kernel. */
static ssize_t butter_inotify_parse(const char *data, size_t size, butter_inotify_events *events)
{
    struct inotify_event header;
    size_t used = 0;
    uint32_t count = 0, many_wds = 0, any_cookie = 0, any_mask = 0;
    char *name = events->names;

    if (size > READ_SIZE)
        size = READ_SIZE;
    while (size - used >= HEADER) {
        /* copied, because a slice of bytes may not be aligned */
        memcpy(&header, data + used, HEADER);
        if (header.len > size - used - HEADER)
            break;
        events->wds[count] = header.wd;
        events->masks[count] = header.mask;
        events->cookies[count] = header.cookie;
        many_wds |= header.wd != events->wds[0];
        any_cookie |= header.cookie;
        any_mask |= header.mask;
        count++;
        size_t length = strnlen(data + used + HEADER, header.len);
        memcpy(name, data + used + HEADER, length);
        name += length;
        *name++ = '\0';
        used += HEADER + header.len;
    }
    events->count = count;
    events->names_size = (uint32_t)(name - events->names);
    events->many_wds = many_wds;
    events->any_cookie = any_cookie;
    events->any_mask = any_mask;
    return used || !size ? (ssize_t)used : -1 - EBADMSG;
}

/* Return the number of events of one read, or -1 - errno. Trailing bytes that are not
   a whole event mean that fd is not an inotify descriptor. */
static int butter_inotify_read(int fd, butter_inotify_events *events)
{
    ssize_t size = read(fd, events->data, READ_SIZE);

    if (size < 0)
        return -1 - errno;
    if (!size || butter_inotify_parse(events->data, (size_t)size, events) != size) {
        events->count = 0;
        return -1 - EBADMSG;
    }
    return (int)events->count;
}
