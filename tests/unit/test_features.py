"""Each builder in butter/build is a feature with all that belongs to one.

docs/contributing.rst says how a feature is added; a forgotten part fails here.
"""

import functools
import importlib
import re
import runpy
from pathlib import Path

import pytest
from features import EVERY, FEATURES
from support import errno_tables

from butter.cli import _probes

# of the source tree: an installed package lacks its builders
ROOT = Path(__file__).resolve().parent.parent.parent
# not a feature, but shared by the event objects of all features, or of a composition
SHARED = {"eventlike", "look", "tree"}
FILES = {path.stem for path in (ROOT / "butter/build").glob("*.py")} - SHARED
# a builder may be a part of a feature, as newfd_more is of newfd
BUILDERS = sorted(name for name in FILES if not any(name.startswith(f"{other}_") for other in FILES))
# a feature with several objects has its most important one first
DESCRIBED = {feature.name: feature for feature in reversed(EVERY)}
# made of other features, without a builder
COMPOSED = sorted({feature.name for feature in EVERY if feature.composed})


def text(path):
    """The text of a file of the repository, and nothing if there is none."""
    return (ROOT / path).read_text() if (ROOT / path).exists() else ""


def names(module):
    """The public names of a module; none if there is no such module."""
    return importlib.import_module(module).__all__ if text(f"{module.replace('.', '/')}.py") else []


def described(name, attribute):
    """An attribute of a feature in tests/features.py, or None."""
    return getattr(DESCRIBED.get(name), attribute, None)


def kinds_of(name, attribute):
    """The classes of a feature's objects ("cls"), or of its awaitables."""
    kinds = [getattr(feature, attribute) for feature in EVERY if feature.name == name]
    return [kind for kind in kinds if kind is not None]


def event_of(name):
    """The class of a feature's events; int also where it has none."""
    if not described(name, "awaitable"):
        return int
    (base,) = (base for base in described(name, "cls").__orig_bases__ if hasattr(base, "__args__"))
    return base.__args__[0]


@functools.cache
def examples():
    """The calls that tests/kernel/test_errnos.py can make fail."""
    found = runpy.run_path(str(ROOT / "tests/kernel/test_errnos.py"))["EXAMPLES"]
    return {call for call, ways in found.items() if ways}


def tables(name):
    """The calls of a feature that have a table of errnos."""
    return {
        call
        for call, table in errno_tables().items()
        for path in (ROOT / "butter").glob("*.py")
        if re.fullmatch(rf"_?{name}(_\w+)?", path.stem)
        and table in vars(importlib.import_module(f"butter.{path.stem}")).values()
    }


# the parts of a feature: a sentence, and whether *name* has it
FLOORS = {
    "a class in tests/features.py": lambda name: name in DESCRIBED,
    "an object there, for tests/kernel/test_eventlike.py": lambda name: described(name, "cls"),
    "an awaitable there, for tests/asyncio/test_queue.py": lambda name: described(name, "awaitable"),
    "a module in butter/asyncio": lambda name: text(f"butter/asyncio/{name}.py"),
    "a module in butter/trio with the names of the one in butter/asyncio, if there is one": (
        lambda name: (
            not text(f"butter/asyncio/{name}.py") or names(f"butter.trio.{name}") == names(f"butter.asyncio.{name}")
        )
    ),
    "a public module": lambda name: text(f"butter/{name}.py"),
    "constants generated from its builder": lambda name: text(f"butter/_constants/{name}.py"),
    "a keyword and a word of the description in pyproject.toml": (
        lambda name: (
            f'"{name}"' in text("pyproject.toml")
            and re.search(rf"^description = .*\b{name}\b", text("pyproject.toml"), re.M)
        )
    ),
    "types of its C in butter/_*_c.pyi": lambda name: text(f"butter/_{name}_c.pyi"),
    "a table of errnos, with an example of each in tests/kernel/test_errnos.py": (
        lambda name: tables(name) and tables(name) <= examples()
    ),
    "tests of its own in tests/kernel": lambda name: text(f"tests/kernel/test_{name}.py"),
    "a probe in butter/cli/_probes.py": lambda name: name in {probe.name for probe in _probes.FEATURES},
    "a page in docs with the generated reference": (
        lambda name: f".. generated:: feature {name}\n" in text(f"docs/{name}.rst")
    ),
    "a place in a toctree of docs/index.rst": lambda name: re.search(rf"^   {name}$", text("docs/index.rst"), re.M),
    "a row in the table of docs/index.rst": lambda name: re.search(
        rf"^   :doc:`{name}` ", text("docs/index.rst"), re.M
    ),
    "its objects, if it has any, in docs/events.rst": (
        lambda name: all(f"{name}.{kind.__name__}`" in text("docs/events.rst") for kind in kinds_of(name, "cls"))
    ),
    "its awaitables, if it has any, in docs/asyncio.rst": (
        lambda name: (
            all(f"{name}.{kind.__name__}`" in text("docs/asyncio.rst") for kind in kinds_of(name, "awaitable"))
            and (not text(f"butter/asyncio/{name}.py") or f"butter.asyncio.{name}." in text("docs/asyncio.rst"))
        )
    ),
    "its events, if they are of a class of their own, in docs/reference.rst": (
        lambda name: event_of(name) is int or f"{name}.{event_of(name).__name__}`" in text("docs/reference.rst")
    ),
    "a row in the table of README.rst": lambda name: re.search(rf"^``butter\.{name}`` ", text("README.rst"), re.M),
    "a section of CHANGELOG.rst": lambda name: re.search(rf"^{name}\n~+$", text("CHANGELOG.rst"), re.M),
    "a file in benchmarks": lambda name: text(f"benchmarks/{name}.py"),
}

# the parts that come with a builder, or with its row in butter doctor
OF_BUILDERS = {
    "constants generated from its builder",
    "types of its C in butter/_*_c.pyi",
    "a keyword and a word of the description in pyproject.toml",
    "a probe in butter/cli/_probes.py",
    "a file in benchmarks",
}

# the parts that a feature cannot have, and why
REASONS = {
    ("memfd", "an awaitable there, for tests/asyncio/test_queue.py"): "a file in memory has no events",
    ("memfd", "a module in butter/asyncio"): "a file in memory has no events",
    ("pidfd", "an awaitable there, for tests/asyncio/test_queue.py"): (
        "the end of a process is not an event that one task takes, but the same for each: the awaitable is not a queue"
    ),
    ("pipe", "an awaitable there, for tests/asyncio/test_queue.py"): "a pipe has bytes, and no events",
    ("pipe", "a module in butter/asyncio"): "the loop itself has streams for the ends of a pipe",
    ("fd", "an object there, for tests/kernel/test_eventlike.py"): "its calls use descriptors of others",
    ("fd", "an awaitable there, for tests/asyncio/test_queue.py"): "its calls have no events",
    ("fd", "a module in butter/asyncio"): "its calls have no events",
    ("splice", "an object there, for tests/kernel/test_eventlike.py"): "its calls use descriptors of others",
    ("prctl", "an object there, for tests/kernel/test_eventlike.py"): "a setting does not own a descriptor",
    ("prctl", "an awaitable there, for tests/asyncio/test_queue.py"): "a setting has no events",
    ("prctl", "a module in butter/asyncio"): "a setting has no events",
    ("splice", "an awaitable there, for tests/asyncio/test_queue.py"): "its awaitable is a call, and not a queue",
    ("system", "an object there, for tests/kernel/test_eventlike.py"): "its calls have no descriptor",
    ("system", "an awaitable there, for tests/asyncio/test_queue.py"): "a mount has no events",
    ("system", "a module in butter/asyncio"): "a mount has no events",
    ("clone", "an awaitable there, for tests/asyncio/test_queue.py"): "a namespace has no events",
    ("clock", "an object there, for tests/kernel/test_eventlike.py"): "its calls use descriptors of others",
    ("clock", "an awaitable there, for tests/asyncio/test_queue.py"): "the events of a clock are those of timerfd",
    ("clock", "a module in butter/asyncio"): "the events of a clock are those of timerfd",
    ("sigset", "an object there, for tests/kernel/test_eventlike.py"): "its calls have no descriptor",
    ("sigset", "an awaitable there, for tests/asyncio/test_queue.py"): "signals as events are those of signalfd",
    ("sigset", "a module in butter/asyncio"): "signals as events are those of signalfd",
    ("landlock", "an awaitable there, for tests/asyncio/test_queue.py"): "a ruleset has no events",
    ("landlock", "a module in butter/asyncio"): "a ruleset has no events",
    ("sandbox", "an object there, for tests/kernel/test_eventlike.py"): "a sandbox does not own a descriptor",
    ("sandbox", "an awaitable there, for tests/asyncio/test_queue.py"): "a sandbox has no events",
    ("sandbox", "a module in butter/asyncio"): "a sandbox has no events",
    ("sandbox", "a table of errnos, with an example of each in tests/kernel/test_errnos.py"): (
        "its calls are those of landlock, seccomp and spawn"
    ),
    ("sigset", "constants generated from its builder"): "its constants are those of signalfd",
}


@pytest.mark.parametrize("floor", FLOORS)
@pytest.mark.parametrize("name", BUILDERS)
def test_every_feature_has(name, floor):
    """Each feature has each part of one, or a reason in REASONS why it cannot."""
    if (name, floor) in REASONS:
        assert not FLOORS[floor](name), f"{name} has {floor} by now: its reason in REASONS is out of date"
    else:
        assert FLOORS[floor](name), f"{name} lacks {floor}: add it, or a reason to REASONS in {Path(__file__).name}"


@pytest.mark.parametrize("floor", sorted(set(FLOORS) - OF_BUILDERS))
@pytest.mark.parametrize("name", COMPOSED)
def test_every_composition_has(name, floor):
    """A composition has each part of a feature that does not come from a builder."""
    if (name, floor) in REASONS:
        assert not FLOORS[floor](name), f"{name} has {floor} by now: its reason in REASONS is out of date"
    else:
        assert FLOORS[floor](name), f"{name} lacks {floor}"


def test_nothing_is_left_of_another_feature():
    """Without a builder there is neither a description nor a probe nor a reason."""
    # a part with a builder of its own may have them, too
    assert set(BUILDERS) <= {feature.name for feature in FEATURES} <= FILES
    assert not FILES.intersection(COMPOSED)
    assert set(BUILDERS) <= {probe.name for probe in _probes.FEATURES} <= FILES
    assert {name for name, _ in REASONS} <= {*BUILDERS, *COMPOSED}
    assert {floor for _, floor in REASONS} <= set(FLOORS)
