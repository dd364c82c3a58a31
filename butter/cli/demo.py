"""``butter demo`` shows each feature at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from butter.cli import Commands


def add_to(commands: Commands) -> None:
    commands.add_parser(
        "demo",
        help="see it work: a few seconds, no arguments, no root",
        description="Change files in a temporary directory and show the events as they reach an asyncio loop. "
        "As root, refuse a file to a program, too.",
    )


def run(options: argparse.Namespace) -> int:
    # asyncio alone takes longer to import than the rest of the command to run
    import asyncio

    from butter.cli._demo import play

    return asyncio.run(play())
