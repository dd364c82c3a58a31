"""Globs, as git understands them: those of a tree, and of .gitignore files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

# the classes in brackets, which are about ASCII alone
_CLASSES = {
    "alnum": ("09", "AZ", "az"),
    "alpha": ("AZ", "az"),
    "blank": ("  ", "\t\t"),
    "cntrl": ("\0\x1f", "\x7f\x7f"),
    "digit": ("09",),
    "graph": ("!~",),
    "lower": ("az",),
    "print": (" ~",),
    "punct": ("!/", ":@", "[`", "{~"),
    "space": ("\t\r", "  "),
    "upper": ("AZ",),
    "xdigit": ("09", "AF", "af"),
}
#: a pattern that matches nothing
NEVER = "(?!)"
# pieces of a glob that become expressions later
_STAR, _DIRECTORIES = "*", "**/"


class Glob(NamedTuple):
    """A glob: its regular expression, and what that is compared with."""

    regex: str
    #: the expression is for the name alone; else it is for the path
    by_name: bool
    #: only directories match
    only_directories: bool
    #: the parts between the slashes
    parts: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Glob:
        """Return what a glob says: *text* is without any sign that negates it."""
        only_directories = text.endswith("/")
        text = text[:-1] if only_directories else text
        by_name = "/" not in text
        text = text[1:] if text.startswith("/") else text
        return cls(translate(text), by_name, only_directories, tuple(text.split("/")))

    def file_regex(self) -> str:
        """Return the expression of the paths of files that match, or are below."""
        below = "/.*" if self.only_directories else "(?:/.*)?"
        return f"{'(?:.*/)?' if self.by_name else ''}(?:{self.regex}){below}"

    def way_regex(self) -> str:
        """Return the expression of the directories that match, or lead to a match."""
        regex = "(?:/.*)?"
        for part in reversed(self.parts[1:]):
            regex = "(?:/.*)?" if _is_open(part) else f"(?:/{translate(part)}{regex})?"
        return ".*" if _is_open(self.parts[0]) else translate(self.parts[0]) + regex


def _is_open(part: str) -> bool:
    """Return whether what is between two slashes may match another number of parts."""
    return "**" in part or "[" in part or part.endswith("\\")


def union(regexes: Iterable[str]) -> re.Pattern[str] | None:
    """Return a pattern that matches where one of *regexes* does, None for none."""
    each = [f"(?:{regex})" for regex in regexes if regex != NEVER]
    return re.compile("|".join(each), re.DOTALL) if each else None


def translate(glob: str) -> str:
    """Return the regular expression of a glob, for ``fullmatch`` and re.DOTALL."""
    pieces: list[str] = []
    i, literal = 0, True
    while i < len(glob):
        c = glob[i]
        if c == "*":
            end = i
            while glob[end : end + 1] == "*":
                end += 1
            # git compares the literal beginning first, and the rest as another glob
            begins = literal or glob[i - 1] == "/"
            if end - i == 1 or not begins or not (end == len(glob) or glob[end:].startswith(("/", "\\/"))):
                pieces.append(_STAR)
            elif end == len(glob):
                pieces.append(".*")
            elif glob[end] == "/":
                pieces.append(_DIRECTORIES)
                end += 1
            else:
                # at least one directory
                pieces += [_STAR, "/", _DIRECTORIES]
                end += 2
            i, literal = end, False
            continue
        if c == "[":
            found = _set(glob, i)
            if found is None:
                return NEVER
            regex, i = found
            pieces.append(regex)
        elif c == "?":
            pieces.append("[^/]")
        elif c == "\\":
            i += 1
            if i == len(glob):
                return NEVER
            pieces.append(re.escape(glob[i]))
        else:
            pieces.append(re.escape(c))
        literal = literal and c not in "[?\\"
        i += 1
    return _joined(pieces)


# A star need not be tried with every length. All that follows it, up to the next one,
# has a fixed length, so the first place where that fits leaves the most to the next
# star: if the rest does not match there, it matches nowhere. So every star but the last
# ends at the first place, and a glob with many takes no exponential time. The same is
# true of "**/", which counts in directories.


def _joined(pieces: list[str]) -> str:
    """Return one expression of the pieces of a glob."""
    first, *others = _split(pieces, _DIRECTORIES)
    regex = _with_stars(first, not others)
    for number, each in enumerate(others, 1):
        is_last = number == len(others)
        part = _with_stars(each, is_last)
        regex += f"(?:.*/)?{part}" if is_last else f"(?:(?!{part})[^/]*/)*{part}"
    return regex


def _with_stars(pieces: list[str], is_last: bool) -> str:
    first, *others = ("".join(each) for each in _split(pieces, _STAR))
    regex = first
    for number, part in enumerate(others, 1):
        ends = is_last and number == len(others)
        regex += f"[^/]*{part}" if ends else f"(?:(?!{part})[^/])*{part}"
    return regex


def _split(pieces: list[str], at: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for piece in pieces:
        if piece == at:
            parts.append([])
        else:
            parts[-1].append(piece)
    return parts


def _set(glob: str, i: int) -> tuple[str, int] | None:
    """Return the expression of the brackets at *i*, and where they end.

    None for brackets that have no end, or a class that does not exist.
    """
    i += 1
    negated = glob[i : i + 1] in ("!", "^")
    i += negated
    # two characters each
    ranges: list[str] = []
    before, first = "", i
    while i < len(glob):
        c = glob[i]
        if c == "]" and i > first:
            members = "".join(f"{re.escape(each[0])}-{re.escape(each[1])}" for each in ranges if each[0] <= each[1])
            if negated:
                return f"[^/{members}]", i
            return (f"(?!/)[{members}]" if members else NEVER), i
        if c == "-" and before and glob[i + 1 : i + 2] not in ("", "]"):
            i += 1 + (glob[i + 1] == "\\")
            ranges.append(before + glob[i : i + 1])
            before = ""
            if i >= len(glob):
                return None
        elif c == "[" and glob[i + 1 : i + 2] == ":":
            end = glob.find("]", i + 2)
            if end < 0:
                return None
            if end == i + 2 or glob[end - 1] != ":":
                ranges.append("[[")
                before = c
            elif (named := _CLASSES.get(glob[i + 2 : end - 1])) is None:
                return None
            else:
                ranges += named
                before, i = "", end
        else:
            if c == "\\":
                i += 1
                c = glob[i : i + 1]
                if not c:
                    return None
            ranges.append(c + c)
            before = c
        i += 1
    return None
