from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* HandleAt(IntFlag, AT_): how name_to_handle_at looks the path up, and which handle it returns */
#define AT_SYMLINK_FOLLOW ...           /* follow a symbolic link at the end of the path */
#define AT_EMPTY_PATH ...               /* the path may be empty, and then means the descriptor itself */
#define AT_HANDLE_FID ...               /* a handle to compare, which need not be possible to open (Linux 6.5) */
#define AT_HANDLE_MNT_ID_UNIQUE ...     /* return the id of the mount that no other mount gets (Linux 6.12) */
#define AT_HANDLE_CONNECTABLE ...       /* a handle that also leads to the directory of a file (Linux 6.13) */

/* -: for a directory, or for the descriptor of a mount */
#define AT_FDCWD ...                    /* the working directory */
#define FD_PIDFS_ROOT ...               /* the filesystem of pidfds (Linux 6.17) */
#define FD_NSFS_ROOT ...                /* the filesystem of namespaces (Linux 6.18) */

/* -: the longest handle */
#define MAX_HANDLE_SZ ...               /* of bytes */

/* A mount: its id, and the id of the filesystem where the former is used again */
typedef struct {
    uint64_t id;
    int32_t fsid[2];
} butter_mount;

/* The result of name_to_handle_at */
typedef struct {
    butter_mount mount;
    uint32_t size;
    int32_t type;
    char handle[...];
} butter_handle;

/* The steps from a handle to a path */
enum { BUTTER_PLACE, BUTTER_OPEN, BUTTER_LINK, BUTTER_PATH };

/* A path that was found, or the step at which that failed */
typedef struct {
    int step;
    int length;
    int32_t fsid[2];
    butter_handle file;
    char path[...];
} butter_found;

int name_to_handle_at(int dirfd, const char *path, int flags, butter_handle *found);
int open_by_handle_at(int mount_fd, const char *handle, size_t size, int type, int flags);
int butter_open_handle(int mount_fd, const char *handle, size_t size, int type, int flags, const butter_mount *mount);
int butter_leads_to(const char *path, const butter_mount *mount, const char *handle, size_t size, int type);
int butter_is_on(const char *path, const butter_mount *mount);
int butter_path_of(int fd, butter_found *found);
int butter_find(int dirfd, const char *path, int follow, butter_found *found);
int butter_find_handle(const char *place, const butter_mount *mount, const char *handle, size_t size, int type,
                       butter_found *found);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
ffi.set_source("butter._fanotify_handle_c", Path(__file__).with_suffix(".c").read_text())
