#!/usr/bin/env python3
"""Write the constants and types that Python needs from the builders in butter/build.

    python tools/constants.py          write them
    python tools/constants.py --check  list the files that are not up to date, and exit
                                       with 1 if there are any

``butter/_constants/<feature>.py`` has the constants, and ``butter/_<feature>_c.pyi``
the types of the compiled module.

A builder declares ``#define NAME ...  /* meaning */``; a meaning that ends with
``(Linux 6.3)`` names the kernel that brought the constant. A comment alone,
``/* Class(IntFlag): what it is */``, begins the constants of one argument;
``Class(IntEnum)`` those that exclude each other, ``-`` those without a class.
"""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent

# the lines of a builder, as described above
GROUP = re.compile(r"/\* (?:(\w+)\((IntFlag|IntEnum)(?:, (\w+))?\)|-): (.*?) \*/")
CONSTANT = re.compile(r"#define (\w+) \.\.\.\s+/\* (.*?) \*/")
SINCE = re.compile(r"\(Linux ([0-9.]+)\)$")
BASES = {"IntFlag": "Flags", "IntEnum": "Number"}

# the rest is C: comments and constants are removed first
NO_TYPES = re.compile(r"/\*.*?\*/|^#define[^\n]*", re.DOTALL | re.MULTILINE)
STRUCT = re.compile(r"^(?:typedef )?struct (\w+ )?\{(.*?)\}(?: (\w+))?;$", re.MULTILINE | re.DOTALL)
FIELDS = re.compile(r"^ +((?:struct )?\w+) (.*?);", re.MULTILINE)
ENUM = re.compile(r"enum \{ (.*) \}")
INTEGER_TYPE = re.compile(r"typedef int\.\.\. (\w+)")
DECLARED = re.compile(r"(.*\W)(\w+)")  # "const char *" and "path"
INTEGER = re.compile(r"(unsigned )?(short|int|long)|u?int(8|16|32|64)_t|s?size_t|time_t")

#: the columns of a line of code
WIDTH = 120

#: the oldest kernel that butter supports: constants of this version are not marked
OLDEST = (4, 14)


class Group(NamedTuple):
    """The constants of one argument."""

    name: str  # of the class, empty if there is none
    base: str  # of the class
    prefix: str  # which its members leave out
    meaning: str
    constants: list[tuple[str, str]]  # each with its meaning

    def members(self) -> list[tuple[str, str]]:
        """``(member, constant)`` of the class."""
        cut = len(self.prefix) or self.constants[0][0].find("_") + 1  # a name without one is kept whole
        return [(name[cut:], name) for name, _ in self.constants]


def groups(declarations: str) -> list[Group]:
    """Return the constants that a builder declares, argument by argument."""
    found: list[Group] = []
    for line in declarations.splitlines():
        if group := GROUP.fullmatch(line):
            name, kind, prefix, meaning = group.groups("")
            found.append(Group(name, BASES.get(kind, ""), prefix, meaning, []))
        elif constant := CONSTANT.fullmatch(line):
            found[-1].constants.append((constant[1], constant[2]))
        elif line.startswith("#define"):
            raise SystemExit(f"a constant needs its meaning beside it: {line}")
    return found


def newer(constants: list[tuple[str, str]]) -> dict[str, str]:
    """Return the kernel that brought each constant that old kernels lack."""
    since = {name: found[1] for name, meaning in constants if (found := SINCE.search(meaning))}
    return {name: kernel for name, kernel in since.items() if tuple(map(int, kernel.split("."))) > OLDEST}


def naming_class(group: Group) -> list[str]:
    """Return the lines of the class that names the constants of an argument."""
    lines = [f"class {group.name}({group.base}):", f'    """{group.meaning[0].upper()}{group.meaning[1:]}."""', ""]
    lines += [f"    {member} = {name}" for member, name in group.members()]
    if since := newer(group.constants):
        entries = [f'        "{name}": ({name}, "{kernel}"),' for name, kernel in since.items()]
        lines += ["", "    __since__ = {", *entries, "    }"]
    return lines


def constants_module(feature: str, declarations: str) -> str:
    """Return the text of ``_constants/<feature>.py``."""
    found = groups(declarations)
    classes = [group for group in found if group.name]
    public = sorted([name for group in found for name, _ in group.constants] + [group.name for group in classes])
    bases = sorted({group.base for group in classes})
    lines = [
        f'"""The constants of {feature}. Written by tools/constants.py from butter/build/{feature}.py: edit that."""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Final",
        "",
        *sorted(
            [f"from butter._{feature}_c import lib"]
            + ([f"from butter._enums import {', '.join(bases)}"] if bases else [])
        ),
        "",
        "__all__ = [",
        *(f'    "{name}",' for name in public),
        "]",
    ]
    for group in found:
        lines += ["", f"# {group.meaning}"]
        for name, meaning in group.constants:
            lines += [f"#: {meaning}", f"{name}: Final[int] = lib.{name}"]
    for group in classes:
        lines += ["", "", *naming_class(group)]
    return "\n".join(lines) + "\n"


def type_of(c: str) -> str:
    """Return the Python type of a C type, as an argument, a result or a field."""
    c = c.replace("const ", "").strip()
    if c == "void":
        return "None"
    if c == "char *":
        return "bytes | FFI.CData"
    if c.startswith(("struct ", "butter_")):
        # the struct or a pointer to it: cffi reads a field through both
        return c.removeprefix("struct ").rstrip(" *")
    if c.endswith("*"):
        return "FFI.CData"
    if not INTEGER.fullmatch(c):
        raise SystemExit(f"no Python type is known for the C type {c!r}")
    return "int"


def declared(c: str) -> tuple[str, str]:
    """Return the type and the name in ``const char *path``."""
    found = DECLARED.fullmatch(c)
    if not found:
        raise SystemExit(f"not the declaration of one thing with a name: {c!r}")
    return found[1], found[2]


def method(function: str) -> str:
    """Return the method of ``lib`` for a function such as ``int close(int fd)``."""
    head, _, parameters = function.removesuffix(")").partition("(")
    result, name = declared(head)
    taken = ["self"]
    if parameters != "void":
        taken += [f"{name}: {type_of(c)}" for c, name in map(declared, parameters.split(", "))] + ["/"]
    line = f"    def {name}({', '.join(taken)}) -> {type_of(result)}: ..."
    if len(line) <= WIDTH:
        return line
    # as ruff breaks it
    inner = f"        {', '.join(taken)}"
    arguments = [inner] if len(inner) <= WIDTH else [f"        {argument}," for argument in taken]
    return "\n".join([f"    def {name}(", *arguments, f"    ) -> {type_of(result)}: ..."])


def struct_class(name: str, body: str) -> list[str]:
    """Return the class of a struct, whose attributes are its fields."""
    lines = [f"class {name}:"]
    for c, names in FIELDS.findall(body):
        for field in names.split(", "):
            plain = field.isidentifier()  # not an array or a pointer
            lines.append(f"    {field.partition('[')[0].lstrip('*')}: {type_of(c) if plain else 'FFI.CData'}")
    return lines if len(lines) > 1 else []


def stub(feature: str, declarations: str) -> str:
    """Return the text of ``_<feature>_c.pyi``."""
    c = NO_TYPES.sub("", declarations)
    classes: list[str] = []
    for tag, body, typedef in STRUCT.findall(c):
        if lines := struct_class(tag.strip() or typedef, body):
            classes += [*lines, ""]
    numbers = [name for group in groups(declarations) for name, _ in group.constants]
    methods = []
    for statement in (" ".join(found.split()) for found in STRUCT.sub("", c).split(";")):
        if enum := ENUM.fullmatch(statement):
            numbers += [name for name in enum[1].split(", ") if name != "..."]
        elif statement and not INTEGER_TYPE.fullmatch(statement):
            methods.append(method(statement))
    return "\n".join(
        [
            f"# The types of {feature}'s C. Written by tools/constants.py from butter/build/{feature}.py: edit that.",
            "from typing import Any",
            "",
            "from _cffi_backend import FFI",
            "",
            *classes,
            "class _FFI(FFI):",
            "    # a new struct has a class above, which only the name in cdecl tells",
            "    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...",
            "",
            "class _Lib:",
            *(f"    {name}: int" for name in numbers),
            *methods,
            "",
            "ffi: _FFI",
            "lib: _Lib",
            "",
        ]
    )


def generated() -> dict[Path, str]:
    """Return the text of each file that is written here."""
    files = {}
    for builder in sorted((ROOT / "butter/build").glob("*.py")):
        declarations = runpy.run_path(str(builder))["DECLARATIONS"]
        files[ROOT / f"butter/_{builder.stem}_c.pyi"] = stub(builder.stem, declarations)
        if "#define" in declarations:
            files[ROOT / "butter/_constants" / builder.name] = constants_module(builder.stem, declarations)
    return files


def main() -> int:
    check = "--check" in sys.argv[1:]
    files = generated()
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        print(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}")
        if not check:
            path.write_text(files[path])
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
