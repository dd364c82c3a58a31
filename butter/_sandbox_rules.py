"""The ruleset of a sandbox, and the look at the programs that it may execute."""

from __future__ import annotations

import errno
import functools
import os
import stat
import struct
from typing import TYPE_CHECKING, NamedTuple

from butter._landlock import open_path
from butter._landlock_rights import FS, bits_of
from butter.landlock import (
    EXECUTE,
    LANDLOCK_RULE_PATH_BENEATH,
    READ,
    WRITE,
    PathBeneathAttr,
    Ruleset,
    landlock_add_rule,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from butter._arguments import Path

    Place = tuple[int, int]

#: the devices that every program may use: they keep nothing
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")

_DEVICE = frozenset({"read_file", "write_file", "ioctl_dev"})
_BEGINNING = 1 << 12
_PT_INTERP = 3
# as the kernel does: scripts of scripts
_DEEPEST = 5


class Paths(NamedTuple):
    """The paths and ports that are named to a sandbox."""

    read: Sequence[Path]
    write: Sequence[Path]
    execute: Sequence[Path]
    devices: Sequence[Path]
    connect: Sequence[int]
    bind: Sequence[int]
    #: whether there are devices beside those of every program
    own_devices: bool


def ruleset_of(paths: Paths, scope: bool, best_effort: bool) -> Ruleset:
    """Return the ruleset of a sandbox, which handles all that this kernel can.

    Whether that is enough, :func:`butter._sandbox_kernel.not_enforced` says.
    """
    ruleset = Ruleset(scope=None if scope else (), best_effort=best_effort)
    try:
        _allow_paths(ruleset, paths)
        for ports, right in ((paths.connect, "connect_tcp"), (paths.bind, "bind_tcp")):
            for port in ports:
                ruleset.allow_port(port, right)
    except BaseException:
        ruleset.close()
        raise
    return ruleset


@functools.lru_cache(maxsize=16)
def _bits(names: frozenset[str], handled: frozenset[str]) -> tuple[int, int]:
    """Return the rights to a file and to a directory that a ruleset handles."""
    found = names & handled & FS.keys()
    return bits_of(FS, [name for name in found if not FS[name].directory]), bits_of(FS, found)


def _allow_paths(ruleset: Ruleset, paths: Paths) -> None:
    """Add the rules for files. They are bits, since allow_path takes twice as long."""
    handled = ruleset.handled or frozenset()
    for option, named, names in (
        ("read", paths.read, READ),
        ("write", paths.write, READ | WRITE),
        ("execute", paths.execute, EXECUTE),
        ("devices", paths.devices, _DEVICE),
    ):
        bits = _bits(names, handled)
        for path in named:
            fd = _opened(path, option)
            try:
                mode = os.fstat(fd).st_mode
                if names is _DEVICE and not (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)):
                    raise ValueError(f"devices has {os.fspath(path)!r}, which is not a device; read and write take it")
                allowed = bits[stat.S_ISDIR(mode)]
                if allowed:
                    landlock_add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, PathBeneathAttr(allowed, fd))
            finally:
                os.close(fd)


def _opened(path: Path, option: str) -> int:
    """Return a descriptor for a path, or raise with the name of the option."""
    try:
        return open_path(path)
    except OSError as error:
        call = error.__dict__.pop("_call", "")
        error.strerror = f"{option}: {str(error.strerror).replace(f'{call}: ', '', 1)}"
        raise


def has_settings(paths: Paths) -> bool:
    """Return whether root may write, or read, the settings and devices of the machine.

    They are files of root, and so need no capability.
    """
    if os.geteuid():
        return False
    written, rest = (
        {os.path.realpath(os.fsencode(path)) for path in each} for each in (paths.write, (*paths.read, *paths.execute))
    )
    machine = b"/proc", b"/sys", b"/dev"
    return (
        not written.isdisjoint([b"/", *machine])
        or any(path.startswith(tuple(each + b"/" for each in machine)) for path in written)
        or not rest.isdisjoint([b"/", b"/dev"])
    )


def check_program(candidates: Sequence[bytes], execute: Sequence[Path]) -> None:
    """Raise PermissionError unless one of the programs that exist may be executed.

    Those that do not exist are left to the exec, whose sentence is about them.
    """
    roots = frozenset(place for path in execute if (place := _place(path)))
    failure = None
    for path in candidates:
        found = _status(path)
        if found:
            try:
                _check(path, found.st_ino, found.st_ctime_ns, roots)
            except PermissionError as error:
                failure = failure or error
            else:
                return
    if failure:
        raise failure


@functools.lru_cache(maxsize=256)
def _check(path: bytes, inode: int, changed: int, roots: frozenset[Place]) -> None:
    """Raise PermissionError unless a program may be executed.

    A program that may is not looked at again, unless it changes. If it may no longer
    then, because a directory was moved, the kernel refuses it.
    """
    reason = _reason(path, roots)
    if reason:
        raise denied(reason, path)


def denied(reason: str, path: bytes) -> PermissionError:
    """Return the exception for a program that may not be executed."""
    return PermissionError(errno.EACCES, f"sandbox: {reason}", os.fsdecode(path))


def _status(path: Path) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (OSError, ValueError):
        return None


def _place(path: Path) -> Place | None:
    """Return the place of a file, which stays the same while its directory changes."""
    status = _status(path)
    return status and (status.st_dev, status.st_ino)


def _reason(path: bytes, roots: frozenset[Place]) -> str | None:
    """Return a sentence if a program, or its loader, may not be executed."""
    what = "the program"
    for _ in range(_DEEPEST):
        if not _is_below(path, roots):
            return f"execute has to name {what}, {os.fsdecode(path)!r}, or a directory above it"
        needed = _needed(path)
        if needed is None:
            return None
        kind, after = needed
        what, path = f"the {kind} of {os.fsdecode(path)!r}", after
    return None


def _is_below(path: bytes, roots: frozenset[Place]) -> bool:
    path = os.path.realpath(path)
    while _place(path) not in roots:
        above = os.path.dirname(path)
        if above == path:
            return False
        path = above
    return True


def _needed(path: bytes) -> tuple[str, bytes] | None:
    """Return the interpreter of a script or the loader of a program, or None."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
        with open(path, "rb") as file:
            beginning = file.read(_BEGINNING)
            if beginning.startswith(b"#!"):
                # the kernel looks for blanks and tabs alone, and stops at a NUL
                line = beginning[2:].split(b"\n")[0].split(b"\0")[0].strip(b" \t")
                name = line.replace(b"\t", b" ").split(b" ")[0]
                return ("interpreter", name) if name else None
            loader = _loader(file, beginning)
    except (OSError, OverflowError, ValueError, struct.error):
        return None  # what cannot be read is left to the exec
    return ("loader", loader) if loader else None


def _loader(file: BinaryIO, beginning: bytes) -> bytes:
    """Return the loader that an ELF file names, or nothing."""
    if not beginning.startswith(b"\x7fELF") or len(beginning) < 64:
        return b""
    wide, order = beginning[4] == 2, "<" if beginning[5] == 1 else ">"
    # e_phoff, then e_phentsize and e_phnum
    (table,) = struct.unpack_from(order + ("Q" if wide else "I"), beginning, 32 if wide else 28)
    size, count = struct.unpack_from(order + "HH", beginning, 54 if wide else 42)
    file.seek(table)
    rows = file.read(size * min(count, 256))
    # p_type, p_offset, p_vaddr, p_paddr, p_filesz; of 64 bits p_flags are the second
    row = struct.Struct(order + ("I4x4Q" if wide else "5I"))
    for place in range(0, len(rows) - row.size + 1, size or 1):
        kind, offset, _, _, length = row.unpack_from(rows, place)
        if kind == _PT_INTERP:
            file.seek(offset)
            return file.read(min(length, _BEGINNING)).split(b"\0")[0]
    return b""
