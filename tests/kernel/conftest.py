"""Fixtures of the tests of the command."""

import pytest


@pytest.fixture
def here(tmp_path):
    """An empty directory to watch."""
    path = tmp_path / "here"
    path.mkdir()
    return path
