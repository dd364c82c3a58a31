"""Patterns that leave names out of a tree: globs, functions, and .gitignore files.

A pattern is asked for each name on the disk, so the directories above a name are in the
tree already, and are not asked again. That is also what git does: a file cannot be
included again if a directory above it is excluded.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from butter._arguments import fsencode
from butter._tree_globs import Glob, union
from butter._tree_place import directory_at, is_below

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Union

    from butter._arguments import Path
    from butter._tree_model import Directory, Model

    Function = Callable[[Any, bool], object]
    #: what ``exclude`` and ``include`` of a tree take
    Matcher = Union[str, bytes, Function, "Gitignore", Iterable[Union[str, bytes, Function, "Gitignore"]]]

_NAME, _GIT = b".gitignore", b".git"


class Matchers(NamedTuple):
    """The globs, the functions and the rules that an argument has."""

    globs: list[Glob]
    functions: list[Function]
    gitignores: list[Gitignore]

    @classmethod
    def of(cls, matchers: Matcher | None, argument: str) -> Matchers | None:
        """Return the matchers of *argument*, None for an argument that is None."""
        if matchers is None:
            return None
        found = cls([], [], [])
        each: Any
        if isinstance(matchers, (str, bytes)) or callable(matchers):
            matchers = [matchers]
        elif isinstance(matchers, (bytearray, memoryview)) or not isinstance(matchers, Iterable):
            raise _wrong_type(argument, matchers)
        for each in matchers:
            if isinstance(each, Gitignore):
                if argument == "include":
                    raise TypeError("include cannot have the rules of gitignore(), which say what to exclude")
                found.gitignores.append(each)
            elif callable(each):
                found.functions.append(each)
            elif not isinstance(each, (str, bytes)):
                raise _wrong_type(argument, each)
            else:
                found.globs.append(_glob(argument, each))
        return found


def _wrong_type(argument: str, matcher: object) -> TypeError:
    return TypeError(f"{argument} must be globs or functions, not {type(matcher).__name__}")


def _glob(argument: str, text: str | bytes) -> Glob:
    """Return the glob of a text, unless no path can match it."""
    if not text:
        raise ValueError(f"{argument} has an empty glob")
    try:
        if b"\0" in os.fsencode(text):
            raise ValueError(f"{argument} has a NUL byte in {text!r}: no name has one")
    except UnicodeEncodeError:
        raise ValueError(f"{argument} has a character in {text!r} that no name can have") from None
    glob = Glob.of(os.fsdecode(text))
    for part in glob.parts:
        if part in ("", ".", ".."):
            kind = f"the part {part!r}" if part else "an empty part"
            raise ValueError(f"{argument} has {kind} in {text!r}, and no path from the root has one")
    return glob


class Patterns:
    """The patterns of a tree: ``excluded`` is what its model asks."""

    def __init__(
        self,
        model: Model,
        exclude: Matchers | None,
        include: Matchers | None,
        text: Callable[[bytes], Any],
    ) -> None:
        self._model = model
        self._text = text
        globs, self._functions, gitignores = exclude or Matchers([], [], [])
        self._excluded = _Globs(globs)
        self._followed = [_Followed(model, each) for each in gitignores]
        self._included = None if include is None else _Included(include)

    def excluded(self, parent: Directory, name: bytes, is_dir: bool) -> bool:
        """Return whether the name is not in the tree."""
        for followed in self._followed:
            if followed.excluded(parent, name, is_dir):
                return True
        globs, included = self._excluded, self._included
        if globs.has_names and globs.name_matches(os.fsdecode(name), is_dir):
            return True
        if not (globs.has_paths or self._functions or included):
            return False
        path = self._model.path_at(parent, name)
        if globs.has_paths and globs.path_matches(os.fsdecode(path), is_dir):
            return True
        if any(function(self._text(path), is_dir) for function in self._functions):
            return True
        if included is None:
            return False
        return not included.has(os.fsdecode(path), self._text(path), is_dir)

    def rescanned(self, directory: Directory) -> None:
        """Remember that all names of a directory are going to be looked at."""
        for followed in self._followed:
            followed.unsure.add(directory)


class _Globs:
    """Globs of names that are left out."""

    def __init__(self, globs: list[Glob]) -> None:
        # for files, and for directories
        self._names = [
            union(each.regex for each in globs if each.by_name and each.only_directories <= is_dir)
            for is_dir in (False, True)
        ]
        self._paths = [
            union(each.regex for each in globs if not each.by_name and each.only_directories <= is_dir)
            for is_dir in (False, True)
        ]
        self.has_names, self.has_paths = any(self._names), any(self._paths)

    def name_matches(self, name: str, is_dir: bool) -> bool:
        pattern = self._names[is_dir]
        return pattern is not None and pattern.fullmatch(name) is not None

    def path_matches(self, path: str, is_dir: bool) -> bool:
        pattern = self._paths[is_dir]
        return pattern is not None and pattern.fullmatch(path) is not None


class _Included:
    """Globs and functions of files that alone are in the tree.

    A directory that matches is in it with all below. Another one is in it if something
    below may match.
    """

    def __init__(self, matchers: Matchers) -> None:
        globs, self._functions, _ = matchers
        self._files = union(each.file_regex() for each in globs)
        self._all_directories = bool(self._functions) or any(each.by_name for each in globs)
        self._directories = union(each.way_regex() for each in globs)

    def has(self, path: str, text: Any, is_dir: bool) -> bool:
        """Return whether a path is in the tree; functions are given *text*."""
        if is_dir and self._all_directories:
            return True
        pattern = self._directories if is_dir else self._files
        if pattern is not None and pattern.fullmatch(path):
            return True
        return any(function(text, False) for function in self._functions)


# .gitignore


class _Rules:
    """The rules of one .gitignore file."""

    def __init__(self, text: bytes) -> None:
        #: the last comes first, because the last that matches decides
        self._rules: list[tuple[Any, Glob, bool]] = []
        if text.startswith(b"\xef\xbb\xbf"):
            text = text[3:]
        for line in text.split(b"\n"):
            line = line[:-1] if line.endswith(b"\r") else line
            self._add(_stripped(line.partition(b"\0")[0]))
        self._rules.reverse()

    def _add(self, line: bytes) -> None:
        if not line or line.startswith(b"#"):
            return
        includes = line.startswith(b"!")
        # git compares bytes
        glob = Glob.of(line[includes:].decode("latin-1"))
        pattern = union([glob.regex])
        if pattern is not None:
            self._rules.append((pattern, glob, includes))

    def decide(self, path: str, name: str, is_dir: bool) -> bool | None:
        """Return whether a path is excluded; None if no rule is about it.

        The path is relative to the directory of the file; both are latin-1.
        """
        for pattern, glob, includes in self._rules:
            if glob.only_directories and not is_dir:
                continue
            if pattern.fullmatch(name if glob.by_name else path):
                return not includes
        return None


def _stripped(line: bytes) -> bytes:
    """Return a line without the spaces at its end, unless one has a backslash."""
    end = i = 0
    while i < len(line):
        if line[i : i + 1] == b"\\":
            i += 1
            if i == len(line):
                return line
            end = i + 1
        elif line[i : i + 1] != b" ":
            end = i + 1
        i += 1
    return line[:end]


def _read(path: bytes) -> bytes:
    """Return the text of a file of rules, empty if it cannot be read."""
    try:
        # git does not follow a link, either
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    with open(fd, "rb") as file:
        try:
            return file.read() if stat.S_ISREG(os.fstat(fd).st_mode) else b""
        except OSError:
            return b""


class Gitignore:
    """The rules of .gitignore files, as :func:`gitignore` returns them."""

    def __init__(self, path: Path) -> None:
        self.place = self.top = place = directory_at(path)
        above = place
        while True:
            if os.path.lexists(os.path.join(above, _GIT)):
                self.top = above
                break
            if above == b"/":
                break
            above = os.path.dirname(above)
        #: the rules of the whole repository
        self.of_all = _Rules(_read(os.path.join(self.top, _GIT, b"info/exclude")))

    def __call__(self, path: Path, is_dir: bool = False) -> bool:
        """Return whether a path, which is relative to the directory, is excluded.

        The files are read anew at each call.
        """
        parts = os.path.relpath(os.path.join(self.place, fsencode(path)), self.top).split(b"/")
        if parts[0] == b"..":
            return False
        directories = [os.path.join(self.top, *parts[:depth]) for depth in range(len(parts))]
        rules = [_Rules(_read(os.path.join(each, _NAME))) for each in directories]
        return any(
            self._decide(parts[: depth + 1], rules[: depth + 1], is_dir or depth < len(parts) - 1)
            for depth in range(len(parts))
            if parts != [b"."]
        )

    def _decide(self, parts: list[bytes], rules: list[_Rules], is_dir: bool) -> bool:
        if parts[-1] == _GIT:
            return True
        texts = [part.decode("latin-1") for part in parts]
        for depth in range(len(parts) - 1, -1, -1):
            verdict = rules[depth].decide("/".join(texts[depth:]), texts[-1], is_dir)
            if verdict is not None:
                return verdict
        return bool(self.of_all.decide("/".join(texts), texts[-1], is_dir))


def gitignore(path: Path) -> Gitignore:
    """Return the rules of the .gitignore files in the directory *path*, and below it.

    They are for ``exclude`` of a tree, which reads the files again when they change. ::

        with Tree("project", exclude=gitignore("project")) as tree:
            ...

    In a repository of git those of the directories above count, up to the top of the
    repository, and ``.git/info/exclude``; a tree reads these once. The settings of a
    user do not count. A directory ``.git`` is excluded, too. The rules mean what
    :manpage:`gitignore(5)` says. Called with a path below the directory and whether
    that is a directory, they return whether git ignores it.

    Raises PathNotFound, PathNotADirectory.
    """
    return Gitignore(path)


class _Followed:
    """The rules of .gitignore files in a model, which change with the files.

    The rules of a directory are read when they are needed, and again when its
    .gitignore is looked at, or all its names. The path may lead elsewhere at that time;
    then the directory has moved, which makes the model look at all its names again.
    """

    def __init__(self, model: Model, rules: Gitignore) -> None:
        self._model = model
        self._top, self._of_all = rules.top, rules.of_all
        #: the text of each file with its rules; None for directories outside
        self._known: dict[Directory, tuple[bytes, _Rules, bool] | None] = {}
        self._most = 1000
        #: directories whose files may have changed
        self.unsure: set[Directory] = set()

    def excluded(self, parent: Directory, name: bytes, is_dir: bool) -> bool:
        """Return whether git ignores the name."""
        if name == _NAME:
            self.unsure.add(parent)
        text = path = name.decode("latin-1")
        node: Directory | None = parent
        is_top = False
        while node is not None and not is_top:
            found = self._rules_of(node)
            if found is None:
                return False
            _, rules, is_top = found
            verdict = rules.decide(path, text, is_dir)
            if verdict is not None:
                return verdict or name == _GIT
            if not is_top:
                path = f"{node.name.decode('latin-1')}/{path}"
            node = node.parent
        return name == _GIT or bool(self._of_all.decide(path, text, is_dir))

    def _rules_of(self, node: Directory) -> tuple[bytes, _Rules, bool] | None:
        known = self._known
        if node in known and node not in self.unsure:
            return known[node]
        self.unsure.discard(node)
        path = self._model.path(node)
        if not is_below(path, self._top):
            known[node] = None
            return None
        text = _read(os.path.join(path, _NAME))
        before = known.get(node)
        if before is not None and before[0] == text:
            return before
        known[node] = result = text, _Rules(text), path == self._top
        if before is not None:
            self._changed(node)
        elif len(known) > self._most:
            self._known = {each: value for each, value in known.items() if not each.gone}
            self.unsure = {each for each in self.unsure if not each.gone}
            self._most = 2 * len(self._known) + 1000
        return result

    def _changed(self, node: Directory) -> None:
        """Have all names looked at that other rules are about."""
        model = self._model
        if not node.way:
            model.rescan(node)
        for below in model.directories(node):
            if not below.way:
                model.rescan(below)
