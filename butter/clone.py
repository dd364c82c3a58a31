"""Namespaces, made, joined and held: :manpage:`unshare(2)` and its kin."""

from __future__ import annotations

import contextvars
import errno
import os
import threading
from builtins import PermissionError as PermissionError
from contextlib import closing
from typing import TYPE_CHECKING

from butter._arguments import CLOEXEC_DEFAULT, fileno, fsencode, integer
from butter._clone_c import ffi as ffi
from butter._clone_c import lib as _lib
from butter._clone_errors import IOCTL, KINDS, OPEN, SETNS, UNSHARE, NamespacesExhausted, children_elsewhere, pid_of
from butter._clone_maps import map_ids
from butter._clone_process import Process
from butter._clone_spawn import DEVNULL, PIPE, STDOUT, Child, spawn
from butter._clone_stay import Stay, here
from butter._constants import clone as _constants
from butter._constants.clone import *  # noqa: F403
from butter._constants.clone import (
    CLONE_FS,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    NS_GET_ID,
    NS_GET_MNTNS_ID,
    NS_GET_NSTYPE,
    NS_GET_OWNER_UID,
    NS_GET_PARENT,
    NS_GET_USERNS,
    SETNS_ANY,
    CloneNew,
)
from butter._descriptor import ADOPT, Descriptor, link_of, tell_of_forks
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import TypeVar

    from typing_extensions import Self

    from butter._arguments import FileDescriptor, Path

    Result = TypeVar("Result")

__all__ = [
    "DEVNULL",
    "PIPE",
    "STDOUT",
    "Child",
    "Namespace",
    "NamespacesExhausted",
    "Process",
    "UnknownError",
    "map_ids",
    "run_in",
    "setns",
    "spawn",
    "unshare",
]
__all__ += _constants.__all__

# the last steps of a thread take a few of them
_MOST_YIELDS = 10_000


def unshare(flags: int) -> None:
    """``unshare(flags)``: the calling thread stops sharing what *flags* name.

    *flags* are CloneNew's, for new namespaces, and CloneUnshare's. ``CLONE_NEWUSER``
    makes the other namespaces of the same call possible without privileges; its ids
    are then mapped by :func:`map_ids`. A new pid or time namespace is for the children
    of the thread, and the thread itself stays in its own.

    Raises PermissionError (a missing capability, a chroot, an id without a mapping, a
    sysctl, AppArmor, a seccomp filter: the text says which), NamespacesExhausted,
    InvalidArgument (several threads, unknown flags, a kernel without them), OSError
    (EMFILE), OutOfMemory.

    Linux 2.6.16, :manpage:`unshare(2)`, :manpage:`namespaces(7)`.
    """
    flags = integer(flags, -32, "flags")
    UNSHARE.check(_lib.unshare(flags), flags=flags)


def setns(fd: FileDescriptor, nstype: int = SETNS_ANY) -> None:
    """``setns(fd, nstype)``: the calling thread joins the namespace *fd*.

    *fd* is a :class:`Namespace`, or another descriptor of one; *nstype* is the kind
    that it has to be (CloneNew), and ``SETNS_ANY`` lets it be any. *fd* may also be a
    pidfd: then *nstype* says which namespaces of that process are joined, all of them
    or none. A pid namespace is joined by the children of the thread alone.

    Other threads stay where they are. A mount namespace sets the root and working
    directory to its root.

    Raises PermissionError (a missing capability, or a namespace outside the user
    namespace), InvalidArgument (another kind of descriptor or namespace, several
    threads, a pid namespace above), ProcessLookupError, OSError (EUSERS), OutOfMemory.

    Linux 3.0, and 5.8 for pidfds; :manpage:`setns(2)`.
    """
    # for plain ints cffi's own checks suffice: ours cost half as much as the call
    number = fd if type(fd) is int else fileno(fd)
    # but cffi takes whatever has __int__, as a Decimal does
    nstype = nstype if type(nstype) is int else integer(nstype, -32, "nstype")
    try:
        result: int = _lib.setns(number, nstype)
    except (OverflowError, TypeError):
        fileno(number)
        integer(nstype, -32, "nstype")
        raise
    if result < 0:
        SETNS.check(result, fd=number, nstype=nstype)


def _file_of(kind: int | str) -> str:
    """Return the name in ``/proc/self/ns`` of a kind, as CLONE_NEWNET or "net"."""
    if isinstance(kind, str):
        if kind in KINDS.values():
            return kind
    else:
        name = KINDS.get(integer(kind, -32, "kind"))
        if name:
            return name
    raise ValueError(f"kind is {kind!r}; it must be CLONE_NEWNET or one of its like, or 'net', 'mnt', …")


def _kind_of(fd: int) -> CloneNew:
    return CloneNew(IOCTL.check(_lib.ns_ioctl(fd, NS_GET_NSTYPE), fd=fd, request=NS_GET_NSTYPE))


class Namespace(Descriptor):
    """``Namespace(path, closefd=True)``: a namespace, which exists while it is open.

    *path* is a file such as ``/proc/1234/ns/net``, or a bind mount of one, such as
    ``/run/netns/blue``. :meth:`of` opens that of a process, :meth:`current` that of the
    calling thread. *closefd* keeps the descriptor from programs that the process
    executes.

    ``with`` enters it: the calling thread is inside for the length of the block, then
    goes back to where it was, and the object is closed. Other threads stay outside. Do
    not await in the block: other tasks of the loop would run inside. ::

        with Namespace("/run/netns/blue"):
            connection = socket.create_connection(("10.0.0.1", 80))

    :meth:`entered` is the same without the close, for a namespace that is entered
    often. Where several threads run, :func:`run_in` enters on a thread of its own.

    Two objects are equal if they are the same namespace, wherever each was opened, and
    both are open.

    Raises PathNotFound, InvalidArgument for any other file, PermissionError, OSError
    (EMFILE, ENFILE).

    Linux 4.11, :manpage:`namespaces(7)`, :manpage:`ioctl_ns(2)`.
    """

    _kind = "a namespace"
    _link = tuple(f"{kind}:[" for kind in KINDS.values())
    # what it is, and (device, inode): learned once, because a dict finds the object
    # after its close too
    _type = CloneNew(0)
    _identity: tuple[int, int] | None = None

    def __init__(self, path: Path, closefd: bool = CLOEXEC_DEFAULT) -> None:
        super().__init__(_open_namespace(path, closefd))
        try:
            self._learn(self.fileno())
        except BaseException:
            self.close()
            raise

    def _init_state(self) -> None:
        super()._init_state()
        # the stays of `with`, by thread: several may be inside at once
        self._stays: dict[object, list[Stay[Self]]] = {}

    def _learn(self, fd: int) -> None:
        status = os.fstat(fd)
        self._type, self._identity = _kind_of(fd), (status.st_dev, status.st_ino)

    def _adopted(self, fd: int) -> None:
        if _lib.ns_ioctl(fd, NS_GET_NSTYPE) < 0:
            ADOPT.fail(errno.EINVAL, fd=fd, kind=self._kind, link=link_of(fd))
        self._learn(fd)

    @classmethod
    def of(
        cls, process: FileDescriptor, kind: int | str, closefd: bool = CLOEXEC_DEFAULT, *, pidfd: bool = False
    ) -> Self:
        """Return the namespace of a process.

        *process* is a pid, as an int, or a pidfd, as an object with ``fileno()``; an
        int is a pidfd if *pidfd* says so. After a process has ended, its pid may become
        that of another one; a pidfd does not. *kind* is ``CLONE_NEWNET`` or another of
        CloneNew, or its name in ``/proc/self/ns``: ``"net"``, ``"mnt"``.

        Raises what the class does, ProcessLookupError or PathNotFound for a process
        that has ended, and PermissionError for one that the caller may not trace.
        """
        name = _file_of(kind)
        if isinstance(process, int) and not pidfd:
            # /proc may be that of an outer pid namespace, with numbers of its own
            own = process == os.getpid()
            return cls(f"/proc/{'self' if own else integer(process, 31, 'process')}/ns/{name}", closefd)
        fd = fileno(process)
        pid = pid_of(fd)
        if pid <= 0:
            OPEN.fail(errno.ESRCH if pid else errno.EINVAL, fd=fd)
        made = cls(f"/proc/{pid}/ns/{name}", closefd)
        # the pid is that process's for as long as the pidfd says so
        if pid_of(fd) != pid:
            made.close()
            OPEN.fail(errno.ESRCH, fd=fd)
        return made

    @classmethod
    def current(cls, kind: int | str, closefd: bool = CLOEXEC_DEFAULT) -> Self:
        """Return the namespace of the calling thread. *kind* is as in :meth:`of`."""
        return cls(f"/proc/thread-self/ns/{_file_of(kind)}", closefd)

    def _ask(self, request: int) -> int:
        fd = self.fileno()
        return IOCTL.check(_lib.ns_ioctl(fd, request), fd=fd, request=request)

    def _related(self, request: int) -> Namespace:
        related, number = Namespace.__new__(Namespace), self.fileno()
        fd: int = _lib.ns_ioctl(number, request)
        if fd < 0:
            IOCTL.check(fd, fd=number, request=request)
        # from here on the descriptor has one owner, however this ends
        related._fd = related._opened = fd
        try:
            tell_of_forks(related)
            related._learn(fd)
        except BaseException:
            related.close()
            raise
        return related

    @property
    def kind(self) -> CloneNew:
        """The kind of namespace: ``CLONE_NEWNET`` or another of CloneNew."""
        return self._type

    @property
    def identity(self) -> tuple[int, int]:
        """``(st_dev, st_ino)``: no other namespace has the same while this one exists.

        The inode is the number in ``net:[4026531833]``.
        """
        return self._identity or (0, 0)

    @property
    def id(self) -> int:
        """A number that no other namespace ever has, until the machine boots again.

        Raises InvalidArgument (ENOTTY) on kernels that do not have it.

        Linux 6.18, and 6.11 for mount namespaces.
        """
        return self._ask(NS_GET_MNTNS_ID if self._type == CLONE_NEWNS else NS_GET_ID)

    @property
    def owner(self) -> int:
        """The uid of the user that owns it, as the caller's user namespace calls it.

        That is the creator of the user namespace; of another kind, the creator of the
        user namespace that :meth:`userns` returns. Raises what :meth:`userns` does.
        """
        if self._type == CLONE_NEWUSER:
            return self._ask(NS_GET_OWNER_UID)
        with closing(self.userns()) as userns:
            return userns.owner

    def userns(self) -> Namespace:
        """Return the user namespace that owns it.

        That of a user namespace is its parent. A process with CAP_SYS_ADMIN there may
        change this namespace. Raises PermissionError if it is outside the user
        namespace of the caller.
        """
        return self._related(NS_GET_USERNS)

    def parent(self) -> Namespace:
        """Return the parent of a user or pid namespace.

        Raises PermissionError if there is none, or it is outside the namespace of the
        caller, and InvalidArgument for the other kinds.
        """
        return self._related(NS_GET_PARENT)

    def entered(self) -> AbstractContextManager[Self]:
        """Enter it for the length of a ``with`` block, and leave it open.

        The calling thread goes back to the namespace that it was in, and for a mount
        namespace to its root and working directory. Nothing happens if the thread is in
        this namespace already. In a pid namespace are the children that the thread
        makes in the block, and not the thread.

        Raises ValueError for a user namespace, from which the kernel lets no thread
        come back, RuntimeError where another thread than the one that is inside leaves
        the block, and what :func:`setns` does: also where only coming back is
        forbidden, which is tried first; RuntimeError for a time namespace if the
        children of the thread begin in another than its own. Mount and time namespaces
        need a process with a single thread.
        """
        return Stay(self)

    def __enter__(self) -> Self:
        stay = Stay(self)
        stay.__enter__()
        stays = self._stays.setdefault(here.thread, [])
        before = len(stays)
        try:
            stays.append(stay)
        except BaseException:
            del stays[before:]
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # a look-up is not a call, so that a handler does not raise before the pop
        thread = here.thread
        if not (thread in self._stays and self._stays[thread]):  # noqa: RUF019
            raise RuntimeError(f"this thread is not inside {self!r}: the thread that has entered it leaves it")
        stays = self._stays[thread]
        try:
            stays.pop().__exit__(kind, value, traceback)
        finally:
            if not stays:
                del self._stays[thread]
            super().__exit__(kind, value, traceback)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Namespace):
            return NotImplemented
        return self._identity == other._identity and None not in (self._fd, other._fd)

    def __hash__(self) -> int:
        return hash((Namespace, self._identity))

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]} {KINDS.get(self._type, 'unknown')}:[{self.identity[1]}]>"


def _open_namespace(path: Path, closefd: bool = CLOEXEC_DEFAULT, flags: int = 0) -> int:
    """Return a new descriptor of the namespace at *path*."""
    encoded, flags = fsencode(path), integer(flags, -32, "flags")
    fd: int = _lib.ns_open(encoded, flags | os.O_CLOEXEC if closefd else flags)
    return fd if fd >= 0 else OPEN.check(fd, path)


def run_in(function: Callable[[], Result], *namespaces: FileDescriptor) -> Result:
    """Run *function* on a thread of its own inside *namespaces*; return its result.

    All other threads of the process stay where they are, and the thread ends with the
    function. An exception of the function is raised here. ::

        with contextlib.closing(Namespace.of(pid, CLONE_NEWNET)) as network:
            devices = run_in(socket.if_nameindex, network)

    *namespaces* are :class:`Namespace` objects or other descriptors of namespaces, one
    of a kind: network, uts, ipc, cgroup and mount namespaces. In a mount namespace the
    root and working directory of the function are its root. Arguments are passed by
    ``lambda`` or :func:`functools.partial`; context variables have the caller's values.

    An exception of a signal handler, such as KeyboardInterrupt, ends the wait. The
    function then goes on, on its thread, and its result is dropped; the interpreter
    does not wait for it when it exits.

    Raises ValueError for a user or time namespace, which the kernel lets no process
    with several threads join, for a pid namespace, which a thread never enters, and for
    two of one kind; RuntimeError if no thread can be started, as after
    ``unshare(CLONE_NEWPID)``; and what :func:`setns` does.
    """
    kinds: dict[int, FileDescriptor] = {}
    for namespace in namespaces:
        kind = _kind_of(fileno(namespace))
        if kind in (CLONE_NEWUSER, CLONE_NEWTIME):
            raise ValueError(f"a {KINDS[kind]} namespace is joined by a process with a single thread alone: in a child")
        if kind == CLONE_NEWPID:
            raise ValueError("a thread does not enter a pid namespace, only its children do: use entered(), and fork")
        if kinds.setdefault(kind, namespace) is not namespace:
            raise ValueError(f"a thread is in one {KINDS[kind]} namespace at a time, but two were passed")
    context = contextvars.copy_context()
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            if CLONE_NEWNS in kinds:
                unshare(CLONE_FS)
            for kind, namespace in kinds.items():
                setns(namespace, kind)
            results.append(context.run(function))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="butter.run_in", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        if not children_elsewhere():
            raise
        raise RuntimeError(
            f"{error}: the children of this thread are in another pid namespace, as after unshare(CLONE_NEWPID), and "
            "then it starts no threads; run_in() works in its children"
        ) from None
    thread.join()
    # Before Python 3.13 a thread that was joined may still have to end, and until then
    # it holds its namespaces and is a second thread to the kernel.
    process, task = os.getpid(), thread.native_id or 0
    for _ in range(_MOST_YIELDS):
        if _lib.tgkill(process, task, 0) < 0:
            break
        os.sched_yield()
    if not errors:
        return results[0]
    try:
        raise errors[0]
    finally:
        errors.clear()  # the traceback has this frame: without it there is not a cycle
