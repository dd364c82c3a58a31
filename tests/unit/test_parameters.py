"""Parameters keep the names that were always documented, also where they are not alike."""

import inspect

import pytest

import butter.eventfd
import butter.inotify
import butter.signalfd
from butter.asyncio.inotify import Inotify_async


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (butter.eventfd.str_to_events, "str"),
        (butter.inotify.str_to_events, "str"),
        (butter.signalfd.str_to_events, "str"),
        (butter.inotify.Inotify.watch, "self path events"),
        (Inotify_async.watch, "self path mask"),
        (butter.signalfd.Signalfd.disable, "self signal"),
        (butter.signalfd.Signalfd.enable, "self signals"),
    ],
)
def test_names(function, names):
    """Arguments may be given by them."""
    assert list(inspect.signature(function).parameters) == names.split()
