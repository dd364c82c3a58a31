"""Known ways out of a sandbox: each works without one, and its fence stops it.

The attacks are in ``support/attacks``, and so are the ways that no fence claims.
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
from support import answer, in_child, inject, needs, needs_no_filter
from support.attacks import ATTACKS, UNCLAIMED, World, steps
from support.attacks.kernel import LACKED
from support.attacks.network import SOCKETS

from butter import _sandbox_start
from butter.clone import spawn
from butter.prctl import prctl
from butter.sandbox import PROFILES, NotEnforced, Sandbox, SandboxedError
from butter.seccomp import ALLOW, SECCOMP_SET_MODE_FILTER, Filter, seccomp

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
# codes of a child beside the errnos
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


def sandbox(world, kind, **options):
    """The sandbox that an attack of this kind is made on."""
    given = {"read": [world.readonly], "write": [world.inside], "execute": [world.inside / "program"]}
    for name, value in KINDS[kind].items():
        # an absolute path stays as it is
        paths = name in given and [world.top / path for path in value]
        given[name] = given.get(name, []) + paths if paths else value
    found = Sandbox(**{**given, **options})
    # compiled here, once, and not in each child
    for filter in found._filters():
        filter.program()
    return found


def in_front_of(fences, attack, world):
    """Return the end of an attack: WORKS, an errno, or minus a signal.

    *fences* is called between the two parts of the attack.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        code = BROKEN
        try:
            signal.alarm(20)
            # that of a child which a fence kills
            resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
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
        except SandboxedError as error:
            signal.raise_signal(error.signal)
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
    """A way that a sandbox does not claim to close is open, as its report says."""
    assert works_freely(attack, world)
    world.make()
    whole = sandbox(world, attack.sandbox)
    assert in_front_of(lambda rest: (whole.restrict(), rest()), attack, world) == WORKS
    ways = {way["name"]: way["closed"] for way in whole.report()["ways"]}
    assert ways[attack.gap] is False


@pytest.mark.parametrize("start", ["restrict", "run"])
@pytest.mark.parametrize(
    "name", ["open", "link_in", "chmod", "kill", "udp_socket_without_network", "unshare_user_namespace", "i386_getpid"]
)
def test_whole_sandbox(name, start, world):
    """All fences are up at once, around a process and around a function."""
    attack = ATTACKS[name]
    world.make()
    whole = sandbox(world, attack.sandbox)

    def fences(rest):
        if start == "run":
            whole.run(lambda: (rest(), None)[1])
        else:
            whole.restrict()
            rest()

    assert in_front_of(fences, attack, world) in REFUSED[attack.fence]


def test_filter_of_the_caller(world):
    """Beside a filter of the caller's the gaps of landlock are closed by another."""
    for name in (
        *(
            "setxattr",
            "setxattrat",
            "removexattr",
            "file_setattr",
            "chown",
            "make_setuid",
            "file_flags_given_for_reading",
        ),
        *("udp_socket", "netlink_route_socket", "unix_socket_outside", "multipath_tcp_socket", "connect_by_fast_open"),
        *(
            "ring",
            "inherited_ring",
            "register_with_inherited_ring",
            "keyctl",
            "shmget",
            "prlimit",
            "execute_memory_file",
        ),
        *("unshare_user_namespace", "clone3_user_namespace", "type_for_terminal_with_upper_half", "i386_chmod"),
    ):
        attack = ATTACKS[name]
        whole = sandbox(world, attack.sandbox, syscalls=Filter(ALLOW))
        world.make()
        before = world.protected()
        code = in_front_of(lambda rest, whole=whole: (whole.restrict(), rest()), attack, world)
        assert code in REFUSED["seccomp"], name
        assert world.protected() == before


# by an ABI of landlock: what the next one brought, which the filter has to stop there
OF_NEXT_ABI = {
    1: ("link_in", "rename_in", "rename_exchange"),
    2: ("truncate", "open_truncating", "truncate_given_for_reading"),
    3: ("tcp_socket_without_network",),
    4: ("control_device",),
    5: (
        *("kill", "tkill", "rt_sigqueueinfo", "pidfd_send_signal", "signal_by_owner_of_pipe"),
        *("signal_by_owner_of_socket", "unix_socket_outside"),
    ),
}


OLDER = [(abi, kind) for abi in OF_NEXT_ABI for kind in ("files", "build", "terminal")]


# "terminal" has devices, which need ABI 5
@pytest.mark.parametrize(("abi", "kind"), [(abi, kind) for abi, kind in OLDER if kind != "terminal" or abi >= 5])
def test_older_abi(abi, kind, world):
    """With an older landlock a sandbox that starts still stops what it claims."""
    whole = sandbox(world, kind)

    def fences(rest):
        answer("landlock_create_ruleset", abi, first=0)
        whole.restrict()
        rest()

    for name in OF_NEXT_ABI[abi]:
        world.make()
        before = world.protected()
        assert in_front_of(fences, ATTACKS[name], world) in {*REFUSED["landlock"], *REFUSED["seccomp"]}, name
        assert world.protected() == before


MISSING = {
    "landlock": ("landlock_create_ruleset", errno.ENOSYS, {}, "landlock"),
    "landlock_disabled": ("landlock_create_ruleset", errno.EOPNOTSUPP, {}, "landlock"),
    "seccomp": ("seccomp", errno.ENOSYS, {}, "seccomp"),
    "ports": ("landlock_create_ruleset", 3, {"connect": [1], "syscalls": "network-client"}, "landlock ABI 4"),
    "devices": ("landlock_create_ruleset", 4, {"devices": ["/dev/tty"]}, "landlock ABI 5"),
}


@pytest.mark.parametrize("start", ["restrict", "run", "spawn"])
@pytest.mark.parametrize("name", MISSING)
def test_missing_feature(name, start, tmp_path):
    """Where a kernel lacks what the sandbox needs it does not start, and says why."""
    call, result, options, words = MISSING[name]

    def body(best_effort):
        if name in ("ports", "devices"):
            answer(call, result, first=0)
        else:
            inject(call, result)
        whole = Sandbox(execute=["/usr", "/lib", "/lib64"], best_effort=best_effort, **options)
        assert whole.report()["starts"] == best_effort
        assert any(words in sentence for sentence in whole.report()["missing"])
        if start == "restrict":
            whole.restrict()
        elif start == "run":
            whole.run(int)
        else:
            with spawn(["true"], sandbox=whole) as child:
                assert child.wait() == 0

    with pytest.raises(NotEnforced, match=words):
        in_child(body, False)
    in_child(body, True)


def test_calls_of_x32():
    """The calls of x32, which this kernel lacks, are refused by the filter."""
    for profile in PROFILES:
        (filter,) = Sandbox(syscalls=profile)._filters()
        for call in "read", "openat", "execve", "ptrace":
            assert filter.test(call, arch="x32").name.startswith("KILL")


def test_calls_that_a_kernel_may_lack():
    """Calls that this kernel may be built without are refused by the filter, too."""
    for profile in PROFILES:
        (filter,) = Sandbox(syscalls=profile)._filters()
        assert [name for name in LACKED if filter.test(name).name != "ERRNO"] == []
    for profile in "network-client", "build":
        (filter,) = Sandbox(connect=[1], bind=[1], syscalls=profile)._filters()
        assert [name for name, kind in SOCKETS.items() if filter.test("socket", *kind).name != "ERRNO"] == []
