"""Mounts, roots and namespaces."""

import ctypes
import os
import signal

from support.attacks.files import AT_FDCWD, O_PATH, opened
from support.attacks.rows import add, attack, call
from support.attacks.world import outsider
from support.children import libc, needs_namespaces, own_namespaces
from support.needs import needs

SECCOMP = "seccomp"
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20, 0x1000, 0x4000, 0x40000
OPEN_TREE_CLONE, OPEN_TREE_CLOEXEC, MOVE_MOUNT_F_EMPTY_PATH = 1, 0x80000, 4

NAMESPACES = {
    "user": 0x10000000,
    "mount": 0x20000,
    "pid": 0x20000000,
    "network": 0x40000000,
    "ipc": 0x8000000,
    "host_name": 0x4000000,
    "cgroup": 0x2000000,
    "time": 0x80,
}


def mounting(*others):
    """Add an attack that begins in a mount namespace of its own, as its root."""

    def decorate(run):
        def attack_(world):
            own_namespaces()
            assert libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) == 0
            # so that each of the calls is allowed
            assert libc.mount(b"none", os.fsencode(world.outside / "directory"), b"tmpfs", 0, None) == 0
            yield
            run(world)

        add(run.__name__, SECCOMP, attack_, needs=(needs_namespaces, *others))
        return run

    return decorate


@mounting()
def mount_tmpfs(world):
    call("mount", b"none", world.inside / "sub", b"tmpfs", 0, 0)


@mounting()
def mount_proc_over(world):
    call("mount", "/proc", world.inside / "sub", b"", MS_BIND | MS_REC, 0)


@mounting()
def bind_outside_in(world):
    call("mount", world.outside, world.inside / "sub", b"", MS_BIND, 0)
    opened(world.inside / "sub/secret")


@mounting()
def bind_root_in(world):
    call("mount", "/", world.inside / "sub", b"", MS_BIND | MS_REC, 0)


@mounting()
def remount(world):
    call("mount", b"none", world.outside / "directory", b"", MS_REMOUNT | MS_BIND, 0)


@mounting()
def unmount(world):
    call("umount2", world.outside / "directory", 2)  # MNT_DETACH


@mounting()
def change_propagation(world):
    call("mount", b"none", "/", b"", MS_PRIVATE, 0)


@mounting()
def clone_tree(world):
    tree = call("open_tree", AT_FDCWD, world.outside, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)
    call("openat", tree, "secret", os.O_RDONLY)


@mounting(needs(kernel=(6, 15)))
def clone_tree_with_attributes(world):
    attributes = (ctypes.c_uint64 * 4)()
    call("open_tree_attr", AT_FDCWD, world.outside, OPEN_TREE_CLONE, attributes, 32)


@mounting()
def move_tree(world):
    tree = call("open_tree", AT_FDCWD, world.outside, OPEN_TREE_CLONE)
    call("move_mount", tree, "", AT_FDCWD, world.inside / "sub", MOVE_MOUNT_F_EMPTY_PATH)


@mounting()
def move_mount(world):
    call("move_mount", AT_FDCWD, world.outside / "directory", AT_FDCWD, world.inside / "sub", 0)


@mounting()
def mount_by_context(world):
    context = call("fsopen", b"tmpfs", 0)
    call("fsconfig", context, 6, 0, 0, 0)  # FSCONFIG_CMD_CREATE
    call("fsmount", context, 0, 0)


@mounting()
def pick_filesystem(world):
    call("fspick", AT_FDCWD, world.outside / "directory", 0)


@mounting()
def set_mount_attributes(world):
    attributes = (ctypes.c_uint64 * 4)(8)  # MOUNT_ATTR_NOEXEC
    call("mount_setattr", AT_FDCWD, world.outside / "directory", 0, attributes, 32)


@mounting()
def pivot_root(world):
    os.chdir(world.outside / "directory")
    call("pivot_root", b".", b".")


@mounting()
def change_root(world):
    call("chroot", world.outside)
    opened("/secret")


@mounting()
def leave_root(world):
    """A second chroot leaves the working directory above the root."""
    here = opened("/", O_PATH)
    call("chroot", world.inside / "sub")
    call("fchdir", here)
    call("chroot", b".")


@attack(SECCOMP, needs=(needs("CAP_SYS_ADMIN"),))
def enter_namespace_of_outsider(world):
    pid = outsider(lambda: call("unshare", NAMESPACES["host_name"]))
    pidfd = call("pidfd_open", pid, 0)
    yield
    call("setns", pidfd, NAMESPACES["host_name"])


@attack(SECCOMP, needs=(needs("CAP_SYS_ADMIN"),))
def enter_namespace_file(world):
    fd = opened("/proc/self/ns/uts")
    yield
    call("setns", fd, 0)


@attack(SECCOMP, needs=(needs_namespaces,))
def own_user_namespace_and_mounts(world):
    """A user namespace gives every capability, and with it the mounts."""
    call("unshare", NAMESPACES["user"] | NAMESPACES["mount"])
    call("mount", b"none", world.inside / "sub", b"tmpfs", 0, 0)


class CloneArguments(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in (
            "flags",
            "pidfd",
            "child_tid",
            "parent_tid",
            "exit_signal",
            "stack",
            "stack_size",
            "tls",
            "set_tid",
            "set_tid_size",
            "cgroup",
        )
    )


def unsharing(flag):
    return lambda world: call("unshare", flag)


def cloning(flag):
    def run(world):
        pid = call("clone", flag | signal.SIGCHLD, 0, 0, 0, 0)
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)

    return run


def cloning3(flag):
    def run(world):
        arguments = CloneArguments(flags=flag, exit_signal=signal.SIGCHLD)
        pid = call("clone3", arguments, ctypes.sizeof(arguments))
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)

    return run


for kind, flag in NAMESPACES.items():
    privileged = (needs_namespaces,) if kind == "user" else (needs("CAP_SYS_ADMIN"),)
    add(f"unshare_{kind}_namespace", SECCOMP, unsharing(flag), needs=privileged)
    if kind != "time":
        # whose flag is a signal number to clone
        add(f"clone_{kind}_namespace", SECCOMP, cloning(flag), needs=privileged)
    add(f"clone3_{kind}_namespace", SECCOMP, cloning3(flag), needs=privileged)
# the kernel looks at the lower half alone
add("clone_flags_with_upper_half", SECCOMP, cloning(NAMESPACES["user"] | 1 << 40), needs=(needs_namespaces,))
