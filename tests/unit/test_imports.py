"""What an import costs and brings, seen in a fresh interpreter."""

import importlib
import json
import os
import subprocess
import sys

import pytest
import support

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


def test_synchronous_modules_are_light():
    """Neither cffi and its parser nor asyncio come with a synchronous module."""
    _, modules = fresh("butter.inotify")
    assert {"butter.inotify", "butter._inotify_c", "_cffi_backend"} <= modules
    assert not modules & {"cffi", "pycparser", "asyncio", "typing_extensions", "ctypes", "inspect", "logging"}


def test_import_is_quick(tmp_path):
    """``import butter.inotify`` takes less than 25 ms beyond the start of the interpreter, at its best of nine.

    PyPy's first steps are slow.
    """
    most = 0.025 if sys.implementation.name == "cpython" else 0.05
    # an installed package is compiled to bytecode, which the first of the runs does here
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path)}
    assert min(fresh("butter.inotify", **compiled)[0] for _ in range(9)) < most


def test_asyncio_comes_when_asked_for():
    """The awaitable brings asyncio; this also proves that the test above would see it."""
    _, modules = fresh("butter.asyncio.inotify")
    assert "asyncio" in modules


OLD = {
    "butter.utils": [
        "CLOEXEC_DEFAULT",
        "Eventlike",
        "InternalError",
        "PermissionError",
        "TimeoutError",
        "UnknownError",
        "_close",
        "get_buffered_length",
    ],
    "butter._inotify": [
        "InotifyEvent",
        "event_name",
        "ffi",
        "inotify_add_watch",
        "inotify_init",
        "inotify_rm_watch",
        "lib",
        "str_to_events",
    ],
    "butter.inotify": [
        "Inotify",
        "event_name",
        "inotify_add_watch",
        "inotify_init",
        "inotify_rm_watch",
        "str_to_events",
        "watch",
    ],
    "butter.asyncio.inotify": ["Inotify_async"],
}


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in OLD.items() for name in names])
def test_names_of_the_seed(module, name):
    """Each name is where the first releases had it, and can be imported alone by a fresh interpreter."""
    assert getattr(importlib.import_module(module), name) is not None


@pytest.mark.parametrize("name", OLD["butter.utils"])
def test_utils_alone(name):
    """Each name comes without any other import before it."""
    subprocess.run(
        [sys.executable, "-c", support.same_path(f"from butter.utils import {name}")], timeout=60, check=True
    )


def test_utils_are_the_real_ones():
    """What utils hands on is the very thing, and a name it lacks is an AttributeError."""
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


def test_every_name_of_all_exists():
    """``from module import *`` works for the public modules."""
    for name in ("butter", "butter.errors", "butter.utils", "butter.inotify", "butter.asyncio.inotify"):
        module = importlib.import_module(name)
        assert [missing for missing in module.__all__ if not hasattr(module, missing)] == []
