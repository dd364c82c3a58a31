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
