"""The settings of prctl about the processor, most of one architecture alone."""

from __future__ import annotations

from butter._constants.prctl import *  # noqa: F403
from butter._prctl_settings import Setting

# ruff: noqa: F405

# all keys but the generic one, which is always used
_KEYS = PR_PAC_APIAKEY | PR_PAC_APIBKEY | PR_PAC_APDAKEY | PR_PAC_APDBKEY


class ProcessorSettings:
    """The attributes of ``prctl`` that are about the processor.

    Where the architecture, the processor or the kernel does not have one, reading and
    setting it raises InvalidArgument, which is a ValueError, and says why.
    """

    __slots__ = ()

    store_bypass = Setting(
        """Whether the processor reads before earlier writes, as PrctlSpeculation.

        It is the thread's, and its children have it too. Linux 4.17.
        """,
        (PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS),
        (PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS),
        PrctlSpeculation,
    )
    indirect_branch = Setting(
        """Whether the processor speculates over indirect branches, as PrctlSpeculation.

        It is the thread's, and its children have it too. Linux 4.20.
        """,
        (PR_GET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH),
        (PR_SET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH),
        PrctlSpeculation,
    )
    l1d_flush = Setting(
        """Whether the L1 cache is flushed when the thread leaves the processor.

        It is PrctlSpeculation, where ``ENABLE`` is to flush, and the thread's; its
        children have it too. Linux 5.15.
        """,
        (PR_GET_SPECULATION_CTRL, PR_SPEC_L1D_FLUSH),
        (PR_SET_SPECULATION_CTRL, PR_SPEC_L1D_FLUSH),
        PrctlSpeculation,
    )
    tagged_addr_ctrl = Setting(
        """Whether addresses have tags, as PrctlTaggedAddress.

        It is the thread's. arm64 and RISC-V, Linux 5.4.
        """,
        (PR_GET_TAGGED_ADDR_CTRL,),
        (PR_SET_TAGGED_ADDR_CTRL,),
        PrctlTaggedAddress,
    )
    pac_enabled_keys = Setting(
        """The keys of pointer authentication that are used, as PrctlKeys.

        They are the thread's. arm64, Linux 5.13.
        """,
        (PR_PAC_GET_ENABLED_KEYS,),
        (PR_PAC_SET_ENABLED_KEYS, _KEYS),
        PrctlKeys,
    )
    sve_vl = Setting(
        """The length of vectors in bytes, with bits of PrctlVector.

        It is the thread's. arm64, Linux 4.15.
        """,
        (PR_SVE_GET_VL,),
        (PR_SVE_SET_VL,),
        int,
    )
    sme_vl = Setting(
        """The length of streaming vectors in bytes, with bits of PrctlStreamingVector.

        It is the thread's. arm64, Linux 5.19.
        """,
        (PR_SME_GET_VL,),
        (PR_SME_SET_VL,),
        int,
    )
    shadow_stack = Setting(
        """How the shadow stack is used, as PrctlShadowStack.

        It is the thread's. arm64 (Linux 6.13) and RISC-V (Linux 7.0).
        """,
        (PR_GET_SHADOW_STACK_STATUS,),
        (PR_SET_SHADOW_STACK_STATUS,),
        PrctlShadowStack,
    )
    landing_pads = Setting(
        """Whether indirect branches have to end at landing pads, as PrctlCfi.

        It is the thread's. RISC-V, Linux 7.0.
        """,
        (PR_GET_CFI, PR_CFI_BRANCH_LANDING_PADS),
        (PR_SET_CFI, PR_CFI_BRANCH_LANDING_PADS),
        PrctlCfi,
    )
    riscv_vector = Setting(
        """Whether vector instructions can be used, as PrctlRiscvVector.

        It is the thread's. RISC-V, Linux 6.5.
        """,
        (PR_RISCV_V_GET_CONTROL,),
        (PR_RISCV_V_SET_CONTROL,),
        PrctlRiscvVector,
    )
    unalign = Setting(
        """The effect of an unaligned access, as PrctlUnalign.

        It is the process's. Alpha, PA-RISC, PowerPC and SH.
        """,
        (PR_GET_UNALIGN,),
        (PR_SET_UNALIGN,),
        PrctlUnalign,
    )
    endian = Setting(
        """The order of bytes, as PrctlEndian. It is the thread's. PowerPC.""",
        (PR_GET_ENDIAN,),
        (PR_SET_ENDIAN,),
        PrctlEndian,
    )
    fpexc = Setting(
        """Which floating-point exceptions there are, as PrctlFpexc.

        It is the thread's. PowerPC.
        """,
        (PR_GET_FPEXC,),
        (PR_SET_FPEXC,),
        PrctlFpexc,
    )
    fpemu = Setting(
        """How floating-point instructions are emulated, as PrctlFpemu.

        It is the thread's. Itanium, which Linux 6.7 does not have any more.
        """,
        (PR_GET_FPEMU,),
        (PR_SET_FPEMU,),
        PrctlFpemu,
    )
    fp_mode = Setting(
        """The mode of floating-point registers, as PrctlFpMode.

        It is the process's. MIPS.
        """,
        (PR_GET_FP_MODE,),
        (PR_SET_FP_MODE,),
        PrctlFpMode,
    )
