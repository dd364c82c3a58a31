"""Prose is narrow, and the words that make a sentence a riddle stay out of it."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
WIDTH = 88

# tools/constants.py writes these; their words are those of the builders
GENERATED = re.compile(r"butter/(_constants/|_\w+_c\.pyi)")
FILES = [
    path.relative_to(ROOT).as_posix()
    for folder in ("butter", "tools", "benchmarks", "examples")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".c", ".h")
]
FILES = [file for file in FILES if not GENERATED.match(file)] + ["noxfile.py", "setup.py"]

# an address, and a comment that a tool reads, stay on their line
UNBREAKABLE = re.compile("https?://|# noqa|# type: ignore")

PEOPLE = "".join(rf"(?<!\b{noun} )" for noun in ("user", "users", "someone", "everyone", "people", "those", "person"))
WORST = {
    "'who' without a noun before it: write 'the thread that', 'a caller that'": rf"{PEOPLE}\bwho(ever)?\b",
    "a sentence about nobody: name the process, the object or the call": r"\b(no|some)body\b",
    "'is no x' instead of 'is not an x'": r"(?<!\bthere )\b(is|are) no (?!more|longer|faster|better|larger)[a-z]",
}


def comments(file: str) -> list[tuple[int, str]]:
    """The comments that have lines of their own, with the numbers of their first lines."""
    source = (ROOT / file).read_text()
    if file.endswith(".py"):
        tokens = tokenize.generate_tokens(io.StringIO(source).readline)
        blocks: list[tuple[int, str]] = []
        for token in tokens:
            if token.type == tokenize.COMMENT and token.line.lstrip().startswith("#"):
                first, text = blocks[-1] if blocks else (-1, "")
                if first + text.count("\n") + 1 == token.start[0]:
                    blocks[-1] = first, f"{text}\n{token.line.rstrip()}"
                else:
                    blocks.append((token.start[0], token.line.rstrip()))
        return blocks
    found = re.finditer(r"^ */\*.*?\*/$", source, re.DOTALL | re.MULTILINE)
    return [(source.count("\n", 0, comment.start()) + 1, comment[0]) for comment in found]


def strings(file: str, only_docstrings: bool) -> list[tuple[int, str]]:
    """The strings of a Python file as their lines stand there, with the numbers of their first lines."""
    if not file.endswith(".py"):
        return []
    source = (ROOT / file).read_text()
    nodes = list(ast.walk(ast.parse(source)))
    if only_docstrings:
        first = [node.body[0] for node in nodes if isinstance(getattr(node, "body", None), list) and node.body]
        nodes = [statement.value for statement in first if isinstance(statement, ast.Expr)]
    nodes = [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    lines = source.splitlines()
    return [(node.lineno, "\n".join(lines[node.lineno - 1 : node.end_lineno])) for node in nodes]


def wide(texts: list[tuple[int, str]]) -> list[tuple[int, int]]:
    """The number and the width of each line that is too wide."""
    lines = [(first + offset, line) for first, text in texts for offset, line in enumerate(text.splitlines())]
    return [(number, len(line)) for number, line in lines if len(line) > WIDTH and not UNBREAKABLE.search(line)]


def riddles(text: str) -> list[str]:
    """What is wrong with the words of a text, over the ends of its lines too."""
    words = " ".join(re.sub(r"^ *#:? ?", "", text, flags=re.MULTILINE).split())
    return [
        f"{why}: {found[0]!r} in {words[max(0, found.start() - 40) : found.end() + 40]!r}"
        for why, pattern in WORST.items()
        if (found := re.search(pattern, words, re.IGNORECASE))
    ]


@pytest.mark.parametrize("file", FILES)
def test_width(file):
    """Docstrings and comments have at most 88 columns; a comment behind code may have those of code."""
    found = wide(comments(file) + strings(file, only_docstrings=True))
    assert not found, "\n" + "\n".join(f"{file}:{number}: {columns} columns" for number, columns in found)


@pytest.mark.parametrize("file", FILES)
def test_words(file):
    """Docstrings, comments and error texts have none of the worst words."""
    texts = comments(file) + strings(file, only_docstrings=False)
    found = [f"{file}:{first}: {riddle}" for first, text in texts for riddle in riddles(text)]
    assert not found, "\n" + "\n".join(found)


def test_riddles():
    """The patterns find what they are for, and leave English alone."""
    for text in "close() wakes who waits", "that is no timer", "# what nobody\n# sees", "Whoever comes second":
        assert riddles(text), text
    for text in "a user who is not root", "There\n    is no lock", "it is no longer open", "which names":
        assert not riddles(text), text
