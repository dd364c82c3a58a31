"""The call of :manpage:`prctl(2)`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from butter._arguments import integer
from butter._constants.prctl import PR_SET_MM, PR_SET_MM_EXE_FILE, PR_SET_PTRACER, PR_SET_PTRACER_ANY
from butter._prctl_c import ffi as ffi
from butter._prctl_c import lib
from butter._prctl_errors import PRCTL
from butter._prctl_options import OPTIONS, Option, Parameter, described, option_name
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from typing import Any, Union

    from typing_extensions import Buffer

    Argument = Union[int, str, Buffer, None]

# an option that is newer than butter: what its arguments are is up to the caller
_UNKNOWN = described("+arg2? +arg3? +arg4? +arg5?")
# the memory for a result, by its type
_ROOM = {"int": "int[1]", "unsigned_long": "unsigned long[1]", "char[16]": "char[16]"}
_ADDRESS = ffi.typeof("uintptr_t")
# the arguments after the option
_MOST = 4


def call(option: int, *numbers: int) -> int:
    """Make the system call with numbers alone, and return its result."""
    arguments = (*numbers, 0, 0, 0, 0)[:4]
    result: int = lib.prctl(option, *arguments)
    return result if result >= 0 else PRCTL.check(result, option=option, arguments=arguments)


def prctl(option: int, *arguments: Argument) -> Any:
    """Make the system call with any option; :class:`butter.prctl.Prctl` says how."""
    option = integer(option, -32, "option")
    found = OPTIONS.get(option, _UNKNOWN)
    if not found.required <= len(arguments) <= _MOST:
        names = ", ".join(parameter.name for parameter in found.takes[: found.required])
        raise TypeError(f"{option_name(option)} takes {names or 'no argument'}, and {len(arguments)} were passed")
    numbers: list[int] = []
    buffers: dict[int, Any] = {}
    for position, argument in enumerate(arguments):
        parameter = found.takes[position] if position < len(found.takes) else Parameter(f"arg{position + 2}", "")
        if isinstance(argument, int):
            numbers.append(integer(argument, _bits(option, numbers, argument, parameter), parameter.name))
        elif argument is None and parameter.kind:
            numbers.append(0)
        else:
            buffers[position] = _buffer(argument, parameter)
            numbers.append(address(buffers[position]))
    _check_sizes(found, numbers, buffers)
    if found.result is None or any(numbers[found.result :]):
        return call(option, *numbers)
    room = ffi.new(_ROOM[found.takes[found.result].name])
    call(option, *numbers[: found.result], address(room))
    return room[0] if len(room) == 1 else ffi.string(room)


def _bits(option: int, before: list[int], number: int, parameter: Parameter) -> int:
    if option == PR_SET_PTRACER and number == PR_SET_PTRACER_ANY:
        return 64  # it is not a process id: it stands for all of them
    if option == PR_SET_MM and before == [PR_SET_MM_EXE_FILE]:
        return 31  # a descriptor, where the other fields are addresses
    return parameter.bits


def _check_sizes(option: Option, numbers: list[int], buffers: dict[int, Any]) -> None:
    """Raise ValueError if the kernel would go beyond the end of a buffer."""
    lengths = {position: len(memory) for position, memory in buffers.items()}
    for position, (parameter, number) in enumerate(zip(option.takes, numbers)):
        length = lengths.get(position, parameter.least)
        if length < parameter.least:
            raise ValueError(f"{parameter.name} has {length} bytes; at least {parameter.least} are needed")
        before = lengths.get(position - 1, number)
        if parameter.name == "size" and number > before:
            raise ValueError(f"size is {number}, and {option.takes[position - 1].name} has {before} bytes")


def _buffer(argument: Any, parameter: Parameter) -> Any:
    """Return the memory of an argument, which has to live until the call is over."""
    name, kind = parameter.name, parameter.kind
    if kind not in ("*", "+"):
        raise TypeError(f"{name} must be an int, not {type(argument).__name__}")
    if name == "name":
        argument = encoded_name(argument)
    try:
        # the types of cffi want a literal for the last argument
        return ffi.from_buffer("char[]", argument, kind == "+")  # type: ignore[call-overload]
    except (TypeError, BufferError):
        needed = "a buffer that can be written" if kind == "+" else "a buffer"
        raise TypeError(f"{name} must be {needed} or an int, not {type(argument).__name__}") from None


def address(memory: Any) -> int:
    """Return the address of memory of cffi, which has to outlive its use."""
    return int(ffi.cast(_ADDRESS, memory))


def encoded_name(name: str | Buffer) -> bytes:
    """Return the bytes of a name, with the NUL that ends it in C."""
    if not isinstance(name, (str, bytes)):
        raise TypeError(f"name must be str or bytes, not {type(name).__name__}")
    encoded = os.fsencode(name)
    if b"\0" in encoded:
        raise ValueError(f"embedded null byte in the name {name!r}")
    return encoded + b"\0"
