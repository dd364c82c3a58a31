"""Fenced processes, whose system call ``getppid`` waits for the answer of a listener.

As a program, this file is the process that forks them, which is small.
"""

import ctypes
import json
import os
import platform
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

# the numbers of seccomp and getppid, and the architecture
SECCOMP, GETPPID, ARCH = {
    "x86_64": (317, 110, 0xC000003E),
    "aarch64": (277, 173, 0xC00000B7),
}[platform.machine()]
NO_NEW_PRIVS, SET_MODE_FILTER, NEW_LISTENER = 38, 1, 8
LONG = 30


def program():
    """The filter, as bytes: it asks about getppid, and allows the rest."""
    steps = [(0x20, 0, 0, 0), (0x15, 0, 1, GETPPID), (0x06, 0, 0, 0x7FC00000), (0x06, 0, 0, 0x7FFF0000)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def load(flags=0):
    """Put the filter in front of this thread, and return its listener."""

    class Argument(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    libc, code = ctypes.CDLL(None, use_errno=True), program()
    libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0)
    argument = Argument(len(code) // 8, code)
    fd = libc.syscall(SECCOMP, SET_MODE_FILTER, flags | NEW_LISTENER, ctypes.byref(argument))
    if fd < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return fd


class Fence:
    """A process under a filter of its own, which makes the call on demand.

    ``fd`` is the descriptor of its listener, which belongs to the test.
    """

    def __init__(self, fd, control, pid):
        self.fd, self._control, self.pid = fd, control, pid
        self._results = {}
        control.settimeout(LONG)

    def call(self, *arguments, times=1):
        """Begin the call in threads of the process, which wait when this returns.

        An argument is an int, or a text whose address is passed.
        """
        self._send(call=arguments, times=times)
        while "waiting" not in self._take():
            pass

    def interrupt(self):
        """Send a signal with a handler to the thread of the last call."""
        self._send(interrupt=True)

    def result(self):
        """``(result, errno)`` of the oldest call that has returned."""
        while not self._results:
            self._take()
        return tuple(self._results.pop(min(self._results)))

    def close(self):
        """End the process."""
        self._control.close()

    def _send(self, **order):
        self._control.send(json.dumps(order).encode())

    def _take(self):
        answer = json.loads(self._control.recv(1000) or '{"ended": true}')
        assert "ended" not in answer, "the fenced process has ended"
        if "result" in answer:
            self._results[answer["call"]] = answer["result"]
        return answer


class Fences:
    """The process that forks fenced ones; ``with`` ends it."""

    def __init__(self):
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-S", "-E", __file__, str(theirs.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        self._control.settimeout(LONG)

    def make(self, flags=0):
        """A new Fence, whose filter has these flags as well."""
        self._control.send(b"%d" % flags)
        pid, (fd, control), _, _ = socket.recv_fds(self._control, 100, 2)
        os.set_inheritable(fd, False)
        os.set_inheritable(control, False)
        return Fence(fd, socket.socket(fileno=control), int(pid))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """End this process; the fenced ones live on."""
        self._control.close()
        self._process.wait(LONG)


def serve(control):
    """Fork a fenced process for each order."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while order := received(control, 100):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if not os.fork():
            ours_number = ours.detach()
            fd = load(int(order))
            socket.send_fds(control, [b"%d" % os.getpid()], [fd, ours_number])
            for each in (fd, ours_number, control.detach()):
                os.close(each)
            obey(theirs)
            os._exit(0)
        ours.close()
        theirs.close()


def received(control, size):
    """The next order, empty once the test has ended."""
    try:
        return control.recv(size)
    except ConnectionResetError:
        return b""


def obey(control):
    """Make the call as ordered."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    signal.signal(signal.SIGUSR1, lambda *_: None)
    count, texts, threads = 0, [], []

    def tell(**answer):
        control.send(json.dumps(answer).encode())

    def make(number, arguments):
        result = libc.syscall(GETPPID, *arguments)
        tell(call=number, result=(result, ctypes.get_errno()))

    while order := received(control, 1 << 16):
        order = json.loads(order)
        if "interrupt" in order:
            if threads[-1].is_alive():
                signal.pthread_kill(threads[-1].ident, signal.SIGUSR1)
            continue
        arguments = []
        for each in order["call"]:
            if isinstance(each, str):
                texts.append(ctypes.create_string_buffer(os.fsencode(each)))
                each = ctypes.addressof(texts[-1])
            arguments.append(ctypes.c_uint64(each))
        for _ in range(order["times"]):
            threads.append(threading.Thread(target=make, args=(count, arguments), daemon=True))
            threads[-1].start()
            count += 1
        for thread in threads[-order["times"] :]:
            until_it_waits(thread)
        tell(waiting=True)


def until_it_waits(thread):
    """Return when *thread* is in the call, or has ended."""
    while thread.is_alive():
        try:
            with open(f"/proc/self/task/{thread.native_id}/syscall") as file:
                if file.read().split()[0] == str(GETPPID):
                    return
        except OSError:
            return
        time.sleep(0.00002)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
