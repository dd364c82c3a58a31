# The types of landlock's C. Written by tools/constants.py from butter/build/landlock.py: edit that.
from typing import Any

from _cffi_backend import FFI

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    LANDLOCK_ACCESS_FS_EXECUTE: int
    LANDLOCK_ACCESS_FS_WRITE_FILE: int
    LANDLOCK_ACCESS_FS_READ_FILE: int
    LANDLOCK_ACCESS_FS_READ_DIR: int
    LANDLOCK_ACCESS_FS_REMOVE_DIR: int
    LANDLOCK_ACCESS_FS_REMOVE_FILE: int
    LANDLOCK_ACCESS_FS_MAKE_CHAR: int
    LANDLOCK_ACCESS_FS_MAKE_DIR: int
    LANDLOCK_ACCESS_FS_MAKE_REG: int
    LANDLOCK_ACCESS_FS_MAKE_SOCK: int
    LANDLOCK_ACCESS_FS_MAKE_FIFO: int
    LANDLOCK_ACCESS_FS_MAKE_BLOCK: int
    LANDLOCK_ACCESS_FS_MAKE_SYM: int
    LANDLOCK_ACCESS_FS_REFER: int
    LANDLOCK_ACCESS_FS_TRUNCATE: int
    LANDLOCK_ACCESS_FS_IOCTL_DEV: int
    LANDLOCK_ACCESS_FS_RESOLVE_UNIX: int
    LANDLOCK_ACCESS_NET_BIND_TCP: int
    LANDLOCK_ACCESS_NET_CONNECT_TCP: int
    LANDLOCK_ACCESS_NET_BIND_UDP: int
    LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP: int
    LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET: int
    LANDLOCK_SCOPE_SIGNAL: int
    LANDLOCK_CREATE_RULESET_VERSION: int
    LANDLOCK_CREATE_RULESET_ERRATA: int
    LANDLOCK_RULE_PATH_BENEATH: int
    LANDLOCK_RULE_NET_PORT: int
    LANDLOCK_ADD_RULE_QUIET: int
    LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF: int
    LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON: int
    LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF: int
    LANDLOCK_RESTRICT_SELF_TSYNC: int
    def landlock_create_ruleset(self, attr: bytes | FFI.CData, size: int, flags: int, /) -> int: ...
    def landlock_add_rule(
        self, ruleset_fd: int, rule_type: int, rule_attr: bytes | FFI.CData, flags: int, /
    ) -> int: ...
    def landlock_restrict_self(self, ruleset_fd: int, flags: int, /) -> int: ...

ffi: _FFI
lib: _Lib
