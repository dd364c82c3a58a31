"""Every module imports only what is below it, and the shared parts of its floor.

docs/design.rst says what the floors are for. The floor of a module follows from its
name, so a new feature needs no line here:

=====================  =====  ================================================
name                   floor  what it is
=====================  =====  ================================================
``build.x``            0      the builder of the feature x
``_x_c``               1      what it compiled to
``_constants.x``       1      its constants, read from ``_x_c``
``_x`` with a builder  3      its calls
``_x_more``            3      a part of the feature x, which other parts may import
``_y``                 2      a shared part, as ``errors`` and ``_descriptor`` are
``eventlike``          4      a shared part, as ``utils`` is
``pidfd``              4      a feature, and a shared part as well: see HANDED_OUT
``x``, ``x_more``      4      a public module of the feature x
``z``, ``_z_more``     5      a composition: made of several features, see COMPOSITIONS
``_awaitables._y``     6      a shared part
``_awaitables.x``      6      the awaitable of x, as far as it knows no loop
``_awaitables._files`` 6      a part of the files of both loops: see FILES
``asyncio._y``         7      a shared part of asyncio's awaitables
``asyncio.x``          7      the awaitable of x under asyncio
``trio._y``            7      a shared part of trio's awaitables
``trio.x``             7      the awaitable of x under trio
``cli``, ``__main__``  8      the command, which may use every feature
``cli._y``             8      a shared part of the command
``cli.x``              8      the subcommand x
=====================  =====  ================================================
"""

import ast
import graphlib
import runpy
from pathlib import Path

import pytest

import butter

PACKAGE = Path(butter.__file__).parent
SOURCES = Path(__file__).resolve().parent.parent.parent / "butter"
BUILDERS = {path.stem for path in SOURCES.glob("build/*.py")}
# the shared parts whose name does not say so
SHARED = {
    "butter": 2,
    "_enums": 1,
    "_look": 2,
    "errors": 2,
    "utils": 4,
    "eventlike": 4,
    "cli": 8,
    "__main__": 8,
}
COMMAND = SHARED["cli"]

# features whose public modules others may import, because they hand its objects out
HANDED_OUT = {"pidfd", "_awaitables.pidfd", "asyncio.pidfd", "trio.pidfd"}

# what is made of several features, with its private parts; features never import it
COMPOSITIONS = {"clock", "clone", "files", "mounts", "sandbox", "sigset", "tree"}

# the files of asyncio and trio are a composition that only awaitables have: their
# public names stand in the modules ``aio``
FILES = "files"

# what is slow to import and mostly not needed, so that 'butter watch -r' does not wait
LATE = {"butter.tree": {"butter._tree_fanotify"}}

# the packages of awaitables: what no loop is needed for, and one for each kind of loop
AWAITABLES = {"_awaitables": 6, "asyncio": 7, "trio": 7}

# packages that a program does not need at run time
NEVER = {"typing_extensions", "cffi", "pycparser", "ctypes"}


def modules(root):
    """``{"butter._arguments": its path, ...}``."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = ("butter", *path.relative_to(root).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules(PACKAGE)


def feature_of(name, builders):
    """The feature of a part, which may be a builder: ``newfd`` of ``newfd_more``."""
    return min((other for other in builders if name == other or name.startswith(other + "_")), key=len, default=name)


def place(name, builders=BUILDERS):
    """``(floor, feature)`` of a module; the feature of a shared part is None."""
    if name == "butter":
        return 2, None
    *packages, last = name.split(".")[1:]
    if packages == ["build"]:
        return 0, feature_of(last, builders)
    if packages == ["_constants"] or (not packages and last == "_constants"):
        return 1, feature_of(last, builders) if packages else None
    package = packages[0] if packages else last
    if package in AWAITABLES:
        if packages and (last.startswith(f"_{FILES}") or (last == "aio" and package != "_awaitables")):
            return AWAITABLES[package], FILES
        return AWAITABLES[package], last if packages and not last.startswith("_") else None
    if packages == ["cli"]:
        return COMMAND, None if last.startswith("_") else last
    assert not packages, f"{name}: butter has no such package; say above what floor it is"
    if last in SHARED:
        return SHARED[last], None
    bare = last.removeprefix("_")
    if bare.endswith("_c"):
        return 1, feature_of(bare[:-2], builders)
    owner = feature_of(bare, {*builders, *COMPOSITIONS})
    if owner in COMPOSITIONS:
        return 5, owner
    if last.startswith("_"):
        return (3 if owner in builders else 2), owner if owner in builders else None
    return 4, owner


def imports(tree, package="butter"):
    """The modules that a module imports at its own import, type checkers' left out."""
    todo = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                compiled = node.module == package and alias.name.endswith("_c")
                yield inner if inner in MODULES or compiled else node.module
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            todo += node.orelse
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            todo += ast.iter_child_nodes(node)


def misplaced(name, imported):
    """Why the module *name* may not import *imported*, or None."""
    if imported.split(".")[0] != "butter":
        return None
    floor, feature = place(name)
    below, other = place(imported)
    if below == 0:
        return "a builder is never imported"
    if imported == f"butter._{name.rpartition('.')[2].removeprefix('_')}_c":
        return None  # its own compiled module, of a shared part too
    if below > floor:
        return f"floor {floor} imports upwards, from floor {below}"
    if floor == below == AWAITABLES["trio"] and name.split(".")[1] != imported.split(".")[1]:
        return "the awaitables of one kind of loop import those of the other"
    if below == COMMAND and other is not None:
        return f"the subcommand {other} is imported by its name, when it is chosen"
    if other is None or floor == COMMAND or (floor >= below and imported.removeprefix("butter.") in HANDED_OUT):
        return None
    parts = floor in (3, 5) or other == FILES
    if below == floor and not (parts and other == feature) and not imported.endswith("_c"):
        return f"floor {floor} imports sideways"
    if other != feature and feature not in COMPOSITIONS:
        return f"{feature or 'a shared part'} imports the feature {other}"
    return None


def parse(name):
    return ast.parse(MODULES[name].read_text())


INSTALLED = [name for name in MODULES if not name.startswith("butter.build")]


def test_imports_stay_below():
    """Nothing is imported from above, from beside, or from another feature."""
    for name in INSTALLED:
        wrong = {other: reason for other in imports(parse(name)) if (reason := misplaced(name, other))}
        assert not wrong, name


def test_imports_without_circles():
    """The parts of a feature may import each other, but never in a circle."""
    order = graphlib.TopologicalSorter({name: set(imports(parse(name))) & set(MODULES) for name in MODULES})
    assert list(order.static_order())


def test_imports_are_cheap():
    """No module imports cffi at run time, and only awaitables import their loop."""
    for name in INSTALLED:
        top = {other.split(".")[0] for other in imports(parse(name))}
        assert not top & NEVER, name
        assert "asyncio" not in top or name.startswith("butter.asyncio.") or place(name)[0] == COMMAND, name
        assert "trio" not in top or name.startswith("butter.trio."), name


def test_imports_within_functions():
    """An import waits inside a function only in the command, and those of LATE."""
    for name in INSTALLED:
        nodes = ast.walk(parse(name))
        functions = [node for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
        inside = {other for function in functions for other in imports(function)}
        if place(name)[0] == COMMAND:
            assert not {other: reason for other in inside if (reason := misplaced(name, other))}, name
        else:
            assert inside == LATE.get(name, set()), name


@pytest.mark.parametrize("builder", sorted(BUILDERS))
def test_builders_import_only_cffi(builder):
    """cffi runs a builder as a script, before there is a butter."""
    tree = ast.parse((SOURCES / "build" / f"{builder}.py").read_text())
    found = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    beside = (SOURCES / "build" / f"{builder}.c").exists()
    assert found == (["from pathlib import Path"] if beside else []) + ["from cffi import FFI"]
    # a screen of C may stand in the builder; more is formatted and compiled as C
    assert beside or len(runpy.run_path(str(SOURCES / "build" / f"{builder}.py"))["SOURCE"].splitlines()) < 50


@pytest.mark.parametrize("builder", sorted(BUILDERS))
def test_builders_are_data(builder):
    """A builder has declarations, maybe source, and three lines, but no code."""
    tree = ast.parse((SOURCES / "build" / f"{builder}.py").read_text())
    kinds = {type(node) for node in tree.body}
    assert kinds <= {ast.ImportFrom, ast.Assign, ast.Expr}
    assert f"butter._{builder}_c" in ast.unparse(tree.body[-1])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("butter.build.newfd", (0, "newfd")),
        ("butter._newfd_c", (1, "newfd")),
        ("butter._constants.newfd", (1, "newfd")),
        ("butter._newfd", (3, "newfd")),
        ("butter._newfd_more", (3, "newfd")),
        ("butter._newfd_more_c", (1, "newfd")),
        ("butter._constants.newfd_more", (1, "newfd")),
        ("butter._helper", (2, None)),
        ("butter.newfd", (4, "newfd")),
        ("butter.newfd_simple", (4, "newfd")),
        ("butter.system", (4, "system")),
        ("butter.tree", (5, "tree")),
        ("butter._tree_more", (5, "tree")),
        ("butter._tree_c", (1, "tree")),
        ("butter._awaitables", (6, None)),
        ("butter._awaitables._helper", (6, None)),
        ("butter._awaitables.newfd", (6, "newfd")),
        ("butter.asyncio", (7, None)),
        ("butter.asyncio._helper", (7, None)),
        ("butter.asyncio.newfd", (7, "newfd")),
        ("butter.asyncio.tree", (7, "tree")),
        ("butter.trio", (7, None)),
        ("butter.trio._helper", (7, None)),
        ("butter.trio.newfd", (7, "newfd")),
        ("butter.cli", (8, None)),
        ("butter.cli._helper", (8, None)),
        ("butter.cli.newcommand", (8, "newcommand")),
    ],
)
def test_the_name_says_the_floor(name, expected):
    """A module that does not exist yet has its place."""
    assert place(name, builders={"newfd"}) == expected


@pytest.mark.parametrize(
    ("name", "imported"),
    [
        ("butter._descriptor", "butter._inotify_c"),
        ("butter._descriptor", "butter.utils"),
        ("butter._descriptor", "butter.eventlike"),
        ("butter.eventlike", "butter._inotify"),
        ("butter._inotify", "butter.inotify"),
        ("butter._inotify", "butter._timerfd_value"),
        ("butter.errors", "butter._timerfd_value"),
        ("butter._timerfd_value", "butter.timerfd"),
        ("butter._inotify", "butter.eventlike"),
        ("butter.inotify", "butter.asyncio.inotify"),
        ("butter.inotify_simple", "butter.inotify"),
        ("butter.fanotify", "butter._inotify"),
        ("butter.fanotify", "butter.inotify"),
        ("butter.asyncio._queue", "butter.inotify"),
        ("butter.asyncio.fanotify", "butter.inotify"),
        ("butter.inotify", "butter.cli"),
        ("butter.cli", "butter.cli.watch"),
        ("butter.cli.doctor", "butter.cli.watch"),
        ("butter.cli._helper", "butter.cli.watch"),
        ("butter.inotify", "butter.build.inotify"),
        ("butter.inotify", "butter.tree"),
        ("butter.asyncio.inotify", "butter.tree"),
        ("butter.tree", "butter.clone"),
        ("butter.tree", "butter._clone_maps"),
        ("butter.inotify", "butter.clone"),
        ("butter._clone_spawn", "butter.asyncio.inotify"),
        ("butter.tree", "butter.asyncio.inotify"),
        ("butter._awaitables.inotify", "butter.asyncio._queue"),
        ("butter._awaitables.inotify", "butter._awaitables.eventfd"),
        ("butter.trio.inotify", "butter._awaitables.eventfd"),
        ("butter.trio.inotify", "butter.asyncio._queue"),
        ("butter.asyncio._queue", "butter.trio._queue"),
    ],
)
def test_wrong_imports_are_seen(name, imported):
    """An import that goes upwards or sideways is noticed by the test of the floors."""
    assert misplaced(name, imported)


@pytest.mark.parametrize("imported", ["inotify", "_inotify", "_inotify_c", "_constants.inotify", "fanotify"])
def test_a_composition_imports_features(imported):
    """A module that is made of several features may import each of them."""
    assert misplaced("butter.tree", f"butter.{imported}") is None
    assert misplaced("butter._tree_more", f"butter.{imported}") is None


@pytest.mark.parametrize("name", ["inotify", "asyncio.inotify", "tree"])
def test_a_process_is_handed_out(name):
    """Every public module may import the public ones of pidfd, and no other part."""
    assert misplaced(f"butter.{name}", "butter.pidfd") is None
    assert misplaced("butter.asyncio.tree", "butter.asyncio.pidfd") is None
    assert misplaced("butter.trio.tree", "butter.trio.pidfd") is None
    assert misplaced("butter.trio.tree", "butter.asyncio.pidfd")
    assert misplaced("butter.tree", "butter.asyncio.pidfd")
    assert misplaced("butter._inotify", "butter.pidfd")
    assert misplaced("butter.inotify", "butter._pidfd")


def test_imports_are_found_wherever_they_run():
    """Imports in a class, a try or a condition count; those of type checkers do not."""
    tree = ast.parse(
        "import butter.errors\n"
        "from butter import utils, _inotify_c\n"
        "try:\n    from butter._arguments import fileno\nexcept ImportError:\n    import os.path\n"
        "if TYPE_CHECKING:\n    import typing\nelse:\n    import enum\n"
        "class C:\n    import re\n"
        "def f():\n    import asyncio\n"
    )
    expected = {"butter.errors", "butter.utils", "butter._inotify_c", "butter._arguments", "os.path", "enum", "re"}
    assert set(imports(tree)) == expected


def test_every_source_is_looked_at():
    """The package that was imported has each module of the source tree."""
    expected = {name for name in modules(SOURCES) if not name.startswith("butter.build")}
    assert expected <= set(MODULES)


def test_every_directory_is_a_package():
    """Each directory but the builders' has an ``__init__.py``, for the wheel."""
    directories = {path.parent for path in SOURCES.rglob("*.py")}
    packages = {path.parent for path in SOURCES.rglob("__init__.py")}
    assert directories - packages == {SOURCES / "build"}
