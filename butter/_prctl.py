"""The call of :manpage:`prctl(2)`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from butter._arguments import integer
from butter._constants.prctl import PR_SET_TIMERSLACK
from butter._prctl_c import ffi as ffi
from butter._prctl_c import lib
from butter._prctl_errors import PRCTL
from butter._prctl_options import OPTIONS, Option, Parameter, option_name, parameters
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from typing import Any, Union

    from typing_extensions import Buffer

    Argument = Union[int, str, Buffer, None]

# an option that is newer than butter: what its arguments are is up to the caller
_UNKNOWN = Option(parameters("+arg2? +arg3? +arg4? +arg5?"))
# a longer one would come back as a negative number
_BITS = {PR_SET_TIMERSLACK: 63}


def call(option: int, *numbers: int) -> int:
    """Make the system call with numbers alone, and return its result."""
    arguments = (*numbers, 0, 0, 0, 0)[:4]
    result: int = lib.prctl(option, *arguments)
    return result if result >= 0 else PRCTL.check(result, option=option, arguments=arguments)


def prctl(option: int, *arguments: Argument) -> Any:
    """Make the system call with any option; :class:`butter.prctl.Prctl` says how."""
    option = integer(option, -32, "option")
    takes = OPTIONS.get(option, _UNKNOWN).takes
    if len(arguments) > 4 or not all(parameter.optional for parameter in takes[len(arguments) :]):
        names = ", ".join(parameter.name for parameter in takes if not parameter.optional)
        raise TypeError(f"{option_name(option)} takes {names or 'no argument'}, and {len(arguments)} were passed")
    numbers, buffers, result = [0, 0, 0, 0], [], None
    for position, argument in enumerate(arguments):
        parameter = takes[position] if position < len(takes) else Parameter(f"arg{position + 2}", "", True)
        if isinstance(argument, int):
            numbers[position] = integer(argument, _BITS.get(option, 64), parameter.name)
        elif argument is not None or not parameter.kind:
            buffers.append(_buffer(argument, parameter))
            numbers[position] = _address(buffers[-1])
    for position, (name, kind, _) in enumerate(takes):
        if kind == "&" and not numbers[position]:
            result = ffi.new({"int": "int *", "unsigned_long": "unsigned long *"}.get(name, name))
            numbers[position] = _address(result)
    returned = call(option, *numbers)
    if result is None:
        return returned
    return ffi.string(result) if ffi.typeof(result).kind == "array" else result[0]


def _buffer(argument: Any, parameter: Parameter) -> Any:
    """Return the memory of an argument, which has to live until the call is over."""
    name, kind, _ = parameter
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


def _address(memory: Any) -> int:
    return int(ffi.cast("uintptr_t", memory))


def encoded_name(name: str | Buffer) -> bytes:
    """Return the bytes of a name, with the NUL that ends it in C."""
    if not isinstance(name, (str, bytes)):
        raise TypeError(f"name must be str or bytes, not {type(name).__name__}")
    encoded = os.fsencode(name)
    if b"\0" in encoded:
        raise ValueError(f"embedded null byte in the name {name!r}")
    return encoded + b"\0"
