"""The parts of ``butter watch`` that inotify and fanotify share.

Both have the same bits for the same events.
"""

from __future__ import annotations

import base64
import select
import time
from typing import TYPE_CHECKING

from butter._constants.fanotify import FAN_FS_ERROR, FAN_OPEN_EXEC, FAN_RENAME
from butter.cli._output import escaped, output_number
from butter.eventlike import LONGEST_POLL
from butter.inotify import (
    IN_ATTRIB,
    IN_CLOSE_WRITE,
    IN_CREATE,
    IN_DELETE,
    IN_DELETE_SELF,
    IN_IGNORED,
    IN_MODIFY,
    IN_MOVE,
    IN_MOVE_SELF,
    IN_Q_OVERFLOW,
    IN_UNMOUNT,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeVar

    from butter.eventlike import Eventlike

    Event = TypeVar("Event")

# the events that inotify does not have, by the name that -e takes
ONLY_FANOTIFY = {"open_exec": FAN_OPEN_EXEC, "rename": FAN_RENAME, "fs_error": FAN_FS_ERROR}

# green for a beginning, red for an end, yellow for a move, cyan for a change
COLOURS = [
    (IN_CREATE, 32),
    # IN_IGNORED is FAN_FS_ERROR
    (IN_DELETE | IN_DELETE_SELF | IN_IGNORED | IN_UNMOUNT | IN_Q_OVERFLOW, 31),
    (IN_MOVE | IN_MOVE_SELF | FAN_RENAME, 33),
    (IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB, 36),
]


def batches(
    source: Eventlike[Event], deadline: float, longest: int = LONGEST_POLL
) -> Iterator[tuple[float, list[Event]]]:
    """Yield the time of day and the events of each read, until *deadline*.

    After *longest* milliseconds without any it yields an empty list. Raises
    BrokenPipeError as soon as the reader of the output is gone.
    """
    poll = select.poll()
    poll.register(source, select.POLLIN)
    # Registered for no events: poll() always reports POLLERR, so 'butter watch | head'
    # ends as soon as head exits, and not at the next event.
    output = output_number()
    if output is not None:
        poll.register(output, 0)
    while (left := deadline - time.monotonic()) > 0:
        ready = dict(poll.poll(min(left * 1000, longest)))
        if output in ready:
            raise BrokenPipeError
        yield time.time(), source.read_events() if ready else []


def json_fields(key: str, data: bytes) -> dict[str, str]:
    """Return *data* as the field *key*.

    If it is not UTF-8, a second field has it in base64.
    """
    try:
        return {key: data.decode()}
    except UnicodeDecodeError:
        return {key: escaped(data), f"{key}_base64": base64.b64encode(data).decode()}


def text_start(now: float, flags: str, mask: int, colour: bool) -> str:
    """Return the beginning of the line of an event for people: the time, the flags."""
    clock = time.strftime("%H:%M:%S", time.localtime(now)) + f".{int(now % 1 * 1000):03}"
    flags = f"{flags:19}"
    if colour:
        clock = f"\033[2m{clock}\033[0m"
        flags = f"\033[{next((code for bits, code in COLOURS if mask & bits), 0)}m{flags}\033[0m"
    return f"{clock}  {flags}  "
