"""Each row of each table of errnos: class, errno, sentence and path of its exception.

An example makes the call of a table, once its arguments are ready and ``fail`` was told
which system call is to fail with the errno of the row, by a seccomp filter. All rows of
a table go through each of its examples.

A failure that this kernel itself produces has a provoker, which takes the place of the
table's first example. Each runs in a child, in an empty directory.
"""

import errno
import functools
import os
import re
import resource
import select
import signal
import threading
from pathlib import Path
from typing import NamedTuple

import pytest
import support
from features import EVENTS, OBJECTS, Files, Signals
from support import in_child, needs

from butter.cli import doctor
from butter.errors import UnknownError
from butter.eventfd import Eventfd, eventfd_read, eventfd_write
from butter.inotify import IN_MASK_CREATE, IN_ONLYDIR, IN_OPEN, Inotify, inotify_add_watch, inotify_rm_watch
from butter.memfd import Memfd, memfd_create
from butter.pidfd import (
    P_PIDFD,
    PIDFD_GET_NET_NAMESPACE,
    PIDFD_NONBLOCK,
    WEXITED,
    Pidfd,
    pidfd_get_info,
    pidfd_get_namespace,
    pidfd_getfd,
    pidfd_open,
    pidfd_send_signal,
    waitid,
)
from butter.signalfd import SIG_BLOCK, pthread_sigmask, signalfd
from butter.splice import copy, splice, tee
from butter.timerfd import Timer, TimerVal, timerfd_gettime, timerfd_settime

TABLES = support.errno_tables()


class Way(NamedTuple):
    """A function that makes a call fail, its needs, and what its error contains."""

    function: object
    marks: tuple = ()
    filename: object = None
    words: str = ""


EXAMPLES = {call: [] for call in TABLES}
PROVOKERS = {}


def example(call, filename=None):
    """The decorated function, ``function(fail)``, is an example of *call*'s table."""

    def register(function):
        EXAMPLES[call].append(Way(function, filename=filename))
        return function

    return register


def provokes(call, number, *marks, filename=None, words=""):
    """The decorated function makes *call* fail with errno *number*."""

    def register(function):
        assert number in TABLES[call].meanings
        PROVOKERS[call, number] = Way(function, marks, filename, words)
        return function

    return register


def named(function, feature):
    """*function* for a *feature*, with a name that says so."""
    partial = functools.partial(function, feature)
    partial.__name__ = f"{function.__name__} ({feature.name})"
    return partial


# new descriptors

NEW = {"inotify": "inotify_init1", "eventfd": "eventfd", "timerfd": "timerfd_create", "signalfd": "signalfd"}
NEW.update(memfd="memfd_create", pidfd="pidfd_open")


def new_descriptor(feature, fail):
    fail(feature.call)
    feature(".").descriptor()


def no_descriptor_left(feature, fail):
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    feature(".").descriptor()


for feature in OBJECTS:
    example(NEW[feature.name])(named(new_descriptor, feature))
    provokes(NEW[feature.name], errno.EMFILE, words="RLIMIT_NOFILE is 3")(named(no_descriptor_left, feature))


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
READS.update(timerfd="read of a timerfd", signalfd="read of a signalfd")


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


for feature in EVENTS:
    example(READS[feature.name])(named(read, feature))
    provokes(READS[feature.name], errno.EAGAIN)(named(read_without_an_event, feature))
    provokes(READS[feature.name], errno.EBADF, words="is not open")(named(read_of_a_closed_number, feature))
    provokes(READS[feature.name], errno.EINVAL)(named(read_of_an_epoll, feature))
    provokes(READS[feature.name], errno.EISDIR)(named(read_of_a_directory, feature))


def read_of_other_bytes(feature, fail):
    reading, writing = os.pipe()
    os.write(writing, b"not an event")
    made = opened(feature)
    os.dup2(reading, made.fileno())
    made.read_event()


for feature in Files, Signals:
    provokes(READS[feature.name], errno.EBADMSG)(named(read_of_other_bytes, feature))


@example("poll")
def wait(fail):
    timer = Timer()
    for call in ("poll", "select", "pselect6"):
        fail(call)
    timer.wait(1)


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


@example("pidfd_get_info")
def info_about_a_process(fail):
    process = Pidfd(os.getpid())
    fail("ioctl", process.fileno())
    process.info()


@example("pidfd_get_namespace")
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


@provokes("pidfd_open", errno.ENOENT, needs(kernel=(6, 9)), words="is the number of a thread")
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
    resource.setrlimit(getattr(resource, "RLIMIT_SIGPENDING", 11), (0, 0))  # PyPy has no name for it
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
@example("wait of a pidfd")
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

    try:
        function(fail)
    except OSError as error:
        return error, type(error.__context__)
    raise AssertionError("nothing failed")


def check(way, directory, call, number):
    """Have *call* fail that way, and look at the exception."""
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


@pytest.mark.parametrize(
    ("call", "number", "way"),
    [
        pytest.param(call, number, way, id=name(call, number, way))
        for call, ways in EXAMPLES.items()
        for way in ways
        for number in [*TABLES[call].meanings, STRANGE]
        if way is not ways[0] or (call, number) not in PROVOKERS
    ],
)
@pytest.mark.defect("E11")
def test_injected(tmp_path, call, number, way):
    """A row, or an errno that the table does not know, becomes its exception."""
    check(way, tmp_path, call, number)


@pytest.mark.parametrize(
    ("call", "number", "way"),
    [pytest.param(*row, way, marks=way.marks, id=name(*row, way)) for row, way in PROVOKERS.items()],
)
@pytest.mark.defect("A5", "E10", "S7")
def test_provoked(tmp_path, call, number, way):
    """An errno that the kernel itself produces becomes its exception."""
    check(way, tmp_path, call, number)


def test_every_table_has_an_example():
    """Each table has an example above."""
    assert [call for call, ways in EXAMPLES.items() if not ways] == []
