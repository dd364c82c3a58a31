"""The cost of a filter of sixty rules for each call, beside that of libseccomp."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable, Iterator

import pyseccomp

from benchmarks.floor import Floor, timed
from benchmarks.runner import Comparison, repeated
from butter import seccomp as butter
from butter.prctl import prctl

floor = Floor(
    "floor_seccomp",
    "void call(long number, long first, long second, long count);",
    """
    #include <unistd.h>
    #include <sys/syscall.h>

    static void call(long number, long first, long second, long count)
    {
        while (count--)
            syscall(number, first, second, 0, 0, 0, 0);
    }
    """,
)

CALLS = 1_000
TURNS = 200
BUILDS = 20
EPERM = errno.EPERM

#: refused, whatever their arguments
NAMES = (
    "acct add_key bpf chroot delete_module fanotify_init finit_module fsopen init_module "
    "io_uring_setup kcmp kexec_load keyctl lookup_dcookie mbind memfd_secret migrate_pages "
    "mount mount_setattr move_mount move_pages open_by_handle_at open_tree perf_event_open "
    "personality pivot_root process_vm_readv process_vm_writev ptrace quotactl reboot "
    "request_key setns swapon syslog umount2 unshare userfaultfd "
)
#: refused for these values of an argument: ``(call, argument, value)``
VALUES = [
    *(("ioctl", 1, request) for request in range(0x5410, 0x541A)),
    *(("socket", 0, family) for family in (3, 4, 5, 9, 16, 17, 38, 40)),
    *(("prctl", 0, option) for option in (22, 29, 35)),
]
RULES = len(NAMES.split()) + len(VALUES) + 1


def by_butter() -> butter.Filter:
    made = butter.Filter(butter.ALLOW)
    for name in NAMES.split():
        made.add(name, butter.ERRNO(EPERM))
    for name, argument, value in VALUES:
        made.add(name, butter.ERRNO(EPERM), butter.EQ(argument, value))
    return made.add("fcntl", butter.ERRNO(EPERM), butter.EQ(0, 99), butter.MASKED(1, 0xFF00, 0x400))


def by_libseccomp(optimize: int = 2) -> pyseccomp.SyscallFilter:
    made = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    made.set_attr(pyseccomp.Attr.CTL_OPTIMIZE, optimize)
    for name in NAMES.split():
        made.add_rule(pyseccomp.ERRNO(EPERM), name)
    for name, argument, value in VALUES:
        made.add_rule(pyseccomp.ERRNO(EPERM), name, pyseccomp.Arg(argument, pyseccomp.EQ, value))
    found = pyseccomp.Arg(0, pyseccomp.EQ, 99), pyseccomp.Arg(1, pyseccomp.MASKED_EQ, 0xFF00, 0x400)
    made.add_rule(pyseccomp.ERRNO(EPERM), "fcntl", *found)
    return made


def share(load: Callable[[], object], *arguments: int) -> float:
    """Return how much longer a call takes in a child that loads a filter."""
    reading, writing = os.pipe()
    call = floor.call  # compiled here, if it is not yet
    pid = os.fork()
    if not pid:
        try:
            prctl.no_new_privs = True
            # The two cannot take turns. The quickest turns are those that nothing else
            # disturbed.
            without = min(timed(call, *arguments, CALLS) for _ in range(TURNS))
            load()
            filtered = min(timed(call, *arguments, CALLS) for _ in range(TURNS))
            os.write(writing, struct.pack("d", filtered - without))
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        (found,) = struct.unpack("d", pipe.read())
    os.waitpid(pid, 0)
    return float(found)


def comparisons() -> Iterator[Comparison]:
    assert RULES == 60, RULES
    for title, name, first, second in (
        ("an ioctl whose request is none of ten", "ioctl", -1, 0x12345),
        ("an ioctl whose request is one of ten", "ioctl", -1, 0x5418),
        ("a socket whose family is none of eight", "socket", 99, 0),
        ("an fcntl with two arguments of one rule", "fcntl", 99, 0x433),
    ):
        arguments = butter.syscall_number(name), first, second
        yield Comparison(
            f"Added by 60 rules to {title}",
            {
                "butter": lambda arguments=arguments: share(by_butter().load, *arguments),  # type: ignore[misc]
                "libseccomp, optimised": lambda arguments=arguments: share(by_libseccomp().load, *arguments),  # type: ignore[misc]
                "libseccomp": lambda arguments=arguments: share(by_libseccomp(1).load, *arguments),  # type: ignore[misc]
            },
            targets={"libseccomp, optimised": 1.1},
        )
    yield Comparison(
        "Making the program of 60 rules",
        {
            "butter": lambda: repeated("by_butter().program()", BUILDS, by_butter=by_butter),
            "libseccomp, optimised": lambda: repeated("build()", BUILDS, build=exported),
        },
    )


def exported() -> None:
    """Let libseccomp write its program, into nothing."""
    with open(os.devnull, "wb") as file:
        by_libseccomp().export_bpf(file)
