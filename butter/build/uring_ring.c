/* Requests and completions of a ring; the head of uring_ring.h has its rules. */

static void lock_ring(butter_ring *ring)
{
    while (atomic_flag_test_and_set_explicit(&ring->lock, memory_order_acquire))
        sched_yield();
}

static void unlock_ring(butter_ring *ring)
{
    atomic_flag_clear_explicit(&ring->lock, memory_order_release);
}

static uint32_t load(shared *number)
{
    return atomic_load_explicit(number, memory_order_acquire);
}

static void store(shared *number, uint32_t value)
{
    atomic_store_explicit(number, value, memory_order_release);
}

/* The mappings of a ring are missing in a forked child, where their place may be used.
   */
static void unmap(butter_ring *ring)
{
    for (int i = 0; i < 3; i++)
        if (ring->maps[i] != NULL && ring->owner == getpid())
            munmap(ring->maps[i], ring->sizes[i]);
    memset(ring->maps, 0, sizeof ring->maps);
}

static int enter_ring(butter_ring *ring)
{
    int result = 0;

    lock_ring(ring);
    if (ring->ending || ring->maps[0] == NULL)
        result = -1 - EBADF;
    else
        ring->users++;
    unlock_ring(ring);
    return result;
}

static void leave_ring(butter_ring *ring)
{
    lock_ring(ring);
    if (--ring->users == 0 && ring->gone)
        unmap(ring);
    unlock_ring(ring);
}

static butter_ring *butter_ring_new(void)
{
    butter_ring *ring = calloc(1, sizeof *ring);

    if (ring != NULL)
        atomic_flag_clear(&ring->lock);
    return ring;
}

/* The last reference to the object is gone, so no thread uses it. */
static void butter_ring_free(butter_ring *ring)
{
    if (ring == NULL)
        return;
    unmap(ring);
    free(ring->pieces);
    free(ring);
}

static void *map_part(butter_ring *ring, int part, size_t size, uint64_t offset)
{
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, (off_t)offset);

    if (map == MAP_FAILED)
        return NULL;
    ring->maps[part] = map;
    ring->sizes[part] = size;
    return madvise(map, size, MADV_DONTFORK) < 0 ? NULL : map;
}

/* Map the queues of the descriptor that io_uring_setup has returned with these
   parameters. */
static int map_ring(butter_ring *ring, int fd, const butter_uring_params *params)
{
    const butter_sq_offsets *sq = &params->sq_off;
    const butter_cq_offsets *cq = &params->cq_off;
    size_t sq_size = sq->array + params->sq_entries * sizeof(uint32_t), cq_size;
    char *sq_map, *cq_map;

    ring->fd = fd;
    ring->owner = getpid();
    ring->setup = params->flags;
    ring->features = params->features;
    ring->entries = params->sq_entries;
    ring->cq_entries = params->cq_entries;
    ring->sqe_shift = !!(params->flags & IORING_SETUP_SQE128);
    ring->cqe_shift = !!(params->flags & IORING_SETUP_CQE32);
    cq_size = cq->cqes + (params->cq_entries * sizeof(butter_cqe) << ring->cqe_shift);
    if (params->flags & IORING_SETUP_NO_SQARRAY)
        sq_size = cq_size;
    if (params->features & IORING_FEAT_SINGLE_MMAP)
        sq_size = cq_size = sq_size > cq_size ? sq_size : cq_size;
    sq_map = cq_map = map_part(ring, 0, sq_size, IORING_OFF_SQ_RING);
    if (sq_map != NULL && !(params->features & IORING_FEAT_SINGLE_MMAP))
        cq_map = map_part(ring, 1, cq_size, IORING_OFF_CQ_RING);
    if (sq_map != NULL && cq_map != NULL)
        ring->sqes = map_part(ring, 2, params->sq_entries * sizeof(butter_sqe) << ring->sqe_shift, IORING_OFF_SQES);
    if (sq_map == NULL || cq_map == NULL || ring->sqes == NULL) {
        int result = -1 - errno;
        unmap(ring);
        return result;
    }
    ring->sq_head = (shared *)(sq_map + sq->head);
    ring->sq_tail = (shared *)(sq_map + sq->tail);
    ring->sq_flags = (shared *)(sq_map + sq->flags);
    ring->cq_head = (shared *)(cq_map + cq->head);
    ring->cq_tail = (shared *)(cq_map + cq->tail);
    ring->cqes = (butter_cqe *)(cq_map + cq->cqes);
    ring->tail = load(ring->sq_tail);
    /* each entry is at its own index, once and for all */
    if (!(params->flags & IORING_SETUP_NO_SQARRAY))
        for (uint32_t i = 0; i < params->sq_entries; i++)
            ((uint32_t *)(sq_map + sq->array))[i] = i;
    return 0;
}

/* Make a ring, and return its descriptor. */
static int butter_ring_open(butter_ring *ring, uint32_t entries, uint32_t flags, uint32_t cq_entries,
                            uint32_t sq_thread_cpu, uint32_t sq_thread_idle, int wq_fd)
{
    butter_uring_params params = {
        .flags = flags,
        .cq_entries = cq_entries,
        .sq_thread_cpu = sq_thread_cpu,
        .sq_thread_idle = sq_thread_idle,
        .wq_fd = (uint32_t)wq_fd,
    };
    int fd = (int)uring_result(syscall(SYS_io_uring_setup, entries, &params)), result;

    if (fd < 0)
        return fd;
    result = map_ring(ring, fd, &params);
    if (result < 0)
        close(fd);
    return result < 0 ? result : fd;
}

/* Make the published entries those that are written, and return how many the kernel has
   not taken. */
static uint32_t publish(butter_ring *ring)
{
    uint32_t left;

    lock_ring(ring);
    store(ring->sq_tail, ring->tail);
    ring->linked = 0;
    left = ring->tail - load(ring->sq_head);
    unlock_ring(ring);
    return left;
}

/* As publish, but for the chain that is being queued, which would be cut. */
static uint32_t publish_whole_chains(butter_ring *ring)
{
    uint32_t end, left;

    lock_ring(ring);
    end = ring->linked ? ring->chain : ring->tail;
    store(ring->sq_tail, end);
    left = end - load(ring->sq_head);
    unlock_ring(ring);
    return left;
}

/* Put the result of a read of a batch into its list. Returns whether it was one. */
static int put_result(butter_ring *ring, const butter_cqe *cqe)
{
    uint32_t place = (uint32_t)(cqe->user_data >> 32) & ~(UINT32_C(3) << 30), index = (uint32_t)cqe->user_data;
    butter_batch *batch;

    if ((cqe->user_data & (BUTTER_BATCH | BUTTER_MESSAGE)) != BUTTER_BATCH || place >= BUTTER_BATCHES)
        return 0;
    batch = ring->batches[place];
    if (batch == NULL || index >= batch->queued)
        return 0;
    batch->results[index] = cqe->result;
    batch->failed += cqe->result < 0;
    if (--batch->left == 0 && batch->queued == batch->count)
        ring->batches[place] = NULL;
    return 1;
}

/* The flags of a completion. A send without copies that is cancelled in a chain, or
   refused there for its many buffers, lacks IORING_CQE_F_MORE, though its notification
   follows (seen on Linux 6.18). */
static uint32_t flags_of(const butter_cqe *cqe)
{
    const uint64_t kinds = BUTTER_ZERO_COPY | BUTTER_BATCH | BUTTER_MESSAGE;
    int follows = (cqe->user_data & kinds) == BUTTER_ZERO_COPY &&
                  (cqe->result == -ECANCELED || cqe->result == -EMSGSIZE) && !(cqe->flags & IORING_CQE_F_NOTIF);

    return cqe->flags | (follows ? IORING_CQE_F_MORE : 0);
}

/* Put down where the piece of a buffer begins that a completion has used. That follows
   from the completions before it, so it is done here, where their order is known. */
static void note_piece(butter_ring *ring, const butter_cqe *cqe, uint32_t *at)
{
    butter_piece *piece = &ring->pieces[(cqe->flags >> IORING_CQE_BUFFER_SHIFT) - BUTTER_PIECES];

    *at = piece->used;
    piece->used += cqe->result > 0 ? (uint32_t)cqe->result : 0;
    piece->taken++;
    piece->ended = !(cqe->flags & IORING_CQE_F_BUF_MORE);
}

/* Tell of a completion in the room of a thread. The thread makes its event later, by
   the slot of the request, which must be there until then: so another thread that takes
   the last completion meanwhile is told not to forget the request yet. */
static uint32_t hold(butter_ring *ring, butter_completions *completions, const butter_cqe *cqe, uint32_t flags)
{
    if (flags & IORING_CQE_F_MORE && !(cqe->user_data & BUTTER_MESSAGE) && !completions->holds) {
        completions->holds = 1;
        ring->holding++;
    }
    return flags | (ring->holding > completions->holds ? BUTTER_CQE_F_HELD : 0);
}

/* The events of these completions are made: return how many others are not. */
static int butter_ring_made(butter_ring *ring, butter_completions *completions)
{
    int left;

    lock_ring(ring);
    ring->holding -= completions->holds;
    completions->holds = 0;
    left = (int)ring->holding;
    unlock_ring(ring);
    return left;
}

/* Add the completions that are there to those that were found, as far as there is room,
   and return how many there are now. */
static uint32_t take(butter_ring *ring, butter_completions *completions)
{
    uint32_t head, tail, count, last = 0;

    lock_ring(ring);
    head = load(ring->cq_head);
    tail = load(ring->cq_tail);
    for (count = completions->count; head != tail; head++) {
        const butter_cqe *cqe = &ring->cqes[(head & (ring->cq_entries - 1)) << ring->cqe_shift];
        uint32_t flags = flags_of(cqe);
        if (!put_result(ring, cqe)) {
            if (count == completions->room)
                break;
            if (flags >> 31 && flags & IORING_CQE_F_BUFFER && ring->pieces != NULL)
                note_piece(ring, cqe, &completions->at[count]);
            completions->found[count] = *cqe;
            completions->found[count++].flags = hold(ring, completions, cqe, flags);
        }
        last += !(flags & IORING_CQE_F_MORE) && !(cqe->user_data & BUTTER_MESSAGE);
    }
    store(ring->cq_head, head);
    ring->in_flight -= last;
    completions->count = count;
    unlock_ring(ring);
    return count;
}

static int is_nonblocking(butter_ring *ring)
{
    int flags = fcntl(ring->fd, F_GETFL);

    return flags >= 0 && flags & O_NONBLOCK;
}

/* Whether the kernel has to be asked for completions that are not in the queue yet. */
static int asks(butter_ring *ring)
{
    return ring->setup & IORING_SETUP_DEFER_TASKRUN ||
           load(ring->sq_flags) & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN);
}

/* One io_uring_enter: what is published is submitted, and with IORING_ENTER_GETEVENTS
   so many completions are waited for. With IORING_SETUP_SQPOLL a thread of the kernel
   takes the entries; it may have to be woken. The wait has a limit, or NULL. */
static int enter_within(butter_ring *ring, uint32_t submit, uint32_t wait, uint32_t flags,
                        const butter_uring_wait *limit)
{
    if (ring->setup & IORING_SETUP_SQPOLL) {
        atomic_thread_fence(memory_order_seq_cst);
        if (submit && load(ring->sq_flags) & IORING_SQ_NEED_WAKEUP)
            flags |= IORING_ENTER_SQ_WAKEUP;
        if (!flags)
            return 0;
    } else if (!submit && !flags)
        return 0;
    if (limit != NULL)
        flags |= IORING_ENTER_EXT_ARG;
    return (int)uring_enter(ring->fd, submit, wait, flags, limit, limit != NULL ? sizeof *limit : 0);
}

static int enter(butter_ring *ring, uint32_t submit, uint32_t wait, uint32_t flags)
{
    return enter_within(ring, submit, wait, flags, NULL);
}

/* Submit published entries, of which so many are left. */
static int submit(butter_ring *ring, uint32_t left)
{
    uint32_t before, end = load(ring->sq_head) + left;
    int result;

    if (ring->setup & IORING_SETUP_SQPOLL) {
        result = enter(ring, left, 0, 0);
        return result < 0 ? result : 0;
    }
    /* without IORING_SETUP_SUBMIT_ALL the kernel stops after a request that it refuses
       */
    for (before = left + 1; left && left != before; left = end - load(ring->sq_head)) {
        before = left;
        result = enter(ring, left, 0, 0);
        if (result < 0)
            return result;
    }
    return 0;
}

/* Hand over what is queued. */
static int butter_ring_submit(butter_ring *ring)
{
    int result = enter_ring(ring);

    if (result < 0)
        return result;
    if (ring->tail == load(ring->sq_head))
        result = 0;
    else
        WITHOUT_GIL(result = submit(ring, publish(ring)));
    leave_ring(ring);
    return result;
}

/* Hand over what is queued, but for the chain that is being queued. */
static int butter_ring_make_room(butter_ring *ring)
{
    int result = enter_ring(ring);

    if (result < 0)
        return result;
    WITHOUT_GIL(result = submit(ring, publish_whole_chains(ring)));
    /* the kernel's thread of SQPOLL makes the room; before Linux 5.10 nothing waits for
       that, and the caller tries again */
    if (result == 0 && ring->setup & IORING_SETUP_SQPOLL) {
        WITHOUT_GIL(result = enter(ring, 0, 0, IORING_ENTER_SQ_WAIT));
        result = result < 0 && result != -1 - EINVAL ? result : 0;
    }
    leave_ring(ring);
    return result;
}

static int ready(butter_ring *ring, butter_completions *completions, int wait)
{
    uint32_t left = publish(ring);
    int result = 0, more = IORING_ENTER_GETEVENTS;

    /* without this flag one step may hand over less than all */
    if (left && !(ring->setup & (IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SQPOLL))) {
        result = submit(ring, left);
        left = 0;
    }
    if (left || asks(ring))
        result = enter(ring, left, 0, more);
    if (take(ring, completions))
        return (int)completions->count;
    /* EAGAIN means that nothing is there, and not that the kernel lacks memory */
    if (result < 0)
        return result == -1 - EAGAIN ? -1 - ENOMEM : result;
    if (!wait || is_nonblocking(ring))
        return -1 - EAGAIN;
    result = enter(ring, ring->tail - load(ring->sq_head), 1, more);
    if (take(ring, completions))
        return (int)completions->count;
    return result < 0 ? result : -1 - EINTR;
}

/* Take completions, after what is queued was handed over. Waits for one unless the
   descriptor is non-blocking, or wait is 0. The descriptor is that of the ring: it says
   so in /proc/self/task. */
static int butter_ring_read(int fd, butter_completions *completions, butter_ring *ring, int wait)
{
    int result = enter_ring(ring);

    (void)fd;
    if (result < 0)
        return result;
    /* without a system call, where nothing is queued and something is there */
    if (ring->tail != load(ring->sq_head) || !take(ring, completions))
        WITHOUT_GIL(result = ready(ring, completions, wait));
    else
        result = (int)completions->count;
    leave_ring(ring);
    return result;
}

/* Submit, and wait for a completion for at most so many nanoseconds. Poll would not do:
   it does not wake for the work of a ring with IORING_SETUP_DEFER_TASKRUN. */
static int butter_ring_wait(butter_ring *ring, int64_t nanoseconds)
{
    const butter_uring_time time = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    const butter_uring_wait limit = {.timeout = (uint64_t)(uintptr_t)&time};
    int result = enter_ring(ring);

    if (result < 0)
        return result;
    WITHOUT_GIL(result = enter_within(ring, publish(ring), 1, IORING_ENTER_GETEVENTS, &limit));
    leave_ring(ring);
    return result;
}

/* Write an entry, under the lock. */
static int put_locked(butter_ring *ring, const butter_sqe *request)
{
    uint32_t head = load(ring->sq_head);

    if (ring->tail - head >= ring->entries)
        return ring->linked && ring->chain == head ? -1 - E2BIG : -1 - EAGAIN;
    if (!ring->linked)
        ring->chain = ring->tail;
    ring->sqes[(ring->tail & (ring->entries - 1)) << ring->sqe_shift] = *request;
    ring->tail++;
    ring->in_flight++;
    ring->linked = request->flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK);
    return 0;
}

static int put(butter_ring *ring, const butter_sqe *request)
{
    int result;

    lock_ring(ring);
    result = put_locked(ring, request);
    unlock_ring(ring);
    return result;
}

/* The ring is unmapped under the lock, so a thread that holds it is not counted. */
static int queue(butter_ring *ring, const butter_sqe *request)
{
    int result = -1 - EBADF;

    lock_ring(ring);
    if (!ring->ending && ring->maps[0] != NULL)
        result = put_locked(ring, request);
    unlock_ring(ring);
    return result;
}

/* Queue a request. -1 - EAGAIN means that the queue is full, and that
   butter_ring_make_room helps; -1 - E2BIG that a chain of linked requests fills it,
   which a submission would cut. */
static int butter_ring_queue(butter_ring *ring, uint64_t user_data, uint8_t opcode, uint8_t flags, int fd,
                             const void *addr, uint32_t len, uint64_t off, uint32_t op_flags, uint16_t ioprio,
                             uint16_t buf_index, int32_t file_index, uint64_t addr3)
{
    const butter_sqe request = {
        .opcode = opcode,
        .flags = flags,
        .ioprio = ioprio,
        .fd = fd,
        .off = off,
        .addr = (uint64_t)(uintptr_t)addr,
        .len = len,
        .op_flags = op_flags,
        .user_data = user_data,
        .buf_index = buf_index,
        .file_index = file_index,
        .addr3 = addr3,
    };

    return queue(ring, &request);
}

/* Queue a read or write without flags. Most requests are one, and each argument that is
   missing here makes the call from Python shorter. */
static int butter_ring_move(butter_ring *ring, int64_t user_data, int opcode, int fd, void *addr, int len, int64_t off)
{
    const butter_sqe request = {
        .opcode = (uint8_t)opcode,
        .fd = fd,
        .off = (uint64_t)off,
        .addr = (uint64_t)(uintptr_t)addr,
        .len = (uint32_t)len,
        .user_data = (uint64_t)user_data,
    };

    return queue(ring, &request);
}

/* How many requests are queued and not handed over, and how many have no last
   completion yet. */
static int butter_ring_queued(butter_ring *ring)
{
    int result = enter_ring(ring);

    if (result < 0)
        return result;
    result = (int)(ring->tail - load(ring->sq_head));
    leave_ring(ring);
    return result;
}

static int butter_ring_in_flight(butter_ring *ring)
{
    return (int)ring->in_flight;
}

/* A forked child has a copy of this struct, and not of the mappings. */
static void butter_ring_forget(butter_ring *ring)
{
    atomic_flag_clear(&ring->lock);
    ring->ending = ring->gone = 1;
    ring->in_flight = 0;
    memset(ring->maps, 0, sizeof ring->maps);
}
