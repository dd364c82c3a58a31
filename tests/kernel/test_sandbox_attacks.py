"""Known ways out of a sandbox: each works without one, and its fence stops it.

The attacks are in ``support/attacks``, and what no fence claims to stop, too.
"""

import errno
import os
import platform
import resource
import signal
import sys
import tempfile
import traceback
from pathlib import Path

import pytest
from support import needs, needs_no_filter
from support.attacks import ATTACKS, UNCLAIMED, World, steps

from butter import _sandbox_start
from butter.prctl import prctl
from butter.sandbox import Sandbox
from butter.seccomp import SECCOMP_SET_MODE_FILTER, seccomp

pytestmark = [
    needs_no_filter,
    # whose ABI 6 of landlock keeps signals inside
    needs(kernel=(6, 12)),
    needs(when=platform.machine() == "x86_64", reason="the attacks have programs and calls of x86_64"),
]

# by what an attack is told that a fence stops it
REFUSED = {
    "landlock": {errno.EACCES, errno.EPERM, errno.EXDEV},
    "scope": {errno.EPERM},
    "seccomp": {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTTY, -signal.SIGSYS},
    "capabilities": {errno.EPERM, errno.EACCES, errno.ENODATA},
    "descriptors": {errno.EBADF},
    "environment": {errno.ENODATA},
    "rlimits": {errno.EPERM, errno.EFBIG},
    "no_new_privs": {77},
    "refusal": {200},
}
# codes of a child that are no errno
WORKS, REFUSES, BROKEN = 0, 200, 201

KINDS = {
    "files": {},
    "run": {},
    "proc": {"read": ["/proc"], "syscalls": "build"},
    "build": {"syscalls": "build"},
    "execute": {"execute": ["inside"], "syscalls": "build"},
    "network": {"connect": [1], "bind": [1], "syscalls": "network-client"},
    "client": {"connect": [1], "syscalls": "network-client"},
    "devices": {"read": ["/dev/urandom"], "devices": ["/dev/null"]},
    "terminal": {"devices": ["/dev/tty", "/dev/null"], "syscalls": "build"},
    "limits": {"rlimits": {resource.RLIMIT_NOFILE: (100, 100), resource.RLIMIT_FSIZE: (4096, 4096)}},
}


@pytest.fixture(scope="module")
def world():
    # another user has to find a setuid program here
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        yield World(Path(directory, "world"))


def sandbox(world, kind):
    """The sandbox that an attack of this kind is made on."""
    given = {"read": [world.readonly], "write": [world.inside], "execute": [world.inside / "program"]}
    for name, value in KINDS[kind].items():
        # an absolute path stays as it is
        paths = name in given and [world.top / path for path in value]
        given[name] = given.get(name, []) + paths if paths else value
    return Sandbox(**given)


def in_front_of(fences, attack, world):
    """What becomes of an attack: WORKS, an errno, or the signal that ended it, negative.

    *fences* is called between the two parts of the attack.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        code = BROKEN
        try:
            signal.alarm(20)
            code = attempt(fences, attack, world)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def attempt(fences, attack, world):
    rest = steps(attack.run, world)
    try:
        try:
            fences(rest)
        except RuntimeError:
            return REFUSES
    except OSError as error:
        return error.errno or BROKEN
    return WORKS


def alone(fence, sandbox):
    """Put up one of the fences of a sandbox around this process, and no other."""
    found = sandbox._fence()
    prctl.no_new_privs = True
    if fence == "seccomp":
        for program in found.filters:
            seccomp(SECCOMP_SET_MODE_FILTER, 0, program)
    elif fence in ("landlock", "scope"):
        # capabilities are in front of what landlock says about other processes
        _sandbox_start.put_up(found._replace(filters=(), rlimits={}))
    elif fence == "capabilities":
        _sandbox_start._drop_capabilities()
    elif fence == "rlimits":
        _sandbox_start.put_up(found._replace(filters=(), ruleset=None))


def works_freely(attack, world):
    """Whether an attack works without a fence, and changes files if it says so."""
    world.make()
    before = world.protected()
    world.free = True
    code = in_front_of(lambda rest: rest(), attack, world)
    world.free = False
    assert (world.protected() != before) == attack.harms
    return code == WORKS


def parameters(attacks):
    return [pytest.param(attack, id=attack.name, marks=attack.needs) for attack in attacks.values()]


@pytest.mark.parametrize("attack", parameters(ATTACKS))
def test_attack(attack, world):
    """An attack works without a fence, and each that claims it stops it alone."""
    assert works_freely(attack, world)
    whole = sandbox(world, attack.sandbox)
    for fence in [attack.fence] if isinstance(attack.fence, str) else attack.fence:

        def fences(rest, fence=fence):
            if attack.sandbox == "run":
                whole.run(lambda: (rest(), None)[1])
                return
            if fence == "refusal":
                whole.restrict()
            else:
                alone(fence, whole)
            rest()

        world.make()
        before = world.protected()
        assert in_front_of(fences, attack, world) in REFUSED[fence]
        assert world.protected() == before


@pytest.mark.parametrize("attack", parameters(UNCLAIMED))
def test_what_is_not_claimed(attack, world):
    """What a sandbox does not claim to stop works inside, and its report says so."""
    assert works_freely(attack, world)
    world.make()
    whole = sandbox(world, attack.sandbox)
    assert in_front_of(lambda rest: (whole.restrict(), rest()), attack, world) == WORKS
    ways = {way["name"]: way["closed"] for way in whole.report()["ways"]}
    assert ways[attack.gap] is False
