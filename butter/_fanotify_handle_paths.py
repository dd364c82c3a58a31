"""The paths of the file handles that events have."""

# How a path is known, and why it is never wrong
#
# An event of fanotify says where it happened by the handle of a directory. A cache
# from handles to paths is the obvious way, and a rename that an event tells removes
# what it changed. That is wrong in five ways. A rename happens before its event is
# read, so in between the cache has the old path. A listener that watches single
# directories is told nothing of renames above them. When the queue overflows, renames
# are lost. A mount over a directory makes no event at all. And the text that
# /proc/self/fd has for an opened handle may be of a file that is covered by a mount,
# outside the root, or outside the part of the filesystem that is mounted: it looks like
# any other path, and leads to another file or none.
#
# So each path is tried before it is returned: name_to_handle_at asks what it leads to
# now, which needs no capability, and the answer has to be the handle of the event, on
# the mount that was watched. A path that fails the trial is forgotten: that is how
# renames invalidate the cache, whether their events have been read or not. Then the
# handle is opened, which needs a capability, and its link in /proc is read and tried in
# the same way. A symbolic link that was put in the old place would lead there as well,
# so the trial refuses symbolic links. Before Linux 5.6 it cannot, so the event of a
# rename empties the cache all the same.
#
# Because of the trial, a path that comes from anywhere may be kept. A listener without
# the capability knows the paths that it watches, and those to which events say that
# they moved.
#
# No descriptor is kept, since one would keep the filesystem from being unmounted. So
# threads and forked children may share all this: each step is one operation of a dict.

from __future__ import annotations

import errno
import os
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from butter._arguments import fileno, fsencode, integer
from butter._constants.fanotify_handle import AT_FDCWD
from butter._fanotify_handle import FileHandle, made
from butter._fanotify_handle_c import ffi, lib
from butter._fanotify_handle_errors import OPEN_BY_HANDLE_AT
from butter.errors import NEW_DESCRIPTOR

if TYPE_CHECKING:
    from butter._arguments import FileDescriptor, Path
    from butter._fanotify_handle_c import butter_found, butter_mount

__all__ = ["Paths", "UnknownPath", "path_of"]

#: how many paths are kept of those that were not watched
SIZE = 4096

# errnos that say nothing about the file
_EXHAUSTED = NEW_DESCRIPTOR.keys()


class UnknownPath(LookupError):
    """The path of a handle cannot be known; ``reason`` says why in one word.

    * ``"deleted"``: the file was deleted
    * ``"stale"``: the filesystem finds no file with this handle: it was deleted, or it
      cannot be found by its handle
    * ``"unreachable"``: the file is not below the mount that was watched, or another
      mount covers it, or it is outside the root or the mounts of this process
    * ``"forbidden"``: only a process with CAP_DAC_READ_SEARCH can find it
    * ``"unwatched"``: no path on its filesystem was watched
    * ``"moving"``: the file was moved at each look
    * ``"ambiguous"``: two filesystems that are watched have the same ``fsid``
    """

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason

    def __reduce__(self) -> tuple[type[UnknownPath], tuple[str, str]]:
        return type(self), (self.args[0], self.reason)


class _Place(NamedTuple):
    """A path, and the mount that it is on."""

    path: bytes
    mount: butter_mount


class Paths:
    """``Paths(size=4096)``: finds the paths of file handles.

    :meth:`add` says what is watched, and :meth:`path` returns where the file of an
    event is now. ::

        paths = Paths()
        paths.add("/srv")
        paths.path(event.dir_handle, event.name)

    *size* is how many paths are kept of those that were not watched. It may be shared
    by threads, and a forked child may go on with it.
    """

    def __init__(self, size: int = SIZE) -> None:
        self._size = integer(size, 63, "size")
        self._watched: dict[FileHandle, _Place] = {}
        self._found: OrderedDict[FileHandle, _Place] = OrderedDict()
        # of filesystems: the mounts of what is watched, by their ids
        self._mounts: dict[tuple[int, int], dict[int, _Place]] = {}
        # the device of each filesystem, by its id and the type of its handles
        self._devices: dict[tuple[tuple[int, int], int], int | None] = {}

    def add(self, path: Path | None, dfd: FileDescriptor = AT_FDCWD, follow: bool = True) -> FileHandle | None:
        """Remember the path of a watched file, and return its handle.

        The arguments are those of :meth:`FileHandle.of`; None is *dfd* itself. Returns
        None, and remembers nothing, if the file has no handle or cannot be reached by a
        path.
        """
        encoded = b"" if path is None else fsencode(path)
        found = ffi.new("butter_found *")
        if lib.butter_find(fileno(dfd), encoded, follow, found) < 0:
            return None
        handle, text = made(found.file, found.fsid), _text(found)
        mounts = self._mounts.setdefault(handle.fsid, {})
        place = mounts.get(found.file.mount.id)
        # the mount, or a directory above it, may have been moved
        if place is None or not lib.butter_is_on(place.path, place.mount):
            mount = ffi.new("butter_mount *", found.file.mount)
            place = mounts[mount.id] = _Place(_mount_point(text, mount), mount)
            self._note_device(place.path)
        self._watched[handle] = _Place(text, place.mount)
        return handle

    def _note_device(self, mount_point: bytes) -> None:
        """Note of which device a filesystem is; None where two have the same id.

        A subvolume of btrfs has a device of its own as it has an id, so both have to be
        those of one directory.
        """
        try:
            handle, device = FileHandle.of(mount_point), os.stat(mount_point).st_dev
        except OSError:  # it was unmounted again
            return
        key = handle.fsid, handle.type
        if self._devices.setdefault(key, device) != device:
            self._devices[key] = None

    def path(self, handle: FileHandle, name: str | bytes = "") -> str:
        """The path of the file *handle*, or of *name* in the directory *handle*.

        It is absolute, through the mount that was watched, and led to the file *handle*
        when this asked. Whether *name* (still) exists there is not looked at.

        Raises UnknownPath where it cannot be known, and OSError (EMFILE, ENFILE,
        ENOMEM) if there is no descriptor or memory to look.
        """
        found = self._kept(handle) or self._look(handle)
        entry = os.fsencode(name)
        return os.fsdecode(found if entry in (b"", b".") else _join(found, entry))

    def _kept(self, handle: FileHandle) -> bytes | None:
        """Return the path that is kept for *handle*, if it still leads there."""
        if self._devices.get((handle.fsid, handle.type), 0) is None:
            return None
        for kept in self._found, self._watched:
            place = kept.get(handle)
            if place is not None:
                result = _leads_to(place, handle)
                if result < 0:
                    OPEN_BY_HANDLE_AT.fail(-1 - result)
                if result:
                    return place.path
        self._found.pop(handle, None)
        return None

    def _look(self, handle: FileHandle) -> bytes:
        """Return the path of *handle*, which is opened for that."""
        mounts = list(self._mounts.get(handle.fsid, {}).values())
        if not mounts:
            raise UnknownPath(f"nothing that was watched is on the filesystem {handle.fsid}", "unwatched")
        if self._devices.get((handle.fsid, handle.type), 0) is None:
            raise UnknownPath(
                f"two filesystems that are watched have the same id {handle.fsid}: one is a copy of the other",
                "ambiguous",
            )
        failures = []
        found, content = ffi.new("butter_found *"), handle.handle
        for place in mounts:
            result = lib.butter_find_handle(place.path, place.mount, content, len(content), handle.type, found)
            if result == 0:
                path = _text(found)
                # a handle of AT_HANDLE_CONNECTABLE could not be compared later
                if made(found.file, found.fsid)[1:] == handle[1:]:
                    self._keep(handle, _Place(path, place.mount))
                return path
            number = -1 - result
            if number in _EXHAUSTED:
                OPEN_BY_HANDLE_AT.fail(number)
            failures.append(_failure(place.path, found, number))
        # another mount of the filesystem may say less
        raise min(failures, key=lambda failure: REASONS.index(failure.reason))

    def _keep(self, handle: FileHandle, place: _Place) -> None:
        self._found[handle] = place
        while len(self._found) > self._size:
            try:
                self._found.popitem(last=False)
            except KeyError:  # another thread was faster
                break

    def moved(
        self,
        old_dir: FileHandle | None = None,
        old_name: str | bytes = "",
        new_dir: FileHandle | None = None,
        new_name: str | bytes = "",
    ) -> None:
        """Note that a directory was renamed; a side that is not known is None.

        The paths that were looked up are looked up again. Those of what is watched are
        followed: without CAP_DAC_READ_SEARCH, or on a filesystem whose handles cannot
        be opened, this is how they remain known while the directory, or one above it,
        is renamed between directories that are watched.
        """
        self._found.clear()
        watched = self._watched
        old_place, new_place = watched.get(old_dir), watched.get(new_dir)  # type: ignore[arg-type]
        if old_place is None or new_place is None:
            return
        old, new = _join(old_place.path, os.fsencode(old_name)), _join(new_place.path, os.fsencode(new_name))
        below = old + b"/"
        for handle, place in list(watched.items()):
            # A directory that is there has taken the place of the one that moved: the
            # two were exchanged, or it was watched before this event was read.
            if (place.path == old or place.path.startswith(below)) and _leads_to(place, handle) <= 0:
                watched[handle] = place._replace(path=new + place.path[len(old) :])

    def forget(self, handle: FileHandle) -> None:
        """Forget the path of *handle*, which was deleted or is not watched any more."""
        self._watched.pop(handle, None)
        self._found.pop(handle, None)


def _leads_to(place: _Place, handle: FileHandle) -> int:
    """Return 1 if the file of *handle* is at *place* now, -1 - errno if unknown."""
    path, mount = place
    content = handle.handle
    return lib.butter_leads_to(path, mount, content, len(content), handle.type)


def path_of(fd: int) -> str:
    """Return the path of an open file, which led to it when this asked.

    Raises what :meth:`Paths.path` does.
    """
    found = ffi.new("butter_found *")
    result = lib.butter_path_of(fd, found)
    if result < 0:
        number = -1 - result
        if number in _EXHAUSTED:
            OPEN_BY_HANDLE_AT.fail(number)
        raise _failure(None, found, number)
    return os.fsdecode(_text(found))


def _join(directory: bytes, name: bytes) -> bytes:
    return b"%s/%s" % (b"" if directory == b"/" else directory, name)


def _text(found: butter_found) -> bytes:
    text: bytes = ffi.buffer(found.path, found.length)[:]
    return text


def _mount_point(path: bytes, mount: butter_mount) -> bytes:
    """Return the directory at which the mount of *path* begins."""
    while path != b"/":
        above = path.rpartition(b"/")[0] or b"/"
        if not lib.butter_is_on(above, mount):
            break
        path = above
    return path


#: in the order in which they say more
REASONS = ["deleted", "moving", "stale", "forbidden", "unreachable", "unwatched", "ambiguous"]

# The steps at which a look fails, each with an errno, or None for all others: the
# reason and its sentence. See butter/build/fanotify_handle.c.
_FAILURES: dict[tuple[int, int | None], tuple[str, str]] = {
    (lib.BUTTER_PLACE, None): ("unreachable", "the mount at {mount!r} cannot be opened: {because}"),
    (lib.BUTTER_PLACE, errno.EXDEV): ("unreachable", "the mount that was at {mount!r} is not there any more"),
    (lib.BUTTER_OPEN, None): (
        "stale",
        "the filesystem at {mount!r} finds no file with this handle: it was deleted, or the filesystem cannot open "
        "it by its handle ({because})",
    ),
    (lib.BUTTER_OPEN, errno.EPERM): (
        "forbidden",
        "the file is not where it was watched, or was not watched itself; only a process with CAP_DAC_READ_SEARCH in "
        "the first user namespace can find it by its handle, or, if it is a directory, the root of the user namespace "
        "that mounted its filesystem (Linux 6.11)",
    ),
    (lib.BUTTER_LINK, None): ("unreachable", "/proc is needed to find a path: {because}"),
    (lib.BUTTER_LINK, errno.ENAMETOOLONG): ("unreachable", "the path is longer than 4095 bytes"),
    (lib.BUTTER_PATH, None): ("unreachable", "the path {path!r} cannot be tried: {because}"),
    (lib.BUTTER_PATH, errno.ENOENT): ("deleted", "the file was deleted; its path was {path!r}"),
    (lib.BUTTER_PATH, errno.EAGAIN): ("moving", "the file was moved at each look"),
    (lib.BUTTER_PATH, errno.EXDEV): (
        "unreachable",
        "no path through the mount at {mount!r} leads to the file: it is outside of that or of the root of this "
        "process, or another mount covers it, or it is not a directory and the kernel does not remember where it is",
    ),
}


# the same of an open file, which may be on any mount
_ELSEWHERE = (
    "unreachable",
    "the path {path!r}, which the file has in /proc, does not lead to it: the name under which it was opened was "
    "deleted, or it is outside of the root of this process, or on a mount of another namespace, or another mount "
    "covers it, or such files do not have paths",
)


def _failure(mount_point: bytes | None, found: butter_found, number: int) -> UnknownPath:
    """Return why the path of a file was not found, by its handle through a mount."""
    reason, sentence = _FAILURES.get((found.step, number)) or _FAILURES[found.step, None]
    if mount_point is None and (found.step, number) == (lib.BUTTER_PATH, errno.EXDEV):
        reason, sentence = _ELSEWHERE
    path, mount = os.fsdecode(_text(found)), os.fsdecode(mount_point or b"")
    return UnknownPath(sentence.format(mount=mount, path=path, because=os.strerror(number)), reason)
