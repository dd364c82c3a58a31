#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

/* All numbers of Linux 7.2 stand here, and <linux/prctl.h> is not included: where it is
   old it lacks some, and its constants differ in type from release to release. The
   numbers of the kernel never change. */
#define PR_SET_PDEATHSIG 1
#define PR_GET_PDEATHSIG 2
#define PR_GET_DUMPABLE 3
#define PR_SET_DUMPABLE 4
#define PR_GET_UNALIGN 5
#define PR_SET_UNALIGN 6
#define PR_GET_KEEPCAPS 7
#define PR_SET_KEEPCAPS 8
#define PR_GET_FPEMU 9
#define PR_SET_FPEMU 10
#define PR_GET_FPEXC 11
#define PR_SET_FPEXC 12
#define PR_GET_TIMING 13
#define PR_SET_TIMING 14
#define PR_SET_NAME 15
#define PR_GET_NAME 16
#define PR_GET_ENDIAN 19
#define PR_SET_ENDIAN 20
#define PR_GET_SECCOMP 21
#define PR_SET_SECCOMP 22
#define PR_CAPBSET_READ 23
#define PR_CAPBSET_DROP 24
#define PR_GET_TSC 25
#define PR_SET_TSC 26
#define PR_GET_SECUREBITS 27
#define PR_SET_SECUREBITS 28
#define PR_SET_TIMERSLACK 29
#define PR_GET_TIMERSLACK 30
#define PR_TASK_PERF_EVENTS_DISABLE 31
#define PR_TASK_PERF_EVENTS_ENABLE 32
#define PR_MCE_KILL 33
#define PR_MCE_KILL_GET 34
#define PR_SET_MM 35
#define PR_SET_CHILD_SUBREAPER 36
#define PR_GET_CHILD_SUBREAPER 37
#define PR_SET_NO_NEW_PRIVS 38
#define PR_GET_NO_NEW_PRIVS 39
#define PR_GET_TID_ADDRESS 40
#define PR_SET_THP_DISABLE 41
#define PR_GET_THP_DISABLE 42
#define PR_MPX_ENABLE_MANAGEMENT 43
#define PR_MPX_DISABLE_MANAGEMENT 44
#define PR_SET_FP_MODE 45
#define PR_GET_FP_MODE 46
#define PR_CAP_AMBIENT 47
#define PR_SVE_SET_VL 50
#define PR_SVE_GET_VL 51
#define PR_GET_SPECULATION_CTRL 52
#define PR_SET_SPECULATION_CTRL 53
#define PR_PAC_RESET_KEYS 54
#define PR_SET_TAGGED_ADDR_CTRL 55
#define PR_GET_TAGGED_ADDR_CTRL 56
#define PR_SET_IO_FLUSHER 57
#define PR_GET_IO_FLUSHER 58
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_PAC_SET_ENABLED_KEYS 60
#define PR_PAC_GET_ENABLED_KEYS 61
#define PR_SCHED_CORE 62
#define PR_SME_SET_VL 63
#define PR_SME_GET_VL 64
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#define PR_RISCV_V_SET_CONTROL 69
#define PR_RISCV_V_GET_CONTROL 70
#define PR_RISCV_SET_ICACHE_FLUSH_CTX 71
#define PR_PPC_GET_DEXCR 72
#define PR_PPC_SET_DEXCR 73
#define PR_GET_SHADOW_STACK_STATUS 74
#define PR_SET_SHADOW_STACK_STATUS 75
#define PR_LOCK_SHADOW_STACK_STATUS 76
#define PR_TIMER_CREATE_RESTORE_IDS 77
#define PR_FUTEX_HASH 78
#define PR_RSEQ_SLICE_EXTENSION 79
#define PR_GET_CFI 80
#define PR_SET_CFI 81
#define PR_SET_VMA 0x53564d41
#define PR_GET_AUXV 0x41555856
#define PR_SET_PTRACER 0x59616d61
#define SUID_DUMP_DISABLE 0
#define SUID_DUMP_USER 1
#define SUID_DUMP_ROOT 2
#define PR_SET_PTRACER_ANY (~0UL)
#define PR_UNALIGN_NOPRINT 1
#define PR_UNALIGN_SIGBUS 2
#define PR_FPEMU_NOPRINT 1
#define PR_FPEMU_SIGFPE 2
#define PR_FP_EXC_DISABLED 0
#define PR_FP_EXC_NONRECOV 1
#define PR_FP_EXC_ASYNC 2
#define PR_FP_EXC_PRECISE 3
#define PR_FP_EXC_SW_ENABLE 0x80
#define PR_FP_EXC_DIV 0x10000
#define PR_FP_EXC_OVF 0x20000
#define PR_FP_EXC_UND 0x40000
#define PR_FP_EXC_RES 0x80000
#define PR_FP_EXC_INV 0x100000
#define PR_TIMING_STATISTICAL 0
#define PR_TIMING_TIMESTAMP 1
#define PR_ENDIAN_BIG 0
#define PR_ENDIAN_LITTLE 1
#define PR_ENDIAN_PPC_LITTLE 2
#define SECCOMP_MODE_DISABLED 0
#define SECCOMP_MODE_STRICT 1
#define SECCOMP_MODE_FILTER 2
#define PR_TSC_ENABLE 1
#define PR_TSC_SIGSEGV 2
#define SECBIT_NOROOT 0x1
#define SECBIT_NOROOT_LOCKED 0x2
#define SECBIT_NO_SETUID_FIXUP 0x4
#define SECBIT_NO_SETUID_FIXUP_LOCKED 0x8
#define SECBIT_KEEP_CAPS 0x10
#define SECBIT_KEEP_CAPS_LOCKED 0x20
#define SECBIT_NO_CAP_AMBIENT_RAISE 0x40
#define SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED 0x80
#define SECBIT_EXEC_RESTRICT_FILE 0x100
#define SECBIT_EXEC_RESTRICT_FILE_LOCKED 0x200
#define SECBIT_EXEC_DENY_INTERACTIVE 0x400
#define SECBIT_EXEC_DENY_INTERACTIVE_LOCKED 0x800
#define PR_MCE_KILL_CLEAR 0
#define PR_MCE_KILL_SET 1
#define PR_MCE_KILL_LATE 0
#define PR_MCE_KILL_EARLY 1
#define PR_MCE_KILL_DEFAULT 2
#define PR_SET_MM_START_CODE 1
#define PR_SET_MM_END_CODE 2
#define PR_SET_MM_START_DATA 3
#define PR_SET_MM_END_DATA 4
#define PR_SET_MM_START_STACK 5
#define PR_SET_MM_START_BRK 6
#define PR_SET_MM_BRK 7
#define PR_SET_MM_ARG_START 8
#define PR_SET_MM_ARG_END 9
#define PR_SET_MM_ENV_START 10
#define PR_SET_MM_ENV_END 11
#define PR_SET_MM_AUXV 12
#define PR_SET_MM_EXE_FILE 13
#define PR_SET_MM_MAP 14
#define PR_SET_MM_MAP_SIZE 15
#define PR_THP_DISABLE_EXCEPT_ADVISED 2
#define PR_FP_MODE_FR 1
#define PR_FP_MODE_FRE 2
#define PR_CAP_AMBIENT_IS_SET 1
#define PR_CAP_AMBIENT_RAISE 2
#define PR_CAP_AMBIENT_LOWER 3
#define PR_CAP_AMBIENT_CLEAR_ALL 4
#define PR_SVE_VL_LEN_MASK 0xffff
#define PR_SVE_VL_INHERIT 0x20000
#define PR_SVE_SET_VL_ONEXEC 0x40000
#define PR_SME_VL_LEN_MASK 0xffff
#define PR_SME_VL_INHERIT 0x20000
#define PR_SME_SET_VL_ONEXEC 0x40000
#define PR_SPEC_STORE_BYPASS 0
#define PR_SPEC_INDIRECT_BRANCH 1
#define PR_SPEC_L1D_FLUSH 2
#define PR_SPEC_NOT_AFFECTED 0
#define PR_SPEC_PRCTL 0x1
#define PR_SPEC_ENABLE 0x2
#define PR_SPEC_DISABLE 0x4
#define PR_SPEC_FORCE_DISABLE 0x8
#define PR_SPEC_DISABLE_NOEXEC 0x10
#define PR_PAC_APIAKEY 0x1
#define PR_PAC_APIBKEY 0x2
#define PR_PAC_APDAKEY 0x4
#define PR_PAC_APDBKEY 0x8
#define PR_PAC_APGAKEY 0x10
#define PR_TAGGED_ADDR_ENABLE 0x1
#define PR_MTE_TCF_NONE 0x0
#define PR_MTE_TCF_SYNC 0x2
#define PR_MTE_TCF_ASYNC 0x4
#define PR_MTE_TCF_MASK 0x6
#define PR_MTE_TAG_MASK 0x7fff8
#define PR_MTE_STORE_ONLY 0x80000
#define PR_PMLEN_MASK 0x7f000000
#define PR_MTE_TAG_SHIFT 3
#define PR_MTE_TCF_SHIFT 1
#define PR_PMLEN_SHIFT 24
#define PR_SYS_DISPATCH_OFF 0
#define PR_SYS_DISPATCH_EXCLUSIVE_ON 1
#define PR_SYS_DISPATCH_ON 1
#define PR_SYS_DISPATCH_INCLUSIVE_ON 2
#define SYSCALL_DISPATCH_FILTER_ALLOW 0
#define SYSCALL_DISPATCH_FILTER_BLOCK 1
#define PR_SCHED_CORE_GET 0
#define PR_SCHED_CORE_CREATE 1
#define PR_SCHED_CORE_SHARE_TO 2
#define PR_SCHED_CORE_SHARE_FROM 3
#define PR_SCHED_CORE_MAX 4
#define PR_SCHED_CORE_SCOPE_THREAD 0
#define PR_SCHED_CORE_SCOPE_THREAD_GROUP 1
#define PR_SCHED_CORE_SCOPE_PROCESS_GROUP 2
#define PR_MDWE_REFUSE_EXEC_GAIN 0x1
#define PR_MDWE_NO_INHERIT 0x2
#define PR_SET_VMA_ANON_NAME 0
#define PR_RISCV_V_VSTATE_CTRL_DEFAULT 0
#define PR_RISCV_V_VSTATE_CTRL_OFF 1
#define PR_RISCV_V_VSTATE_CTRL_ON 2
#define PR_RISCV_V_VSTATE_CTRL_INHERIT 0x10
#define PR_RISCV_V_VSTATE_CTRL_CUR_MASK 0x3
#define PR_RISCV_V_VSTATE_CTRL_NEXT_MASK 0xc
#define PR_RISCV_V_VSTATE_CTRL_MASK 0x1f
#define PR_RISCV_CTX_SW_FENCEI_ON 0
#define PR_RISCV_CTX_SW_FENCEI_OFF 1
#define PR_RISCV_SCOPE_PER_PROCESS 0
#define PR_RISCV_SCOPE_PER_THREAD 1
#define PR_PPC_DEXCR_SBHE 0
#define PR_PPC_DEXCR_IBRTPD 1
#define PR_PPC_DEXCR_SRAPD 2
#define PR_PPC_DEXCR_NPHIE 3
#define PR_PPC_DEXCR_CTRL_EDITABLE 0x1
#define PR_PPC_DEXCR_CTRL_SET 0x2
#define PR_PPC_DEXCR_CTRL_CLEAR 0x4
#define PR_PPC_DEXCR_CTRL_SET_ONEXEC 0x8
#define PR_PPC_DEXCR_CTRL_CLEAR_ONEXEC 0x10
#define PR_PPC_DEXCR_CTRL_MASK 0x1f
#define PR_SHADOW_STACK_ENABLE 0x1
#define PR_SHADOW_STACK_WRITE 0x2
#define PR_SHADOW_STACK_PUSH 0x4
#define PR_TIMER_CREATE_RESTORE_IDS_OFF 0
#define PR_TIMER_CREATE_RESTORE_IDS_ON 1
#define PR_TIMER_CREATE_RESTORE_IDS_GET 2
#define PR_FUTEX_HASH_SET_SLOTS 1
#define PR_FUTEX_HASH_GET_SLOTS 2
#define PR_RSEQ_SLICE_EXTENSION_GET 1
#define PR_RSEQ_SLICE_EXTENSION_SET 2
#define PR_RSEQ_SLICE_EXT_ENABLE 1
#define PR_CFI_BRANCH_LANDING_PADS 0
#define PR_CFI_ENABLE 0x1
#define PR_CFI_DISABLE 0x2
#define PR_CFI_LOCK 0x4
#define CAP_CHOWN 0
#define CAP_DAC_OVERRIDE 1
#define CAP_DAC_READ_SEARCH 2
#define CAP_FOWNER 3
#define CAP_FSETID 4
#define CAP_KILL 5
#define CAP_SETGID 6
#define CAP_SETUID 7
#define CAP_SETPCAP 8
#define CAP_LINUX_IMMUTABLE 9
#define CAP_NET_BIND_SERVICE 10
#define CAP_NET_BROADCAST 11
#define CAP_NET_ADMIN 12
#define CAP_NET_RAW 13
#define CAP_IPC_LOCK 14
#define CAP_IPC_OWNER 15
#define CAP_SYS_MODULE 16
#define CAP_SYS_RAWIO 17
#define CAP_SYS_CHROOT 18
#define CAP_SYS_PTRACE 19
#define CAP_SYS_PACCT 20
#define CAP_SYS_ADMIN 21
#define CAP_SYS_BOOT 22
#define CAP_SYS_NICE 23
#define CAP_SYS_RESOURCE 24
#define CAP_SYS_TIME 25
#define CAP_SYS_TTY_CONFIG 26
#define CAP_MKNOD 27
#define CAP_LEASE 28
#define CAP_AUDIT_WRITE 29
#define CAP_AUDIT_CONTROL 30
#define CAP_SETFCAP 31
#define CAP_MAC_OVERRIDE 32
#define CAP_MAC_ADMIN 33
#define CAP_SYSLOG 34
#define CAP_WAKE_ALARM 35
#define CAP_BLOCK_SUSPEND 36
#define CAP_AUDIT_READ 37
#define CAP_PERFMON 38
#define CAP_BPF 39
#define CAP_CHECKPOINT_RESTORE 40
#define CAP_LAST_CAP 40

/* A call that fails returns -1 - errno: butter/errors.py says why. Not prctl() of the C
   library, whose result is an int: the timer slack may be longer than that. */
static long butter_prctl(int option, unsigned long arg2, unsigned long arg3, unsigned long arg4, unsigned long arg5)
{
    long result = syscall(SYS_prctl, option, arg2, arg3, arg4, arg5);

    return result < 0 ? -1 - errno : result;
}

/* Set an option back in the thread and the process that changed it; 0 stands for any.
   Elsewhere nothing happens, and the result is 1. It is one function, since Python
   runs the handlers of signals between two calls: one that raises would skip the
   second. */
static long butter_set_back(int option, unsigned long value, unsigned long thread, int process)
{
    if ((thread && thread != butter_thread()) || (process && process != getpid()))
        return 1;
    return butter_prctl(option, value, 0, 0, 0);
}

/* The newest form of the sets, with the lower and the upper 32 capabilities apart. */
#define VERSION_3 0x20080522
struct capability_header {
    uint32_t version;
    int pid;
};
struct capability_data {
    uint32_t effective, permitted, inheritable;
};
typedef struct {
    uint64_t effective, permitted, inheritable;
} butter_capabilities;

static int butter_capget(int pid, butter_capabilities *sets)
{
    struct capability_header header = {VERSION_3, pid};
    struct capability_data data[2] = {{0, 0, 0}, {0, 0, 0}};

    if (syscall(SYS_capget, &header, data) < 0)
        return -1 - errno;
    sets->effective = (uint64_t)data[1].effective << 32 | data[0].effective;
    sets->permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
    sets->inheritable = (uint64_t)data[1].inheritable << 32 | data[0].inheritable;
    return 0;
}

static int butter_capset(int pid, uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
    struct capability_header header = {VERSION_3, pid};
    struct capability_data data[2] = {
        {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
        {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)},
    };

    return syscall(SYS_capset, &header, data) < 0 ? -1 - errno : 0;
}

/* The attribute in which a file has its capabilities. The file is the descriptor where
   the path is NULL. */
#define CAPABILITY "security.capability"

static ssize_t butter_getxattr(int fd, const char *path, char *value, size_t size)
{
    ssize_t length = path ? getxattr(path, CAPABILITY, value, size) : fgetxattr(fd, CAPABILITY, value, size);

    return length < 0 ? -1 - errno : length;
}

static int butter_setxattr(int fd, const char *path, const char *value, size_t size)
{
    int result = path ? setxattr(path, CAPABILITY, value, size, 0) : fsetxattr(fd, CAPABILITY, value, size, 0);

    return result < 0 ? -1 - errno : 0;
}

static int butter_removexattr(int fd, const char *path)
{
    int result = path ? removexattr(path, CAPABILITY) : fremovexattr(fd, CAPABILITY);

    return result < 0 ? -1 - errno : 0;
}

#define prctl butter_prctl
#define capget butter_capget
#define capset butter_capset
#define getxattr butter_getxattr
#define setxattr butter_setxattr
#define removexattr butter_removexattr
