#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The structs of io_uring: the headers of a C library may be years older than the
   kernel, so none of linux/io_uring.h is used. */

#ifndef SYS_io_uring_setup
# define SYS_io_uring_setup 425
# define SYS_io_uring_enter 426
# define SYS_io_uring_register 427
#endif

typedef struct {
    uint32_t head, tail, ring_mask, ring_entries, flags, dropped, array, reserved;
    uint64_t user_addr;
} butter_sq_offsets;

typedef struct {
    uint32_t head, tail, ring_mask, ring_entries, overflow, cqes, flags, reserved;
    uint64_t user_addr;
} butter_cq_offsets;

typedef struct {
    uint32_t sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features, wq_fd, reserved[3];
    butter_sq_offsets sq_off;
    butter_cq_offsets cq_off;
} butter_uring_params;
_Static_assert(sizeof(butter_uring_params) == 120, "the kernel's struct io_uring_params");

/* The argument of io_uring_enter with IORING_ENTER_EXT_ARG. */
typedef struct {
    uint64_t sigmask;
    uint32_t sigmask_size, min_wait_usec;
    uint64_t timeout;
} butter_uring_wait;

typedef struct {
    int64_t seconds, nanoseconds;
} butter_uring_time;

static long uring_result(long result)
{
    return result < 0 ? -1 - errno : result;
}

static inline long uring_enter(int fd, uint32_t to_submit, uint32_t min_complete, uint32_t flags, const void *argument,
                               size_t size)
{
    return uring_result(syscall(SYS_io_uring_enter, fd, to_submit, min_complete, flags, argument, size));
}

static inline long uring_register(int fd, uint32_t opcode, void *argument, uint32_t count)
{
    return uring_result(syscall(SYS_io_uring_register, fd, opcode, argument, count));
}
