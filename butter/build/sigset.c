#include <poll.h>
#include <sys/signalfd.h>

/* Change the mask of the thread, and return the one before as a number, or -1 - errno.
   A mask never has SIGKILL and SIGSTOP, so it cannot be taken for such a result. */
static int64_t butter_sigprocmask(int how, uint64_t bits)
{
    sigset_t set, old;

    butter_sigset_fill(&set, bits);
    return sigprocmask(how, &set, &old) < 0 ? -1 - errno : (int64_t)butter_sigset_bits(&old);
}
#define sigprocmask butter_sigprocmask

/* Set the mask back, in the thread that changed it; elsewhere nothing happens, and the
   result is 1. It is one function, since Python runs the handlers of signals between
   two calls: one that raises would skip the second. */
static int butter_mask_back(unsigned long thread, uint64_t before)
{
    int64_t result;

    if (thread != butter_thread())
        return 1;
    result = butter_sigprocmask(SIG_SETMASK, before);
    return result < 0 && result >= -4096 ? (int)result : 0;
}

static int butter_sigqueue(int pid, int signum, uint64_t value)
{
    return (int)result_of(sigqueue(pid, signum, (union sigval){.sival_ptr = (void *)(uintptr_t)value}));
}
#define sigqueue butter_sigqueue

/* Fill the fields that a signalfd fills: the signal and its code decide which. */
static void butter_siginfo(struct signalfd_siginfo *signal, const siginfo_t *info)
{
    int code = info->si_code, of_descriptor = code == SI_SIGIO;

    *signal =
        (struct signalfd_siginfo){.ssi_signo = (uint32_t)info->si_signo, .ssi_errno = info->si_errno, .ssi_code = code};
    if (code > 0 && code < SI_KERNEL) {
        switch (info->si_signo) {
        case SIGSYS:
            signal->ssi_syscall = info->si_syscall;
            signal->ssi_call_addr = (uintptr_t)info->si_call_addr;
            signal->ssi_arch = info->si_arch;
            return;
        case SIGILL:
        case SIGFPE:
        case SIGSEGV:
        case SIGBUS:
        case SIGTRAP:
            signal->ssi_addr = (uintptr_t)info->si_addr;
            if (info->si_signo == SIGBUS && (code == BUS_MCEERR_AR || code == BUS_MCEERR_AO))
                signal->ssi_addr_lsb = (uint16_t)info->si_addr_lsb;
            return;
        case SIGCHLD:
            signal->ssi_status = info->si_status;
            signal->ssi_utime = (uint64_t)info->si_utime;
            signal->ssi_stime = (uint64_t)info->si_stime;
            break;
        default:
            /* F_SETSIG, F_SETLEASE and F_NOTIFY send any signal with a code of SIGIO */
            of_descriptor = code <= POLL_HUP;
        }
    }
    if (of_descriptor) {
        signal->ssi_band = (uint32_t)info->si_band;
        signal->ssi_fd = info->si_fd;
        return;
    }
    if (code == SI_TIMER) {
        signal->ssi_tid = (uint32_t)info->si_timerid;
        signal->ssi_overrun = (uint32_t)info->si_overrun;
    } else {
        signal->ssi_pid = (uint32_t)info->si_pid;
        signal->ssi_uid = info->si_uid;
    }
    if (code < 0) {
        signal->ssi_int = info->si_value.sival_int;
        signal->ssi_ptr = (uintptr_t)info->si_value.sival_ptr;
    }
}

/* Take a signal that waits, and return its number, or -1 - errno. Negative nanoseconds
   wait without an end. It is not the function of the C library, which says SI_USER
   where the kernel says SI_TKILL. */
static int butter_sigtimedwait(uint64_t bits, int64_t nanoseconds, char *signal)
{
    struct timespec time = butter_timespec(nanoseconds), *limit = nanoseconds < 0 ? NULL : &time;
    siginfo_t info = {0};
    int result;

    WITHOUT_GIL(result = (int)result_of(syscall(SYS_rt_sigtimedwait, &bits, &info, limit, sizeof bits)));
    if (result > 0)
        butter_siginfo((struct signalfd_siginfo *)signal, &info);
    return result;
}
#define sigtimedwait butter_sigtimedwait

static int butter_sigsuspend(uint64_t bits)
{
    sigset_t set;
    int result;

    butter_sigset_fill(&set, bits);
    WITHOUT_GIL(result = (int)result_of(sigsuspend(&set)));
    return result;
}
#define sigsuspend butter_sigsuspend

/* Not pause(), since aarch64 does not have that system call. */
static int butter_pause(void)
{
    int result;

    WITHOUT_GIL(result = (int)result_of(ppoll(NULL, 0, NULL, NULL)));
    return result;
}
#define pause butter_pause
