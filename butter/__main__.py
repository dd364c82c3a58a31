"""``python -m butter``: the same as the command ``butter``."""

# not signal, during whose import Ctrl-C would show a traceback
import _signal  # type: ignore[import-not-found]
import gc
import sys


def main() -> int:
    """Run the command and return its exit code.

    Ctrl-C ends it as it ends a program in C, without a traceback, while its modules are
    imported, and when it is done.
    """
    # else it is ignored
    is_taken = _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler
    if is_taken:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    # Imports leave nothing to collect, and to look for it takes a tenth of the start.
    gc.disable()
    from butter import cli

    cli.import_chosen(sys.argv[1:])
    if hasattr(gc, "freeze"):  # PyPy
        gc.freeze()
    gc.enable()
    try:
        if is_taken:
            _signal.signal(_signal.SIGINT, _signal.default_int_handler)
        return cli.main()
    except KeyboardInterrupt:
        return cli.INTERRUPTED
    finally:
        if is_taken:
            _signal.signal(_signal.SIGINT, _signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(main())
