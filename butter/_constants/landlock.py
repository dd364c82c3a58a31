"""The constants of landlock. Written by tools/constants.py from butter/build/landlock.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._enums import Flags, Number
from butter._landlock_c import lib

__all__ = [
    "LANDLOCK_ACCESS_FS_EXECUTE",
    "LANDLOCK_ACCESS_FS_IOCTL_DEV",
    "LANDLOCK_ACCESS_FS_MAKE_BLOCK",
    "LANDLOCK_ACCESS_FS_MAKE_CHAR",
    "LANDLOCK_ACCESS_FS_MAKE_DIR",
    "LANDLOCK_ACCESS_FS_MAKE_FIFO",
    "LANDLOCK_ACCESS_FS_MAKE_REG",
    "LANDLOCK_ACCESS_FS_MAKE_SOCK",
    "LANDLOCK_ACCESS_FS_MAKE_SYM",
    "LANDLOCK_ACCESS_FS_READ_DIR",
    "LANDLOCK_ACCESS_FS_READ_FILE",
    "LANDLOCK_ACCESS_FS_REFER",
    "LANDLOCK_ACCESS_FS_REMOVE_DIR",
    "LANDLOCK_ACCESS_FS_REMOVE_FILE",
    "LANDLOCK_ACCESS_FS_RESOLVE_UNIX",
    "LANDLOCK_ACCESS_FS_TRUNCATE",
    "LANDLOCK_ACCESS_FS_WRITE_FILE",
    "LANDLOCK_ACCESS_NET_BIND_TCP",
    "LANDLOCK_ACCESS_NET_BIND_UDP",
    "LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP",
    "LANDLOCK_ACCESS_NET_CONNECT_TCP",
    "LANDLOCK_ADD_RULE_QUIET",
    "LANDLOCK_CREATE_RULESET_ERRATA",
    "LANDLOCK_CREATE_RULESET_VERSION",
    "LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON",
    "LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF",
    "LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF",
    "LANDLOCK_RESTRICT_SELF_TSYNC",
    "LANDLOCK_RULE_NET_PORT",
    "LANDLOCK_RULE_PATH_BENEATH",
    "LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET",
    "LANDLOCK_SCOPE_SIGNAL",
    "LandlockAdd",
    "LandlockCreate",
    "LandlockFs",
    "LandlockNet",
    "LandlockRestrict",
    "LandlockRule",
    "LandlockScope",
]

# rights to files and directories
#: execute a file (Linux 5.13)
LANDLOCK_ACCESS_FS_EXECUTE: Final[int] = lib.LANDLOCK_ACCESS_FS_EXECUTE
#: open a file for writing (Linux 5.13)
LANDLOCK_ACCESS_FS_WRITE_FILE: Final[int] = lib.LANDLOCK_ACCESS_FS_WRITE_FILE
#: open a file for reading (Linux 5.13)
LANDLOCK_ACCESS_FS_READ_FILE: Final[int] = lib.LANDLOCK_ACCESS_FS_READ_FILE
#: open a directory, or list its content (Linux 5.13)
LANDLOCK_ACCESS_FS_READ_DIR: Final[int] = lib.LANDLOCK_ACCESS_FS_READ_DIR
#: remove an empty directory, or rename one (Linux 5.13)
LANDLOCK_ACCESS_FS_REMOVE_DIR: Final[int] = lib.LANDLOCK_ACCESS_FS_REMOVE_DIR
#: remove a file, or rename one (Linux 5.13)
LANDLOCK_ACCESS_FS_REMOVE_FILE: Final[int] = lib.LANDLOCK_ACCESS_FS_REMOVE_FILE
#: make a character device, or link or rename one to here (Linux 5.13)
LANDLOCK_ACCESS_FS_MAKE_CHAR: Final[int] = lib.LANDLOCK_ACCESS_FS_MAKE_CHAR
#: make a directory, or rename one to here (Linux 5.13)
LANDLOCK_ACCESS_FS_MAKE_DIR: Final[int] = lib.LANDLOCK_ACCESS_FS_MAKE_DIR
#: make a regular file, or link or rename one to here (Linux 5.13)
LANDLOCK_ACCESS_FS_MAKE_REG: Final[int] = lib.LANDLOCK_ACCESS_FS_MAKE_REG
#: make a unix socket, or link or rename one to here (Linux 5.13)
LANDLOCK_ACCESS_FS_MAKE_SOCK: Final[int] = lib.LANDLOCK_ACCESS_FS_MAKE_SOCK
#: make a named pipe, or link or rename one to here (Linux 5.13)
LANDLOCK_ACCESS_FS_MAKE_FIFO: Final[int] = lib.LANDLOCK_ACCESS_FS_MAKE_FIFO
#: make a block device, or link or rename one to here (Linux 5.13)
LANDLOCK_ACCESS_FS_MAKE_BLOCK: Final[int] = lib.LANDLOCK_ACCESS_FS_MAKE_BLOCK
#: make a symbolic link, or link or rename one to here (Linux 5.13)
LANDLOCK_ACCESS_FS_MAKE_SYM: Final[int] = lib.LANDLOCK_ACCESS_FS_MAKE_SYM
#: link or rename a file from or to another directory (Linux 5.19)
LANDLOCK_ACCESS_FS_REFER: Final[int] = lib.LANDLOCK_ACCESS_FS_REFER
#: make a file shorter or longer, or empty it (Linux 6.2)
LANDLOCK_ACCESS_FS_TRUNCATE: Final[int] = lib.LANDLOCK_ACCESS_FS_TRUNCATE
#: make ioctl calls on a device that is opened then (Linux 6.10)
LANDLOCK_ACCESS_FS_IOCTL_DEV: Final[int] = lib.LANDLOCK_ACCESS_FS_IOCTL_DEV
#: connect or send to a unix socket of others by its path (Linux 7.1)
LANDLOCK_ACCESS_FS_RESOLVE_UNIX: Final[int] = lib.LANDLOCK_ACCESS_FS_RESOLVE_UNIX

# rights to ports
#: bind a TCP socket to this local port (Linux 6.7)
LANDLOCK_ACCESS_NET_BIND_TCP: Final[int] = lib.LANDLOCK_ACCESS_NET_BIND_TCP
#: connect a TCP socket to this remote port (Linux 6.7)
LANDLOCK_ACCESS_NET_CONNECT_TCP: Final[int] = lib.LANDLOCK_ACCESS_NET_CONNECT_TCP
#: bind a UDP socket to this local port (Linux 7.2)
LANDLOCK_ACCESS_NET_BIND_UDP: Final[int] = lib.LANDLOCK_ACCESS_NET_BIND_UDP
#: connect a UDP socket or send to this remote port (Linux 7.2)
LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP: Final[int] = lib.LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP

# what a fenced process cannot reach in processes outside its fence
#: their unix sockets with abstract names (Linux 6.12)
LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET: Final[int] = lib.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
#: the processes themselves, by signals (Linux 6.12)
LANDLOCK_SCOPE_SIGNAL: Final[int] = lib.LANDLOCK_SCOPE_SIGNAL

# what landlock_create_ruleset returns instead of a descriptor
#: the number of the kernel's ABI (Linux 5.13)
LANDLOCK_CREATE_RULESET_VERSION: Final[int] = lib.LANDLOCK_CREATE_RULESET_VERSION
#: a bit for each defect of this ABI that was mended (Linux 6.15)
LANDLOCK_CREATE_RULESET_ERRATA: Final[int] = lib.LANDLOCK_CREATE_RULESET_ERRATA

# what a rule is about
#: a file, or a directory with all below it (Linux 5.13)
LANDLOCK_RULE_PATH_BENEATH: Final[int] = lib.LANDLOCK_RULE_PATH_BENEATH
#: a port (Linux 6.7)
LANDLOCK_RULE_NET_PORT: Final[int] = lib.LANDLOCK_RULE_NET_PORT

# the flags of landlock_add_rule
#: log no refusal of the quiet rights about this (Linux 7.2)
LANDLOCK_ADD_RULE_QUIET: Final[int] = lib.LANDLOCK_ADD_RULE_QUIET

# the flags of landlock_restrict_self
#: log no refusal until the next execve (Linux 6.15)
LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF: Final[int] = lib.LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF
#: log refusals after the next execve, too (Linux 6.15)
LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON: Final[int] = lib.LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON
#: log no refusal by a fence inside this one (Linux 6.15)
LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF: Final[int] = lib.LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF
#: restrict every thread of the process (Linux 7.0)
LANDLOCK_RESTRICT_SELF_TSYNC: Final[int] = lib.LANDLOCK_RESTRICT_SELF_TSYNC


class LandlockFs(Flags):
    """Rights to files and directories."""

    EXECUTE = LANDLOCK_ACCESS_FS_EXECUTE
    WRITE_FILE = LANDLOCK_ACCESS_FS_WRITE_FILE
    READ_FILE = LANDLOCK_ACCESS_FS_READ_FILE
    READ_DIR = LANDLOCK_ACCESS_FS_READ_DIR
    REMOVE_DIR = LANDLOCK_ACCESS_FS_REMOVE_DIR
    REMOVE_FILE = LANDLOCK_ACCESS_FS_REMOVE_FILE
    MAKE_CHAR = LANDLOCK_ACCESS_FS_MAKE_CHAR
    MAKE_DIR = LANDLOCK_ACCESS_FS_MAKE_DIR
    MAKE_REG = LANDLOCK_ACCESS_FS_MAKE_REG
    MAKE_SOCK = LANDLOCK_ACCESS_FS_MAKE_SOCK
    MAKE_FIFO = LANDLOCK_ACCESS_FS_MAKE_FIFO
    MAKE_BLOCK = LANDLOCK_ACCESS_FS_MAKE_BLOCK
    MAKE_SYM = LANDLOCK_ACCESS_FS_MAKE_SYM
    REFER = LANDLOCK_ACCESS_FS_REFER
    TRUNCATE = LANDLOCK_ACCESS_FS_TRUNCATE
    IOCTL_DEV = LANDLOCK_ACCESS_FS_IOCTL_DEV
    RESOLVE_UNIX = LANDLOCK_ACCESS_FS_RESOLVE_UNIX

    __since__ = {
        "LANDLOCK_ACCESS_FS_EXECUTE": (LANDLOCK_ACCESS_FS_EXECUTE, "5.13"),
        "LANDLOCK_ACCESS_FS_WRITE_FILE": (LANDLOCK_ACCESS_FS_WRITE_FILE, "5.13"),
        "LANDLOCK_ACCESS_FS_READ_FILE": (LANDLOCK_ACCESS_FS_READ_FILE, "5.13"),
        "LANDLOCK_ACCESS_FS_READ_DIR": (LANDLOCK_ACCESS_FS_READ_DIR, "5.13"),
        "LANDLOCK_ACCESS_FS_REMOVE_DIR": (LANDLOCK_ACCESS_FS_REMOVE_DIR, "5.13"),
        "LANDLOCK_ACCESS_FS_REMOVE_FILE": (LANDLOCK_ACCESS_FS_REMOVE_FILE, "5.13"),
        "LANDLOCK_ACCESS_FS_MAKE_CHAR": (LANDLOCK_ACCESS_FS_MAKE_CHAR, "5.13"),
        "LANDLOCK_ACCESS_FS_MAKE_DIR": (LANDLOCK_ACCESS_FS_MAKE_DIR, "5.13"),
        "LANDLOCK_ACCESS_FS_MAKE_REG": (LANDLOCK_ACCESS_FS_MAKE_REG, "5.13"),
        "LANDLOCK_ACCESS_FS_MAKE_SOCK": (LANDLOCK_ACCESS_FS_MAKE_SOCK, "5.13"),
        "LANDLOCK_ACCESS_FS_MAKE_FIFO": (LANDLOCK_ACCESS_FS_MAKE_FIFO, "5.13"),
        "LANDLOCK_ACCESS_FS_MAKE_BLOCK": (LANDLOCK_ACCESS_FS_MAKE_BLOCK, "5.13"),
        "LANDLOCK_ACCESS_FS_MAKE_SYM": (LANDLOCK_ACCESS_FS_MAKE_SYM, "5.13"),
        "LANDLOCK_ACCESS_FS_REFER": (LANDLOCK_ACCESS_FS_REFER, "5.19"),
        "LANDLOCK_ACCESS_FS_TRUNCATE": (LANDLOCK_ACCESS_FS_TRUNCATE, "6.2"),
        "LANDLOCK_ACCESS_FS_IOCTL_DEV": (LANDLOCK_ACCESS_FS_IOCTL_DEV, "6.10"),
        "LANDLOCK_ACCESS_FS_RESOLVE_UNIX": (LANDLOCK_ACCESS_FS_RESOLVE_UNIX, "7.1"),
    }


class LandlockNet(Flags):
    """Rights to ports."""

    BIND_TCP = LANDLOCK_ACCESS_NET_BIND_TCP
    CONNECT_TCP = LANDLOCK_ACCESS_NET_CONNECT_TCP
    BIND_UDP = LANDLOCK_ACCESS_NET_BIND_UDP
    CONNECT_SEND_UDP = LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP

    __since__ = {
        "LANDLOCK_ACCESS_NET_BIND_TCP": (LANDLOCK_ACCESS_NET_BIND_TCP, "6.7"),
        "LANDLOCK_ACCESS_NET_CONNECT_TCP": (LANDLOCK_ACCESS_NET_CONNECT_TCP, "6.7"),
        "LANDLOCK_ACCESS_NET_BIND_UDP": (LANDLOCK_ACCESS_NET_BIND_UDP, "7.2"),
        "LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP": (LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP, "7.2"),
    }


class LandlockScope(Flags):
    """What a fenced process cannot reach in processes outside its fence."""

    ABSTRACT_UNIX_SOCKET = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
    SIGNAL = LANDLOCK_SCOPE_SIGNAL

    __since__ = {
        "LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET": (LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET, "6.12"),
        "LANDLOCK_SCOPE_SIGNAL": (LANDLOCK_SCOPE_SIGNAL, "6.12"),
    }


class LandlockCreate(Flags):
    """What landlock_create_ruleset returns instead of a descriptor."""

    VERSION = LANDLOCK_CREATE_RULESET_VERSION
    ERRATA = LANDLOCK_CREATE_RULESET_ERRATA

    __since__ = {
        "LANDLOCK_CREATE_RULESET_VERSION": (LANDLOCK_CREATE_RULESET_VERSION, "5.13"),
        "LANDLOCK_CREATE_RULESET_ERRATA": (LANDLOCK_CREATE_RULESET_ERRATA, "6.15"),
    }


class LandlockRule(Number):
    """What a rule is about."""

    PATH_BENEATH = LANDLOCK_RULE_PATH_BENEATH
    NET_PORT = LANDLOCK_RULE_NET_PORT

    __since__ = {
        "LANDLOCK_RULE_PATH_BENEATH": (LANDLOCK_RULE_PATH_BENEATH, "5.13"),
        "LANDLOCK_RULE_NET_PORT": (LANDLOCK_RULE_NET_PORT, "6.7"),
    }


class LandlockAdd(Flags):
    """The flags of landlock_add_rule."""

    QUIET = LANDLOCK_ADD_RULE_QUIET

    __since__ = {
        "LANDLOCK_ADD_RULE_QUIET": (LANDLOCK_ADD_RULE_QUIET, "7.2"),
    }


class LandlockRestrict(Flags):
    """The flags of landlock_restrict_self."""

    LOG_SAME_EXEC_OFF = LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF
    LOG_NEW_EXEC_ON = LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON
    LOG_SUBDOMAINS_OFF = LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF
    TSYNC = LANDLOCK_RESTRICT_SELF_TSYNC

    __since__ = {
        "LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF": (LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF, "6.15"),
        "LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON": (LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON, "6.15"),
        "LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF": (LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF, "6.15"),
        "LANDLOCK_RESTRICT_SELF_TSYNC": (LANDLOCK_RESTRICT_SELF_TSYNC, "7.0"),
    }
