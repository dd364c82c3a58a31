"""Linux's own facilities for Python, one module for each: ``import butter.inotify``.

Each comes as the call of the manual page, as a file-like object, and in
:mod:`butter.asyncio` and :mod:`butter.trio` as an awaitable.

Files:

* ``inotify`` watches files and directories.
* ``fanotify`` watches whole filesystems, and decides whether files may be used.
* ``tree`` watches a directory with all below it, one file by its name, or a spool.
* ``mounts`` tells which mounts appear, move and go.
* ``memfd`` makes files in memory, which can be sealed and handed over.
* ``splice`` moves bytes from descriptor to descriptor, uncopied.
* ``aio`` reads and writes files in the background.
* ``fd`` duplicates, closes and compares descriptors, and reads into buffers.

Events and time:

* ``epoll`` waits for many descriptors at once.
* ``uring`` has requests that the kernel completes by itself (io_uring).
* ``eventfd`` counts, and so wakes a loop from threads and signal handlers.
* ``pipe`` makes pipes whose two ends are owned.
* ``timerfd`` makes timers that can be waited for.
* ``clock`` reads, sets and adjusts clocks, and sleeps by them.
* ``signalfd`` receives signals as events.
* ``sigset`` blocks signals, sends them with a value, and waits for them.

Processes and containers:

* ``pidfd`` waits for processes and signals them without races.
* ``clone`` makes and joins namespaces, and starts programs in them.
* ``prctl`` has the settings of threads and processes, and their capabilities.
* ``landlock`` restricts a process and its children to some files and ports.
* ``seccomp`` puts filters in front of system calls.
* ``sandbox`` puts all of these around code that is not trusted.
* ``system`` mounts filesystems, names the host, and asks for ids.

For all of them:

* ``asyncio`` has the awaitables, a module for each feature.
* ``trio`` has the awaitables under trio.
* ``eventlike`` has the base of the objects with events.
* ``errors`` has the exceptions.

For programs of other libraries:

* ``inotify_simple`` has the interface of the package of that name.
* ``utils`` has the helpers of butter 0.13.
* ``fanotify_constants`` has the constants of ``fanotify``, as butter 0.13 had them.

``from butter import *`` imports every module but the awaitables; ``import butter``
imports none of them. ``python -m butter`` is the command ``butter``.
"""

from butter._version import __version__

# from typing it takes longer than all of the rest
TYPE_CHECKING = False

if TYPE_CHECKING:
    from butter import aio as aio
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
    from butter import landlock as landlock
    from butter import memfd as memfd
    from butter import mounts as mounts
    from butter import pidfd as pidfd
    from butter import pipe as pipe
    from butter import prctl as prctl
    from butter import sandbox as sandbox
    from butter import seccomp as seccomp
    from butter import signalfd as signalfd
    from butter import sigset as sigset
    from butter import splice as splice
    from butter import system as system
    from butter import timerfd as timerfd
    from butter import tree as tree
    from butter import uring as uring
    from butter import utils as utils

# Python imports a module of this list that is not there yet for the star, or for
# "from butter import inotify".
__all__ = [
    "__version__",
    "aio",
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
    "landlock",
    "memfd",
    "mounts",
    "pidfd",
    "pipe",
    "prctl",
    "sandbox",
    "seccomp",
    "signalfd",
    "sigset",
    "splice",
    "system",
    "timerfd",
    "tree",
    "uring",
    "utils",
]
