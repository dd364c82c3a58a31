"""Paths of ``butter watch`` that are skipped, because this user may not read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter.cli._output import shortened, tell_if_room, without_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def watch_each(paths: Iterable[bytes], watch: Callable[[bytes], None]) -> list[bytes]:
    """Watch *paths*, skip those that cannot be read, and return the others.

    Raises PermissionError if none can be read, and what *watch* does.
    """
    watched = []
    skipped = []
    for path in paths:
        try:
            watch(path)
            watched.append(path)
        except PermissionError as error:
            skipped.append((path, error))
    if skipped and not watched:
        raise skipped[0][1]
    for path, reason in skipped:
        skip(path, reason)
    return watched


def skip(path: bytes, reason: OSError) -> None:
    """Tell that a path is left out."""
    tell_if_room(f"skipped: {without_call(reason)}: '{shortened(path)}'")
