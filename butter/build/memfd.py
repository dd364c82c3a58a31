from pathlib import Path

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

/* MemfdSeal(IntFlag, F_SEAL_): the changes that a seal forbids, for ever and to everyone */
#define F_SEAL_SEAL ...         /* no more seals can be added */
#define F_SEAL_SHRINK ...       /* it cannot become shorter */
#define F_SEAL_GROW ...         /* it cannot become longer */
#define F_SEAL_WRITE ...        /* its content cannot change */
#define F_SEAL_FUTURE_WRITE ... /* its content changes only by mappings that exist already (Linux 5.1) */
#define F_SEAL_EXEC ...         /* the executable bits of its mode cannot change (Linux 6.3) */

/* MemfdProt(IntFlag): the access that a mapping allows */
#define PROT_READ ...           /* its bytes can be read */
#define PROT_WRITE ...          /* its bytes can be written */
#define PROT_EXEC ...           /* its bytes can be executed */

/* MemfdMap(IntFlag): the kind of a mapping */
#define MAP_SHARED ...          /* writes go to the memfd, and other processes see them */
#define MAP_PRIVATE ...         /* writes stay in this mapping */
#define MAP_ANON ...            /* the same as MAP_ANONYMOUS */
#define MAP_ANONYMOUS ...       /* map no file at all */
#define MAP_DENYWRITE ...       /* ignored by Linux */
#define MAP_EXECUTABLE ...      /* ignored by Linux */

/* -: commands of fcntl, and the place of the huge page size in the flags */
#define F_ADD_SEALS ...         /* add seals */
#define F_GET_SEALS ...         /* return the seals */
#define MFD_HUGE_SHIFT ...      /* the number of the lowest bit of the field with the binary logarithm of the size */
#define MFD_HUGE_MASK ...       /* the bits of this field, shifted down to bit 0 */

int memfd_create(const char *name, unsigned int flags);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
ffi.set_source("butter._memfd_c", Path(__file__).with_suffix(".c").read_text())
