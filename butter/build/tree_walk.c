#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>

/* A walk enters all directories below one, watches each before it lists it, and keeps
   what it finds in a few arrays: a tree of 100,000 files is not worth as many objects
   of Python, of which most are never asked for. The GIL is free meanwhile.

   A walk is for the ordinary. It leaves to Python each name that needs more thought: a
   directory that cannot be opened or listed, that another mount or device begins at,
   that is deeper than there are descriptors to spend, or that is watched already
   because it moved from where it was found before. A watch descriptor is larger than
   all before it if and only if the watch is new.

   inotify_add_watch has no argument for a descriptor. A path in /proc leads to an open
   directory, but takes three times as long as the working directory, which a thread may
   have for itself. So a walk has a thread of its own, if that is possible. */

typedef struct {
    int64_t inode, size, mtime;
    uint32_t name;
    uint32_t mode;
    int32_t directory;
} butter_tree_entry;

typedef struct {
    int32_t wd;
    int32_t above;
    uint32_t entry, first, count;
} butter_tree_directory;

typedef struct {
    uint32_t directory, name;
} butter_tree_left;

typedef struct {
    butter_tree_entry *entries;
    butter_tree_directory *directories;
    butter_tree_left *left;
    char *names;
    size_t entry_count, directory_count, left_count, names_size;
    int64_t device, mount;
    int watches, newest; /* how many are new, and the largest of all */
    size_t entry_room, directory_room, left_room, names_room;
    int inotify;
    uint32_t mask;
    int may_change;       /* the working directory is that of this thread alone */
    int64_t buffer[4096]; /* of getdents64 */
} butter_tree_walk;

/* A directory on the way down: its descriptor, its place, and the next entry. */
typedef struct {
    int fd;
    uint32_t directory, next;
} frame;

struct entry_of_directory {
    uint64_t inode;
    int64_t offset;
    unsigned short size;
    unsigned char type;
    char name[];
};

static butter_tree_walk *butter_tree_new(void)
{
    return calloc(1, sizeof(butter_tree_walk));
}

static void butter_tree_free(butter_tree_walk *walk)
{
    if (!walk)
        return;
    free(walk->entries);
    free(walk->directories);
    free(walk->left);
    free(walk->names);
    free(walk);
}

/* Make room for more elements of an array, twice as much each time. */
static int grow(void **array, size_t *room, size_t needed, size_t size)
{
    size_t more = *room ? *room : 64;
    void *grown;

    if (needed <= *room)
        return 0;
    while (more < needed)
        more *= 2;
    if (more > UINT32_MAX || !(grown = realloc(*array, more * size)))
        return -1 - ENOMEM;
    *array = grown;
    *room = more;
    return 0;
}

static int add_name(butter_tree_walk *walk, const char *name, uint32_t *offset)
{
    size_t size = strlen(name) + 1;

    if (grow((void **)&walk->names, &walk->names_room, walk->names_size + size, 1) < 0)
        return -1 - ENOMEM;
    *offset = (uint32_t)walk->names_size;
    memcpy(walk->names + walk->names_size, name, size);
    walk->names_size += size;
    return 0;
}

static int leave(butter_tree_walk *walk, uint32_t directory, uint32_t name)
{
    if (grow((void **)&walk->left, &walk->left_room, walk->left_count + 1, sizeof(*walk->left)) < 0)
        return -1 - ENOMEM;
    walk->left[walk->left_count++] = (butter_tree_left){directory, name};
    return 0;
}

static int is_gone(int result)
{
    return result == -1 - ENOENT || result == -1 - ENOTDIR || result == -1 - ELOOP;
}

/* Whether a result ends the walk, because the next name would have the same. */
static int is_fatal(int result)
{
    return result == -1 - EMFILE || result == -1 - ENFILE || result == -1 - ENOMEM || result == -1 - ENOSPC;
}

/* The same for the open of a directory: with the descriptors of those above there may
   be enough for this one. */
static int is_fatal_at(int depth, int result)
{
    return is_fatal(result) && !(depth && result == -1 - EMFILE);
}

static int is_here(const butter_tree_walk *walk, const int64_t *facts)
{
    return facts[BUTTER_DEVICE] == walk->device && facts[BUTTER_MOUNT] == walk->mount;
}

static void fill(butter_tree_entry *entry, const int64_t *facts)
{
    entry->inode = facts[BUTTER_INODE];
    entry->size = facts[BUTTER_BYTES];
    entry->mtime = facts[BUTTER_MTIME];
    entry->mode = (uint32_t)facts[BUTTER_MODE];
}

static int watch(const butter_tree_walk *walk, int fd)
{
    char path[32] = ".";

    if (!walk->may_change || fchdir(fd) < 0)
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return (int)result_of(inotify_add_watch(walk->inotify, path, walk->mask));
}

/* Add a name of a directory, with what a look says unless it is a directory. */
static int add_entry(butter_tree_walk *walk, uint32_t directory, int fd, const struct entry_of_directory *found)
{
    butter_tree_entry entry = {.directory = -1, .mode = S_IFDIR};
    int64_t facts[BUTTER_FACTS];
    int result;

    if (found->type != DT_DIR) {
        result = butter_tree_look(fd, found->name, facts);
        if (is_gone(result))
            return 0; /* an event tells of it */
        if (is_fatal(result))
            return result;
        if (add_name(walk, found->name, &entry.name) < 0)
            return -1 - ENOMEM;
        if (result < 0 || !is_here(walk, facts))
            return leave(walk, directory, entry.name);
        fill(&entry, facts);
    } else if (add_name(walk, found->name, &entry.name) < 0)
        return -1 - ENOMEM;
    if (grow((void **)&walk->entries, &walk->entry_room, walk->entry_count + 1, sizeof(entry)) < 0)
        return -1 - ENOMEM;
    walk->entries[walk->entry_count++] = entry;
    walk->directories[directory].count++;
    return 0;
}

static int is_dots(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* On btrfs a listing ends with the names that were there when the directory was
   opened. The watch came later: names between the two are found by one that begins
   anew. */
static void begin_listing(int fd)
{
    lseek(fd, 0, SEEK_SET);
}

static int list(butter_tree_walk *walk, uint32_t directory, int fd)
{
    begin_listing(fd);
    walk->directories[directory].first = (uint32_t)walk->entry_count;
    for (;;) {
        char *at = (char *)walk->buffer;
        long size = result_of(syscall(SYS_getdents64, fd, at, sizeof(walk->buffer))), result = 0;

        if (size == -1 - ENOENT) /* it was deleted */
            return 0;
        if (size <= 0)
            return (int)size;
        for (char *end = at + size; at < end; at += ((struct entry_of_directory *)at)->size) {
            const struct entry_of_directory *found = (struct entry_of_directory *)at;
            if (!is_dots(found->name) && (result = add_entry(walk, directory, fd, found)) < 0)
                return (int)result;
        }
    }
}

/* Leave a directory to Python: returns -1, or -1 - ENOMEM. */
static int leave_directory(butter_tree_walk *walk, uint32_t above, uint32_t place)
{
    butter_tree_entry *entry = &walk->entries[place];

    entry->mode = 0;
    entry->directory = -1;
    return leave(walk, above, entry->name) < 0 ? -1 - ENOMEM : -1;
}

/* Enter a directory: return its descriptor, -1 if its name is left to Python or gone,
   or -1 - errno. */
static int enter(butter_tree_walk *walk, const frame *above, uint32_t place, int depth, int *wd)
{
    int64_t facts[BUTTER_FACTS];
    butter_tree_entry *entry = &walk->entries[place];
    int fd = enter_directory(above->fd, walk->names + entry->name, 0, facts), result = 0;

    if (fd >= 0 && is_here(walk, facts)) {
        result = watch(walk, fd);
        if (result > walk->newest) {
            fill(entry, facts);
            *wd = walk->newest = result;
            walk->watches++;
            return fd;
        }
    }
    if (fd >= 0)
        close(fd);
    else
        result = fd;
    if (is_fatal_at(depth, result))
        return result;
    if (is_gone(result)) {
        entry->mode = 0;
        return -1;
    }
    return leave_directory(walk, above->directory, place);
}

static int add_directory(butter_tree_walk *walk, int wd, int above, uint32_t entry)
{
    if (grow((void **)&walk->directories, &walk->directory_room, walk->directory_count + 1,
             sizeof(*walk->directories)) < 0)
        return -1 - ENOMEM;
    walk->directories[walk->directory_count] = (butter_tree_directory){.wd = wd, .above = above, .entry = entry};
    return (int)walk->directory_count++;
}

/* List the newest directory, or have it leave the walk; 0 says that it did. */
static int list_newest(butter_tree_walk *walk, int fd)
{
    uint32_t newest = (uint32_t)walk->directory_count - 1;
    int result = list(walk, newest, fd);

    if (result >= 0 || is_fatal(result))
        return result < 0 ? result : 1;
    walk->entry_count = walk->directories[newest].first;
    walk->directory_count = newest;
    return 0;
}

static int unwind(frame *stack, int depth, int result)
{
    /* the first descriptor is the caller's */
    for (; depth > 0; depth--)
        close(stack[depth].fd);
    return result;
}

static int walk_in(butter_tree_walk *walk, uint32_t first, int fd)
{
    int wd = (int)first;
    frame stack[BUTTER_TREE_DEPTH] = {{.fd = fd}};
    int64_t facts[BUTTER_FACTS];
    int depth = 0, result = butter_tree_look(fd, "", facts);

    if (result < 0)
        return result;
    walk->device = facts[BUTTER_DEVICE];
    walk->mount = facts[BUTTER_MOUNT];
    walk->newest = wd;
    if ((result = add_directory(walk, wd, -1, 0)) < 0 || (result = list_newest(walk, fd)) <= 0)
        return result;
    while (depth >= 0) {
        frame *here = &stack[depth];
        butter_tree_directory *directory = &walk->directories[here->directory];
        uint32_t place = directory->first + here->next;
        int below;

        if (here->next == directory->count) {
            if (depth)
                close(here->fd);
            depth--;
            continue;
        }
        here->next++;
        if (!S_ISDIR(walk->entries[place].mode))
            continue;
        below = depth + 1 == BUTTER_TREE_DEPTH ? leave_directory(walk, here->directory, place)
                                               : enter(walk, here, place, depth, &wd);
        if (below == -1)
            continue;
        if (below < 0)
            return unwind(stack, depth, below);
        stack[++depth] = (frame){.fd = below};
        if ((result = add_directory(walk, wd, (int)here->directory, place)) < 0)
            return unwind(stack, depth, result);
        stack[depth].directory = (uint32_t)result;
        walk->entries[place].directory = result;
        if ((result = list_newest(walk, below)) < 0)
            return unwind(stack, depth, result);
        if (!result) {
            close(stack[depth--].fd);
            if ((result = leave_directory(walk, here->directory, place)) < -1)
                return unwind(stack, depth, result);
        }
    }
    return 0;
}

/* Return whether a directory has the entries that the walk found, in their order. */
static int is_unchanged(butter_tree_walk *walk, uint32_t place, int fd)
{
    const butter_tree_directory *directory = &walk->directories[place];
    const butter_tree_entry *entry = walk->entries + directory->first, *last = entry + directory->count;
    int64_t facts[BUTTER_FACTS];

    begin_listing(fd);
    for (;;) {
        char *at = (char *)walk->buffer;
        long size = syscall(SYS_getdents64, fd, at, sizeof(walk->buffer));

        if (size <= 0)
            return size == 0 && entry == last;
        for (char *end = at + size; at < end; at += ((struct entry_of_directory *)at)->size) {
            const struct entry_of_directory *found = (struct entry_of_directory *)at;
            if (is_dots(found->name))
                continue;
            if (entry == last || strcmp(found->name, walk->names + entry->name))
                return 0;
            if (!S_ISDIR(entry->mode) &&
                (butter_tree_look(fd, found->name, facts) < 0 || !is_here(walk, facts) ||
                 facts[BUTTER_INODE] != entry->inode || facts[BUTTER_BYTES] != entry->size ||
                 facts[BUTTER_MTIME] != entry->mtime || (facts[BUTTER_MODE] ^ entry->mode) & S_IFMT))
                return 0;
            entry++;
        }
    }
}

static int compare(butter_tree_walk *walk, uint32_t directory, int fd)
{
    frame stack[BUTTER_TREE_DEPTH] = {{.fd = fd, .directory = directory}};
    int64_t facts[BUTTER_FACTS];
    int depth = 0;

    walk->left_count = 0;
    while (depth >= 0) {
        frame *here = &stack[depth];
        const butter_tree_directory *known = &walk->directories[here->directory];
        int differs = !here->next && !is_unchanged(walk, here->directory, here->fd), below;

        if (!differs)
            while (here->next < known->count && walk->entries[known->first + here->next].directory < 0)
                here->next++;
        if (!differs && here->next < known->count) {
            const butter_tree_entry *entry = &walk->entries[known->first + here->next++];
            below = enter_directory(here->fd, walk->names + entry->name, 0, facts);
            if (is_fatal_at(depth, below))
                return unwind(stack, depth, below);
            if (below >= 0 && is_here(walk, facts) && facts[BUTTER_INODE] == entry->inode &&
                watch(walk, below) == walk->directories[entry->directory].wd) {
                stack[++depth] = (frame){.fd = below, .directory = (uint32_t)entry->directory};
                continue;
            }
            if (below >= 0)
                close(below);
            differs = 1;
        }
        if (differs && leave(walk, here->directory, 0) < 0)
            return unwind(stack, depth, -1 - ENOMEM);
        if (depth)
            close(here->fd);
        depth--;
    }
    return 0;
}

typedef struct {
    int (*work)(butter_tree_walk *, uint32_t, int);
    butter_tree_walk *walk;
    uint32_t number;
    int fd, result;
} job;

static void *in_thread(void *argument)
{
    job *here = argument;

    here->walk->may_change = unshare(CLONE_FS) == 0;
    here->result = here->work(here->walk, here->number, here->fd);
    here->walk->may_change = 0;
    return NULL;
}

static int in_own_thread(job *here)
{
    sigset_t all, before;
    pthread_t thread;
    int failed;

    /* it must not take the signals of others */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&thread, NULL, in_thread, here);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return here->work(here->walk, here->number, here->fd);
    pthread_join(thread, NULL);
    return here->result;
}

/* Walk through the directory fd, whose watch is wd. Returns 0 or -1 - errno. */
static int butter_tree_walk_in(butter_tree_walk *walk, int fd, int inotify, uint32_t mask, int wd)
{
    job here = {.work = walk_in, .walk = walk, .number = (uint32_t)wd, .fd = fd};

    walk->inotify = inotify;
    walk->mask = mask;
    return in_own_thread(&here);
}

/* Compare a directory fd, and all below it, with what the walk found. The directories
   that differ are left to Python, and so is all below them. Returns 0 or -1 - errno. */
static int butter_tree_compare(butter_tree_walk *walk, uint32_t directory, int fd, int inotify, uint32_t mask)
{
    job here = {.work = compare, .walk = walk, .number = directory, .fd = fd};

    walk->inotify = inotify;
    walk->mask = mask;
    return in_own_thread(&here);
}

/* Return the place of the directory with this watch, or -1. A walk makes watches in the
   order of its directories. */
static ssize_t butter_tree_find(const butter_tree_walk *walk, int wd)
{
    size_t low = 0, high = walk->directory_count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (walk->directories[middle].wd < wd)
            low = middle + 1;
        else
            high = middle;
    }
    return low < walk->directory_count && walk->directories[low].wd == wd ? (ssize_t)low : -1;
}
