/* Random requests of rings, which are cancelled, and closed, at random moments; run.py
   puts the source of butter, random.h and memory.h before this.

   It keeps what a request points to as butter's Python does: from before the kernel
   knows of the request to its last completion, or to the end of the ring. */

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define MOST 2048
#define PIPES 4
#define FILE_SIZE 16384
#define THREADS 3
#define GIVEN 64 /* bytes of a provided buffer */
#define ROOM 64
#define LEFT 48

struct request {
    uint64_t id;
    int opcode;
    int size, at;   /* of a read of the file, its offset */
    char *buffer;   /* what the kernel fills or reads */
    void *more;     /* and the struct that it reads */
    size_t more_size;
    butter_group *group;
};

/* A batch that was left before all its reads were complete, or goes on. */
struct many {
    butter_batch *batch;
    int64_t *requests;
    int32_t *results;
    char *memory;
    uint32_t count;
    size_t size;
};

struct world {
    butter_ring *ring;
    int fd, threads;
    int drains; /* a drained request waits for ever for a later send without copies */
    pthread_mutex_t lock; /* of what follows */
    struct request requests[MOST];
    uint32_t free[MOST], free_count;
    struct many left[LEFT];
    uint32_t left_count, in_batches;
    butter_group *group;
    uint64_t next;
};

static struct world world;
static int file, pipes[PIPES][2], pair[2], stream[2];
static char content[FILE_SIZE];
static uint64_t made, done, cancelled, ended, rings, batches, counts[256];

static void add(uint64_t *sum, uint64_t more)
{
    __atomic_fetch_add(sum, more, __ATOMIC_RELAXED);
}

/* Memory that belongs to the program again. */

static void retire_request(struct request *request)
{
    retire(request->buffer, (size_t)request->size);
    retire(request->more, request->more_size);
    memset(request, 0, sizeof *request);
}

static void forget(struct request *request)
{
    retire_request(request);
    world.free[world.free_count++] = (uint32_t)(request - world.requests);
}

static struct request *new_request(int opcode)
{
    struct request *request = NULL;

    pthread_mutex_lock(&world.lock);
    if (world.free_count) {
        uint32_t place = world.free[--world.free_count];
        request = &world.requests[place];
        request->id = ++world.next * MOST + place;
        request->opcode = opcode;
    }
    pthread_mutex_unlock(&world.lock);
    return request;
}

static void retire_many(struct many *many)
{
    retire(many->requests, many->count * 3 * sizeof *many->requests);
    retire(many->results, many->count * sizeof *many->results);
    retire(many->memory, many->size);
    retire(many->batch, sizeof *many->batch);
}

static void forget_batches(void)
{
    pthread_mutex_lock(&world.lock);
    for (uint32_t i = 0; i < world.left_count; i++)
        if (!butter_batch_goes_on(world.ring, world.left[i].batch)) {
            retire_many(&world.left[i]);
            world.left[i--] = world.left[--world.left_count];
        }
    pthread_mutex_unlock(&world.lock);
}

/* Completions. */

static void check_read(const struct request *request, int result)
{
    const char *expected = content + request->at;
    int got = result > 0 ? result : 0;

    if (request->opcode == IORING_OP_READ || request->opcode == IORING_OP_RECV) {
        CHECK(got <= request->size);
        if (request->at >= 0)
            CHECK(memcmp(request->buffer, expected, (size_t)got) == 0);
        else
            CHECK(is_full_of(request->buffer, (size_t)got, WRITTEN));
        CHECK(is_full_of(request->buffer + got, (size_t)(request->size - got), UNREAD));
    } else if (request->opcode == IORING_OP_READV) {
        CHECK(result < 0 || memcmp(request->buffer, expected, (size_t)got) == 0);
        CHECK(is_full_of(request->buffer + got, (size_t)(request->size - got), UNREAD));
    } else if (request->opcode != IORING_OP_NOP)
        CHECK(is_full_of(request->buffer, (size_t)request->size, WRITTEN));
}

static void look_at(butter_completions *completions, uint32_t index)
{
    butter_cqe cqe = completions->found[index];
    struct request *request = &world.requests[cqe.user_data % MOST];

    if (cqe.user_data & BUTTER_MESSAGE || cqe.user_data == BUTTER_ENDING)
        return;
    CHECK(request->id == cqe.user_data);
    add(&counts[request->opcode], cqe.result >= 0);
    if (cqe.flags & IORING_CQE_F_BUFFER) {
        butter_group *group = request->group;
        CHECK(group != NULL);
        uint32_t buffer = (cqe.flags >> IORING_CQE_BUFFER_SHIFT) - group->first;
        uint32_t at = group->first ? completions->at[index] : 0, used = !(cqe.flags & IORING_CQE_F_BUF_MORE);
        CHECK(buffer < group->entries && (int)at + cqe.result <= GIVEN);
        if (cqe.result > 0)
            CHECK(is_full_of(group->memory + buffer * GIVEN + at, (size_t)cqe.result, WRITTEN));
        butter_group_give_back(world.ring, group, completions, index, used);
        butter_group_give_back(world.ring, group, completions, index, used);
    } else if (!(cqe.flags & (IORING_CQE_F_MORE | IORING_CQE_F_NOTIF)) && request->group == NULL)
        check_read(request, cqe.result);
    if (cqe.flags & IORING_CQE_F_MORE)
        return;
    add(&done, 1);
    add(&cancelled, cqe.result == -ECANCELED);
    forget(request);
}

static void look_at_all(butter_completions *completions)
{
    pthread_mutex_lock(&world.lock);
    for (uint32_t index = 0; index < completions->count; index++)
        look_at(completions, index);
    completions->count = 0;
    CHECK(butter_ring_made(world.ring, completions) == 0 || world.threads);
    pthread_mutex_unlock(&world.lock);
}

/* Of exactly that size, so that one too many is seen. */
static butter_completions room_for(uint32_t room)
{
    return (butter_completions){
        .room = room,
        .found = malloc(room * sizeof(butter_cqe)),
        .at = malloc(room * sizeof(uint32_t)),
    };
}

static void free_room(butter_completions *completions)
{
    free(completions->found);
    free(completions->at);
}

/* Requests. Each returns what butter does.

   Where several threads take completions, none of a request that has more than one:
   they would come in another order. */

struct arguments {
    int opcode, fd;
    const void *addr;
    uint32_t len;
    uint64_t off;
    uint32_t op_flags;
    uint16_t ioprio, group;
    uint8_t flags;
};

static int some_pipe(int end)
{
    return pipes[number(PIPES)][end];
}

static uint64_t some_id(void)
{
    uint64_t id;

    pthread_mutex_lock(&world.lock);
    id = world.requests[number(MOST)].id;
    pthread_mutex_unlock(&world.lock);
    return id;
}

static void with_buffer(struct request *request, struct arguments *arguments, uint32_t size, int byte)
{
    request->size = (int)size;
    request->buffer = fresh(size, 8, byte);
    request->at = -1;
    arguments->addr = request->buffer;
    arguments->len = size;
}

static void with_struct(struct request *request, struct arguments *arguments, const void *data, size_t size)
{
    request->more_size = size;
    request->more = fresh(size, 8, 0);
    memcpy(request->more, data, size);
    arguments->addr = request->more;
}

static void some_transfer(struct request *request, struct arguments *arguments)
{
    uint32_t size = 1 + number(number(4) ? 64 : 4096);

    arguments->opcode = IORING_OP_READ;
    arguments->off = UINT64_MAX;
    switch (number(8)) {
    case 0:
    case 1:
        with_buffer(request, arguments, size, UNREAD);
        request->at = (int)number(FILE_SIZE - 4096);
        arguments->fd = file;
        arguments->off = (uint64_t)request->at;
        break;
    case 2: {
        with_buffer(request, arguments, 2 + size, UNREAD);
        request->at = (int)number(FILE_SIZE - 4100);
        struct iovec two[2] = {{request->buffer, 1 + size / 2}, {request->buffer + 1 + size / 2, 1 + size - size / 2}};
        with_struct(request, arguments, two, sizeof two);
        arguments->opcode = IORING_OP_READV;
        arguments->fd = file;
        arguments->len = 2;
        arguments->off = (uint64_t)request->at;
        break;
    }
    case 3:
        arguments->opcode = IORING_OP_WRITE;
        with_buffer(request, arguments, size, WRITTEN);
        arguments->fd = some_pipe(1);
        break;
    case 4:
        arguments->opcode = world.threads || world.drains ? IORING_OP_SEND : IORING_OP_SEND_ZC;
        arguments->off = 0;
        with_buffer(request, arguments, size, WRITTEN);
        arguments->fd = stream[0];
        break;
    case 5:
        arguments->opcode = IORING_OP_RECV;
        arguments->off = 0;
        with_buffer(request, arguments, size, UNREAD);
        arguments->fd = number(2) ? pair[0] : stream[1];
        break;
    default:
        with_buffer(request, arguments, size, UNREAD);
        arguments->fd = some_pipe(0);
    }
    request->opcode = arguments->opcode;
    if (request->opcode == IORING_OP_SEND_ZC)
        request->id |= BUTTER_ZERO_COPY;
}

static void some_wait(struct request *request, struct arguments *arguments)
{
    const butter_uring_time time = {0, 1 + number(2000000)};

    switch (number(4)) {
    case 0:
        arguments->opcode = IORING_OP_TIMEOUT;
        with_struct(request, arguments, &time, sizeof time);
        arguments->len = 1;
        arguments->off = number(3);
        break;
    case 1:
        arguments->opcode = IORING_OP_RECV;
        arguments->fd = pair[0];
        arguments->flags |= IOSQE_BUFFER_SELECT;
        arguments->ioprio = !world.threads && number(3) ? IORING_RECV_MULTISHOT : 0;
        request->group = world.group;
        arguments->group = (uint16_t)world.group->number;
        break;
    default:
        arguments->opcode = IORING_OP_POLL_ADD;
        arguments->fd = some_pipe(0);
        arguments->op_flags = POLLIN;
        arguments->len = !world.threads && number(2) ? IORING_POLL_ADD_MULTI : 0;
    }
    request->opcode = arguments->opcode;
}

static void some_cancel(struct arguments *arguments)
{
    arguments->opcode = IORING_OP_ASYNC_CANCEL;
    if (number(8))
        arguments->addr = (void *)(uintptr_t)some_id();
    else if (number(8)) {
        arguments->fd = some_pipe(0);
        arguments->op_flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL;
    } else
        arguments->op_flags = IORING_ASYNC_CANCEL_ANY;
}

/* Submit until there is room for the request: it is queued, or butter refuses it. */
static int queue_one(struct request *request, const struct arguments *arguments)
{
    uint64_t id = request->id;
    int result;

    while ((result = butter_ring_queue(world.ring, id, (uint8_t)arguments->opcode, arguments->flags, arguments->fd,
                                       arguments->addr, arguments->len, arguments->off, arguments->op_flags,
                                       arguments->ioprio, arguments->group, 0, 0)) == -1 - EAGAIN) {
        result = butter_ring_make_room(world.ring);
        if (result != 0 && result != -1 - EINTR && result != -1 - EBUSY && result != -1 - EAGAIN)
            break;
        if (world.ring->setup & IORING_SETUP_SQPOLL)
            sched_yield();
    }
    CHECK(result == 0 || result == -1 - EBADF || result == -1 - E2BIG);
    if (result != 0) {
        pthread_mutex_lock(&world.lock);
        forget(request);
        pthread_mutex_unlock(&world.lock);
        if (result == -1 - E2BIG)
            result = butter_ring_submit(world.ring) == -1 - EBADF ? -1 - EBADF : 0;
    } else
        add(&made, 1);
    return result;
}

static int queue_some(void)
{
    struct arguments arguments = {.opcode = IORING_OP_NOP, .fd = -1};
    struct request *request = new_request(IORING_OP_NOP);
    uint32_t kind = number(16);

    if (request == NULL)
        return butter_ring_submit(world.ring) == -1 - EBADF ? -1 - EBADF : 0;
    if (kind < 9)
        some_transfer(request, &arguments);
    else if (kind < 11)
        some_wait(request, &arguments);
    else if (kind < 14) {
        some_cancel(&arguments);
        request->opcode = arguments.opcode;
    } else if (kind < 15) {
        arguments.opcode = request->opcode = IORING_OP_MSG_RING;
        arguments.fd = world.fd;
        arguments.off = BUTTER_MESSAGE | number(1000);
    }
    if (!number(30))
        arguments.flags |= IOSQE_ASYNC;
    if (!number(12))
        arguments.flags |= number(2) ? IOSQE_IO_LINK : IOSQE_IO_HARDLINK;
    if (world.drains && !number(60))
        arguments.flags |= IOSQE_IO_DRAIN;
    return queue_one(request, &arguments);
}

/* A batch: most of it reads the file, and some pipes, where nothing may ever come. */
static int read_many(void)
{
    butter_completions completions = room_for(1 + number(8));
    struct many many = {.count = 1 + number(100)};
    uint32_t slow = number(6) ? 0 : 8;
    int result;
    size_t at = 0;

    many.batch = (butter_batch *)fresh(sizeof *many.batch, 8, 0);
    many.results = (int32_t *)fresh(many.count * sizeof *many.results, 8, 0);
    many.requests = (int64_t *)fresh(many.count * 3 * sizeof *many.requests, 8, 0);
    for (uint32_t i = 0; i < many.count; i++) {
        int of_pipe = slow && !number(slow);
        many.requests[3 * i] = of_pipe ? some_pipe(0) : file;
        many.requests[3 * i + 1] = 1 + number(100);
        many.requests[3 * i + 2] = of_pipe ? 0 : number(FILE_SIZE - 100);
        many.size += (size_t)many.requests[3 * i + 1];
    }
    many.memory = fresh(many.size, 8, UNREAD);
    result = butter_ring_read_many(world.ring, &completions, many.batch, many.count, many.requests, many.memory,
                                   (int64_t)many.size, many.results);
    for (int tries = 0; result != 0 && result != -1 - EBADF && result != -1 - E2BIG && tries < 4; tries++) {
        look_at_all(&completions);
        result = butter_ring_go_on(world.ring, &completions, many.batch);
    }
    look_at_all(&completions);
    free_room(&completions);
    add(&batches, 1);
    if (result != 0) {
        int left = butter_ring_leave_batch(world.ring, many.batch);
        if (left) {
            pthread_mutex_lock(&world.lock);
            CHECK(world.left_count < LEFT);
            world.left[world.left_count++] = many;
            pthread_mutex_unlock(&world.lock);
            return result;
        }
    } else
        for (uint32_t i = 0; i < many.count; at += (size_t)many.requests[3 * i++ + 1]) {
            int32_t got = many.results[i];
            if (many.requests[3 * i] == file)
                CHECK(got < 0 || memcmp(many.memory + at, content + many.requests[3 * i + 2], (size_t)got) == 0);
            else
                CHECK(got < 0 || is_full_of(many.memory + at, (size_t)got, WRITTEN));
        }
    add(&made, many.count);
    add(&done, many.count);
    retire_many(&many);
    return result;
}

static int read_some(int wait)
{
    butter_completions completions = room_for(1 + number(ROOM));
    int result = butter_ring_read(world.fd, &completions, world.ring, wait);

    CHECK(result >= 0 ? (uint32_t)result == completions.count : completions.count == 0);
    look_at_all(&completions);
    free_room(&completions);
    return result;
}

/* Give the pipes and the sockets something to read, and drain them. */
static void feed(void)
{
    char bytes[512];
    struct pollfd poller = {some_pipe(0), POLLIN, 0};
    ssize_t got;
    int drained = number(2) ? stream[1] : pair[1];

    memset(bytes, WRITTEN, sizeof bytes);
    if (write(some_pipe(1), bytes, 1 + number(sizeof bytes)) < 0)
        CHECK(errno == EAGAIN || errno == EINTR);
    if (send(pair[1], bytes, 1 + number(number(2) ? 20 : sizeof bytes), MSG_DONTWAIT) < 0)
        CHECK(errno == EAGAIN || errno == EINTR);
    got = recv(drained, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got > 0)
        CHECK(is_full_of(bytes, (size_t)got, WRITTEN));
    if (poll(&poller, 1, 0) == 1) {
        got = read(poller.fd, bytes, sizeof bytes);
        CHECK(got < 0 || is_full_of(bytes, (size_t)got, WRITTEN));
    }
}

/* Nothing but the requests that are known here is under way. */
static void check_counts(void)
{
    uint32_t expected = MOST - world.free_count;

    if (world.threads)
        return;
    for (uint32_t i = 0; i < world.left_count; i++)
        expected += world.left[i].batch->left;
    CHECK((uint32_t)butter_ring_in_flight(world.ring) == expected);
}

static int step(void)
{
    uint32_t kind = number(200);
    int result = 0;

    if (kind < 140)
        result = queue_some();
    else if (kind < 150)
        result = butter_ring_submit(world.ring);
    else if (kind < 175)
        result = read_some(0);
    else if (kind < 176)
        result = read_some(1);
    else if (kind < 180) {
        if (world.left_count < LEFT - THREADS)
            result = read_many();
        forget_batches();
    } else
        feed();
    check_counts();
    return result;
}

static void *work(void *seed)
{
    begin((uint64_t)(uintptr_t)seed);
    while (step() != -1 - EBADF)
        ;
    return NULL;
}

/* Rings. */

static int open_ring(void)
{
    static const uint32_t kinds[] = {
        0,
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
        IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQE32,
        IORING_SETUP_NO_SQARRAY | IORING_SETUP_SQE128,
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
    };
    uint32_t flags = kinds[number(world.threads ? 4 : 5)], entries = 1U << number(8);

    if (!number(16))
        flags = IORING_SETUP_SQPOLL;
    /* completions that have no room */
    if (number(2))
        flags |= IORING_SETUP_CQSIZE;
    return butter_ring_open(world.ring, entries, flags, entries << number(2), 0, 1, 0);
}

/* A forked child has no memory of the ring, and touches none. */
static void in_child(void)
{
    pid_t child = fork();
    int status;

    CHECK(child >= 0);
    if (child == 0) {
        butter_ring_forget(world.ring);
        _exit(butter_ring_submit(world.ring) != -1 - EBADF || butter_ring_in_flight(world.ring));
    }
    while (waitpid(child, &status, 0) < 0)
        CHECK(errno == EINTR);
    CHECK(status == 0);
}

static void end_ring(void)
{
    butter_completions completions = room_for(1 + number(ROOM));
    static uint64_t ids[MOST];
    uint32_t count = 0;
    int result;

    pthread_mutex_lock(&world.lock);
    for (uint32_t place = 0; place < MOST; place++)
        if (world.requests[place].id)
            ids[count++] = world.requests[place].id;
    pthread_mutex_unlock(&world.lock);
    while ((result = butter_ring_end(world.ring, &completions, ids, count)) != 0) {
        CHECK(result > 0);
        look_at_all(&completions);
    }
    butter_ring_unmap(world.ring);
    free_room(&completions);
    CHECK(butter_ring_in_flight(world.ring) == 0);
}

static void one_ring(uint64_t limit)
{
    pthread_t threads[THREADS];

    world.threads = number(4) ? 0 : THREADS;
    world.drains = !number(3);
    world.ring = butter_ring_new();
    world.fd = open_ring();
    CHECK(world.fd >= 0);
    /* half of them use their buffers in pieces, where the kernel can */
    CHECK(butter_ring_use_pieces(world.ring) == 0);
    world.group = butter_group_new(7, 1U << number(6), GIVEN, number(2) ? BUTTER_PIECES : 0);
    if (butter_group_register(world.ring, world.group) == -1 - EINVAL) {
        butter_group_free(world.group);
        world.group = butter_group_new(7, 8, GIVEN, 0);
        CHECK(butter_group_register(world.ring, world.group) >= 0);
    }
    world.free_count = 0;
    for (uint32_t place = 0; place < MOST; place++)
        world.free[world.free_count++] = place;
    for (int i = 0; i < world.threads; i++)
        CHECK(pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)(1 + number(UINT32_MAX))) == 0);
    if (world.threads)
        usleep(number(20000));
    else
        for (uint32_t steps = number(number(4) ? 300 : 3000); steps && made < limit; steps--)
            step();
    if (!world.threads && !number(20))
        in_child();
    if (!number(8))
        CHECK(butter_group_unregister(world.ring, world.group) == 0);
    end_ring();
    for (int i = 0; i < world.threads; i++)
        pthread_join(threads[i], NULL);
    /* what the ring has taken back, or ended */
    for (uint32_t place = 0; place < MOST; place++)
        if (world.requests[place].id) {
            ended++;
            retire_request(&world.requests[place]);
        }
    while (world.left_count)
        retire_many(&world.left[--world.left_count]);
    butter_group_free(world.group);
    close(world.fd);
    butter_ring_free(world.ring);
    rings++;
}

static void connect_stream(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    stream[0] = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(stream[0], (struct sockaddr *)&address, size) == 0);
    stream[1] = accept(listener, NULL, NULL);
    close(listener);
}

int main(int argc, char **argv)
{
    uint64_t limit = argc > 1 ? strtoull(argv[1], NULL, 0) : 1000000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;

    begin(seed);
    pthread_mutex_init(&world.lock, NULL);
    for (int i = 0; i < FILE_SIZE; i++)
        content[i] = (char)number(256);
    file = memfd_create("content", MFD_CLOEXEC);
    CHECK(write(file, content, FILE_SIZE) == FILE_SIZE);
    for (int i = 0; i < PIPES; i++)
        CHECK(pipe2(pipes[i], 0) == 0 && fcntl(pipes[i][1], F_SETFL, O_NONBLOCK) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    connect_stream();
    interrupt();
    for (input = 0; made < limit; input++)
        one_ring(limit);
    let_all_go();
    for (int i = 0; i < 256; i++)
        if (counts[i] && getenv("COUNTS"))
            fprintf(stderr, "opcode %d: %llu\n", i, (unsigned long long)counts[i]);
    printf("seed %llu: %llu operations, %llu complete, %llu of them cancelled, %llu ended by one of %llu closes, "
           "%llu batches\n",
           (unsigned long long)seed, (unsigned long long)made, (unsigned long long)done, (unsigned long long)cancelled,
           (unsigned long long)ended, (unsigned long long)rings, (unsigned long long)batches);
    return 0;
}
