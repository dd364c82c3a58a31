"""Programs of BPF as text, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter._seccomp_actions import Action
from butter._seccomp_bpf import (
    ARCH,
    ARGS,
    ARITHMETIC,
    DATA,
    INSTRUCTION,
    JA,
    JEQ,
    JGE,
    JGT,
    JUMPS,
    LD_ABS,
    LD_IMM,
    LD_LEN,
    LD_MEM,
    LDX_IMM,
    LDX_LEN,
    LDX_MEM,
    NEG,
    NR,
    POINTER,
    RET_A,
    RET_K,
    ST,
    STX,
    TAX,
    TXA,
    Instruction,
    X,
    decoded,
    fault,
)
from butter._seccomp_calls import ARCHITECTURES, X32_BIT, syscall_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Buffer

_NAMES = {NR: "number", ARCH: "architecture", POINTER: "instruction_pointer", POINTER + 4: "instruction_pointer >> 32"}
_NAMES.update({ARGS + 8 * index: f"argument {index}" for index in range(6)})
_NAMES.update({ARGS + 8 * index + 4: f"argument {index} >> 32" for index in range(6)})
_PLAIN = {
    LD_LEN: f"A = {DATA}",
    LDX_LEN: f"X = {DATA}",
    NEG: "A = -A",
    RET_A: "return A",
    TAX: "X = A",
    TXA: "A = X",
}


def disassemble(program: Buffer) -> str:
    """Return the text of a program of BPF, a line for each instruction.

    *program* is an array of ``struct sock_filter`` as bytes, of
    :meth:`Filter.program` or from elsewhere. A line has the place of the instruction,
    what it does, and after a ``;`` what a constant stands for, where that is sure.
    Bytes that are not a program for seccomp have lines, too: the last says what is
    wrong.
    """
    with memoryview(program) as view:
        rest = view.nbytes % INSTRUCTION
    instructions = decoded(program)
    lines = []
    for place, (instruction, known) in enumerate(zip(instructions, _known(instructions))):
        meaning = _meaning(instruction, *known)
        lines.append(f"{place:4}: {_text(instruction, place)}" + (f"  ; {meaning}" if meaning else ""))
    wrong = fault(instructions)
    if wrong:
        lines.append(f"the kernel refuses it: {wrong}")
    if rest:
        lines.append(f"{rest} more bytes, which are not an instruction")
    return "\n".join(lines)


def _text(instruction: Instruction, place: int) -> str:
    code, jt, jf, k = instruction
    operand = "X" if code & X else f"{k:#x}"
    following = place + 1
    if code in _PLAIN:
        return _PLAIN[code]
    if code == RET_K:
        return f"return {k:#x}"
    if code == JA:
        return f"goto {following + k}"
    if code & ~X in JUMPS:
        return f"if A {JUMPS[code & ~X]} {operand} goto {following + jt} else goto {following + jf}"
    if code & ~X in ARITHMETIC:
        return f"A = A {ARITHMETIC[code & ~X]} {operand}"
    if code == LD_ABS:
        return f"A = {_NAMES.get(k, f'data[{k}]')}"
    if code in (LD_IMM, LDX_IMM):
        return f"{'A' if code == LD_IMM else 'X'} = {k:#x}"
    if code in (LD_MEM, LDX_MEM):
        return f"{'A' if code == LD_MEM else 'X'} = memory[{k}]"
    if code in (ST, STX):
        return f"memory[{k}] = {'A' if code == ST else 'X'}"
    return f"unknown instruction {code:#x} {jt} {jf} {k:#x}"


def _meaning(instruction: Instruction, register: int | None, arch: int | None) -> str | None:
    """Return what a constant stands for, None if that is not sure."""
    code, _, _, k = instruction
    if code == RET_K:
        return repr(Action(k))
    if code not in (JEQ, JGE, JGT):
        return None
    if code == JEQ and register == ARCH:
        return " or ".join(found.name for found in ARCHITECTURES.values() if found.audit == k) or None
    name = syscall_name(k, arch) if register == NR and arch is not None else None
    return f"{name} of x32" if name and k & X32_BIT else name


def _known(program: Sequence[Instruction]) -> list[tuple[int | None, int | None]]:
    """Return what is known before each instruction, on every way to it."""
    ways: list[set[tuple[int | None, int | None]]] = [set() for _ in program]
    found: list[tuple[int | None, int | None]] = []
    for place, (code, jt, jf, k) in enumerate(program):
        before = ways[place] if place else {(None, None)}
        registers, arches = {register for register, _ in before}, {arch for _, arch in before}
        register = registers.pop() if len(registers) == 1 else None
        arch = arches.pop() if len(arches) == 1 else None
        found.append((register, arch))
        after: list[tuple[int, tuple[int | None, int | None]]] = [(place + 1, (register, arch))]
        if code == LD_ABS:
            after = [(place + 1, (k, arch))]
        elif code == JA:
            after = [(place + 1 + k, (register, arch))]
        elif code & ~X in JUMPS:
            same = k if code == JEQ and register == ARCH else arch
            after = [(place + 1 + jt, (register, same)), (place + 1 + jf, (register, arch))]
        elif code & 7 in (0, 4, 7):
            after = [(place + 1, (None, arch))]
        elif code & 7 == 6:
            after = []
        for target, state in after:
            if target < len(program):
                ways[target].add(state)
    return found
