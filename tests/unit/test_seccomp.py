"""Filters without the kernel: names and numbers, rules, programs, and their texts."""

import errno
import pickle
import random
import re
from pathlib import Path
from unittest import mock

import pytest
import syscalls
from hypothesis import given
from hypothesis import strategies as st
from support import filters

from butter import _seccomp_bpf as bpf
from butter import _seccomp_numbers, _seccomp_tests
from butter._seccomp_calls import ARCHITECTURES, native, numbers
from butter.seccomp import *  # noqa: F403
from butter.seccomp import Filter, disassemble, syscall_name, syscall_number

# ruff: noqa: F405

# "x86_64" and its kin are compiled the same everywhere, so the tests name them
X86_64, I386, AARCH64 = (ARCHITECTURES[name].audit for name in ("x86_64", "i386", "aarch64"))
RISCV64 = 0xC00000F3


def denied(*calls, arch="x86_64", **options):
    """A filter that lets some calls fail with EPERM, and allows the others."""
    made = Filter(ALLOW, arch, **options)
    for call in calls:
        made.add(call, ERRNO(errno.EPERM))
    return made


# names and numbers


def test_numbers_are_those_of_the_headers():
    """The table has the numbers of this machine's headers, and of ziglang's."""
    found = syscalls.installed()
    if found:
        assert syscalls.TABLE.read_text() == syscalls.generated(found)
    headers = {"x86_64": "unistd_64.h", "x32": "unistd_x32.h", "i386": "unistd_32.h"}
    if native() not in headers:
        headers = {native(): "unistd.h"}
    compared = 0
    for arch, name in headers.items():
        for path in Path("/usr/include").glob(f"**/asm/{name}"):
            calls = syscalls.numbers(path.read_text())
            bit = ARCHITECTURES[arch].bit
            wrong = {call: number for call, number in calls.items() if numbers(arch).get(call) != number | bit}
            assert not wrong, f"{path} has others: 'nox -s syscalls' writes the table anew"
            compared += len(calls)
    assert compared > 300 or native() != "x86_64"


def test_the_table_is_whole():
    """Each row has a name, and for each architecture a number of its own."""
    rows = [line.split(" ") for line in _seccomp_numbers.TABLE.split("\n")[1:-1]]
    assert all(len(row) == 1 + len(ARCHITECTURES) for row in rows)
    assert tuple(ARCHITECTURES) == _seccomp_numbers.ARCHITECTURES
    for arch in ARCHITECTURES:
        found = numbers(arch)
        assert len(set(found.values())) == len(found) > 300
        assert all(syscall_name(number, arch) == name for name, number in found.items())


def test_headers_are_read():
    """The tool reads the lines of x32 as well as those of the others."""
    text = "#define __NR_read 0\n#define __NR_openat (__X32_SYSCALL_BIT + 257)\n#define __NR_ni_syscall foo\n"
    assert syscalls.numbers(text) == {"read": 0, "openat": 257}


def test_numbers_of_names():
    """A name has a number on each architecture that has the call."""
    names = ["x86_64", "x32", "i386", "aarch64"]
    assert [syscall_number("openat", arch) for arch in names] == [257, 0x40000101, 295, 56]
    assert syscall_number("execve", "x32") == 0x40000208
    assert syscall_number("ptrace", X86_64) == 101
    assert syscall_number("ptrace", "amd64") == 101
    assert syscall_number("getpid") == syscall_number("getpid", native())
    assert syscall_name(0x40000208, X86_64) == syscall_name(0x40000208, "x32") == "execve"
    assert syscall_name(101, "x86_64") == "ptrace"
    assert syscall_name(12345) is None
    assert syscall_name(0, RISCV64) is None


def test_unknown_names():
    """An unknown name is an error that names the nearest."""
    with pytest.raises(ValueError, match="no system call has the name 'ptrase': did you mean ptrace"):
        syscall_number("ptrase")
    with pytest.raises(ValueError, match="no system call has the name 'open_at': did you mean openat"):
        Filter(ALLOW).add("open_at", LOG)
    with pytest.raises(ValueError, match="'zzzzzzzz' \\(a call"):
        Filter(ALLOW).add("zzzzzzzz", LOG)
    with pytest.raises(ValueError, match="aarch64 does not have the system call open"):
        syscall_number("open", "aarch64")
    with pytest.raises(ValueError, match="butter has no system calls of 'sparc': it has those of x86_64, x32"):
        Filter(ALLOW, "sparc")
    with pytest.raises(TypeError, match="name must be a str, not int"):
        syscall_number(1)


# rules


def test_the_first_rule_that_applies_decides():
    """Rules of one call are tried in their order, and the default comes last."""
    made = Filter(KILL_PROCESS, "x86_64")
    made.add("socket", ALLOW, EQ(0, 1, bits=32)).add("socket", LOG, LE(0, 2)).add("socket", ERRNO(97), EQ(1, 5))
    assert made.test("socket", 1, 5) == ALLOW
    assert made.test("socket", 2, 5) == LOG
    assert made.test("socket", 3, 5) == ERRNO(97)
    assert made.test("socket", 3, 6) == KILL_PROCESS
    made.add("socket", TRAP(7))
    assert made.test("socket", 3, 6) == TRAP(7)


def test_a_rule_that_never_applies():
    """A rule after one without comparisons is an error, unless it says the same."""
    made = denied("ptrace")
    with pytest.raises(ValueError, match=r"the rule never applies: an earlier one answers ERRNO\(EPERM\) to ptrace"):
        made.add("ptrace", ALLOW, EQ(0, 0))
    assert made.add("ptrace", ERRNO(errno.EPERM)) is made
    assert repr(denied("dup", arch="x32")) == "<Filter(ALLOW, arch=['x32']) with 1 rules>"


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_each_architecture(arch):
    """A filter for one architecture has its numbers, and kills for each other one."""
    made = denied("ptrace", arch=arch)
    assert made.test("ptrace") == ERRNO(errno.EPERM)
    assert made.test("ptrace", arch=arch) == ERRNO(errno.EPERM)
    assert made.test("read") == ALLOW
    for other in ARCHITECTURES:
        if other != arch:
            assert made.test("ptrace", arch=other) == made.test("read", arch=other) == KILL_PROCESS
    assert made.test(0, arch=RISCV64) == KILL_PROCESS


def test_several_architectures():
    """The rules hold in each architecture of the filter, where that has the call."""
    made = denied("ptrace", "open", arch=ARCHITECTURES)
    assert made.arch == ("x86_64", "x32", "i386", "aarch64")
    for arch in ARCHITECTURES:
        assert made.test("ptrace", arch=arch) == ERRNO(errno.EPERM)
        assert made.test("close", arch=arch) == ALLOW
    assert made.test("open", arch="i386") == ERRNO(errno.EPERM)
    assert made.test(5, arch="aarch64") == ALLOW
    assert made.test(0, arch=RISCV64) == KILL_PROCESS
    assert bpf.fault(bpf.decoded(made.program())) is None


def test_what_a_foreign_call_gets():
    """The answer to a foreign architecture is a parameter."""
    made = denied("ptrace", foreign=ERRNO(errno.ENOSYS))
    assert made.foreign == ERRNO(errno.ENOSYS)
    assert made.default == ALLOW
    assert made.test("read", arch="i386") == made.test("read", arch="x32") == ERRNO(errno.ENOSYS)


def test_ways_around_on_x86_64():
    """Numbers by which old kernels reach calls of the other table are foreign, too."""
    made = denied("execve")
    assert [made.test(number) for number in (511, 512, 520, 547, 548)] == [ALLOW, *[KILL_PROCESS] * 3, ALLOW]
    assert made.test(0x40000000) == made.test(0xFFFFFFFE) == KILL_PROCESS
    # that of a call which a debugger took away
    assert made.test(0xFFFFFFFF) == ALLOW
    both = denied("execve", arch=["x86_64", "x32"])
    assert both.test("execve", arch="x32") == both.test("execve", arch="x86_64") == ERRNO(errno.EPERM)
    # execve of x86_64, with the bit of x32
    assert both.test(0x4000003B) == KILL_PROCESS
    assert both.test(520) == KILL_PROCESS


@pytest.mark.parametrize(("call", "by"), [("connect", ("socketcall", 3)), ("shmat", ("ipc", 21))])
def test_ways_around_on_i386(call, by):
    """A rule without comparisons holds for the calls of i386 that reach the same."""
    made = denied(call, arch=["x86_64", "i386"])
    name, first = by
    assert made.test(name, first, arch="i386") == ERRNO(errno.EPERM)
    assert made.test(name, first + 1, arch="i386") == ALLOW
    if name == "ipc":
        assert made.test(name, 1 << 16 | first, arch="i386") == ERRNO(errno.EPERM)


def test_what_cannot_be_compared_on_i386():
    """Comparisons that one way to a call evades are refused until that is closed."""
    made = Filter(ALLOW, ["i386", "x86_64"])
    with pytest.raises(ValueError, match=r"reached through socketcall.* \.add\('socketcall', ERRNO\(errno\.ENOSYS\)\)"):
        made.add("socket", ERRNO(1), EQ(0, 16))
    made.add("socketcall", ERRNO(errno.ENOSYS)).add("socket", ERRNO(1), EQ(0, 16))
    assert made.test("socket", 16, arch="i386") == ERRNO(1)
    assert made.test("socketcall", 1, arch="i386") == ERRNO(errno.ENOSYS)


def test_calls_by_number():
    """A number is a call where there is one architecture, and one that it can have."""
    assert denied(101).test("ptrace") == denied(900).test(900) == ERRNO(errno.EPERM)
    assert denied(0x40000000, arch="x32").test("read") == ERRNO(errno.EPERM)
    with pytest.raises(ValueError, match="101 is another call on each of x86_64, i386: pass its name"):
        denied(101, arch=["x86_64", "i386"])
    for arch, number in (("x86_64", 520), ("x86_64", 0x40000000), ("x32", 0), ("aarch64", 1 << 31)):
        with pytest.raises(ValueError, match=f"{number:#x} is not the number of a call of {arch}"):
            denied(number, arch=arch)


def test_negative_numbers():
    """A negative number is that of an int as wide as the comparison or the register."""
    made = Filter(ALLOW, ["x86_64", "i386"]).add("close", LOG, EQ(0, -1)).add("dup", LOG, NE(0, -100, bits=32))
    assert made.test("close", -1) == made.test("close", (1 << 64) - 1) == LOG
    assert made.test("close", 0xFFFFFFFF) == ALLOW
    assert made.test("close", 0xFFFFFFFF, arch="i386") == made.test("close", -1, arch="i386") == LOG
    assert made.test("dup", -100) == made.test("dup", 0xFFFFFF9C) == ALLOW
    assert made.test("dup", 100) == LOG


@pytest.mark.parametrize(
    ("wrong", "exception", "words"),
    [
        (lambda: Filter(ERRNO), TypeError, r"default must be an action, as ERRNO\(errno.EPERM\), not the function"),
        (lambda: Filter(TRAP), TypeError, r"as TRAP\(\)"),
        (lambda: Filter(ALLOW, foreign=0), TypeError, "foreign must be an action, as ALLOW"),
        (lambda: Filter(ALLOW, []), ValueError, "arch is empty"),
        (lambda: Filter(ALLOW).add("read", 7), TypeError, "action must be an action"),
        (lambda: Filter(ALLOW).add(1.5, LOG), TypeError, "call must be a name or a number, not float"),
        (lambda: Filter(ALLOW).add("read", LOG, 7), TypeError, "a comparison is EQ"),
        (lambda: Filter(ALLOW).add("read", LOG, (1, 2)), TypeError, "a comparison is EQ"),
        (lambda: Filter(ALLOW).add("read", LOG, *[EQ(0, 1)] * 33), ValueError, "33 comparisons; at most 32"),
        (lambda: EQ(6, 1), ValueError, "a call has the arguments 0 to 5"),
        (lambda: EQ("0", 1), TypeError, "index must be an int"),
        (lambda: EQ(0, 1, 16), ValueError, "bits is 16; it must be 32 or 64"),
        (lambda: EQ(0, 1 << 32, 32), ValueError, "value is 4294967296"),
        (lambda: EQ(0, -1 << 31, 32) and EQ(0, (-1 << 31) - 1, 32), ValueError, "value is -2147483649"),
        (lambda: LT(0, -1), ValueError, "LT compares numbers without a sign"),
        (lambda: MASKED(0, 1, 2), ValueError, "value is 0x2, which has bits outside the mask 0x1"),
        (lambda: MASKED(0, -1, 2), ValueError, "mask is -1"),
        (lambda: ERRNO(4096), ValueError, "errno is 4096; it must be 0 to 4095"),
        (lambda: ERRNO(-1), ValueError, "errno is -1; it must be 0 to 4095"),
        (lambda: ERRNO(1 << 70), ValueError, "it must be 0 to 4095"),
        (lambda: ERRNO(True), TypeError, "errno must be an int, not bool"),
        (lambda: TRAP(True), TypeError, "data must be an int, not bool"),
        (lambda: Filter(ALLOW).add(True, LOG), TypeError, "call must be a name or a number, not bool"),
        (lambda: EQ(0, 1 << 64), ValueError, "it must be -9223372036854775808 to 18446744073709551615"),
        (lambda: GT(0, 1 << 64), ValueError, "it must be 0 to 18446744073709551615"),
        (lambda: NE(0, "1"), TypeError, "value must be an int, not str"),
        (lambda: Filter(ALLOW, arch=5), TypeError, "arch must be a name, as 'x86_64', or several, not int"),
        (lambda: Listener("x"), TypeError, "filter must be a Filter, not str"),
        (lambda: Filter(ALLOW, "x32").listen(), ValueError, "for x32, and this process makes calls of .*KILL_PROCESS"),
        (lambda: TRAP(1 << 16), ValueError, "data is 65536"),
        (lambda: TRACE("a"), TypeError, "data must be an int"),
        (lambda: Filter(ALLOW).test("read", 1 << 64), ValueError, "argument 0 is 18446744073709551616"),
        (lambda: Filter(ALLOW, "i386").test("read", 1 << 32), ValueError, "argument 0 is 4294967296"),
        (lambda: Filter(ALLOW).test("read", *range(7)), TypeError, "at most 6 arguments, and 7 were passed"),
        (lambda: Filter(ALLOW).load(SECCOMP_FILTER_FLAG_NEW_LISTENER), ValueError, "returns a listener"),
        (lambda: Filter(ALLOW).add("read", NOTIFY).load(), ValueError, "NOTIFY, which needs a listener"),
        (lambda: Filter(ALLOW, [3]), TypeError, "arch must have names, as 'x86_64', and not int"),
        (lambda: Filter(ALLOW, "x32").load(), ValueError, "for x32, and this process makes calls of .*KILL_PROCESS"),
        (lambda: Filter(ALLOW).load("a"), TypeError, "flags must be an int"),
    ],
)
def test_wrong_arguments(wrong, exception, words):
    """A wrong argument is an error before anything happens."""
    with pytest.raises(exception, match=words):
        wrong()


def test_actions():
    """Actions are numbers that print as they are written."""
    assert [repr(each) for each in (ALLOW, LOG, NOTIFY, KILL_THREAD, KILL_PROCESS)] == (
        ["ALLOW", "LOG", "NOTIFY", "KILL_THREAD", "KILL_PROCESS"]
    )
    assert str(ERRNO(errno.EPERM)) == "ERRNO(EPERM)"
    assert [str(ERRNO(4000)), repr(TRAP()), repr(TRACE(5))] == ["ERRNO(4000)", "TRAP()", "TRACE(5)"]
    assert (ERRNO(5).name, ERRNO(5).data, Action(0x12345678).name) == ("ERRNO", 5, "unknown")
    assert repr(Action(0x12345678)) == "Action(0x12345678)"
    assert repr(Action(SECCOMP_RET_ALLOW | 1)) == "Action(0x7fff0001)"
    assert ALLOW == SECCOMP_RET_ALLOW
    assert pickle.loads(pickle.dumps(ERRNO(3))) == ERRNO(3)
    assert repr(EQ(0, 5000, 32)) == "EQ(0, 0x1388, bits=32)"
    assert repr(MASKED(1, 0xF0, 0x10)) == "MASKED(1, 0xf0, 16)"


# programs


def test_a_call_is_found_in_few_steps():
    """Sixty calls are told apart by at most eight jumps."""
    made = denied(*(7 * number for number in range(60)))
    program = bpf.decoded(made.program())
    longest = max(steps(program, number) for number in range(450))
    assert longest <= 12


def steps(program, call):
    """How many instructions a program runs for a call."""
    place = count = 0
    words = {bpf.ARCH: X86_64, bpf.NR: call}
    register = 0
    while True:
        code, jt, jf, k = program[place]
        place, count = place + 1, count + 1
        if code == bpf.RET_K:
            return count
        if code == bpf.LD_ABS:
            register = words[k]
        elif code == bpf.JA:
            place += k
        else:
            place += jt if (register == k if code == bpf.JEQ else register >= k) else jf


def test_equal_rules_share_their_code():
    """Calls with the same rules have one code, and an answer is there once."""
    one = Filter(ALLOW, "x86_64").add("ioctl", ERRNO(1), EQ(1, 0x5412, 32), GE(2, 5))
    two = Filter(ALLOW, "x86_64").add("ioctl", ERRNO(1), EQ(1, 0x5412, 32), GE(2, 5))
    two.add("fcntl", ERRNO(1), EQ(1, 0x5412, 32), GE(2, 5))
    assert len(two.program()) - len(one.program()) <= 8 * 3


def test_many_values_of_an_argument_are_a_search():
    """Two hundred permitted values of one argument are found by a search tree."""
    made = Filter(ERRNO(1), "x86_64")
    for value in range(200):
        made.add("ioctl", ALLOW, EQ(1, 1000 + 3 * value))
    data = bpf.data_of(16, X86_64, 0, [0, 1300])
    ran = []
    program = bpf.decoded(made.program())

    class Watched(list):
        def __getitem__(self, place):
            ran.append(place)
            return super().__getitem__(place)

    assert bpf.run(Watched(program), data) == ALLOW
    assert len(ran) < 20
    assert all(made.test("ioctl", 0, 1000 + value) == (ERRNO(1) if value % 3 else ALLOW) for value in range(600))


def test_a_long_list_of_values_is_quickly_compiled():
    """The work for a list of permitted values grows as the list does."""
    at, work = _seccomp_tests.Test.at, []
    for count in 100, 200:
        made = Filter(ERRNO(1), "x86_64")
        for value in range(count):
            made.add("ioctl", ALLOW, EQ(1, 3 * value), GE(2, 5))
        with mock.patch.object(_seccomp_tests.Test, "at", autospec=True, side_effect=at) as looks:
            made.program()
        work.append(looks.call_count)
    assert 0 < work[1] < 2.1 * work[0]


def test_far_jumps():
    """Jumps over more than 255 instructions go by way of others."""
    made = Filter(LOG, "x86_64")
    for call in range(0, 400, 2):
        made.add(call, ERRNO(call), GE(0, call), LE(1, 7 * call))
    assert len(made.program()) > 8 * 1500
    assert bpf.fault(bpf.decoded(made.program())) is None
    for call in range(400):
        assert made.test(call, 500, 0) == (LOG if call % 2 else ERRNO(call))
        assert made.test(call, 500, 7 * call + 1) == LOG


def test_programs_that_are_too_long():
    """More instructions than the kernel takes are an error that says so."""
    made = Filter(ALLOW, "x86_64")
    for call in range(400):
        made.add(call, ERRNO(call), EQ(0, call << 32 | 1), EQ(1, call << 32 | 2), EQ(2, call << 32 | 3))
    with pytest.raises(ValueError, match=r"would have \d+ instructions, and the kernel takes 4096"):
        made.program()


def test_a_program_that_is_too_long_is_made_once(monkeypatch):
    """A program is found to be too long once, until another rule is added."""
    made = Filter(ALLOW, "x86_64")
    for call in range(5000):
        made.add(5000 + call, ERRNO(call % 4000))
    with pytest.raises(ValueError, match="the kernel takes 4096") as first:
        made.program()
    with monkeypatch.context() as patch:
        patch.delattr("butter.seccomp.compiled")
        for again in made.program, made.load, lambda: made.test("read"):
            with pytest.raises(ValueError, match="the kernel takes 4096") as second:
                again()
            assert str(second.value) == str(first.value)
    monkeypatch.setattr("butter.seccomp.compiled", lambda *_: [])
    assert made.add("read", LOG).program() == b""


def test_rules_that_multiply_are_not_multiplied_out():
    """Rules whose ranges would make thousands of cases are compiled one by one."""
    chance = random.Random(1)
    made = Filter(ALLOW, "x86_64")
    for rule in range(40):
        low = [chance.getrandbits(40) for _ in range(6)]
        made.add("ioctl", ERRNO(rule + 1), *(GE(index, value) for index, value in enumerate(low)))
    assert len(made.program()) < 8 * 40 * 33
    masks = Filter(ALLOW, "x86_64")
    for rule in range(300):
        masks.add("ioctl", ERRNO(rule + 1), MASKED(1, 0x1000 + rule, 0x1000))
    assert masks.test("ioctl", 0, 0x1000) == ERRNO(1)
    assert masks.test("ioctl", 0, 0) == ALLOW


def test_a_filter_without_rules():
    """A filter without rules answers its default, whichever call it is."""
    made = Filter(ERRNO(1), "aarch64")
    assert made.test("read") == made.test(0xFFFFFFFF) == ERRNO(1)
    assert made.test(0, arch="x86_64") == KILL_PROCESS
    assert len(made.program()) == 8 * 4
    assert len(Filter(LOG, "aarch64", LOG).program()) <= 8 * 4


@given(st.integers(0, 1 << 40))
def test_programs_do_what_the_rules_say(seed):
    """Whatever the rules and the call are, the first rule that applies decides."""
    chance = random.Random(seed)
    made, answer = filters.some_filter(chance)
    for _ in range(30):
        call, args = filters.some_call(chance)
        assert made.test(call, *args) == answer(call, args)
    assert bpf.fault(bpf.decoded(made.program())) is None
    made.explain()
    disassemble(made.program())


@given(st.integers(0, 1 << 40))
def test_comparisons_on_each_architecture(seed):
    """The same rules hold on each architecture, for registers as wide as its own."""
    chance = random.Random(seed)
    made, rules = Filter(ALLOW, ARCHITECTURES), []
    for number in range(1, chance.randrange(2, 8)):
        comparisons = [filters.comparison(chance) for _ in range(chance.randrange(1, 4))]
        made.add("ioctl", ERRNO(number), *(each for each, _ in comparisons))
        rules.append((ERRNO(number), [holds for _, holds in comparisons]))
    for arch, found in ARCHITECTURES.items():
        for _ in range(10):
            args = [filters.number(chance) & ((1 << found.bits) - 1) for _ in range(6)]
            fitting = [action for action, holding in rules if all(holds(args) for holds in holding)]
            assert made.test("ioctl", *args, arch=arch) == [*fitting, ALLOW][0]
            assert made.test("read", *args, arch=arch) == ALLOW


# texts


def test_explain():
    """A filter is told in words, with calls that have the same rules together."""
    made = denied("ptrace", "mount", "open", arch=["x86_64", "aarch64"])
    made.add("ioctl", KILL_PROCESS, EQ(1, 0x5412, bits=32)).add("ioctl", LOG, MASKED(2, 0xF, 1), GT(0, 7))
    made.add("clone", TRAP(3), NE(0, 1)).add("clone", ERRNO(0)).add("dup", TRACE(1)).add("sync", NOTIFY)
    assert made.explain().splitlines() == [
        "A call of x86_64 or aarch64 is looked up here; of another architecture it kills the process.",
        "ptrace, mount, open (not on aarch64): fails with EPERM (Operation not permitted)",
        "ioctl:",
        "    kills the process if the lower half of argument 1 is 0x5412",
        "    is allowed, and logged if argument 2 & 0xf is 0x1 and argument 0 is greater than 7",
        "    is allowed otherwise",
        "clone:",
        "    sends SIGSYS instead, with the number 3 if argument 0 is not 1",
        "    returns 0, without being made otherwise",
        "dup: asks the debugger, with the number 1",
        "sync: asks the listener",
        "Every other call is allowed.",
    ]
    assert Filter(KILL_THREAD, "x32").explain().splitlines()[-1] == "Every call kills the thread."


def test_disassemble():
    """A program is shown line by line, with what its numbers stand for."""
    text = disassemble(denied("ptrace").program())
    assert re.search(r"^   0: A = architecture$", text, re.M)
    assert re.search(r"^   1: if A == 0xc000003e goto 2 else goto \d+  ; x86_64 or x32$", text, re.M)
    assert re.search(r"if A >= 0x65 goto .*  ; ptrace$", text, re.M)
    assert text.endswith("return 0x80000000  ; KILL_PROCESS")
    every = [
        (bpf.LD_IMM, "A = 0x5"),
        (bpf.ST, "memory[5] = A"),
        (bpf.LD_MEM, "A = memory[5]"),
        (bpf.LDX_MEM, "X = memory[5]"),
        (bpf.STX, "memory[5] = X"),
        (bpf.LDX_IMM, "X = 0x5"),
        (bpf.LD_LEN, "A = 64"),
        (bpf.LDX_LEN, "X = 64"),
        (bpf.ADD | bpf.X, "A = A + X"),
        (bpf.RSH, "A = A >> 0x5"),
        (bpf.NEG, "A = -A"),
        (bpf.TAX, "X = A"),
        (bpf.TXA, "A = X"),
        (bpf.LD_ABS, "A = data[5]"),
        (bpf.JA, "goto 20"),
        (bpf.JSET | bpf.X, "if A & X goto 16 else goto 16"),
        (bpf.RET_A, "return A"),
        (0xFF, "unknown instruction 0xff 0 0 0x5"),
    ]
    lines = disassemble(bpf.encoded(bpf.Instruction(code, k=5) for code, _ in every)).splitlines()
    assert [line.split(": ", 1)[1] for line in lines[:-1]] == [text for _, text in every]
    assert lines[-1].startswith("the kernel refuses it: instruction 13 of the program loads from offset 5")


@given(st.binary(max_size=200))
def test_disassembling_any_bytes(program):
    """Any bytes have a text."""
    text = disassemble(program)
    assert text.count("\n") >= len(program) // 8
    assert ("more bytes" in text) == bool(len(program) % 8)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ([], "the program has 0 instructions"),
        ([(bpf.RET_K, 0, 0, 0)] * 4097, "the program has 4097 instructions; it must have 1 to 4096"),
        ([(bpf.LD_IMM, 0, 0, 0)], "the last instruction of the program is not a return"),
        ([(bpf.LD_ABS, 0, 0, 64), (bpf.RET_A, 0, 0, 0)], "instruction 0 of the program loads from offset 64"),
        ([(bpf.DIV, 0, 0, 0), (bpf.RET_A, 0, 0, 0)], "divides by 0"),
        ([(bpf.LSH, 0, 0, 32), (bpf.RET_A, 0, 0, 0)], "shifts by 32"),
        ([(bpf.ST, 0, 0, 16), (bpf.RET_A, 0, 0, 0)], "uses word 16 of the memory, which has 16"),
        ([(bpf.LD_MEM, 0, 0, 1), (bpf.RET_A, 0, 0, 0)], "reads word 1 of the memory, which may not be written"),
        ([(bpf.JA, 0, 0, 1), (bpf.RET_A, 0, 0, 0)], "jumps past the end"),
        ([(bpf.JEQ, 1, 0, 1), (bpf.RET_A, 0, 0, 0)], "jumps past the end"),
        ([(0x94, 0, 0, 1), (bpf.RET_A, 0, 0, 0)], "has the code 0x94, which seccomp does not allow"),
    ],
)
def test_faults_of_programs(program, words):
    """A program that the kernel would refuse has a sentence that says why."""
    assert words in bpf.fault([bpf.Instruction(*each) for each in program])
