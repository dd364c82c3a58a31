#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/select.h>

/* If RLIMIT_NOFILE is 0, poll() refuses even one descriptor, although open descriptors
   still work; select() does not refuse it. The sets are as large as the number needs:
   FD_SET ends at 1024, the kernel does not. */
static int select_one(int fd, short events, int timeout)
{
    const int bits = 8 * sizeof(fd_mask);
    struct timeval time = {timeout / 1000, timeout % 1000 * 1000};
    fd_mask *set = calloc((size_t)fd / bits + 1, sizeof *set);
    fd_set *readers = events & POLLIN ? (fd_set *)set : NULL, *writers = events & POLLIN ? NULL : (fd_set *)set;
    int ready;

    if (set == NULL)
        return -1 - ENOMEM;
    set[fd / bits] = (fd_mask)1 << fd % bits;
    ready = select(fd + 1, readers, writers, NULL, timeout < 0 ? NULL : &time);
    ready = ready < 0 ? -1 - errno : ready;
    free(set);
    return ready;
}

/* Return whether fd is ready for one of the events, or -1 - errno. Python's poll()
   would go on after a signal with the same number, although the handler may have
   closed it and another file may have it now. */
static int butter_poll(int fd, short events, int timeout)
{
    struct pollfd poller = {fd, events, 0};
    int ready = poll(&poller, 1, timeout);

    if (ready < 0 && errno == EINVAL && fd >= 0)
        return select_one(fd, events, timeout);
    return ready < 0 ? -1 - errno : ready;
}
