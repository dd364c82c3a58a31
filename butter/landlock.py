"""Fences without privileges: objects and calls for :manpage:`landlock(7)`."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from butter._arguments import CLOEXEC_DEFAULT, fileno, integer
from butter._checks import switch
from butter._constants import landlock as _constants
from butter._constants.landlock import *  # noqa: F403
from butter._constants.landlock import (
    LANDLOCK_ADD_RULE_QUIET,
    LANDLOCK_CREATE_RULESET_ERRATA,
    LANDLOCK_CREATE_RULESET_VERSION,
    LANDLOCK_RULE_NET_PORT,
    LANDLOCK_RULE_PATH_BENEATH,
)
from butter._descriptor import Descriptor
from butter._landlock import (
    landlock_add_rule,
    landlock_create_ruleset,
    landlock_restrict_self,
    open_path,
    placeholder,
)
from butter._landlock_errors import ADD_RULE, CREATE_RULESET, LINK, RESTRICT_SELF, NotEnforced
from butter._landlock_gaps import GAPS, Gap
from butter._landlock_rights import (
    ABIS,
    EVERY,
    EXECUTE,
    FLAGS,
    FS,
    NET,
    NEWEST,
    READ,
    SCOPE,
    WRITE,
    NetPortAttr,
    PathBeneathAttr,
    Right,
    RulesetAttr,
    bits_of,
    named_of_abi,
    names_of,
    of_abi,
    quiet_names,
)
from butter._look import status_field
from butter.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from butter._arguments import FileDescriptor, Path
    from butter._landlock_rights import Rights

__all__ = [
    "ABIS",
    "EXECUTE",
    "FLAGS",
    "FS",
    "GAPS",
    "NET",
    "READ",
    "SCOPE",
    "WRITE",
    "Gap",
    "NetPortAttr",
    "NotEnforced",
    "PathBeneathAttr",
    "Right",
    "Ruleset",
    "RulesetAttr",
    "abi",
    "errata",
    "landlock_add_rule",
    "landlock_create_ruleset",
    "landlock_restrict_self",
]
__all__ += _constants.__all__


def abi() -> int:
    """The number of the kernel's ABI, 0 if it has no landlock or has it disabled.

    The numbers begin at 1 and grow: an ABI has the rights of each lower one. ``ABIS``
    has the kernel of each, and :func:`landlock_create_ruleset` raises for the reason of
    a 0.
    """
    try:
        return landlock_create_ruleset(None, 0, LANDLOCK_CREATE_RULESET_VERSION)
    except NotEnforced:
        return 0


def errata() -> frozenset[int]:
    """The numbers of the defects that were mended in the kernel's landlock.

    1: sockets of other protocols than TCP, as MPTCP, do not count as TCP; 2: threads of
    one process may send signals to each other; 3: a directory that was moved out of its
    mount keeps the fence. Other numbers are newer than this text. It is empty where the
    kernel does not tell, as before Linux 6.15.
    """
    try:
        bits = landlock_create_ruleset(None, 0, LANDLOCK_CREATE_RULESET_ERRATA)
    except (NotEnforced, InvalidArgument):
        return frozenset()
    return frozenset(number + 1 for number in range(bits.bit_length()) if bits >> number & 1)


def _allow_file(ruleset: int, fd: int, names: frozenset[str], flags: int) -> None:
    try:
        is_directory = stat.S_ISDIR(os.fstat(fd).st_mode)
    except OSError:
        # the call says what is wrong with the descriptor
        is_directory = True
    if not is_directory:
        # if nothing is left the call gets all of them, and its error says why
        names = frozenset(name for name in names if not FS[name].directory) or names
    landlock_add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, PathBeneathAttr(bits_of(FS, names), fd), flags)


class Ruleset(Descriptor):
    """``Ruleset(fs=None, net=None, scope=None, abi=None, best_effort=False)``: a fence.

    ::

        with Ruleset() as ruleset:
            ruleset.allow_path("/usr", READ | EXECUTE)
            ruleset.allow_path("/tmp/work", READ | WRITE)
            ruleset.allow_port(443, "connect_tcp")
            prctl.no_new_privs = True
            ruleset.restrict()

    *fs*, *net* and *scope* say what the ruleset handles: rights to files (LandlockFs),
    rights to ports (LandlockNet), and what is out of reach outside the fence
    (LandlockScope). Each is a name as ``"read_file"``, a bit as
    ``LANDLOCK_ACCESS_FS_READ_FILE``, or a collection of them: ``READ``, ``WRITE`` and
    ``EXECUTE`` are sets of names. A handled right is forbidden wherever no rule allows
    it; what is not handled stays as it was. ``()`` handles nothing, and None, the
    default, everything that the ABI has.

    *abi* is the number of the ABI that the program was written for, by default that of
    this kernel. With a number, a newer kernel forbids the program nothing new. Rights
    that are named have to be of that ABI.

    A right that this kernel cannot enforce raises NotEnforced, unless *best_effort* is
    true: then it is left out, and is in :attr:`unenforced`. If nothing is left the
    object restricts nothing, and :attr:`handled` is empty.

    ``"refer"``, by which a file is linked or renamed into another directory, is
    forbidden by every ruleset that handles any right to files, even if not this one,
    and ABI 1 cannot allow it at all. From ABI 2 on it is therefore always handled with
    the others, and rules can allow it.

    *quiet* are names of rights and scopes whose refusal the kernel does not log (ABI
    10): those of files and ports where a rule says so, those of *scope* everywhere.

    *closefd* keeps the descriptor from programs that the process executes. A descriptor
    that was adopted does not tell its rights: :attr:`handled` is None, and rules have
    to name rights that it has.

    A fence is around a thread: :meth:`restrict` has the details. ``GAPS`` has all that
    landlock cannot forbid.

    Raises NotEnforced, ValueError for unknown rights and ABIs, InvalidArgument if
    nothing would be handled, and what :func:`landlock_create_ruleset` does.

    Linux 5.13, :manpage:`landlock(7)`.
    """

    _kind = "a landlock ruleset"
    _link = LINK

    _abi = 0
    _best_effort = False
    _handled: frozenset[str] | None = None
    _unenforced: frozenset[str] = frozenset()
    # the descriptor only stands for a ruleset: nothing of it can be enforced
    _empty = False
    # names; None if they are not known
    _quiet: frozenset[str] | None = None

    def __init__(
        self,
        fs: Rights | None = None,
        net: Rights | None = None,
        scope: Rights | None = None,
        abi: int | None = None,
        best_effort: bool = False,
        closefd: bool = CLOEXEC_DEFAULT,
        quiet: Iterable[str] = (),
    ) -> None:
        switch(best_effort, "best_effort")
        kernel = _kernel()
        # without landlock everything is missing, whatever ABI it is of
        asked = min(kernel or NEWEST, NEWEST) if abi is None else integer(abi, 32, "abi")
        if asked not in ABIS:
            raise ValueError(f"abi is {asked}; it must be one of the ABIs that butter knows, 1 to {NEWEST}")
        chosen = [
            of_abi(table, asked) if rights is None else named_of_abi(table, rights, argument, abi)
            for table, rights, argument in ((FS, fs, "fs"), (NET, net, "net"), (SCOPE, scope, "scope"))
        ]
        wanted = frozenset().union(*chosen)
        if chosen[0] and asked > 1:
            wanted |= {"refer"}
        silent = quiet_names(quiet, abi)
        if silent - wanted:
            raise ValueError(f"quiet has {', '.join(sorted(silent - wanted))}, which the ruleset does not handle")
        if silent:
            wanted |= {"quiet"}
        enforced = frozenset(name for name in wanted if EVERY[name].abi <= kernel)
        # a kernel with ABI 1 always forbids refer, so that is enforced
        missing = wanted - enforced - ({"refer"} if kernel else set())
        if missing and not best_effort:
            if not kernel:
                # raises for the reason
                landlock_create_ruleset(None, 0, LANDLOCK_CREATE_RULESET_VERSION)
            remedy = "best_effort=True goes on without"
            CREATE_RULESET.fail(errno.EOPNOTSUPP, missing=missing, remedy=remedy, abi=kernel)
        handled = enforced - {"quiet"}
        silenced = handled & silent if "quiet" in enforced else frozenset()
        self._abi, self._best_effort, self._handled, self._unenforced = asked, best_effort, handled, missing
        self._quiet = silent
        self._empty = bool(missing) and not handled
        attr = RulesetAttr(
            *(bits_of(table, names & set(table)) for names in (handled, silenced) for table in (FS, NET, SCOPE))
        )
        super().__init__(placeholder(closefd) if self._empty else landlock_create_ruleset(attr, closefd=closefd))

    def _adopted(self, fd: int) -> None:
        self._abi = min(abi(), NEWEST)

    @property
    def abi(self) -> int:
        """The number of the ABI whose rights it knows."""
        return self._abi

    @property
    def handled(self) -> frozenset[str] | None:
        """The names of the rights and scopes that it forbids where no rule allows them.

        None if it was adopted as a bare descriptor.
        """
        return self._handled

    @property
    def unenforced(self) -> frozenset[str]:
        """The names of the rights, scopes and flags that this kernel cannot enforce.

        It is always empty without *best_effort*. Methods add to it: a flag is there
        once :meth:`restrict` was asked for it, and a right that came after the ABI of
        the ruleset once a rule was to allow it.
        """
        return self._unenforced

    def allow_path(self, path: Path | FileDescriptor, rights: Rights, quiet: bool = False) -> None:
        """Allow *rights* to a file, or to a directory with everything below it.

        *path* is a str, bytes or PathLike, or a descriptor, which may be open with
        ``O_PATH``. *rights* are LandlockFs's, in the forms that the object itself
        takes. A file gets only those that a file can have: a directory lists, makes and
        removes what is in it.

        The rule belongs to the file that *path* leads to now, and not to the name. It
        goes through symbolic links, but is not about links that lie below the
        directory: what these lead to needs a rule of its own. Rights add up: a rule can
        take nothing away from one for a directory above.

        With *quiet* a refusal there of the rights that the ruleset has as quiet is not
        logged; *rights* may then be empty.

        Rights that came after the ABI of the ruleset, and those in :attr:`unenforced`,
        are passed over, because they are not forbidden. Raises NotEnforced if no other
        right is left, unless *best_effort* is true, InvalidArgument for rights that the
        ruleset does not handle although it could, for a file without a path, as a pipe
        (EBADFD), and for a file if all *rights* are about directories, ValueError for
        an unknown right, and what :func:`os.open` does.
        """
        number = self.fileno()
        names = names_of(FS, rights, "rights")
        flags = self._rule_flags(quiet)
        allowed = self._allowed(FS, names)
        if not allowed and not flags and (names or quiet):
            return
        if isinstance(path, (str, bytes, os.PathLike)):
            fd = open_path(path)
            try:
                _allow_file(number, fd, allowed, flags)
            finally:
                os.close(fd)
        else:
            if isinstance(path, bool):
                raise TypeError("path must be a path or a descriptor, not bool")
            _allow_file(number, fileno(path), allowed, flags)

    def allow_port(self, port: int, rights: Rights, quiet: bool = False) -> None:
        """Allow *rights* to a port, 0 to 65535, whatever the address.

        *rights* are LandlockNet's: ``"bind_tcp"`` is about the port of this machine and
        ``"connect_tcp"`` about that of the peer. The right to bind to port 0 is the
        right to a port that the kernel chooses; a UDP socket without a port needs it
        even to send, where ``"bind_udp"`` is handled.

        *quiet* is as for :meth:`allow_path`, whose errors about rights are raised here,
        too, and ValueError for another port.
        """
        number, port = self.fileno(), integer(port, 16, "port")
        names = names_of(NET, rights, "rights")
        flags = self._rule_flags(quiet)
        allowed = self._allowed(NET, names)
        if allowed or flags or not (names or quiet):
            landlock_add_rule(number, LANDLOCK_RULE_NET_PORT, NetPortAttr(bits_of(NET, allowed), port), flags)

    def _rule_flags(self, quiet: bool) -> int:
        """Return the flags of a rule. A flag that the kernel lacks is left out."""
        if not switch(quiet, "quiet"):
            return 0
        if self._quiet is not None and not self._quiet:
            raise ValueError("a quiet rule needs a ruleset that was made with the names of its quiet rights")
        return 0 if "quiet" in self._unenforced else LANDLOCK_ADD_RULE_QUIET

    def _allowed(self, table: Mapping[str, Right], names: frozenset[str]) -> frozenset[str]:
        """Return those of the rights that a rule can allow, or raise."""
        if self._handled is None or names <= self._handled:
            return names
        strange = names - self._handled - self._unenforced
        newer = frozenset(name for name in strange if table[name].abi > self._abi)
        if self._handled & set(FS):
            # a ruleset about files handles refer, unless the kernel has ABI 1
            newer |= strange & {"refer"}
        if strange - newer:
            ADD_RULE.fail(errno.EINVAL, rule_type=0, strange=strange - newer)
        if self._best_effort:
            self._unenforced |= newer - {"refer"}
        elif newer and newer == names:
            ADD_RULE.fail(errno.EOPNOTSUPP, newer=newer, abi=self._abi)
        return names & self._handled

    def restrict(
        self,
        *,
        log_same_exec: bool = True,
        log_new_exec: bool = False,
        log_subdomains: bool = True,
        tsync: bool = False,
    ) -> None:
        """Put the ruleset around this thread, for ever.

        The fence is around the calling thread, and the threads, processes and programs
        that it starts from now on. Threads that exist already stay outside, unless
        *tsync* is true (ABI 8): then every thread of the process gets the fence, and
        no_new_privs, if this one has it. Before that ABI, a process restricts itself
        before it starts a thread. Files that are open already keep the rights that they
        were opened with.

        Fences add up: what an outer one forbids, an inner one cannot allow. There can
        be 16, those of the parents included. The rules that count are those of this
        moment; the object may be closed afterwards, or used again.

        The kernel logs what it refuses, for ``auditd`` (ABI 7): not after the next
        ``execve``, unless *log_new_exec* is true; never before it if *log_same_exec* is
        false; and not for fences within this one if *log_subdomains* is false.

        The thread needs CAP_SYS_ADMIN in its user namespace, or no_new_privs, which
        takes the privileges of setuid programs from what it executes. This method never
        sets it: ``prctl.no_new_privs = True`` of :mod:`butter.prctl` does.

        Raises PermissionError without the two, NotEnforced for a flag that this kernel
        does not have (with *best_effort* it is in :attr:`unenforced` instead; *tsync*
        means nothing where there is only one thread), InvalidArgument (E2BIG) for the
        17th fence, OutOfMemory.
        """
        number = self.fileno()
        asked = {
            "log_same_exec_off": not log_same_exec,
            "log_new_exec_on": log_new_exec,
            "log_subdomains_off": not log_subdomains,
            "tsync": tsync,
        }
        wanted = frozenset(name for name, on in asked.items() if on)
        kernel = abi()
        missing = frozenset(name for name in wanted if FLAGS[name].abi > kernel)
        if "tsync" in missing and status_field("Threads") == "1":
            # there is no other thread to restrict
            wanted, missing = wanted - {"tsync"}, missing - {"tsync"}
        if missing and not self._best_effort:
            remedy = "leave it out, or make the ruleset with best_effort=True"
            RESTRICT_SELF.fail(errno.EOPNOTSUPP, missing=missing, remedy=remedy, abi=kernel)
        if not self._empty:
            landlock_restrict_self(number, bits_of(FLAGS, wanted - missing))
        self._unenforced |= missing


def _kernel() -> int:
    # where an argument is called abi, too
    return abi()
