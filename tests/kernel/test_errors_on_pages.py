"""The errors on the pages troubleshooting and kernels are those that butter raises."""

import errno
import os
import re
import resource
import types
from pathlib import Path

import pytest
import support
from support import inject, needs

import butter._clone_errors
import butter.errors
from butter import landlock
from butter.clone import CLONE_NEWTIME, CLONE_NEWUSER, PIPE, spawn, unshare
from butter.eventfd import Eventfd
from butter.fanotify import FAN_CLASS_CONTENT, FAN_REPORT_DFID_NAME, Fanotify
from butter.inotify import Inotify
from butter.landlock import Ruleset
from butter.memfd import MFD_NOEXEC_SEAL, Memfd
from butter.mounts import MountMonitor
from butter.pidfd import Pidfd
from butter.sandbox import Sandbox
from butter.seccomp import ALLOW, NOTIFY, Filter
from butter.system import MS_RDONLY, MS_REMOUNT, Mount, mount, pivot_root, umount
from butter.timerfd import Timer
from butter.tree import Tree
from butter.uring import Ring

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"

#: the limits of the pages
LIMITS = {
    "fs.inotify.max_user_watches": 8192,
    "fs.inotify.max_user_instances": 128,
    "user.max_user_namespaces": 0,
}


def plain(text):
    """The words of an error: numbers and paths are examples, and lines may break."""
    text = re.sub(r"'/[^']*'", "'/'", text)
    return re.sub(r"\d+", "0", " ".join(text.split()))


def quoted(page, pattern):
    text = (DOCS / f"{page}.rst").read_text()
    return [plain(found) for found in re.findall(pattern, text, re.MULTILINE | re.DOTALL)]


SHOWN = quoted("troubleshooting", r"^   ((?:[\w.]+\.)?(?:[A-Z]\w+): .*?)(?=\n(?:\n|   [\w.]+: ))")
SENTENCES = quoted("kernels", r"(?<=\s)\*(\w+:\s[^*]+)\*(?=[\s.,;])")


def of(call, *arguments):
    """The last line of the traceback of *call*."""
    with pytest.raises((OSError, RuntimeError)) as raised:
        call(*arguments)
    kind = type(raised.value)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    return plain(f"{name}: {raised.value}")


def few_descriptors():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    return Eventfd()


def replaced_file(place):
    path = place / "file"
    path.touch()
    with Inotify() as inotify:
        inotify.watch(path)
        path.unlink()
        while inotify.read_events():
            pass


def setting(name, value):
    """Have this setting of another kernel, and refuse new user namespaces."""
    support.become_nobody()
    butter._clone_errors.sysctl = {name: value}.get
    inject("unshare", errno.EPERM)
    unshare(CLONE_NEWUSER)


def on_a_mount(call):
    """Call with a mount of its own, which has a file that is open for writing."""

    def called(place):
        mount("none", place, "tmpfs")
        with open(place / "file", "w"):
            call(place)

    return called


def injected(call, number, body):
    def failing(place):
        inject(call, number)
        body(place)

    return failing


def mistake(place):
    mount("x", place, "tmpfs", 0, "foo=bar")


ERRORS = [
    injected("inotify_add_watch", errno.ENOSPC, lambda place: Inotify().watch(place)),
    injected("inotify_add_watch", errno.ENOSPC, lambda place: Tree(place, backend="inotify")),
    injected("inotify_init1", errno.EMFILE, lambda place: Inotify()),
    lambda place: few_descriptors(),
    replaced_file,
    lambda place: Timer().every(1).wait(),
    injected("mount", errno.EPERM, lambda place: mount("x", place, "tmpfs")),
    injected("unshare", errno.EPERM, lambda place: unshare(CLONE_NEWUSER)),
    lambda place: (support.become_nobody(), Fanotify(FAN_CLASS_CONTENT)),
    lambda place: setting("kernel.apparmor_restrict_unprivileged_userns", 1),
    lambda place: setting("kernel.unprivileged_userns_clone", 0),
    injected("unshare", errno.ENOSPC, lambda place: unshare(CLONE_NEWUSER)),
    injected("pidfd_open", errno.ENOSYS, lambda place: Pidfd(os.getpid())),
    injected("unshare", errno.ENOSYS, lambda place: unshare(CLONE_NEWUSER)),
    on_a_mount(umount),
    umount,
    on_a_mount(lambda place: mount(None, place, None, MS_REMOUNT | MS_RDONLY)),
    lambda place: pivot_root(place, place),
    mistake,
]


@needs("CAP_SYS_ADMIN")
def test_errors_of_troubleshooting(tmp_path):
    """Each error of the page is raised, and none is on it that is not."""

    def raised(make):
        support.own_mounts()
        butter.errors.sysctl = butter._clone_errors.sysctl = LIMITS.get
        return of(make, tmp_path)

    found = [support.in_child(raised, make) for make in ERRORS]
    # the last of them is that of a doctest
    others = {"ModuleNotFoundError", "ResourceWarning", "ValueError"}
    assert [text for text in SHOWN if text.partition(":")[0] not in others] == found


# Each with the kernel whose number it would see, the call that fails there, and how.


def fenced():
    """Run a function in a sandbox that connects to a port."""
    Sandbox(connect=[443], syscalls="network-client").run(int)


OLD = [
    ("5.0", "io_uring_setup", errno.ENOSYS, lambda: Ring(8)),
    ("6.1", "memfd_create", errno.EINVAL, lambda: Memfd(flags=MFD_NOEXEC_SEAL)),
    ("5.4", "fanotify_init", errno.EINVAL, lambda: Fanotify(FAN_REPORT_DFID_NAME)),
    ("5.10", "fanotify_init", errno.EPERM, lambda: Fanotify(FAN_REPORT_DFID_NAME)),
    ("4.19", "seccomp", errno.EINVAL, lambda: Filter(ALLOW).add("getppid", NOTIFY).listen()),
    ("5.10", "fanotify_init", errno.EINVAL, lambda: Tree("/", backend="fanotify")),
    ("5.5", "unshare", errno.EINVAL, lambda: unshare(CLONE_NEWTIME)),
    ("5.1", "clone", errno.EINVAL, lambda: spawn(["true"], stdout=PIPE)),
    ("5.2", "pidfd_open", errno.ENOSYS, lambda: Pidfd(os.getpid())),
    ("5.3", "waitid", errno.EINVAL, lambda: Pidfd(os.fork() or os._exit(0)).wait()),
    ("6.12", "ioctl", errno.ENOTTY, lambda: Pidfd(os.getpid()).info()),
    ("6.1", "landlock_add_rule", errno.EINVAL, lambda: (setattr(landlock, "abi", lambda: 2), Ruleset("truncate"))),
    ("6.1", "landlock_add_rule", errno.EINVAL, lambda: (setattr(landlock, "abi", lambda: 2), fenced())),
    ("5.1", "open_tree", errno.ENOSYS, lambda: Mount("/")),
    ("6.1", "fanotify_init", errno.EINVAL, lambda: MountMonitor()),
]


@needs("CAP_SYS_ADMIN", kernel=(5, 4))
def test_errors_of_old_kernels():
    """The sentences on the page of kernels are those of butter on such kernels."""

    def raised(release, call, number, make):
        system = os.uname()
        os.uname = lambda: types.SimpleNamespace(sysname=system.sysname, release=f"{release}.0")
        if call == "clone":
            inject("clone3", errno.ENOSYS)
        inject(call, number)
        return of(make)

    found = [support.in_child(raised, *each) for each in OLD]
    assert len(SENTENCES) == len(found)
    for shown, text in zip(SENTENCES, found):
        # the rest of a long one is left out
        assert shown.rstrip("… ") in text
