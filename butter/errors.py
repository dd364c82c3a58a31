"""The exceptions of butter.

Each is an :class:`OSError` with its ``errno`` and ``strerror`` and, where a path was
passed, ``filename``.
"""

# This module also has the one place that raises for an errno: Errors.fail.
#
# Why C functions return -1 - errno
#
# A system call that fails returns -1, and the reason is in errno, a variable
# of the thread. cffi saves errno right after the C call, and the obvious code
# reads the saved value in the next line:
#
#     fd = lib.eventfd(0, 0)
#     if fd == -1:
#         raise OSError(ffi.errno, ...)
#
# That is wrong, rarely. CPython runs the handlers of signals between two
# instructions, so one may run after the call has returned and before
# ffi.errno is read. A handler that makes a failing call of its own, even one
# as innocent as reading an empty pipe, leaves its own errno there: under a
# storm of alarms that happened in 829 of 2,998 failing calls. A finaliser that
# the garbage collector runs there does the same.
#
# Two ways out do not work. Blocking signals around each call costs two system
# calls and does not stop the collector. Reading errno inside a second C call
# is the same race, one instruction later.
#
# The way that works is to return the reason with the result. Each C function of
# butter that fails returns -1 - errno: errno is read in C, where no Python
# code can run. The number is always below -1, since errno is at least 1, so a
# plain -1 remains free for the tests of programs that replace `lib` by a mock
# whose functions return -1 and set ffi.errno, as butter 0.13 made them do.
# (pthread_sigmask is the one exception: it returns the errno itself, as in C.)
# The builders give the C functions the names of the calls by a #define, so a
# thin call reads as C does. Errors.check is the one decoder.
#
# Python's own builtins (os.eventfd_read, os.ftruncate) raise instead. An
# OSError caught around one may come from a signal handler that ran inside
# it: butter._signals.raised_by_handler tells the two apart.

from __future__ import annotations

import errno
import os
import re
import resource
from typing import TYPE_CHECKING

from _cffi_backend import get_errno

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NoReturn, Union

    from butter._enums import Named

    Sentence = Union[str, Callable[..., str]]
    Meaning = tuple[type[OSError], Sentence]

__all__ = [
    "InternalError",
    "InvalidArgument",
    "InvalidPath",
    "NoMoreEvents",
    "OutOfMemory",
    "PathNotADirectory",
    "PathNotFound",
    "UnknownError",
]


class InvalidArgument(OSError, ValueError):
    """The kernel refused an argument, or the descriptor is of the wrong kind."""


class InvalidPath(OSError, ValueError):
    """A path is too long, or goes in circles through symbolic links."""


class PathNotFound(FileNotFoundError, ValueError):
    """A path names nothing."""


class PathNotADirectory(NotADirectoryError, ValueError):
    """A path, or a part of it that has to be a directory, is something else."""


class OutOfMemory(OSError, MemoryError):
    """The kernel has no memory left for this call."""


class InternalError(OSError):
    """butter itself passed something wrong to the kernel; please report it."""


class NoMoreEvents(OSError):
    """No event can come any more, so waiting for one would never end."""


class UnknownError(OSError):
    """``UnknownError(errno)``: the manual page of the call does not know this errno."""

    def __init__(self, errno: int, *rest: object) -> None:
        super().__init__(errno, *(rest or (os.strerror(errno),)))


def plain(error: OSError) -> OSError:
    """Return the exception that Python itself has for the errno of *error*.

    It is FileNotFoundError, for example. Unlike butter's own exceptions it is not a
    ValueError or MemoryError as well.
    """
    return OSError(error.errno, error.strerror, error.filename)


class Errors:
    """The meanings of the errnos of one call.

    *meanings* maps an errno to an exception and a sentence. The sentence may be a
    function of the arguments that ``check`` was called with. *since* is the kernel that
    brought the call; None if every supported kernel has it.

    EPERM and ENOSYS have a row in every table, because a seccomp filter may answer any
    call with them.
    """

    def __init__(self, call: str, meanings: Mapping[int, Meaning], since: str | None = None) -> None:
        self.call = call
        self.meanings: dict[int, Meaning] = {
            errno.EPERM: (PermissionError, NOT_ALLOWED),
            errno.ENOSYS: missing(since),
            **meanings,
        }

    def check(self, result: int, path: Any = None, **arguments: object) -> int:
        """Return *result*, or raise for its errno if it is negative.

        A C function of butter that fails returns -1 - errno. A plain -1 comes only from
        a mocked `lib`; then the errno that cffi saved counts.

        A call that opens a descriptor calls this for failures alone: to collect the
        *arguments* takes memory, and for want of it the descriptor would be lost.
        """
        if result < 0:
            self.fail(get_errno() if result == -1 else -1 - result, path, **arguments)
        return result

    def fail(self, number: int, path: Any = None, *, path2: Any = None, **arguments: object) -> NoReturn:
        """Raise for the errno *number*, about the files *path* and *path2*, if any.

        They are ``filename`` and ``filename2`` of the exception, as for os.rename().
        """
        raise self.error(number, path, path2=path2, **arguments)

    def error(self, number: int, path: Any = None, *, path2: Any = None, **arguments: object) -> OSError:
        """Return what ``fail`` raises."""
        exception, sentence = self.meanings.get(number) or (UnknownError, os.strerror(number))
        if callable(sentence):
            sentence = sentence(path=path, **arguments)
        filenames = [os.fspath(each) for each in (path, path2) if each is not None]
        # between the two, OSError has the number of an error of Windows
        filenames[1:1] = [None] * len(filenames[1:])
        error = exception(number, f"{self.call}: {sentence}", *filenames)
        # a program without an interest in calls leaves it out, as the command does
        error.__dict__["_call"] = self.call
        return error


def sysctl(name: str) -> int | None:
    """Return the value of a limit, as ``fs.inotify.max_user_watches``.

    None where it cannot be read.
    """
    try:
        with open("/proc/sys/" + name.replace(".", "/")) as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def raise_sysctl(name: str, namespaced: str | None = None, missing: int = 0) -> str:
    """Return a sentence that says how high a limit is, and which command raises it.

    A user namespace has limits of its own (*namespaced*) beside the system's: the lower
    one is in force. The command makes it twice as high, or more if so many are
    *missing*.
    """
    value = sysctl(name)
    own = None if namespaced is None else sysctl(namespaced)
    if namespaced is not None and own is not None and (value is None or own < value):
        name, value = namespaced, own
    if value is None:
        return f"the limit is {name}, raised by 'sysctl {name}=...' as root"
    return f"{name} is {value}; 'sysctl {name}={max(2 * value, value + 2 * missing, 128)}' as root raises it"


def descriptors_exhausted(**_: object) -> str:
    """The sentence for EMFILE where only RLIMIT_NOFILE can be the reason."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return f"this process has no descriptor left: RLIMIT_NOFILE is {soft}; 'ulimit -n' raises it (up to {hard})"


def files_exhausted(**_: object) -> str:
    """The sentence for ENFILE."""
    return f"the system can open no more files: {raise_sysctl('fs.file-max')}"


def bad_descriptor(fd: object = "fd", **_: object) -> str:
    """The sentence for EBADF."""
    return f"descriptor {fd} is not open, or not open for this use"


def missing(since: str | None = None) -> Meaning:
    """Return the row for ENOSYS of a call that Linux has since version *since*."""
    if since is None:
        return OSError, "a seccomp filter hides the system call"
    return OSError, f"the system call is missing: this kernel is older than Linux {since}, or a seccomp filter hides it"


def running_kernel() -> tuple[int, ...]:
    """Return the version of the running kernel, as ``(6, 18)``."""
    return tuple(int(number) for number in re.findall("[0-9]+", os.uname().release)[:2])


def newer_than_kernel(flags: int, names: type[Named]) -> str | None:
    """Return a sentence about the bits of *flags* that this kernel is too old for.

    None if there are no such bits.
    """
    running = running_kernel()
    newer = [
        f"{name} (Linux {kernel})"
        for name, (bits, kernel) in names.__since__.items()
        if flags & bits == bits and tuple(map(int, kernel.split("."))) > running
    ]
    return f"Linux {'.'.join(map(str, running))} does not know {', '.join(newer)}" if newer else None


#: the sentence for EPERM where the kernel itself allows the call to every user
NOT_ALLOWED = "a seccomp filter or a security module does not allow it"

#: the row for ENOMEM
NO_MEMORY: Meaning = (OutOfMemory, "the kernel has no memory for this call")

#: the row for EBADF
BAD_DESCRIPTOR: Meaning = (InvalidArgument, bad_descriptor)

#: rows of the calls that return a new descriptor
NEW_DESCRIPTOR: Mapping[int, Meaning] = {
    errno.EMFILE: (OSError, descriptors_exhausted),
    errno.ENFILE: (OSError, files_exhausted),
    errno.ENOMEM: NO_MEMORY,
}

#: the sentence for ENODEV where the caller asked for no device
NO_DEVICE = "the kernel could not mount its internal device for anonymous files"

#: rows of the calls whose new descriptor is that of an anonymous file
NEW_ANONYMOUS: Mapping[int, Meaning] = {**NEW_DESCRIPTOR, errno.ENODEV: (OSError, NO_DEVICE)}


#: rows of the calls that move bytes to or from any kind of file
MOVING: Mapping[int, Meaning] = {
    errno.EACCES: (PermissionError, "a security module does not allow it"),
    errno.ECONNABORTED: (ConnectionAbortedError, "the connection was aborted"),
    errno.ECONNREFUSED: (ConnectionRefusedError, "the peer refused the connection"),
    errno.ECONNRESET: (ConnectionResetError, "the peer reset the connection"),
    errno.EDESTADDRREQ: (OSError, "the socket is not connected, so the bytes have no address to go to"),
    errno.EDQUOT: (OSError, "the disk quota of the user is used up"),
    errno.EFBIG: (OSError, "the target would be larger than its filesystem or RLIMIT_FSIZE allows"),
    errno.EHOSTUNREACH: (OSError, "the host of the peer cannot be reached"),
    errno.EIO: (OSError, "the device failed to read or write"),
    errno.EMSGSIZE: (OSError, "the socket sends whole messages, and this one is too large"),
    errno.ENETDOWN: (OSError, "the network is down"),
    errno.ENETUNREACH: (OSError, "the network of the peer cannot be reached"),
    errno.ENOBUFS: (OutOfMemory, "the network has no buffer left"),
    errno.ENODEV: (OSError, "the device is gone, or does not support this"),
    errno.ENOSPC: (OSError, "the device of the target is full"),
    errno.ENOTCONN: (OSError, "the socket is not connected"),
    errno.ENXIO: (OSError, "the device is gone, or the offset is past its end"),
    errno.EOVERFLOW: (InvalidArgument, "the offset and the length together are past the largest offset"),
    errno.ETIMEDOUT: (TimeoutError, "the peer does not answer any more"),
    errno.ETXTBSY: (OSError, "the file is in use as swap space or as a running program"),
}


def reading(kind: str, nothing: str) -> dict[int, Meaning]:
    """Return the rows of every read of events.

    *kind* is the kind of descriptor with its article ("an eventfd"). *nothing* is the
    sentence for a non-blocking descriptor that has no event.
    """
    return {
        errno.EAGAIN: (BlockingIOError, nothing),
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EINVAL: (InvalidArgument, lambda fd="", **_: f"descriptor {fd} is not {kind}"),
        errno.EISDIR: (IsADirectoryError, f"the descriptor is a directory, not {kind}"),
        errno.ENOMEM: NO_MEMORY,
    }


#: rows of the calls that look up a path
PATH: Mapping[int, Meaning] = {
    errno.EACCES: (PermissionError, "no permission to search a directory of the path"),
    errno.EFAULT: (InvalidArgument, "the path is not in the memory of this process"),
    errno.EINTR: (InterruptedError, "a signal interrupted the lookup of the path"),
    errno.EIO: (OSError, "the filesystem could not read a directory of the path"),
    errno.ELOOP: (InvalidPath, "too many symbolic links in the path"),
    errno.ENAMETOOLONG: (
        InvalidPath,
        "the path is longer than 4095 bytes, or a name in it is longer than the filesystem allows",
    ),
    errno.ENOENT: (PathNotFound, "the path does not exist"),
    errno.ENOMEM: NO_MEMORY,
    errno.ENOTDIR: (PathNotADirectory, "a part of the path is not a directory"),
    errno.ESTALE: (OSError, "the file is gone from its network filesystem"),
}
