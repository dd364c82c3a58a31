#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

/* The memory of a ring, which the program and the kernel share.

   Only this C touches it: an entry is written before the tail that publishes it
   (release), and the head that the kernel moves is read before an entry is used again
   (acquire).

   Three rules keep it safe.

   A thread that is inside a function here is counted (users). The end of a ring lets no
   other in, wakes the threads that wait, and unmaps when the last has left.

   A spin lock covers the steps that two threads must not make at once: to write an
   entry, to take completions, to count. It is held for a few instructions, in which
   neither a system call nor Python runs. So a signal handler cannot find it held by its
   own thread, and a forked child does not touch the ring at all.

   A request is under way from its entry to its last completion, the one without
   IORING_CQE_F_MORE. in_flight counts them: while it is not 0 the kernel may use memory
   of the program, and Python keeps all that the requests point to. */

typedef struct {
    uint8_t opcode, flags;
    uint16_t ioprio;
    int32_t fd;
    uint64_t off, addr;
    uint32_t len, op_flags;
    uint64_t user_data;
    uint16_t buf_index, personality;
    int32_t file_index;
    uint64_t addr3, unused;
} butter_sqe;
_Static_assert(sizeof(butter_sqe) == 64, "the kernel's struct io_uring_sqe");

typedef struct {
    uint64_t user_data;
    int32_t result;
    uint32_t flags;
} butter_cqe;
_Static_assert(sizeof(butter_cqe) == 16, "the kernel's struct io_uring_cqe");

/* Room for the completions of one read. holds says that more follow after some of
   them, whose events are not made yet: see take(). at has for those that have used a
   piece of a buffer where it begins in the buffer. */
typedef struct {
    uint32_t count, room;
    butter_cqe *found;
    uint32_t *at;
    uint32_t holds;
} butter_completions;

/* Many reads that one call makes: for each its descriptor, size and offset. The lists
   and the memory stay as long as some reads are left. */
typedef struct {
    uint32_t count, queued, left, failed, place;
    int64_t *requests;
    char *memory;
    int32_t *results;
    uint64_t at; /* of the next read in the memory */
} butter_batch;

#define BUTTER_BATCHES 64

/* A buffer that is used piece by piece: how much of it was used, how many of its pieces
   were taken and not yet copied, and whether the kernel has done with it. */
typedef struct {
    uint32_t used, taken;
    int ended;
} butter_piece;

typedef _Atomic uint32_t shared;

typedef struct {
    /* Python may read these. */
    uint32_t setup, features, entries, cq_entries;
    /* The rest is used under the lock, or does not change. */
    int fd;
    pid_t owner;
    shared *sq_head, *sq_tail, *sq_flags, *cq_head, *cq_tail;
    butter_sqe *sqes;
    butter_cqe *cqes;
    void *maps[3];
    size_t sizes[3];
    /* of the entries that are written; those up to *sq_tail are published */
    uint32_t tail;
    uint32_t users, in_flight, cqe_shift, sqe_shift;
    uint32_t chain; /* of linked entries: the first one, where the last asks for more */
    int linked;     /* the last entry asks for the next one */
    int ending, gone;
    uint32_t holding; /* how many rooms hold such completions */
    atomic_flag lock;
    butter_batch *batches[BUTTER_BATCHES];
    butter_piece *pieces; /* of the buffers that are used piece by piece */
} butter_ring;

/* Buffers that are used piece by piece have numbers from this one on, each another in
   the whole ring, and there are so many. */
#define BUTTER_PIECES 32768

/* A flag that completions have while another thread has yet to make the events of
   others before them. */
#define BUTTER_CQE_F_HELD (1U << 14)

/* Messages of other rings have this bit in their user_data; requests do not. */
#define BUTTER_MESSAGE (UINT64_C(1) << 63)

/* The user_data of the requests by which a ring ends. */
#define BUTTER_ENDING (BUTTER_MESSAGE - 1)

/* Sends without copies have this bit. */
#define BUTTER_ZERO_COPY (UINT64_C(1) << 61)

/* The reads of a batch have this bit, the place of the batch, and their index. */
#define BUTTER_BATCH (UINT64_C(1) << 62)
