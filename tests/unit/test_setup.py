"""A build that cannot be done says why."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

WITHOUT_HEADERS = "#!/bin/sh\necho 'fatal error: Python.h: No such file or directory' >&2\nexit 1\n"


@pytest.mark.parametrize(
    ("program", "reason"), [(None, "compiler"), (WITHOUT_HEADERS, "fatal error: Python.h")], ids=["compiler", "headers"]
)
def test_a_build_without(tmp_path, program, reason):
    """The last line of a failed build names the packages to install."""
    (tmp_path / "butter").mkdir()
    shutil.copytree(ROOT / "butter/build", tmp_path / "butter/build")
    shutil.copy(ROOT / "setup.py", tmp_path)
    compiler = tmp_path / "compiler"
    if program:
        compiler.write_text(program)
        compiler.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "setup.py", "build_ext"],
        cwd=tmp_path,
        env={**os.environ, "CC": str(compiler)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    *before, last = done.stdout.splitlines()
    assert done.returncode == 1
    assert reason in "".join(before)
    assert last.startswith("error: ")
    for package in "gcc", "python3-dev", "python3-devel":
        assert package in last
