"""Mounts of a test's own, which the machine does not see."""

import ctypes
import os
import re
from typing import NamedTuple

from support.children import libc, namespaces_allowed, own_namespaces
from support.needs import capable, needs

# the numbers of the kernel: what tests prepare does not depend on what they test
_NEWNS, _REC, _PRIVATE = 0x20000, 0x4000, 0x40000

needs_mounts = needs(
    when=capable("CAP_SYS_ADMIN") or namespaces_allowed(), reason="needs CAP_SYS_ADMIN or user namespaces"
)


def raw_mount(source, target, kind, flags=0, data=None):
    """``mount(2)`` of the C library; each argument but *flags* may be None."""
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    if libc.mount(*encoded[:3], ctypes.c_ulong(flags), encoded[3]):
        raise OSError(ctypes.get_errno(), f"mount {source} on {target}: {os.strerror(ctypes.get_errno())}")


def own_mounts(place=None):
    """Give this process a mount namespace of its own, where every mount is private: for a child.

    On the directory *place* a tmpfs is mounted. Root keeps all of its capabilities; another user becomes root in a
    user namespace.
    """
    if not capable("CAP_SYS_ADMIN"):
        own_namespaces()
    elif libc.unshare(_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    raw_mount(None, "/", None, _REC | _PRIVATE)
    if place is not None:
        raw_mount("tmpfs", place, "tmpfs")


class MountLine(NamedTuple):
    """A line of ``/proc/self/mountinfo``."""

    id: int
    parent: int
    root: str
    target: str
    options: list  # of the mount
    propagation: list  # "shared:1", "master:2"
    kind: str
    source: str
    data: list  # the options of the filesystem


def mountinfo(target=None):
    """The mounts of this process, in the order of the kernel; of one *target* alone, the topmost last."""
    found = []
    with open("/proc/self/mountinfo", "rb") as lines:
        for line in lines:
            fields = [unescaped(field) for field in line.split()]
            end = fields.index("-")
            mount = MountLine(
                int(fields[0]), int(fields[1]), *fields[3:5], fields[5].split(","), fields[6:end],
                *fields[end + 1 : end + 3], fields[end + 3].split(","),
            )  # fmt: skip
            if target is None or mount.target == os.fspath(target):
                found.append(mount)
    return found


def unescaped(field):
    """A field as it was before the kernel wrote a blank as ``\\040``."""
    return os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8)]), field))
