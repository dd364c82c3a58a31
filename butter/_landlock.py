"""The calls of landlock."""

from __future__ import annotations

import os
import struct
from bisect import bisect_left
from fcntl import F_SETFD, fcntl
from typing import TYPE_CHECKING

from butter._arguments import CLOEXEC_DEFAULT, O_PATH, fileno, fsencode, integer
from butter._constants.landlock import LANDLOCK_RULE_NET_PORT, LANDLOCK_RULE_PATH_BENEATH
from butter._landlock_c import ffi, lib
from butter._landlock_errors import ADD_RULE, CREATE_RULESET, OPEN, RESTRICT_SELF
from butter._landlock_rights import NetPortAttr, PathBeneathAttr, RulesetAttr
from butter._signals import errno_of

if TYPE_CHECKING:
    from butter._arguments import FileDescriptor, Path

# the greatest page of any machine: of a longer struct the kernel reads nothing
_LONGEST = 1 << 16
# the sizes of the struct in ABI 1, 4, 6 and 10
_SIZES = (8, 16, 24, 48)
# the kernel goes by the type alone: of a port it would make a descriptor
_STRUCTS = {
    LANDLOCK_RULE_PATH_BENEATH: ("LANDLOCK_RULE_PATH_BENEATH", PathBeneathAttr),
    LANDLOCK_RULE_NET_PORT: ("LANDLOCK_RULE_NET_PORT", NetPortAttr),
}


def landlock_create_ruleset(
    attr: RulesetAttr | None, size: int | None = None, flags: int = 0, closefd: bool = CLOEXEC_DEFAULT
) -> int:
    """``landlock_create_ruleset(attr, size, flags)``: returns a descriptor or number.

    Without *flags* it is the descriptor of a new ruleset that handles what *attr* says.
    The *size* of the struct, in bytes, is the shortest that has all of it unless given:
    an old kernel does not take a longer one. The kernel makes every ruleset
    close-on-exec, which *closefd* = False takes back.

    *flags* are LandlockCreate's, one of them and without *attr*: with
    ``LANDLOCK_CREATE_RULESET_VERSION`` the call returns the number of the kernel's ABI,
    with ``LANDLOCK_CREATE_RULESET_ERRATA`` the defects that were mended in it.

    Raises NotEnforced where the kernel does not have landlock (ENOSYS) or has it
    disabled (EOPNOTSUPP), InvalidArgument for rights that it does not know (EINVAL,
    E2BIG) and for none at all (ENOMSG), OSError (EMFILE, ENFILE), OutOfMemory.

    Linux 5.13, :manpage:`landlock_create_ruleset(2)`.
    """
    packed, flags = b"", integer(flags, 32, "flags")
    if attr is not None:
        if not isinstance(attr, RulesetAttr):
            raise TypeError(f"attr must be a RulesetAttr or None, not {type(attr).__name__}")
        fields = [integer(value, 64, name) for name, value in zip(attr._fields, attr)]
        packed = struct.pack("=6Q", *fields)
        if size is None:
            size = _SIZES[bisect_left(_SIZES, len(packed.rstrip(b"\0")))]
    size = integer(size or 0, 63, "size")
    packed = packed.ljust(min(size, _LONGEST), b"\0")
    result = lib.landlock_create_ruleset(packed if attr is not None else ffi.NULL, size, flags)
    if result < 0:
        CREATE_RULESET.check(result, attr=attr, size=size, flags=flags)
    if not closefd and not flags:
        os.set_inheritable(result, True)
    return result


def landlock_add_rule(
    ruleset_fd: FileDescriptor, rule_type: int, rule_attr: PathBeneathAttr | NetPortAttr | None, flags: int = 0
) -> None:
    """``landlock_add_rule(ruleset_fd, rule_type, rule_attr, flags)``: allows something.

    *rule_type* is one of LandlockRule: ``LANDLOCK_RULE_PATH_BENEATH`` with a
    PathBeneathAttr, ``LANDLOCK_RULE_NET_PORT`` with a NetPortAttr. *flags* are
    LandlockAdd's. Two rules about one thing allow what either of them allows.

    Raises InvalidArgument for rights that the ruleset does not handle or the file
    cannot have (EINVAL), for none at all (ENOMSG), for a descriptor that is not a
    ruleset or does not have a path (EBADFD), PermissionError, OutOfMemory, NotEnforced
    where the kernel does not have TCP (EAFNOSUPPORT) or landlock, TypeError for the
    struct of another type.

    Linux 5.13, and 6.7 for ports; :manpage:`landlock_add_rule(2)`.
    """
    number, rule_type, flags = fileno(ruleset_fd), integer(rule_type, 32, "rule_type"), integer(flags, 32, "flags")
    packed = b""
    name, needed = _STRUCTS.get(rule_type, ("", (PathBeneathAttr, NetPortAttr)))
    if isinstance(rule_attr, (PathBeneathAttr, NetPortAttr)) and not isinstance(rule_attr, needed):
        raise TypeError(f"a rule of {name} does not have a {type(rule_attr).__name__}")
    if isinstance(rule_attr, PathBeneathAttr):
        allowed = integer(rule_attr.allowed_access, 64, "allowed_access")
        # as long as the other struct, for a type that is newer than butter
        packed = struct.pack("=Qi4x", allowed, fileno(rule_attr.parent_fd))
    elif isinstance(rule_attr, NetPortAttr):
        allowed = integer(rule_attr.allowed_access, 64, "allowed_access")
        packed = struct.pack("=QQ", allowed, integer(rule_attr.port, 64, "port"))
    elif rule_attr is not None:
        raise TypeError(f"rule_attr must be a PathBeneathAttr, a NetPortAttr or None, not {type(rule_attr).__name__}")
    result = lib.landlock_add_rule(number, rule_type, packed or ffi.NULL, flags)
    if result < 0:
        ADD_RULE.check(result, ruleset_fd=number, rule_type=rule_type, rule_attr=rule_attr, flags=flags)


def landlock_restrict_self(ruleset_fd: FileDescriptor, flags: int = 0) -> None:
    """``landlock_restrict_self(ruleset_fd, flags)``: puts a ruleset around the thread.

    That is for ever, and for the children and programs that the thread starts
    afterwards. The other threads stay as they are, unless *flags* (LandlockRestrict)
    have ``LANDLOCK_RESTRICT_SELF_TSYNC``. The ruleset may be changed or closed
    afterwards: the kernel has made a copy. A *ruleset_fd* of -1 changes only what is
    logged, with ``LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF``.

    Raises PermissionError without no_new_privs or CAP_SYS_ADMIN, InvalidArgument beyond
    16 rulesets (E2BIG), for a descriptor that is not a ruleset (EBADFD) and for flags
    that this kernel does not know, OutOfMemory, NotEnforced.

    Linux 5.13, :manpage:`landlock_restrict_self(2)`.
    """
    number, flags = fileno(ruleset_fd), integer(flags, 32, "flags")
    RESTRICT_SELF.check(lib.landlock_restrict_self(number, flags), fd=number, flags=flags)


def open_path(path: Path) -> int:
    """``open(path, O_PATH | O_CLOEXEC)``: returns a descriptor that names a file.

    Raises what the table OPEN says, and ValueError for a NUL in the path.
    """
    try:
        return os.open(fsencode(path), O_PATH | os.O_CLOEXEC)
    except OSError as error:
        number = errno_of(error)
    OPEN.fail(number, path)


def placeholder(closefd: bool) -> int:
    """Return a descriptor that stands for a ruleset which this kernel cannot make."""
    fd = os.open("/", O_PATH | os.O_CLOEXEC)
    if not closefd:
        # set_inheritable() of PyPy fails for a descriptor that is open with O_PATH
        fcntl(fd, F_SETFD, 0)
    return fd
