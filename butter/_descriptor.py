"""Owning a descriptor: the one class that closes, and what a fork does to it."""

from __future__ import annotations

import array
import errno
import fcntl
import os
import sys
import termios
import warnings
import weakref
from _thread import get_ident
from typing import TYPE_CHECKING

from butter._arguments import fileno
from butter.errors import BAD_DESCRIPTOR, Errors, InvalidArgument

if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, NoReturn

    from typing_extensions import Self

    from butter._arguments import FileDescriptor


def _other_kind(fd: int, kind: str, other: str | None = None, link: str | None = None, **_: object) -> str:
    if other is not None:
        return f"descriptor {fd} is not {kind}; it is {other}"
    if link is not None:
        return f"descriptor {fd} is not {kind}; /proc/self/fd says that it is {link!r}"
    return f"descriptor {fd} is not {kind}"


ADOPT = Errors(
    "adopt",
    {
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EINVAL: (InvalidArgument, _other_kind),
    },
)


def get_buffered_length(fd: FileDescriptor) -> int:
    """``ioctl(fd, FIONREAD)``: the number of bytes that a read would find now.

    Raises OSError (ENOTTY) for a descriptor that does not know this number. See
    :manpage:`inotify(7)`.
    """
    length = array.array("i", [0])
    fcntl.ioctl(fileno(fd), termios.FIONREAD, length)
    return length[0]


def is_open(fd: int) -> bool:
    """Return whether this number is that of an open descriptor."""
    try:
        fcntl.fcntl(fd, fcntl.F_GETFD)
    except (OSError, ValueError):  # Python refuses a negative number itself
        return False
    return True


def link_of(fd: int) -> str | None:
    """Return where ``/proc/self/fd`` links to, as ``anon_inode:[eventfd]``.

    None where there is no such link.
    """
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return None


def fields_of(fd: int) -> dict[str, list[str]]:
    """Return the fields of ``/proc/self/fdinfo``, each with the values of its lines.

    The result is like ``{"flags": ["02000002"], "inotify": [...]}``; it is empty where
    the file cannot be read.
    """
    fields: dict[str, list[str]] = {}
    try:
        with open(f"/proc/self/fdinfo/{fd}", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                name, _, value = line.partition(":" if ":" in line.partition(" ")[0] else " ")
                fields.setdefault(name.strip(), []).append(value.strip())
    except OSError:
        pass
    return fields


def closer() -> Callable[[int], object]:
    """Return ``butter.utils._close``, or ``os.close`` where utils was never imported.

    Tests of other programs replace ``_close``. They cannot have replaced it in a module
    that was not imported yet, so this module, which stands below utils, need not import
    it.
    """
    utils = sys.modules.get("butter.utils")
    return os.close if utils is None else utils._close


# The objects whose _after_fork() runs in each forked child. The key is id(),
# because two objects may be equal.
_told_of_forks: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()


def tell_of_forks(thing: Any) -> None:
    """Call ``thing._after_fork()`` in each forked child while *thing* lives."""
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


def closed_error() -> ValueError:
    """Return the error of every operation on a closed object.

    Its words are those of Python's own files.
    """
    return ValueError("I/O operation on closed file")


# Owning a descriptor
#
# A descriptor is a small number, and the kernel gives the lowest free one to
# the next file. So a number that was closed is soon another file's, and an
# object that uses, or closes, a number that is no longer its own damages a
# stranger. Everything below is about never doing that.
#
# close() forgets the number first and closes it then. The other order looks
# more natural (keep it until the kernel says that it is gone), but between
# the two steps another thread may open a file, get the number, and meet an
# object that still uses it. An error of close(2) does not change that: Linux
# has released the number even where it reports one.
#
# "Take the number and forget it" is two steps for Python, and two threads
# that close one object could both take it. A lock would close that gap and
# open two others: a signal handler that closes the object while its own
# thread is inside close() would wait for itself, and a fork while another
# thread holds the lock would leave it locked in the child for ever.
# dict.setdefault is one atomic step, on free-threaded builds too: the thread
# whose identity it stores is the one that closes. A handler in the same
# thread finds its own identity there, goes on, and whichever of the two takes
# the number first leaves None for the other, which raises.
#
# A signal handler may also raise, at the beginning of any Python function and
# after any call. So the function that closes is looked up before the number is
# forgotten, and the one Python function between the two steps, _drop_batch(),
# runs inside a try whose finally closes the number. It runs once more where an
# exception came out of it, for what it left to do: the tasks that wait for an
# fanotify object would be let through. A function for both would begin with a
# moment at which neither has run. An exception before these steps leaves an open
# object, which can be closed; an exception after them leaves a closed one.
#
# A second close() raises ValueError instead of doing nothing. It is a mistake
# that the program should learn of: had the object kept the number, it would
# have closed the stranger's file. The with statement closes an object only if
# it is open, because leaving the statement does not claim that it is.
#
# The finaliser closes only the number that __init__ opened. Programs, and the
# tests of butter 0.13, make objects by __new__ and set _fd to any number;
# collecting such an object must not close the file that has that number. The
# finaliser warns, because a forgotten descriptor is a bug, and it makes no
# cffi call, because that would overwrite an errno that is about to be read.
#
# A descriptor that adopt() took over counts as opened. An object under an awaitable
# leaves the warning and the closing to it (_in_queue; rule 3 of
# asyncio/_awaitable.py).
#
# One gap remains: a thread that has looked the number up, and is about to make
# its call, uses the number although another thread closes it in between.
# Python's own files have that gap as well, and only the program can close it,
# by ending its threads before it closes what they use.


class Owner:
    """An object of butter whose descriptor another may take over by ``adopt()``."""

    def _give_up(self) -> Descriptor:
        """Return the object whose descriptor and state the adopting one takes over."""
        raise NotImplementedError


class _Signature:
    """The signature of a class, for ``help()`` and editors: that of its ``__init__``.

    :mod:`inspect` would take that of ``__new__``, which accepts any arguments.
    """

    def __get__(self, instance: object, cls: Any) -> inspect.Signature | None:
        # inspect asks for this, so it is imported; other programs need not import it
        module = sys.modules.get("inspect")
        return None if module is None else module.signature(cls.__init__.__get__(cls))


class Descriptor(Owner):
    """An object that owns a descriptor and closes it."""

    # Even an object whose __init__ never ran, made by __new__ alone, can be compared,
    # printed and closed.

    #: the kind of descriptor, with its article, for sentences
    _kind = "a descriptor"
    #: how the link in ``/proc/self/fd`` of such a descriptor begins, or may begin
    _link: str | tuple[str, ...] = ""
    #: whether the descriptor is all of the object: a number can then be adopted, and a
    #: forked child has the object too
    _bare = True

    _fd: int | None  # the number; None once it is closed
    _opened: int | None  # what __init__ opened; the finaliser touches no other number
    _closer: int | None = None  # the thread that is closing it
    _in_queue = False  # an awaitable owns the object, and its finaliser acts for both

    if not TYPE_CHECKING:  # checkers and editors look at __init__ alone
        __signature__ = _Signature()

        def __new__(cls, *args, **kwargs):
            self = super().__new__(cls)
            self._init_state()
            return self

    def _init_state(self) -> None:
        """Put the object into the state of one that was never opened.

        Attributes used on hot paths are set here and have no class default: CPython
        3.12 and later then look them up twice as fast. All others have a class default.
        """
        self._fd = self._opened = None

    def __init__(self, fd: int) -> None:
        self._fd = self._opened = fd
        tell_of_forks(self)

    @classmethod
    def adopt(cls, source: FileDescriptor) -> Self:
        """Return an object for a descriptor that exists already.

        *source* is an int or anything with ``fileno()``: a descriptor that was
        received, inherited, or opened by other means. The returned object owns it and
        closes it, so nothing else may: ``detach()`` a socket first. An object or
        awaitable of butter is left closed by this call, and the returned object has the
        events that it had read, and whatever else it knew.

        Raises InvalidArgument for a descriptor of another kind, or one that is not
        open, and ValueError for an awaitable that tasks are waiting for; *source* is
        then unchanged, and still the caller's. Where ``/proc`` is not mounted the kind
        is not checked.
        """
        number, wrong = fileno(source), 0
        try:
            os.fstat(number)
        except OSError as error:
            wrong = error.errno or 0
        if wrong:
            ADOPT.fail(wrong, fd=number)
        link = link_of(number)
        if link is not None and not link.startswith(cls._link):
            ADOPT.fail(errno.EINVAL, fd=number, kind=cls._kind, link=link)
        # an awaitable has its object in _source
        kind = getattr(getattr(source, "_source", source), "_kind", cls._kind)
        if isinstance(source, Owner) and kind != cls._kind:
            ADOPT.fail(errno.EINVAL, fd=number, kind=cls._kind, other=kind)
        if not (cls._bare or isinstance(source, Owner)):
            other = f"a descriptor, and {cls.__name__} consists of more than that"
            ADOPT.fail(errno.EINVAL, fd=number, kind=cls._kind, other=other)
        self = cls.__new__(cls)
        if isinstance(source, Owner):
            self._take_over(source._give_up())
        else:
            self._adopted(number)
            tell_of_forks(self)
            # no call follows: an exception has left the number to the caller
            self._fd = self._opened = number
        return self

    def _give_up(self) -> Descriptor:
        if self._in_queue:
            raise ValueError(f"{self!r} belongs to an awaitable already")
        return self

    def _take_over(self, owner: Descriptor) -> None:
        """Have the descriptor of *owner*, which is left closed, and its state.

        The containers in the state become this object's.
        """
        own = "_fd", "_opened", "_hash", "_closer", "_in_queue"
        vars(self).update({name: value for name, value in vars(owner).items() if name not in own})
        tell_of_forks(self)
        # There is no call in this line, at which a signal handler could raise. After
        # each of its steps at most one of the two would close the number.
        self._fd, owner._fd, self._opened = owner._fd, None, owner._fd
        owner._init_state()

    def _adopted(self, fd: int) -> None:
        """Learn from the kernel what ``__init__`` would know of *fd*.

        The object does not own *fd* yet.
        """

    def fileno(self) -> int:
        """The number of the descriptor. Raises ValueError if the object is closed."""
        fd = self._fd
        if fd is None:
            raise closed_error()
        return fd

    def close(self) -> None:
        """Close the descriptor.

        Raises ValueError if the object is closed already: the number may be another
        file's by now. The ``with`` statement closes the object only if it is open.
        """
        # the essay above has the reason for every step and for its place
        thread, close = get_ident(), closer()
        try:
            if self.__dict__.setdefault("_closer", thread) != thread:
                raise closed_error()
            fd, self._fd = self._fd, None
            if fd is None:
                raise closed_error()
            try:
                try:
                    self._drop_batch()
                except BaseException:
                    self._drop_batch()
                    raise
            finally:
                close(fd)
        finally:
            if self._closer == thread:
                del self._closer

    def _drop_batch(self) -> None:
        """Drop the events that were read and not yet taken.

        The object is being closed, or was inherited by a forked child.
        """

    def closed(self) -> bool:
        """Whether the object is closed.

        This is a method; Python's files have an attribute instead.
        """
        return self._fd is None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._fd is not None:
            self.close()

    def __del__(self, warn: Any = warnings.warn, close: Any = os.close) -> None:
        # a subclass may have made the object without _init_state()
        fd = getattr(self, "_fd", None)
        if fd is not None and fd == self._opened and not self._in_queue:
            self._forgotten(fd, self, warn, close)

    def _forgotten(self, fd: int, owner: Owner, warn: Any, close: Callable[[int], object]) -> None:
        """Close what the program forgot.

        The warning is about *owner*: this object, or the awaitable that owns it.
        """
        # the warning may be an error, and the descriptor must be closed anyway
        try:
            warn(f"unclosed {owner!r}", ResourceWarning, stacklevel=3, source=owner)
        finally:
            self._fd = None
            try:
                try:
                    self._drop_batch()
                except BaseException:
                    self._drop_batch()
                    raise
            finally:
                close(fd)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Descriptor) or type(self) is not type(other):
            return NotImplemented
        return self._fd is not None and self._fd == other._fd

    def __hash__(self) -> int:
        # Kept from the first use on, because a dict must find the object after it
        # was closed. setdefault is one step, which two threads cannot both win.
        known: int = self.__dict__.get("_hash") or self.__dict__.setdefault("_hash", hash((type(self), self._fd)))
        return known

    def __repr__(self) -> str:
        return f"<{type(self).__name__} fd={'closed' if self._fd is None else self._fd}>"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError(f"cannot copy or pickle {type(self).__name__!r}: two objects would close one descriptor")

    def _after_fork(self) -> None:
        """Drop what this forked child cannot have: the events, or all of the object."""
        if self._bare:
            self._drop_batch()
            return
        fd, self._fd = self._fd, None
        self._drop_batch()
        if fd is not None:
            os.close(fd)
