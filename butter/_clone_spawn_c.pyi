# The types of clone_spawn's C. Written by tools/constants.py from butter/build/clone_spawn.py: edit that.
from typing import Any

from _cffi_backend import FFI

class butter_step:
    call: int
    arguments: FFI.CData

class butter_kept:
    here: int
    there: int

class butter_spawn:
    steps: FFI.CData
    count: int
    kept: FFI.CData
    kept_count: int
    flags: int
    cgroup: int
    shares_memory: int
    middle: int
    ruleset: int
    ours: FFI.CData
    pid: int
    pidfd: int
    failed: int
    error: int

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    SYS_capset: int
    SYS_chdir: int
    SYS_chroot: int
    SYS_ioctl: int
    SYS_mount: int
    SYS_move_mount: int
    SYS_pivot_root: int
    SYS_prctl: int
    SYS_prlimit64: int
    SYS_setgroups: int
    SYS_sethostname: int
    SYS_setns: int
    SYS_setpgid: int
    SYS_setresgid: int
    SYS_setresuid: int
    SYS_setsid: int
    SYS_umask: int
    SYS_umount2: int
    SYS_unshare: int
    STEP_DEATH: int
    STEP_OPEN: int
    STEP_CGROUP: int
    STEP_CHILD: int
    STEP_KEEP: int
    STEP_GO: int
    STEP_FOREGROUND: int
    STEP_NICE: int
    STEP_STREAMS: int
    STEP_RAISE: int
    STEP_BOUND: int
    STEP_SIGNALS: int
    STEP_LANDLOCK: int
    STEP_SECCOMP: int
    STEP_EXEC: int
    def butter_spawn_new(self) -> butter_spawn: ...
    def butter_spawn_pipe(self, spawn: butter_spawn, stream: int, /) -> int: ...
    def butter_spawn_directory(self, spawn: butter_spawn, path: bytes | FFI.CData, /) -> int: ...
    def butter_spawn_split(self, texts: bytes | FFI.CData, size: int, places: FFI.CData, count: int, /) -> int: ...
    def butter_spawn_start(self, spawn: butter_spawn, /) -> int: ...
    def butter_spawn_born(self, spawn: butter_spawn, milliseconds: int, /) -> int: ...
    def butter_spawn_go(self, spawn: butter_spawn, /) -> int: ...
    def butter_spawn_wait(self, spawn: butter_spawn, milliseconds: int, /) -> int: ...
    def butter_spawn_kill(self, spawn: butter_spawn, /) -> int: ...
    def butter_spawn_disconnect(self, spawn: butter_spawn, /) -> None: ...
    def butter_spawn_release(self, spawn: butter_spawn, /) -> None: ...
    def butter_spawn_free(self, used: FFI.CData, spawn: butter_spawn, /) -> None: ...

ffi: _FFI
lib: _Lib
