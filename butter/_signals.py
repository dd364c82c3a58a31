"""Signals that interrupt a call: EINTR, and what Python's handlers do in the middle of a call."""

from __future__ import annotations

import errno
import sys

#: a C function of butter was interrupted by a signal: the call is made again after :func:`run_handlers`
INTERRUPTED = -1 - errno.EINTR


if sys.implementation.name == "pypy":
    import signal

    def run_handlers() -> None:
        """Run Python's handlers of the signal that interrupted a call, before the call is made again.

        CPython has run them when the call returns. PyPy perhaps has not if
        other threads run; this call makes it do so.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, ())

else:

    def run_handlers() -> None:
        """Do nothing: CPython has run the handlers of the signal when the interrupted call returns."""


def raised_by_handler(error: BaseException) -> bool:
    """Return whether a signal handler raised *error*, which was caught around the call of a builtin.

    A builtin has no frame, so its own errors have the frame of the caller
    alone. A handler that Python runs inside the builtin has a frame too, one
    level deeper: in ``try: os.ftruncate(fd, 5)`` an OSError of ftruncate has
    a traceback of one entry, and that of a handler has two.
    """
    traceback = error.__traceback__
    return traceback is not None and traceback.tb_next is not None
