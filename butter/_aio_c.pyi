# The types of aio's C. Written by tools/constants.py from butter/build/aio.py: edit that.
from typing import Any

from _cffi_backend import FFI

class iovec:
    iov_base: FFI.CData
    iov_len: int

class butter_iocb:
    aio_data: int

class butter_io_event:
    data: int
    obj: int
    res: int
    res2: int

class butter_aio:
    context: int

class butter_aio_batch:
    count: int
    done: int
    iocbs: FFI.CData

class butter_aio_events:
    count: int
    room: int
    found: FFI.CData

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    EFD_NONBLOCK: int
    IOCB_CMD_PREAD: int
    IOCB_CMD_PWRITE: int
    IOCB_CMD_FSYNC: int
    IOCB_CMD_FDSYNC: int
    IOCB_CMD_POLL: int
    IOCB_CMD_NOOP: int
    IOCB_CMD_PREADV: int
    IOCB_CMD_PWRITEV: int
    IOCB_FLAG_RESFD: int
    IOCB_FLAG_IOPRIO: int
    RWF_HIPRI: int
    RWF_DSYNC: int
    RWF_SYNC: int
    RWF_NOWAIT: int
    RWF_APPEND: int
    RWF_NOAPPEND: int
    RWF_ATOMIC: int
    RWF_DONTCACHE: int
    RWF_NOSIGNAL: int
    def io_setup(self, nr_events: int, context: FFI.CData, /) -> int: ...
    def io_submit(self, context: int, count: int, iocbs: butter_iocb, /) -> int: ...
    def io_getevents(self, context: int, min_nr: int, nr: int, events: butter_io_event, timeout: int, /) -> int: ...
    def io_pgetevents(
        self, context: int, min_nr: int, nr: int, events: butter_io_event, timeout: int, masked: int, blocked: int, /
    ) -> int: ...
    def io_cancel(self, context: int, iocb: butter_iocb, /) -> int: ...
    def io_destroy(self, context: int, /) -> int: ...
    def butter_aio_eventfd(self, flags: int, /) -> int: ...
    def butter_aio_begin(self, aio: butter_aio, depth: int, /) -> int: ...
    def butter_aio_submit(self, aio: butter_aio, batch: butter_aio_batch, /) -> int: ...
    def butter_aio_signal(self, aio: butter_aio, fd: int, /) -> int: ...
    def butter_aio_read(self, fd: int, events: butter_aio_events, aio: butter_aio, /) -> int: ...
    def butter_aio_cancel(self, aio: butter_aio, iocb: butter_iocb, /) -> int: ...
    def butter_aio_end(self, aio: butter_aio, patient: int, /) -> int: ...

ffi: _FFI
lib: _Lib
