"""Files in memory that can be sealed: objects and calls for :manpage:`memfd_create(2)`."""

from __future__ import annotations

import errno
import io
import os
from mmap import ACCESS_COPY, ACCESS_READ, ACCESS_WRITE, mmap
from typing import TYPE_CHECKING

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
from butter._descriptor import Descriptor
from butter._memfd import ADD_SEALS, MMAP, TRUNCATE, Sealed, errno_of, flags, memfd_create, revoke, seal, write
from butter.errors import InvalidArgument

if TYPE_CHECKING:
    from mmap import mmap as Mapping
    from typing import IO, Any, NoReturn, Union

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
    """What a file raises for what it cannot do, and what event objects raise."""


def _right(added: int, looked_at: int, meaning: str) -> Any:
    def get(self: Memfd) -> bool:
        return not self.flags & looked_at

    def allow(self: Memfd, allowed: bool) -> None:
        if allowed and not get(self):
            ADD_SEALS.fail(errno.EPERM, fd=self._fd, seals=0)
        if not allowed and get(self):
            self.revoke(added)

    return property(get, allow, doc=f"Whether it can {meaning}. False can be set, and is for ever; see :meth:`revoke`.")


class Memfd(Descriptor):
    """``Memfd(name='', initial_value=0, flags=0, closefd=True)``: a file in memory, without a path.

    *name* is for people, who see it in ``/proc/self/fd``. *initial_value* is its content, as bytes or any buffer, or
    its size in bytes, as an int; *inital_value* is an older spelling. *flags* are MemfdCreate's, and
    ``MFD_ALLOW_SEALING`` is added, which :meth:`seal` takes back. *closefd* keeps the descriptor from programs that the
    process executes. Raises what :func:`memfd_create` does, and OSError where the content finds no room. Linux 3.17,
    :manpage:`memfd_create(2)`. ::

        with Memfd("numbers") as memfd:
            with memfd.open("w") as file:
                file.write("1 2 3")
            with memfd.sealed_copy() as copy:
                socket.send_fds(connection, [b"numbers"], [copy.fileno()])

    It is a file and gives no events: what an event object has and a file has not raises
    :exc:`io.UnsupportedOperation`, and for reading and writing there are :meth:`open` and :meth:`mmap`.
    """

    _kind = "a memfd"
    _link = "/memfd:"

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
        content = memoryview(b"" if isinstance(value, int) else value).cast("B")
        super().__init__(memfd_create(name, flags | MFD_ALLOW_SEALING, closefd))
        self._name = os.fsdecode(name)
        try:
            if size:
                self.truncate(size)
            offset = 0
            while offset < len(content):
                offset += write(self.fileno(), content[offset:], offset)
        except BaseException:
            self.close()
            raise

    def _adopted(self, fd: int) -> None:
        flags(fd)  # raises for what is not a memfd, also where /proc cannot tell

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]} name='{self._name}'>"

    def __len__(self) -> int:
        """The size in bytes. Raises ValueError if the object is closed."""
        return os.fstat(self.fileno()).st_size

    def __bool__(self) -> bool:
        # an empty file is a file
        return True

    def truncate(self, size: int) -> None:
        """Make it *size* bytes long: bytes behind that are lost, new ones are zero.

        Raises Sealed where a seal forbids it, OSError (EFBIG), InvalidArgument for a size that huge pages cannot have.
        """
        fd, size = self.fileno(), integer(size, 63, "size")
        try:
            os.ftruncate(fd, size)
        except OSError as error:
            number = errno_of(error)
        else:
            return
        TRUNCATE.fail(number, fd=fd)

    def open(
        self,
        mode: str = "r+b",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """An ordinary file object over it, with the arguments of :func:`open`: ``memfd.open('w')``.

        It has a position of its own, and lives on if the memfd is closed first. Raises what :func:`open` does, such as
        PermissionError where *mode* would cut a sealed memfd. Needs a mounted ``/proc``.
        """
        return open(f"/proc/self/fd/{self.fileno()}", mode, buffering, encoding, errors, newline)

    def mmap(
        self, length: int = 0, flags: int = 0, prot: int | None = None, access: int = 0, offset: int = 0
    ) -> Mapping:
        """A :class:`mmap.mmap` of *length* bytes from *offset*, 0 for all there are.

        Without more it is shared and can be read and written, and makes a memfd that is too short long enough; if
        seals forbid to write it can only be read. *flags* are MemfdMap's and *prot* MemfdProt's; instead of the two
        *access* takes ``ACCESS_READ``, ``ACCESS_WRITE`` or ``ACCESS_COPY``. *offset* is a multiple of the page size.
        Raises Sealed where a seal forbids it, InvalidArgument, OutOfMemory, PermissionError, and ValueError for an
        empty mapping, or one beyond the end that cannot write. :manpage:`mmap(2)`.
        """
        fd, length, offset = self.fileno(), integer(length, 63, "length"), integer(offset, 63, "offset")
        flags, access = integer(flags, -32, "flags"), integer(access, -32, "access")
        prot = None if prot is None else integer(prot, -32, "prot")
        if access:
            if flags or prot is not None:
                raise ValueError("a mapping takes access, or flags and prot, but not both")
            asked, grows = {"access": access}, access == ACCESS_WRITE
        else:
            writable = self.writable
            # Until Linux 6.7 a write-sealed memfd that is open for writing had
            # no shared mapping, not even to read; a private one shows the same.
            flags = flags or (MAP_SHARED if writable or prot is not None else MAP_PRIVATE)
            if prot is None:
                prot = PROT_READ | PROT_WRITE if writable else PROT_READ
            asked, grows = {"flags": flags, "prot": prot}, bool(flags & MAP_SHARED and prot & PROT_WRITE)
        end = offset + length
        before = len(self) if grows and length else end
        try:
            if before < end:
                self.truncate(end)
            return mmap(fd, length, offset=offset, **asked)
        except BaseException as error:
            if before < end:
                self._take_back(before, end)
            if not isinstance(error, OSError):
                raise
            number = errno_of(error)
        MMAP.fail(number, fd=fd)

    def _take_back(self, before: int, end: int) -> None:
        # A mapping that there is not leaves no bytes behind, unless somebody
        # sealed the memfd, closed it or gave it another size meanwhile.
        try:
            if len(self) == end:
                self.truncate(before)
        except (OSError, ValueError):
            pass

    shrinkable = _right(F_SEAL_SHRINK, F_SEAL_SHRINK, "become shorter")
    growable = _right(F_SEAL_GROW, F_SEAL_GROW, "become longer")
    writable = _right(F_SEAL_WRITE, F_SEAL_WRITE | F_SEAL_FUTURE_WRITE, "be written")

    @property
    def sealable(self) -> bool:
        """Whether seals can be added."""
        return not self.flags & F_SEAL_SEAL

    @property
    def flags(self) -> int:
        """Its seals, as the bits of MemfdSeal. Raises ValueError if the object is closed."""
        return flags(self.fileno())

    @property
    def seals(self) -> MemfdSeal:
        """Its seals as a MemfdSeal, which prints their names."""
        return MemfdSeal(self.flags)

    def revoke(self, flags: int) -> None:
        """Forbid for ever what the seals in *flags* (MemfdSeal) say, to everyone who has it.

        Raises what :func:`revoke` does, and ValueError if the object is closed.
        """
        revoke(self.fileno(), flags)

    def seal(self) -> None:
        """Allow no more seals. Raises what :func:`revoke` does, and ValueError if the object is closed."""
        seal(self.fileno())

    def sealed_copy(self, name: Path | None = None) -> Memfd:
        """A copy that nobody can change, to hand to another process; this one stays as it is.

        Its content, its size and its seals are sealed, and it is open for reading alone. It is called *name* (None: as
        this one) and can be executed if this one can. The receiver looks at :func:`flags` and need trust nobody.
        Raises what :func:`memfd_create` does, and OSError where there is no room. Needs a mounted ``/proc``.
        """
        fd = self.fileno()
        kind = MFD_EXEC if os.fstat(fd).st_mode & 0o111 else MFD_NOEXEC_SEAL
        name = self._name if name is None else name
        try:
            copy = Memfd(name, flags=kind)
        except InvalidArgument:
            copy = Memfd(name)  # before Linux 6.3 there is only one kind
        with copy:
            offset = 0
            # not sendfile: memfds of huge pages have none
            while block := os.pread(fd, _BLOCK, offset):
                offset += write(copy.fileno(), block, offset)
            copy.revoke(F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)
            # A mapping of what is open for writing counts as one that writes,
            # which before Linux 6.7 the seal would not let the receiver make.
            sealed = Memfd.adopt(os.open(f"/proc/self/fd/{copy.fileno()}", os.O_RDONLY | os.O_CLOEXEC))
        sealed._name = copy._name
        return sealed

    def isatty(self) -> bool:
        """False: a memfd is no terminal."""
        return False

    def mode(self) -> str:
        """What seals allow, as the ``mode`` of a file: ``'r+'``, or ``'r'`` if it cannot be written."""
        return "r+" if self.writable else "r"

    def name(self) -> str:
        """The name it was made with."""
        return self._name

    def readable(self) -> bool:
        """True: its bytes can be read, by :meth:`open` or :meth:`mmap`."""
        return True

    def seekable(self) -> bool:
        """False: it has no position of its own; what :meth:`open` gives has."""
        return False

    def _unsupported(self, *args: object, **kwargs: object) -> NoReturn:
        """A memfd gives no events, and its bytes by other means: raises :exc:`io.UnsupportedOperation`."""
        raise UnsupportedOperation("a memfd gives no events; for its bytes use open() or mmap()")

    wait = read_event = read_events = __iter__ = _unsupported
    read = readline = readlines = seek = tell = write = writelines = _unsupported
