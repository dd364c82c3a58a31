from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* InotifyInit(IntFlag): the flags of inotify_init1 */
#define IN_CLOEXEC ...        /* close the descriptor when the process executes another program */
#define IN_NONBLOCK ...       /* reads fail with EAGAIN instead of waiting for an event */

/* InotifyMask(IntFlag): the mask of inotify_add_watch, and of an event */
#define IN_ACCESS ...         /* a file was read, or executed */
#define IN_MODIFY ...         /* a file was written, or truncated */
#define IN_ATTRIB ...         /* the metadata of a file or directory changed */
#define IN_CLOSE_WRITE ...    /* a file that was open for writing was closed */
#define IN_CLOSE_NOWRITE ...  /* a file or directory that was not open for writing was closed */
#define IN_OPEN ...           /* a file or directory was opened */
#define IN_MOVED_FROM ...     /* a name left the watched directory; the other half has the same cookie */
#define IN_MOVED_TO ...       /* a name came into the watched directory; the other half has the same cookie */
#define IN_CREATE ...         /* a name was created in the watched directory */
#define IN_DELETE ...         /* a name was deleted from the watched directory */
#define IN_DELETE_SELF ...    /* the watched file or directory itself was deleted */
#define IN_MOVE_SELF ...      /* the watched file or directory itself was moved */
#define IN_CLOSE ...          /* IN_CLOSE_WRITE or IN_CLOSE_NOWRITE */
#define IN_MOVE ...           /* IN_MOVED_FROM or IN_MOVED_TO */
#define IN_ALL_EVENTS ...     /* every event that can be asked for */
#define IN_UNMOUNT ...        /* the filesystem of the watched object was unmounted (only in events) */
#define IN_Q_OVERFLOW ...     /* the queue was full and events were lost; wd is -1 (only in events) */
#define IN_IGNORED ...        /* the watch is gone: removed, deleted or unmounted (only in events) */
#define IN_ONLYDIR ...        /* refuse a path that is not a directory */
#define IN_DONT_FOLLOW ...    /* watch a symbolic link itself, not what it points to */
#define IN_EXCL_UNLINK ...    /* no more events for a child once it is unlinked */
#define IN_MASK_CREATE ...    /* refuse an object that is already watched (Linux 4.18) */
#define IN_MASK_ADD ...       /* add to the mask of an existing watch instead of replacing it */
#define IN_ISDIR ...          /* the event is about a directory (only in events) */
#define IN_ONESHOT ...        /* remove the watch after its first event */

int inotify_init1(int flags);
int inotify_add_watch(int fd, const char *pathname, uint32_t mask);
int inotify_rm_watch(int fd, int wd);

/* The events of one read, as columns: event i has wds[i], masks[i], cookies[i] and the i-th NUL-terminated name. */
typedef struct {
    int32_t wds[1024];
    uint32_t masks[1024];
    uint32_t cookies[1024];
    char names[16384];
    uint32_t count;
    uint32_t summary[5]; /* count, names_size, many_wds, any_cookie, any_mask: see the source */
    ...;
} butter_inotify_events;

ssize_t butter_inotify_parse(const char *data, size_t size, butter_inotify_events *events);
int butter_inotify_read(int fd, butter_inotify_events *events);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
ffi.set_source("butter._inotify_c", Path(__file__).with_suffix(".c").read_text())
