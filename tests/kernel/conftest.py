"""Fixtures of the tests of the command."""

from pathlib import Path

import pytest

import butter


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
def here(tmp_path):
    """An empty directory to watch."""
    path = tmp_path / "here"
    path.mkdir()
    return path
