"""Linux's own facilities for Python, one module for each: ``import butter.inotify``.

Each comes as the call of the manual page, as a file-like object, and in
:mod:`butter.asyncio` and :mod:`butter.trio` as an awaitable.

``from butter import *`` imports every module but the awaitables; ``import butter``
imports none of them.
"""

from butter._version import __version__

# from typing it takes longer than all of the rest
TYPE_CHECKING = False

if TYPE_CHECKING:
    from butter import clock as clock
    from butter import clone as clone
    from butter import epoll as epoll
    from butter import errors as errors
    from butter import eventfd as eventfd
    from butter import eventlike as eventlike
    from butter import fanotify as fanotify
    from butter import fanotify_constants as fanotify_constants
    from butter import fd as fd
    from butter import inotify as inotify
    from butter import inotify_simple as inotify_simple
    from butter import memfd as memfd
    from butter import mounts as mounts
    from butter import pidfd as pidfd
    from butter import pipe as pipe
    from butter import prctl as prctl
    from butter import signalfd as signalfd
    from butter import sigset as sigset
    from butter import splice as splice
    from butter import system as system
    from butter import timerfd as timerfd
    from butter import tree as tree
    from butter import utils as utils

# Python imports a module of this list that is not there yet for the star, or for
# "from butter import inotify".
__all__ = [
    "__version__",
    "clock",
    "clone",
    "epoll",
    "errors",
    "eventfd",
    "eventlike",
    "fanotify",
    "fanotify_constants",
    "fd",
    "inotify",
    "inotify_simple",
    "memfd",
    "mounts",
    "pidfd",
    "pipe",
    "prctl",
    "signalfd",
    "sigset",
    "splice",
    "system",
    "timerfd",
    "tree",
    "utils",
]
