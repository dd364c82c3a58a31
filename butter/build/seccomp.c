#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Not from <linux/seccomp.h>: old versions lack the newest, and the numbers of the
   kernel never change. */
#define SECCOMP_SET_MODE_STRICT 0
#define SECCOMP_SET_MODE_FILTER 1
#define SECCOMP_GET_ACTION_AVAIL 2
#define SECCOMP_GET_NOTIF_SIZES 3

#define SECCOMP_FILTER_FLAG_TSYNC (1U << 0)
#define SECCOMP_FILTER_FLAG_LOG (1U << 1)
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW (1U << 2)
#define SECCOMP_FILTER_FLAG_NEW_LISTENER (1U << 3)
#define SECCOMP_FILTER_FLAG_TSYNC_ESRCH (1U << 4)
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1U << 5)

#define SECCOMP_RET_KILL_PROCESS 0x80000000U
#define SECCOMP_RET_KILL_THREAD 0x00000000U
#define SECCOMP_RET_KILL SECCOMP_RET_KILL_THREAD
#define SECCOMP_RET_TRAP 0x00030000U
#define SECCOMP_RET_ERRNO 0x00050000U
#define SECCOMP_RET_USER_NOTIF 0x7fc00000U
#define SECCOMP_RET_TRACE 0x7ff00000U
#define SECCOMP_RET_LOG 0x7ffc0000U
#define SECCOMP_RET_ALLOW 0x7fff0000U

#define SECCOMP_RET_ACTION_FULL 0xffff0000U
#define SECCOMP_RET_ACTION 0x7fff0000U
#define SECCOMP_RET_DATA 0x0000ffffU

/* Those of <linux/filter.h>, which not every C library has beside it. */
struct sock_filter {
    uint16_t code;
    uint8_t jt, jf;
    uint32_t k;
};
struct sock_fprog {
    uint16_t len;
    struct sock_filter *filter;
};
struct seccomp_notif_sizes {
    uint16_t seccomp_notif, seccomp_notif_resp, seccomp_data;
};

#ifndef SYS_seccomp
# if defined(__x86_64__)
#  define SYS_seccomp 317
# elif defined(__aarch64__)
#  define SYS_seccomp 277
# endif
#endif
/* A call that fails returns -1 - errno: butter/errors.py says why. No C library has a
   function for it. */
static int butter_seccomp(unsigned int operation, unsigned int flags, void *args)
{
    long result = syscall(SYS_seccomp, operation, flags, args);
    return result < 0 ? -1 - errno : (int)result;
}
#define seccomp butter_seccomp
