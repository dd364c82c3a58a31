"""All that landlock lets through, however much a ruleset handles."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Gap(NamedTuple):
    """A thing that a process can do behind a ruleset that handles every right.

    A thing that the user may not do at all stays forbidden: landlock only takes away.
    """

    name: str
    calls: tuple[str, ...]  # the system calls by which it is done
    meaning: str
    abi: int | None = None  # the first ABI that can forbid it, None if none can


def _gap(name: str, calls: str, meaning: str, abi: int | None = None) -> Gap:
    return Gap(name, tuple(calls.split()), meaning, abi)


#: the gaps by their names
GAPS: Mapping[str, Gap] = {
    gap.name: gap
    for gap in (
        _gap(
            "stat",
            "stat lstat fstat newfstatat statx access faccessat faccessat2 readlink readlinkat statfs "
            "name_to_handle_at",
            "asking whether any path exists, for its size, owner, mode and times, and where a link leads",
        ),
        _gap(
            "inotify",
            "inotify_add_watch fanotify_mark",
            "watching any directory that the user may read, and so learning the names in it",
        ),
        _gap(
            "chdir",
            "chdir fchdir chroot",
            "going into any directory; as root, another root",
        ),
        _gap(
            "chmod",
            "chmod fchmod fchmodat fchmodat2",
            "changing the mode of the user's files",
        ),
        _gap(
            "chown",
            "chown lchown fchown fchownat",
            "changing the group of the user's files; as root, the owner of any file",
        ),
        _gap(
            "utime",
            "utime utimes futimesat utimensat",
            "changing the times of the user's files",
        ),
        _gap(
            "xattr",
            "setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat "
            "getxattr lgetxattr fgetxattr getxattrat listxattr llistxattr flistxattr listxattrat "
            "file_setattr",
            "reading and changing extended attributes, which have ACLs and the capabilities of programs",
        ),
        _gap(
            "flock",
            "flock fcntl",
            "locking files that are open, for which others then wait",
        ),
        _gap(
            "open_files",
            "read write recvmsg",
            "using files that were open before, directories too, and those that others send",
        ),
        _gap(
            "mmap",
            "mmap mprotect",
            "running the code of any file that can be read, in the process itself: execute is about execve alone",
        ),
        _gap(
            "memfd",
            "memfd_create execveat",
            "making files in memory, and executing them",
        ),
        _gap(
            "truncate",
            "truncate ftruncate open openat",
            "emptying any file of the user",
            3,
        ),
        _gap(
            "tcp",
            "bind connect",
            "TCP, except as below",
            4,
        ),
        _gap(
            "ioctl",
            "ioctl",
            "giving commands to any device that can be opened",
            5,
        ),
        _gap(
            "abstract_unix_socket",
            "connect sendto sendmsg sendmmsg",
            "reaching unix sockets with abstract names, as that of a display",
            6,
        ),
        _gap(
            "signal",
            "kill tkill tgkill pidfd_send_signal rt_sigqueueinfo",
            "sending signals to all processes of the user",
            6,
        ),
        _gap(
            "unix_socket",
            "connect sendto sendmsg sendmmsg",
            "reaching unix sockets with paths, whose servers may do what the process cannot",
            9,
        ),
        _gap(
            "udp",
            "bind connect sendto sendmsg sendmmsg",
            "UDP, and so DNS and QUIC",
            10,
        ),
        _gap(
            "tcp_fast_open",
            "sendto sendmsg sendmmsg",
            "connecting a TCP socket to any port with the first bytes (MSG_FASTOPEN); some kernels forbid it",
        ),
        _gap(
            "tcp_listen",
            "listen",
            "listening for TCP at a port that the kernel chooses, without bind",
        ),
        _gap(
            "mptcp",
            "socket",
            "MPTCP, SMC and SCTP, which reach the same servers as TCP",
        ),
        _gap(
            "raw_socket",
            "socket",
            "raw and packet sockets; as root, or in a network namespace of its own",
        ),
        _gap(
            "netlink",
            "socket",
            "asking the kernel by netlink; as root, changing addresses and routes",
        ),
        _gap(
            "vsock",
            "socket",
            "connections to the host of a virtual machine, and other families of sockets",
        ),
        _gap(
            "shared_memory",
            "shmget shmat shmctl msgget msgsnd msgrcv msgctl semget semop semctl",
            "memory, messages and semaphores of System V, shared with all processes of the user",
        ),
        _gap(
            "keyring",
            "add_key request_key keyctl",
            "reading and changing the keys of the user",
        ),
        _gap(
            "limits",
            "prlimit64 setpriority ioprio_set sched_setscheduler sched_setattr sched_setaffinity",
            "changing limits and priorities of the other processes of the user",
        ),
        _gap(
            "user_namespace",
            "unshare clone clone3",
            "getting all capabilities in a user namespace, and so more of the kernel to attack; not mounts",
        ),
        _gap(
            "io_uring",
            "io_uring_setup",
            "making system calls by a ring, which no seccomp filter sees",
        ),
        _gap(
            "system",
            "sethostname setdomainname clock_settime clock_adjtime reboot bpf init_module",
            "as root, all that has to do neither with files nor with ports: the host's name, the clock, a reboot",
        ),
    )
}
