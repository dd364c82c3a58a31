"""Try the C of a feature at random, under sanitizers of addresses and behaviour.

    python tests/fuzz/run.py inotify [COUNT [SEED]]

A parser gets so many inputs; the inputs follow from the seed, so a failure repeats.
aio and uring_ring do so many operations, which depend on the kernel's order too.
``$CC``, or ``cc``, compiles.
"""

import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILDERS = HERE.parent.parent / "butter/build"
OPTIONS = ["-std=gnu11", "-g", "-O1", "-pthread", "-x", "c"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover"]
#: Without Python.h, which has the first of these; the second tells quick.h that there
#: is no GIL to let go of.
WITHOUT_PYTHON = ["-D_GNU_SOURCE", "-DPYPY_VERSION"]
#: the fuzzers whose operations the kernel completes, with what they have in common
IN_THE_KERNEL = {"aio", "uring_ring"}


def source_of(feature):
    """The C that cffi compiles for *feature*."""
    builder = runpy.run_path(str(BUILDERS / f"{feature}.py"))
    return "\n".join(builder.get("SOURCES") or [(BUILDERS / f"{feature}.c").read_text()])


def run(feature, count=1_000_000, seed=1):
    """Return what the fuzzer of *feature* prints; CalledProcessError if it fails."""
    common = ["random.h"] + ["memory.h"] * (feature in IN_THE_KERNEL)
    sources = [source_of(feature), *((HERE / name).read_text() for name in (*common, f"{feature}.c"))]
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory, feature)
        subprocess.run(
            [os.environ.get("CC", "cc"), *OPTIONS, *SANITIZE, *WITHOUT_PYTHON, "-", "-o", str(program)],
            input="\n".join(sources),
            text=True,
            check=True,
        )
        command = [str(program), str(count), str(seed)]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=directory).stdout


if __name__ == "__main__":
    print(run(*sys.argv[1:]), end="")
