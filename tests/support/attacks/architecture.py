"""Calls by the numbers of another architecture, which a filter has to refuse."""

import ctypes
import mmap
import os
import platform

from support.attacks.rows import add
from support.needs import needs

MAP_32BIT = 0x40
# a function of C: the number, and three arguments
CODE = bytes.fromhex(
    "53"  # push rbx
    "89f8"  # mov eax, edi: the number
    "89f3"  # mov ebx, esi: the first argument
    "4189ca"  # mov r10d, ecx
    "89d1"  # mov ecx, edx: the second
    "4489d2"  # mov edx, r10d: the third
    "cd80"  # int 0x80
    "4898"  # cdqe
    "5b"  # pop rbx
    "c3"  # ret
)
X86 = (needs(when=platform.machine() == "x86_64", reason="needs the instructions of x86"),)


def i386(number, *arguments):
    """Make a system call as a program of 32 bits does."""
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(CODE)
    # pointers have 32 bits
    low = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_32BIT)
    base = ctypes.addressof(ctypes.c_char.from_buffer(low))
    values = []
    for argument in arguments:
        if isinstance(argument, bytes):
            values.append(base + low.tell())
            low.write(argument + b"\0")
        else:
            values.append(argument)
    words = [*values, 0, 0, 0][:3]
    function = ctypes.CFUNCTYPE(ctypes.c_long, *[ctypes.c_uint] * 4)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
    result: int = function(number, *words)
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result


def foreign(name, run, needs=(), **settings):
    add(f"i386_{name}", "seccomp", run, needs=X86 + needs, **settings)


def path(world):
    return os.fsencode(world.secret)


foreign("getpid", lambda world: i386(20))
foreign("open", lambda world: i386(5, path(world), os.O_RDONLY))
foreign("chmod", lambda world: i386(15, path(world), 0o777), harms=True)
foreign("chown", lambda world: i386(212, path(world), 12345, 12345), harms=True, needs=(needs("CAP_CHOWN"),))
foreign("utime", lambda world: i386(30, path(world), (1).to_bytes(4, "little") * 2), harms=True)
foreign("udp_socket", lambda world: i386(359, 2, 2, 0))
foreign("socketcall", lambda world: i386(102, 1, b"\x02\0\0\0\x02\0\0\0\0\0\0\0"))
foreign("unshare", lambda world: i386(310, 0x10000000))
foreign("io_uring_setup", lambda world: i386(425, 8, bytes(120)))
foreign("keyctl", lambda world: i386(288, 0, 0xFFFFFFFE, 1))
