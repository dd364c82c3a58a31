# The types of uring_ring's C. Written by tools/constants.py from butter/build/uring_ring.py: edit that.
from typing import Any

from _cffi_backend import FFI

class butter_cqe:
    user_data: int
    result: int
    flags: int

class butter_completions:
    count: int
    room: int
    found: FFI.CData
    at: FFI.CData
    holds: int

class butter_ring:
    setup: int
    features: int
    entries: int
    cq_entries: int

class butter_batch:
    count: int
    queued: int
    left: int
    failed: int

class butter_group:
    number: int
    entries: int
    size: int
    first: int
    memory: FFI.CData
    next: FFI.CData

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    IORING_OP_NOP: int
    IORING_OP_READV: int
    IORING_OP_WRITEV: int
    IORING_OP_FSYNC: int
    IORING_OP_READ_FIXED: int
    IORING_OP_WRITE_FIXED: int
    IORING_OP_POLL_ADD: int
    IORING_OP_POLL_REMOVE: int
    IORING_OP_SYNC_FILE_RANGE: int
    IORING_OP_SENDMSG: int
    IORING_OP_RECVMSG: int
    IORING_OP_TIMEOUT: int
    IORING_OP_TIMEOUT_REMOVE: int
    IORING_OP_ACCEPT: int
    IORING_OP_ASYNC_CANCEL: int
    IORING_OP_LINK_TIMEOUT: int
    IORING_OP_CONNECT: int
    IORING_OP_FALLOCATE: int
    IORING_OP_OPENAT: int
    IORING_OP_CLOSE: int
    IORING_OP_FILES_UPDATE: int
    IORING_OP_STATX: int
    IORING_OP_READ: int
    IORING_OP_WRITE: int
    IORING_OP_FADVISE: int
    IORING_OP_MADVISE: int
    IORING_OP_SEND: int
    IORING_OP_RECV: int
    IORING_OP_OPENAT2: int
    IORING_OP_EPOLL_CTL: int
    IORING_OP_SPLICE: int
    IORING_OP_PROVIDE_BUFFERS: int
    IORING_OP_REMOVE_BUFFERS: int
    IORING_OP_TEE: int
    IORING_OP_SHUTDOWN: int
    IORING_OP_RENAMEAT: int
    IORING_OP_UNLINKAT: int
    IORING_OP_MKDIRAT: int
    IORING_OP_SYMLINKAT: int
    IORING_OP_LINKAT: int
    IORING_OP_MSG_RING: int
    IORING_OP_FSETXATTR: int
    IORING_OP_SETXATTR: int
    IORING_OP_FGETXATTR: int
    IORING_OP_GETXATTR: int
    IORING_OP_SOCKET: int
    IORING_OP_URING_CMD: int
    IORING_OP_SEND_ZC: int
    IORING_OP_SENDMSG_ZC: int
    IORING_OP_READ_MULTISHOT: int
    IORING_OP_WAITID: int
    IORING_OP_FUTEX_WAIT: int
    IORING_OP_FUTEX_WAKE: int
    IORING_OP_FUTEX_WAITV: int
    IORING_OP_FIXED_FD_INSTALL: int
    IORING_OP_FTRUNCATE: int
    IORING_OP_BIND: int
    IORING_OP_LISTEN: int
    IORING_OP_RECV_ZC: int
    IORING_OP_EPOLL_WAIT: int
    IORING_OP_READV_FIXED: int
    IORING_OP_WRITEV_FIXED: int
    IORING_OP_PIPE: int
    IORING_OP_NOP128: int
    IORING_OP_URING_CMD128: int
    IOSQE_FIXED_FILE: int
    IOSQE_IO_DRAIN: int
    IOSQE_IO_LINK: int
    IOSQE_IO_HARDLINK: int
    IOSQE_ASYNC: int
    IOSQE_BUFFER_SELECT: int
    IOSQE_CQE_SKIP_SUCCESS: int
    IORING_TIMEOUT_ABS: int
    IORING_TIMEOUT_UPDATE: int
    IORING_TIMEOUT_BOOTTIME: int
    IORING_TIMEOUT_REALTIME: int
    IORING_TIMEOUT_ETIME_SUCCESS: int
    IORING_TIMEOUT_MULTISHOT: int
    IORING_TIMEOUT_IMMEDIATE_ARG: int
    IORING_LINK_TIMEOUT_UPDATE: int
    IORING_TIMEOUT_CLOCK_MASK: int
    IORING_TIMEOUT_UPDATE_MASK: int
    IORING_POLL_ADD_MULTI: int
    IORING_POLL_UPDATE_EVENTS: int
    IORING_POLL_UPDATE_USER_DATA: int
    IORING_POLL_ADD_LEVEL: int
    IORING_ASYNC_CANCEL_ALL: int
    IORING_ASYNC_CANCEL_FD: int
    IORING_ASYNC_CANCEL_ANY: int
    IORING_ASYNC_CANCEL_FD_FIXED: int
    IORING_ASYNC_CANCEL_USERDATA: int
    IORING_ASYNC_CANCEL_OP: int
    IORING_RECVSEND_POLL_FIRST: int
    IORING_RECV_MULTISHOT: int
    IORING_RECVSEND_FIXED_BUF: int
    IORING_SEND_ZC_REPORT_USAGE: int
    IORING_RECVSEND_BUNDLE: int
    IORING_SEND_VECTORIZED: int
    IORING_NOTIF_USAGE_ZC_COPIED: int
    IORING_ACCEPT_MULTISHOT: int
    IORING_ACCEPT_DONTWAIT: int
    IORING_ACCEPT_POLL_FIRST: int
    IORING_MSG_DATA: int
    IORING_MSG_SEND_FD: int
    IORING_MSG_RING_CQE_SKIP: int
    IORING_MSG_RING_FLAGS_PASS: int
    IORING_NOP_INJECT_RESULT: int
    IORING_NOP_FILE: int
    IORING_NOP_FIXED_FILE: int
    IORING_NOP_FIXED_BUFFER: int
    IORING_NOP_TW: int
    IORING_NOP_CQE32: int
    IORING_FSYNC_DATASYNC: int
    IORING_FILE_INDEX_ALLOC: int
    IORING_FIXED_FD_NO_CLOEXEC: int
    IORING_URING_CMD_FIXED: int
    IORING_URING_CMD_MULTISHOT: int
    IORING_URING_CMD_MASK: int
    IORING_RW_ATTR_FLAG_PI: int
    SPLICE_F_FD_IN_FIXED: int
    SOCKET_URING_OP_SIOCINQ: int
    SOCKET_URING_OP_SIOCOUTQ: int
    SOCKET_URING_OP_GETSOCKOPT: int
    SOCKET_URING_OP_SETSOCKOPT: int
    SOCKET_URING_OP_TX_TIMESTAMP: int
    SOCKET_URING_OP_GETSOCKNAME: int
    RESOLVE_NO_XDEV: int
    RESOLVE_NO_MAGICLINKS: int
    RESOLVE_NO_SYMLINKS: int
    RESOLVE_BENEATH: int
    RESOLVE_IN_ROOT: int
    RESOLVE_CACHED: int
    def butter_ring_new(self) -> butter_ring: ...
    def butter_ring_free(self, ring: butter_ring, /) -> None: ...
    def butter_ring_open(
        self,
        ring: butter_ring,
        entries: int,
        flags: int,
        cq_entries: int,
        sq_thread_cpu: int,
        sq_thread_idle: int,
        wq_fd: int,
        /,
    ) -> int: ...
    def butter_ring_queue(
        self,
        ring: butter_ring,
        user_data: int,
        opcode: int,
        flags: int,
        fd: int,
        addr: FFI.CData,
        len: int,
        off: int,
        op_flags: int,
        ioprio: int,
        buf_index: int,
        file_index: int,
        addr3: int,
        /,
    ) -> int: ...
    def butter_ring_move(
        self, ring: butter_ring, user_data: int, opcode: int, fd: int, addr: FFI.CData, len: int, off: int, /
    ) -> int: ...
    def butter_ring_submit(self, ring: butter_ring, /) -> int: ...
    def butter_ring_make_room(self, ring: butter_ring, /) -> int: ...
    def butter_ring_read(self, fd: int, completions: butter_completions, ring: butter_ring, wait: int, /) -> int: ...
    def butter_ring_made(self, ring: butter_ring, completions: butter_completions, /) -> int: ...
    def butter_ring_wait(self, ring: butter_ring, nanoseconds: int, /) -> int: ...
    def butter_ring_queued(self, ring: butter_ring, /) -> int: ...
    def butter_ring_in_flight(self, ring: butter_ring, /) -> int: ...
    def butter_ring_end(
        self, ring: butter_ring, completions: butter_completions, requests: FFI.CData, count: int, /
    ) -> int: ...
    def butter_ring_unmap(self, ring: butter_ring, /) -> None: ...
    def butter_ring_register(self, ring: butter_ring, opcode: int, argument: FFI.CData, count: int, /) -> int: ...
    def butter_batch_size(self, requests: FFI.CData, count: int, /) -> int: ...
    def butter_ring_read_many(
        self,
        ring: butter_ring,
        completions: butter_completions,
        batch: butter_batch,
        count: int,
        requests: FFI.CData,
        memory: bytes | FFI.CData,
        size: int,
        results: FFI.CData,
        /,
    ) -> int: ...
    def butter_ring_go_on(self, ring: butter_ring, completions: butter_completions, batch: butter_batch, /) -> int: ...
    def butter_ring_leave_batch(self, ring: butter_ring, batch: butter_batch, /) -> int: ...
    def butter_batch_goes_on(self, ring: butter_ring, batch: butter_batch, /) -> int: ...
    def butter_ring_use_pieces(self, ring: butter_ring, /) -> int: ...
    def butter_group_new(self, number: int, entries: int, size: int, first: int, /) -> butter_group: ...
    def butter_group_free(self, group: butter_group, /) -> None: ...
    def butter_group_register(self, ring: butter_ring, group: butter_group, /) -> int: ...
    def butter_group_unregister(self, ring: butter_ring, group: butter_group, /) -> int: ...
    def butter_group_give_back(
        self, ring: butter_ring, group: butter_group, completions: butter_completions, index: int, count: int, /
    ) -> None: ...
    def butter_ring_forget(self, ring: butter_ring, /) -> None: ...

ffi: _FFI
lib: _Lib
