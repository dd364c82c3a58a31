/* ---- in the child ---- */

static int is_kept(butter_spawn *spawn, int fd)
{
    for (int i = 0; i < spawn->kept_count; i++)
        if (spawn->kept[i].there == fd)
            return 1;
    return 0;
}

/* STEP_DEATH(signal, needed): ask for this signal at the end of the thread that calls
   spawn. Where a filter forbids that, it is an error only if the signal is needed. The
   thread may have ended before. Seen from another pid namespace the number of the
   parent is always 0; there the connection tells. */
static long step_death(butter_spawn *spawn, long signal, long needed)
{
    char word;
    long size, parent, result = raw(SYS_prctl, PR_SET_PDEATHSIG, signal, 0, 0, 0);

    if (result < 0)
        return needed ? result : 0;
    size = raw(SYS_recvfrom, spawn->connection, pointer(&word), 1, MSG_PEEK | MSG_DONTWAIT, 0);
    parent = raw(SYS_getppid, 0, 0, 0, 0, 0);
    return size == 0 || (parent && parent != spawn->maker) ? -ECANCELED : 0;
}

/* STEP_OPEN(stream, path, flags): open the file of a stream, and of stderr where that
   is stdout. The child does it, since a FIFO waits for its other end. */
static long step_open(butter_spawn *spawn, int stream, long path, long flags)
{
    long file = raw(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0666, 0);

    for (int i = 0; file >= 0 && i < spawn->kept_count; i++)
        if (spawn->kept[i].here == -1 - stream)
            spawn->kept[i].here = (int)file;
    return file;
}

/* Have a descriptor at this number or a higher one. */
static long move_past(int *fd, long lowest)
{
    long copy = *fd >= 0 && *fd < lowest ? raw(SYS_fcntl, *fd, F_DUPFD_CLOEXEC, lowest, 0, 0) : *fd;

    if (copy >= 0)
        *fd = (int)copy;
    return *fd < 0 ? 0 : copy;
}

/* STEP_KEEP: move what the program will have, the connection, and the ruleset, past all
   numbers that it will have there, so that no step overwrites another's descriptor. The
   copies are made early: the limit of descriptors may become lower than they are. */
static long step_keep(butter_spawn *spawn)
{
    int last = spawn->kept_count ? spawn->kept[spawn->kept_count - 1].there : 0;
    long lowest = last < FIRST_FREE ? FIRST_FREE : last + 1, result = move_past(&spawn->connection, lowest);

    if (result >= 0)
        result = move_past(&spawn->ruleset, lowest);
    if (result < 0)
        return result;
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

/* STEP_GO: wait for the parent, until it has opened the pidfd of the child of a middle
   child, and has written the maps of a user namespace. */
static long step_go(butter_spawn *spawn)
{
    char word;
    long size = raw(SYS_read, spawn->connection, pointer(&word), 1, 0, 0);

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

/* STEP_SECCOMP(instructions, count, flags): load a filter. It decides about all later
   calls of the child too: the exec, and the write of a report that the exec failed. */
static long step_seccomp(long instructions, long count, long flags)
{
    struct {
        unsigned short count;
        long instructions;
    } program = {(unsigned short)count, instructions}; /* struct sock_fprog */

    return raw(SYS_seccomp, BUTTER_SECCOMP_SET_MODE_FILTER, flags, pointer(&program), 0, 0);
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

/* ---- making a child, which the parent does, and a middle child ---- */

/* How the two differ. */
typedef struct {
    uint64_t flags;
    int signal; /* for the end of the child */
    int shares_memory;
    int cgroup;
    int *number; /* where the kernel stores one: the pidfd, or that of the child */
    char *stack;
} butter_birth;

static void run(butter_spawn *spawn);

static uintptr_t stack_bottom(const butter_birth *birth)
{
    return ((uintptr_t)birth->stack + 15) & ~(uintptr_t)15;
}

static uint64_t clone_flags(const butter_birth *birth)
{
    return birth->flags | (birth->shares_memory ? CLONE_VM : 0);
}

static long by_clone3(butter_spawn *spawn, const butter_birth *birth, int cgroup)
{
    struct butter_clone_args args = {.flags = clone_flags(birth) | BUTTER_CLONE_CLEAR_SIGHAND,
                                     .pidfd = (uintptr_t)birth->number,
                                     .parent_tid = (uintptr_t)birth->number,
                                     .exit_signal = (uint64_t)birth->signal};
    size_t size = offsetof(struct butter_clone_args, cgroup);

    if (birth->shares_memory) {
        args.stack = stack_bottom(birth);
        args.stack_size = STACK_SIZE - 16;
    }
    if (cgroup >= 0) {
        size = sizeof args;
        args.flags |= BUTTER_CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup;
    }
    spawn->cleared = 1;
    spawn->joined = cgroup >= 0;
    return enter(SYS_clone3, pointer(&args), (long)size, 0, 0, 0, run, spawn);
}

static long by_clone(butter_spawn *spawn, const butter_birth *birth)
{
    long flags = (long)clone_flags(birth) | birth->signal;
    long stack = birth->shares_memory ? (long)(stack_bottom(birth) + STACK_SIZE - 16) : 0;

    spawn->joined = spawn->cleared = 0;
    return enter(SYS_clone, flags, stack, pointer(birth->number), 0, 0, run, spawn);
}

static long by_either(butter_spawn *spawn, const butter_birth *birth)
{
    long result = by_clone3(spawn, birth, birth->cgroup);

    /* older than its cgroup (5.7), which the child can join by itself */
    if (birth->cgroup >= 0 && (result == -E2BIG || result == -EINVAL))
        result = by_clone3(spawn, birth, -1);
    /* the bit of CLONE_NEWTIME is part of the signal in clone */
    if (birth->flags & BUTTER_CLONE_NEWTIME)
        return result;
    /* missing, hidden by a filter, or older than its flags (5.5) */
    if (result == -ENOSYS || result == -EPERM || result == -EINVAL || result == -E2BIG)
        return by_clone(spawn, birth);
    return result;
}

/* STEP_CHILD(shares memory): make the program's child, which goes on with the steps. */
static long step_child(butter_spawn *spawn, int shares_memory)
{
    butter_birth birth = {.flags = (uint64_t)spawn->flags | CLONE_PARENT | CLONE_PARENT_SETTID,
                          .shares_memory = shares_memory,
                          .cgroup = -1,
                          .number = &spawn->signs->child,
                          .stack = spawn->stacks[1]};
    long result;

    /* In another pid namespace the number would be another one there, and the first
       process in a namespace cannot have a sibling. */
    if (raw(SYS_getppid, 0, 0, 0, 0, 0) != spawn->maker)
        return -EINVAL;
    /* Have the page there. For a process that is being killed the kernel may not bring
       it, and the number of the child would be lost. */
    *(volatile int *)birth.number = 0;
    result = by_either(spawn, &birth);
    if (result == -EINVAL && shares_memory) { /* as in make_child */
        birth.shares_memory = 0;
        result = by_either(spawn, &birth);
    }
    while (result > 0)
        raw(SYS_exit_group, 0, 0, 0, 0, 0);
    return result;
}

/* ---- the life of a child ---- */

static long step(butter_spawn *spawn, const butter_step *this)
{
    const long *a = this->arguments;

    switch (this->call) {
    case STEP_DEATH: return step_death(spawn, a[0], a[1]);
    case STEP_OPEN: return step_open(spawn, (int)a[0], a[1], a[2]);
    case STEP_CGROUP: return step_cgroup(spawn, a[0]);
    case STEP_CHILD: return step_child(spawn, (int)a[0]);
    case STEP_KEEP: return step_keep(spawn);
    case STEP_GO: return step_go(spawn);
    case STEP_FOREGROUND: return step_foreground(a[0]);
    case STEP_NICE: return step_nice(a[0]);
    case STEP_STREAMS: return step_streams(spawn);
    case STEP_RAISE: return step_raise();
    case STEP_BOUND: return step_bound((uint64_t)a[0]);
    case STEP_SIGNALS: return step_signals(spawn, (uint64_t)a[0], (uint64_t)a[1]);
    case STEP_LANDLOCK: return raw(SYS_landlock_restrict_self, spawn->ruleset, a[0], 0, 0, 0);
    case STEP_SECCOMP: return step_seccomp(a[0], a[1], a[2]);
    case STEP_EXEC: return step_exec((char **)a[0], a[1], a[2]);
    default: return raw(this->call, a[0], a[1], a[2], a[3], a[4]);
    }
}

/* Have the kernel mark a word when this process lets go of the memory, at the exec or
   its end: it takes the word for a lock whose owner dies. A filter may hide the number
   of the owner; then the end of the connection tells alone. */
static void mark_end(butter_spawn *spawn)
{
    long owner = raw(SYS_gettid, 0, 0, 0, 0, 0);

    if (owner < 1)
        return;
    spawn->signs->end = (int)owner;
    spawn->robust.next = &spawn->robust;
    spawn->robust.offset = 0;
    spawn->robust.pending = &spawn->signs->end;
    raw(SYS_set_robust_list, pointer(&spawn->robust), sizeof spawn->robust, 0, 0, 0);
}

static int has_ended(butter_spawn *spawn)
{
    return *(volatile int *)&spawn->signs->end & BUTTER_FUTEX_OWNER_DIED;
}

static void run(butter_spawn *spawn)
{
    int first = spawn->next == 0;

    /* the parent's end, of which another process must not have a copy */
    if (first)
        raw(SYS_close, spawn->ends[0], 0, 0, 0, 0);
    if (!first || !spawn->middle)
        mark_end(spawn);
    while (spawn->next < spawn->count) {
        long result = step(spawn, &spawn->steps[spawn->next++]);
        if (result < 0) {
            int report[2] = {spawn->next - 1, (int)-result};
            raw(SYS_write, spawn->connection, pointer(report), sizeof report, 0, 0);
            break;
        }
    }
    for (;;)
        raw(SYS_exit_group, 127, 0, 0, 0, 0);
}
