"""``butter fence``: what the program may use, its start and end, its terminal."""

import sys
from pathlib import Path

import pytest
from commands import run
from support import needs, needs_no_filter

import butter

pytestmark = [pytest.mark.usefixtures("plain_environment"), needs_no_filter, needs(kernel=(6, 12))]


def fence(*arguments, **options):
    return run("fence", *arguments, **options)


def shell(script, *options, **settings):
    """The lines that a shell script prints behind a fence."""
    done = fence(*options, "--", "sh", "-c", script, **settings)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


#: the options with which this Python starts
PYTHON = [
    word
    for path in sorted({sys.base_prefix, sys.prefix, str(Path(butter.__file__).parent.parent)})
    for word in ("--execute", path)
]


def python(script, *options, **settings):
    """What a Python program prints behind a fence."""
    done = fence(*PYTHON, *options, "--", sys.executable, "-c", script, **settings)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def files(tmp_path):
    """Directories whose files say their names."""
    for name in "read", "written", "executed", "other":
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(f"{name}\n")
        program = tmp_path / name / "program"
        program.write_text("#!/bin/sh\necho started\n")
        program.chmod(0o755)
    return tmp_path


TRY = """
for name in read written executed other; do
  { read line < $name/file; } 2>/dev/null && echo "$name is read"
  { echo x >> $name/file; } 2>/dev/null && echo "$name is written"
  $name/program > /dev/null 2>&1 && echo "$name is executed"
done
echo done
"""


def test_files(files):
    """What is named may be read, written, or executed, and nothing else."""
    options = "--read", "read", "--write", files / "written", "--execute", "executed", "--profile", "build"
    assert shell(TRY, *options, cwd=files) == [
        *("read is read", "written is read", "written is written", "executed is read", "executed is executed"),
        "done",
    ]


def test_nothing_named():
    """Without options a program of /usr starts, and reads nothing of its user's."""
    assert shell("cd / && echo * | grep -c . || echo refused", cwd="/") == ["refused"]
