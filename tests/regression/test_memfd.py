"""Defects that memfd once had, one test for each, named after its id; and what programs rely on."""

import errno
import io
import mmap
import os
import subprocess
import sys

import pytest
import support

from butter import memfd as module
from butter.memfd import (
    F_SEAL_SEAL,
    F_SEAL_WRITE,
    MFD_ALLOW_SEALING,
    Memfd,
    flags,
    memfd_create,
    revoke,
    seal,
)


def test_E8():
    """A subclass is made as its base is."""

    class Own(Memfd):
        def __init__(self, name):
            super().__init__(name)

    with Own("own") as memfd:
        assert memfd.name() == "own"


def test_E12():
    """Arguments are checked under -O as well."""
    program = (
        "from butter.memfd import *\nfor call in (Memfd, memfd_create):\n try: call(5)\n except TypeError: print('x')"
    )
    found = subprocess.run([sys.executable, "-O", "-c", support.same_path(program)], stdout=subprocess.PIPE, check=True)
    assert found.stdout == b"x\n" * 2


def test_M1():
    """mmap works with its defaults, and with flags and protection or with access."""
    with Memfd("map") as memfd:
        for arguments in (
            {},
            {"flags": module.MAP_SHARED},
            {"prot": module.PROT_READ | module.PROT_WRITE},
            {"access": module.ACCESS_WRITE},
            {"access": module.ACCESS_COPY | module.ACCESS_READ | module.ACCESS_WRITE},
        ):
            with memfd.mmap(4096, **arguments) as mapping:
                assert isinstance(mapping, mmap.mmap)
                assert len(mapping) == 4096
                mapping[0] = 1


def test_M2():
    """What an event object does and a file cannot raises as a file would."""
    with Memfd() as memfd:
        for call in (memfd.wait, memfd.read_event, memfd.read_events, lambda: iter(memfd), lambda: list(memfd)):
            with pytest.raises(io.UnsupportedOperation):
                call()


def test_M3():
    """writable is the property that butter 0.13's documents have, beside shrinkable and growable."""
    with Memfd() as memfd:
        assert memfd.writable is True
        memfd.writable = False
        assert memfd.writable is False


def test_M4():
    """A name may be bytes, a NUL in it is refused, and the initial value counts."""
    with Memfd(b"bytes") as memfd:
        assert os.readlink(f"/proc/self/fd/{memfd.fileno()}") == "/memfd:bytes (deleted)"
    for call in (memfd_create, Memfd):
        with pytest.raises(ValueError, match="null byte"):
            call("a\0b")
    with Memfd("", 8192) as memfd:
        assert len(memfd) == 8192
    with Memfd("", inital_value=b"content") as memfd:
        assert len(memfd) == 7


def test_M5():
    """The exceptions that are documented for the seals come, with their errno, and are those that came before too."""
    fd = memfd_create("", MFD_ALLOW_SEALING)
    os.ftruncate(fd, 4096)
    with mmap.mmap(fd, 4096), pytest.raises(ValueError, match="close every mmap") as caught:
        revoke(fd, F_SEAL_WRITE)
    assert isinstance(caught.value, OSError)
    assert caught.value.errno == errno.EBUSY
    seal(fd)
    for call in (lambda: seal(fd), lambda: revoke(fd, F_SEAL_WRITE)):
        for exception in (ValueError, PermissionError):
            with pytest.raises(exception) as caught:
                call()
            assert caught.value.errno == errno.EPERM
    os.close(fd)
    reading, writing = os.pipe()
    with pytest.raises(ValueError, match="is not a memfd") as caught:
        flags(reading)
    assert isinstance(caught.value, OSError)
    assert caught.value.errno == errno.EINVAL
    os.close(reading)
    os.close(writing)


def test_M6():
    """The names of all seals and of both commands are in the public module."""
    assert (module.F_SEAL_SEAL, module.F_ADD_SEALS, module.F_GET_SEALS) == (1, 0x409, 0x40A)
    assert {"F_SEAL_SEAL", "F_ADD_SEALS", "F_GET_SEALS", "F_SEAL_FUTURE_WRITE", "F_SEAL_EXEC"} <= set(module.__all__)


def test_M7():
    """An object can be sealed unless it was sealed; one that cannot says so before it is tried."""
    with Memfd() as memfd:
        assert memfd.flags == 0
        assert memfd.sealable
        memfd.growable = False
        assert not memfd.growable
    with Memfd.adopt(memfd_create()) as memfd:
        assert memfd.flags == F_SEAL_SEAL
        assert not memfd.sealable
        # that is what it can do; that it cannot be forbidden is another matter
        assert memfd.growable
        with pytest.raises(PermissionError, match="made without MFD_ALLOW_SEALING"):
            memfd.growable = False


# What programs do


def test_sealing_by_steps():
    """The raw descriptor and the object are sealed with the explicit flag, as ever."""
    fd = memfd_create("program", flags=MFD_ALLOW_SEALING)
    assert flags(fd) == 0
    revoke(fd, F_SEAL_WRITE)
    assert flags(fd) == F_SEAL_WRITE
    os.close(fd)
    with Memfd("program", flags=MFD_ALLOW_SEALING) as memfd:
        for name in ("growable", "shrinkable", "writable"):
            assert getattr(memfd, name)
            setattr(memfd, name, True)
            setattr(memfd, name, False)
            assert not getattr(memfd, name)


def test_name_in_repr():
    """The repr has the name between quotes as it is, whatever is in it."""
    for name in ("plain", "a'b\"c", "back\\slash", "new\nline"):
        with Memfd(name) as memfd:
            assert f"name='{name}'" in repr(memfd)
            assert f"fd={memfd.fileno()}" in repr(memfd)
