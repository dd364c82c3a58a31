"""System calls that fail, or wait, on demand."""

import ctypes
import fcntl
import os
import platform
import select
import struct

from support.children import in_child, libc

# numbers on x86_64 and on aarch64
_SYSCALLS = {
    "read": (0, 63),
    "write": (1, 64),
    "poll": (7, 73),  # which is ppoll on aarch64
    "fstat": (5, 80),
    "newfstatat": (262, 79),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "pwrite64": (18, 68),
    "fsync": (74, 82),
    "rename": (82, 38),  # which is renameat on aarch64
    "fchmod": (91, 52),
    "readv": (19, 65),
    "writev": (20, 66),
    "preadv": (295, 69),
    "pwritev": (296, 70),
    "preadv2": (327, 286),
    "pwritev2": (328, 287),
    "pipe2": (293, 59),
    "kcmp": (312, 272),
    "select": (23, 72),  # which is pselect6 on aarch64
    "pselect6": (270, 72),
    "clone": (56, 220),
    "fcntl": (72, 25),
    "ftruncate": (77, 46),
    "signalfd4": (289, 74),
    "splice": (275, 76),
    "tee": (276, 77),
    "sendfile": (40, 71),
    "timerfd_create": (283, 85),
    "timerfd_settime": (286, 86),
    "timerfd_gettime": (287, 87),
    "eventfd2": (290, 19),
    "io_setup": (206, 0),
    "io_destroy": (207, 1),
    "io_getevents": (208, 4),
    "io_submit": (209, 2),
    "io_cancel": (210, 3),
    "io_pgetevents": (333, 292),
    "epoll_create1": (291, 20),
    "epoll_ctl": (233, 21),
    "epoll_wait": (232, 22),  # which is epoll_pwait on aarch64
    "epoll_pwait": (281, 22),
    "epoll_pwait2": (441, 441),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    "inotify_rm_watch": (255, 28),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "memfd_create": (319, 279),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "copy_file_range": (326, 285),
    "rt_sigprocmask": (14, 135),
    "rt_sigqueueinfo": (129, 138),
    "rt_sigsuspend": (130, 133),
    "rt_sigtimedwait": (128, 137),
    "clock_adjtime": (305, 266),
    "clock_getres": (229, 114),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "clock_settime": (227, 112),
    "ioctl": (16, 29),
    "openat": (257, 56),
    "openat2": (437, 437),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "uname": (63, 160),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "statx": (332, 291),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "statmount": (457, 457),
    "listmount": (458, 458),
    "open_tree_attr": (467, 467),
    "clone3": (435, 435),
    "dup3": (292, 24),
    "setpgid": (109, 154),
    "setsid": (112, 157),
    "umask": (95, 166),
    "chdir": (80, 49),
    "chroot": (161, 51),
    "setpriority": (141, 140),
    "prlimit64": (302, 261),
    "setgroups": (116, 159),
    "setresuid": (117, 147),
    "setresgid": (119, 149),
    "execve": (59, 221),
    "exit_group": (231, 94),
    "close_range": (436, 436),
    "unshare": (272, 97),
    "setns": (308, 268),
    "prctl": (157, 167),
    "seccomp": (317, 277),
    "capget": (125, 90),
    "capset": (126, 91),
    "setxattr": (188, 5),
    "getxattr": (191, 8),
    "removexattr": (197, 14),
    "fsetxattr": (190, 7),
    "fgetxattr": (193, 10),
    "fremovexattr": (199, 16),
    "statfs": (137, 43),
    "waitid": (247, 95),
    "kill": (62, 129),
    "gettid": (186, 178),
    "getppid": (110, 173),
    "process_vm_readv": (310, 270),
    "socketpair": (53, 199),
    "sendto": (44, 206),
    "ppoll": (271, 73),
    "pidfd_send_signal": (424, 424),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "getdents64": (217, 61),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
}
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_SECCOMP = {"x86_64": 317, "aarch64": 277}
# what a filter answers
ALLOW, ERROR, NOTIFY = 0x7FFF0000, 0x00050000, 0x7FC00000


def number_of(call):
    """The number of a system call on this machine."""
    return _SYSCALLS[call][_ARCHITECTURES[platform.machine()][0]]


class _Program(ctypes.Structure):
    # not made in install(): Python 3.14 opens a file of ctypes for it, and a test may
    # have no descriptor left
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def inject(call, number, first=None, arguments=None):
    """Make the system call *call* fail with errno *number*, for ever: for a child.

    With *first*, only calls with that first argument; *arguments* is of any:
    ``{position: number}``.
    """
    _filter(call, ERROR | number, {**({} if first is None else {0: first}), **(arguments or {})})


def hold(call, first=None):
    """Make the system call *call* wait until a signal comes: for a child.

    With *first*, only calls with that first argument.

    Returns a descriptor that is readable while a process waits. Once no process has it
    open, the calls fail.
    """
    return _filter(call, NOTIFY, {} if first is None else {0: first}, 8)  # SECCOMP_FILTER_FLAG_NEW_LISTENER


def answer(call, value, first=None):
    """Make the system call *call* return *value* for ever, by a process: for a child.

    With *first*, only calls with that first argument.
    """
    listener = hold(call, first)
    alive, held = os.pipe()
    if not os.fork():
        try:
            os.close(held)
            poll = select.poll()
            poll.register(listener, select.POLLIN)
            poll.register(alive, select.POLLIN)
            while all(fd == listener for fd, _ in poll.poll()):
                notification = bytearray(80)
                fcntl.ioctl(listener, 0xC0502100, notification)  # SECCOMP_IOCTL_NOTIF_RECV
                (key,) = struct.unpack_from("=Q", notification)
                fcntl.ioctl(listener, 0xC0182101, struct.pack("=QqiI", key, value, 0, 0))  # …_SEND
        finally:
            os._exit(0)
    # the other end is open as long as this process lives
    os.close(alive)
    os.close(listener)


def _filter(call, answer, arguments, flags=0):
    # PR_SET_NO_NEW_PRIVS
    if libc.prctl(38, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    rule = (number_of(call), {position: (0xFFFFFFFF, value) for position, value in arguments.items()}, answer)
    return install([rule], flags)


def install(rules, flags=0):
    """Install a filter, and return what the system call returns.

    A rule is ``(number of a system call, {position: (mask, value)}, answer)``, of those
    arguments that have the value under the mask. The first rule that fits decides.
    """
    _, architecture = _ARCHITECTURES[platform.machine()]
    allow = (0x06, 0, 0, ALLOW)
    program = [(0x20, 0, 0, 4), (0x15, 1, 0, architecture), allow]  # load the architecture
    for number, arguments, answer in rules:
        program += [(0x20, 0, 0, 0), (0x15, 0, 3 * len(arguments) + 1, number)]  # load the number of the call
        for left, (position, (mask, value)) in zip(range(len(arguments), 0, -1), arguments.items()):
            program += [(0x20, 0, 0, 16 + 8 * position), (0x54, 0, 0, mask), (0x15, 0, 3 * left - 2, value)]
        program.append((0x06, 0, 0, answer))
    program.append(allow)
    code = b"".join(struct.pack("=HBBI", *step) for step in program)
    filters = ctypes.create_string_buffer(code, len(code))

    argument = _Program(len(program), ctypes.addressof(filters))
    # SECCOMP_SET_MODE_FILTER
    result = libc.syscall(_SECCOMP[platform.machine()], 1, flags, ctypes.byref(argument))
    if result < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return result


def inject_in_child(call, number, function, *args, first=None):
    """Run ``function(*args)`` in a child after ``inject(call, number, first)``."""

    def body():
        inject(call, number, first)
        function(*args)

    in_child(body)
