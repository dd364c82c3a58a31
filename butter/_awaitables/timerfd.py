"""Timers, under whichever event loop."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from butter._arguments import integer
from butter._awaitables._awaitable import forward, old_name
from butter._awaitables._queue import AnyQueue
from butter.timerfd import CLOCK_MONOTONIC, TFD_NONBLOCK, Timer

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from typing_extensions import Concatenate, ParamSpec, Self

    from butter._timerfd import TimePair

    P = ParamSpec("P")
    Q = TypeVar("Q", bound="AnyTimerfd")


def _arming(word: Callable[Concatenate[Any, P], object]) -> Callable[Concatenate[Q, P], Q]:
    """Return a method that says *word* to the timer and arms it.

    The method returns the queue.
    """

    @functools.wraps(word)
    def armed(self: Q, /, *args: P.args, **kwargs: P.kwargs) -> Q:
        word(self._source, *args, **kwargs)
        self._source.update()
        return self

    return armed


class AnyTimerfd(AnyQueue[Timer, int]):
    """The part of ``Timerfd_async`` that is the same under each loop."""

    def __init__(self, clock_type: int = CLOCK_MONOTONIC, flags: int = 0, *, maxsize: int = 0) -> None:
        super().__init__(Timer(clock_type, integer(flags, -32, "flags") | TFD_NONBLOCK), maxsize)

    _timerfd = old_name()
    _source_class = Timer

    every = repeat = repeats = _arming(Timer.every)
    after = offset = _arming(Timer.after)
    disable = _arming(Timer.disable)
    update = forward(Timer.update)
    get_current = forward(Timer.get_current)
    set_one_off = forward(Timer.set_one_off)
    set_reoccurring = set_reoccuring = forward(Timer.set_reoccurring)

    @property
    def occurring(self) -> Self:
        """The object itself, to make a sentence; ``occuring`` is an older spelling."""
        return self

    occuring = and_repeats = occurring

    @property
    def enabled(self) -> bool:
        """Whether the words arm the timer.

        ``get_current().enabled`` says whether it is still armed.
        """
        return self._source.enabled

    @property
    def disabled(self) -> bool:
        """Whether the words stop the timer."""
        return self._source.disabled

    @property
    def next_event(self) -> TimePair:
        """When the words let the timer expire first.

        ``get_current().next_event`` is the time that is left.
        """
        return self._source.next_event

    @property
    def period(self) -> TimePair:
        """The time between expirations: ``TimePair(seconds, nano_seconds)``.

        (0, 0) means once only.
        """
        return self._source.period
