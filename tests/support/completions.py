"""The completions of a ring, for the tests of its requests."""

import itertools


def done(ring):
    """The value of the next completion, which is the last of its request."""
    completion = ring.wait(60)
    assert not completion.more
    return completion.value


def completions(ring, count):
    """So many completions, by their user_data."""
    return {completion.user_data: completion for completion in itertools.islice(ring, count)}
