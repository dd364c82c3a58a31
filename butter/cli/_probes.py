"""The probes of ``butter doctor``: a function for each feature, a table of remedies.

A probe imports its feature within its function: where that fails, one row of the
report says so, and the other features are tried all the same.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import re
import signal
import tempfile
from typing import TYPE_CHECKING, NamedTuple

from butter.errors import running_kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Probe = Callable[[], object]


class Feature(NamedTuple):
    """A feature, the first Linux that has it, and its probe.

    The probe uses the feature, and raises where that fails.
    """

    name: str
    since: str
    probe: Probe


#: a container may have the one listener that a thread can have
LISTENER_TAKEN = errno.EBUSY

FEATURES: list[Feature] = []

#: what fanotify has for some users alone
MODES: list[Feature] = []

#: where the changes of a tree can come from, the first choice first
BACKENDS: list[Feature] = []


def feature(name: str, since: str, table: list[Feature] = FEATURES) -> Callable[[Probe], Probe]:
    """``@feature("inotify", since="2.6.27")``: doctor tries the decorated function."""

    def register(probe: Probe) -> Probe:
        table.append(Feature(name, since, probe))
        return probe

    return register


@feature("inotify", since="2.6.27")
def try_inotify() -> None:
    from butter.inotify import IN_OPEN, Inotify

    with Inotify() as inotify:
        inotify.watch("/", IN_OPEN)
        os.close(os.open("/", os.O_RDONLY))
        inotify.read_event()


@feature("fanotify", since="2.6.37")
def try_fanotify() -> None:
    from butter.fanotify import FAN_ONDIR, FAN_OPEN, FAN_REPORT_FID, Fanotify

    # since Linux 5.13 users without privileges may have groups with handles
    with Fanotify(FAN_REPORT_FID if running_kernel() >= (5, 1) else 0) as fanotify:
        fanotify.watch("/", FAN_OPEN | FAN_ONDIR)
        os.close(os.open("/", os.O_RDONLY))
        fanotify.read_event().close()


@feature("descriptors", since="2.6.37", table=MODES)
def try_fanotify_descriptors() -> None:
    from butter.fanotify import FAN_ONDIR, FAN_OPEN, Fanotify

    with Fanotify() as fanotify:
        fanotify.watch("/", FAN_OPEN | FAN_ONDIR)
        os.close(os.open("/", os.O_RDONLY))
        with fanotify.read_event() as event:
            event.fileno()


@feature("processes", since="5.15", table=MODES)
def try_fanotify_processes() -> None:
    from butter.fanotify import FAN_ONDIR, FAN_OPEN, FAN_REPORT_FID, FAN_REPORT_PIDFD, Fanotify

    with Fanotify(FAN_REPORT_FID | FAN_REPORT_PIDFD) as fanotify:
        fanotify.watch("/", FAN_OPEN | FAN_ONDIR)
        os.close(os.open("/", os.O_RDONLY))
        with fanotify.read_event() as event:
            if event.pidfd is None:
                raise LookupError("the event does not have a pidfd")


@feature("permission", since="2.6.37", table=MODES)
def try_fanotify_permission() -> None:
    from butter.fanotify import FAN_CLASS_CONTENT, FAN_OPEN_PERM, Fanotify
    from butter.memfd import Memfd

    with Fanotify(FAN_CLASS_CONTENT) as fanotify, Memfd("butter-doctor") as memfd:
        fanotify.watch(None, FAN_OPEN_PERM, dfd=memfd)
        child = os.fork()
        if not child:
            try:
                os.open(f"/proc/self/fd/{memfd.fileno()}", os.O_RDONLY)
            finally:
                os._exit(0)
        with fanotify.wait(5) as event:
            event.allow()
        os.waitpid(child, 0)


@contextlib.contextmanager
def directory_to_mark() -> Iterator[int]:
    """Open a directory of a new filesystem, which no path leads to.

    A user who cannot have one gets ``/``, where the same capability is missing.
    """
    from butter.system import Mount

    with contextlib.ExitStack() as stack:
        try:
            place: int | None = stack.enter_context(Mount.new("tmpfs")).fileno()
        except OSError:
            place = None
        fd = os.open("/" if place is None else ".", os.O_RDONLY, dir_fd=place)
        stack.callback(os.close, fd)
        yield fd


@feature("filesystems", since="5.9", table=MODES)
def try_fanotify_filesystems() -> None:
    from butter.fanotify import FAN_MARK_FILESYSTEM, FAN_ONDIR, FAN_OPEN, FAN_REPORT_DFID_NAME, Fanotify

    with Fanotify(FAN_REPORT_DFID_NAME) as fanotify, directory_to_mark() as directory:
        fanotify.watch(None, FAN_OPEN | FAN_ONDIR, FAN_MARK_FILESYSTEM, dfd=directory)
        os.close(os.open(".", os.O_RDONLY, dir_fd=directory))
        fanotify.read_event()


@feature("paths", since="2.6.39", table=MODES)
def try_fanotify_paths() -> None:
    from butter.fanotify import FileHandle

    with directory_to_mark() as directory:
        os.close(FileHandle.of(".", directory).open(directory))


@feature("mounts", since="6.15", table=MODES)
def try_fanotify_mounts() -> None:
    from butter.clone import CLONE_NEWNS, unshare
    from butter.mounts import MountMonitor
    from butter.system import MS_PRIVATE, MS_REC, mount, mounted

    unshare(CLONE_NEWNS)
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    with MountMonitor() as monitor, mounted("butter-doctor", "/proc", "tmpfs"):
        if monitor.read_event().mount.source != "butter-doctor":
            raise LookupError("the event is about another mount")


@feature("inotify", since="2.6.27", table=BACKENDS)
def try_tree_of_inotify() -> None:
    try_tree("inotify")


@feature("fanotify", since="5.17", table=BACKENDS)
def try_tree_of_fanotify() -> None:
    try_tree("fanotify")


def try_tree(backend: str) -> None:
    """Watch a new directory in that of temporary files."""
    from butter.tree import Tree

    with tempfile.TemporaryDirectory(prefix="butter-doctor-") as place, Tree(place, backend=backend) as tree:
        os.mkdir(f"{place}/new")
        tree.read_event()


@feature("epoll", since="2.6.27")
def try_epoll() -> None:
    from butter.epoll import EPOLLOUT, Epoll

    reading, writing = os.pipe()
    with Epoll() as epoll, open(reading, "rb"), open(writing, "wb"):
        epoll.register(writing, EPOLLOUT)
        epoll.read_event()


@feature("aio", since="2.6.22")
def try_aio() -> None:
    from butter.aio import Aio

    with Aio(1) as aio, tempfile.TemporaryFile(prefix="butter-doctor-") as file:
        aio.pwrite(file, b"butter")
        error = aio.wait().error
        if error is not None:
            raise error


@feature("uring", since="5.5")
def try_uring() -> None:
    from butter.uring import Ring

    with Ring(2) as ring:
        ring.nop()
        ring.read_event()


@feature("eventfd", since="2.6.27")
def try_eventfd() -> None:
    from butter.eventfd import Eventfd

    with Eventfd() as counter:
        counter.increment()
        counter.read_event()


@feature("timerfd", since="2.6.27")
def try_timerfd() -> None:
    from butter.timerfd import Timer

    with Timer() as timer:
        timer.after(seconds=0.001).update()
        timer.read_event()


@feature("signalfd", since="2.6.27")
def try_signalfd() -> None:
    from butter.signalfd import Signalfd

    with Signalfd([signal.SIGUSR1]) as signals:
        os.kill(os.getpid(), signal.SIGUSR1)
        signals.read_event()


@feature("sigset", since="2.2")
def try_sigset() -> None:
    from butter.sigset import blocked, sigqueue, sigtimedwait

    with blocked(signal.SIGUSR1):
        # where this fails, a signal that waits would end the probe
        sigtimedwait(signal.SIGUSR1, 0)
        sigqueue(os.getpid(), signal.SIGUSR1)
        sigtimedwait(signal.SIGUSR1)


@feature("clock", since="2.6.39")
def try_clock() -> None:
    from butter.clock import (
        CLOCK_MONOTONIC,
        CLOCK_REALTIME,
        TIMER_ABSTIME,
        clock_adjtime,
        clock_gettime,
        clock_nanosleep,
        process_clock,
    )

    # the C library reads other clocks without a system call
    clock_gettime(process_clock(0))
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, 0)
    clock_adjtime(CLOCK_REALTIME)


@feature("landlock", since="5.13")
def try_landlock() -> None:
    from butter.landlock import READ, Ruleset
    from butter.prctl import prctl

    with Ruleset(READ, net=(), scope=(), abi=1) as ruleset:
        ruleset.allow_path("/", READ)
        try:
            ruleset.restrict()
        except PermissionError:
            prctl.no_new_privs = True
            ruleset.restrict()
    os.listdir("/")


@feature("memfd", since="3.17")
def try_memfd() -> None:
    from butter.memfd import F_SEAL_WRITE, Memfd

    with Memfd("butter-doctor", 1) as memfd:
        memfd.revoke(F_SEAL_WRITE)


@feature("pidfd", since="5.4")
def try_pidfd() -> None:
    from butter.pidfd import Pidfd

    child = os.fork()
    if not child:
        os._exit(0)
    with Pidfd(child) as process:
        process.wait()


@feature("pipe", since="3.4")
def try_pipe() -> None:
    from butter.pipe import O_DIRECT, Pipe

    with Pipe(O_DIRECT, size=4096) as pipe:
        pipe.writer.write(b"butter")
        pipe.reader.read()


@feature("fd", since="5.9")
def try_fd() -> None:
    from butter.fd import close_range, read_into, same_open_file
    from butter.pipe import Pipe

    with Pipe() as pipe:
        pipe.writer.write(b"butter")
        read_into(pipe.reader, bytearray(6))
        same_open_file(pipe.reader, pipe.writer)
    # the last number, which nothing has
    close_range(2**32 - 1)


@feature("splice", since="2.6.17")
def try_splice() -> None:
    from butter.splice import splice

    first, second = os.pipe(), os.pipe()
    os.write(first[1], b"butter")
    splice(first[0], second[1], len=6)


@feature("system", since="2.4.19")
def try_system() -> None:
    from butter.clone import CLONE_NEWNS, CLONE_NEWUSER, unshare
    from butter.errors import InvalidArgument
    from butter.system import MS_PRIVATE, MS_REC, MS_SHARED, mount, mounted

    for flags in CLONE_NEWNS, CLONE_NEWUSER | CLONE_NEWNS:
        try:
            unshare(flags)
        except OSError:
            continue
        mount(None, "/", None, MS_REC | MS_PRIVATE)
        with mounted("butter-doctor", "/proc", "tmpfs"):
            return
    # Without a mount namespace of its own the probe changes nothing: two propagations
    # exclude each other, which the kernel says after it has looked at the privileges.
    with contextlib.suppress(InvalidArgument):
        mount(None, "/", None, MS_PRIVATE | MS_SHARED)


@feature("clone", since="2.6.16")
def try_clone() -> None:
    from butter.clone import CLONE_NEWUSER, map_ids, spawn, unshare
    from butter.errors import running_kernel

    if running_kernel() >= (5, 4):
        # all of it but a program, which might be missing
        with contextlib.suppress(FileNotFoundError):
            spawn(["/proc/no-such-program"])
    uid, gid = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER)
    # AppArmor may leave the new user namespace without capabilities
    map_ids(os.getpid(), [(uid, uid, 1)], [(gid, gid, 1)])


@feature("prctl", since="2.1.57")
def try_prctl() -> None:
    from butter.prctl import capabilities, prctl

    prctl.name = "butter-doctor"
    prctl.no_new_privs = True
    # to give up what is there is always allowed
    capabilities.inheritable = ()
    prctl.ambient.clear()


@feature("seccomp", since="3.17")
def try_seccomp() -> None:
    from butter.prctl import prctl
    from butter.seccomp import ALLOW, ERRNO, NOTIFY, Filter

    # of a call that the probe does not make: it keeps the filter for ever
    made = Filter(ALLOW).add("sethostname", ERRNO(errno.EPERM))
    try:
        made.load()
    except PermissionError:
        prctl.no_new_privs = True
        made.load()
    if running_kernel() >= (5, 0):
        try:
            Filter(ALLOW).add("sethostname", NOTIFY).listen().close()
        except OSError as error:
            number = error.errno
            if number != LISTENER_TAKEN:
                raise


@feature("system_mounts", since="5.2")
def try_mounts() -> None:
    from butter.clone import CLONE_NEWNS, CLONE_NEWUSER, unshare
    from butter.system import MS_PRIVATE, MS_REC, STATMOUNT_MNT_BASIC, Mount, mount, mounts, statmount

    with Mount("/"):
        next(mounts())
    for flags in CLONE_NEWNS, CLONE_NEWUSER | CLONE_NEWNS:
        try:
            unshare(flags)
        except OSError:
            continue  # without a mount namespace of its own the probe changes nothing
        with Mount("/") as root, Mount.new("tmpfs") as made:
            if running_kernel() >= (5, 12):
                root.set(propagation="private", recursive=True)
                made.set(nosuid=True)
            else:
                # or the mount would be seen outside, too
                mount(None, "/", None, MS_REC | MS_PRIVATE)
            made.attach("/proc")
            if running_kernel() >= (6, 8):
                statmount(made.id, STATMOUNT_MNT_BASIC)
        return


def missing_call(since: str) -> str:
    if release_numbers(platform.release()) < release_numbers(since):
        return f"run Linux {since} or newer"
    return "this kernel has the call, so allow it in the seccomp profile of the container or service"


def release_numbers(release: str) -> list[int]:
    """``"6.18.5-generic"`` as ``[6, 18, 5]``."""
    return [int(number) for number in re.findall("[0-9]+", release)[:3]]


DENIED = (
    "run as root or with the capability that is named, or allow the call in the profile of the container or service"
)
EXHAUSTED = "raise the limit that is named, or end the programs that use it up"
REMEDIES: dict[int | None, str | Callable[[str], str]] = {
    errno.ENOSYS: missing_call,
    errno.EOPNOTSUPP: "boot with the parameter that is named",
    errno.EPERM: DENIED,
    errno.EACCES: DENIED,
    errno.EMFILE: EXHAUSTED,
    errno.ENFILE: EXHAUSTED,
    errno.ENOSPC: EXHAUSTED,
}


def remedy(number: int | None, since: str) -> str | None:
    """The remedy for errno *number* of a feature of Linux *since*, if one is known."""
    found = REMEDIES.get(number)
    return found(since) if callable(found) else found
