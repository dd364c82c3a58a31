#!/usr/bin/env python3
"""Write butter/_constants/*.py from the builders in butter/build.

    python tools/constants.py          write them
    python tools/constants.py --check  say which are not up to date, and exit with 1

A builder declares ``#define NAME ...  /* meaning */``. A comment alone,
``/* Class(IntFlag): what it is */``, begins the constants of one argument;
``Class(IntEnum)`` those that exclude each other, ``-`` those without a class.
"""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GROUP = re.compile(r"^/\* (?:(\w+)\((IntFlag|IntEnum)(?:, (\w+))?\)|-): (.*?) \*/$")
CONSTANT = re.compile(r"^#define (\w+) \.\.\.\s+/\* (.*?) \*/$")
SIGNED = re.compile(r"^static const int (\w+);\s+/\* (.*?) \*/$")


def groups(declarations: str) -> list[tuple[str | None, str | None, str, str, list[tuple[str, str]]]]:
    """``(class, kind, prefix, meaning, [(constant, meaning)])`` for each group of a builder."""
    found: list[tuple[str | None, str | None, str, str, list[tuple[str, str]]]] = []
    for line in declarations.splitlines():
        if group := GROUP.match(line):
            name, kind, prefix, meaning = group.groups()
            found.append((name, kind, prefix or "", meaning, []))
        elif constant := CONSTANT.match(line) or SIGNED.match(line):
            found[-1][4].append((constant[1], constant[2]))
        elif line.startswith("#define"):
            raise SystemExit(f"a constant needs its meaning beside it: {line}")
    return found


def module(feature: str, declarations: str) -> str:
    """The text of ``_constants/<feature>.py``."""
    parts = groups(declarations)
    kinds = sorted({kind for _, kind, *_ in parts if kind})
    names = sorted({name for *_, constants in parts for name, _ in constants} | {part[0] for part in parts if part[0]})
    lines = [
        f'"""The constants of {feature}. Written by tools/constants.py from butter/build/{feature}.py: edit that."""',
        "",
        "from __future__ import annotations",
        "",
        *([f"from enum import {', '.join(kinds)}", ""] if kinds else []),
        f"from butter._{feature}_c import lib",
        "",
        "TYPE_CHECKING = False",
        "if TYPE_CHECKING:",
        "    from typing import Final",
        "",
        "__all__ = [",
        *(f'    "{name}",' for name in names),
        "]",
    ]
    for _, _, _, meaning, constants in parts:
        lines += ["", f"# {meaning}"]
        for name, text in constants:
            lines += [f"#: {text}", f"{name}: Final[int] = lib.{name}"]
    for cls, kind, prefix, meaning, constants in parts:
        if cls:
            cut = len(prefix) or constants[0][0].index("_") + 1
            lines += ["", "", f"class {cls}({kind}):", f'    """{meaning[0].upper()}{meaning[1:]}."""', ""]
            lines += [f"    {name[cut:]} = {name}" for name, _ in constants]
    return "\n".join(lines) + "\n"


def modules() -> dict[Path, str]:
    """What each file under butter/_constants should hold."""
    written = {}
    for builder in sorted((ROOT / "butter/build").glob("*.py")):
        declarations = runpy.run_path(str(builder))["DECLARATIONS"]
        if "#define" in declarations:
            written[ROOT / "butter/_constants" / builder.name] = module(builder.stem, declarations)
    return written


def main() -> int:
    stale = [path for path, text in modules().items() if not path.exists() or path.read_text() != text]
    for path in stale:
        print(("stale: " if "--check" in sys.argv else "written: ") + str(path.relative_to(ROOT)))
        if "--check" not in sys.argv:
            path.write_text(modules()[path])
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
