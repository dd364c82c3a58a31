/* The calls of io_uring, each as it is; the ring of an object is in uring_ring.c. */

static int butter_uring_setup(uint32_t entries, butter_uring_params *params)
{
    return (int)uring_result(syscall(SYS_io_uring_setup, entries, params));
}

/* The timeout is in nanoseconds, and a negative one waits for ever. Without a timeout
   and a minimal wait the plain form of the call is made, which Linux 5.1 has. */
static int butter_uring_enter(int fd, uint32_t to_submit, uint32_t min_complete, uint32_t flags, int masked,
                              uint64_t blocked, int64_t timeout, uint32_t min_wait)
{
    butter_uring_time time = {timeout / 1000000000, timeout % 1000000000};
    butter_uring_wait wait = {.min_wait_usec = min_wait};
    int result;

    if (masked) {
        wait.sigmask = (uint64_t)(uintptr_t)&blocked;
        wait.sigmask_size = sizeof blocked;
    }
    if (timeout >= 0)
        wait.timeout = (uint64_t)(uintptr_t)&time;
    if (timeout >= 0 || min_wait)
        WITHOUT_GIL(
            result = (int)uring_enter(fd, to_submit, min_complete, flags | IORING_ENTER_EXT_ARG, &wait, sizeof wait));
    else
        WITHOUT_GIL(result = (int)uring_enter(fd, to_submit, min_complete, flags, masked ? &blocked : NULL,
                                              masked ? sizeof blocked : 0));
    return result;
}

/* Some operations wait for the requests that are under way. */
static int butter_uring_register(int fd, uint32_t opcode, void *argument, uint32_t count)
{
    int result;

    WITHOUT_GIL(result = (int)uring_register(fd, opcode, argument, count));
    return result;
}
