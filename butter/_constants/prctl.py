"""The constants of prctl. Written by tools/constants.py from butter/build/prctl.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._enums import Flags, Number
from butter._prctl_c import lib

__all__ = [
    "CAP_AUDIT_CONTROL",
    "CAP_AUDIT_READ",
    "CAP_AUDIT_WRITE",
    "CAP_BLOCK_SUSPEND",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_KILL",
    "CAP_LAST_CAP",
    "CAP_LEASE",
    "CAP_LINUX_IMMUTABLE",
    "CAP_MAC_ADMIN",
    "CAP_MAC_OVERRIDE",
    "CAP_MKNOD",
    "CAP_NET_ADMIN",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_RAW",
    "CAP_PERFMON",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYSLOG",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_CHROOT",
    "CAP_SYS_MODULE",
    "CAP_SYS_NICE",
    "CAP_SYS_PACCT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_WAKE_ALARM",
    "Capability",
    "PR_CAPBSET_DROP",
    "PR_CAPBSET_READ",
    "PR_CAP_AMBIENT",
    "PR_CAP_AMBIENT_CLEAR_ALL",
    "PR_CAP_AMBIENT_IS_SET",
    "PR_CAP_AMBIENT_LOWER",
    "PR_CAP_AMBIENT_RAISE",
    "PR_CFI_BRANCH_LANDING_PADS",
    "PR_CFI_DISABLE",
    "PR_CFI_ENABLE",
    "PR_CFI_LOCK",
    "PR_ENDIAN_BIG",
    "PR_ENDIAN_LITTLE",
    "PR_ENDIAN_PPC_LITTLE",
    "PR_FPEMU_NOPRINT",
    "PR_FPEMU_SIGFPE",
    "PR_FP_EXC_ASYNC",
    "PR_FP_EXC_DISABLED",
    "PR_FP_EXC_DIV",
    "PR_FP_EXC_INV",
    "PR_FP_EXC_NONRECOV",
    "PR_FP_EXC_OVF",
    "PR_FP_EXC_PRECISE",
    "PR_FP_EXC_RES",
    "PR_FP_EXC_SW_ENABLE",
    "PR_FP_EXC_UND",
    "PR_FP_MODE_FR",
    "PR_FP_MODE_FRE",
    "PR_FUTEX_HASH",
    "PR_FUTEX_HASH_GET_SLOTS",
    "PR_FUTEX_HASH_SET_SLOTS",
    "PR_GET_AUXV",
    "PR_GET_CFI",
    "PR_GET_CHILD_SUBREAPER",
    "PR_GET_DUMPABLE",
    "PR_GET_ENDIAN",
    "PR_GET_FPEMU",
    "PR_GET_FPEXC",
    "PR_GET_FP_MODE",
    "PR_GET_IO_FLUSHER",
    "PR_GET_KEEPCAPS",
    "PR_GET_MDWE",
    "PR_GET_MEMORY_MERGE",
    "PR_GET_NAME",
    "PR_GET_NO_NEW_PRIVS",
    "PR_GET_PDEATHSIG",
    "PR_GET_SECCOMP",
    "PR_GET_SECUREBITS",
    "PR_GET_SHADOW_STACK_STATUS",
    "PR_GET_SPECULATION_CTRL",
    "PR_GET_TAGGED_ADDR_CTRL",
    "PR_GET_THP_DISABLE",
    "PR_GET_TID_ADDRESS",
    "PR_GET_TIMERSLACK",
    "PR_GET_TIMING",
    "PR_GET_TSC",
    "PR_GET_UNALIGN",
    "PR_LOCK_SHADOW_STACK_STATUS",
    "PR_MCE_KILL",
    "PR_MCE_KILL_CLEAR",
    "PR_MCE_KILL_DEFAULT",
    "PR_MCE_KILL_EARLY",
    "PR_MCE_KILL_GET",
    "PR_MCE_KILL_LATE",
    "PR_MCE_KILL_SET",
    "PR_MDWE_NO_INHERIT",
    "PR_MDWE_REFUSE_EXEC_GAIN",
    "PR_MPX_DISABLE_MANAGEMENT",
    "PR_MPX_ENABLE_MANAGEMENT",
    "PR_MTE_STORE_ONLY",
    "PR_MTE_TAG_MASK",
    "PR_MTE_TAG_SHIFT",
    "PR_MTE_TCF_ASYNC",
    "PR_MTE_TCF_MASK",
    "PR_MTE_TCF_NONE",
    "PR_MTE_TCF_SHIFT",
    "PR_MTE_TCF_SYNC",
    "PR_PAC_APDAKEY",
    "PR_PAC_APDBKEY",
    "PR_PAC_APGAKEY",
    "PR_PAC_APIAKEY",
    "PR_PAC_APIBKEY",
    "PR_PAC_GET_ENABLED_KEYS",
    "PR_PAC_RESET_KEYS",
    "PR_PAC_SET_ENABLED_KEYS",
    "PR_PMLEN_MASK",
    "PR_PMLEN_SHIFT",
    "PR_PPC_DEXCR_CTRL_CLEAR",
    "PR_PPC_DEXCR_CTRL_CLEAR_ONEXEC",
    "PR_PPC_DEXCR_CTRL_EDITABLE",
    "PR_PPC_DEXCR_CTRL_MASK",
    "PR_PPC_DEXCR_CTRL_SET",
    "PR_PPC_DEXCR_CTRL_SET_ONEXEC",
    "PR_PPC_DEXCR_IBRTPD",
    "PR_PPC_DEXCR_NPHIE",
    "PR_PPC_DEXCR_SBHE",
    "PR_PPC_DEXCR_SRAPD",
    "PR_PPC_GET_DEXCR",
    "PR_PPC_SET_DEXCR",
    "PR_RISCV_CTX_SW_FENCEI_OFF",
    "PR_RISCV_CTX_SW_FENCEI_ON",
    "PR_RISCV_SCOPE_PER_PROCESS",
    "PR_RISCV_SCOPE_PER_THREAD",
    "PR_RISCV_SET_ICACHE_FLUSH_CTX",
    "PR_RISCV_V_GET_CONTROL",
    "PR_RISCV_V_SET_CONTROL",
    "PR_RISCV_V_VSTATE_CTRL_CUR_MASK",
    "PR_RISCV_V_VSTATE_CTRL_DEFAULT",
    "PR_RISCV_V_VSTATE_CTRL_INHERIT",
    "PR_RISCV_V_VSTATE_CTRL_MASK",
    "PR_RISCV_V_VSTATE_CTRL_NEXT_MASK",
    "PR_RISCV_V_VSTATE_CTRL_OFF",
    "PR_RISCV_V_VSTATE_CTRL_ON",
    "PR_RSEQ_SLICE_EXTENSION",
    "PR_RSEQ_SLICE_EXTENSION_GET",
    "PR_RSEQ_SLICE_EXTENSION_SET",
    "PR_RSEQ_SLICE_EXT_ENABLE",
    "PR_SCHED_CORE",
    "PR_SCHED_CORE_CREATE",
    "PR_SCHED_CORE_GET",
    "PR_SCHED_CORE_MAX",
    "PR_SCHED_CORE_SCOPE_PROCESS_GROUP",
    "PR_SCHED_CORE_SCOPE_THREAD",
    "PR_SCHED_CORE_SCOPE_THREAD_GROUP",
    "PR_SCHED_CORE_SHARE_FROM",
    "PR_SCHED_CORE_SHARE_TO",
    "PR_SET_CFI",
    "PR_SET_CHILD_SUBREAPER",
    "PR_SET_DUMPABLE",
    "PR_SET_ENDIAN",
    "PR_SET_FPEMU",
    "PR_SET_FPEXC",
    "PR_SET_FP_MODE",
    "PR_SET_IO_FLUSHER",
    "PR_SET_KEEPCAPS",
    "PR_SET_MDWE",
    "PR_SET_MEMORY_MERGE",
    "PR_SET_MM",
    "PR_SET_MM_ARG_END",
    "PR_SET_MM_ARG_START",
    "PR_SET_MM_AUXV",
    "PR_SET_MM_BRK",
    "PR_SET_MM_END_CODE",
    "PR_SET_MM_END_DATA",
    "PR_SET_MM_ENV_END",
    "PR_SET_MM_ENV_START",
    "PR_SET_MM_EXE_FILE",
    "PR_SET_MM_MAP",
    "PR_SET_MM_MAP_SIZE",
    "PR_SET_MM_START_BRK",
    "PR_SET_MM_START_CODE",
    "PR_SET_MM_START_DATA",
    "PR_SET_MM_START_STACK",
    "PR_SET_NAME",
    "PR_SET_NO_NEW_PRIVS",
    "PR_SET_PDEATHSIG",
    "PR_SET_PTRACER",
    "PR_SET_PTRACER_ANY",
    "PR_SET_SECCOMP",
    "PR_SET_SECUREBITS",
    "PR_SET_SHADOW_STACK_STATUS",
    "PR_SET_SPECULATION_CTRL",
    "PR_SET_SYSCALL_USER_DISPATCH",
    "PR_SET_TAGGED_ADDR_CTRL",
    "PR_SET_THP_DISABLE",
    "PR_SET_TIMERSLACK",
    "PR_SET_TIMING",
    "PR_SET_TSC",
    "PR_SET_UNALIGN",
    "PR_SET_VMA",
    "PR_SET_VMA_ANON_NAME",
    "PR_SHADOW_STACK_ENABLE",
    "PR_SHADOW_STACK_PUSH",
    "PR_SHADOW_STACK_WRITE",
    "PR_SME_GET_VL",
    "PR_SME_SET_VL",
    "PR_SME_SET_VL_ONEXEC",
    "PR_SME_VL_INHERIT",
    "PR_SME_VL_LEN_MASK",
    "PR_SPEC_DISABLE",
    "PR_SPEC_DISABLE_NOEXEC",
    "PR_SPEC_ENABLE",
    "PR_SPEC_FORCE_DISABLE",
    "PR_SPEC_INDIRECT_BRANCH",
    "PR_SPEC_L1D_FLUSH",
    "PR_SPEC_NOT_AFFECTED",
    "PR_SPEC_PRCTL",
    "PR_SPEC_STORE_BYPASS",
    "PR_SVE_GET_VL",
    "PR_SVE_SET_VL",
    "PR_SVE_SET_VL_ONEXEC",
    "PR_SVE_VL_INHERIT",
    "PR_SVE_VL_LEN_MASK",
    "PR_SYS_DISPATCH_EXCLUSIVE_ON",
    "PR_SYS_DISPATCH_INCLUSIVE_ON",
    "PR_SYS_DISPATCH_OFF",
    "PR_SYS_DISPATCH_ON",
    "PR_TAGGED_ADDR_ENABLE",
    "PR_TASK_PERF_EVENTS_DISABLE",
    "PR_TASK_PERF_EVENTS_ENABLE",
    "PR_THP_DISABLE_EXCEPT_ADVISED",
    "PR_TIMER_CREATE_RESTORE_IDS",
    "PR_TIMER_CREATE_RESTORE_IDS_GET",
    "PR_TIMER_CREATE_RESTORE_IDS_OFF",
    "PR_TIMER_CREATE_RESTORE_IDS_ON",
    "PR_TIMING_STATISTICAL",
    "PR_TIMING_TIMESTAMP",
    "PR_TSC_ENABLE",
    "PR_TSC_SIGSEGV",
    "PR_UNALIGN_NOPRINT",
    "PR_UNALIGN_SIGBUS",
    "PrctlAmbient",
    "PrctlCfi",
    "PrctlDexcr",
    "PrctlDexcrAspect",
    "PrctlDispatch",
    "PrctlEndian",
    "PrctlFlaw",
    "PrctlFpMode",
    "PrctlFpemu",
    "PrctlFpexc",
    "PrctlFutexHash",
    "PrctlIcache",
    "PrctlIcacheScope",
    "PrctlKeys",
    "PrctlMceKill",
    "PrctlMdwe",
    "PrctlMm",
    "PrctlOption",
    "PrctlRiscvVector",
    "PrctlRseqSlice",
    "PrctlSchedCore",
    "PrctlSchedScope",
    "PrctlSecurebits",
    "PrctlShadowStack",
    "PrctlSpeculation",
    "PrctlStreamingVector",
    "PrctlTaggedAddress",
    "PrctlThp",
    "PrctlTimerIds",
    "PrctlTiming",
    "PrctlTsc",
    "PrctlUnalign",
    "PrctlVector",
    "SECBIT_EXEC_DENY_INTERACTIVE",
    "SECBIT_EXEC_DENY_INTERACTIVE_LOCKED",
    "SECBIT_EXEC_RESTRICT_FILE",
    "SECBIT_EXEC_RESTRICT_FILE_LOCKED",
    "SECBIT_KEEP_CAPS",
    "SECBIT_KEEP_CAPS_LOCKED",
    "SECBIT_NOROOT",
    "SECBIT_NOROOT_LOCKED",
    "SECBIT_NO_CAP_AMBIENT_RAISE",
    "SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED",
    "SECBIT_NO_SETUID_FIXUP",
    "SECBIT_NO_SETUID_FIXUP_LOCKED",
    "SECCOMP_MODE_DISABLED",
    "SECCOMP_MODE_FILTER",
    "SECCOMP_MODE_STRICT",
    "SUID_DUMP_DISABLE",
    "SUID_DUMP_ROOT",
    "SUID_DUMP_USER",
    "SYSCALL_DISPATCH_FILTER_ALLOW",
    "SYSCALL_DISPATCH_FILTER_BLOCK",
    "SeccompMode",
]

# the options of prctl
#: the signal that comes when the parent ends
PR_SET_PDEATHSIG: Final[int] = lib.PR_SET_PDEATHSIG
#: return this signal
PR_GET_PDEATHSIG: Final[int] = lib.PR_GET_PDEATHSIG
#: return whether the process dumps core and can be traced
PR_GET_DUMPABLE: Final[int] = lib.PR_GET_DUMPABLE
#: set whether it does
PR_SET_DUMPABLE: Final[int] = lib.PR_SET_DUMPABLE
#: return what an unaligned access does
PR_GET_UNALIGN: Final[int] = lib.PR_GET_UNALIGN
#: set what it does
PR_SET_UNALIGN: Final[int] = lib.PR_SET_UNALIGN
#: return whether capabilities stay when the user changes from root
PR_GET_KEEPCAPS: Final[int] = lib.PR_GET_KEEPCAPS
#: set whether they stay
PR_SET_KEEPCAPS: Final[int] = lib.PR_SET_KEEPCAPS
#: return how floating-point instructions are emulated
PR_GET_FPEMU: Final[int] = lib.PR_GET_FPEMU
#: set how they are
PR_SET_FPEMU: Final[int] = lib.PR_SET_FPEMU
#: return which floating-point exceptions there are
PR_GET_FPEXC: Final[int] = lib.PR_GET_FPEXC
#: set which there are
PR_SET_FPEXC: Final[int] = lib.PR_SET_FPEXC
#: return how the time of the process is measured
PR_GET_TIMING: Final[int] = lib.PR_GET_TIMING
#: set how it is measured
PR_SET_TIMING: Final[int] = lib.PR_SET_TIMING
#: the name of the thread
PR_SET_NAME: Final[int] = lib.PR_SET_NAME
#: return the name of the thread
PR_GET_NAME: Final[int] = lib.PR_GET_NAME
#: return the order of bytes
PR_GET_ENDIAN: Final[int] = lib.PR_GET_ENDIAN
#: set the order of bytes
PR_SET_ENDIAN: Final[int] = lib.PR_SET_ENDIAN
#: return the mode of seccomp; the strict mode kills the thread for asking
PR_GET_SECCOMP: Final[int] = lib.PR_GET_SECCOMP
#: restrict the system calls, for ever
PR_SET_SECCOMP: Final[int] = lib.PR_SET_SECCOMP
#: return whether a capability is in the bounding set
PR_CAPBSET_READ: Final[int] = lib.PR_CAPBSET_READ
#: take a capability out of the bounding set, for ever
PR_CAPBSET_DROP: Final[int] = lib.PR_CAPBSET_DROP
#: return whether the timestamp counter can be read
PR_GET_TSC: Final[int] = lib.PR_GET_TSC
#: set whether it can
PR_SET_TSC: Final[int] = lib.PR_SET_TSC
#: return the securebits
PR_GET_SECUREBITS: Final[int] = lib.PR_GET_SECUREBITS
#: set the securebits
PR_SET_SECUREBITS: Final[int] = lib.PR_SET_SECUREBITS
#: how late a wait may end, in nanoseconds; 0 is the default
PR_SET_TIMERSLACK: Final[int] = lib.PR_SET_TIMERSLACK
#: return how late it may end
PR_GET_TIMERSLACK: Final[int] = lib.PR_GET_TIMERSLACK
#: stop all performance counters of the thread
PR_TASK_PERF_EVENTS_DISABLE: Final[int] = lib.PR_TASK_PERF_EVENTS_DISABLE
#: start all performance counters of the thread
PR_TASK_PERF_EVENTS_ENABLE: Final[int] = lib.PR_TASK_PERF_EVENTS_ENABLE
#: what broken memory does to the thread
PR_MCE_KILL: Final[int] = lib.PR_MCE_KILL
#: return what it does
PR_MCE_KILL_GET: Final[int] = lib.PR_MCE_KILL_GET
#: set a field of the memory map, for checkpoint and restore
PR_SET_MM: Final[int] = lib.PR_SET_MM
#: set whether orphaned descendants become children of this process
PR_SET_CHILD_SUBREAPER: Final[int] = lib.PR_SET_CHILD_SUBREAPER
#: return whether they do
PR_GET_CHILD_SUBREAPER: Final[int] = lib.PR_GET_CHILD_SUBREAPER
#: no program that is executed gets more privileges, for ever
PR_SET_NO_NEW_PRIVS: Final[int] = lib.PR_SET_NO_NEW_PRIVS
#: return whether that is so
PR_GET_NO_NEW_PRIVS: Final[int] = lib.PR_GET_NO_NEW_PRIVS
#: return the address that is cleared when the thread ends
PR_GET_TID_ADDRESS: Final[int] = lib.PR_GET_TID_ADDRESS
#: set whether transparent huge pages are off
PR_SET_THP_DISABLE: Final[int] = lib.PR_SET_THP_DISABLE
#: return whether they are off
PR_GET_THP_DISABLE: Final[int] = lib.PR_GET_THP_DISABLE
#: was for Intel MPX until Linux 5.6
PR_MPX_ENABLE_MANAGEMENT: Final[int] = lib.PR_MPX_ENABLE_MANAGEMENT
#: was for Intel MPX until Linux 5.6
PR_MPX_DISABLE_MANAGEMENT: Final[int] = lib.PR_MPX_DISABLE_MANAGEMENT
#: the mode of floating-point registers
PR_SET_FP_MODE: Final[int] = lib.PR_SET_FP_MODE
#: return the mode of floating-point registers
PR_GET_FP_MODE: Final[int] = lib.PR_GET_FP_MODE
#: read or change the ambient capabilities
PR_CAP_AMBIENT: Final[int] = lib.PR_CAP_AMBIENT
#: the length of vectors (Linux 4.15)
PR_SVE_SET_VL: Final[int] = lib.PR_SVE_SET_VL
#: return the length of vectors (Linux 4.15)
PR_SVE_GET_VL: Final[int] = lib.PR_SVE_GET_VL
#: return how the processor speculates (Linux 4.17)
PR_GET_SPECULATION_CTRL: Final[int] = lib.PR_GET_SPECULATION_CTRL
#: set how the processor speculates (Linux 4.17)
PR_SET_SPECULATION_CTRL: Final[int] = lib.PR_SET_SPECULATION_CTRL
#: new keys of pointer authentication (Linux 5.0)
PR_PAC_RESET_KEYS: Final[int] = lib.PR_PAC_RESET_KEYS
#: whether addresses have tags (Linux 5.4)
PR_SET_TAGGED_ADDR_CTRL: Final[int] = lib.PR_SET_TAGGED_ADDR_CTRL
#: return whether addresses have tags (Linux 5.4)
PR_GET_TAGGED_ADDR_CTRL: Final[int] = lib.PR_GET_TAGGED_ADDR_CTRL
#: set whether the thread takes part in writing memory back (Linux 5.6)
PR_SET_IO_FLUSHER: Final[int] = lib.PR_SET_IO_FLUSHER
#: return whether it does (Linux 5.6)
PR_GET_IO_FLUSHER: Final[int] = lib.PR_GET_IO_FLUSHER
#: hand system calls to a handler of SIGSYS (Linux 5.11)
PR_SET_SYSCALL_USER_DISPATCH: Final[int] = lib.PR_SET_SYSCALL_USER_DISPATCH
#: which keys of pointer authentication are used (Linux 5.13)
PR_PAC_SET_ENABLED_KEYS: Final[int] = lib.PR_PAC_SET_ENABLED_KEYS
#: return which keys are used (Linux 5.13)
PR_PAC_GET_ENABLED_KEYS: Final[int] = lib.PR_PAC_GET_ENABLED_KEYS
#: which threads may share a core of the processor (Linux 5.14)
PR_SCHED_CORE: Final[int] = lib.PR_SCHED_CORE
#: the length of streaming vectors (Linux 5.19)
PR_SME_SET_VL: Final[int] = lib.PR_SME_SET_VL
#: return the length of streaming vectors (Linux 5.19)
PR_SME_GET_VL: Final[int] = lib.PR_SME_GET_VL
#: memory cannot become executable, for ever (Linux 6.3)
PR_SET_MDWE: Final[int] = lib.PR_SET_MDWE
#: return whether that is so (Linux 6.3)
PR_GET_MDWE: Final[int] = lib.PR_GET_MDWE
#: set whether equal pages of memory are merged (Linux 6.4)
PR_SET_MEMORY_MERGE: Final[int] = lib.PR_SET_MEMORY_MERGE
#: return whether they are merged (Linux 6.4)
PR_GET_MEMORY_MERGE: Final[int] = lib.PR_GET_MEMORY_MERGE
#: whether vector instructions can be used (Linux 6.5)
PR_RISCV_V_SET_CONTROL: Final[int] = lib.PR_RISCV_V_SET_CONTROL
#: return whether they can be used (Linux 6.5)
PR_RISCV_V_GET_CONTROL: Final[int] = lib.PR_RISCV_V_GET_CONTROL
#: whether the process may flush the instruction cache itself (Linux 6.10)
PR_RISCV_SET_ICACHE_FLUSH_CTX: Final[int] = lib.PR_RISCV_SET_ICACHE_FLUSH_CTX
#: return an aspect of the Dynamic Execution Control Register (Linux 6.10)
PR_PPC_GET_DEXCR: Final[int] = lib.PR_PPC_GET_DEXCR
#: set an aspect of the Dynamic Execution Control Register (Linux 6.10)
PR_PPC_SET_DEXCR: Final[int] = lib.PR_PPC_SET_DEXCR
#: return how the shadow stack is used (Linux 6.13)
PR_GET_SHADOW_STACK_STATUS: Final[int] = lib.PR_GET_SHADOW_STACK_STATUS
#: set how the shadow stack is used (Linux 6.13)
PR_SET_SHADOW_STACK_STATUS: Final[int] = lib.PR_SET_SHADOW_STACK_STATUS
#: keep this as it is, until another program is executed (Linux 6.13)
PR_LOCK_SHADOW_STACK_STATUS: Final[int] = lib.PR_LOCK_SHADOW_STACK_STATUS
#: timers are created with ids of the caller's choice (Linux 6.15)
PR_TIMER_CREATE_RESTORE_IDS: Final[int] = lib.PR_TIMER_CREATE_RESTORE_IDS
#: the size of the table of futexes of the process (Linux 6.16)
PR_FUTEX_HASH: Final[int] = lib.PR_FUTEX_HASH
#: whether the thread may ask for a longer time slice (Linux 7.0)
PR_RSEQ_SLICE_EXTENSION: Final[int] = lib.PR_RSEQ_SLICE_EXTENSION
#: return an aspect of control-flow integrity (Linux 7.0)
PR_GET_CFI: Final[int] = lib.PR_GET_CFI
#: set an aspect of control-flow integrity (Linux 7.0)
PR_SET_CFI: Final[int] = lib.PR_SET_CFI
#: the name of a range of memory (Linux 5.17)
PR_SET_VMA: Final[int] = lib.PR_SET_VMA
#: copy the auxiliary vector to a buffer, and return its size (Linux 6.4)
PR_GET_AUXV: Final[int] = lib.PR_GET_AUXV
#: the process that may trace this one, where Yama restricts it
PR_SET_PTRACER: Final[int] = lib.PR_SET_PTRACER

# the values of PR_SET_DUMPABLE, and the third, which the kernel sets where fs.suid_dumpable is 2
#: the process dumps no core and cannot be traced
SUID_DUMP_DISABLE: Final[int] = lib.SUID_DUMP_DISABLE
#: the process dumps core and can be traced
SUID_DUMP_USER: Final[int] = lib.SUID_DUMP_USER
#: only root can read the core
SUID_DUMP_ROOT: Final[int] = lib.SUID_DUMP_ROOT

# the process that stands for every process, for PR_SET_PTRACER
#: every process may trace this one
PR_SET_PTRACER_ANY: Final[int] = lib.PR_SET_PTRACER_ANY

# what an unaligned access does (PR_SET_UNALIGN)
#: the access works, and the kernel logs nothing
PR_UNALIGN_NOPRINT: Final[int] = lib.PR_UNALIGN_NOPRINT
#: the access raises SIGBUS
PR_UNALIGN_SIGBUS: Final[int] = lib.PR_UNALIGN_SIGBUS

# how floating-point instructions are emulated (PR_SET_FPEMU)
#: they are emulated, and the kernel logs nothing
PR_FPEMU_NOPRINT: Final[int] = lib.PR_FPEMU_NOPRINT
#: they are not emulated, and raise SIGFPE
PR_FPEMU_SIGFPE: Final[int] = lib.PR_FPEMU_SIGFPE

# which floating-point exceptions there are (PR_SET_FPEXC)
#: there are none
PR_FP_EXC_DISABLED: Final[int] = lib.PR_FP_EXC_DISABLED
#: asynchronous, and the instruction cannot be found
PR_FP_EXC_NONRECOV: Final[int] = lib.PR_FP_EXC_NONRECOV
#: asynchronous, and the instruction can be found
PR_FP_EXC_ASYNC: Final[int] = lib.PR_FP_EXC_ASYNC
#: at the instruction
PR_FP_EXC_PRECISE: Final[int] = lib.PR_FP_EXC_PRECISE
#: those of the bits below are raised
PR_FP_EXC_SW_ENABLE: Final[int] = lib.PR_FP_EXC_SW_ENABLE
#: division by zero
PR_FP_EXC_DIV: Final[int] = lib.PR_FP_EXC_DIV
#: overflow
PR_FP_EXC_OVF: Final[int] = lib.PR_FP_EXC_OVF
#: underflow
PR_FP_EXC_UND: Final[int] = lib.PR_FP_EXC_UND
#: inexact result
PR_FP_EXC_RES: Final[int] = lib.PR_FP_EXC_RES
#: invalid operation
PR_FP_EXC_INV: Final[int] = lib.PR_FP_EXC_INV

# how the time of the process is measured (PR_SET_TIMING)
#: by the ticks of the clock
PR_TIMING_STATISTICAL: Final[int] = lib.PR_TIMING_STATISTICAL
#: by timestamps, which Linux does not have
PR_TIMING_TIMESTAMP: Final[int] = lib.PR_TIMING_TIMESTAMP

# the order of bytes (PR_SET_ENDIAN)
#: the highest byte comes first
PR_ENDIAN_BIG: Final[int] = lib.PR_ENDIAN_BIG
#: the lowest byte comes first
PR_ENDIAN_LITTLE: Final[int] = lib.PR_ENDIAN_LITTLE
#: the little-endian order of old PowerPC
PR_ENDIAN_PPC_LITTLE: Final[int] = lib.PR_ENDIAN_PPC_LITTLE

# the modes of seccomp (PR_SET_SECCOMP)
#: all system calls are allowed
SECCOMP_MODE_DISABLED: Final[int] = lib.SECCOMP_MODE_DISABLED
#: only read, write, _exit and sigreturn are allowed
SECCOMP_MODE_STRICT: Final[int] = lib.SECCOMP_MODE_STRICT
#: a program of BPF decides
SECCOMP_MODE_FILTER: Final[int] = lib.SECCOMP_MODE_FILTER

# what reading the timestamp counter does (PR_SET_TSC)
#: it can be read
PR_TSC_ENABLE: Final[int] = lib.PR_TSC_ENABLE
#: reading it raises SIGSEGV
PR_TSC_SIGSEGV: Final[int] = lib.PR_TSC_SIGSEGV

# how root and capabilities belong together (PR_SET_SECUREBITS)
#: programs of root get no capabilities for being root's
SECBIT_NOROOT: Final[int] = lib.SECBIT_NOROOT
#: this bit cannot be changed
SECBIT_NOROOT_LOCKED: Final[int] = lib.SECBIT_NOROOT_LOCKED
#: capabilities stay as they are when the user ids change
SECBIT_NO_SETUID_FIXUP: Final[int] = lib.SECBIT_NO_SETUID_FIXUP
#: this bit cannot be changed
SECBIT_NO_SETUID_FIXUP_LOCKED: Final[int] = lib.SECBIT_NO_SETUID_FIXUP_LOCKED
#: the same as PR_SET_KEEPCAPS
SECBIT_KEEP_CAPS: Final[int] = lib.SECBIT_KEEP_CAPS
#: this bit cannot be changed
SECBIT_KEEP_CAPS_LOCKED: Final[int] = lib.SECBIT_KEEP_CAPS_LOCKED
#: no capability can become ambient
SECBIT_NO_CAP_AMBIENT_RAISE: Final[int] = lib.SECBIT_NO_CAP_AMBIENT_RAISE
#: this bit cannot be changed
SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED: Final[int] = lib.SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED
#: interpreters run only files that may be executed (Linux 6.14)
SECBIT_EXEC_RESTRICT_FILE: Final[int] = lib.SECBIT_EXEC_RESTRICT_FILE
#: this bit cannot be changed (Linux 6.14)
SECBIT_EXEC_RESTRICT_FILE_LOCKED: Final[int] = lib.SECBIT_EXEC_RESTRICT_FILE_LOCKED
#: interpreters execute only files, and no other input (Linux 6.14)
SECBIT_EXEC_DENY_INTERACTIVE: Final[int] = lib.SECBIT_EXEC_DENY_INTERACTIVE
#: this bit cannot be changed (Linux 6.14)
SECBIT_EXEC_DENY_INTERACTIVE_LOCKED: Final[int] = lib.SECBIT_EXEC_DENY_INTERACTIVE_LOCKED

# what PR_MCE_KILL does
#: back to the default of the system
PR_MCE_KILL_CLEAR: Final[int] = lib.PR_MCE_KILL_CLEAR
#: set the policy of the next argument
PR_MCE_KILL_SET: Final[int] = lib.PR_MCE_KILL_SET

# when broken memory ends the process (PR_MCE_KILL_SET)
#: when the process touches it
PR_MCE_KILL_LATE: Final[int] = lib.PR_MCE_KILL_LATE
#: when the machine finds it
PR_MCE_KILL_EARLY: Final[int] = lib.PR_MCE_KILL_EARLY
#: as vm.memory_failure_early_kill says
PR_MCE_KILL_DEFAULT: Final[int] = lib.PR_MCE_KILL_DEFAULT

# the fields of the memory map (PR_SET_MM)
#: the address where the code begins
PR_SET_MM_START_CODE: Final[int] = lib.PR_SET_MM_START_CODE
#: the address where the code ends
PR_SET_MM_END_CODE: Final[int] = lib.PR_SET_MM_END_CODE
#: the address where the data begins
PR_SET_MM_START_DATA: Final[int] = lib.PR_SET_MM_START_DATA
#: the address where the data ends
PR_SET_MM_END_DATA: Final[int] = lib.PR_SET_MM_END_DATA
#: the address where the stack begins
PR_SET_MM_START_STACK: Final[int] = lib.PR_SET_MM_START_STACK
#: the address where the heap of brk begins
PR_SET_MM_START_BRK: Final[int] = lib.PR_SET_MM_START_BRK
#: the address where the heap of brk ends
PR_SET_MM_BRK: Final[int] = lib.PR_SET_MM_BRK
#: the address where the command line begins
PR_SET_MM_ARG_START: Final[int] = lib.PR_SET_MM_ARG_START
#: the address where the command line ends
PR_SET_MM_ARG_END: Final[int] = lib.PR_SET_MM_ARG_END
#: the address where the environment begins
PR_SET_MM_ENV_START: Final[int] = lib.PR_SET_MM_ENV_START
#: the address where the environment ends
PR_SET_MM_ENV_END: Final[int] = lib.PR_SET_MM_ENV_END
#: the auxiliary vector
PR_SET_MM_AUXV: Final[int] = lib.PR_SET_MM_AUXV
#: the file of the program, as a descriptor
PR_SET_MM_EXE_FILE: Final[int] = lib.PR_SET_MM_EXE_FILE
#: all of these, as a struct prctl_mm_map
PR_SET_MM_MAP: Final[int] = lib.PR_SET_MM_MAP
#: return the size of this struct
PR_SET_MM_MAP_SIZE: Final[int] = lib.PR_SET_MM_MAP_SIZE

# what stays of transparent huge pages (PR_SET_THP_DISABLE)
#: memory that was advised to have them keeps them (Linux 6.18)
PR_THP_DISABLE_EXCEPT_ADVISED: Final[int] = lib.PR_THP_DISABLE_EXCEPT_ADVISED

# the mode of floating-point registers (PR_SET_FP_MODE)
#: registers have 64 bits
PR_FP_MODE_FR: Final[int] = lib.PR_FP_MODE_FR
#: instructions of 32 bits are emulated
PR_FP_MODE_FRE: Final[int] = lib.PR_FP_MODE_FRE

# what PR_CAP_AMBIENT does
#: return whether a capability is ambient
PR_CAP_AMBIENT_IS_SET: Final[int] = lib.PR_CAP_AMBIENT_IS_SET
#: make a capability ambient
PR_CAP_AMBIENT_RAISE: Final[int] = lib.PR_CAP_AMBIENT_RAISE
#: make a capability not ambient
PR_CAP_AMBIENT_LOWER: Final[int] = lib.PR_CAP_AMBIENT_LOWER
#: make all capabilities not ambient
PR_CAP_AMBIENT_CLEAR_ALL: Final[int] = lib.PR_CAP_AMBIENT_CLEAR_ALL

# the length of vectors, and these bits (PR_SVE_SET_VL)
#: the bits with the length in bytes (Linux 4.15)
PR_SVE_VL_LEN_MASK: Final[int] = lib.PR_SVE_VL_LEN_MASK
#: the next program keeps the length (Linux 4.15)
PR_SVE_VL_INHERIT: Final[int] = lib.PR_SVE_VL_INHERIT
#: set it when the next program is executed (Linux 4.15)
PR_SVE_SET_VL_ONEXEC: Final[int] = lib.PR_SVE_SET_VL_ONEXEC

# the length of streaming vectors, and these bits (PR_SME_SET_VL)
#: the bits with the length in bytes (Linux 5.19)
PR_SME_VL_LEN_MASK: Final[int] = lib.PR_SME_VL_LEN_MASK
#: the next program keeps the length (Linux 5.19)
PR_SME_VL_INHERIT: Final[int] = lib.PR_SME_VL_INHERIT
#: set it when the next program is executed (Linux 5.19)
PR_SME_SET_VL_ONEXEC: Final[int] = lib.PR_SME_SET_VL_ONEXEC

# the flaws of processors that PR_SET_SPECULATION_CTRL is about
#: speculative store bypass (Linux 4.17)
PR_SPEC_STORE_BYPASS: Final[int] = lib.PR_SPEC_STORE_BYPASS
#: speculation over indirect branches (Linux 4.20)
PR_SPEC_INDIRECT_BRANCH: Final[int] = lib.PR_SPEC_INDIRECT_BRANCH
#: the L1 cache is flushed when the thread leaves the processor (Linux 5.15)
PR_SPEC_L1D_FLUSH: Final[int] = lib.PR_SPEC_L1D_FLUSH

# how the processor speculates (PR_SET_SPECULATION_CTRL)
#: the processor does not have the flaw (Linux 4.17)
PR_SPEC_NOT_AFFECTED: Final[int] = lib.PR_SPEC_NOT_AFFECTED
#: prctl can change it (Linux 4.17)
PR_SPEC_PRCTL: Final[int] = lib.PR_SPEC_PRCTL
#: speculation is on (Linux 4.17)
PR_SPEC_ENABLE: Final[int] = lib.PR_SPEC_ENABLE
#: speculation is off (Linux 4.17)
PR_SPEC_DISABLE: Final[int] = lib.PR_SPEC_DISABLE
#: speculation is off, for ever (Linux 4.17)
PR_SPEC_FORCE_DISABLE: Final[int] = lib.PR_SPEC_FORCE_DISABLE
#: speculation is off until another program is executed (Linux 5.1)
PR_SPEC_DISABLE_NOEXEC: Final[int] = lib.PR_SPEC_DISABLE_NOEXEC

# the keys of pointer authentication (PR_PAC_RESET_KEYS)
#: key A of instructions (Linux 5.0)
PR_PAC_APIAKEY: Final[int] = lib.PR_PAC_APIAKEY
#: key B of instructions (Linux 5.0)
PR_PAC_APIBKEY: Final[int] = lib.PR_PAC_APIBKEY
#: key A of data (Linux 5.0)
PR_PAC_APDAKEY: Final[int] = lib.PR_PAC_APDAKEY
#: key B of data (Linux 5.0)
PR_PAC_APDBKEY: Final[int] = lib.PR_PAC_APDBKEY
#: the generic key (Linux 5.0)
PR_PAC_APGAKEY: Final[int] = lib.PR_PAC_APGAKEY

# whether addresses have tags, and how they are checked (PR_SET_TAGGED_ADDR_CTRL)
#: system calls take addresses with tags (Linux 5.4)
PR_TAGGED_ADDR_ENABLE: Final[int] = lib.PR_TAGGED_ADDR_ENABLE
#: a wrong tag is ignored (Linux 5.10)
PR_MTE_TCF_NONE: Final[int] = lib.PR_MTE_TCF_NONE
#: a wrong tag raises SIGSEGV at the instruction (Linux 5.10)
PR_MTE_TCF_SYNC: Final[int] = lib.PR_MTE_TCF_SYNC
#: a wrong tag raises SIGSEGV later (Linux 5.10)
PR_MTE_TCF_ASYNC: Final[int] = lib.PR_MTE_TCF_ASYNC
#: the bits of the two before (Linux 5.10)
PR_MTE_TCF_MASK: Final[int] = lib.PR_MTE_TCF_MASK
#: the bits with the tags that instructions may make (Linux 5.10)
PR_MTE_TAG_MASK: Final[int] = lib.PR_MTE_TAG_MASK
#: only stores check the tag (Linux 6.18)
PR_MTE_STORE_ONLY: Final[int] = lib.PR_MTE_STORE_ONLY
#: the bits with the length of the tag, on RISC-V (Linux 6.13)
PR_PMLEN_MASK: Final[int] = lib.PR_PMLEN_MASK

# the places of the fields of PR_SET_TAGGED_ADDR_CTRL
#: the lowest bit of PR_MTE_TAG_MASK
PR_MTE_TAG_SHIFT: Final[int] = lib.PR_MTE_TAG_SHIFT
#: the lowest bit of PR_MTE_TCF_MASK
PR_MTE_TCF_SHIFT: Final[int] = lib.PR_MTE_TCF_SHIFT
#: the lowest bit of PR_PMLEN_MASK
PR_PMLEN_SHIFT: Final[int] = lib.PR_PMLEN_SHIFT

# which system calls SIGSYS handles (PR_SET_SYSCALL_USER_DISPATCH)
#: none (Linux 5.11)
PR_SYS_DISPATCH_OFF: Final[int] = lib.PR_SYS_DISPATCH_OFF
#: those that are made outside the range (Linux 5.11)
PR_SYS_DISPATCH_EXCLUSIVE_ON: Final[int] = lib.PR_SYS_DISPATCH_EXCLUSIVE_ON
#: the same, by its older name (Linux 5.11)
PR_SYS_DISPATCH_ON: Final[int] = lib.PR_SYS_DISPATCH_ON
#: those that are made inside the range (Linux 6.16)
PR_SYS_DISPATCH_INCLUSIVE_ON: Final[int] = lib.PR_SYS_DISPATCH_INCLUSIVE_ON

# the byte that the thread sets for PR_SET_SYSCALL_USER_DISPATCH
#: system calls go to the kernel
SYSCALL_DISPATCH_FILTER_ALLOW: Final[int] = lib.SYSCALL_DISPATCH_FILTER_ALLOW
#: system calls raise SIGSYS
SYSCALL_DISPATCH_FILTER_BLOCK: Final[int] = lib.SYSCALL_DISPATCH_FILTER_BLOCK

# what PR_SCHED_CORE does
#: return the cookie of a thread (Linux 5.14)
PR_SCHED_CORE_GET: Final[int] = lib.PR_SCHED_CORE_GET
#: make a new cookie (Linux 5.14)
PR_SCHED_CORE_CREATE: Final[int] = lib.PR_SCHED_CORE_CREATE
#: copy the cookie of this thread to others (Linux 5.14)
PR_SCHED_CORE_SHARE_TO: Final[int] = lib.PR_SCHED_CORE_SHARE_TO
#: copy the cookie of a thread to this one (Linux 5.14)
PR_SCHED_CORE_SHARE_FROM: Final[int] = lib.PR_SCHED_CORE_SHARE_FROM
#: the number of the commands (Linux 5.14)
PR_SCHED_CORE_MAX: Final[int] = lib.PR_SCHED_CORE_MAX

# the threads that PR_SCHED_CORE is about
#: one thread (Linux 5.14)
PR_SCHED_CORE_SCOPE_THREAD: Final[int] = lib.PR_SCHED_CORE_SCOPE_THREAD
#: all threads of a process (Linux 5.14)
PR_SCHED_CORE_SCOPE_THREAD_GROUP: Final[int] = lib.PR_SCHED_CORE_SCOPE_THREAD_GROUP
#: all processes of a process group (Linux 5.14)
PR_SCHED_CORE_SCOPE_PROCESS_GROUP: Final[int] = lib.PR_SCHED_CORE_SCOPE_PROCESS_GROUP

# what memory cannot become (PR_SET_MDWE)
#: memory that was not executable cannot become so (Linux 6.3)
PR_MDWE_REFUSE_EXEC_GAIN: Final[int] = lib.PR_MDWE_REFUSE_EXEC_GAIN
#: forked children do not have this setting (Linux 6.7)
PR_MDWE_NO_INHERIT: Final[int] = lib.PR_MDWE_NO_INHERIT

# what PR_SET_VMA sets
#: the name of anonymous memory
PR_SET_VMA_ANON_NAME: Final[int] = lib.PR_SET_VMA_ANON_NAME

# whether vector instructions can be used
#: as the system's default says (Linux 6.5)
PR_RISCV_V_VSTATE_CTRL_DEFAULT: Final[int] = lib.PR_RISCV_V_VSTATE_CTRL_DEFAULT
#: they cannot (Linux 6.5)
PR_RISCV_V_VSTATE_CTRL_OFF: Final[int] = lib.PR_RISCV_V_VSTATE_CTRL_OFF
#: they can (Linux 6.5)
PR_RISCV_V_VSTATE_CTRL_ON: Final[int] = lib.PR_RISCV_V_VSTATE_CTRL_ON
#: the next programs keep this (Linux 6.5)
PR_RISCV_V_VSTATE_CTRL_INHERIT: Final[int] = lib.PR_RISCV_V_VSTATE_CTRL_INHERIT
#: the bits for this program (Linux 6.5)
PR_RISCV_V_VSTATE_CTRL_CUR_MASK: Final[int] = lib.PR_RISCV_V_VSTATE_CTRL_CUR_MASK
#: the bits for the next program (Linux 6.5)
PR_RISCV_V_VSTATE_CTRL_NEXT_MASK: Final[int] = lib.PR_RISCV_V_VSTATE_CTRL_NEXT_MASK
#: all of these bits (Linux 6.5)
PR_RISCV_V_VSTATE_CTRL_MASK: Final[int] = lib.PR_RISCV_V_VSTATE_CTRL_MASK

# the values of PR_RISCV_SET_ICACHE_FLUSH_CTX
#: fence.i can be used (Linux 6.10)
PR_RISCV_CTX_SW_FENCEI_ON: Final[int] = lib.PR_RISCV_CTX_SW_FENCEI_ON
#: fence.i cannot be used (Linux 6.10)
PR_RISCV_CTX_SW_FENCEI_OFF: Final[int] = lib.PR_RISCV_CTX_SW_FENCEI_OFF

# the threads that PR_RISCV_SET_ICACHE_FLUSH_CTX is about
#: all threads of the process (Linux 6.10)
PR_RISCV_SCOPE_PER_PROCESS: Final[int] = lib.PR_RISCV_SCOPE_PER_PROCESS
#: this thread (Linux 6.10)
PR_RISCV_SCOPE_PER_THREAD: Final[int] = lib.PR_RISCV_SCOPE_PER_THREAD

# the aspects of the Dynamic Execution Control Register
#: speculative branch hints (Linux 6.10)
PR_PPC_DEXCR_SBHE: Final[int] = lib.PR_PPC_DEXCR_SBHE
#: no prediction of the targets of recurrent indirect branches (Linux 6.10)
PR_PPC_DEXCR_IBRTPD: Final[int] = lib.PR_PPC_DEXCR_IBRTPD
#: no prediction of return addresses (Linux 6.10)
PR_PPC_DEXCR_SRAPD: Final[int] = lib.PR_PPC_DEXCR_SRAPD
#: hash instructions for programs without privileges (Linux 6.10)
PR_PPC_DEXCR_NPHIE: Final[int] = lib.PR_PPC_DEXCR_NPHIE

# what is set for an aspect (PR_PPC_SET_DEXCR)
#: it can be changed (Linux 6.10)
PR_PPC_DEXCR_CTRL_EDITABLE: Final[int] = lib.PR_PPC_DEXCR_CTRL_EDITABLE
#: it is on (Linux 6.10)
PR_PPC_DEXCR_CTRL_SET: Final[int] = lib.PR_PPC_DEXCR_CTRL_SET
#: it is off (Linux 6.10)
PR_PPC_DEXCR_CTRL_CLEAR: Final[int] = lib.PR_PPC_DEXCR_CTRL_CLEAR
#: it is on when the next program is executed (Linux 6.10)
PR_PPC_DEXCR_CTRL_SET_ONEXEC: Final[int] = lib.PR_PPC_DEXCR_CTRL_SET_ONEXEC
#: it is off when the next program is executed (Linux 6.10)
PR_PPC_DEXCR_CTRL_CLEAR_ONEXEC: Final[int] = lib.PR_PPC_DEXCR_CTRL_CLEAR_ONEXEC
#: all of these bits (Linux 6.10)
PR_PPC_DEXCR_CTRL_MASK: Final[int] = lib.PR_PPC_DEXCR_CTRL_MASK

# how the shadow stack is used (PR_SET_SHADOW_STACK_STATUS)
#: the thread has one (Linux 6.13)
PR_SHADOW_STACK_ENABLE: Final[int] = lib.PR_SHADOW_STACK_ENABLE
#: the thread can write it (Linux 6.13)
PR_SHADOW_STACK_WRITE: Final[int] = lib.PR_SHADOW_STACK_WRITE
#: the thread can push to it (Linux 6.13)
PR_SHADOW_STACK_PUSH: Final[int] = lib.PR_SHADOW_STACK_PUSH

# what PR_TIMER_CREATE_RESTORE_IDS does
#: the kernel chooses the ids (Linux 6.15)
PR_TIMER_CREATE_RESTORE_IDS_OFF: Final[int] = lib.PR_TIMER_CREATE_RESTORE_IDS_OFF
#: the caller chooses the ids (Linux 6.15)
PR_TIMER_CREATE_RESTORE_IDS_ON: Final[int] = lib.PR_TIMER_CREATE_RESTORE_IDS_ON
#: return which of the two is so (Linux 6.15)
PR_TIMER_CREATE_RESTORE_IDS_GET: Final[int] = lib.PR_TIMER_CREATE_RESTORE_IDS_GET

# what PR_FUTEX_HASH does
#: set the number of slots (Linux 6.16)
PR_FUTEX_HASH_SET_SLOTS: Final[int] = lib.PR_FUTEX_HASH_SET_SLOTS
#: return the number of slots (Linux 6.16)
PR_FUTEX_HASH_GET_SLOTS: Final[int] = lib.PR_FUTEX_HASH_GET_SLOTS

# what PR_RSEQ_SLICE_EXTENSION does
#: return whether the thread may (Linux 7.0)
PR_RSEQ_SLICE_EXTENSION_GET: Final[int] = lib.PR_RSEQ_SLICE_EXTENSION_GET
#: set whether the thread may (Linux 7.0)
PR_RSEQ_SLICE_EXTENSION_SET: Final[int] = lib.PR_RSEQ_SLICE_EXTENSION_SET

# the value of PR_RSEQ_SLICE_EXTENSION_SET
#: the thread may ask for a longer time slice
PR_RSEQ_SLICE_EXT_ENABLE: Final[int] = lib.PR_RSEQ_SLICE_EXT_ENABLE

# the aspect of control-flow integrity
#: indirect branches end at landing pads
PR_CFI_BRANCH_LANDING_PADS: Final[int] = lib.PR_CFI_BRANCH_LANDING_PADS

# what is set for it (PR_SET_CFI)
#: it is on (Linux 7.0)
PR_CFI_ENABLE: Final[int] = lib.PR_CFI_ENABLE
#: it is off (Linux 7.0)
PR_CFI_DISABLE: Final[int] = lib.PR_CFI_DISABLE
#: it cannot be changed any more (Linux 7.0)
PR_CFI_LOCK: Final[int] = lib.PR_CFI_LOCK

# the capabilities, each a number of the sets
#: change the owner and the group of files
CAP_CHOWN: Final[int] = lib.CAP_CHOWN
#: read, write and execute files whatever their permissions say
CAP_DAC_OVERRIDE: Final[int] = lib.CAP_DAC_OVERRIDE
#: read files and search directories whatever their permissions say
CAP_DAC_READ_SEARCH: Final[int] = lib.CAP_DAC_READ_SEARCH
#: do what the owner of a file may
CAP_FOWNER: Final[int] = lib.CAP_FOWNER
#: keep the set-user-id and set-group-id bits of files that change
CAP_FSETID: Final[int] = lib.CAP_FSETID
#: send signals to processes of other users
CAP_KILL: Final[int] = lib.CAP_KILL
#: change group ids
CAP_SETGID: Final[int] = lib.CAP_SETGID
#: change user ids
CAP_SETUID: Final[int] = lib.CAP_SETUID
#: change the bounding set and securebits, and inherit any of the bounding set
CAP_SETPCAP: Final[int] = lib.CAP_SETPCAP
#: set the immutable and append-only attributes of files
CAP_LINUX_IMMUTABLE: Final[int] = lib.CAP_LINUX_IMMUTABLE
#: listen on ports below 1024
CAP_NET_BIND_SERVICE: Final[int] = lib.CAP_NET_BIND_SERVICE
#: is not used
CAP_NET_BROADCAST: Final[int] = lib.CAP_NET_BROADCAST
#: configure the network
CAP_NET_ADMIN: Final[int] = lib.CAP_NET_ADMIN
#: use raw sockets and packet sockets
CAP_NET_RAW: Final[int] = lib.CAP_NET_RAW
#: lock memory and use huge pages
CAP_IPC_LOCK: Final[int] = lib.CAP_IPC_LOCK
#: use System V IPC objects of other users
CAP_IPC_OWNER: Final[int] = lib.CAP_IPC_OWNER
#: load modules into the kernel
CAP_SYS_MODULE: Final[int] = lib.CAP_SYS_MODULE
#: use ports of the machine and raw devices
CAP_SYS_RAWIO: Final[int] = lib.CAP_SYS_RAWIO
#: use chroot and enter mount namespaces
CAP_SYS_CHROOT: Final[int] = lib.CAP_SYS_CHROOT
#: trace processes of other users
CAP_SYS_PTRACE: Final[int] = lib.CAP_SYS_PTRACE
#: switch process accounting on and off
CAP_SYS_PACCT: Final[int] = lib.CAP_SYS_PACCT
#: mount filesystems, and administer much else
CAP_SYS_ADMIN: Final[int] = lib.CAP_SYS_ADMIN
#: reboot, and load another kernel
CAP_SYS_BOOT: Final[int] = lib.CAP_SYS_BOOT
#: raise priorities, and set schedulers and processors of other processes
CAP_SYS_NICE: Final[int] = lib.CAP_SYS_NICE
#: exceed resource limits and quotas
CAP_SYS_RESOURCE: Final[int] = lib.CAP_SYS_RESOURCE
#: set the clock
CAP_SYS_TIME: Final[int] = lib.CAP_SYS_TIME
#: configure terminals
CAP_SYS_TTY_CONFIG: Final[int] = lib.CAP_SYS_TTY_CONFIG
#: make device files
CAP_MKNOD: Final[int] = lib.CAP_MKNOD
#: take leases on files of other users
CAP_LEASE: Final[int] = lib.CAP_LEASE
#: write to the audit log
CAP_AUDIT_WRITE: Final[int] = lib.CAP_AUDIT_WRITE
#: configure the audit log
CAP_AUDIT_CONTROL: Final[int] = lib.CAP_AUDIT_CONTROL
#: set the capabilities of files
CAP_SETFCAP: Final[int] = lib.CAP_SETFCAP
#: override mandatory access control
CAP_MAC_OVERRIDE: Final[int] = lib.CAP_MAC_OVERRIDE
#: configure mandatory access control
CAP_MAC_ADMIN: Final[int] = lib.CAP_MAC_ADMIN
#: read the log of the kernel, and see its addresses
CAP_SYSLOG: Final[int] = lib.CAP_SYSLOG
#: set timers that wake the machine
CAP_WAKE_ALARM: Final[int] = lib.CAP_WAKE_ALARM
#: keep the machine awake
CAP_BLOCK_SUSPEND: Final[int] = lib.CAP_BLOCK_SUSPEND
#: read the audit log
CAP_AUDIT_READ: Final[int] = lib.CAP_AUDIT_READ
#: observe the performance of the system (Linux 5.8)
CAP_PERFMON: Final[int] = lib.CAP_PERFMON
#: load programs of BPF (Linux 5.8)
CAP_BPF: Final[int] = lib.CAP_BPF
#: checkpoint and restore processes (Linux 5.9)
CAP_CHECKPOINT_RESTORE: Final[int] = lib.CAP_CHECKPOINT_RESTORE

# the newest capability that butter knows
#: the number of the last one
CAP_LAST_CAP: Final[int] = lib.CAP_LAST_CAP


class PrctlOption(Number):
    """The options of prctl."""

    SET_PDEATHSIG = PR_SET_PDEATHSIG
    GET_PDEATHSIG = PR_GET_PDEATHSIG
    GET_DUMPABLE = PR_GET_DUMPABLE
    SET_DUMPABLE = PR_SET_DUMPABLE
    GET_UNALIGN = PR_GET_UNALIGN
    SET_UNALIGN = PR_SET_UNALIGN
    GET_KEEPCAPS = PR_GET_KEEPCAPS
    SET_KEEPCAPS = PR_SET_KEEPCAPS
    GET_FPEMU = PR_GET_FPEMU
    SET_FPEMU = PR_SET_FPEMU
    GET_FPEXC = PR_GET_FPEXC
    SET_FPEXC = PR_SET_FPEXC
    GET_TIMING = PR_GET_TIMING
    SET_TIMING = PR_SET_TIMING
    SET_NAME = PR_SET_NAME
    GET_NAME = PR_GET_NAME
    GET_ENDIAN = PR_GET_ENDIAN
    SET_ENDIAN = PR_SET_ENDIAN
    GET_SECCOMP = PR_GET_SECCOMP
    SET_SECCOMP = PR_SET_SECCOMP
    CAPBSET_READ = PR_CAPBSET_READ
    CAPBSET_DROP = PR_CAPBSET_DROP
    GET_TSC = PR_GET_TSC
    SET_TSC = PR_SET_TSC
    GET_SECUREBITS = PR_GET_SECUREBITS
    SET_SECUREBITS = PR_SET_SECUREBITS
    SET_TIMERSLACK = PR_SET_TIMERSLACK
    GET_TIMERSLACK = PR_GET_TIMERSLACK
    TASK_PERF_EVENTS_DISABLE = PR_TASK_PERF_EVENTS_DISABLE
    TASK_PERF_EVENTS_ENABLE = PR_TASK_PERF_EVENTS_ENABLE
    MCE_KILL = PR_MCE_KILL
    MCE_KILL_GET = PR_MCE_KILL_GET
    SET_MM = PR_SET_MM
    SET_CHILD_SUBREAPER = PR_SET_CHILD_SUBREAPER
    GET_CHILD_SUBREAPER = PR_GET_CHILD_SUBREAPER
    SET_NO_NEW_PRIVS = PR_SET_NO_NEW_PRIVS
    GET_NO_NEW_PRIVS = PR_GET_NO_NEW_PRIVS
    GET_TID_ADDRESS = PR_GET_TID_ADDRESS
    SET_THP_DISABLE = PR_SET_THP_DISABLE
    GET_THP_DISABLE = PR_GET_THP_DISABLE
    MPX_ENABLE_MANAGEMENT = PR_MPX_ENABLE_MANAGEMENT
    MPX_DISABLE_MANAGEMENT = PR_MPX_DISABLE_MANAGEMENT
    SET_FP_MODE = PR_SET_FP_MODE
    GET_FP_MODE = PR_GET_FP_MODE
    CAP_AMBIENT = PR_CAP_AMBIENT
    SVE_SET_VL = PR_SVE_SET_VL
    SVE_GET_VL = PR_SVE_GET_VL
    GET_SPECULATION_CTRL = PR_GET_SPECULATION_CTRL
    SET_SPECULATION_CTRL = PR_SET_SPECULATION_CTRL
    PAC_RESET_KEYS = PR_PAC_RESET_KEYS
    SET_TAGGED_ADDR_CTRL = PR_SET_TAGGED_ADDR_CTRL
    GET_TAGGED_ADDR_CTRL = PR_GET_TAGGED_ADDR_CTRL
    SET_IO_FLUSHER = PR_SET_IO_FLUSHER
    GET_IO_FLUSHER = PR_GET_IO_FLUSHER
    SET_SYSCALL_USER_DISPATCH = PR_SET_SYSCALL_USER_DISPATCH
    PAC_SET_ENABLED_KEYS = PR_PAC_SET_ENABLED_KEYS
    PAC_GET_ENABLED_KEYS = PR_PAC_GET_ENABLED_KEYS
    SCHED_CORE = PR_SCHED_CORE
    SME_SET_VL = PR_SME_SET_VL
    SME_GET_VL = PR_SME_GET_VL
    SET_MDWE = PR_SET_MDWE
    GET_MDWE = PR_GET_MDWE
    SET_MEMORY_MERGE = PR_SET_MEMORY_MERGE
    GET_MEMORY_MERGE = PR_GET_MEMORY_MERGE
    RISCV_V_SET_CONTROL = PR_RISCV_V_SET_CONTROL
    RISCV_V_GET_CONTROL = PR_RISCV_V_GET_CONTROL
    RISCV_SET_ICACHE_FLUSH_CTX = PR_RISCV_SET_ICACHE_FLUSH_CTX
    PPC_GET_DEXCR = PR_PPC_GET_DEXCR
    PPC_SET_DEXCR = PR_PPC_SET_DEXCR
    GET_SHADOW_STACK_STATUS = PR_GET_SHADOW_STACK_STATUS
    SET_SHADOW_STACK_STATUS = PR_SET_SHADOW_STACK_STATUS
    LOCK_SHADOW_STACK_STATUS = PR_LOCK_SHADOW_STACK_STATUS
    TIMER_CREATE_RESTORE_IDS = PR_TIMER_CREATE_RESTORE_IDS
    FUTEX_HASH = PR_FUTEX_HASH
    RSEQ_SLICE_EXTENSION = PR_RSEQ_SLICE_EXTENSION
    GET_CFI = PR_GET_CFI
    SET_CFI = PR_SET_CFI
    SET_VMA = PR_SET_VMA
    GET_AUXV = PR_GET_AUXV
    SET_PTRACER = PR_SET_PTRACER

    __since__ = {
        "PR_SVE_SET_VL": (PR_SVE_SET_VL, "4.15"),
        "PR_SVE_GET_VL": (PR_SVE_GET_VL, "4.15"),
        "PR_GET_SPECULATION_CTRL": (PR_GET_SPECULATION_CTRL, "4.17"),
        "PR_SET_SPECULATION_CTRL": (PR_SET_SPECULATION_CTRL, "4.17"),
        "PR_PAC_RESET_KEYS": (PR_PAC_RESET_KEYS, "5.0"),
        "PR_SET_TAGGED_ADDR_CTRL": (PR_SET_TAGGED_ADDR_CTRL, "5.4"),
        "PR_GET_TAGGED_ADDR_CTRL": (PR_GET_TAGGED_ADDR_CTRL, "5.4"),
        "PR_SET_IO_FLUSHER": (PR_SET_IO_FLUSHER, "5.6"),
        "PR_GET_IO_FLUSHER": (PR_GET_IO_FLUSHER, "5.6"),
        "PR_SET_SYSCALL_USER_DISPATCH": (PR_SET_SYSCALL_USER_DISPATCH, "5.11"),
        "PR_PAC_SET_ENABLED_KEYS": (PR_PAC_SET_ENABLED_KEYS, "5.13"),
        "PR_PAC_GET_ENABLED_KEYS": (PR_PAC_GET_ENABLED_KEYS, "5.13"),
        "PR_SCHED_CORE": (PR_SCHED_CORE, "5.14"),
        "PR_SME_SET_VL": (PR_SME_SET_VL, "5.19"),
        "PR_SME_GET_VL": (PR_SME_GET_VL, "5.19"),
        "PR_SET_MDWE": (PR_SET_MDWE, "6.3"),
        "PR_GET_MDWE": (PR_GET_MDWE, "6.3"),
        "PR_SET_MEMORY_MERGE": (PR_SET_MEMORY_MERGE, "6.4"),
        "PR_GET_MEMORY_MERGE": (PR_GET_MEMORY_MERGE, "6.4"),
        "PR_RISCV_V_SET_CONTROL": (PR_RISCV_V_SET_CONTROL, "6.5"),
        "PR_RISCV_V_GET_CONTROL": (PR_RISCV_V_GET_CONTROL, "6.5"),
        "PR_RISCV_SET_ICACHE_FLUSH_CTX": (PR_RISCV_SET_ICACHE_FLUSH_CTX, "6.10"),
        "PR_PPC_GET_DEXCR": (PR_PPC_GET_DEXCR, "6.10"),
        "PR_PPC_SET_DEXCR": (PR_PPC_SET_DEXCR, "6.10"),
        "PR_GET_SHADOW_STACK_STATUS": (PR_GET_SHADOW_STACK_STATUS, "6.13"),
        "PR_SET_SHADOW_STACK_STATUS": (PR_SET_SHADOW_STACK_STATUS, "6.13"),
        "PR_LOCK_SHADOW_STACK_STATUS": (PR_LOCK_SHADOW_STACK_STATUS, "6.13"),
        "PR_TIMER_CREATE_RESTORE_IDS": (PR_TIMER_CREATE_RESTORE_IDS, "6.15"),
        "PR_FUTEX_HASH": (PR_FUTEX_HASH, "6.16"),
        "PR_RSEQ_SLICE_EXTENSION": (PR_RSEQ_SLICE_EXTENSION, "7.0"),
        "PR_GET_CFI": (PR_GET_CFI, "7.0"),
        "PR_SET_CFI": (PR_SET_CFI, "7.0"),
        "PR_SET_VMA": (PR_SET_VMA, "5.17"),
        "PR_GET_AUXV": (PR_GET_AUXV, "6.4"),
    }


class PrctlUnalign(Flags):
    """What an unaligned access does (PR_SET_UNALIGN)."""

    NOPRINT = PR_UNALIGN_NOPRINT
    SIGBUS = PR_UNALIGN_SIGBUS


class PrctlFpemu(Flags):
    """How floating-point instructions are emulated (PR_SET_FPEMU)."""

    NOPRINT = PR_FPEMU_NOPRINT
    SIGFPE = PR_FPEMU_SIGFPE


class PrctlFpexc(Flags):
    """Which floating-point exceptions there are (PR_SET_FPEXC)."""

    DISABLED = PR_FP_EXC_DISABLED
    NONRECOV = PR_FP_EXC_NONRECOV
    ASYNC = PR_FP_EXC_ASYNC
    PRECISE = PR_FP_EXC_PRECISE
    SW_ENABLE = PR_FP_EXC_SW_ENABLE
    DIV = PR_FP_EXC_DIV
    OVF = PR_FP_EXC_OVF
    UND = PR_FP_EXC_UND
    RES = PR_FP_EXC_RES
    INV = PR_FP_EXC_INV


class PrctlTiming(Number):
    """How the time of the process is measured (PR_SET_TIMING)."""

    STATISTICAL = PR_TIMING_STATISTICAL
    TIMESTAMP = PR_TIMING_TIMESTAMP


class PrctlEndian(Number):
    """The order of bytes (PR_SET_ENDIAN)."""

    BIG = PR_ENDIAN_BIG
    LITTLE = PR_ENDIAN_LITTLE
    PPC_LITTLE = PR_ENDIAN_PPC_LITTLE


class SeccompMode(Number):
    """The modes of seccomp (PR_SET_SECCOMP)."""

    DISABLED = SECCOMP_MODE_DISABLED
    STRICT = SECCOMP_MODE_STRICT
    FILTER = SECCOMP_MODE_FILTER


class PrctlTsc(Number):
    """What reading the timestamp counter does (PR_SET_TSC)."""

    ENABLE = PR_TSC_ENABLE
    SIGSEGV = PR_TSC_SIGSEGV


class PrctlSecurebits(Flags):
    """How root and capabilities belong together (PR_SET_SECUREBITS)."""

    NOROOT = SECBIT_NOROOT
    NOROOT_LOCKED = SECBIT_NOROOT_LOCKED
    NO_SETUID_FIXUP = SECBIT_NO_SETUID_FIXUP
    NO_SETUID_FIXUP_LOCKED = SECBIT_NO_SETUID_FIXUP_LOCKED
    KEEP_CAPS = SECBIT_KEEP_CAPS
    KEEP_CAPS_LOCKED = SECBIT_KEEP_CAPS_LOCKED
    NO_CAP_AMBIENT_RAISE = SECBIT_NO_CAP_AMBIENT_RAISE
    NO_CAP_AMBIENT_RAISE_LOCKED = SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED
    EXEC_RESTRICT_FILE = SECBIT_EXEC_RESTRICT_FILE
    EXEC_RESTRICT_FILE_LOCKED = SECBIT_EXEC_RESTRICT_FILE_LOCKED
    EXEC_DENY_INTERACTIVE = SECBIT_EXEC_DENY_INTERACTIVE
    EXEC_DENY_INTERACTIVE_LOCKED = SECBIT_EXEC_DENY_INTERACTIVE_LOCKED

    __since__ = {
        "SECBIT_EXEC_RESTRICT_FILE": (SECBIT_EXEC_RESTRICT_FILE, "6.14"),
        "SECBIT_EXEC_RESTRICT_FILE_LOCKED": (SECBIT_EXEC_RESTRICT_FILE_LOCKED, "6.14"),
        "SECBIT_EXEC_DENY_INTERACTIVE": (SECBIT_EXEC_DENY_INTERACTIVE, "6.14"),
        "SECBIT_EXEC_DENY_INTERACTIVE_LOCKED": (SECBIT_EXEC_DENY_INTERACTIVE_LOCKED, "6.14"),
    }


class PrctlMceKill(Number):
    """When broken memory ends the process (PR_MCE_KILL_SET)."""

    LATE = PR_MCE_KILL_LATE
    EARLY = PR_MCE_KILL_EARLY
    DEFAULT = PR_MCE_KILL_DEFAULT


class PrctlMm(Number):
    """The fields of the memory map (PR_SET_MM)."""

    START_CODE = PR_SET_MM_START_CODE
    END_CODE = PR_SET_MM_END_CODE
    START_DATA = PR_SET_MM_START_DATA
    END_DATA = PR_SET_MM_END_DATA
    START_STACK = PR_SET_MM_START_STACK
    START_BRK = PR_SET_MM_START_BRK
    BRK = PR_SET_MM_BRK
    ARG_START = PR_SET_MM_ARG_START
    ARG_END = PR_SET_MM_ARG_END
    ENV_START = PR_SET_MM_ENV_START
    ENV_END = PR_SET_MM_ENV_END
    AUXV = PR_SET_MM_AUXV
    EXE_FILE = PR_SET_MM_EXE_FILE
    MAP = PR_SET_MM_MAP
    MAP_SIZE = PR_SET_MM_MAP_SIZE


class PrctlThp(Flags):
    """What stays of transparent huge pages (PR_SET_THP_DISABLE)."""

    EXCEPT_ADVISED = PR_THP_DISABLE_EXCEPT_ADVISED

    __since__ = {
        "PR_THP_DISABLE_EXCEPT_ADVISED": (PR_THP_DISABLE_EXCEPT_ADVISED, "6.18"),
    }


class PrctlFpMode(Flags):
    """The mode of floating-point registers (PR_SET_FP_MODE)."""

    FR = PR_FP_MODE_FR
    FRE = PR_FP_MODE_FRE


class PrctlAmbient(Number):
    """What PR_CAP_AMBIENT does."""

    IS_SET = PR_CAP_AMBIENT_IS_SET
    RAISE = PR_CAP_AMBIENT_RAISE
    LOWER = PR_CAP_AMBIENT_LOWER
    CLEAR_ALL = PR_CAP_AMBIENT_CLEAR_ALL


class PrctlVector(Flags):
    """The length of vectors, and these bits (PR_SVE_SET_VL)."""

    VL_LEN_MASK = PR_SVE_VL_LEN_MASK
    VL_INHERIT = PR_SVE_VL_INHERIT
    SET_VL_ONEXEC = PR_SVE_SET_VL_ONEXEC

    __since__ = {
        "PR_SVE_VL_LEN_MASK": (PR_SVE_VL_LEN_MASK, "4.15"),
        "PR_SVE_VL_INHERIT": (PR_SVE_VL_INHERIT, "4.15"),
        "PR_SVE_SET_VL_ONEXEC": (PR_SVE_SET_VL_ONEXEC, "4.15"),
    }


class PrctlStreamingVector(Flags):
    """The length of streaming vectors, and these bits (PR_SME_SET_VL)."""

    VL_LEN_MASK = PR_SME_VL_LEN_MASK
    VL_INHERIT = PR_SME_VL_INHERIT
    SET_VL_ONEXEC = PR_SME_SET_VL_ONEXEC

    __since__ = {
        "PR_SME_VL_LEN_MASK": (PR_SME_VL_LEN_MASK, "5.19"),
        "PR_SME_VL_INHERIT": (PR_SME_VL_INHERIT, "5.19"),
        "PR_SME_SET_VL_ONEXEC": (PR_SME_SET_VL_ONEXEC, "5.19"),
    }


class PrctlFlaw(Number):
    """The flaws of processors that PR_SET_SPECULATION_CTRL is about."""

    STORE_BYPASS = PR_SPEC_STORE_BYPASS
    INDIRECT_BRANCH = PR_SPEC_INDIRECT_BRANCH
    L1D_FLUSH = PR_SPEC_L1D_FLUSH

    __since__ = {
        "PR_SPEC_STORE_BYPASS": (PR_SPEC_STORE_BYPASS, "4.17"),
        "PR_SPEC_INDIRECT_BRANCH": (PR_SPEC_INDIRECT_BRANCH, "4.20"),
        "PR_SPEC_L1D_FLUSH": (PR_SPEC_L1D_FLUSH, "5.15"),
    }


class PrctlSpeculation(Flags):
    """How the processor speculates (PR_SET_SPECULATION_CTRL)."""

    NOT_AFFECTED = PR_SPEC_NOT_AFFECTED
    PRCTL = PR_SPEC_PRCTL
    ENABLE = PR_SPEC_ENABLE
    DISABLE = PR_SPEC_DISABLE
    FORCE_DISABLE = PR_SPEC_FORCE_DISABLE
    DISABLE_NOEXEC = PR_SPEC_DISABLE_NOEXEC

    __since__ = {
        "PR_SPEC_NOT_AFFECTED": (PR_SPEC_NOT_AFFECTED, "4.17"),
        "PR_SPEC_PRCTL": (PR_SPEC_PRCTL, "4.17"),
        "PR_SPEC_ENABLE": (PR_SPEC_ENABLE, "4.17"),
        "PR_SPEC_DISABLE": (PR_SPEC_DISABLE, "4.17"),
        "PR_SPEC_FORCE_DISABLE": (PR_SPEC_FORCE_DISABLE, "4.17"),
        "PR_SPEC_DISABLE_NOEXEC": (PR_SPEC_DISABLE_NOEXEC, "5.1"),
    }


class PrctlKeys(Flags):
    """The keys of pointer authentication (PR_PAC_RESET_KEYS)."""

    APIAKEY = PR_PAC_APIAKEY
    APIBKEY = PR_PAC_APIBKEY
    APDAKEY = PR_PAC_APDAKEY
    APDBKEY = PR_PAC_APDBKEY
    APGAKEY = PR_PAC_APGAKEY

    __since__ = {
        "PR_PAC_APIAKEY": (PR_PAC_APIAKEY, "5.0"),
        "PR_PAC_APIBKEY": (PR_PAC_APIBKEY, "5.0"),
        "PR_PAC_APDAKEY": (PR_PAC_APDAKEY, "5.0"),
        "PR_PAC_APDBKEY": (PR_PAC_APDBKEY, "5.0"),
        "PR_PAC_APGAKEY": (PR_PAC_APGAKEY, "5.0"),
    }


class PrctlTaggedAddress(Flags):
    """Whether addresses have tags, and how they are checked (PR_SET_TAGGED_ADDR_CTRL)."""

    TAGGED_ADDR_ENABLE = PR_TAGGED_ADDR_ENABLE
    MTE_TCF_NONE = PR_MTE_TCF_NONE
    MTE_TCF_SYNC = PR_MTE_TCF_SYNC
    MTE_TCF_ASYNC = PR_MTE_TCF_ASYNC
    MTE_TCF_MASK = PR_MTE_TCF_MASK
    MTE_TAG_MASK = PR_MTE_TAG_MASK
    MTE_STORE_ONLY = PR_MTE_STORE_ONLY
    PMLEN_MASK = PR_PMLEN_MASK

    __since__ = {
        "PR_TAGGED_ADDR_ENABLE": (PR_TAGGED_ADDR_ENABLE, "5.4"),
        "PR_MTE_TCF_NONE": (PR_MTE_TCF_NONE, "5.10"),
        "PR_MTE_TCF_SYNC": (PR_MTE_TCF_SYNC, "5.10"),
        "PR_MTE_TCF_ASYNC": (PR_MTE_TCF_ASYNC, "5.10"),
        "PR_MTE_TCF_MASK": (PR_MTE_TCF_MASK, "5.10"),
        "PR_MTE_TAG_MASK": (PR_MTE_TAG_MASK, "5.10"),
        "PR_MTE_STORE_ONLY": (PR_MTE_STORE_ONLY, "6.18"),
        "PR_PMLEN_MASK": (PR_PMLEN_MASK, "6.13"),
    }


class PrctlDispatch(Number):
    """Which system calls SIGSYS handles (PR_SET_SYSCALL_USER_DISPATCH)."""

    OFF = PR_SYS_DISPATCH_OFF
    EXCLUSIVE_ON = PR_SYS_DISPATCH_EXCLUSIVE_ON
    ON = PR_SYS_DISPATCH_ON
    INCLUSIVE_ON = PR_SYS_DISPATCH_INCLUSIVE_ON

    __since__ = {
        "PR_SYS_DISPATCH_OFF": (PR_SYS_DISPATCH_OFF, "5.11"),
        "PR_SYS_DISPATCH_EXCLUSIVE_ON": (PR_SYS_DISPATCH_EXCLUSIVE_ON, "5.11"),
        "PR_SYS_DISPATCH_ON": (PR_SYS_DISPATCH_ON, "5.11"),
        "PR_SYS_DISPATCH_INCLUSIVE_ON": (PR_SYS_DISPATCH_INCLUSIVE_ON, "6.16"),
    }


class PrctlSchedCore(Number):
    """What PR_SCHED_CORE does."""

    GET = PR_SCHED_CORE_GET
    CREATE = PR_SCHED_CORE_CREATE
    SHARE_TO = PR_SCHED_CORE_SHARE_TO
    SHARE_FROM = PR_SCHED_CORE_SHARE_FROM
    MAX = PR_SCHED_CORE_MAX

    __since__ = {
        "PR_SCHED_CORE_GET": (PR_SCHED_CORE_GET, "5.14"),
        "PR_SCHED_CORE_CREATE": (PR_SCHED_CORE_CREATE, "5.14"),
        "PR_SCHED_CORE_SHARE_TO": (PR_SCHED_CORE_SHARE_TO, "5.14"),
        "PR_SCHED_CORE_SHARE_FROM": (PR_SCHED_CORE_SHARE_FROM, "5.14"),
        "PR_SCHED_CORE_MAX": (PR_SCHED_CORE_MAX, "5.14"),
    }


class PrctlSchedScope(Number):
    """The threads that PR_SCHED_CORE is about."""

    THREAD = PR_SCHED_CORE_SCOPE_THREAD
    THREAD_GROUP = PR_SCHED_CORE_SCOPE_THREAD_GROUP
    PROCESS_GROUP = PR_SCHED_CORE_SCOPE_PROCESS_GROUP

    __since__ = {
        "PR_SCHED_CORE_SCOPE_THREAD": (PR_SCHED_CORE_SCOPE_THREAD, "5.14"),
        "PR_SCHED_CORE_SCOPE_THREAD_GROUP": (PR_SCHED_CORE_SCOPE_THREAD_GROUP, "5.14"),
        "PR_SCHED_CORE_SCOPE_PROCESS_GROUP": (PR_SCHED_CORE_SCOPE_PROCESS_GROUP, "5.14"),
    }


class PrctlMdwe(Flags):
    """What memory cannot become (PR_SET_MDWE)."""

    REFUSE_EXEC_GAIN = PR_MDWE_REFUSE_EXEC_GAIN
    NO_INHERIT = PR_MDWE_NO_INHERIT

    __since__ = {
        "PR_MDWE_REFUSE_EXEC_GAIN": (PR_MDWE_REFUSE_EXEC_GAIN, "6.3"),
        "PR_MDWE_NO_INHERIT": (PR_MDWE_NO_INHERIT, "6.7"),
    }


class PrctlRiscvVector(Flags):
    """Whether vector instructions can be used."""

    DEFAULT = PR_RISCV_V_VSTATE_CTRL_DEFAULT
    OFF = PR_RISCV_V_VSTATE_CTRL_OFF
    ON = PR_RISCV_V_VSTATE_CTRL_ON
    INHERIT = PR_RISCV_V_VSTATE_CTRL_INHERIT
    CUR_MASK = PR_RISCV_V_VSTATE_CTRL_CUR_MASK
    NEXT_MASK = PR_RISCV_V_VSTATE_CTRL_NEXT_MASK
    MASK = PR_RISCV_V_VSTATE_CTRL_MASK

    __since__ = {
        "PR_RISCV_V_VSTATE_CTRL_DEFAULT": (PR_RISCV_V_VSTATE_CTRL_DEFAULT, "6.5"),
        "PR_RISCV_V_VSTATE_CTRL_OFF": (PR_RISCV_V_VSTATE_CTRL_OFF, "6.5"),
        "PR_RISCV_V_VSTATE_CTRL_ON": (PR_RISCV_V_VSTATE_CTRL_ON, "6.5"),
        "PR_RISCV_V_VSTATE_CTRL_INHERIT": (PR_RISCV_V_VSTATE_CTRL_INHERIT, "6.5"),
        "PR_RISCV_V_VSTATE_CTRL_CUR_MASK": (PR_RISCV_V_VSTATE_CTRL_CUR_MASK, "6.5"),
        "PR_RISCV_V_VSTATE_CTRL_NEXT_MASK": (PR_RISCV_V_VSTATE_CTRL_NEXT_MASK, "6.5"),
        "PR_RISCV_V_VSTATE_CTRL_MASK": (PR_RISCV_V_VSTATE_CTRL_MASK, "6.5"),
    }


class PrctlIcache(Number):
    """The values of PR_RISCV_SET_ICACHE_FLUSH_CTX."""

    FENCEI_ON = PR_RISCV_CTX_SW_FENCEI_ON
    FENCEI_OFF = PR_RISCV_CTX_SW_FENCEI_OFF

    __since__ = {
        "PR_RISCV_CTX_SW_FENCEI_ON": (PR_RISCV_CTX_SW_FENCEI_ON, "6.10"),
        "PR_RISCV_CTX_SW_FENCEI_OFF": (PR_RISCV_CTX_SW_FENCEI_OFF, "6.10"),
    }


class PrctlIcacheScope(Number):
    """The threads that PR_RISCV_SET_ICACHE_FLUSH_CTX is about."""

    PER_PROCESS = PR_RISCV_SCOPE_PER_PROCESS
    PER_THREAD = PR_RISCV_SCOPE_PER_THREAD

    __since__ = {
        "PR_RISCV_SCOPE_PER_PROCESS": (PR_RISCV_SCOPE_PER_PROCESS, "6.10"),
        "PR_RISCV_SCOPE_PER_THREAD": (PR_RISCV_SCOPE_PER_THREAD, "6.10"),
    }


class PrctlDexcrAspect(Number):
    """The aspects of the Dynamic Execution Control Register."""

    SBHE = PR_PPC_DEXCR_SBHE
    IBRTPD = PR_PPC_DEXCR_IBRTPD
    SRAPD = PR_PPC_DEXCR_SRAPD
    NPHIE = PR_PPC_DEXCR_NPHIE

    __since__ = {
        "PR_PPC_DEXCR_SBHE": (PR_PPC_DEXCR_SBHE, "6.10"),
        "PR_PPC_DEXCR_IBRTPD": (PR_PPC_DEXCR_IBRTPD, "6.10"),
        "PR_PPC_DEXCR_SRAPD": (PR_PPC_DEXCR_SRAPD, "6.10"),
        "PR_PPC_DEXCR_NPHIE": (PR_PPC_DEXCR_NPHIE, "6.10"),
    }


class PrctlDexcr(Flags):
    """What is set for an aspect (PR_PPC_SET_DEXCR)."""

    EDITABLE = PR_PPC_DEXCR_CTRL_EDITABLE
    SET = PR_PPC_DEXCR_CTRL_SET
    CLEAR = PR_PPC_DEXCR_CTRL_CLEAR
    SET_ONEXEC = PR_PPC_DEXCR_CTRL_SET_ONEXEC
    CLEAR_ONEXEC = PR_PPC_DEXCR_CTRL_CLEAR_ONEXEC
    MASK = PR_PPC_DEXCR_CTRL_MASK

    __since__ = {
        "PR_PPC_DEXCR_CTRL_EDITABLE": (PR_PPC_DEXCR_CTRL_EDITABLE, "6.10"),
        "PR_PPC_DEXCR_CTRL_SET": (PR_PPC_DEXCR_CTRL_SET, "6.10"),
        "PR_PPC_DEXCR_CTRL_CLEAR": (PR_PPC_DEXCR_CTRL_CLEAR, "6.10"),
        "PR_PPC_DEXCR_CTRL_SET_ONEXEC": (PR_PPC_DEXCR_CTRL_SET_ONEXEC, "6.10"),
        "PR_PPC_DEXCR_CTRL_CLEAR_ONEXEC": (PR_PPC_DEXCR_CTRL_CLEAR_ONEXEC, "6.10"),
        "PR_PPC_DEXCR_CTRL_MASK": (PR_PPC_DEXCR_CTRL_MASK, "6.10"),
    }


class PrctlShadowStack(Flags):
    """How the shadow stack is used (PR_SET_SHADOW_STACK_STATUS)."""

    ENABLE = PR_SHADOW_STACK_ENABLE
    WRITE = PR_SHADOW_STACK_WRITE
    PUSH = PR_SHADOW_STACK_PUSH

    __since__ = {
        "PR_SHADOW_STACK_ENABLE": (PR_SHADOW_STACK_ENABLE, "6.13"),
        "PR_SHADOW_STACK_WRITE": (PR_SHADOW_STACK_WRITE, "6.13"),
        "PR_SHADOW_STACK_PUSH": (PR_SHADOW_STACK_PUSH, "6.13"),
    }


class PrctlTimerIds(Number):
    """What PR_TIMER_CREATE_RESTORE_IDS does."""

    OFF = PR_TIMER_CREATE_RESTORE_IDS_OFF
    ON = PR_TIMER_CREATE_RESTORE_IDS_ON
    GET = PR_TIMER_CREATE_RESTORE_IDS_GET

    __since__ = {
        "PR_TIMER_CREATE_RESTORE_IDS_OFF": (PR_TIMER_CREATE_RESTORE_IDS_OFF, "6.15"),
        "PR_TIMER_CREATE_RESTORE_IDS_ON": (PR_TIMER_CREATE_RESTORE_IDS_ON, "6.15"),
        "PR_TIMER_CREATE_RESTORE_IDS_GET": (PR_TIMER_CREATE_RESTORE_IDS_GET, "6.15"),
    }


class PrctlFutexHash(Number):
    """What PR_FUTEX_HASH does."""

    SET_SLOTS = PR_FUTEX_HASH_SET_SLOTS
    GET_SLOTS = PR_FUTEX_HASH_GET_SLOTS

    __since__ = {
        "PR_FUTEX_HASH_SET_SLOTS": (PR_FUTEX_HASH_SET_SLOTS, "6.16"),
        "PR_FUTEX_HASH_GET_SLOTS": (PR_FUTEX_HASH_GET_SLOTS, "6.16"),
    }


class PrctlRseqSlice(Number):
    """What PR_RSEQ_SLICE_EXTENSION does."""

    GET = PR_RSEQ_SLICE_EXTENSION_GET
    SET = PR_RSEQ_SLICE_EXTENSION_SET

    __since__ = {
        "PR_RSEQ_SLICE_EXTENSION_GET": (PR_RSEQ_SLICE_EXTENSION_GET, "7.0"),
        "PR_RSEQ_SLICE_EXTENSION_SET": (PR_RSEQ_SLICE_EXTENSION_SET, "7.0"),
    }


class PrctlCfi(Flags):
    """What is set for it (PR_SET_CFI)."""

    ENABLE = PR_CFI_ENABLE
    DISABLE = PR_CFI_DISABLE
    LOCK = PR_CFI_LOCK

    __since__ = {
        "PR_CFI_ENABLE": (PR_CFI_ENABLE, "7.0"),
        "PR_CFI_DISABLE": (PR_CFI_DISABLE, "7.0"),
        "PR_CFI_LOCK": (PR_CFI_LOCK, "7.0"),
    }


class Capability(Number):
    """The capabilities, each a number of the sets."""

    CHOWN = CAP_CHOWN
    DAC_OVERRIDE = CAP_DAC_OVERRIDE
    DAC_READ_SEARCH = CAP_DAC_READ_SEARCH
    FOWNER = CAP_FOWNER
    FSETID = CAP_FSETID
    KILL = CAP_KILL
    SETGID = CAP_SETGID
    SETUID = CAP_SETUID
    SETPCAP = CAP_SETPCAP
    LINUX_IMMUTABLE = CAP_LINUX_IMMUTABLE
    NET_BIND_SERVICE = CAP_NET_BIND_SERVICE
    NET_BROADCAST = CAP_NET_BROADCAST
    NET_ADMIN = CAP_NET_ADMIN
    NET_RAW = CAP_NET_RAW
    IPC_LOCK = CAP_IPC_LOCK
    IPC_OWNER = CAP_IPC_OWNER
    SYS_MODULE = CAP_SYS_MODULE
    SYS_RAWIO = CAP_SYS_RAWIO
    SYS_CHROOT = CAP_SYS_CHROOT
    SYS_PTRACE = CAP_SYS_PTRACE
    SYS_PACCT = CAP_SYS_PACCT
    SYS_ADMIN = CAP_SYS_ADMIN
    SYS_BOOT = CAP_SYS_BOOT
    SYS_NICE = CAP_SYS_NICE
    SYS_RESOURCE = CAP_SYS_RESOURCE
    SYS_TIME = CAP_SYS_TIME
    SYS_TTY_CONFIG = CAP_SYS_TTY_CONFIG
    MKNOD = CAP_MKNOD
    LEASE = CAP_LEASE
    AUDIT_WRITE = CAP_AUDIT_WRITE
    AUDIT_CONTROL = CAP_AUDIT_CONTROL
    SETFCAP = CAP_SETFCAP
    MAC_OVERRIDE = CAP_MAC_OVERRIDE
    MAC_ADMIN = CAP_MAC_ADMIN
    SYSLOG = CAP_SYSLOG
    WAKE_ALARM = CAP_WAKE_ALARM
    BLOCK_SUSPEND = CAP_BLOCK_SUSPEND
    AUDIT_READ = CAP_AUDIT_READ
    PERFMON = CAP_PERFMON
    BPF = CAP_BPF
    CHECKPOINT_RESTORE = CAP_CHECKPOINT_RESTORE

    __since__ = {
        "CAP_PERFMON": (CAP_PERFMON, "5.8"),
        "CAP_BPF": (CAP_BPF, "5.8"),
        "CAP_CHECKPOINT_RESTORE": (CAP_CHECKPOINT_RESTORE, "5.9"),
    }
