"""The behaviours of setns and unshare that are to be proved, each with its name."""

import errno
import os
import threading

import pytest
import support
from support import alone, in_child, needs, needs_namespaces, own_namespaces

from butter.clone import (
    CLONE_FILES,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUTS,
    Namespace,
    setns,
    unshare,
)
from butter.errors import InvalidArgument

KINDS = {
    "ipc": CLONE_NEWIPC,
    "mnt": CLONE_NEWNS,
    "net": CLONE_NEWNET,
    "pid": CLONE_NEWPID,
    "uts": CLONE_NEWUTS,
}


@pytest.mark.parametrize("name", KINDS)
@alone
def test_setns01_refused(name, tmp_path):
    """A bad descriptor, a wrong kind and a missing right are refused."""
    kind, other = KINDS[name], CLONE_NEWUTS if name != "uts" else CLONE_NEWNET
    file = os.open(tmp_path / "file", os.O_CREAT | os.O_RDWR)
    namespace = os.open(f"/proc/self/ns/{name}", os.O_RDONLY)
    for fd, nstype, number in (
        (-1, kind, errno.EBADF),
        (file, kind, errno.EINVAL),
        (namespace, -1, errno.EINVAL),
        (namespace, other, errno.EINVAL),
    ):
        with pytest.raises(InvalidArgument) as caught:
            setns(fd, nstype)
        assert caught.value.errno == number
    support.become_nobody()
    with pytest.raises(PermissionError, match="CAP_SYS_ADMIN") as caught:
        setns(namespace, kind)
    assert caught.value.errno == errno.EPERM


@needs("CAP_SYS_ADMIN", "CAP_SYS_CHROOT")
@pytest.mark.parametrize("name", KINDS)
@alone
def test_setns01_allowed(name):
    """The kind may be said or left open."""
    namespace = os.open(f"/proc/self/ns/{name}", os.O_RDONLY)
    assert setns(namespace, KINDS[name]) is None
    assert setns(namespace, 0) is None


@alone
def test_unshare03():
    """A descriptor above fs.nr_open keeps its table from being copied."""
    support.inject("unshare", errno.EMFILE)
    with pytest.raises(OSError, match=r"not allowed any more; fs\.nr_open is \d+") as caught:
        unshare(CLONE_FILES)
    assert caught.value.errno == errno.EMFILE


@needs_namespaces
@alone
def test_unshare04():
    """A new mount namespace comes with a working directory of its own."""
    own_namespaces()
    before, seen = os.getcwd(), []

    def thread():
        unshare(CLONE_NEWNS)
        os.chdir("/proc")
        seen.append(os.getcwd())

    other = threading.Thread(target=thread)
    other.start()
    other.join()
    assert seen == ["/proc"]
    assert os.getcwd() == before


@needs_namespaces
@alone
def test_unshare05():
    """The first child after a new pid namespace is process 1 there, at each depth."""
    own_namespaces()

    def child():
        unshare(CLONE_NEWPID)
        return os.getpid(), in_child(os.getpid)

    unshare(CLONE_NEWPID)
    assert in_child(child) == (1, 1)


@needs_namespaces
@alone
def test_a_namespace_lives_while_it_is_open():
    """The last process has left, and the descriptor keeps it."""
    own_namespaces()
    unshare(CLONE_NEWUTS)
    with Namespace.current("uts") as first:
        unshare(CLONE_NEWUTS)
        identity = first.identity
        setns(first)
        with Namespace.current("uts") as again:
            assert again.identity == identity
