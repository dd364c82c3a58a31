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
   its ids are mapped. Its end closes at the exec, or when the child dies. The kernel
   lets go of the memory first, so what was prepared may be freed then.

   Some children have memory of their own: those that change ids, or join a user or time
   namespace. To change ids in shared memory makes the parent non-dumpable: its files in
   /proc become root's, and it leaves no core. To make it dumpable again before the exec
   would let the user of the child read the parent's memory. To join a user namespace
   may do the same, and a time namespace cannot be joined in shared memory.

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
#define BUTTER_P_PIDFD 3
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
    STEP_KEEP = -100,
    STEP_MAPPED,
    STEP_CGROUP,
    STEP_FOREGROUND,
    STEP_NICE,
    STEP_STREAMS,
    STEP_RAISE,
    STEP_BOUND,
    STEP_ORPHAN,
    STEP_SIGNALS,
    STEP_EXEC,
};

enum { START_SOCKETPAIR, START_SETNS, START_CLONE, START_RETURN };

typedef struct {
    long call;
    long arguments[5];
} butter_step;

typedef struct {
    int here, there;
} butter_kept;

typedef struct {
    butter_step *steps;
    int count;
    butter_kept *kept;
    int kept_count;
    int64_t flags;
    int cgroup;
    int pid_namespace;
    int shares_memory;
    int pid, pidfd;
    int failed, error;
    int joined;    /* whether clone put the child into the cgroup */
    int cleared;   /* whether clone reset the handlers of signals */
    int ends[2];   /* of the connection: the parent's and the child's */
    int child;     /* the child's end, in the child */
    int ours[3];   /* of the pipes, by stream, or -1 */
    int theirs[4]; /* of no use here once there is a child: by stream, and the directory of a cgroup, or -1 */
    int maker;     /* the process that the child is one of */
    int outlives;  /* whether the child has not ended in spite of SIGKILL */
    /* as struct robust_list_head: the kernel marks the word at the end of the child */
    struct {
        void *next;
        long offset;
        int *pending;
    } robust;
    int *word; /* in memory that both see: the page, or own_word */
    int own_word;
    void *page; /* shared by a child that has memory of its own, or NULL */
    char stack[STACK_SIZE];
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

/* ---- in the child ---- */

static int is_kept(butter_spawn *spawn, int fd)
{
    for (int i = 0; i < spawn->kept_count; i++)
        if (spawn->kept[i].there == fd)
            return 1;
    return 0;
}

/* STEP_KEEP: move what the program will have, and the connection, past all numbers
   that it will have there, so that no step overwrites another's descriptor. The copies
   are made first of all: the limit of descriptors may become lower than they are. */
static long step_keep(butter_spawn *spawn)
{
    int last = spawn->kept_count ? spawn->kept[spawn->kept_count - 1].there : 0;
    long lowest = last < FIRST_FREE ? FIRST_FREE : last + 1;

    raw(SYS_close, spawn->ends[0], 0, 0, 0, 0);
    spawn->child = spawn->ends[1];
    if (spawn->child < lowest) {
        long copy = raw(SYS_fcntl, spawn->child, F_DUPFD_CLOEXEC, lowest, 0, 0);
        if (copy < 0)
            return copy;
        spawn->child = (int)copy;
    }
    for (int i = 0; i < spawn->kept_count; i++) {
        long copy = raw(SYS_fcntl, spawn->kept[i].here, F_DUPFD_CLOEXEC, lowest, 0, 0);
        if (copy < 0)
            return copy;
        spawn->kept[i].here = (int)copy;
    }
    return 0;
}

/* The kernel is older than CLOSE_RANGE_CLOEXEC (5.11), or a filter hides the call. */
static long close_listed(butter_spawn *spawn)
{
    char names[2048];
    long size,
        directory = raw(SYS_openat, AT_FDCWD, pointer("/proc/self/fd"), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);

    if (directory < 0)
        return directory;
    while ((size = raw(SYS_getdents64, directory, pointer(names), sizeof names, 0, 0)) > 0) {
        /* struct dirent64: two 64-bit numbers, length of the entry, type, name */
        for (char *entry = names; entry < names + size; entry += *(unsigned short *)(entry + 16)) {
            int fd = 0;
            for (char *digit = entry + 19; *digit >= '0' && *digit <= '9'; digit++)
                fd = 10 * fd + *digit - '0';
            if (fd >= FIRST_FREE && !is_kept(spawn, fd))
                raw(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC, 0, 0);
        }
    }
    return size;
}

/* STEP_STREAMS: give the program its descriptors. All others close at the exec, the
   connection too, and not before: the child may still have to say what failed. */
static long step_streams(butter_spawn *spawn)
{
    unsigned int first = FIRST_FREE;
    long result = 0;

    for (int i = 0; i < spawn->kept_count; i++) {
        result = raw(SYS_dup3, spawn->kept[i].here, spawn->kept[i].there, 0, 0, 0);
        if (result < 0)
            return result;
    }
    for (int i = 0; i <= spawn->kept_count; i++) {
        unsigned int to = i < spawn->kept_count ? (unsigned int)spawn->kept[i].there : ~0U;
        if (to > first) {
            unsigned int last = to == ~0U ? to : to - 1;
            if (raw(SYS_close_range, first, last, BUTTER_CLOSE_RANGE_CLOEXEC, 0, 0) < 0)
                return close_listed(spawn);
        }
        if (to >= first)
            first = to + 1;
    }
    return 0;
}

/* STEP_MAPPED: wait until the parent has written the maps of the user namespace. */
static long step_mapped(butter_spawn *spawn)
{
    char word;
    long size = raw(SYS_read, spawn->child, pointer(&word), 1, 0, 0);

    /* at the end of the connection the parent is gone */
    return size < 0 ? size : size ? 0 : -ECANCELED;
}

/* STEP_CGROUP(directory): join it, where clone could not do that. */
static long step_cgroup(butter_spawn *spawn, long directory)
{
    long file, result;

    if (spawn->joined)
        return 0;
    file = raw(SYS_openat, directory, pointer("cgroup.procs"), O_WRONLY | O_CLOEXEC, 0, 0);
    if (file < 0)
        return file;
    result = raw(SYS_write, file, pointer("0"), 1, 0, 0);
    raw(SYS_close, file, 0, 0, 0, 0);
    return result;
}

/* STEP_FOREGROUND(terminal): tcsetpgrp. SIGTTOU, which it would send, is blocked. */
static long step_foreground(long terminal)
{
    int group = (int)raw(SYS_getpgid, 0, 0, 0, 0, 0);

    return raw(SYS_ioctl, terminal, TIOCSPGRP, pointer(&group), 0, 0);
}

/* STEP_NICE(more): the raw getpriority returns 20 - nice, which is never negative. */
static long step_nice(long more)
{
    long priority = raw(SYS_getpriority, PRIO_PROCESS, 0, 0, 0, 0);

    return priority < 0 ? priority : raw(SYS_setpriority, PRIO_PROCESS, 0, 20 - priority + more, 0, 0);
}

/* STEP_RAISE: have in force what is permitted, since to change the ids took it away. */
static long step_raise(void)
{
    uint32_t header[2] = {0x20080522, 0}; /* _LINUX_CAPABILITY_VERSION_3, this thread */
    uint32_t sets[6];                     /* effective, permitted, inheritable: low, then high */
    long result = raw(SYS_capget, pointer(header), pointer(sets), 0, 0, 0);

    if (result < 0)
        return result;
    sets[0] = sets[1];
    sets[3] = sets[4];
    return raw(SYS_capset, pointer(header), pointer(sets), 0, 0, 0);
}

/* STEP_BOUND(keep): drop all others from the bounding set; past the last is EINVAL. */
static long step_bound(uint64_t keep)
{
    for (int capability = 0; capability < 64; capability++) {
        long result = raw(SYS_prctl, PR_CAPBSET_READ, capability, 0, 0, 0);
        if (result == -EINVAL && capability)
            return 0;
        if (result == 1 && !(keep >> capability & 1))
            result = raw(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0);
        if (result < 0)
            return result;
    }
    return 0;
}

/* STEP_ORPHAN(parent): the parent may have died before the child asked for a signal of
   its death. Seen from another pid namespace the number of the parent is always 0;
   there the connection tells. */
static long step_orphan(butter_spawn *spawn, long parent)
{
    char word;
    long size = raw(SYS_recvfrom, spawn->child, pointer(&word), 1, MSG_PEEK | MSG_DONTWAIT, 0);
    long now = raw(SYS_getppid, 0, 0, 0, 0, 0);

    return size == 0 || (now && now != parent) ? -ECANCELED : 0;
}

/* STEP_SIGNALS(ignored, blocked): sets of signals, the first of those to ignore no
   longer. A handler is in the memory that the program will not have. */
static long step_signals(butter_spawn *spawn, uint64_t ignored, uint64_t blocked)
{
    for (int signum = 1; signum <= 64; signum++) {
        unsigned long action[4] = {0}; /* the kernel's: handler, flags, restorer, mask */
        if (spawn->cleared && !(ignored >> (signum - 1) & 1))
            continue;
        raw(SYS_rt_sigaction, signum, 0, pointer(action), sizeof blocked, 0);
        if (action[0] == (unsigned long)SIG_DFL ||
            (action[0] == (unsigned long)SIG_IGN && !(ignored >> (signum - 1) & 1)))
            continue;
        for (int i = 0; i < 4; i++)
            ((volatile unsigned long *)action)[i] = 0;
        raw(SYS_rt_sigaction, signum, pointer(action), 0, sizeof blocked, 0);
    }
    return raw(SYS_rt_sigprocmask, SIG_SETMASK, pointer(&blocked), 0, sizeof blocked, 0);
}

/* STEP_EXEC(programs, argv, environment): the first of the paths that can be run. As in
   subprocess the first error tells that is not about a path that is not there. */
static long step_exec(char **programs, long argv, long environment)
{
    long found = -ENOENT;

    for (; *programs; programs++) {
        long result = raw(SYS_execve, pointer(*programs), argv, environment, 0, 0);
        if (found == -ENOENT || found == -ENOTDIR)
            found = result;
    }
    return found;
}

static long step(butter_spawn *spawn, const butter_step *this)
{
    const long *a = this->arguments;

    switch (this->call) {
    case STEP_KEEP: return step_keep(spawn);
    case STEP_MAPPED: return step_mapped(spawn);
    case STEP_CGROUP: return step_cgroup(spawn, a[0]);
    case STEP_FOREGROUND: return step_foreground(a[0]);
    case STEP_NICE: return step_nice(a[0]);
    case STEP_STREAMS: return step_streams(spawn);
    case STEP_RAISE: return step_raise();
    case STEP_BOUND: return step_bound((uint64_t)a[0]);
    case STEP_ORPHAN: return step_orphan(spawn, a[0]);
    case STEP_SIGNALS: return step_signals(spawn, (uint64_t)a[0], (uint64_t)a[1]);
    case STEP_EXEC: return step_exec((char **)a[0], a[1], a[2]);
    default: return raw(this->call, a[0], a[1], a[2], a[3], a[4]);
    }
}

/* Have the kernel mark the word when this process lets go of the memory, at the exec or
   at its end: it takes the word for a lock whose owner dies. */
static void mark_end(butter_spawn *spawn)
{
    *spawn->word = (int)raw(SYS_gettid, 0, 0, 0, 0, 0);
    spawn->robust.next = &spawn->robust;
    spawn->robust.offset = 0;
    spawn->robust.pending = spawn->word;
    raw(SYS_set_robust_list, pointer(&spawn->robust), sizeof spawn->robust, 0, 0, 0);
}

static int has_ended(butter_spawn *spawn)
{
    return *(volatile int *)spawn->word & BUTTER_FUTEX_OWNER_DIED;
}

static void run(butter_spawn *spawn)
{
    mark_end(spawn);
    for (int i = 0; i < spawn->count; i++) {
        long result = step(spawn, &spawn->steps[i]);
        if (result < 0) {
            int report[2] = {i, (int)-result};
            raw(SYS_write, spawn->child, pointer(report), sizeof report, 0, 0);
            break;
        }
    }
    for (;;)
        raw(SYS_exit_group, 127, 0, 0, 0, 0);
}

/* ---- in the parent: raw calls too, which no cancellation of a thread ends ---- */

static uintptr_t stack_bottom(butter_spawn *spawn)
{
    return ((uintptr_t)spawn->stack + 15) & ~(uintptr_t)15;
}

static uint64_t clone_flags(butter_spawn *spawn)
{
    return (uint64_t)spawn->flags | (spawn->shares_memory ? CLONE_VM : 0) | BUTTER_CLONE_PIDFD;
}

static long by_clone3(butter_spawn *spawn)
{
    struct butter_clone_args args = {.flags = clone_flags(spawn) | BUTTER_CLONE_CLEAR_SIGHAND,
                                     .pidfd = (uintptr_t)&spawn->pidfd,
                                     .exit_signal = SIGCHLD};

    if (spawn->shares_memory) {
        args.stack = stack_bottom(spawn);
        args.stack_size = STACK_SIZE - 16;
    }
    spawn->cleared = 1;
    spawn->joined = spawn->cgroup >= 0;
    if (spawn->joined) {
        args.flags |= BUTTER_CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)spawn->cgroup;
    }
    return enter(SYS_clone3, pointer(&args), sizeof args, 0, 0, 0, run, spawn);
}

static long by_clone(butter_spawn *spawn)
{
    long flags = (long)(clone_flags(spawn) | SIGCHLD);
    long stack = spawn->shares_memory ? (long)(stack_bottom(spawn) + STACK_SIZE - 16) : 0;

    spawn->joined = spawn->cleared = 0;
    return enter(SYS_clone, flags, stack, pointer(&spawn->pidfd), 0, 0, run, spawn);
}

static long by_either(butter_spawn *spawn)
{
    long result = by_clone3(spawn);

    /* the bit of CLONE_NEWTIME is part of the signal in clone */
    if (spawn->flags & BUTTER_CLONE_NEWTIME)
        return result;
    /* missing, hidden by a filter, or older than its flags (5.5) or its cgroup (5.7) */
    if (result == -ENOSYS || result == -EPERM || result == -EINVAL || result == -E2BIG)
        return by_clone(spawn);
    return result;
}

static long with_own_memory(butter_spawn *spawn)
{
    void *page = mmap(NULL, sizeof *spawn->word, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return -errno;
    spawn->word = spawn->page = page;
    spawn->shares_memory = 0;
    return by_either(spawn);
}

static long make_child(butter_spawn *spawn)
{
    long result = spawn->shares_memory ? by_either(spawn) : with_own_memory(spawn);

    /* kernels before 6.3 with CLONE_NEWTIME, and emulators */
    if (result == -EINVAL && spawn->shares_memory)
        result = with_own_memory(spawn);
    /* The kernel stores the number before its last checks, as that of the cgroup, and
       then opens nothing: another thread may have a file of this number by now. */
    if (result < 0)
        spawn->pidfd = -1;
    return result;
}

static void close_all(int *numbers, int count)
{
    for (int i = 0; i < count; i++) {
        if (numbers[i] >= 0)
            raw(SYS_close, numbers[i], 0, 0, 0, 0);
        numbers[i] = -1;
    }
}

/* Make a state in which nothing is open, or return NULL. */
static butter_spawn *butter_spawn_new(void)
{
    butter_spawn *spawn = calloc(1, sizeof *spawn);

    if (spawn) {
        spawn->maker = (int)raw(SYS_getpid, 0, 0, 0, 0, 0);
        spawn->ends[0] = spawn->ends[1] = spawn->pidfd = spawn->cgroup = spawn->pid_namespace = -1;
        memset(spawn->ours, -1, sizeof spawn->ours);
        memset(spawn->theirs, -1, sizeof spawn->theirs);
    }
    return spawn;
}

/* These open something, and return the number for the child, or -1 - errno. */
static int butter_spawn_pipe(butter_spawn *spawn, int stream)
{
    int ends[2];
    long result = raw(SYS_pipe2, pointer(ends), O_CLOEXEC, 0, 0, 0);

    if (result < 0)
        return (int)result - 1;
    spawn->ours[stream] = ends[stream == 0];
    return spawn->theirs[stream] = ends[stream != 0];
}

static int butter_spawn_open(butter_spawn *spawn, int place, const char *path, int flags)
{
    long result = raw(SYS_openat, AT_FDCWD, pointer(path), flags | O_CLOEXEC, 0666, 0);

    return result < 0 ? (int)result - 1 : (spawn->theirs[place] = (int)result);
}

/* Find the texts, each with its NUL, for an argv. Returns whether there are not `count`
   of them, as one has a NUL in it. */
static int butter_spawn_split(char *texts, size_t size, char **places, size_t count)
{
    size_t found = 0;

    for (char *text = texts; count && text < texts + size; text += strlen(text) + 1, found++)
        if (found < count)
            places[found] = text;
    return found != count;
}

/* A child is made in the pid namespace that its maker's thread has set for children,
   and the thread has its own back afterwards. To join its own first, which changes
   nothing, tells whether it will be allowed to. */
static long make_child_in_namespace(butter_spawn *spawn)
{
    long result, back = 0;
    long own = raw(SYS_openat, AT_FDCWD, pointer("/proc/thread-self/ns/pid_for_children"), O_RDONLY | O_CLOEXEC, 0, 0);

    spawn->failed = START_SETNS;
    if (own < 0)
        return own;
    result = raw(SYS_setns, own, CLONE_NEWPID, 0, 0, 0);
    if (result == 0)
        result = raw(SYS_setns, spawn->pid_namespace, CLONE_NEWPID, 0, 0, 0);
    if (result == 0) {
        spawn->failed = START_CLONE;
        result = make_child(spawn);
        back = raw(SYS_setns, own, CLONE_NEWPID, 0, 0, 0);
    }
    raw(SYS_close, own, 0, 0, 0, 0);
    if (back < 0)
        spawn->failed = START_RETURN;
    return back < 0 ? back : result;
}

/* Make the child, which begins with its steps. Returns 0, or -1 - errno of the call
   that `failed` then names. */
static int butter_spawn_start(butter_spawn *spawn)
{
    uint64_t all = ~UINT64_C(0), before;
    long result = raw(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pointer(spawn->ends), 0);

    spawn->word = &spawn->own_word;
    spawn->failed = START_SOCKETPAIR;
    if (result < 0) {
        spawn->ends[0] = -1;
        return (int)result - 1;
    }
    spawn->failed = START_CLONE;
    /* the signals too that the C library keeps for itself */
    raw(SYS_rt_sigprocmask, SIG_BLOCK, pointer(&all), pointer(&before), sizeof all, 0);
    result = spawn->pid_namespace < 0 ? make_child(spawn) : make_child_in_namespace(spawn);
    raw(SYS_rt_sigprocmask, SIG_SETMASK, pointer(&before), 0, sizeof before, 0);
    /* the child reads this number, maybe later */
    raw(SYS_close, spawn->ends[1], 0, 0, 0, 0);
    close_all(spawn->theirs, 4);
    spawn->pid = result > 0 ? (int)result : 0;
    return result < 0 ? (int)result - 1 : 0;
}

/* Tell the child that its ids are mapped. */
static int butter_spawn_mapped(butter_spawn *spawn)
{
    long result = raw(SYS_sendto, spawn->ends[0], pointer("m"), 1, MSG_NOSIGNAL, 0);

    return result < 0 ? (int)result - 1 : 0;
}

/* Wait for the exec. Returns 1 after it (or when the child has died, as its status then
   tells), 2 if a step failed, 0 if the time is over, -1 - EINTR after a signal. */
static int butter_spawn_wait(butter_spawn *spawn, int milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    struct pollfd end = {spawn->ends[0], POLLIN, 0};
    int report[2];
    /* looked at before the connection, as the child writes to that first */
    int ended = has_ended(spawn);
    long result = raw(SYS_ppoll, pointer(&end), 1, pointer(&time), 0, 0);

    if (result < 0)
        return (int)result - 1;
    /* A process that another thread forks meanwhile has a copy of the child's end, and
       as long as it lives the connection does not end. */
    if (result == 0)
        return ended != 0;
    if (raw(SYS_recvfrom, spawn->ends[0], pointer(report), sizeof report, MSG_DONTWAIT, 0) != sizeof report)
        return 1;
    spawn->failed = report[0];
    spawn->error = report[1];
    return 2;
}

/* Kill the child, and reap it unless another thread does. Returns whether it has ended,
   so that it no longer uses the memory that was prepared for it. */
static int butter_spawn_kill(butter_spawn *spawn)
{
    struct timespec time = {DYING, 0};
    struct pollfd end = {spawn->pidfd, POLLIN, 0};
    long ended;

    /* in a process that a signal handler has forked this is a copy */
    if (spawn->pidfd < 0 || raw(SYS_getpid, 0, 0, 0, 0, 0) != spawn->maker)
        return 1;
    raw(SYS_pidfd_send_signal, spawn->pidfd, SIGKILL, 0, 0, 0);
    do
        ended = raw(SYS_ppoll, pointer(&end), 1, pointer(&time), 0, 0);
    while (ended == -EINTR); /* the kernel counts the time down in `time` */
    if (ended > 0)
        raw(SYS_waitid, BUTTER_P_PIDFD, spawn->pidfd, 0, WEXITED | WNOHANG, 0);
    spawn->outlives = ended <= 0;
    return ended > 0;
}

/* Let go of the connection. */
static void butter_spawn_disconnect(butter_spawn *spawn)
{
    close_all(spawn->ends, 1);
    if (spawn->page)
        munmap(spawn->page, sizeof *spawn->word);
    spawn->page = NULL;
}

/* Close what is left. The pidfd is -1 if it belongs to an object by now. */
static void butter_spawn_release(butter_spawn *spawn)
{
    butter_spawn_disconnect(spawn);
    close_all(spawn->ours, 3);
    close_all(spawn->theirs, 4);
    close_all(&spawn->pidfd, 1);
}

/* The end of a state, which has no child any more where spawn came to its own end. The
   memory of a child that runs on is never freed, as its stack is there. `used` is what
   the steps point into, and is not freed before this. */
static void butter_spawn_free(void *used, butter_spawn *spawn)
{
    (void)used;
    if (!spawn)
        return;
    butter_spawn_kill(spawn);
    butter_spawn_release(spawn);
    if (!spawn->outlives)
        free(spawn);
}
