# The types of fd's C. Written by tools/constants.py from butter/build/fd.py: edit that.
from typing import Any

from _cffi_backend import FFI

class iovec:
    iov_base: FFI.CData
    iov_len: int

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    O_CLOEXEC: int
    CLOSE_RANGE_UNSHARE: int
    CLOSE_RANGE_CLOEXEC: int
    RWF_HIPRI: int
    RWF_DSYNC: int
    RWF_SYNC: int
    RWF_NOWAIT: int
    RWF_APPEND: int
    RWF_NOAPPEND: int
    RWF_ATOMIC: int
    RWF_DONTCACHE: int
    RWF_NOSIGNAL: int
    def dup3(self, oldfd: int, newfd: int, flags: int, /) -> int: ...
    def close_range(self, first: int, last: int, flags: int, /) -> int: ...
    def same_open_file(self, a: int, b: int, /) -> int: ...
    def readv(self, fd: int, iov: iovec, iovcnt: int, /) -> int: ...
    def writev(self, fd: int, iov: iovec, iovcnt: int, /) -> int: ...
    def preadv2(self, fd: int, iov: iovec, iovcnt: int, offset: int, flags: int, /) -> int: ...
    def pwritev2(self, fd: int, iov: iovec, iovcnt: int, offset: int, flags: int, /) -> int: ...

ffi: _FFI
lib: _Lib
