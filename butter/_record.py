"""Named tuples that are made in bulk: what events are."""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    R = TypeVar("R")


class _Record(type):
    """The class of :func:`record` classes: calling one goes through its namedtuple, which checks the arguments."""

    _checked: Any

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return tuple.__new__(cls, cls._checked(*args, **kwargs))  # type: ignore[arg-type]


def record(name: str, fields: str) -> Any:
    """As ``namedtuple(name, fields)``, a base class whose subclasses :func:`bulk` can make fast.

    A namedtuple's own constructor is Python code. A tuple subclass without
    one, with the namedtuple's accessors, is made in less than half the time.
    """
    checked = namedtuple(name, fields)  # type: ignore[misc]  # the names are an argument
    borrowed = {
        key: vars(checked)[key] for key in ("_fields", "_make", "_replace", "_asdict", "__repr__", *checked._fields)
    }
    borrowed.update(__slots__=(), __match_args__=checked._fields, _checked=checked, __replace__=borrowed["_replace"])
    return _Record(name, (tuple,), borrowed)


def bulk(cls: type[R]) -> Callable[[Iterable[Any]], R]:
    """A function that makes a record from an iterable of all its fields, unchecked."""
    make: Callable[[Iterable[Any]], R] = type.__call__.__get__(cls)
    return make
