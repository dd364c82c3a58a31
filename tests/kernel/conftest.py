"""Fixtures of the tests of the command, and of rings."""

import pytest

from butter.uring import Ring


@pytest.fixture
def here(tmp_path):
    """An empty directory to watch."""
    path = tmp_path / "here"
    path.mkdir()
    return path


@pytest.fixture
def ring():
    with Ring(8) as ring:
        yield ring
