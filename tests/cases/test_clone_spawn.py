"""The cases of clone3 of the Linux Test Project, for the clone that spawn makes."""

import errno
import signal
import sys

import pytest
import support
from support import alone, in_child, needs, needs_cgroup, own_cgroup, own_namespaces

from butter.clone import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUTS,
    PIPE,
    spawn,
)
from butter.prctl import Capability, capabilities
from butter.signalfd import Signalfd

pytestmark = needs(kernel=(5, 4))

WAITING = """
from butter.signalfd import Signalfd
with Signalfd([10]) as signals:
    print("ready", flush=True)
    print(signals.wait().ssi_int)
"""
KINDS = CLONE_NEWPID, CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUTS


@pytest.mark.parametrize("namespaces", [0, pytest.param(CLONE_NEWPID, marks=needs("CAP_SYS_ADMIN"))])
@alone
def test_clone301_exit_signal(namespaces):
    """At the end of the child its parent gets SIGCHLD once, with the child's number."""
    with Signalfd([signal.SIGCHLD]) as signals, spawn(["true"], namespaces=namespaces) as child:
        event = signals.wait(60)
        assert (event.ssi_signo, event.pid) == (signal.SIGCHLD, child.pid)
        assert child.wait() == 0
        assert not signals.pending


@alone
def test_clone301_pidfd():
    """A signal with a value reaches the child through the pidfd of its clone."""
    program = support.same_path(WAITING)
    with spawn([sys.executable, "-S", "-c", program], stdout=PIPE) as child:
        assert child.stdout.readline() == b"ready\n"
        child.send_signal(signal.SIGUSR1, value=777)
        assert child.stdout.read() == b"777\n"
        assert child.wait() == 0


@needs_cgroup
def test_clone303():
    """The child is in the control group that clone was given."""
    with own_cgroup() as path, spawn(["sleep", "60"], cgroup=path) as child:
        assert (path / "cgroup.procs").read_text() == f"{child.pid}\n"
        child.kill()
        child.wait()


@support.needs_namespaces
@pytest.mark.parametrize("kind", KINDS)
def test_clone304(kind):
    """Without CAP_SYS_ADMIN in its user namespace a process makes no namespaces."""

    def body():
        own_namespaces()
        capabilities.effective -= {Capability.SYS_ADMIN}
        spawn(["true"], namespaces=kind)

    with pytest.raises(PermissionError, match="CAP_SYS_ADMIN") as caught:
        in_child(body)
    assert caught.value.errno == errno.EPERM
