"""``butter doctor``, with all features at work and without some of them."""

import contextlib
import errno
import importlib
import io
import json
import os
import re
import resource
import signal
import sys
import tempfile
from pathlib import Path

import features
import pytest
import support
from commands import run, run_at_limit
from support import in_child, needs, needs_namespaces, needs_no_filter
from support.histories import limit_watches

import butter
from butter import cli
from butter.cli import _probes, _watches, doctor
from butter.cli._limits import LIMITS, user_limit
from butter.cli._probes import BACKENDS, FEATURES, MODES, remedy
from butter.errors import sysctl
from butter.fanotify import FAN_CLOEXEC, FAN_REPORT_FID, FanotifyInit
from butter.inotify import Inotify
from butter.landlock import abi
from butter.prctl import Capability
from butter.system import MS_PRIVATE, MS_REC, MS_SHARED, mount

pytestmark = pytest.mark.usefixtures("plain_environment")

# here, and not again in each forked child
for module in butter.__all__[1:]:
    importlib.import_module(f"butter.{module}")

needs_all = needs(kernel=(5, 13), when=lambda: abi() > 0, reason="needs landlock, or it is a row that does not work")


def report(before=lambda: None):
    """The exit code of ``butter doctor --json`` in a forked child, and what it prints.

    The child calls *before* first. A new Python would take much longer.
    """

    def body():
        before()
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            status = cli.main(["doctor", "--json"])
        return status, json.loads(printed.getvalue())

    return in_child(body)


@needs_no_filter  # the command, which is another process, sees the true version
@needs_all
def test_doctor():
    """On this machine every feature works, and each, and each limit, has a row."""
    done = run("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    for name, _, _ in FEATURES:
        assert re.search(rf"^{name} +works$", done.stdout, re.MULTILINE)
    for name, _, _ in (*MODES, *BACKENDS):
        assert re.search(rf"^{name} +\w+", done.stdout, re.MULTILINE)
    for name in LIMITS:
        assert re.search(rf"^{re.escape(name)} +(\d+|unknown)  \w", done.stdout, re.MULTILINE)


@needs_no_filter  # the command, which is another process, sees the true version
@needs_all
def test_doctor_json():
    """``--json`` has a record of each feature, and each limit with its value."""
    done = run("doctor", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert found["butter"] == butter.__version__
    assert os.uname().release in found["kernel"]
    assert found["landlock"] == abi()
    assert "inotify" in [row["name"] for row in found["features"]]
    assert all(row["works"] and row["reason"] is row["remedy"] is None for row in found["features"])
    values = {row["name"]: row["value"] for row in found["limits"]}
    assert values["fs.inotify.max_user_watches"] == sysctl("fs.inotify.max_user_watches")
    assert values["RLIMIT_NOFILE"] > 0
    assert values["RLIMIT_SIGPENDING"] == resource.getrlimit(11)[0]
    assert values["fs.pipe-user-pages-soft"] == sysctl("fs.pipe-user-pages-soft")


def test_doctor_names_capabilities():
    """The capabilities in force are named; for people those that lack, if fewer."""
    with open("/proc/self/status") as status:
        mask = next(int(line.split()[1], 16) for line in status if line.startswith("CapEff"))
    names = report()[1]["capabilities"]
    assert len(names) == bin(mask).count("1")
    assert ("CAP_CHOWN" in names) == bool(mask & 1)
    every = [f"CAP_{capability.name}" for capability in Capability]
    assert doctor.shown(every) == "all"
    assert doctor.shown(every[1:]) == "all but CAP_CHOWN"
    assert doctor.shown(every[:2]) == "CAP_CHOWN CAP_DAC_OVERRIDE"
    assert doctor.shown([]) == "none"


@needs("CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH", kernel=(6, 15))
def test_doctor_fanotify():
    """Root has all of fanotify."""
    found = report()[1]
    assert [(row["name"], row["reason"]) for row in found["fanotify"] if not row["works"]] == []
    assert len(found["fanotify"]) == len(MODES)


@pytest.mark.parametrize(
    ("mode", "constant"),
    [
        ("processes", "FAN_REPORT_PIDFD"),
        ("filesystems", "FAN_REPORT_DFID_NAME"),
        ("mounts", "FAN_REPORT_MNT"),
    ],
)
def test_doctor_knows_the_kernel_of_a_mode(mode, constant):
    """A mode of fanotify is as old as the constant that it needs."""
    (since,) = (feature.since for feature in MODES if feature.name == mode)
    assert since == FanotifyInit.__since__[constant][1]


@needs_namespaces
def test_doctor_chooses_a_backend():
    """The backend of a tree follows from those that work, and the limit of watches."""

    def body():
        support.own_namespaces()
        limit_watches(17)
        for inotify, fanotify, words in (
            (True, True, "inotify, or fanotify for more than 17 directories"),
            (True, False, "inotify, for at most 17 directories"),
            (False, True, "fanotify"),
            (False, False, "none works"),
        ):
            assert doctor.choice([{"works": inotify}, {"works": fanotify}]) == words

    in_child(body)


@needs(kernel=(5, 17))
def test_doctor_names_the_backends():
    """Each backend of a tree has a row, with the reason where it does not work."""

    def rows(before=lambda: None):
        def prepare():
            # a tmpfs has handles, which fanotify needs; other temporary files may not
            tempfile.tempdir = "/dev/shm"
            before()

        return report(prepare)[1]["trees"]

    inotify, fanotify = rows()
    assert (inotify["name"], inotify["works"], inotify["reason"]) == ("inotify", True, None)
    allowed = support.capable("CAP_SYS_ADMIN") and support.capable("CAP_DAC_READ_SEARCH")
    assert (fanotify["name"], fanotify["works"]) == ("fanotify", allowed)
    inotify, _ = rows(lambda: support.inject("inotify_init1", errno.ENOSYS))
    assert "inotify_init1" in inotify["reason"]
    assert "seccomp" in inotify["remedy"]
    inotify, fanotify = rows(support.become_nobody)
    assert (inotify["works"], fanotify["works"]) == (True, False)
    assert "CAP_SYS_ADMIN" in fanotify["reason"]


@needs(kernel=(5, 17))
@needs_namespaces
def test_doctor_fanotify_without_privileges():
    """Without privileges each row of fanotify says which capability is missing."""
    # an execve takes the capabilities that the new namespace gave
    done = run("doctor", "--json", preexec_fn=lambda: support.own_namespaces(root=False))
    found = json.loads(done.stdout)["fanotify"]
    assert [row["name"] for row in found if row["works"]] == []
    for row in found:
        assert re.search("needs CAP_(SYS_ADMIN|DAC_READ_SEARCH)", row["reason"]), row
        assert "run as root" in row["remedy"]


@needs(kernel=(5, 4))
@pytest.mark.parametrize("feature", features.FEATURES, ids=lambda feature: feature.name)
@pytest.mark.parametrize(("number", "remedy"), [(errno.ENOSYS, "seccomp profile"), (errno.EPERM, "capability")])
def test_doctor_where_a_call_fails(monkeypatch, feature, number, remedy):
    """A feature that a seccomp filter takes away is named, with what helps."""
    # without privileges, mounting needs namespaces of one's own
    others = {"system"} if feature.name == "clone" and not support.capable("CAP_SYS_ADMIN") else set()
    # before mount_setattr, the mounts of the probe are made private by mount
    if feature.name == "system" and support.kernel() < (5, 12):
        others = {"system_mounts"}
    # an Aio has an eventfd
    others |= {"aio"} if feature.name == "eventfd" else set()
    others |= set() if abi() else {"landlock"}
    # the rows of these tables would take half of the time, and have tests of their own
    for table in "MODES", "BACKENDS":
        monkeypatch.setattr(doctor, table, [])
    if number == errno.EPERM:
        # that the rest works is the same for each errno
        own = [row for row in FEATURES if row.name in {feature.name, *others}]
        monkeypatch.setattr(doctor, "FEATURES", own)
    status, found = report(lambda: support.inject(feature.call, number, arguments=feature.call_arguments))
    assert (status, found["seccomp"]) == (1, "filter")
    broken = {row["name"]: row for row in found["features"] if not row["works"]}
    assert set(broken) == {*others, feature.name}, broken
    assert broken[feature.name]["reason"]
    assert remedy in broken[feature.name]["remedy"]


@needs(kernel=(5, 0))
@pytest.mark.parametrize(("number", "works"), [(errno.EPERM, False), (errno.EBUSY, True)])
def test_doctor_tries_a_listener(number, works):
    """Seccomp without a listener does not work; that of a container is left alone."""
    _, found = report(lambda: support.inject("seccomp", number, arguments={0: 1, 1: 8}))
    (row,) = (row for row in found["features"] if row["name"] == "seccomp")
    assert row["works"] is works


@pytest.mark.parametrize(("number", "words"), [(0, "no landlock"), (7, "landlock ABI 7")])
def test_doctor_says_the_abi(monkeypatch, capsys, number, words):
    """The line about the user names the ABI of landlock."""
    monkeypatch.setattr("butter.landlock.abi", lambda: number)
    cli.main(["doctor"])
    assert f", {words}\n" in capsys.readouterr().out


@needs(kernel=(5, 2))
@pytest.mark.parametrize(
    ("name", "kernel", "call", "first"),
    [
        # without a capability it needs the newer part
        pytest.param(
            *("fanotify", (4, 14), "fanotify_init", FAN_CLOEXEC | FAN_REPORT_FID), marks=needs("CAP_SYS_ADMIN")
        ),
        ("system_mounts", (5, 10), "mount_setattr", None),
        pytest.param("system_mounts", (6, 1), "statmount", None, marks=needs(kernel=(5, 12))),
    ],
)
def test_doctor_tries_what_the_kernel_has(monkeypatch, name, kernel, call, first):
    """A feature works though the kernel is older than a part of it."""
    monkeypatch.setattr(_probes, "running_kernel", lambda: kernel)
    _, found = report(lambda: support.inject(call, errno.ENOSYS, first))
    (row,) = (row for row in found["features"] if row["name"] == name)
    assert row["works"], row


@needs_namespaces
@needs(kernel=(5, 12))
@pytest.mark.parametrize("kernel", [(5, 10), support.kernel()], ids=["older", "running"])
def test_doctor_mounts_nothing_outside(monkeypatch, kernel):
    """The mounts of the probe are seen nowhere else, also where mounts are shared."""
    monkeypatch.setattr(_probes, "running_kernel", lambda: kernel)

    def body():
        support.own_namespaces()
        for propagation in MS_PRIVATE, MS_SHARED:
            mount(None, "/", None, MS_REC | propagation)
        before = Path("/proc/self/mountinfo").read_text()
        in_child(_probes.try_mounts)
        assert Path("/proc/self/mountinfo").read_text() == before

    in_child(body)


def test_doctor_for_people_where_a_call_fails():
    """The reason is in the row of the feature, and the remedy below it."""
    done = run("doctor", preexec_fn=lambda: support.inject("inotify_init1", errno.ENOSYS))
    assert done.returncode == 1
    assert re.search(r"^inotify +inotify_init1: .*seccomp.*\n +this kernel has the call.*\n", done.stdout, re.MULTILINE)


@needs_namespaces
def test_doctor_at_a_limit():
    """A limit that is reached is named in the row of its feature."""
    done = run_at_limit("user.max_inotify_instances", "doctor", "--json")
    found = json.loads(done.stdout)
    row = next(row for row in found["features"] if row["name"] == "inotify")
    assert "user.max_inotify_instances is 0" in row["reason"]
    assert "raise the limit" in row["remedy"]
    assert "user namespace" in found["container"]
    assert next(row["value"] for row in found["limits"] if row["name"] == "user.max_inotify_instances") == 0


@needs_namespaces
@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("apparmor_restrict_unprivileged_userns", 1, "kernel.apparmor_restrict_unprivileged_userns is 1: AppArmor"),
        ("unprivileged_userns_clone", 0, "kernel.unprivileged_userns_clone is 0"),
        ("hostname", "x", "a seccomp filter is in force"),
    ],
)
def test_doctor_where_user_namespaces_are_forbidden(name, value, reason):
    """The row has the reason: a sysctl, AppArmor's or another, or a filter."""

    def forbid():
        support.own_namespaces()
        # other kernels have these settings, and then refuse
        assert support.libc.mount(b"none", b"/proc/sys/kernel", b"tmpfs", 0, None) == 0
        with open(f"/proc/sys/kernel/{name}", "w") as file:
            file.write(str(value))
        support.inject("unshare", errno.EPERM)

    row = next(row for row in report(forbid)[1]["features"] if row["name"] == "clone")
    assert reason in row["reason"]
    assert "run as root" in row["remedy"]


def test_old_kernel():
    """A call that is missing on an old kernel needs another kernel, not a filter."""
    assert remedy(errno.ENOSYS, since="99.1") == "run Linux 99.1 or newer"
    assert "seccomp" in remedy(errno.ENOSYS, since="2.6.27")


def test_attempt_is_killed():
    """A probe that a seccomp filter kills is reported as such."""
    number, reason = doctor.attempt(lambda: os.kill(os.getpid(), signal.SIGSYS))
    assert number == errno.ENOSYS
    assert "seccomp" in reason


def test_attempt_takes_too_long():
    """A probe that does not end is reported as such."""
    assert doctor.attempt(signal.pause, 0.1) == (None, "no answer within 0.1 seconds")


@pytest.mark.parametrize(
    ("probe", "reason"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "the process died of SIGKILL"),
        (lambda: os._exit(5), "the process ended without an answer"),
        (lambda: importlib.import_module("x.y"), "ModuleNotFoundError: No module named 'x'"),
        (lambda: sys.exit(3), "SystemExit: 3"),
        (lambda: signal.raise_signal(signal.SIGINT), "KeyboardInterrupt"),
    ],
)
def test_attempt_ends_without_success(probe, reason):
    """A probe that does not return has a reason."""
    assert doctor.attempt(probe) == (None, reason)


def test_attempt_where_fork_fails(monkeypatch):
    """The error names the call and the limit, and no descriptor leaks."""

    def fork():
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", fork)
    before = support.descriptors()
    with pytest.raises(BlockingIOError, match=r"fork: .*RLIMIT_NPROC is "):
        doctor.attempt(lambda: None)
    assert support.descriptors() == before


@needs_all
@pytest.mark.parametrize("action", [signal.SIG_IGN, signal.SIG_DFL])
def test_doctor_where_children_are_ignored(action, capsys):
    """An ignored SIGCHLD does not hide how a probe ended, and stays ignored."""
    before = signal.signal(signal.SIGCHLD, action)
    try:
        assert cli.main(["doctor"]) == 0
        assert signal.getsignal(signal.SIGCHLD) == action
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert "works" in capsys.readouterr().out


def watches():
    """The report of ``--watches --json``, and the rows of this process in it."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert cli.main(["doctor", "--watches", "--json"]) == 0
    found = json.loads(printed.getvalue())
    return found, [row for row in found["processes"] if row["pid"] == os.getpid()]


def test_watches(tmp_path):
    """A process has the sums of its instances, of which a duplicate counts once."""
    (tmp_path / "in").mkdir()
    _, before = watches()
    with Inotify() as first, Inotify():
        first.watch(tmp_path)
        first.watch(tmp_path / "in")
        with open(os.dup(first.fileno()), "rb"):
            found, (row,) = watches()
    old = before[0] if before else {"watches": 0, "instances": 0}
    assert (row["watches"] - old["watches"], row["instances"] - old["instances"]) == (2, 2)
    assert (row["uid"], row["cmdline"][0]) == (os.geteuid(), Path("/proc/self/cmdline").read_text().split("\0")[0])
    assert found["max_user_watches"] == user_limit("watches")
    counts = [each["watches"] for each in found["processes"]]
    assert counts == sorted(counts, reverse=True)


@needs("CAP_SETUID")
def test_watches_of_a_user():
    """A shared instance counts once for the user; foreign processes are told."""

    def body():
        support.become_nobody()
        with Inotify() as inotify, support.Child() as child:
            inotify.watch("/")
            found, (row,) = watches()
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                assert cli.main(["doctor", "--watches"]) == 0
            others = [each for each in found["processes"] if each["pid"] == child.pid]
            return found, row, others, printed.getvalue()

    found, row, others, printed = in_child(body)
    assert [each["watches"] for each in (row, *others)] == [1, 1]
    assert found["users"] == [{"uid": row["uid"], "user": str(row["uid"]), "watches": 1, "instances": 1}]
    limits = found["max_user_watches"], found["max_user_instances"]
    assert re.search("^ +1 +{} +1 +{}  {}$".format(*limits, row["uid"]), printed, re.MULTILINE)
    assert re.search(rf"^ +1 +1 +{row['pid']}  {row['uid']}  \S", printed, re.MULTILINE)
    assert found["unreadable"] > 0
    assert re.search("^[0-9]+ process(es)? may not be looked at", printed, re.MULTILINE)


def test_watches_where_processes_end(monkeypatch):
    """A process or descriptor that has gone when it is looked at is left out."""
    with support.Child() as child:
        pass
    listdir = os.listdir
    with Inotify():
        monkeypatch.setattr(os, "listdir", lambda path: [*listdir(path), str(child.pid)])
        found, (row,) = watches()
    assert child.pid not in [each["pid"] for each in found["processes"]]
    assert row["instances"] >= 1


def test_watches_of_none(capsys):
    """Where no process has an instance one line says so."""
    report = {"max_user_watches": 1, "max_user_instances": None, "users": [], "processes": [], "unreadable": 0}
    _watches.show(report)
    assert capsys.readouterr().out == "no process has an inotify instance\n"
