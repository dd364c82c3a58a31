"""Patterns of butter.tree: ``exclude``, ``include`` and the rules of .gitignore."""

import os
import random
import shutil
import subprocess
from functools import partial

import pytest
from support import needs
from support.histories import Mirror, Storm, differences, on_disk, start

from butter.errors import PathNotADirectory, PathNotFound
from butter.tree import ChangeKind, Tree, gitignore

CREATED, DELETED, MOVED, WRITTEN = ChangeKind.CREATED, ChangeKind.DELETED, ChangeKind.MOVED, ChangeKind.WRITTEN
git = needs(when=shutil.which("git"), reason="needs git")
backends = pytest.mark.parametrize(
    "backend", ["inotify", pytest.param("fanotify", marks=needs("CAP_SYS_ADMIN", kernel=(5, 17)))]
)


@pytest.fixture
def root(tmp_path):
    """A directory with some files: a, a.py, and the same in src, src/deep and build."""
    path = tmp_path / "root"
    for directory in ("", "src", "src/deep", "build"):
        (path / directory).mkdir(parents=True)
        (path / directory / "a").touch()
        (path / directory / "a.py").touch()
    return path


def below(place, **options):
    with Tree(place, **options) as tree:
        return sorted(set(tree.entries()) - {""})


def told(tree):
    tree.sync(60)
    return [tree.wait(0) for _ in range(tree.pending)]


def changes(tree):
    """All changes until now: ``[(kind, path, old path), ...]``."""
    return [(each.kind, each.path, each.old_path) for each in told(tree)]


BUILD = ["build", "build/a", "build/a.py"]
SRC = ["src", "src/a", "src/a.py", "src/deep", "src/deep/a", "src/deep/a.py"]
ALL = ["a", "a.py", *BUILD, *SRC]


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({"exclude": "nothing"}, ALL),
        ({"exclude": "*.py"}, ["a", "build", "build/a", "src", "src/a", "src/deep", "src/deep/a"]),
        ({"exclude": b"build"}, ["a", "a.py", *SRC]),
        ({"exclude": ["deep", "/build", "src/a*"]}, ["a", "a.py", "src"]),
        ({"exclude": "a/"}, ALL),
        ({"exclude": "src/"}, ["a", "a.py", *BUILD]),
        ({"exclude": "src/**/a"}, ["a", "a.py", *BUILD, "src", "src/a.py", "src/deep", "src/deep/a.py"]),
        ({"exclude": "src/**"}, ["a", "a.py", *BUILD, "src"]),
        ({"exclude": "?"}, ["a.py", "build", "build/a.py", "src", "src/a.py", "src/deep", "src/deep/a.py"]),
        ({"exclude": "[!a-c]*"}, ["a", "a.py", *BUILD]),
        ({"exclude": lambda path, is_dir: is_dir or path == "a"}, ["a.py"]),
        ({"include": "*.py"}, ["a.py", "build", "build/a.py", "src", "src/a.py", "src/deep", "src/deep/a.py"]),
        ({"include": "src/deep"}, ["src", "src/deep", "src/deep/a", "src/deep/a.py"]),
        ({"include": "deep/"}, ["build", "src", "src/deep", "src/deep/a", "src/deep/a.py"]),
        ({"include": ["/a", "src/a.*"]}, ["a", "src", "src/a.py"]),
        ({"include": "**/a"}, ["a", "build", "build/a", "src", "src/a", "src/deep", "src/deep/a"]),
        ({"include": lambda path, is_dir: path == "src/a"}, ["build", "src", "src/a", "src/deep"]),
        ({"include": "*.py", "exclude": ["src", "a.py"]}, ["build"]),
    ],
)
def test_globs(root, options, left):
    """A glob is compared with the name, or with the path if it has a slash."""
    assert below(root, **options) == left


def test_matchers_that_are_refused(root):
    """Other objects, an empty glob, and rules of gitignore to include are refused."""
    for options, error in (
        ({"exclude": 1}, TypeError),
        ({"include": [None]}, TypeError),
        ({"exclude": [""]}, ValueError),
        ({"include": gitignore(root)}, TypeError),
    ):
        with pytest.raises(error):
            Tree(root, **options)


def test_bytes_and_text(tmp_path):
    """A function has paths as the root was given; a character is one for a glob."""
    asked = []
    os.mkdir(os.fsencode(tmp_path) + b"/\xff")
    os.mkdir(os.fsencode(tmp_path) + "/é".encode())
    with Tree(os.fsencode(tmp_path), exclude=[lambda path, is_dir: asked.append((path, is_dir)), "?"]) as tree:
        assert list(tree.entries()) == [b""]
    with Tree(os.fsencode(tmp_path), exclude=lambda path, is_dir: asked.append((path, is_dir))):
        assert sorted(asked) == [("é".encode(), True), (b"\xff", True)]


@backends
def test_moves_across_the_edge(root, backend):
    """A move from an excluded name is CREATED, and one to an excluded name DELETED."""
    with Tree(root, exclude=["*.tmp", "build"], backend=backend) as tree:
        (root / "x.tmp").write_text("text")
        assert changes(tree) == []
        (root / "x.tmp").rename(root / "x")
        assert changes(tree) == [(CREATED, "x", None)]
        (root / "x").rename(root / "y")
        assert changes(tree) == [(MOVED, "y", "x")]
        (root / "y").rename(root / "y.tmp")
        assert changes(tree) == [(DELETED, "y", None)]
        (root / "src/deep").rename(root / "build/deep")
        assert changes(tree) == [(DELETED, "src/deep", None)]
        (root / "build").rename(root / "src/made")
        found = changes(tree)
        assert found[0] == (CREATED, "src/made", None)
        assert {path for _, path, _ in found} == {"src/made"} | {
            f"src/made/{each}" for each in ("a", "a.py", "deep", "deep/a", "deep/a.py")
        }


def test_watches_of_excluded_directories(root):
    """An excluded directory, or one that no glob leads to, has no watch."""
    with Tree(root, backend="inotify") as tree:
        everything = tree._source.watches
    for options, fewer in (({"exclude": "src"}, 2), ({"include": "build/*"}, 2), ({"include": "*.c"}, 0)):
        with Tree(root, backend="inotify", **options) as tree:
            assert tree._source.watches == everything - fewer
            (root / "src").rename(root / "source")
            (root / "source").rename(root / "src")
            told(tree)
            assert tree._source.watches == everything - fewer


def test_paths_after_a_move(root):
    """Globs with a slash are asked again about all below a directory that moved."""
    with Tree(root, exclude="src/deep/a") as tree:
        mirror = Mirror(tree.entries())
        (root / "src").rename(root / "other")
        for change in told(tree):
            mirror.follow(change)
        assert "other/deep/a" in mirror.entries
        (root / "other").rename(root / "src")
        for change in told(tree):
            mirror.follow(change)
        assert "src/deep/a" not in mirror.entries
        assert "src/deep/a.py" in mirror.entries


def left_in(disk, keeps):
    """The entries of a disk that a function keeps, with the directories above them."""
    kept = {}
    for path, entry in disk.items():  # parents come first
        parent = path.rpartition("/")[0]
        if not path or (parent in kept and keeps(path, entry.is_dir)):
            kept[path] = entry
    return kept


@backends
@pytest.mark.parametrize("seed", range(3))
def test_histories(tmp_path, backend, seed):
    """After random operations the mirror is what the patterns leave of the disk."""
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (tmp_path / "outside").mkdir()

    def keeps(path, is_dir):
        parts = path.split("/")
        return parts[-1] != "b" and parts[-1] != "g" and parts[:2] != ["a", "c"]

    with Tree(root, exclude=["b", "g", "/a/c"], backend=backend) as tree:
        mirror = Mirror(tree.entries())
        children = [start(partial(Storm(tmp_path, f"{seed} {number}", links=False).run, 100)) for number in range(2)]
        while children:
            try:
                mirror.follow(tree.wait(0.002))
            except TimeoutError:
                pass
            children = [each for each in children if os.waitpid(each, os.WNOHANG)[0] == 0]
        for change in told(tree):
            mirror.follow(change)
        assert not differences(mirror.entries, left_in(on_disk(root), keeps))


# .gitignore


def run_git(place, *arguments, **options):
    environment = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(place), "XDG_CONFIG_HOME": str(place)}
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_CONFIG_GLOBAL"):
        environment.pop(name, None)
    return subprocess.run(["git", *arguments], cwd=place, env=environment, stdout=subprocess.PIPE, **options)


def ignored_by_git(place):
    """The paths below *place*, which is a repository, that git ignores, as bytes."""
    paths = [path for path in on_disk(place, True) if path and not (path + b"/").startswith(b".git/")]
    found = run_git(place, "check-ignore", "--no-index", "-z", "--stdin", input=b"\0".join(paths) + b"\0")
    assert found.returncode in (0, 1)
    return set(paths), set(found.stdout.split(b"\0")[:-1])


class Ignorer:
    """Random trees, and random .gitignore files in them."""

    NAMES = (b"a", b"b", b"ab", b"a.o", b"a b", b"[a]", b"\xff", b"-")
    PIECES = (b"a", b"b", b"o", b".", b"*", b"**", b"?", b"/", b"/", b"[ab]", b"[!a]", b"[^b-z]", b"[[:alpha:]]")
    ODD = (b"\\", b" ", b"[", b"]", b"[]-]", b"[a\\-z]", b"[[:x:]]", b"\\*", b"\xff", b"\\ ", b"[a-", b"!", b"#", b"\r")

    def __init__(self, seed):
        self._random = random.Random(seed)

    def tree(self, place, depth=0):
        os.mkdir(place)
        for name in self._random.sample(self.NAMES, 4):
            if depth < 3 and self._random.random() < 0.6:
                self.tree(place + b"/" + name, depth + 1)
            else:
                open(place + b"/" + name, "wb").close()
        if depth == 0 or self._random.random() < 0.3:
            self.rules(place)

    def rules(self, place):
        with open(place + b"/.gitignore", "wb") as file:
            file.write(self._random.choice((b"", b"", b"\xef\xbb\xbf")))
            file.write(b"\n".join(self.line() for _ in range(self._random.randrange(5))))
            file.write(self._random.choice((b"", b"\n", b"\r\n")))

    def line(self):
        pieces = [self._random.choice(self.PIECES) for _ in range(self._random.randrange(1, 6))]
        if self._random.random() < 0.3:
            pieces.insert(self._random.randrange(len(pieces) + 1), self._random.choice(self.ODD))
        return self._random.choice((b"", b"", b"!", b"#", b"/")) * (self._random.random() < 0.5) + b"".join(pieces)


@git
@pytest.mark.parametrize("seed", range(12))
def test_gitignore_is_what_git_does(tmp_path, seed):
    """Random rules exclude what ``git check-ignore`` does, in a tree too."""
    place = os.fsencode(tmp_path) + b"/root"
    Ignorer(seed).tree(place)
    run_git(place, "init", "-q", check=True)
    with open(place + b"/.git/info/exclude", "wb") as file:
        file.write(Ignorer(f"{seed} exclude").line())
    paths, ignored = ignored_by_git(place)
    rules = gitignore(place)
    assert {path for path in paths if rules(path, os.path.isdir(place + b"/" + path))} == ignored
    with Tree(place, exclude=rules) as tree:
        assert set(tree.entries()) - {b""} == paths - ignored
    assert rules(b".git", True)


@git
def test_rules_that_change(tmp_path):
    """A tree is what git does not ignore, also after its .gitignore files changed."""
    place, lines = os.fsencode(tmp_path) + b"/root", random.Random(7)
    Ignorer(7).tree(place)
    run_git(place, "init", "-q", check=True)
    with Tree(place, exclude=gitignore(place)) as tree:
        mirror, seen = Mirror(tree.entries()), set()
        for turn in range(12):
            directories = [place + b"/" + path for path, entry in mirror.entries.items() if entry.is_dir]
            where = sorted(directories)[turn % len(directories)].rstrip(b"/")
            if turn % 4 == 3 and where != place:
                os.rename(where, where + b"x")
            elif turn % 3 == 2 and os.path.exists(where + b"/.gitignore"):
                os.unlink(where + b"/.gitignore")
            else:
                with open(where + b"/.gitignore", "wb") as file:
                    file.write(
                        b"\n".join(lines.sample((b"a", b"b", b"!a", b"*", b"!*/", b"/ab", b"a/", b"!b", b"*o"), 3))
                    )
            for change in told(tree):
                mirror.follow(change)
            paths, ignored = ignored_by_git(place)
            assert set(mirror.entries) - {b""} == paths - ignored
            seen.add(frozenset(ignored))
        assert len(seen) > 3


def test_gitignore_above_the_root(tmp_path):
    """The rules above the root count in a repository, and elsewhere they do not."""
    (tmp_path / "top/root").mkdir(parents=True)
    (tmp_path / "top/root/kept").touch()
    (tmp_path / "top/root/left").touch()
    (tmp_path / ".gitignore").write_text("kept\n")
    (tmp_path / "top/.gitignore").write_text("root/left\n")
    root = tmp_path / "top/root"
    assert below(root, exclude=gitignore(root)) == ["kept", "left"]
    (tmp_path / "top/.git").mkdir()
    assert below(root, exclude=gitignore(root)) == ["kept"]
    assert below(tmp_path / "top", exclude=gitignore(root)) == [".gitignore", "root", "root/kept"]
    with pytest.raises(PathNotFound):
        gitignore(tmp_path / "nothing")
    with pytest.raises(PathNotADirectory):
        gitignore(tmp_path / ".gitignore")
