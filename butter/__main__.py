"""``python -m butter``: the same as the command ``butter``."""

import sys


def main() -> int:
    """The command, which ends without a traceback where Ctrl-C comes while it is still being imported."""
    try:
        from butter import cli

        return cli.main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
