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

AT_FDCWD, O_PATH = -100 & 0xFFFFFFFF, 0o10000000  # which PyPy's os lacks
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
FENCE = Filter(ALLOW).add("openat", NOTIFY)
for other_way in ("open", "creat", "openat2", "open_by_handle_at", "io_uring_setup"):
    FENCE.add(other_way, ERRNO(errno.ENOSYS))


def become_fenced(program: list[str], channel: socket.socket) -> None:
    prctl.no_new_privs = True
    with FENCE.listen() as listener:
        socket.send_fds(channel, [b"listener"], [listener.fileno()])
        os.execvp(program[0], program)


def open_for(call: Notification, allowed: list[str], done: contextlib.ExitStack) -> int:
    directory, address, flags = call.arguments[0] & 0xFFFFFFFF, call.arguments[1], call.arguments[2]
    if flags & WRITING:
        raise PermissionError(errno.EROFS, "this is for reading alone")
    base = f"/proc/{call.pid}/" + ("cwd" if directory == AT_FDCWD else f"fd/{directory}")
    # It only names the file. Where that is decides, and it is this file that is opened,
    # whatever becomes of the path meanwhile.
    place = os.open(os.path.join(base, call.read_path(address)), O_PATH)
    done.callback(os.close, place)
    path = os.readlink(f"/proc/self/fd/{place}")
    if not any(os.path.commonpath([path, each]) == each for each in allowed):
        raise PermissionError(errno.EACCES, "it is not below an allowed directory")
    file = os.open(f"/proc/self/fd/{place}", os.O_RDONLY | os.O_NONBLOCK)  # a pipe would wait
    done.callback(os.close, file)
    return file


def answer(call: Notification, allowed: list[str]) -> None:
    with contextlib.suppress(CallGone), contextlib.ExitStack() as done:
        try:
            file = open_for(call, allowed, done)
            call.add_fd(file, send=True, closefd=bool(call.arguments[2] & os.O_CLOEXEC))
        except OSError as error:
            call.fail(error.errno or errno.EACCES)


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
            answer(call, allowed)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    if "--" not in sys.argv:
        sys.exit(__doc__)
    end = sys.argv.index("--")
    sys.exit(main([os.path.realpath(each) for each in sys.argv[1:end]], sys.argv[end + 1 :]))
