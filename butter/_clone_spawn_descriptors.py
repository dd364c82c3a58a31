"""The descriptors of a program, and those that spawn opens for it.

C writes the numbers of the latter into the state, and the state closes them: a number
that a Python variable has is lost when a signal handler raises.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from butter._arguments import fsencode
from butter._checks import descriptor, listed, number
from butter._clone_spawn_c import lib
from butter._clone_spawn_errors import CGROUP, OPENED, check_open
from butter._signals import INTERRUPTED, run_handlers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Union

    from butter._arguments import FileDescriptor, Path
    from butter._clone_spawn_c import butter_spawn

    Stream = Union[FileDescriptor, Path, None]

# what stdin, stdout and stderr may be; the numbers are those of subprocess

#: a stream of :func:`spawn` that is a pipe, with its other end in the :class:`Child`
PIPE = -1
#: for the *stderr* of :func:`spawn`: where stdout goes
STDOUT = -2
#: a stream of :func:`spawn` that is ``/dev/null``
DEVNULL = -3

STREAM_NAMES = "stdin", "stdout", "stderr"
_STREAM = "a path, a descriptor, an object with fileno(), PIPE or DEVNULL"


class Descriptors:
    """The descriptors of the program, and those that spawn opens in *state*."""

    def __init__(self, state: butter_spawn) -> None:
        self._state = state
        #: what the program has: (number there, number here); of a file that the child
        #: opens the latter is -1 - stream
        self.kept: list[tuple[int, int]] = []
        #: the files that the child opens: (stream, path, flags)
        self.files: list[tuple[int, Path, int]] = []

    def keep(
        self,
        streams: tuple[Stream, Stream, Stream],
        pass_fds: Iterable[FileDescriptor] | Mapping[int, FileDescriptor],
    ) -> None:
        """Note what the program has, and make the pipes."""
        there: dict[int, int] = {}
        opened: dict[int, int | Path] = {}
        for place, (name, stream) in enumerate(zip(STREAM_NAMES, streams)):
            if isinstance(stream, (str, bytes, os.PathLike)) or (isinstance(stream, int) and stream < 0):
                opened[place] = stream
            elif stream is not None:
                there[place] = descriptor(stream, name, _STREAM)
        if isinstance(pass_fds, Mapping):
            numbers = "{number in the program: descriptor}"
            passed = [
                (
                    number(key, 31, "a key of pass_fds", f"a number, as in {numbers}"),
                    descriptor(fd, "a value of pass_fds"),
                )
                for key, fd in pass_fds.items()
            ]
        else:
            entries = listed(pass_fds, "pass_fds", "descriptors and objects with fileno()")
            fds = [descriptor(fd, "an entry of pass_fds") for fd in entries]
            passed = list(zip(fds, fds))
        for place, fd in passed:
            if place in there or place in opened:
                raise ValueError(f"pass_fds and a stream, or pass_fds twice, have the number {place} in the program")
            there[place] = fd
        if opened.get(2) == STDOUT and 1 not in opened:
            there[2] = there.get(1, 1)
            del opened[2]
        stdout_too = opened.get(2) == STDOUT and opened.pop(2) == STDOUT
        # before anything is opened, which would get the number of one that is closed
        names = (STREAM_NAMES[place] if place < 3 and streams[place] is not None else "pass_fds" for place in there)
        check_open(zip(names, there.values()))
        for place, stream in opened.items():
            there[place] = self._stream(place, stream)
        if stdout_too:
            there[2] = there[1]
        self.kept += sorted(there.items())

    def _stream(self, place: int, stream: int | Path) -> int:
        """Return the descriptor here that becomes a stream of the program."""
        if stream == PIPE:
            return OPENED[place].check(lib.butter_spawn_pipe(self._state, place))
        if stream == DEVNULL:
            self.files.append((place, os.devnull, os.O_RDWR))
        elif not isinstance(stream, int):
            self.files.append((place, stream, os.O_WRONLY | os.O_CREAT | os.O_TRUNC if place else os.O_RDONLY))
        else:
            raise ValueError(f"{STREAM_NAMES[place]} is {stream}; it must be {_STREAM}, and stderr may be STDOUT")
        return -1 - place

    def directory(self, path: Path) -> int:
        """Return a descriptor of the directory *path* of a control group."""
        encoded = fsencode(path, "cgroup")
        while (result := lib.butter_spawn_directory(self._state, encoded)) == INTERRUPTED:
            run_handlers()
        return CGROUP.check(result, path) if result < 0 else result
