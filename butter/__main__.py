"""``python -m butter``: the same as the command ``butter``."""

import sys


def main() -> int:
    """Run the command and return its exit code.

    Ctrl-C ends it without a traceback, even while its modules are imported.
    """
    try:
        from butter import cli

        return cli.main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
