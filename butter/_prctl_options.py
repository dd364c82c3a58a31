"""The options of prctl: what each takes, where it exists, and what it refuses."""

from __future__ import annotations

import errno
import os
import re
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from butter._constants.prctl import *  # noqa: F403
from butter._constants.prctl import PrctlOption
from butter._prctl_c import lib
from butter.errors import running_kernel

if TYPE_CHECKING:
    from collections.abc import Mapping

# ruff: noqa: F405


class Parameter(NamedTuple):
    """One of the four arguments after the option.

    *kind* is empty for a number. It is ``*`` for the address of memory that the kernel
    reads, and ``+`` for memory that it may write: a buffer is turned into its address.
    It is ``&`` for the address of a result: then *name* is its C type, and the call
    makes room for it.

    A number has *bits*, those of the kernel's own type: it would cut a longer one off.
    A buffer has *least* bytes or more. A number called ``size`` is the length of the
    buffer before it, which the kernel takes on trust.
    """

    name: str
    kind: str
    bits: int = 64
    least: int = 0


class Option(NamedTuple):
    """An option: its parameters, and a sentence about the values that it refuses.

    The first *required* of the parameters cannot be left out, and that at the position
    *result* is the address of a result. *machines* are the architectures that have the
    option, all if it is empty; *config* is what the kernel has to be built with.
    """

    takes: tuple[Parameter, ...]
    required: int
    result: int | None
    values: str = ""
    machines: str = ""
    config: str = ""


def described(text: str = "", values: str = "", machines: str = "", config: str = "") -> Option:
    """Return an option whose parameters *text* has, as ``"mode:32 *filter:16?"``.

    After a colon stand the bits of a number, or the least bytes of a buffer. A question
    mark means that the argument may be left out, and is then 0.
    """
    found = re.findall(r"([*+&]?)(\w+(?:\[16\])?)(?::(\d+))?(\??)", text)
    takes = tuple(
        Parameter(name, kind, least=int(size or 0)) if kind else Parameter(name, kind, bits=int(size or 64))
        for kind, name, size, _ in found
    )
    required = sum(1 for kind, _, _, optional in found if kind != "&" and not optional)
    result = next((position for position, parameter in enumerate(takes) if parameter.kind == "&"), None)
    return Option(takes, required, result, values, machines, config)


_SWITCH = "the value must be 0 or 1"
_TSC = "x86, and arm64 since Linux 6.12"
_RESTORE = "CONFIG_CHECKPOINT_RESTORE"
# struct sock_fprog, in which a program of BPF is passed
_PROGRAM = struct.calcsize("HP")
_LENGTH = "the length of vectors is out of range, or this processor has no such vectors"
_KEYS = "the keys are not those of PrctlKeys, or this processor has no pointer authentication"
_SPECULATION = "the flaw must be one of PrctlFlaw, and the other arguments 0"
_TAGS = "a bit or a tag length is not known, or this processor does not have it"

OPTIONS: Mapping[int, Option] = {
    PR_SET_PDEATHSIG: described("signal", "the signal must be 0, for none, to 64"),
    PR_GET_PDEATHSIG: described("&int"),
    PR_GET_DUMPABLE: described(),
    PR_SET_DUMPABLE: described("value", _SWITCH),
    PR_GET_UNALIGN: described("&int", machines="alpha, parisc, powerpc, sh"),
    PR_SET_UNALIGN: described("flags:32", machines="alpha, parisc, powerpc, sh"),
    PR_GET_KEEPCAPS: described(),
    PR_SET_KEEPCAPS: described("value", _SWITCH),
    PR_GET_FPEMU: described("&int", machines="ia64"),
    PR_SET_FPEMU: described("flags:32", machines="ia64"),
    PR_GET_FPEXC: described("&int", "this processor has no such exceptions", machines="powerpc"),
    PR_SET_FPEXC: described("flags:32", "this processor has no such exceptions", machines="powerpc"),
    PR_GET_TIMING: described(),
    PR_SET_TIMING: described("value", "the value must be PR_TIMING_STATISTICAL"),
    PR_SET_NAME: described("*name"),
    PR_GET_NAME: described("&char[16]"),
    PR_GET_ENDIAN: described("&int", machines="powerpc"),
    PR_SET_ENDIAN: described("value:32", "the value must be one of PrctlEndian", machines="powerpc"),
    PR_GET_SECCOMP: described(config="CONFIG_SECCOMP"),
    PR_SET_SECCOMP: described(
        f"mode *filter:{_PROGRAM}?",
        "the mode must be strict or filter, it cannot change any more, and a filter must be a valid program of BPF",
        config="CONFIG_SECCOMP_FILTER",
    ),
    PR_CAPBSET_READ: described("capability"),
    PR_CAPBSET_DROP: described("capability"),
    PR_GET_TSC: described("&int", machines=_TSC),
    PR_SET_TSC: described("value:32", "the value must be one of PrctlTsc", machines=_TSC),
    PR_GET_SECUREBITS: described(),
    PR_SET_SECUREBITS: described("bits"),
    # a longer one would come back as a negative number
    PR_SET_TIMERSLACK: described("nanoseconds:63"),
    PR_GET_TIMERSLACK: described(),
    PR_TASK_PERF_EVENTS_DISABLE: described(config="CONFIG_PERF_EVENTS"),
    PR_TASK_PERF_EVENTS_ENABLE: described(config="CONFIG_PERF_EVENTS"),
    PR_MCE_KILL: described("command policy?", "the policy must be one of PrctlMceKill"),
    PR_MCE_KILL_GET: described(),
    PR_SET_MM: described(
        "field:32 +value:4 size?",
        "the field or its value is wrong, or the memory at an address is not of its kind",
        config=_RESTORE,
    ),
    PR_SET_CHILD_SUBREAPER: described("value"),
    PR_GET_CHILD_SUBREAPER: described("&int"),
    PR_SET_NO_NEW_PRIVS: described("value", "the value must be 1, since it cannot be switched off"),
    PR_GET_NO_NEW_PRIVS: described(),
    PR_GET_TID_ADDRESS: described("&unsigned_long", config=_RESTORE),
    PR_SET_THP_DISABLE: described(
        "value flags?", "the flags must be 0, or PR_THP_DISABLE_EXCEPT_ADVISED, beside 1 and since Linux 6.18"
    ),
    PR_GET_THP_DISABLE: described(),
    PR_MPX_ENABLE_MANAGEMENT: described(values="Linux does not have it since version 5.6"),
    PR_MPX_DISABLE_MANAGEMENT: described(values="Linux does not have it since version 5.6"),
    PR_SET_FP_MODE: described("mode:32", machines="mips"),
    PR_GET_FP_MODE: described(machines="mips"),
    PR_CAP_AMBIENT: described("command capability?", "the command must be one of PrctlAmbient"),
    PR_SVE_SET_VL: described("length", _LENGTH, machines="arm64"),
    PR_SVE_GET_VL: described("", _LENGTH, machines="arm64"),
    PR_GET_SPECULATION_CTRL: described("flaw", _SPECULATION),
    PR_SET_SPECULATION_CTRL: described("flaw value", _SPECULATION),
    PR_PAC_RESET_KEYS: described("keys", _KEYS, machines="arm64"),
    PR_SET_TAGGED_ADDR_CTRL: described("flags", _TAGS, machines="arm64, riscv"),
    PR_GET_TAGGED_ADDR_CTRL: described("", _TAGS, machines="arm64, riscv"),
    PR_SET_IO_FLUSHER: described("value", _SWITCH),
    PR_GET_IO_FLUSHER: described(),
    PR_SET_SYSCALL_USER_DISPATCH: described(
        "mode offset? length? selector?",
        "the mode must be one of PrctlDispatch, with a range of addresses; all is 0 to switch it off",
        config="CONFIG_GENERIC_ENTRY",
    ),
    PR_PAC_SET_ENABLED_KEYS: described("keys enabled", _KEYS, machines="arm64"),
    PR_PAC_GET_ENABLED_KEYS: described("", _KEYS, machines="arm64"),
    PR_SCHED_CORE: described(
        "command:32 pid:31 scope:32 +cookie:8?",
        "the command and the scope must be those of PrctlSchedCore and PrctlSchedScope, and a cookie is of one thread",
        config="CONFIG_SCHED_CORE",
    ),
    PR_SME_SET_VL: described("length", _LENGTH, machines="arm64"),
    PR_SME_GET_VL: described("", _LENGTH, machines="arm64"),
    PR_SET_MDWE: described("bits", "PR_MDWE_NO_INHERIT needs PR_MDWE_REFUSE_EXEC_GAIN, and other bits are not known"),
    PR_GET_MDWE: described(),
    PR_SET_VMA: described(
        "what +address size *name",
        "the address must be that of a page, and the name at most 79 printable bytes without \\ ` $ [ or ]",
        config="CONFIG_ANON_VMA_NAME",
    ),
    PR_GET_AUXV: described("+buffer size"),
    PR_SET_MEMORY_MERGE: described("value", config="CONFIG_KSM"),
    PR_GET_MEMORY_MERGE: described(config="CONFIG_KSM"),
    PR_RISCV_V_SET_CONTROL: described(
        "flags", "this processor has no vectors, or a bit is not known", machines="riscv"
    ),
    PR_RISCV_V_GET_CONTROL: described("", "this processor has no vectors", machines="riscv"),
    PR_RISCV_SET_ICACHE_FLUSH_CTX: described("value scope", machines="riscv"),
    PR_PPC_GET_DEXCR: described("aspect", machines="powerpc"),
    PR_PPC_SET_DEXCR: described("aspect flags", machines="powerpc"),
    PR_GET_SHADOW_STACK_STATUS: described("&unsigned_long", machines="arm64, riscv"),
    PR_SET_SHADOW_STACK_STATUS: described("flags", machines="arm64, riscv"),
    PR_LOCK_SHADOW_STACK_STATUS: described("flags", machines="arm64, riscv"),
    PR_TIMER_CREATE_RESTORE_IDS: described("command", "the command must be one of PrctlTimerIds", config=_RESTORE),
    PR_FUTEX_HASH: described("command slots:31? flags?", "the number of slots must be 0, or a power of 2 from 2"),
    PR_RSEQ_SLICE_EXTENSION: described("command flags?", config="CONFIG_RSEQ_SLICE_EXTENSION"),
    PR_GET_CFI: described("aspect &unsigned_long", machines="riscv"),
    PR_SET_CFI: described("aspect flags", machines="riscv"),
    PR_SET_PTRACER: described("pid:31", "there is no such process", config="CONFIG_SECURITY_YAMA"),
}

# how the machine of os.uname() begins, where that is not the kernel's name for it
_MACHINES = {"x86": ("x86_64", "i386", "i686"), "arm64": ("aarch64",), "powerpc": ("ppc",)}


def option_name(number: int) -> str:
    """Return the constant of an option for a sentence."""
    try:
        return f"PR_{PrctlOption(number).name}"
    except ValueError:
        return f"option {number}"


def absent(number: int) -> str | None:
    """Return why an option is not there: an old kernel, or another architecture.

    None if nothing is known to be in its way.
    """
    name, machine = option_name(number), os.uname().machine
    _, since = PrctlOption.__since__.get(name, (number, "0"))
    if tuple(map(int, since.split("."))) > running_kernel():
        return f"{name} exists since Linux {since}, and this kernel is {os.uname().release}"
    machines = OPTIONS[number].machines
    families = re.findall("[a-z][a-z0-9]+", machines.partition(" since")[0].replace("and ", ""))
    starts = tuple(start for family in families for start in _MACHINES.get(family, (family,)))
    if machines and not machine.startswith(starts):
        return f"{name} exists on {machines}; this machine is {machine}, and lacks it"
    return None


def built_with(config: str) -> bool | None:
    """Return whether this kernel was built with *config*; None if it does not say."""
    release = os.uname().release
    for path, wbits in ("/proc/config.gz", 31), (f"/boot/config-{release}", 0):
        try:
            with open(path, "rb") as file:
                text = file.read()
            text = zlib.decompress(text, wbits) if wbits else text
        except (OSError, zlib.error):
            continue
        return f"\n{config}=".encode() in text
    return None


def unknown_capability(number: int) -> str | None:
    """Return a sentence if the kernel does not know the capability *number*."""
    if _known(number):
        return None
    last = [number for number in range(64) if _known(number)][-1:]
    return f"this kernel has no capability {number}" + "".join(f": its last one is {number}" for number in last)


def _known(capability: int) -> bool:
    result = lib.prctl(PR_CAPBSET_READ, capability, 0, 0, 0)
    # any other error is that of a seccomp filter, which hides the answer
    return result >= 0 or (result != -1 - errno.EINVAL and capability <= CAP_LAST_CAP)
