"""Defects of the first releases that event objects must not have again; each test bears the id of one."""

import copy
import errno
import gc
import os
import subprocess
import sys

import pytest
import support

from butter import utils
from butter.errors import UnknownError
from butter.inotify import IN_CREATE, IN_NONBLOCK, Inotify, inotify_init


@pytest.fixture
def inotify():
    with Inotify(IN_NONBLOCK) as inotify:
        yield inotify


def test_E1_with_gives_the_object():
    """``with Inotify() as inotify`` once gave None."""
    made = Inotify()
    with made as given:
        assert given is made


def test_E2_descriptor_zero_is_open(tmp_path, in_child):
    """With stdin closed the first object has the number 0, and once counted as closed."""

    def body():
        os.close(0)
        made = Inotify()
        assert made.fileno() == 0
        assert not made.closed()
        assert repr(made) == "<Inotify fd=0>"
        made.watch(tmp_path, IN_CREATE)
        (tmp_path / "file").touch()
        assert made.read_event().filename == b"file"
        made.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(0)

    in_child(body)


def test_E3_closed_on_exec_by_default(inotify):
    """What a process executes once inherited every descriptor."""
    assert utils.CLOEXEC_DEFAULT is True
    assert not os.get_inheritable(inotify.fileno())
    fd = inotify_init()
    assert not os.get_inheritable(fd)
    os.close(fd)


@pytest.mark.parametrize("closefd", [True, False])
def test_E4_closefd_is_passed_on(closefd):
    """The argument reaches the kernel, from the object and from the call."""
    with Inotify(closefd=closefd) as made:
        assert os.get_inheritable(made.fileno()) is not closefd
    fd = inotify_init(closefd=closefd)
    assert os.get_inheritable(fd) is not closefd
    os.close(fd)


def test_E5_dropped_objects_close():
    """Objects that nobody closed once kept their descriptors for ever, without a word."""
    before = support.descriptors()
    box = [Inotify() for _ in range(5)]
    with pytest.warns(ResourceWarning) as caught:  # noqa: PT031  # the box has to go in the block
        box.clear()
        gc.collect()
    assert len(caught) == 5
    assert support.descriptors() == before


def test_E6_hash_outlives_close():
    """An object was once not found in a dict after it was closed, and all closed objects were equal."""
    one, other = Inotify(), Inotify()
    found = {one: 1, other: 2}
    one.close()
    other.close()
    assert (found[one], found[other]) == (1, 2)
    assert one != other


@pytest.mark.parametrize("stranger", [5, None, "text", 0.5, ()])
def test_E7_unequal_is_the_opposite_of_equal(inotify, stranger):
    """``!=`` was once False where ``==`` was False."""
    assert (inotify == stranger) is False
    assert (inotify != stranger) is True


def test_E8_subclasses():
    """The constructor of a subclass once called itself without end."""

    class Sub(Inotify):
        pass

    class SubSub(Sub):
        def __init__(self):
            super().__init__(IN_NONBLOCK)

    with Sub() as one, SubSub() as other:
        assert isinstance(one, Inotify)
        with pytest.raises(BlockingIOError):
            other.read_event()


@support.needs_descriptors(4096)
def test_E9_wait_with_a_large_descriptor(tmp_path, in_child):
    """Waiting on a descriptor beyond 1023 once failed."""

    def body():
        support.occupy_descriptors(1999)
        with Inotify() as made:
            assert made.fileno() == 2000
            with pytest.raises(TimeoutError):
                made.wait(0)
            made.watch(tmp_path, IN_CREATE)
            (tmp_path / "file").touch()
            return made.wait(30).filename

    assert in_child(body) == b"file"


def test_E10_errors_have_their_errno(inotify):
    """Errors of known meaning once had neither errno nor strerror."""
    for call in (Inotify, inotify_init):
        with pytest.raises(ValueError, match="flags") as caught:
            call(1 << 30)
        assert isinstance(caught.value, OSError)
        assert caught.value.errno == errno.EINVAL
        assert caught.value.strerror
    with pytest.raises(ValueError, match="does not exist") as caught:
        inotify.watch("/no/such/path")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, "/no/such/path")
    with pytest.raises(OSError, match="RLIMIT_NOFILE") as caught:
        support.exhaust_descriptors(inotify_init, limit=3)
    assert caught.value.errno == errno.EMFILE


def test_E11_unknown_errors_are_os_errors():
    """``except OSError`` once missed every errno that a call did not know."""
    with pytest.raises(OSError, match="Host is down") as caught:
        support.inject_in_child("inotify_init1", errno.EHOSTDOWN, inotify_init)
    assert type(caught.value) is UnknownError
    assert caught.value.errno == errno.EHOSTDOWN


BAD = """
import sys
from butter.inotify import *
assert False, "python -O does not see this"
made = Inotify()
for call, expected in (
    (lambda: made.watch("/", "mask"), TypeError),
    (lambda: made.watch("/", -1), ValueError),
    (lambda: made.watch("", IN_CREATE), ValueError),
    (lambda: made.watch(None, IN_CREATE), TypeError),
    (lambda: made.ignore("wd"), TypeError),
    (lambda: made.wait("1"), TypeError),
    (lambda: Inotify("flags"), TypeError),
    (lambda: inotify_init(1.5), TypeError),
    (lambda: inotify_add_watch("fd", "/", 1), TypeError),
    (lambda: inotify_rm_watch(-1, 1), ValueError),
    (lambda: str_to_events(None), TypeError),
):
    try:
        call()
    except expected:
        continue
    sys.exit(f"line {call.__code__.co_firstlineno} did not raise {expected.__name__}")
made.close()
"""


def test_E12_arguments_are_checked_without_assert():
    """Bad arguments once were AssertionErrors, and under ``python -O`` went on to the kernel."""
    subprocess.run([sys.executable, "-O", "-W", "error", "-c", support.same_path(BAD)], timeout=60, check=True)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_E13_no_copies(inotify, duplicate):
    """A copy once shared the descriptor, and was left with a dead number when the other was closed."""
    with pytest.raises(TypeError, match="copy"):
        duplicate(inotify)
