#!/usr/bin/env python3
"""Open files for a fenced program, which may read below some directories.

python examples/broker.py /usr /lib /lib64 /etc -- cat /etc/hostname
"""

import contextlib
import errno
import os
import socket
import sys

from butter.prctl import prctl
from butter.seccomp import ALLOW, ERRNO, NOTIFY, CallGone, Filter, Listener, Notification

AT_FDCWD = -100 & 0xFFFFFFFF
O_PATH = 0o10000000  # which PyPy's os lacks
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
OTHER_WAYS = ("open", "creat", "openat2", "open_by_handle_at", "io_uring_setup")


def become_fenced(program: list[str], channel: socket.socket) -> None:
    fence = Filter(ALLOW).add("openat", NOTIFY)
    for call in OTHER_WAYS:
        fence.add(call, ERRNO(errno.ENOSYS))
    prctl.no_new_privs = True
    with fence.listen() as listener:
        socket.send_fds(channel, [b"listener"], [listener.fileno()])
        os.execvp(program[0], program)


def open_for(call: Notification, allowed: list[str]) -> int:
    directory, address, flags = call.arguments[0] & 0xFFFFFFFF, call.arguments[1], call.arguments[2]
    if flags & WRITING:
        raise PermissionError(errno.EROFS, "this is for reading alone")
    base = "cwd" if directory == AT_FDCWD else f"fd/{directory}"
    # It only names the file. Where that is decides, and it is this file that is opened,
    # whatever becomes of the path meanwhile.
    place = os.open(os.path.join(f"/proc/{call.pid}/{base}", call.read_path(address)), O_PATH)
    try:
        path = os.readlink(f"/proc/self/fd/{place}")
        if not any(os.path.commonpath([path, each]) == each for each in allowed):
            raise PermissionError(errno.EACCES, "it is not below an allowed directory")
        return os.open(f"/proc/self/fd/{place}", os.O_RDONLY | os.O_NONBLOCK)  # a pipe would wait
    finally:
        os.close(place)


def answer(call: Notification, allowed: list[str]) -> None:
    try:
        file = open_for(call, allowed)
    except OSError as error:
        call.fail(error.errno or errno.EACCES)
        return
    try:
        call.add_fd(file, send=True, closefd=bool(call.arguments[2] & os.O_CLOEXEC))
    finally:
        os.close(file)


def main(allowed: list[str], program: list[str]) -> int:
    ours, theirs = socket.socketpair()
    child = os.fork()
    if not child:
        become_fenced(program, theirs)
    theirs.close()
    with ours:
        [fd] = socket.recv_fds(ours, 100, 1)[1]
    os.set_inheritable(fd, False)
    with Listener.adopt(fd) as listener:
        for call in listener:  # until the last task is gone
            with contextlib.suppress(CallGone):
                answer(call, allowed)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    if "--" not in sys.argv:
        sys.exit(__doc__)
    end = sys.argv.index("--")
    sys.exit(main([os.path.realpath(each) for each in sys.argv[1:end]], sys.argv[end + 1 :]))
