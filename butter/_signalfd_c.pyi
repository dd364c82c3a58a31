# The types of signalfd's C. Written by tools/constants.py from butter/build/signalfd.py: edit that.
from typing import Any

from _cffi_backend import FFI

class butter_signals:
    count: int
    data: FFI.CData

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    SFD_CLOEXEC: int
    SFD_NONBLOCK: int
    SIG_BLOCK: int
    SIG_UNBLOCK: int
    SIG_SETMASK: int
    SI_USER: int
    SI_KERNEL: int
    SI_QUEUE: int
    SI_TIMER: int
    SI_MESGQ: int
    SI_ASYNCIO: int
    SI_SIGIO: int
    SI_TKILL: int
    SI_DETHREAD: int
    SI_ASYNCNL: int
    CLD_EXITED: int
    CLD_KILLED: int
    CLD_DUMPED: int
    CLD_TRAPPED: int
    CLD_STOPPED: int
    CLD_CONTINUED: int
    NEW_SIGNALFD: int
    SIGINFO_LENGTH: int
    def signalfd(self, fd: int, mask: FFI.CData, flags: int, /) -> int: ...
    def pthread_sigmask(self, how: int, set: FFI.CData, oldset: FFI.CData, /) -> int: ...
    def butter_sigset_fill(self, set: FFI.CData, bits: int, /) -> None: ...
    def butter_sigset_bits(self, set: FFI.CData, /) -> int: ...
    def butter_signal_handled(self, signum: int, /) -> int: ...
    def butter_signalfd_read(self, fd: int, signals: butter_signals, /) -> int: ...

ffi: _FFI
lib: _Lib
