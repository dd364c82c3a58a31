"""Constants: whole, with the kernel's values, plain ints, named by classes."""

import ast
import enum
import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import butter._constants
from butter import inotify
from butter.inotify import InotifyInit, InotifyMask, event_name

ROOT = Path(__file__).resolve().parent.parent.parent

# linux/inotify.h of Linux 6.16; the first two are those of O_CLOEXEC and O_NONBLOCK
INOTIFY = {
    "IN_CLOEXEC": 0x80000,
    "IN_NONBLOCK": 0x800,
    "IN_ACCESS": 0x1,
    "IN_MODIFY": 0x2,
    "IN_ATTRIB": 0x4,
    "IN_CLOSE_WRITE": 0x8,
    "IN_CLOSE_NOWRITE": 0x10,
    "IN_OPEN": 0x20,
    "IN_MOVED_FROM": 0x40,
    "IN_MOVED_TO": 0x80,
    "IN_CREATE": 0x100,
    "IN_DELETE": 0x200,
    "IN_DELETE_SELF": 0x400,
    "IN_MOVE_SELF": 0x800,
    "IN_UNMOUNT": 0x2000,
    "IN_Q_OVERFLOW": 0x4000,
    "IN_IGNORED": 0x8000,
    "IN_CLOSE": 0x18,
    "IN_MOVE": 0xC0,
    "IN_ONLYDIR": 0x1000000,
    "IN_DONT_FOLLOW": 0x2000000,
    "IN_EXCL_UNLINK": 0x4000000,
    "IN_MASK_CREATE": 0x10000000,
    "IN_MASK_ADD": 0x20000000,
    "IN_ISDIR": 0x40000000,
    "IN_ONESHOT": 0x80000000,
    "IN_ALL_EVENTS": 0xFFF,
}

GENERATED = [
    importlib.import_module(f"butter._constants.{found.name}")
    for found in pkgutil.iter_modules(butter._constants.__path__)
]

COMPILED = sorted(path.stem for path in ROOT.glob("butter/_*_c.pyi"))


def constants(module):
    return {name: value for name, value in vars(module).items() if name.isupper() and name in module.__all__}


def classes(module):
    return [value for value in vars(module).values() if getattr(value, "__module__", "") == module.__name__]


def test_generated_modules_are_up_to_date():
    """The generated files are as tools/constants.py writes them."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/constants.py"), "--check"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def classes_of_stub(name):
    """``{class: its statements}`` of the types of a compiled module."""
    tree = ast.parse((ROOT / f"butter/{name}.pyi").read_text())
    return {statement.name: statement.body for statement in tree.body if isinstance(statement, ast.ClassDef)}


def test_every_builder_has_a_stub():
    """Each builder has a file of types, and each file of types a builder."""
    builders = ROOT.glob("butter/build/*.py")
    assert sorted(f"_{builder.stem}_c" for builder in builders) == COMPILED


@pytest.mark.parametrize("name", COMPILED)
def test_stub_has_what_is_compiled(name):
    """The types name each function with its arguments, and each constant."""
    module = importlib.import_module(f"butter.{name}")
    arguments = {}
    for statement in classes_of_stub(name)["_Lib"]:
        if isinstance(statement, ast.FunctionDef):
            arguments[statement.name] = len(statement.args.posonlyargs + statement.args.args) - 1  # but self
        else:
            arguments[statement.target.id] = None
    compiled = {attribute: getattr(module.lib, attribute) for attribute in dir(module.lib)}
    assert arguments == {
        attribute: None if isinstance(value, int) else len(module.ffi.typeof(value).args)
        for attribute, value in compiled.items()
    }


@pytest.mark.parametrize("name", COMPILED)
def test_stub_has_the_fields_of_structs(name):
    """The types of a struct name each of its fields."""
    ffi = importlib.import_module(f"butter.{name}").ffi
    typedefs, structs, _ = ffi.list_types()
    compiled = {tag: ffi.typeof(tag) for tag in typedefs} | {tag: ffi.typeof(f"struct {tag}") for tag in structs}
    fields = {tag: [field for field, _ in c.fields] for tag, c in compiled.items() if c.kind == "struct" and c.fields}
    said = {
        tag: [statement.target.id for statement in body]
        for tag, body in classes_of_stub(name).items()
        if not tag.startswith("_")
    }
    assert said == fields


@pytest.mark.parametrize("module", GENERATED, ids=lambda module: module.__name__)
def test_constants_are_plain_ints(module):
    """An operation on an IntFlag costs ten times an int's."""
    assert constants(module)
    assert {type(value) for value in constants(module).values()} == {int}


@pytest.mark.parametrize("module", GENERATED, ids=lambda module: module.__name__)
def test_classes_name_constants(module):
    """Each member is a constant of the same name, and no flag is negative."""
    values = constants(module)
    for cls in classes(module):
        assert cls.__members__
        for name, member in cls.__members__.items():
            # EPOLLIN has no line between its prefix and its name
            whole = {name, module.__name__.rpartition(".")[2].upper() + name}
            same = [constant for constant in values if constant.endswith("_" + name) or constant in whole]
            assert any(values[constant] == member for constant in same), member
            assert member >= 0 or not issubclass(cls, enum.IntFlag)


@pytest.mark.defect("M6")
@pytest.mark.parametrize("module", GENERATED, ids=lambda module: module.__name__)
def test_public_module_has_them_all(module):
    """The public module, and its ``__all__``, have each name of the generated one."""
    name = module.__name__.split(".")[-1]
    # a part of a feature, as newfd_more, has no public module of its own
    feature = name if (ROOT / f"butter/{name}.py").exists() else name.split("_")[0]
    public = importlib.import_module(f"butter.{feature}")
    assert set(module.__all__) <= set(public.__all__)
    assert all(getattr(public, name) is getattr(module, name) for name in module.__all__)


@pytest.mark.defect("A8")
def test_inotify_values():
    """Every constant of the newest kernel is there, and no other."""
    found = {name: value for name, value in vars(inotify).items() if name.startswith("IN_")}
    assert found == INOTIFY
    assert (inotify.IN_CLOEXEC, inotify.IN_NONBLOCK) == (os.O_CLOEXEC, os.O_NONBLOCK)


def test_inotify_classes_are_whole():
    """Each constant belongs to one argument: IN_MOVE_SELF is not IN_NONBLOCK."""
    init = {"IN_" + name: int(member) for name, member in InotifyInit.__members__.items()}
    mask = {"IN_" + name: int(member) for name, member in InotifyMask.__members__.items()}
    assert init == {"IN_CLOEXEC": 0x80000, "IN_NONBLOCK": 0x800}
    assert {**init, **mask} == INOTIFY
    assert not set(init) & set(mask)


@pytest.mark.defect("A7")
def test_event_name_goes_both_ways():
    """event_name has the number of each event by its name, and the other way round."""
    names = {name: number for name, number in INOTIFY.items() if name not in ("IN_CLOEXEC", "IN_NONBLOCK")}
    assert {key: value for key, value in event_name.items() if isinstance(key, str)} == names
    assert {key: value for key, value in event_name.items() if isinstance(key, int)} == {
        number: name for name, number in names.items()
    }
    assert {type(value) for value in event_name.values()} == {int, str}
