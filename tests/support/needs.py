"""The needs of a test: a capability, a kernel, or any other condition."""

import os
import sys

import pytest

from butter import landlock

# @needs("CAP_SYS_ADMIN"), @needs(kernel=(5, 13)): unmet, it is a skip, or a failure
# with --no-kernel-skips
needs = pytest.mark.needs

#: of a test of buffers that belong to the kernel meanwhile: PyPy would resize them in
#: spite of that, so there the kernel has copies
in_place = pytest.mark.skipif(sys.implementation.name == "pypy", reason="PyPy resizes what is in use")

CAPABILITIES = {
    "CAP_CHOWN": 0,
    "CAP_DAC_OVERRIDE": 1,
    "CAP_DAC_READ_SEARCH": 2,
    "CAP_SETGID": 6,
    "CAP_SETUID": 7,
    "CAP_SETPCAP": 8,
    "CAP_NET_BIND_SERVICE": 10,
    "CAP_NET_RAW": 13,
    "CAP_IPC_LOCK": 14,
    "CAP_SYS_CHROOT": 18,
    "CAP_SYS_PTRACE": 19,
    "CAP_SYS_ADMIN": 21,
    "CAP_SYS_NICE": 23,
    "CAP_SYS_RESOURCE": 24,
    "CAP_SYS_TIME": 25,
    "CAP_MKNOD": 27,
    "CAP_AUDIT_WRITE": 29,
    "CAP_SETFCAP": 31,
    "CAP_WAKE_ALARM": 35,
}


def capable(name):
    """Whether this process has the capability *name* in force."""
    with open("/proc/self/status") as status:
        effective = next(int(line.split()[1], 16) for line in status if line.startswith("CapEff"))
    return bool(effective >> CAPABILITIES[name] & 1)


def kernel():
    """The kernel's version, as ``(6, 18)``."""
    return tuple(int(number) for number in os.uname().release.split("-")[0].split(".")[:2])


def unmet(*capabilities, kernel=None, when=True, reason=""):
    """Why a need is not met, or None."""
    for name in capabilities:
        if not capable(name):
            return f"needs {name}"
    if kernel is not None and globals()["kernel"]() < kernel:
        return f"needs Linux {kernel[0]}.{kernel[1]}"
    return None if (when() if callable(when) else when) else reason


def _not_filtered():
    with open("/proc/self/status") as status:
        return "Seccomp:\t0\n" in status.read()


def needs_landlock(number):
    """A need of a kernel with this ABI of landlock."""
    return needs(when=lambda: landlock.abi() >= number, reason=f"needs landlock ABI {number}")


needs_no_filter = needs(when=_not_filtered, reason="needs a process without a seccomp filter")
