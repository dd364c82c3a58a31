"""The system calls that the profiles of a sandbox allow, by what they are for.

Every call that is named nowhere here fails with ENOSYS, as on a kernel that lacks it:
programs have a way to go on then. So calls that later kernels bring are closed, too.
"""

from __future__ import annotations

import platform

from butter._constants import prctl as _prctl


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: the memory of the process
MEMORY = _names(
    "brk mmap munmap mprotect mremap madvise mlock mlock2 munlock mlockall munlockall mincore msync membarrier mseal "
    "pkey_alloc pkey_free pkey_mprotect get_mempolicy set_mempolicy mbind map_shadow_stack remap_file_pages"
)

#: what a process asks and sets of itself, its threads and its children
PROCESS = _names(
    "exit exit_group getpid getppid gettid getuid geteuid getgid getegid getgroups getresuid getresgid getpgid getpgrp "
    "getsid getcpu getrusage getrlimit setrlimit times uname sysinfo umask set_tid_address set_robust_list rseq "
    "arch_prctl capget capset sched_yield sched_getaffinity sched_getparam sched_getscheduler sched_getattr "
    "sched_get_priority_max sched_get_priority_min sched_rr_get_interval getpriority getrandom restart_syscall "
    "wait4 waitid pidfd_open seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self"
)

#: signals that come, and times
SIGNALS = _names(
    "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait sigaltstack pause alarm "
    "getitimer setitimer signalfd signalfd4"
)
TIME = _names(
    "clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time timer_create timer_settime timer_gettime "
    "timer_getoverrun timer_delete timerfd_create timerfd_settime timerfd_gettime"
)

#: descriptors, whatever they are of
DESCRIPTORS = _names(
    "read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close close_range dup dup2 dup3 "
    "pipe pipe2 sendfile splice tee vmsplice copy_file_range ftruncate fallocate fsync fdatasync sync_file_range flock "
    "fadvise64 readahead poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait "
    "epoll_pwait2 eventfd eventfd2 futex futex_wait futex_wake futex_requeue futex_waitv "
    "recvfrom recvmsg recvmmsg shutdown getsockopt getsockname getpeername"
)

#: files by their paths: landlock decides about each, or it only asks (stat and its kin)
FILES = _names(
    "stat lstat fstat newfstatat statx access faccessat faccessat2 readlink readlinkat getcwd chdir fchdir getdents "
    "getdents64 statfs fstatfs rename renameat renameat2 link linkat symlink symlinkat unlink unlinkat rmdir"
)

#: calls that make a file of a mode: the places of the mode, and of the flags that ask
#: for a new file
MAKING = {
    "open": (2, 1),
    "openat": (3, 2),
    "creat": (1, None),
    "mkdir": (1, None),
    "mkdirat": (2, None),
    "mknod": (1, None),
    "mknodat": (2, None),
}

#: the calls of sockets beside those of DESCRIPTORS, for programs that have the network
NETWORK = _names("connect accept accept4")
LISTENING = _names("bind listen")
#: they can connect a TCP socket, and landlock does not see it: the places of their
#: flags
SENDING = {"sendto": 3, "sendmsg": 2, "sendmmsg": 3}

#: signals that are sent: only where landlock keeps them within the sandbox
SENT = _names("kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal")

#: other processes, for the profile build
PROCESSES = _names("fork vfork setpgid setsid")

#: the options of prctl that programs need: they ask, or are about the memory and the
#: name of this process, or take something away. The others fail, and so do those that
#: later kernels bring
OPTIONS: tuple[int, ...] = (
    *(_prctl.PR_GET_PDEATHSIG, _prctl.PR_GET_DUMPABLE, _prctl.PR_SET_DUMPABLE, _prctl.PR_SET_KEEPCAPS),
    *(_prctl.PR_SET_NAME, _prctl.PR_GET_NAME, _prctl.PR_GET_SECCOMP, _prctl.PR_SET_SECCOMP, _prctl.PR_GET_SECUREBITS),
    *(_prctl.PR_CAPBSET_READ, _prctl.PR_CAPBSET_DROP, _prctl.PR_CAP_AMBIENT, _prctl.PR_GET_CHILD_SUBREAPER),
    *(_prctl.PR_SET_TIMERSLACK, _prctl.PR_GET_TIMERSLACK, _prctl.PR_SET_NO_NEW_PRIVS, _prctl.PR_GET_NO_NEW_PRIVS),
    *(_prctl.PR_SET_THP_DISABLE, _prctl.PR_GET_THP_DISABLE, _prctl.PR_SET_VMA, _prctl.PR_GET_AUXV),
    *(_prctl.PR_SET_MDWE, _prctl.PR_GET_MDWE, _prctl.PR_GET_SPECULATION_CTRL),
)
if platform.machine() == "aarch64":
    # its vectors, pointers and stacks, which the loader and compilers set
    OPTIONS += (
        *(_prctl.PR_SVE_SET_VL, _prctl.PR_SVE_GET_VL, _prctl.PR_SME_SET_VL, _prctl.PR_SME_GET_VL),
        *(_prctl.PR_SET_TAGGED_ADDR_CTRL, _prctl.PR_GET_TAGGED_ADDR_CTRL, _prctl.PR_PAC_GET_ENABLED_KEYS),
        *(_prctl.PR_GET_SHADOW_STACK_STATUS, _prctl.PR_SET_SHADOW_STACK_STATUS, _prctl.PR_LOCK_SHADOW_STACK_STATUS),
    )
#: with SIGKILL alone: another signal, or none, would let a process outlive its parent
DEATH_SIGNAL = _prctl.PR_SET_PDEATHSIG

#: the modes and times of files, which landlock lets through: the places of the mode
MODES = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2}
TIMES = _names("utime utimes futimesat utimensat")
OWNERS = _names("chown lchown fchown fchownat")
ATTRIBUTES = _names(
    "setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat getxattr lgetxattr "
    "fgetxattr getxattrat listxattr llistxattr flistxattr listxattrat"
)

#: what fails with EPERM, since few programs expect ENOSYS from it
REFUSED = [
    *MODES,
    *TIMES,
    *OWNERS,
    *NETWORK,
    *LISTENING,
    *SENDING,
    *SENT,
    *PROCESSES,
    *_names(
        "clone execve socket socketpair prlimit64 sched_setaffinity sched_setparam sched_setscheduler sched_setattr "
        "prctl setpriority ioprio_set personality memfd_create truncate "
        "setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups "
        "mount umount2 pivot_root chroot move_mount mount_setattr fsmount unshare setns ptrace process_vm_readv "
        "process_vm_writev kcmp pidfd_getfd process_madvise process_mrelease move_pages migrate_pages "
        "bpf perf_event_open userfaultfd add_key request_key keyctl open_by_handle_at name_to_handle_at "
        "shmget shmat shmctl msgget msgsnd msgrcv msgctl semget semop semtimedop semctl mq_open mq_unlink "
        "inotify_init inotify_init1 inotify_add_watch fanotify_init fanotify_mark quotactl quotactl_fd "
        "syslog sethostname setdomainname settimeofday clock_settime clock_adjtime adjtimex reboot swapon swapoff "
        "acct init_module finit_module delete_module kexec_load kexec_file_load iopl ioperm modify_ldt vhangup"
    ),
]

#: requests of ioctl that only ask, or are about this process or a file open for writing
REQUESTS = {
    "TCGETS": 0x5401,
    "TCGETS2": 0x802C542A,
    "TIOCGPGRP": 0x540F,
    "TIOCGWINSZ": 0x5413,
    "FIONREAD": 0x541B,
    "FIONBIO": 0x5421,
    "FIONCLEX": 0x5450,
    "FIOCLEX": 0x5451,
    "FIGETBSZ": 0x2,
    "FICLONE": 0x40049409,
    "FICLONERANGE": 0x4020940D,
    "FS_IOC_FIEMAP": 0xC020660B,
    "FS_IOC_GETFLAGS": 0x80086601,
}
#: those that change a terminal, or a file that is only open for reading; closed also
#: where a sandbox has devices of its own, and so allows the requests of those
HARMFUL = {
    "TIOCSTI": 0x5412,
    "TIOCLINUX": 0x541C,
    "TIOCSETD": 0x5423,
    "TIOCCONS": 0x541D,
    "TIOCSCTTY": 0x540E,
    "TIOCSPGRP": 0x5410,
    "FS_IOC_SETFLAGS": 0x40086602,
    "FS_IOC_FSSETXATTR": 0x401C5820,
}

#: the second byte of requests that are to a filesystem and not to a device. They change
#: files that are only open for reading, and one makes directories (of btrfs): landlock
#: looks at those to devices alone
OF_FILES = ord("f"), ord("v"), ord("X"), 0x94

#: rings make calls that no filter sees, those that were open before, too
RINGS = _names("io_uring_setup io_uring_enter io_uring_register")

#: clone: namespaces, and a child of the parent
CLONE_FORBIDDEN = 0x7E028000
CLONE_THREAD = 0x00010000
#: fcntl: signals to others (F_SETOWN, F_SETSIG, F_SETOWN_EX), which landlock stops if
#: it stops signals, and what makes others wait or wakes them (F_SETLEASE, F_NOTIFY)
FCNTL_SIGNALS = 8, 10, 15
FCNTL_FORBIDDEN = 1024, 1026
#: the same as F_SETOWN by ioctl: FIOSETOWN, SIOCSPGRP
IOCTL_SIGNALS = 0x8901, 0x8902
#: SOL_TCP and TCP_ULP make of a TCP socket one of another kind, as smc, whose ports
#: landlock does not see
TCP_KIND = 6, 31
SETUID_BITS = 0o6000
MFD_NOEXEC_SEAL = 0x8
MSG_FASTOPEN = 0x20000000
O_CREAT, O_TRUNC, O_TMPFILE, O_ACCMODE = 0o100, 0o1000, 0o20000000, 3
AF_UNIX, AF_INET, AF_INET6, SOCK_TYPE, SOCK_STREAM, SOCK_SEQPACKET, IPPROTO_TCP = 1, 2, 10, 0xF, 1, 5, 6
ANY_PERSONALITY = 0xFFFFFFFF
