"""A kernel that is older than the running one, simulated by a seccomp filter.

``pytest --linux 4.14`` is the suite on it. The filter sees the numbers of a system
call, and neither what they point at nor /proc: there the kernel stays as new as it is.
A program that a test starts is behind the filter, too, and sees the true version. So is
landlock as new as it is, where it is there: its ABI is a number that a call returns.
"""

import errno
import os

from butter._constants.clone import NS_GET_ID, NS_GET_MNTNS_ID, CloneNew
from butter._constants.epoll import EPIOCGPARAMS, EPIOCSPARAMS
from butter._constants.fanotify import FanotifyInit, FanotifyMark, FanotifyMask
from butter._constants.fanotify_handle import HandleAt
from butter._constants.fd import FdTransfer
from butter._constants.inotify import InotifyMask
from butter._constants.memfd import F_ADD_SEALS, MFD_ALLOW_SEALING, MFD_HUGETLB, MemfdCreate, MemfdSeal
from butter._constants.pidfd import PIDFD_GET_INFO, PidfdNamespace, WaitId
from butter._constants.pipe import PipeFlags
from butter._constants.prctl import PrctlOption
from butter._constants.seccomp import SeccompFlag, SeccompOperation
from butter._enums import Flags
from support import seccomp

# the numbers that a kernel brought, which are the same on every architecture; those
# from one number on, up to the next one
CALLS = {
    424: "5.1",  # pidfd_send_signal, io_uring_setup
    428: "5.2",  # open_tree and its family
    434: "5.3",  # pidfd_open, clone3
    436: "5.9",  # close_range
    437: "5.6",  # openat2, pidfd_getfd
    439: "5.8",  # faccessat2
    440: "5.10",  # process_madvise
    441: "5.11",  # epoll_pwait2
    442: "5.12",  # mount_setattr
    443: "5.14",  # quotactl_fd
    444: "5.13",  # landlock_create_ruleset
    447: "5.14",  # memfd_secret
    448: "5.15",  # process_mrelease
    449: "5.16",  # futex_waitv
    450: "5.17",  # set_mempolicy_home_node
    451: "6.5",  # cachestat
    452: "6.6",  # fchmodat2
    454: "6.7",  # futex_wake
    457: "6.8",  # statmount, listmount
    462: "6.10",  # mseal
    463: "6.13",  # setxattrat
    467: "6.15",  # open_tree_attr
    468: "6.17",  # file_getattr
}
LAST_CALL = 480

# system call, position of an argument, errno: the values or the bits of that argument,
# which answer so on a kernel that does not know them
ARGUMENTS = [
    ("fanotify_init", 0, errno.EINVAL, FanotifyInit),
    ("fanotify_mark", 1, errno.EINVAL, FanotifyMark),
    ("fanotify_mark", 2, errno.EINVAL, FanotifyMask),
    ("inotify_add_watch", 2, errno.EINVAL, InotifyMask),
    ("ioctl", 1, errno.ENOTTY, PidfdNamespace),
    ("memfd_create", 1, errno.EINVAL, MemfdCreate),
    ("name_to_handle_at", 4, errno.EINVAL, HandleAt),
    ("pipe2", 1, errno.EINVAL, PipeFlags),
    ("prctl", 0, errno.EINVAL, PrctlOption),
    ("preadv2", 5, errno.EOPNOTSUPP, FdTransfer),
    ("pwritev2", 5, errno.EOPNOTSUPP, FdTransfer),
    ("seccomp", 0, errno.EINVAL, SeccompOperation),
    ("seccomp", 1, errno.EINVAL, SeccompFlag),
    ("unshare", 0, errno.EINVAL, CloneNew),
    ("waitid", 0, errno.EINVAL, WaitId),
]
ALL = 0xFFFFFFFF
# those that no class has: {position: (mask, what the argument has under it)}
OTHERS = [
    ("fcntl", {1: (ALL, 1027)}, errno.EINVAL, "6.10"),  # F_DUPFD_QUERY
    ("io_pgetevents", {}, errno.ENOSYS, "4.18"),
    ("ioctl", {1: (ALL, EPIOCSPARAMS)}, errno.ENOTTY, "6.9"),
    ("ioctl", {1: (ALL, EPIOCGPARAMS)}, errno.ENOTTY, "6.9"),
    ("ioctl", {1: (ALL, PIDFD_GET_INFO)}, errno.ENOTTY, "6.13"),
    ("ioctl", {1: (ALL, NS_GET_MNTNS_ID)}, errno.ENOTTY, "6.11"),
    ("ioctl", {1: (ALL, NS_GET_ID)}, errno.ENOTTY, "6.18"),
    *(
        ("fcntl", {1: (ALL, F_ADD_SEALS), 2: (seal, seal)}, errno.EINVAL, since)
        for seal, since in MemfdSeal.__since__.values()
    ),
    ("memfd_create", {1: (MFD_HUGETLB | MFD_ALLOW_SEALING,) * 2}, errno.EINVAL, "4.16"),
]


def simulate(version):
    """Let this process and its children be on Linux *version*, "4.14"; needs root."""
    real = os.uname()
    os.uname = lambda: os.uname_result([*real[:2], f"{version}.0", *real[3:]])

    def new(since):
        return number(version) < number(since)

    rules = [
        (call, {}, errno.ENOSYS)
        for (first, since), end in zip(CALLS.items(), [*CALLS, LAST_CALL][1:])
        for call in range(first, end)
        if new(since)
    ]
    for call, position, error, names in ARGUMENTS:
        for value, since in names.__since__.values():
            if new(since):
                mask = value if issubclass(names, Flags) else ALL
                rules.append((seccomp.number_of(call), {position: (mask, value)}, error))
    rules += [(seccomp.number_of(call), arguments, error) for call, arguments, error, since in OTHERS if new(since)]
    seccomp.install([(call, arguments, seccomp.ERROR | error) for call, arguments, error in rules])


def number(version):
    """Return "4.14" as (4, 14)."""
    return tuple(map(int, version.split(".")))
