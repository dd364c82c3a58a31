"""Modes, owners, times and attributes, which landlock lets through."""

import ctypes
import fcntl
import struct
import tempfile

from support.attacks.files import AT_EMPTY_PATH, AT_FDCWD, O_PATH, opened
from support.attacks.rows import add, call
from support.needs import needs

CHOWN = (needs("CAP_CHOWN"),)
TIMES = (ctypes.c_long * 4)(1, 1, 1, 1)
AT_SYMLINK_NOFOLLOW = 0x100


class XattrArguments(ctypes.Structure):
    _fields_ = (("value", ctypes.c_uint64), ("size", ctypes.c_uint32), ("flags", ctypes.c_uint32))


class FileAttributes(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint32) for name in ("low", "high", "extsize", "nextents", "projid", "cow"))


VALUE = ctypes.create_string_buffer(b"x")
XATTR = XattrArguments(ctypes.addressof(VALUE), 1, 0)


def change(name, make, **settings):
    add(name, "seccomp", make, harms=True, **settings)


def on_path(world):
    """A descriptor that only names the secret file, which landlock lets through."""
    return opened(world.secret, O_PATH)


change("chmod", lambda world: call("chmod", world.secret, 0o777))
change("fchmodat", lambda world: call("fchmodat", AT_FDCWD, world.secret, 0o777))
change("fchmodat2", lambda world: call("fchmodat2", AT_FDCWD, world.secret, 0o777, 0), needs=(needs(kernel=(6, 6)),))
change(
    "fchmodat2_by_descriptor",
    lambda world: call("fchmodat2", on_path(world), "", 0o777, AT_EMPTY_PATH),
    needs=(needs(kernel=(6, 6)),),
)
change("chmod_by_proc", lambda world: call("chmod", f"/proc/self/fd/{on_path(world)}", 0o777))
change("fchmod_given_for_reading", lambda world: call("fchmod", opened(world.fixed), 0o777))
change("make_setuid", lambda world: call("chmod", world.outside / "program", 0o4755))
change("chown", lambda world: call("chown", world.secret, 12345, 12345), needs=CHOWN)
change("lchown", lambda world: call("lchown", world.outside / "link", 12345, 12345), needs=CHOWN)
change("fchownat", lambda world: call("fchownat", AT_FDCWD, world.secret, 12345, 12345, 0), needs=CHOWN)
change(
    "fchownat_by_descriptor",
    lambda world: call("fchownat", on_path(world), "", 12345, 12345, AT_EMPTY_PATH),
    needs=CHOWN,
)
change("fchown_given_for_reading", lambda world: call("fchown", opened(world.fixed), 12345, 12345), needs=CHOWN)
change("utime", lambda world: call("utime", world.secret, TIMES))
change("utimes", lambda world: call("utimes", world.secret, TIMES))
change("futimesat", lambda world: call("futimesat", AT_FDCWD, world.secret, TIMES))
change("utimensat", lambda world: call("utimensat", AT_FDCWD, world.secret, TIMES, 0))
change(
    "utimensat_of_link", lambda world: call("utimensat", AT_FDCWD, world.outside / "link", TIMES, AT_SYMLINK_NOFOLLOW)
)
change("utimensat_by_descriptor", lambda world: call("utimensat", on_path(world), "", TIMES, AT_EMPTY_PATH))
change("futimens_given_for_reading", lambda world: call("utimensat", opened(world.fixed), 0, TIMES, 0))
change("setxattr", lambda world: call("setxattr", world.secret, b"user.y", VALUE, 1, 0))
change("lsetxattr", lambda world: call("lsetxattr", world.secret, b"user.y", VALUE, 1, 0))
change("fsetxattr_given_for_reading", lambda world: call("fsetxattr", opened(world.fixed), b"user.y", VALUE, 1, 0))
change(
    "setxattrat",
    lambda world: call("setxattrat", AT_FDCWD, world.secret, 0, b"user.y", XATTR, 16),
    needs=(needs(kernel=(6, 13)),),
)
change(
    "setxattrat_given_for_reading",
    lambda world: call("setxattrat", opened(world.fixed), b"", AT_EMPTY_PATH, b"user.y", XATTR, 16),
    needs=(needs(kernel=(6, 13)),),
)


change("removexattr", lambda world: call("removexattr", world.secret, b"user.x"))
change("lremovexattr", lambda world: call("lremovexattr", world.secret, b"user.x"))
change("fremovexattr_given_for_reading", lambda world: call("fremovexattr", opened(world.fixed), b"user.x"))
change(
    "removexattrat",
    lambda world: call("removexattrat", AT_FDCWD, world.secret, 0, b"user.x"),
    needs=(needs(kernel=(6, 13)),),
)
change("acl", lambda world: call("setxattr", world.secret, b"system.posix_acl_access", ACL, len(ACL.raw), 0))
# version 2; user, named user 12345, group, mask, others
ACL = ctypes.create_string_buffer(
    struct.pack("<I", 2)
    + b"".join(
        struct.pack("<HHI", *entry)
        for entry in ((1, 6, 0xFFFFFFFF), (2, 7, 12345), (4, 0, 0xFFFFFFFF), (16, 7, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF))
    ),
    44,
)
change(
    "file_capability",
    lambda world: call("setxattr", world.outside / "program", b"security.capability", CAPABILITY, 20, 0),
    needs=(needs("CAP_SETFCAP"),),
)
CAPABILITY = ctypes.create_string_buffer(struct.pack("<5I", 0x02000001, 1 << 21, 0, 0, 0), 20)

# the owner may set these by a descriptor for reading: FS_NODUMP_FL, and a generation
NODUMP, GENERATION = ctypes.c_long(0x40), ctypes.c_long(5)
FS_IOC_SETFLAGS, FS_IOC_SETVERSION = 0x40086602, 0x40087602


def has_generations():
    """Whether the files of this filesystem have one: not in an ext4 with checksums."""
    with tempfile.TemporaryFile() as file:
        try:
            fcntl.ioctl(file, FS_IOC_SETVERSION, GENERATION)
        except OSError:
            return False
    return True


GENERATIONS = (needs(when=has_generations, reason="needs a filesystem where a generation can be set"),)
for kind in "files", "terminal":
    # where devices are given, their requests are allowed
    name = "given_for_reading" if kind == "files" else "where_devices_are_given"
    change(f"file_flags_{name}", lambda world: fcntl.ioctl(opened(world.fixed), FS_IOC_SETFLAGS, NODUMP), sandbox=kind)
    change(
        f"file_version_{name}",
        lambda world: fcntl.ioctl(opened(world.fixed), FS_IOC_SETVERSION, GENERATION),
        sandbox=kind,
        needs=GENERATIONS,
    )
change(
    "file_setattr",
    # FS_XFLAG_NODUMP
    lambda world: call("file_setattr", AT_FDCWD, world.secret, FileAttributes(low=0x80), 24, 0),
    needs=(needs(kernel=(6, 17)),),
)

# reading what landlock lets be read
add("listxattr", "seccomp", lambda world: call("listxattr", world.secret, 0, 0))
add("getxattr", "seccomp", lambda world: call("getxattr", world.secret, b"user.x", 0, 0))
add(
    "watch_by_inotify",
    "seccomp",
    lambda world: call("inotify_add_watch", call("inotify_init1", 0), world.outside, 0xFFF),
)
