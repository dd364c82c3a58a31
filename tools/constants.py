#!/usr/bin/env python3
"""Write what Python has to know of the builders in butter/build.

    python tools/constants.py          write it
    python tools/constants.py --check  say which files are not up to date, and exit with 1

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
GROUP = re.compile(r"^/\* (?:(\w+)\((IntFlag|IntEnum)(?:, (\w+))?\)|-): (.*?) \*/$")
CONSTANT = re.compile(r"^#define (\w+) \.\.\.\s+/\* (.*?) \*/$")
ENUM = re.compile(r"^enum \{ (.*) \};$")
FUNCTION = re.compile(r"^(\w[\w ]*?[ *]+)(\w+)\((.*)\);$")
PARAMETER = re.compile(r"(.*?)(\w+)(?<!void)")
STRUCT = re.compile(r"^(?:typedef )?struct (\w+ )?\{\n(.*?)^\}(?: (\w+))?;$", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r"^    ((?:struct )?\w+) (.*?);", re.MULTILINE)
BASES = {"IntFlag": "Flags", "IntEnum": "Number"}
SINCE = re.compile(r"\(Linux ([0-9.]+)\)$")

#: a kernel as old as this, or older, needs no word
OLDEST = (4, 14)


class Group(NamedTuple):
    """The constants of one argument."""

    name: str | None  # of the class, if there is one
    kind: str | None  # its base
    prefix: str  # which its members leave out
    meaning: str
    constants: list[tuple[str, str]]  # each with its meaning

    def members(self) -> list[tuple[str, str]]:
        """``(member, constant)`` of the class."""
        cut = len(self.prefix) or self.constants[0][0].index("_") + 1
        return [(name[cut:], name) for name, _ in self.constants]


def groups(declarations: str) -> list[Group]:
    found: list[Group] = []
    for line in declarations.splitlines():
        if group := GROUP.match(line):
            name, kind, prefix, meaning = group.groups()
            found.append(Group(name, kind, prefix or "", meaning, []))
        elif constant := CONSTANT.match(line):
            found[-1].constants.append((constant[1], constant[2]))
        elif line.startswith("#define"):
            raise SystemExit(f"a constant needs its meaning beside it: {line}")
    return found


def newer(constants: list[tuple[str, str]]) -> dict[str, str]:
    """The kernel that brought each of the constants that not every supported kernel knows."""
    since = {name: found[1] for name, meaning in constants if (found := SINCE.search(meaning))}
    return {name: kernel for name, kernel in since.items() if tuple(map(int, kernel.split("."))) > OLDEST}


def constants_module(feature: str, declarations: str) -> str:
    """The text of ``_constants/<feature>.py``."""
    parts = groups(declarations)
    bases = sorted({BASES[part.kind] for part in parts if part.kind})
    names = sorted({name for part in parts for name, _ in part.constants} | {part.name for part in parts if part.name})
    lines = [
        f'"""The constants of {feature}. Written by tools/constants.py from butter/build/{feature}.py: edit that."""',
        "",
        "from __future__ import annotations",
        "",
        f"from typing import {'ClassVar, ' if any(newer(part.constants) for part in parts) else ''}Final",
        "",
        *([f"from butter._enums import {', '.join(bases)}"] if bases else []),
        f"from butter._{feature}_c import lib",
        "",
        "__all__ = [",
        *(f'    "{name}",' for name in names),
        "]",
    ]
    for part in parts:
        lines += ["", f"# {part.meaning}"]
        for name, meaning in part.constants:
            lines += [f"#: {meaning}", f"{name}: Final[int] = lib.{name}"]
    for part in parts:
        if part.name:
            lines += ["", "", f"class {part.name}({BASES[part.kind or '']}):"]
            lines += [f'    """{part.meaning[0].upper()}{part.meaning[1:]}."""', ""]
            lines += [f"    {member} = {name}" for member, name in part.members()]
            if since := newer(part.constants):
                lines += ["", "    __since__: ClassVar = {"]
                lines += [f'        "{name}": ({name}, "{kernel}"),' for name, kernel in since.items()]
                lines += ["    }"]
    return "\n".join(lines) + "\n"


def type_of(c: str) -> str:
    """The Python type of a C type."""
    c = c.replace("const ", "").strip()
    if c == "void":
        return "None"
    if c == "char *":
        return "bytes | FFI.CData"
    pointed = c.rstrip(" *").replace("struct ", "")
    if pointed.startswith("butter_") or "struct " in c:
        return pointed  # cffi reads a field through a pointer as well
    return "FFI.CData" if c.endswith("*") else "int"


def signature(function: re.Match[str]) -> str:
    result, name, declared = function.groups()
    found = [PARAMETER.fullmatch(parameter) for parameter in declared.split(", ")]
    parameters = [f"{parameter[2]}: {type_of(parameter[1])}" for parameter in found if parameter]
    taken = ", ".join(["self", *parameters, "/"]) if parameters else "self"
    return f"    def {name}({taken}) -> {type_of(result)}: ..."


def structs(declarations: str) -> list[str]:
    """A class for each struct."""
    lines = []
    for named, fields, typedef in STRUCT.findall(declarations):
        lines.append(f"class {named.strip() or typedef}:")
        for c, declared in FIELD.findall(fields):
            for field in declared.split(", "):
                array_or_pointer = not field.isidentifier()
                lines.append(
                    f"    {field.split('[')[0].lstrip('*')}: {'FFI.CData' if array_or_pointer else type_of(c)}"
                )
        lines.append("")
    return lines


def stub(feature: str, declarations: str) -> str:
    """The text of ``_<feature>_c.pyi``."""
    lines = declarations.splitlines()
    functions = [signature(found) for line in lines if (found := FUNCTION.match(line))]
    numbers = [name for part in groups(declarations) for name, _ in part.constants]
    numbers += [name for line in lines if (found := ENUM.match(line)) for name in found[1].split(", ")]
    return "\n".join(
        [
            f"# The types of {feature}'s C. Written by tools/constants.py from butter/build/{feature}.py: edit that.",
            "from typing import Any",
            "",
            "from _cffi_backend import FFI",
            "",
            *structs(declarations),
            "class _FFI(FFI):",
            "    # a new struct has a class above, which only the name in cdecl tells",
            "    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...",
            "",
            "class _Lib:",
            *(f"    {name}: int" for name in numbers),
            *functions,
            "",
            "ffi: _FFI",
            "lib: _Lib",
            "",
        ]
    )


def written() -> dict[Path, str]:
    """What each generated file should hold."""
    files = {}
    for builder in sorted((ROOT / "butter/build").glob("*.py")):
        declarations = runpy.run_path(str(builder))["DECLARATIONS"]
        files[ROOT / f"butter/_{builder.stem}_c.pyi"] = stub(builder.stem, declarations)
        if "#define" in declarations:
            files[ROOT / "butter/_constants" / builder.name] = constants_module(builder.stem, declarations)
    return files


def main() -> int:
    files = written()
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        print(("stale: " if "--check" in sys.argv else "written: ") + str(path.relative_to(ROOT)))
        if "--check" not in sys.argv:
            path.write_text(files[path])
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
