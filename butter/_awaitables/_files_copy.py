"""Copying a file inside the kernel, in the background."""

from __future__ import annotations

import os
import stat
from time import perf_counter
from typing import TYPE_CHECKING, Any

from butter._arguments import fileno, integer, path_of
from butter._awaitables._files_backends import backend_of, open_descriptor
from butter._awaitables._files_engine import Request
from butter._awaitables._files_loop import turns
from butter._awaitables._files_position import Positioned

if TYPE_CHECKING:
    from typing import Union

    from butter._arguments import FileDescriptor, Path

    Target = Union[Positioned, FileDescriptor, Path]

# what is copied before a copy can be cancelled
_PORTION = 1 << 24


async def copy(source: Positioned, target: Target, size: int | None) -> int:
    """Copy *size* bytes, or all, from the position of *source* to *target*."""
    source._check_readable()
    if size is not None:
        size = integer(size, 63, "size")
    # of a file of text
    buffer = getattr(target, "buffer", None)
    target = buffer if isinstance(buffer, Positioned) else target
    if isinstance(target, Positioned):
        target._check_writable()
        if target is source:
            raise ValueError("a file cannot be copied to itself")
        return await _to_file(source, target, size)
    if not isinstance(target, (str, bytes, os.PathLike)):
        return await _portions(source, fileno(target), None, size)
    path = path_of(target)
    backend = backend_of(source._loop, source._choice)
    # without O_TRUNC, which would empty the source under another name
    fd = await open_descriptor(source._loop, backend, path, os.O_WRONLY | os.O_CREAT)
    try:
        if os.path.sameopenfile(fd, source._check_readable()):
            raise ValueError("a file cannot be copied to itself")
        if stat.S_ISREG(os.fstat(fd).st_mode):
            await backend.run(Request(path), "truncate", fd, 0)
        return await _portions(source, fd, None, size)
    finally:
        await backend.run(Request(path, firm=True), "close", fd)


async def _to_file(source: Positioned, target: Positioned, size: int | None) -> int:
    await target._enter()
    copied = 0
    try:
        position = target._position
        if position is not None:
            target._go(position)
        try:
            copied = await _portions(source, target.fileno(), None if target._appends else position, size)
        except BaseException as error:
            copied = getattr(error, "characters_written", 0)
            raise
        return copied
    finally:
        if position is not None:
            appended = target._appends and copied
            target._go(os.lseek(target._fd, 0, os.SEEK_CUR) if appended else position + copied)  # type: ignore[arg-type]
        target._leave()


async def _portions(source: Positioned, fd: int, offset: int | None, size: int | None) -> int:
    await source._enter()
    copied = 0
    try:
        if source._position is None:
            # what a read of lines has taken from a pipe
            ahead = source._taken(len(source._ahead))[:size]
            while copied < len(ahead):
                at = None if offset is None else offset + copied
                copied += await source._run(Request(), "write", fd, ahead[copied:], at)
        while size is None or copied < size:
            position, request = source._position, Request()
            portion = _PORTION if size is None else min(_PORTION, size - copied)
            if perf_counter() >= turns.until:
                await turns.next(source._loop)
            at = None if offset is None else offset + copied
            moved: Any = 0
            try:
                moved = count = await source._run(request, "copy", source._fd, fd, portion, position, at)
            except BaseException as error:
                # a thread that has failed says it in its exception
                moved = request.moved or getattr(error, "moved", 0)
                raise
            finally:
                copied += moved
                if position is not None:
                    source._go(position + moved)
            if count < portion:
                break
        return copied
    except BaseException as error:
        error.characters_written = copied  # type: ignore[attr-defined]
        raise
    finally:
        source._leave()
