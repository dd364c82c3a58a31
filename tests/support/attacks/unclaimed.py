"""What no fence claims to stop, which the report of a sandbox has to say."""

import fcntl
import mmap
import os

from support.attacks.files import AT_FDCWD, opened
from support.attacks.rows import call, unclaimed
from support.attacks.world import outsider

unclaimed("stat", lambda world: os.stat(world.secret))
unclaimed("lstat", lambda world: os.lstat(world.outside / "link"))
unclaimed("access", lambda world: call("faccessat", AT_FDCWD, world.secret, os.R_OK))
unclaimed("readlink", lambda world: os.readlink(world.outside / "link"))
unclaimed("statfs", lambda world: os.statvfs(world.outside))
unclaimed("chdir", lambda world: os.chdir(world.outside))
unclaimed("open_path", lambda world: opened(world.secret, os.O_PATH))
unclaimed("listxattr", lambda world: os.listxattr(world.secret))
unclaimed("getxattr", lambda world: os.getxattr(world.secret, b"user.x"))
unclaimed("inotify", lambda world: call("inotify_add_watch", call("inotify_init1", 0), world.outside, 0xFFF))
unclaimed("lock", lambda world: fcntl.flock(opened(world.fixed), fcntl.LOCK_EX))
unclaimed("machine", lambda world: (os.uname(), os.sched_getaffinity(0), os.getloadavg()))


def run_what_is_read(world):
    """Memory that is mapped from a file that may only be read is executed."""
    mmap.mmap(opened(world.readonly / "program"), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_EXEC)


unclaimed("run_what_is_read", run_what_is_read)


def existence(world):
    pid = outsider()
    yield
    os.getpgid(pid)


unclaimed("existence_of_processes", existence)
