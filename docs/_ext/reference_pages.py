"""The parts of Sphinx that make the reference follow from the code.

* ``.. generated::`` stands for what a function of ``tools/reference.py`` writes.
* ``:measured:`` stands for a number that a benchmark has found, by ``tools/plots.py``.
* Types are those of type checkers: what a module imports for them alone is known.
* A signature has the words of the defaults, as ``CLOEXEC_DEFAULT``.
* The text of a method stands once: its other names, and the awaitables, refer to it.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import sys
from pathlib import Path
from types import FunctionType
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.ext.autodoc.preserve_defaults import update_defvalue
from sphinx.util import inspect as sphinx_inspect
from sphinx.util.docutils import SphinxDirective, SphinxRole

import butter
from butter._descriptor import Descriptor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "tools"))
import plots
import reference


class Generated(SphinxDirective):
    """``.. generated:: feature inotify``: the text of ``reference.feature()``."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        kind, *arguments = self.arguments[0].split()
        text = getattr(reference, kind)(*arguments)
        return self.parse_text_to_nodes(text, allow_section_headings=True)


class Constant(SphinxRole):
    """The place of a constant, which may have several names: the first is shown."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        names = self.text.split()
        shown = names[0].rpartition(".")[2]
        literal = nodes.literal(text=shown, ids=[names[0]])
        for name in names:
            kind = "data" if name is names[0] else "attribute"
            self.env.get_domain("py").note_object(name, kind, names[0], location=literal)
        entry = ("single", f"{shown} (in module {names[0].rpartition('.')[0]})", names[0], "", None)
        return [addnodes.index(entries=[entry]), literal], []


class Measured(SphinxRole):
    """The number that ``plots.number()`` returns for the text of the role."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        return [nodes.Text(plots.number(self.text))], []


# Types

completed = set()


def complete(name: str) -> None:
    """Give the module *name* what it imports and defines for type checkers alone."""
    if name in completed:
        return
    completed.add(name)
    module = importlib.import_module(name)
    for block in ast.parse(Path(module.__file__).read_text()).body:
        if not (isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"):
            continue
        names = dict(vars(module))
        for statement in block.body:
            source = (statement.module or "") if isinstance(statement, ast.ImportFrom) else ""
            # these have names that a .pyi file alone has
            stub = source == "_typeshed" or source.endswith("_c")
            if source.startswith("butter.") and not stub:
                complete(source)
            # an alias keeps its name, which docs/reference.rst explains
            if isinstance(statement, ast.Assign) and "TypeVar" not in ast.unparse(statement.value):
                names.update(named_types(statement.targets[0].id))
            elif stub:
                names.update(named_types(*(alias.name for alias in statement.names)))
            else:
                exec(compile(ast.Module([statement], []), module.__file__, "exec"), names)
        for each, value in names.items():
            vars(module).setdefault(each, value)
    for value in vars(module).values():
        if isinstance(value, type) and value.__module__ == name:
            declare_properties(value)


def declare_properties(kind: type) -> None:
    """Give each property the type that *kind* declares, if it does."""
    for name, declared in vars(kind).get("__annotations__", {}).items():
        made = vars(kind).get(name)
        if isinstance(made, property):
            setattr(kind, name, property(annotated(made.fget, declared), doc=made.__doc__))


def annotated(get: Any, declared: Any) -> Any:
    """Return a getter with this type. One that is written in C cannot have it."""

    def getter(self: Any) -> Any:
        return get(self)

    getter.__annotations__["return"] = declared
    return getter


def named_types(*names: str) -> dict[str, type]:
    """Types of which signatures show the name alone."""
    return {name: type(name, (), {"__module__": "builtins"}) for name in names}


# Names

public_names: dict[str, str] = {}


def find_public_names() -> None:
    """Learn by which name programs import what a private module defines."""
    for module in reference.public_modules():
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            home = getattr(value, "__module__", None) or ""
            if home.startswith("butter._") and hasattr(value, "__name__"):
                # a class that both loops have is described for asyncio
                shared = public_names.get(f"{home}.{value.__name__}", "").startswith("butter.asyncio.")
                if not shared:
                    public_names[f"{home}.{value.__name__}"] = f"{module.__name__}.{name}"


def inherited(target: str, module: str | None) -> str | None:
    """The full name of a method, in the class or base that defines it."""
    owner, _, method = target.rpartition(".")
    for name in owner, f"{module}.{owner}":
        home, _, kind = name.rpartition(".")
        bases = getattr(getattr(sys.modules.get(home), kind, None), "__mro__", ())
        for base in bases:
            if base.__module__.startswith("butter.") and method in vars(base):
                return f"{base.__module__}.{base.__qualname__}.{method}"
    return None


def by_public_name(app: Sphinx, env: Any, node: addnodes.pending_xref, content: nodes.Node) -> nodes.Node | None:
    """Resolve a reference to a public name of another one, as ``_timerfd.TimerVal``.

    A type that is for type checkers alone is explained under its name without a module.
    """
    target = node.get("reftarget", "")
    if target.startswith("trio."):
        return content  # a name of its manual, of which there is no inventory here
    if target.startswith("asyncio."):
        node["reftarget"] = re.sub(r"^asyncio\.[a-z]+\.", "asyncio.", target)
    if target.startswith("typing_extensions."):
        # its names are those of newer Pythons
        module = "collections.abc" if target.endswith(".Buffer") else "typing"
        node["reftarget"] = target.replace("typing_extensions", module, 1)
    target = inherited(target, node.get("py:module")) or target
    if not target.startswith("butter."):
        return None
    node["refspecific"] = False  # this name, and not any that ends like it
    owner, _, last = target.rpartition(".")
    domain = env.get_domain("py")
    if target in domain.objects:
        public = target
    elif target in public_names:
        public = public_names[target]
    else:
        public = f"{public_names[owner]}.{last}" if owner in public_names else last
    return domain.resolve_xref(env, node["refdoc"], app.builder, node["reftype"], public, node, content)


# Signatures and texts


def real_signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str | None, result: str | None
) -> tuple[str, None] | None:
    # a page writes () after the name of a class that programs do not call
    if what != "class" or not issubclass(thing, Descriptor) or signature == "()":
        return None
    update_defvalue(app, thing.__init__, bound_method=True)  # which keeps the words of the defaults
    found = sphinx_inspect.signature(thing.__init__, bound_method=True)
    return sphinx_inspect.stringify_signature(found, show_return_annotation=False, unqualified_typehints=True), None


def function_of(thing: Any) -> Any:
    return thing.fget if isinstance(thing, property) else thing


def real_bases(app: Sphinx, name: str, thing: Any, options: Any, bases: list[Any]) -> None:
    """Leave out private bases: the fields of a named tuple, parts of an awaitable."""
    bases[:] = [tuple if getattr(base, "__name__", "").startswith("_") else base for base in bases]
    bases[:] = [base for base in bases if not getattr(base, "__module__", "").startswith("butter._awaitables.")]


def skipped(app: Sphinx, what: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    """Leave out public names of private functions, which only refuse a call.

    The fields of a named tuple have their meaning in its own text.
    """
    function = function_of(thing)
    if type(thing).__name__ == "_tuplegetter":
        return True
    if isinstance(function, FunctionType) and function.__name__.startswith("_") and not name.startswith("_"):
        return True
    return None


def once(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Refer to the text of a method instead of repeating it."""
    function = function_of(thing)
    if what not in ("method", "property", "attribute") or not isinstance(function, FunctionType):
        return
    owner, _, own_name = name.rpartition(".")
    module, _, class_name = owner.rpartition(".")
    kind = getattr(importlib.import_module(module), class_name)
    first_name, original = function.__name__, getattr(function, "__wrapped__", None)
    if first_name != own_name and function_of(inspect.getattr_static(kind, first_name, None)) is function:
        role = "attr" if isinstance(thing, property) else "meth"
        lines[:] = [f"The same as :{role}:`{first_name} <{owner}.{first_name}>`.", ""]
    elif original is not None:
        home = f"{original.__module__}.{original.__qualname__}"
        lines[:] = [f"Like :meth:`{original.__qualname__} <{home}>`.", ""]


def setup(app: Sphinx) -> dict[str, bool]:
    for found in pkgutil.walk_packages(butter.__path__, "butter."):
        if not re.search(r"\.cli\b|\._\w+_c$|__main__", found.name):
            complete(found.name)
    find_public_names()
    app.add_directive("generated", Generated)
    app.add_role("constant", Constant())
    app.add_role("measured", Measured())
    app.connect("missing-reference", by_public_name, priority=400)  # before intersphinx
    app.connect("autodoc-process-bases", real_bases)
    app.connect("autodoc-process-signature", real_signature)
    app.connect("autodoc-skip-member", skipped)
    app.connect("autodoc-process-docstring", once)
    return {"parallel_read_safe": True}
