"""``python -m butter``: the same as the command ``butter``."""

import sys

from butter.cli import main

sys.exit(main())
