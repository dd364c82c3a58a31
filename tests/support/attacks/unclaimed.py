"""What no fence claims to stop, which the report of a sandbox has to say."""

import fcntl
import mmap
import os

from support.attacks.files import AT_FDCWD, opened
from support.attacks.rows import call, unclaimed
from support.attacks.world import outsider

unclaimed("stat", "stat", lambda world: os.stat(world.secret))
unclaimed("lstat", "stat", lambda world: os.lstat(world.outside / "link"))
unclaimed("access", "stat", lambda world: call("faccessat", AT_FDCWD, world.secret, os.R_OK))
unclaimed("readlink", "stat", lambda world: os.readlink(world.outside / "link"))
unclaimed("statfs", "stat", lambda world: os.statvfs(world.outside))
unclaimed("chdir", "chdir", lambda world: os.chdir(world.outside))
unclaimed("open_path", "stat", lambda world: opened(world.secret, os.O_PATH))
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
