"""Other programs, privileges, limits, and what a process leaves."""

import ctypes
import errno
import os
import resource
import signal
import threading

from support.attacks.files import AT_EMPTY_PATH, AT_FDCWD, LANDLOCK, O_PATH, opened
from support.attacks.rows import add, attack, call
from support.attacks.world import CRASHES, PROGRAM, TELLS_USER
from support.needs import needs

CAPABILITIES = "capabilities"
BOTH = "landlock", "seccomp"
NONE = (ctypes.c_void_p * 1)()


def executed(execute, status=0):
    """Execute a program in a child; raises OSError where that is refused."""
    pid = os.fork()
    if not pid:
        code = 255
        try:
            execute()
        except OSError as error:
            code = error.errno or 255
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code != status:
        raise OSError(abs(code), f"the program has ended with {code}")


def program(path):
    return lambda: os.execve(os.fspath(path), ["program"], {})


add("execute_outside", LANDLOCK, lambda world: executed(program(world.outside / "program")), sandbox="build")
add(
    "execute_by_symbolic_link", LANDLOCK, lambda world: executed(program(world.inside / "way/program")), sandbox="build"
)
add("execute_given_for_reading", LANDLOCK, lambda world: executed(program(world.readonly / "program")), sandbox="build")
add(
    "execveat",
    BOTH,
    lambda world: executed(lambda: call("execveat", AT_FDCWD, world.outside / "program", NONE, NONE, 0)),
    sandbox="build",
)


@attack(BOTH, sandbox="build")
def execveat_by_path_descriptor(world):
    fd = opened(world.outside / "program", O_PATH)
    executed(lambda: call("execveat", fd, b"", NONE, NONE, AT_EMPTY_PATH))


@attack(BOTH, sandbox="build")
def execveat_by_inherited_descriptor(world):
    fd = opened(world.outside / "program")
    yield
    executed(lambda: call("execveat", fd, b"", NONE, NONE, AT_EMPTY_PATH))


@attack(LANDLOCK, sandbox="build")
def execute_copy(world):
    """A program that the sandbox writes where it may only write."""
    copy = world.inside / "sub/copy"
    fd = opened(copy, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o755)
    os.write(fd, PROGRAM)
    os.close(fd)
    executed(program(copy))


@attack("seccomp", sandbox="build")
def execute_memory_file(world):
    fd = call("memfd_create", b"program", 0)
    os.write(fd, PROGRAM)
    executed(lambda: call("execveat", fd, b"", NONE, NONE, AT_EMPTY_PATH))


@attack("seccomp", sandbox="proc")
def execute_memory_file_by_proc(world):
    fd = call("memfd_create", b"program", 0)
    os.write(fd, PROGRAM)
    executed(program(f"/proc/self/fd/{fd}"))


@attack(LANDLOCK, sandbox="proc")
def execute_itself(world):
    executed(lambda: os.execve("/proc/self/exe", ["python", "-S", "-c", "pass"], {}))


@attack(LANDLOCK, sandbox="execute")
def interpreter_line(world):
    """A script that may be executed names an interpreter outside."""
    script = world.inside / "script"
    script.write_text(f"#!{world.outside}/program\n")
    script.chmod(0o755)
    yield
    executed(program(script))


@attack("no_new_privs", needs=(needs("CAP_SETUID", "CAP_SETGID"),), sandbox="execute")
def setuid_program(world):
    """A program of root runs as root, also for other users."""
    suid = world.inside / "program"
    suid.write_bytes(TELLS_USER)
    suid.chmod(0o4755)
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(77, 77, 77)
    yield
    executed(program(suid))


# capabilities: what root may, with files that are given
add("set_user", CAPABILITIES, lambda world: os.setresuid(12345, 12345, 12345), needs=(needs("CAP_SETUID"),))
add("set_groups", CAPABILITIES, lambda world: os.setgroups([12345]), needs=(needs("CAP_SETGID"),))
add("raise_priority", CAPABILITIES, lambda world: os.nice(-1), needs=(needs("CAP_SYS_NICE"),))
add("real_time_clock_alarm", CAPABILITIES, lambda world: call("timerfd_create", 8, 0), needs=(needs("CAP_WAKE_ALARM"),))
add(
    "drop_bounding_capability", CAPABILITIES, lambda world: call("prctl", 24, 0, 0, 0, 0), needs=(needs("CAP_SETPCAP"),)
)
add("secure_bits", CAPABILITIES, lambda world: call("prctl", 28, 1, 0, 0, 0), needs=(needs("CAP_SETPCAP"),))


@attack(CAPABILITIES, needs=(needs("CAP_DAC_OVERRIDE", "CAP_CHOWN"),))
def read_file_of_other_user(world):
    os.chmod(world.own, 0o600)
    os.chown(world.own, 12345, 12345)
    yield
    opened(world.own)


@attack(CAPABILITIES, needs=(needs("CAP_SYS_ADMIN"),))
def trusted_attribute(world):
    os.setxattr(world.own, b"trusted.x", b"x")
    yield
    os.getxattr(world.own, b"trusted.x")


# what came with the process


@attack("environment", sandbox="run")
def environment_variable(world):
    os.environ["BUTTER_SECRET"] = "secret"
    yield
    if "BUTTER_SECRET" not in os.environ:
        raise OSError(errno.ENODATA, "no such variable")


@attack("refusal")
def thread_started_before(world):
    """A thread that runs already does what it is told."""
    go, results = threading.Event(), []

    def body():
        go.wait()
        try:
            results.append(opened(world.secret))
        except OSError as error:
            results.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    try:
        yield
    finally:
        go.set()
        thread.join()
    if isinstance(results[0], OSError):
        raise results[0]


@attack(LANDLOCK, harms=True, sandbox="build")
def core_dump(world):
    """The kernel writes the memory of a dead process to its directory."""
    resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    crashes = world.inside / "program"
    crashes.write_bytes(CRASHES)
    yield
    os.chdir(world.outside)
    pid = os.fork()
    if not pid:
        try:
            program(crashes)()
        finally:
            os._exit(1)
    status = os.waitpid(pid, 0)[1]
    if not os.WCOREDUMP(status):
        raise PermissionError(errno.EACCES, "there is no core")


@attack("rlimits", sandbox="limits")
def raise_limit(world):
    call("prlimit64", 0, resource.RLIMIT_NOFILE, (ctypes.c_uint64 * 2)(200, 200), 0)


@attack("rlimits", sandbox="limits")
def large_file(world):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    os.ftruncate(opened(world.own, os.O_WRONLY), 1 << 20)
