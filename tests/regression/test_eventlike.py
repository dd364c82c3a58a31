"""Defects of the first releases that event objects must not have again; each test bears the id of one."""

import os
import subprocess
import sys

import pytest
import support

from butter import utils
from butter.inotify import IN_NONBLOCK, Inotify, inotify_init


@pytest.fixture
def inotify():
    with Inotify(IN_NONBLOCK) as inotify:
        yield inotify


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
