"""What cffi needs; everything else stands in pyproject.toml."""

import platform
import sysconfig
from pathlib import Path

from setuptools import setup

# One wheel serves every CPython from 3.9 on, because cffi's modules use the
# limited API alone. PyPy and free-threaded builds have no such thing.
stable_abi = platform.python_implementation() == "CPython" and not sysconfig.get_config_var("Py_GIL_DISABLED")

setup(
    cffi_modules=[f"{builder.as_posix()}:ffi" for builder in sorted(Path("butter/build").glob("*.py"))],
    options={"bdist_wheel": {"py_limited_api": "cp39"}} if stable_abi else {},
)
