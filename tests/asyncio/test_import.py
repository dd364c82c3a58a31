"""What an import brings along, each seen in a fresh interpreter."""

import importlib.util
import json
import os
import pkgutil
import subprocess
import sys

import pytest

import butter

AWAITABLES = {
    "eventfd": "Eventfd_async",
    "inotify": "Inotify_async",
    "signalfd": "Signalfd_async",
    "timerfd": "Timerfd_async",
}
SYNCHRONOUS = ["butter", *(f"butter.{module.name}" for module in pkgutil.iter_modules(butter.__path__))]
# `butter.asyncio` is what it says, and `__main__` runs the command
SYNCHRONOUS = [name for name in SYNCHRONOUS if name not in ("butter.asyncio", "butter.__main__", "butter.build")]


def modules_after(statement, cwd):
    """The names of the modules that *statement* leaves imported, of this butter, whatever is in *cwd*."""
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    root = os.path.dirname(os.path.dirname(importlib.util.find_spec("butter").origin))
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    output = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        timeout=60,
        check=True,
    ).stdout
    return set(json.loads(output))


@pytest.mark.parametrize("name", SYNCHRONOUS)
def test_synchronous_modules_do_not_import_asyncio(name, tmp_path):
    """A program without a loop does not pay for one."""
    modules = modules_after(f"import {name}", tmp_path)
    assert name in modules
    assert "asyncio" not in modules


@pytest.mark.parametrize(("feature", "name"), AWAITABLES.items())
def test_awaitables(feature, name, tmp_path):
    """Each has its module, which needs cffi's backend alone and none of the other features."""
    modules = modules_after(f"from butter.asyncio.{feature} import {name}", tmp_path)
    others = {f"butter.{other}" for other in AWAITABLES if other != feature}
    assert not modules & {"cffi", "pycparser", *others}
    assert {"asyncio", f"butter.{feature}", f"butter.asyncio.{feature}"} <= modules


@pytest.mark.parametrize(("feature", "name"), AWAITABLES.items())
def test_all(feature, name):
    """``import *`` gives the awaitable and nothing else."""
    module = importlib.import_module(f"butter.asyncio.{feature}")
    assert module.__all__ == [name]
    assert getattr(module, name).__module__ == f"butter.asyncio.{feature}"
