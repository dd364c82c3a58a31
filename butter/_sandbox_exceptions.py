"""The exceptions of a sandboxed function that come back as themselves.

Their names and arguments come from a process that is not trusted, so only classes are
here that keep their arguments as they are, and print them. Left out are

* Unicode*Error and SyntaxError, whose arguments are places in a text: CPython before
  3.12.8 reads the memory at them without a look;
* StopIteration and StopAsyncIteration, which would end a loop of the caller, as of map;
* SystemExit, KeyboardInterrupt, GeneratorExit and the groups.
"""

from __future__ import annotations

import builtins
from typing import Any

#: the classes by their names; a program may put others into builtins
EXCEPTIONS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        *(Exception, ArithmeticError, FloatingPointError, OverflowError, ZeroDivisionError, AssertionError),
        *(AttributeError, BufferError, EOFError, ImportError, ModuleNotFoundError, LookupError, IndexError),
        *(KeyError, MemoryError, NameError, UnboundLocalError, ReferenceError, RuntimeError, NotImplementedError),
        *(RecursionError, SystemError, TypeError, ValueError, UnicodeError),
        *(OSError, BlockingIOError, ChildProcessError, ConnectionError, BrokenPipeError, ConnectionAbortedError),
        *(ConnectionRefusedError, ConnectionResetError, FileExistsError, FileNotFoundError, InterruptedError),
        *(IsADirectoryError, NotADirectoryError, PermissionError, ProcessLookupError, TimeoutError),
        *(Warning, BytesWarning, DeprecationWarning, FutureWarning, ImportWarning, PendingDeprecationWarning),
        *(ResourceWarning, RuntimeWarning, SyntaxWarning, UnicodeWarning, UserWarning),
    )
}
# Python 3.10 and 3.13
for _name in ("EncodingWarning", "PythonFinalizationError"):
    if hasattr(builtins, _name):
        EXCEPTIONS[_name] = getattr(builtins, _name)

# of a longer number the digits take their time, in a Python that does not limit them
_LONGEST_NUMBER = 1 << 10


def builtin(name: str, arguments: tuple[Any, ...]) -> Exception | None:
    """Return the exception of a builtin class, None if there is none or it refuses."""
    kind = EXCEPTIONS.get(name)
    if kind is None or not _prints(arguments):
        return None
    try:
        made = kind(*arguments)
    except Exception:
        return None
    # OSError finds one of its classes by the errno
    return made if type(made) in EXCEPTIONS.values() else None


def _prints(value: object) -> bool:
    """Return whether plain data takes no time to print."""
    if isinstance(value, int):
        return value.bit_length() <= _LONGEST_NUMBER
    if isinstance(value, dict):
        return _prints([*value, *value.values()])
    return not isinstance(value, (list, tuple, set)) or all(map(_prints, value))
