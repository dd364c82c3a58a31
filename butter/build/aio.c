#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

/* The header of the kernel is not everywhere, and has these as an enum. */
#define IOCB_CMD_PREAD 0
#define IOCB_CMD_PWRITE 1
#define IOCB_CMD_FSYNC 2
#define IOCB_CMD_FDSYNC 3
#define IOCB_CMD_POLL 5
#define IOCB_CMD_NOOP 6
#define IOCB_CMD_PREADV 7
#define IOCB_CMD_PWRITEV 8
#define IOCB_FLAG_RESFD 1
#define IOCB_FLAG_IOPRIO 2
#ifndef SYS_io_pgetevents
# if defined(__x86_64__)
#  define SYS_io_pgetevents 333
# elif defined(__aarch64__)
#  define SYS_io_pgetevents 292
# endif
#endif

/* struct iocb of the kernel. butter._aio writes it as bytes; the kernel writes
   the key, by which it knows an iocb that was submitted. */
typedef struct {
    uint64_t aio_data;
    uint32_t aio_key, aio_rw_flags;
    uint16_t aio_lio_opcode;
    int16_t aio_reqprio;
    uint32_t aio_fildes;
    uint64_t aio_buf, aio_nbytes;
    int64_t aio_offset;
    uint64_t aio_reserved2;
    uint32_t aio_flags, aio_resfd;
} butter_iocb;
_Static_assert(sizeof(butter_iocb) == 64, "the kernel's struct");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "key and flags are the other way round");

typedef struct {
    uint64_t data, obj;
    int64_t res, res2;
} butter_io_event;
_Static_assert(sizeof(butter_io_event) == 32, "the kernel's struct");

typedef struct {
    uint32_t count, done;
    butter_iocb *iocbs;
} butter_aio_batch;

typedef struct {
    uint32_t count, room;
    butter_io_event *found;
} butter_aio_events;

/* The number of a context is an address, and soon another context's after io_destroy.
   Each call of an object holds the lock, and the end of it takes the number away under
   the lock: so no thread uses a number that is a stranger's by now. */
typedef struct {
    uint64_t context;
    pthread_rwlock_t lock; /* zeros are one that is free */
} butter_aio;

/* what a call of an object returns once its context has ended */
#define ENDED (-1 - ESHUTDOWN)
#define AT_ONCE 256

static int butter_io_setup(unsigned int nr_events, unsigned long *context)
{
    return (int)result_of(syscall(SYS_io_setup, nr_events, context));
}

static int butter_io_submit(unsigned long context, long count, butter_iocb **iocbs)
{
    return (int)result_of(syscall(SYS_io_submit, context, count, iocbs));
}

/* A negative number of nanoseconds stands for a wait without an end. */
static int butter_io_getevents(unsigned long context, long min_nr, long nr, butter_io_event *events, int64_t timeout)
{
    struct timespec time = butter_timespec(timeout);

    return (int)result_of(syscall(SYS_io_getevents, context, min_nr, nr, events, timeout < 0 ? NULL : &time));
}

static int butter_io_pgetevents(unsigned long context, long min_nr, long nr, butter_io_event *events, int64_t timeout,
                                int masked, uint64_t blocked)
{
    struct timespec time = butter_timespec(timeout);
    struct {
        const uint64_t *mask;
        size_t size;
    } mask = {masked ? &blocked : NULL, sizeof blocked};

    return (int)result_of(syscall(SYS_io_pgetevents, context, min_nr, nr, events, timeout < 0 ? NULL : &time, &mask));
}

/* The event comes by io_getevents, as for every other operation: the kernel says
   EINPROGRESS where it cancels, and leaves the last argument alone. */
static int butter_io_cancel(unsigned long context, butter_iocb *iocb)
{
    butter_io_event unused;
    int result = (int)result_of(syscall(SYS_io_cancel, context, iocb, &unused));

    return result == -1 - EINPROGRESS ? 0 : result;
}

static int butter_io_destroy(unsigned long context)
{
    return (int)result_of(syscall(SYS_io_destroy, context));
}

static int butter_aio_eventfd(int flags)
{
    return (int)result_of(eventfd(0, flags));
}

static int butter_aio_begin(butter_aio *aio, unsigned int depth)
{
    unsigned long context = 0;
    int result;

    aio->lock = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER;
    result = butter_io_setup(depth, &context);
    aio->context = context;
    return result;
}

/* Hand over what is left of a batch: 0 when all of it is, or the errno of the first
   operation that the kernel refuses. The kernel takes fewer than there are where it
   refuses one of them, or has no room left. */
static int hand_over(unsigned long context, butter_aio_batch *batch)
{
    butter_iocb *pointers[AT_ONCE];

    while (batch->done < batch->count) {
        uint32_t left = batch->count - batch->done, some = left < AT_ONCE ? left : AT_ONCE;
        int taken;

        for (uint32_t i = 0; i < some; i++)
            pointers[i] = batch->iocbs + batch->done + i;
        taken = butter_io_submit(context, some, pointers);
        if (taken <= 0)
            return taken < 0 ? taken : -1 - EAGAIN;
        batch->done += (uint32_t)taken;
    }
    return 0;
}

static int butter_aio_submit(butter_aio *aio, butter_aio_batch *batch)
{
    int result = ENDED;

    pthread_rwlock_rdlock(&aio->lock);
    if (aio->context)
        result = hand_over(aio->context, batch);
    pthread_rwlock_unlock(&aio->lock);
    return result;
}

/* Make the object readable, for a completion that is in it. The number of the eventfd
   is its own as long as the context is there. A counter that is full is readable. */
static int butter_aio_signal(butter_aio *aio, int fd)
{
    const uint64_t one = 1;

    pthread_rwlock_rdlock(&aio->lock);
    if (aio->context && write(fd, &one, sizeof one) < 0)
        errno = 0;
    pthread_rwlock_unlock(&aio->lock);
    return 0;
}

/* Wait for the eventfd, unless it is non-blocking, and take the events. The kernel
   makes an event before it counts it: so the count may be about an event that was taken
   with those before it, and then this returns 0. */
static int butter_aio_read(int fd, butter_aio_events *events, butter_aio *aio)
{
    const uint64_t one = 1;
    uint64_t counted;
    int count = 0;

    if (read(fd, &counted, sizeof counted) < 0)
        return -1 - errno;
    pthread_rwlock_rdlock(&aio->lock);
    if (aio->context)
        count = butter_io_getevents(aio->context, 0, events->room, events->found, 0);
    /* there may be more, and an event that cannot be taken is still there */
    if (aio->context && (count < 0 || count == (int)events->room) && write(fd, &one, sizeof one) < 0)
        errno = 0;
    pthread_rwlock_unlock(&aio->lock);
    if (count > 0)
        events->count = (uint32_t)count;
    return count;
}

static int butter_aio_cancel(butter_aio *aio, butter_iocb *iocb)
{
    int result = ENDED;

    pthread_rwlock_rdlock(&aio->lock);
    if (aio->context)
        result = butter_io_cancel(aio->context, iocb);
    pthread_rwlock_unlock(&aio->lock);
    return result;
}

/* End the context: the kernel cancels what it can, waits for the rest, and uses none of
   the buffers any more when this returns 1. Only an impatient call returns 0, where
   another thread is inside io_submit. It leaves errno alone: a finaliser calls it. */
static int butter_aio_end(butter_aio *aio, int patient)
{
    int before = errno;
    uint64_t context;

    if (patient)
        pthread_rwlock_wrlock(&aio->lock);
    else if (pthread_rwlock_trywrlock(&aio->lock))
        return 0;
    context = aio->context;
    aio->context = 0;
    pthread_rwlock_unlock(&aio->lock);
    if (context)
        butter_io_destroy(context);
    errno = before;
    return 1;
}

#define io_setup butter_io_setup
#define io_submit butter_io_submit
#define io_getevents butter_io_getevents
#define io_pgetevents butter_io_pgetevents
#define io_cancel butter_io_cancel
#define io_destroy butter_io_destroy
