#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

/* Not from <linux/seccomp.h>, which an old one lacks the newer ones in. */
typedef struct {
    uint64_t id;
    uint32_t pid, flags;
    int number;
    uint32_t arch;
    uint64_t instruction_pointer, arguments[6];
} butter_notification;

typedef struct {
    uint64_t id;
    int64_t value;
    int32_t error;
    uint32_t flags;
} butter_answer;

typedef struct {
    uint64_t id;
    uint32_t flags, source, number, number_flags;
} butter_added;

_Static_assert(sizeof(butter_notification) == 80, "the size is a part of the number of the ioctl");
_Static_assert(sizeof(butter_answer) == 24, "the size is a part of the number of the ioctl");
_Static_assert(sizeof(butter_added) == 24, "the size is a part of the number of the ioctl");

#undef SECCOMP_IOCTL_NOTIF_RECV
#undef SECCOMP_IOCTL_NOTIF_SEND
#undef SECCOMP_IOCTL_NOTIF_ID_VALID
#undef SECCOMP_IOCTL_NOTIF_ADDFD
#undef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_RECV _IOWR('!', 0, butter_notification)
#define SECCOMP_IOCTL_NOTIF_SEND _IOWR('!', 1, butter_answer)
#define SECCOMP_IOCTL_NOTIF_ID_VALID _IOW('!', 2, uint64_t)
#define SECCOMP_IOCTL_NOTIF_ADDFD _IOW('!', 3, butter_added)
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS _IOW('!', 4, uint64_t)

#define SECCOMP_USER_NOTIF_FLAG_CONTINUE 1U
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1U
#define SECCOMP_ADDFD_FLAG_SETFD 1U
#define SECCOMP_ADDFD_FLAG_SEND 2U

/* The result of one read. SECCOMP_GET_NOTIF_SIZES says how much the kernel writes
   there, which has to be zeros before: a newer kernel may write more. */
typedef struct {
    uint32_t count;
    int ioctl_ends; /* whether the ioctl stops waiting when the last task ends */
    union {
        butter_notification first;
        char room[1024];
    } data;
} butter_received;

static butter_notification *butter_notification_of(butter_received *received)
{
    return &received->data.first;
}

#ifndef SYS_seccomp
# if defined(__x86_64__)
#  define SYS_seccomp 317
# elif defined(__aarch64__)
#  define SYS_seccomp 277
# endif
#endif

/* The number of bytes that the kernel writes for a notification. */
static size_t kernel_size(void)
{
    static size_t known;
    struct {
        uint16_t notification, answer, data;
    } sizes = {0, 0, 0};

    if (!known) {
        const int get_sizes = 3;
        size_t size = sizeof(butter_notification);

        if (syscall(SYS_seccomp, get_sizes, 0, &sizes) == 0 && sizes.notification > size)
            size = sizes.notification;
        known = size;
    }
    return known;
}

/* An ioctl about a notification. It waits for a lock of the kernel alone, so it does
   not give up for a signal, whose handler runs afterwards. If the call does not wait
   any more, the kernel says ENOENT, or shortly after an answer EINPROGRESS; here it is
   ESRCH, as the kernel itself has it in one case. */
static int request(int fd, unsigned long number, void *argument)
{
    int result;

    do
        result = ioctl(fd, number, argument);
    while (result < 0 && errno == EINTR);
    if (result < 0 && (errno == ENOENT || errno == EINPROGRESS))
        return -1 - ESRCH;
    return (int)result_of(result);
}

/* Only one thread at a time may look whether a notification waits and take it: another
   would take it between the two, and the ioctl, which has no non-blocking mode, would
   wait for the next. A lock is held for two quick system calls, without the GIL and
   where no handler of Python runs; a forked child has locks of its own. There are many,
   so that a listener of which another process takes something holds up few others. */
#define LOCKS 64
static pthread_mutex_t taking[LOCKS];

static void renew_locks(void)
{
    for (int each = 0; each < LOCKS; each++)
        pthread_mutex_init(&taking[each], NULL);
}

__attribute__((constructor)) static void begin(void)
{
    renew_locks();
    pthread_atfork(NULL, NULL, renew_locks);
}

static int receive(int fd, butter_received *received)
{
    memset(&received->data, 0, kernel_size());
    return ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &received->data) < 0 ? -1 - errno : 1;
}

/* Whether a notification waits: 1, or -1 - errno. That is EAGAIN if there is none, and
   ENODATA if none can come, since the last task is gone. */
static int look(int fd, int timeout)
{
    struct pollfd poller = {fd, POLLIN, 0};

    if (poll(&poller, 1, timeout) < 0)
        return -1 - errno;
    if (poller.revents & POLLNVAL)
        return -1 - EBADF;
    if (poller.revents & POLLIN)
        return 1;
    return poller.revents & POLLHUP ? -1 - ENODATA : -1 - EAGAIN;
}

static int take(int fd, butter_received *received)
{
    int result;

    pthread_mutex_lock(&taking[fd % LOCKS]);
    do {
        result = look(fd, 0);
        if (result == 1)
            result = receive(fd, received);
        /* ENOENT: the task was killed, or interrupted, between the two */
    } while (result == -1 - ENOENT);
    pthread_mutex_unlock(&taking[fd % LOCKS]);
    return result;
}

/* Wait for a notification. The result is that of an interrupted call where the caller
   has to look again, by a number that may be another file's by now. Before Linux 6.11
   the ioctl waits for ever when the last task ends. */
static int wait_and_take(int fd, butter_received *received)
{
    int result = received->ioctl_ends ? receive(fd, received) : look(fd, -1);

    if (!received->ioctl_ends && result == 1) {
        result = take(fd, received);
        return result == -1 - EAGAIN ? -1 - EINTR : result;
    }
    if (result == -1 - ENOENT)
        return look(fd, 0) == -1 - ENODATA ? -1 - ENODATA : -1 - EINTR;
    return result;
}

static int butter_notification_receive(int fd, butter_received *received)
{
    int result;

    if (fd < 0)
        return -1 - EBADF;
    WITHOUT_GIL(result = fcntl(fd, F_GETFL) & O_NONBLOCK ? take(fd, received) : wait_and_take(fd, received);
                received->count = result == 1);
    return result;
}

static int butter_notification_send(int fd, uint64_t id, int64_t value, int error, uint32_t flags)
{
    butter_answer answer = {id, value, error, flags};

    return request(fd, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

static int butter_notification_valid(int fd, uint64_t id)
{
    int result = request(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id);

    /* the number that it had at first, until Linux 5.8 */
    return result == -1 - EINVAL ? request(fd, _IOR('!', 2, uint64_t), &id) : result;
}

/* The task itself has to take the descriptor, and the ioctl waits for that. If a signal
   ended the wait, a descriptor that is the answer too would be lost, and the call of
   the task return 0: so signals wait meanwhile. */
static int butter_notification_add_fd(int fd, uint64_t id, uint32_t flags, uint32_t source, uint32_t number,
                                      uint32_t number_flags)
{
    butter_added added = {id, flags, source, number, number_flags};
    sigset_t all, before;
    int result;

    sigfillset(&all);
    WITHOUT_GIL(pthread_sigmask(SIG_BLOCK, &all, &before); result = request(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &added);
                pthread_sigmask(SIG_SETMASK, &before, NULL));
    return result;
}

static int butter_listener_set_flags(int fd, uint64_t flags)
{
    return (int)result_of(ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, flags));
}

/* The number of bytes read, which ends where the memory of the task does. */
static int64_t butter_read_memory(int pid, uint64_t address, void *buffer, size_t length)
{
    struct iovec here = {buffer, length}, there = {(void *)(uintptr_t)address, length};
    int64_t result;

    WITHOUT_GIL(result = result_of(syscall(SYS_process_vm_readv, pid, &here, 1UL, &there, 1UL, 0UL)));
    return result;
}
