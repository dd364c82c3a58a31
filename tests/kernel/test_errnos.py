"""Each row of each table of errnos: class, errno, sentence and path of its exception.

An example makes the call of a table, once its arguments are ready and ``fail`` was told
which system call is to fail with the errno of the row, by a seccomp filter. All rows of
a table go through each of its examples.

A failure that this kernel itself produces has a provoker, which takes the place of the
table's first example. Each runs in a child, in an empty directory.
"""

import contextlib
import ctypes
import errno
import functools
import os
import re
import resource
import select
import signal
import stat
import struct
import termios
import threading
import time
from pathlib import Path
from typing import NamedTuple

import pytest
import support
from features import EVENTS, OBJECTS, Calls, Creations, Files, Mounts, Signals
from support import in_child, needs

from butter import _uring_operation_errors, clone, landlock
from butter._constants.fanotify_handle import AT_HANDLE_FID
from butter._fanotify_handle import FileHandle, name_to_handle_at, open_by_handle_at
from butter._seccomp_errors import SECCOMP
from butter._seccomp_listener import read_memory
from butter.aio import (
    IOCB_CMD_FSYNC,
    IOCB_CMD_POLL,
    IOCB_CMD_PREAD,
    RWF_NOWAIT,
    Aio,
    Iocb,
    io_cancel,
    io_destroy,
    io_getevents,
    io_pgetevents,
    io_setup,
    io_submit,
)
from butter.cli import doctor
from butter.clock import (
    ADJ_TICK,
    CLOCK_MONOTONIC,
    CLOCK_MONOTONIC_COARSE,
    CLOCK_REALTIME,
    Timex,
    clock_adjtime,
    clock_getres,
    clock_gettime,
    clock_nanosleep,
    clock_settime,
    fd_clock,
    process_clock,
    thread_clock,
)
from butter.clone import CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWUTS, spawn
from butter.epoll import (
    EPOLLIN,
    Epoll,
    EpollParams,
    epoll_create1,
    epoll_get_params,
    epoll_pwait,
    epoll_pwait2,
    epoll_set_params,
    epoll_wait,
)
from butter.errors import UnknownError
from butter.eventfd import Eventfd, eventfd_read, eventfd_write
from butter.fanotify import (
    FAN_ALLOW,
    FAN_CLASS_CONTENT,
    FAN_MARK_ADD,
    FAN_MARK_EVICTABLE,
    FAN_MARK_FILESYSTEM,
    FAN_MARK_IGNORE,
    FAN_MARK_ONLYDIR,
    FAN_OPEN,
    FAN_OPEN_PERM,
    FAN_REPORT_FID,
    Fanotify,
    fanotify_mark,
)
from butter.fd import close_range, dup3, preadv2, pwritev2, readv, same_open_file, writev
from butter.inotify import IN_MASK_CREATE, IN_ONLYDIR, IN_OPEN, Inotify, inotify_add_watch, inotify_rm_watch
from butter.landlock import (
    LANDLOCK_ACCESS_FS_EXECUTE,
    LANDLOCK_ACCESS_FS_READ_DIR,
    LANDLOCK_RULE_NET_PORT,
    LANDLOCK_RULE_PATH_BENEATH,
    NetPortAttr,
    PathBeneathAttr,
    Ruleset,
    RulesetAttr,
    landlock_add_rule,
    landlock_create_ruleset,
    landlock_restrict_self,
)
from butter.memfd import F_SEAL_WRITE, MFD_ALLOW_SEALING, Memfd, memfd_create
from butter.mounts import MountMonitor
from butter.pidfd import (
    P_PIDFD,
    PIDFD_GET_NET_NAMESPACE,
    PIDFD_NONBLOCK,
    PIDFD_SIGNAL_PROCESS_GROUP,
    WEXITED,
    Pidfd,
    pidfd_get_info,
    pidfd_get_namespace,
    pidfd_getfd,
    pidfd_open,
    pidfd_send_signal,
    waitid,
)
from butter.pipe import Pipe, get_pipe_size
from butter.prctl import (
    PR_CAPBSET_DROP,
    PR_GET_DUMPABLE,
    PR_GET_SPECULATION_CTRL,
    PR_SET_NAME,
    PR_SET_SECCOMP,
    SECCOMP_MODE_FILTER,
    capabilities,
    capget,
    capset,
    get_file_capabilities,
    prctl,
    remove_file_capabilities,
    set_file_capabilities,
)
from butter.sandbox import Sandbox
from butter.seccomp import (
    ALLOW,
    NOTIFY,
    SECCOMP_FILTER_FLAG_NEW_LISTENER,
    SECCOMP_FILTER_FLAG_TSYNC,
    SECCOMP_GET_ACTION_AVAIL,
    SECCOMP_SET_MODE_FILTER,
    Filter,
    Listener,
    seccomp,
)
from butter.signalfd import SIG_BLOCK, pthread_sigmask, signalfd
from butter.sigset import pause, sigprocmask, sigqueue, sigsuspend, sigtimedwait
from butter.splice import copy, splice, tee
from butter.system import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_RECURSIVE,
    FSCONFIG_CMD_CREATE,
    FSCONFIG_SET_FD,
    FSCONFIG_SET_FLAG,
    FSCONFIG_SET_PATH,
    LSMT_ROOT,
    MNT_EXPIRE,
    MOUNT_ATTR_RDONLY,
    MS_BIND,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    OPEN_TREE_CLONE,
    STATMOUNT_MNT_BASIC,
    Mount,
    fsconfig,
    fsmount,
    fsopen,
    fspick,
    getdomainname,
    gethostname,
    listmount,
    mount,
    mount_setattr,
    move_mount,
    open_tree,
    open_tree_attr,
    pivot_root,
    setdomainname,
    sethostname,
    statmount,
    umount,
)
from butter.timerfd import Timer, TimerVal, timerfd_gettime, timerfd_settime
from butter.tree import Tree
from butter.uring import (
    IORING_ENTER_GETEVENTS,
    IORING_NOP_INJECT_RESULT,
    IORING_OP_NOP,
    IORING_REGISTER_ENABLE_RINGS,
    IORING_REGISTER_PROBE,
    IORING_SETUP_ATTACH_WQ,
    IORING_SETUP_R_DISABLED,
    IORING_SETUP_SINGLE_ISSUER,
    IORING_UNREGISTER_BUFFERS,
    Operation,
    Ring,
    UringParams,
    io_uring_enter,
    io_uring_register,
    io_uring_setup,
)

TABLES = support.errno_tables()


class Way(NamedTuple):
    """A function that makes a call fail, its needs, and what its error contains."""

    function: object
    marks: tuple = ()
    filename: object = None
    words: str = ""
    #: whether it shares a process with others of its kind
    together: bool = False


EXAMPLES = {call: [] for call in TABLES}
PROVOKERS = {}
# the kernel that can refuse a call, where it is new, or the group that its provokers
# make; a filter refuses every call on every kernel
SINCE = {
    "add_fd": (5, 9),
    "answer to a notification": (5, 0),
    "flags of a seccomp listener": (6, 6),
    "read of a seccomp listener": (5, 0),
    "validity of a notification": (5, 0),
    "fanotify_mark": (5, 1),
    "fsconfig": (5, 2),
    "fsmount": (5, 2),
    "fsopen": (5, 2),
    "fspick": (5, 2),
    "landlock_add_rule": (5, 13),
    "landlock_create_ruleset": (5, 13),
    "landlock_restrict_self": (5, 13),
    "listmount": (6, 8),
    "mount_setattr": (5, 12),
    "move_mount": (5, 2),
    "open_tree": (5, 2),
    "open_tree_attr": (6, 15),
    "pidfd_get_info": (6, 13),
    "pidfd_get_namespace": (6, 11),
    "pidfd_getfd": (5, 6),
    "pidfd_open": (5, 3),
    "pidfd_send_signal": (5, 3),
    "statmount": (6, 8),
    "wait of a pidfd": (5, 4),
    "waitid": (5, 4),
}
# spawn has a filter refuse what comes after the child, too
SPAWN = needs(kernel=(5, 4))


def example(call, filename=None, *marks, together=False):
    """The decorated function, ``function(fail)``, is an example of *call*'s table."""

    def register(function):
        needed = [SPAWN] if call.startswith("spawn") else []
        EXAMPLES[call].append(Way(function, (*needed, *marks), filename, together=together))
        return function

    return register


def provokes(call, number, *marks, filename=None, words="", together=False):
    """The decorated function makes *call* fail with errno *number*."""

    def register(function):
        assert number in TABLES[call].meanings
        needed = [SPAWN] if call.startswith("spawn") else [needs(kernel=SINCE[call])] if call in SINCE else []
        PROVOKERS[call, number] = Way(function, (*needed, *marks), filename, words, together)
        return function

    return register


def named(function, feature):
    """*function* for a *feature*, with a name that says so."""
    partial = functools.partial(function, feature)
    partial.__name__ = f"{function.__name__} ({feature.name})"
    return partial


# new descriptors

NEW = {"inotify": "inotify_init1", "eventfd": "eventfd", "timerfd": "timerfd_create", "signalfd": "signalfd"}
NEW["fanotify"], NEW["epoll"] = "fanotify_init", "epoll_create1"
NEW["uring"] = "io_uring_setup"
NEW.update(memfd="memfd_create", system_mounts="open_tree", pidfd="pidfd_open", pipe="pipe2")
NEW["landlock"] = "landlock_create_ruleset"


def new_descriptor(feature, fail):
    fail(feature.call)
    feature(".").descriptor()


def no_descriptor_left(feature, fail):
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    feature(".").descriptor()


for feature in (feature for feature in OBJECTS if feature.name in NEW):
    path = feature.args[0] if feature is Mounts else None
    example(NEW[feature.name], path)(named(new_descriptor, feature))
    provokes(NEW[feature.name], errno.EMFILE, *feature.marks(), filename=path, words="RLIMIT_NOFILE is 3")(
        named(no_descriptor_left, feature)
    )


@provokes("inotify_init1", errno.EINVAL)
def unknown_flag_of_inotify(fail):
    Inotify(1)


@provokes("eventfd", errno.EINVAL)
def unknown_flag_of_eventfd(fail):
    Eventfd(0, 2)


@provokes("timerfd_create", errno.EINVAL)
def unknown_flag_of_timerfd(fail):
    Timer(flags=1)


@provokes("signalfd", errno.EINVAL)
def unknown_flag_of_signalfd(fail):
    signalfd([], flags=1)


@provokes("signalfd", errno.EBADF)
def closed_signalfd(fail):
    signalfd([], 999_999)


@provokes("memfd_create", errno.EINVAL)
def long_name_of_memfd(fail):
    memfd_create("n" * 250)


@provokes("adopt", errno.EBADF)
def adopt_what_is_closed(fail):
    Timer.adopt(999_999)


@provokes("adopt", errno.EINVAL)
def adopt_another_kind(fail):
    Timer.adopt(os.pipe()[0])


@example("adopt")
def adopt(fail):
    fd = Files(".").descriptor()
    for call in ("fstat", "newfstatat"):
        fail(call, fd)
    Inotify.adopt(fd)


# reads of events

READS = {"inotify": "read of an inotify descriptor", "eventfd": "eventfd_read"}
READS["fanotify"] = "read of an fanotify descriptor"
READS.update(timerfd="read of a timerfd", signalfd="read of a signalfd", aio="read of the events of an Aio")
WITH_READS = [feature for feature in EVENTS if feature.name in READS]


def opened(feature, blocking=True):
    """An object of *feature*, with all that its events need."""
    feature = feature(".")
    feature.__enter__()
    return feature.make(blocking=blocking)


def read(feature, fail):
    made = opened(feature)
    fail("read", made.fileno())
    made.read_event()


def read_without_an_event(feature, fail):
    opened(feature, blocking=False).read_event()


def read_of_a_closed_number(feature, fail):
    # the object still holds the number
    made = opened(feature)
    os.close(made.fileno())
    made.read_event()


def read_of_a_directory(feature, fail):
    made = opened(feature)
    os.dup2(os.open("/", os.O_RDONLY), made.fileno())
    made.read_event()


def read_of_an_epoll(feature, fail):
    made = opened(feature)
    with select.epoll() as epoll:
        os.dup2(epoll.fileno(), made.fileno())
    made.read_event()


for feature in WITH_READS:
    # a process takes long to end with an object that lingers
    stress = [pytest.mark.stress] if feature.lingers else []
    example(READS[feature.name], None, *feature.marks(), *stress)(named(read, feature))
    provokes(READS[feature.name], errno.EAGAIN, *feature.marks())(named(read_without_an_event, feature))
    provokes(READS[feature.name], errno.EBADF, *feature.marks(), words="is not open")(
        named(read_of_a_closed_number, feature)
    )
    provokes(READS[feature.name], errno.EINVAL, *feature.marks())(named(read_of_an_epoll, feature))
    provokes(READS[feature.name], errno.EISDIR, *feature.marks())(named(read_of_a_directory, feature))


def read_of_other_bytes(feature, fail):
    reading, writing = os.pipe()
    os.write(writing, b"not an event")
    made = opened(feature)
    os.dup2(reading, made.fileno())
    made.read_event()


for feature in Files, Creations, Signals:
    provokes(READS[feature.name], errno.EBADMSG, *feature.marks())(named(read_of_other_bytes, feature))


@example("poll")
def wait(fail):
    timer = Timer()
    for call in ("poll", "select", "pselect6"):
        fail(call)
    timer.wait(1)


# aio


@example("eventfd of an Aio")
def eventfd_of_an_aio(fail):
    fail("eventfd2")
    Aio()


@provokes("eventfd of an Aio", errno.EINVAL, words="EFD_NONBLOCK, not 0x1")
def unknown_flag_of_an_aio(fail):
    Aio(flags=1)


@provokes("eventfd of an Aio", errno.EMFILE, words="RLIMIT_NOFILE is 3")
def no_descriptor_left_for_an_aio(fail):
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    Aio()


@example("io_setup")
def set_up_a_context(fail):
    fail("io_setup")
    io_setup(1)


@provokes("io_setup", errno.EAGAIN, words="fs.aio-max-nr is [0-9]+; 'sysctl fs.aio-max-nr=")
def set_up_too_much(fail):
    Aio(int(Path("/proc/sys/fs/aio-max-nr").read_text()) + 1)


@provokes("io_setup", errno.EINVAL, words="1 to 4194304 operations, not for 0")
def set_up_nothing(fail):
    io_setup(0)


@example("io_submit")
def submit_an_operation(fail):
    context = io_setup(1)
    fail("io_submit")
    io_submit(context, [Iocb(IOCB_CMD_FSYNC, 0)])


@provokes("io_submit", errno.EAGAIN, words="take events by io_getevents")
def submit_too_much(fail):
    context, zeros = io_setup(1), os.open("/dev/zero", os.O_RDONLY)
    while True:
        io_submit(context, [Iocb(IOCB_CMD_PREAD, zeros, bytearray(1))])


@provokes("io_submit", errno.EBADF)
def submit_for_what_is_closed(fail):
    io_submit(io_setup(1), [Iocb(IOCB_CMD_FSYNC, 999_999)])


@provokes("io_submit", errno.EINVAL, words="0x1000 is not a context of this process")
def submit_to_nothing(fail):
    io_submit(0x1000, [])


@provokes("io_submit", errno.EOPNOTSUPP)
def submit_unknown_flags(fail):
    io_submit(io_setup(1), [Iocb(IOCB_CMD_PREAD, os.open("/dev/zero", os.O_RDONLY), bytearray(1), rw_flags=1 << 30)])


@example("io_getevents")
def get_events(fail):
    context = io_setup(1)
    fail("io_getevents")
    io_getevents(context, 0, 1, 0)


@provokes("io_getevents", errno.EINVAL, words="min_nr is 2 and nr is 1")
def get_more_than_there_is_room_for(fail):
    io_getevents(io_setup(1), 2, 1, 0)


@example("io_pgetevents", None, needs(kernel=(4, 18)))
def get_events_with_a_mask(fail):
    context = io_setup(1)
    fail("io_pgetevents")
    io_pgetevents(context, 0, 1, 0, signal.SIGUSR1)


@provokes("io_pgetevents", errno.EINVAL, needs(kernel=(4, 18)), words="0x1000 is not a context")
def get_events_of_nothing(fail):
    io_pgetevents(0x1000, 0, 1, 0)


@provokes("io_pgetevents", errno.EINTR, needs(kernel=(4, 18)))
def get_events_until_a_signal(fail):
    signal.signal(signal.SIGUSR1, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    os.kill(os.getpid(), signal.SIGUSR1)
    io_pgetevents(io_setup(1), 1, 1, None, ())


@example("io_cancel")
def cancel_an_operation(fail):
    context = io_setup(1)
    fail("io_cancel")
    io_cancel(context, Iocb(IOCB_CMD_FSYNC, 0))


@provokes("io_cancel", errno.EINVAL)
def cancel_what_was_never_submitted(fail):
    io_cancel(io_setup(1), Iocb(IOCB_CMD_POLL, 0, select.POLLIN))


@example("io_destroy")
def destroy_a_context(fail):
    context = io_setup(1)
    fail("io_destroy")
    io_destroy(context)


@provokes("io_destroy", errno.EINVAL, words="is not a context of this process")
def destroy_twice(fail):
    context = io_setup(1)
    io_destroy(context)
    io_destroy(context)


# what an Aio queues, on a descriptor
QUEUED = {
    "read of an Aio": lambda aio, fd: aio.pread(fd, 1),
    "write of an Aio": lambda aio, fd: aio.pwrite(fd, b"x"),
    "sync of an Aio": lambda aio, fd: aio.fsync(fd),
    "poll of an Aio": lambda aio, fd: aio.poll(fd, select.POLLIN),
}


@functools.cache
def shared_aio():
    """The Aio of the process that those which complete share: to end one takes long."""
    return Aio()


def completed(call, fail):
    aio = Aio()
    fail("io_submit")
    QUEUED[call](aio, 0)
    raise aio.wait(10).error


def completed_for_what_is_closed(call, fail):
    aio = shared_aio()
    QUEUED[call](aio, 999_999)
    raise aio.wait(10).error


def completed_by_a_cancellation(call, fail):
    aio = shared_aio()
    assert aio.cancel(QUEUED[call](aio, 0)) == 1
    raise aio.wait(10).error


for call in QUEUED:
    for function, register in {
        # each process waits at its end until its context has ended, as others do not
        completed: example(call, None, pytest.mark.stress),
        completed_for_what_is_closed: provokes(call, errno.EBADF, words="999999 is not open", together=True),
        completed_by_a_cancellation: provokes(call, errno.ECANCELED, words="was cancelled", together=True),
    }.items():
        partial = functools.partial(function, call)
        partial.__name__ = f"{function.__name__} ({call})"
        register(partial)


def failed(call, number, words, body, *marks):
    """The operation that *body* queues in an Aio completes with an error."""

    def fails(fail):
        aio = shared_aio()
        body(aio)
        raise aio.wait(10).error

    fails.__name__ = words.replace(" ", "_")
    provokes(call, number, *marks, words=words, together=True)(fails)


def zeros():
    return os.open("/dev/zero", os.O_RDONLY)


def write_a_sealed_memfd(aio):
    memfd = Memfd("sealed", MFD_ALLOW_SEALING)
    memfd.truncate(10)
    memfd.revoke(F_SEAL_WRITE)
    aio.pwrite(memfd, b"x")


def write_without_a_reader(aio):
    reading, writing = os.pipe()
    os.close(reading)
    aio.pwrite(writing, b"x")


def write_too_much_to_a_pipe(aio):
    writing = os.pipe2(os.O_NONBLOCK)[1]
    aio.pwrite(writing, bytes(1_000_000))
    aio.wait(10)
    aio.pwrite(writing, bytes(1_000_000))


failed("read of an Aio", errno.EAGAIN, "without waiting", lambda aio: aio.pread(os.pipe()[0], 1, flags=RWF_NOWAIT))
failed("read of an Aio", errno.EINVAL, "offset is -5", lambda aio: aio.pread(zeros(), 1, -5))
failed("read of an Aio", errno.EOPNOTSUPP, "unknown flags 0x40000000", lambda aio: aio.pread(zeros(), 1, flags=1 << 30))
failed("write of an Aio", errno.EPERM, "a seal of the memfd", write_a_sealed_memfd)
failed("write of an Aio", errno.EPIPE, "have a reader any more", write_without_a_reader)
failed("write of an Aio", errno.EAGAIN, "nothing can be written now", write_too_much_to_a_pipe)
failed("sync of an Aio", errno.EINVAL, "a kind without a disk", lambda aio: aio.fsync(os.pipe()[0]))
failed("poll of an Aio", errno.EINVAL, "others than those of poll", lambda aio: aio.poll(0, 0))


# epoll

WAITS = ("epoll_wait", "epoll_pwait")  # the C library has either


@example("epoll_ctl")
def control_epoll(fail):
    epoll = Epoll()
    fail("epoll_ctl")
    epoll.register(0)


@example("epoll_wait")
def wait_for_epoll(fail):
    epoll = epoll_create1()
    for call in WAITS:
        fail(call)
    epoll_wait(epoll, 1, 0)


@example("epoll_pwait")
def wait_with_a_mask(fail):
    epoll = epoll_create1()
    fail("epoll_pwait")
    epoll_pwait(epoll, 1, 0, signal.SIGUSR1)


@example("epoll_pwait2")
def wait_for_nanoseconds(fail):
    epoll = epoll_create1()
    fail("epoll_pwait2")
    epoll_pwait2(epoll, 1, 1, signal.SIGUSR1)


@example("read of an epoll descriptor")
def read_of_an_epoll_object(fail):
    epoll = Epoll()
    for call in WAITS:
        fail(call, epoll.fileno())
    epoll.read_event()


@example("EPIOCGPARAMS")
def parameters_of_epoll(fail):
    epoll = epoll_create1()
    fail("ioctl")
    epoll_get_params(epoll)


@example("EPIOCSPARAMS")
def set_parameters_of_epoll(fail):
    epoll = epoll_create1()
    fail("ioctl")
    epoll_set_params(epoll, EpollParams())


def refused_by_epoll(call, number, words, body, *marks):
    """The kernel refuses what *body* does with an Epoll and a pipe."""

    def fails(fail):
        body(Epoll(), *os.pipe())

    fails.__name__ = words.replace(" ", "_")
    provokes(call, number, *marks, words=words)(fails)


def register_twice(epoll, reading, writing):
    epoll.register(reading)
    epoll.register(reading)


def register_what_is_closed(epoll, reading, writing):
    os.close(reading)
    epoll.register(reading)


def make_a_ring(epoll, reading, writing):
    other = Epoll()
    epoll.register(other)
    other.register(epoll)


def read_without_any(epoll, reading, writing):
    os.set_blocking(epoll.fileno(), False)
    epoll.read_event()


def read_of_a_closed_epoll(epoll, reading, writing):
    os.close(epoll.fileno())
    epoll.read_event()


def read_of_a_pipe_as_epoll(epoll, reading, writing):
    os.dup2(reading, epoll.fileno())
    epoll.read_event()


refused_by_epoll("epoll_create1", errno.EINVAL, "not 0x1$", lambda *_: epoll_create1(1))
refused_by_epoll("epoll_ctl", errno.EEXIST, "registered already", register_twice)
refused_by_epoll("epoll_ctl", errno.EBADF, "is not open", register_what_is_closed)
refused_by_epoll("epoll_ctl", errno.ENOENT, "is not registered", lambda epoll, fd, _: epoll.modify(fd, EPOLLIN))
refused_by_epoll("epoll_ctl", errno.EPERM, "always ready", lambda epoll, *_: epoll.register(os.open("/", os.O_RDONLY)))
refused_by_epoll("epoll_ctl", errno.ELOOP, "in a ring", make_a_ring)
refused_by_epoll("epoll_ctl", errno.EINVAL, "wait for itself", lambda epoll, *_: epoll.register(epoll))
refused_by_epoll("epoll_wait", errno.EBADF, "is not open", lambda *_: epoll_wait(999, 1))
refused_by_epoll("epoll_wait", errno.EINVAL, "maxevents is 0", lambda epoll, *_: epoll_wait(epoll, 0))
refused_by_epoll("epoll_pwait", errno.EBADF, "is not open", lambda *_: epoll_pwait(999, 1))
refused_by_epoll("epoll_pwait", errno.EINVAL, "is not an epoll", lambda epoll, fd, _: epoll_pwait(fd, 1))
PWAIT2 = needs(kernel=(5, 11))
refused_by_epoll("epoll_pwait2", errno.EBADF, "is not open", lambda *_: epoll_pwait2(999, 1), PWAIT2)
refused_by_epoll("epoll_pwait2", errno.EINVAL, "maxevents is -1", lambda epoll, *_: epoll_pwait2(epoll, -1), PWAIT2)
refused_by_epoll("read of an epoll descriptor", errno.EAGAIN, "", read_without_any)
refused_by_epoll("read of an epoll descriptor", errno.EBADF, "is not open", read_of_a_closed_epoll)
refused_by_epoll("read of an epoll descriptor", errno.EINVAL, "is not an epoll", read_of_a_pipe_as_epoll)
refused_by_epoll("EPIOCGPARAMS", errno.ENOTTY, "is not an epoll", lambda _, fd, __: epoll_get_params(fd))
PARAMS = needs(kernel=(6, 9))
refused_by_epoll("EPIOCGPARAMS", errno.EBADF, "is not open", lambda *_: epoll_get_params(999), PARAMS)
refused_by_epoll("EPIOCSPARAMS", errno.EBADF, "is not open", lambda *_: epoll_set_params(999, EpollParams()), PARAMS)
refused_by_epoll(
    "EPIOCSPARAMS", errno.EINVAL, "prefer_busy_poll", lambda epoll, *_: epoll_set_params(epoll, (0, 0, 2)), PARAMS
)


@provokes("EPIOCSPARAMS", errno.EPERM, PARAMS, words="CAP_NET_ADMIN")
def large_budget_as_nobody(fail):
    epoll = Epoll()
    support.become_nobody()
    epoll.params = EpollParams(busy_poll_budget=65)


# inotify


@example("inotify_add_watch", filename=".")
def add_watch(fail):
    inotify = Inotify()
    fail("inotify_add_watch")
    inotify.watch(".")


@example("inotify_rm_watch")
def rm_watch(fail):
    inotify = Inotify()
    fail("inotify_rm_watch")
    inotify.ignore(1)


@provokes("inotify_add_watch", errno.EACCES, filename="secret")
def watch_what_is_secret(fail):
    os.chmod(".", 0o777)
    os.mkdir("secret", 0)
    support.become_nobody()
    Inotify().watch("secret")


@provokes("inotify_add_watch", errno.EBADF, filename=".")
def watch_with_a_bad_descriptor(fail):
    inotify_add_watch(-1, ".", IN_OPEN)


@provokes("inotify_add_watch", errno.EEXIST, needs(kernel=(4, 18)), filename="../")
def watch_what_is_watched(fail):
    os.mkdir("below")
    os.chdir("below")
    inotify = Inotify()
    inotify.watch("..", IN_OPEN)
    inotify.watch("../", IN_OPEN | IN_MASK_CREATE)


@provokes("inotify_add_watch", errno.EINVAL, filename=".")
def watch_for_nothing(fail):
    Inotify().watch(".", 0)


@provokes("inotify_add_watch", errno.ELOOP, filename="loop")
def watch_a_loop(fail):
    os.symlink("loop", "loop")
    Inotify().watch("loop")


@provokes("inotify_add_watch", errno.ENAMETOOLONG, filename="n" * 256)
def watch_a_long_name(fail):
    Inotify().watch("n" * 256)


@provokes("inotify_add_watch", errno.ENOENT, filename="missing")
def watch_what_is_missing(fail):
    Inotify().watch("missing")


@provokes("inotify_add_watch", errno.ENOSPC, support.needs_namespaces, filename=".")
def watch_one_too_many(fail):
    support.own_namespaces()
    Path("/proc/sys/user/max_inotify_watches").write_text("0")
    Inotify().watch(".")


@provokes("inotify_add_watch", errno.ENOTDIR, filename="file")
def watch_a_file_as_a_directory(fail):
    Path("file").touch()
    Inotify().watch("file", IN_OPEN | IN_ONLYDIR)


@provokes("inotify_rm_watch", errno.EBADF)
def ignore_with_a_bad_descriptor(fail):
    inotify_rm_watch(-1, 1)


@provokes("inotify_rm_watch", errno.EINVAL)
def ignore_what_is_not_watched(fail):
    Inotify().ignore(1)


@provokes("read of an inotify descriptor", errno.ENODATA)
def last_watch_has_ended(fail):
    inotify = Inotify()
    inotify.ignore(inotify.watch("."))
    inotify.read_event()
    inotify.read_event()


# fanotify: without privileges where it can be


@example("fanotify_mark", ".", needs(kernel=(5, 1)))
def mark(fail):
    fanotify = Fanotify(FAN_REPORT_FID)
    fail("fanotify_mark")
    fanotify.watch(".", FAN_OPEN)


@example("answer to a permission event", None, needs("CAP_SYS_ADMIN"))
def answer(fail):
    Path("file").touch()
    fanotify = Fanotify(FAN_CLASS_CONTENT)
    fanotify.watch("file", FAN_OPEN_PERM)
    if not os.fork():
        os.open("file", os.O_RDONLY)  # until the end of its parent
        os._exit(0)
    event = fanotify.read_event()
    fail("write", fanotify.fileno())
    event.allow()


@provokes("fanotify_init", errno.EINVAL)
def unknown_flag_of_fanotify(fail):
    Fanotify(0x8000 | FAN_REPORT_FID)


@provokes("fanotify_init", errno.EPERM, words="FAN_REPORT_FID")
def group_of_a_user(fail):
    support.become_nobody()
    Fanotify()


@provokes("fanotify_mark", errno.EACCES, filename="secret")
def mark_what_is_secret(fail):
    os.chmod(".", 0o777)
    os.mkdir("secret", 0)
    support.become_nobody()
    Fanotify(FAN_REPORT_FID).watch("secret", FAN_OPEN)


@provokes("fanotify_mark", errno.EBADF, filename=".", words="descriptor -1 is not open")
def mark_with_a_bad_descriptor(fail):
    fanotify_mark(-1, ".", FAN_OPEN, FAN_MARK_ADD)


@provokes("fanotify_mark", errno.EEXIST, needs(kernel=(5, 19)), filename=".", words="FAN_MARK_EVICTABLE")
def mark_as_evictable(fail):
    fanotify = Fanotify(FAN_REPORT_FID)
    fanotify.watch(".", FAN_OPEN)
    fanotify.watch(".", FAN_OPEN, FAN_MARK_EVICTABLE)


@provokes("fanotify_mark", errno.EINVAL, filename=".", words="asks for no event")
def mark_for_nothing(fail):
    Fanotify(FAN_REPORT_FID).watch(".", 0)


@provokes("fanotify_mark", errno.EISDIR, needs(kernel=(6, 0)), filename=".")
def ignore_a_directory_until_it_changes(fail):
    Fanotify(FAN_REPORT_FID).ignore(".", FAN_OPEN, FAN_MARK_IGNORE)


@provokes("fanotify_mark", errno.ELOOP, filename="loop")
def mark_a_loop(fail):
    os.symlink("loop", "loop")
    Fanotify(FAN_REPORT_FID).watch("loop", FAN_OPEN)


@provokes("fanotify_mark", errno.ENAMETOOLONG, filename="n" * 256)
def mark_a_long_name(fail):
    Fanotify(FAN_REPORT_FID).watch("n" * 256, FAN_OPEN)


@provokes("fanotify_mark", errno.ENOENT, filename="missing")
def mark_what_is_missing(fail):
    Fanotify(FAN_REPORT_FID).watch("missing", FAN_OPEN)


@provokes("fanotify_mark", errno.ENOSPC, support.needs_namespaces, filename=".", words="user.max_fanotify_marks is 0")
def mark_one_too_many(fail):
    support.own_namespaces()
    Path("/proc/sys/user/max_fanotify_marks").write_text("0")
    Fanotify(FAN_REPORT_FID).watch(".", FAN_OPEN)


@provokes("fanotify_mark", errno.ENOTDIR, filename="file", words="FAN_MARK_ONLYDIR")
def mark_a_file_as_a_directory(fail):
    Path("file").touch()
    Fanotify(FAN_REPORT_FID).watch("file", FAN_OPEN, FAN_MARK_ONLYDIR)


@provokes("fanotify_mark", errno.EPERM, filename=".", words="FAN_MARK_FILESYSTEM needs CAP_SYS_ADMIN")
def mark_a_filesystem_of_others(fail):
    os.chmod(".", 0o777)
    support.become_nobody()
    Fanotify(FAN_REPORT_FID).watch(".", FAN_OPEN, FAN_MARK_FILESYSTEM)


@provokes("answer to a permission event", errno.ENOENT, needs("CAP_SYS_ADMIN"))
def answer_after_another(fail):
    Path("file").touch()
    fanotify = Fanotify(FAN_CLASS_CONTENT)
    fanotify.watch("file", FAN_OPEN_PERM)
    if not os.fork():
        os.open("file", os.O_RDONLY)
        os._exit(0)
    event = fanotify.read_event()
    os.write(fanotify.fileno(), struct.pack("iI", event.fileno(), FAN_ALLOW))
    event.allow()


# eventfd: the object reads and writes by Python's own functions where it can


@example("eventfd_read")
def thin_read(fail):
    fail("read", 0)
    eventfd_read(0)


@example("eventfd_write")
def thin_write(fail):
    fail("write", 0)
    eventfd_write(0, 1)


@example("eventfd_write")
def increment(fail):
    counter = Eventfd()
    fail("write", counter.fileno())
    counter.increment()


# timerfd: the object has faster ways than the calls


@example("timerfd_settime")
def settime(fail):
    fail("timerfd_settime")
    timerfd_settime(0, TimerVal())


@example("timerfd_settime")
def update(fail):
    timer = Timer()
    fail("timerfd_settime", timer.fileno())
    timer.after(1).update()


@example("timerfd_gettime")
def gettime(fail):
    fail("timerfd_gettime")
    timerfd_gettime(0)


@example("timerfd_gettime")
def get_current(fail):
    timer = Timer()
    fail("timerfd_gettime", timer.fileno())
    timer.get_current()


# signalfd


@example("pthread_sigmask")
def sigmask(fail):
    fail("rt_sigprocmask")
    pthread_sigmask(SIG_BLOCK, ())


@provokes("pthread_sigmask", errno.EINVAL, words="SIG_SETMASK, not 3")
def sigmask_with_a_strange_action(fail):
    pthread_sigmask(3, ())


# sets of signals


@example("sigprocmask")
def process_mask(fail):
    fail("rt_sigprocmask")
    sigprocmask(SIG_BLOCK)


@provokes("sigprocmask", errno.EINVAL, words="SIG_SETMASK, not 3")
def process_mask_with_a_strange_action(fail):
    sigprocmask(3)


@example("sigqueue")
def queue_a_signal(fail):
    fail("rt_sigqueueinfo")
    sigqueue(os.getpid(), 0)


@provokes("sigqueue", errno.EINVAL, words="there is no signal 99")
def queue_a_strange_signal(fail):
    sigqueue(os.getpid(), 99)


@provokes("sigqueue", errno.ESRCH, words="there is no process 99999999")
def queue_a_signal_to_nothing(fail):
    sigqueue(99_999_999, signal.SIGTERM)


@provokes("sigqueue", errno.EPERM, needs("CAP_SETUID", "CAP_SETGID"), words="CAP_KILL")
def queue_a_signal_to_another_user(fail):
    support.become_nobody()
    sigqueue(1, signal.SIGTERM)


@provokes("sigqueue", errno.EAGAIN, words="RLIMIT_SIGPENDING")
def queue_too_many_signals(fail):
    let_no_signal_wait()
    sigprocmask(SIG_BLOCK, signal.SIGRTMIN)
    sigqueue(os.getpid(), signal.SIGRTMIN)


@example("sigtimedwait")
def take_a_signal(fail):
    fail("rt_sigtimedwait")
    sigtimedwait(signal.SIGUSR1, 0)


@example("sigsuspend")
def suspend(fail):
    fail("rt_sigsuspend")
    sigsuspend(())


@example("pause")
def wait_for_a_handler(fail):
    fail("ppoll")
    pause()


# clocks: the C library reads all but those of processes without a system call


@example("clock_gettime")
def read_a_clock(fail):
    fail("clock_gettime")
    clock_gettime(process_clock(0))


@provokes("clock_gettime", errno.EINVAL, words="there is no clock 99")
def read_a_strange_clock(fail):
    clock_gettime(99)


@example("clock_getres")
def resolution_of_a_clock(fail):
    fail("clock_getres")
    clock_getres(process_clock(0))


@provokes("clock_getres", errno.EINVAL, words="does not have a thread 99999999")
def resolution_of_a_thread_that_is_not_there(fail):
    clock_getres(thread_clock(99_999_999))


@example("clock_settime")
def set_a_clock(fail):
    fail("clock_settime")
    clock_settime(process_clock(0), 0)


@provokes("clock_settime", errno.EINVAL, words="CLOCK_MONOTONIC cannot be set")
def set_a_clock_that_cannot_be_set(fail):
    clock_settime(CLOCK_MONOTONIC, 0)


@provokes("clock_settime", errno.EPERM, words="CAP_SYS_TIME")
def set_a_clock_as_nobody(fail):
    support.become_nobody()
    clock_settime(CLOCK_REALTIME, 0)


@example("clock_adjtime")
def ask_how_a_clock_is_adjusted(fail):
    fail("clock_adjtime")
    clock_adjtime(CLOCK_REALTIME)


@provokes("clock_adjtime", errno.EINVAL, words="descriptor 0 is not that of a clock")
def adjust_what_is_not_a_clock(fail):
    clock_adjtime(fd_clock(0))


@provokes("clock_adjtime", errno.EOPNOTSUPP, words="CLOCK_MONOTONIC cannot be adjusted")
def adjust_a_clock_that_cannot_be_adjusted(fail):
    clock_adjtime(CLOCK_MONOTONIC)


@provokes("clock_adjtime", errno.EPERM, words="CAP_SYS_TIME")
def adjust_a_clock_as_nobody(fail):
    support.become_nobody()
    clock_adjtime(CLOCK_REALTIME, Timex(ADJ_TICK))


@example("clock_nanosleep")
def sleep(fail):
    fail("clock_nanosleep")
    clock_nanosleep(CLOCK_MONOTONIC, 0, 1)


@provokes("clock_nanosleep", errno.EINVAL, words="there is no process 99999999")
def sleep_by_a_process_that_is_not_there(fail):
    clock_nanosleep(process_clock(99_999_999), 0, 1)


@provokes("clock_nanosleep", errno.EOPNOTSUPP, words="CLOCK_MONOTONIC_COARSE cannot measure a sleep")
def sleep_by_a_coarse_clock(fail):
    clock_nanosleep(CLOCK_MONOTONIC_COARSE, 0, 1)


# memfd


@example("fcntl(F_ADD_SEALS)")
def add_seals(fail):
    memfd = Memfd()
    fail("fcntl", memfd.fileno(), {1: 1033})
    memfd.seal()


@example("fcntl(F_GET_SEALS)")
def get_seals(fail):
    memfd = Memfd()
    fail("fcntl", memfd.fileno(), {1: 1034})
    assert memfd.flags


@example("ftruncate")
def truncate(fail):
    memfd = Memfd()
    fail("ftruncate", memfd.fileno())
    memfd.truncate(1)


@example("write of a memfd")
def first_content(fail):
    fail("pwrite64")
    Memfd("", b"x")


@example("mmap")
def mapping(fail):
    memfd = Memfd("", 1)
    fail("mmap", arguments={4: memfd.fileno()})
    memfd.mmap()


# landlock

FENCES = needs(when=lambda: landlock.abi() > 0, reason="needs landlock")


def ruleset():
    """A ruleset about executing files and listing directories."""
    return landlock_create_ruleset(RulesetAttr(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_DIR))


def add_a_rule(made, allowed=LANDLOCK_ACCESS_FS_EXECUTE, parent=None, kind=LANDLOCK_RULE_PATH_BENEATH, flags=0):
    parent = os.open(".", os.O_RDONLY) if parent is None else parent
    landlock_add_rule(made, kind, PathBeneathAttr(allowed, parent), flags)


@example("landlock_add_rule", None, FENCES)
def allow_a_port(fail):
    made = Ruleset()
    fail("landlock_add_rule")
    landlock_add_rule(made, LANDLOCK_RULE_NET_PORT, NetPortAttr(1, 80))


@example("landlock_restrict_self", None, FENCES)
def restrict(fail):
    made = Ruleset()
    fail("landlock_restrict_self")
    made.restrict()


@example("open(O_PATH)", "/", FENCES)
def allow_a_path(fail):
    made = Ruleset()
    fail("openat")
    made.allow_path("/", "execute")


def refused_by_landlock(call, number, words, body, *marks):
    """The kernel refuses what *body* does with a new ruleset."""

    def fails(fail):
        body(ruleset())

    fails.__name__ = f"{call}: {words}"
    provokes(call, number, FENCES, *marks, words=words)(fails)


def add_a_rule_to_a_file(made):
    add_a_rule(made, LANDLOCK_ACCESS_FS_READ_DIR, os.open("/proc/self/status", os.O_RDONLY))


def add_a_rule_to_nothing(made):
    landlock_add_rule(made, LANDLOCK_RULE_PATH_BENEATH, None)


def restrict_without_privileges(made):
    support.become_nobody()
    landlock_restrict_self(made)


def restrict_self(made, flags=0, times=1):
    prctl.no_new_privs = True
    for _ in range(times):
        landlock_restrict_self(made, flags)


refused_by_landlock(
    "landlock_create_ruleset",
    errno.EINVAL,
    "0x8000000000000000 do not belong",
    lambda _: landlock_create_ruleset(RulesetAttr(1 << 63)),
)
refused_by_landlock(
    "landlock_create_ruleset", errno.ENOMSG, "nothing", lambda _: landlock_create_ruleset(RulesetAttr())
)
refused_by_landlock("landlock_create_ruleset", errno.EFAULT, "attr is None", lambda _: landlock_create_ruleset(None, 8))
refused_by_landlock(
    "landlock_create_ruleset",
    errno.E2BIG,
    "longer than a page",
    lambda _: landlock_create_ruleset(RulesetAttr(1), 1 << 20),
)
refused_by_landlock(
    "landlock_add_rule", errno.EBADF, "descriptor -1 is not open", lambda made: add_a_rule(made, parent=-1)
)
refused_by_landlock(
    "landlock_add_rule",
    errno.EBADFD,
    "is not that of a file with a path",
    lambda made: add_a_rule(made, parent=os.pipe()[0]),
)
refused_by_landlock("landlock_add_rule", errno.EFAULT, "attr is None", add_a_rule_to_nothing)
refused_by_landlock("landlock_add_rule", errno.EINVAL, "which alone can have read_dir", add_a_rule_to_a_file)
refused_by_landlock("landlock_add_rule", errno.ENOMSG, "needs a right", lambda made: add_a_rule(made, 0))
refused_by_landlock("landlock_restrict_self", errno.E2BIG, "16 rulesets", lambda made: restrict_self(made, times=17))
refused_by_landlock("landlock_restrict_self", errno.EBADF, "is not open", lambda _: restrict_self(-1))
refused_by_landlock("landlock_restrict_self", errno.EBADFD, "is not a ruleset", lambda _: restrict_self(0))
refused_by_landlock(
    "landlock_restrict_self",
    errno.EINVAL,
    "0x80000000 do not belong",
    lambda made: restrict_self(made, 1 << 31),
)
refused_by_landlock("landlock_restrict_self", errno.EPERM, "no_new_privs", restrict_without_privileges)


@provokes("open(O_PATH)", errno.ENOENT, FENCES, filename="missing")
def allow_a_path_that_is_missing(fail):
    Ruleset().allow_path("missing", "execute")


# pipe


@provokes("pipe2", errno.EINVAL, words="unknown flags 0x1$")
def pipe_with_a_strange_flag(fail):
    Pipe(1)


@example("fcntl(F_GETPIPE_SZ)")
def get_size(fail):
    pipe = Pipe()
    fail("fcntl", pipe.reader.fileno(), {1: 1032})
    assert pipe.size


@example("fcntl(F_SETPIPE_SZ)")
def set_size(fail):
    pipe = Pipe()
    fail("fcntl", pipe.reader.fileno(), {1: 1031})
    pipe.size = 4096


@example("read of a pipe")
def read_a_pipe(fail):
    pipe = Pipe()
    fail("read", pipe.reader.fileno())
    pipe.reader.read()


@example("write of a pipe")
def write_a_pipe(fail):
    pipe = Pipe()
    fail("write", pipe.writer.fileno())
    pipe.writer.write(b"x")


@provokes("fcntl(F_GETPIPE_SZ)", errno.EBADF, words="not open, or not a pipe")
def size_of_a_file(fail):
    get_pipe_size(os.open(".", os.O_RDONLY))


@provokes("fcntl(F_SETPIPE_SZ)", errno.EBUSY, words="need more room than 0 bytes")
def size_below_the_content(fail):
    pipe = Pipe(size=1 << 16)
    pipe.writer.write(bytes(1 << 14))
    pipe.size = 0


@provokes("fcntl(F_SETPIPE_SZ)", errno.EINVAL, words="at most 2147483648 bytes")
def size_without_a_power(fail):
    Pipe().size = 2**31 + 1


@provokes("fcntl(F_SETPIPE_SZ)", errno.EPERM, needs("CAP_SETUID"), words="fs.pipe-max-size is [0-9]+;")
def size_above_the_limit(fail):
    support.become_nobody()
    Pipe().size = 2**31


@provokes("read of a pipe", errno.EAGAIN)
def read_of_an_empty_pipe(fail):
    pipe = Pipe(os.O_NONBLOCK)
    pipe.reader.read()


@provokes("write of a pipe", errno.EPIPE)
def write_without_a_reader(fail):
    pipe = Pipe()
    pipe.reader.close()
    pipe.writer.write(b"x")


# fd


@example("dup3")
def duplicate(fail):
    fail("dup3")
    dup3(0, 900)


@example("close_range")
def close_a_range(fail):
    fail("close_range")
    close_range(900)


@example("same_open_file")
def compare_descriptors(fail):
    fail("fcntl", arguments={1: 1027})
    fail("kcmp")
    same_open_file(0, 1)


@example("readv")
def read_a_vector(fail):
    fail("readv")
    readv(0, [bytearray(1)])


@example("writev")
def write_a_vector(fail):
    fail("writev")
    writev(1, [b""])


@example("preadv2")
def read_a_vector_at_an_offset(fail):
    # the C library does without the first if it is missing
    fail("preadv2")
    fail("preadv")
    preadv2(0, [bytearray(1)], 0)


@example("pwritev2")
def write_a_vector_at_an_offset(fail):
    fail("pwritev2")
    fail("pwritev")
    pwritev2(1, [b""], 0)


@provokes("dup3", errno.EBADF, words="newfd is 100; .* below RLIMIT_NOFILE .* is 100")
def duplicate_beyond_the_limit(fail):
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
    dup3(0, 100)


@provokes("dup3", errno.EINVAL, words="oldfd and newfd are both 0")
def duplicate_of_itself(fail):
    dup3(0, 0)


@provokes("close_range", errno.EINVAL, needs(kernel=(5, 9)), words="last must not be below first")
def reversed_range(fail):
    close_range(901, 900)


@provokes("same_open_file", errno.EBADF, words="neither descriptor 900 nor descriptor 901 is open")
def compare_nothing(fail):
    same_open_file(900, 901)


@provokes("readv", errno.EAGAIN)
def read_a_vector_of_nothing(fail):
    pipe = Pipe(os.O_NONBLOCK)
    readv(pipe.reader, [bytearray(1)])


@provokes("readv", errno.EBADF)
def read_a_vector_of_a_writer(fail):
    pipe = Pipe()
    readv(pipe.writer, [bytearray(1)])


@provokes("readv", errno.EINVAL, words="is of a kind that cannot be read")
def read_a_vector_of_a_short_buffer(fail):
    readv(Timer(), [bytearray(1)])


@provokes("readv", errno.EISDIR)
def read_a_vector_of_a_directory(fail):
    readv(os.open(".", os.O_RDONLY), [bytearray(1)])


@provokes("writev", errno.ENOSPC)
def write_a_vector_to_a_full_device(fail):
    writev(os.open("/dev/full", os.O_WRONLY), [b"x"])


@provokes("writev", errno.EPERM)
def write_a_vector_to_a_sealed_memfd(fail):
    memfd = Memfd("", b"x")
    memfd.writable = False
    writev(memfd, [b"x"])


@provokes("writev", errno.EPIPE)
def write_a_vector_without_a_reader(fail):
    pipe = Pipe()
    pipe.reader.close()
    writev(pipe.writer, [b"x"])


@provokes("preadv2", errno.ESPIPE, words="has no offset")
def read_a_vector_at_an_offset_of_a_pipe(fail):
    pipe = Pipe()
    preadv2(pipe.reader, [bytearray(1)], 0)


@provokes("preadv2", errno.EOPNOTSUPP, words="unknown flags 0x40000")
def read_a_vector_with_a_strange_flag(fail):
    preadv2(os.open("file", os.O_RDONLY | os.O_CREAT), [bytearray(1)], 0, 0x40000)


# pidfd


@example("pidfd_send_signal")
def signal_to_a_process(fail):
    fail("pidfd_send_signal")
    pidfd_send_signal(0, signal.SIGTERM)


@example("pidfd_getfd")
def descriptor_of_a_process(fail):
    fail("pidfd_getfd")
    pidfd_getfd(0, 0)


@example("waitid")
def wait_for_a_child(fail):
    fail("waitid")
    waitid(P_PIDFD, 0, WEXITED)


@example("pidfd_get_info", None, needs(kernel=(5, 4)))
def info_about_a_process(fail):
    process = Pidfd(os.getpid())
    fail("ioctl", process.fileno())
    process.info()


@example("pidfd_get_namespace", None, needs(kernel=(5, 4)))
def namespace_of_a_process(fail):
    process = Pidfd(os.getpid())
    fail("ioctl", process.fileno())
    process.namespace(PIDFD_GET_NET_NAMESPACE)


@provokes("pidfd_open", errno.EINVAL, words="pid is 0; the number of a process is positive")
def open_no_number(fail):
    pidfd_open(0)


def running_thread():
    """The number of a thread of this process."""
    thread = threading.Thread(target=threading.Event().wait, daemon=True)
    thread.start()
    return thread.native_id


@provokes("pidfd_open", errno.ENOENT, needs(kernel=(6, 16)), words="is the number of a thread")
def open_a_thread(fail):
    pidfd_open(running_thread())


@provokes("pidfd_open", errno.ESRCH, words="there is no process 2147483647")
def open_nothing(fail):
    pidfd_open(2**31 - 1)


def another():
    """The pidfd of a child that waits."""
    return Pidfd(support.Child().pid)


def reaped():
    """The pidfd of a child that was reaped."""
    process = another()
    process.kill()
    process.wait()
    return process


def strange():
    """The pidfd of root's process, for another user."""
    process = another()
    support.become_nobody()
    return process


@provokes("pidfd_send_signal", errno.EAGAIN, words="RLIMIT_SIGPENDING")
def signal_to_a_full_queue(fail):
    pthread_sigmask(SIG_BLOCK, [signal.SIGRTMIN])
    process = Pidfd(os.getpid())
    let_no_signal_wait()
    process.send_signal(signal.SIGRTMIN, value=1)


@provokes("pidfd_send_signal", errno.EBADF, words="is not a pidfd, but 'pipe:")
def signal_to_a_pipe(fail):
    pidfd_send_signal(os.pipe()[0], signal.SIGTERM)


@provokes("pidfd_send_signal", errno.EINVAL, words="there is no signal 65")
def signal_without_a_meaning(fail):
    another().send_signal(65)


@provokes("pidfd_send_signal", errno.EPERM, needs("CAP_SETUID"), words="needs CAP_KILL")
def signal_to_another_user(fail):
    strange().kill()


@provokes("pidfd_send_signal", errno.ESRCH, words="its parent has waited for it")
def signal_to_what_was_reaped(fail):
    reaped().kill()


@provokes("pidfd_send_signal", errno.ESRCH, needs(kernel=(6, 9)), words="the process does not lead one, or has ended")
def signal_to_a_group_without_a_leader(fail):
    another().send_signal(signal.SIGTERM, flags=PIDFD_SIGNAL_PROCESS_GROUP)


@provokes("pidfd_getfd", errno.EBADF, words="does not have a descriptor 999999")
def descriptor_that_is_not_there(fail):
    another().getfd(999_999)


@provokes("pidfd_getfd", errno.EINVAL, words="flags is 0x1")
def descriptor_with_flags(fail):
    pidfd_getfd(another(), 0, 1)


@provokes("pidfd_getfd", errno.EMFILE, words="RLIMIT_NOFILE is 3")
def descriptor_too_many(fail):
    process = another()
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    process.getfd(0)


@provokes("pidfd_getfd", errno.EPERM, needs("CAP_SETUID"), words="needs CAP_SYS_PTRACE")
def descriptor_of_another_user(fail):
    strange().getfd(0)


@provokes("pidfd_getfd", errno.ESRCH)
def descriptor_of_what_was_reaped(fail):
    reaped().getfd(0)


@provokes("waitid", errno.EAGAIN, needs(kernel=(5, 10)))
def wait_without_waiting(fail):
    waitid(P_PIDFD, Pidfd(support.Child().pid, PIDFD_NONBLOCK), WEXITED)


@provokes("waitid", errno.EBADF, words="is not open")
def wait_for_a_bad_descriptor(fail):
    waitid(P_PIDFD, 999_999, WEXITED)


@provokes("waitid", errno.ECHILD)
def wait_for_what_is_not_a_child(fail):
    waitid(P_PIDFD, Pidfd(os.getpid()), WEXITED)


@provokes("waitid", errno.EINVAL, words="at least one of WEXITED")
def wait_for_nothing(fail):
    waitid(P_PIDFD, 0, 0)


# a filter of the ioctl plays the kernels before Linux 6.15, which keep no exit code
@example("wait of a pidfd", None, needs(kernel=(5, 4)))
def wait_for_a_lost_code(fail):
    process = another()
    process.kill()
    os.waitpid(process.pid, 0)
    fail("ioctl", process.fileno())
    process.wait()


@provokes("pidfd_get_info", errno.EBADF)
def info_of_a_bad_descriptor(fail):
    pidfd_get_info(999_999)


@provokes("pidfd_get_info", errno.ENOTTY, words="is not a pidfd, but 'pipe:")
def info_of_a_pipe(fail):
    pidfd_get_info(os.pipe()[0])


@provokes("pidfd_get_info", errno.ESRCH)
def info_of_what_was_reaped(fail):
    reaped().info()


@provokes("pidfd_get_info", errno.EREMOTE, needs(kernel=(6, 18)), support.needs_namespaces)
def info_from_another_namespace(fail):
    process = Pidfd(os.getpid())
    if support.libc.unshare(0x10000000 | 0x20000000):  # CLONE_NEWUSER, CLONE_NEWPID
        raise AssertionError("unshare")
    in_child(process.info)


@provokes("pidfd_get_namespace", errno.EACCES, needs("CAP_SETUID"), needs(kernel=(6, 11)))
def namespace_of_another_user(fail):
    strange().namespace(PIDFD_GET_NET_NAMESPACE)


@provokes("pidfd_get_namespace", errno.EBADF)
def namespace_of_a_bad_descriptor(fail):
    pidfd_get_namespace(999_999, PIDFD_GET_NET_NAMESPACE)


@provokes("pidfd_get_namespace", errno.EMFILE, needs(kernel=(6, 11)), words="RLIMIT_NOFILE is 3")
def namespace_too_many(fail):
    process = another()
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    process.namespace(PIDFD_GET_NET_NAMESPACE)


@provokes("pidfd_get_namespace", errno.ENOTTY, words="is not a pidfd, but 'pipe:")
def namespace_of_a_pipe(fail):
    pidfd_get_namespace(os.pipe()[0], PIDFD_GET_NET_NAMESPACE)


@provokes("pidfd_get_namespace", errno.ESRCH, needs(kernel=(6, 11)))
def namespace_of_what_was_reaped(fail):
    reaped().namespace(PIDFD_GET_NET_NAMESPACE)


# splice


def two_pipes():
    reading, writing = os.pipe()
    os.write(writing, b"bytes")
    return reading, os.pipe()[1]


@example("splice")
def splice_a_byte(fail):
    fail("splice")
    splice(*two_pipes(), len=1)


@example("tee")
def tee_a_byte(fail):
    fail("tee")
    tee(*two_pipes(), len=1)


@example("copy")
def copy_to_a_log(fail):
    # the better calls do not append
    Path("file").write_bytes(b"bytes")
    with open("file", "rb") as file, open("log", "ab") as log:
        fail("write", log.fileno())
        with pytest.raises(OSError, match="copy") as caught:
            copy(file, log)
        assert (caught.value.moved, caught.value.rest, file.tell()) == (0, b"", 0)
        raise caught.value


# system


@example("mount", filename="source")
def mount_something(fail):
    fail("mount")
    mount("source", ".", "tmpfs")


@example("umount2", filename=".")
def umount_something(fail):
    fail("umount2")
    umount(".")


@example("pivot_root", filename=".")
def pivot_somewhere(fail):
    fail("pivot_root")
    pivot_root(".", "old")


@example("sethostname")
def set_host_name(fail):
    fail("sethostname")
    sethostname("name")


@example("gethostname")
def get_host_name(fail):
    fail("uname")
    gethostname()


@example("setdomainname")
def set_domain_name(fail):
    fail("setdomainname")
    setdomainname("name")


@example("getdomainname")
def get_domain_name(fail):
    fail("uname")
    getdomainname()


# of the calls that take the path of a mount: what each is called with
WITH_A_PATH = {
    "mount": lambda path: mount(None, path, "tmpfs"),
    "umount2": umount,
    "pivot_root": lambda path: pivot_root(path, "."),
    "fspick": lambda path: fspick(AT_FDCWD, path),
    "open_tree": lambda path: open_tree(AT_FDCWD, path, OPEN_TREE_CLONE),
    "open_tree_attr": lambda path: open_tree_attr(AT_FDCWD, path, OPEN_TREE_CLONE),
    "mount_setattr": lambda path: mount_setattr(AT_FDCWD, path, 0, MOUNT_ATTR_RDONLY),
}


def in_a_secret_directory(call, fail):
    os.chmod(".", 0o777)
    os.mkdir("secret", 0)
    support.become_nobody()
    support.own_namespaces(root=False)
    WITH_A_PATH[call]("secret/place")


def in_a_loop(call, fail):
    support.own_mounts()
    os.symlink("loop", "loop")
    WITH_A_PATH[call]("loop")


def with_a_long_name(call, fail):
    support.own_mounts()
    WITH_A_PATH[call]("n" * 256)


def that_is_missing(call, fail):
    support.own_mounts()
    WITH_A_PATH[call]("missing")


def below_a_file(call, fail):
    support.own_mounts()
    Path("file").touch()
    WITH_A_PATH[call]("file/place")


def without_privileges(call, fail):
    os.chmod(".", 0o777)
    support.become_nobody()
    WITH_A_PATH[call](".")


PATHS = {
    errno.EACCES: (in_a_secret_directory, "secret/place", "'secret/place'|permission"),
    errno.ELOOP: (in_a_loop, "loop", "loop|symbolic"),
    errno.ENAMETOOLONG: (with_a_long_name, "n" * 256, "longer than"),
    errno.ENOENT: (that_is_missing, "missing", "'missing' does not exist"),
    errno.ENOTDIR: (below_a_file, "file/place", "not a directory"),
    errno.EPERM: (without_privileges, ".", "CAP_SYS_ADMIN"),
}
for call in WITH_A_PATH:
    for number, (function, filename, words) in PATHS.items():
        partial = functools.partial(function, call)
        partial.__name__ = function.__name__
        provokes(call, number, support.needs_mounts, filename=filename, words=words)(partial)


@provokes("mount", errno.EBUSY, support.needs_mounts, filename=".", words="open for writing")
def read_only_with_an_open_file(fail):
    support.own_mounts(".")
    os.chdir(os.getcwd())  # into the new mount
    with open("file", "w"):
        mount(None, ".", None, MS_REMOUNT | MS_RDONLY)


@provokes("mount", errno.EINVAL, support.needs_mounts, filename="none", words="not a mount point")
def remount_of_a_directory(fail):
    support.own_mounts()
    mount("none", ".", None, MS_REMOUNT)


@provokes("mount", errno.ENODEV, support.needs_mounts, filename="source", words="'nofs'")
def filesystem_of_no_kernel(fail):
    support.own_mounts()
    mount("source", ".", "nofs")


@provokes("mount", errno.ENOTBLK, needs("CAP_SYS_ADMIN"), support.needs_ext4, filename="file", words="a file")
def filesystem_in_a_file(fail):
    support.own_mounts()
    Path("file").touch()
    mount("file", ".", "ext4")


@provokes("mount", errno.ENXIO, needs("CAP_SYS_ADMIN", "CAP_MKNOD"), support.needs_ext4, filename="device")
def device_without_a_driver(fail):
    support.own_mounts()
    os.mknod("device", 0o600 | stat.S_IFBLK, os.makedev(511, 0))
    mount("device", ".", "ext4")


@provokes("umount2", errno.EAGAIN, support.needs_mounts, filename="place", words="call again")
def unmount_at_the_second_call(fail):
    os.mkdir("place")
    support.own_mounts("place")
    umount("place", MNT_EXPIRE)


@provokes("umount2", errno.EBUSY, support.needs_mounts, filename="place", words="descriptor [0-9]+")
def unmount_what_is_used(fail):
    os.mkdir("place")
    support.own_mounts("place")
    with open("place/file", "w"):
        umount("place")


@provokes("umount2", errno.EINVAL, support.needs_mounts, filename=".", words="not a mount point")
def unmount_a_directory(fail):
    support.own_mounts()
    umount(".")


@provokes("pivot_root", errno.EBUSY, support.needs_mounts, filename="new", words="'/' is on the same mount as the root")
def pivot_with_the_old_root_in_its_place(fail):
    os.mkdir("new")
    support.own_mounts("new")
    pivot_root("new", "/")


@provokes("pivot_root", errno.EINVAL, support.needs_mounts, filename="new", words="'old' is not below 'new'")
def pivot_beside_the_root(fail):
    os.mkdir("new")
    os.mkdir("old")
    support.own_mounts("new")
    support.raw_mount("tmpfs", "old", "tmpfs")
    pivot_root("new", "old")


for call, function in {"sethostname": sethostname, "setdomainname": setdomainname}.items():

    @provokes(call, errno.EINVAL, support.needs_mounts, words="65 bytes; at most 64")
    def name_too_long(fail, function=function):
        support.own_uts()
        function("x" * 65)

    @provokes(call, errno.EPERM, words="CAP_SYS_ADMIN")
    def name_without_privileges(fail, function=function):
        support.become_nobody()
        function("x")


# clone

UTS = "/proc/self/ns/uts"


@example("unshare")
def unshare_something(fail):
    fail("unshare")
    clone.unshare(clone.CLONE_NEWUSER | clone.CLONE_NEWPID | clone.CLONE_FILES)


@provokes("unshare", errno.EINVAL, words="unknown flags 0x1")
def unshare_what_nobody_knows(fail):
    clone.unshare(1)


@provokes("unshare", errno.ENOSPC, support.needs_namespaces, words="user.max_uts_namespaces is 0")
def unshare_one_too_many(fail):
    support.own_namespaces()
    Path("/proc/sys/user/max_uts_namespaces").write_text("0")
    clone.unshare(clone.CLONE_NEWUTS)


@provokes("unshare", errno.EPERM, words="CLONE_NEWUTS needs CAP_SYS_ADMIN")
def unshare_as_nobody(fail):
    support.become_nobody()
    clone.unshare(clone.CLONE_NEWUTS)


@example("setns")
def join(fail):
    namespace = clone.Namespace(UTS)
    fail("setns")
    clone.setns(namespace)


@provokes("setns", errno.EBADF)
def join_what_is_closed(fail):
    clone.setns(999_999)


@provokes("setns", errno.EINVAL, words="neither a namespace nor a pidfd, but 'pipe:")
def join_a_pipe(fail):
    clone.setns(os.pipe()[0])


@provokes("setns", errno.EPERM, words="CAP_SYS_ADMIN")
def join_as_nobody(fail):
    support.become_nobody()
    clone.setns(os.open(UTS, os.O_RDONLY))


@provokes("setns", errno.ESRCH, needs(kernel=(5, 8)))
def join_a_process_that_has_ended(fail):
    child = os.fork()
    if child == 0:
        os._exit(0)
    pidfd = support.libc.syscall(434, child, 0)
    os.waitpid(child, 0)
    clone.setns(pidfd, clone.CLONE_NEWUTS)


@provokes("setns", errno.EUSERS, needs("CAP_SYS_ADMIN", kernel=(5, 6)), words="2 threads: ")
def join_a_time_with_threads(fail):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    clone.setns(clone.Namespace.current("time"))


@example("open of a namespace", filename=UTS)
def open_a_namespace(fail):
    fail("statfs")
    clone.Namespace(UTS)


@provokes("open of a namespace", errno.EACCES, filename="/proc/1/ns/uts")
def open_that_of_init(fail):
    support.become_nobody()
    clone.Namespace.of(1, clone.CLONE_NEWUTS)


@provokes("open of a namespace", errno.EINVAL, filename="/dev/null")
def open_a_device(fail):
    clone.Namespace("/dev/null")


@provokes("open of a namespace", errno.ELOOP, filename="loop")
def open_a_loop(fail):
    os.symlink("loop", "loop")
    clone.Namespace("loop")


@provokes("open of a namespace", errno.EMFILE, filename=UTS, words="RLIMIT_NOFILE is 3")
def open_one_too_many(fail):
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    clone.Namespace(UTS)


@provokes("open of a namespace", errno.ENAMETOOLONG, filename="n" * 256)
def open_a_long_name(fail):
    clone.Namespace("n" * 256)


@provokes("open of a namespace", errno.ENOENT, filename="missing", words="path does not exist")
def open_what_is_missing(fail):
    clone.Namespace("missing")


@provokes("open of a namespace", errno.ENOTDIR, filename="/dev/null/file")
def open_below_a_file(fail):
    clone.Namespace("/dev/null/file")


@example("ioctl of a namespace")
def ask_a_namespace(fail):
    namespace = clone.Namespace(UTS)
    fail("ioctl", namespace.fileno())
    namespace.userns()


@provokes("ioctl of a namespace", errno.EBADF)
def ask_a_closed_number(fail):
    namespace = clone.Namespace(UTS)
    os.close(namespace.fileno())
    namespace.userns()


@provokes("ioctl of a namespace", errno.EINVAL, words="a uts namespace does not have this")
def ask_for_a_parent(fail):
    clone.Namespace(UTS).parent()


@provokes("ioctl of a namespace", errno.ENOTTY, words="not a namespace, but 'pipe:")
def ask_a_pipe(fail):
    clone.run_in(os.getpid, os.pipe()[0])


@provokes("ioctl of a namespace", errno.EPERM, words="outside the namespace of this process")
def ask_for_the_parent_of_ones_own(fail):
    clone.Namespace.current("user").parent()


@example("mount namespace", "/proc/self/ns/mnt", needs(kernel=(6, 15)))
def monitor_the_mounts_of_a_process(fail):
    fail("statfs")
    MountMonitor("/proc/self/ns/mnt")


@example("mount namespace", None, needs(kernel=(6, 15)))
def monitor_the_mounts_of_a_namespace(fail):
    namespace = clone.Namespace("/proc/self/ns/mnt")
    fail("ioctl", namespace.fileno())
    MountMonitor(namespace)


@provokes("mount namespace", errno.EBADF, needs(kernel=(6, 15)), words="descriptor is not open")
def monitor_a_closed_number(fail):
    MountMonitor(999_999)


@provokes(
    "mount namespace", errno.EINVAL, needs(kernel=(6, 15)), filename=UTS, words="the path is not a mount namespace"
)
def monitor_another_namespace(fail):
    MountMonitor(UTS)


@provokes("mount namespace", errno.ENOTTY, needs(kernel=(6, 15)), words="is not a mount namespace, as")
def monitor_a_pipe(fail):
    MountMonitor(os.pipe()[0])


@provokes(
    "mount namespace", errno.ENOENT, needs(kernel=(6, 15)), filename="/proc/0/ns/mnt", words="the process has ended"
)
def monitor_a_process_that_ended(fail):
    MountMonitor("/proc/0/ns/mnt")


@provokes("mount namespace", errno.ENODATA, needs("CAP_SYS_ADMIN", kernel=(6, 16)), words="has ended")
def monitor_a_namespace_that_ends(fail):
    with support.Mounter(".") as other, MountMonitor(f"/proc/{other.pid}/ns/mnt") as monitor:
        other.end()
        list(monitor)
        monitor.wait(60)


# trees


@example("Tree", filename=".")
def watch_a_tree(fail):
    fail("openat")
    Tree(".")


@example("Tree", filename=".")
def wait_for_a_tree(fail):
    fail("epoll_create1")
    Tree(".")


@provokes("Tree", errno.EACCES, filename="secret", words="no permission")
def watch_a_secret_tree(fail):
    os.chmod(".", 0o777)
    os.mkdir("secret", 0)
    support.become_nobody()
    Tree("secret")


@provokes("Tree", errno.EAGAIN, words="nothing has changed")
def read_a_quiet_tree(fail):
    tree = Tree(".")
    os.set_blocking(tree.fileno(), False)
    tree.read_event()


@provokes("Tree", errno.EMFILE, filename=".", words="RLIMIT_NOFILE is 3")
def watch_one_tree_too_many(fail):
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    Tree(".")


@provokes("Tree", errno.ENAMETOOLONG, filename="n" * 256)
def watch_a_tree_with_a_long_name(fail):
    Tree("n" * 256)


@provokes("Tree", errno.ENOENT, filename="missing")
def watch_a_missing_tree(fail):
    Tree("missing")


@provokes("Tree", errno.ENOSPC, support.needs_namespaces, filename=".", words=r"0 directories, and the tree needs \d+")
def watch_a_tree_without_watches(fail):
    support.own_namespaces()
    Path("/proc/sys/user/max_inotify_watches").write_text("0")
    Tree(".", backend="inotify")


@provokes("Tree", errno.ELOOP, filename="loop", words="too many symbolic links")
def watch_a_tree_in_a_loop(fail):
    os.symlink("loop", "loop")
    Tree("loop")


@provokes("Tree", errno.EOPNOTSUPP, support.needs_namespaces, filename=".", words="/proc is not mounted")
def watch_without_proc(fail):
    support.own_namespaces()
    mount("none", "/proc", "tmpfs")
    Tree(".")


@provokes("Tree", errno.ENOTDIR, filename="file")
def watch_a_file_as_a_tree(fail):
    Path("file").touch()
    Tree("file")


@example("map_ids")
def map_an_id(fail):
    fail("write", support.next_descriptor())
    clone.map_ids(os.getpid(), [(0, 0, 1)])


@provokes("map_ids", errno.EACCES, words="process 1 belongs to another user")
def map_ids_of_init(fail):
    support.become_nobody()
    clone.map_ids(1, [(0, os.geteuid(), 1)])


@provokes("map_ids", errno.EINVAL, support.needs_namespaces, words="at most 340 ranges")
def map_too_many(fail):
    clone.unshare(clone.CLONE_NEWUSER)
    clone.map_ids(os.getpid(), [(number, number, 1) for number in range(400)])


@provokes("map_ids", errno.ENOENT, words="no process 2147483647")
def map_ids_of_nobody(fail):
    clone.map_ids(2**31 - 1, [(0, os.geteuid(), 1)])


@provokes("map_ids", errno.EPERM, words="has been written already")
def map_ids_twice(fail):
    clone.map_ids(os.getpid(), [(0, os.geteuid(), 1)])


# prctl: tests/kernel/test_prctl.py has the causes that an option's sentence tells apart


@example("prctl")
def ask_prctl(fail):
    fail("prctl")
    prctl(PR_GET_DUMPABLE)


@provokes("prctl", errno.EACCES, words=r"CAP_SYS_ADMIN, or prctl\.no_new_privs")
def filter_without_privileges(fail):
    capabilities.effective = ()
    # a program of one instruction, which allows everything
    code = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0x7FFF0000))
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, struct.pack("@HP", 1, ctypes.addressof(code)))


@provokes("prctl", errno.EFAULT)
def name_at_no_address(fail):
    prctl(PR_SET_NAME, 1)


@provokes("prctl", errno.EINVAL, words="neither this kernel nor butter")
def strange_option(fail):
    prctl(999)


@provokes("prctl", errno.ENODEV, needs(kernel=(4, 17)))
def strange_flaw(fail):
    prctl(PR_GET_SPECULATION_CTRL, 99)


@provokes("prctl", errno.EPERM, words="PR_CAPBSET_DROP needs CAP_SETPCAP")
def drop_without_privileges(fail):
    capabilities.effective = ()
    prctl(PR_CAPBSET_DROP, 1)


# seccomp: tests/kernel/test_seccomp.py has the causes that its sentences tell apart

ALLOW_ALL = Filter(ALLOW).program()


def load_filter(flags=0, program=ALLOW_ALL):
    prctl.no_new_privs = True
    seccomp(SECCOMP_SET_MODE_FILTER, flags, program)


@example("seccomp")
def load_a_filter(fail):
    fail("seccomp")
    load_filter()


@example("seccomp")
def ask_for_an_action(fail):
    fail("seccomp")
    seccomp(SECCOMP_GET_ACTION_AVAIL, 0, ALLOW)


@provokes("seccomp", errno.EACCES, words=r"needs no_new_privs.*or CAP_SYS_ADMIN")
def load_without_privileges(fail):
    capabilities.effective = ()
    seccomp(SECCOMP_SET_MODE_FILTER, 0, ALLOW_ALL)


@provokes("seccomp", errno.EBUSY, needs(kernel=(5, 0)), words="a listener already")
def load_a_second_listener(fail):
    load_filter(SECCOMP_FILTER_FLAG_NEW_LISTENER)
    load_filter(SECCOMP_FILTER_FLAG_NEW_LISTENER)


@provokes("seccomp", errno.EFAULT)
def ask_at_no_address(fail):
    result = support.libc.syscall(support.number_of("seccomp"), SECCOMP_GET_ACTION_AVAIL, 0, None)
    assert result == -1
    SECCOMP.fail(ctypes.get_errno())


@provokes("seccomp", errno.EINVAL, words="the last instruction of the program is not a return")
def load_an_endless_program(fail):
    load_filter(program=ALLOW_ALL[:8])


@provokes("seccomp", errno.EMFILE, needs(kernel=(5, 0)), words="RLIMIT_NOFILE")
def load_without_a_descriptor(fail):
    limit("RLIMIT_NOFILE", 0)
    load_filter(SECCOMP_FILTER_FLAG_NEW_LISTENER)


@provokes("seccomp", errno.ENOMEM, words="32768 instructions together")
def load_too_much(fail):
    for _ in range(10):
        load_filter(program=bytes(8 * 4095) + ALLOW_ALL[-16:-8])


@provokes("seccomp", errno.EOPNOTSUPP, words="does not know the action 0x7ff10000")
def ask_for_a_strange_action(fail):
    seccomp(SECCOMP_GET_ACTION_AVAIL, 0, 0x7FF10000)


@provokes("seccomp", errno.ESRCH, words=r"thread \d+ of this process has a filter")
def load_beside_another_filter(fail):
    loaded, done = threading.Event(), threading.Event()

    def other():
        load_filter()
        loaded.set()
        done.wait()

    threading.Thread(target=other, daemon=True).start()
    loaded.wait()
    load_filter(SECCOMP_FILTER_FLAG_TSYNC)


@example("capget")
def ask_capget(fail):
    fail("capget")
    capget()


@provokes("capget", errno.EINVAL, words="thread -1")
def capabilities_of_a_negative_thread(fail):
    capget(-1)


@provokes("capget", errno.ESRCH, words="thread 4194305")
def capabilities_of_a_missing_thread(fail):
    capget((1 << 22) + 1)


@example("capset")
def ask_capset(fail):
    sets = capget()
    fail("capset")
    capset(*sets)


@provokes("capset", errno.EPERM, words=r"thread \d+ is another one")
def capabilities_for_another_thread(fail):
    capset(*capget(), pid=os.getppid())


@example("getxattr", filename="file")
def ask_file(fail):
    Path("file").touch()
    fail("getxattr")
    get_file_capabilities("file")


@example("setxattr", filename="file")
def change_file(fail):
    Path("file").touch()
    fail("setxattr")
    set_file_capabilities("file")


@example("removexattr", filename="file")
def clear_file(fail):
    Path("file").touch()
    fail("removexattr")
    remove_file_capabilities("file")


FILE_CALLS = {
    "getxattr": get_file_capabilities,
    "setxattr": set_file_capabilities,
    "removexattr": remove_file_capabilities,
}


def secret_file(function, fail):
    os.chmod(".", 0o777)
    os.mkdir("secret", 0)
    support.become_nobody()
    function("secret/file")


def file_by_a_closed_number(function, fail):
    function(999_999)


def file_in_a_loop(function, fail):
    os.symlink("loop", "loop")
    function("loop")


def file_with_a_long_name(function, fail):
    function("n" * 256)


def missing_file(function, fail):
    function("missing")


def file_below_a_file(function, fail):
    Path("file").touch()
    function("file/below")


def file_of_proc(function, fail):
    function("/proc/self/stat")


def file_without_privileges(function, fail):
    Path("file").touch()
    capabilities.effective -= {31}
    function("file")


FILE_WAYS = [
    (errno.EACCES, secret_file, "secret/file", ""),
    (errno.EBADF, file_by_a_closed_number, None, "999999"),
    (errno.ELOOP, file_in_a_loop, "loop", ""),
    (errno.ENAMETOOLONG, file_with_a_long_name, "n" * 256, ""),
    (errno.ENOENT, missing_file, "missing", ""),
    (errno.ENOTDIR, file_below_a_file, "file/below", ""),
    (errno.ENOTSUP, file_of_proc, "/proc/self/stat", "extended attributes"),
    (errno.EPERM, file_without_privileges, "file", "needs CAP_SETFCAP"),
]
for call, function in FILE_CALLS.items():
    for number, way, path, words in FILE_WAYS:
        if number in TABLES[call].meanings and (call, number) != ("getxattr", errno.EPERM):
            way = functools.wraps(way)(functools.partial(way, function))
            # before, a kernel with BPF as a security module does not ask for it
            since = (6, 9) if (call, number) == ("removexattr", errno.EPERM) else (4, 14)
            provokes(call, number, needs("CAP_SETFCAP", kernel=since), filename=path, words=words)(way)


@provokes("setxattr", errno.EINVAL, support.needs_namespaces, filename="file", words="rootid")
def strange_rootid(fail):
    Path("file").touch()
    support.own_namespaces()
    set_file_capabilities("file", rootid=12345)


# the mount API; a context is that of a namespace of the child's own


@example("fsopen")
def open_a_context(fail):
    fail("fsopen")
    fsopen("tmpfs")


@example("fsconfig")
def configure(fail):
    fail("fsconfig")
    fsconfig(999_999, FSCONFIG_SET_FLAG, "ro")


@example("fsmount")
def mount_a_context(fail):
    fail("fsmount")
    fsmount(999_999)


@example("fspick", filename="/")
def pick(fail):
    fail("fspick")
    fspick(AT_FDCWD, "/")


@example("open_tree_attr", filename="/")
def open_tree_with_attributes(fail):
    fail("open_tree_attr")
    open_tree_attr(AT_FDCWD, "/", OPEN_TREE_CLONE, MOUNT_ATTR_RDONLY)


@example("open_tree_attr", filename="/")
def open_tree_without_a_clone(fail):
    fail("open_tree_attr")
    open_tree_attr(AT_FDCWD, "/")


@example("mount_setattr", filename="/")
def set_attributes(fail):
    fail("mount_setattr")
    mount_setattr(AT_FDCWD, "/", 0, MOUNT_ATTR_RDONLY)


@example("move_mount", filename="/")
def move(fail):
    fail("move_mount")
    move_mount(AT_FDCWD, "/", AT_FDCWD, "/")


@example("statmount")
def status_of_a_mount(fail):
    fail("statmount")
    statmount(1 << 40, STATMOUNT_MNT_BASIC)


@example("listmount")
def list_of_mounts(fail):
    fail("listmount")
    listmount()


@example("statx", None, needs(kernel=(5, 8)))
def id_of_a_mount(fail):
    mount = Mount("/")
    fail("statx", mount.fileno())
    assert mount.id


def context(fstype="tmpfs"):
    support.own_namespaces()
    return fsopen(fstype)


@provokes("fsopen", errno.EINVAL, support.needs_namespaces, words="unknown flags 0x10")
def unknown_flag_of_fsopen(fail):
    support.own_namespaces()
    fsopen("tmpfs", 0x10)


@provokes("fsopen", errno.ENODEV, support.needs_namespaces, words="no filesystem 'nonsense'")
def open_what_no_kernel_has(fail):
    context("nonsense")


@provokes("fsopen", errno.EPERM, words="CAP_SYS_ADMIN")
def open_a_context_as_nobody(fail):
    support.become_nobody()
    fsopen("tmpfs")


@provokes("fsopen", errno.EMFILE, support.needs_namespaces)
def no_descriptor_left_for_a_context(fail):
    support.own_namespaces()
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    fsopen("tmpfs")


@provokes("fsconfig", errno.EBADF, support.needs_namespaces, words="aux 999999")
def configure_with_what_is_closed(fail):
    fsconfig(context("fuse"), FSCONFIG_SET_FD, "fd", aux=999_999)


@provokes("fsconfig", errno.EBUSY, support.needs_namespaces, words="has been used")
def create_twice(fail):
    fd = context()
    fsconfig(fd, FSCONFIG_CMD_CREATE)
    fsconfig(fd, FSCONFIG_CMD_CREATE)


@provokes("fsconfig", errno.EINVAL, words="is not a filesystem context")
def configure_another_kind(fail):
    fsconfig(os.pipe()[0], FSCONFIG_SET_FLAG, "ro")


@provokes("fsconfig", errno.ENAMETOOLONG, support.needs_namespaces, needs(kernel=(6, 7)))
def configure_with_a_long_path(fail):
    fsconfig(context("overlay"), FSCONFIG_SET_PATH, "lowerdir+", "p" * 5000)


@provokes("fsconfig", errno.EOPNOTSUPP, support.needs_namespaces, words="no command 100")
def unknown_command(fail):
    fsconfig(context(), 100)


@provokes("fsconfig", errno.EPERM, support.needs_namespaces, words="user namespace")
def create_what_only_root_may(fail):
    fsconfig(context("ext4"), FSCONFIG_CMD_CREATE)


@provokes("fsmount", errno.EBADF, support.needs_namespaces)
def mount_what_is_closed(fail):
    support.own_namespaces()
    fsmount(999_999)


@provokes("fsmount", errno.EBUSY, support.needs_namespaces, words="a mount already")
def mount_twice(fail):
    fd = created()
    fsmount(fd)
    fsmount(fd)


@provokes("fsmount", errno.EINVAL, support.needs_namespaces, words="FSCONFIG_CMD_CREATE")
def mount_what_was_not_created(fail):
    fsmount(context())


@provokes("fsmount", errno.ENOSPC, support.needs_namespaces, words="user.max_mnt_namespaces is 0")
def one_mount_too_many(fail):
    fd = context()
    fsconfig(fd, FSCONFIG_CMD_CREATE)
    Path("/proc/sys/user/max_mnt_namespaces").write_text("0")
    fsmount(fd)


@provokes("fsmount", errno.EPERM, words="CAP_SYS_ADMIN")
def mount_as_nobody(fail):
    support.become_nobody()
    fsmount(0)


@provokes("fspick", errno.EBADF, support.needs_namespaces, filename="relative")
def pick_from_nowhere(fail):
    support.own_namespaces()
    fspick(999_999, "relative")


@provokes("fspick", errno.EINVAL, support.needs_namespaces, filename="/proc/self", words="not where a filesystem")
def pick_what_is_not_mounted(fail):
    support.own_namespaces()
    fspick(AT_FDCWD, "/proc/self")


@provokes("open_tree", errno.EBADF, filename="relative")
def open_tree_from_nowhere(fail):
    open_tree(999_999, "relative")


@provokes("open_tree", errno.EINVAL, filename="/", words="OPEN_TREE_CLONE")
def open_tree_recursively(fail):
    open_tree(AT_FDCWD, "/", AT_RECURSIVE)


@provokes("open_tree", errno.ENOSPC, support.needs_namespaces, filename=".", words="user.max_mnt_namespaces is 0")
def one_clone_too_many(fail):
    mount = Mount.adopt(fsmount(created()))
    Path("/proc/sys/user/max_mnt_namespaces").write_text("0")
    os.fchdir(os.open(".", os.O_RDONLY, dir_fd=mount.fileno()))
    open_tree(AT_FDCWD, ".", OPEN_TREE_CLONE)


def created():
    fd = context()
    fsconfig(fd, FSCONFIG_CMD_CREATE)
    return fd


@provokes("mount_setattr", errno.EBADF, support.needs_namespaces, filename="relative")
def set_from_nowhere(fail):
    support.own_namespaces()
    mount_setattr(999_999, "relative", 0, MOUNT_ATTR_RDONLY)


@provokes("mount_setattr", errno.EBUSY, support.needs_namespaces, words="open for writing")
def readonly_while_a_file_is_open(fail):
    mount = Mount.adopt(fsmount(created()))
    os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=mount.fileno())
    mount_setattr(mount, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY)


@provokes("mount_setattr", errno.EINVAL, support.needs_namespaces, filename="/proc/self", words="not where a mount")
def set_what_is_not_a_mount(fail):
    support.own_namespaces()
    mount_setattr(AT_FDCWD, "/proc/self", 0, MOUNT_ATTR_RDONLY)


@provokes("move_mount", errno.EBADF, support.needs_namespaces, filename="relative", words="999999 of the source")
def move_from_nowhere(fail):
    support.own_namespaces()
    move_mount(999_999, "relative", AT_FDCWD, "/")


@provokes(
    "move_mount",
    errno.EINVAL,
    support.needs_namespaces,
    filename="/proc/self",
    words="source '/proc/self' is not where a mount",
)
def move_what_is_not_a_mount(fail):
    support.own_namespaces()
    move_mount(AT_FDCWD, "/proc/self", AT_FDCWD, "/proc")


@provokes(
    "move_mount", errno.ENOENT, support.needs_namespaces, filename="/proc", words="target 'missing' does not exist"
)
def move_to_what_is_missing(fail):
    support.own_namespaces()
    move_mount(AT_FDCWD, "/proc", AT_FDCWD, "missing")


@provokes("move_mount", errno.EPERM, filename="/proc", words="CAP_SYS_ADMIN")
def move_as_nobody(fail):
    support.become_nobody()
    move_mount(AT_FDCWD, "/proc", AT_FDCWD, "/")


@provokes("statmount", errno.EINVAL, needs(kernel=(6, 8)), words="not the unique id")
def status_of_an_old_id(fail):
    statmount(1, STATMOUNT_MNT_BASIC)


@provokes("statmount", errno.ENOENT, needs(kernel=(6, 8)), words="no mount 0xffffffff")
def status_of_what_is_missing(fail):
    statmount(LSMT_ROOT - 1, STATMOUNT_MNT_BASIC)


@provokes("statmount", errno.EPERM, needs("CAP_SYS_ADMIN", kernel=(6, 8)), words="outside the root")
def status_of_what_is_outside(fail):
    mount = Mount("/").id
    os.chmod(".", 0o755)
    os.chroot(".")
    support.become_nobody()
    statmount(mount, STATMOUNT_MNT_BASIC)


@provokes("listmount", errno.EINVAL, needs(kernel=(6, 8)), words="unknown flags")
def unknown_flags_of_listmount(fail):
    listmount(flags=0xFFFFFFFF)


@provokes("listmount", errno.ENOENT, needs(kernel=(6, 8)), words="no mount 0xffffffff")
def list_of_what_is_missing(fail):
    listmount(LSMT_ROOT - 1)


# spawn: each option has a table of its own


def spawned(argv=("true",), **options):
    with spawn(argv, path="/usr/bin:/bin", timeout=60, **options) as child:
        child.wait()


def step(option, call, filename=None, arguments=None, **options):
    """The step of an option, whose system call fails in the child."""

    def fails(fail):
        fail(call, arguments=arguments)
        spawned(**options)

    fails.__name__ = f"step_{option}"
    example(f"spawn({option}" if ")" in option else f"spawn({option})", filename=filename)(fails)


step("new_session", "setsid", new_session=True)
step("process_group", "setpgid", process_group=0)
step("foreground", "ioctl", arguments={1: termios.TIOCSPGRP}, foreground=0)
step("cwd", "chdir", "/", cwd="/")
step("root", "chroot", "/", root="/")
step("umask", "umask", umask=0)
step("nice", "setpriority", nice=1)
step("rlimits", "prlimit64", rlimits={resource.RLIMIT_CORE: (0, 0)})
# F_DUPFD_CLOEXEC, which PyPy does not have
step("pass_fds", "fcntl", arguments={1: 1030}, pass_fds=[0])
step("stdin, stdout, stderr, pass_fds", "dup3", stdin=0)
step("groups", "setgroups", groups=[])
step("group", "setresgid", group=0)
step("user", "setresuid", user=0)
step("capabilities", "capset", capabilities=[])
step("pdeathsig", "prctl", arguments={0: 1}, pdeathsig=9)
step("no_new_privs", "prctl", arguments={0: 38}, no_new_privs=True)
step("signals", "rt_sigprocmask", arguments={0: signal.SIG_SETMASK})
FENCED = {"sandbox": Sandbox(execute=["/"])}
step("sandbox): landlock_restrict_self", "landlock_restrict_self", **FENCED)
# SECCOMP_SET_MODE_FILTER
step("sandbox): seccomp", "seccomp", arguments={0: 1}, **FENCED)
step("argv", "execve", "true")


@example("spawn")
def no_child(fail):
    fail("clone3")
    fail("clone")
    spawned()


@example("spawn")
def no_connection_with_a_child(fail):
    fail("socketpair")
    spawned()


@example("spawn")
def no_wait_for_a_child(fail):
    fail("ppoll")
    spawned()


@example("spawn")
def no_word_to_a_child(fail):
    support.own_uts()
    fail("sendto")
    spawned(namespaces=[clone.Namespace.current("uts"), CLONE_NEWIPC])


@example("spawn(namespaces)")
def no_child_of_a_middle_child(fail):
    support.own_uts()
    support.inject("clone3", errno.ENOSYS)
    # CLONE_PARENT and CLONE_PARENT_SETTID, without and with CLONE_VM
    for flags in CLONE_NEWIPC | 0x108000, CLONE_NEWIPC | 0x108100:
        fail("clone", first=flags)
    spawned(namespaces=[clone.Namespace.current("uts"), CLONE_NEWIPC])


@example("spawn(namespaces)")
def no_child_in_namespaces(fail):
    fail("clone3")
    fail("clone")
    spawned(namespaces=CLONE_NEWUTS)


@example("spawn(uid_map, gid_map)")
def wait_for_maps(fail):
    fail("read")
    spawned(namespaces=CLONE_NEWUSER, uid_map=[(0, os.geteuid(), 1)])


def stream(name, flags):
    """The file of a stream, which the child opens."""

    def fails(fail):
        Path("file").touch()
        fail("openat", arguments={2: flags | os.O_CLOEXEC})
        spawned(**{name: "file"})

    fails.__name__ = f"file_of_{name}"
    example(f"spawn({name})", filename="file")(fails)


stream("stdin", os.O_RDONLY)
stream("stdout", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
stream("stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)


def mounting(call, name, filename, arguments=None, **options):
    """A mount of a child in namespaces of its own, whose system call fails."""

    def fails(fail):
        fail(call, arguments=arguments)
        spawned(namespaces=CLONE_NEWUSER | CLONE_NEWNS, **options)

    example(f"spawn({name}): {call}", filename=filename)(fails)


mounting("mount", "namespaces", "/", {3: MS_REC | MS_PRIVATE})
mounting("mount", "mounts", "tmpfs", {3: 0}, mounts=[("tmpfs", ".", "tmpfs")])
mounting("mount", "root", "/tmp", {3: MS_BIND | MS_REC}, root="/tmp")
mounting("pivot_root", "root", "/tmp", root="/tmp")
mounting("umount2", "root", "/tmp", root="/tmp")


@example("spawn(mounts): move_mount", filename=".")
def attached_in_the_child(fail):
    support.own_mounts()
    with Mount.new("tmpfs") as detached:
        fail("move_mount")
        spawned(namespaces=CLONE_NEWNS, mounts=[(detached, ".")])


@example("spawn(namespaces): setns")
def joined_by_the_child(fail):
    with contextlib.closing(clone.Namespace.current("uts")) as joined:
        fail("setns")
        spawned(namespaces=joined)


@provokes("spawn(namespaces): setns", errno.EINVAL, words="user namespace .* is that of this process")
def user_namespace_of_this_process(fail):
    # the threads of this process are not the reason
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    with contextlib.closing(clone.Namespace.current("user")) as own:
        spawned(namespaces=own)


@example("spawn(cgroup)", filename=".")
def cgroup_opened(fail):
    fail("openat", arguments={2: os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC})
    spawned(cgroup=".")


@example("spawn(cgroup)")
def cgroup_joined_by_the_child(fail):
    directory = os.open(".", os.O_RDONLY)
    support.inject("clone3", errno.ENOSYS)
    fail("openat", arguments={2: os.O_WRONLY | os.O_CLOEXEC})
    spawned(cgroup=directory)


def let_no_signal_wait():
    resource.setrlimit(getattr(resource, "RLIMIT_SIGPENDING", 11), (0, 0))  # PyPy has no name for it


def limit(name, value):
    _, hard = resource.getrlimit(getattr(resource, name))
    resource.setrlimit(getattr(resource, name), (value, hard))


def of_a_user(option, number, words="", filename=None, limits=(), **options):
    """The kernel refuses it to a user without rights, and within these limits."""

    def fails(fail):
        support.become_nobody()
        for name, value in limits:
            limit(name, value)
        spawned(**options)

    fails.__name__ = f"user_{option}"
    call = f"spawn({option})" if option else "spawn"
    needed = needs("CAP_SETUID", "CAP_SETGID")
    provokes(call, number, needed, words=words, filename=filename)(fails)


of_a_user("namespaces", errno.EPERM, "CAP_SYS_ADMIN", namespaces=CLONE_NEWNET)
of_a_user("", errno.EAGAIN, r"RLIMIT_NPROC of this user \(0\)", limits=[("RLIMIT_NPROC", 0)])
of_a_user("cwd", errno.EACCES, "search", "/root", cwd="/root")
of_a_user("root", errno.EPERM, "CAP_SYS_CHROOT", "/", root="/")
of_a_user("nice", errno.EACCES, "CAP_SYS_NICE", nice=-1)
of_a_user("rlimits", errno.EPERM, "RLIMIT_NOFILE.*CAP_SYS_RESOURCE", rlimits={resource.RLIMIT_NOFILE: (5, 1 << 20)})
of_a_user("groups", errno.EPERM, "CAP_SETGID", groups=[])
of_a_user("group", errno.EPERM, "CAP_SETGID", group=0)
of_a_user("user", errno.EPERM, "CAP_SETUID", user=0)
of_a_user("capabilities", errno.EPERM, "CAP_SETPCAP", capabilities=[])


@provokes("spawn(namespaces)", errno.ENOSPC, support.needs_namespaces, words="user.max_uts_namespaces is 0")
def no_namespace_left(fail):
    support.own_namespaces()
    Path("/proc/sys/user/max_uts_namespaces").write_text("0")
    spawned(namespaces=CLONE_NEWUTS)


def refused(option, number, words="", filename=None, prepare=lambda: None, argv=("true",), marks=(), **options):
    """The kernel refuses it to everyone, once *prepare* was called."""

    def fails(fail):
        prepare()
        spawned(argv, **options)

    fails.__name__ = f"refused_{option}"
    provokes(f"spawn({option})" if option else "spawn", number, *marks, words=words, filename=filename)(fails)


def program(mode=0o755, text="#!/bin/sh\n"):
    Path("program").write_text(text)
    os.chmod("program", mode)


def open_program():
    program()
    os.open("program", os.O_RDWR)


LONG = "n" * 256
refused("", errno.EMFILE, "RLIMIT_NOFILE is 3", prepare=lambda: limit("RLIMIT_NOFILE", 3))
refused("stdin", errno.ENOENT, "does not exist", "none", stdin="none")
refused("stdout", errno.EISDIR, "a directory", ".", stdout=".")
refused("stdin, stdout, stderr, pass_fds", errno.EBADF, "rlimits", stdin=0, rlimits={resource.RLIMIT_NOFILE: (0, 0)})
refused("cgroup", errno.EBADF, "cgroup2", cgroup="/")
refused("cgroup", errno.ENOTDIR, "not a directory", "/dev/null", cgroup="/dev/null")
refused("cgroup", errno.ENAMETOOLONG, "longer", LONG, cgroup=LONG)
refused("cgroup", errno.ELOOP, "symbolic links", "loop", lambda: os.symlink("loop", "loop"), cgroup="loop")
refused("cwd", errno.ENOENT, "does not exist", "none", cwd="none")
refused("cwd", errno.ENOTDIR, "not a directory", "/dev/null", cwd="/dev/null")
refused("cwd", errno.ENAMETOOLONG, "longer", LONG, cwd=LONG)
refused("cwd", errno.ELOOP, "symbolic links", "loop", lambda: os.symlink("loop", "loop"), cwd="loop")
refused("root", errno.ENOENT, "does not exist", "none", root="none")
refused("root", errno.ENOTDIR, "not a directory", "/dev/null", root="/dev/null")
refused("process_group", errno.EPERM, "no such process group", process_group=1)
refused("foreground", errno.EBADF, "999 is not open", foreground=999)
refused("foreground", errno.ENOTTY, "is not the terminal", prepare=lambda: os.dup2(os.pipe()[0], 0), foreground=0)
refused("rlimits", errno.EINVAL, "there is no limit 99", rlimits={99: (0, 0)})
refused("pass_fds", errno.EBADF, "999 is not open", pass_fds=[999])
refused("pass_fds", errno.EINVAL, "RLIMIT_NOFILE is 64", None, lambda: limit("RLIMIT_NOFILE", 64), pass_fds={64: 0})
refused("groups", errno.EINVAL, "65537 groups", groups=range(65537), marks=[needs("CAP_SETGID")])
refused("argv", errno.ENOENT, "does not exist", "none", argv=["none"])
refused("argv", errno.ENOTDIR, "not a directory", "/dev/null/a", argv=["/dev/null/a"])
refused("argv", errno.EACCES, "mode", "./program", lambda: program(0o644), argv=["./program"])
refused("argv", errno.ENOEXEC, "#!", "./program", lambda: program(text="echo"), argv=["./program"])
refused("argv", errno.ETXTBSY, "open for writing", "./program", open_program, argv=["./program"])
refused("argv", errno.E2BIG, "too long", "true", argv=["true", "a" * (1 << 20)])
refused("argv", errno.ELOOP, "", "./program", lambda: program(text="#!./program\n"), argv=["./program"])
refused("argv", errno.ENAMETOOLONG, "longer", f"./{LONG}", argv=[f"./{LONG}"])


# handles of files


@example("name_to_handle_at", filename="place")
def handle_of_a_place(fail):
    Path("place").mkdir()
    fail("name_to_handle_at")
    name_to_handle_at(AT_FDCWD, "place")


@example("name_to_handle_at")
def handle_of_a_descriptor(fail):
    fail("name_to_handle_at")
    FileHandle.of("", os.open(".", os.O_RDONLY))


@example("name_to_handle_at", filename="place")
def filesystem_of_a_handle(fail):
    Path("place").mkdir()
    fail("openat", arguments={2: 0o12400000})  # O_PATH, O_NOFOLLOW, O_CLOEXEC
    # the directory may be on an overlay, whose handles cannot be opened
    name_to_handle_at(AT_FDCWD, "place", AT_HANDLE_FID if support.kernel() >= (6, 5) else 0)


def refused_handle(number, words, *arguments, marks=(), prepare=lambda: None):
    """The kernel refuses a handle to everyone, once *prepare* was called."""

    def without_a_handle(fail):
        prepare()
        name_to_handle_at(*arguments)

    provokes("name_to_handle_at", number, *marks, filename=arguments[1] or None, words=words)(without_a_handle)


refused_handle(errno.EBADF, "999 is not open.*relative or empty", 999, "place")
refused_handle(errno.EINVAL, "has no flag 0x10000", AT_FDCWD, ".", 0x10000)
refused_handle(errno.ENOENT, "add AT_EMPTY_PATH", AT_FDCWD, "")
refused_handle(errno.ENAMETOOLONG, "longer", AT_FDCWD, "n" * 256)
refused_handle(errno.ELOOP, "symbolic", AT_FDCWD, "loop/a", prepare=lambda: os.symlink("loop", "loop"))
refused_handle(errno.ENOTDIR, "part of the path is not", AT_FDCWD, "/dev/null/a")
refused_handle(errno.EOPNOTSUPP, r"the filesystem \(proc\) has no handles", AT_FDCWD, "/proc/self")


@provokes("name_to_handle_at", errno.EMFILE, filename=".", words="RLIMIT_NOFILE is 3")
def handle_without_a_descriptor(fail):
    limit("RLIMIT_NOFILE", 3)
    FileHandle.of(".")


@provokes("name_to_handle_at", errno.EACCES, filename="secret/place", words="search")
def handle_in_a_secret_directory(fail):
    os.chmod(".", 0o777)
    os.mkdir("secret", 0)
    support.become_nobody()
    name_to_handle_at(AT_FDCWD, "secret/place")


@example("open_by_handle_at")
def open_a_handle(fail):
    handle = FileHandle.of(".")
    fail("open_by_handle_at")
    open_by_handle_at(AT_FDCWD, handle)


def refused_to_open(number, words, path=".", flags=os.O_RDONLY, mount=AT_FDCWD, prepare=lambda: None, **fields):
    """The kernel opens no such handle for anyone, once *prepare* was called."""

    def without_a_file(fail):
        support.own_mounts(".")
        os.chdir(os.getcwd())  # into the new mount
        Path("file").touch()
        os.symlink("file", "link")
        handle = FileHandle.of(path, follow=False)._replace(**fields)
        prepare()
        open_by_handle_at(mount() if callable(mount) else mount, handle, flags)

    marks = needs("CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN")
    provokes("open_by_handle_at", number, marks, words=words)(without_a_file)


refused_to_open(errno.EBADF, "opened with O_PATH", mount=lambda: os.open(".", 0o10000000))
refused_to_open(errno.EINVAL, "has 0 bytes, which an event", handle=b"")
refused_to_open(errno.EISDIR, "for writing", flags=os.O_WRONLY)
refused_to_open(errno.ELOOP, "O_PATH alone", "link")
refused_to_open(errno.ENOTDIR, "O_DIRECTORY asked", "file", os.O_DIRECTORY)
refused_to_open(errno.ESTALE, "is of another filesystem: its fsid is", handle=b"\xff" * 8, fsid=(1, 2))
refused_to_open(errno.EMFILE, "RLIMIT_NOFILE is 3", prepare=lambda: limit("RLIMIT_NOFILE", 3))


@provokes("open_by_handle_at", errno.EPERM, words="CAP_DAC_READ_SEARCH")
def open_a_handle_as_nobody(fail):
    handle = FileHandle.of(".")
    support.become_nobody()
    open_by_handle_at(AT_FDCWD, handle)


@provokes("spawn(namespaces): mount", errno.EINVAL, needs("CAP_SYS_ADMIN", "CAP_SYS_CHROOT"), filename="/")
def mounts_made_private_in_a_chroot(fail):
    os.chroot(".")
    spawned(namespaces=CLONE_NEWNS)


def in_a_cgroup(number, words, prepare, become=lambda: None):
    """The kernel refuses to make a process in the control group of *prepare*."""

    def body(directory):
        become()
        spawned(cgroup=directory)

    def fails(fail):
        with support.own_cgroup() as path:
            directory = prepare(path)
            try:
                in_child(body, directory)
            finally:
                for child in filter(Path.is_dir, path.iterdir()):
                    child.rmdir()

    fails.__name__ = prepare.__name__
    provokes("spawn(cgroup)", number, support.needs_cgroup, words=words)(fails)


def removed_cgroup(path):
    (path / "removed").mkdir()
    directory = os.open(path / "removed", os.O_RDONLY)
    (path / "removed").rmdir()
    return directory


def cgroup_beside_a_threaded_one(path):
    (path / "threads").mkdir()
    (path / "threads" / "cgroup.type").write_text("threaded")
    (path / "invalid").mkdir()
    return os.open(path / "invalid", os.O_RDONLY)


def cgroup_of_another_user(path):
    return os.open(path, os.O_RDONLY)


in_a_cgroup(errno.ENOENT, "was removed", removed_cgroup)
in_a_cgroup(errno.EOPNOTSUPP, "domain invalid", cgroup_beside_a_threaded_one)
in_a_cgroup(errno.EACCES, "move a process", cgroup_of_another_user, support.become_nobody)


# seccomp: notifications


def called(blocking=True):
    """A listener, and a notification of a thread that waits until this process ends."""
    prctl.no_new_privs = True
    made = []

    def fenced():
        made.append(Filter(ALLOW).add("getppid", NOTIFY).listen())
        support.libc.syscall(support.number_of("getppid"), b"x" * 5000)

    threading.Thread(target=fenced, daemon=True).start()
    while not made:
        time.sleep(0.001)
    notification = made[0].wait(30)
    os.set_blocking(made[0].fileno(), blocking)
    return made[0], notification


def called_and_gone():
    """A listener and a notification, whose task is not there any more."""
    with support.Fences() as fences:
        fence = fences.make()
        listener = Listener.adopt(fence.fd)
        fence.call("/path")
        notification = listener.wait(30)
        fence.close()
        while notification.valid():
            time.sleep(0.001)
    return listener, notification


def on_another_kind(listener):
    """Put a pipe that is readable in the place of a listener."""
    reading, writing = os.pipe()
    os.write(writing, b"not a notification")
    os.dup2(reading, listener.fileno())


@example("read of a seccomp listener", None, *Calls.marks())
def read_of_a_listener(fail):
    with support.Fences() as fences:
        fence = fences.make()
        listener = Listener.adopt(fence.fd)
        os.set_blocking(fence.fd, False)
        fence.call()
        fail("ioctl", listener.fileno())
        listener.read_event()


@provokes("read of a seccomp listener", errno.EAGAIN)
def read_without_a_call(fail):
    listener, _notification = called(blocking=False)
    listener.read_event()


@provokes("read of a seccomp listener", errno.EBADF, words="is not open")
def read_of_a_closed_listener(fail):
    listener, _ = called()
    os.close(listener.fileno())
    listener.read_event()


@provokes("read of a seccomp listener", errno.ENODATA)
def read_without_a_task(fail):
    called_and_gone()[0].read_event()


@provokes("read of a seccomp listener", errno.ENOTTY, words="is not a seccomp listener")
def read_of_a_pipe_as_a_listener(fail):
    listener, _ = called()
    on_another_kind(listener)
    listener.read_event()


CALLS = {
    "answer to a notification": lambda notification: notification.respond(0),
    "validity of a notification": lambda notification: notification.read_memory(notification.arguments[0], 1),
    "add_fd": lambda notification: notification.add_fd(0),
}


def use_of_a_notification(call, fail):
    listener, notification = called()
    fail("ioctl", listener.fileno())
    CALLS[call](notification)


def use_when_closed(call, fail):
    listener, notification = called()
    os.close(listener.fileno())
    CALLS[call](notification)


def use_when_another(call, fail):
    listener, notification = called()
    on_another_kind(listener)
    CALLS[call](notification)


def use_when_gone(call, fail):
    listener, notification = called_and_gone()
    with listener:
        CALLS[call](notification)


for call in CALLS:
    for function, number in (
        (use_of_a_notification, None),
        (use_when_closed, errno.EBADF),
        (use_when_another, errno.ENOTTY),
        (use_when_gone, errno.ESRCH),
    ):
        way = functools.partial(function, call)
        way.__name__ = function.__name__
        if number is None:
            example(call, None, *Calls.marks())(way)
        elif (call, number) != ("validity of a notification", errno.ESRCH):
            provokes(call, number, *Calls.marks())(way)


@provokes("validity of a notification", errno.ESRCH)
def look_at_a_task_that_is_gone(fail):
    listener, notification = called_and_gone()
    with listener:
        notification.pidfd()


@provokes("answer to a notification", errno.EINVAL, words="refuses the answer")
def strange_answer(fail):
    listener, notification = called()
    listener._answers.give(notification.id, 0, 0, 2)


@provokes("add_fd", errno.EINVAL)
def strange_descriptor(fail):
    listener, notification = called()
    listener._answers.add_fd(notification.id, 4, 0, None, 0)


@provokes("add_fd", errno.EMFILE)
def descriptor_too_many_of_a_task(fail):
    _, notification = called()
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    notification.add_fd(0)


@example("flags of a seccomp listener", None, *Calls.marks())
def flags_of_a_listener(fail):
    listener, _ = called()
    fail("ioctl", listener.fileno())
    listener.set_flags(1)


@provokes("flags of a seccomp listener", errno.EINVAL, words="not 0x2")
def strange_flags_of_a_listener(fail):
    called()[0].set_flags(3)


@provokes("flags of a seccomp listener", errno.EBADF)
def flags_of_a_closed_listener(fail):
    listener, _ = called()
    os.close(listener.fileno())
    listener.set_flags(1)


@provokes("flags of a seccomp listener", errno.ENOTTY)
def flags_of_a_pipe(fail):
    listener, _ = called()
    on_another_kind(listener)
    listener.set_flags(1)


@example("process_vm_readv", None, *Calls.marks())
def memory_of_a_task(fail):
    _, notification = called()
    fail("process_vm_readv")
    notification.read_path(notification.arguments[0])


@provokes("process_vm_readv", errno.EFAULT, *Calls.marks(), words="at 0x1")
def memory_that_is_not_there(fail):
    called()[1].read_path(1)


@provokes("process_vm_readv", errno.ENAMETOOLONG, *Calls.marks())
def path_without_an_end(fail):
    _, notification = called()
    notification.read_path(notification.arguments[0])


@provokes("process_vm_readv", errno.EPERM, *Calls.marks(), words="CAP_SYS_PTRACE")
def memory_of_another_user(fail):
    support.become_nobody()
    read_memory(1, 1, 1)


@provokes("process_vm_readv", errno.ESRCH, *Calls.marks())
def memory_of_nothing(fail):
    with support.Child() as child:
        number = child.pid
    read_memory(number, 1, 1)


# rings


@provokes("io_uring_setup", errno.ENXIO, words="the ring whose workers this one should share")
def ring_that_shares_nothing(fail):
    io_uring_setup(2, UringParams(flags=IORING_SETUP_ATTACH_WQ, wq_fd=9999))


@example("io_uring_enter")
def enter_a_ring(fail):
    ring = io_uring_setup(2)[0]
    fail("io_uring_enter", ring)
    io_uring_enter(ring, 0, 0)


@provokes("io_uring_enter", errno.EINVAL, words="unknown flags 0x40000000")
def unknown_flag_of_enter(fail):
    io_uring_enter(io_uring_setup(2)[0], 0, 0, 1 << 30)


@provokes("io_uring_enter", errno.EOPNOTSUPP, words="not that of a ring")
def enter_a_pipe(fail):
    io_uring_enter(os.pipe()[0], 0, 0)


@provokes("io_uring_enter", errno.ETIME, needs(kernel=(5, 11)))
def enter_without_a_completion(fail):
    io_uring_enter(io_uring_setup(2)[0], 0, 1, IORING_ENTER_GETEVENTS, timeout=1000)


@provokes("io_uring_enter", errno.EBADFD, needs(kernel=(5, 10)))
def enter_a_disabled_ring(fail):
    io_uring_enter(io_uring_setup(2, UringParams(flags=IORING_SETUP_R_DISABLED))[0], 0, 0)


@provokes("io_uring_enter", errno.EEXIST, needs(kernel=(6, 0)))
def enter_the_ring_of_another_thread(fail):
    ring = Ring(2, IORING_SETUP_SINGLE_ISSUER)
    errors = []

    def enter():
        try:
            io_uring_enter(ring, 1, 0)
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    ring.close()
    raise errors[0]


@example("io_uring_register")
def register_in_a_ring(fail):
    ring = io_uring_setup(2)[0]
    fail("io_uring_register", ring)
    io_uring_register(ring, IORING_REGISTER_PROBE, bytearray(16))


@provokes("io_uring_register", errno.EINVAL, words="does not know the operation 999")
def unknown_operation_of_register(fail):
    io_uring_register(io_uring_setup(2)[0], 999)


@provokes("io_uring_register", errno.EOPNOTSUPP, words="not that of a ring")
def register_in_a_pipe(fail):
    io_uring_register(os.pipe()[0], IORING_REGISTER_PROBE, bytearray(16))


@provokes("io_uring_register", errno.ENXIO)
def forget_what_is_not_registered(fail):
    io_uring_register(io_uring_setup(2)[0], IORING_UNREGISTER_BUFFERS)


@provokes("io_uring_register", errno.EBADFD, needs(kernel=(5, 10)), words="enabled already")
def enable_an_enabled_ring(fail):
    io_uring_register(io_uring_setup(2)[0], IORING_REGISTER_ENABLE_RINGS)


@example("read of a ring")
def read_of_a_ring(fail):
    ring = Ring(2)
    ring.nop()
    fail("io_uring_enter", ring.fileno())
    ring.read_event()


@provokes("read of a ring", errno.EAGAIN)
def read_of_a_ring_without_an_event(fail):
    ring = Ring(2)
    os.set_blocking(ring.fileno(), False)
    ring.read_event()


def completed_request(table, fail):
    """A request completes with the errno, in the words of its table."""
    with Ring(2) as ring:
        operation = Operation(table.call, IORING_OP_NOP, table)
        ring._queue(operation, -1, length=-fail.number & 0xFFFFFFFF, op_flags=IORING_NOP_INJECT_RESULT)
        error = ring.wait(10).error
    raise error


for table in map(vars(_uring_operation_errors).get, ("FILES", "PATHS", "SOCKETS", "WAITS")):
    way = functools.partial(completed_request, table)
    way.__name__ = completed_request.__name__
    example(table.call, None, needs(kernel=(6, 10)), together=True)(way)


# the command


@example("fork")
def fork(fail):
    fail("clone")
    doctor.attempt(lambda: None)


# words that the sentences of some errnos have in every table
WORDS = {errno.ENFILE: "fs.file-max", errno.ENOMEM: "memory"}
# no table has a row for it
STRANGE = errno.EHOSTDOWN


def outcome(function, directory, number):
    """The exception of *function*, and the class of its context: children lose that."""
    os.chdir(directory)

    def fail(call, first=None, arguments=None):
        support.inject(call, number, first, arguments)

    fail.number = number
    try:
        function(fail)
    except OSError as error:
        return error, type(error.__context__)
    raise AssertionError("nothing failed")


@functools.cache
def shared_outcomes(directory):
    """The outcomes of all that share a process, and can be had here, by their names."""

    def met(way):
        return not any(support.unmet(*mark.args, **mark.kwargs) for mark in way.marks if mark.name == "needs")

    def body():
        return {
            name(call, number, way): outcome(way.function, directory, number)
            for call, number, way in (*INJECTED, *PROVOKED)
            if way.together and met(way)
        }

    return in_child(body)


def check(way, directory, call, number):
    """Have *call* fail that way, and look at the exception."""
    if way.together:
        error, context = shared_outcomes(Path(directory).parent)[name(call, number, way)]
    else:
        error, context = in_child(outcome, way.function, directory, number)
    exception, sentence = TABLES[call].meanings.get(number, (UnknownError, os.strerror(number)))
    # OSError(errno, …) makes the builtin subclass where there is one
    assert type(error) is type(exception(number, ""))
    assert error.errno == number
    if callable(sentence):
        assert error.strerror.startswith(f"{call}: ")
        assert os.strerror(number) not in error.strerror
    else:
        assert error.strerror == f"{call}: {sentence}"
    assert re.search(way.words or WORDS.get(number, ""), error.strerror)
    assert error.filename == way.filename
    assert not issubclass(context, OSError)


def name(call, number, way):
    return f"{call}-{errno.errorcode[number]}-{way.function.__name__}"


def each(rows):
    """The parameters of a test of *rows*."""
    return pytest.mark.parametrize(
        ("call", "number", "way"), [pytest.param(*row, marks=row[2].marks, id=name(*row)) for row in rows]
    )


INJECTED = [
    (call, number, way)
    for call, ways in EXAMPLES.items()
    for way in ways
    for number in [*TABLES[call].meanings, STRANGE]
    if way is not ways[0] or (call, number) not in PROVOKERS
]
PROVOKED = [(*row, way) for row, way in PROVOKERS.items()]


@each(INJECTED)
@pytest.mark.defect("E11")
def test_injected(tmp_path, call, number, way):
    """A row, or an errno that the table does not know, becomes its exception."""
    check(way, tmp_path, call, number)


@each(PROVOKED)
@pytest.mark.defect("A5", "E10", "S7")
def test_provoked(tmp_path, call, number, way):
    """An errno that the kernel itself produces becomes its exception."""
    check(way, tmp_path, call, number)


def test_every_table_has_an_example():
    """Each table has an example above."""
    assert [call for call, ways in EXAMPLES.items() if not ways] == []
