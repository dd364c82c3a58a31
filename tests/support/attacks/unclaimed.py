"""The ways that no fence claims to close, which the report of a sandbox has."""

import ctypes
import fcntl
import mmap
import os
import socket

from support.attacks.files import AT_FDCWD, O_PATH, opened
from support.attacks.programs import executed, program
from support.attacks.rows import ATTACKS, call, unclaimed
from support.attacks.world import PROGRAM, outsider

SPACE = ctypes.create_string_buffer(4096)

unclaimed("stat", "stat", lambda world: os.stat(world.secret))
unclaimed("lstat", "stat", lambda world: os.lstat(world.outside / "link"))
unclaimed("access", "stat", lambda world: call("faccessat", AT_FDCWD, world.secret, os.R_OK))
unclaimed("readlink", "stat", lambda world: os.readlink(world.outside / "link"))
unclaimed("statfs", "stat", lambda world: os.statvfs(world.outside))
unclaimed("chdir", "chdir", lambda world: os.chdir(world.outside))
unclaimed("open_path", "stat", lambda world: opened(world.secret, O_PATH))
unclaimed("lock", "flock", lambda world: fcntl.flock(opened(world.fixed), fcntl.LOCK_EX))


def run_what_is_read(world):
    """Memory that is mapped from a file that may only be read is executed."""
    mmap.mmap(opened(world.readonly / "program"), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_EXEC)


unclaimed("run_what_is_read", "mmap", run_what_is_read)


def existence(world):
    pid = outsider()
    yield
    os.getpgid(pid)


unclaimed("existence_of_processes", "processes", existence)


def go_on_alone(world):
    """A process that leaves the group is not killed with it."""
    pid = os.fork()
    if not pid:
        os.setsid()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


unclaimed("go_on_after_the_end", "outliving", go_on_alone, sandbox="build")


# a profile that builds sets the modes and times of files, which landlock lets through
for gap, names in {
    "chmod": ("chmod", "fchmodat", "fchmodat2", "fchmodat2_by_descriptor", "chmod_by_proc", "fchmod_given_for_reading"),
    "utime": ("utime", "utimes", "futimesat", "utimensat", "utimensat_by_descriptor", "futimens_given_for_reading"),
}.items():
    for name in names:
        unclaimed(f"{name}_to_build", gap, ATTACKS[name].run, sandbox="build", harms=True, needs=ATTACKS[name].needs)


def listen_without_bind(world):
    socket.socket().listen()


unclaimed("listen_without_bind_to_serve", "tcp_listen", listen_without_bind, sandbox="network")
unclaimed("machine", "machine", lambda world: (os.uname(), os.getloadavg(), call("sysinfo", SPACE)))


def file_open_before(world):
    """restrict() leaves open what is open, as run() and spawn() do not."""
    fd = opened(world.secret)
    yield
    assert os.read(fd, 6) == b"secret"


unclaimed("file_open_before", "open_files", file_open_before)


def memory_file_open_before(world):
    fd = call("memfd_create", b"program", 0)
    os.write(fd, PROGRAM)
    yield
    executed(program(f"/proc/self/fd/{fd}"))


unclaimed("memory_file_open_before", "open_files", memory_file_open_before, sandbox="proc")
