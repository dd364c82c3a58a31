"""The cases of signalfd: one test for each, named after it."""

import ctypes
import errno
import os
import platform
import signal
import threading

import pytest
import support
from support import libc

from butter.errors import InvalidArgument
from butter.signalfd import (
    NEW_SIGNALFD,
    SFD_NONBLOCK,
    SI_QUEUE,
    SI_USER,
    SIG_BLOCK,
    SIGINFO_LENGTH,
    Signalfd,
    pthread_sigmask,
    signalfd,
    str_to_events,
)

USR1, USR2 = signal.SIGUSR1, signal.SIGUSR2

# numbers on x86_64 and on aarch64
NUMBERS = {"rt_sigprocmask": (14, 135), "rt_sigqueueinfo": (129, 138)}
COLUMN = {"x86_64": 0, "aarch64": 1}[platform.machine()]


def syscall(name, *arguments):
    """The result or errno of a system call that the C library would not pass on."""
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(NUMBERS[name][COLUMN]), *map(ctypes.c_void_p, arguments))
    return ctypes.get_errno() if result == -1 else result


def siginfo(number, code, value):
    """The bytes of a siginfo_t with a value."""
    head = (ctypes.c_int32 * 4)(number, 0, code, 0)
    return bytes(head) + bytes((ctypes.c_int32 * 4)(os.getpid(), os.getuid(), value, 0)) + bytes(96)


def queueinfo(pid, number, code, value=0):
    data = ctypes.create_string_buffer(siginfo(number, code, value), 128)
    return syscall("rt_sigqueueinfo", pid, number, ctypes.addressof(data))


def test_signalfd01(in_child):
    """A signal is 128 bytes; a second call changes the mask of the same descriptor."""

    def body():
        pthread_sigmask(SIG_BLOCK, [USR1, USR2])
        fd = signalfd([USR1], NEW_SIGNALFD, 0)
        assert fd > 2
        for sent in (USR1, USR2):
            assert signalfd([sent], fd, 0) == fd
            os.kill(os.getpid(), sent)
            data = os.read(fd, 4 * SIGINFO_LENGTH)
            assert len(data) == SIGINFO_LENGTH == 128
            (event,) = str_to_events(data)
            assert event.ssi_signo == sent

    in_child(body)


def test_signalfd02(tmp_path, in_child):
    """A closed descriptor, a file, and unknown flags are told apart by their errno."""

    def body():
        pthread_sigmask(SIG_BLOCK, [USR1])
        with (tmp_path / "file").open("w") as file:
            for arguments, number in (
                (([USR1], -2, 0), errno.EBADF),
                (([USR1], file, 0), errno.EINVAL),
                (([USR1], NEW_SIGNALFD, -1), errno.EINVAL),
            ):
                with pytest.raises(InvalidArgument) as caught:
                    signalfd(*arguments)
                assert caught.value.errno == number

    in_child(body)


def test_signalfd4_02():
    """The descriptor waits unless SFD_NONBLOCK is given."""
    for flags in (0, SFD_NONBLOCK):
        fd = signalfd([USR1], flags=flags)
        assert os.get_blocking(fd) is not bool(flags)
        os.close(fd)


def test_rt_sigprocmask02():
    """A mask of another size, and a bad pointer for the old mask, are refused."""
    full, old = (ctypes.c_uint64 * 16)(*[2**64 - 1] * 16), (ctypes.c_uint64 * 16)()
    full, old = ctypes.addressof(full), ctypes.addressof(old)

    def body():
        return (
            syscall("rt_sigprocmask", SIG_BLOCK, full, old, 1),
            syscall("rt_sigprocmask", SIG_BLOCK, full, 2**64 - 1, 8),
        )

    assert support.in_child(body) == (errno.EINVAL, errno.EFAULT)


def test_rt_sigqueueinfo01(in_child):
    """A value that is queued for a thread that waits comes with its signal."""

    def body():
        pthread_sigmask(SIG_BLOCK, [USR1])
        with Signalfd([USR1]) as signals:
            seen = []
            thread = threading.Thread(target=lambda: seen.append(signals.read_event()))
            thread.start()
            assert queueinfo(thread.native_id, USR1, SI_QUEUE, 777) == 0
            thread.join()
        assert [(event.signal, event.ssi_int, event.signal_code) for event in seen] == [(USR1, 777, SI_QUEUE)]

    in_child(body)


def test_rt_sigqueueinfo02(in_child):
    """An unknown signal, a code of the kernel's and an unknown process are refused."""

    def body():
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(writing)
            os.read(reading, 1)
            os._exit(0)
        os.close(reading)
        found = (
            queueinfo(pid, -1, SI_QUEUE),
            queueinfo(pid, USR1, SI_USER),
            queueinfo(-1, USR1, SI_QUEUE),
        )
        os.close(writing)
        os.waitpid(pid, 0)
        return found

    assert in_child(body) == (errno.EINVAL, errno.EPERM, errno.ESRCH)
