"""The constants of memfd. Written by tools/constants.py from butter/build/memfd.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._enums import Flags, Number
from butter._memfd_c import lib

__all__ = [
    "F_ADD_SEALS",
    "F_GET_SEALS",
    "F_SEAL_EXEC",
    "F_SEAL_FUTURE_WRITE",
    "F_SEAL_GROW",
    "F_SEAL_SEAL",
    "F_SEAL_SHRINK",
    "F_SEAL_WRITE",
    "MAP_ANON",
    "MAP_ANONYMOUS",
    "MAP_DENYWRITE",
    "MAP_EXECUTABLE",
    "MAP_PRIVATE",
    "MAP_SHARED",
    "MFD_ALLOW_SEALING",
    "MFD_CLOEXEC",
    "MFD_EXEC",
    "MFD_HUGETLB",
    "MFD_HUGE_16GB",
    "MFD_HUGE_16MB",
    "MFD_HUGE_1GB",
    "MFD_HUGE_1MB",
    "MFD_HUGE_256MB",
    "MFD_HUGE_2GB",
    "MFD_HUGE_2MB",
    "MFD_HUGE_32MB",
    "MFD_HUGE_512KB",
    "MFD_HUGE_512MB",
    "MFD_HUGE_64KB",
    "MFD_HUGE_8MB",
    "MFD_HUGE_MASK",
    "MFD_HUGE_SHIFT",
    "MFD_NOEXEC_SEAL",
    "MemfdCreate",
    "MemfdHugePages",
    "MemfdMap",
    "MemfdProt",
    "MemfdSeal",
    "PROT_EXEC",
    "PROT_READ",
    "PROT_WRITE",
]

# the flags of memfd_create
#: close the descriptor when the process executes another program
MFD_CLOEXEC: Final[int] = lib.MFD_CLOEXEC
#: seals can be added; without it the memfd starts with F_SEAL_SEAL
MFD_ALLOW_SEALING: Final[int] = lib.MFD_ALLOW_SEALING
#: use huge pages, of the default size or that of an MFD_HUGE_ flag (Linux 4.14)
MFD_HUGETLB: Final[int] = lib.MFD_HUGETLB
#: not executable, for ever (F_SEAL_EXEC); allows sealing (Linux 6.3)
MFD_NOEXEC_SEAL: Final[int] = lib.MFD_NOEXEC_SEAL
#: executable, also where vm.memfd_noexec is 1 (Linux 6.3)
MFD_EXEC: Final[int] = lib.MFD_EXEC

# the size of the huge pages, beside MFD_HUGETLB
#: pages of 64 KiB
MFD_HUGE_64KB: Final[int] = lib.MFD_HUGE_64KB
#: pages of 512 KiB
MFD_HUGE_512KB: Final[int] = lib.MFD_HUGE_512KB
#: pages of 1 MiB
MFD_HUGE_1MB: Final[int] = lib.MFD_HUGE_1MB
#: pages of 2 MiB
MFD_HUGE_2MB: Final[int] = lib.MFD_HUGE_2MB
#: pages of 8 MiB
MFD_HUGE_8MB: Final[int] = lib.MFD_HUGE_8MB
#: pages of 16 MiB
MFD_HUGE_16MB: Final[int] = lib.MFD_HUGE_16MB
#: pages of 32 MiB
MFD_HUGE_32MB: Final[int] = lib.MFD_HUGE_32MB
#: pages of 256 MiB
MFD_HUGE_256MB: Final[int] = lib.MFD_HUGE_256MB
#: pages of 512 MiB
MFD_HUGE_512MB: Final[int] = lib.MFD_HUGE_512MB
#: pages of 1 GiB
MFD_HUGE_1GB: Final[int] = lib.MFD_HUGE_1GB
#: pages of 2 GiB
MFD_HUGE_2GB: Final[int] = lib.MFD_HUGE_2GB
#: pages of 16 GiB
MFD_HUGE_16GB: Final[int] = lib.MFD_HUGE_16GB

# the changes that a seal forbids, for ever and to everyone
#: no more seals can be added
F_SEAL_SEAL: Final[int] = lib.F_SEAL_SEAL
#: it cannot become shorter
F_SEAL_SHRINK: Final[int] = lib.F_SEAL_SHRINK
#: it cannot become longer
F_SEAL_GROW: Final[int] = lib.F_SEAL_GROW
#: its content cannot change
F_SEAL_WRITE: Final[int] = lib.F_SEAL_WRITE
#: its content changes only by mappings that exist already (Linux 5.1)
F_SEAL_FUTURE_WRITE: Final[int] = lib.F_SEAL_FUTURE_WRITE
#: the executable bits of its mode cannot change (Linux 6.3)
F_SEAL_EXEC: Final[int] = lib.F_SEAL_EXEC

# the access that a mapping allows
#: its bytes can be read
PROT_READ: Final[int] = lib.PROT_READ
#: its bytes can be written
PROT_WRITE: Final[int] = lib.PROT_WRITE
#: its bytes can be executed
PROT_EXEC: Final[int] = lib.PROT_EXEC

# the kind of a mapping
#: writes go to the memfd, and other processes see them
MAP_SHARED: Final[int] = lib.MAP_SHARED
#: writes stay in this mapping
MAP_PRIVATE: Final[int] = lib.MAP_PRIVATE
#: the same as MAP_ANONYMOUS
MAP_ANON: Final[int] = lib.MAP_ANON
#: map no file at all
MAP_ANONYMOUS: Final[int] = lib.MAP_ANONYMOUS
#: ignored by Linux
MAP_DENYWRITE: Final[int] = lib.MAP_DENYWRITE
#: ignored by Linux
MAP_EXECUTABLE: Final[int] = lib.MAP_EXECUTABLE

# commands of fcntl, and the place of the huge page size in the flags
#: add seals
F_ADD_SEALS: Final[int] = lib.F_ADD_SEALS
#: return the seals
F_GET_SEALS: Final[int] = lib.F_GET_SEALS
#: the number of the lowest bit of the field with the binary logarithm of the size
MFD_HUGE_SHIFT: Final[int] = lib.MFD_HUGE_SHIFT
#: the bits of this field, shifted down to bit 0
MFD_HUGE_MASK: Final[int] = lib.MFD_HUGE_MASK


class MemfdCreate(Flags):
    """The flags of memfd_create."""

    CLOEXEC = MFD_CLOEXEC
    ALLOW_SEALING = MFD_ALLOW_SEALING
    HUGETLB = MFD_HUGETLB
    NOEXEC_SEAL = MFD_NOEXEC_SEAL
    EXEC = MFD_EXEC

    __since__ = {
        "MFD_NOEXEC_SEAL": (MFD_NOEXEC_SEAL, "6.3"),
        "MFD_EXEC": (MFD_EXEC, "6.3"),
    }


class MemfdHugePages(Number):
    """The size of the huge pages, beside MFD_HUGETLB."""

    HUGE_64KB = MFD_HUGE_64KB
    HUGE_512KB = MFD_HUGE_512KB
    HUGE_1MB = MFD_HUGE_1MB
    HUGE_2MB = MFD_HUGE_2MB
    HUGE_8MB = MFD_HUGE_8MB
    HUGE_16MB = MFD_HUGE_16MB
    HUGE_32MB = MFD_HUGE_32MB
    HUGE_256MB = MFD_HUGE_256MB
    HUGE_512MB = MFD_HUGE_512MB
    HUGE_1GB = MFD_HUGE_1GB
    HUGE_2GB = MFD_HUGE_2GB
    HUGE_16GB = MFD_HUGE_16GB


class MemfdSeal(Flags):
    """The changes that a seal forbids, for ever and to everyone."""

    SEAL = F_SEAL_SEAL
    SHRINK = F_SEAL_SHRINK
    GROW = F_SEAL_GROW
    WRITE = F_SEAL_WRITE
    FUTURE_WRITE = F_SEAL_FUTURE_WRITE
    EXEC = F_SEAL_EXEC

    __since__ = {
        "F_SEAL_FUTURE_WRITE": (F_SEAL_FUTURE_WRITE, "5.1"),
        "F_SEAL_EXEC": (F_SEAL_EXEC, "6.3"),
    }


class MemfdProt(Flags):
    """The access that a mapping allows."""

    READ = PROT_READ
    WRITE = PROT_WRITE
    EXEC = PROT_EXEC


class MemfdMap(Flags):
    """The kind of a mapping."""

    SHARED = MAP_SHARED
    PRIVATE = MAP_PRIVATE
    ANON = MAP_ANON
    ANONYMOUS = MAP_ANONYMOUS
    DENYWRITE = MAP_DENYWRITE
    EXECUTABLE = MAP_EXECUTABLE
