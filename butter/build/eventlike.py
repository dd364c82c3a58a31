from cffi import FFI

DECLARATIONS = """
int butter_poll(int fd, short events, int timeout);
"""

SOURCE = """
#include <errno.h>
#include <poll.h>

/* Not Python's poll(), which goes on after a signal with the number that it has:
   the handler may have closed that, and somebody else have got it.
   Returns whether fd is ready for one of the events, or -1 - errno. */
static int butter_poll(int fd, short events, int timeout)
{
    struct pollfd poller = {fd, events, 0};
    int ready = poll(&poller, 1, timeout);
    return ready < 0 ? -1 - errno : ready;
}
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
ffi.set_source("butter._eventlike_c", SOURCE)
