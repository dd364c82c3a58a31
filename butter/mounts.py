"""Mounts that appear, move and go: a monitor of a mount namespace."""

from __future__ import annotations

import errno
import os
from builtins import PermissionError as PermissionError
from collections import deque
from threading import RLock
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from butter._arguments import CLOEXEC_DEFAULT, fileno, fsencode, integer
from butter._clone_c import lib as _lib
from butter._constants.clone import NS_GET_MNTNS_ID
from butter._descriptor import ADOPT, fields_of
from butter._fanotify_errors import LINK, group_of
from butter._fanotify_read import MANY, read_events
from butter._system_mounts_info import look_up
from butter.errors import (
    NEW_DESCRIPTOR,
    PATH,
    Errors,
    InvalidArgument,
    NoMoreEvents,
    PathNotFound,
)
from butter.eventlike import Eventlike, readable
from butter.fanotify import (
    FAN_MARK_ADD,
    FAN_MARK_IGNORED_MASK,
    FAN_MARK_MNTNS,
    FAN_MARK_REMOVE,
    FAN_MNT_ATTACH,
    FAN_MNT_DETACH,
    FAN_NONBLOCK,
    FAN_Q_OVERFLOW,
    FAN_REPORT_MNT,
    FAN_REPORT_PIDFD,
    FAN_UNLIMITED_QUEUE,
    fanotify_init,
    fanotify_mark,
)
from butter.system import MountInfo, listmount

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Union

    from butter._arguments import FileDescriptor, Path
    from butter._fanotify_read import Columns

    #: a mount namespace: a path, a descriptor, or None for that of the calling thread
    MountNamespace = Union[Path, FileDescriptor, None]

__all__ = ["FAN_NONBLOCK", "FAN_UNLIMITED_QUEUE", "MountEvent", "MountInfo", "MountMonitor"]

_OWN = "/proc/thread-self/ns/mnt"
_MOVE = FAN_MNT_ATTACH | FAN_MNT_DETACH
_NOT_IGNORED = FAN_MARK_REMOVE | FAN_MARK_MNTNS | FAN_MARK_IGNORED_MASK


def _other_file(path: Path | None = None, fd: int = -1, **_: object) -> str:
    which = f"descriptor {fd}" if path is None else "the path"
    return f"{which} is not a mount namespace, as /proc/self/ns/mnt is and bind mounts of it"


def _not_found(path: Path | None = None, **_: object) -> str:
    if os.fsdecode(path or "").startswith("/proc/") and not os.path.exists("/proc/self"):
        return "/proc is not mounted here: pass a descriptor of the mount namespace"
    return "the path does not exist, or the process has ended"


NAMESPACE = Errors(
    "mount namespace",
    {
        **NEW_DESCRIPTOR,
        **PATH,
        errno.EACCES: (
            PermissionError,
            "no permission to search a directory of the path, or to trace the process (CAP_SYS_PTRACE)",
        ),
        errno.EBADF: (InvalidArgument, "the descriptor is not open"),
        errno.EINVAL: (InvalidArgument, _other_file),
        errno.ENODATA: (NoMoreEvents, "the mount namespace has ended, so no more events can come"),
        errno.ENOENT: (PathNotFound, _not_found),
        errno.ENOTTY: (InvalidArgument, _other_file),
    },
)


class MountEvent(NamedTuple):
    """A mount that appeared, moved, or is gone.

    ``appeared``, ``moved`` and ``gone`` say which.
    """

    #: ``FAN_MNT_ATTACH``, ``FAN_MNT_DETACH``, or both for a mount that moved
    mask: int
    #: the id of the mount, which no other mount has had since the boot
    id: int
    #: the mount as it was found after the event, and one that is gone as it was known
    #: last. A mount that was gone before it could be looked at has nothing but its id;
    #: its path is empty.
    mount: MountInfo
    #: the mount as it was known before it moved; else None
    before: MountInfo | None = None
    #: Whether the event was found by looking: the kernel's queue was full, and the
    #: monitor compared the mounts with those that it knew.
    found: bool = False

    @property
    def appeared(self) -> bool:
        """Whether the mount is new in the namespace."""
        return self.mask & _MOVE == FAN_MNT_ATTACH

    @property
    def moved(self) -> bool:
        """Whether the mount is at another place now."""
        return self.mask & _MOVE == _MOVE

    @property
    def gone(self) -> bool:
        """Whether the mount has left the namespace."""
        return self.mask & _MOVE == FAN_MNT_DETACH

    def __repr__(self) -> str:
        kind = "moved" if self.moved else "gone" if self.gone else "appeared"
        before = "" if self.before is None else f" from {self.before.path!r}"
        return f"<MountEvent {kind} {self.mount!r}{before}{' (found)' if self.found else ''}>"


class MountMonitor(Eventlike[MountEvent]):
    """``MountMonitor(namespace=None, flags=0, closefd=True)``: tells of mounts.

    Its events are MountEvents: mounts of a mount namespace that appear, move and go. ::

        with MountMonitor() as monitor:
            for event in monitor:
                if event.gone:
                    print(event.mount.path, "is not mounted any more")

    *namespace* is a :class:`butter.clone.Namespace` or another descriptor of a mount
    namespace, or a path such as ``/proc/1234/ns/mnt``; None is that of the calling
    thread. *flags* are FanotifyInit's: ``FAN_NONBLOCK``, and ``FAN_UNLIMITED_QUEUE``
    for root. *closefd* keeps the descriptor from programs that the process executes.

    A mount that moved takes the mounts below it along, which have no event of their
    own: :attr:`mounts` has their new paths. A change of options or propagation is not
    an event either. Where the kernel's queue was full, the monitor looks at all mounts,
    and the differences are events with ``found``.

    The monitor does not keep the namespace: when its last process has ended, all mounts
    go, an iteration ends, and a wait raises NoMoreEvents.

    Raises PermissionError without CAP_SYS_ADMIN in the user namespace that owns the
    mount namespace, InvalidArgument for another file, and for a kernel that is too old,
    PathNotFound, OSError (EMFILE, ENFILE), OutOfMemory.

    Linux 6.15, and 6.16 in a user namespace; :manpage:`fanotify(7)`,
    :manpage:`statmount(2)`.
    """

    # How a monitor follows the mounts
    #
    # The kernel's events have ids alone, and a mount may have changed again, or be
    # gone, when its event is read. So three things may have told of a mount: its
    # event, the list that the monitor began with, and the list after an overflow. The
    # mark is there before the first list is read, and events that wait when a list is
    # read may be older than the list. Ids are never used again, which is what makes the
    # order irrelevant: a mount that is known does not appear a second time, and one
    # that is not known does not go.
    #
    # The table of mounts is never changed but replaced, in the same step in which its
    # events are kept for the caller of the read. A read whose events could not be made
    # begins again from the old table; and where a signal handler raises after the step,
    # which it can when the lock is released, the events wait in the object.
    #
    # An event of one mount can change others, which the kernel does not tell: all that
    # is below a mount that moved has another path, and a mount that is put beneath
    # another becomes its parent. The table finds that one by its place, so an event
    # costs the same however many mounts there are, but for two copied dicts a read.
    # Only a move looks at all mounts.
    #
    # Two threads that read at the same time could follow a mount's end before its
    # beginning, and then the table would keep it for ever. Hence the lock, which other
    # objects of butter do without. A signal handler that reads inside a read has it
    # already, and a forked child makes a new one.

    _kind = "a mount monitor"
    _link = LINK

    _namespace = 0  # the id of the mount namespace; 0 is that of the caller

    def __init__(self, namespace: MountNamespace = None, flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> None:
        flags = integer(flags, 32, "flags")
        if flags & FAN_REPORT_PIDFD:
            raise ValueError("a mount monitor cannot have FAN_REPORT_PIDFD: its events are not about processes")
        super().__init__(fanotify_init(flags | FAN_REPORT_MNT, os.O_RDONLY, closefd))
        try:
            self._begin(_OWN if namespace is None else namespace)
        except BaseException:
            if not self.closed():
                self.close()
            raise

    def _init_state(self) -> None:
        super()._init_state()
        self._unmade: deque[Columns] = deque()
        self._table = _Table({})
        self._lock = RLock()

    def _begin(self, namespace: Path | FileDescriptor) -> None:
        """Mark the namespace, and then list its mounts."""
        if not isinstance(namespace, (str, bytes, os.PathLike)):
            self._mark(fileno(namespace), None)
            return
        fd = _open(namespace)
        try:
            self._mark(fd, namespace)
        finally:
            os.close(fd)

    def _mark(self, fd: int, path: Path | None) -> None:
        self._namespace = _id_of(fd, path)
        fanotify_mark(self.fileno(), None, _MOVE, FAN_MARK_ADD | FAN_MARK_MNTNS, fd)
        self._table = _Table(self._list())

    def _adopted(self, fd: int) -> None:
        group, inode = group_of(fd), _marked(fd)
        if group is not None and not group.flags & FAN_REPORT_MNT:
            ADOPT.fail(errno.EINVAL, fd=fd, kind=self._kind, other="an fanotify descriptor without FAN_REPORT_MNT")
        if group is not None and group.flags & FAN_REPORT_PIDFD:
            ADOPT.fail(errno.EINVAL, fd=fd, kind=self._kind, other="an fanotify descriptor with FAN_REPORT_PIDFD")
        if group is not None and inode is None:
            ADOPT.fail(errno.EINVAL, fd=fd, kind=self._kind, other="an fanotify descriptor without a mount namespace")
        if inode is not None:
            found = _find(inode, fd)
            if found is None:
                other = f"that of the mount namespace {inode}, in which /proc has no process"
                ADOPT.fail(errno.EINVAL, fd=fd, kind=self._kind, other=other)
            self._namespace = found
        self._table = _Table(self._list())

    @property
    def mounts(self) -> Mapping[int, MountInfo]:
        """The mounts by their ids, as far as events were read. It does not change.

        A new monitor has all mounts of the namespace that the root of the thread can
        reach.
        """
        return MappingProxyType(self._table.mounts)

    def _list(self) -> dict[int, MountInfo]:
        """Return the mounts that there are now, none if the namespace has ended."""
        found = ((number, self._look(number)) for number in self._ids())
        return {number: mount for number, mount in found if mount is not None}

    def _ids(self, count: int | None = None) -> list[int]:
        try:
            return listmount(count=count, mnt_ns_id=self._namespace)
        except PathNotFound:
            return []

    def _look(self, number: int) -> MountInfo | None:
        """Return the mount as it is now, None if it is gone or hidden."""
        try:
            return look_up(number, self._namespace)
        except (PathNotFound, PermissionError):
            return None

    def _check_more(self) -> None:
        # A namespace has a mount as long as it exists. The last one may be hidden.
        if not self._table.mounts and not self._unmade and not readable(self, 0) and not self._ids(1):
            NAMESPACE.fail(errno.ENODATA)

    def _read_events(self) -> list[MountEvent]:
        told: list[MountEvent] = []
        try:
            with self._lock:
                self._check_more()
                read_events(self.fileno(), lambda columns: self._made(columns, told), self._unmade, MANY)
        except BaseException:
            # The release of the lock is a call, after which a handler may raise.
            # Another one cannot raise before this call has put the events back.
            self._batch.extendleft(told[::-1])
            raise
        return told

    def _made(self, columns: Columns, told: list[MountEvent]) -> list[MountEvent]:
        """Make the events of a read, and add them to *told* when the table has them."""
        raw = [(event.mask, event.mount_id) for event in columns.events()]
        while True:
            before = self._table
            table = before.copy()
            events = [each for mask, number in raw for each in self._followed(table, mask, number)]
            self._refresh(table, events)
            # unless a signal handler has read meanwhile
            if self._table is before:
                # one step: no call comes between, and so no handler
                self._table = table
                told += events
                return told

    def _followed(self, table: _Table, mask: int, number: int | None) -> Iterable[MountEvent]:
        """Change *table* by an event of the kernel, and return what is to be told."""
        if mask & FAN_Q_OVERFLOW:
            return self._compared(table)
        if number is None:
            return ()
        mask, before = mask & _MOVE, table.mounts.get(number)
        if mask == FAN_MNT_DETACH:
            # one that is not known came and went before a list was read
            return () if before is None else (MountEvent(mask, number, table.pop(number)),)
        if mask == FAN_MNT_ATTACH and before is not None:
            return ()  # a list was read meanwhile
        mount = self._look(number) or before or _nothing_but(number)
        table.put(mount)
        return (MountEvent(mask, number, mount, before),)

    def _compared(self, table: _Table) -> list[MountEvent]:
        """Look at all mounts, and return what has changed."""
        now, old = self._list(), table.mounts
        for number in old.keys() - now.keys():
            # those outside the root of the thread are never listed
            hidden = self._look(number)
            if hidden is not None:
                now[number] = hidden
        events = [MountEvent(FAN_MNT_DETACH, number, old[number], None, True) for number in old if number not in now]
        for number, mount in now.items():
            before = old.get(number)
            if before is None:
                events.append(MountEvent(FAN_MNT_ATTACH, number, mount, None, True))
            elif _place(before, old) != _place(mount, now):
                events.append(MountEvent(_MOVE, number, mount, before, True))
        table.replace(now)
        return events

    def _refresh(self, table: _Table, events: list[MountEvent]) -> None:
        """Look again at the mounts that changed by the *events* of others."""
        moved = [event.id for event in events if event.moved]
        # what is below a mount that moved has another path
        stale = {*table.displaced, *(table.below(moved) if moved else ())}
        table.displaced.clear()
        for number in stale & table.mounts.keys():
            mount = self._look(number)
            if mount is not None:
                table.put(mount)

    def _after_fork(self) -> None:
        self._lock = RLock()
        super()._after_fork()


class _Table:
    """The mounts of a namespace by their ids, and the ids by the mounts' places."""

    def __init__(self, mounts: dict[int, MountInfo]) -> None:
        self.replace(mounts)

    def replace(self, mounts: dict[int, MountInfo]) -> None:
        """Begin anew with these *mounts*."""
        self.mounts = mounts
        # a place is a parent and a path: for two mounts on one path the parents differ
        self.places = {(mount.parent, mount.path): number for number, mount in mounts.items()}
        #: the mounts that another was put beneath
        self.displaced: set[int] = set()

    def copy(self) -> _Table:
        """Return a table that can be changed, without a walk over the mounts."""
        new = _Table({})
        new.mounts, new.places, new.displaced = self.mounts.copy(), self.places.copy(), self.displaced.copy()
        return new

    def put(self, mount: MountInfo) -> None:
        """Have this *mount*, in place of what was known of it."""
        number = mount.id
        if number in self.mounts:
            self._leave(self.mounts[number])
        place = mount.parent, mount.path
        if place in self.places:
            self.displaced.add(self.places[place])
        self.mounts[number], self.places[place] = mount, number

    def pop(self, number: int) -> MountInfo:
        """Forget a mount, and return what was known of it."""
        mount = self.mounts.pop(number)
        self._leave(mount)
        return mount

    def _leave(self, mount: MountInfo) -> None:
        place = mount.parent, mount.path
        # unless another mount has taken it
        if self.places.get(place) == mount.id:
            del self.places[place]

    def below(self, numbers: list[int]) -> set[int]:
        """Return the mounts that are on these, on those, and so on."""
        children: dict[int, list[int]] = {}
        for mount in self.mounts.values():
            children.setdefault(mount.parent, []).append(mount.id)
        found: set[int] = set()
        while numbers:
            on = children.pop(numbers.pop(), ())
            found.update(on)
            numbers += on
        return found


def _open(path: Path) -> int:
    """Return a new descriptor of the namespace at *path*."""
    return NAMESPACE.check(_lib.ns_open(fsencode(path), os.O_CLOEXEC), path)


def _id_of(fd: int, path: Path | None = None) -> int:
    """Return the id of a mount namespace."""
    return NAMESPACE.check(_lib.ns_ioctl(fd, NS_GET_MNTNS_ID), path, fd=fd)


def _marked(fd: int) -> int | None:
    """Return the inode of the mount namespace that a descriptor watches, if known."""
    for line in fields_of(fd).get("fanotify", ()):
        name, _, value = line.partition(" ")[0].partition(":")
        if name == "mnt_ns":
            return int(value)
    return None


def _find(inode: int, group: int) -> int | None:
    """Return the id of the mount namespace with this inode, if a process is in it.

    It is the one that *group* watches, and not a new one that has the number of one
    that has ended.
    """
    for process in ("thread-self", *filter(str.isdigit, os.listdir("/proc"))):
        path = f"/proc/{process}/ns/mnt"
        try:
            if os.stat(path).st_ino != inode:
                continue
            # a file object: the exception of a signal handler leaves no descriptor open
            with open(path, "rb", buffering=0) as file:
                if os.fstat(file.fileno()).st_ino == inode:
                    # this removes nothing, and fails where the mark is on another
                    fanotify_mark(group, None, _MOVE, _NOT_IGNORED, file)
                    return _id_of(file.fileno())
        except OSError:
            continue  # it has ended, or is another user's
    return None


def _nothing_but(number: int) -> MountInfo:
    """Return a mount of which only the id is known."""
    return MountInfo((number, *[0] * 9), ("",) * 5)


def _place(mount: MountInfo, mounts: Mapping[int, MountInfo]) -> tuple[int, str]:
    """Return where a mount is on its parent, which may have moved itself."""
    parent = mounts.get(mount.parent)
    above = "" if parent is None or parent is mount else parent.path
    below = mount.path[len(above) :] if mount.path.startswith(above) else mount.path
    return mount.parent, below.lstrip("/")
