#!/usr/bin/env python3
"""Run the function main of a file that is not trusted, and print its result.

    python examples/run_untrusted.py DIRECTORY CODE

The code may compute, and read the files in DIRECTORY, and nothing else.
"""

import resource
import sys
from pathlib import Path
from typing import Any

from butter.sandbox import Sandbox, SandboxedError

SECONDS, MEMORY = 5, 1 << 30


def call(code: str, directory: str) -> object:
    """Run in the sandbox: even the compiler does not see the code before."""
    names: dict[str, Any] = {"__name__": "untrusted"}
    exec(compile(code, "untrusted", "exec"), names)
    return names["main"](directory)


def main(directory: str, path: str) -> int:
    sandbox = Sandbox(read=[directory], rlimits={resource.RLIMIT_AS: (MEMORY, MEMORY)})
    report = sandbox.report()
    if not report["starts"]:
        print("nothing was run:", *report["missing"], file=sys.stderr)
        return 2
    try:
        result = sandbox.run(call, Path(path).read_text(), directory, timeout=SECONDS)
    except SandboxedError as error:
        print("the code failed:", error, file=sys.stderr)
    except Exception as error:
        print(f"the code failed: {type(error).__name__}: {error!s:.1000}", file=sys.stderr)
    else:
        print(ascii(result))
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
