"""Known ways out of a sandbox, for tests/kernel/test_sandbox_attacks.py.

Each topic has a module of attacks. An attack is a function of a World, run in a child:
it raises OSError where it is stopped. If it has a ``yield``,
the part before it comes before the fence.
"""

import importlib

from support.attacks.rows import ATTACKS, UNCLAIMED, Attack, steps  # noqa: F401
from support.attacks.world import World  # noqa: F401

for topic in (
    "files",
    "reach",
    "metadata",
    "mounts",
    "network",
    "processes",
    "kernel",
    "architecture",
    "programs",
    "unclaimed",
):
    importlib.import_module(f"support.attacks.{topic}")
