"""The base of all awaitables, under whichever event loop."""

# A class of this package is whole but for the event loop. butter.asyncio and
# butter.trio each have a base of their own, which knows its loop, and put it under
# these classes:
#
#     class Inotify_async(AnyInotify, EventQueue[Inotify, InotifyEvent]): ...
#
# Python looks for a method in AnyInotify, EventQueue, AnyQueue, Awaitable and
# AnyAwaitable, in this order. EventQueue and Awaitable are the loop's, and their
# methods replace those of AnyQueue and AnyAwaitable that need a loop.

from __future__ import annotations

import functools
import os
import warnings
from typing import TYPE_CHECKING, Generic, TypeVar

from butter._descriptor import Descriptor, Owner, tell_of_forks

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from typing_extensions import Concatenate, ParamSpec, Self

    from butter._arguments import FileDescriptor

    P = ParamSpec("P")
    R = TypeVar("R")

Source = TypeVar("Source", bound=Descriptor)


def forward(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """Return a method that calls *method* of the object under the awaitable.

    It has the same arguments and documentation.
    """

    @functools.wraps(method)
    def forwarded(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return method(self._source, *args, **kwargs)

    return forwarded


def old_name() -> Any:
    """Return a property for the object underneath, under its name in butter 0.13.

    Tests of other programs set it.
    """
    return property(lambda self: self._source, lambda self, source: setattr(self, "_source", source))


class AnyAwaitable(Owner, Generic[Source]):
    """An object of :mod:`butter` under an event loop."""

    #: the class of the object under the awaitable
    _source_class: type[Source]

    #: the error of a wait whose time is over
    _timed_out: type[TimeoutError] = TimeoutError

    def __init__(self, source: Source) -> None:
        self._source = source
        source._in_queue = True
        # the place of each waiter, in order, and that by which the loop wakes it now
        self._waiters: dict[Any, Any] = {}
        self._unbind()
        tell_of_forks(self)

    # the loop's base replaces these

    def _unbind(self) -> None:
        """Belong to no loop."""
        self._waiters.clear()

    def _stop_watching(self) -> None:
        """Have the loop forget the descriptor, if it knows it."""

    def _wake(self) -> None:
        """Have the first waiter look again."""
        raise NotImplementedError

    def _wake_all(self) -> None:
        """Have each waiter look again."""

    def _when_forgotten(self, close: Callable[[int], object]) -> Callable[[int], object]:
        """Return the function that closes the descriptor of a forgotten awaitable."""
        return close

    async def _checkpoint(self) -> None:
        """Let other tasks have their turn, where that is a rule of the loop."""

    async def _sleep(self, seconds: float) -> None:
        """Sleep for so long, while other tasks run."""
        raise NotImplementedError

    def _check_open(self) -> None:
        """Raise the loop's own error of a closed object, where it has one."""

    # the same under each loop

    @classmethod
    def _owned(cls, source: FileDescriptor | Source) -> Source:
        """Return the object that takes the place of *source* under an awaitable."""
        kind = cls._source_class
        return source if isinstance(source, kind) and source._give_up() is source else kind.adopt(source)

    def fileno(self) -> int:
        """The number of the descriptor, to look at; close it only through this object.

        Raises ValueError if the object is closed.
        """
        self._check_open()
        return self._source.fileno()

    def closed(self) -> bool:
        """Whether the object is closed."""
        return self._source.closed()

    def close(self) -> None:
        """Close the object: every waiter gets a ValueError, and an ``async for`` ends.

        A second close does nothing. (The objects of :mod:`butter` raise instead.)
        """
        if self._source.closed():
            return
        # The loop has to forget the number before another file gets it: otherwise it
        # would never report an event of that file.
        self._stop_watching()
        try:
            self._source.close()
        except ValueError:
            # a signal handler may have closed it meanwhile
            if not self._source.closed():
                raise
        self._wake_all()

    def _give_up(self) -> Descriptor:
        if self._waiters:
            raise ValueError(f"{self!r} is in use: tasks are waiting for it")
        source = self._source
        self._stop_watching()
        self._unbind()
        source._in_queue = False
        # a closed object stays here
        self._source = type(source).__new__(type(source))
        return source

    def __del__(self, warn: Any = warnings.warn, close: Any = os.close) -> None:
        source: Any = getattr(self, "_source", None)
        fd = getattr(source, "_fd", None)
        if fd is not None and fd == source._opened:
            source._forgotten(fd, self, warn, self._when_forgotten(close))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *error: Any) -> None:
        self.__exit__(*error)

    def __repr__(self) -> str:
        fd = self._source._fd
        return f"<{type(self).__name__} fd={'closed' if fd is None else fd}>"

    __reduce_ex__ = Descriptor.__reduce_ex__

    def _after_fork(self) -> None:
        # The loop and its epoll descriptor are the parent's, and the child must not
        # touch them. The source drops what was read by itself.
        self._unbind()
