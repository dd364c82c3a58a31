"""The rights of landlock by their names, the ABI of each, and the structs.

A right is called as the member of its class, in small letters: ``"read_file"`` is
``LandlockFs.READ_FILE``. No two rights, scopes or flags have one name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from butter._constants.landlock import (
    LANDLOCK_ACCESS_FS_EXECUTE,
    LANDLOCK_ACCESS_FS_IOCTL_DEV,
    LANDLOCK_ACCESS_FS_READ_FILE,
    LANDLOCK_ACCESS_FS_RESOLVE_UNIX,
    LANDLOCK_ACCESS_FS_TRUNCATE,
    LANDLOCK_ACCESS_FS_WRITE_FILE,
    LandlockAdd,
    LandlockFs,
    LandlockNet,
    LandlockRestrict,
    LandlockScope,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Union

    from butter._arguments import FileDescriptor
    from butter._enums import Flags

    #: one right, or several: names, bits of their class, or a collection of both
    Rights = Union[str, int, Iterable[Union[str, int]]]

#: the ABIs of landlock, each with the kernel that brought it
ABIS: Mapping[int, str] = {
    1: "5.13",
    2: "5.19",
    3: "6.2",
    4: "6.7",
    5: "6.10",
    6: "6.12",
    7: "6.15",
    8: "7.0",
    9: "7.1",
    10: "7.2",
}

#: the newest of them
NEWEST = max(ABIS)

#: the rights that a rule for a file may have; all others are about directories
_OF_FILES = (
    LANDLOCK_ACCESS_FS_EXECUTE
    | LANDLOCK_ACCESS_FS_WRITE_FILE
    | LANDLOCK_ACCESS_FS_READ_FILE
    | LANDLOCK_ACCESS_FS_TRUNCATE
    | LANDLOCK_ACCESS_FS_IOCTL_DEV
    | LANDLOCK_ACCESS_FS_RESOLVE_UNIX
)


class Right(NamedTuple):
    """A right, a scope or a flag of landlock."""

    name: str
    bit: int
    abi: int  # the first ABI that has it
    kernel: str  # the first Linux with this ABI
    directory: bool  # whether a rule can give it to a directory only, not to a file

    def __str__(self) -> str:
        return f"{self.name} (landlock ABI {self.abi}, Linux {self.kernel})"


def _table(names: type[Flags], files: int = -1) -> dict[str, Right]:
    abis = {kernel: abi for abi, kernel in ABIS.items()}
    return {
        member.lower(): Right(member.lower(), bit, abis[kernel], kernel, not bit & files)
        for (member, value), (bit, kernel) in zip(names.__members__.items(), names.__since__.values())
    }


#: the rights to files and directories, by their names
FS: Mapping[str, Right] = _table(LandlockFs, _OF_FILES)
#: the rights to ports
NET: Mapping[str, Right] = _table(LandlockNet)
#: what is out of reach outside the fence
SCOPE: Mapping[str, Right] = _table(LandlockScope)
#: the flags of landlock_restrict_self
FLAGS: Mapping[str, Right] = _table(LandlockRestrict)
#: the flags of landlock_add_rule
RULE_FLAGS: Mapping[str, Right] = _table(LandlockAdd)
#: all of these
EVERY: Mapping[str, Right] = {**FS, **NET, **SCOPE, **FLAGS, **RULE_FLAGS}

#: the rights to read files and list directories
READ = frozenset({"read_file", "read_dir"})
#: the rights to change files and directories: to write, make, remove and rename all but
#: devices. Reading is not among them, so a program mostly has ``READ | WRITE``.
WRITE = frozenset(
    {
        "write_file",
        "truncate",
        "make_reg",
        "make_dir",
        "make_sym",
        "make_fifo",
        "make_sock",
        "remove_file",
        "remove_dir",
        "refer",
    }
)
#: the rights to execute programs, which the kernel has to read too
EXECUTE = READ | {"execute"}


def of_abi(table: Mapping[str, Right], abi: int) -> frozenset[str]:
    """Return the names of the rights that an ABI has."""
    return frozenset(name for name, right in table.items() if right.abi <= abi)


def bits_of(table: Mapping[str, Right], names: Iterable[str]) -> int:
    """Return the bits of rights as one number."""
    bits = 0
    for name in names:
        bits |= table[name].bit
    return bits


def names_of(table: Mapping[str, Right], rights: Rights, argument: str) -> frozenset[str]:
    """Return the names of *rights*, which are names, bits, or a collection of both.

    Raises ValueError for a name or a bit that *table* does not have, TypeError for
    another type; *argument* is the name of the argument.
    """
    if isinstance(rights, (str, int)):
        rights = (rights,)
    elif isinstance(rights, (bytes, bytearray)) or not hasattr(rights, "__iter__"):
        raise TypeError(f"{argument} must be names of rights, not {type(rights).__name__}")
    found: set[str] = set()
    for right in rights:
        if isinstance(right, str):
            if right not in table:
                raise ValueError(f"{argument} has {right!r}; the rights are {', '.join(table)}")
            found.add(right)
        elif isinstance(right, int) and not isinstance(right, bool):
            unknown = right & ~bits_of(table, table)
            if unknown:
                raise ValueError(f"{argument} has {right:#x}, whose bits {unknown:#x} are not those of a right")
            found.update(name for name in table if right & table[name].bit)
        else:
            raise TypeError(f"{argument} must be names of rights, or their bits, not {type(right).__name__}")
    return frozenset(found)


def named_of_abi(table: Mapping[str, Right], rights: Rights, argument: str, abi: int | None) -> frozenset[str]:
    """Return the names of *rights*, which have to be of *abi*, if it is not None."""
    names = names_of(table, rights, argument)
    newer = [str(right) for name, right in table.items() if name in names and abi is not None and right.abi > abi]
    if newer:
        raise ValueError(f"{argument} has {', '.join(newer)}; the program asks for ABI {abi}")
    return names


def quiet_names(rights: Iterable[str], abi: int | None) -> frozenset[str]:
    """Return the rights that are not logged. A bit would be one of several classes.

    Raises ValueError if they are there and the program asks for an older ABI.
    """
    given = (rights,) if isinstance(rights, str) else tuple(rights)
    if not all(isinstance(right, str) for right in given):
        raise TypeError("quiet must be names of rights: a bit is that of a file, of a port and of a scope")
    names = names_of({**FS, **NET, **SCOPE}, given, "quiet")
    if names:
        named_of_abi(RULE_FLAGS, "quiet", "the ruleset", abi)
    return names


def list_of(table: Mapping[str, Right], names: Collection[str]) -> str:
    """Return the rights in words, each with its ABI and kernel."""
    return ", ".join(str(right) for name, right in table.items() if name in names)


class RulesetAttr(NamedTuple):
    """``struct landlock_ruleset_attr``: the rights that a ruleset handles.

    A handled right is forbidden wherever no rule allows it. The quiet ones are not
    logged, and have to be handled as well.
    """

    handled_access_fs: int = 0  # bits of LandlockFs
    handled_access_net: int = 0  # bits of LandlockNet
    scoped: int = 0  # bits of LandlockScope
    quiet_access_fs: int = 0
    quiet_access_net: int = 0
    quiet_scoped: int = 0


class PathBeneathAttr(NamedTuple):
    """``struct landlock_path_beneath_attr``: the rights to a file, or below one."""

    allowed_access: int  # bits of LandlockFs
    parent_fd: FileDescriptor  # of the file, or of the directory


class NetPortAttr(NamedTuple):
    """``struct landlock_net_port_attr``: the rights to a port."""

    allowed_access: int  # bits of LandlockNet
    port: int  # for the right to bind, 0 stands for a port that the kernel chooses
