"""Mounts of a test's own, which the machine does not see."""

import ctypes
import errno
import fcntl
import os
import re
import shutil
import signal
import struct
import subprocess
from contextlib import contextmanager
from typing import NamedTuple

from support.children import in_child, libc, namespaces_allowed, own_namespaces
from support.needs import capable, needs

# the numbers of the kernel: what tests prepare does not depend on what they test
_NEWUTS, _NEWNS, _REC, _PRIVATE = 0x4000000, 0x20000, 0x4000, 0x40000

needs_mounts = needs(
    when=capable("CAP_SYS_ADMIN") or namespaces_allowed(), reason="needs CAP_SYS_ADMIN or user namespaces"
)

with open("/proc/filesystems") as _file:
    _known = {line.split()[-1] for line in _file}
needs_ext4 = needs(when="ext4" in _known, reason="needs ext4 in the kernel")

#: the kinds of filesystems that this machine can make, and tmpfs
FILESYSTEMS = ["tmpfs"] + [kind for kind in ("ext4", "xfs", "btrfs") if kind in _known and shutil.which(f"mkfs.{kind}")]

needs_loop = needs(
    "CAP_SYS_ADMIN",
    kernel=(5, 8),
    when=os.path.exists("/dev/loop-control") and shutil.which("mkfs.ext4") is not None,
    reason="needs loop devices and mkfs.ext4",
)


def raw_mount(source, target, kind, flags=0, data=None):
    """``mount(2)`` of the C library; each argument but *flags* may be None."""
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    if libc.mount(*encoded[:3], ctypes.c_ulong(flags), encoded[3]):
        raise OSError(ctypes.get_errno(), f"mount {source} on {target}: {os.strerror(ctypes.get_errno())}")


def own_mounts(place=None):
    """Give this process a mount namespace of its own, all private: for a child.

    On the directory *place* a tmpfs is mounted. Root keeps all of its capabilities;
    another user becomes root in a user namespace.
    """
    if not capable("CAP_SYS_ADMIN"):
        own_namespaces()
    elif libc.unshare(_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    raw_mount(None, "/", None, _REC | _PRIVATE)
    if place is not None:
        raw_mount("tmpfs", place, "tmpfs")


class Mounter:
    """A forked child with a mount namespace of its own, which mounts on demand.

    Each mount is a tmpfs on *place*, above those that are there. With *bare* it is on a
    directory of an empty root instead, the only mount of the namespace: a monitor that
    begins there looks at one mount and not at all those of the machine. That needs
    CAP_SYS_ADMIN.
    """

    def __init__(self, place, bare=False):
        ready, self._orders = os.pipe(), os.pipe()
        self._done = ready[0]
        self.pid = os.fork()
        if not self.pid:
            try:
                os.close(self._orders[1])  # so that it ends with its parent
                os.close(ready[0])
                own_mounts(place if bare else None)
                if bare:
                    os.chdir(place)
                    place = "/mount"
                    os.mkdir("mount")
                    # the old root comes to lie on the new one, and is taken away
                    if libc.pivot_root(b".", b".") or libc.umount2(b".", 2):
                        os._exit(1)
                os.write(ready[1], b"r")
                while order := os.read(self._orders[0], 8):
                    number = int.from_bytes(order, "little", signed=True)
                    if number > 0:
                        raw_mount(str(number - 1), place, "tmpfs")
                    elif number < 0:
                        while libc.umount2(os.fsencode(place), 2) == 0:  # MNT_DETACH
                            pass
                    elif libc.umount2(os.fsencode(place), 2):
                        break
                    os.write(ready[1], b"d")
            finally:
                os._exit(0)
        os.close(ready[1])
        os.close(self._orders[0])
        self._orders = self._orders[1]
        assert os.read(self._done, 1) == b"r"

    def mount(self, number):
        """Mount a tmpfs with the source *number*."""
        self._order(number + 1)

    def umount(self):
        """Unmount the last."""
        self._order(0)

    def clear(self):
        """Unmount all that was mounted."""
        self._order(-1)

    def _order(self, number):
        os.write(self._orders, number.to_bytes(8, "little", signed=True))
        assert os.read(self._done, 1) == b"d"

    def end(self):
        """End the child, and its mount namespace unless another has it open."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self._orders)
            os.close(self._done)
            self.pid = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def own_uts():
    """Give this process a host name and a domain name of its own: for a child."""
    if not capable("CAP_SYS_ADMIN"):
        own_namespaces()
    if libc.unshare(_NEWUTS):
        raise OSError(ctypes.get_errno(), "unshare")


# the options of mkfs, and the least size in MiB
_MAKE = {"ext4": (["-F", "-O", "^has_journal"], 1), "ext2": (["-F"], 1), "xfs": (["-f"], 320), "btrfs": (["-f"], 128)}


@contextmanager
def loop_device(place, read_only=False, kind="ext4", size=None):
    """The path of a block device with an empty filesystem, a file in *place*.

    It has *size* megabytes, and without one as few as possible.

    The device goes away with the last file or mount of it. *needs_loop* says where
    there are such devices.
    """
    image = f"{place}/image"
    with open(image, "wb") as file:
        file.truncate((size or _MAKE[kind][1]) << 20)
    make = [f"mkfs.{kind}", "-q", *_MAKE[kind][0], image]
    subprocess.run(make, stdout=subprocess.DEVNULL, check=True, timeout=60)
    # struct loop_config: the descriptor is first, and byte 60 has LO_FLAGS_AUTOCLEAR
    # and LO_FLAGS_READ_ONLY
    config = bytearray(304)
    with open(image, "r+b") as file, open("/dev/loop-control", "r+b", buffering=0) as control:
        config[0:4], config[60:64] = struct.pack("I", file.fileno()), struct.pack("I", 4 | read_only)
        while True:
            path = f"/dev/loop{fcntl.ioctl(control, 0x4C82)}"  # LOOP_CTL_GET_FREE
            device = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.ioctl(device, 0x4C0A, config)  # LOOP_CONFIGURE
                break
            except OSError as error:
                os.close(device)
                if error.errno != errno.EBUSY:  # another process was faster
                    raise
    try:
        yield path
    finally:
        os.close(device)


def own_filesystem(body, place, kind="ext4", size=None, timeout=60):
    """Run ``body(path)`` in a child, in a new filesystem of its own, on *place*/mnt.

    *size* is that of a filesystem in a file, in megabytes; *timeout* is the child's.
    """

    def run():
        own_mounts()
        path = f"{place}/mnt"
        os.mkdir(path)
        if kind == "tmpfs":
            raw_mount("tmpfs", path, "tmpfs")
        else:
            with loop_device(place, kind=kind, size=size) as device:
                raw_mount(device, path, kind)
        os.chdir(path)
        try:
            return body(path)
        finally:
            # or the device would go away some time after this process
            os.chdir("/")
            libc.umount2(os.fsencode(path), 2)  # MNT_DETACH

    return in_child(run, timeout=timeout)


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
    """The mounts of this process, or those on *target*, the topmost last."""
    found = []
    with open("/proc/self/mountinfo", "rb") as lines:
        for line in lines:
            fields = [unescaped(field) for field in line.rstrip(b"\n").split(b" ")]
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
