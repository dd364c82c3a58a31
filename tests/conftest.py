"""Options and fixtures of all tests."""

import gc
import itertools
import signal
import tempfile
from pathlib import Path

import pytest
import support
from hypothesis import settings
from support import old_kernel

import butter

# the second is for the Pythons beside the one that tries the many:
# pytest --hypothesis-profile few
settings.register_profile("many", deadline=None, database=None, max_examples=300)
settings.register_profile("few", settings.get_profile("many"), max_examples=30)
settings.load_profile("many")


def pytest_addoption(parser):
    parser.addoption("--no-kernel-skips", action="store_true", help="a need that is not met is a failure, not a skip")
    parser.addoption("--linux", metavar="4.14", help="simulate this older kernel, as support/old_kernel.py says")
    parser.addoption("--count", type=int, default=20_000, help="how many events the stress tests of fanotify take")


def pytest_configure(config):
    # A shell starts its background programs with Ctrl-C and Ctrl-\ ignored, and nohup
    # its program with a hang-up ignored. That is inherited, and a shell cannot trap a
    # signal that it was started to ignore.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if config.getoption("linux"):
        old_kernel.simulate(config.getoption("linux"))
    config.addinivalue_line("markers", "needs(*capabilities, kernel=None, when=True, reason=''): what the test needs")


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart():
    """With -n, pytest-xdist starts its processes here.

    Their first thread, which runs the tests, unblocks everything in pytest_configure.
    The thread that pytest-xdist keeps beside it inherits that all is blocked, and takes
    none of the tests' signals.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        return (yield)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


#: counts the tests of this process
tests_begun = itertools.count(1)


def pytest_runtest_setup(item):
    if next(tests_begun) % 100 == 0:
        keep_the_objects_of_today()
    for marker in item.iter_markers("needs"):
        reason = support.unmet(*marker.args, **marker.kwargs)
        if reason and item.config.getoption("--no-kernel-skips"):
            pytest.fail(reason, pytrace=False)
        if reason:
            pytest.skip(reason)


def pytest_collection_finish():
    keep_the_objects_of_today()


def keep_the_objects_of_today():
    """Let gc.collect(), which every third test calls, look at newer objects alone.

    It would spend 100 ms on the tests that pytest has collected, and nearly as much on
    its reports of those that have run.
    """
    if hasattr(gc, "freeze"):  # PyPy's gc has none
        gc.collect()
        gc.freeze()


@pytest.fixture(autouse=True)
def no_leaked_descriptors():
    """A test that leaves a descriptor open fails."""
    before = support.descriptors()

    def leaked():
        return {fd: what for fd, what in support.descriptors().items() if before.get(fd) != what}

    yield
    if leaked():
        gc.collect()  # it takes long, and only cycles need it
        assert not leaked()


@pytest.fixture(scope="module")
def compositions():
    """The processes that some features need, made once for all tests of a file."""
    from features import Calls, MountChanges

    with MountChanges.shared(), Calls.shared():
        yield


@pytest.fixture
def in_child():
    """``in_child(body)`` runs *body* in a forked child, and returns or raises alike."""
    return support.in_child


@pytest.fixture
def public_path():
    """A directory that every user can search, which tmp_path is not.

    It is in /tmp whatever TMPDIR says: a directory above that one may be closed.
    """
    with tempfile.TemporaryDirectory(dir="/tmp") as path:
        Path(path).chmod(0o755)
        yield Path(path)


@pytest.fixture
def plain_environment(monkeypatch, tmp_path):
    """This butter, in an empty directory, without variables that change its output."""
    monkeypatch.setenv("PYTHONPATH", str(Path(butter.__file__).parent.parent))
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "PYTHONUNBUFFERED", "PYTHONIOENCODING"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


@pytest.fixture
def pipe():
    """A pipe, as (reading end, writing end)."""
    with support.Pipe() as pipe:
        yield pipe


@pytest.fixture
def pipe2():
    """A second pipe, as (reading end, writing end)."""
    with support.Pipe() as pipe:
        yield pipe
