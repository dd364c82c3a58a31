"""Requests of rings, cancelled and closed at random; ``nox -s rings`` does more."""

import pytest
import rings
from support import needs

pytestmark = [pytest.mark.stress, needs(kernel=(5, 19))]


def test_random_cancellations_and_closes():
    """Each buffer has what its request has read, and nothing is lost or left."""
    rings.load("uring", 300_000)


def test_where_freed_memory_is_overwritten():
    """With the debug allocator no request writes into freed memory."""
    rings.load_beside_freed_memory("uring", 50_000)
