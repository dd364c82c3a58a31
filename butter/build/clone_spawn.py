from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* The system calls that a step may be. */
enum {
    SYS_capset, SYS_chdir, SYS_chroot, SYS_ioctl, SYS_mount, SYS_move_mount, SYS_pivot_root, SYS_prctl, SYS_prlimit64,
    SYS_setgroups, SYS_sethostname, SYS_setns, SYS_setpgid, SYS_setresgid, SYS_setresuid, SYS_setsid, SYS_umask,
    SYS_umount2, SYS_unshare, ...
};

/* Steps that take more than one call; clone_spawn_steps.c says what each does. */
enum {
    STEP_DEATH, STEP_OPEN, STEP_CGROUP, STEP_CHILD, STEP_KEEP, STEP_GO, STEP_FOREGROUND, STEP_NICE, STEP_STREAMS,
    STEP_RAISE, STEP_BOUND, STEP_SIGNALS, STEP_LANDLOCK, STEP_SECCOMP, STEP_EXEC, ...
};

typedef struct {
    long call;                      /* the number of a system call, or one of STEP_ */
    long arguments[5];              /* numbers and pointers */
} butter_step;

/* A descriptor that the program has: by its number in the parent and in the program. */
typedef struct {
    int here, there;
} butter_kept;

/* A program under way. The caller sets all fields up to ruleset. */
typedef struct {
    butter_step *steps;
    int count;
    butter_kept *kept;              /* in the order of the numbers there */
    int kept_count;
    int64_t flags;                  /* of clone, for the program's child */
    int cgroup;                     /* a descriptor, or -1 */
    int shares_memory;              /* CLONE_VM, for the first child */
    int middle;                     /* whether the first child makes the program's, by STEP_CHILD */
    int ruleset;                    /* of landlock, for STEP_LANDLOCK, or -1 */
    int ours[3];                    /* our ends of the pipes, by stream, or -1 */
    int pid, pidfd;                 /* of the child; the pidfd is -1 while there is no child */
    int failed;                     /* the number of the step that failed */
    int error;                      /* its errno */
    ...;
} butter_spawn;

butter_spawn *butter_spawn_new(void);
int butter_spawn_pipe(butter_spawn *spawn, int stream);
int butter_spawn_directory(butter_spawn *spawn, const char *path);
int butter_spawn_split(char *texts, size_t size, char **places, size_t count);
int butter_spawn_start(butter_spawn *spawn);
int butter_spawn_born(butter_spawn *spawn, int milliseconds);
int butter_spawn_go(butter_spawn *spawn);
int butter_spawn_wait(butter_spawn *spawn, int milliseconds);
int butter_spawn_kill(butter_spawn *spawn);
void butter_spawn_disconnect(butter_spawn *spawn);
void butter_spawn_release(butter_spawn *spawn);
void butter_spawn_free(void *used, butter_spawn *spawn);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
SOURCES = [Path(__file__).with_name(f"clone_spawn{end}").read_text() for end in (".h", "_steps.c", ".c")]
ffi.set_source("butter._clone_spawn_c", "\n".join(SOURCES))
