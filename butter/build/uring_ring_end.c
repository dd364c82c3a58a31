/* The end of a ring: cancel, wait, unmap. Closing the descriptor alone would end
   neither the ring, whose memory is mapped, nor its requests, which go on to write into
   buffers. */

typedef struct {
    uint64_t addr;
    int32_t fd;
    uint32_t flags;
    butter_uring_time timeout;
    uint8_t opcode, pad[7];
    uint64_t unused[3];
} butter_sync_cancel;
_Static_assert(sizeof(butter_sync_cancel) == 64, "the kernel's struct io_uring_sync_cancel_reg");

/* Whether the kernel refuses all requests of the ring, which was not enabled. */
static int is_disabled(butter_ring *ring)
{
    return ring->setup & IORING_SETUP_R_DISABLED && enter(ring, 0, 0, IORING_ENTER_GETEVENTS) == -1 - EBADFD;
}

/* Let no thread in any more, and take back what was not handed over. */
static void begin_end(butter_ring *ring)
{
    uint32_t ending, taken;
    int others;

    lock_ring(ring);
    ending = ring->ending;
    ring->ending = 1;
    /* a thread that is just submitting may have what is published taken */
    others = ring->users != 0;
    unlock_ring(ring);
    if (ending)
        return;
    others |= ring->setup & IORING_SETUP_SQPOLL && !is_disabled(ring);
    lock_ring(ring);
    taken = others ? load(ring->sq_tail) : load(ring->sq_head);
    ring->in_flight -= ring->tail - taken;
    ring->tail = taken;
    store(ring->sq_tail, taken);
    unlock_ring(ring);
}

/* A request of the end itself: a completion wakes the threads that wait. */
static void put_and_enter(butter_ring *ring, const butter_sqe *request)
{
    if (put(ring, request) == 0) {
        uint32_t left = publish(ring);
        enter(ring, left, 0, IORING_ENTER_GETEVENTS);
    }
}

/* Cancel each request: at once since Linux 6.0, before that one by one. Fails with
   EEXIST where only another thread may do that. A request that the kernel's thread of
   SQPOLL has given to a worker is cancelled by that thread alone (seen on Linux 6.18).
   */
static int cancel_all(butter_ring *ring, const uint64_t *requests, uint32_t count)
{
    butter_sync_cancel any = {.flags = IORING_ASYNC_CANCEL_ANY, .fd = -1, .timeout = {0, 1000000}};
    long result = uring_register(ring->fd, IORING_REGISTER_SYNC_CANCEL, &any, 1);

    if (result == -1 - EEXIST)
        return (int)result;
    if (ring->setup & IORING_SETUP_SQPOLL) {
        const butter_sqe cancel = {
            .opcode = IORING_OP_ASYNC_CANCEL,
            .fd = -1,
            .op_flags = IORING_ASYNC_CANCEL_ANY,
            .user_data = BUTTER_ENDING,
        };
        put_and_enter(ring, &cancel);
    }
    if (result >= 0 || (result != -1 - EINVAL && result != -1 - EACCES))
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        butter_sqe cancel = {.opcode = IORING_OP_ASYNC_CANCEL, .fd = -1, .addr = requests[i]};
        cancel.user_data = BUTTER_ENDING;
        put_and_enter(ring, &cancel);
    }
    return 0;
}

/* Wait for at most 20 ms, by poll: it works in each thread and on each kernel. */
static void wait_a_little(butter_ring *ring)
{
    struct pollfd poller = {ring->fd, POLLIN, 0};

    poll(&poller, 1, 20);
    enter(ring, ring->tail - load(ring->sq_head), 0, IORING_ENTER_GETEVENTS);
}

static int end(butter_ring *ring, butter_completions *completions, const uint64_t *requests, uint32_t count)
{
    uint32_t users;

    begin_end(ring);
    lock_ring(ring);
    users = ring->users;
    unlock_ring(ring);
    if (users && ring->in_flight == 0) {
        const butter_sqe nothing = {.opcode = IORING_OP_NOP, .fd = -1, .user_data = BUTTER_ENDING};
        put_and_enter(ring, &nothing);
    }
    if (ring->in_flight && !take(ring, completions)) {
        int result = cancel_all(ring, requests, count);
        if (result < 0)
            return result;
        if (!take(ring, completions)) {
            wait_a_little(ring);
            take(ring, completions);
        }
    } else if (users)
        poll(NULL, 0, 1);
    lock_ring(ring);
    users = ring->users;
    unlock_ring(ring);
    return ring->in_flight || users || completions->count;
}

/* One step of the end: returns 0 once no request is under way and no thread uses the
   ring, and fails where it can only be ended by another thread. The completions are
   those that came meanwhile. The requests are those that Python knows of. */
static int butter_ring_end(butter_ring *ring, butter_completions *completions, const uint64_t *requests, uint32_t count)
{
    int result;

    completions->count = 0;
    if (ring->gone || ring->maps[0] == NULL)
        return 0;
    WITHOUT_GIL(result = end(ring, completions, requests, count));
    return result;
}

/* Unmap, now or when the last thread has left. */
static void butter_ring_unmap(butter_ring *ring)
{
    lock_ring(ring);
    ring->ending = ring->gone = 1;
    if (ring->users == 0)
        unmap(ring);
    unlock_ring(ring);
}
