"""The steps of the child of spawn, from clone to exec, as data: a row for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Union

from butter._clone_spawn_c import ffi, lib
from butter.errors import Errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from _cffi_backend import FFI

#: an argument of a step: a number, the text at a pointer, an array of such pointers,
#: or None for NULL
Argument = Union[int, bytes, "Sequence[bytes]", None]


def within(option: str, errors: Errors) -> Errors:
    """Return a table whose sentences begin with the name of the option of spawn."""
    if errors.call.startswith("spawn"):
        return errors
    return Errors(f"spawn({option}): {errors.call}", errors.meanings)


class Step(NamedTuple):
    """A system call of the child, or a STEP_ function of clone_spawn_steps.c."""

    option: str
    errors: Errors
    call: int
    arguments: tuple[Argument, ...]
    about: dict[str, object]  # for the sentences of *errors*


class Steps:
    """The steps of a child in their order, and the memory that they point into."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._memory: list[FFI.CData] = []

    def add(self, option: str, errors: Errors, call: int, *arguments: Argument, **about: object) -> None:
        """Add a step that *option* of spawn asks for; ``path=`` is its file."""
        self._steps.append(Step(option, errors, call, arguments, about))

    def __len__(self) -> int:
        return len(self._steps)

    def compiled(self) -> FFI.CData:
        """Return the steps as C reads them, while this object lives."""
        rows = [(step.call, [self._number(argument) for argument in step.arguments]) for step in self._steps]
        return self._kept(ffi.new("butter_step[]", rows))

    def fail(self, index: int, number: int) -> NoReturn:
        """Raise for the step that failed with errno *number*."""
        step = self._steps[index]
        within(step.option, step.errors).fail(number, **step.about)

    def _kept(self, data: FFI.CData) -> FFI.CData:
        self._memory.append(data)
        return data

    def _number(self, argument: Argument) -> int:
        """Return an argument as a long: its number, or where it is in memory."""
        if argument is None:
            return 0
        if isinstance(argument, int):
            return argument - (1 << 64) if argument >> 63 == 1 else argument
        if isinstance(argument, bytes):
            return self._address(ffi.new("char[]", argument))
        # one piece of memory for all of them, since an environment has many
        texts = self._kept(ffi.new("char[]", b"\0".join(argument)))
        places = ffi.new("char *[]", len(argument) + 1)
        if lib.butter_spawn_split(texts, len(texts), places, len(argument)):
            raise ValueError(f"embedded null byte in {argument!r}")
        return self._address(places)

    def _address(self, data: FFI.CData) -> int:
        return int(ffi.cast("intptr_t", self._kept(data)))
