"""Opening files: the arguments of ``open``, checked as Python's own checks them."""

from __future__ import annotations

import codecs
import io
import os
import warnings
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from butter._arguments import fileno, path_of, whole_number
from butter._awaitables._files import File, file_of
from butter._awaitables._files_backends import backend_of, checked, open_descriptor
from butter._awaitables._files_text import TextFile

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from butter._arguments import FileDescriptor, Path
    from butter._awaitables._files_loop import AnyLoop

Opened = TypeVar("Opened", bound="File | TextFile")

_CREATES = {"r": 0, "w": os.O_CREAT | os.O_TRUNC, "x": os.O_CREAT | os.O_EXCL, "a": os.O_CREAT | os.O_APPEND}


class Opening(Generic[Opened]):
    """A file that is going to be opened: ``await`` it, or use ``async with``, once.

    A second use raises RuntimeError.
    """

    def __init__(self, path: Any, opens: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self._path = path
        self._opens: Callable[[], Coroutine[Any, Any, Any]] | None = opens
        self._file: Any = None

    def __await__(self) -> Generator[Any, Any, Opened]:
        return self._once().__await__()

    def _once(self) -> Coroutine[Any, Any, Opened]:
        opens, self._opens = self._opens, None
        if opens is None:
            raise RuntimeError(f"open({self._path!r}) was awaited already; call open() again for another file")
        return opens()

    async def __aenter__(self) -> Opened:
        self._file = file = await self._once()
        return file

    async def __aexit__(self, *_: object) -> None:
        await self._file.close()

    def __del__(self, warn: Any = warnings.warn) -> None:
        if self._opens is not None:
            warn(f"open({self._path!r}) was never awaited", RuntimeWarning, stacklevel=2, source=self)


def flags_of(mode: str) -> int:
    """Return the flags of :manpage:`open(2)` for the mode of a file.

    Raises TypeError and ValueError for a mode that Python's ``open`` refuses.
    """
    if not isinstance(mode, str):
        raise TypeError(f"mode must be a str, not {type(mode).__name__}")
    letters = set(mode)
    if letters - set("axrwb+t") or len(mode) > len(letters):
        raise ValueError(f"invalid mode: {mode!r}")
    if letters >= {"t", "b"}:
        raise ValueError("can't have text and binary mode at once")
    kinds = letters & set("axrw")
    if len(kinds) != 1:
        raise ValueError("must have exactly one of create/read/write/append mode")
    (kind,) = kinds
    access = os.O_RDWR if "+" in letters else os.O_RDONLY if kind == "r" else os.O_WRONLY
    return access | _CREATES[kind]


def text_of(encoding: str | None, errors: str | None, newline: str | None) -> tuple[str, str]:
    """Return the encoding and the error handler of a text file.

    Raises LookupError, ValueError and TypeError for those that Python's ``open``
    refuses.
    """
    # which knows the default encoding, too
    with io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=errors, newline=newline) as stream:
        handler = stream.errors or "strict"
        codecs.lookup_error(handler)
        return stream.encoding, handler


def open_file(
    loop: AnyLoop,
    path: Path | int,
    mode: str,
    buffering: int,
    encoding: str | None,
    errors: str | None,
    newline: str | None,
    closefd: bool,
    backend: str | None,
    dir_fd: FileDescriptor | None,
    flags: int,
    permissions: int,
) -> Opening[Any]:
    """Check the arguments of ``open``, and return what opens the file."""
    open_flags = flags_of(mode) | whole_number(flags, 32, "flags")
    permissions, checked_name = whole_number(permissions, 12, "permissions"), checked(backend)
    whole_number(buffering, -32, "buffering")
    name, closes = path, bool(closefd)
    if not isinstance(path, int):
        name = path_of(path)
        if not closes:
            raise ValueError("Cannot use closefd=False with file name")
    elif path < 0:
        raise ValueError("negative file descriptor")
    directory = None if dir_fd is None else fileno(dir_fd)
    if "b" in mode:
        for value, text in ((encoding, "an encoding"), (errors, "an errors"), (newline, "a newline")):
            if value is not None:
                raise ValueError(f"binary mode doesn't take {text} argument")
        codec = None
    else:
        if buffering == 0:
            raise ValueError("can't have unbuffered text I/O")
        codec = text_of(encoding, errors, newline)

    async def opened() -> File | TextFile:
        file = await _file_at(loop, name, mode, open_flags, permissions, directory, checked_name)
        file._closes = closes
        return file if codec is None else TextFile(file, *codec, newline)

    return Opening(name, opened)


async def _file_at(
    loop: AnyLoop, name: Any, mode: str, flags: int, permissions: int, dir_fd: int | None, choice: str | None
) -> File:
    backend = backend_of(loop, choice)
    if isinstance(name, int):
        return File(name, name, mode, loop, choice)
    fd = await open_descriptor(loop, backend, name, flags, permissions, dir_fd)
    return file_of(fd, name, mode, loop, choice)
