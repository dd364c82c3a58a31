/* Random operations of aio, which are cancelled, and whose contexts end, at random
   moments; run.py puts the source of butter, random.h and memory.h before this.

   It keeps what an operation points to as butter's Python does: from before the kernel
   knows of it to its event, or to the end of the context. */

#include <poll.h>

#define MOST 1024
#define PIPES 4
#define PAGE 4096
#define PAGES 32
#define THREADS 3
#define ROOM 64
#define BATCH 24

/* The blocks of one submission, which are kept as long as one of its operations. */
struct block {
    butter_iocb *iocbs;
    uint32_t count, used;
};

struct operation {
    uint64_t id;
    int kind, page; /* of a read, the page of the file */
    char *buffer;
    size_t size;
    struct iovec *vector;
    struct block *block;
    butter_iocb *iocb;
};

static struct {
    butter_aio aio;
    int fd, threads, ended;
    pthread_mutex_t lock; /* of what follows */
    struct operation operations[MOST];
    uint32_t free[MOST], free_count;
    uint64_t next;
} world;
static int file, direct, pipes[PIPES][2];
static char content[PAGES * PAGE];
static uint64_t made, done, cancelled, refused, ended, contexts;

static void add(uint64_t *sum, uint64_t more)
{
    __atomic_fetch_add(sum, more, __ATOMIC_RELAXED);
}

/* Memory that belongs to the program again. */

static void leave_block(struct block *block)
{
    if (block != NULL && --block->used == 0) {
        retire(block->iocbs, block->count * sizeof *block->iocbs);
        free(block);
    }
}

static void retire_operation(struct operation *operation)
{
    retire(operation->buffer, operation->size);
    retire(operation->vector, 2 * sizeof *operation->vector);
    leave_block(operation->block);
    memset(operation, 0, sizeof *operation);
}

static void forget(struct operation *operation)
{
    retire_operation(operation);
    world.free[world.free_count++] = (uint32_t)(operation - world.operations);
}

/* Events. */

static void check_bytes(const struct operation *operation, int64_t result)
{
    size_t got = result > 0 ? (size_t)result : 0;

    if (operation->kind == IOCB_CMD_PWRITE) {
        CHECK(is_full_of(operation->buffer, operation->size, WRITTEN));
    } else if (operation->buffer != NULL) {
        CHECK(got <= operation->size);
        CHECK(memcmp(operation->buffer, content + operation->page * PAGE, got) == 0);
        CHECK(is_full_of(operation->buffer + got, operation->size - got, UNREAD));
    }
}

static void look_at_all(butter_aio_events *events)
{
    pthread_mutex_lock(&world.lock);
    for (uint32_t i = 0; i < events->count; i++) {
        const butter_io_event *event = &events->found[i];
        struct operation *operation = &world.operations[event->data % MOST];
        CHECK(operation->id == event->data);
        CHECK(event->obj == (uint64_t)(uintptr_t)operation->iocb);
        check_bytes(operation, event->res);
        add(&cancelled, operation->kind == IOCB_CMD_POLL && event->res == 0);
        add(&done, 1);
        forget(operation);
    }
    pthread_mutex_unlock(&world.lock);
    events->count = 0;
}

static int read_some(void)
{
    /* of exactly that size, so that one too many is seen */
    uint32_t room = 1 + number(ROOM);
    butter_aio_events events = {.room = room, .found = malloc(room * sizeof(butter_io_event))};
    int result = butter_aio_read(world.fd, &events, &world.aio);

    CHECK(result < 0 ? result == -1 - EAGAIN || result == -1 - EINTR : (uint32_t)result == events.count);
    look_at_all(&events);
    free(events.found);
    return result;
}

/* Operations. */

static void some_operation(struct operation *operation, butter_iocb *iocb)
{
    iocb->aio_data = operation->id;
    iocb->aio_flags = IOCB_FLAG_RESFD;
    iocb->aio_resfd = (uint32_t)world.fd;
    operation->page = (int)number(PAGES - 2);
    iocb->aio_offset = operation->page * PAGE;
    operation->iocb = iocb;
    switch (number(8)) {
    case 0:
    case 1:
        operation->kind = IOCB_CMD_POLL;
        iocb->aio_fildes = (uint32_t)pipes[number(PIPES)][0];
        iocb->aio_buf = POLLIN;
        iocb->aio_offset = 0;
        break;
    case 2:
        operation->kind = number(2) ? IOCB_CMD_FDSYNC : IOCB_CMD_FSYNC;
        iocb->aio_fildes = (uint32_t)file;
        iocb->aio_offset = 0;
        break;
    case 3:
        operation->kind = IOCB_CMD_PWRITE;
        operation->size = PAGE;
        operation->buffer = fresh(PAGE, PAGE, WRITTEN);
        iocb->aio_fildes = (uint32_t)(number(2) ? direct : file);
        iocb->aio_offset = (int64_t)(PAGES + number(4)) * PAGE;
        break;
    case 4:
        operation->kind = IOCB_CMD_PREADV;
        operation->size = 2 * PAGE;
        operation->buffer = fresh(2 * PAGE, PAGE, UNREAD);
        operation->vector = (struct iovec *)fresh(2 * sizeof(struct iovec), 16, 0);
        operation->vector[0] = (struct iovec){operation->buffer, PAGE};
        operation->vector[1] = (struct iovec){operation->buffer + PAGE, PAGE};
        iocb->aio_fildes = (uint32_t)(number(2) ? direct : file);
        break;
    default:
        operation->kind = IOCB_CMD_PREAD;
        /* a descriptor that is none, at times */
        iocb->aio_fildes = (uint32_t)(number(3) ? direct : number(9) ? file : 99999);
        operation->size = iocb->aio_fildes == (uint32_t)direct ? PAGE : 1 + number(PAGE);
        operation->buffer = fresh(operation->size, PAGE, UNREAD);
    }
    iocb->aio_lio_opcode = (uint16_t)operation->kind;
    if (operation->vector != NULL) {
        iocb->aio_buf = (uint64_t)(uintptr_t)operation->vector;
        iocb->aio_nbytes = 2;
    } else if (operation->buffer != NULL) {
        iocb->aio_buf = (uint64_t)(uintptr_t)operation->buffer;
        iocb->aio_nbytes = operation->size;
    }
}

/* The operations that the kernel did not take belong to the program at once. */
static void forget_rest(const uint64_t *ids, uint32_t from, uint32_t count)
{
    pthread_mutex_lock(&world.lock);
    for (uint32_t i = from; i < count; i++) {
        CHECK(world.operations[ids[i] % MOST].id == ids[i]);
        forget(&world.operations[ids[i] % MOST]);
    }
    pthread_mutex_unlock(&world.lock);
}

static int submit_some(void)
{
    struct block *block = calloc(1, sizeof *block);
    uint64_t ids[BATCH];
    uint32_t count = 1 + number(BATCH), taken;
    int result;

    block->iocbs = (butter_iocb *)fresh(count * sizeof *block->iocbs, 8, 0);
    block->count = count;
    pthread_mutex_lock(&world.lock);
    for (taken = 0; taken < count && world.free_count; taken++) {
        uint32_t place = world.free[--world.free_count];
        struct operation *operation = &world.operations[place];
        ids[taken] = operation->id = ++world.next * MOST + place;
        operation->block = block;
        some_operation(operation, &block->iocbs[taken]);
    }
    block->used = taken + 1;
    pthread_mutex_unlock(&world.lock);
    butter_aio_batch batch = {.count = taken, .iocbs = block->iocbs};
    while ((result = butter_aio_submit(&world.aio, &batch)) != 0 && result != -1 - EAGAIN && result != ENDED) {
        /* the kernel refuses this one */
        uint32_t refusal = batch.done++;
        add(&refused, 1);
        forget_rest(ids, refusal, refusal + 1);
    }
    add(&made, batch.done);
    forget_rest(ids, batch.done, taken);
    pthread_mutex_lock(&world.lock);
    leave_block(block);
    pthread_mutex_unlock(&world.lock);
    return result;
}

static void cancel_some(void)
{
    struct block *block = NULL;
    butter_iocb *iocb = NULL;

    pthread_mutex_lock(&world.lock);
    for (uint32_t place = number(MOST), tries = 0; block == NULL && tries < 64; tries++) {
        struct operation *operation = &world.operations[(place + tries) % MOST];
        if (operation->kind == IOCB_CMD_POLL && operation->id) {
            block = operation->block;
            iocb = operation->iocb;
            block->used++;
        }
    }
    pthread_mutex_unlock(&world.lock);
    if (block == NULL)
        return;
    int result = butter_aio_cancel(&world.aio, iocb);
    CHECK(result == 0 || result == -1 - EINVAL || result == -1 - EAGAIN || result == ENDED);
    pthread_mutex_lock(&world.lock);
    leave_block(block);
    pthread_mutex_unlock(&world.lock);
}

static void feed(void)
{
    char byte = WRITTEN, found[64];
    ssize_t got;
    struct pollfd poller = {pipes[number(PIPES)][0], POLLIN, 0};

    if (write(pipes[number(PIPES)][1], &byte, 1) < 0)
        CHECK(errno == EAGAIN);
    if (poll(&poller, 1, 0) == 1 && (got = read(poller.fd, found, sizeof found)) > 0)
        CHECK(is_full_of(found, (size_t)got, WRITTEN));
}

static int step(void)
{
    uint32_t kind = number(20);

    if (kind < 4)
        return submit_some();
    if (kind < 14)
        cancel_some();
    else if (kind < 18)
        read_some();
    else
        feed();
    return 0;
}

static void *work(void *seed)
{
    begin((uint64_t)(uintptr_t)seed);
    while (step() != ENDED)
        ;
    return NULL;
}

/* Contexts. */

static void one_context(uint64_t limit)
{
    pthread_t threads[THREADS];
    int result, tries = 0;

    /* other programs, or contexts that just end, may use up what there is */
    while ((result = butter_aio_begin(&world.aio, 1U << number(7))) == -1 - EAGAIN && tries++ < 1000)
        usleep(10000);
    CHECK(result == 0);
    world.fd = butter_aio_eventfd(EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(world.fd >= 0);
    world.threads = number(4) ? 0 : THREADS;
    world.free_count = 0;
    for (uint32_t place = 0; place < MOST; place++)
        world.free[world.free_count++] = place;
    for (int i = 0; i < world.threads; i++)
        CHECK(pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)(1 + number(UINT32_MAX))) == 0);
    if (world.threads)
        usleep(number(10000));
    else
        for (uint32_t steps = number(500); steps && made < limit; steps--)
            step();
    while (!butter_aio_end(&world.aio, (int)number(2)))
        CHECK(world.threads);
    CHECK(butter_aio_end(&world.aio, 1) == 1);
    for (int i = 0; i < world.threads; i++)
        pthread_join(threads[i], NULL);
    for (uint32_t place = 0; place < MOST; place++)
        if (world.operations[place].id) {
            ended++;
            retire_operation(&world.operations[place]);
        }
    close(world.fd);
    contexts++;
}

int main(int argc, char **argv)
{
    uint64_t limit = argc > 1 ? strtoull(argv[1], NULL, 0) : 1000000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    char *page = NULL;

    begin(seed);
    pthread_mutex_init(&world.lock, NULL);
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (char)number(256);
    file = open("content", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(file >= 0 && write(file, content, sizeof content) == sizeof content);
    direct = open("content", O_RDWR | O_DIRECT | O_CLOEXEC);
    if (direct < 0) /* a filesystem in memory */
        direct = open("content", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < PIPES; i++)
        CHECK(pipe2(pipes[i], O_NONBLOCK) == 0);
    interrupt();
    for (input = 0; made < limit; input++)
        one_context(limit);
    let_all_go();
    page = malloc(4 * PAGE);
    ssize_t got = pread(file, page, 4 * PAGE, PAGES * PAGE);
    for (ssize_t i = 0; i < got; i++)
        CHECK(page[i] == WRITTEN || page[i] == 0);
    free(page);
    printf("seed %llu: %llu operations, %llu complete, %llu of them cancelled, %llu refused, %llu ended by one of "
           "%llu closes\n",
           (unsigned long long)seed, (unsigned long long)made, (unsigned long long)done, (unsigned long long)cancelled,
           (unsigned long long)refused, (unsigned long long)ended, (unsigned long long)contexts);
    return 0;
}
