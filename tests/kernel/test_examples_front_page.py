"""The program on the first page of the manual, run as its readers run it."""

import pathlib
import re
import shutil
import subprocess
import sys
import textwrap

INDEX = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/index.rst"


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
            assert process.stdout.readline() == f"{spool}/first is complete\n"
            (spool / "second").write_text("after")
            assert process.stdout.readline() == f"{spool}/second is complete\n"
            shutil.rmtree(spool)
            assert process.communicate(timeout=60) == ("", "")
            assert process.returncode == 0
        finally:
            process.kill()
