"""What landlock lets through, however tight the ruleset is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Gap(NamedTuple):
    """What a process can still do inside a fence that forbids everything."""

    name: str
    calls: tuple[str, ...]  # the system calls by which it goes
    meaning: str
    abi: int | None = None  # the first ABI that can forbid it, if there is one


_GAPS = (
    Gap(
        "stat",
        ("stat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat"),
        "whether any path exists, its size, owner, mode and times, and where a symbolic link leads",
    ),
    Gap("chdir", ("chdir", "fchdir", "chroot"), "another working directory, and as root another root"),
    Gap("chmod", ("chmod", "fchmod", "fchmodat", "fchmodat2"), "the mode of any file of the user"),
    Gap("chown", ("chown", "lchown", "fchown", "fchownat"), "the owner of any file, as root, and its group"),
    Gap("utime", ("utime", "utimes", "futimesat", "utimensat"), "the times of any file of the user"),
    Gap(
        "setxattr",
        ("setxattr", "lsetxattr", "fsetxattr", "setxattrat", "removexattr", "lremovexattr", "fremovexattr"),
        "the extended attributes of any file of the user, ACLs among them",
    ),
    Gap(
        "flock",
        ("flock", "fcntl"),
        "locks on files that are open, which others may wait for",
    ),
    Gap(
        "open_files",
        ("read", "write", "recvmsg", "pidfd_getfd"),
        "files that were open before, and descriptors that others send",
    ),
    Gap("refer", ("rename", "link"), "nothing: but only ABI 2 can allow it", 1),
    Gap("truncate", ("truncate", "ftruncate", "open"), "the length of any file of the user, to 0 bytes", 3),
    Gap("tcp", ("bind", "connect"), "TCP", 4),
    Gap("ioctl", ("ioctl",), "commands to devices that can be opened", 5),
    Gap("abstract_unix_socket", ("connect", "sendto", "sendmsg"), "unix sockets with abstract names", 6),
    Gap("signal", ("kill", "tgkill", "pidfd_send_signal"), "signals to other processes of the user", 6),
    Gap("unix_socket", ("connect", "sendto", "sendmsg"), "unix sockets with paths, and the servers behind them", 9),
    Gap("udp", ("bind", "connect", "sendto", "sendmsg"), "UDP, and so DNS", 10),
)

GAPS: Mapping[str, Gap] = {gap.name: gap for gap in _GAPS}
