#!/usr/bin/env python3
"""Write the parts of the manual that follow from the code, as reStructuredText.

    python tools/reference.py feature inotify    the reference of butter.inotify
    python tools/reference.py trio               the awaitables of trio
    python tools/reference.py errnos MODULE...   the errnos of the calls of modules
    python tools/reference.py tree               butter's exceptions, drawn
    python tools/reference.py exceptions         those that all features share
    python tools/reference.py command            the command line, as --help has it
    python tools/reference.py kernels            what each kernel brings
    python tools/reference.py newer_calls        the calls that old kernels lack
    python tools/reference.py figure inotify     a picture of tools/plots.py, and how it
                                                 was measured

The pages in ``docs/`` have the same words in a directive, ``.. generated:: feature
inotify``, so the output of this program is not kept in a file.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import enum
import errno
import functools
import importlib
import importlib.util
import inspect
import pkgutil
import re
import runpy
import sys
import textwrap
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import plots  # beside this file, as constants
from constants import OLDEST, SINCE, groups

import butter
import butter.cli
import butter.errors
from butter._descriptor import Descriptor
from butter._landlock_rights import EVERY
from butter.errors import Errors
from butter.eventlike import Eventlike
from butter.landlock import ABIS, GAPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Union

    from constants import Group

    Function = Union[ast.FunctionDef, ast.Lambda]

ROOT = Path(__file__).resolve().parent.parent

# the awaitables that have pages or a class of their own: others do not repeat them
SHARED_BASES = "AnyAwaitable", "AnyQueue", "Awaitable", "EventQueue", "Pidfd_async"


def feature(name: str) -> str:
    """Return the reference of ``butter.<name>``.

    It has the module's text, objects, calls, awaitable, constants and errors.
    """
    public = importlib.import_module(f"butter.{name}")
    parts = [f".. automodule:: {public.__name__}", f"``import {public.__name__}``"]
    found = Contents(name)
    parts += section("Objects", [autoclass(f"{public.__name__}.{each}") for each in found.classes])
    calls = [f".. autofunction:: {public.__name__}.{each}" for each in found.functions]
    calls += [data(f"{public.__name__}.{each}", comment) for each, comment in found.data.items()]
    parts += section("Calls", calls)
    parts += section("Awaitable", awaitable(name))
    parts += section("Constants", [*constants(name), *elsewhere(found.elsewhere)])
    exceptions = [f".. autoexception:: {public.__name__}.{each}\n   :show-inheritance:" for each in found.exceptions]
    parts += section("Errors", [*exceptions, errnos(*own_modules(name), *filter(exists, [f"butter.asyncio.{name}"]))])
    return "\n\n".join(parts)


def own_modules(name: str) -> list[str]:
    """Return the modules of a feature, without the compiled ones.

    Those of timerfd are ``_timerfd``, ``_timerfd_value`` and ``timerfd``.
    """
    own = re.compile(rf"_{name}(_\w+)?(?<!_c)|{name}")
    return [f"butter.{found.name}" for found in pkgutil.iter_modules(butter.__path__) if own.fullmatch(found.name)]


def section(title: str, parts: list[str]) -> list[str]:
    return [title + "\n" + "-" * len(title), *parts] if any(parts) else []


def autoclass(name: str) -> str:
    module, _, short = name.rpartition(".")
    bases = getattr(importlib.import_module(module), short).__mro__[1:]
    # an object whose methods are in private classes of its feature has them here
    mixed = any(base.__module__.startswith(module.replace("butter.", "butter._")) for base in bases)
    inherited = "\n   :inherited-members: Eventlike" if mixed and Eventlike in bases else "\n   :show-inheritance:"
    return f".. autoclass:: {name}\n   :members:{inherited}"


def data(name: str, comment: str) -> str:
    module, _, short = name.rpartition(".")
    return f".. py:currentmodule:: {module}\n\n.. py:data:: {short}\n\n{textwrap.indent(comment, '   ')}"


def awaitable(name: str) -> list[str]:
    module = f"butter.asyncio.{name}"
    if not exists(module):
        return []
    public = importlib.import_module(module)
    names = ", ".join(public.__all__)
    given = given_classes(public)
    # the methods of a feature stand here, and those of all on the page of all
    options = f":members:\n:show-inheritance:\n:inherited-members: {', '.join(SHARED_BASES)}"
    options += f"\n:exclude-members: {', '.join(given)}" if given else ""
    parts = [f"``from {module} import {names}``", f".. automodule:: {module}\n{textwrap.indent(options, '   ')}"]
    return parts + [f".. autoclass:: {module}.{each}()\n   :members:\n   :inherited-members:" for each in given]


def given_classes(public: ModuleType) -> list[str]:
    """Return the classes of a module whose objects its functions return.

    They are the same under each loop, and programs do not call them.
    """
    found = [(each, getattr(public, each)) for each in public.__all__]
    return [each for each, value in found if isinstance(value, type) and value.__module__.startswith("butter._")]


def trio() -> str:
    """Return the awaitables of trio, a section for each module."""
    package = importlib.import_module("butter.trio")
    modules = [found.name for found in pkgutil.iter_modules(package.__path__) if not found.name.startswith("_")]
    parts = [f".. automodule:: {package.__name__}"]
    for name in modules:
        module = f"{package.__name__}.{name}"
        given = ", ".join(given_classes(importlib.import_module(module)))
        less = f"\n   :exclude-members: {given}" if given else ""
        parts += section(name, [f".. automodule:: {module}\n   :members:\n   :show-inheritance:{less}"])
    return "\n\n".join(parts)


def exists(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


class Contents:
    """The names in ``__all__`` of a feature's public module, by their kind."""

    def __init__(self, name: str) -> None:
        public = importlib.import_module(f"butter.{name}")
        own = own_modules(name)
        sources = [inspect.getsource(importlib.import_module(module)) for module in own]
        declared = {constant for group in declared_groups(name) for constant, _ in group.constants}
        self.classes: list[str] = []
        self.exceptions: list[str] = []
        self.functions: list[str] = []
        self.data: dict[str, str] = {}  # each with its comment
        self.elsewhere: dict[str, str] = {}  # each with the module that defines it
        for each in public.__all__:
            value = getattr(public, each)
            defined_here = getattr(value, "__module__", None) in own
            if each in declared or isinstance(value, enum.EnumMeta):
                continue  # the tables of constants have them
            if defined_here and isinstance(value, type):
                (self.exceptions if issubclass(value, BaseException) else self.classes).append(each)
            elif defined_here and inspect.isroutine(value):
                self.functions.append(each)
            elif comment := next(filter(None, (comment_above(each, source) for source in sources)), None):
                self.data[each] = comment
            else:
                self.elsewhere[each] = imported_from(each, sources)
        self.classes.sort(key=lambda each: not issubclass(getattr(public, each), Descriptor))
        self.functions.sort(key=lambda each: place(getattr(public, each)))


def place(function: Any) -> tuple[str, int]:
    """Return a key that sorts functions by their place in the feature: calls first."""
    function = inspect.unwrap(function)
    return function.__module__.replace("._", ".!"), function.__code__.co_firstlineno


def comment_above(name: str, source: str) -> str | None:
    """Return the ``#:`` comment of a variable."""
    found = re.search(rf"((?:^#: .*\n)+){name}\b", source, re.MULTILINE)
    return re.sub("^#: ", "", found[1], flags=re.MULTILINE) if found else None


def imported_from(name: str, sources: list[str]) -> str:
    """Return the public module that *name* comes from."""
    for source in sources:
        for node in ast.parse(source).body:
            if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]:
                if node.module and not node.module.startswith("butter._"):
                    return node.module
                break
    raise SystemExit(f"{name} is public and has no documentation: it needs a docstring, or a comment '#:'")


def elsewhere(names: dict[str, str]) -> list[str]:
    """Return a sentence for each other module whose names this one has too."""
    by_module: dict[str, list[str]] = {}
    for name, module in names.items():
        by_module.setdefault(module, []).append(f"``{name}``")
    return [
        f"Imported from :mod:`{module}`, and public here too: {', '.join(found)}."
        for module, found in by_module.items()
    ]


# Constants


@functools.cache
def declared_groups(name: str) -> list[Group]:
    """Return the constants of a feature, as its builder and those of its parts do."""
    folder = ROOT / "butter/build"
    builders = [*folder.glob(f"{name}.py"), *sorted(folder.glob(f"{name}_*.py"))]
    return [group for builder in builders for group in groups(runpy.run_path(str(builder))["DECLARATIONS"])]


def constants(name: str) -> list[str]:
    """Return a table for each argument."""
    return [described(f"butter.{name}", group) for group in declared_groups(name)]


def described(module: str, group: Group) -> str:
    """Return the class of a group with its table.

    It is only the table if there is no class.
    """
    meaning = group.meaning[0].upper() + group.meaning[1:]
    public = importlib.import_module(module)
    kind = getattr(public, group.name) if group.name else None
    members = {constant: member for member, constant in group.members()} if kind else {}
    rows = []
    for constant, text in group.constants:
        since = SINCE.search(text)
        names = [f"{module}.{constant}"] + ([f"{module}.{group.name}.{members[constant]}"] if members else [])
        value = getattr(public, constant)
        shown = f"{value:#x}" if (kind and issubclass(kind, enum.IntFlag)) or value > 0xFFFF else str(value)
        row = [f":constant:`{' '.join(names)}`", f"``{shown}``", escaped(SINCE.sub("", text).strip())]
        rows.append([*row, since[1] if since else ""])
    heads = ["constant", "value", "meaning", "since Linux"]
    if not any(row[-1] for row in rows):
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    if kind is None:
        return f"{escaped(meaning)}:\n\n{table(heads, rows)}"
    base = "IntFlag" if issubclass(kind, enum.IntFlag) else "IntEnum"
    constant = group.constants[0][0]
    text = (
        f"{escaped(meaning)}. An :class:`enum.{base}` whose members print their names: "
        f"``{group.name}.{members[constant]}`` is ``{constant}``, and so on."
    )
    body = textwrap.indent(f"{text}\n\n{table(heads, rows)}", "   ")
    return f".. py:currentmodule:: {module}\n\n.. py:class:: {group.name}\n\n{body}"


def table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", "   :align: left", ""]
    for row in [heads, *rows]:
        for number, cell in enumerate(row):
            lines.append(("   * - " if number == 0 else "     - ") + cell.replace("\n\n", "\n\n       "))
    return "\n".join(line.rstrip() for line in lines)


def escaped(text: str) -> str:
    """Return *text* without markup.

    Characters that begin or end a role, a reference or emphasis lose their meaning.
    """
    return re.sub(r"([\\`*|]|(?<=\w)_(?!\w))", r"\\\1", text)


# Errors


def errnos(*modules: str) -> str:
    """Return a table of the errnos of each call of *modules*."""
    return "\n\n".join(
        f"{call}\n{'~' * len(call)}\n\n{table(['errno', 'exception', 'sentence'], rows)}"
        for call, rows in tables(modules)
    )


def tables(modules: Iterable[str]) -> Iterator[tuple[str, list[list[str]]]]:
    for name in modules:
        module = importlib.import_module(name)
        for errors in vars(module).values():
            if isinstance(errors, Errors) and errors_of(errors) == name:
                yield (
                    errors.call,
                    [
                        [
                            f"``{errno.errorcode[number]}``",
                            f":exc:`~{full_name(exception)}`",
                            "\n\n".join(sentences(sentence)),
                        ]
                        for number, (exception, sentence) in sorted(
                            errors.meanings.items(), key=lambda row: errno.errorcode[row[0]]
                        )
                    ],
                )


@functools.cache
def errors_of(errors: Errors) -> str | None:
    """Return the lowest module that has the table; other modules import it."""
    for found in pkgutil.walk_packages(butter.__path__, "butter."):
        if (module := sys.modules.get(found.name)) and any(value is errors for value in vars(module).values()):
            return found.name
    return None


def full_name(kind: type) -> str:
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def sentences(sentence: Any) -> list[str]:
    """Return the sentences that a row of a table may say.

    The parts that depend on the call are in italics.
    """
    if isinstance(sentence, str):
        return [escaped(sentence)]
    # a text whose every part depends on the call says nothing
    found = [text for text in Returned(sentence).texts() if re.search("[a-z]{2}", text)]
    return list(dict.fromkeys(found)) or [escaped(inspect.getdoc(sentence) or "")]


class Returned:
    """The results that a function of :mod:`butter` that makes a sentence may return.

    They are read from its source.
    """

    def __init__(self, function: FunctionType) -> None:
        self.names = {**vars(builtins), **function.__globals__, **inspect.getclosurevars(function).nonlocals}
        tree = ast.parse(Path(function.__code__.co_filename).read_text())
        self.node = next(
            node
            for node in ast.walk(tree)
            if isinstance(node, (ast.FunctionDef, ast.Lambda)) and node.lineno == function.__code__.co_firstlineno
        )
        self.arguments = [argument.arg for argument in self.node.args.args]
        self.assignments = [node for node in ast.walk(self.node) if isinstance(node, ast.Assign)]

    def texts(self) -> list[str]:
        if isinstance(self.node, ast.Lambda):
            return self.alternatives(self.node.body)
        returned = [node for node in ast.walk(self.node) if isinstance(node, ast.Return)]
        values = [node.value for node in sorted(returned, key=lambda node: node.lineno) if node.value]
        return [text for value in values for text in self.alternatives(value)]

    def alternatives(self, node: ast.expr) -> list[str]:
        """Return every text that the expression *node* may be, without None."""
        node = self.assigned(node) or node
        if isinstance(node, ast.Constant) and node.value is None:
            return []
        if isinstance(node, ast.BoolOp):
            return [text for value in node.values for text in self.alternatives(value)]
        if isinstance(node, ast.IfExp):
            return self.alternatives(node.body) + self.alternatives(node.orelse)
        if called := self.called(node):
            return Returned(called).texts()
        # "\\ " ends emphasis within a word, and is not needed beside a space
        return [re.sub(r"(^| )\\ |\\ ( |$)", r"\1\2", "".join(self.pieces(node)))]

    def assigned(self, node: ast.expr) -> ast.expr | None:
        """Return the last value that was assigned above to *node*, if it is a name."""
        if not isinstance(node, ast.Name):
            return None
        above = [
            each for each in self.assignments if each.lineno < node.lineno and ast.unparse(each.targets[0]) == node.id
        ]
        return max(above, key=lambda each: each.lineno).value if above else None

    def called(self, node: ast.expr) -> FunctionType | None:
        """Return the function of butter that *node* calls, if it is such a call."""
        found = self.names.get(node.func.id) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
        return found if isinstance(found, FunctionType) and found is not butter.errors.raise_sysctl else None

    def pieces(self, node: ast.expr) -> Iterator[str]:
        if isinstance(node, ast.Constant):
            yield escaped(str(node.value))
        elif isinstance(node, ast.JoinedStr):
            for value in node.values:
                yield from self.pieces(value.value if isinstance(value, ast.FormattedValue) else value)
        elif isinstance(node, ast.Name) and isinstance(self.names.get(node.id), (str, int)):
            yield escaped(str(self.names[node.id]))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "raise_sysctl":
            # its text has the value of today, and of this machine
            yield f"{escaped(ast.literal_eval(node.args[0]))} is …; 'sysctl …' as root raises it"
        elif isinstance(node, ast.Name) and node.id in self.arguments:
            yield f"\\ *{escaped(node.id)}*\\ "
        elif self.assigned(node) or self.called(node):
            # of several texts the first that is not empty
            yield next(filter(None, self.alternatives(node)), "…")
        else:
            yield "…"


# Exceptions


def exceptions() -> str:
    """Return the exceptions of :mod:`butter.errors`."""
    return "\n\n".join(f".. autoexception:: butter.errors.{name}" for name in butter.errors.__all__)


def tree() -> str:
    """Return the tree of the exceptions that butter defines, below OSError."""
    names: dict[type, str] = {}  # those by which programs import them
    for module in public_modules():
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if isinstance(value, type) and issubclass(value, OSError) and value.__module__.startswith("butter"):
                names.setdefault(value, f"{module.__name__}.{name}".removeprefix("butter.errors."))
    children: dict[type, set[type]] = {}
    for kind in names:
        while kind is not OSError:
            # up to OSError itself; the place of NotADirectoryError and its like in
            # Python's tree is known
            children.setdefault(kind.__bases__[0], set()).add(kind)
            kind = kind.__bases__[0]
    return ".. code-block:: text\n\n" + textwrap.indent("\n".join(drawn(OSError, children, names)), "   ")


def drawn(kind: type, children: dict[type, set[type]], names: dict[type, str]) -> Iterator[str]:
    also = [base.__name__ for base in kind.__bases__[1:]]
    yield names.get(kind, kind.__name__) + (f" (and {', '.join(also)})" if also else "")
    below = sorted(children.get(kind, ()), key=lambda each: (each in children, each.__name__))
    for number, child in enumerate(below):
        first, rest = ("└── ", "    ") if number == len(below) - 1 else ("├── ", "│   ")
        for line, text in enumerate(drawn(child, children, names)):
            yield (rest if line else first) + text


def public_modules() -> list[ModuleType]:
    """Return every module of butter that programs import, without the command."""
    names = ["butter"] + [found.name for found in pkgutil.walk_packages(butter.__path__, "butter.")]
    hidden = re.compile(r"\._|\.build\b|\.cli\b")
    return [importlib.import_module(name) for name in names if not hidden.search(name)]


# The command


def command() -> str:
    """Return the command line, from its parser."""
    parser = butter.cli.command_line([])
    parts = [options_of(parser)]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, subparser in action.choices.items():
                parts += section(f"butter {name}", [options_of(subparser), *record(name)])
    title, codes = butter.cli.EXIT_CODES.split(":\n", 1)
    return "\n\n".join([*parts, *section(title.capitalize(), [literal(codes)])])


def options_of(parser: argparse.ArgumentParser) -> str:
    """Return the usage, the text and the options of one parser."""
    formatter = argparse.HelpFormatter(parser.prog, width=80)
    formatter.add_usage(parser.usage, parser._actions, parser._mutually_exclusive_groups, prefix="")
    parts = [f".. program:: {parser.prog}", literal(formatter.format_help()), *paragraphs(parser.description or "")]
    for action in parser._actions:
        names = action.option_strings
        if names and action.help != argparse.SUPPRESS:
            value = f" {action.metavar}" if action.metavar else ""
            text = formatter._expand_help(action)
            parts.append(f".. option:: {', '.join(name + value for name in names)}\n\n   {escaped(text)}")
    return "\n\n".join([*parts, *paragraphs((parser.epilog or "").replace(butter.cli.EXIT_CODES, ""))])


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a help text.

    Indented lines stay as they are, below their title or a paragraph.
    """
    found = []
    for paragraph in filter(None, re.split(r"\n\s*\n", text.strip("\n"))):
        words, *rest = re.split(r"\n(?= )", paragraph, maxsplit=1)
        title = escaped(words.strip())
        if rest and "\n" not in title:
            title = f".. rubric:: {title.rstrip(':').capitalize()}"
        found += [title, *map(literal, rest)]
    return found


def literal(text: str) -> str:
    return ".. code-block:: text\n\n" + textwrap.indent(textwrap.dedent(text).strip("\n"), "   ")


#: the modules of the objects that a subcommand prints, by the options for it
RECORDS = {"doctor": {"--json": "doctor", "--watches --json": "_watches"}}


def record(name: str) -> list[str]:
    """Return the fields of the objects that a subcommand prints with ``--json``.

    They are those of a TypedDict named Report. Each has its meaning in a comment after
    it.
    """
    found = []
    for options, where in RECORDS.get(name, {}).items():
        module = importlib.import_module(f"butter.cli.{where}")
        found += [f".. rubric:: The object of {options}", literal("\n".join(fields(module.Report, module)))]
    return found


def fields(record: type, module: ModuleType) -> Iterator[str]:
    for name, declared in record.__annotations__.items():
        kind = getattr(declared, "__forward_arg__", str(declared))
        meaning = re.search(rf"^    {name}: [^#\n]*  # (.+)$", inspect.getsource(record), re.MULTILINE)
        if meaning is None:
            raise SystemExit(f"{record.__name__}.{name} needs its meaning in a comment after it")
        yield f"{name}: {kind}".ljust(28) + meaning[1]
        inner = getattr(module, kind.removeprefix("list[").removesuffix("]"), None)
        if inner is not None:
            yield from (f"    {line}" for line in fields(inner, module))


# Kernels

# In a docstring, the sentence with the kernel of the whole thing: "Linux 5.9, and 5.11
# for CLOSE_RANGE_CLOEXEC". All other kernels are those of a part of it.
OWN_KERNELS = re.compile(r"(?:^|[.,] )(Linux \d+\.\d+(?=[.,])(?:, (?:and|or) \d+\.\d+)*)", re.MULTILINE)
KERNELS = re.compile(r"(?:\bLinux|, and|, or) (\d+\.\d+)(?![.\d]*\d)")


class Brought(NamedTuple):
    """The names that one kernel brings to one module, as references to them."""

    new: list[str]
    changed: list[str]


def kernels() -> str:
    """Return a table of the kernels, from the oldest that butter supports on.

    It has the constants and calls that each brings, and those that do more with it.
    """
    rows: dict[tuple[int, ...], dict[str, Brought]] = {}

    def brought(kernel: str, module: str) -> Brought:
        return rows.setdefault(numbers(kernel), {}).setdefault(module, Brought([], []))

    for module in feature_modules():
        for name, text in described_things(module):
            new, changed = kernels_in(text)
            for kernel in new:
                brought(kernel, module).new.append(f":obj:`{name} <butter.{module}.{name}>`")
            for kernel in changed:
                brought(kernel, module).changed.append(f":obj:`{name} <butter.{module}.{name}>`")
        for group in declared_groups(module):
            for constant, text in group.constants:
                if since := SINCE.search(text):
                    brought(since[1], module).new.append(f":data:`~butter.{module}.{constant}`")
    return table(
        ["Linux", "new", "does more, or otherwise"],
        [
            [".".join(map(str, kernel)), *("\n\n".join(names(rows[kernel], place)) for place in (0, 1))]
            for kernel in sorted(rows)
            if kernel >= OLDEST
        ],
    )


def names(row: dict[str, Brought], place: int) -> Iterator[str]:
    for module, found in row.items():
        if found[place]:
            yield f":doc:`{module}`: {', '.join(found[place])}"


def numbers(kernel: str) -> tuple[int, ...]:
    return tuple(map(int, kernel.split(".")))


def feature_modules() -> list[str]:
    """Return the names of the modules that have a page of their own."""
    return [name for name in butter.__all__ if (ROOT / f"docs/{name}.rst").is_file()]


def described_things(module: str) -> Iterator[tuple[str, str]]:
    """Return the name and the docstring of each call, object and method of a module."""
    public = importlib.import_module(f"butter.{module}")
    found = Contents(module)
    for name in found.functions:
        yield name, inspect.getdoc(getattr(public, name)) or ""
    for name in found.classes:
        kind = getattr(public, name)
        yield name, inspect.cleandoc(vars(kind).get("__doc__") or "")
        # a base with an entry of its own has its methods there
        bases = [base for base in kind.__mro__ if base is kind or is_private_part(base, module, found)]
        texts: dict[str, str] = {}  # a method has several names, of which the first is that of its text
        for base in bases:
            for each, value in vars(base).items():
                if not each.startswith("_") and (text := getattr(value, "__doc__", None)):
                    texts.setdefault(text, f"{name}.{each}")
        yield from ((each, inspect.cleandoc(text)) for text, each in texts.items())


def is_private_part(base: type, module: str, found: Contents) -> bool:
    return base.__module__ in own_modules(module) and base.__name__ not in found.classes


def kernels_in(text: str) -> tuple[list[str], list[str]]:
    """Return the kernel that brought the thing of a docstring, and those of its parts.

    The first list is empty where the docstring does not say.
    """
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text))
    own = [kernel for sentence in OWN_KERNELS.findall(text) for kernel in KERNELS.findall(sentence)]
    new = [min(own, key=numbers)] if own else []
    return new, [kernel for kernel in dict.fromkeys(KERNELS.findall(text)) if kernel not in new]


def newer_calls() -> str:
    """Return a table of the system calls that old kernels lack, with the error."""
    rows: dict[tuple[tuple[int, ...], str], set[str]] = {}
    for name in (each for module in feature_modules() for each in own_modules(module)):
        for errors in vars(importlib.import_module(name)).values():
            # the calls of spawn have names of their own there
            if isinstance(errors, Errors) and errors.call.isidentifier():
                for sentence in sentences(errors.meanings[errno.ENOSYS][1]):
                    if (since := KERNELS.search(sentence)) and numbers(since[1]) > OLDEST:
                        rows.setdefault((numbers(since[1]), sentence), set()).add(f"``{errors.call}``")
    heads = ["Linux", "calls", "sentence of the OSError (ENOSYS) on an older kernel"]
    return table(
        heads,
        [
            [".".join(map(str, kernel)), ", ".join(sorted(calls)), sentence]
            for (kernel, sentence), calls in sorted(rows.items())
        ],
    )


def landlock_abis() -> str:
    """Return a table of the ABIs of landlock, with the rights that each brought."""
    rows = [
        [str(abi), kernel, ", ".join(f"``{right.name}``" for right in EVERY.values() if right.abi == abi)]
        for abi, kernel in ABIS.items()
    ]
    return table(["ABI", "Linux", "new rights, scopes and flags"], rows)


def landlock_gaps() -> str:
    """Return a table of the things that landlock lets through."""
    rows = [
        [
            f"``{gap.name}``",
            escaped(gap.meaning),
            ", ".join(f"``{call}``" for call in gap.calls),
            "never" if gap.abi is None else f"{gap.abi} (Linux {ABIS[gap.abi]})",
        ]
        for gap in GAPS.values()
    ]
    return table(["name", "what passes", "system calls", "can be forbidden from ABI"], rows)


def figure(name: str) -> str:
    """Return a picture of docs/performance.rst."""
    return plots.directive(name)


def main() -> None:
    kinds: dict[str, Callable[..., str]] = {
        "feature": feature,
        "errnos": errnos,
        "trio": trio,
        "tree": tree,
        "exceptions": exceptions,
        "command": command,
        "kernels": kernels,
        "newer_calls": newer_calls,
        "figure": figure,
        "landlock_abis": landlock_abis,
        "landlock_gaps": landlock_gaps,
    }
    print(kinds[sys.argv[1]](*sys.argv[2:]))


if __name__ == "__main__":
    main()
