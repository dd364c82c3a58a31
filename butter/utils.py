"""The import path of the helpers of butter 0.13.

``_close`` lives here; the rest is defined elsewhere.
"""

from __future__ import annotations

from builtins import PermissionError, TimeoutError
from os import close as _close

from butter._arguments import CLOEXEC_DEFAULT
from butter._descriptor import get_buffered_length
from butter.errors import InternalError, UnknownError
from butter.eventlike import Eventlike

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
