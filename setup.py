"""The settings for cffi, and the files below share/; the rest is in pyproject.toml."""

import os
import platform
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import Distribution, setup
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


class InstallData(Distribution().get_command_class("install_data")):
    """Writes the manual pages and the completions, which the built command knows."""

    def run(self):
        super().run()
        share = Path(self.install_dir, "share")
        path = [self.get_finalized_command("build").build_lib, os.environ.get("PYTHONPATH", "")]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}
        subprocess.run([sys.executable, "tools/share.py", share], env=env, check=True)
        self.outfiles += [str(file) for file in share.rglob("*") if file.is_file()]


# One wheel serves every CPython from 3.9 on, because cffi's modules use only the
# limited API. PyPy and free-threaded builds do not have one.
stable_abi = platform.python_implementation() == "CPython" and not sysconfig.get_config_var("Py_GIL_DISABLED")

setup(
    cffi_modules=[f"{builder.as_posix()}:ffi" for builder in sorted(Path("butter/build").glob("*.py"))],
    cmdclass={"build_ext": BuildExt, "install_data": InstallData},
    data_files=[("share", [])],  # or nothing would be installed there
    options={"bdist_wheel": {"py_limited_api": "cp39"}} if stable_abi else {},
)
