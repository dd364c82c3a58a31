"""Random seccomp filters and programs, compared with the kernel.

A filter is tried in a thread of its own, which ends with it. The calls that it makes
have numbers that no kernel knows, so that nothing happens whatever the answer is.
"""

import ctypes
import errno
import random
import threading

from butter import _seccomp_bpf as bpf
from butter._seccomp import seccomp
from butter.seccomp import (
    ALLOW,
    EQ,
    ERRNO,
    GE,
    GT,
    LE,
    LOG,
    LT,
    MASKED,
    NE,
    SECCOMP_RET_ALLOW,
    SECCOMP_RET_ERRNO,
    SECCOMP_SET_MODE_FILTER,
    Filter,
)
from support.children import libc

#: numbers of calls that no architecture has, below those that will come
UNUSED = range(380, 400)
#: what a thread needs to load its filter, to make calls, and to end
NEEDED = "futex madvise munmap mmap mprotect brk exit exit_group rt_sigprocmask sched_yield getpid gettid clock_gettime"
VALUES = [0, 1, 2, 3, 5, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 32, (1 << 32) + 1, (5 << 32) + 3, 1 << 63]
VALUES.append((1 << 64) - 1)
OPERATORS = {
    EQ: lambda value, other: value == other,
    NE: lambda value, other: value != other,
    LT: lambda value, other: value < other,
    LE: lambda value, other: value <= other,
    GT: lambda value, other: value > other,
    GE: lambda value, other: value >= other,
}

libc.syscall.restype = ctypes.c_long


def number(chance):
    """A random argument."""
    return chance.choice(VALUES) if chance.random() < 0.7 else chance.getrandbits(64)


def comparison(chance):
    """A random comparison, and the function of six arguments that it has to be."""
    bits = chance.choice([32, 64])
    index, most = chance.choice([0, 0, 1, 1, 2, 5]), (1 << bits) - 1
    value = number(chance) & most
    if chance.random() < 0.2:
        mask = chance.choice([0xFF, 0xFFFFFFFF, 1 << 40, 0xF0 << 28, chance.getrandbits(64), 0]) & most
        return MASKED(index, mask, value & mask, bits), lambda args: args[index] & mask == value & mask
    operator = chance.choice(list(OPERATORS))
    holds = OPERATORS[operator]
    return operator(index, value, bits), lambda args: holds(args[index] & most, value)


def some_filter(chance):
    """A random filter, and the function of a call that says what it answers."""
    answers = [ALLOW, LOG, ERRNO(1), ERRNO(2), ERRNO(4095)]
    default, rules = chance.choice(answers), []
    made = Filter(default)
    for name in NEEDED.split():
        made.add(name, ALLOW)
    calls = chance.sample(UNUSED, chance.choice([1, 3, 10]))
    closed = set()
    for _ in range(chance.choice([1, 5, 20, 60])):
        call, action = chance.choice(calls), chance.choice(answers)
        comparisons = [comparison(chance) for _ in range(chance.choice([0, 1, 1, 1, 2, 3]))]
        if call not in closed:
            made.add(call, action, *(each for each, _ in comparisons))
            rules.append((call, action, [holds for _, holds in comparisons]))
            closed |= set() if comparisons else {call}

    def answer(call, args):
        for about, action, holding in rules:
            if about == call and all(holds(args) for holds in holding):
                return action
        return default

    return made, answer


def some_call(chance):
    """The number and the arguments of a random call."""
    return chance.choice(UNUSED), [number(chance) for _ in range(6)]


def some_instruction(chance, after):
    """A random instruction, mostly one that may stand before *after* others."""
    code = (
        chance.choice(sorted(bpf._ALLOWED - {bpf.RET_K, bpf.RET_A, bpf.LD_ABS}))
        if chance.random() < 0.7
        else bpf.LD_ABS
    )
    k = chance.choice([0, 1, 2, 3, 15, 31, 0xFF, 0x80000000, 0xFFFFFFFF, chance.getrandbits(32)])
    if code == bpf.LD_ABS:
        # the address that the call comes from, words 2 and 3, is not known here
        k = 4 * chance.choice([0, 1, *range(4, 16)])
    elif code in (bpf.ST, bpf.STX, bpf.LD_MEM, bpf.LDX_MEM):
        k = chance.randrange(3)
    elif code in (bpf.LSH, bpf.RSH):
        k %= 32
    elif code == bpf.DIV:
        k = k or 1
    elif code == bpf.JA:
        k = chance.randrange(min(after, 3) or 1)
    jt, jf = (chance.randrange(min(after, 6) or 1) for _ in "tf") if code & 7 == 5 and code != bpf.JA else (0, 0)
    if chance.random() < 0.002:
        return bpf.Instruction(chance.getrandbits(8) & ~bpf.LD_ABS, chance.getrandbits(8), chance.getrandbits(8), k)
    return bpf.Instruction(code, jt, jf, k)


def some_program(chance):
    """A random program, which lets the unused calls fail; it may have a fault."""
    before = [
        bpf.Instruction(bpf.LD_ABS, k=bpf.NR),
        bpf.Instruction(bpf.JGE, 0, 1, UNUSED.start),
        bpf.Instruction(bpf.JGE, 0, 1, UNUSED.stop),
        bpf.Instruction(bpf.RET_K, k=SECCOMP_RET_ALLOW),
    ]
    after = [
        # all 32 bits of A have a part in the errno
        bpf.Instruction(bpf.TAX),
        bpf.Instruction(bpf.RSH, k=20),
        bpf.Instruction(bpf.XOR | bpf.X),
        bpf.Instruction(bpf.TAX),
        bpf.Instruction(bpf.RSH, k=11),
        bpf.Instruction(bpf.XOR | bpf.X),
        bpf.Instruction(bpf.AND, k=0x7FF),
        bpf.Instruction(bpf.OR, k=SECCOMP_RET_ERRNO),
        bpf.Instruction(bpf.RET_A),
    ]
    length = chance.choice([1, 3, 10, 30])
    return before + [some_instruction(chance, length - place) for place in range(length)] + after


def answer_of(program, call, arch):
    """The answer of the interpreter to a call, which is a number and arguments."""
    number, args = call
    return bpf.run(program, bpf.data_of(number, arch, 0, args))


def errno_of(answer):
    """The errno that a call of an unused number has after this answer."""
    return answer & 0xFFFF if answer & 0xFFFF0000 == SECCOMP_RET_ERRNO else errno.ENOSYS


def by_kernel(program, calls):
    """Load a program in a thread, make the calls, and return their errnos: for a child.

    Raises what loading raises. Every call has to be answered with an errno, or be made.
    """
    rows = [[ctypes.c_long(call), *map(ctypes.c_ulonglong, args)] for call, args in calls]
    found, failures = [0] * len(rows), []

    def body():
        syscall, get_errno, set_errno = libc.syscall, ctypes.get_errno, ctypes.set_errno
        try:
            seccomp(SECCOMP_SET_MODE_FILTER, 0, program)
        except OSError as error:
            failures.append(error)
            return
        for place, row in enumerate(rows):
            set_errno(0)
            syscall(*row)
            found[place] = get_errno()

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive(), "the filter killed its thread"
    if failures:
        raise failures[0]
    return found


def compare_filters(seed, count, each):
    """Compare *count* random filters, by *each* calls, with the kernel.

    For a child without new privileges. Returns how many calls were compared.
    """
    for step in range(count):
        chance = random.Random(f"{seed} {step}")
        made, answer = some_filter(chance)
        calls = [some_call(chance) for _ in range(each)]
        expected = [answer(*call) for call in calls]
        assert [made.test(call, *args) for call, args in calls] == expected, f"seed {seed}, filter {step}"
        kernel = by_kernel(made.program(), calls)
        assert kernel == list(map(errno_of, expected)), f"seed {seed}, filter {step}"
    return count * each


def compare_programs(seed, count, each, arch):
    """Compare *count* random programs, by *each* calls: the interpreter and the kernel.

    Returns how many programs the kernel took. It has to refuse those with a fault, and
    no others.
    """
    taken = 0
    for step in range(count):
        chance = random.Random(f"{seed} {step}")
        program = some_program(chance)
        calls = [some_call(chance) for _ in range(each)]
        wrong = bpf.fault(program)
        if not wrong:
            # others kill the thread, as a division by X = 0 does
            calls = [call for call in calls if answer_of(program, call, arch) & 0xFFFF0000 == SECCOMP_RET_ERRNO]
        try:
            kernel = by_kernel(bpf.encoded(program), calls)
        except OSError as error:
            if not wrong or wrong not in str(error):
                raise AssertionError(f"seed {seed}, program {step}: {error}, and not {wrong}") from error
        else:
            assert wrong is None, f"seed {seed}, program {step}: the kernel takes it, though {wrong}"
            expected = [errno_of(answer_of(program, call, arch)) for call in calls]
            assert kernel == expected, f"seed {seed}, program {step}"
            taken += 1
    return taken
