"""The programs on the manual's first page and in README, run as readers run them."""

import contextlib
import pathlib
import re
import shutil
import subprocess
import sys
import textwrap

import pytest
import support

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
INDEX, README = ROOT / "docs/index.rst", ROOT / "README.rst"


def test_the_program_on_the_first_page(tmp_path):
    """It tells a file that was there, one that comes, and ends with the directory."""
    (block,) = re.findall(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", INDEX.read_text(), re.MULTILINE)
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "first").write_text("before")
    program = textwrap.dedent(block).replace("/var/spool/incoming", str(spool))
    assert str(spool) in program
    command = [sys.executable, "-W", "error", "-c", program]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=tmp_path) as process:
        try:
            assert process.stdout.readline() == f"'{spool}/first' is complete\n"
            (spool / "second").write_text("after")
            assert process.stdout.readline() == f"'{spool}/second' is complete\n"
            shutil.rmtree(spool)
            assert process.communicate(timeout=60) == ("", "")
            assert process.returncode == 0
        finally:
            process.kill()


def watches(process):
    """The watches of a process, as the kernel lists them."""
    lines = []
    for info in pathlib.Path(f"/proc/{process.pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            lines += info.read_text().splitlines()
    return [line for line in lines if line.startswith("inotify ")]


@pytest.mark.parametrize("number", [0, 1], ids=["object", "awaitable"])
def test_a_program_of_readme(number, tmp_path):
    """It tells a file that was written, and ends with the directory."""
    imports, loop = re.findall(r"::\n\n((?:      from .*\n)+)\n((?:      .*\n)+)", README.read_text())[number]
    spool = tmp_path / "spool"
    spool.mkdir()
    loop = textwrap.dedent(loop).replace("/var/spool/incoming", str(spool))
    assert str(spool) in loop
    program = textwrap.dedent(imports) + loop
    if "async with" in loop:
        program = "import asyncio\n" + textwrap.dedent(imports)
        program += "async def main():\n" + textwrap.indent(loop, "    ") + "asyncio.run(main())\n"
    command = [sys.executable, "-W", "error", "-c", program]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=tmp_path) as process:
        try:
            support.until(lambda: process.poll() is not None or watches(process))
            (spool / "file").write_text("text")
            shutil.rmtree(spool)
            assert process.communicate(timeout=60) == (f"'{spool}/file' is complete\n", "")
            assert process.returncode == 0
        finally:
            process.kill()
