from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* SignalfdInit(IntFlag): the flags of signalfd */
#define SFD_CLOEXEC ...    /* close the descriptor when the process executes another program */
#define SFD_NONBLOCK ...   /* reads fail with EAGAIN instead of waiting for a signal */

/* SigmaskAction(IntEnum): the ways to change the mask, by the signals of pthread_sigmask */
#define SIG_BLOCK ...      /* block these signals, in addition to those that are blocked */
#define SIG_UNBLOCK ...    /* unblock these signals */
#define SIG_SETMASK ...    /* block these signals, and no others */

/* SignalCode(IntEnum): the codes that all signals have: the sender of the signal */
#define SI_USER ...        /* a process, by kill or raise */
#define SI_KERNEL ...      /* the kernel */
#define SI_QUEUE ...       /* a process, by sigqueue, with a value */
#define SI_TIMER ...       /* a timer of timer_create */
#define SI_MESGQ ...       /* a POSIX message queue that was empty got a message */
#define SI_ASYNCIO ...     /* an asynchronous input or output is complete */
#define SI_SIGIO ...       /* queued input or output, in kernels before Linux 2.4 */
#define SI_TKILL ...       /* a process, by tkill or tgkill, which pthread_kill is */
#define SI_DETHREAD ...    /* execve, to end the other threads */
#define SI_ASYNCNL ...     /* an asynchronous name lookup of glibc is complete */

/* ChildCode(IntEnum): the codes of a SIGCHLD, each about a change of the child */
#define CLD_EXITED ...     /* it exited; the status is its exit status */
#define CLD_KILLED ...     /* a signal killed it; the status is the signal */
#define CLD_DUMPED ...     /* a signal killed it and it dumped core; the status is the signal */
#define CLD_TRAPPED ...    /* it is traced and met a trap */
#define CLD_STOPPED ...    /* a signal stopped it; the status is the signal */
#define CLD_CONTINUED ...  /* it was stopped and goes on */

/* -: other numbers */
#define NEW_SIGNALFD ...   /* instead of a descriptor: make a new descriptor */
#define SIGINFO_LENGTH ... /* the size of one signal in the bytes of a read */

typedef struct { ...; } sigset_t;

typedef struct {
    uint32_t count;
    char data[16384];
    ...;
} butter_signals;

int signalfd(int fd, const sigset_t *mask, int flags);
int pthread_sigmask(int how, const sigset_t *set, sigset_t *oldset);

void butter_sigset_fill(sigset_t *set, uint64_t bits);
uint64_t butter_sigset_bits(const sigset_t *set);
int butter_signal_handled(int signum);
int butter_signalfd_read(int fd, butter_signals *signals);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
SOURCES = [Path(__file__).with_name(name).read_text() for name in ("signals.h", "signalfd.c")]
ffi.set_source("butter._signalfd_c", "\n".join(SOURCES))
