/* Groups of provided buffers: the kernel takes a buffer when a request has something
   for it, and the program gives it back. */

typedef struct {
    uint64_t addr;
    uint32_t len;
    uint16_t number, tail; /* the tail is that of the ring, in its first entry alone */
} butter_provided;
_Static_assert(sizeof(butter_provided) == 16, "the kernel's struct io_uring_buf");

typedef struct {
    uint64_t ring_addr;
    uint32_t entries;
    uint16_t group, flags;
    uint32_t min_left, reserved[5];
} butter_provided_ring;
_Static_assert(sizeof(butter_provided_ring) == 40, "the kernel's struct io_uring_buf_reg");

/* Buffers have numbers from first on. next has for each the one that was provided after
   it: a bundle uses buffers in this order. */
typedef struct {
    uint32_t number, entries, size, first;
    char *memory;
    butter_provided *ring;
    size_t bytes;
    uint16_t tail, last;
    uint16_t *next;
    pid_t owner;
} butter_group;

/* The list of buffers comes first, at the beginning of a page, then the buffers, and
   then the list of the next ones. */
static int map_group(butter_group *group)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), list = group->entries * sizeof(butter_provided), next;
    char *map;

    list = (list + page - 1) / page * page;
    next = list + ((size_t)group->entries * group->size + 1) / 2 * 2;
    group->bytes = next + group->entries * sizeof(uint16_t);
    map = mmap(NULL, group->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return -1 - errno;
    group->owner = getpid();
    group->ring = (butter_provided *)map;
    group->memory = map + list;
    group->next = (uint16_t *)(map + next);
    return madvise(map, group->bytes, MADV_DONTFORK) < 0 ? -1 - errno : 0;
}

/* Put a buffer at the tail of the list, which the kernel sees after the store. */
static void provide(butter_group *group, uint16_t index)
{
    butter_provided *entry = &group->ring[group->tail & (group->entries - 1)];

    entry->addr = (uint64_t)(uintptr_t)(group->memory + (size_t)index * group->size);
    entry->len = group->size;
    entry->number = (uint16_t)(group->first + index);
    group->next[group->last] = index;
    group->last = index;
    group->tail++;
    atomic_store_explicit((_Atomic uint16_t *)&group->ring[0].tail, group->tail, memory_order_release);
}

static butter_group *butter_group_new(uint32_t number, uint32_t entries, uint32_t size, uint32_t first)
{
    butter_group *group = calloc(1, sizeof *group);

    if (group == NULL)
        return NULL;
    group->number = number;
    group->entries = entries;
    group->size = size;
    group->first = first;
    if (map_group(group) < 0) {
        free(group);
        return NULL;
    }
    return group;
}

/* No request uses the group any more. In a forked child it is not mapped. */
static void butter_group_free(butter_group *group)
{
    if (group != NULL && group->ring != NULL && group->owner == getpid())
        munmap(group->ring, group->bytes);
    free(group);
}

static int butter_group_register(butter_ring *ring, butter_group *group)
{
    butter_provided_ring registered = {
        .ring_addr = (uint64_t)(uintptr_t)group->ring,
        .entries = group->entries,
        .group = (uint16_t)group->number,
        .flags = group->first ? IOU_PBUF_RING_INC : 0,
    };
    int result = enter_ring(ring);

    if (result < 0)
        return result;
    result = (int)uring_register(ring->fd, IORING_REGISTER_PBUF_RING, &registered, 1);
    if (result >= 0)
        for (uint32_t number = 0; number < group->entries; number++)
            provide(group, (uint16_t)number);
    leave_ring(ring);
    return result;
}

static int butter_group_unregister(butter_ring *ring, butter_group *group)
{
    butter_provided_ring registered = {.group = (uint16_t)group->number};
    int result = enter_ring(ring);

    if (result < 0)
        return result;
    WITHOUT_GIL(result = (int)uring_register(ring->fd, IORING_UNREGISTER_PBUF_RING, &registered, 1));
    leave_ring(ring);
    return result;
}

/* Whether this was the last piece of a buffer that another thread may still copy. */
static int is_last_piece(butter_piece *piece)
{
    if (--piece->taken || !piece->ended)
        return 0;
    *piece = (butter_piece){0};
    return 1;
}

/* Give back as many buffers as a completion that was read has used, once: the flag is
   taken from it. */
static void butter_group_give_back(butter_ring *ring, butter_group *group, butter_completions *completions,
                                   uint32_t index, uint32_t count)
{
    butter_cqe *cqe = &completions->found[index];
    uint32_t buffer = (cqe->flags >> IORING_CQE_BUFFER_SHIFT) - group->first;

    if (enter_ring(ring) < 0)
        return;
    lock_ring(ring);
    if (!(cqe->flags & IORING_CQE_F_BUFFER) || buffer >= group->entries || count > group->entries)
        count = 0;
    else if (group->first)
        count = (uint32_t)is_last_piece(&ring->pieces[group->first + buffer - BUTTER_PIECES]);
    for (; count; count--) {
        uint16_t next = group->next[buffer];
        provide(group, (uint16_t)buffer);
        buffer = next;
    }
    cqe->flags &= ~IORING_CQE_F_BUFFER;
    unlock_ring(ring);
    leave_ring(ring);
}

/* Have the ring note where the pieces of such groups begin; see note_piece(). */
static int butter_ring_use_pieces(butter_ring *ring)
{
    if (ring->pieces == NULL)
        ring->pieces = calloc(BUTTER_PIECES, sizeof *ring->pieces);
    return ring->pieces == NULL ? -1 - ENOMEM : 0;
}

/* Another call of io_uring_register, on a ring that stays mapped meanwhile. */
static int butter_ring_register(butter_ring *ring, uint32_t opcode, void *argument, uint32_t count)
{
    int result = enter_ring(ring);

    if (result < 0)
        return result;
    WITHOUT_GIL(result = (int)uring_register(ring->fd, opcode, argument, count));
    leave_ring(ring);
    return result;
}
