from cffi import FFI

DECLARATIONS = """
/* MemfdCreate(IntFlag): the flags of memfd_create */
#define MFD_CLOEXEC ...         /* close the descriptor when the process executes another program */
#define MFD_ALLOW_SEALING ...   /* seals can be added; without it the memfd starts with F_SEAL_SEAL */
#define MFD_HUGETLB ...         /* use huge pages, of the default size or that of an MFD_HUGE_ flag (Linux 4.14) */
#define MFD_NOEXEC_SEAL ...     /* not executable, for ever (F_SEAL_EXEC); allows sealing (Linux 6.3) */
#define MFD_EXEC ...            /* executable, also where vm.memfd_noexec is 1 (Linux 6.3) */

/* MemfdHugePages(IntEnum): the size of the huge pages, beside MFD_HUGETLB */
#define MFD_HUGE_64KB ...       /* pages of 64 KiB */
#define MFD_HUGE_512KB ...      /* pages of 512 KiB */
#define MFD_HUGE_1MB ...        /* pages of 1 MiB */
#define MFD_HUGE_2MB ...        /* pages of 2 MiB */
#define MFD_HUGE_8MB ...        /* pages of 8 MiB */
#define MFD_HUGE_16MB ...       /* pages of 16 MiB */
#define MFD_HUGE_32MB ...       /* pages of 32 MiB */
#define MFD_HUGE_256MB ...      /* pages of 256 MiB */
#define MFD_HUGE_512MB ...      /* pages of 512 MiB */
#define MFD_HUGE_1GB ...        /* pages of 1 GiB */
#define MFD_HUGE_2GB ...        /* pages of 2 GiB */
#define MFD_HUGE_16GB ...       /* pages of 16 GiB */

/* MemfdSeal(IntFlag, F_SEAL_): what the seals of a memfd forbid, for ever and to everyone */
#define F_SEAL_SEAL ...         /* no more seals can be added */
#define F_SEAL_SHRINK ...       /* it cannot become shorter */
#define F_SEAL_GROW ...         /* it cannot become longer */
#define F_SEAL_WRITE ...        /* its content cannot change */
#define F_SEAL_FUTURE_WRITE ... /* its content changes only by mappings that exist already (Linux 5.1) */
#define F_SEAL_EXEC ...         /* the executable bits of its mode cannot change (Linux 6.3) */

/* MemfdProt(IntFlag): what a mapping allows */
#define PROT_READ ...           /* its bytes can be read */
#define PROT_WRITE ...          /* its bytes can be written */
#define PROT_EXEC ...           /* its bytes can be executed */

/* MemfdMap(IntFlag): the kind of a mapping */
#define MAP_SHARED ...          /* what is written goes to the memfd, and others see it */
#define MAP_PRIVATE ...         /* what is written stays in this mapping */
#define MAP_ANON ...            /* the same as MAP_ANONYMOUS */
#define MAP_ANONYMOUS ...       /* map no file at all */
#define MAP_DENYWRITE ...       /* ignored by Linux */
#define MAP_EXECUTABLE ...      /* ignored by Linux */

/* -: commands of fcntl, and where the size of a huge page stands in the flags */
#define F_ADD_SEALS ...         /* add seals */
#define F_GET_SEALS ...         /* give the seals */
#define MFD_HUGE_SHIFT ...      /* the number of the lowest of the bits that hold the binary logarithm of the size */
#define MFD_HUGE_MASK ...       /* those bits, shifted down to the lowest */

int memfd_create(const char *name, unsigned int flags);
"""

SOURCE = """
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

/* Not from <linux/memfd.h>: old ones shift a signed 34, which is negative. */
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

/* glibc has the function since 2.27, and wheels are built on older ones; their
   kernel headers may be older than the system call, too. */
#ifndef SYS_memfd_create
# if defined(__x86_64__)
#  define SYS_memfd_create 319
# elif defined(__aarch64__)
#  define SYS_memfd_create 279
# endif
#endif
/* What fails gives -1 - errno: a signal handler of Python runs before Python
   could look at a saved errno, and may overwrite it. */
static int butter_memfd_create(const char *name, unsigned int flags)
{
    long fd = syscall(SYS_memfd_create, name, flags);
    return fd < 0 ? -1 - errno : (int)fd;
}
#define memfd_create butter_memfd_create
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
ffi.set_source("butter._memfd_c", SOURCE)
