"""Namespaces: each test in a forked child, in namespaces of its own."""

import contextlib
import contextvars
import ctypes
import errno
import gc
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
import support
from support import EACH_KIND, KINDS, alone, in_child, libc, needs, needs_namespaces, own_namespaces

from butter import clone
from butter._pidfd import number_of
from butter.clone import (
    CLONE_FILES,
    CLONE_FS,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    CLONE_SYSVSEM,
    CLONE_THREAD,
    PIPE,
    CloneNew,
    Namespace,
    NamespacesExhausted,
    map_ids,
    run_in,
    setns,
    spawn,
    unshare,
)
from butter.errors import InvalidArgument, PathNotFound
from butter.pidfd import pidfd_open
from butter.prctl import capset

# those that one thread among others can enter
THREADED = ["cgroup", "ipc", "mnt", "net", "uts"]
MS_REC_PRIVATE, MS_BIND, MS_REC_BIND = 0x44000, 0x1000, 0x5000

needs_pidfd = needs(kernel=(5, 8))
needs_admin = needs("CAP_SYS_ADMIN")


def link(name, task="thread-self"):
    """The namespace of a process, as the kernel prints it."""
    return os.readlink(f"/proc/{task}/ns/{name}")


def dumpable(yes=True):
    """Have files in /proc that a change of ids does not make root's: for a child."""
    libc.prctl(4, int(yes), 0, 0, 0)


def become_nobody():
    """Be a user without privileges whose files in /proc are its own: for a child."""
    support.become_nobody()
    dumpable()


def mount(source, target, fstype="none", flags=0):
    if libc.mount(os.fsencode(source), os.fsencode(target), fstype.encode(), ctypes.c_ulong(flags), None):
        raise OSError(ctypes.get_errno(), "mount")


def two(kind):
    """Enter a user namespace, and two new ones of a kind; returns the first one."""
    own_namespaces()
    unshare(kind)
    first = Namespace.current(kind)
    unshare(kind)
    assert Namespace.current(kind) != first
    return first


@contextlib.contextmanager
def other_thread(name="sleeper"):
    """Have a second thread, which the kernel knows by this name."""
    begun, end = threading.Event(), threading.Event()

    def wait():
        libc.prctl(15, name.encode(), 0, 0, 0)
        begun.set()
        end.wait()

    thread = threading.Thread(target=wait)
    thread.start()
    begun.wait()
    try:
        yield
    finally:
        end.set()
        thread.join()
        # before Python 3.13 a thread that was joined may still have to end
        while os.path.exists(f"/proc/self/task/{thread.native_id}"):
            os.sched_yield()


@contextlib.contextmanager
def child(*before):
    """A process that has called *before*, until this block or process ends."""
    (ready, begun), (end, hold) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(hold)
            for function in before:
                function()
            os.write(begun, b"x")
            os.read(end, 1)
        finally:
            os._exit(0)
    try:
        os.close(begun)
        assert os.read(ready, 1) == b"x"
        yield pid
    finally:
        os.close(hold)
        os.waitpid(pid, 0)
        os.close(ready)
        os.close(end)


class Pidfd:
    """A pidfd as an object."""

    def __init__(self, pid):
        self.fd = libc.syscall(434, pid, 0)
        assert self.fd >= 0

    def fileno(self):
        return self.fd


# unshare and setns


@pytest.mark.defect("C1")
@needs_namespaces
@pytest.mark.parametrize("name", [kind for kind in EACH_KIND if kind.id != "user"])
@alone
def test_unshare(name):
    """A new namespace takes the place of the old one, or does so for the children."""
    own_namespaces()
    file = name + "_for_children" * (name in ("pid", "time"))
    before = link(file)
    assert unshare(KINDS[name]) is None
    if name == "pid":
        # only a first child makes the link
        assert os.fork() or os._exit(0)
    assert link(file) != before


@needs_namespaces
@alone
def test_unshare_a_user_namespace_with_others():
    """CLONE_NEWUSER makes the rest of the same call possible without privileges."""
    support.become_nobody()
    before = {name: link(name) for name in ("user", "uts", "net", "mnt")}
    unshare(CLONE_NEWUSER | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWNS)
    assert all(link(name) != before[name] for name in before)
    socket.sethostname("own")
    assert socket.gethostname() == "own"


@alone
def test_unshare_what_threads_share():
    """A thread that stops sharing its place and descriptors changes its own alone."""
    where, fds = os.getcwd(), []

    def body():
        unshare(CLONE_FS | CLONE_FILES | CLONE_SYSVSEM)
        os.chdir("/proc")
        fds.append(os.open("/", os.O_RDONLY))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert os.getcwd() == where
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fds[0])


def test_unshare_nothing():
    """Without flags, and with those of a single thread, nothing changes."""
    assert unshare(0) is None
    assert in_child(unshare, CLONE_THREAD) is None


@pytest.mark.parametrize(
    ("function", "exception"),
    [
        (lambda: unshare("5"), TypeError),
        (lambda: unshare(None), TypeError),
        (lambda: unshare(1 << 31), ValueError),
        (lambda: unshare(1 << 40), ValueError),
        (lambda: setns("5"), TypeError),
        (lambda: setns(None), TypeError),
        (lambda: setns(0, "net"), TypeError),
        (lambda: setns(0, 1 << 31), ValueError),
        (lambda: setns(1 << 31), ValueError),
        (lambda: setns(-1, 1.5), TypeError),
    ],
)
def test_arguments(function, exception):
    """A wrong type is a TypeError, and what no int of C holds a ValueError."""
    with pytest.raises(exception) as caught:
        function()
    assert not isinstance(caught.value, OSError)


@pytest.mark.parametrize("number", [Decimal("67108864.9"), Fraction(1, 2)])
def test_numbers_that_are_not_ints(number):
    """They are not rounded to a kind."""
    with pytest.raises(TypeError, match="nstype must be an int, not "):
        setns(0, number)


@pytest.mark.defect("C1")
@needs_namespaces
@pytest.mark.parametrize("way", ["int", "object", "file"])
@alone
def test_setns(way):
    """It takes an int, an object, anything with ``fileno()``, and returns None."""
    first = two(CLONE_NEWUTS)
    with open(f"/proc/self/fd/{first.fileno()}") as file:
        fd = {"int": first.fileno(), "object": first, "file": file}[way]
        assert setns(fd) is None
        assert Namespace.current(CLONE_NEWUTS) == first
        assert setns(fd, CLONE_NEWUTS) is None
    first.close()


@needs_pidfd
@needs_namespaces
@alone
def test_setns_of_a_process():
    """A pidfd joins several kinds at once."""
    own_namespaces()
    with child(lambda: unshare(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET)) as pid:
        before = link("net")
        assert setns(Pidfd(pid), CLONE_NEWUTS | CLONE_NEWIPC) is None
        assert (link("uts"), link("ipc")) == (link("uts", pid), link("ipc", pid))
        assert link("net") == before


# the sentences of the errors


def sentence(function, *arguments):
    """The sentence of the OSError that a call raises."""
    try:
        function(*arguments)
    except OSError as error:
        return error.strerror
    raise AssertionError("nothing failed")


@alone
def test_a_user_namespace_with_threads():
    """The sentence has the number of threads and their names."""
    with other_thread("OpenBLAS"):
        words = sentence(unshare, CLONE_NEWUSER)
    assert "CLONE_NEWUSER needs a process with a single thread, and this process has 2 threads: " in words
    assert "OpenBLAS" in words
    with contextlib.ExitStack() as threads:
        for number in range(9):
            threads.enter_context(other_thread(f"worker{number}"))
        assert "10 threads: " in (words := sentence(unshare, CLONE_THREAD))
        assert words.count("worker") < 9


@needs_namespaces
@pytest.mark.parametrize("mounted", [False, pytest.param(True, marks=support.needs_no_filter)])
@alone
def test_a_user_namespace_in_a_chroot(tmp_path, mounted):
    """A root directory that is not the namespace's is the reason, also a mount."""
    own_namespaces()
    if mounted:
        mount("none", tmp_path, "tmpfs")
    (tmp_path / "proc").mkdir()
    mount("/proc", tmp_path / "proc", flags=MS_REC_BIND)
    os.chroot(tmp_path)
    words = sentence(unshare, CLONE_NEWUSER)
    assert words.startswith("unshare: CLONE_NEWUSER is not allowed in a chroot")
    # what is mounted could be the root of the namespace as well
    assert ("security module" in words) is mounted


@needs_namespaces
@alone
def test_a_user_namespace_of_an_unmapped_user():
    """An id that means nothing in the user namespace is the reason."""
    own_namespaces(root=False)
    assert "the user id of this process, shown as 65534, does not have a mapping" in sentence(unshare, CLONE_NEWUSER)


@needs_namespaces
@alone
def test_a_user_namespace_of_an_unmapped_group():
    """The group counts as well."""
    user = os.geteuid()
    unshare(CLONE_NEWUSER)
    map_ids(os.getpid(), [(0, user, 1)])
    assert "the group id of this process, shown as 65534, does not have" in sentence(unshare, CLONE_NEWUSER)


def settings(**values):
    """Have these settings in /proc/sys/kernel, as another kernel: for a child."""
    own_namespaces()
    mount("none", "/proc/sys/kernel", "tmpfs")
    for name, value in values.items():
        Path("/proc/sys/kernel", name).write_text(f"{value}\n")


@needs_namespaces
@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES])
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"apparmor_restrict_unprivileged_userns": 1}, "kernel.apparmor_restrict_unprivileged_userns is 1: AppArmor"),
        ({"unprivileged_userns_clone": 0}, "kernel.unprivileged_userns_clone is 0: "),
        ({"unprivileged_userns_clone": 1, "apparmor_restrict_unprivileged_userns": 0}, "a se"),
    ],
)
@alone
def test_a_user_namespace_that_a_sysctl_forbids(values, words, number):
    """The sysctls of Debian and of Ubuntu are named, with what turns them off."""
    settings(**values)
    support.inject("unshare", number)
    found = sentence(unshare, CLONE_NEWUSER)
    if values.get("unprivileged_userns_clone") == 0 and number == errno.EACCES:
        words = "kernel.unprivileged_userns_clone is 0: "
    assert words in found
    assert ("as root" in found) is ("kernel." in words)


@alone
def test_a_user_namespace_that_a_filter_forbids():
    """A seccomp filter is the reason where no other is left."""
    support.inject("unshare", errno.EPERM)
    assert "a seccomp filter is in force" in sentence(unshare, CLONE_NEWUSER)


@alone
def test_other_namespaces_without_privileges():
    """The missing capability is named, with the way around it."""
    support.become_nobody()
    words = sentence(unshare, CLONE_NEWUTS | CLONE_NEWNET)
    assert "CLONE_NEWUTS and CLONE_NEWNET needs CAP_SYS_ADMIN; CLONE_NEWUSER in the same call" in words


@needs_admin
@alone
def test_other_namespaces_that_a_filter_forbids():
    """Where the capability is there, something else is in the way."""
    support.inject("unshare", errno.EPERM)
    assert "seccomp filter" in sentence(unshare, CLONE_NEWUTS)


@pytest.mark.defect("C2")
@needs_namespaces
@pytest.mark.parametrize("name", EACH_KIND)
@alone
def test_a_limit_of_namespaces(name):
    """The sysctl that is reached is named with its value, and no other."""
    own_namespaces()
    Path(f"/proc/sys/user/max_{name}_namespaces").write_text("0")
    with pytest.raises(NamespacesExhausted) as caught:
        unshare(KINDS[name] | CLONE_NEWUTS)
    assert caught.value.errno == errno.ENOSPC
    assert isinstance(caught.value, PermissionError)
    assert f"user.max_{name}_namespaces is 0; 'sysctl user.max_{name}_namespaces=" in caught.value.strerror
    assert caught.value.strerror.count("_namespaces is") == 1


@needs_namespaces
@alone
def test_user_namespaces_as_deep_as_can_be():
    """The depth is told apart from a limit that was set."""
    depth = 1

    def deeper():
        nonlocal depth
        while True:
            unshare(CLONE_NEWUSER)
            map_ids(os.getpid(), [(0, 0, 1)], [(0, 0, 1)])
            depth += 1

    own_namespaces()
    with pytest.raises(NamespacesExhausted) as caught:
        deeper()
    assert depth <= 33
    assert "user namespaces cannot be nested deeper than 33 levels" in caught.value.strerror
    Path("/proc/sys/user/max_user_namespaces").write_text("0")
    assert "user.max_user_namespaces is 0; " in sentence(unshare, CLONE_NEWUSER)


def nest(left):
    """The error of the last pid namespace that can have another one below it."""
    try:
        unshare(CLONE_NEWPID)
    except OSError as error:
        return error.strerror
    return in_child(nest, left - 1) if left else "no end"


@needs_namespaces
@alone
def test_pid_namespaces_as_deep_as_can_be():
    """Pid namespaces have a depth of their own."""
    own_namespaces()
    assert in_child(nest, 40) == "unshare: CLONE_NEWPID: pid namespaces cannot be nested deeper than 32 levels"


@needs_namespaces
@alone
def test_a_second_pid_namespace():
    """A thread whose children are elsewhere already makes no other one for them."""
    own_namespaces()
    unshare(CLONE_NEWPID)
    assert "the children of this thread are in another pid namespace already" in sentence(unshare, CLONE_NEWPID)


@pytest.mark.parametrize("flags", [1, 0x200000, -1, CLONE_NEWUTS | 1])
def test_unknown_flags(flags):
    """Bits without a meaning are told as a number."""
    with pytest.raises(InvalidArgument, match=r"unknown flags 0x[0-9a-f]+$"):
        unshare(flags)


def test_unknown_bits_of_nstype():
    """Of the kind that setns has to meet as well."""
    with Namespace("/proc/self/ns/uts") as namespace, pytest.raises(InvalidArgument, match="unknown bits 0x1;"):
        setns(namespace, CLONE_NEWUTS | 1)


@pytest.mark.parametrize(
    ("nstype", "words"),
    [
        (CLONE_NEWNET, r"is a uts namespace \(CLONE_NEWUTS\), but nstype is CLONE_NEWNET$"),
        (
            CLONE_NEWNET | CLONE_NEWUTS,
            "but nstype is CLONE_NEWUTS and CLONE_NEWNET; several kinds at once need a pidfd",
        ),
    ],
)
def test_setns_of_another_kind(nstype, words):
    """Both kinds are in the sentence."""
    with Namespace("/proc/self/ns/uts") as namespace, pytest.raises(InvalidArgument, match=words):
        setns(namespace, nstype)


@needs_pidfd
@alone
def test_setns_of_a_process_without_kinds():
    """A pidfd alone does not say what is joined."""
    with pytest.raises(InvalidArgument, match=r"is a pidfd: nstype has to say which namespaces"):
        setns(Pidfd(os.getpid()))


@needs_admin
@alone
def test_setns_of_a_mount_namespace_with_threads():
    """Threads share their working directory, which the namespace changes."""
    namespace = Namespace.current("mnt")
    with other_thread():
        words = sentence(setns, namespace)
        assert "has 2 threads: " in words
        # in the order of their numbers, which begin anew at pid_max
        assert re.search(r"sleeper.*\. butter\.clone\.run_in\(\) enters it on a thread of its own; unshare", words)
        unshare(CLONE_FS)
        setns(namespace)
    namespace.close()


@alone
def test_setns_of_the_own_user_namespace():
    """There is nothing to join, and with threads that is the reason."""
    namespace = Namespace.current("user")
    with other_thread():
        assert "by a process with a single thread alone, and this process has 2 threads: " in sentence(setns, namespace)
    assert "is in the user namespace of descriptor" in sentence(setns, namespace)
    if support.kernel() >= (5, 8):
        assert "is in the user namespace of descriptor" in sentence(setns, Pidfd(os.getpid()), CLONE_NEWUSER)
    namespace.close()


@needs_namespaces
@alone
def test_setns_of_a_pid_namespace_above():
    """Children go down alone."""

    def below():
        above = Namespace.current("pid")
        unshare(CLONE_NEWPID)
        return in_child(sentence, setns, above)

    own_namespaces()
    unshare(CLONE_NEWPID)
    assert in_child(below).endswith("is neither that of this process nor below it")


@needs_namespaces
@alone
def test_setns_outside_of_the_user_namespace():
    """Whose namespace it is decides, whatever the process may do inside its own."""
    above, user = Namespace.current("net"), Namespace.current("user")
    own_namespaces()
    assert sentence(setns, above).endswith(
        f"the net namespace of descriptor {above.fileno()} belongs to a user namespace outside the user namespace of "
        "this process"
    )
    assert sentence(setns, user).endswith("is not below the user namespace of this process")
    above.close()
    user.close()


@needs_admin
@alone
def test_setns_that_a_filter_forbids():
    """Where no capability is missing, another thing forbids it."""
    namespace = Namespace.current("uts")
    support.inject("setns", errno.EPERM)
    assert sentence(setns, namespace) == "setns: a seccomp filter or a security module does not allow it"
    namespace.close()


def without_proc():
    """Have a /proc without anything in it: for a child."""
    own_namespaces()
    mount("none", "/proc", "tmpfs")


@needs_namespaces
@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda: setns(0), "descriptor 0 is not a namespace; if it is a pidfd, nstype has to say"),
        (lambda: run_in(int, 0), r"descriptor 0 is not a namespace$"),
        (lambda: Namespace.adopt(0), r"descriptor 0 is not a namespace$"),
        (lambda: Namespace.of(0, "uts", pidfd=True), "is not a pidfd, or is one, but /proc is not mounted here"),
        (lambda: unshare(CLONE_THREAD), "may have several threads .*/proc is not mounted"),
        (
            lambda: support.inject("unshare", errno.EPERM) or unshare(CLONE_NEWUTS),
            "seccomp filter or a security module",
        ),
        (lambda: support.inject("unshare", errno.EPERM) or unshare(CLONE_NEWUSER), "or a sysctl, a seccomp filter or"),
        (lambda: support.inject("unshare", errno.EACCES) or unshare(CLONE_NEWUSER), "module or a sysctl does not"),
        (lambda: support.inject("unshare", errno.EINVAL) or unshare(CLONE_NEWPID), "is built without .* or the child"),
        (lambda: support.inject("unshare", errno.ENOSPC) or unshare(CLONE_NEWPID), "or they are nested as deep as can"),
    ],
)
@alone
def test_a_sentence_without_proc(function, words):
    """Where /proc is missing, the possible causes are named instead of one."""
    without_proc()
    with other_thread_without_proc() if "threads" in words else contextlib.nullcontext():
        assert re.search(words, found := sentence(function)), found


@contextlib.contextmanager
def other_thread_without_proc():
    """Have a second thread."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    yield
    end.set()
    thread.join()


@needs_namespaces
@alone
def test_a_sentence_without_a_descriptor():
    """Where no descriptor is left to look with, the sentence says so."""
    own_namespaces()
    unshare(CLONE_NEWUTS)
    user, uts, pidfd = Namespace.current("user"), Namespace.current("uts"), None
    if support.kernel() >= (5, 8):
        pidfd = Pidfd(os.getpid())
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    found = [sentence(unshare, CLONE_NEWUSER)]
    end.set()
    thread.join()
    if pidfd is not None:
        found.append(sentence(lambda: Namespace.of(pidfd, "uts")))
    assert "is in the user namespace of descriptor" in sentence(setns, user)
    support.inject("setns", errno.EPERM)
    denied = sentence(setns, uts)
    assert all("no descriptor" in words and "not mounted" not in words for words in found), found
    assert denied == "setns: setns needs CAP_SYS_ADMIN, here and in the user namespace that owns what is joined"
    user.close()
    uts.close()


@alone
def test_a_thread_without_a_name():
    """It counts, and is told apart from one that has ended."""
    with other_thread(""):
        words = sentence(unshare, CLONE_NEWUSER)
    assert "this process has 2 threads: " in words
    assert "(without a name)" in words


@pytest.mark.parametrize(("name", "words"), [("ipc", "an ipc"), ("uts", "a uts")])
def test_the_article_of_a_kind(name, words):
    """It is that of the word."""
    with contextlib.closing(Namespace.current(name)) as namespace:
        assert f"ioctl of a namespace: {words} namespace does not have this" in sentence(namespace.parent)


# objects


@pytest.mark.parametrize("name", EACH_KIND)
def test_namespace(name):
    """It knows its kind and identity, as the kernel prints them."""
    kind = KINDS[name]
    with contextlib.closing(Namespace(f"/proc/self/ns/{name}")) as namespace:
        assert namespace.kind == kind
        assert isinstance(namespace.kind, CloneNew)
        assert f"{name}:[{namespace.identity[1]}]" == link(name)
        assert repr(namespace) == f"<Namespace fd={namespace.fileno()} {link(name)}>"
        assert namespace.identity == (os.stat(f"/proc/self/ns/{name}").st_dev, os.stat(f"/proc/self/ns/{name}").st_ino)
        for other in (
            Namespace.of(os.getpid(), name),
            Namespace.of(os.getpid(), kind),
            Namespace.current(name),
            Namespace.current(kind),
            Namespace(Path(f"/proc/self/ns/{name}")),
            Namespace(f"/proc/self/ns/{name}".encode()),
        ):
            with contextlib.closing(other):
                assert other == namespace
                assert hash(other) == hash(namespace)
                assert other in {namespace: 1}


def test_a_closed_namespace():
    """It keeps its name, and is equal to nothing but itself."""
    one, other = Namespace.current("uts"), Namespace.current("uts")
    one.close()
    assert one == one
    assert one != other
    assert other != one
    assert repr(one) == f"<Namespace fd=closed {link('uts')}>"
    assert one.kind == CLONE_NEWUTS
    for ask in (one.userns, one.parent, lambda: one.owner, lambda: one.id, one.__enter__, one.entered().__enter__):
        with pytest.raises(ValueError, match="closed file"):
            ask()
    other.close()
    assert one != other
    assert one != 5


def test_an_object_that_was_never_opened():
    """It can be compared and printed."""
    empty = Namespace.__new__(Namespace)
    assert empty.closed()
    assert repr(empty) == "<Namespace fd=closed unknown:[0]>"
    assert isinstance(hash(empty), int)
    assert empty != Namespace.__new__(Namespace)


@needs(kernel=(6, 18))
@needs_namespaces
@alone
def test_id():
    """The number tells namespaces apart, and is the same for both objects of one."""
    first = two(CLONE_NEWUTS)
    second, again = Namespace.current("uts"), Namespace.current("uts")
    assert second.id == again.id != first.id
    assert Namespace.current("mnt").id != second.id
    gc.collect()


@needs_namespaces
@alone
def test_owner():
    """A user namespace belongs to its creator, another to a user namespace."""
    become_nobody()
    user = os.geteuid()
    outer = Namespace.current("user")
    unshare(CLONE_NEWUSER | CLONE_NEWUTS)
    inner, uts = Namespace.current("user"), Namespace.current("uts")
    map_ids(os.getpid(), [(5, user, 1)])
    assert uts.userns() == inner
    assert (inner.owner, uts.owner) == (5, 5)
    with pytest.raises(PermissionError, match="outside the namespace of this process"):
        inner.userns()
    with pytest.raises(PermissionError, match="the parent namespace does not exist, or is outside"):
        inner.parent()
    with pytest.raises(PermissionError, match="outside"):
        Namespace.current("net").owner  # noqa: B018
    assert outer != inner
    gc.collect()


@needs_namespaces
@alone
def test_parent():
    """User and pid namespaces have one, which their own creator can see."""
    own_namespaces()
    outside = Namespace.current("user")

    def inside():
        unshare(CLONE_NEWUSER)

    with child(inside) as pid, contextlib.closing(Namespace.of(pid, "user")) as namespace:
        for related in (namespace.parent(), namespace.userns()):
            with contextlib.closing(related):
                assert related == outside
                assert type(related) is Namespace
                assert not os.get_inheritable(related.fileno())
    outer = Namespace.current("pid")
    unshare(CLONE_NEWPID)
    with child() as pid, contextlib.closing(Namespace.of(pid, "pid")) as namespace:
        assert namespace.parent() == outer
    with pytest.raises(InvalidArgument, match="a uts namespace does not have this"):
        Namespace.current("uts").parent()
    gc.collect()


@pytest.mark.parametrize("place", ["_learn", "tell_of_forks"])
def test_related_closes_once(monkeypatch, place):
    """Whatever interrupts it closes the new descriptor, and no other file's."""
    closed = []

    def interrupt(*_):
        raise KeyError

    with contextlib.closing(Namespace.current("uts")) as namespace:
        before = support.descriptors()
        monkeypatch.setattr(*((Namespace, place) if place == "_learn" else (clone, place)), interrupt)
        monkeypatch.setattr("butter.utils._close", lambda fd: (closed.append(fd), os.close(fd)))
        with pytest.raises(KeyError):
            namespace.userns()
        monkeypatch.undo()
        assert support.descriptors() == before
        assert len(closed) == 1


@needs_admin
@alone
def test_of_oneself_under_an_outer_proc():
    """In a new pid namespace the /proc of the old one has this process as another."""

    def inside():
        unshare(CLONE_NEWUTS)
        with contextlib.closing(Namespace.of(os.getpid(), "uts")) as own:
            assert repr(own).endswith(f" {link('uts')}>")
        unshare(CLONE_NEWUSER)
        map_ids(os.getpid(), [(0, 0, 1)], [(0, 0, 1)])
        assert maps() == ([0, 0, 1], [0, 0, 1], "deny")
        return sentence(map_ids, os.getpid(), [(0, 0, 1)])

    unshare(CLONE_NEWPID)
    assert "uid_map of process 1 has been written already" in in_child(inside)


@needs_pidfd
@needs_namespaces
@alone
def test_namespace_of_a_process():
    """A pid names a process, and so does a pidfd, also after the process has ended."""
    own_namespaces()
    with child(lambda: unshare(CLONE_NEWUTS)) as pid:
        pidfd = Pidfd(pid)
        with contextlib.closing(Namespace.of(pidfd, "uts")) as namespace:
            assert repr(namespace).endswith(f" {link('uts', pid)}>")
            assert namespace == Namespace.of(pid, "uts") != Namespace.current("uts")
            assert namespace == Namespace.of(pidfd.fileno(), "uts", pidfd=True)
            assert setns(namespace) is None
    with pytest.raises(ProcessLookupError, match="open of a namespace: the process has ended"):
        Namespace.of(pidfd, "uts")
    with pytest.raises(PathNotFound, match="the process does not exist"):
        Namespace.of(pid, "uts")
    with open("/dev/null") as file, pytest.raises(InvalidArgument, match="is not a pidfd"):
        Namespace.of(file, "uts")
    gc.collect()


@needs_pidfd
@alone
def test_namespace_of_a_process_that_ends_meanwhile(monkeypatch):
    """A pid that another process may have by then is not trusted."""
    with child() as pid:
        answers = iter([pid, -1])
        monkeypatch.setattr(clone, "pid_of", lambda fd: next(answers))
        before = support.descriptors()
        with pytest.raises(ProcessLookupError):
            Namespace.of(Pidfd(pid), "uts")
        assert len(support.descriptors()) == len(before) + 1  # the pidfd


@alone
def test_namespace_of_a_dead_process():
    """A process that waits to be reaped has left its namespaces."""
    pid = os.fork() or os._exit(0)
    while "State:\tZ" not in Path(f"/proc/{pid}/status").read_text():
        os.sched_yield()
    with pytest.raises(PathNotFound, match="the process has ended"):
        Namespace.of(pid, "net")


@pytest.mark.parametrize("kind", ["nothing", "", "pid_for_children", 0, 5, CLONE_NEWNET | CLONE_NEWUTS, CLONE_FS])
def test_a_kind_that_is_none(kind):
    """A kind is one of eight, and a ValueError names it."""
    for function in (Namespace.current, lambda kind: Namespace.of(os.getpid(), kind)):
        with pytest.raises(ValueError, match="kind is "):
            function(kind)


@pytest.mark.parametrize(
    ("function", "exception"),
    [
        (lambda: Namespace.current(None), TypeError),
        (lambda: Namespace.of("5", "net"), TypeError),
        (lambda: Namespace.of(-1, "net"), ValueError),
        (lambda: Namespace(5), TypeError),
        (lambda: Namespace("/proc/self/ns/net\0"), ValueError),
    ],
)
def test_arguments_of_a_namespace(function, exception):
    """Types and ranges are checked before anything happens."""
    with pytest.raises(exception):
        function()


@needs_namespaces
@alone
def test_pid_namespace_for_children_without_a_child():
    """The file is there, and empty until a child is made."""
    own_namespaces()
    unshare(CLONE_NEWPID)
    with pytest.raises(PathNotFound, match="no child was made yet"):
        Namespace("/proc/self/ns/pid_for_children")


def test_other_files_are_not_opened(tmp_path):
    """A fifo would wait for its writer."""
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, "/dev/null", "/proc/self/status"):
        with pytest.raises(InvalidArgument, match="the path is not a namespace") as caught:
            Namespace(path)
        assert caught.value.filename == os.fspath(path)


@needs_namespaces
@alone
def test_namespace_without_proc():
    """Where /proc is not mounted, that is the reason."""
    own_namespaces()
    mount("none", "/proc", "tmpfs")
    with pytest.raises(PathNotFound, match="/proc is not mounted here"):
        Namespace.current("net")


@needs_namespaces
def test_bind_mount(tmp_path):
    """A namespace that has a name on disk is the same one."""
    (tmp_path / "name").touch()

    def body():
        own_namespaces()
        mount("/proc/self/ns/uts", tmp_path / "name", flags=MS_BIND)
        with Namespace(tmp_path / "name") as named, Namespace.current("uts") as current:
            return named == current

    assert in_child(body)


def test_current_is_that_of_the_thread():
    """A thread that has moved is asked about itself."""

    def body():
        own_namespaces()
        unshare(CLONE_NEWUTS)
        seen = []

        def move():
            unshare(CLONE_NEWUTS)
            seen.append(repr(Namespace.current("uts")).endswith(f" {link('uts')}>"))
            seen.append(link("uts") == link("uts", "self"))

        thread = threading.Thread(target=move)
        thread.start()
        thread.join()
        gc.collect()
        return seen

    assert in_child(body) == [True, False]


# entering


@needs_namespaces
@pytest.mark.parametrize("name", THREADED)
@alone
def test_with(name):
    """The thread is inside, and then where it was; the object is closed."""
    first = two(KINDS[name])
    before = link(name)
    with first as entered:
        assert entered is first
        assert f" {link(name)}>" in repr(first)
    assert link(name) == before
    assert first.closed()


@needs_namespaces
@alone
def test_with_an_exception():
    """However the block ends, the thread comes back."""
    first = two(CLONE_NEWUTS)
    before = link("uts")
    inside = []
    with contextlib.suppress(KeyError), first:
        inside.append(link("uts"))
        raise KeyError
    assert inside != [before]
    assert link("uts") == before
    assert first.closed()


@needs_namespaces
@alone
def test_entered_again_and_again():
    """``entered`` leaves the object open, and works inside another, and itself."""
    first = two(CLONE_NEWUTS)
    socket.sethostname("outside")
    with first.entered() as entered:
        assert entered is first
        socket.sethostname("inside")
        with contextlib.closing(Namespace("/proc/self/ns/net")) as net, net.entered(), first.entered():
            assert socket.gethostname() == "inside"
        assert socket.gethostname() == "inside"
    assert socket.gethostname() == "outside"
    with first.entered():
        assert socket.gethostname() == "inside"
    assert not first.closed()
    first.close()


@needs_namespaces
@alone
def test_two_threads_in_one_object():
    """Each goes back to where itself came from."""
    first = two(CLONE_NEWUTS)
    barrier, seen = threading.Barrier(2), []

    def stay():
        unshare(CLONE_NEWUTS)
        own = link("uts")
        with first.entered():
            barrier.wait()
            inside = link("uts")
            barrier.wait()
        seen.append((link("uts") == own, inside))

    threads = [threading.Thread(target=stay) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [back for back, _ in seen] == [True, True]
    assert {inside for _, inside in seen} == {repr(first).split()[-1][:-1]}
    first.close()


@needs_namespaces
@alone
def test_two_threads_with_one_object():
    """``with`` remembers for each thread where that came from."""
    first = two(CLONE_NEWUTS)
    inside, left, seen = threading.Event(), threading.Event(), []

    def stay():
        unshare(CLONE_NEWUTS)
        own = link("uts")
        with first:
            inside.set()
            left.wait()
        seen.append(link("uts") == own)

    own = link("uts")
    thread = threading.Thread(target=stay)
    with first:
        thread.start()
        inside.wait()
    assert link("uts") == own
    left.set()
    thread.join()
    assert seen == [True]


@needs_namespaces
def test_with_a_mount_namespace_keeps_the_place(tmp_path):
    """The thread comes back to its working directory, and into its chroot."""
    (tmp_path / "root" / "directory").mkdir(parents=True)
    (tmp_path / "root" / "proc").mkdir()

    def body():
        own_namespaces()
        mount("/proc", tmp_path / "root" / "proc", flags=MS_REC_BIND)
        first = Namespace.current("mnt")
        unshare(CLONE_NEWNS)
        os.chroot(tmp_path / "root")
        os.chdir("/directory")
        inside = []
        with first:
            inside += [os.getcwd(), Path(tmp_path).exists()]
        return inside, os.getcwd(), sorted(os.listdir("/")), Path(tmp_path).exists()

    assert in_child(body) == (["/", True], "/directory", ["directory", "proc"], False)


@needs_admin
@alone
def test_with_a_pid_namespace():
    """The children that are made in the block are in it, and later ones are not."""
    reading, writing = os.pipe()

    def inside():
        unshare(CLONE_NEWPID)
        if os.fork() == 0:
            os.close(writing)
            os.read(reading, 1)  # until this test has ended, however it ends
            os._exit(0)

    with child(inside) as pid, Namespace(f"/proc/{pid}/ns/pid_for_children") as namespace:
        assert namespace.kind == CLONE_NEWPID
        assert f" {link('pid_for_children')}>" in repr(namespace)
        assert in_child(os.getpid) == 2
    assert in_child(os.getpid) > 2
    os.close(writing)


@needs(kernel=(5, 6))
@needs_namespaces
@alone
def test_with_a_time_namespace():
    """A process with a single thread goes into it and back."""
    own_namespaces()
    unshare(CLONE_NEWTIME)
    first = Namespace("/proc/self/ns/time_for_children")
    setns(first)
    unshare(CLONE_NEWTIME)
    second = Namespace("/proc/self/ns/time_for_children")
    # leaving would move the children of this thread too
    with pytest.raises(RuntimeError, match="children of this thread begin in another time namespace"):
        second.__enter__()
    setns(first)
    before = link("time")
    with other_thread(), pytest.raises(OSError, match="joined by a process with a single thread alone"):
        second.__enter__()
    with second:
        assert link("time") != before
    assert link("time") == before
    first.close()


def test_with_a_user_namespace():
    """The kernel lets no thread come back from there."""
    with contextlib.closing(Namespace.current("user")) as namespace:
        with pytest.raises(ValueError, match="cannot come back from a user namespace"):
            namespace.__enter__()
        assert not namespace.closed()


@needs_namespaces
@pytest.mark.parametrize("name", THREADED)
@alone
def test_with_where_coming_back_is_forbidden(name):
    """A thread whose namespace belongs to another user namespace does not go at all."""
    unshare(CLONE_NEWUSER)
    with child(lambda: unshare(KINDS[name])) as pid, contextlib.closing(Namespace.of(pid, name)) as namespace:
        before, place = link(name), os.getcwd()
        words = f"the {name} namespace that the thread is in, and could not enter again, belongs to a user"
        with pytest.raises(PermissionError, match=words):
            namespace.__enter__()
        assert (link(name), os.getcwd()) == (before, place)
        assert not namespace.closed()
        # for ever, it may
        setns(namespace)
        assert link(name) != before


@needs_namespaces
@pytest.mark.parametrize("name", ["mnt", "uts"])
@alone
def test_with_what_is_forbidden(name):
    """A thread without the capability stays where it is, with one error."""

    def stay(namespace):
        os.chdir("/")  # which this user may search
        support.become_nobody()
        before = link(name), os.getcwd()
        with pytest.raises(PermissionError, match="setns needs CAP_SYS_ADMIN") as caught:
            namespace.__enter__()
        assert caught.value.__context__ is None
        assert (link(name), os.getcwd()) == before

    made = CLONE_NEWUSER | KINDS[name]
    with child(lambda: unshare(made)) as pid, contextlib.closing(Namespace.of(pid, name)) as namespace:
        in_child(stay, namespace)


@alone
def test_with_the_namespace_of_the_thread():
    """It is there already, so that it needs no right."""
    support.become_nobody()
    for name in [*THREADED, "pid"]:
        before = os.getcwd()
        with Namespace(f"/proc/self/ns/{name}"):
            assert os.getcwd() == before


@needs_namespaces
@alone
def test_a_handler_raises_inside():
    """An exception of a signal handler brings the thread back too."""
    first = two(CLONE_NEWUTS)
    before = link("uts")

    def handler(*_):
        raise KeyError

    with support.alarms(support.when_waiting(handler)), pytest.raises(KeyError), first:
        time.sleep(60)
    assert link("uts") == before
    assert first.closed()


class Boom(BaseException):
    """The exception of a signal handler."""


def interrupted(number, body):
    """Run *body*, and raise where a handler may for the time with this number.

    That is at the beginning of each Python function and after each call. Returns
    whether there were so many places.
    """
    left = number

    def trace(frame, event, argument):
        nonlocal left
        if event in ("call", "c_return"):
            left -= 1
            if left == 0:
                raise Boom

    sys.setprofile(trace)
    try:
        body()
    except Boom:
        pass
    finally:
        sys.setprofile(None)
    return left <= 0


@pytest.mark.skipif(sys.implementation.name == "pypy", reason="its finalisers run later, and handlers elsewhere")
@needs_namespaces
@pytest.mark.parametrize("way", ["entered", "with"])
@pytest.mark.parametrize("name", ["uts", "mnt"])
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@alone
def test_a_handler_raises_anywhere(name, way, monkeypatch):
    """Wherever a handler raises, the thread is back in its namespace and directory."""
    first = two(KINDS[name])
    os.chdir("/usr")
    origin = Namespace.current(name)
    home, path = (link(name), os.getcwd()), f"/proc/self/fd/{first.fileno()}"
    # an exception inside of a finaliser is reported, and goes nowhere
    monkeypatch.setattr(sys, "unraisablehook", lambda report: None)
    inside = []

    def entered():
        with first.entered():
            inside.append(1)

    def anew():
        with Namespace(path):
            inside.append(1)

    number, wrong = 1, []
    while interrupted(number, entered if way == "entered" else anew):
        if (link(name), os.getcwd()) != home:
            wrong.append(number)
            setns(origin)
        number += 1
    assert wrong == []
    assert number > len(inside) > 5
    origin.close()
    first.close()


@needs_namespaces
@alone
def test_a_stay_that_another_thread_drops():
    """The finaliser of a stay does not move the thread that happens to run it."""
    first = two(CLONE_NEWUTS)
    stays = []

    def enter():
        stays.append(first.entered())
        stays[0].__enter__()

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    unshare(CLONE_NEWUTS)
    own, before = link("uts"), len(support.descriptors())
    stays.clear()
    gc.collect()
    assert link("uts") == own
    # the way back is closed
    assert len(support.descriptors()) < before
    first.close()


@needs_namespaces
@pytest.mark.parametrize("way", ["entered", "with"])
@alone
def test_another_thread_leaves(way):
    """Only the thread that is inside can leave, and the error says so."""
    first = two(CLONE_NEWUTS)
    stay = first.entered() if way == "entered" else first
    entered, left, back = threading.Event(), threading.Event(), []

    def enter():
        unshare(CLONE_NEWUTS)
        own = link("uts")
        stay.__enter__()
        entered.set()
        left.wait(60)
        stay.__exit__(None, None, None)
        back.append(link("uts") == own)

    thread = threading.Thread(target=enter)
    thread.start()
    entered.wait(60)
    own = link("uts")
    with pytest.raises(RuntimeError, match="thread"):
        stay.__exit__(None, None, None)
    assert link("uts") == own
    assert not first.closed()
    left.set()
    thread.join()
    assert back == [True]
    if way == "entered":
        first.close()


@needs_namespaces
@alone
def test_a_thread_with_the_ident_of_one_that_has_ended():
    """A later thread does not leave for the one that entered."""
    first = two(CLONE_NEWUTS)
    stay, idents, raised = first.entered(), [], []

    def enter():
        idents.append(threading.get_ident())
        stay.__enter__()

    def leave():
        idents.append(threading.get_ident())
        try:
            stay.__exit__(None, None, None)
        except RuntimeError:
            raised.append(1)

    for function in (enter, leave, leave, leave):
        thread = threading.Thread(target=function)
        thread.start()
        thread.join()
    assert len(raised) == 3
    first.close()


@needs_namespaces
@alone
def test_a_child_that_was_forked_inside_comes_back():
    """A fork in the block has the thread inside twice, and both leave."""
    first = two(CLONE_NEWUTS)
    before = link("uts")
    with first.entered():
        child = os.fork()
    if child == 0:
        os._exit(link("uts") != before)
    assert os.waitpid(child, 0)[1] == 0
    assert link("uts") == before
    first.close()


def test_a_stay_is_for_one_block():
    """Each block has a stay of its own."""
    with contextlib.closing(Namespace.current("uts")) as namespace:
        stay = namespace.entered()
        with stay, pytest.raises(RuntimeError, match="called anew for each block"):
            stay.__enter__()


# running inside


@needs_namespaces
@pytest.mark.parametrize("name", THREADED)
@alone
def test_run_in(name):
    """The function is inside, also beside other threads, and its caller never is."""
    first = two(KINDS[name])
    before = link(name), os.getcwd()
    with other_thread():
        assert f" {run_in(lambda: link(name), first)}>" in repr(first)
    assert (link(name), os.getcwd()) == before
    assert run_in(lambda: link(name), first.fileno()) != before[0]
    first.close()


@needs_namespaces
@alone
def test_run_in_several():
    """Namespaces of several kinds are entered together, also a mount namespace."""
    own_namespaces()
    with child(lambda: unshare(CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWNET)) as pid:
        names = ["net", "mnt", "uts"]
        namespaces = [Namespace.of(pid, name) for name in names]
        found = run_in(lambda: [link(name, pid) == link(name) for name in names], *namespaces)
        for namespace in namespaces:
            namespace.close()
    assert found == [True, True, True]


def test_run_in_returns_and_raises():
    """The caller gets what the function returns or raises, also SystemExit."""
    value = object()
    assert run_in(lambda: value) is value
    assert run_in(lambda: None) is None
    for exception in (KeyError("x"), SystemExit(3), KeyboardInterrupt(), BaseException("x")):

        def function(exception=exception):
            raise exception

        with pytest.raises(type(exception)) as caught:
            run_in(function)
        assert caught.value is exception
        assert "function" in [entry.name for entry in caught.traceback]


def test_run_in_has_the_context():
    """Context variables have the caller's values, and the thread a name."""
    variable = contextvars.ContextVar("variable", default=1)
    variable.set(5)

    def function():
        assert variable.get() == 5
        variable.set(6)
        return threading.current_thread().name

    assert run_in(function) == "butter.run_in"
    assert variable.get() == 5


@alone
def test_run_in_has_ended_its_thread():
    """The kernel has forgotten the thread too, which a user namespace would mind."""
    for _ in range(200):
        run_in(int)
        assert len(os.listdir("/proc/self/task")) == 1


def test_run_in_leaves_no_cycle():
    """An exception that passed goes with its last reference."""

    class Mine(Exception):
        pass

    def function():
        raise Mine

    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(Mine):
            run_in(function)
        if sys.implementation.name == "cpython":
            assert not [thing for thing in gc.get_objects() if isinstance(thing, Mine)]
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("user", "a user namespace is joined by a process with a single thread alone"),
        ("time", "a time namespace is joined by a process with a single thread alone"),
        ("pid", "a thread does not enter a pid namespace, only its children do"),
    ],
)
def test_run_in_what_a_thread_cannot_enter(name, words):
    """The function does not run at all."""
    with contextlib.closing(Namespace.current(name)) as namespace, pytest.raises(ValueError, match=words):
        run_in(lambda: pytest.fail("it ran"), namespace)


def test_run_in_wrong_arguments():
    """Two of a kind, another descriptor, a path: refused before a thread is made."""
    with Namespace.current("uts") as one, Namespace.current("uts") as other:
        for namespaces, exception, words in (
            ((one, other), ValueError, "one uts namespace at a time"),
            (("/proc/self/ns/uts",), TypeError, "fd must be an int"),
            ((0,), InvalidArgument, "is not a namespace"),
            ((-1,), InvalidArgument, "is not open"),
        ):
            with pytest.raises(exception, match=words):
                run_in(lambda: pytest.fail("it ran"), *namespaces)
    with pytest.raises(ValueError, match="closed file"):
        run_in(lambda: pytest.fail("it ran"), one)


@alone
def test_run_in_what_is_forbidden():
    """The error of setns is the caller's, and the function does not run."""
    support.become_nobody()
    with Namespace.current("uts") as namespace, pytest.raises(PermissionError, match="setns needs CAP_SYS_ADMIN"):
        run_in(lambda: pytest.fail("it ran"), namespace)


@alone
def test_run_in_where_a_handler_raises():
    """An interrupt ends the wait at once, and the function goes on by itself."""
    release, ended = threading.Event(), threading.Event()

    def function():
        release.wait(60)
        ended.set()

    def handler(*_):
        raise KeyboardInterrupt

    with support.alarms(support.when_waiting(handler)), pytest.raises(KeyboardInterrupt):
        run_in(function)
    assert not ended.is_set()
    release.set()
    assert ended.wait(60)


def test_run_in_does_not_keep_the_interpreter():
    """A program that was interrupted ends, also while the function waits for ever."""
    program = """
    import os, signal, threading
    from butter.clone import run_in
    def function():
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait()
    try:
        run_in(function)
    except KeyboardInterrupt:
        print("interrupted")
    """
    program = "\n".join(line[4:] for line in program.splitlines())
    done = subprocess.run(
        [sys.executable, "-c", support.same_path(program)], capture_output=True, text=True, timeout=60, check=True
    )
    assert (done.stdout, done.stderr) == ("interrupted\n", "")


@alone
def test_run_in_where_no_thread_can_be_made():
    """The error of the thread is the caller's."""
    support.become_nobody()
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    with pytest.raises(RuntimeError, match="can't start new thread"):
        run_in(lambda: None)


@needs("CAP_SYS_ADMIN")
@alone
def test_run_in_whose_thread_would_be_in_another_pid_namespace():
    """The reason is in the error, and a child does it."""
    unshare(CLONE_NEWPID)
    with pytest.raises(RuntimeError, match=r"are in another pid namespace, .*in its children"):
        run_in(lambda: None)
    assert in_child(run_in, int) == 0


@needs_namespaces
@alone
def test_run_in_has_ended_its_thread_without_proc():
    """A user namespace can be made at once, also where /proc is not mounted."""
    own_namespaces()
    mount("none", "/proc", "tmpfs")

    def alone_again():
        run_in(int)
        unshare(CLONE_NEWUSER)

    for _ in range(200):
        in_child(alone_again)


# the maps of user namespaces


def maps(pid="self"):
    """The maps of a process, and whether setgroups is allowed."""
    read = [Path(f"/proc/{pid}/{name}").read_text().split() for name in ("uid_map", "gid_map", "setgroups")]
    return [int(number) for number in read[0]], [int(number) for number in read[1]], read[2][0]


@needs_namespaces
@alone
def test_map_ids_of_oneself():
    """A process inside maps its own ids; the kernel wants setgroups denied for that."""
    user, group = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER)
    assert map_ids(os.getpid(), [(0, user, 1)], [[7, group, 1]]) is None
    assert (os.geteuid(), os.getegid()) == (0, 7)
    assert maps() == ([0, user, 1], [7, group, 1], "deny")


@needs_namespaces
@alone
def test_map_one_of_the_maps():
    """A map that is None is not written, and setgroups stays as it is."""
    user = os.geteuid()
    unshare(CLONE_NEWUSER)
    map_ids(os.getpid(), uid_map=iter([(3, user, 1)]))
    assert maps() == ([3, user, 1], [], "allow")
    map_ids(os.getpid())
    assert maps() == ([3, user, 1], [], "allow")


@needs_namespaces
@alone
def test_map_ids_without_privileges():
    """The creator outside maps its own id alone, with setgroups denied."""
    become_nobody()
    user, group = os.geteuid(), os.getegid()
    with child(lambda: unshare(CLONE_NEWUSER)) as pid:
        map_ids(pid, [(0, user, 1)], [(0, group, 1)])
        assert maps(pid) == ([0, user, 1], [0, group, 1], "deny")


@needs("CAP_SETUID", "CAP_SYS_ADMIN")
@pytest.mark.parametrize(("setgroups", "allowed"), [(None, "allow"), (True, "allow"), (False, "deny")])
@alone
def test_map_ranges(setgroups, allowed):
    """A privileged process outside maps several ranges, and decides about setgroups."""
    ranges = [(0, 100_000, 10), (10, 0, 1), (20, 200_000, 1000)]
    with child(lambda: unshare(CLONE_NEWUSER)) as pid:
        map_ids(pid, ranges, ranges[:2], setgroups)
        numbers = [number for entry in ranges for number in entry]
        assert maps(pid) == (numbers, numbers[:6], allowed)


LAST = (1 << 32) - 2


@pytest.mark.parametrize(
    ("ranges", "exception", "words"),
    [
        ([], ValueError, "uid_map is empty"),
        ([(0, 0, 0)], ValueError, "is empty, or goes beyond the last id"),
        ([(0, LAST, 2)], ValueError, "goes beyond the last id, 4294967294"),
        ([(LAST, 0, 2)], ValueError, "goes beyond"),
        ([(0, 0, 5), (4, 10, 5)], ValueError, r"the ranges \(0, 0, 5\) and \(4, 10, 5\) of uid_map overlap"),
        ([(0, 0, 5), (5, 4, 5)], ValueError, "overlap"),
        ([(0, -1, 5)], ValueError, "uid_map is -1"),
        ([(0, 0)], TypeError, r"a range of uid_map is \(inside, outside, count\), not \(0, 0\)"),
        (["0 0 1"], TypeError, "not '0 0 1'"),
        ([(0, 0, "1")], TypeError, "uid_map must be an int"),
        (5, TypeError, "uid_map must be a list"),
    ],
)
@needs_namespaces
@alone
def test_wrong_ranges(ranges, exception, words):
    """Ranges that the kernel would refuse are refused before either map is written."""
    group = os.getegid()
    unshare(CLONE_NEWUSER)
    with pytest.raises(exception, match=words):
        map_ids(os.getpid(), ranges, [(0, group, 1)])
    assert maps() == ([], [], "allow")


def test_wrong_pid():
    """A pid is a positive int."""
    for pid, exception in ((-1, ValueError), ("self", TypeError), (1 << 31, ValueError)):
        with pytest.raises(exception, match="pid "):
            map_ids(pid, [(0, 0, 1)])


@needs_namespaces
@alone
def test_map_ids_of_others_from_inside():
    """A process inside learns that this is another's work."""
    user = os.geteuid()
    unshare(CLONE_NEWUSER)
    words = sentence(map_ids, os.getpid(), [(0, user, 1), (1, 100_000, 10)])
    assert "a process in the new user namespace maps one id alone" in words
    assert maps() == ([], [], "allow")


@needs_namespaces
@needs(kernel=(5, 12))
@alone
def test_map_user_0_without_the_capability():
    """User 0 of the outside is mapped with CAP_SETFCAP alone, and its group without."""
    own_namespaces()
    capset([], [], [])
    maps_of_0 = {"namespaces": CLONE_NEWUSER, "uid_map": [(0, 0, 1)]}
    assert "with CAP_SETFCAP alone" in sentence(lambda: spawn(["true"], **maps_of_0))
    with child(lambda: unshare(CLONE_NEWUSER)) as pid:
        assert "with CAP_SETFCAP alone" in sentence(map_ids, pid, [(5, 0, 1)])
        map_ids(pid, None, [(0, 0, 1)])
    unshare(CLONE_NEWUSER)
    assert "if its creator had CAP_SETFCAP" in sentence(map_ids, os.getpid(), [(5, 0, 1)])
    map_ids(os.getpid(), None, [(0, 0, 1)])


@needs_namespaces
@needs(kernel=(5, 4))
@alone
def test_map_ids_with_the_proc_of_an_outer_pid_namespace():
    """The process has another number there, and that is the one that is used."""

    def inside():
        # there is no other process here yet, but outside there is one of this number
        assert "there is no process" in sentence(map_ids, outside, [(0, 0, 1)])
        ranges = {"uid_map": [(5, 0, 1)], "gid_map": [(6, 0, 1)]}
        with spawn(["cat", "/proc/self/uid_map"], stdout=PIPE, namespaces=CLONE_NEWUSER, **ranges) as program:
            assert program.stdout.read().split() == [b"5", b"0", b"1"]
            assert program.wait() == 0
        with child(lambda: unshare(CLONE_NEWUSER)) as pid:
            map_ids(pid, **ranges)
            assert maps(number_of(pidfd_open(pid))) == ([5, 0, 1], [6, 0, 1], "deny")

    outside = os.getpid()
    own_namespaces()
    unshare(CLONE_NEWPID)
    in_child(inside)


@needs_namespaces
@alone
def test_map_ids_without_pidfds_with_the_proc_of_an_outer_pid_namespace():
    """Before Linux 5.3 no map is written there, since it might be another process's."""

    def inside():
        support.inject("pidfd_open", errno.ENOSYS)
        with child(lambda: unshare(CLONE_NEWUSER)) as pid:
            words = sentence(map_ids, pid, [(0, 0, 1)])
        assert "/proc is not mounted here, or is that of another pid namespace" in words

    own_namespaces()
    unshare(CLONE_NEWPID)
    in_child(inside)


@needs_namespaces
@alone
def test_map_ids_with_the_proc_of_a_lower_pid_namespace():
    """Where /proc does not have this process no map of another one is written."""

    def below():
        unshare(CLONE_NEWPID)
        in_child(mount, "proc", "/proc", "proc")

    own_namespaces()
    in_child(below)
    assert not os.path.exists("/proc/self")
    words = "/proc is not mounted here, or is that of another pid namespace"
    assert words in sentence(lambda: spawn(["true"], namespaces=CLONE_NEWUSER, uid_map=[(0, 0, 1)]))
    with child(lambda: unshare(CLONE_NEWUSER)) as pid:
        assert words in sentence(map_ids, pid, [(0, 0, 1)])


@needs("CAP_SETUID", "CAP_SYS_ADMIN")
@alone
def test_setgroups_too_late():
    """It can be denied only before the groups are mapped."""
    with child(lambda: unshare(CLONE_NEWUSER)) as pid:
        map_ids(pid, None, [(0, 0, 1)])
        words = sentence(lambda: map_ids(pid, [(0, 0, 1)], setgroups=False))
        assert "can be denied only before its gid_map is written" in words
        assert maps(pid) == ([], [0, 0, 1], "allow")


@needs_namespaces
@alone
def test_map_the_own_group_with_setgroups():
    """The kernel wants setgroups denied for that, which the sentence says."""
    user, group = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER)
    words = sentence(map_ids, os.getpid(), [(0, user, 1)], [(0, group, 1)], True)
    assert "maps its own group alone, and that only where setgroups is denied" in words


@alone
def test_map_the_own_group_with_setgroups_from_outside():
    """A creator without the capability is in the same place."""
    become_nobody()
    with child(lambda: unshare(CLONE_NEWUSER)) as pid:
        words = sentence(map_ids, pid, None, [(0, os.getegid(), 1)], True)
    assert "that only where setgroups is denied" in words


@needs_namespaces
@alone
def test_map_ids_again():
    """The map is in the way of a second call, and not setgroups."""
    user, group = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER)
    map_ids(os.getpid(), None, [(0, group, 1)])
    words = sentence(map_ids, os.getpid(), [(0, user, 1)], [(0, group, 1)])
    assert "gid_map of process" in words
    assert "has been written already" in words
    map_ids(os.getpid(), [(0, user, 1)])


@alone
def test_map_ids_of_a_process_that_changed_its_user():
    """Its files in /proc are root's, though the process is not."""
    become_nobody()
    with child(lambda: unshare(CLONE_NEWUSER), lambda: dumpable(False)) as pid:
        words = sentence(map_ids, pid, [(0, os.geteuid(), 1)])
    assert "are root's" in words
    assert "PR_SET_DUMPABLE" in words


@needs_namespaces
@alone
def test_map_ids_of_nobody_below():
    """An id that means nothing outside cannot be mapped."""
    own_namespaces()
    with child(lambda: unshare(CLONE_NEWUSER)) as pid:
        words = sentence(map_ids, pid, [(0, 500, 1)])
        assert "an id of the outside does not have a mapping in the parent user namespace" in words


@needs_namespaces
@alone
def test_map_ids_where_apparmor_restricts():
    """AppArmor may also leave a new user namespace without capabilities."""
    settings(apparmor_restrict_unprivileged_userns=1)
    with child(lambda: unshare(CLONE_NEWUSER)) as pid:
        support.inject("write", errno.EPERM, support.next_descriptor())
        words = sentence(map_ids, pid, [(0, 0, 1)])
    assert "kernel.apparmor_restrict_unprivileged_userns is 1: AppArmor" in words


@alone
def test_helpers_that_are_missing():
    """A map that needs newuidmap names its package, before anything is written."""
    become_nobody()
    os.environ["PATH"] = "/nowhere"
    ranges = [(0, os.geteuid(), 1), (1, 100_000, 10)]
    with child(lambda: unshare(CLONE_NEWUSER)) as pid:
        with pytest.raises(PathNotFound, match="its package is uidmap") as caught:
            map_ids(pid, ranges, [(0, os.getegid(), 1)])
        assert caught.value.filename == "newuidmap"
        assert maps(pid) == ([], [], "allow")
        with pytest.raises(PathNotFound) as caught:
            map_ids(pid, [(0, os.geteuid(), 1)], ranges)
        assert caught.value.filename == "newgidmap"


def subordinate(text):
    """Be a user that may map the ids that *text* lists: for a child."""
    unshare(CLONE_NEWNS)
    mount("none", "/", flags=MS_REC_PRIVATE)
    mount("none", "/mnt", "tmpfs")
    for name in ("subuid", "subgid"):
        Path("/mnt", name).write_text(text)
        if not Path("/etc", name).exists():
            pytest.skip(f"/etc/{name} is missing, which comes with the package uidmap")
        mount(f"/mnt/{name}", f"/etc/{name}", flags=MS_BIND)
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    dumpable()


needs_uidmap = needs(
    when=os.access("/usr/bin/newuidmap", os.X_OK) and os.access("/usr/bin/newgidmap", os.X_OK),
    reason="needs newuidmap and newgidmap, of the package uidmap",
)


@needs_uidmap
@needs("CAP_SYS_ADMIN", "CAP_SETUID")
@pytest.mark.parametrize("action", [signal.SIG_DFL, signal.SIG_IGN])
@alone
def test_helpers(action):
    """A user maps the ids that /etc/subuid lists, by the programs that may."""
    subordinate("65534:100000:1000\n")
    signal.signal(signal.SIGCHLD, action)
    with child(lambda: unshare(CLONE_NEWUSER)) as pid:
        try:
            map_ids(pid, [(0, 65534, 1), (1, 100_000, 10)], [(0, 65534, 1), (1, 100_500, 20)])
            found = maps(pid)
        finally:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    assert found[:2] == ([0, 65534, 1, 1, 100_000, 10], [0, 65534, 1, 1, 100_500, 20])


@needs_uidmap
@needs("CAP_SYS_ADMIN", "CAP_SETUID")
@alone
def test_helpers_that_refuse():
    """The words of the program are in the error, with the file that decides."""
    subordinate("65534:100000:1000\n")
    with child(lambda: unshare(CLONE_NEWUSER)) as pid:
        with pytest.raises(PermissionError, match=r"newuidmap: .* \(the ranges that a user may map are in /etc/subuid"):
            map_ids(pid, [(0, 65534, 1), (1, 300_000, 10)])
        with pytest.raises(PermissionError, match=r"newgidmap: .* in /etc/subgid"):
            map_ids(pid, None, [(0, 65534, 1), (1, 300_000, 10)])
        assert maps(pid)[:2] == ([], [])


@needs_uidmap
@alone
def test_helpers_and_a_process_that_has_ended():
    """The words of the program are not what is wrong."""
    become_nobody()
    pid = os.fork() or os._exit(0)
    os.waitpid(pid, 0)
    with pytest.raises(PathNotFound, match=f"there is no process {pid}"):
        map_ids(pid, [(0, os.geteuid(), 1), (1, 100_000, 10)])
