"""Files in memory, with seals: objects and calls for :manpage:`memfd_create(2)`."""

from __future__ import annotations

import errno
import io
import os
from contextlib import nullcontext
from mmap import ACCESS_COPY, ACCESS_READ, ACCESS_WRITE, mmap
from typing import TYPE_CHECKING, overload

from butter._arguments import CLOEXEC_DEFAULT, integer, one_spelling
from butter._constants import memfd as _constants
from butter._constants.memfd import *  # noqa: F403
from butter._constants.memfd import (
    F_SEAL_FUTURE_WRITE,
    F_SEAL_GROW,
    F_SEAL_SEAL,
    F_SEAL_SHRINK,
    F_SEAL_WRITE,
    MAP_PRIVATE,
    MAP_SHARED,
    MFD_ALLOW_SEALING,
    MFD_EXEC,
    MFD_NOEXEC_SEAL,
    PROT_READ,
    PROT_WRITE,
    MemfdSeal,
)
from butter._descriptor import Descriptor, link_of
from butter._memfd import (
    ADD_SEALS,
    LINK,
    MMAP,
    TRUNCATE,
    Sealed,
    data_of,
    flags,
    memfd_create,
    own_description,
    revoke,
    seal,
    write,
)
from butter._signals import errno_of
from butter.errors import InvalidArgument

if TYPE_CHECKING:
    from io import BufferedRandom, BufferedReader, BufferedWriter, FileIO, TextIOWrapper
    from mmap import mmap as Mapping
    from typing import IO, Any, BinaryIO, Literal, Union

    from _typeshed import (
        OpenBinaryMode,
        OpenBinaryModeReading,
        OpenBinaryModeUpdating,
        OpenBinaryModeWriting,
        OpenTextMode,
    )
    from typing_extensions import Buffer

    from butter._arguments import Path

    Content = Union[int, Buffer]

__all__ = [
    "ACCESS_COPY",
    "ACCESS_READ",
    "ACCESS_WRITE",
    "Memfd",
    "Sealed",
    "flags",
    "memfd_create",
    "mmap",
    "revoke",
    "seal",
]
__all__ += _constants.__all__

# how much is copied at once
_BLOCK = 1 << 20


class UnsupportedOperation(io.UnsupportedOperation, NotImplementedError):
    """The error of files, and that of event objects, for a missing method."""


def _bytes_of(value: Buffer) -> memoryview:
    """Return the bytes of a buffer of any shape, as ``bytes()`` would."""
    try:
        view = memoryview(value)
    except TypeError:
        raise TypeError(
            f"initial_value must be bytes or another buffer, or a size as an int, not {type(value).__name__}"
        ) from None
    # cast() takes neither a buffer with gaps nor an empty one of several dimensions
    return view.cast("B") if view.c_contiguous and view.nbytes else memoryview(view.tobytes())


class Memfd(Descriptor):
    """``Memfd(name='', initial_value=0, flags=0, closefd=True)``: a file in memory.

    It does not have a path. It is a file and has no events: reading and writing is done
    by :meth:`open` and :meth:`mmap`, and methods of event objects that files lack raise
    :exc:`io.UnsupportedOperation`. ::

        with Memfd("numbers") as memfd:
            with memfd.open("w") as file:
                file.write("1 2 3")
            with memfd.sealed_copy() as copy:
                socket.send_fds(connection, [b"numbers"], [copy.fileno()])

    *name* is for people, as they see it in ``/proc/self/fd``. *initial_value* is the
    content, as bytes or any buffer, or the size in bytes, as an int; *inital_value* is
    an older spelling. *flags* are MemfdCreate's; ``MFD_ALLOW_SEALING`` is added, which
    :meth:`seal` takes back. *closefd* keeps the descriptor from programs that the
    process executes.

    A memfd can become shorter while it is mapped: by :meth:`truncate`, by mode ``'w'``
    of :meth:`open`, or in another process that has it. An access to bytes of a mapping
    that are gone ends the process with SIGBUS. ``F_SEAL_SHRINK`` forbids it: set
    :attr:`shrinkable` to False, or look at the :attr:`flags` of a memfd that was
    received.

    Raises what :func:`memfd_create` does, TypeError for another *initial_value*, and
    OSError if there is no room for the content.

    Linux 3.17, and 4.16 for ``MFD_HUGETLB``, because huge pages could not be sealed
    before; :manpage:`memfd_create(2)`.
    """

    _kind = "a memfd"
    _link = LINK
    _name = ""

    def __init__(
        self,
        name: Path = "",
        initial_value: Content = 0,
        flags: int = 0,
        closefd: bool = CLOEXEC_DEFAULT,
        *,
        inital_value: Content | None = None,
    ) -> None:
        value = one_spelling("initial_value, inital_value", initial_value, inital_value)
        size = integer(value, 63, "initial_value") if isinstance(value, int) else 0
        content = _bytes_of(b"" if isinstance(value, int) else value)
        self._name = os.fsdecode(name)
        super().__init__(memfd_create(name, integer(flags, -64, "flags") | MFD_ALLOW_SEALING, closefd))
        try:
            if size:
                self.truncate(size)
            self._fill(content, 0)
        except BaseException:
            self.close()
            raise

    def _fill(self, content: memoryview | bytes, offset: int) -> None:
        view = memoryview(content)
        while view:
            written = write(self.fileno(), view, offset)
            view, offset = view[written:], offset + written

    def _adopted(self, fd: int) -> None:
        # raises for a file without seals, although its path may begin like a memfd's
        flags(fd)
        link = link_of(fd)
        if link is not None:
            # "/memfd:numbers (deleted)"
            self._name = link[len(LINK) :].rpartition(" (deleted)")[0]

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]} name='{self._name}'>"

    def __len__(self) -> int:
        """The size in bytes. Raises ValueError if the object is closed."""
        return os.fstat(self.fileno()).st_size

    def __bool__(self) -> bool:
        # an empty file is a file
        return True

    def truncate(self, size: int) -> None:
        """Make the memfd *size* bytes long.

        Bytes after that are lost, and new bytes are zero. If a process, this one
        included, has the lost bytes mapped and touches them, it dies of SIGBUS; close
        such mappings first.

        Raises Sealed where a seal forbids it, OSError (EFBIG), InvalidArgument for a
        size that huge pages cannot have, or where the descriptor is open for reading
        only.
        """
        fd, size = self.fileno(), integer(size, 63, "size")
        try:
            os.ftruncate(fd, size)
        except OSError as error:
            number = errno_of(error)
        else:
            return
        TRUNCATE.fail(number, fd=fd)

    # by mode, as the builtin open
    @overload
    def open(
        self,
        mode: OpenBinaryModeUpdating = "r+b",
        buffering: Literal[-1, 1] = -1,
        encoding: None = None,
        errors: None = None,
        newline: None = None,
    ) -> BufferedRandom: ...
    @overload
    def open(
        self,
        mode: OpenTextMode,
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> TextIOWrapper: ...
    @overload
    def open(
        self,
        mode: OpenBinaryMode,
        buffering: Literal[0],
        encoding: None = None,
        errors: None = None,
        newline: None = None,
    ) -> FileIO: ...
    @overload
    def open(
        self,
        mode: OpenBinaryModeWriting,
        buffering: Literal[-1, 1] = -1,
        encoding: None = None,
        errors: None = None,
        newline: None = None,
    ) -> BufferedWriter: ...
    @overload
    def open(
        self,
        mode: OpenBinaryModeReading,
        buffering: Literal[-1, 1] = -1,
        encoding: None = None,
        errors: None = None,
        newline: None = None,
    ) -> BufferedReader: ...
    @overload
    def open(
        self,
        mode: OpenBinaryMode = "r+b",
        buffering: int = -1,
        encoding: None = None,
        errors: None = None,
        newline: None = None,
    ) -> BinaryIO: ...
    @overload
    def open(
        self,
        mode: str,
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]: ...
    def open(
        self,
        mode: str = "r+b",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open the memfd as an ordinary file object: ``memfd.open('w')``.

        The arguments are those of :func:`open`, without the name. The file has a
        position of its own, and stays open if the memfd is closed first. Mode ``'w'``
        cuts the content off, and a process that has it mapped and touches it dies of
        SIGBUS. Needs a mounted ``/proc``.

        Raises Sealed where *mode* would cut a sealed memfd, and what :func:`open` does.
        A file that is open for writing too, as by default, can be read where a seal
        forbids writing; its ``write`` then raises PermissionError (EPERM).
        """
        fd = self.fileno()
        try:
            return open(f"/proc/self/fd/{fd}", mode, buffering, encoding, errors, newline)
        except PermissionError as error:
            number = errno_of(error)
            if number not in TRUNCATE.meanings or not flags(fd) & F_SEAL_SHRINK:
                raise
        TRUNCATE.fail(number, fd=fd, mode=mode)

    def mmap(
        self, length: int = 0, flags: int = 0, prot: int | None = None, access: int = 0, offset: int = 0
    ) -> Mapping:
        """A :class:`mmap.mmap` of *length* bytes from *offset*.

        A *length* of 0 maps everything from there. By default the mapping is shared and
        can be read and written, and a memfd that is too short becomes long enough; if
        seals forbid writing, the mapping can only be read. *flags* are MemfdMap's and
        *prot* MemfdProt's; *access* takes the place of both, and is ``ACCESS_READ``,
        ``ACCESS_WRITE`` or ``ACCESS_COPY``. *offset* is a multiple of the page size.

        Any process that has the memfd can cut off bytes that are mapped, and an access
        to them ends the process with SIGBUS; ``F_SEAL_SHRINK`` forbids it.

        Raises Sealed where a seal forbids it, InvalidArgument, OutOfMemory,
        PermissionError, and ValueError for an empty mapping, or for one beyond the end
        that cannot write.

        :manpage:`mmap(2)`.
        """
        fd, length, offset = self.fileno(), integer(length, 63, "length"), integer(offset, 63, "offset")
        flags, access = integer(flags, -32, "flags"), integer(access, -32, "access")
        prot = None if prot is None else integer(prot, -32, "prot")
        asked: dict[str, Any]
        if access:
            if flags or prot is not None:
                raise ValueError("a mapping takes access, or flags and prot, but not both")
            asked, grows = {"access": access}, access == ACCESS_WRITE
        else:
            writable = self.writable
            # Before Linux 6.7 a write-sealed memfd that is open for writing cannot have
            # a shared mapping, not even for reading; a private one shows the same.
            flags = flags or (MAP_SHARED if writable or prot is not None else MAP_PRIVATE)
            if prot is None:
                prot = PROT_READ | PROT_WRITE if writable else PROT_READ
            asked, grows = {"flags": flags, "prot": prot}, bool(flags & MAP_SHARED and prot & PROT_WRITE)
        # not a context manager: errno_of() would take its frames for a handler's
        before = self._grow(offset + length) if grows and length else None
        try:
            return mmap(fd, length, offset=offset, **asked)
        except BaseException as error:
            if before is not None:
                self._take_back(before, offset + length)
            if not isinstance(error, OSError):
                raise
            number = errno_of(error)
        MMAP.fail(number, fd=fd, writes=grows)

    def _grow(self, end: int) -> int | None:
        """Make the memfd *end* bytes long, and return how long it was.

        None if it was long enough.
        """
        before = len(self)
        if before >= end:
            return None
        self.truncate(end)
        return before

    def _take_back(self, before: int, end: int) -> None:
        # A mapping that failed leaves no bytes behind, unless the memfd was sealed,
        # closed or resized meanwhile.
        try:
            if len(self) == end:
                self.truncate(before)
        except (OSError, ValueError):
            pass

    def _allow(self, allowed: bool, now: bool, added: int) -> None:
        if allowed and not now:
            ADD_SEALS.fail(errno.EPERM, fd=self._fd, seals=0)
        if not allowed and now:
            self.revoke(added)

    @property
    def shrinkable(self) -> bool:
        """Whether the memfd can become shorter.

        It can be set to False, which is for ever; see :meth:`revoke`.
        """
        return not self.flags & F_SEAL_SHRINK

    @shrinkable.setter
    def shrinkable(self, allowed: bool) -> None:
        self._allow(allowed, self.shrinkable, F_SEAL_SHRINK)

    @property
    def growable(self) -> bool:
        """Whether the memfd can become longer.

        It can be set to False, which is for ever; see :meth:`revoke`.
        """
        return not self.flags & F_SEAL_GROW

    @growable.setter
    def growable(self, allowed: bool) -> None:
        self._allow(allowed, self.growable, F_SEAL_GROW)

    @property
    def writable(self) -> bool:
        """Whether the memfd can be written.

        It can be set to False, which is for ever; see :meth:`revoke`.
        """
        return not self.flags & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

    @writable.setter
    def writable(self, allowed: bool) -> None:
        self._allow(allowed, self.writable, F_SEAL_WRITE)

    @property
    def sealable(self) -> bool:
        """Whether seals can be added."""
        return not self.flags & F_SEAL_SEAL

    @property
    def flags(self) -> int:
        """The seals of the memfd, as bits of MemfdSeal.

        Raises ValueError if the object is closed.
        """
        return flags(self.fileno())

    @property
    def seals(self) -> MemfdSeal:
        """The seals of the memfd as a MemfdSeal, which prints their names."""
        return MemfdSeal(self.flags)

    def revoke(self, flags: int) -> None:
        """Add the seals in *flags* (MemfdSeal).

        The changes that they name are forbidden for ever, in every process.

        Raises what :func:`revoke` does, and ValueError if the object is closed.
        """
        revoke(self.fileno(), flags)

    def seal(self) -> None:
        """Allow no more seals.

        Raises what :func:`revoke` does, and ValueError if the object is closed.
        """
        seal(self.fileno())

    def sealed_copy(self, name: Path | None = None) -> Memfd:
        """Return a copy that can never change, to hand to another process.

        The content, the size and the seals of the copy are sealed, and the copy is open
        for reading only. *name* is the name of the copy, None for that of the original.
        The copy can be executed if the original can, and its holes take no memory. The
        original stays as it is. A receiver of the copy looks at :func:`flags` and need
        not trust the sender. Needs a mounted ``/proc``.

        Raises what :func:`memfd_create` does, and OSError where there is no room.
        """
        fd = self.fileno()
        status = os.fstat(fd)
        kind = MFD_EXEC if status.st_mode & 0o111 else MFD_NOEXEC_SEAL
        name = self._name if name is None else name
        try:
            copy = Memfd(name, status.st_size, kind)
        except InvalidArgument:
            copy = Memfd(name, status.st_size)  # before Linux 6.3 there is only one kind
        try:
            with own_description(fd) or nullcontext() as source:
                for start, end in data_of(source, status.st_size):
                    # not sendfile(), which memfds of huge pages lack
                    while start < end and (block := os.pread(fd, min(_BLOCK, end - start), start)):
                        copy._fill(block, start)
                        start += len(block)
            copy.revoke(F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)
            # Before Linux 6.7 a shared mapping counts as one that writes if the
            # descriptor is open for writing, and the seal would forbid it in the
            # receiver.
            with copy.open("rb", 0) as reading:
                os.dup2(reading.fileno(), copy.fileno(), inheritable=False)
        except BaseException:
            copy.close()
            raise
        return copy

    def isatty(self) -> bool:
        """False: a memfd is not a terminal."""
        return False

    def mode(self) -> str:
        """The abilities that the seals leave, as the ``mode`` of a file.

        ``'r+'``, or ``'r'`` if the memfd cannot be written.
        """
        return "r+" if self.writable else "r"

    def name(self) -> str:
        """The name that the memfd was made with."""
        return self._name

    def readable(self) -> bool:
        """True: its bytes can be read, by :meth:`open` or :meth:`mmap`."""
        return True

    def seekable(self) -> bool:
        """False: a memfd does not have a position of its own.

        A file that :meth:`open` returns has one.
        """
        return False

    def _unsupported(self, *args: object, **kwargs: object) -> None:
        """Raises :exc:`io.UnsupportedOperation`.

        A memfd has no events, and :meth:`open` and :meth:`mmap` are for its bytes.
        """
        raise UnsupportedOperation("a memfd has no events; for its bytes use open() or mmap()")

    wait = read_event = read_events = __iter__ = _unsupported
    read = readline = readlines = seek = tell = write = writelines = _unsupported
