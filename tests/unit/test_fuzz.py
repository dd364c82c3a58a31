"""The parsers in C, and that of aio and rings, under sanitizers."""

import runpy
import shutil
from pathlib import Path

import pytest

FUZZ = Path(__file__).resolve().parent.parent / "fuzz"
fuzz = runpy.run_path(str(FUZZ / "run.py"))

pytestmark = [
    pytest.mark.stress,
    pytest.mark.needs(when=shutil.which("cc") is not None, reason="needs a C compiler"),
]


@pytest.mark.parametrize("feature", sorted({path.stem for path in FUZZ.glob("*.c")} - fuzz["IN_THE_KERNEL"]))
def test_parser(feature):
    """No input makes the parser reach outside, or differ from a plain walk."""
    assert fuzz["run"](feature).startswith("seed 1: 1000000 inputs")


@pytest.mark.needs(kernel=(6, 6))
@pytest.mark.parametrize("feature", sorted(fuzz["IN_THE_KERNEL"]))
def test_memory(feature):
    """Neither butter nor the kernel touches memory after its operation or the end."""
    # ``nox -s fuzz -- 1000000`` does far more of them
    assert fuzz["run"](feature, 20_000).startswith("seed 1: 2")
