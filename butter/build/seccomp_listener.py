from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* NotificationAnswer(IntFlag, SECCOMP_USER_NOTIF_FLAG_): how a call goes on */
#define SECCOMP_USER_NOTIF_FLAG_CONTINUE ... /* the kernel makes the call, as if there were no filter (Linux 5.5) */

/* ListenerFlag(IntFlag, SECCOMP_USER_NOTIF_FD_): how a listener works */
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP ... /* the two sides wake each other on one processor (Linux 6.6) */

/* AddFd(IntFlag, SECCOMP_ADDFD_FLAG_): how a descriptor comes to a task */
#define SECCOMP_ADDFD_FLAG_SETFD ...    /* it gets a number that is chosen (Linux 5.9) */
#define SECCOMP_ADDFD_FLAG_SEND ...     /* its number is the answer, too (Linux 5.14) */

/* -: the numbers of the ioctls of a listener */
#define SECCOMP_IOCTL_NOTIF_RECV ...    /* takes a notification */
#define SECCOMP_IOCTL_NOTIF_SEND ...    /* answers one */
#define SECCOMP_IOCTL_NOTIF_ID_VALID ... /* fails if the call does not wait any more */
#define SECCOMP_IOCTL_NOTIF_ADDFD ...   /* gives the task a descriptor (Linux 5.9) */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS ... /* sets flags of the listener (Linux 6.6) */

typedef struct {
    uint64_t id;
    uint32_t pid, flags;
    int number;
    uint32_t arch;
    uint64_t instruction_pointer, arguments[6];
} butter_notification;

/* The result of one read; others than the first bytes are of a newer kernel. */
typedef struct {
    uint32_t count;
    int ioctl_ends;
    ...;
} butter_received;

butter_notification *butter_notification_of(butter_received *received);
int butter_notification_receive(int fd, butter_received *received);
int butter_notification_send(int fd, uint64_t id, int64_t value, int error, uint32_t flags);
int butter_notification_valid(int fd, uint64_t id);
int butter_notification_add_fd(int fd, uint64_t id, uint32_t flags, uint32_t source, uint32_t number,
                               uint32_t number_flags);
int butter_listener_set_flags(int fd, uint64_t flags);
int64_t butter_read_memory(int pid, uint64_t address, void *buffer, size_t length);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
SOURCES = [Path(__file__).with_name(name).read_text() for name in ("calls.h", "quick.h", "seccomp_listener.c")]
ffi.set_source("butter._seccomp_listener_c", "\n".join(SOURCES))
