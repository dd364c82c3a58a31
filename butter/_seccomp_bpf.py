"""Programs of classic BPF, as seccomp takes them: made, checked and run.

A program is an array of ``struct sock_filter``, eight bytes each. It runs over a
``struct seccomp_data`` with one system call, has the registers A and X and 16 words of
memory, all of 32 bits, and only ever jumps forward.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from typing_extensions import Buffer

#: the most instructions of one program (BPF_MAXINSNS)
MOST = 4096
#: the bytes of an instruction, and of struct seccomp_data
INSTRUCTION, DATA = 8, 64
#: the places in struct seccomp_data: number, architecture, address, arguments
NR, ARCH, POINTER, ARGS = 0, 4, 8, 16
#: the words of memory
WORDS = 16

_INSTRUCTION = struct.Struct("=HBBI")
_DATA = struct.Struct("=II7Q")
_ALL = 0xFFFFFFFF

# the codes that seccomp allows; "K" works with a constant, "X" with the register
LD_ABS, LD_LEN, LD_IMM, LD_MEM = 0x20, 0x80, 0x00, 0x60
LDX_LEN, LDX_IMM, LDX_MEM = 0x81, 0x01, 0x61
ST, STX = 0x02, 0x03
ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, NEG, XOR = 0x04, 0x14, 0x24, 0x34, 0x44, 0x54, 0x64, 0x74, 0x84, 0xA4
JA, JEQ, JGT, JGE, JSET = 0x05, 0x15, 0x25, 0x35, 0x45
RET_K, RET_A = 0x06, 0x16
TAX, TXA = 0x07, 0x87
X = 0x08  # added to the code of arithmetic or of a jump: the operand is X

ARITHMETIC = {ADD: "+", SUB: "-", MUL: "*", DIV: "/", OR: "|", AND: "&", LSH: "<<", RSH: ">>", XOR: "^"}
JUMPS = {JEQ: "==", JGT: ">", JGE: ">=", JSET: "&"}
_OTHERS = {LD_ABS, LD_LEN, LD_IMM, LD_MEM, LDX_LEN, LDX_IMM, LDX_MEM, ST, STX, NEG, JA, RET_K, RET_A, TAX, TXA}
_ALLOWED = _OTHERS | {code | operand for code in (*ARITHMETIC, *JUMPS) for operand in (0, X)}


class Instruction(NamedTuple):
    """One ``struct sock_filter``."""

    code: int
    jt: int = 0  # how many instructions a jump passes over if its condition is true
    jf: int = 0  # and if it is false
    k: int = 0


def encoded(instructions: Iterable[Instruction]) -> bytes:
    """Return a program as bytes."""
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in instructions)


def decoded(program: Buffer) -> list[Instruction]:
    """Return the instructions of a program, without bytes after the last whole one."""
    with memoryview(program) as view:
        data = bytes(view)
    whole = len(data) - len(data) % INSTRUCTION
    return list(map(Instruction._make, _INSTRUCTION.iter_unpack(data[:whole])))


def data_of(number: int, arch: int, pointer: int, arguments: Sequence[int]) -> bytes:
    """Return a ``struct seccomp_data``."""
    return _DATA.pack(number, arch, pointer, *arguments, *[0] * (6 - len(arguments)))


def fault(program: Sequence[Instruction]) -> str | None:
    """Return a sentence that says why the kernel refuses a program.

    None if it does not.
    """
    length = len(program)
    if not 0 < length <= MOST:
        return f"the program has {length} instructions; it must have 1 to {MOST}"
    for place, instruction in enumerate(program):
        wrong = _wrong(instruction, length - place - 1)
        if wrong:
            return f"instruction {place} of the program {wrong}"
    if program[-1].code not in (RET_K, RET_A):
        return "the last instruction of the program is not a return"
    return _unset(program)


def _wrong(instruction: Instruction, after: int) -> str | None:
    """Return what is wrong with an instruction that *after* others follow."""
    code, jt, jf, k = instruction
    if code not in _ALLOWED:
        return f"has the code {code:#x}, which seccomp does not allow"
    if code == LD_ABS and (k % 4 or k >= DATA):
        return f"loads from offset {k}; it must be a multiple of 4 below {DATA}"
    if code in (LD_MEM, LDX_MEM, ST, STX) and k >= WORDS:
        return f"uses word {k} of the memory, which has {WORDS}"
    if code == DIV and not k:
        return "divides by 0"
    if code in (LSH, RSH) and k >= 32:
        return f"shifts by {k}; it must be 0 to 31"
    if (code == JA and k >= after) or (code & ~X in JUMPS and max(jt, jf) >= after):
        return "jumps past the end"
    return None


def _unset(program: Sequence[Instruction]) -> str | None:
    """Return a sentence about a word of memory that is read before it is written."""
    everything = (1 << WORDS) - 1
    # the words that each way to an instruction has written
    ways = [everything] * len(program)
    written = 0
    for place, (code, jt, jf, k) in enumerate(program):
        written &= ways[place]
        if code in (ST, STX):
            written |= 1 << k
        elif code in (LD_MEM, LDX_MEM) and not written & 1 << k:
            return f"instruction {place} of the program reads word {k} of the memory, which may not be written yet"
        elif code == JA:
            ways[place + 1 + k] &= written
            written = everything
        elif code & ~X in JUMPS:
            ways[place + 1 + jt] &= written
            ways[place + 1 + jf] &= written
            written = everything
    return None


def run(program: Sequence[Instruction], data: bytes) -> int:
    """Return the answer of a program, without faults, to a ``struct seccomp_data``."""
    words = struct.unpack("=16I", data)
    memory = [0] * WORDS
    a = x = place = 0
    while True:
        code, jt, jf, k = program[place]
        place += 1
        kind = code & 7
        if kind == 5:  # a jump
            if code == JA:
                place += k
            else:
                place += jt if _holds(code & ~X, a, x if code & X else k) else jf
        elif code == LD_ABS:
            a = words[k // 4]
        elif kind == 6:
            return a if code == RET_A else k
        elif kind == 4:
            operand = x if code & X else k
            if code & ~X == DIV and not operand:
                return 0
            a = _computed(code if code == NEG else code & ~X, a, operand)
        elif kind == 0:
            a = DATA if code == LD_LEN else k if code == LD_IMM else memory[k]
        elif kind == 1:
            x = DATA if code == LDX_LEN else k if code == LDX_IMM else memory[k]
        elif kind == 7:
            a, x = (x, x) if code == TXA else (a, a)
        else:
            memory[k] = a if code == ST else x


def _holds(code: int, a: int, operand: int) -> bool:
    if code == JEQ:
        return a == operand
    if code == JGT:
        return a > operand
    if code == JGE:
        return a >= operand
    return a & operand != 0


def _computed(code: int, a: int, operand: int) -> int:
    if code == ADD:
        return a + operand & _ALL
    if code == SUB:
        return a - operand & _ALL
    if code == MUL:
        return a * operand & _ALL
    if code == DIV:
        return a // operand
    if code == OR:
        return a | operand
    if code == AND:
        return a & operand
    if code == LSH:
        return a << (operand & 31) & _ALL
    if code == RSH:
        return a >> (operand & 31)
    if code == XOR:
        return a ^ operand
    return -a & _ALL
