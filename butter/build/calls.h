#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The C functions fail with -1 - errno: butter/errors.py says why. */
static long result_of(long result)
{
    return result < 0 ? -1 - errno : result;
}

/* statx is younger than old C libraries, so these are its number and its struct. */
#ifndef SYS_statx
# if defined(__x86_64__)
#  define SYS_statx 332
# elif defined(__aarch64__)
#  define SYS_statx 291
# endif
#endif
#define BUTTER_TYPE 0x1U
#define BUTTER_MNT_ID 0x1000U        /* Linux 5.8 */
#define BUTTER_MNT_ID_UNIQUE 0x4000U /* Linux 6.8: a number that no other mount gets */
#define BUTTER_MOUNT_ROOT 0x2000U    /* an attribute, Linux 5.8 */

struct butter_statx {
    uint32_t mask, block_size;
    uint64_t attributes;
    uint32_t links, user, group;
    uint16_t mode, unused;
    uint64_t others[3], attributes_mask, times[10];
    uint64_t mount, rest[13];
};

/* Looks at a file; flags are 0 or AT_EMPTY_PATH. Its filesystem answers from memory, or
   not at all: its server may be gone. */
static inline int butter_statx(int dirfd, const char *path, int flags, uint32_t mask, struct butter_statx *found)
{
    const int no_automount = 0x800, as_cached = 0x4000;

    return (int)result_of(syscall(SYS_statx, dirfd, path, flags | no_automount | as_cached, mask, found));
}

/* Compares the open files of two descriptors, each of a process: 0 if it is one file, 1
   or 2 for an order of different ones, or -1 - errno. */
static inline int butter_compare_files(int first_pid, int first_fd, int second_pid, int second_fd)
{
    return (int)result_of(
        syscall(SYS_kcmp, first_pid, second_pid, 0 /* KCMP_FILE */, (unsigned long)first_fd, (unsigned long)second_fd));
}
