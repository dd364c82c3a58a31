"""The attributes of prctl: each an option that gets and an option that sets."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar, overload

from butter._arguments import integer
from butter._constants.prctl import PR_GET_CHILD_SUBREAPER, PR_SET_CHILD_SUBREAPER
from butter._prctl import call, prctl
from butter._prctl_c import lib
from butter._prctl_errors import PRCTL
from butter._prctl_options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from types import TracebackType

    from typing_extensions import Self

Value = TypeVar("Value")


class Setting(Generic[Value]):
    """An attribute whose value the kernel has.

    *get* and *set* are the options, each with the arguments that stand before the
    value. *decode* turns the number into the attribute's value. *set* is empty if the
    attribute cannot be set. *bits* is the width of the value, by default the option's.
    """

    def __init__(
        self,
        doc: str,
        get: tuple[int, ...],
        set: tuple[int, ...],
        decode: Callable[[int], Value],
        bits: int | None = None,
    ) -> None:
        self.__doc__ = doc
        self._get, self._set, self._decode = get, set, decode
        self._bits = bits or (OPTIONS[set[0]].takes[len(set) - 1].bits if set else 0)
        self._ask = call if OPTIONS[get[0]].result is None else prctl

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...
    def __get__(self, instance: object | None, owner: type) -> Self | Value:
        return self if instance is None else self._decode(self._ask(*self._get))

    # typed for what it takes, which may be more than what it returns
    def __set__(self, instance: object, value: Value | int) -> None:
        if not self._set:
            raise AttributeError(f"{self._name} cannot be set; prctl() with an option may")
        call(*self._set, self._encode(value))

    def _encode(self, value: Value | int) -> int:
        return integer(value, self._bits, self._name)  # type: ignore[arg-type]  # TypeError if it is not an int


class Switch(Setting[bool]):
    """An attribute that is True or False, which are *on* and *off* for the kernel."""

    def __init__(self, doc: str, get: tuple[int, ...], set: tuple[int, ...], on: int = 1, off: int = 0) -> None:
        super().__init__(doc, get, set, lambda value: value == on, 1)
        self._values = off, on

    def _encode(self, value: int) -> int:
        return self._values[super()._encode(value)]


def changed(get: int, put: int, value: int, thread: int = 0, process: int = 0) -> Iterator[None]:
    """Change the option *put* until the generator goes on, as ``with`` lets it do.

    *get* reads the option. It is set back in the thread and the process alone that are
    named; 0 stands for any.

    A handler of a signal, as that of Ctrl-C, can raise as soon as a function of Python
    begins or a function of C has returned. So setting back is one call of C, and all
    that it needs is there before the change. And a generator makes it: where a handler
    raises in the functions of ``with`` themselves, before the generator goes on, the
    end of that exception closes the generator, which runs its ``finally``.
    """
    before, set_back = prctl(get), lib.butter_set_back
    try:
        call(put, value)
        yield
    finally:
        result = set_back(put, before, thread, process)
        if result < 0:
            PRCTL.check(result, option=put, arguments=(before,))
        if result > 0 and thread:
            raise RuntimeError("a setting of a thread was to be set back in another one, and stays as it is")


class Subreaper(int):
    """Whether the process is a subreaper; ``with`` makes it one meanwhile.

    It is True or False in all but its type, since bool cannot have a subclass. A child
    that is forked meanwhile is not a subreaper, and does not become one on leaving.
    """

    _stays: tuple[AbstractContextManager[None], ...] = ()

    def __repr__(self) -> str:
        return repr(bool(self))

    def __enter__(self) -> None:
        stay = contextmanager(changed)(PR_GET_CHILD_SUBREAPER, PR_SET_CHILD_SUBREAPER, 1, process=os.getpid())
        stay.__enter__()
        self._stays += (stay,)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        stay = self._stays[-1]
        self._stays = self._stays[:-1]
        stay.__exit__(kind, error, traceback)


SUBREAPER = (PR_GET_CHILD_SUBREAPER,), (PR_SET_CHILD_SUBREAPER,)


def signal_of(number: int) -> signal.Signals | int | None:
    """Return a signal by its number, None for 0."""
    try:
        return signal.Signals(number) if number else None
    except ValueError:
        return number  # most of the real-time signals do not have a name


class SignalSetting(Setting["signal.Signals | int | None"]):
    """An attribute that is a signal, or None."""

    def _encode(self, value: signal.Signals | int | None) -> int:
        return 0 if value is None else super()._encode(value)
