"""The parsers in C, under sanitizers, with a million inputs each."""

import runpy
import shutil
from pathlib import Path

import pytest

FUZZ = Path(__file__).resolve().parent.parent / "fuzz"
run = runpy.run_path(str(FUZZ / "run.py"))["run"]

pytestmark = [
    pytest.mark.stress,
    pytest.mark.needs(when=shutil.which("cc") is not None, reason="needs a C compiler"),
]


@pytest.mark.parametrize("feature", sorted(path.stem for path in FUZZ.glob("*.c")))
def test_parser(feature):
    """No input makes the parser reach outside, or differ from a plain walk."""
    assert run(feature).startswith("seed 1: 1000000 inputs")
