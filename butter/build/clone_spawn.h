#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Starting a program: everything between clone and exec.

   The obvious way is fork, then Python, then exec. It is wrong twice. Other threads
   may have held locks at the fork (of malloc, of the interpreter), and the child waits
   for them for ever. And fork copies the page tables: 38 ms for each GiB of the parent.

   So the child shares the memory of the parent (CLONE_VM) on a stack of its own, and
   no Python runs in it. It is a guest there: what it writes, it writes into the
   parent, and thread-local variables are those of the thread that made it. The child
   makes raw system calls alone, because the functions of the C library write errno,
   take locks, and know the parent's thread (setuid sends a signal to all of them).
   All signals are blocked before there is a child, and handlers are reset before any
   is unblocked: a handler of Python would run in the child, on the parent's objects.

   The parent does not sleep in vfork, where nothing but SIGKILL could wake it. The two
   have a connection: the child writes to it which step failed, and reads from it that
   it may go on, as when its ids are mapped. Its end closes at the exec, or when the
   child dies. The kernel lets go of the memory first, so what was prepared may be freed
   then.

   Some children have memory of their own: those that change ids, or join a user or time
   namespace. To change ids in shared memory makes the parent non-dumpable: its files in
   /proc become root's, and it leaves no core. To make it dumpable again before the exec
   would let the user of the child read the parent's memory. To join a user namespace
   may do the same, and a time namespace cannot be joined in shared memory.

   Namespaces are joined by the child. Where the program has new ones beside those, or
   joins a pid namespace, its process has to be made afterwards: a new namespace belongs
   to the user namespace of its maker, and a pid namespace is joined for children. Then
   the first child is a middle child. It joins, makes the program's child beside itself
   (CLONE_PARENT), and ends.

   Its end sends no signal, so no handler of SIGCHLD hears of it, and no wait without
   __WALL finds it. The other child inherits that, until the exec sets SIGCHLD. Up to
   then it remains, dead or alive, until spawn reaps it, also where SIGCHLD is ignored:
   the number is its own, and the parent can open a pidfd for it. The child waits for
   that. The kernel stores the number before the child runs, in a page that the middle
   child has written to. So if the middle child is killed, at whatever moment, the
   parent knows whether there is another.

   While a child has not executed the program, it is killed with the thread that spawns.

   The steps are data, in the order in which Python lists them. Most are one system
   call, so one more step is one more row there; the others are functions here. */

#ifndef SYS_clone3
# define SYS_clone3 435
#endif
#ifndef SYS_move_mount
# define SYS_move_mount 429
#endif
#ifndef SYS_close_range
# define SYS_close_range 436
#endif
#ifndef SYS_pidfd_send_signal
# define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
# define SYS_pidfd_open 434
#endif
#ifndef SYS_landlock_restrict_self
# define SYS_landlock_restrict_self 446
#endif
#ifndef __WALL
# define __WALL 0x40000000
#endif
#define BUTTER_P_PIDFD 3
#define BUTTER_SECCOMP_SET_MODE_FILTER 1
#define BUTTER_FUTEX_OWNER_DIED 0x40000000
#define BUTTER_CLONE_PIDFD 0x1000
#define BUTTER_CLONE_NEWTIME 0x80
#define BUTTER_CLONE_CLEAR_SIGHAND UINT64_C(0x100000000)
#define BUTTER_CLONE_INTO_CGROUP UINT64_C(0x200000000)
#define BUTTER_CLOSE_RANGE_CLOEXEC 4

#define STACK_SIZE 16384
/* How many seconds a child that was killed may take to end. It takes longer only in a
   call of the kernel that nothing interrupts. */
#define DYING 5
#define FIRST_FREE 3 /* descriptor after stdin, stdout and stderr */

enum {
    STEP_DEATH = -100,
    STEP_OPEN,
    STEP_CGROUP,
    STEP_CHILD,
    STEP_KEEP,
    STEP_GO,
    STEP_FOREGROUND,
    STEP_NICE,
    STEP_STREAMS,
    STEP_RAISE,
    STEP_BOUND,
    STEP_SIGNALS,
    STEP_LANDLOCK,
    STEP_SECCOMP,
    STEP_EXEC,
};

typedef struct {
    long call;
    long arguments[5];
} butter_step;

/* A descriptor, here and in the program. One that STEP_OPEN opens for a stream is
   -1 - stream here until then. */
typedef struct {
    int here, there;
} butter_kept;

/* Two words that the children, or the kernel for them, write for the parent. */
typedef struct {
    int end;   /* see mark_end */
    int child; /* the number of the child that a middle child has made, or 0 */
} butter_signs;

typedef struct {
    butter_step *steps;
    int count;
    butter_kept *kept;
    int kept_count;
    int64_t flags;
    int cgroup;
    int shares_memory;
    int middle;
    int pid, pidfd;
    int failed, error;
    int next;       /* the step that comes next, in the child */
    int ruleset;    /* of landlock, which STEP_KEEP moves, or -1 */
    int joined;     /* whether clone put the child into the cgroup */
    int cleared;    /* whether clone reset the handlers of signals */
    int ends[2];    /* of the connection: the parent's and the child's */
    int connection; /* the child's end, in the child */
    int ours[3];    /* of the pipes, by stream, or -1 */
    int theirs[4];  /* of no use here once there is a child: by stream, and the directory of a cgroup, or -1 */
    int maker;      /* the process that the child is one of */
    int outlives;   /* whether the child has not ended in spite of SIGKILL */
    /* as struct robust_list_head: the kernel marks the word at the end of the child */
    struct {
        void *next;
        long offset;
        int *pending;
    } robust;
    butter_signs *signs; /* in memory that all of them see: own_signs, or a page */
    butter_signs own_signs;
    char stacks[2][STACK_SIZE]; /* of the first child, and of the one that a middle child makes */
} butter_spawn;

/* the clone_args of the kernel, which older headers lack */
struct butter_clone_args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

/* raw: a system call that touches nothing of the C library, and returns -errno.

   enter: the same for a call that makes a child, which runs *run* on its new stack. A
   child with memory of its own is in a copy of it, on the same stack. */
#if defined(__x86_64__) && !defined(__ILP32__)
static inline long raw(long number, long a, long b, long c, long d, long e)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

static long enter(long number, long a, long b, long c, long d, long e, void (*run)(butter_spawn *), butter_spawn *spawn)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register void *r12 __asm__("r12") = (void *)run;
    register void *r13 __asm__("r13") = spawn;
    long result;

    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "and $-16, %%rsp\n\t"
                     "mov %%r13, %%rdi\n\t"
                     "call *%%r12\n\t"
                     "hlt\n"
                     "1:"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r12), "r"(r13)
                     : "rcx", "r11", "memory", "cc");
    return result;
}
#elif defined(__aarch64__)
static inline long raw(long number, long a, long b, long c, long d, long e)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;

    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}

static long enter(long number, long a, long b, long c, long d, long e, void (*run)(butter_spawn *), butter_spawn *spawn)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register void *x19 __asm__("x19") = (void *)run;
    register void *x20 __asm__("x20") = spawn;

    __asm__ volatile("svc #0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, xzr\n\t"
                     "mov x0, x20\n\t"
                     "blr x19\n\t"
                     "brk #0\n"
                     "1:"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x19), "r"(x20)
                     : "memory", "cc");
    return x0;
}
#else
# error "the steps of a child need raw system calls, which butter has for x86_64 and aarch64"
#endif

/* A macro, since a pointer to const would promise that the kernel writes nothing. */
#define pointer(memory) ((long)(intptr_t)(memory))
