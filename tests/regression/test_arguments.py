"""Arguments that the first releases checked by ``assert``, in ``python -O``."""

import subprocess
import sys

import pytest
import support

BAD = """
import sys
from butter.eventfd import *
from butter.fanotify import fanotify_init, fanotify_mark
from butter.inotify import *
from butter.memfd import *
from butter.signalfd import *
from butter.splice import *
from butter.system import *
from butter.timerfd import *
assert False, "python -O does not see this"
made = Inotify()
for call, expected in (
    (lambda: made.watch("/", "mask"), TypeError),
    (lambda: made.watch("/", -1), ValueError),
    (lambda: made.watch("", IN_CREATE), ValueError),
    (lambda: made.watch(None, IN_CREATE), TypeError),
    (lambda: made.ignore("wd"), TypeError),
    (lambda: made.wait("1"), TypeError),
    (lambda: Inotify("flags"), TypeError),
    (lambda: inotify_init(1.5), TypeError),
    (lambda: inotify_add_watch("fd", "/", 1), TypeError),
    (lambda: inotify_rm_watch(-1, 1), ValueError),
    (lambda: fanotify_init("flags"), TypeError),
    (lambda: fanotify_init(0, -1), ValueError),
    (lambda: fanotify_mark("fd", "/", 1, 1), TypeError),
    (lambda: fanotify_mark(-1, 5, 1, 1), TypeError),
    (lambda: fanotify_mark(-1, "a\\0b", 1, 1), ValueError),
    (lambda: fanotify_mark(-1, "/", 1 << 64, 1), ValueError),
    (lambda: fanotify_mark(-1, "/", "mask", 1), TypeError),
    (lambda: fanotify_mark(-1, "/", 1, 1), ValueError),
    (lambda: eventfd(-1), ValueError),
    (lambda: eventfd("1"), TypeError),
    (lambda: memfd_create(5), TypeError),
    (lambda: Memfd(5), TypeError),
    (lambda: sigset(["x"]), TypeError),
    (lambda: signalfd(["x"]), TypeError),
    (lambda: Signalfd(["x"]), TypeError),
    (lambda: splice("fd", 1), TypeError),
    (lambda: tee(1, "fd"), TypeError),
    (lambda: timerfd("clock"), TypeError),
    (lambda: Timer(flags="flags"), TypeError),
    (lambda: TimerVal().after(-1), ValueError),
    (lambda: mount("x", None, "tmpfs"), TypeError),
    (lambda: mount("x", "/nul\\0", "tmpfs"), ValueError),
    (lambda: umount("/", -1 << 40), ValueError),
    (lambda: pivot_root("/", 5), TypeError),
    (lambda: sethostname(5), TypeError),
):
    try:
        call()
    except expected:
        continue
    sys.exit(f"line {call.__code__.co_firstlineno} did not raise {expected.__name__}")
made.close()
"""


@pytest.mark.defect("E12")
def test_arguments_are_checked_without_assert():
    """A bad argument is an exception under ``python -O`` too."""
    program = support.same_path(BAD)
    subprocess.run([sys.executable, "-O", "-c", program], timeout=60, check=True)
