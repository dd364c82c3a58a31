"""Copying a file inside the kernel, in the background."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from butter._arguments import fileno, path_of, whole_number
from butter._awaitables._files_backends import backend_of, close_descriptor, open_descriptor
from butter._awaitables._files_engine import Request
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
        size = whole_number(size, 63, "size")
    name: Any = getattr(target, "name", target)
    try:
        # of a file of text
        buffer = getattr(target, "buffer", None)
        if isinstance(buffer, Positioned):
            return await _to_file(source, buffer, size, target)
        if isinstance(target, Positioned):
            return await _to_file(source, target, size)
        if isinstance(target, (str, bytes, os.PathLike)):
            name = path_of(target)
            return await _to_path(source, name, size)
        fd = fileno(target)
        await source._enter()
        try:
            return await _portions(source, fd, None, size)
        finally:
            source._leave()
    except BaseException as error:
        if not hasattr(error, "characters_written"):
            error.characters_written = 0  # type: ignore[attr-defined]
        if isinstance(error, OSError) and error.filename == source._name:
            error.filename2 = name
        raise


async def _to_path(source: Positioned, path: Path, size: int | None) -> int:
    await source._enter()
    try:
        backend = backend_of(source._loop, source._choice)
        # without O_TRUNC, which would empty the source under another name
        fd = await open_descriptor(source._loop, backend, path, os.O_WRONLY | os.O_CREAT)
        try:
            if os.path.sameopenfile(fd, source._fd):  # type: ignore[arg-type]
                raise ValueError("a file cannot be copied to itself")
            if stat.S_ISREG(os.fstat(fd).st_mode):
                await backend.run(Request(path), "truncate", fd, 0)
            copied = await _portions(source, fd, None, size)
        except BaseException:
            await close_descriptor(source._loop, backend.name, fd, path)
            raise
        try:
            await close_descriptor(source._loop, backend.name, fd, path)
        except BaseException as error:
            error.characters_written = copied  # type: ignore[attr-defined]
            raise
        return copied
    finally:
        source._leave()


async def _to_file(source: Positioned, target: Positioned, size: int | None, text: Any = None) -> int:
    target._check_writable()
    if target is source:
        raise ValueError("a file cannot be copied to itself")
    await source._loop.pause()
    # The places in both lines are taken at once: two copies, one each way, would wait
    # for each other if each had the one and waited for the other.
    files = target, source
    places: dict[Positioned, Any] = {}
    try:
        for file in files:
            places[file] = file._stand_in_line()
        for place in places.values():
            if place is not None:
                await place.wait()
    except BaseException:
        for file, place in places.items():
            file._leave_line(place)
        raise
    position, copied = None, 0
    try:
        for file in files:
            file._follow()
        if text is not None:
            text._before_bytes()
        position = target._position
        if position is not None:
            target._go(position)
        try:
            copied = await _portions(source, target._fd, None if target._appends else position, size)  # type: ignore[arg-type]
        except BaseException as error:
            copied = getattr(error, "characters_written", 0)
            raise
        return copied
    finally:
        if position is not None:
            appended = target._appends and copied
            target._go(os.lseek(target._fd, 0, os.SEEK_CUR) if appended else position + copied)  # type: ignore[arg-type]
        for file in files:
            file._leave()


async def _portions(source: Positioned, fd: int, offset: int | None, size: int | None) -> int:
    """Copy from *source*, which has its place in the line, to *fd*."""
    copied = 0
    try:
        if source._position is None:
            # what a read of lines has taken from a pipe
            while ahead := source._ahead[source._used :][: None if size is None else size - copied]:
                request = Request()
                try:
                    await source._run(request, "write", fd, ahead, None if offset is None else offset + copied)
                finally:
                    source._taken(source._used + request.moved)
                    copied += request.moved
        while size is None or copied < size:
            position, request = source._position, Request()
            portion = _PORTION if size is None else min(_PORTION, size - copied)
            await source._loop.pause()
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
