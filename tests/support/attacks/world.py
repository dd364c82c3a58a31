"""The files and processes that an attack finds."""

from __future__ import annotations

import os
import shutil
import signal
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from support.children import libc

if TYPE_CHECKING:
    from collections.abc import Callable

# the smallest program: exit(0)
CODE = bytes.fromhex("31ff b83c000000 0f05")
ADDRESS = 0x400000
PROGRAM = (
    b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    + bytes.fromhex("0200 3e00 01000000")
    + (ADDRESS + 120).to_bytes(8, "little")
    + (64).to_bytes(8, "little")
    + bytes(12)
    + bytes.fromhex("4000 3800 0100 0000 0000 0000")
    + bytes.fromhex("01000000 05000000")
    + bytes(8)
    + 2 * ADDRESS.to_bytes(8, "little")
    + 2 * (120 + len(CODE)).to_bytes(8, "little")
    + (0x1000).to_bytes(8, "little")
    + CODE
)


class World:
    """A tree of files: those of the sandbox, and those outside."""

    def __init__(self, top: Path) -> None:
        self.top = top
        #: the sandbox may write here, and run programs
        self.inside = top / "inside"
        #: the sandbox may read this
        self.readonly = top / "readonly"
        #: the sandbox may not see this
        self.outside = top / "outside"
        self.own = self.inside / "own"
        self.fixed = self.readonly / "fixed"
        self.secret = self.outside / "secret"

    def make(self) -> None:
        """Make all files anew."""
        shutil.rmtree(self.top, ignore_errors=True)
        for directory in self.top, self.inside, self.inside / "sub", self.readonly, self.outside:
            directory.mkdir()
        (self.outside / "directory").mkdir()
        self.own.write_bytes(b"own")
        for file in self.fixed, self.secret, self.outside / "victim":
            file.write_bytes(b"secret")
            os.setxattr(file, b"user.x", b"x")
        for directory in self.inside, self.readonly, self.outside:
            program = directory / "program"
            program.write_bytes(PROGRAM)
            program.chmod(0o755)
        (self.inside / "way").symlink_to(self.outside)
        (self.outside / "link").symlink_to("secret")

    def protected(self) -> dict[str, tuple[object, ...]]:
        """All that is to be seen of the files that an attack must not change."""
        found = {}
        for top in self.readonly, self.outside:
            for path in [top, *sorted(top.rglob("*"))]:
                facts = path.lstat()
                content = path.read_bytes() if stat.S_ISREG(facts.st_mode) else b""
                attributes = os.listxattr(path, follow_symlinks=False)
                # neither the time of the last reading nor that of the last change
                times = facts.st_mtime_ns, facts.st_nlink, facts.st_ino, flags_of(path, facts.st_mode)
                identity = facts.st_mode, facts.st_uid, facts.st_gid
                found[str(path)] = (*identity, *times, content, tuple(attributes), accessed(facts))
        return found


def accessed(facts: os.stat_result) -> bool:
    """Whether the time of the last access was set by hand: to the year 1970."""
    return facts.st_atime < 1000


def flags_of(path: Path, mode: int) -> int:
    """The flags of a file, as chattr sets them."""
    import ctypes
    import fcntl

    if not stat.S_ISREG(mode):
        return 0
    with open(path, "rb") as file:
        flags = ctypes.c_long()
        try:
            fcntl.ioctl(file, 0x80086601, flags)  # FS_IOC_GETFLAGS
        except OSError:
            return 0
    return flags.value


def outsider(body: Callable[[], object] = lambda: None) -> int:
    """Start a process that is outside, and return its number.

    It ends with its parent.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
            body()
            os.write(writing, b"x")
            while True:
                signal.pause()
        finally:
            os._exit(1)
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    return pid
