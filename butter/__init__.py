"""Linux's own facilities for Python, one module for each: ``import butter.inotify``.

Each comes as the call of the manual page, as a file-like object, and in
:mod:`butter.asyncio` as an awaitable.
"""

from butter._version import __version__

__all__ = ["__version__"]
