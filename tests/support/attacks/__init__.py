"""Known ways out of a sandbox, for tests/kernel/test_sandbox_attacks.py.

Each topic has a module of attacks. An attack is a function of a World, run in a child:
it raises OSError where it is stopped. What it does before its ``yield``, if it has one,
happens before there is a fence.
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
