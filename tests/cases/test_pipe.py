"""The cases of pipe2: one test for each, named after it."""

import fcntl
import os
import subprocess
import sys

import pytest

from butter.pipe import O_CLOEXEC, O_DIRECT, O_NONBLOCK, pipe2

EXECUTED = """
import fcntl, sys
try:
    fcntl.fcntl(int(sys.argv[1]), fcntl.F_GETFD)
except OSError as error:
    sys.exit(error.errno == 9)
"""


@pytest.mark.parametrize("flags", [0, O_CLOEXEC, O_DIRECT, O_NONBLOCK])
def test_pipe2_01(flags):
    """Both ends of a new pipe have its flags, and the writing end alone O_DIRECT."""
    ends = pipe2(flags, closefd=False)
    for end, shown in zip(ends, (O_NONBLOCK, O_NONBLOCK | O_DIRECT)):
        assert fcntl.fcntl(end, fcntl.F_GETFD) == (fcntl.FD_CLOEXEC if flags == O_CLOEXEC else 0)
        assert fcntl.fcntl(end, fcntl.F_GETFL) & (O_DIRECT | O_NONBLOCK) == flags & shown
        os.close(end)


@pytest.mark.parametrize(("flags", "status"), [(O_CLOEXEC, 1), (0, 0)])
def test_pipe2_02(flags, status):
    """A program that is executed has no end of a pipe with O_CLOEXEC."""
    reader, writer = pipe2(flags, closefd=False)
    done = subprocess.run([sys.executable, "-S", "-c", EXECUTED, str(writer)], close_fds=False)
    os.close(reader)
    os.close(writer)
    assert done.returncode == status
