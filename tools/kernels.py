#!/usr/bin/env python3
"""Run the suite on older kernels of Debian, in qemu, and on a simulated Linux 4.14.

    python tools/kernels.py [4.14] [5.10] [6.1] [6.12] [TEST or OPTION of pytest...]

Without a kernel, on all of them; without a TEST, all but the unit tests, which need no
feature of the kernel, and the long ones. A test is skipped where the kernel does not
meet its needs.

Linux 4.14 is the running kernel behind a filter, as ``tests/support/old_kernel.py``
describes. The others boot from a disk with Debian bookworm and this checkout. Their
parts are kept in ``butter/kernels`` below ``$XDG_CACHE_HOME`` or ``~/.cache``.
Needs root and an x86_64, and much time where the processor does not help qemu.
"""

from __future__ import annotations

import lzma
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from foreign import CACHE, MIRROR, Apt, copy_checkout, new_root
from wheels import ROOT, run

FOLDER = CACHE / "kernels"
# the releases of Debian that have them
KERNELS = {"5.10": "bullseye", "6.1": "bookworm", "6.12": "trixie"}
SIMULATED = "4.14"
TESTS = [f"tests/{name}" for name in ("asyncio", "cases", "kernel", "regression", "trio")]
# and not "python -m", which would import butter from the checkout
PYTEST = Path(sys.executable).with_name("pytest")

PROGRAMS = ["qemu-system-x86", "debootstrap", "cpio", "kmod", "e2fsprogs"]
# on the disk: a compiler for butter, a Python, and programs that tests run
PACKAGES = """
busybox-static gcc libc6-dev python3-dev python3-venv ca-certificates
btrfs-progs e2fsprogs fish iproute2 libcap2-bin mandoc procps tmux uidmap util-linux xfsprogs zsh
"""
MODULES = ["virtio_pci", "virtio_blk", "ext4", "crc32c_generic", "loop", "overlay", "xfs", "btrfs", "fuse"]

# the first process of the kernel, in its initial memory
FIRST = """#!/bin/busybox sh
/bin/busybox mkdir -p /dev /root
/bin/busybox mount -t devtmpfs devtmpfs /dev
for module in /modules/*; do /bin/busybox insmod $module || echo "no $module"; done
/bin/busybox mount -t ext4 /dev/vda /root
exec /bin/busybox switch_root /root /bin/sh /butter.sh
"""
# the second, from the disk
SECOND = """
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs run /run
mount -t cgroup2 cgroup /sys/fs/cgroup
ip link set lo up
ulimit -Hn 524288
export HOME=/root LC_ALL=C.UTF-8 PATH=/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb
cd /butter
uname -a
setsid python -m pytest {options} </dev/null 2>&1
echo "exit code $?"
echo o >/proc/sysrq-trigger
sleep 60
"""


def main() -> None:
    kernels = [word for word in sys.argv[1:] if word in (SIMULATED, *KERNELS)]
    options = [word for word in sys.argv[1:] if word not in kernels]
    if not any(word.startswith("tests/") for word in options):
        options += TESTS
    options = ["-q", "-n", "2", "-rfEs", "--hypothesis-profile", "few", *options]
    results = {}
    for kernel in kernels or [SIMULATED, *KERNELS]:
        print(f"== Linux {kernel}", flush=True)
        if kernel == SIMULATED:
            results[kernel] = watch([str(PYTEST), "--linux", SIMULATED, *options])
        else:
            results[kernel] = boot(kernel, options)
    for kernel, (_, summary) in results.items():
        print(f"Linux {kernel}: {summary}")
    sys.exit(any(code != 0 for code, _ in results.values()))


def watch(command: list[str]) -> tuple[int, str]:
    """Print what a command prints: return its exit code, or the printed, and a summary.

    The summary is that of pytest.
    """
    found, summary = None, "no test has run"
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)
            if printed := re.match(r"exit code (\d+)", line):
                found = int(printed[1])
            if re.match(r"(\d+ \w+, )*\d+ \w+ in [\d.]+s", line):
                summary = line.strip()
    return process.returncode if found is None else found, summary


def boot(kernel: str, options: list[str]) -> tuple[int, str]:
    """Return the result of pytest on *kernel*."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    missing = [program for program in PROGRAMS if not installed(program)]
    if missing:
        run("apt-get", "install", "-qy", "--no-install-recommends", *missing)
    memory = once(kernel, make_kernel)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        disk = make_disk(Path(folder), once("root", make_root), options)
        command = ["qemu-system-x86_64", *accelerator(), "-smp", "2", "-m", "3G", "-no-reboot"]
        command += ["-display", "none", "-monitor", "none", "-serial", "stdio"]
        command += ["-drive", f"file={disk},format=raw,if=virtio,cache=unsafe"]
        command += ["-kernel", str(memory / "vmlinuz"), "-initrd", str(memory / "initrd")]
        command += ["-append", "console=ttyS0 loglevel=3 panic=-1 random.trust_cpu=on"]
        code, summary = watch(command)
    return code if summary[0].isdigit() else 1, summary


def accelerator() -> list[str]:
    """Return the options with which qemu runs fastest on this machine.

    A machine that is virtual without nested virtualization may have a /dev/kvm that
    does not run every kernel, so the processor is asked.
    """
    flags = set(Path("/proc/cpuinfo").read_text().split())
    if flags & {"svm", "vmx"} and os.access("/dev/kvm", os.W_OK):
        return ["-accel", "kvm", "-cpu", "host"]
    return ["-accel", "tcg,thread=multi", "-cpu", "max"]


def installed(package: str) -> bool:
    """Whether Debian's *package* is installed."""
    return subprocess.run(["dpkg", "-s", package], capture_output=True).returncode == 0


def once(name: str, make: Callable[[Path], None]) -> Path:
    """Return the folder that *make* fills, which is kept."""
    folder = FOLDER / name
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=FOLDER) as work:
            new = Path(work, name)
            new.mkdir()
            make(new)
            new.rename(folder)  # only a complete one has the name
    return folder


def make_kernel(folder: Path) -> None:
    """Fill *folder* with a kernel, named as the folder, and its initial memory."""
    apt = Apt(folder.parent, KERNELS[folder.name], "amd64")
    described = run("apt-cache", *apt.options, "depends", "linux-image-amd64")
    (package,) = re.findall(r"Depends: (linux-image-\S+)", described)
    apt.get("download", package)
    (archive,) = apt.folder.glob("*.deb")
    unpacked, memory = folder.parent / "unpacked", folder.parent / "memory"
    new_root(unpacked)
    run("dpkg", "-x", archive, unpacked)
    (version,) = os.listdir(unpacked / "lib/modules")
    (kernel,) = (unpacked / "boot").glob("vmlinuz-*")
    kernel.rename(folder / "vmlinuz")
    run("depmod", "-b", unpacked, version)
    modules: list[str] = []
    for module in MODULES:
        found = run("modprobe", "-d", unpacked, "-S", version, "--show-depends", module)
        modules += re.findall(r"^insmod (\S+)", found, re.M)
    (memory / "modules").mkdir(parents=True)
    for order, module in enumerate(dict.fromkeys(modules)):
        content = Path(module).read_bytes()
        content = lzma.decompress(content) if module.endswith(".xz") else content
        (memory / f"modules/{order:02}-{Path(module).name}").write_bytes(content)
    (memory / "bin").mkdir()
    shutil.copy(once("root", make_root) / "bin/busybox", memory / "bin")
    (memory / "init").write_text(FIRST)
    (memory / "init").chmod(0o755)
    run("sh", "-c", 'find . | cpio -o -H newc --quiet >"$0"', folder / "initrd", cwd=memory)


def make_root(folder: Path) -> None:
    """Fill *folder* with the system of the disk."""
    packages = ",".join(PACKAGES.split())
    run("unshare", "--mount", "debootstrap", "--variant=minbase", f"--include={packages}", "bookworm", folder, MIRROR)
    (folder / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    inside(folder, "python3", "-m", "venv", "/venv")


def make_disk(folder: Path, root: Path, options: list[str]) -> Path:
    """Return a new disk with *root*, in which the checkout is installed."""
    copy_checkout(root / "butter")
    inside(root, "/venv/bin/pip", "install", "-q", "-e", "/butter[test]")
    (root / "butter.sh").write_text(SECOND.format(options=shlex.join(options)))
    disk = folder / "disk"
    run("mke2fs", "-q", "-t", "ext4", "-d", root, disk, "4G")
    return disk


def inside(root: Path, *command: str) -> None:
    """Run a command with *root* as the root directory."""
    certificates = Path("/etc/ssl/certs/ca-certificates.crt")
    shutil.copy(certificates, f"{root}{certificates}")
    run(ROOT / "tools/enter.sh", root, *command, env={"HOME": "/root", "PIP_CERT": str(certificates)})


if __name__ == "__main__":
    main()
