"""The rules of a filter, for each architecture: from names to chains."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from butter._seccomp_actions import EQ, MASKED, Action, Comparison
from butter._seccomp_calls import ARCHITECTURES, IPC, SOCKETCALL, X32_BIT, numbers
from butter._seccomp_compile import Chain, Rule, shortened
from butter._seccomp_tests import Test, lowered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# what x32 once had without its bit, too: before Linux 5.4 they are calls of x32 still
_OLD_X32 = range(512, 548)
# a debugger sets this number to let a call not be made
_NO_CALL = 0xFFFFFFFF


class Given(NamedTuple):
    """A rule as it was added."""

    call: str | int
    action: Action
    comparisons: tuple[Comparison, ...]


def chains(
    given: Sequence[Given], default: Action, foreign: Action, names: Sequence[str]
) -> dict[int, list[tuple[int, Chain]]]:
    """Return the chains of each architecture, by the kernel's number of it."""
    found: dict[int, list[tuple[int, Chain]]] = {}
    for name in names:
        audit = ARCHITECTURES[name].audit
        if audit in found:
            continue
        # x86_64 and x32 are one for the kernel
        both = [other for other in names if ARCHITECTURES[other].audit == audit]
        calls: dict[int, Chain] = {}
        for other in both:
            calls.update(_calls(given, default, other))
        otherwise, refused = (Rule((), default),), (Rule((), foreign),)
        zones = [(0, otherwise)]
        if audit == ARCHITECTURES["x32"].audit:
            x86_64 = otherwise if "x86_64" in both else refused
            x32 = otherwise if "x32" in both else refused
            zones = [(0, x86_64), (_OLD_X32.start, refused), (_OLD_X32.stop, x86_64)]
            zones += [(X32_BIT, x32), (_NO_CALL, otherwise)]
            # before Linux 5.4 they are calls of x86_64 still
            only = set(numbers("x86_64").values()) - {number ^ X32_BIT for number in numbers("x32").values()}
            calls.update({number | X32_BIT: refused for number in only if "x32" in both})
        found[audit] = _ranges(zones, calls)
    return found


def _ranges(zones: Sequence[tuple[int, Chain]], calls: Mapping[int, Chain]) -> list[tuple[int, Chain]]:
    """Return the chains of all numbers: their own, or that of their zone."""
    found = dict(zones)
    for number in sorted(calls):
        if number < _NO_CALL and number + 1 not in found:
            found[number + 1] = max(zone for zone in zones if zone[0] <= number)[1]
    return sorted({**found, **calls}.items())


def _calls(given: Iterable[Given], default: Action, arch: str) -> dict[int, Chain]:
    """Return the chains of the calls of an architecture that have rules."""
    rules: dict[int, list[Rule]] = {}
    for rule in given:
        for number, comparisons in _resolved(rule, arch):
            before = rules.setdefault(number, [])
            tests = _tests(comparisons, ARCHITECTURES[arch].bits)
            if tests is not None and (not before or before[-1].tests):
                before.append(Rule(tests, int(rule.action)))
    for found in rules.values():
        if not found or found[-1].tests:
            found.append(Rule((), int(default)))
    return {number: shortened(found) for number, found in rules.items()}


def _tests(comparisons: Iterable[Comparison], bits: int) -> tuple[Test, ...] | None:
    """Return the tests of a rule, None if they are never all true."""
    found = []
    for comparison in comparisons:
        outcome = lowered(comparison, bits)
        if isinstance(outcome, Test):
            found.append(outcome)
        elif not outcome:
            return None
    return tuple(found)


def _resolved(rule: Given, arch: str) -> list[tuple[int, tuple[Comparison, ...]]]:
    """Return the numbers that a rule is about, each with its comparisons."""
    call, _, comparisons = rule
    if isinstance(call, int):
        return [(call, comparisons)]
    known = numbers(arch)
    found = [(known[call], comparisons)] if call in known else []
    if arch == "i386":
        # the comparisons would be of what is in memory, which a filter does not see
        if call in SOCKETCALL:
            found.append((known["socketcall"], (EQ(0, SOCKETCALL[call], 32),)))
        if call in IPC:
            found.append((known["ipc"], (MASKED(0, 0xFFFF, IPC[call], 32),)))
    return found


def multiplexed(rule: Given) -> str | None:
    """Return the call of i386 that evades a rule, having its arguments in memory."""
    if not rule.comparisons or not isinstance(rule.call, str):
        return None
    return "socketcall" if rule.call in SOCKETCALL else "ipc" if rule.call in IPC else None


def is_number_of(number: int, arch: str) -> bool:
    """Return whether a number can be that of a call, now or of a later kernel."""
    if arch in ("x86_64", "i386", "aarch64"):
        return number < X32_BIT and not (arch == "x86_64" and number in _OLD_X32)
    return bool(number & X32_BIT) and number != _NO_CALL
