"""The constants of fanotify. Written by tools/constants.py from butter/build/fanotify.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._enums import Flags, Number
from butter._fanotify_c import lib

__all__ = [
    "FANOTIFY_METADATA_VERSION",
    "FAN_ACCESS",
    "FAN_ACCESS_PERM",
    "FAN_ALLOW",
    "FAN_ALL_CLASS_BITS",
    "FAN_ALL_EVENTS",
    "FAN_ALL_INIT_FLAGS",
    "FAN_ALL_MARK_FLAGS",
    "FAN_ALL_OUTGOING_EVENTS",
    "FAN_ALL_PERM_EVENTS",
    "FAN_ATTRIB",
    "FAN_AUDIT",
    "FAN_CLASS_CONTENT",
    "FAN_CLASS_NOTIF",
    "FAN_CLASS_PRE_CONTENT",
    "FAN_CLOEXEC",
    "FAN_CLOSE",
    "FAN_CLOSE_NOWRITE",
    "FAN_CLOSE_WRITE",
    "FAN_CREATE",
    "FAN_DELETE",
    "FAN_DELETE_SELF",
    "FAN_DENY",
    "FAN_ENABLE_AUDIT",
    "FAN_EPIDFD",
    "FAN_ERRNO_BITS",
    "FAN_ERRNO_MASK",
    "FAN_ERRNO_SHIFT",
    "FAN_EVENT_INFO_TYPE_DFID",
    "FAN_EVENT_INFO_TYPE_DFID_NAME",
    "FAN_EVENT_INFO_TYPE_ERROR",
    "FAN_EVENT_INFO_TYPE_FID",
    "FAN_EVENT_INFO_TYPE_MNT",
    "FAN_EVENT_INFO_TYPE_NEW_DFID_NAME",
    "FAN_EVENT_INFO_TYPE_OLD_DFID_NAME",
    "FAN_EVENT_INFO_TYPE_PIDFD",
    "FAN_EVENT_INFO_TYPE_RANGE",
    "FAN_EVENT_METADATA_LEN",
    "FAN_EVENT_ON_CHILD",
    "FAN_FS_ERROR",
    "FAN_INFO",
    "FAN_MARK_ADD",
    "FAN_MARK_DONT_FOLLOW",
    "FAN_MARK_EVICTABLE",
    "FAN_MARK_FILESYSTEM",
    "FAN_MARK_FLUSH",
    "FAN_MARK_IGNORE",
    "FAN_MARK_IGNORED_MASK",
    "FAN_MARK_IGNORED_SURV_MODIFY",
    "FAN_MARK_IGNORE_SURV",
    "FAN_MARK_INODE",
    "FAN_MARK_MNTNS",
    "FAN_MARK_MOUNT",
    "FAN_MARK_ONLYDIR",
    "FAN_MARK_REMOVE",
    "FAN_MNT_ATTACH",
    "FAN_MNT_DETACH",
    "FAN_MODIFY",
    "FAN_MOVE",
    "FAN_MOVED_FROM",
    "FAN_MOVED_TO",
    "FAN_MOVE_SELF",
    "FAN_NOFD",
    "FAN_NONBLOCK",
    "FAN_NOPIDFD",
    "FAN_ONDIR",
    "FAN_OPEN",
    "FAN_OPEN_EXEC",
    "FAN_OPEN_EXEC_PERM",
    "FAN_OPEN_PERM",
    "FAN_PRE_ACCESS",
    "FAN_Q_OVERFLOW",
    "FAN_RENAME",
    "FAN_REPORT_DFID_NAME",
    "FAN_REPORT_DFID_NAME_TARGET",
    "FAN_REPORT_DIR_FID",
    "FAN_REPORT_FD_ERROR",
    "FAN_REPORT_FID",
    "FAN_REPORT_MNT",
    "FAN_REPORT_NAME",
    "FAN_REPORT_PIDFD",
    "FAN_REPORT_TARGET_FID",
    "FAN_REPORT_TID",
    "FAN_RESPONSE_INFO_AUDIT_RULE",
    "FAN_RESPONSE_INFO_NONE",
    "FAN_UNLIMITED_MARKS",
    "FAN_UNLIMITED_QUEUE",
    "FanotifyInfo",
    "FanotifyInit",
    "FanotifyMark",
    "FanotifyMask",
    "FanotifyResponse",
    "FanotifyResponseInfo",
]

# the flags of fanotify_init
#: close the descriptor when the process executes another program
FAN_CLOEXEC: Final[int] = lib.FAN_CLOEXEC
#: reads fail with EAGAIN instead of waiting for an event
FAN_NONBLOCK: Final[int] = lib.FAN_NONBLOCK
#: events only tell: none waits for an answer
FAN_CLASS_NOTIF: Final[int] = lib.FAN_CLASS_NOTIF
#: permission events too, for a reader of the final content
FAN_CLASS_CONTENT: Final[int] = lib.FAN_CLASS_CONTENT
#: permission events too, and before FAN_CLASS_CONTENT sees them
FAN_CLASS_PRE_CONTENT: Final[int] = lib.FAN_CLASS_PRE_CONTENT
#: the queue of events has no limit
FAN_UNLIMITED_QUEUE: Final[int] = lib.FAN_UNLIMITED_QUEUE
#: the number of marks has no limit
FAN_UNLIMITED_MARKS: Final[int] = lib.FAN_UNLIMITED_MARKS
#: answers may ask for an audit record (Linux 4.15)
FAN_ENABLE_AUDIT: Final[int] = lib.FAN_ENABLE_AUDIT
#: an event has a pidfd of the process behind it (Linux 5.15)
FAN_REPORT_PIDFD: Final[int] = lib.FAN_REPORT_PIDFD
#: the pid of an event is that of the thread (Linux 4.20)
FAN_REPORT_TID: Final[int] = lib.FAN_REPORT_TID
#: an event has a handle of its file instead of a descriptor (Linux 5.1)
FAN_REPORT_FID: Final[int] = lib.FAN_REPORT_FID
#: an event has a handle of the directory of its file (Linux 5.9)
FAN_REPORT_DIR_FID: Final[int] = lib.FAN_REPORT_DIR_FID
#: an event has the name of its file in that directory (Linux 5.9)
FAN_REPORT_NAME: Final[int] = lib.FAN_REPORT_NAME
#: FAN_REPORT_DIR_FID and FAN_REPORT_NAME (Linux 5.9)
FAN_REPORT_DFID_NAME: Final[int] = lib.FAN_REPORT_DFID_NAME
#: events of names have a handle of the file that is named (Linux 5.17)
FAN_REPORT_TARGET_FID: Final[int] = lib.FAN_REPORT_TARGET_FID
#: FAN_REPORT_TARGET_FID and all that it needs (Linux 5.17)
FAN_REPORT_DFID_NAME_TARGET: Final[int] = lib.FAN_REPORT_DFID_NAME_TARGET
#: a file that cannot be opened does not end the read: fd is -errno (Linux 6.13)
FAN_REPORT_FD_ERROR: Final[int] = lib.FAN_REPORT_FD_ERROR
#: events of a mount namespace, with the ids of mounts (Linux 6.15)
FAN_REPORT_MNT: Final[int] = lib.FAN_REPORT_MNT

# the mask of fanotify_mark, and of an event
#: a file was read
FAN_ACCESS: Final[int] = lib.FAN_ACCESS
#: a file was written, or truncated (which only events with handles tell)
FAN_MODIFY: Final[int] = lib.FAN_MODIFY
#: the metadata of a file or directory changed (Linux 5.1)
FAN_ATTRIB: Final[int] = lib.FAN_ATTRIB
#: a file that was open for writing was closed
FAN_CLOSE_WRITE: Final[int] = lib.FAN_CLOSE_WRITE
#: a file or directory that was not open for writing was closed
FAN_CLOSE_NOWRITE: Final[int] = lib.FAN_CLOSE_NOWRITE
#: a file or directory was opened
FAN_OPEN: Final[int] = lib.FAN_OPEN
#: a name left a directory (Linux 5.1)
FAN_MOVED_FROM: Final[int] = lib.FAN_MOVED_FROM
#: a name came into a directory (Linux 5.1)
FAN_MOVED_TO: Final[int] = lib.FAN_MOVED_TO
#: a name was created in a directory (Linux 5.1)
FAN_CREATE: Final[int] = lib.FAN_CREATE
#: a name was deleted from a directory (Linux 5.1)
FAN_DELETE: Final[int] = lib.FAN_DELETE
#: the marked file or directory itself was deleted (Linux 5.1)
FAN_DELETE_SELF: Final[int] = lib.FAN_DELETE_SELF
#: the marked file or directory itself was moved (Linux 5.1)
FAN_MOVE_SELF: Final[int] = lib.FAN_MOVE_SELF
#: a file was opened to be executed (Linux 5.0)
FAN_OPEN_EXEC: Final[int] = lib.FAN_OPEN_EXEC
#: the queue was full and events were lost (only in events)
FAN_Q_OVERFLOW: Final[int] = lib.FAN_Q_OVERFLOW
#: the filesystem found an error in itself (Linux 5.16)
FAN_FS_ERROR: Final[int] = lib.FAN_FS_ERROR
#: a file is to be opened: may it?
FAN_OPEN_PERM: Final[int] = lib.FAN_OPEN_PERM
#: a file is to be read: may it?
FAN_ACCESS_PERM: Final[int] = lib.FAN_ACCESS_PERM
#: a file is to be opened to be executed: may it? (Linux 5.0)
FAN_OPEN_EXEC_PERM: Final[int] = lib.FAN_OPEN_EXEC_PERM
#: a range of a file is to be read or written: may it? (Linux 6.14)
FAN_PRE_ACCESS: Final[int] = lib.FAN_PRE_ACCESS
#: a mount appeared, or came from elsewhere (Linux 6.15)
FAN_MNT_ATTACH: Final[int] = lib.FAN_MNT_ATTACH
#: a mount is gone, or went elsewhere (Linux 6.15)
FAN_MNT_DETACH: Final[int] = lib.FAN_MNT_DETACH
#: events of the files in the marked directory too
FAN_EVENT_ON_CHILD: Final[int] = lib.FAN_EVENT_ON_CHILD
#: a name became another, both of which the event has (Linux 5.17)
FAN_RENAME: Final[int] = lib.FAN_RENAME
#: events of directories too; in an event: it is about a directory
FAN_ONDIR: Final[int] = lib.FAN_ONDIR
#: FAN_CLOSE_WRITE or FAN_CLOSE_NOWRITE
FAN_CLOSE: Final[int] = lib.FAN_CLOSE
#: FAN_MOVED_FROM or FAN_MOVED_TO (Linux 5.1)
FAN_MOVE: Final[int] = lib.FAN_MOVE

# the flags of fanotify_mark
#: add the events of the mask to the mark
FAN_MARK_ADD: Final[int] = lib.FAN_MARK_ADD
#: remove the events of the mask from the mark
FAN_MARK_REMOVE: Final[int] = lib.FAN_MARK_REMOVE
#: remove all marks of this type
FAN_MARK_FLUSH: Final[int] = lib.FAN_MARK_FLUSH
#: the mark is on the file or directory
FAN_MARK_INODE: Final[int] = lib.FAN_MARK_INODE
#: the mark is on the mount that the path is on
FAN_MARK_MOUNT: Final[int] = lib.FAN_MARK_MOUNT
#: the mark is on the filesystem that the path is on (Linux 4.20)
FAN_MARK_FILESYSTEM: Final[int] = lib.FAN_MARK_FILESYSTEM
#: the mark is on the mount namespace that the path names (Linux 6.15)
FAN_MARK_MNTNS: Final[int] = lib.FAN_MARK_MNTNS
#: mark a symbolic link itself, not what it points to
FAN_MARK_DONT_FOLLOW: Final[int] = lib.FAN_MARK_DONT_FOLLOW
#: refuse a path that is not a directory
FAN_MARK_ONLYDIR: Final[int] = lib.FAN_MARK_ONLYDIR
#: the mark may vanish when memory is short (Linux 5.19)
FAN_MARK_EVICTABLE: Final[int] = lib.FAN_MARK_EVICTABLE
#: the mask says which events are ignored (Linux 6.0)
FAN_MARK_IGNORE: Final[int] = lib.FAN_MARK_IGNORE
#: the same in the older way, without FAN_EVENT_ON_CHILD and FAN_ONDIR
FAN_MARK_IGNORED_MASK: Final[int] = lib.FAN_MARK_IGNORED_MASK
#: a modification does not end the ignoring
FAN_MARK_IGNORED_SURV_MODIFY: Final[int] = lib.FAN_MARK_IGNORED_SURV_MODIFY
#: FAN_MARK_IGNORE and FAN_MARK_IGNORED_SURV_MODIFY (Linux 6.0)
FAN_MARK_IGNORE_SURV: Final[int] = lib.FAN_MARK_IGNORE_SURV

# the answer to a permission event
#: the file may be used
FAN_ALLOW: Final[int] = lib.FAN_ALLOW
#: the call fails with EPERM, or another errno
FAN_DENY: Final[int] = lib.FAN_DENY
#: make an audit record of the answer (Linux 4.15)
FAN_AUDIT: Final[int] = lib.FAN_AUDIT
#: a record follows the answer (Linux 6.3)
FAN_INFO: Final[int] = lib.FAN_INFO

# the type of a record in an event
#: the handle of a file (Linux 5.1)
FAN_EVENT_INFO_TYPE_FID: Final[int] = lib.FAN_EVENT_INFO_TYPE_FID
#: the handle of a directory, and a name in it (Linux 5.9)
FAN_EVENT_INFO_TYPE_DFID_NAME: Final[int] = lib.FAN_EVENT_INFO_TYPE_DFID_NAME
#: the handle of a directory (Linux 5.9)
FAN_EVENT_INFO_TYPE_DFID: Final[int] = lib.FAN_EVENT_INFO_TYPE_DFID
#: a pidfd (Linux 5.15)
FAN_EVENT_INFO_TYPE_PIDFD: Final[int] = lib.FAN_EVENT_INFO_TYPE_PIDFD
#: an error of a filesystem, and how often it came (Linux 5.16)
FAN_EVENT_INFO_TYPE_ERROR: Final[int] = lib.FAN_EVENT_INFO_TYPE_ERROR
#: the range of a file (Linux 6.14)
FAN_EVENT_INFO_TYPE_RANGE: Final[int] = lib.FAN_EVENT_INFO_TYPE_RANGE
#: the id of a mount (Linux 6.15)
FAN_EVENT_INFO_TYPE_MNT: Final[int] = lib.FAN_EVENT_INFO_TYPE_MNT
#: the directory and the name before a rename (Linux 5.17)
FAN_EVENT_INFO_TYPE_OLD_DFID_NAME: Final[int] = lib.FAN_EVENT_INFO_TYPE_OLD_DFID_NAME
#: the directory and the name after a rename (Linux 5.17)
FAN_EVENT_INFO_TYPE_NEW_DFID_NAME: Final[int] = lib.FAN_EVENT_INFO_TYPE_NEW_DFID_NAME

# the type of the record after an answer
#: no record
FAN_RESPONSE_INFO_NONE: Final[int] = lib.FAN_RESPONSE_INFO_NONE
#: the rule behind the answer, for the audit record (Linux 6.3)
FAN_RESPONSE_INFO_AUDIT_RULE: Final[int] = lib.FAN_RESPONSE_INFO_AUDIT_RULE

# instead of a descriptor, and other numbers
#: the event has no descriptor
FAN_NOFD: Final[int] = lib.FAN_NOFD
#: there is no pidfd, because the process is gone
FAN_NOPIDFD: Final[int] = lib.FAN_NOPIDFD
#: there is no pidfd, because the kernel could not make one
FAN_EPIDFD: Final[int] = lib.FAN_EPIDFD
#: the version of events that this kernel interface has
FANOTIFY_METADATA_VERSION: Final[int] = lib.FANOTIFY_METADATA_VERSION
#: the size of an event without records
FAN_EVENT_METADATA_LEN: Final[int] = lib.FAN_EVENT_METADATA_LEN
#: how many bits of an answer are an errno
FAN_ERRNO_BITS: Final[int] = lib.FAN_ERRNO_BITS
#: where they begin
FAN_ERRNO_SHIFT: Final[int] = lib.FAN_ERRNO_SHIFT
#: these bits, shifted to the right
FAN_ERRNO_MASK: Final[int] = lib.FAN_ERRNO_MASK
#: deprecated: the classes of old kernels
FAN_ALL_CLASS_BITS: Final[int] = lib.FAN_ALL_CLASS_BITS
#: deprecated: the flags of fanotify_init that old kernels knew
FAN_ALL_INIT_FLAGS: Final[int] = lib.FAN_ALL_INIT_FLAGS
#: deprecated: the flags of fanotify_mark that old kernels knew
FAN_ALL_MARK_FLAGS: Final[int] = lib.FAN_ALL_MARK_FLAGS
#: deprecated: the events of old kernels that only tell
FAN_ALL_EVENTS: Final[int] = lib.FAN_ALL_EVENTS
#: deprecated: the permission events of old kernels
FAN_ALL_PERM_EVENTS: Final[int] = lib.FAN_ALL_PERM_EVENTS
#: deprecated: whatever events of old kernels may have in their mask
FAN_ALL_OUTGOING_EVENTS: Final[int] = lib.FAN_ALL_OUTGOING_EVENTS


class FanotifyInit(Flags):
    """The flags of fanotify_init."""

    CLOEXEC = FAN_CLOEXEC
    NONBLOCK = FAN_NONBLOCK
    CLASS_NOTIF = FAN_CLASS_NOTIF
    CLASS_CONTENT = FAN_CLASS_CONTENT
    CLASS_PRE_CONTENT = FAN_CLASS_PRE_CONTENT
    UNLIMITED_QUEUE = FAN_UNLIMITED_QUEUE
    UNLIMITED_MARKS = FAN_UNLIMITED_MARKS
    ENABLE_AUDIT = FAN_ENABLE_AUDIT
    REPORT_PIDFD = FAN_REPORT_PIDFD
    REPORT_TID = FAN_REPORT_TID
    REPORT_FID = FAN_REPORT_FID
    REPORT_DIR_FID = FAN_REPORT_DIR_FID
    REPORT_NAME = FAN_REPORT_NAME
    REPORT_DFID_NAME = FAN_REPORT_DFID_NAME
    REPORT_TARGET_FID = FAN_REPORT_TARGET_FID
    REPORT_DFID_NAME_TARGET = FAN_REPORT_DFID_NAME_TARGET
    REPORT_FD_ERROR = FAN_REPORT_FD_ERROR
    REPORT_MNT = FAN_REPORT_MNT

    __since__ = {
        "FAN_ENABLE_AUDIT": (FAN_ENABLE_AUDIT, "4.15"),
        "FAN_REPORT_PIDFD": (FAN_REPORT_PIDFD, "5.15"),
        "FAN_REPORT_TID": (FAN_REPORT_TID, "4.20"),
        "FAN_REPORT_FID": (FAN_REPORT_FID, "5.1"),
        "FAN_REPORT_DIR_FID": (FAN_REPORT_DIR_FID, "5.9"),
        "FAN_REPORT_NAME": (FAN_REPORT_NAME, "5.9"),
        "FAN_REPORT_DFID_NAME": (FAN_REPORT_DFID_NAME, "5.9"),
        "FAN_REPORT_TARGET_FID": (FAN_REPORT_TARGET_FID, "5.17"),
        "FAN_REPORT_DFID_NAME_TARGET": (FAN_REPORT_DFID_NAME_TARGET, "5.17"),
        "FAN_REPORT_FD_ERROR": (FAN_REPORT_FD_ERROR, "6.13"),
        "FAN_REPORT_MNT": (FAN_REPORT_MNT, "6.15"),
    }


class FanotifyMask(Flags):
    """The mask of fanotify_mark, and of an event."""

    ACCESS = FAN_ACCESS
    MODIFY = FAN_MODIFY
    ATTRIB = FAN_ATTRIB
    CLOSE_WRITE = FAN_CLOSE_WRITE
    CLOSE_NOWRITE = FAN_CLOSE_NOWRITE
    OPEN = FAN_OPEN
    MOVED_FROM = FAN_MOVED_FROM
    MOVED_TO = FAN_MOVED_TO
    CREATE = FAN_CREATE
    DELETE = FAN_DELETE
    DELETE_SELF = FAN_DELETE_SELF
    MOVE_SELF = FAN_MOVE_SELF
    OPEN_EXEC = FAN_OPEN_EXEC
    Q_OVERFLOW = FAN_Q_OVERFLOW
    FS_ERROR = FAN_FS_ERROR
    OPEN_PERM = FAN_OPEN_PERM
    ACCESS_PERM = FAN_ACCESS_PERM
    OPEN_EXEC_PERM = FAN_OPEN_EXEC_PERM
    PRE_ACCESS = FAN_PRE_ACCESS
    MNT_ATTACH = FAN_MNT_ATTACH
    MNT_DETACH = FAN_MNT_DETACH
    EVENT_ON_CHILD = FAN_EVENT_ON_CHILD
    RENAME = FAN_RENAME
    ONDIR = FAN_ONDIR
    CLOSE = FAN_CLOSE
    MOVE = FAN_MOVE

    __since__ = {
        "FAN_ATTRIB": (FAN_ATTRIB, "5.1"),
        "FAN_MOVED_FROM": (FAN_MOVED_FROM, "5.1"),
        "FAN_MOVED_TO": (FAN_MOVED_TO, "5.1"),
        "FAN_CREATE": (FAN_CREATE, "5.1"),
        "FAN_DELETE": (FAN_DELETE, "5.1"),
        "FAN_DELETE_SELF": (FAN_DELETE_SELF, "5.1"),
        "FAN_MOVE_SELF": (FAN_MOVE_SELF, "5.1"),
        "FAN_OPEN_EXEC": (FAN_OPEN_EXEC, "5.0"),
        "FAN_FS_ERROR": (FAN_FS_ERROR, "5.16"),
        "FAN_OPEN_EXEC_PERM": (FAN_OPEN_EXEC_PERM, "5.0"),
        "FAN_PRE_ACCESS": (FAN_PRE_ACCESS, "6.14"),
        "FAN_MNT_ATTACH": (FAN_MNT_ATTACH, "6.15"),
        "FAN_MNT_DETACH": (FAN_MNT_DETACH, "6.15"),
        "FAN_RENAME": (FAN_RENAME, "5.17"),
        "FAN_MOVE": (FAN_MOVE, "5.1"),
    }


class FanotifyMark(Flags):
    """The flags of fanotify_mark."""

    ADD = FAN_MARK_ADD
    REMOVE = FAN_MARK_REMOVE
    FLUSH = FAN_MARK_FLUSH
    INODE = FAN_MARK_INODE
    MOUNT = FAN_MARK_MOUNT
    FILESYSTEM = FAN_MARK_FILESYSTEM
    MNTNS = FAN_MARK_MNTNS
    DONT_FOLLOW = FAN_MARK_DONT_FOLLOW
    ONLYDIR = FAN_MARK_ONLYDIR
    EVICTABLE = FAN_MARK_EVICTABLE
    IGNORE = FAN_MARK_IGNORE
    IGNORED_MASK = FAN_MARK_IGNORED_MASK
    IGNORED_SURV_MODIFY = FAN_MARK_IGNORED_SURV_MODIFY
    IGNORE_SURV = FAN_MARK_IGNORE_SURV

    __since__ = {
        "FAN_MARK_FILESYSTEM": (FAN_MARK_FILESYSTEM, "4.20"),
        "FAN_MARK_MNTNS": (FAN_MARK_MNTNS, "6.15"),
        "FAN_MARK_EVICTABLE": (FAN_MARK_EVICTABLE, "5.19"),
        "FAN_MARK_IGNORE": (FAN_MARK_IGNORE, "6.0"),
        "FAN_MARK_IGNORE_SURV": (FAN_MARK_IGNORE_SURV, "6.0"),
    }


class FanotifyResponse(Flags):
    """The answer to a permission event."""

    ALLOW = FAN_ALLOW
    DENY = FAN_DENY
    AUDIT = FAN_AUDIT
    INFO = FAN_INFO

    __since__ = {
        "FAN_AUDIT": (FAN_AUDIT, "4.15"),
        "FAN_INFO": (FAN_INFO, "6.3"),
    }


class FanotifyInfo(Number):
    """The type of a record in an event."""

    FID = FAN_EVENT_INFO_TYPE_FID
    DFID_NAME = FAN_EVENT_INFO_TYPE_DFID_NAME
    DFID = FAN_EVENT_INFO_TYPE_DFID
    PIDFD = FAN_EVENT_INFO_TYPE_PIDFD
    ERROR = FAN_EVENT_INFO_TYPE_ERROR
    RANGE = FAN_EVENT_INFO_TYPE_RANGE
    MNT = FAN_EVENT_INFO_TYPE_MNT
    OLD_DFID_NAME = FAN_EVENT_INFO_TYPE_OLD_DFID_NAME
    NEW_DFID_NAME = FAN_EVENT_INFO_TYPE_NEW_DFID_NAME

    __since__ = {
        "FAN_EVENT_INFO_TYPE_FID": (FAN_EVENT_INFO_TYPE_FID, "5.1"),
        "FAN_EVENT_INFO_TYPE_DFID_NAME": (FAN_EVENT_INFO_TYPE_DFID_NAME, "5.9"),
        "FAN_EVENT_INFO_TYPE_DFID": (FAN_EVENT_INFO_TYPE_DFID, "5.9"),
        "FAN_EVENT_INFO_TYPE_PIDFD": (FAN_EVENT_INFO_TYPE_PIDFD, "5.15"),
        "FAN_EVENT_INFO_TYPE_ERROR": (FAN_EVENT_INFO_TYPE_ERROR, "5.16"),
        "FAN_EVENT_INFO_TYPE_RANGE": (FAN_EVENT_INFO_TYPE_RANGE, "6.14"),
        "FAN_EVENT_INFO_TYPE_MNT": (FAN_EVENT_INFO_TYPE_MNT, "6.15"),
        "FAN_EVENT_INFO_TYPE_OLD_DFID_NAME": (FAN_EVENT_INFO_TYPE_OLD_DFID_NAME, "5.17"),
        "FAN_EVENT_INFO_TYPE_NEW_DFID_NAME": (FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, "5.17"),
    }


class FanotifyResponseInfo(Number):
    """The type of the record after an answer."""

    NONE = FAN_RESPONSE_INFO_NONE
    AUDIT_RULE = FAN_RESPONSE_INFO_AUDIT_RULE

    __since__ = {
        "FAN_RESPONSE_INFO_AUDIT_RULE": (FAN_RESPONSE_INFO_AUDIT_RULE, "6.3"),
    }
