from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* EpollInit(IntFlag): the flags of epoll_create1 */
#define EPOLL_CLOEXEC ...    /* close the descriptor when the process executes another program */

/* EpollOp(IntEnum, EPOLL_CTL_): the operations of epoll_ctl */
#define EPOLL_CTL_ADD ...    /* register a descriptor */
#define EPOLL_CTL_DEL ...    /* forget a descriptor */
#define EPOLL_CTL_MOD ...    /* change the events and the data of a descriptor */

/* EpollMask(IntFlag, EPOLL): events to wait for, and how, and those that have come */
#define EPOLLIN ...          /* there is something to read, or the end of it */
#define EPOLLPRI ...         /* there is something urgent: out-of-band data, a mount table that changed */
#define EPOLLOUT ...         /* a write does not wait */
#define EPOLLRDNORM ...      /* the same as EPOLLIN, for most files */
#define EPOLLRDBAND ...      /* priority data can be read */
#define EPOLLWRNORM ...      /* the same as EPOLLOUT */
#define EPOLLWRBAND ...      /* priority data can be written */
#define EPOLLMSG ...         /* ignored by the kernel */
#define EPOLLERR ...         /* an error, or a pipe without a reader; always waited for */
#define EPOLLNVAL ...        /* the descriptor is not open: of poll, an epoll never tells of it */
#define EPOLLHUP ...         /* the other end hung up; always waited for */
#define EPOLLRDHUP ...       /* the other end of a stream socket sends no more */
#define EPOLLEXCLUSIVE ...   /* of several epolls that wait for one file, wake one or a few, not all (Linux 4.5) */
#define EPOLLWAKEUP ...      /* the system does not suspend while the event is handled (Linux 3.5) */
#define EPOLLONESHOT ...     /* after one event wait for nothing, until the events are changed anew */
#define EPOLLET ...          /* tell only of what is new, not of what still lasts */

/* -: requests of ioctl, about busy polling */
#define EPIOCSPARAMS ...     /* set the parameters (Linux 6.9) */
#define EPIOCGPARAMS ...     /* get the parameters (Linux 6.9) */

int epoll_create1(int flags);

struct epoll_event {
    uint32_t events;
    ...;
};

/* The events of one call: the kernel's structs, or after a read of an object, in the
   same place, a descriptor and a mask for each. */
typedef struct {
    uint32_t count, room;
    struct epoll_event *found;
} butter_epoll_events;

typedef struct {
    uint32_t busy_poll_usecs;
    uint16_t busy_poll_budget;
    uint8_t prefer_busy_poll;
    ...;
} butter_epoll_params;

int butter_epoll_ctl(int epfd, int op, int fd, uint32_t events, uint64_t data);
int butter_epoll_wait(int epfd, butter_epoll_events *events, int maxevents, int timeout);
int butter_epoll_pwait(int epfd, butter_epoll_events *events, int maxevents, int timeout, int masked, uint64_t blocked);
int butter_epoll_pwait2(int epfd, butter_epoll_events *events, int maxevents, int64_t timeout, int masked,
                        uint64_t blocked);
int butter_epoll_read(int epfd, butter_epoll_events *events, int maxevents, int64_t timeout);
int butter_epoll_ioctl(int epfd, unsigned long request, butter_epoll_params *params);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
SOURCES = [Path(__file__).with_name(name).read_text() for name in ("calls.h", "quick.h", "times.h", "epoll.c")]
ffi.set_source("butter._epoll_c", "\n".join(SOURCES))
