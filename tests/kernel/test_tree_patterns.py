"""Patterns of butter.tree: ``exclude``, ``include`` and the rules of .gitignore."""

import contextlib
import gc
import os
import random
import re
import shutil
import subprocess
import sys
import time

import pytest
from support import needs
from support.histories import Mirror, changes, history, lose_events, on_disk, seeds, told

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


def test_globs_with_many_stars(tmp_path):
    """A glob that fits in a great many ways, and does not match, takes no time."""
    # no rules above it count
    (tmp_path / ".git").mkdir()
    for glob, path in (
        ("*a" * 6 + "*b", "a" * 70 + "bc"),
        ("**/" * 9 + "zz", "a/" * 30 + "zzz"),
        ("**/*a*a/" * 7 + "b", "aa/" * 30 + "a"),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
        (tmp_path / ".gitignore").write_text(glob)
        begin = time.thread_time()
        assert path in below(tmp_path, exclude=glob)
        assert path not in below(tmp_path, include=glob)
        assert not gitignore(tmp_path)(path)
        assert time.thread_time() - begin < 2


def test_matchers_that_are_refused(root):
    """Other objects, a glob that no path matches, and rules to include are refused."""
    for options, error, sentence in (
        ({"exclude": 1}, TypeError, "exclude must be globs or functions, not int"),
        ({"exclude": root}, TypeError, f"not {type(root).__name__}"),
        ({"exclude": bytearray(b"a")}, TypeError, "not bytearray"),
        ({"include": [None]}, TypeError, "include must be globs or functions, not NoneType"),
        ({"include": gitignore(root)}, TypeError, "gitignore"),
        ({"exclude": [""]}, ValueError, "exclude has an empty glob"),
        ({"include": "a\ud800"}, ValueError, "include has a character"),
        ({"exclude": b"a\0"}, ValueError, "NUL byte"),
        ({"exclude": "./a"}, ValueError, "exclude has the part '.' in './a'"),
        ({"exclude": ["a", "../x"]}, ValueError, "the part '..'"),
        ({"exclude": "a//b"}, ValueError, "an empty part"),
        ({"exclude": "/"}, ValueError, "an empty part"),
    ):
        with pytest.raises(error, match=re.escape(sentence)):
            Tree(root, **options)


def test_a_function_that_reads_the_tree(root):
    """A function that reads its tree has an error that names it."""
    trees = []
    with Tree(root, exclude=lambda path, is_dir: bool(trees) and trees[0].quiet) as tree:
        trees.append(tree)
        (root / "new").touch()
        with pytest.raises(RuntimeError, match="a function of exclude or include, cannot read it"):
            tree.step()
        trees.clear()


@pytest.mark.skipif(sys.implementation.name == "pypy", reason="its collector runs when it likes")
def test_a_tree_that_is_forgotten(root):
    """A tree with patterns refers to itself nowhere, so it is closed at once."""
    gc.disable()
    try:
        with pytest.warns(ResourceWarning, match="unclosed"):
            Tree(root, exclude=["*.py", lambda path, is_dir: False, gitignore(root)])
    finally:
        gc.enable()


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


@backends
def test_histories(tmp_path, backend):
    """After random operations the mirror is what the patterns leave of the disk."""
    history(tmp_path / "place", 0, exclude=("b", "g", "/a/c"), backend=backend)


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


# the paths in each directory that has rules: files are those that nothing is below
PATHS = [
    b"a",
    b"ab",
    b"abb/a",
    b"abb/b",
    b"b/a/b",
    b"b/b/ab",
    b"b/bb",
    b"a b",
    b"a ",
    b"ba.o",
    b".o",
    b"c/.git",
    b"[a]",
]
PATHS += [
    b"]",
    b"-",
    b"!a",
    b"#a",
    b"\\",
    b"a\\",
    b"a\r",
    b"\xff",
    b"\xe9/a",
    b"b/a*",
    b"b/**",
    b":",
    b"b/]/-",
    b"B",
    b"_",
]
PIECES = [b"a", b"b", b"a", b"b", b"*", b"**", b"**", b"?", b"/", b"/", b"/", b"[ab]", b"[!a]", b"[^b-z]", b".o"]
ODD = [
    b"\\",
    b" ",
    b"[",
    b"]",
    b"[]-]",
    b"[a\\-z]",
    b"[[:x:]]",
    b"\\*",
    b"\xff",
    b"\\ ",
    b"[a-",
    b"!",
    b"#",
    b"\r",
    b"[!-a]",
]
ODD += [
    b"[[:alpha:]]",
    b"[[:upper:]_]",
    b"[[:punct:]",
    b"[[:]",
    b"[[a]",
    b"[b-a]",
    b"[!b-a]",
    b"[\\]]",
    b"[a-\\]]",
    b"[",
    b"\0",
]
ODD += [
    b"[--a]",
    b"[a-]",
    b"[a-b-z]",
    b"\\/",
    b"[/]",
    b"[!x]",
    b"[^[:lower:]]",
    b"[[:alpha:]-z]",
    b"[[::]]",
    b"[[:",
    b"***",
]

# rules that chance may not find
HARD = [
    b"b**/ab",
    b"/b/**b",
    b"/b[!x]bb",
    b"[[:]",
    b"abb**",
    b"a\\ ",
    b"\\!a",
    b"\\#a",
    b"!a\n*",
    b"**",
    b"b/**/b",
    b"/**/b",
]


def random_rules(chooser):
    """The text of a random .gitignore file."""
    lines = []
    for _ in range(chooser.randrange(1, 4)):
        pieces = [chooser.choice(PIECES) for _ in range(chooser.randrange(1, 6))]
        if chooser.random() < 0.5:
            pieces.insert(chooser.randrange(len(pieces) + 1), chooser.choice(ODD))
        lines.append(
            chooser.choice((b"", b"", b"", b"!", b"/", b"# ")) + b"".join(pieces) + chooser.choice((b"", b"", b" "))
        )
    chooser.random() < 0.3 and lines.insert(0, chooser.choice((b"*", b"a*", b"b/**", b"*/")))
    return (
        chooser.choice((b"", b"", b"\xef\xbb\xbf")) + b"\n".join(lines) + chooser.choice((b"", b"\n", b"\r\n", b"\r"))
    )


@pytest.fixture
def repository(tmp_path):
    """A repository of git, as bytes."""
    place = os.fsencode(tmp_path) + b"/repository"
    os.mkdir(place)
    run_git(place, "init", "-q", check=True)
    return place


@git
@seeds(2, 20)
def test_gitignore_is_what_git_does(repository, seed):
    """Random rules exclude what ``git check-ignore`` does, in a tree too."""
    chooser = random.Random(seed)
    for number in range(12):
        for path in PATHS:
            path = b"%s/%d/%s" % (repository, number, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            open(path, "wb").close()
        for directory in (b"", b"/b"):
            with open(b"%s/%d%s/.gitignore" % (repository, number, directory), "wb") as file:
                file.write(HARD[number] if seed == 0 and number < len(HARD) else random_rules(chooser))
    with open(repository + b"/.git/info/exclude", "wb") as file:
        file.write(random_rules(chooser))
    paths, ignored = ignored_by_git(repository)
    paths = {path for path in paths if b".git" not in path.split(b"/")}
    rules = gitignore(repository)
    assert len(ignored) > 20
    with Tree(repository, exclude=rules) as tree:
        assert set(tree.entries()) - {b""} == paths - ignored
    some = chooser.sample(sorted(paths), min(30, len(paths)))
    assert [path for path in some if rules(path, os.path.isdir(repository + b"/" + path))] == [
        path for path in some if path in ignored
    ]


def test_names_of_git(tmp_path):
    """A directory ``.git`` is always excluded, and rules behind a link do not count."""
    (tmp_path / "a/.git").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("!.git\n")
    (tmp_path / "rules").write_text("b\n")
    (tmp_path / "a/.gitignore").symlink_to("../rules")
    (tmp_path / "a/b").touch()
    assert below(tmp_path, exclude=gitignore(tmp_path)) == [".gitignore", "a", "a/.gitignore", "a/b", "rules"]
    rules = gitignore(tmp_path)
    assert [rules("a/.git", True), rules("a/.git/x"), rules(b"a/b"), rules("."), rules("../x")] == [
        True,
        True,
        False,
        False,
        False,
    ]


@git
@pytest.mark.parametrize("lost", [False, True])
@seeds(1, 10)
def test_rules_that_change(repository, lost, seed):
    """A tree is what git does not ignore, also after its .gitignore files changed."""
    chooser = random.Random(7 + seed)
    for path in PATHS:
        os.makedirs(os.path.dirname(repository + b"/" + path), exist_ok=True)
        open(repository + b"/" + path, "wb").close()
    with Tree(repository, exclude=gitignore(repository)) as tree:
        if lost:
            lose_events(tree, 0.7, seed)
        mirror, seen = Mirror(tree.entries()), set()
        for turn in range(20):
            directories = sorted(path for path, entry in mirror.entries.items() if entry.is_dir)
            where = chooser.choice(directories)
            place = repository + (b"/" + where if where else b"")
            if turn % 4 == 3 and where:
                other = repository + b"/" + chooser.choice((b"a/b", b"b", b"c", b"b/b", b"new"))
                with contextlib.suppress(OSError):
                    os.rename(place, other)
            elif turn % 4 == 2:
                with contextlib.suppress(OSError):
                    os.unlink(place + b"/.gitignore")
            else:
                lines = (b"a", b"/b", b"!a", b"*", b"!*/", b"/ab", b"a/", b"!b", b"*.o", b".*", b"b/bb", b"!.gitignore")
                with open(place + b"/.gitignore", "wb") as file:
                    file.write(b"\n".join(chooser.sample(lines, 2)))
            for change in told(tree):
                mirror.follow(change)
            paths, ignored = ignored_by_git(repository)
            paths = {path for path in paths if b".git" not in path.split(b"/")}
            assert set(mirror.entries) - {b""} == paths - ignored
            seen.add(frozenset(ignored))
        assert len(seen) > 2


def test_gitignore_above_the_root(public_path):
    """The rules above the root count in a repository, and elsewhere they do not."""
    (public_path / "top/root").mkdir(parents=True)
    (public_path / "top/root/kept").touch()
    (public_path / "top/root/left").touch()
    (public_path / ".gitignore").write_text("kept\n")
    (public_path / "top/.gitignore").write_text("root/left\n")
    root = public_path / "top/root"
    assert below(root, exclude=gitignore(root)) == ["kept", "left"]
    (public_path / "top/.git").mkdir()
    assert below(root, exclude=gitignore(root)) == ["kept"]
    assert below(public_path / "top", exclude=gitignore(root)) == [".gitignore", "root", "root/kept"]
    with pytest.raises(PathNotFound):
        gitignore(public_path / "nothing")
    with pytest.raises(PathNotADirectory):
        gitignore(public_path / ".gitignore")
