"""The files and processes that an attack finds."""

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import stat
import struct

from support.children import libc

ADDRESS = 0x400000


def program(code, machine=62):
    """The smallest program that has this code, of x86_64 or another machine."""
    return b"".join(
        (
            b"\x7fELF\x02\x01\x01".ljust(16, b"\0"),
            struct.pack("=HHIQQQIHHHHHH", 2, machine, 1, ADDRESS + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0),
            struct.pack("=IIQQQQQQ", 1, 5, 0, ADDRESS, ADDRESS, 120 + len(code), 120 + len(code), 0x1000),
            code,
        )
    )


# exit(0)
PROGRAM = program(bytes.fromhex("31ff b83c000000 0f05"))
# an instruction that does not exist
CRASHES = program(bytes.fromhex("0f0b"))
# exit(geteuid())
TELLS_USER = program(bytes.fromhex("b86b000000 0f05 89c7 b83c000000 0f05"))


class World:
    """A tree of files: those of the sandbox, and those outside."""

    def __init__(self, top):
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

        # as it was when all was made
        self._made = None

    def make(self):
        """Make all files anew, if one of them is not as it was."""
        if self._made is not None and self._look(self.top) == self._made:
            return
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
        self._made = self._look(self.top)

    def protected(self):
        """All that is to be seen of the files that an attack must not change."""
        return self._look(self.readonly) | self._look(self.outside)

    def _look(self, top):
        found = {}
        for directory, _, files, fd in os.fwalk(top):
            for name in [".", *files]:
                facts = os.stat(name, dir_fd=fd, follow_symlinks=False)
                path = os.path.join(directory, name)
                regular = stat.S_ISREG(facts.st_mode)
                # neither the time of the last reading nor that of the last change
                identity = facts.st_mode, facts.st_uid, facts.st_gid, facts.st_mtime_ns, facts.st_nlink, facts.st_ino
                attributes = tuple(os.listxattr(path, follow_symlinks=False))
                found[path] = (*identity, accessed(facts), attributes, *(content_of(path) if regular else ()))
        return found


def accessed(facts):
    """Whether the time of the last access was set by hand: to the year 1970."""
    return facts.st_atime < 1000


def content_of(path):
    """The content of a file, and what chattr sets: its flags and its version."""
    with open(path, "rb") as file:
        flags, version = ctypes.c_long(), ctypes.c_long()
        with contextlib.suppress(OSError):
            fcntl.ioctl(file, 0x80086601, flags)  # FS_IOC_GETFLAGS
            fcntl.ioctl(file, 0x80087601, version)  # FS_IOC_GETVERSION
        return file.read(), flags.value, version.value


def outsider(body=lambda: None):
    """Start a process that is outside, and return its number.

    It ends with its parent, even if that has stopped it. A signal of a process inside
    does not get out, not even that of its death, but the end of a pipe does.
    """
    told, tell = os.pipe()
    alive, held = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(held)
            libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
            body()
            os.write(tell, b"x")
            os.read(alive, 1)
        finally:
            os._exit(1)
    os.close(tell)
    os.close(alive)
    os.read(told, 1)
    os.close(told)
    return pid
