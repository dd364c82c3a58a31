from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* Where a look puts each fact about a file. */
enum { BUTTER_MODE, BUTTER_DEVICE, BUTTER_INODE, BUTTER_BYTES, BUTTER_MTIME, BUTTER_MOUNT, BUTTER_FACTS };

/* The descriptors that are open for a look, the deepest last. */
enum { BUTTER_TREE_DEPTH, BUTTER_TREE_NAMES, BUTTER_TREE_FOLLOW, ... };
typedef struct {
    int count;
    ...;
} butter_tree_opened;

/* A file that a walk found. Its name begins at an offset of the names; directory is the
   place of a directory that the walk has entered, or -1. */
typedef struct {
    int64_t inode, size, mtime;
    uint32_t name;
    uint32_t mode; /* 0 for one that is left to Python */
    int32_t directory;
} butter_tree_entry;

/* A directory that a walk has entered: its watch, the one above it, its own entry, and its entries */
typedef struct {
    int32_t wd;
    int32_t above;
    uint32_t entry, first, count;
} butter_tree_directory;

/* A name that is left to Python: it is in a directory, and begins at an offset of the names. */
typedef struct {
    uint32_t directory, name;
} butter_tree_left;

/* All that a walk found. A name of the first directory, at place 0, is not known to it. */
typedef struct {
    butter_tree_entry *entries;
    butter_tree_directory *directories;
    butter_tree_left *left;
    char *names;
    size_t entry_count, directory_count, left_count, names_size;
    int64_t device, mount;
    int watches, newest;
    ...;
} butter_tree_walk;

butter_tree_walk *butter_tree_new(void);
void butter_tree_free(butter_tree_walk *walk);
int butter_tree_walk_in(butter_tree_walk *walk, int fd, int inotify, uint32_t mask, int wd);
int butter_tree_compare(butter_tree_walk *walk, uint32_t directory, int fd, int inotify, uint32_t mask);
ssize_t butter_tree_find(const butter_tree_walk *walk, int wd);
int butter_tree_look(int dirfd, const char *name, int64_t *facts);
int butter_tree_enter(butter_tree_opened *opened, int dirfd, const char *name, int how, int64_t *facts);
int butter_tree_open(butter_tree_opened *opened, const char *path, int how, int64_t *facts);
void butter_tree_close(butter_tree_opened *opened, int count);
int butter_tree_look_once(const char *path, int64_t inode, int64_t device, int64_t mount, const char *name,
                          int64_t *facts);
int butter_tree_epoll(int flags);
int butter_tree_wait_for(int epoll, int fd, uint32_t events, uint32_t bit);
int butter_tree_ask(int epoll);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
SOURCES = [Path(__file__).with_name(name).read_text() for name in ("calls.h", "tree.c", "tree_walk.c")]
ffi.set_source("butter._tree_c", "\n".join(SOURCES))
