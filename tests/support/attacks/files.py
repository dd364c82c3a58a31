"""Reading and changing files by their names."""

import ctypes
import os
import stat
import struct
import threading

from support.attacks.rows import add, attack, call
from support.needs import needs

LANDLOCK = "landlock"
AT_FDCWD, AT_EMPTY_PATH, AT_SYMLINK_FOLLOW = -100, 0x1000, 0x400
O_PATH = 0o10000000  # which the os of PyPy lacks
RENAME_EXCHANGE = 2
MKNOD = (needs("CAP_MKNOD"),)


def opened(path, flags=os.O_RDONLY, mode=0o666):
    return call("openat", AT_FDCWD, path, flags, mode)


# reading
add("open", LANDLOCK, lambda world: call("open", world.secret, os.O_RDONLY))
add("openat", LANDLOCK, lambda world: opened(world.secret))
add("openat2", "seccomp", lambda world: call("openat2", AT_FDCWD, world.secret, (ctypes.c_uint64 * 3)(), 24))
add("list_directory", LANDLOCK, lambda world: os.listdir(world.outside))
add("list_root", LANDLOCK, lambda world: os.listdir("/"))
add("read_password_file", LANDLOCK, lambda world: opened("/etc/shadow"), needs=(needs("CAP_DAC_OVERRIDE"),))
add("read_by_symbolic_link", LANDLOCK, lambda world: opened(world.inside / "way/secret"))
add("read_by_dots", LANDLOCK, lambda world: opened(world.inside / "sub/../../outside/secret"))
add("read_after_chdir", LANDLOCK, lambda world: (os.chdir(world.outside), opened("secret")))
add(
    "copy_by_own_link",
    LANDLOCK,
    lambda world: (os.symlink(world.secret, world.inside / "x"), opened(world.inside / "x")),
)


@attack(LANDLOCK)
def read_by_path_descriptor(world):
    directory = opened(world.outside, O_PATH)
    call("openat", directory, "secret", os.O_RDONLY)


@attack(LANDLOCK)
def read_through_swapped_link(world):
    """A symbolic link changes its target while it is followed."""
    place, other = world.inside / "race", world.inside / "other"
    done = threading.Event()

    def swap():
        while not done.is_set():
            for target in world.own, world.secret:
                os.symlink(target, other)
                os.rename(other, place)

    place.symlink_to(world.own)
    thread = threading.Thread(target=swap)
    thread.start()
    failure = None
    try:
        for _ in range(2000):
            try:
                with open(place, "rb") as file:
                    if file.read() == b"secret":
                        return
            except PermissionError as error:
                failure = error
    finally:
        done.set()
        thread.join()
    assert failure is not None
    raise failure


# writing
WRITE = os.O_WRONLY | os.O_CLOEXEC
add("write", LANDLOCK, lambda world: os.write(opened(world.secret, WRITE), b"x"), harms=True)
add("append", LANDLOCK, lambda world: os.write(opened(world.secret, WRITE | os.O_APPEND), b"x"), harms=True)
add("write_given_for_reading", LANDLOCK, lambda world: os.write(opened(world.fixed, WRITE), b"x"), harms=True)
add("create", LANDLOCK, lambda world: opened(world.outside / "new", WRITE | os.O_CREAT), harms=True)
add("creat", LANDLOCK, lambda world: call("creat", world.outside / "new", 0o600), harms=True)
add("open_truncating", LANDLOCK, lambda world: opened(world.secret, os.O_RDONLY | os.O_TRUNC), harms=True)
add("truncate", LANDLOCK, lambda world: call("truncate", world.secret, 0), harms=True)
add("truncate_given_for_reading", LANDLOCK, lambda world: call("truncate", world.fixed, 0), harms=True)
add("unlink", LANDLOCK, lambda world: call("unlink", world.secret), harms=True)
add("unlinkat", LANDLOCK, lambda world: call("unlinkat", AT_FDCWD, world.secret, 0), harms=True)
add("unlink_given_for_reading", LANDLOCK, lambda world: call("unlink", world.fixed), harms=True)
add("rmdir", LANDLOCK, lambda world: call("rmdir", world.outside / "directory"), harms=True)
add("mkdir", LANDLOCK, lambda world: call("mkdir", world.outside / "new", 0o777), harms=True)
add("symlink", LANDLOCK, lambda world: call("symlink", "x", world.outside / "new"), harms=True)
add("mkfifo", LANDLOCK, lambda world: os.mkfifo(world.outside / "new"), harms=True)
add("link_outside", LANDLOCK, lambda world: call("link", world.secret, world.outside / "new"), harms=True)
add("open_temporary", LANDLOCK, lambda world: opened(world.outside, os.O_RDWR | 0o20200000))


@attack(LANDLOCK, harms=True)
def write_by_map(world):
    """A shared mapping of a file changes it without a write."""
    import mmap

    with mmap.mmap(opened(world.secret, os.O_RDWR), 6) as shared:
        shared[:1] = b"x"


@attack(LANDLOCK, harms=True)
def link_temporary_outside(world):
    fd = opened(world.inside, os.O_RDWR | 0o20200000)  # O_TMPFILE
    call("linkat", AT_FDCWD, f"/proc/self/fd/{fd}", AT_FDCWD, world.outside / "new", AT_SYMLINK_FOLLOW)


# across directories: LANDLOCK_ACCESS_FS_REFER
add("link_in", LANDLOCK, lambda world: os.link(world.secret, world.inside / "x"), harms=True)
add("link_in_given_for_reading", LANDLOCK, lambda world: os.link(world.fixed, world.inside / "x"), harms=True)
add("link_out", LANDLOCK, lambda world: os.link(world.own, world.outside / "x"), harms=True)
add("rename_in", LANDLOCK, lambda world: os.rename(world.secret, world.inside / "x"), harms=True)
add("rename_out", LANDLOCK, lambda world: os.rename(world.own, world.outside / "x"), harms=True)
add("rename_in_given_for_reading", LANDLOCK, lambda world: os.rename(world.fixed, world.inside / "x"), harms=True)
add(
    "rename_directory_in",
    LANDLOCK,
    lambda world: os.rename(world.outside / "directory", world.inside / "x"),
    harms=True,
)
add(
    "rename_exchange",
    LANDLOCK,
    lambda world: call("renameat2", AT_FDCWD, world.own, AT_FDCWD, world.secret, RENAME_EXCHANGE),
    harms=True,
)
add("link_over_descriptor", LANDLOCK, lambda world: link_by_path_descriptor(world), harms=True)


def link_by_path_descriptor(world):
    fd = opened(world.secret, O_PATH)
    call("linkat", fd, "", AT_FDCWD, world.inside / "x", AT_EMPTY_PATH)


# devices
add(
    "make_device_outside",
    LANDLOCK,
    lambda world: os.mknod(world.outside / "new", stat.S_IFCHR, 0x103),
    harms=True,
    needs=MKNOD,
)


def make_device(world, kind, number):
    os.mknod(world.inside / "device", kind | 0o600, number)
    opened(world.inside / "device")


add("make_memory_device", LANDLOCK, lambda world: make_device(world, stat.S_IFCHR, os.makedev(1, 11)), needs=MKNOD)
add("make_disk_device", LANDLOCK, lambda world: make_device(world, stat.S_IFBLK, os.makedev(7, 0)), needs=MKNOD)
add(
    "read_kernel_log",
    LANDLOCK,
    lambda world: opened("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK),
    needs=(needs("CAP_SYS_ADMIN"),),
)
add("open_terminal", LANDLOCK, lambda world: opened("/dev/ptmx", os.O_RDWR))
add("shared_memory_file", LANDLOCK, lambda world: os.unlink(made(f"/dev/shm/butter-attack-{os.getpid()}")))
add(
    "set_core_pattern",
    LANDLOCK,
    lambda world: opened("/proc/sys/kernel/core_pattern", WRITE),
    needs=(needs("CAP_SYS_ADMIN"),),
)
add(
    "write_to_sysfs",
    LANDLOCK,
    lambda world: (
        opened("/sys/kernel/uevent_helper", WRITE)
        if os.path.exists("/sys/kernel/uevent_helper")
        else opened("/sys/power/state", WRITE)
    ),
    needs=(needs("CAP_SYS_ADMIN"),),
)


def made(path):
    os.close(opened(path, WRITE | os.O_CREAT))
    return path


@attack(LANDLOCK, needs=(needs("CAP_DAC_READ_SEARCH"),))
def open_by_handle(world):
    """The handle of a file opens it without a path."""
    handle = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0), 136)
    call("name_to_handle_at", AT_FDCWD, world.secret, handle, ctypes.c_int(), 0)
    yield
    mount = opened(world.inside, os.O_RDONLY)
    call("open_by_handle_at", mount, handle, os.O_RDONLY)


@attack(LANDLOCK, needs=(needs("CAP_DAC_READ_SEARCH"),))
def open_root_by_handle(world):
    """The root of a filesystem has a handle that everybody knows."""
    handle = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0), 136)
    call("name_to_handle_at", AT_FDCWD, "/", handle, ctypes.c_int(), 0)
    yield
    mount = opened(world.inside, os.O_RDONLY)
    root = call("open_by_handle_at", mount, handle, os.O_RDONLY)
    os.listdir(root)


@attack("seccomp")
def name_to_handle(world):
    handle = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0), 136)
    call("name_to_handle_at", AT_FDCWD, world.secret, handle, ctypes.c_int(), 0)
