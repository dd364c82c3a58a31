"""Descriptors: taking them as arguments, owning them, and what a fork does to them."""

from __future__ import annotations

import array
import fcntl
import os
import sys
import termios
import warnings
import weakref
from _thread import get_ident

from butter import utils

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, NoReturn, Protocol, TypeVar, Union

    from typing_extensions import Self

    class HasFileno(Protocol):
        def fileno(self) -> int: ...

    FileDescriptor = Union[int, HasFileno]
    Path = Union[str, bytes, os.PathLike[str], os.PathLike[bytes]]
    Value = TypeVar("Value")


def integer(value: int, bits: int, name: str) -> int:
    """*value*, if it is an int of *bits* bits: negative ones are signed, as in C.

    ``integer(v, 32, "mask")`` takes what a ``uint32_t`` holds and ``integer(v, -32, "wd")`` what an ``int32_t`` does.
    Raises TypeError for what is no int, ValueError for a number out of range.
    """
    if not isinstance(value, int):
        raise TypeError(f"{name} is an int, not {type(value).__name__}")
    low, high = (0, 1 << bits) if bits > 0 else (-1 << -bits - 1, 1 << -bits - 1)
    if not low <= value < high:
        raise ValueError(f"{name} is {value}, out of range({low}, {high})")
    return value if type(value) is int else int.__index__(value)


def fileno(fd: FileDescriptor) -> int:
    """The number of a descriptor given as an int or as anything with ``fileno()``."""
    if not isinstance(fd, int):
        try:
            method = fd.fileno
        except AttributeError:
            raise TypeError(f"fd is an int or has fileno(), not {type(fd).__name__}") from None
        fd = method()
    return integer(fd, -32, "fd")


def fsencode(path: Path) -> bytes:
    """The bytes of a path given as str, bytes or PathLike: the kernel would stop at a NUL, so it is a ValueError."""
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise ValueError(f"embedded null byte in the path {encoded!r}")
    return encoded


def initial(value: Value, alias: Value | None) -> Value:
    """The initial value of an object, by its name (*value*, 0 by default) or by its older spelling, ``inital_value``.

    Raises TypeError for both.
    """
    if alias is None:
        return value
    if not isinstance(value, int) or value != 0:
        raise TypeError("initial_value and inital_value are one argument: give one of them")
    return alias


def get_buffered_length(fd: FileDescriptor) -> int:
    """``ioctl(fd, FIONREAD)``: the number of bytes that a read would find now.

    Raises OSError (ENOTTY) for a descriptor that cannot tell. See :manpage:`inotify(7)`.
    """
    length = array.array("i", [0])
    fcntl.ioctl(fileno(fd), termios.FIONREAD, length)
    return length[0]


# what a fork has to be told to, by id, because equal objects are still two
_told_of_forks: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()


def tell_of_forks(thing: Any) -> None:
    """Call ``thing._after_fork()`` in every child that is forked while *thing* lives."""
    _told_of_forks[id(thing)] = thing


def _after_in_child() -> None:
    failure = None
    for thing in list(_told_of_forks.values()):
        try:
            thing._after_fork()
        except Exception as error:
            failure = error
    # Python reports it, and goes on
    if failure is not None:
        raise failure


os.register_at_fork(after_in_child=_after_in_child)


if sys.implementation.name == "pypy":
    import signal

    def run_handlers() -> None:
        """Have Python run the handlers of the signal that interrupted a call, before the call is made again.

        CPython has done that when the call returns, PyPy perhaps not if other threads run; this call does it there.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, ())

else:

    def run_handlers() -> None:
        """Have Python run the handlers of the signal that interrupted a call; CPython has done that already."""


def closed_error() -> ValueError:
    """What every operation on a closed object raises, in the words of Python's own files."""
    return ValueError("I/O operation on closed file")


class Descriptor:
    """An object that owns a descriptor.

    ``_fd`` is its number, or None once it is closed. Even an object that
    ``__init__`` never saw can be compared, printed and closed.
    """

    _fd: int | None
    _opened: int | None  # what __init__ opened; the finaliser touches no other number
    _closer: int | None = None  # the thread that is closing it
    _hash: int | None = None

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        self = super().__new__(cls)
        self._blank()
        return self

    def _blank(self) -> None:
        """Give the object the state of one that was never opened.

        What is looked at again and again is set here and has no default on the class: CPython 3.12 and later then
        find it in half the time. All else does have one.
        """
        self._fd = self._opened = None

    def __init__(self, fd: int) -> None:
        self._fd = self._opened = fd
        tell_of_forks(self)

    def fileno(self) -> int:
        """The number of the descriptor. Raises ValueError if the object is closed."""
        fd = self._fd
        if fd is None:
            raise closed_error()
        return fd

    def close(self) -> None:
        """Close the descriptor. Raises ValueError if that was done before: the number may be someone else's by now."""
        # One step that two threads cannot both win, and then it is forgotten
        # before it is closed: whoever comes second meets a closed object.
        # A signal handler may come in anywhere, close the object, or raise.
        thread = get_ident()
        try:
            if self.__dict__.setdefault("_closer", thread) != thread:
                raise closed_error()
            fd, self._fd = self._fd, None
            if fd is None:
                raise closed_error()
            try:
                self._forget()
            finally:
                utils._close(fd)
        finally:
            if self._closer == thread:
                del self._closer

    def _forget(self) -> None:
        """Drop what was read and not yet taken; the object is being closed, or was inherited by a fork."""

    def closed(self) -> bool:
        """Whether the object is closed. A method, and not an attribute as that of Python's files."""
        return self._fd is None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._fd is not None:
            self.close()

    def __del__(self, warn: Any = warnings.warn, close: Any = os.close) -> None:
        # a subclass may have made it without _blank()
        fd = getattr(self, "_fd", None)
        if fd is not None and fd == self._opened:
            # the warning may be an error, and still the descriptor has to go
            try:
                warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
            finally:
                self._fd = None
                try:
                    self._forget()
                finally:
                    close(fd)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Descriptor) or type(self) is not type(other):
            return NotImplemented
        return self._fd is not None and self._fd == other._fd

    def __hash__(self) -> int:
        # kept, because the object must be found in a dict after it was closed
        if self._hash is None:
            self._hash = hash((type(self), self._fd))
        return self._hash

    def __repr__(self) -> str:
        return f"<{type(self).__name__} fd={'closed' if self._fd is None else self._fd}>"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError(f"cannot copy or pickle {type(self).__name__!r}: two objects would close one descriptor")

    def _after_fork(self) -> None:
        self._forget()
