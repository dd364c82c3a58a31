from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* PrctlOption(IntEnum, PR_): the options of prctl */
#define PR_SET_PDEATHSIG ...               /* the signal that comes when the parent ends */
#define PR_GET_PDEATHSIG ...               /* return this signal */
#define PR_GET_DUMPABLE ...                /* return whether the process dumps core and can be traced */
#define PR_SET_DUMPABLE ...                /* set whether it does */
#define PR_GET_UNALIGN ...                 /* return what an unaligned access does */
#define PR_SET_UNALIGN ...                 /* set what it does */
#define PR_GET_KEEPCAPS ...                /* return whether capabilities stay when the user changes from root */
#define PR_SET_KEEPCAPS ...                /* set whether they stay */
#define PR_GET_FPEMU ...                   /* return how floating-point instructions are emulated */
#define PR_SET_FPEMU ...                   /* set how they are */
#define PR_GET_FPEXC ...                   /* return which floating-point exceptions there are */
#define PR_SET_FPEXC ...                   /* set which there are */
#define PR_GET_TIMING ...                  /* return how the time of the process is measured */
#define PR_SET_TIMING ...                  /* set how it is measured */
#define PR_SET_NAME ...                    /* the name of the thread */
#define PR_GET_NAME ...                    /* return the name of the thread */
#define PR_GET_ENDIAN ...                  /* return the order of bytes */
#define PR_SET_ENDIAN ...                  /* set the order of bytes */
#define PR_GET_SECCOMP ...                 /* return the mode of seccomp; the strict mode kills the thread for asking */
#define PR_SET_SECCOMP ...                 /* restrict the system calls, for ever */
#define PR_CAPBSET_READ ...                /* return whether a capability is in the bounding set */
#define PR_CAPBSET_DROP ...                /* take a capability out of the bounding set, for ever */
#define PR_GET_TSC ...                     /* return whether the timestamp counter can be read */
#define PR_SET_TSC ...                     /* set whether it can */
#define PR_GET_SECUREBITS ...              /* return the securebits */
#define PR_SET_SECUREBITS ...              /* set the securebits */
#define PR_SET_TIMERSLACK ...              /* how late a wait may end, in nanoseconds; 0 is the default */
#define PR_GET_TIMERSLACK ...              /* return how late it may end */
#define PR_TASK_PERF_EVENTS_DISABLE ...    /* stop all performance counters of the thread */
#define PR_TASK_PERF_EVENTS_ENABLE ...     /* start all performance counters of the thread */
#define PR_MCE_KILL ...                    /* what broken memory does to the thread */
#define PR_MCE_KILL_GET ...                /* return what it does */
#define PR_SET_MM ...                      /* set a field of the memory map, for checkpoint and restore */
#define PR_SET_CHILD_SUBREAPER ...         /* set whether orphaned descendants become children of this process */
#define PR_GET_CHILD_SUBREAPER ...         /* return whether they do */
#define PR_SET_NO_NEW_PRIVS ...            /* no program that is executed gets more privileges, for ever */
#define PR_GET_NO_NEW_PRIVS ...            /* return whether that is so */
#define PR_GET_TID_ADDRESS ...             /* return the address that is cleared when the thread ends */
#define PR_SET_THP_DISABLE ...             /* set whether transparent huge pages are off */
#define PR_GET_THP_DISABLE ...             /* return whether they are off */
#define PR_MPX_ENABLE_MANAGEMENT ...       /* was for Intel MPX until Linux 5.6 */
#define PR_MPX_DISABLE_MANAGEMENT ...      /* was for Intel MPX until Linux 5.6 */
#define PR_SET_FP_MODE ...                 /* the mode of floating-point registers */
#define PR_GET_FP_MODE ...                 /* return the mode of floating-point registers */
#define PR_CAP_AMBIENT ...                 /* read or change the ambient capabilities */
#define PR_SVE_SET_VL ...                  /* the length of vectors (Linux 4.15) */
#define PR_SVE_GET_VL ...                  /* return the length of vectors (Linux 4.15) */
#define PR_GET_SPECULATION_CTRL ...        /* return how the processor speculates (Linux 4.17) */
#define PR_SET_SPECULATION_CTRL ...        /* set how the processor speculates (Linux 4.17) */
#define PR_PAC_RESET_KEYS ...              /* new keys of pointer authentication (Linux 5.0) */
#define PR_SET_TAGGED_ADDR_CTRL ...        /* whether addresses have tags (Linux 5.4) */
#define PR_GET_TAGGED_ADDR_CTRL ...        /* return whether addresses have tags (Linux 5.4) */
#define PR_SET_IO_FLUSHER ...              /* set whether the thread takes part in writing memory back (Linux 5.6) */
#define PR_GET_IO_FLUSHER ...              /* return whether it does (Linux 5.6) */
#define PR_SET_SYSCALL_USER_DISPATCH ...   /* hand system calls to a handler of SIGSYS (Linux 5.11) */
#define PR_PAC_SET_ENABLED_KEYS ...        /* which keys of pointer authentication are used (Linux 5.13) */
#define PR_PAC_GET_ENABLED_KEYS ...        /* return which keys are used (Linux 5.13) */
#define PR_SCHED_CORE ...                  /* which threads may share a core of the processor (Linux 5.14) */
#define PR_SME_SET_VL ...                  /* the length of streaming vectors (Linux 5.19) */
#define PR_SME_GET_VL ...                  /* return the length of streaming vectors (Linux 5.19) */
#define PR_SET_MDWE ...                    /* memory cannot become executable, for ever (Linux 6.3) */
#define PR_GET_MDWE ...                    /* return whether that is so (Linux 6.3) */
#define PR_SET_MEMORY_MERGE ...            /* set whether equal pages of memory are merged (Linux 6.4) */
#define PR_GET_MEMORY_MERGE ...            /* return whether they are merged (Linux 6.4) */
#define PR_RISCV_V_SET_CONTROL ...         /* whether vector instructions can be used (Linux 6.5) */
#define PR_RISCV_V_GET_CONTROL ...         /* return whether they can be used (Linux 6.5) */
#define PR_RISCV_SET_ICACHE_FLUSH_CTX ...  /* whether the process may flush the instruction cache itself (Linux 6.10) */
#define PR_PPC_GET_DEXCR ...               /* return an aspect of the Dynamic Execution Control Register (Linux 6.10) */
#define PR_PPC_SET_DEXCR ...               /* set an aspect of the Dynamic Execution Control Register (Linux 6.10) */
#define PR_GET_SHADOW_STACK_STATUS ...     /* return how the shadow stack is used (Linux 6.13) */
#define PR_SET_SHADOW_STACK_STATUS ...     /* set how the shadow stack is used (Linux 6.13) */
#define PR_LOCK_SHADOW_STACK_STATUS ...    /* keep this as it is, until another program is executed (Linux 6.13) */
#define PR_TIMER_CREATE_RESTORE_IDS ...    /* timers are created with ids of the caller's choice (Linux 6.15) */
#define PR_FUTEX_HASH ...                  /* the size of the table of futexes of the process (Linux 6.16) */
#define PR_RSEQ_SLICE_EXTENSION ...        /* whether the thread may ask for a longer time slice (Linux 7.0) */
#define PR_GET_CFI ...                     /* return an aspect of control-flow integrity (Linux 7.0) */
#define PR_SET_CFI ...                     /* set an aspect of control-flow integrity (Linux 7.0) */
#define PR_SET_VMA ...                     /* the name of a range of memory (Linux 5.17) */
#define PR_GET_AUXV ...                    /* copy the auxiliary vector to a buffer, and return its size (Linux 6.4) */
#define PR_SET_PTRACER ...                 /* the process that may trace this one, where Yama restricts it */

/* -: the values of PR_SET_DUMPABLE, and the third, which the kernel sets where fs.suid_dumpable is 2 */
#define SUID_DUMP_DISABLE ...  /* the process dumps no core and cannot be traced */
#define SUID_DUMP_USER ...     /* the process dumps core and can be traced */
#define SUID_DUMP_ROOT ...     /* only root can read the core */

/* -: the process that stands for every process, for PR_SET_PTRACER */
#define PR_SET_PTRACER_ANY ...  /* every process may trace this one */

/* PrctlUnalign(IntFlag, PR_UNALIGN_): what an unaligned access does (PR_SET_UNALIGN) */
#define PR_UNALIGN_NOPRINT ...  /* the access works, and the kernel logs nothing */
#define PR_UNALIGN_SIGBUS ...   /* the access raises SIGBUS */

/* PrctlFpemu(IntFlag, PR_FPEMU_): how floating-point instructions are emulated (PR_SET_FPEMU) */
#define PR_FPEMU_NOPRINT ...  /* they are emulated, and the kernel logs nothing */
#define PR_FPEMU_SIGFPE ...   /* they are not emulated, and raise SIGFPE */

/* PrctlFpexc(IntFlag, PR_FP_EXC_): which floating-point exceptions there are (PR_SET_FPEXC) */
#define PR_FP_EXC_DISABLED ...   /* there are none */
#define PR_FP_EXC_NONRECOV ...   /* asynchronous, and the instruction cannot be found */
#define PR_FP_EXC_ASYNC ...      /* asynchronous, and the instruction can be found */
#define PR_FP_EXC_PRECISE ...    /* at the instruction */
#define PR_FP_EXC_SW_ENABLE ...  /* those of the bits below are raised */
#define PR_FP_EXC_DIV ...        /* division by zero */
#define PR_FP_EXC_OVF ...        /* overflow */
#define PR_FP_EXC_UND ...        /* underflow */
#define PR_FP_EXC_RES ...        /* inexact result */
#define PR_FP_EXC_INV ...        /* invalid operation */

/* PrctlTiming(IntEnum, PR_TIMING_): how the time of the process is measured (PR_SET_TIMING) */
#define PR_TIMING_STATISTICAL ...  /* by the ticks of the clock */
#define PR_TIMING_TIMESTAMP ...    /* by timestamps, which Linux does not have */

/* PrctlEndian(IntEnum, PR_ENDIAN_): the order of bytes (PR_SET_ENDIAN) */
#define PR_ENDIAN_BIG ...         /* the highest byte comes first */
#define PR_ENDIAN_LITTLE ...      /* the lowest byte comes first */
#define PR_ENDIAN_PPC_LITTLE ...  /* the little-endian order of old PowerPC */

/* SeccompMode(IntEnum, SECCOMP_MODE_): the modes of seccomp (PR_SET_SECCOMP) */
#define SECCOMP_MODE_DISABLED ...  /* all system calls are allowed */
#define SECCOMP_MODE_STRICT ...    /* only read, write, _exit and sigreturn are allowed */
#define SECCOMP_MODE_FILTER ...    /* a program of BPF decides */

/* PrctlTsc(IntEnum, PR_TSC_): what reading the timestamp counter does (PR_SET_TSC) */
#define PR_TSC_ENABLE ...   /* it can be read */
#define PR_TSC_SIGSEGV ...  /* reading it raises SIGSEGV */

/* PrctlSecurebits(IntFlag, SECBIT_): how root and capabilities belong together (PR_SET_SECUREBITS) */
#define SECBIT_NOROOT ...                        /* programs of root get no capabilities for being root's */
#define SECBIT_NOROOT_LOCKED ...                 /* this bit cannot be changed */
#define SECBIT_NO_SETUID_FIXUP ...               /* capabilities stay as they are when the user ids change */
#define SECBIT_NO_SETUID_FIXUP_LOCKED ...        /* this bit cannot be changed */
#define SECBIT_KEEP_CAPS ...                     /* the same as PR_SET_KEEPCAPS */
#define SECBIT_KEEP_CAPS_LOCKED ...              /* this bit cannot be changed */
#define SECBIT_NO_CAP_AMBIENT_RAISE ...          /* no capability can become ambient */
#define SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED ...   /* this bit cannot be changed */
#define SECBIT_EXEC_RESTRICT_FILE ...            /* interpreters run only files that may be executed (Linux 6.14) */
#define SECBIT_EXEC_RESTRICT_FILE_LOCKED ...     /* this bit cannot be changed (Linux 6.14) */
#define SECBIT_EXEC_DENY_INTERACTIVE ...         /* interpreters execute only files, and no other input (Linux 6.14) */
#define SECBIT_EXEC_DENY_INTERACTIVE_LOCKED ...  /* this bit cannot be changed (Linux 6.14) */

/* -: what PR_MCE_KILL does */
#define PR_MCE_KILL_CLEAR ...  /* back to the default of the system */
#define PR_MCE_KILL_SET ...    /* set the policy of the next argument */

/* PrctlMceKill(IntEnum, PR_MCE_KILL_): when broken memory ends the process (PR_MCE_KILL_SET) */
#define PR_MCE_KILL_LATE ...     /* when the process touches it */
#define PR_MCE_KILL_EARLY ...    /* when the machine finds it */
#define PR_MCE_KILL_DEFAULT ...  /* as vm.memory_failure_early_kill says */

/* PrctlMm(IntEnum, PR_SET_MM_): the fields of the memory map (PR_SET_MM) */
#define PR_SET_MM_START_CODE ...   /* the address where the code begins */
#define PR_SET_MM_END_CODE ...     /* the address where the code ends */
#define PR_SET_MM_START_DATA ...   /* the address where the data begins */
#define PR_SET_MM_END_DATA ...     /* the address where the data ends */
#define PR_SET_MM_START_STACK ...  /* the address where the stack begins */
#define PR_SET_MM_START_BRK ...    /* the address where the heap of brk begins */
#define PR_SET_MM_BRK ...          /* the address where the heap of brk ends */
#define PR_SET_MM_ARG_START ...    /* the address where the command line begins */
#define PR_SET_MM_ARG_END ...      /* the address where the command line ends */
#define PR_SET_MM_ENV_START ...    /* the address where the environment begins */
#define PR_SET_MM_ENV_END ...      /* the address where the environment ends */
#define PR_SET_MM_AUXV ...         /* the auxiliary vector */
#define PR_SET_MM_EXE_FILE ...     /* the file of the program, as a descriptor */
#define PR_SET_MM_MAP ...          /* all of these, as a struct prctl_mm_map */
#define PR_SET_MM_MAP_SIZE ...     /* return the size of this struct */

/* PrctlThp(IntFlag, PR_THP_DISABLE_): what stays of transparent huge pages (PR_SET_THP_DISABLE) */
#define PR_THP_DISABLE_EXCEPT_ADVISED ...  /* memory that was advised to have them keeps them (Linux 6.18) */

/* PrctlFpMode(IntFlag, PR_FP_MODE_): the mode of floating-point registers (PR_SET_FP_MODE) */
#define PR_FP_MODE_FR ...   /* registers have 64 bits */
#define PR_FP_MODE_FRE ...  /* instructions of 32 bits are emulated */

/* PrctlAmbient(IntEnum, PR_CAP_AMBIENT_): what PR_CAP_AMBIENT does */
#define PR_CAP_AMBIENT_IS_SET ...     /* return whether a capability is ambient */
#define PR_CAP_AMBIENT_RAISE ...      /* make a capability ambient */
#define PR_CAP_AMBIENT_LOWER ...      /* make a capability not ambient */
#define PR_CAP_AMBIENT_CLEAR_ALL ...  /* make all capabilities not ambient */

/* PrctlVector(IntFlag, PR_SVE_): the length of vectors, and these bits (PR_SVE_SET_VL) */
#define PR_SVE_VL_LEN_MASK ...    /* the bits with the length in bytes (Linux 4.15) */
#define PR_SVE_VL_INHERIT ...     /* the next program keeps the length (Linux 4.15) */
#define PR_SVE_SET_VL_ONEXEC ...  /* set it when the next program is executed (Linux 4.15) */

/* PrctlStreamingVector(IntFlag, PR_SME_): the length of streaming vectors, and these bits (PR_SME_SET_VL) */
#define PR_SME_VL_LEN_MASK ...    /* the bits with the length in bytes (Linux 5.19) */
#define PR_SME_VL_INHERIT ...     /* the next program keeps the length (Linux 5.19) */
#define PR_SME_SET_VL_ONEXEC ...  /* set it when the next program is executed (Linux 5.19) */

/* PrctlFlaw(IntEnum, PR_SPEC_): the flaws of processors that PR_SET_SPECULATION_CTRL is about */
#define PR_SPEC_STORE_BYPASS ...     /* speculative store bypass (Linux 4.17) */
#define PR_SPEC_INDIRECT_BRANCH ...  /* speculation over indirect branches (Linux 4.20) */
#define PR_SPEC_L1D_FLUSH ...        /* the L1 cache is flushed when the thread leaves the processor (Linux 5.15) */

/* PrctlSpeculation(IntFlag, PR_SPEC_): how the processor speculates (PR_SET_SPECULATION_CTRL) */
#define PR_SPEC_NOT_AFFECTED ...    /* the processor does not have the flaw (Linux 4.17) */
#define PR_SPEC_PRCTL ...           /* prctl can change it (Linux 4.17) */
#define PR_SPEC_ENABLE ...          /* speculation is on (Linux 4.17) */
#define PR_SPEC_DISABLE ...         /* speculation is off (Linux 4.17) */
#define PR_SPEC_FORCE_DISABLE ...   /* speculation is off, for ever (Linux 4.17) */
#define PR_SPEC_DISABLE_NOEXEC ...  /* speculation is off until another program is executed (Linux 5.1) */

/* PrctlKeys(IntFlag, PR_PAC_): the keys of pointer authentication (PR_PAC_RESET_KEYS) */
#define PR_PAC_APIAKEY ...  /* key A of instructions (Linux 5.0) */
#define PR_PAC_APIBKEY ...  /* key B of instructions (Linux 5.0) */
#define PR_PAC_APDAKEY ...  /* key A of data (Linux 5.0) */
#define PR_PAC_APDBKEY ...  /* key B of data (Linux 5.0) */
#define PR_PAC_APGAKEY ...  /* the generic key (Linux 5.0) */

/* PrctlTaggedAddress(IntFlag, PR_): whether addresses have tags, and how they are checked (PR_SET_TAGGED_ADDR_CTRL) */
#define PR_TAGGED_ADDR_ENABLE ...  /* system calls take addresses with tags (Linux 5.4) */
#define PR_MTE_TCF_NONE ...        /* a wrong tag is ignored (Linux 5.10) */
#define PR_MTE_TCF_SYNC ...        /* a wrong tag raises SIGSEGV at the instruction (Linux 5.10) */
#define PR_MTE_TCF_ASYNC ...       /* a wrong tag raises SIGSEGV later (Linux 5.10) */
#define PR_MTE_TCF_MASK ...        /* the bits of the two before (Linux 5.10) */
#define PR_MTE_TAG_MASK ...        /* the bits with the tags that instructions may make (Linux 5.10) */
#define PR_MTE_STORE_ONLY ...      /* only stores check the tag (Linux 6.18) */
#define PR_PMLEN_MASK ...          /* the bits with the length of the tag, on RISC-V (Linux 6.13) */

/* -: the places of the fields of PR_SET_TAGGED_ADDR_CTRL */
#define PR_MTE_TAG_SHIFT ...  /* the lowest bit of PR_MTE_TAG_MASK */
#define PR_MTE_TCF_SHIFT ...  /* the lowest bit of PR_MTE_TCF_MASK */
#define PR_PMLEN_SHIFT ...    /* the lowest bit of PR_PMLEN_MASK */

/* PrctlDispatch(IntEnum, PR_SYS_DISPATCH_): which system calls SIGSYS handles (PR_SET_SYSCALL_USER_DISPATCH) */
#define PR_SYS_DISPATCH_OFF ...           /* none (Linux 5.11) */
#define PR_SYS_DISPATCH_EXCLUSIVE_ON ...  /* those that are made outside the range (Linux 5.11) */
#define PR_SYS_DISPATCH_ON ...            /* the same, by its older name (Linux 5.11) */
#define PR_SYS_DISPATCH_INCLUSIVE_ON ...  /* those that are made inside the range (Linux 6.16) */

/* -: the byte that the thread sets for PR_SET_SYSCALL_USER_DISPATCH */
#define SYSCALL_DISPATCH_FILTER_ALLOW ...  /* system calls go to the kernel */
#define SYSCALL_DISPATCH_FILTER_BLOCK ...  /* system calls raise SIGSYS */

/* PrctlSchedCore(IntEnum, PR_SCHED_CORE_): what PR_SCHED_CORE does */
#define PR_SCHED_CORE_GET ...         /* return the cookie of a thread (Linux 5.14) */
#define PR_SCHED_CORE_CREATE ...      /* make a new cookie (Linux 5.14) */
#define PR_SCHED_CORE_SHARE_TO ...    /* copy the cookie of this thread to others (Linux 5.14) */
#define PR_SCHED_CORE_SHARE_FROM ...  /* copy the cookie of a thread to this one (Linux 5.14) */
#define PR_SCHED_CORE_MAX ...         /* the number of the commands (Linux 5.14) */

/* PrctlSchedScope(IntEnum, PR_SCHED_CORE_SCOPE_): the threads that PR_SCHED_CORE is about */
#define PR_SCHED_CORE_SCOPE_THREAD ...         /* one thread (Linux 5.14) */
#define PR_SCHED_CORE_SCOPE_THREAD_GROUP ...   /* all threads of a process (Linux 5.14) */
#define PR_SCHED_CORE_SCOPE_PROCESS_GROUP ...  /* all processes of a process group (Linux 5.14) */

/* PrctlMdwe(IntFlag, PR_MDWE_): what memory cannot become (PR_SET_MDWE) */
#define PR_MDWE_REFUSE_EXEC_GAIN ...  /* memory that was not executable cannot become so (Linux 6.3) */
#define PR_MDWE_NO_INHERIT ...        /* forked children do not have this setting (Linux 6.7) */

/* -: what PR_SET_VMA sets */
#define PR_SET_VMA_ANON_NAME ...  /* the name of anonymous memory */

/* PrctlRiscvVector(IntFlag, PR_RISCV_V_VSTATE_CTRL_): whether vector instructions can be used */
#define PR_RISCV_V_VSTATE_CTRL_DEFAULT ...    /* as the system's default says (Linux 6.5) */
#define PR_RISCV_V_VSTATE_CTRL_OFF ...        /* they cannot (Linux 6.5) */
#define PR_RISCV_V_VSTATE_CTRL_ON ...         /* they can (Linux 6.5) */
#define PR_RISCV_V_VSTATE_CTRL_INHERIT ...    /* the next programs keep this (Linux 6.5) */
#define PR_RISCV_V_VSTATE_CTRL_CUR_MASK ...   /* the bits for this program (Linux 6.5) */
#define PR_RISCV_V_VSTATE_CTRL_NEXT_MASK ...  /* the bits for the next program (Linux 6.5) */
#define PR_RISCV_V_VSTATE_CTRL_MASK ...       /* all of these bits (Linux 6.5) */

/* PrctlIcache(IntEnum, PR_RISCV_CTX_SW_): the values of PR_RISCV_SET_ICACHE_FLUSH_CTX */
#define PR_RISCV_CTX_SW_FENCEI_ON ...   /* fence.i can be used (Linux 6.10) */
#define PR_RISCV_CTX_SW_FENCEI_OFF ...  /* fence.i cannot be used (Linux 6.10) */

/* PrctlIcacheScope(IntEnum, PR_RISCV_SCOPE_): the threads that PR_RISCV_SET_ICACHE_FLUSH_CTX is about */
#define PR_RISCV_SCOPE_PER_PROCESS ...  /* all threads of the process (Linux 6.10) */
#define PR_RISCV_SCOPE_PER_THREAD ...   /* this thread (Linux 6.10) */

/* PrctlDexcrAspect(IntEnum, PR_PPC_DEXCR_): the aspects of the Dynamic Execution Control Register */
#define PR_PPC_DEXCR_SBHE ...    /* speculative branch hints (Linux 6.10) */
#define PR_PPC_DEXCR_IBRTPD ...  /* no prediction of the targets of recurrent indirect branches (Linux 6.10) */
#define PR_PPC_DEXCR_SRAPD ...   /* no prediction of return addresses (Linux 6.10) */
#define PR_PPC_DEXCR_NPHIE ...   /* hash instructions for programs without privileges (Linux 6.10) */

/* PrctlDexcr(IntFlag, PR_PPC_DEXCR_CTRL_): what is set for an aspect (PR_PPC_SET_DEXCR) */
#define PR_PPC_DEXCR_CTRL_EDITABLE ...      /* it can be changed (Linux 6.10) */
#define PR_PPC_DEXCR_CTRL_SET ...           /* it is on (Linux 6.10) */
#define PR_PPC_DEXCR_CTRL_CLEAR ...         /* it is off (Linux 6.10) */
#define PR_PPC_DEXCR_CTRL_SET_ONEXEC ...    /* it is on when the next program is executed (Linux 6.10) */
#define PR_PPC_DEXCR_CTRL_CLEAR_ONEXEC ...  /* it is off when the next program is executed (Linux 6.10) */
#define PR_PPC_DEXCR_CTRL_MASK ...          /* all of these bits (Linux 6.10) */

/* PrctlShadowStack(IntFlag, PR_SHADOW_STACK_): how the shadow stack is used (PR_SET_SHADOW_STACK_STATUS) */
#define PR_SHADOW_STACK_ENABLE ...  /* the thread has one (Linux 6.13) */
#define PR_SHADOW_STACK_WRITE ...   /* the thread can write it (Linux 6.13) */
#define PR_SHADOW_STACK_PUSH ...    /* the thread can push to it (Linux 6.13) */

/* PrctlTimerIds(IntEnum, PR_TIMER_CREATE_RESTORE_IDS_): what PR_TIMER_CREATE_RESTORE_IDS does */
#define PR_TIMER_CREATE_RESTORE_IDS_OFF ...  /* the kernel chooses the ids (Linux 6.15) */
#define PR_TIMER_CREATE_RESTORE_IDS_ON ...   /* the caller chooses the ids (Linux 6.15) */
#define PR_TIMER_CREATE_RESTORE_IDS_GET ...  /* return which of the two is so (Linux 6.15) */

/* PrctlFutexHash(IntEnum, PR_FUTEX_HASH_): what PR_FUTEX_HASH does */
#define PR_FUTEX_HASH_SET_SLOTS ...  /* set the number of slots (Linux 6.16) */
#define PR_FUTEX_HASH_GET_SLOTS ...  /* return the number of slots (Linux 6.16) */

/* PrctlRseqSlice(IntEnum, PR_RSEQ_SLICE_EXTENSION_): what PR_RSEQ_SLICE_EXTENSION does */
#define PR_RSEQ_SLICE_EXTENSION_GET ...  /* return whether the thread may (Linux 7.0) */
#define PR_RSEQ_SLICE_EXTENSION_SET ...  /* set whether the thread may (Linux 7.0) */

/* -: the value of PR_RSEQ_SLICE_EXTENSION_SET */
#define PR_RSEQ_SLICE_EXT_ENABLE ...  /* the thread may ask for a longer time slice */

/* -: the aspect of control-flow integrity */
#define PR_CFI_BRANCH_LANDING_PADS ...  /* indirect branches end at landing pads */

/* PrctlCfi(IntFlag, PR_CFI_): what is set for it (PR_SET_CFI) */
#define PR_CFI_ENABLE ...   /* it is on (Linux 7.0) */
#define PR_CFI_DISABLE ...  /* it is off (Linux 7.0) */
#define PR_CFI_LOCK ...     /* it cannot be changed any more (Linux 7.0) */

/* Capability(IntEnum, CAP_): the capabilities, each a number of the sets */
#define CAP_CHOWN ...               /* change the owner and the group of files */
#define CAP_DAC_OVERRIDE ...        /* read, write and execute files whatever their permissions say */
#define CAP_DAC_READ_SEARCH ...     /* read files and search directories whatever their permissions say */
#define CAP_FOWNER ...              /* do what the owner of a file may */
#define CAP_FSETID ...              /* keep the set-user-id and set-group-id bits of files that change */
#define CAP_KILL ...                /* send signals to processes of other users */
#define CAP_SETGID ...              /* change group ids */
#define CAP_SETUID ...              /* change user ids */
#define CAP_SETPCAP ...             /* change the bounding set and securebits, and inherit any of the bounding set */
#define CAP_LINUX_IMMUTABLE ...     /* set the immutable and append-only attributes of files */
#define CAP_NET_BIND_SERVICE ...    /* listen on ports below 1024 */
#define CAP_NET_BROADCAST ...       /* is not used */
#define CAP_NET_ADMIN ...           /* configure the network */
#define CAP_NET_RAW ...             /* use raw sockets and packet sockets */
#define CAP_IPC_LOCK ...            /* lock memory and use huge pages */
#define CAP_IPC_OWNER ...           /* use System V IPC objects of other users */
#define CAP_SYS_MODULE ...          /* load modules into the kernel */
#define CAP_SYS_RAWIO ...           /* use ports of the machine and raw devices */
#define CAP_SYS_CHROOT ...          /* use chroot and enter mount namespaces */
#define CAP_SYS_PTRACE ...          /* trace processes of other users */
#define CAP_SYS_PACCT ...           /* switch process accounting on and off */
#define CAP_SYS_ADMIN ...           /* mount filesystems, and administer much else */
#define CAP_SYS_BOOT ...            /* reboot, and load another kernel */
#define CAP_SYS_NICE ...            /* raise priorities, and set schedulers and processors of other processes */
#define CAP_SYS_RESOURCE ...        /* exceed resource limits and quotas */
#define CAP_SYS_TIME ...            /* set the clock */
#define CAP_SYS_TTY_CONFIG ...      /* configure terminals */
#define CAP_MKNOD ...               /* make device files */
#define CAP_LEASE ...               /* take leases on files of other users */
#define CAP_AUDIT_WRITE ...         /* write to the audit log */
#define CAP_AUDIT_CONTROL ...       /* configure the audit log */
#define CAP_SETFCAP ...             /* set the capabilities of files */
#define CAP_MAC_OVERRIDE ...        /* override mandatory access control */
#define CAP_MAC_ADMIN ...           /* configure mandatory access control */
#define CAP_SYSLOG ...              /* read the log of the kernel, and see its addresses */
#define CAP_WAKE_ALARM ...          /* set timers that wake the machine */
#define CAP_BLOCK_SUSPEND ...       /* keep the machine awake */
#define CAP_AUDIT_READ ...          /* read the audit log */
#define CAP_PERFMON ...             /* observe the performance of the system (Linux 5.8) */
#define CAP_BPF ...                 /* load programs of BPF (Linux 5.8) */
#define CAP_CHECKPOINT_RESTORE ...  /* checkpoint and restore processes (Linux 5.9) */

/* -: the newest capability that butter knows */
#define CAP_LAST_CAP ...  /* the number of the last one */

long prctl(int option, unsigned long arg2, unsigned long arg3, unsigned long arg4, unsigned long arg5);
unsigned long butter_thread(void);
long butter_set_back(int option, unsigned long value, unsigned long thread, int process);

/* The sets of a thread, as bits: bit 12 is CAP_NET_ADMIN. */
typedef struct {
    uint64_t effective, permitted, inheritable;
} butter_capabilities;

int capget(int pid, butter_capabilities *sets);
int capset(int pid, uint64_t effective, uint64_t permitted, uint64_t inheritable);

ssize_t getxattr(int fd, const char *path, char *value, size_t size);
int setxattr(int fd, const char *path, const char *value, size_t size);
int removexattr(int fd, const char *path);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
SOURCES = [Path(__file__).with_name(name).read_text() for name in ("thread.h", "prctl.c")]
ffi.set_source("butter._prctl_c", "\n".join(SOURCES))
