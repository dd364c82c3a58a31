"""Random histories of trees; ``nox -s histories`` runs more of them."""

import histories
import pytest

pytestmark = pytest.mark.stress


def test_histories():
    """On each filesystem, with each backend, after each history the mirror is right."""
    lines = []
    assert histories.run(200, show=lines.append) == 0, "\n".join(lines)
