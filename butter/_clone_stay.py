"""A thread that enters a namespace for a while, and comes back."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Generic, TypeVar

from butter._arguments import O_PATH
from butter._clone_c import lib
from butter._clone_errors import KINDS, OPEN, SETNS
from butter._constants.clone import CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUSER

if TYPE_CHECKING:
    from butter.clone import Namespace

Entered = TypeVar("Entered", bound="Namespace")


def _namespace(path: str) -> int:
    fd: int = lib.ns_open(os.fsencode(path), os.O_CLOEXEC)
    return fd if fd >= 0 else OPEN.check(fd, path)


def _directory(path: str) -> int:
    """Return a descriptor of a directory, which need not be readable."""
    return os.open(path, O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


class _Here(threading.local):
    """The identity of each thread."""

    #: what no other thread has; the ident of a thread that has ended is used again
    thread: object = None


here = _Here()


class Stay(Generic[Entered]):
    """The stay of a thread in a namespace, for the length of a ``with`` block."""

    # A signal handler may raise at the beginning of any Python function and after any
    # call. So the thread is moved by single calls of C, whose numbers were looked up
    # before; the first of them stands inside a try, and the last comes before anything
    # else. A handler that raises at the very beginning of __exit__ skips even that: the
    # finaliser then does the same, when the exception is dropped. It has nothing to do
    # where __exit__ ran, and moves no other thread than the one that is inside.
    #
    # The object forgets the namespace, which has the object: in a cycle it would wait
    # for the garbage collector.

    _thread: object = None  # the thread that is to come back
    _back: tuple[int, int, int, int]  # how, for setns_at
    _opened = ExitStack()  # nothing, for the finaliser of an object whose __init__ did not run

    def __init__(self, namespace: Entered) -> None:
        self._namespace: Entered | None = namespace
        self._opened = ExitStack()

    def __enter__(self) -> Entered:
        namespace, self._namespace = self._namespace, None
        if namespace is None:
            raise RuntimeError("entered() is called anew for each block")
        kind, fd = namespace.kind, namespace.fileno()
        if kind == CLONE_NEWUSER:
            raise ValueError("a thread cannot come back from a user namespace: enter it in a child, by setns()")
        if here.thread is None:
            here.thread = object()
        # what children enter is what a thread changes of its pid namespace
        file = KINDS[kind] + ("_for_children" if kind == CLONE_NEWPID else "")
        opened, back = self._opened, None
        try:
            before = _namespace(f"/proc/thread-self/ns/{file}")
            opened.callback(os.close, before)
            status = os.fstat(before)
            if (status.st_dev, status.st_ino) == namespace.identity:
                opened.close()
                return namespace
            if kind == CLONE_NEWTIME and os.stat("/proc/thread-self/ns/time_for_children").st_ino != status.st_ino:
                # setns moves both, and the two could not be set back apart
                raise RuntimeError("the children of this thread begin in another time namespace than its own")
            root = directory = -1
            if kind == CLONE_NEWNS:
                root = _directory("/")
                opened.callback(os.close, root)
                directory = _directory(".")
                opened.callback(os.close, directory)
            # the thread is in there: what would forbid to come back forbids this
            numbers = before, int(kind), root, directory
            result = lib.setns_at(*numbers)
            if result < 0:
                SETNS.check(result, fd=numbers[0], nstype=kind, present=True)
            self._back = back = numbers
            self._thread = here.thread
            result = lib.setns(fd, kind)
            if result < 0:
                SETNS.check(result, fd=fd, nstype=kind)
            return namespace
        except BaseException:
            try:
                if back is not None:
                    lib.setns_at(*back)
            finally:
                self._thread = None
                opened.close()
            raise

    def __exit__(self, *exception: object) -> None:
        if self._thread is None:
            return
        if self._thread is not here.thread:
            raise RuntimeError("another thread is inside the namespace, and only that thread can leave it")
        try:
            result = lib.setns_at(*self._back)
        except BaseException:
            # Python 3.9 runs handlers between any two steps, so also before the call;
            # a second one changes nothing
            lib.setns_at(*self._back)
            raise
        finally:
            self._thread = None
            self._opened.close()
        if result < 0:
            SETNS.check(result, fd=self._back[0], nstype=self._back[1], present=True)

    def __del__(self) -> None:
        try:
            if self._thread is not None and self._thread is here.thread:
                lib.setns_at(*self._back)
        finally:
            self._opened.close()
