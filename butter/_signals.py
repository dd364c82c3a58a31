"""Signals that interrupt a call: EINTR, and Python's handlers inside a call."""

from __future__ import annotations

import errno
import sys

#: the result of a C function of butter that a signal interrupted: the call is made
#: again after :func:`run_handlers`
INTERRUPTED = -1 - errno.EINTR


if sys.implementation.name == "pypy":
    import signal

    def run_handlers() -> None:
        """Run Python's handlers of the signal that interrupted a call.

        CPython has run them when the call returns. PyPy may not have run them if
        there are other threads; this call makes it do so.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, ())

else:

    def run_handlers() -> None:
        """Do nothing: CPython runs the handlers before the interrupted call returns."""


def raised_by_handler(error: BaseException) -> bool:
    """Return whether a signal handler raised *error*, and not the builtin around it.

    A builtin does not have a frame, so the traceback of its own errors has one entry,
    the caller's. A handler that Python runs inside the builtin has a frame too, one
    level deeper: in ``try: os.ftruncate(fd, 5)`` the traceback of an OSError of
    ftruncate has one entry, and that of a handler's OSError has two.
    """
    traceback = error.__traceback__
    return traceback is not None and traceback.tb_next is not None


def errno_of(error: OSError) -> int:
    """Return the errno of an OSError that a builtin raised.

    An exception that a signal handler raised during the call is raised again.
    """
    if raised_by_handler(error):
        raise error
    return error.errno or 0
