"""butter beside its peers: ``python -m benchmarks [FEATURE...]``."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


def forget_checkout() -> None:
    """Remove the folder that ``-m`` put on the path.

    The installed butter is measured, and not the sources there. An editable install has
    an entry of its own, which stays.
    """
    if Path(sys.path[0]).resolve() == ROOT:
        del sys.path[0]
