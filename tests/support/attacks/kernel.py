"""The kernel itself: its settings, keys, programs and interfaces."""

import ctypes
import errno
import fcntl
import os
import struct

from support.attacks.files import AT_FDCWD, LANDLOCK, opened
from support.attacks.rows import add, attack, call, reaches
from support.needs import kernel, needs

SECCOMP = "seccomp"
ADMIN = (needs("CAP_SYS_ADMIN"),)
SPACE = ctypes.create_string_buffer(4096)


def has(name, *arguments):
    """Whether this kernel has a call, and this user may make it.

    A kernel without landlock has no sandbox, so it is not asked.
    """
    if kernel() < (5, 13):
        return False
    try:
        call(name, *arguments)
    except OSError as error:
        return error.errno not in (errno.ENOSYS, errno.EPERM)
    return True


# io_uring makes calls that no filter sees
@attack(SECCOMP)
def ring(world):
    call("io_uring_setup", 8, SPACE)


@attack(SECCOMP)
def inherited_ring(world):
    fd = call("io_uring_setup", 8, (ctypes.c_char * 120)())
    yield
    call("io_uring_enter", fd, 0, 0, 0, 0, 0)


@attack(SECCOMP)
def register_with_inherited_ring(world):
    fd = call("io_uring_setup", 8, (ctypes.c_char * 120)())
    yield
    call("io_uring_register", fd, 2, ctypes.c_int(0), 1)  # IORING_REGISTER_FILES


# keys
add("add_key", SECCOMP, lambda world: call("add_key", b"user", b"butter", b"x", 1, (1 << 64) - 2))
add("keyctl", SECCOMP, lambda world: call("keyctl", 0, (1 << 64) - 2, 1))
add(
    "request_key", SECCOMP, lambda world: reaches("request_key", b"user", b"butter-none", 0, 0, answers=(errno.ENOKEY,))
)
add("user_keyring", SECCOMP, lambda world: call("keyctl", 6, (1 << 64) - 4, SPACE, 4096))  # KEYCTL_DESCRIBE

# programs and counters in the kernel
add("bpf_map", SECCOMP, lambda world: call("bpf", 0, struct.pack("=5I108x", 2, 4, 4, 1, 0), 128), needs=ADMIN)
add("bpf", SECCOMP, lambda world: reaches("bpf", 0, SPACE, 128), needs=ADMIN)
PERF = ctypes.create_string_buffer(struct.pack("=IIQQQQQ", 1, 136, 0, 0, 0, 0, 0), 136)
add(
    "perf_event_open",
    SECCOMP,
    lambda world: call("perf_event_open", PERF, 0, (1 << 64) - 1, (1 << 64) - 1, 0),
    needs=ADMIN,
)
add(
    "perf_event_of_machine",
    SECCOMP,
    lambda world: call("perf_event_open", PERF, (1 << 64) - 1, 0, (1 << 64) - 1, 0),
    needs=ADMIN,
)
add("userfaultfd", SECCOMP, lambda world: call("userfaultfd", os.O_CLOEXEC), needs=ADMIN)
add("userfaultfd_of_user", SECCOMP, lambda world: call("userfaultfd", os.O_CLOEXEC | 1))

# the machine; calls with bad arguments, which the kernel refuses otherwise
add("swapon", SECCOMP, lambda world: reaches("swapon", world.secret, 0x80000000), needs=ADMIN)
add("swapoff", SECCOMP, lambda world: reaches("swapoff", world.secret), needs=ADMIN)
add("sethostname", SECCOMP, lambda world: reaches("sethostname", b"x", 1000), needs=ADMIN)
add("setdomainname", SECCOMP, lambda world: reaches("setdomainname", b"x", 1000), needs=ADMIN)
TIME = (needs("CAP_SYS_TIME"),)
add("settimeofday", SECCOMP, lambda world: reaches("settimeofday", 0, (ctypes.c_int * 2)(99999, 0)), needs=TIME)
add("clock_settime", SECCOMP, lambda world: reaches("clock_settime", 0, (ctypes.c_long * 2)(0, -1)), needs=TIME)
TICK = ctypes.create_string_buffer(struct.pack("=I", 0x4000), 208)  # ADJ_TICK, of 0
add("adjtimex", SECCOMP, lambda world: reaches("adjtimex", TICK), needs=TIME)
add("clock_adjtime", SECCOMP, lambda world: reaches("clock_adjtime", 0, TICK), needs=TIME)
add("reboot", SECCOMP, lambda world: reaches("reboot", 0, 0, 0, 0), needs=ADMIN)
add("syslog", SECCOMP, lambda world: reaches("syslog", 3, 0, (1 << 64) - 1), needs=ADMIN)
add("acct", SECCOMP, lambda world: reaches("acct", world.outside / "none", answers=(errno.ENOENT,)), needs=ADMIN)
add("vhangup", SECCOMP, lambda world: (os.setsid(), call("vhangup")), needs=ADMIN)
add("personality", SECCOMP, lambda world: call("personality", 0x0400000))  # READ_IMPLIES_EXEC
add("modify_ldt", SECCOMP, lambda world: reaches("modify_ldt", 1, SPACE, 1))
add("fanotify_init", SECCOMP, lambda world: call("fanotify_init", 0, 0), needs=ADMIN)
add("fanotify_init_of_user", SECCOMP, lambda world: call("fanotify_init", 0x200, 0))  # FAN_REPORT_FID
add(
    "nfs_handle",
    SECCOMP,
    lambda world: reaches("open_by_handle_at", AT_FDCWD, 0, 0),
    needs=(needs("CAP_DAC_READ_SEARCH"),),
)

# shared memory and queues of the machine
add("shmget", SECCOMP, lambda world: call("shmctl", call("shmget", 0, 4096, 0o1600), 0, 0))
add("semget", SECCOMP, lambda world: call("semctl", call("semget", 0, 1, 0o1600), 0, 0, 0))
add("msgget", SECCOMP, lambda world: call("msgctl", call("msgget", 0, 0o1600), 0, 0))


@attack(SECCOMP)
def attach_to_outsiders_memory(world):
    number = call("shmget", 0, 4096, 0o1600)
    attached = call("shmat", number, 0, 0)
    call("shmctl", number, 0, 0)  # IPC_RMID, at its last end
    ctypes.memmove(attached, b"secret", 6)
    yield
    assert ctypes.string_at(call("shmat", number, 0, 0), 6) == b"secret"


@attack(SECCOMP)
def message_queue(world):
    name = f"butter-attack-{os.getpid()}".encode()
    call("mq_open", name, os.O_CREAT | os.O_RDWR, 0o600, 0)
    call("mq_unlink", name)


# devices: what landlock calls IOCTL_DEV, of what may be read
RNDGETENTCNT = 0x80045200


@attack(LANDLOCK, sandbox="devices")
def control_device(world):
    fcntl.ioctl(opened("/dev/urandom"), RNDGETENTCNT, SPACE)


@attack(SECCOMP, sandbox="terminal")
def type_for_terminal(world):
    """TIOCSTI types for the shell that reads from the same terminal."""
    own_terminal()
    yield
    fcntl.ioctl(0, 0x5412, b"x")


@attack(SECCOMP, sandbox="terminal")
def type_for_terminal_with_upper_half(world):
    """The kernel takes the lower half of the number alone."""
    own_terminal()
    yield
    call("ioctl", 0, 1 << 32 | 0x5412, b"x")


@attack(SECCOMP, sandbox="terminal")
def paste_into_console(world):
    """TIOCLINUX selects and pastes; a terminal that is not a console refuses it."""
    own_terminal()
    yield
    reaches("ioctl", 0, 0x541C, b"\x06", answers=(errno.ENOTTY,))


def own_terminal():
    """Become the leader of a session with a terminal as standard input."""
    master, terminal = os.openpty()
    os.setsid()
    fcntl.ioctl(terminal, 0x540E, 0)  # TIOCSCTTY
    os.dup2(terminal, 0)
    os.set_inheritable(master, False)


#: calls that a kernel may be built without, with arguments that it refuses
LACKED = {
    "kexec_load": (0, 99, 0, 0),
    "kexec_file_load": (0, 0, 0, 0, 1 << 20),
    "init_module": (0, 0, 0),
    "finit_module": (0, 0, 1 << 20),
    "delete_module": (0, 0),
    "quotactl": (0x800001 << 8, 0, 0, 0),
    "quotactl_fd": (10**6, 0x800001 << 8, 0, 0, 0),
    "iopl": (4,),
    "ioperm": (1 << 20, 1, 1),
}
ANSWERS = (errno.EINVAL, errno.EFAULT, errno.EBADF, errno.ENODEV, errno.ENOTBLK, errno.ENOEXEC)


def made(name, arguments):
    return lambda world: reaches(name, *arguments, answers=ANSWERS)


for name, arguments in LACKED.items():
    if has(name, *arguments):
        add(name, SECCOMP, made(name, arguments))
