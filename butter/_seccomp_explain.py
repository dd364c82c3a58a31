"""A filter in plain words."""

from __future__ import annotations

import errno
import os
import textwrap
from typing import TYPE_CHECKING

from butter._seccomp_calls import numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from butter._seccomp_actions import Action
    from butter._seccomp_rules import Given

_WIDTH = 88
_WORDS = {
    "KILL_PROCESS": "kills the process",
    "KILL_THREAD": "kills the thread",
    "TRAP": "sends SIGSYS instead",
    "NOTIFY": "asks the listener",
    "TRACE": "asks the debugger",
    "LOG": "is allowed, and logged",
    "ALLOW": "is allowed",
}


def in_words(action: Action) -> str:
    """Return what an action does to a call: "is allowed"."""
    name, data = action.name, action.data
    if name == "ERRNO":
        if not data:
            return "returns 0, without being made"
        return f"fails with {errno.errorcode.get(data, f'errno {data}')} ({os.strerror(data)})"
    words = _WORDS.get(name, f"is answered with {int(action):#x}")
    return f"{words}, with the number {data}" if data and name in ("TRAP", "TRACE") else words


def explained(given: Iterable[Given], default: Action, foreign: Action, names: Sequence[str]) -> str:
    """Return the lines about a filter."""
    calls: dict[str | int, list[Given]] = {}
    for rule in given:
        calls.setdefault(rule.call, []).append(rule)
    # calls with the same rules are one line
    same: dict[tuple[str, ...], list[str]] = {}
    for call, rules in calls.items():
        same.setdefault(_what_becomes(rules, default), []).append(_called(call, names))
    lines = [f"A call of {' or '.join(names)} is looked up here; of another architecture it {in_words(foreign)}."]
    for ways, alike in same.items():
        alone = len(ways) == 1
        lines += textwrap.wrap(
            f"{', '.join(alike)}: {ways[0] if alone else ''}".rstrip(), _WIDTH, subsequent_indent="    "
        )
        lines += () if alone else [f"    {way}" for way in ways]
    lines.append(f"Every other call {in_words(default)}." if calls else f"Every call {in_words(default)}.")
    return "\n".join(lines)


def _called(call: str | int, names: Sequence[str]) -> str:
    """Return the name of a call, with the architectures that lack it."""
    if isinstance(call, int):
        return f"call {call}"
    lacking = [name for name in names if call not in numbers(name)]
    return f"{call} (not on {', '.join(lacking)})" if lacking else call


def _what_becomes(rules: Sequence[Given], default: Action) -> tuple[str, ...]:
    """Return what becomes of a call, a sentence for each rule."""
    ways: list[str] = []
    for rule in rules:
        if not rule.comparisons:
            return (*ways, f"{in_words(rule.action)} otherwise" if ways else in_words(rule.action))
        ways.append(f"{in_words(rule.action)} if {' and '.join(map(str, rule.comparisons))}")
    return (*ways, f"{in_words(default)} otherwise")
