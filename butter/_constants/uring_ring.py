"""The constants of uring_ring. Written by tools/constants.py from butter/build/uring_ring.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._enums import Flags, Number
from butter._uring_ring_c import lib

__all__ = [
    "IORING_ACCEPT_DONTWAIT",
    "IORING_ACCEPT_MULTISHOT",
    "IORING_ACCEPT_POLL_FIRST",
    "IORING_ASYNC_CANCEL_ALL",
    "IORING_ASYNC_CANCEL_ANY",
    "IORING_ASYNC_CANCEL_FD",
    "IORING_ASYNC_CANCEL_FD_FIXED",
    "IORING_ASYNC_CANCEL_OP",
    "IORING_ASYNC_CANCEL_USERDATA",
    "IORING_FILE_INDEX_ALLOC",
    "IORING_FIXED_FD_NO_CLOEXEC",
    "IORING_FSYNC_DATASYNC",
    "IORING_LINK_TIMEOUT_UPDATE",
    "IORING_MSG_DATA",
    "IORING_MSG_RING_CQE_SKIP",
    "IORING_MSG_RING_FLAGS_PASS",
    "IORING_MSG_SEND_FD",
    "IORING_NOP_CQE32",
    "IORING_NOP_FILE",
    "IORING_NOP_FIXED_BUFFER",
    "IORING_NOP_FIXED_FILE",
    "IORING_NOP_INJECT_RESULT",
    "IORING_NOP_TW",
    "IORING_NOTIF_USAGE_ZC_COPIED",
    "IORING_OP_ACCEPT",
    "IORING_OP_ASYNC_CANCEL",
    "IORING_OP_BIND",
    "IORING_OP_CLOSE",
    "IORING_OP_CONNECT",
    "IORING_OP_EPOLL_CTL",
    "IORING_OP_EPOLL_WAIT",
    "IORING_OP_FADVISE",
    "IORING_OP_FALLOCATE",
    "IORING_OP_FGETXATTR",
    "IORING_OP_FILES_UPDATE",
    "IORING_OP_FIXED_FD_INSTALL",
    "IORING_OP_FSETXATTR",
    "IORING_OP_FSYNC",
    "IORING_OP_FTRUNCATE",
    "IORING_OP_FUTEX_WAIT",
    "IORING_OP_FUTEX_WAITV",
    "IORING_OP_FUTEX_WAKE",
    "IORING_OP_GETXATTR",
    "IORING_OP_LINKAT",
    "IORING_OP_LINK_TIMEOUT",
    "IORING_OP_LISTEN",
    "IORING_OP_MADVISE",
    "IORING_OP_MKDIRAT",
    "IORING_OP_MSG_RING",
    "IORING_OP_NOP",
    "IORING_OP_NOP128",
    "IORING_OP_OPENAT",
    "IORING_OP_OPENAT2",
    "IORING_OP_PIPE",
    "IORING_OP_POLL_ADD",
    "IORING_OP_POLL_REMOVE",
    "IORING_OP_PROVIDE_BUFFERS",
    "IORING_OP_READ",
    "IORING_OP_READV",
    "IORING_OP_READV_FIXED",
    "IORING_OP_READ_FIXED",
    "IORING_OP_READ_MULTISHOT",
    "IORING_OP_RECV",
    "IORING_OP_RECVMSG",
    "IORING_OP_RECV_ZC",
    "IORING_OP_REMOVE_BUFFERS",
    "IORING_OP_RENAMEAT",
    "IORING_OP_SEND",
    "IORING_OP_SENDMSG",
    "IORING_OP_SENDMSG_ZC",
    "IORING_OP_SEND_ZC",
    "IORING_OP_SETXATTR",
    "IORING_OP_SHUTDOWN",
    "IORING_OP_SOCKET",
    "IORING_OP_SPLICE",
    "IORING_OP_STATX",
    "IORING_OP_SYMLINKAT",
    "IORING_OP_SYNC_FILE_RANGE",
    "IORING_OP_TEE",
    "IORING_OP_TIMEOUT",
    "IORING_OP_TIMEOUT_REMOVE",
    "IORING_OP_UNLINKAT",
    "IORING_OP_URING_CMD",
    "IORING_OP_URING_CMD128",
    "IORING_OP_WAITID",
    "IORING_OP_WRITE",
    "IORING_OP_WRITEV",
    "IORING_OP_WRITEV_FIXED",
    "IORING_OP_WRITE_FIXED",
    "IORING_POLL_ADD_LEVEL",
    "IORING_POLL_ADD_MULTI",
    "IORING_POLL_UPDATE_EVENTS",
    "IORING_POLL_UPDATE_USER_DATA",
    "IORING_RECVSEND_BUNDLE",
    "IORING_RECVSEND_FIXED_BUF",
    "IORING_RECVSEND_POLL_FIRST",
    "IORING_RECV_MULTISHOT",
    "IORING_RW_ATTR_FLAG_PI",
    "IORING_SEND_VECTORIZED",
    "IORING_SEND_ZC_REPORT_USAGE",
    "IORING_TIMEOUT_ABS",
    "IORING_TIMEOUT_BOOTTIME",
    "IORING_TIMEOUT_CLOCK_MASK",
    "IORING_TIMEOUT_ETIME_SUCCESS",
    "IORING_TIMEOUT_IMMEDIATE_ARG",
    "IORING_TIMEOUT_MULTISHOT",
    "IORING_TIMEOUT_REALTIME",
    "IORING_TIMEOUT_UPDATE",
    "IORING_TIMEOUT_UPDATE_MASK",
    "IORING_URING_CMD_FIXED",
    "IORING_URING_CMD_MASK",
    "IORING_URING_CMD_MULTISHOT",
    "IOSQE_ASYNC",
    "IOSQE_BUFFER_SELECT",
    "IOSQE_CQE_SKIP_SUCCESS",
    "IOSQE_FIXED_FILE",
    "IOSQE_IO_DRAIN",
    "IOSQE_IO_HARDLINK",
    "IOSQE_IO_LINK",
    "RESOLVE_BENEATH",
    "RESOLVE_CACHED",
    "RESOLVE_IN_ROOT",
    "RESOLVE_NO_MAGICLINKS",
    "RESOLVE_NO_SYMLINKS",
    "RESOLVE_NO_XDEV",
    "SOCKET_URING_OP_GETSOCKNAME",
    "SOCKET_URING_OP_GETSOCKOPT",
    "SOCKET_URING_OP_SETSOCKOPT",
    "SOCKET_URING_OP_SIOCINQ",
    "SOCKET_URING_OP_SIOCOUTQ",
    "SOCKET_URING_OP_TX_TIMESTAMP",
    "SPLICE_F_FD_IN_FIXED",
    "UringAccept",
    "UringCancel",
    "UringMessage",
    "UringMessageFlags",
    "UringNop",
    "UringOp",
    "UringPoll",
    "UringRequest",
    "UringResolve",
    "UringSocketOp",
    "UringTimeout",
    "UringTransfer",
]

# the operations of requests
#: do nothing (Linux 5.1)
IORING_OP_NOP: Final[int] = lib.IORING_OP_NOP
#: read into several buffers (Linux 5.1)
IORING_OP_READV: Final[int] = lib.IORING_OP_READV
#: write several buffers (Linux 5.1)
IORING_OP_WRITEV: Final[int] = lib.IORING_OP_WRITEV
#: write a file to its disk (Linux 5.1)
IORING_OP_FSYNC: Final[int] = lib.IORING_OP_FSYNC
#: read into a registered buffer (Linux 5.1)
IORING_OP_READ_FIXED: Final[int] = lib.IORING_OP_READ_FIXED
#: write a registered buffer (Linux 5.1)
IORING_OP_WRITE_FIXED: Final[int] = lib.IORING_OP_WRITE_FIXED
#: wait until a descriptor is ready (Linux 5.1)
IORING_OP_POLL_ADD: Final[int] = lib.IORING_OP_POLL_ADD
#: end or change such a wait (Linux 5.1)
IORING_OP_POLL_REMOVE: Final[int] = lib.IORING_OP_POLL_REMOVE
#: write a part of a file to its disk (Linux 5.2)
IORING_OP_SYNC_FILE_RANGE: Final[int] = lib.IORING_OP_SYNC_FILE_RANGE
#: send a message (Linux 5.3)
IORING_OP_SENDMSG: Final[int] = lib.IORING_OP_SENDMSG
#: receive a message (Linux 5.3)
IORING_OP_RECVMSG: Final[int] = lib.IORING_OP_RECVMSG
#: complete after a time (Linux 5.4)
IORING_OP_TIMEOUT: Final[int] = lib.IORING_OP_TIMEOUT
#: end or change such a timeout (Linux 5.5)
IORING_OP_TIMEOUT_REMOVE: Final[int] = lib.IORING_OP_TIMEOUT_REMOVE
#: accept a connection (Linux 5.5)
IORING_OP_ACCEPT: Final[int] = lib.IORING_OP_ACCEPT
#: cancel requests (Linux 5.5)
IORING_OP_ASYNC_CANCEL: Final[int] = lib.IORING_OP_ASYNC_CANCEL
#: cancel the request before it after a time (Linux 5.5)
IORING_OP_LINK_TIMEOUT: Final[int] = lib.IORING_OP_LINK_TIMEOUT
#: connect a socket (Linux 5.5)
IORING_OP_CONNECT: Final[int] = lib.IORING_OP_CONNECT
#: allocate space of a file (Linux 5.6)
IORING_OP_FALLOCATE: Final[int] = lib.IORING_OP_FALLOCATE
#: open a file (Linux 5.6)
IORING_OP_OPENAT: Final[int] = lib.IORING_OP_OPENAT
#: close a descriptor (Linux 5.6)
IORING_OP_CLOSE: Final[int] = lib.IORING_OP_CLOSE
#: replace registered descriptors (Linux 5.6)
IORING_OP_FILES_UPDATE: Final[int] = lib.IORING_OP_FILES_UPDATE
#: look at a file (Linux 5.6)
IORING_OP_STATX: Final[int] = lib.IORING_OP_STATX
#: read into a buffer (Linux 5.6)
IORING_OP_READ: Final[int] = lib.IORING_OP_READ
#: write a buffer (Linux 5.6)
IORING_OP_WRITE: Final[int] = lib.IORING_OP_WRITE
#: say how a file will be used (Linux 5.6)
IORING_OP_FADVISE: Final[int] = lib.IORING_OP_FADVISE
#: say how memory will be used (Linux 5.6)
IORING_OP_MADVISE: Final[int] = lib.IORING_OP_MADVISE
#: send bytes (Linux 5.6)
IORING_OP_SEND: Final[int] = lib.IORING_OP_SEND
#: receive bytes (Linux 5.6)
IORING_OP_RECV: Final[int] = lib.IORING_OP_RECV
#: open a file, with restrictions of the path (Linux 5.6)
IORING_OP_OPENAT2: Final[int] = lib.IORING_OP_OPENAT2
#: change the registrations of an epoll (Linux 5.6)
IORING_OP_EPOLL_CTL: Final[int] = lib.IORING_OP_EPOLL_CTL
#: move bytes to or from a pipe (Linux 5.7)
IORING_OP_SPLICE: Final[int] = lib.IORING_OP_SPLICE
#: provide buffers to a group (Linux 5.7)
IORING_OP_PROVIDE_BUFFERS: Final[int] = lib.IORING_OP_PROVIDE_BUFFERS
#: take buffers from a group (Linux 5.7)
IORING_OP_REMOVE_BUFFERS: Final[int] = lib.IORING_OP_REMOVE_BUFFERS
#: copy bytes from a pipe to a pipe (Linux 5.8)
IORING_OP_TEE: Final[int] = lib.IORING_OP_TEE
#: end a direction of a connection (Linux 5.11)
IORING_OP_SHUTDOWN: Final[int] = lib.IORING_OP_SHUTDOWN
#: rename a file (Linux 5.11)
IORING_OP_RENAMEAT: Final[int] = lib.IORING_OP_RENAMEAT
#: remove a name (Linux 5.11)
IORING_OP_UNLINKAT: Final[int] = lib.IORING_OP_UNLINKAT
#: make a directory (Linux 5.15)
IORING_OP_MKDIRAT: Final[int] = lib.IORING_OP_MKDIRAT
#: make a symbolic link (Linux 5.15)
IORING_OP_SYMLINKAT: Final[int] = lib.IORING_OP_SYMLINKAT
#: make a hard link (Linux 5.15)
IORING_OP_LINKAT: Final[int] = lib.IORING_OP_LINKAT
#: send a completion to another ring (Linux 5.18)
IORING_OP_MSG_RING: Final[int] = lib.IORING_OP_MSG_RING
#: set an extended attribute of a descriptor (Linux 5.19)
IORING_OP_FSETXATTR: Final[int] = lib.IORING_OP_FSETXATTR
#: set an extended attribute of a path (Linux 5.19)
IORING_OP_SETXATTR: Final[int] = lib.IORING_OP_SETXATTR
#: get an extended attribute of a descriptor (Linux 5.19)
IORING_OP_FGETXATTR: Final[int] = lib.IORING_OP_FGETXATTR
#: get an extended attribute of a path (Linux 5.19)
IORING_OP_GETXATTR: Final[int] = lib.IORING_OP_GETXATTR
#: make a socket (Linux 5.19)
IORING_OP_SOCKET: Final[int] = lib.IORING_OP_SOCKET
#: a command of the driver of a device (Linux 5.19)
IORING_OP_URING_CMD: Final[int] = lib.IORING_OP_URING_CMD
#: send bytes without copying them (Linux 6.0)
IORING_OP_SEND_ZC: Final[int] = lib.IORING_OP_SEND_ZC
#: send a message without copying it (Linux 6.1)
IORING_OP_SENDMSG_ZC: Final[int] = lib.IORING_OP_SENDMSG_ZC
#: read into provided buffers, again and again (Linux 6.7)
IORING_OP_READ_MULTISHOT: Final[int] = lib.IORING_OP_READ_MULTISHOT
#: wait for a child (Linux 6.7)
IORING_OP_WAITID: Final[int] = lib.IORING_OP_WAITID
#: wait for a futex (Linux 6.7)
IORING_OP_FUTEX_WAIT: Final[int] = lib.IORING_OP_FUTEX_WAIT
#: wake waiters of a futex (Linux 6.7)
IORING_OP_FUTEX_WAKE: Final[int] = lib.IORING_OP_FUTEX_WAKE
#: wait for one of several futexes (Linux 6.7)
IORING_OP_FUTEX_WAITV: Final[int] = lib.IORING_OP_FUTEX_WAITV
#: make a descriptor of a registered one (Linux 6.8)
IORING_OP_FIXED_FD_INSTALL: Final[int] = lib.IORING_OP_FIXED_FD_INSTALL
#: change the size of a file (Linux 6.9)
IORING_OP_FTRUNCATE: Final[int] = lib.IORING_OP_FTRUNCATE
#: give an address to a socket (Linux 6.11)
IORING_OP_BIND: Final[int] = lib.IORING_OP_BIND
#: have a socket take connections (Linux 6.11)
IORING_OP_LISTEN: Final[int] = lib.IORING_OP_LISTEN
#: receive without copies (Linux 6.15)
IORING_OP_RECV_ZC: Final[int] = lib.IORING_OP_RECV_ZC
#: wait for events of an epoll (Linux 6.15)
IORING_OP_EPOLL_WAIT: Final[int] = lib.IORING_OP_EPOLL_WAIT
#: read into parts of registered buffers (Linux 6.15)
IORING_OP_READV_FIXED: Final[int] = lib.IORING_OP_READV_FIXED
#: write parts of registered buffers (Linux 6.15)
IORING_OP_WRITEV_FIXED: Final[int] = lib.IORING_OP_WRITEV_FIXED
#: make a pipe (Linux 6.16)
IORING_OP_PIPE: Final[int] = lib.IORING_OP_PIPE
#: do nothing, with 128 bytes (Linux 6.19)
IORING_OP_NOP128: Final[int] = lib.IORING_OP_NOP128
#: a command with 128 bytes (Linux 6.19)
IORING_OP_URING_CMD128: Final[int] = lib.IORING_OP_URING_CMD128

# the flags of a request
#: the descriptor is an index of a registered file (Linux 5.1)
IOSQE_FIXED_FILE: Final[int] = lib.IOSQE_FIXED_FILE
#: begin after all requests before this one (Linux 5.2)
IOSQE_IO_DRAIN: Final[int] = lib.IOSQE_IO_DRAIN
#: the next request begins when this one has succeeded (Linux 5.3)
IOSQE_IO_LINK: Final[int] = lib.IOSQE_IO_LINK
#: the next request begins when this one has ended (Linux 5.5)
IOSQE_IO_HARDLINK: Final[int] = lib.IOSQE_IO_HARDLINK
#: leave the request to a worker of the kernel at once (Linux 5.6)
IOSQE_ASYNC: Final[int] = lib.IOSQE_ASYNC
#: take a buffer of the group (Linux 5.7)
IOSQE_BUFFER_SELECT: Final[int] = lib.IOSQE_BUFFER_SELECT
#: complete only where the request fails (Linux 5.17)
IOSQE_CQE_SKIP_SUCCESS: Final[int] = lib.IOSQE_CQE_SKIP_SUCCESS

# the flags of a timeout
#: the time is a time of the clock, and not a span (Linux 5.4)
IORING_TIMEOUT_ABS: Final[int] = lib.IORING_TIMEOUT_ABS
#: of TIMEOUT_REMOVE: change the time (Linux 5.11)
IORING_TIMEOUT_UPDATE: Final[int] = lib.IORING_TIMEOUT_UPDATE
#: the clock is CLOCK_BOOTTIME (Linux 5.15)
IORING_TIMEOUT_BOOTTIME: Final[int] = lib.IORING_TIMEOUT_BOOTTIME
#: the clock is CLOCK_REALTIME (Linux 5.15)
IORING_TIMEOUT_REALTIME: Final[int] = lib.IORING_TIMEOUT_REALTIME
#: a linked request begins when the time is over (Linux 5.16)
IORING_TIMEOUT_ETIME_SUCCESS: Final[int] = lib.IORING_TIMEOUT_ETIME_SUCCESS
#: complete again and again (Linux 6.4)
IORING_TIMEOUT_MULTISHOT: Final[int] = lib.IORING_TIMEOUT_MULTISHOT
#: the time is in the request itself, in nanoseconds (Linux 7.0)
IORING_TIMEOUT_IMMEDIATE_ARG: Final[int] = lib.IORING_TIMEOUT_IMMEDIATE_ARG

# more bits of a timeout
#: of TIMEOUT_REMOVE: change the time of a LINK_TIMEOUT (Linux 5.15)
IORING_LINK_TIMEOUT_UPDATE: Final[int] = lib.IORING_LINK_TIMEOUT_UPDATE
#: the flags that choose a clock (Linux 5.15)
IORING_TIMEOUT_CLOCK_MASK: Final[int] = lib.IORING_TIMEOUT_CLOCK_MASK
#: the flags that change a timeout (Linux 5.15)
IORING_TIMEOUT_UPDATE_MASK: Final[int] = lib.IORING_TIMEOUT_UPDATE_MASK

# the flags of POLL_ADD and POLL_REMOVE
#: complete again and again (Linux 5.13)
IORING_POLL_ADD_MULTI: Final[int] = lib.IORING_POLL_ADD_MULTI
#: change the events of a wait (Linux 5.13)
IORING_POLL_UPDATE_EVENTS: Final[int] = lib.IORING_POLL_UPDATE_EVENTS
#: change the user_data of a wait (Linux 5.13)
IORING_POLL_UPDATE_USER_DATA: Final[int] = lib.IORING_POLL_UPDATE_USER_DATA
#: complete while the descriptor stays ready (Linux 6.0)
IORING_POLL_ADD_LEVEL: Final[int] = lib.IORING_POLL_ADD_LEVEL

# the flags of ASYNC_CANCEL
#: cancel all requests that match (Linux 5.19)
IORING_ASYNC_CANCEL_ALL: Final[int] = lib.IORING_ASYNC_CANCEL_ALL
#: match requests by their descriptor (Linux 5.19)
IORING_ASYNC_CANCEL_FD: Final[int] = lib.IORING_ASYNC_CANCEL_FD
#: match each request (Linux 5.19)
IORING_ASYNC_CANCEL_ANY: Final[int] = lib.IORING_ASYNC_CANCEL_ANY
#: the descriptor is an index of a registered file (Linux 6.0)
IORING_ASYNC_CANCEL_FD_FIXED: Final[int] = lib.IORING_ASYNC_CANCEL_FD_FIXED
#: match requests by their user_data (Linux 6.6)
IORING_ASYNC_CANCEL_USERDATA: Final[int] = lib.IORING_ASYNC_CANCEL_USERDATA
#: match requests by their operation (Linux 6.6)
IORING_ASYNC_CANCEL_OP: Final[int] = lib.IORING_ASYNC_CANCEL_OP

# the flags of sends and receives
#: wait until the socket is ready before the first try (Linux 5.19)
IORING_RECVSEND_POLL_FIRST: Final[int] = lib.IORING_RECVSEND_POLL_FIRST
#: receive again and again (Linux 6.0)
IORING_RECV_MULTISHOT: Final[int] = lib.IORING_RECV_MULTISHOT
#: the buffer is a registered one (Linux 6.0)
IORING_RECVSEND_FIXED_BUF: Final[int] = lib.IORING_RECVSEND_FIXED_BUF
#: the notification says whether bytes were copied (Linux 6.2)
IORING_SEND_ZC_REPORT_USAGE: Final[int] = lib.IORING_SEND_ZC_REPORT_USAGE
#: use several provided buffers (Linux 6.10)
IORING_RECVSEND_BUNDLE: Final[int] = lib.IORING_RECVSEND_BUNDLE
#: send several buffers (Linux 6.17)
IORING_SEND_VECTORIZED: Final[int] = lib.IORING_SEND_VECTORIZED

# the result of a notification
#: the bytes were copied, at least some (Linux 6.2)
IORING_NOTIF_USAGE_ZC_COPIED: Final[int] = lib.IORING_NOTIF_USAGE_ZC_COPIED

# the flags of ACCEPT
#: accept again and again (Linux 5.19)
IORING_ACCEPT_MULTISHOT: Final[int] = lib.IORING_ACCEPT_MULTISHOT
#: do not wait for a connection (Linux 6.10)
IORING_ACCEPT_DONTWAIT: Final[int] = lib.IORING_ACCEPT_DONTWAIT
#: wait before the first try (Linux 6.10)
IORING_ACCEPT_POLL_FIRST: Final[int] = lib.IORING_ACCEPT_POLL_FIRST

# the kinds of messages between rings
#: a result and a user_data (Linux 5.18)
IORING_MSG_DATA: Final[int] = lib.IORING_MSG_DATA
#: a registered file (Linux 6.0)
IORING_MSG_SEND_FD: Final[int] = lib.IORING_MSG_SEND_FD

# the flags of MSG_RING
#: the other ring gets no completion (Linux 6.0)
IORING_MSG_RING_CQE_SKIP: Final[int] = lib.IORING_MSG_RING_CQE_SKIP
#: the completion has the flags of the request (Linux 6.3)
IORING_MSG_RING_FLAGS_PASS: Final[int] = lib.IORING_MSG_RING_FLAGS_PASS

# the flags of NOP
#: complete with the result that the request has (Linux 6.10)
IORING_NOP_INJECT_RESULT: Final[int] = lib.IORING_NOP_INJECT_RESULT
#: look the descriptor up (Linux 6.13)
IORING_NOP_FILE: Final[int] = lib.IORING_NOP_FILE
#: the descriptor is an index of a registered file (Linux 6.13)
IORING_NOP_FIXED_FILE: Final[int] = lib.IORING_NOP_FIXED_FILE
#: look a registered buffer up (Linux 6.13)
IORING_NOP_FIXED_BUFFER: Final[int] = lib.IORING_NOP_FIXED_BUFFER
#: complete as a request that had to wait (Linux 6.16)
IORING_NOP_TW: Final[int] = lib.IORING_NOP_TW
#: complete with 32 bytes (Linux 6.18)
IORING_NOP_CQE32: Final[int] = lib.IORING_NOP_CQE32

# other flags of requests
#: of FSYNC: as fdatasync (Linux 5.1)
IORING_FSYNC_DATASYNC: Final[int] = lib.IORING_FSYNC_DATASYNC
#: the kernel chooses the slot of a new registered file (Linux 5.19)
IORING_FILE_INDEX_ALLOC: Final[int] = lib.IORING_FILE_INDEX_ALLOC
#: of FIXED_FD_INSTALL: an executed program has it (Linux 6.8)
IORING_FIXED_FD_NO_CLOEXEC: Final[int] = lib.IORING_FIXED_FD_NO_CLOEXEC
#: of URING_CMD: the buffer is a registered one (Linux 6.1)
IORING_URING_CMD_FIXED: Final[int] = lib.IORING_URING_CMD_FIXED
#: of URING_CMD: complete again and again (Linux 6.18)
IORING_URING_CMD_MULTISHOT: Final[int] = lib.IORING_URING_CMD_MULTISHOT
#: all flags of URING_CMD (Linux 6.1)
IORING_URING_CMD_MASK: Final[int] = lib.IORING_URING_CMD_MASK
#: of READ and WRITE: the request has protection information (Linux 6.13)
IORING_RW_ATTR_FLAG_PI: Final[int] = lib.IORING_RW_ATTR_FLAG_PI
#: of SPLICE and TEE: the source is an index of a registered file (Linux 5.7)
SPLICE_F_FD_IN_FIXED: Final[int] = lib.SPLICE_F_FD_IN_FIXED

# the commands of URING_CMD for a socket
#: how many bytes can be read (Linux 6.7)
SOCKET_URING_OP_SIOCINQ: Final[int] = lib.SOCKET_URING_OP_SIOCINQ
#: how many bytes are not sent yet (Linux 6.7)
SOCKET_URING_OP_SIOCOUTQ: Final[int] = lib.SOCKET_URING_OP_SIOCOUTQ
#: get an option (Linux 6.7)
SOCKET_URING_OP_GETSOCKOPT: Final[int] = lib.SOCKET_URING_OP_GETSOCKOPT
#: set an option (Linux 6.7)
SOCKET_URING_OP_SETSOCKOPT: Final[int] = lib.SOCKET_URING_OP_SETSOCKOPT
#: get the timestamps of what was sent (Linux 6.17)
SOCKET_URING_OP_TX_TIMESTAMP: Final[int] = lib.SOCKET_URING_OP_TX_TIMESTAMP
#: get an address of the socket (Linux 6.19)
SOCKET_URING_OP_GETSOCKNAME: Final[int] = lib.SOCKET_URING_OP_GETSOCKNAME

# the restrictions of the path of OPENAT2, see openat2(2)
#: the path stays in one mount
RESOLVE_NO_XDEV: Final[int] = lib.RESOLVE_NO_XDEV
#: no link of /proc that leads to an open file
RESOLVE_NO_MAGICLINKS: Final[int] = lib.RESOLVE_NO_MAGICLINKS
#: no symbolic link, also not at the end
RESOLVE_NO_SYMLINKS: Final[int] = lib.RESOLVE_NO_SYMLINKS
#: the path stays below its directory, also by links and '..'
RESOLVE_BENEATH: Final[int] = lib.RESOLVE_BENEATH
#: the directory is the root of absolute paths and links, and '..' stays in it
RESOLVE_IN_ROOT: Final[int] = lib.RESOLVE_IN_ROOT
#: EAGAIN where a disk would have to be asked (Linux 5.12)
RESOLVE_CACHED: Final[int] = lib.RESOLVE_CACHED


class UringOp(Number):
    """The operations of requests."""

    NOP = IORING_OP_NOP
    READV = IORING_OP_READV
    WRITEV = IORING_OP_WRITEV
    FSYNC = IORING_OP_FSYNC
    READ_FIXED = IORING_OP_READ_FIXED
    WRITE_FIXED = IORING_OP_WRITE_FIXED
    POLL_ADD = IORING_OP_POLL_ADD
    POLL_REMOVE = IORING_OP_POLL_REMOVE
    SYNC_FILE_RANGE = IORING_OP_SYNC_FILE_RANGE
    SENDMSG = IORING_OP_SENDMSG
    RECVMSG = IORING_OP_RECVMSG
    TIMEOUT = IORING_OP_TIMEOUT
    TIMEOUT_REMOVE = IORING_OP_TIMEOUT_REMOVE
    ACCEPT = IORING_OP_ACCEPT
    ASYNC_CANCEL = IORING_OP_ASYNC_CANCEL
    LINK_TIMEOUT = IORING_OP_LINK_TIMEOUT
    CONNECT = IORING_OP_CONNECT
    FALLOCATE = IORING_OP_FALLOCATE
    OPENAT = IORING_OP_OPENAT
    CLOSE = IORING_OP_CLOSE
    FILES_UPDATE = IORING_OP_FILES_UPDATE
    STATX = IORING_OP_STATX
    READ = IORING_OP_READ
    WRITE = IORING_OP_WRITE
    FADVISE = IORING_OP_FADVISE
    MADVISE = IORING_OP_MADVISE
    SEND = IORING_OP_SEND
    RECV = IORING_OP_RECV
    OPENAT2 = IORING_OP_OPENAT2
    EPOLL_CTL = IORING_OP_EPOLL_CTL
    SPLICE = IORING_OP_SPLICE
    PROVIDE_BUFFERS = IORING_OP_PROVIDE_BUFFERS
    REMOVE_BUFFERS = IORING_OP_REMOVE_BUFFERS
    TEE = IORING_OP_TEE
    SHUTDOWN = IORING_OP_SHUTDOWN
    RENAMEAT = IORING_OP_RENAMEAT
    UNLINKAT = IORING_OP_UNLINKAT
    MKDIRAT = IORING_OP_MKDIRAT
    SYMLINKAT = IORING_OP_SYMLINKAT
    LINKAT = IORING_OP_LINKAT
    MSG_RING = IORING_OP_MSG_RING
    FSETXATTR = IORING_OP_FSETXATTR
    SETXATTR = IORING_OP_SETXATTR
    FGETXATTR = IORING_OP_FGETXATTR
    GETXATTR = IORING_OP_GETXATTR
    SOCKET = IORING_OP_SOCKET
    URING_CMD = IORING_OP_URING_CMD
    SEND_ZC = IORING_OP_SEND_ZC
    SENDMSG_ZC = IORING_OP_SENDMSG_ZC
    READ_MULTISHOT = IORING_OP_READ_MULTISHOT
    WAITID = IORING_OP_WAITID
    FUTEX_WAIT = IORING_OP_FUTEX_WAIT
    FUTEX_WAKE = IORING_OP_FUTEX_WAKE
    FUTEX_WAITV = IORING_OP_FUTEX_WAITV
    FIXED_FD_INSTALL = IORING_OP_FIXED_FD_INSTALL
    FTRUNCATE = IORING_OP_FTRUNCATE
    BIND = IORING_OP_BIND
    LISTEN = IORING_OP_LISTEN
    RECV_ZC = IORING_OP_RECV_ZC
    EPOLL_WAIT = IORING_OP_EPOLL_WAIT
    READV_FIXED = IORING_OP_READV_FIXED
    WRITEV_FIXED = IORING_OP_WRITEV_FIXED
    PIPE = IORING_OP_PIPE
    NOP128 = IORING_OP_NOP128
    URING_CMD128 = IORING_OP_URING_CMD128

    __since__ = {
        "IORING_OP_NOP": (IORING_OP_NOP, "5.1"),
        "IORING_OP_READV": (IORING_OP_READV, "5.1"),
        "IORING_OP_WRITEV": (IORING_OP_WRITEV, "5.1"),
        "IORING_OP_FSYNC": (IORING_OP_FSYNC, "5.1"),
        "IORING_OP_READ_FIXED": (IORING_OP_READ_FIXED, "5.1"),
        "IORING_OP_WRITE_FIXED": (IORING_OP_WRITE_FIXED, "5.1"),
        "IORING_OP_POLL_ADD": (IORING_OP_POLL_ADD, "5.1"),
        "IORING_OP_POLL_REMOVE": (IORING_OP_POLL_REMOVE, "5.1"),
        "IORING_OP_SYNC_FILE_RANGE": (IORING_OP_SYNC_FILE_RANGE, "5.2"),
        "IORING_OP_SENDMSG": (IORING_OP_SENDMSG, "5.3"),
        "IORING_OP_RECVMSG": (IORING_OP_RECVMSG, "5.3"),
        "IORING_OP_TIMEOUT": (IORING_OP_TIMEOUT, "5.4"),
        "IORING_OP_TIMEOUT_REMOVE": (IORING_OP_TIMEOUT_REMOVE, "5.5"),
        "IORING_OP_ACCEPT": (IORING_OP_ACCEPT, "5.5"),
        "IORING_OP_ASYNC_CANCEL": (IORING_OP_ASYNC_CANCEL, "5.5"),
        "IORING_OP_LINK_TIMEOUT": (IORING_OP_LINK_TIMEOUT, "5.5"),
        "IORING_OP_CONNECT": (IORING_OP_CONNECT, "5.5"),
        "IORING_OP_FALLOCATE": (IORING_OP_FALLOCATE, "5.6"),
        "IORING_OP_OPENAT": (IORING_OP_OPENAT, "5.6"),
        "IORING_OP_CLOSE": (IORING_OP_CLOSE, "5.6"),
        "IORING_OP_FILES_UPDATE": (IORING_OP_FILES_UPDATE, "5.6"),
        "IORING_OP_STATX": (IORING_OP_STATX, "5.6"),
        "IORING_OP_READ": (IORING_OP_READ, "5.6"),
        "IORING_OP_WRITE": (IORING_OP_WRITE, "5.6"),
        "IORING_OP_FADVISE": (IORING_OP_FADVISE, "5.6"),
        "IORING_OP_MADVISE": (IORING_OP_MADVISE, "5.6"),
        "IORING_OP_SEND": (IORING_OP_SEND, "5.6"),
        "IORING_OP_RECV": (IORING_OP_RECV, "5.6"),
        "IORING_OP_OPENAT2": (IORING_OP_OPENAT2, "5.6"),
        "IORING_OP_EPOLL_CTL": (IORING_OP_EPOLL_CTL, "5.6"),
        "IORING_OP_SPLICE": (IORING_OP_SPLICE, "5.7"),
        "IORING_OP_PROVIDE_BUFFERS": (IORING_OP_PROVIDE_BUFFERS, "5.7"),
        "IORING_OP_REMOVE_BUFFERS": (IORING_OP_REMOVE_BUFFERS, "5.7"),
        "IORING_OP_TEE": (IORING_OP_TEE, "5.8"),
        "IORING_OP_SHUTDOWN": (IORING_OP_SHUTDOWN, "5.11"),
        "IORING_OP_RENAMEAT": (IORING_OP_RENAMEAT, "5.11"),
        "IORING_OP_UNLINKAT": (IORING_OP_UNLINKAT, "5.11"),
        "IORING_OP_MKDIRAT": (IORING_OP_MKDIRAT, "5.15"),
        "IORING_OP_SYMLINKAT": (IORING_OP_SYMLINKAT, "5.15"),
        "IORING_OP_LINKAT": (IORING_OP_LINKAT, "5.15"),
        "IORING_OP_MSG_RING": (IORING_OP_MSG_RING, "5.18"),
        "IORING_OP_FSETXATTR": (IORING_OP_FSETXATTR, "5.19"),
        "IORING_OP_SETXATTR": (IORING_OP_SETXATTR, "5.19"),
        "IORING_OP_FGETXATTR": (IORING_OP_FGETXATTR, "5.19"),
        "IORING_OP_GETXATTR": (IORING_OP_GETXATTR, "5.19"),
        "IORING_OP_SOCKET": (IORING_OP_SOCKET, "5.19"),
        "IORING_OP_URING_CMD": (IORING_OP_URING_CMD, "5.19"),
        "IORING_OP_SEND_ZC": (IORING_OP_SEND_ZC, "6.0"),
        "IORING_OP_SENDMSG_ZC": (IORING_OP_SENDMSG_ZC, "6.1"),
        "IORING_OP_READ_MULTISHOT": (IORING_OP_READ_MULTISHOT, "6.7"),
        "IORING_OP_WAITID": (IORING_OP_WAITID, "6.7"),
        "IORING_OP_FUTEX_WAIT": (IORING_OP_FUTEX_WAIT, "6.7"),
        "IORING_OP_FUTEX_WAKE": (IORING_OP_FUTEX_WAKE, "6.7"),
        "IORING_OP_FUTEX_WAITV": (IORING_OP_FUTEX_WAITV, "6.7"),
        "IORING_OP_FIXED_FD_INSTALL": (IORING_OP_FIXED_FD_INSTALL, "6.8"),
        "IORING_OP_FTRUNCATE": (IORING_OP_FTRUNCATE, "6.9"),
        "IORING_OP_BIND": (IORING_OP_BIND, "6.11"),
        "IORING_OP_LISTEN": (IORING_OP_LISTEN, "6.11"),
        "IORING_OP_RECV_ZC": (IORING_OP_RECV_ZC, "6.15"),
        "IORING_OP_EPOLL_WAIT": (IORING_OP_EPOLL_WAIT, "6.15"),
        "IORING_OP_READV_FIXED": (IORING_OP_READV_FIXED, "6.15"),
        "IORING_OP_WRITEV_FIXED": (IORING_OP_WRITEV_FIXED, "6.15"),
        "IORING_OP_PIPE": (IORING_OP_PIPE, "6.16"),
        "IORING_OP_NOP128": (IORING_OP_NOP128, "6.19"),
        "IORING_OP_URING_CMD128": (IORING_OP_URING_CMD128, "6.19"),
    }


class UringRequest(Flags):
    """The flags of a request."""

    FIXED_FILE = IOSQE_FIXED_FILE
    IO_DRAIN = IOSQE_IO_DRAIN
    IO_LINK = IOSQE_IO_LINK
    IO_HARDLINK = IOSQE_IO_HARDLINK
    ASYNC = IOSQE_ASYNC
    BUFFER_SELECT = IOSQE_BUFFER_SELECT
    CQE_SKIP_SUCCESS = IOSQE_CQE_SKIP_SUCCESS

    __since__ = {
        "IOSQE_FIXED_FILE": (IOSQE_FIXED_FILE, "5.1"),
        "IOSQE_IO_DRAIN": (IOSQE_IO_DRAIN, "5.2"),
        "IOSQE_IO_LINK": (IOSQE_IO_LINK, "5.3"),
        "IOSQE_IO_HARDLINK": (IOSQE_IO_HARDLINK, "5.5"),
        "IOSQE_ASYNC": (IOSQE_ASYNC, "5.6"),
        "IOSQE_BUFFER_SELECT": (IOSQE_BUFFER_SELECT, "5.7"),
        "IOSQE_CQE_SKIP_SUCCESS": (IOSQE_CQE_SKIP_SUCCESS, "5.17"),
    }


class UringTimeout(Flags):
    """The flags of a timeout."""

    ABS = IORING_TIMEOUT_ABS
    UPDATE = IORING_TIMEOUT_UPDATE
    BOOTTIME = IORING_TIMEOUT_BOOTTIME
    REALTIME = IORING_TIMEOUT_REALTIME
    ETIME_SUCCESS = IORING_TIMEOUT_ETIME_SUCCESS
    MULTISHOT = IORING_TIMEOUT_MULTISHOT
    IMMEDIATE_ARG = IORING_TIMEOUT_IMMEDIATE_ARG

    __since__ = {
        "IORING_TIMEOUT_ABS": (IORING_TIMEOUT_ABS, "5.4"),
        "IORING_TIMEOUT_UPDATE": (IORING_TIMEOUT_UPDATE, "5.11"),
        "IORING_TIMEOUT_BOOTTIME": (IORING_TIMEOUT_BOOTTIME, "5.15"),
        "IORING_TIMEOUT_REALTIME": (IORING_TIMEOUT_REALTIME, "5.15"),
        "IORING_TIMEOUT_ETIME_SUCCESS": (IORING_TIMEOUT_ETIME_SUCCESS, "5.16"),
        "IORING_TIMEOUT_MULTISHOT": (IORING_TIMEOUT_MULTISHOT, "6.4"),
        "IORING_TIMEOUT_IMMEDIATE_ARG": (IORING_TIMEOUT_IMMEDIATE_ARG, "7.0"),
    }


class UringPoll(Flags):
    """The flags of POLL_ADD and POLL_REMOVE."""

    ADD_MULTI = IORING_POLL_ADD_MULTI
    UPDATE_EVENTS = IORING_POLL_UPDATE_EVENTS
    UPDATE_USER_DATA = IORING_POLL_UPDATE_USER_DATA
    ADD_LEVEL = IORING_POLL_ADD_LEVEL

    __since__ = {
        "IORING_POLL_ADD_MULTI": (IORING_POLL_ADD_MULTI, "5.13"),
        "IORING_POLL_UPDATE_EVENTS": (IORING_POLL_UPDATE_EVENTS, "5.13"),
        "IORING_POLL_UPDATE_USER_DATA": (IORING_POLL_UPDATE_USER_DATA, "5.13"),
        "IORING_POLL_ADD_LEVEL": (IORING_POLL_ADD_LEVEL, "6.0"),
    }


class UringCancel(Flags):
    """The flags of ASYNC_CANCEL."""

    ALL = IORING_ASYNC_CANCEL_ALL
    FD = IORING_ASYNC_CANCEL_FD
    ANY = IORING_ASYNC_CANCEL_ANY
    FD_FIXED = IORING_ASYNC_CANCEL_FD_FIXED
    USERDATA = IORING_ASYNC_CANCEL_USERDATA
    OP = IORING_ASYNC_CANCEL_OP

    __since__ = {
        "IORING_ASYNC_CANCEL_ALL": (IORING_ASYNC_CANCEL_ALL, "5.19"),
        "IORING_ASYNC_CANCEL_FD": (IORING_ASYNC_CANCEL_FD, "5.19"),
        "IORING_ASYNC_CANCEL_ANY": (IORING_ASYNC_CANCEL_ANY, "5.19"),
        "IORING_ASYNC_CANCEL_FD_FIXED": (IORING_ASYNC_CANCEL_FD_FIXED, "6.0"),
        "IORING_ASYNC_CANCEL_USERDATA": (IORING_ASYNC_CANCEL_USERDATA, "6.6"),
        "IORING_ASYNC_CANCEL_OP": (IORING_ASYNC_CANCEL_OP, "6.6"),
    }


class UringTransfer(Flags):
    """The flags of sends and receives."""

    RECVSEND_POLL_FIRST = IORING_RECVSEND_POLL_FIRST
    RECV_MULTISHOT = IORING_RECV_MULTISHOT
    RECVSEND_FIXED_BUF = IORING_RECVSEND_FIXED_BUF
    SEND_ZC_REPORT_USAGE = IORING_SEND_ZC_REPORT_USAGE
    RECVSEND_BUNDLE = IORING_RECVSEND_BUNDLE
    SEND_VECTORIZED = IORING_SEND_VECTORIZED

    __since__ = {
        "IORING_RECVSEND_POLL_FIRST": (IORING_RECVSEND_POLL_FIRST, "5.19"),
        "IORING_RECV_MULTISHOT": (IORING_RECV_MULTISHOT, "6.0"),
        "IORING_RECVSEND_FIXED_BUF": (IORING_RECVSEND_FIXED_BUF, "6.0"),
        "IORING_SEND_ZC_REPORT_USAGE": (IORING_SEND_ZC_REPORT_USAGE, "6.2"),
        "IORING_RECVSEND_BUNDLE": (IORING_RECVSEND_BUNDLE, "6.10"),
        "IORING_SEND_VECTORIZED": (IORING_SEND_VECTORIZED, "6.17"),
    }


class UringAccept(Flags):
    """The flags of ACCEPT."""

    MULTISHOT = IORING_ACCEPT_MULTISHOT
    DONTWAIT = IORING_ACCEPT_DONTWAIT
    POLL_FIRST = IORING_ACCEPT_POLL_FIRST

    __since__ = {
        "IORING_ACCEPT_MULTISHOT": (IORING_ACCEPT_MULTISHOT, "5.19"),
        "IORING_ACCEPT_DONTWAIT": (IORING_ACCEPT_DONTWAIT, "6.10"),
        "IORING_ACCEPT_POLL_FIRST": (IORING_ACCEPT_POLL_FIRST, "6.10"),
    }


class UringMessage(Number):
    """The kinds of messages between rings."""

    DATA = IORING_MSG_DATA
    SEND_FD = IORING_MSG_SEND_FD

    __since__ = {
        "IORING_MSG_DATA": (IORING_MSG_DATA, "5.18"),
        "IORING_MSG_SEND_FD": (IORING_MSG_SEND_FD, "6.0"),
    }


class UringMessageFlags(Flags):
    """The flags of MSG_RING."""

    CQE_SKIP = IORING_MSG_RING_CQE_SKIP
    FLAGS_PASS = IORING_MSG_RING_FLAGS_PASS

    __since__ = {
        "IORING_MSG_RING_CQE_SKIP": (IORING_MSG_RING_CQE_SKIP, "6.0"),
        "IORING_MSG_RING_FLAGS_PASS": (IORING_MSG_RING_FLAGS_PASS, "6.3"),
    }


class UringNop(Flags):
    """The flags of NOP."""

    INJECT_RESULT = IORING_NOP_INJECT_RESULT
    FILE = IORING_NOP_FILE
    FIXED_FILE = IORING_NOP_FIXED_FILE
    FIXED_BUFFER = IORING_NOP_FIXED_BUFFER
    TW = IORING_NOP_TW
    CQE32 = IORING_NOP_CQE32

    __since__ = {
        "IORING_NOP_INJECT_RESULT": (IORING_NOP_INJECT_RESULT, "6.10"),
        "IORING_NOP_FILE": (IORING_NOP_FILE, "6.13"),
        "IORING_NOP_FIXED_FILE": (IORING_NOP_FIXED_FILE, "6.13"),
        "IORING_NOP_FIXED_BUFFER": (IORING_NOP_FIXED_BUFFER, "6.13"),
        "IORING_NOP_TW": (IORING_NOP_TW, "6.16"),
        "IORING_NOP_CQE32": (IORING_NOP_CQE32, "6.18"),
    }


class UringSocketOp(Number):
    """The commands of URING_CMD for a socket."""

    SIOCINQ = SOCKET_URING_OP_SIOCINQ
    SIOCOUTQ = SOCKET_URING_OP_SIOCOUTQ
    GETSOCKOPT = SOCKET_URING_OP_GETSOCKOPT
    SETSOCKOPT = SOCKET_URING_OP_SETSOCKOPT
    TX_TIMESTAMP = SOCKET_URING_OP_TX_TIMESTAMP
    GETSOCKNAME = SOCKET_URING_OP_GETSOCKNAME

    __since__ = {
        "SOCKET_URING_OP_SIOCINQ": (SOCKET_URING_OP_SIOCINQ, "6.7"),
        "SOCKET_URING_OP_SIOCOUTQ": (SOCKET_URING_OP_SIOCOUTQ, "6.7"),
        "SOCKET_URING_OP_GETSOCKOPT": (SOCKET_URING_OP_GETSOCKOPT, "6.7"),
        "SOCKET_URING_OP_SETSOCKOPT": (SOCKET_URING_OP_SETSOCKOPT, "6.7"),
        "SOCKET_URING_OP_TX_TIMESTAMP": (SOCKET_URING_OP_TX_TIMESTAMP, "6.17"),
        "SOCKET_URING_OP_GETSOCKNAME": (SOCKET_URING_OP_GETSOCKNAME, "6.19"),
    }


class UringResolve(Flags):
    """The restrictions of the path of OPENAT2, see openat2(2)."""

    NO_XDEV = RESOLVE_NO_XDEV
    NO_MAGICLINKS = RESOLVE_NO_MAGICLINKS
    NO_SYMLINKS = RESOLVE_NO_SYMLINKS
    BENEATH = RESOLVE_BENEATH
    IN_ROOT = RESOLVE_IN_ROOT
    CACHED = RESOLVE_CACHED

    __since__ = {
        "RESOLVE_CACHED": (RESOLVE_CACHED, "5.12"),
    }
