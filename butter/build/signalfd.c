#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define NEW_SIGNALFD -1
#define SIGINFO_LENGTH 128
_Static_assert(sizeof(struct signalfd_siginfo) == SIGINFO_LENGTH, "the kernel fixed this size for ever");

#ifndef SI_DETHREAD
# define SI_DETHREAD -7
#endif
#ifndef SI_ASYNCNL
# define SI_ASYNCNL -60
#endif

/* A call that fails returns -1 - errno: butter/errors.py says why. */
static int butter_signalfd(int fd, const sigset_t *mask, int flags)
{
    int result = signalfd(fd, mask, flags);
    return result < 0 ? -1 - errno : result;
}
#define signalfd butter_signalfd

/* Return whether a signal has a handler, Python's or that of a library. */
static int butter_signal_handled(int signum)
{
    struct sigaction action;

    if (sigaction(signum, NULL, &action) < 0)
        return 0;
    return action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN;
}

/* The result of one read. More than 128 signals rarely wait. */
typedef struct {
    uint32_t count;
    char data[128 * SIGINFO_LENGTH];
} butter_signals;

/* Read once, and return the number of signals, or -1 - errno. */
static int butter_signalfd_read(int fd, butter_signals *signals)
{
    ssize_t size = read(fd, signals->data, sizeof signals->data);

    if (size < 0)
        return -1 - errno;
    if (!size || size % SIGINFO_LENGTH)
        return -1 - EBADMSG;
    signals->count = (uint32_t)(size / SIGINFO_LENGTH);
    return (int)signals->count;
}
