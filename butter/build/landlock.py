from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* LandlockFs(IntFlag, LANDLOCK_ACCESS_FS_): rights to files and directories */
#define LANDLOCK_ACCESS_FS_EXECUTE ...       /* execute a file (Linux 5.13) */
#define LANDLOCK_ACCESS_FS_WRITE_FILE ...    /* open a file for writing (Linux 5.13) */
#define LANDLOCK_ACCESS_FS_READ_FILE ...     /* open a file for reading (Linux 5.13) */
#define LANDLOCK_ACCESS_FS_READ_DIR ...      /* open a directory, or list its content (Linux 5.13) */
#define LANDLOCK_ACCESS_FS_REMOVE_DIR ...    /* remove an empty directory, or rename one (Linux 5.13) */
#define LANDLOCK_ACCESS_FS_REMOVE_FILE ...   /* remove a file, or rename one (Linux 5.13) */
#define LANDLOCK_ACCESS_FS_MAKE_CHAR ...     /* make a character device, or link or rename one to here (Linux 5.13) */
#define LANDLOCK_ACCESS_FS_MAKE_DIR ...      /* make a directory, or rename one to here (Linux 5.13) */
#define LANDLOCK_ACCESS_FS_MAKE_REG ...      /* make a regular file, or link or rename one to here (Linux 5.13) */
#define LANDLOCK_ACCESS_FS_MAKE_SOCK ...     /* make a unix socket, or link or rename one to here (Linux 5.13) */
#define LANDLOCK_ACCESS_FS_MAKE_FIFO ...     /* make a named pipe, or link or rename one to here (Linux 5.13) */
#define LANDLOCK_ACCESS_FS_MAKE_BLOCK ...    /* make a block device, or link or rename one to here (Linux 5.13) */
#define LANDLOCK_ACCESS_FS_MAKE_SYM ...      /* make a symbolic link, or link or rename one to here (Linux 5.13) */
#define LANDLOCK_ACCESS_FS_REFER ...         /* link or rename a file from or to another directory (Linux 5.19) */
#define LANDLOCK_ACCESS_FS_TRUNCATE ...      /* make a file shorter or longer, or empty it (Linux 6.2) */
#define LANDLOCK_ACCESS_FS_IOCTL_DEV ...     /* make ioctl calls on a device that is opened then (Linux 6.10) */
#define LANDLOCK_ACCESS_FS_RESOLVE_UNIX ...  /* connect or send to a unix socket of others by its path (Linux 7.1) */

/* LandlockNet(IntFlag, LANDLOCK_ACCESS_NET_): rights to ports */
#define LANDLOCK_ACCESS_NET_BIND_TCP ...          /* bind a TCP socket to this local port (Linux 6.7) */
#define LANDLOCK_ACCESS_NET_CONNECT_TCP ...       /* connect a TCP socket to this remote port (Linux 6.7) */
#define LANDLOCK_ACCESS_NET_BIND_UDP ...          /* bind a UDP socket to this local port (Linux 7.2) */
#define LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP ...  /* connect a UDP socket or send to this remote port (Linux 7.2) */

/* LandlockScope(IntFlag, LANDLOCK_SCOPE_): what a fenced process cannot reach in processes outside its fence */
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET ...   /* their unix sockets with abstract names (Linux 6.12) */
#define LANDLOCK_SCOPE_SIGNAL ...                 /* the processes themselves, by signals (Linux 6.12) */

/* LandlockCreate(IntFlag, LANDLOCK_CREATE_RULESET_): what landlock_create_ruleset returns instead of a descriptor */
#define LANDLOCK_CREATE_RULESET_VERSION ...       /* the number of the kernel's ABI (Linux 5.13) */
#define LANDLOCK_CREATE_RULESET_ERRATA ...        /* a bit for each defect of this ABI that was mended (Linux 6.15) */

/* LandlockRule(IntEnum, LANDLOCK_RULE_): what a rule is about */
#define LANDLOCK_RULE_PATH_BENEATH ...            /* a file, or a directory with all below it (Linux 5.13) */
#define LANDLOCK_RULE_NET_PORT ...                /* a port (Linux 6.7) */

/* LandlockAdd(IntFlag, LANDLOCK_ADD_RULE_): the flags of landlock_add_rule */
#define LANDLOCK_ADD_RULE_QUIET ...               /* log no refusal of the quiet rights about this (Linux 7.2) */

/* LandlockRestrict(IntFlag, LANDLOCK_RESTRICT_SELF_): the flags of landlock_restrict_self */
#define LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF ...   /* log no refusal until the next execve (Linux 6.15) */
#define LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON ...     /* log refusals after the next execve, too (Linux 6.15) */
#define LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF ...  /* log no refusal by a fence inside this one (Linux 6.15) */
#define LANDLOCK_RESTRICT_SELF_TSYNC ...               /* restrict every thread of the process (Linux 7.0) */

int landlock_create_ruleset(const char *attr, size_t size, unsigned int flags);
int landlock_add_rule(int ruleset_fd, unsigned int rule_type, const char *rule_attr, unsigned int flags);
int landlock_restrict_self(int ruleset_fd, unsigned int flags);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
SOURCES = [Path(__file__).with_name(name).read_text() for name in ("calls.h", "landlock.c")]
ffi.set_source("butter._landlock_c", "\n".join(SOURCES))
