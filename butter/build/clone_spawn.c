/* ---- in the parent: raw calls too, which no cancellation of a thread ends ---- */

static int has_page(const butter_spawn *spawn)
{
    return spawn->signs != &spawn->own_signs;
}

/* Have the signs in memory that children with memory of their own see too. */
static long share_signs(butter_spawn *spawn)
{
    void *page;

    if (has_page(spawn))
        return 0;
    page = mmap(NULL, sizeof *spawn->signs, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return -errno;
    spawn->signs = page;
    return 0;
}

static long make_child(butter_spawn *spawn)
{
    butter_birth birth = {.flags = BUTTER_CLONE_PIDFD | (spawn->middle ? 0 : (uint64_t)spawn->flags),
                          .signal = spawn->middle ? 0 : SIGCHLD,
                          .shares_memory = spawn->shares_memory,
                          .cgroup = spawn->cgroup,
                          .number = &spawn->pidfd,
                          .stack = spawn->stacks[0]};
    long result = spawn->middle || !spawn->shares_memory ? share_signs(spawn) : 0;

    if (result == 0)
        result = by_either(spawn, &birth);
    /* kernels before 6.3 with CLONE_NEWTIME, and emulators */
    if (result == -EINVAL && spawn->shares_memory) {
        birth.shares_memory = 0;
        result = share_signs(spawn);
        if (result == 0)
            result = by_either(spawn, &birth);
    }
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
        spawn->signs = &spawn->own_signs;
        spawn->ends[0] = spawn->ends[1] = spawn->pidfd = spawn->cgroup = spawn->ruleset = -1;
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

static int butter_spawn_directory(butter_spawn *spawn, const char *path)
{
    long result = raw(SYS_openat, AT_FDCWD, pointer(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);

    return result < 0 ? (int)result - 1 : (spawn->theirs[3] = (int)result);
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

/* Make the child, which begins with its steps. Returns 0, or -1 - errno. */
static int butter_spawn_start(butter_spawn *spawn)
{
    uint64_t all = ~UINT64_C(0), before;
    struct timespec now = {0, 0};
    /* a filter may hide it, and without it no child could be waited for */
    long result = raw(SYS_ppoll, 0, 0, pointer(&now), 0, 0);

    if (result == 0 || result == -EINTR)
        result = raw(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pointer(spawn->ends), 0);
    if (result < 0) {
        spawn->ends[0] = -1;
        return (int)result - 1;
    }
    spawn->connection = spawn->ends[1];
    /* the signals too that the C library keeps for itself */
    raw(SYS_rt_sigprocmask, SIG_BLOCK, pointer(&all), pointer(&before), sizeof all, 0);
    result = make_child(spawn);
    raw(SYS_rt_sigprocmask, SIG_SETMASK, pointer(&before), 0, sizeof before, 0);
    /* the child reads this number, maybe later */
    raw(SYS_close, spawn->ends[1], 0, 0, 0, 0);
    close_all(spawn->theirs, 4);
    spawn->pid = result > 0 ? (int)result : 0;
    return result < 0 ? (int)result - 1 : 0;
}

static int has_report(butter_spawn *spawn)
{
    int report[2];

    if (raw(SYS_recvfrom, spawn->ends[0], pointer(report), sizeof report, MSG_DONTWAIT, 0) != sizeof report)
        return 0;
    spawn->failed = report[0];
    spawn->error = report[1];
    return 1;
}

static long reap(int kind, int child, int options)
{
    return raw(SYS_waitid, kind, child, 0, WEXITED | __WALL | options, 0);
}

/* Wait until a middle child has made the program's child, which then is the child here.
   Returns 1 after that (or when the middle child was killed before, as its status then
   tells), 2 if a step failed, 0 if the time is over, -1 - EINTR after a signal, and
   -1 - errno where the child gets no pidfd: it is there, and waits. */
static int butter_spawn_born(butter_spawn *spawn, int milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    struct pollfd end = {spawn->pidfd, POLLIN, 0};
    long result = raw(SYS_ppoll, pointer(&end), 1, pointer(&time), 0, 0);

    if (result <= 0)
        return result < 0 ? (int)result - 1 : 0;
    if (!spawn->signs->child)
        return has_report(spawn) ? 2 : 1;
    reap(BUTTER_P_PIDFD, spawn->pidfd, WNOHANG);
    close_all(&spawn->pidfd, 1);
    result = raw(SYS_pidfd_open, spawn->signs->child, 0, 0, 0, 0);
    if (result < 0)
        return (int)result - 1;
    spawn->pidfd = (int)result;
    spawn->pid = spawn->signs->child;
    spawn->signs->child = 0;
    return 1;
}

/* Tell the child that it may go on, unless it has ended. Returns 0, or -1 - errno. */
static int butter_spawn_go(butter_spawn *spawn)
{
    long result = raw(SYS_sendto, spawn->ends[0], pointer("g"), 1, MSG_NOSIGNAL, 0);

    return result < 0 && result != -EPIPE && result != -ECONNRESET ? (int)result - 1 : 0;
}

/* Wait for the exec. Returns 1 after it (or when the child has died, as its status then
   tells), 2 if a step failed, 0 if the time is over, -1 - EINTR after a signal. */
static int butter_spawn_wait(butter_spawn *spawn, int milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    struct pollfd ends[2] = {{spawn->ends[0], POLLIN, 0}, {spawn->pidfd, POLLIN, 0}};
    /* looked at before the connection, as the child writes to that first */
    int ended = has_ended(spawn);
    long result = raw(SYS_ppoll, pointer(ends), 2, pointer(&time), 0, 0);

    if (result < 0)
        return (int)result - 1;
    /* A process that another thread forks meanwhile has a copy of the child's end, and
       as long as it lives the connection does not end. */
    if (result == 0)
        return ended != 0;
    return has_report(spawn) ? 2 : 1;
}

/* Kill the child, and reap it unless another thread does. Returns whether it has ended,
   so that it no longer uses the memory that was prepared for it. */
static int butter_spawn_kill(butter_spawn *spawn)
{
    struct timespec time = {DYING, 0};
    struct pollfd end = {spawn->pidfd, POLLIN, 0};
    long ended;

    /* in a process that a signal handler has forked this is a copy */
    if (raw(SYS_getpid, 0, 0, 0, 0, 0) != spawn->maker)
        return 1;
    if (spawn->pidfd >= 0) {
        long sent = raw(SYS_pidfd_send_signal, spawn->pidfd, SIGKILL, 0, 0, 0);
        /* A filter may hide that. Until the child is reaped, the number is its own. */
        if (sent < 0 && !reap(BUTTER_P_PIDFD, spawn->pidfd, WNOHANG | WNOWAIT))
            raw(SYS_kill, spawn->pid, SIGKILL, 0, 0, 0);
        do
            ended = raw(SYS_ppoll, pointer(&end), 1, pointer(&time), 0, 0);
        while (ended == -EINTR); /* the kernel counts the time down in `time` */
        if (ended > 0)
            reap(BUTTER_P_PIDFD, spawn->pidfd, WNOHANG);
        spawn->outlives = ended <= 0;
    }
    /* The child of a middle child, which has ended. It has done nothing yet that could
       take longer. */
    if (!spawn->outlives && spawn->signs->child) {
        raw(SYS_kill, spawn->signs->child, SIGKILL, 0, 0, 0);
        reap(P_PID, spawn->signs->child, 0);
        spawn->signs->child = 0;
    }
    return !spawn->outlives;
}

/* Let go of the connection. */
static void butter_spawn_disconnect(butter_spawn *spawn)
{
    close_all(spawn->ends, 1);
    if (has_page(spawn) && !spawn->outlives) {
        munmap(spawn->signs, sizeof *spawn->signs);
        spawn->signs = &spawn->own_signs;
    }
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
