"""``butter demo``, to its end and ended before."""

import contextlib
import functools
import resource
import signal

import pytest
import support
from commands import finish, run, started

pytestmark = pytest.mark.usefixtures("plain_environment")


@support.needs(kernel=(5, 15))
def test_demo(tmp_path, monkeypatch):
    """Files, timer and wake-up arrive, and the directory is empty afterwards."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    done = run("demo")
    assert (done.returncode, done.stderr) == (0, "")
    inotify = "inotify   CREATE ", "MOVED_TO ", "CREATE|ISDIR ", "DELETE "
    others = "timerfd   1 tick", "signalfd  SIGUSR1", "eventfd   1 call", "memfd     16 bytes", "splice    16 of"
    root = support.capable("CAP_SYS_ADMIN")
    guard = ("fanotify  sh[", "fanotify  it may not") if root else ("fanotify  could refuse", "needs CAP_SYS_ADMIN")
    for words in inotify + others + guard:
        assert words in done.stdout
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGHUP, -signal.SIGHUP)])
def test_demo_interrupted(tmp_path, monkeypatch, number, expected):
    """A signal ends the demo, its thread included, after its directory is removed."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    with started("demo") as process:
        while b"inotify" not in process.stdout.readline():
            pass
        process.send_signal(number)
        code, lines, said = finish(process)
    assert (code, said) == (expected, "")
    assert not [line for line in lines if "wakes the loop" in line]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_demo_ignores_a_hang_up(tmp_path, monkeypatch):
    """A hang-up that is ignored, as by nohup, does not end the demo; SIGTERM does."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    with started("demo", preexec_fn=functools.partial(signal.signal, signal.SIGHUP, signal.SIG_IGN)) as process:
        while b"inotify" not in process.stdout.readline():
            pass
        # of two that wait, the one with the lower number is read first
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        code, _, said = finish(process)
    assert (code, said) == (-signal.SIGTERM, "")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_demo_without_a_reader(tmp_path):
    """A closed pipe ends the demo as well."""
    with started("demo") as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr.read() == b""


def test_demo_without_descriptors(tmp_path, monkeypatch):
    """Whichever descriptor the demo does not get, its directory is removed."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))

    def limited(limit):
        return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    with contextlib.ExitStack() as all_of_them:
        demos = [all_of_them.enter_context(started("demo", preexec_fn=limited(limit))) for limit in range(8, 15)]
        for demo in demos:
            demo.communicate(timeout=60)
    assert [demo.returncode for demo in demos] == [1] * len(demos)
    assert list((tmp_path / "tmp").iterdir()) == []
