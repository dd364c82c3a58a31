"""The import path of the helpers of butter 0.13. ``_close`` lives here; the rest is defined elsewhere."""

from __future__ import annotations

from builtins import PermissionError, TimeoutError
from os import close as _close

from butter.errors import InternalError, UnknownError

__all__ = [
    "CLOEXEC_DEFAULT",
    "Eventlike",
    "InternalError",
    "PermissionError",
    "TimeoutError",
    "UnknownError",
    "_close",
    "get_buffered_length",
]

#: descriptors are closed when the process executes another program, unless ``closefd=False`` says otherwise
CLOEXEC_DEFAULT = True

TYPE_CHECKING = False
if TYPE_CHECKING:
    from butter._fd import get_buffered_length
    from butter.eventlike import Eventlike


def __getattr__(name: str) -> object:
    # these stand above and close through _close here, so they cannot be imported from the start
    if name == "Eventlike":
        from butter.eventlike import Eventlike

        return Eventlike
    if name == "get_buffered_length":
        from butter._fd import get_buffered_length

        return get_buffered_length
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
