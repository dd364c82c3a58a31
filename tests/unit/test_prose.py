"""Prose is narrow, and the words that make a sentence a riddle stay out of it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
WIDTH = 88

# tools/constants.py writes these; their words are those of the builders
GENERATED = re.compile(r"butter/(_constants/|_\w+_c\.pyi)|docs/_build/")
FILES = [
    path.relative_to(ROOT).as_posix()
    for folder in ("benchmarks", "butter", "docs", "examples", "tests", "tools")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".c", ".h", ".rst") and path != Path(__file__).resolve()
]
FILES = [file for file in FILES if not GENERATED.match(file)]
FILES += ["noxfile.py", "setup.py", "README.rst", "CHANGELOG.rst", ".ci/run"]

# an address, a comment that a tool reads, and the output of a program stay on their line
UNBREAKABLE = re.compile(r"https?://|# noqa|# type: ignore|\[Errno")

PEOPLE = "".join(rf"(?<!\b{noun} )" for noun in ("user", "users", "someone", "everyone", "people", "those", "person"))
WORST = {
    "'who' without a noun before it: write 'the thread that', 'a caller that'": rf"{PEOPLE}(?<![\".-])\bwho(ever)?\b",
    "a sentence about nobody: name the process, the object or the call": r"\b(no|some)body\b",
    # a heading, which has a line below it, is not a sentence
    "a sentence that begins with 'What' and is not a question: name the thing": (
        r"(?:^|[^\w,;'] )\W*(?-i:What) (?![^.]*(?:\?|---|~~~|===))"
    ),
    "'is no x' instead of 'is not an x'": r"(?<!\bthere )\b(is|are) no (?!more|longer|faster|better|larger)[a-z]",
}


def comments(file: str) -> list[tuple[int, str]]:
    """The comments on lines of their own, each with the number of its first line."""
    source = (ROOT / file).read_text()
    pattern = r"^ */\*(?s:.*?)\*/$" if file.endswith((".c", ".h")) else r"(^ *#(:? .*)?\n)+"
    found = re.finditer(pattern, source, re.MULTILINE)
    return [(source.count("\n", 0, comment.start()) + 1, comment[0].rstrip("\n")) for comment in found]


def strings(file: str, only_docstrings: bool = False) -> list[tuple[int, str]]:
    """The strings of a Python file, each with the number of its first line."""
    source = (ROOT / file).read_text()
    nodes = list(ast.walk(ast.parse(source)))
    if only_docstrings:
        first = [node.body[0] for node in nodes if isinstance(getattr(node, "body", None), list) and node.body]
        nodes = [statement.value for statement in first if isinstance(statement, ast.Expr)]
    nodes = [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    lines = source.splitlines()
    return [(node.lineno, "\n".join(lines[node.lineno - 1 : node.end_lineno])) for node in nodes]


def texts(file: str, only_docstrings: bool = False) -> list[tuple[int, str]]:
    """The prose of a file: a page is all of it."""
    if file.endswith(".rst"):
        return [(1, (ROOT / file).read_text())]
    return comments(file) + (strings(file, only_docstrings) if file.endswith(".py") else [])


def wide(texts: list[tuple[int, str]]) -> list[tuple[int, int]]:
    """The number and the width of each line that is too wide."""
    lines = [(first + offset, line) for first, text in texts for offset, line in enumerate(text.splitlines())]
    return [(number, len(line)) for number, line in lines if len(line) > WIDTH and not UNBREAKABLE.search(line)]


def riddles(text: str) -> list[str]:
    """The patterns that a text has, over the ends of its lines too."""
    words = " ".join(re.sub(r"^ *#:? ?", "", text, flags=re.MULTILINE).split())
    return [
        f"{why}: {found[0]!r} in {words[max(0, found.start() - 40) : found.end() + 40]!r}"
        for why, pattern in WORST.items()
        if (found := re.search(pattern, words, re.IGNORECASE))
    ]


@pytest.mark.parametrize("file", FILES)
def test_width(file):
    """Pages, docstrings, and comments on lines of their own have at most 88 columns."""
    found = wide(texts(file, only_docstrings=True))
    assert not found, "\n" + "\n".join(f"{file}:{number}: {columns} columns" for number, columns in found)


@pytest.mark.parametrize("file", FILES)
def test_words(file):
    """Pages, docstrings, comments and error texts have none of the worst words."""
    found = [f"{file}:{first}: {riddle}" for first, text in texts(file) for riddle in riddles(text)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("file", [file for file in FILES if re.search(r"/test_\w+\.py$", file)])
def test_docstrings_of_tests(file):
    """Each test has a docstring of one line, as the output of pytest shows it."""
    tests = [
        node
        for node in ast.walk(ast.parse((ROOT / file).read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")
    ]
    assert [test.name for test in tests if len((ast.get_docstring(test) or "").splitlines()) != 1] == []


def test_riddles():
    """The patterns find what they are for, and leave English alone."""
    for text in (
        "close() wakes who waits",
        "that is no timer",
        "# what nobody\n# sees",
        "Whoever comes second",
        "Adds. What they say",
    ):
        assert riddles(text), text
    for text in (
        "a user who is not root",
        "There\n    is no lock",
        "it is no longer open",
        "which names",
        "the option --who",
        "What is it?",
        "What is left\n---",
    ):
        assert not riddles(text), text
