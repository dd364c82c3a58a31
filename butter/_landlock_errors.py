"""The errors of landlock, in tables."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from butter._arguments import fileno
from butter._constants.landlock import (
    LANDLOCK_ADD_RULE_QUIET,
    LANDLOCK_CREATE_RULESET_ERRATA,
    LANDLOCK_CREATE_RULESET_VERSION,
    LANDLOCK_RULE_NET_PORT,
    LANDLOCK_RULE_PATH_BENEATH,
)
from butter._descriptor import is_open, link_of
from butter._landlock_c import ffi, lib
from butter._landlock_rights import (
    ABIS,
    EVERY,
    FLAGS,
    FS,
    NET,
    NEWEST,
    SCOPE,
    NetPortAttr,
    PathBeneathAttr,
    RulesetAttr,
    bits_of,
    list_of,
)
from butter._look import CAP_SYS_ADMIN, capable, status_field
from butter.errors import (
    NEW_ANONYMOUS,
    NEW_DESCRIPTOR,
    NO_MEMORY,
    NOT_ALLOWED,
    PATH,
    Errors,
    InvalidArgument,
    bad_descriptor,
    running_kernel,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from butter._landlock_rights import Right
    from butter.errors import Meaning

#: how the link in ``/proc/self/fd`` of a ruleset begins
LINK = "anon_inode:[landlock-ruleset]"

#: how many fences may lie around each other
LAYERS = 16


class NotEnforced(OSError):
    """This kernel cannot enforce what was asked, or has no landlock at all."""


def _found() -> int:
    """Return the ABI of this kernel, or a negative number."""
    return int(lib.landlock_create_ruleset(ffi.NULL, 0, LANDLOCK_CREATE_RULESET_VERSION))


def kernel_and_abi(abi: int) -> str:
    """Return a phrase about this kernel, as "Linux 6.18 has landlock ABI 7"."""
    kernel = ".".join(map(str, running_kernel()))
    return f"Linux {kernel} has " + (f"landlock ABI {abi}" if abi > 0 else "no landlock")


def _newer(table: Mapping[str, Right], bits: int) -> list[Right]:
    found = _found()
    return [right for right in table.values() if right.bit & bits and right.abi > found]


def _unknown(table: Mapping[str, Right], bits: int) -> str | None:
    """Return a sentence about the bits that this kernel does not know."""
    strange = bits & ~bits_of(table, table)
    if strange:
        return f"the bits {strange:#x} do not belong to a right that landlock ABI {NEWEST} or an older one has"
    newer = _newer(table, bits)
    return f"this kernel does not know {', '.join(map(str, newer))}: {kernel_and_abi(_found())}" if newer else None


def _not_enforced(missing: Collection[str] = (), remedy: str = "", abi: int = 0, **_: object) -> str:
    if not missing:
        return "landlock was not enabled at boot: the kernel's parameter lsm= has to list it"
    return f"this kernel cannot enforce {list_of(EVERY, missing)}: {kernel_and_abi(abi)}; {remedy}"


def _create_refused(attr: RulesetAttr | None, size: int, flags: int, **_: object) -> str:
    questions = LANDLOCK_CREATE_RULESET_VERSION | LANDLOCK_CREATE_RULESET_ERRATA
    if flags & ~questions:
        return f"unknown flags {flags & ~questions:#x}"
    if flags == LANDLOCK_CREATE_RULESET_ERRATA and attr is None and not size:
        return f"LANDLOCK_CREATE_RULESET_ERRATA needs a kernel that has it, as Linux 6.15: {kernel_and_abi(_found())}"
    if flags:
        return "a flag asks a question, alone and without attr and size, and makes no ruleset"
    attr = attr or RulesetAttr()
    if size < 8:
        return f"size is {size}; the shortest struct has 8 bytes"
    for table, handled, quiet in (
        (FS, attr.handled_access_fs, attr.quiet_access_fs),
        (NET, attr.handled_access_net, attr.quiet_access_net),
        (SCOPE, attr.scoped, attr.quiet_scoped),
    ):
        sentence = _unknown(table, handled)
        if sentence:
            return sentence
        if quiet & ~handled:
            return "a quiet right has to be handled, too"
    return NOT_ALLOWED


def _too_long(attr: RulesetAttr | None, size: int, **_: object) -> str:
    attr = attr or RulesetAttr()
    newer = [*_newer(NET, attr.handled_access_net), *_newer(SCOPE, attr.scoped)]
    if newer:
        return f"this kernel does not know {', '.join(map(str, newer))}: {kernel_and_abi(_found())}"
    if attr[3:] != (0, 0, 0):
        return f"quiet rights came with ABI 10, Linux {ABIS[10]}: {kernel_and_abi(_found())}"
    return f"size is {size}, which is longer than a page"


def _opposite(fd: int) -> str | None:
    """Return a sentence if *fd* is open and not a ruleset."""
    link = link_of(fd)
    return None if link is None or link.startswith(LINK) else f"descriptor {fd} is not a ruleset, but {link!r}"


def _rule_closed(ruleset_fd: int, rule_attr: object, **_: object) -> str:
    # one that is open with O_PATH does not count as open
    other = _opposite(ruleset_fd)
    if other or not is_open(ruleset_fd) or not isinstance(rule_attr, PathBeneathAttr):
        return other or f"descriptor {ruleset_fd} is not open"
    return f"descriptor {fileno(rule_attr.parent_fd)} is not open"


def _rule_elsewhere(ruleset_fd: int, rule_attr: object, **_: object) -> str:
    other = _opposite(ruleset_fd)
    if other or not isinstance(rule_attr, PathBeneathAttr):
        return other or f"descriptor {ruleset_fd} is not a ruleset"
    number = fileno(rule_attr.parent_fd)
    return (
        f"descriptor {number} is not that of a file with a path, but {link_of(number)!r}: landlock does not restrict it"
    )


def _rule_refused(
    rule_type: int, rule_attr: object = None, flags: int = 0, strange: Collection[str] = (), **_: object
) -> str:
    if strange:
        return (
            f"the ruleset does not handle {list_of(EVERY, strange)}, and so allows it everywhere: make the ruleset with"
            " it to forbid it elsewhere"
        )
    if flags:
        if flags == LANDLOCK_ADD_RULE_QUIET:
            return f"LANDLOCK_ADD_RULE_QUIET came with ABI 10, Linux {ABIS[10]}: {kernel_and_abi(_found())}"
        return f"unknown flags {flags:#x}, or this kernel does not know them: {kernel_and_abi(_found())}"
    if rule_type not in (LANDLOCK_RULE_PATH_BENEATH, LANDLOCK_RULE_NET_PORT):
        return f"rule_type is {rule_type}, which is not one of LandlockRule"
    if rule_type == LANDLOCK_RULE_NET_PORT:
        if _newer(NET, NET["bind_tcp"].bit):
            return f"rules about ports came with ABI 4, Linux {ABIS[4]}: {kernel_and_abi(_found())}"
        if isinstance(rule_attr, NetPortAttr) and rule_attr.port > 0xFFFF:
            return f"the port is {rule_attr.port}; it must be 0 to 65535"
    elif isinstance(rule_attr, PathBeneathAttr):
        number = fileno(rule_attr.parent_fd)
        wrong = [right.name for right in FS.values() if right.directory and right.bit & rule_attr.allowed_access]
        if wrong and not stat.S_ISDIR(os.fstat(number).st_mode):
            return f"descriptor {number} is not that of a directory, which alone can have {', '.join(wrong)}"
    return "allowed_access has rights that the ruleset does not handle"


def _rule_not_enforced(newer: Collection[str] = (), abi: int = 0, **_: object) -> str:
    if not newer:
        return _not_enforced()
    return f"the ruleset has the rights of ABI {abi}, whose rules are not about {list_of(EVERY, newer)}"


def _restrict_refused(flags: int, **_: object) -> str:
    return _unknown(FLAGS, flags) or NOT_ALLOWED


def _restrict_forbidden(**_: object) -> str:
    if status_field("NoNewPrivs") == "1" or capable(CAP_SYS_ADMIN):
        return f"the descriptor is not open for reading, or {NOT_ALLOWED}"
    return (
        "the thread needs CAP_SYS_ADMIN in its user namespace, or no_new_privs, because otherwise programs with more"
        " privileges could be restricted: after 'from butter.prctl import prctl', 'prctl.no_new_privs = True' sets it"
        " for ever"
    )


_OFF: Meaning = (NotEnforced, _not_enforced)
_MISSING: Meaning = (
    NotEnforced,
    "the system call is missing: this kernel is older than Linux 5.13 or was built without landlock, or a seccomp"
    " filter hides it",
)


def _outside(attr: object = None, rule_attr: object = None, **_: object) -> str:
    if attr is None and rule_attr is None:
        return "attr is None, and the kernel reads the struct that it stands for"
    return f"the struct is not in the memory of this process, or {NOT_ALLOWED}"


_OUTSIDE: Meaning = (InvalidArgument, _outside)

CREATE_RULESET = Errors(
    "landlock_create_ruleset",
    {
        **NEW_ANONYMOUS,
        errno.E2BIG: (InvalidArgument, _too_long),
        errno.EFAULT: _OUTSIDE,
        errno.EINVAL: (InvalidArgument, _create_refused),
        errno.ENOMSG: (InvalidArgument, "the ruleset would handle nothing: it needs a right or a scope"),
        errno.ENOSYS: _MISSING,
        errno.EOPNOTSUPP: _OFF,
    },
)
ADD_RULE = Errors(
    "landlock_add_rule",
    {
        errno.E2BIG: (InvalidArgument, "the ruleset has as many rules as it can have"),
        errno.EAFNOSUPPORT: (NotEnforced, "the kernel was built without TCP/IP"),
        errno.EBADF: (InvalidArgument, _rule_closed),
        errno.EBADFD: (InvalidArgument, _rule_elsewhere),
        errno.EFAULT: _OUTSIDE,
        errno.EINVAL: (InvalidArgument, _rule_refused),
        errno.ENOMEM: NO_MEMORY,
        errno.ENOMSG: (InvalidArgument, "the rule would allow nothing: it needs a right"),
        errno.ENOSYS: _MISSING,
        errno.EOPNOTSUPP: (NotEnforced, _rule_not_enforced),
        errno.EPERM: (PermissionError, f"the ruleset is not open for writing, or {NOT_ALLOWED}"),
    },
)
RESTRICT_SELF = Errors(
    "landlock_restrict_self",
    {
        errno.E2BIG: (
            InvalidArgument,
            f"the thread has {LAYERS} rulesets around it, its own and those it inherited, and can have no more",
        ),
        # one that is open with O_PATH does not count as open
        errno.EBADF: (InvalidArgument, lambda fd, **_: _opposite(fd) or bad_descriptor(fd)),
        errno.EBADFD: (InvalidArgument, lambda fd, **_: _opposite(fd) or f"descriptor {fd} is not a ruleset"),
        errno.EINVAL: (InvalidArgument, _restrict_refused),
        errno.ENOMEM: NO_MEMORY,
        errno.ENOSYS: _MISSING,
        errno.EOPNOTSUPP: _OFF,
        errno.EPERM: (PermissionError, _restrict_forbidden),
    },
)
_LOOKUP = {**PATH, **NEW_DESCRIPTOR}
# after which Python itself goes on
del _LOOKUP[errno.EINTR]
OPEN = Errors("open(O_PATH)", _LOOKUP)
