"""Known ways out of a sandbox: each works without one, and is stopped by its fence.

The attacks are in ``support/attacks``, and what no fence claims to stop, too.
"""

import errno
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path

import pytest
from support.attacks import ATTACKS, UNCLAIMED, World, steps

from butter.sandbox import Sandbox

# how an attack is told that it is stopped
REFUSED = {
    "landlock": {errno.EACCES, errno.EPERM, errno.EXDEV},
    "scope": {errno.EPERM},
    "seccomp": {errno.EPERM, errno.ENOSYS, errno.EACCES, -signal.SIGSYS},
    "capabilities": {errno.EPERM, errno.EACCES},
    "descriptors": {errno.EBADF},
    "environment": {errno.ENODATA},
    "rlimits": {errno.EPERM, errno.EFBIG},
    "no_new_privs": {77},
    "refusal": {errno.EBUSY},
}

WORKS, BROKEN, LATE = 0, 250, 251


@pytest.fixture(scope="module")
def world():
    # another user has to find a setuid program here
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        yield World(Path(directory, "world"))


def sandbox(world, kind):
    """The sandbox that an attack of this kind is made on."""
    given = {"read": [world.readonly], "write": [world.inside], "execute": [world.inside / "program"]}
    more = {
        "files": {},
        "run": {},
        "proc": {"read": [world.readonly, "/proc"]},
        "network": {"connect": [1], "bind": [1]},
        "client": {"connect": [1]},
        "devices": {"read": [world.readonly, "/dev/urandom"]},
        "terminal": {"read": [world.readonly, "/dev"]},
        "execute": {"execute": [world.inside]},
        "limits": {"rlimits": {7: (100, 100), 1: (4096, 4096)}},
    }
    return Sandbox(**{**given, **more[kind]})


def outcome(attack, world, fenced):
    """What becomes of an attack: WORKS, an errno, or the signal that ended it, negative."""
    world.free = not fenced
    fences = sandbox(world, attack.sandbox) if fenced else None
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        code = BROKEN
        try:
            signal.alarm(20)
            code = attempt(attack, world, fences)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def attempt(attack, world, fences):
    rest = steps(attack.run, world)
    try:
        if fences is None:
            rest()
        elif attack.sandbox == "run":
            # which tells the error of the child as it is
            fences.run(lambda: rest() and None)
        else:
            fences.restrict()
            rest()
    except OSError as error:
        return error.errno or BROKEN
    return WORKS


def parameters(attacks):
    return [pytest.param(attack, id=attack.name, marks=attack.needs) for attack in attacks.values()]


@pytest.mark.parametrize("attack", parameters(ATTACKS))
def test_attack(attack, world):
    """An attack works where there is no fence, and the one that claims it stops it."""
    world.make()
    before = world.protected()
    assert outcome(attack, world, fenced=False) == WORKS
    assert (world.protected() != before) == attack.harms
    world.make()
    before = world.protected()
    assert outcome(attack, world, fenced=True) in REFUSED[attack.fence]
    assert world.protected() == before


@pytest.mark.parametrize("attack", parameters(UNCLAIMED))
def test_what_is_not_claimed(attack, world):
    """What a sandbox does not claim to stop works inside, and is in its report."""
    world.make()
    assert outcome(attack, world, fenced=False) == WORKS
    world.make()
    assert outcome(attack, world, fenced=True) == WORKS
