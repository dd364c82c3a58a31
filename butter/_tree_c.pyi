# The types of tree's C. Written by tools/constants.py from butter/build/tree.py: edit that.
from typing import Any

from _cffi_backend import FFI

class butter_tree_opened:
    count: int

class butter_tree_entry:
    inode: int
    size: int
    mtime: int
    name: int
    mode: int
    directory: int

class butter_tree_directory:
    wd: int
    above: int
    entry: int
    first: int
    count: int

class butter_tree_left:
    directory: int
    name: int

class butter_tree_walk:
    entries: FFI.CData
    directories: FFI.CData
    left: FFI.CData
    names: FFI.CData
    entry_count: int
    directory_count: int
    left_count: int
    names_size: int
    device: int
    mount: int
    watches: int
    newest: int

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    BUTTER_MODE: int
    BUTTER_DEVICE: int
    BUTTER_INODE: int
    BUTTER_BYTES: int
    BUTTER_MTIME: int
    BUTTER_MOUNT: int
    BUTTER_FACTS: int
    BUTTER_TREE_DEPTH: int
    BUTTER_TREE_NAMES: int
    BUTTER_TREE_FOLLOW: int
    def butter_tree_new(self) -> butter_tree_walk: ...
    def butter_tree_free(self, walk: butter_tree_walk, /) -> None: ...
    def butter_tree_walk_in(self, walk: butter_tree_walk, fd: int, inotify: int, mask: int, wd: int, /) -> int: ...
    def butter_tree_compare(
        self, walk: butter_tree_walk, directory: int, fd: int, inotify: int, mask: int, /
    ) -> int: ...
    def butter_tree_find(self, walk: butter_tree_walk, wd: int, /) -> int: ...
    def butter_tree_look(self, dirfd: int, name: bytes | FFI.CData, facts: FFI.CData, /) -> int: ...
    def butter_tree_enter(
        self, opened: butter_tree_opened, dirfd: int, name: bytes | FFI.CData, how: int, facts: FFI.CData, /
    ) -> int: ...
    def butter_tree_open(
        self, opened: butter_tree_opened, path: bytes | FFI.CData, how: int, facts: FFI.CData, /
    ) -> int: ...
    def butter_tree_close(self, opened: butter_tree_opened, count: int, /) -> None: ...
    def butter_tree_look_once(
        self, path: bytes | FFI.CData, inode: int, device: int, mount: int, name: bytes | FFI.CData, facts: FFI.CData, /
    ) -> int: ...
    def butter_tree_epoll(self, flags: int, /) -> int: ...
    def butter_tree_wait_for(self, epoll: int, fd: int, events: int, bit: int, /) -> int: ...
    def butter_tree_ask(self, epoll: int, /) -> int: ...

ffi: _FFI
lib: _Lib
