from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* FanotifyInit(IntFlag): the flags of fanotify_init */
#define FAN_CLOEXEC ...             /* close the descriptor when the process executes another program */
#define FAN_NONBLOCK ...            /* reads fail with EAGAIN instead of waiting for an event */
#define FAN_CLASS_NOTIF ...         /* events only tell: none waits for an answer */
#define FAN_CLASS_CONTENT ...       /* permission events too, for a reader of the final content */
#define FAN_CLASS_PRE_CONTENT ...   /* permission events too, and before FAN_CLASS_CONTENT sees them */
#define FAN_UNLIMITED_QUEUE ...     /* the queue of events has no limit */
#define FAN_UNLIMITED_MARKS ...     /* the number of marks has no limit */
#define FAN_ENABLE_AUDIT ...        /* answers may ask for an audit record (Linux 4.15) */
#define FAN_REPORT_PIDFD ...        /* an event has a pidfd of the process behind it (Linux 5.15) */
#define FAN_REPORT_TID ...          /* the pid of an event is that of the thread (Linux 4.20) */
#define FAN_REPORT_FID ...          /* an event has a handle of its file instead of a descriptor (Linux 5.1) */
#define FAN_REPORT_DIR_FID ...      /* an event has a handle of the directory of its file (Linux 5.9) */
#define FAN_REPORT_NAME ...         /* an event has the name of its file in that directory (Linux 5.9) */
#define FAN_REPORT_DFID_NAME ...    /* FAN_REPORT_DIR_FID and FAN_REPORT_NAME (Linux 5.9) */
#define FAN_REPORT_TARGET_FID ...   /* events of names have a handle of the file that is named (Linux 5.17) */
#define FAN_REPORT_DFID_NAME_TARGET ... /* FAN_REPORT_TARGET_FID and all that it needs (Linux 5.17) */
#define FAN_REPORT_FD_ERROR ...     /* a file that cannot be opened does not end the read: fd is -errno (Linux 6.13) */
#define FAN_REPORT_MNT ...          /* events of a mount namespace, with the ids of mounts (Linux 6.15) */

/* FanotifyMask(IntFlag): the mask of fanotify_mark, and of an event */
#define FAN_ACCESS ...              /* a file was read */
#define FAN_MODIFY ...              /* a file was written, or truncated (which only events with handles tell) */
#define FAN_ATTRIB ...              /* the metadata of a file or directory changed (Linux 5.1) */
#define FAN_CLOSE_WRITE ...         /* a file that was open for writing was closed */
#define FAN_CLOSE_NOWRITE ...       /* a file or directory that was not open for writing was closed */
#define FAN_OPEN ...                /* a file or directory was opened */
#define FAN_MOVED_FROM ...          /* a name left a directory (Linux 5.1) */
#define FAN_MOVED_TO ...            /* a name came into a directory (Linux 5.1) */
#define FAN_CREATE ...              /* a name was created in a directory (Linux 5.1) */
#define FAN_DELETE ...              /* a name was deleted from a directory (Linux 5.1) */
#define FAN_DELETE_SELF ...         /* the marked file or directory itself was deleted (Linux 5.1) */
#define FAN_MOVE_SELF ...           /* the marked file or directory itself was moved (Linux 5.1) */
#define FAN_OPEN_EXEC ...           /* a file was opened to be executed (Linux 5.0) */
#define FAN_Q_OVERFLOW ...          /* the queue was full and events were lost (only in events) */
#define FAN_FS_ERROR ...            /* the filesystem found an error in itself (Linux 5.16) */
#define FAN_OPEN_PERM ...           /* a file is to be opened: may it? */
#define FAN_ACCESS_PERM ...         /* a file is to be read: may it? */
#define FAN_OPEN_EXEC_PERM ...      /* a file is to be opened to be executed: may it? (Linux 5.0) */
#define FAN_PRE_ACCESS ...          /* a range of a file is to be read or written: may it? (Linux 6.14) */
#define FAN_MNT_ATTACH ...          /* a mount appeared, or came from elsewhere (Linux 6.15) */
#define FAN_MNT_DETACH ...          /* a mount is gone, or went elsewhere (Linux 6.15) */
#define FAN_EVENT_ON_CHILD ...      /* events of the files in the marked directory too */
#define FAN_RENAME ...              /* a name became another, both of which the event has (Linux 5.17) */
#define FAN_ONDIR ...               /* events of directories too; in an event: it is about a directory */
#define FAN_CLOSE ...               /* FAN_CLOSE_WRITE or FAN_CLOSE_NOWRITE */
#define FAN_MOVE ...                /* FAN_MOVED_FROM or FAN_MOVED_TO (Linux 5.1) */

/* FanotifyMark(IntFlag, FAN_MARK_): the flags of fanotify_mark */
#define FAN_MARK_ADD ...            /* add the events of the mask to the mark */
#define FAN_MARK_REMOVE ...         /* remove the events of the mask from the mark */
#define FAN_MARK_FLUSH ...          /* remove all marks of this type */
#define FAN_MARK_INODE ...          /* the mark is on the file or directory */
#define FAN_MARK_MOUNT ...          /* the mark is on the mount that the path is on */
#define FAN_MARK_FILESYSTEM ...     /* the mark is on the filesystem that the path is on (Linux 4.20) */
#define FAN_MARK_MNTNS ...          /* the mark is on the mount namespace that the path names (Linux 6.15) */
#define FAN_MARK_DONT_FOLLOW ...    /* mark a symbolic link itself, not what it points to */
#define FAN_MARK_ONLYDIR ...        /* refuse a path that is not a directory */
#define FAN_MARK_EVICTABLE ...      /* the mark may vanish when memory is short (Linux 5.19) */
#define FAN_MARK_IGNORE ...         /* the mask says which events are ignored (Linux 6.0) */
#define FAN_MARK_IGNORED_MASK ...   /* the same in the older way, without FAN_EVENT_ON_CHILD and FAN_ONDIR */
#define FAN_MARK_IGNORED_SURV_MODIFY ... /* a modification does not end the ignoring */
#define FAN_MARK_IGNORE_SURV ...    /* FAN_MARK_IGNORE and FAN_MARK_IGNORED_SURV_MODIFY (Linux 6.0) */

/* FanotifyResponse(IntFlag): the answer to a permission event */
#define FAN_ALLOW ...               /* the file may be used */
#define FAN_DENY ...                /* the call fails with EPERM, or another errno */
#define FAN_AUDIT ...               /* make an audit record of the answer (Linux 4.15) */
#define FAN_INFO ...                /* a record follows the answer (Linux 6.3) */

/* FanotifyInfo(IntEnum, FAN_EVENT_INFO_TYPE_): the type of a record in an event */
#define FAN_EVENT_INFO_TYPE_FID ...           /* the handle of a file (Linux 5.1) */
#define FAN_EVENT_INFO_TYPE_DFID_NAME ...     /* the handle of a directory, and a name in it (Linux 5.9) */
#define FAN_EVENT_INFO_TYPE_DFID ...          /* the handle of a directory (Linux 5.9) */
#define FAN_EVENT_INFO_TYPE_PIDFD ...         /* a pidfd (Linux 5.15) */
#define FAN_EVENT_INFO_TYPE_ERROR ...         /* an error of a filesystem, and how often it came (Linux 5.16) */
#define FAN_EVENT_INFO_TYPE_RANGE ...         /* the range of a file (Linux 6.14) */
#define FAN_EVENT_INFO_TYPE_MNT ...           /* the id of a mount (Linux 6.15) */
#define FAN_EVENT_INFO_TYPE_OLD_DFID_NAME ... /* the directory and the name before a rename (Linux 5.17) */
#define FAN_EVENT_INFO_TYPE_NEW_DFID_NAME ... /* the directory and the name after a rename (Linux 5.17) */

/* FanotifyResponseInfo(IntEnum, FAN_RESPONSE_INFO_): the type of the record after an answer */
#define FAN_RESPONSE_INFO_NONE ...            /* no record */
#define FAN_RESPONSE_INFO_AUDIT_RULE ...      /* the rule behind the answer, for the audit record (Linux 6.3) */

/* -: instead of a descriptor, and other numbers */
#define FAN_NOFD ...                /* the event has no descriptor */
#define FAN_NOPIDFD ...             /* there is no pidfd, because the process is gone */
#define FAN_EPIDFD ...              /* there is no pidfd, because the kernel could not make one */
#define FANOTIFY_METADATA_VERSION ... /* the version of events that this kernel interface has */
#define FAN_EVENT_METADATA_LEN ...  /* the size of an event without records */
#define FAN_ERRNO_BITS ...          /* how many bits of an answer are an errno */
#define FAN_ERRNO_SHIFT ...         /* where they begin */
#define FAN_ERRNO_MASK ...          /* these bits, shifted to the right */
#define FAN_ALL_CLASS_BITS ...      /* deprecated: the classes of old kernels */
#define FAN_ALL_INIT_FLAGS ...      /* deprecated: the flags of fanotify_init that old kernels knew */
#define FAN_ALL_MARK_FLAGS ...      /* deprecated: the flags of fanotify_mark that old kernels knew */
#define FAN_ALL_EVENTS ...          /* deprecated: the events of old kernels that only tell */
#define FAN_ALL_PERM_EVENTS ...     /* deprecated: the permission events of old kernels */
#define FAN_ALL_OUTGOING_EVENTS ... /* deprecated: whatever events of old kernels may have in their mask */

/* The events of one read, as columns. Event i begins at offsets[i] of the data, and its pidfd is that of its record,
   or FAN_NOPIDFD if it has none. */
typedef struct {
    uint64_t masks[682];
    int32_t fds[682];
    int32_t pids[682];
    int32_t pidfds[682];
    uint32_t offsets[682];
    uint64_t count;
    uint64_t summary[6]; /* count, used, any_mask, any_fd, any_pidfd, many_pids: see the source */
    char data[16384];
    ...;
} butter_fanotify_events;

int fanotify_init(unsigned int flags, unsigned int event_f_flags);
int fanotify_mark(int fd, unsigned int flags, uint64_t mask, int dirfd, const char *pathname);

ssize_t butter_fanotify_parse(const char *data, size_t size, butter_fanotify_events *events);
int butter_fanotify_check(const char *data, size_t size, int32_t *pidfd);
int butter_fanotify_read(int fd, butter_fanotify_events *events);
int butter_fanotify_read_few(int fd, butter_fanotify_events *events);
int butter_fanotify_read_one(int fd, butter_fanotify_events *events);
void butter_fanotify_leave_out_own(int fd, int threads, butter_fanotify_events *events);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
ffi.set_source("butter._fanotify_c", Path(__file__).with_suffix(".c").read_text())
