#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MFD_CLOEXEC
# define MFD_CLOEXEC 0x1U
#endif
#ifndef MFD_ALLOW_SEALING
# define MFD_ALLOW_SEALING 0x2U
#endif
#ifndef MFD_HUGETLB
# define MFD_HUGETLB 0x4U
#endif
#ifndef MFD_NOEXEC_SEAL
# define MFD_NOEXEC_SEAL 0x8U
#endif
#ifndef MFD_EXEC
# define MFD_EXEC 0x10U
#endif

/* Not from <linux/memfd.h>: in old versions the 34 is signed, and shifting it is
   negative. */
#define MFD_HUGE_SHIFT 26
#define MFD_HUGE_MASK 0x3f
#define MFD_HUGE_64KB (16U << MFD_HUGE_SHIFT)
#define MFD_HUGE_512KB (19U << MFD_HUGE_SHIFT)
#define MFD_HUGE_1MB (20U << MFD_HUGE_SHIFT)
#define MFD_HUGE_2MB (21U << MFD_HUGE_SHIFT)
#define MFD_HUGE_8MB (23U << MFD_HUGE_SHIFT)
#define MFD_HUGE_16MB (24U << MFD_HUGE_SHIFT)
#define MFD_HUGE_32MB (25U << MFD_HUGE_SHIFT)
#define MFD_HUGE_256MB (28U << MFD_HUGE_SHIFT)
#define MFD_HUGE_512MB (29U << MFD_HUGE_SHIFT)
#define MFD_HUGE_1GB (30U << MFD_HUGE_SHIFT)
#define MFD_HUGE_2GB (31U << MFD_HUGE_SHIFT)
#define MFD_HUGE_16GB (34U << MFD_HUGE_SHIFT)

#ifndef F_ADD_SEALS
# define F_ADD_SEALS 1033
# define F_GET_SEALS 1034
#endif
#ifndef F_SEAL_SEAL
# define F_SEAL_SEAL 0x1
# define F_SEAL_SHRINK 0x2
# define F_SEAL_GROW 0x4
# define F_SEAL_WRITE 0x8
#endif
#ifndef F_SEAL_FUTURE_WRITE
# define F_SEAL_FUTURE_WRITE 0x10
#endif
#ifndef F_SEAL_EXEC
# define F_SEAL_EXEC 0x20
#endif
#ifndef MAP_DENYWRITE
# define MAP_DENYWRITE 0x800
#endif
#ifndef MAP_EXECUTABLE
# define MAP_EXECUTABLE 0x1000
#endif

/* glibc has the function since 2.27, and wheels are built with older versions, whose
   kernel headers may be older than the system call, too. */
#ifndef SYS_memfd_create
# if defined(__x86_64__)
#  define SYS_memfd_create 319
# elif defined(__aarch64__)
#  define SYS_memfd_create 279
# endif
#endif
/* A call that fails returns -1 - errno: butter/errors.py says why. */
static int butter_memfd_create(const char *name, unsigned int flags)
{
    long fd = syscall(SYS_memfd_create, name, flags);
    return fd < 0 ? -1 - errno : (int)fd;
}
#define memfd_create butter_memfd_create
