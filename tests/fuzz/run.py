"""Feed a parser, under the address and undefined-behaviour sanitizers, many inputs.

    python tests/fuzz/run.py inotify [INPUTS [SEED]]

The inputs follow from the seed, so a failure repeats. ``$CC``, or ``cc``, compiles.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILDERS = HERE.parent.parent / "butter/build"
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover"]


def run(feature, inputs=1_000_000, seed=1):
    """Return what the fuzzer of *feature* prints; CalledProcessError if it fails."""
    source = (BUILDERS / f"{feature}.c").read_text()
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory, feature)
        subprocess.run(
            [os.environ.get("CC", "cc"), "-std=gnu11", "-g", "-O1", *SANITIZE, "-x", "c", "-", "-o", str(program)],
            input=source + (HERE / f"{feature}.c").read_text(),
            text=True,
            check=True,
        )
        command = [str(program), str(inputs), str(seed)]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    print(run(*sys.argv[1:]), end="")
