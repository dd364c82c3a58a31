"""The errno tables, tested from themselves, and the exceptions they raise."""

import ast
import builtins
import copy
import errno
import inspect
import os
import pickle
import platform
from pathlib import Path

import pytest
import support

import butter
from butter import errors
from butter._fanotify_handle import FileHandle
from butter._inotify import ffi
from butter.errors import Errors, UnknownError

TABLES = [*support.errno_tables().values()]

# the other base of each exception, besides OSError
BUILTINS = {
    "InvalidArgument": ValueError,
    "InvalidPath": ValueError,
    "PathNotFound": (FileNotFoundError, ValueError),
    "PathNotADirectory": (NotADirectoryError, ValueError),
    "OutOfMemory": MemoryError,
    "InternalError": OSError,
    "NoMoreEvents": OSError,
    "UnknownError": OSError,
}

# an example of each argument that a sentence speaks of
EXAMPLES = {
    "a": 3,
    "action": 99,
    "attr": None,
    "attr_clr": 0,
    "attr_flags": 0,
    "attr_set": 0,
    "aux": 0,
    "b": 4,
    "buffers": [],
    "clock": 0,
    "clock_type": 0,
    "cmd": 1,
    "context": 4096,
    "count": 1,
    "dfd": -100,
    "dirfd": -1,
    "entries": 0,
    "epfd": 4,
    "event_flags": 0,
    "events": 0,
    "fd": 3,
    "first": 4,
    "flags": 0,
    "found": "'socket:[1]'",
    "from_dirfd": -1,
    "from_path": b"from",
    "fstype": "tmpfs",
    "handle": FileHandle((0, 0), 1, b"handle"),
    "info": None,
    "key": "key",
    "kind": "an eventfd",
    "last": 3,
    "mask": 0,
    "min_nr": 0,
    "mnt_id": 1,
    "modes": 1,
    "mount_fd": -100,
    "name": b"name",
    "nanoseconds": 0,
    "newfd": 5,
    "nr": 1,
    "nr_events": 0,
    "nstype": 0,
    "oldfd": 3,
    "offset": 0,
    "op": 1,
    "opcode": 0,
    "operation": 1,
    "options": 4,
    "pid": 1,
    "place": 1,
    "propagation": 0,
    "ranges": [],
    "request": 0xB701,
    "rule_attr": None,
    "rule_type": 1,
    "ruleset_fd": 3,
    "seals": 1,
    "sig": 15,
    "signum": 15,
    "size": 4096,
    "spec": None,
    "targetfd": 1,
    "tick": 1,
    "to_dirfd": -1,
    "to_path": b"to",
    "userns_fd": 0,
    "value": None,
    "wd": 1,
}


def arguments(sentence):
    """Examples of the arguments which a sentence cannot do without."""
    if not callable(sentence):
        return {}
    needed = [
        parameter.name
        for parameter in inspect.signature(sentence).parameters.values()
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
    ]
    missing = set(needed) - {*EXAMPLES, "path"}
    assert not missing, f"a sentence speaks of {missing}: give an example in EXAMPLES"
    return {name: EXAMPLES[name] for name in needed if name != "path"}


def same(one, other):
    """Whether two exceptions say the same."""
    return (
        type(one) is type(other)
        and one.args == other.args
        and (one.errno, one.strerror, one.filename) == (other.errno, other.strerror, other.filename)
    )


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.call)
def test_meaning(table):
    """Each row raises its exception, with the errno, a sentence, and the path."""
    for number, (exception, sentence) in table.meanings.items():
        # no call that waits takes a path, and PyPy cannot pickle it with one
        waits = number == errno.EAGAIN or (
            platform.python_implementation() == "PyPy" and isinstance(OSError(number, ""), BlockingIOError)
        )
        for path in [None] if waits else [None, "/a/path", b"/a/\xff"]:
            with pytest.raises(exception) as caught:
                table.check(-1 - number, path, **arguments(sentence))
            error = caught.value
            # and Python's own: EAGAIN is a BlockingIOError, EISDIR an IsADirectoryError
            assert isinstance(error, type(OSError(number, "")))
            assert error.errno == number
            assert error.filename == path
            assert error.strerror.startswith(f"{table.call}: ")
            assert len(error.strerror) > len(table.call) + 10
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                assert same(pickle.loads(pickle.dumps(error, protocol)), error)
            assert same(copy.copy(error), error)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.call)
def test_errno_without_a_row(table):
    """An errno without a row is an UnknownError with that errno, and not a guess."""
    for number in {*errno.errorcode, 530, 1000} - set(table.meanings):
        with pytest.raises(UnknownError) as caught:
            table.fail(number, "/a/path")
        assert (caught.value.errno, caught.value.filename) == (number, "/a/path")
        assert caught.value.strerror == f"{table.call}: {os.strerror(number)}"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.call)
def test_saved_errno(table):
    """-1 comes from a replaced call: then the errno that any module saved counts."""
    for number, (exception, sentence) in table.meanings.items():
        ffi.errno = number
        with pytest.raises(exception) as caught:
            table.check(-1, **arguments(sentence))
        assert caught.value.errno == number


@pytest.mark.parametrize("result", [0, 1, 2**31 - 1])
def test_results_are_given_back(result):
    """Only what is negative is a failure, whatever errno was left behind."""
    ffi.errno = errno.EPERM
    assert Errors("a call", {}).check(result) == result


@pytest.mark.parametrize("name", errors.__all__)
def test_exceptions(name):
    """Each exception is an OSError and the promised builtin; copies keep everything."""
    exception = getattr(errors, name)
    promised = BUILTINS[name] if isinstance(BUILTINS[name], tuple) else (BUILTINS[name],)
    assert all(issubclass(exception, builtin) for builtin in (OSError, *promised))
    for rest in ((), ("/a/path",), (b"\xff",)):
        error = exception(errno.EINVAL, "a sentence", *rest)
        assert (error.errno, error.strerror) == (errno.EINVAL, "a sentence")
        assert error.filename == (rest[0] if rest else None)
        assert "a sentence" in str(error)
        assert same(copy.copy(error), error)
        assert same(copy.deepcopy(error), error)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert same(pickle.loads(pickle.dumps(error, protocol)), error)


def test_every_exception_is_public():
    """``__all__`` of errors, and the table above, have every exception."""
    defined = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, OSError)}
    assert defined == set(BUILTINS) == set(errors.__all__)


@pytest.mark.parametrize(("number", "text"), [(112, "Host is down"), (99999, os.strerror(99999))])
def test_unknown_error_from_an_errno_alone(number, text):
    """``UnknownError(errno)`` is made, printed and pickled, for any number."""
    error = UnknownError(number)
    assert (error.errno, error.args[0]) == (number, number)
    assert str(number) in str(error)
    assert text in str(error)
    assert same(pickle.loads(pickle.dumps(error)), error)
    assert same(copy.copy(error), error)
    assert "UnknownError" in repr(error)


@pytest.mark.parametrize(("arguments", "exception"), [((), TypeError), (("x",), TypeError), ((2**70,), OverflowError)])
def test_unknown_error_of_nothing(arguments, exception):
    """An UnknownError cannot be made without a number."""
    with pytest.raises(exception):
        UnknownError(*arguments)


def test_sysctl():
    """A limit is read from /proc; one that is missing, or is not a number, is None."""
    assert errors.sysctl("fs.inotify.max_user_watches") == int(
        Path("/proc/sys/fs/inotify/max_user_watches").read_text()
    )
    assert errors.sysctl("fs.no.such_limit") is None
    assert errors.sysctl("kernel.ostype") is None


def test_raise_sysctl(monkeypatch):
    """A limit is told with its value and remedy: the lower one of two."""
    values = {"fs.limit": 100, "user.limit": 7}
    monkeypatch.setattr(errors, "sysctl", values.get)
    assert errors.raise_sysctl("fs.limit") == "fs.limit is 100; 'sysctl fs.limit=200' as root raises it"
    assert errors.raise_sysctl("fs.limit", "user.limit").startswith("user.limit is 7; 'sysctl user.limit=128'")
    values["user.limit"] = 1000
    assert errors.raise_sysctl("fs.limit", "user.limit").startswith("fs.limit is 100;")
    assert errors.raise_sysctl("fs.limit", "user.nothing").startswith("fs.limit is 100;")
    assert errors.raise_sysctl("fs.nothing", "user.limit").startswith("user.limit is 1000;")
    assert "fs.nothing" in errors.raise_sysctl("fs.nothing")


SOURCES = {
    str(path.relative_to(Path(butter.__file__).parent)): ast.parse(path.read_text())
    for path in sorted(Path(butter.__file__).parent.rglob("*.py"))
}


def is_errno(node):
    """Whether an expression is an errno, as ``error.errno`` or ``get_errno()``."""
    text = ast.unparse(node)
    return text.endswith((".errno", "get_errno()")) or text.startswith("errno.")


def test_one_place_raises_for_an_errno():
    """No other module raises an OSError, but TimeoutError, or compares an errno."""
    known = {**vars(builtins), **vars(errors)}
    for name in SOURCES.keys() - {"errors.py"}:
        raised = set()
        compared = set()
        for node in ast.walk(SOURCES[name]):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                raised.add(ast.unparse(node.exc.func).rpartition(".")[2])
            elif isinstance(node, ast.Compare) and any(map(is_errno, (node.left, *node.comparators))):
                compared.add(ast.unparse(node))
        wrong = {cls for cls in raised if inspect.isclass(known.get(cls)) and issubclass(known[cls], OSError)}
        assert wrong <= {"TimeoutError"}, name
        assert not compared, name


def test_no_assert():
    """``python -O`` removes an assert, so none checks anything."""
    for name, tree in SOURCES.items():
        assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)] == [], name
