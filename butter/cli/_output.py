"""The output of the command: sentences on stderr, printable names, lost readers."""

from __future__ import annotations

import errno
import os
import select
import sys

#: how many bytes of a path a sentence has
LONGEST_PATH = 300

#: what is added to the words of an error, which are about the call that is left out
HINTS = {errno.ENOSYS: " ('butter doctor' names it)"}


def tell(message: str) -> None:
    """Write *message* to stderr as a line of the command."""
    if sys.stderr is None:
        return  # it is closed, and print would write to stdout instead
    try:
        print(f"butter: {message}", file=sys.stderr, flush=True)
    except OSError:
        pass  # stderr has no reader either


def tell_if_room(message: str) -> None:
    """Tell *message*, unless it would have to wait for a reader of stderr.

    While this process waits there it drains nothing, and takes no signal.
    """
    try:
        number = -1 if sys.stderr is None else sys.stderr.fileno()
    except OSError:
        number = -1
    if number >= 0:
        poll = select.poll()
        poll.register(number, select.POLLOUT)
        if not poll.poll(0):
            return
    tell(message)


def sentence(error: BaseException, call: bool = False) -> str:
    """Return an exception as one line, which begins with the failed call if *call*."""
    if not isinstance(error, OSError) or error.strerror is None:
        return ": ".join(filter(None, [type(error).__name__, str(error)]))
    words, path = error.strerror if call else without_call(error), error.filename
    return words if path is None else f"{words}: '{shortened(os.fsencode(path))}'"


def without_call(error: OSError) -> str:
    """Return the words of an error, without the call in C that a user has not made."""
    words = (error.strerror or "").removeprefix(f"{getattr(error, '_call', '')}: ")
    return words + HINTS.get(error.errno or 0, "")


def escaped(name: bytes) -> str:
    """Return *name* as text; bytes that are not UTF-8 become backslash escapes."""
    return name.decode("utf-8", "backslashreplace")


def printable(name: bytes) -> str:
    """Return *name* for a terminal, with escapes that can be read back.

    Control characters, bytes that are not UTF-8, and the backslash itself are escaped.
    """
    text = name.decode("utf-8", "surrogateescape")
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(map(_shown, text))


def shortened(path: bytes) -> str:
    """Return a path for a sentence, without its middle if it is very long."""
    if len(path) > LONGEST_PATH:
        half = LONGEST_PATH // 2
        return f"{printable(path[:half])}[...]{printable(path[-half:])}"
    return printable(path)


def _shown(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    if character == "\\" or not character.isprintable():
        return character.encode("unicode_escape").decode()
    return character


def colourful() -> bool:
    """Whether the output is a terminal that shows colours, and the user wants them."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def output_number() -> int | None:
    """Return the descriptor of standard output.

    None if it does not have one, as in ``redirect_stdout(io.StringIO())``.
    """
    try:
        return sys.stdout.fileno()
    except OSError:
        return None


def drop_output() -> None:
    """Forget the output that could not be written.

    At its end Python would write it once more, and fail or wait again.
    """
    output = output_number()
    if output is None:
        return
    try:
        with open(os.devnull, "wb") as null, open(os.dup(output), "wb") as kept:
            os.dup2(null.fileno(), output)
            try:
                sys.stdout.flush()
            finally:
                # the descriptor belongs to the caller, which may go on using it
                os.dup2(kept.fileno(), output)
    except OSError:
        # no /dev/null, or no descriptor left: Python's message at its end is shorter
        # than a traceback
        pass
