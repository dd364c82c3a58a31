#!/usr/bin/env python3
"""Write butter/_seccomp_numbers.py, the numbers of system calls, from kernel headers.

    python tools/syscalls.py          write it
    python tools/syscalls.py --check  exit with 1 if it is not up to date

The headers are those of the PyPI package ``ziglang``, which has them for each
architecture, and mostly those of the newest kernel. ``nox -s syscalls`` installs it.
``--headers DIRECTORY`` takes those of its ``lib/libc/include`` unpacked elsewhere.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "butter/_seccomp_numbers.py"

#: the header of each architecture, in the order of the columns
HEADERS = {
    "x86_64": "x86-linux-any/asm/unistd_64.h",
    "x32": "x86-linux-any/asm/unistd_x32.h",
    "i386": "x86-linux-any/asm/unistd_32.h",
    "aarch64": "aarch64-linux-any/asm/unistd_64.h",
}
VERSION = "any-linux-any/linux/version.h"

#: ``#define __NR_read 0``, and for x32 ``#define __NR_read (__X32_SYSCALL_BIT + 0)``
NUMBER = re.compile(r"^#define __NR_(\w+)\s+\(?(?:__X32_SYSCALL_BIT \+ )?(\d+)\)?$", re.MULTILINE)


def numbers(header: str) -> dict[str, int]:
    """Return the calls of a header, those of x32 without the bit that marks them."""
    return {name: int(number) for name, number in NUMBER.findall(header)}


def version(header: str) -> str:
    """Return the release of ``linux/version.h``, as ``7.2``."""
    found = dict(re.findall(r"^#define LINUX_VERSION_(\w+) (\d+)$", header, re.MULTILINE))
    return f"{found['MAJOR']}.{found['PATCHLEVEL']}"


def generated(headers: Path) -> str:
    """Return the text of the module."""
    calls = {arch: numbers((headers / path).read_text()) for arch, path in HEADERS.items()}
    names = sorted(set().union(*calls.values()))
    rows = [" ".join([name, *(str(calls[arch].get(name, "-")) for arch in HEADERS)]) for name in names]
    release = version((headers / VERSION).read_text())
    return "\n".join(
        [
            f'"""The numbers of the system calls of Linux {release}. Written by tools/syscalls.py."""',
            "",
            "from __future__ import annotations",
            "",
            "#: the columns of the table, after the name",
            f"ARCHITECTURES = ({', '.join(f'{arch!r}' for arch in HEADERS)})".replace("'", '"'),
            "",
            "#: a call in each line; those of x32 are without the bit that marks them",
            'TABLE = """',
            *rows,
            '"""',
            "",
        ]
    )


def installed() -> Path | None:
    """Return the headers of the installed ziglang; None if it is not there."""
    found = importlib.util.find_spec("ziglang")
    places = found.submodule_search_locations if found else None
    return Path(places[0], "lib/libc/include") if places else None


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the numbers of the system calls from kernel headers.")
    parser.add_argument("--check", action="store_true", help="say whether the table is up to date")
    parser.add_argument("--headers", type=Path, default=installed(), help="lib/libc/include of ziglang")
    options = parser.parse_args()
    if options.headers is None:
        parser.error("ziglang is not installed: 'nox -s syscalls' installs it")
    text = generated(options.headers)
    if TABLE.exists() and TABLE.read_text() == text:
        return 0
    print(f"{'stale' if options.check else 'written'}: {TABLE.relative_to(ROOT)}")
    if not options.check:
        TABLE.write_text(text)
    return int(options.check)


if __name__ == "__main__":
    sys.exit(main())
