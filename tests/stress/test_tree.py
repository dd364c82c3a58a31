"""Random histories of trees; ``nox -s histories`` runs more of them."""

import random

import histories
import pytest

pytestmark = pytest.mark.stress


def test_histories():
    """On each filesystem, with each backend, after each history the mirror is right."""
    lines = []
    # others each time; a failure prints how to try it again
    seed = random.randrange(10**6)
    assert histories.run(10_000, seed, seconds=20, show=lines.append) == 0, "\n".join(lines)
