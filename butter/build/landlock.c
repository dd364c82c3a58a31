/* <linux/landlock.h> of the build machine may be old, or missing. Numbers of the kernel
   never change, so these are written out. */
#define LANDLOCK_ACCESS_FS_EXECUTE (1U << 0)
#define LANDLOCK_ACCESS_FS_WRITE_FILE (1U << 1)
#define LANDLOCK_ACCESS_FS_READ_FILE (1U << 2)
#define LANDLOCK_ACCESS_FS_READ_DIR (1U << 3)
#define LANDLOCK_ACCESS_FS_REMOVE_DIR (1U << 4)
#define LANDLOCK_ACCESS_FS_REMOVE_FILE (1U << 5)
#define LANDLOCK_ACCESS_FS_MAKE_CHAR (1U << 6)
#define LANDLOCK_ACCESS_FS_MAKE_DIR (1U << 7)
#define LANDLOCK_ACCESS_FS_MAKE_REG (1U << 8)
#define LANDLOCK_ACCESS_FS_MAKE_SOCK (1U << 9)
#define LANDLOCK_ACCESS_FS_MAKE_FIFO (1U << 10)
#define LANDLOCK_ACCESS_FS_MAKE_BLOCK (1U << 11)
#define LANDLOCK_ACCESS_FS_MAKE_SYM (1U << 12)
#define LANDLOCK_ACCESS_FS_REFER (1U << 13)
#define LANDLOCK_ACCESS_FS_TRUNCATE (1U << 14)
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1U << 15)
#define LANDLOCK_ACCESS_FS_RESOLVE_UNIX (1U << 16)
#define LANDLOCK_ACCESS_NET_BIND_TCP (1U << 0)
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1U << 1)
#define LANDLOCK_ACCESS_NET_BIND_UDP (1U << 2)
#define LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP (1U << 3)
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1U << 0)
#define LANDLOCK_SCOPE_SIGNAL (1U << 1)
#define LANDLOCK_CREATE_RULESET_VERSION (1U << 0)
#define LANDLOCK_CREATE_RULESET_ERRATA (1U << 1)
#define LANDLOCK_RULE_PATH_BENEATH 1
#define LANDLOCK_RULE_NET_PORT 2
#define LANDLOCK_ADD_RULE_QUIET (1U << 0)
#define LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF (1U << 0)
#define LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON (1U << 1)
#define LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF (1U << 2)
#define LANDLOCK_RESTRICT_SELF_TSYNC (1U << 3)

/* The numbers are the same on every architecture. */
#ifndef SYS_landlock_create_ruleset
# define SYS_landlock_create_ruleset 444
# define SYS_landlock_add_rule 445
# define SYS_landlock_restrict_self 446
#endif

/* The structs come as bytes, because their size is an argument: an old kernel takes a
   short one. */
static int landlock_create_ruleset(const char *attr, size_t size, unsigned int flags)
{
    return (int)result_of(syscall(SYS_landlock_create_ruleset, attr, size, flags));
}

static int landlock_add_rule(int ruleset_fd, unsigned int rule_type, const char *rule_attr, unsigned int flags)
{
    return (int)result_of(syscall(SYS_landlock_add_rule, ruleset_fd, rule_type, rule_attr, flags));
}

static int landlock_restrict_self(int ruleset_fd, unsigned int flags)
{
    return (int)result_of(syscall(SYS_landlock_restrict_self, ruleset_fd, flags));
}
