"""The descriptors of a program, and those that spawn opens for it.

C writes the numbers of the latter into the state, and the state closes them: a number
that a Python variable has is lost when a signal handler raises.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from butter._arguments import fileno, fsencode, integer
from butter._clone_spawn_c import lib
from butter._clone_spawn_errors import CGROUP, check_open
from butter._signals import INTERRUPTED, run_handlers
from butter.errors import NEW_DESCRIPTOR, PATH, Errors

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


class Descriptors:
    """The descriptors of the program, and those that spawn opens in *state*."""

    def __init__(self, state: butter_spawn) -> None:
        self._state = state
        #: what the program has: (number there, number here)
        self.kept: list[tuple[int, int]] = []

    def keep(
        self,
        streams: tuple[Stream, Stream, Stream],
        pass_fds: Iterable[FileDescriptor] | Mapping[int, FileDescriptor],
    ) -> None:
        """Note what the program has, and open pipes."""
        there: dict[int, int] = {}
        opened: dict[int, int | Path] = {}
        for number, stream in enumerate(streams):
            if isinstance(stream, (str, bytes, os.PathLike)) or (isinstance(stream, int) and stream < 0):
                opened[number] = stream
            elif stream is not None:
                there[number] = fileno(stream)
        if isinstance(pass_fds, Mapping):
            passed = [(integer(number, 31, "pass_fds"), fileno(fd)) for number, fd in pass_fds.items()]
        else:
            passed = [(integer(fd, 31, "pass_fds"), fd) for fd in map(fileno, pass_fds)]
        for number, fd in passed:
            if number in there or number in opened:
                raise ValueError(f"pass_fds and a stream, or pass_fds twice, have the number {number} in the program")
            there[number] = fd
        if opened.get(2) == STDOUT and 1 not in opened:
            there[2] = there.get(1, 1)
            del opened[2]
        stdout_too = opened.get(2) == STDOUT and opened.pop(2) == STDOUT
        # before anything is opened, which would get the number of one that is closed
        names = (STREAM_NAMES[number] if number < 3 and streams[number] is not None else "pass_fds" for number in there)
        check_open(zip(names, there.values()))
        for number, stream in opened.items():
            there[number] = self._open(number, stream)
        if stdout_too:
            there[2] = there[1]
        self.kept += sorted(there.items())

    def _open(self, number: int, stream: int | Path) -> int:
        """Return the descriptor here that becomes a stream of the program."""
        name = STREAM_NAMES[number]
        errors = Errors(f"spawn({name})", {**PATH, **NEW_DESCRIPTOR})
        if stream == PIPE:
            return errors.check(lib.butter_spawn_pipe(self._state, number))
        if not isinstance(stream, int):
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC if number else os.O_RDONLY
            return self._file(number, stream, flags, errors)
        if stream == DEVNULL:
            return self._file(number, os.devnull, os.O_RDWR, errors)
        raise ValueError(
            f"{name} is {stream}; it must be a path, a descriptor, PIPE or DEVNULL, and stderr may be STDOUT"
        )

    def directory(self, path: Path) -> int:
        """Return a descriptor of the directory *path* of a control group."""
        return self._file(3, path, os.O_RDONLY | os.O_DIRECTORY, CGROUP)

    def _file(self, place: int, path: Path, flags: int, errors: Errors) -> int:
        encoded = fsencode(path)
        while (result := lib.butter_spawn_open(self._state, place, encoded, flags)) == INTERRUPTED:
            run_handlers()
        return errors.check(result, path) if result < 0 else result
