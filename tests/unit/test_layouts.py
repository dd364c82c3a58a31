"""Structs are laid out as the compiler does, from the headers of this system.

cffi reads and writes the fields of a struct where the module says that they are, and
the kernel where its own headers say so.
"""

import importlib
import re
import runpy
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
from support import needs

pytestmark = needs(when=shutil.which("cc"), reason="needs a C compiler")

BUILD = Path(__file__).resolve().parent.parent.parent / "butter/build"
BUILDERS = {path.stem: runpy.run_path(str(path))["ffi"] for path in sorted(BUILD.glob("*.py"))}


def source_of(builder):
    """The C of a builder, as cffi compiles it: with Python's headers before it."""
    return f"#include <Python.h>\n#include <stddef.h>\n{BUILDERS[builder]._assigned_source[1]}\n"


def compiler(*arguments, source):
    """Run the compiler on *source*, and return what it writes."""
    command = ["cc", "-w", "-x", "c", "-I", sysconfig.get_paths()["include"], *arguments, "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def compiled(builder):
    """The ``ffi`` of the module that a builder has become."""
    return importlib.import_module(f"butter._{builder}_c").ffi


def structs_of(builder):
    """``{name in C: its type}`` of the structs that a builder declares."""
    typedefs, structs, unions = BUILDERS[builder].list_types()
    assert not unions
    ffi = compiled(builder)
    found = {name: ffi.typeof(name) for name in [*typedefs, *(f"struct {name}" for name in structs)]}
    return {name: each for name, each in found.items() if each.kind == "struct"}


def claims(ffi, name, struct):
    """The size of a struct, and place and size of each field, as cffi has them."""
    yield f"sizeof({name})", ffi.sizeof(struct)
    for field, found in struct.fields:
        assert found.bitsize == -1
        yield f"offsetof({name}, {field})", found.offset
        if found.type.kind != "array" or found.type.length is not None:
            yield f"sizeof((({name} *)0)->{field})", ffi.sizeof(found.type)


@pytest.mark.parametrize("builder", [builder for builder in BUILDERS if structs_of(builder)])
def test_layouts_are_those_of_the_compiler(builder):
    """cffi has each struct, and each of its fields, where the compiler has it."""
    found = [claim for name, struct in structs_of(builder).items() for claim in claims(compiled(builder), name, struct)]
    assert len(found) > 2
    lines = [f'_Static_assert({what} == {number}, "{what} is not {number}");' for what, number in found]
    compiler("-fsyntax-only", source=source_of(builder) + "\n".join(lines))


def test_a_wrong_layout_is_seen():
    """The compiler refuses a struct that is not where it is said to be."""
    with pytest.raises(AssertionError, match="size is not 15"):
        compiler(
            "-fsyntax-only",
            source=source_of("timerfd") + '_Static_assert(sizeof(struct timespec) == 15, "size is not 15");',
        )


# structs that a builder declares anew, because old headers lack them or have fewer
# fields: the struct of the header, and its fields by butter's names for them
SAME = "="
KERNEL = {
    ("look", "struct butter_statx"): (
        "linux/stat.h",
        "struct statx",
        {"mask": "stx_mask", "attributes": "stx_attributes", "links": "stx_nlink", "mode": "stx_mode"}
        | {"attributes_mask": "stx_attributes_mask", "mount": "stx_mnt_id"},
    ),
    ("fanotify", "struct metadata"): (
        "linux/fanotify.h",
        "struct fanotify_event_metadata",
        {"event_len": SAME, "version": "vers", "metadata_len": SAME, "mask": SAME, "fd": SAME, "pid": SAME},
    ),
    ("fanotify", "struct record"): (
        "linux/fanotify.h",
        "struct fanotify_event_info_header",
        {"type": "info_type", "pad": SAME, "len": SAME},
    ),
    ("clone_spawn", "struct butter_clone_args"): (
        "linux/sched.h",
        "struct clone_args",
        dict.fromkeys(["flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size"], SAME)
        | dict.fromkeys(["tls", "set_tid", "set_tid_size", "cgroup"], SAME),
    ),
    ("system_mounts", "struct butter_mount_attr"): (
        "linux/mount.h",
        "struct mount_attr",
        dict.fromkeys(["attr_set", "attr_clr", "propagation", "userns_fd"], SAME),
    ),
    ("prctl", "struct capability_header"): (
        "linux/capability.h",
        "struct __user_cap_header_struct",
        {"version": SAME, "pid": SAME},
    ),
    ("prctl", "struct capability_data"): (
        "linux/capability.h",
        "struct __user_cap_data_struct",
        dict.fromkeys(["effective", "permitted", "inheritable"], SAME),
    ),
    ("tree", "struct entry_of_directory"): (
        "dirent.h",
        "struct dirent",
        {"inode": "d_ino", "offset": "d_off", "size": "d_reclen", "type": "d_type", "name": "d_name"},
    ),
}


def offsets(source, name, fields):
    """Where the fields of a struct are, as the compiler writes it down."""
    numbers = ", ".join(f"offsetof({name}, {field})" for field in fields)
    text = compiler(
        "-S", "-o", "-", source=f"#include <stddef.h>\n{source}\nconst long places[] = {{-7, {numbers}}};\n"
    )
    found = re.search(r"^places:\n((?:.*\n)+?)\s*\.(?!quad|xword|zero)", text, re.MULTILINE)[1]
    places = []
    for directive, number in re.findall(r"\.(quad|xword|zero)\s+(-?\d+)", found):
        places += [0] * (int(number) // 8) if directive == "zero" else [int(number)]
    assert places[0] == -7
    return places[1:]


@pytest.mark.parametrize(("builder", "name"), KERNEL)
def test_structs_that_are_declared_anew(builder, name):
    """A struct of the kernel that a builder declares is laid out as in the header."""
    header, of_header, fields = KERNEL[builder, name]
    names = [field if other == SAME else other for field, other in fields.items()]
    expected = offsets(f"#define _GNU_SOURCE\n#include <{header}>", of_header, names)
    assert offsets(source_of(builder), name, fields) == expected
    assert len(expected) == len(fields)
