/* Many reads by one call, as fast as C makes them: the results go into a list, also
   where another thread takes the completions. */

/* Return how many bytes so many reads ask for, or -1 - the index of one that cannot be.
   */
static int64_t butter_batch_size(const int64_t *requests, uint32_t count)
{
    int64_t total = 0;

    for (uint32_t i = 0; i < count; i++) {
        const int64_t *request = &requests[3 * i];
        if (request[0] < INT32_MIN || request[0] > INT32_MAX || request[1] < 0 || request[1] > INT32_MAX ||
            request[2] < 0)
            return -1 - (int64_t)i;
        total += request[1];
    }
    return total;
}

/* Queue as many reads as there is room for. */
static void put_reads(butter_ring *ring, butter_batch *batch)
{
    uint32_t room, first, i;

    lock_ring(ring);
    room = ring->entries - (ring->tail - load(ring->sq_head));
    first = batch->queued;
    for (i = first; i < batch->count && i - first < room; i++) {
        ring->sqes[(ring->tail++ & (ring->entries - 1)) << ring->sqe_shift] = (butter_sqe){
            .opcode = IORING_OP_READ,
            .fd = (int32_t)batch->requests[3 * i],
            .off = (uint64_t)batch->requests[3 * i + 2],
            .addr = (uint64_t)(uintptr_t)(batch->memory + batch->at),
            .len = (uint32_t)batch->requests[3 * i + 1],
            .user_data = BUTTER_BATCH | (uint64_t)batch->place << 32 | i,
        };
        batch->at += (uint64_t)batch->requests[3 * i + 1];
    }
    batch->queued = i;
    batch->left += i - first;
    ring->in_flight += i - first;
    unlock_ring(ring);
}

/* How many reads of the batch have no completion yet. */
static uint32_t left_of(butter_ring *ring, butter_batch *batch)
{
    uint32_t left;

    lock_ring(ring);
    left = batch->left;
    unlock_ring(ring);
    return left;
}

/* Whether a completion is there that had no room. */
static int is_blocked(butter_ring *ring)
{
    return load(ring->cq_head) != load(ring->cq_tail);
}

/* Submit, and wait for so many completions. The wait is over after 100 ms at most:
   another thread may take some of them right before it begins, and the kernel would
   count on as many more. */
static int enter_and_wait(butter_ring *ring, uint32_t submit, uint32_t wait)
{
    const butter_uring_time time = {0, 100000000};
    const butter_uring_wait limit = {.timeout = (uint64_t)(uintptr_t)&time};
    int result = enter_within(ring, submit, wait, IORING_ENTER_GETEVENTS, &limit);

    return result == -1 - ETIME ? 0 : result;
}

static int run(butter_ring *ring, butter_completions *completions, butter_batch *batch)
{
    int result;

    for (;;) {
        uint32_t left, wait;
        if (ring->ending)
            return -1 - EBADF;
        put_reads(ring, batch);
        left = publish(ring);
        wait = left_of(ring, batch);
        if (wait == 0 && batch->queued == batch->count)
            return 0;
        if (ring->users > 1 || !(ring->features & IORING_FEAT_EXT_ARG)) {
            /* another thread may take the last completion before this one waits */
            result = enter(ring, left, 0, IORING_ENTER_GETEVENTS);
            take(ring, completions);
            if (result >= 0 && left_of(ring, batch))
                wait_a_little(ring);
        } else
            result = enter_and_wait(ring, left, wait);
        if (take(ring, completions) == completions->room && is_blocked(ring))
            return -1 - ENOBUFS;
        left = left_of(ring, batch);
        if (left == 0 && batch->queued == batch->count)
            return 0;
        if (result < 0 && left)
            return result;
    }
}

static int reserve(butter_ring *ring, butter_batch *batch)
{
    int result = ring->linked ? -1 - E2BIG : -1 - EBUSY;

    lock_ring(ring);
    for (uint32_t place = 0; place < BUTTER_BATCHES && result != -1 - E2BIG; place++)
        if (ring->batches[place] == NULL) {
            ring->batches[place] = batch;
            batch->place = place;
            result = 0;
            break;
        }
    unlock_ring(ring);
    return result;
}

/* Go on with the reads of a batch. Fails with EINTR after a signal, and with ENOBUFS
   where other completions have filled the room for them. */
static int butter_ring_go_on(butter_ring *ring, butter_completions *completions, butter_batch *batch)
{
    int result = enter_ring(ring);

    if (result < 0)
        return result;
    WITHOUT_GIL(result = run(ring, completions, batch));
    leave_ring(ring);
    return result;
}

/* Make the reads of a batch into a memory of so many bytes. Fails with ERANGE where it
   is too small, or a request cannot be; otherwise as butter_ring_go_on. */
static int butter_ring_read_many(butter_ring *ring, butter_completions *completions, butter_batch *batch,
                                 uint32_t count, int64_t *requests, char *memory, int64_t size, int32_t *results)
{
    int64_t total = butter_batch_size(requests, count);
    int result;

    if (total < 0 || total > size)
        return -1 - ERANGE;
    result = enter_ring(ring);
    if (result < 0)
        return result;
    batch->count = count;
    batch->requests = requests;
    batch->memory = memory;
    batch->results = results;
    result = reserve(ring, batch);
    if (result == 0)
        WITHOUT_GIL(result = run(ring, completions, batch));
    leave_ring(ring);
    return result;
}

/* Whether the kernel has reads of a batch, or another call goes on with it. Under the
   lock: the thread that takes the last completion looks at the batch until it unlocks.
   */
static int butter_batch_goes_on(butter_ring *ring, butter_batch *batch)
{
    int goes_on;

    lock_ring(ring);
    goes_on = batch->left || batch->queued != batch->count;
    unlock_ring(ring);
    return goes_on;
}

/* Queue no more reads of a batch, and return how many have no completion yet. */
static int butter_ring_leave_batch(butter_ring *ring, butter_batch *batch)
{
    int left;

    lock_ring(ring);
    batch->count = batch->queued;
    left = (int)batch->left;
    if (left == 0 && ring->batches[batch->place] == batch)
        ring->batches[batch->place] = NULL;
    unlock_ring(ring);
    return left;
}
