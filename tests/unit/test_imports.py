"""The time and the modules that an import takes, in a fresh interpreter."""

import importlib
import json
import os
import pkgutil
import re
import subprocess
import sys

import pytest
import support
from features import EVENTS

import butter

# without those that are for a loop, and the one that runs the command
SYNCHRONOUS = ["butter", *(f"butter.{module.name}" for module in pkgutil.iter_modules(butter.__path__))]
OTHERS = "butter.asyncio", "butter.trio", "butter.__main__", "butter.build"
SYNCHRONOUS = [name for name in SYNCHRONOUS if name not in OTHERS]

# Without site, because its .pth files may import typing before anybody else
# could be blamed for it; the path is the one of this process. The time is
# that of the process, because others may use the machine as well.
IMPORT = """
import os, sys
sys.path[:] = sys.argv[2:]
from time import process_time
before = set(sys.modules)
start = process_time()
__import__(sys.argv[1])
took = process_time() - start
import json
print(json.dumps([took, sorted(set(sys.modules) - before)]))
"""


def fresh(name, **environment):
    """``(seconds of CPU time, modules)`` that ``import name`` takes and brings."""
    done = subprocess.run(
        [sys.executable, "-S", "-W", "error", "-c", IMPORT, name, *map(str, sys.path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, **environment},
    )
    took, modules = json.loads(done.stdout)
    return took, set(modules)


HEAVY = {"cffi", "pycparser", "asyncio", "trio", "typing_extensions", "ctypes", "inspect", "logging"}


def test_synchronous_modules_are_light():
    """Neither cffi and its parser nor a loop come with a synchronous module."""
    _, before = fresh("json")
    assert not before & HEAVY
    assert "asyncio" in failing([light("asyncio")])
    assert failing(map(light, SYNCHRONOUS)) == ""


def light(name):
    """A statement that imports a module, and fails if others come with it."""
    return (
        f"import sys, {name}; assert {name!r} in sys.modules; assert not {HEAVY!r} & {{*sys.modules}}, [*sys.modules]"
    )


def test_star_brings_each_public_module():
    """``import *`` brings all modules but the awaitables, ``import butter`` none."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from butter import *; print(*sys.modules)"],
        cwd="/",  # not the checkout, whose butter may not be the installed one
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    public = {name for name in SYNCHRONOUS if not re.search(r"\._|\.cli", name)}
    assert public == {"butter", *(f"butter.{name}" for name in butter.__all__ if name != "__version__")}
    assert public <= set(done.stdout.split())
    _, brought = fresh("butter")
    assert {name for name in brought if name.startswith("butter")} == {"butter", "butter._version"}


def test_help_names_each_public_module():
    """``help(butter)`` has one sentence about each module that programs import."""
    named = re.findall(r"^\* ``(\w+)`` .+\.$", butter.__doc__, re.MULTILINE)
    public = [name for name in butter.__all__ if name != "__version__"]
    assert sorted(named) == sorted([*public, "asyncio", "trio"])


@pytest.mark.defect("I2")
@pytest.mark.parametrize("feature", [feature.name for feature in EVENTS if not feature.composed])
def test_awaitables_bring_their_own_feature_alone(feature):
    """An awaitable brings asyncio and its feature: not cffi, nor the other features."""
    _, modules = fresh(f"butter.asyncio.{feature}")
    others = {f"butter.{other.name}" for other in EVENTS if other.name != feature}
    if feature == "aio":
        others.remove("butter.uring")  # files are made of both
    assert not modules & {"cffi", "pycparser", "trio", "butter.trio", *others}
    assert {"asyncio", f"butter.{feature}", f"butter.asyncio.{feature}"} <= modules


def test_trio_comes_when_it_is_asked_for():
    """A module of butter.trio brings trio, and not the awaitables of asyncio."""
    _, modules = fresh("butter.trio")
    assert not modules & {"trio", "asyncio"}
    _, modules = fresh("butter.trio.inotify")
    assert {"trio", "butter.inotify", "butter.trio.inotify"} <= modules
    # trio itself uses cffi on PyPy
    assert not modules & {"butter.asyncio", "butter.eventfd"}


def test_import_is_quick(tmp_path):
    """``import butter.inotify`` takes two thirds of ``import asyncio`` at most."""
    # an installed package is compiled to bytecode, as the first run does here
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path)}
    times = [(fresh("butter.inotify", **compiled)[0], fresh("asyncio", **compiled)[0]) for _ in range(9)]
    ours, theirs = map(min, zip(*times))
    assert ours < theirs * 2 / 3


def test_clone_takes_parts_of_features():
    """``import butter.clone`` brings pidfd whole, and of other features a part."""
    _, modules = fresh("butter.clone")
    features = {f"butter.{name}" for name in butter.__all__} & modules
    assert features == {"butter.clone", "butter.pidfd", "butter.eventlike", "butter.errors"}
    assert "butter._constants.prctl" not in modules


# Where the first releases had each name, and the numbers of the constants, but not the
# "val" that a loop left in _inotify. Programs replace "lib" and "ffi" in their tests.

EVENTFD = {"EFD_CLOEXEC": 0x80000, "EFD_NONBLOCK": 0x800, "EFD_SEMAPHORE": 1}
# test_constants.py has their numbers
INOTIFY = (
    "IN_ACCESS IN_ALL_EVENTS IN_ATTRIB IN_CLOEXEC IN_CLOSE IN_CLOSE_NOWRITE IN_CLOSE_WRITE IN_CREATE IN_DELETE "
    "IN_DELETE_SELF IN_DONT_FOLLOW IN_EXCL_UNLINK IN_IGNORED IN_ISDIR IN_MASK_ADD IN_MODIFY IN_MOVE IN_MOVED_FROM "
    "IN_MOVED_TO IN_MOVE_SELF IN_NONBLOCK IN_ONESHOT IN_ONLYDIR IN_OPEN IN_Q_OVERFLOW IN_UNMOUNT "
)
TIMERFD = {
    "TFD_CLOEXEC": 0x80000,
    "TFD_NONBLOCK": 0x800,
    "TFD_TIMER_ABSTIME": 1,
    "CLOCK_REALTIME": 0,
    "CLOCK_MONOTONIC": 1,
    "CLOCK_PROCESS_CPUTIME_ID": 2,
    "CLOCK_THREAD_CPUTIME_ID": 3,
    "CLOCK_MONOTONIC_RAW": 4,
    "CLOCK_REALTIME_COARSE": 5,
    "CLOCK_MONOTONIC_COARSE": 6,
    "CLOCK_BOOTTIME": 7,
    "CLOCK_REALTIME_ALARM": 8,
    "CLOCK_BOOTTIME_ALARM": 9,
}
SIGNALFD = {
    "NEW_SIGNALFD": -1,
    "SFD_CLOEXEC": 0x80000,
    "SFD_NONBLOCK": 0x800,
    "SIG_BLOCK": 0,
    "SIG_UNBLOCK": 1,
    "SIG_SETMASK": 2,
}
MEMFD = {"MFD_CLOEXEC": 1, "MFD_ALLOW_SEALING": 2, "F_SEAL_SHRINK": 2, "F_SEAL_GROW": 4, "F_SEAL_WRITE": 8}

SEED = {
    "butter.utils": (
        "CLOEXEC_DEFAULT Eventlike InternalError PermissionError TimeoutError UnknownError get_buffered_length _close",
        {},
    ),
    "butter._eventfd": ("CLOEXEC_DEFAULT UnknownError event_to_str eventfd ffi str_to_events lib", EVENTFD),
    "butter.eventfd": ("Eventfd event_to_str eventfd str_to_events", EVENTFD),
    "butter.asyncio.eventfd": ("Eventfd_async", {}),
    "butter._inotify": (
        "CLOEXEC_DEFAULT InotifyEvent PermissionError UnknownError event_name ffi inotify_add_watch "
        "inotify_init inotify_rm_watch str_to_events lib " + INOTIFY,
        {},
    ),
    "butter.inotify": (
        "Inotify event_name inotify_add_watch inotify_init inotify_rm_watch str_to_events watch " + INOTIFY,
        {},
    ),
    "butter.asyncio.inotify": ("Inotify_async", {}),
    "butter._timerfd": (
        "CLOEXEC_DEFAULT InternalError TimePair TimerVal UnknownError ffi timerfd timerfd_gettime timerfd_settime lib",
        TIMERFD,
    ),
    "butter.timerfd": ("Timer TimerVal timerfd timerfd_gettime timerfd_settime Timerfd", TIMERFD),
    "butter.asyncio.timerfd": ("Timerfd_async", {}),
    "butter._signalfd": (
        "CLOEXEC_DEFAULT UnknownError ffi pthread_sigmask signalfd signum_to_signame lib",
        {**SIGNALFD, "SIGINFO_LENGTH": 0x80},
    ),
    "butter.signalfd": ("Signal Signalfd pthread_sigmask signalfd signum_to_signame", SIGNALFD),
    "butter.asyncio.signalfd": ("Signalfd_async", {}),
    "butter._memfd": (
        "CLOEXEC_DEFAULT UnknownError fcntl ffi flags memfd_create revoke seal lib",
        {**MEMFD, "F_ADD_SEALS": 0x409, "F_GET_SEALS": 0x40A, "F_SEAL_SEAL": 1},
    ),
    "butter.memfd": (
        "Memfd flags memfd_create mmap revoke seal",
        {
            **MEMFD,
            "ACCESS_COPY": 3,
            "ACCESS_READ": 1,
            "ACCESS_WRITE": 2,
            "PROT_READ": 1,
            "PROT_WRITE": 2,
            "PROT_EXEC": 4,
            "MAP_ANON": 0x20,
            "MAP_ANONYMOUS": 0x20,
            "MAP_DENYWRITE": 0x800,
            "MAP_EXECUTABLE": 0x1000,
            "MAP_PRIVATE": 2,
            "MAP_SHARED": 1,
        },
    ),
    "butter.prctl": ("prctl ffi", {}),
    "butter.splice": (
        "UnknownError splice tee vmsplice _ffi _lib",
        {
            "NULL_TERMINATOR": 1,
            "SPLICE_F_MOVE": 1,
            "SPLICE_F_NONBLOCK": 2,
            "SPLICE_F_MORE": 4,
            "SPLICE_F_GIFT": 8,
            "IOV_MAX": 0x400,
        },
    ),
    # MAXPATHLEN was 0x100, for which paths were too long that were not
    "butter.system": (
        "InternalError PermissionError Retry UnknownError gethostname getppid mount pivot_root sethostname umount "
        "_ffi _lib",
        {
            "MS_BIND": 0x1000,
            "MS_DIRSYNC": 0x80,
            "MS_MANDLOCK": 0x40,
            "MS_MOVE": 0x2000,
            "MS_NOATIME": 0x400,
            "MS_NODEV": 4,
            "MS_NODIRATIME": 0x800,
            "MS_NOEXEC": 8,
            "MS_NOSUID": 2,
            "MS_RDONLY": 1,
            "MS_RELATIME": 0x200000,
            "MS_REMOUNT": 0x20,
            "MS_SILENT": 0x8000,
            "MS_STRICTATIME": 0x1000000,
            "MS_SYNCHRONOUS": 0x10,
            "HOST_NAME_MAX": 0x40,
            "MAXPATHLEN": 0x1000,
        },
    ),
    "butter.clone": (
        "PermissionError UnknownError ffi _lib setns unshare",
        {
            "CLONE_NEWNS": 0x20000,
            "CLONE_NEWUTS": 0x4000000,
            "CLONE_NEWIPC": 0x8000000,
            "CLONE_NEWUSER": 0x10000000,
            "CLONE_NEWPID": 0x20000000,
            "CLONE_NEWNET": 0x40000000,
            "CLONE_NEWCGROUP": 0x2000000,
            "SETNS_ANY": 0,
        },
    ),
}


@pytest.mark.parametrize("name", SEED)
def test_names_of_the_seed(name):
    """Each name is where the first releases had it, with its number."""
    module, (names, numbers) = importlib.import_module(name), SEED[name]
    assert [missing for missing in names.split() if not hasattr(module, missing)] == []
    assert {constant: getattr(module, constant) for constant in numbers} == numbers
    assert getattr(module, "CLOEXEC_DEFAULT", True) is True


@pytest.mark.parametrize("name", [name for name in SEED if name.replace(".", "._") in SEED])
def test_names_are_the_thin_modules(name):
    """A name of a module that its thin module has too is the same thing."""
    module, thin = importlib.import_module(name), importlib.import_module(name.replace(".", "._"))
    shared = {*SEED[name][0].split()} & {*SEED[name.replace(".", "._")][0].split()}
    assert [different for different in shared if getattr(module, different) is not getattr(thin, different)] == []


PUBLIC = [
    found.name
    for found in pkgutil.walk_packages(butter.__path__, "butter.")
    if "._" not in found.name and not found.name.startswith("butter.build")
]

# each in a child of an interpreter that has not imported butter yet
ALONE = """
import os, sys
for name in sys.argv[1:]:
    child = os.fork()
    if not child:
        try:
            exec(name)
        except BaseException as error:
            print(name, repr(error))
        finally:
            sys.stdout.flush()
            os._exit(0)
    os.waitpid(child, 0)
"""


def failing(statements):
    """The output of those *statements* that fail, each alone in an interpreter."""
    command = [sys.executable, "-S", "-W", "error", "-c", support.same_path(ALONE), *statements]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_each_module_alone():
    """Each public module, and each name of utils, can be a program's first import."""
    statements = [f"import {name}" for name in PUBLIC]
    statements += [f"from butter.utils import {name}" for name in SEED["butter.utils"][0].split()]
    assert failing(statements) == ""


def test_every_name_of_all_exists():
    """``from module import *`` works for all public modules."""
    assert {"butter.splice", "butter.asyncio.timerfd", "butter.errors"} <= set(PUBLIC)
    assert failing([f"from {name} import *" for name in PUBLIC]) == ""


def test_a_failing_import_is_seen():
    """A module with a broken import is noticed by the import tests."""
    assert "no_such_name" in failing(["from butter.utils import no_such_name"])


def test_utils_are_the_real_ones():
    """The names of utils are the things themselves; another is an AttributeError."""
    import builtins

    from butter import _descriptor, errors, eventlike, utils

    assert utils.Eventlike is eventlike.Eventlike
    assert utils.get_buffered_length is _descriptor.get_buffered_length
    assert (utils.InternalError, utils.UnknownError) == (errors.InternalError, errors.UnknownError)
    assert (utils.PermissionError, utils.TimeoutError) == (builtins.PermissionError, builtins.TimeoutError)
    assert utils._close is os.close
    assert utils.CLOEXEC_DEFAULT is True
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        utils.nothing  # noqa: B018
