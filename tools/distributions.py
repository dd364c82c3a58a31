#!/usr/bin/env python3
"""List what is wrong with a wheel and an sdist.

python tools/distributions.py WHEEL SDIST
"""

from __future__ import annotations

import platform
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path


def faults(wheel: Path, sdist: Path) -> list[str]:
    """Return what is missing, and what should not be there."""
    found = []
    stable_abi = platform.python_implementation() == "CPython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
    if stable_abi and "-cp39-abi3-" not in wheel.name:
        found.append(f"{wheel.name} does not serve every CPython from 3.9 on")
    names = zipfile.ZipFile(wheel).namelist()
    root = Path(__file__).resolve().parent.parent
    builders = sorted((root / "butter/build").glob("*.py"))
    modules = {name.partition(".")[0] for name in names if name.endswith(".so")}
    found += [f"the wheel lacks what {b.name} builds" for b in builders if f"butter/_{b.stem}_c" not in modules]
    if "butter/py.typed" not in names:
        found.append("the wheel lacks py.typed")
    found += [f"the wheel lacks the types of {b.name}" for b in builders if f"butter/_{b.stem}_c.pyi" not in names]
    found += [f"the wheel has {name}" for name in names if name.startswith("butter/build/") or name.endswith(".c")]
    share = [
        "bash-completion/completions/butter",
        "zsh/site-functions/_butter",
        "fish/vendor_completions.d/butter.fish",
    ]
    subcommands = [path.stem for path in (root / "butter/cli").glob("[!_]*.py")]
    share += [f"man/man1/{name}.1" for name in ["butter", *(f"butter-{each}" for each in subcommands)]]
    installed = {name.partition(".data/data/share/")[2] for name in names}
    found += [f"the wheel lacks share/{path}" for path in share if path not in installed]
    if not all(name.startswith(("butter/", "butter-")) for name in names):
        found.append("the wheel installs more than butter")
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    wanted = ["setup.py", "LICENSE", "tests/conftest.py", "benchmarks/__main__.py", "tools/constants.py"]
    wanted += [
        str(path.relative_to(root)) for path in (root / "butter/build").iterdir() if path.suffix in (".py", ".c", ".h")
    ]
    return found + [f"the sdist lacks {path}" for path in wanted if path not in packed]


if __name__ == "__main__":
    problems = faults(Path(sys.argv[1]), Path(sys.argv[2]))
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(bool(problems))
