"""The constant of butter 0.13 that is not one of Linux."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from butter._constants.fanotify import FAN_OPEN_EXEC_PERM

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def modify_dir(module: str) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a module that still has FAN_MODIFY_DIR."""

    def attribute(name: str) -> Any:
        if name != "FAN_MODIFY_DIR":
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warnings.warn(
            "FAN_MODIFY_DIR never existed in Linux: its bit is FAN_OPEN_EXEC_PERM, a permission event",
            DeprecationWarning,
            stacklevel=2,
        )
        return FAN_OPEN_EXEC_PERM

    return attribute
