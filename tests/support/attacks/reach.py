"""Files that are reached by what is open, or by /proc."""

import array
import os
import socket

from support.attacks.files import LANDLOCK, O_PATH, opened
from support.attacks.rows import add, attack, call
from support.attacks.world import outsider
from support.needs import needs

# a sandbox that may read /proc
PROC = "proc"


@attack(LANDLOCK, sandbox=PROC, harms=True)
def reopen_for_writing(world):
    """A descriptor for reading is opened once more by its name in /proc."""
    fd = opened(world.fixed)
    os.write(opened(f"/proc/self/fd/{fd}", os.O_WRONLY), b"x")


@attack(LANDLOCK, sandbox=PROC, harms=True)
def reopen_path_descriptor(world):
    """A descriptor that only names a file is opened by its name in /proc."""
    fd = opened(world.secret, O_PATH)
    os.write(opened(f"/proc/self/fd/{fd}", os.O_RDWR), b"x")


add("own_root", LANDLOCK, lambda world: opened(f"/proc/self/root{world.secret}"), sandbox=PROC)
add(
    "own_working_directory",
    LANDLOCK,
    lambda world: (os.chdir(world.outside), opened("/proc/self/cwd/secret")),
    sandbox=PROC,
)
add("thread_root", LANDLOCK, lambda world: opened(f"/proc/thread-self/root{world.secret}"), sandbox=PROC)


def of_outsider(name, flags=os.O_RDONLY):
    def run(world):
        def body():
            os.chdir(world.outside)
            os.dup2(opened("secret"), 100)

        pid = outsider(body)
        yield
        fd = opened(f"/proc/{pid}/{name}", flags)
        if not flags & os.O_WRONLY:
            assert os.read(fd, 8)

    return run


for name in "environ", "maps", "auxv", "fd/100", "exe", "cwd/secret", "pagemap", "io":
    add(f"outsider_{name.replace('/', '_')}", LANDLOCK, of_outsider(name), sandbox=PROC)
add("outsider_stack", LANDLOCK, of_outsider("stack"), sandbox=PROC, needs=(needs("CAP_SYS_ADMIN"),))
for name in "clear_refs", "oom_score_adj", "comm", "mem":
    add(f"write_outsider_{name}", LANDLOCK, of_outsider(name, os.O_WRONLY), sandbox=PROC)
add("outsider_root", LANDLOCK, lambda world: root_of_outsider(world), sandbox=PROC)


def root_of_outsider(world):
    opened(f"/proc/{os.getppid()}/root{world.secret}")


# what was open before, which Sandbox.run and spawn close


@attack("descriptors", sandbox="run")
def inherited_file(world):
    fd = opened(world.secret)
    yield
    assert os.read(fd, 6) == b"secret"


@attack("descriptors", sandbox="run", harms=True)
def inherited_file_truncated(world):
    fd = opened(world.secret, os.O_RDWR)
    yield
    os.ftruncate(fd, 0)


@attack("descriptors", sandbox="run")
def inherited_directory(world):
    fd = opened(world.outside)
    yield
    os.listdir(fd)


@attack(LANDLOCK)
def open_below_inherited_directory(world):
    fd = opened(world.outside)
    yield
    call("openat", fd, "secret", os.O_RDONLY)


@attack(LANDLOCK)
def leave_by_inherited_directory(world):
    fd = opened(world.outside)
    yield
    call("fchdir", fd)
    opened("secret")


@attack("descriptors", sandbox="run")
def received_file(world):
    """A process outside sends a file over a socket that is inherited."""
    ours, theirs = socket.socketpair()
    file = opened(world.secret)
    theirs.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))])
    yield
    _, ancillary, _, _ = ours.recvmsg(1, 100)
    fds = array.array("i", ancillary[0][2][:4])
    assert os.read(fds[0], 6) == b"secret"


@attack("descriptors", sandbox="run")
def inherited_connection(world):
    ours, theirs = socket.socketpair()
    yield
    ours.send(b"x")
    assert theirs.recv(1) == b"x"
