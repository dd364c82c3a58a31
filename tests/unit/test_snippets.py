"""Each block of Python on a page compiles, and what it uses of butter exists.

The doctest builder of Sphinx runs those that change nothing; this reads all of them,
without running any.
"""

import ast
import builtins
import doctest
import importlib
import inspect
import re
import textwrap
from pathlib import Path
from types import ModuleType

import pytest
import reference

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
PAGES = {
    path.relative_to(ROOT).with_suffix("").as_posix(): path
    for path in [ROOT / "README.rst", *sorted(DOCS.rglob("*.rst"))]
    if "_build" not in path.parts
}
MODULES = {module.__name__: module for module in reference.public_modules()}
PUBLIC = {name: getattr(module, name) for module in MODULES.values() for name in getattr(module, "__all__", ())}
# a page, and the beginnings of its blocks that are templates of butter's inside
EXCLUDED = {"docs/contributing": ("def inotify_rm_watch(", "def _not_removed(", "class Eventfd(")}
# the names of the reader's own program, which no page makes
OWN = {"answer", "build", "child", "connections", "decide", "event", "fetch", "is_clean"}
OWN |= {"load", "measure", "midnight", "pid", "server", "tasks", "work"}
RUN = re.compile(r"\.\. (testcode|testsetup|testcleanup|doctest)::.*")
SHOWN = re.compile(r"\.\. (code-block|code|sourcecode):: *(python3?|pycon)")
MARGIN = re.compile(r" *(?:(?:[*-]|\d+\.|#\.) +)?")
LOOKS_LIKE = re.compile(r"(from [\w.]+ import |import \w|(async )?(with|for|def|class) \w|@\w)")


def is_python(code):
    """Whether a literal block, whose language is not marked, is a program."""
    if LOOKS_LIKE.match(code):
        return True
    try:
        body = ast.parse(code).body
    except SyntaxError:
        return False
    # a word or a number is output, as is an expression without a call
    return any(not isinstance(node, ast.Expr) or isinstance(node.value, (ast.Call, ast.Await)) for node in body)


def source_of(code):
    """The statements of a block, without its prompts and its output."""
    if ">>> " in code:
        return "".join(example.source for example in doctest.DocTestParser().get_examples(code))
    return code


def blocks_of(text):
    """The number of the first line of each block of Python on a page, and its source.

    The source is None if the block has prompts, and stands where none is run.
    """
    lines = text.splitlines()
    index = 0
    while index < len(lines):
        line = lines[index]
        start, index = index, index + 1
        margin = len(MARGIN.match(line)[0])
        run, shown = RUN.fullmatch(line.strip()), SHOWN.fullmatch(line.strip())
        literal = line.rstrip().endswith("::") and not line.lstrip().startswith("..")
        if run or shown or literal:
            while index < len(lines) and (
                not lines[index].strip() or len(lines[index]) - len(lines[index].lstrip()) > margin
            ):
                index += 1
            body = [each for each in lines[start + 1 : index] if not re.match(r" +:[\w-]+:( |$)", each)]
            code = textwrap.dedent("\n".join(body)).strip("\n")
            if ">>> " in code and not run:
                yield start + 1, None
            elif run or shown or is_python(code):
                yield start + 1, source_of(code)
        elif line.lstrip().startswith(">>> "):
            while index < len(lines) and lines[index].strip():
                index += 1
            yield start + 1, source_of(textwrap.dedent("\n".join(lines[start:index]) + "\n"))


class Names(ast.NodeVisitor):
    """The names of a page's program, with the objects of butter among them."""

    def __init__(self):
        self.known = {}  # what butter has under the name; None if that is not known
        self.problems = []

    def look(self, tree):
        for node in ast.walk(tree):
            self.bind(node)
        self.visit(tree)

    def bind(self, node):
        """Learn the names that a statement makes, wherever it stands."""
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.name == "*":
                    self.module(node.module)
                else:
                    self.known[alias.asname or alias.name] = self.imported(node.module, alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                butter = alias.name.partition(".")[0] == "butter"
                self.known[name] = self.module(alias.name if alias.asname else name) if butter else None
                if butter:
                    self.module(alias.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            self.known[node.id] = None
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self.known[node.name] = None
        elif isinstance(node, ast.arg):
            self.known[node.arg] = None
        elif isinstance(node, ast.ExceptHandler) and node.name:
            self.known[node.name] = None

    def module(self, name):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            self.problems.append(str(error))
            return None

    def imported(self, module, name):
        if module.partition(".")[0] != "butter":
            return None
        found = self.module(module)
        if found and not hasattr(found, name):
            return self.module(f"{module}.{name}")
        return getattr(found, name, None)

    def visit_With(self, node):
        for item in node.items:
            self.assigned(item.optional_vars, item.context_expr)
        self.generic_visit(node)

    visit_AsyncWith = visit_With

    def visit_Assign(self, node):
        self.assigned(node.targets[0], node.value)
        self.generic_visit(node)

    def assigned(self, target, value):
        """An object of a class of butter has the attributes of the class."""
        if isinstance(target, ast.Name):
            made = self.found(value.func) if isinstance(value, ast.Call) else None
            self.known[target.id] = Instance(made) if inspect.isclass(made) else None

    def found(self, node):
        """The object of butter that an expression is, or None."""
        found = None
        if isinstance(node, ast.Name):
            found = self.known[node.id] if node.id in self.known else PUBLIC.get(node.id)
            if found is not None and not callable(found) and not isinstance(found, (ModuleType, Instance)):
                found = None  # a number
        elif isinstance(node, ast.Attribute):
            owner = self.found(node.value)
            found = getattr(owner.made if isinstance(owner, Instance) else owner, node.attr, None)
            if not (inspect.isroutine(found) or inspect.isclass(found) or inspect.ismodule(found)):
                found = None  # what a property returns is not known
        if callable(found) and not inspect.isroutine(found) and not inspect.isclass(found):
            return Instance(type(found))  # as prctl, whose settings must not be read here
        return found

    def visit_Name(self, node):
        if not (node.id in self.known or node.id in PUBLIC or hasattr(builtins, node.id) or node.id in OWN):
            self.problems.append(f"{node.id} is neither butter's nor made on the page")

    def visit_Attribute(self, node):
        owner = self.found(node.value)
        made = owner.made if isinstance(owner, Instance) else owner
        # an attribute that __init__ sets is declared in the class
        classes = inspect.getmro(made) if inspect.isclass(made) else ()
        declared = {name for each in classes for name in getattr(each, "__annotations__", ())}
        if made is not None and not hasattr(made, node.attr) and node.attr not in declared:
            self.problems.append(f"{ast.unparse(node)} does not exist")
        self.generic_visit(node)

    def visit_Call(self, node):
        """The arguments of a call are those that the function takes."""
        called = self.found(node.func)
        bound = isinstance(node.func, ast.Attribute) and isinstance(self.found(node.func.value), Instance)
        stars = any(isinstance(each, ast.Starred) for each in node.args) or any(not each.arg for each in node.keywords)
        if called is not None and not stars:
            try:
                signature = inspect.signature(called)
            except (TypeError, ValueError):
                signature = None
            if signature:
                positional = [None] * (len(node.args) + bound)
                try:
                    signature.bind(*positional, **{each.arg: None for each in node.keywords})
                except TypeError as error:
                    self.problems.append(f"{ast.unparse(node)}: {error}")
        self.generic_visit(node)


class Instance:
    """An object that a class of butter makes."""

    def __init__(self, made):
        self.made = made


def problems_of(page, text):
    """The faults in the blocks of a page, with the line in which the block begins."""
    names, problems = Names(), []
    for line, source in blocks_of(text):
        if source is None:
            problems.append(f"{page}:{line}: '>>>' is run outside of literal blocks, and in '.. doctest::'")
            continue
        if source.startswith(EXCLUDED.get(page, ())):
            continue
        try:
            tree = compile(source, page, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        except SyntaxError as error:
            problems.append(f"{page}:{line}: {error}")
            continue
        names.look(tree)
        problems += [f"{page}:{line}: {problem}" for problem in names.problems]
        names.problems = []
    return problems


@pytest.mark.parametrize("page", PAGES)
def test_blocks_of_python(page):
    """A block compiles, and the names, attributes and arguments that it uses exist."""
    assert problems_of(page, PAGES[page].read_text()) == []


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        (".. code-block:: python\n\n   with Timer() as timer\n       pass", "(page, line 1)"),
        ("Wait::\n\n    with Timer() as timer\n        pass\n", "(page, line 1)"),
        ("::\n\n    from butter.timerfd import Tmer", "No module named 'butter.timerfd.Tmer'"),
        ("::\n\n    import butter.timer", "No module named 'butter.timer'"),
        ("Wait::\n\n    Tmer().wait()\n", "Tmer is neither"),
        ("* Wait::\n\n    with Timer() as timer:\n        timer.weit()\n\n  And so on.", "timer.weit does not exist"),
        (
            ".. testcode::\n\n   timer = Timer()\n   timer.every(secons=1)",
            "got an unexpected keyword argument 'secons'",
        ),
        (".. code-block:: python\n\n   prctl.dumpabel = True", "prctl.dumpabel does not exist"),
        (">>> from butter.timerfd import Timer\n>>> Timer.addopt(3)", "Timer.addopt does not exist"),
        ("So::\n\n    >>> 1 + 1\n    2\n", "is run outside"),
    ],
)
def test_a_wrong_block_is_seen(block, problem):
    """A block that does not compile, or names what does not exist, is noticed."""
    found = problems_of("page", block)
    assert len(found) == 1
    assert problem in found[0]
