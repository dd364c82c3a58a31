"""Other processes: signals, memory, descriptors, settings."""

import ctypes
import errno
import fcntl
import os
import select
import signal
import socket
import struct

from support.attacks.files import opened
from support.attacks.rows import add, attack, call, reaches
from support.attacks.world import outsider
from support.needs import needs

SCOPE, SECCOMP = "scope", "seccomp"
# two fences that stop the same
BOTH = "landlock", "seccomp"
SIGNAL = signal.SIGUSR1
MEMORY = ctypes.create_string_buffer(b"secret", 4096)


def on_outsider(act):
    """An attack on a process that is there before the fence."""

    def run(world):
        pid = outsider()
        yield
        act(pid)

    return run


def on_pidfd(act):
    """An attack by a descriptor of such a process, which is open before."""

    def run(world):
        pidfd = call("pidfd_open", outsider(lambda: os.dup2(opened(world.secret), 100)), 0)
        yield
        act(pidfd)

    return run


class Information(ctypes.Structure):
    """A siginfo that says that the process has queued it."""

    _fields_ = (
        ("signal", ctypes.c_int),
        ("errno", ctypes.c_int),
        ("code", ctypes.c_int),
        ("rest", ctypes.c_char * 116),
    )


QUEUED = Information(SIGNAL, 0, -1)


def group_of_outsider(world):
    pid = outsider(lambda: os.setpgid(0, 0))
    yield
    call("kill", -pid, SIGNAL)


add("kill", SCOPE, on_outsider(lambda pid: call("kill", pid, SIGNAL)))
add("kill_by_sigkill", SCOPE, on_outsider(lambda pid: call("kill", pid, signal.SIGKILL)))
add("kill_group", SCOPE, group_of_outsider)
add("tkill", SCOPE, on_outsider(lambda pid: call("tkill", pid, SIGNAL)))
add("tgkill", SCOPE, on_outsider(lambda pid: call("tgkill", pid, pid, SIGNAL)))
add("rt_sigqueueinfo", SCOPE, on_outsider(lambda pid: call("rt_sigqueueinfo", pid, SIGNAL, QUEUED)))
add("rt_tgsigqueueinfo", SCOPE, on_outsider(lambda pid: call("rt_tgsigqueueinfo", pid, pid, SIGNAL, QUEUED)))
add(
    "pidfd_send_signal",
    SCOPE,
    on_outsider(lambda pid: call("pidfd_send_signal", call("pidfd_open", pid, 0), SIGNAL, 0, 0)),
)
add("pidfd_send_signal_inherited", SCOPE, on_pidfd(lambda pidfd: call("pidfd_send_signal", pidfd, SIGNAL, 0, 0)))
add("signal_to_parent", SCOPE, on_outsider(lambda pid: call("kill", os.getppid(), signal.SIGURG)))


@attack(SCOPE)
def signal_by_owner_of_pipe(world):
    """The owner of a descriptor gets a signal when there is something to read."""
    told, tell = os.pipe()

    def body():
        signal.signal(SIGNAL, lambda *_: os.write(tell, b"x"))

    pid = outsider(body)
    yield
    reading, writing = os.pipe()
    call("fcntl", reading, 8, pid)  # F_SETOWN
    call("fcntl", reading, 10, SIGNAL)  # F_SETSIG
    call("fcntl", reading, 4, 0o20000 | os.O_NONBLOCK)  # O_ASYNC
    os.write(writing, b"x")
    wait_for_signal(world, told)


def wait_for_signal(world, told):
    """Wait until an outsider has told of a signal."""
    if not select.select([told], [], [], 1 if world.free else 0.05)[0]:
        raise PermissionError(errno.EPERM, "no signal has come")


@attack(SCOPE)
def signal_by_owner_of_socket(world):
    """The same by ioctl."""
    told, tell = os.pipe()

    def body():
        signal.signal(signal.SIGIO, lambda *_: os.write(tell, b"x"))

    pid = outsider(body)
    yield
    reading, writing = socket.socketpair()
    fcntl.ioctl(reading, 0x8901, struct.pack("i", pid))  # FIOSETOWN
    fcntl.ioctl(reading, 0x5452, struct.pack("i", 1))  # FIOASYNC
    writing.send(b"x")
    wait_for_signal(world, told)


# what would take a process from its parent: options of prctl, and sessions
add("outlive_the_parent", SECCOMP, lambda world: call("prctl", 1, 0, 0, 0, 0))  # PR_SET_PDEATHSIG
add("gentle_death_signal", SECCOMP, lambda world: call("prctl", 1, signal.SIGTERM, 0, 0, 0), sandbox="build")
add("adopt_orphans", SECCOMP, lambda world: call("prctl", 36, 1, 0, 0, 0))  # PR_SET_CHILD_SUBREAPER
add("calls_without_a_kernel", SECCOMP, lambda world: call("prctl", 59, 0, 0, 0, 0))  # SYSCALL_USER_DISPATCH
# PR_SET_MM; without a capability it says how long a map is
add("change_the_map_of_memory", SECCOMP, lambda world: call("prctl", 35, 15, ctypes.c_uint(), 0, 0))
add("new_session", SECCOMP, lambda world: call("setsid"))
add("new_session_from_network", SECCOMP, lambda world: call("setsid"), sandbox="network")

# ptrace: landlock allows it within the sandbox alone
PTRACE_ATTACH, PTRACE_SEIZE = 16, 0x4206
PARTS = (ctypes.c_size_t * 2)(ctypes.addressof(MEMORY), 6)
add("ptrace_attach", BOTH, on_outsider(lambda pid: call("ptrace", PTRACE_ATTACH, pid, 0, 0)))
add("ptrace_seize", BOTH, on_outsider(lambda pid: call("ptrace", PTRACE_SEIZE, pid, 0, 0)))
add("process_vm_readv", BOTH, on_outsider(lambda pid: call("process_vm_readv", pid, PARTS, 1, PARTS, 1, 0)))
add("process_vm_writev", BOTH, on_outsider(lambda pid: call("process_vm_writev", pid, PARTS, 1, PARTS, 1, 0)))
add("pidfd_getfd", BOTH, on_pidfd(lambda pidfd: call("pidfd_getfd", pidfd, 100, 0)))
add("kcmp", BOTH, on_outsider(lambda pid: call("kcmp", pid, pid, 0, 0, 0)))
add(
    "process_madvise",
    BOTH,
    on_pidfd(lambda pidfd: call("process_madvise", pidfd, PAGES, 1, 20, 0)),
    needs=(needs("CAP_SYS_NICE"),),
)
add(
    "get_robust_list",
    BOTH,
    on_outsider(lambda pid: call("get_robust_list", pid, ctypes.c_void_p(), ctypes.c_size_t())),
)
add(
    "setns_to_outsider",
    SECCOMP,
    on_pidfd(lambda pidfd: call("setns", pidfd, 0x20000000)),
    needs=(needs("CAP_SYS_ADMIN"),),
)
add("move_pages", BOTH, on_outsider(lambda pid: call("move_pages", pid, 0, 0, 0, 0, 2)))
add("migrate_pages", BOTH, on_outsider(lambda pid: call("migrate_pages", pid, 64, NODE, NODE)))
PAGES = (ctypes.c_size_t * 2)(ctypes.addressof(MEMORY) & ~4095, 4096)
NODE = ctypes.c_uint64(1)

# settings of other processes
LIMIT = (ctypes.c_uint64 * 2)(1000, 1000)
PROCESSOR = ctypes.c_uint64((1 << 64) - 1)
SCHEDULING = (ctypes.c_int * 1)(0)
# the lowest priority, which any process may have
ATTRIBUTES = (ctypes.c_uint64 * 6)(48, 0, 19)
add("setpriority", SECCOMP, on_outsider(lambda pid: call("setpriority", 0, pid, 19)))
add(
    "setpriority_of_user", SECCOMP, on_outsider(lambda pid: reaches("setpriority", 2, 54321, 1, answers=(errno.ESRCH,)))
)
add("prlimit", SECCOMP, on_outsider(lambda pid: call("prlimit64", pid, 4, LIMIT, 0)))
add("read_limits", SECCOMP, on_outsider(lambda pid: call("prlimit64", pid, 4, 0, LIMIT)))
add("sched_setaffinity", SECCOMP, on_outsider(lambda pid: call("sched_setaffinity", pid, 8, PROCESSOR)))
add("sched_setscheduler", SECCOMP, on_outsider(lambda pid: call("sched_setscheduler", pid, 0, SCHEDULING)))
add("sched_setparam", SECCOMP, on_outsider(lambda pid: call("sched_setparam", pid, SCHEDULING)))
add("sched_setattr", SECCOMP, on_outsider(lambda pid: call("sched_setattr", pid, ATTRIBUTES, 0)))
add("ioprio_set", SECCOMP, on_outsider(lambda pid: call("ioprio_set", 1, pid, 2 << 13)))
add(
    "real_time_priority",
    SECCOMP,
    lambda world: call("sched_setscheduler", 0, 1, (ctypes.c_int * 1)(1)),
    needs=(needs("CAP_SYS_NICE"),),
)
