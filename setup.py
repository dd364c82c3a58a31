"""The settings for cffi; everything else stands in pyproject.toml."""

import platform
import sys
import sysconfig
from pathlib import Path

from setuptools import setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CCompilerError

NEEDED = (
    "the C modules of butter need a C compiler and Python's headers: "
    "'apt install gcc python3-dev', which other distributions call gcc and python3-devel"
)


class BuildExt(build_ext):
    """Builds, and says in its last line what to install where that fails."""

    def run(self):
        try:
            super().run()
        except (BaseError, CCompilerError, FileNotFoundError) as error:
            sys.exit(f"error: {error}\nerror: {NEEDED}")


# One wheel serves every CPython from 3.9 on, because cffi's modules use only the
# limited API. PyPy and free-threaded builds do not have one.
stable_abi = platform.python_implementation() == "CPython" and not sysconfig.get_config_var("Py_GIL_DISABLED")

setup(
    cffi_modules=[f"{builder.as_posix()}:ffi" for builder in sorted(Path("butter/build").glob("*.py"))],
    cmdclass={"build_ext": BuildExt},
    options={"bdist_wheel": {"py_limited_api": "cp39"}} if stable_abi else {},
)
