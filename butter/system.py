"""The calls of containers: :manpage:`mount(2)` and its kin, host names, process ids.

Each does what its manual page says, and its error tells why the kernel refused. ::

    import os

    from butter.clone import CLONE_NEWNS, CLONE_NEWUSER, map_ids, unshare
    from butter.system import MS_PRIVATE, MS_REC, mount, mounted

    user, group = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER | CLONE_NEWNS)
    map_ids(os.getpid(), [(0, user, 1)], [(0, group, 1)])
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    with mounted("scratch", "/mnt", "tmpfs", data={"size": "16m"}) as path:
        build(path)

A mount is seen by every process of the mount namespace. After ``unshare(CLONE_NEWNS)``
the namespace is the process's own, but most systems make all mounts shared: until they
are made private, as above, what is mounted appears outside too.
"""

from __future__ import annotations

import contextlib
import os
from builtins import PermissionError as PermissionError
from typing import TYPE_CHECKING

from butter._arguments import fsencode, integer
from butter._constants import system as _constants
from butter._constants import system_mounts as _mounts_constants
from butter._constants.system import *  # noqa: F403
from butter._constants.system import (
    HOST_NAME_MAX,
    MNT_EXPIRE,
    MS_BIND,
    MS_MOVE,
    MS_REMOUNT,
    UMOUNT_NOFOLLOW,
)
from butter._constants.system_mounts import *  # noqa: F403
from butter._system_c import ffi as _ffi
from butter._system_c import lib as _lib
from butter._system_errors import (
    GETDOMAINNAME,
    GETHOSTNAME,
    MOUNT,
    PROPAGATIONS,
    SETDOMAINNAME,
    SETHOSTNAME,
)
from butter._system_look import real
from butter._system_mounts import (
    fsconfig,
    fsmount,
    fsopen,
    fspick,
    mount_setattr,
    move_mount,
    open_tree,
    open_tree_attr,
)
from butter._system_mounts_info import MountInfo, mounts
from butter._system_mounts_mount import Mount
from butter._system_mounts_status import StatMount, listmount, statmount
from butter._system_options import mount_options
from butter._system_umount_errors import PIVOT_ROOT, UMOUNT, Retry
from butter.errors import Errors, InternalError, UnknownError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Union

    from _cffi_backend import FFI

    from butter._arguments import Path
    from butter._system_options import Data

    Text = Union[str, bytes]

__all__ = [
    "InternalError",
    "Mount",
    "MountInfo",
    "Retry",
    "StatMount",
    "UnknownError",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "getdomainname",
    "gethostname",
    "getpid",
    "getppid",
    "gettid",
    "listmount",
    "mount",
    "mount_setattr",
    "mounted",
    "mounts",
    "move_mount",
    "open_tree",
    "open_tree_attr",
    "pivot_root",
    "setdomainname",
    "sethostname",
    "statmount",
    "umount",
]
__all__ += _constants.__all__
__all__ += _mounts_constants.__all__

# looked up once, here: tests replace `_lib` and `_ffi` with mocks
_NULL, _new, _string = _ffi.NULL, _ffi.new, _ffi.string
_unmounted = _lib.butter_unmounted


def mount(src: Path | None, target: Path, fs: Path | None = None, flags: int = 0, data: Data = "") -> None:
    """``mount(src, target, fs, flags, data)``: mount a filesystem, or change a mount.

    Without one of the following flags, a filesystem of the type *fs* ("ext4", "tmpfs")
    from the device *src* appears on the directory *target*. ``MS_BIND`` mounts the file
    or directory *src* on *target* too, with ``MS_REC`` with all mounts below it;
    ``MS_MOVE`` moves the mount *src*; ``MS_REMOUNT`` changes the filesystem at
    *target*, ``MS_REMOUNT | MS_BIND`` the flags of this mount alone; ``MS_SHARED``,
    ``MS_PRIVATE``, ``MS_SLAVE`` and ``MS_UNBINDABLE`` say which mounts appear elsewhere
    too. *src* and *fs* may be None or empty where the kernel does not look at them.

    *flags* are MountFlags'. *data* are the options of the filesystem: a str or bytes
    (``"size=16m,nr_inodes=4k"``), or a mapping as ``{"size": "16m", "ro": True}``,
    whose values are True for an option without a value, an int, a str, bytes or a path;
    the octal digits of a mode are a str (``"755"``).

    Raises ValueError for options with a NUL, a mapping with a comma or the int of a
    mode in it, or options of a page or more; PathNotFound, PathNotADirectory,
    InvalidPath, InvalidArgument (EINVAL, EBUSY, ENOTBLK), PermissionError (EACCES,
    EPERM), OutOfMemory, and OSError for the rest (``ENODEV``, ``EROFS``). ``filename``
    is then *src*, if that is not None, and ``filename2`` *target*. It needs
    CAP_SYS_ADMIN in the user namespace that owns the mount namespace.

    :manpage:`mount(2)`.
    """
    _mount(_lib.mount, src, target, fs, flags, data)


def _mount(
    call: Callable[..., int],
    src: Path | None,
    target: Path,
    fs: Path | None,
    flags: int,
    data: Data,
    *more: bytes | FFI.CData,
) -> None:
    """Make *call*, which is mount or takes *more* arguments than mount."""
    source = _NULL if src is None else fsencode(src, "src")
    place = fsencode(target)
    kind = _NULL if fs is None else fsencode(fs, "fs")
    flags = integer(flags, 64, "flags")
    options = mount_options(data)
    result = call(source, place, kind, flags, options or _NULL, *more)
    if result:
        MOUNT.check(
            result,
            src,
            path2=target,
            src=None if src is None else os.fsdecode(src),
            target=os.fsdecode(target),
            fs=None if fs is None else os.fsdecode(fs),
            flags=flags,
            data=options,
        )


def umount(target: Path, flags: int = 0) -> None:
    """``umount2(target, flags)``: unmount what is topmost at *target*.

    *flags* are UmountFlags' and ``UMOUNT_NOFOLLOW``: ``MNT_DETACH`` also unmounts what
    is in use, ``MNT_EXPIRE`` what was not used since the last such call. The root of
    the process is not unmounted without ``MNT_DETACH``: its filesystem becomes
    read-only instead.

    Raises Retry where ``MNT_EXPIRE`` has marked the mount; InvalidArgument (EINVAL:
    *target* is not a mount point, or the mount is locked; EBUSY: it is in use, or files
    on the root are open for writing), PathNotFound, PathNotADirectory, InvalidPath,
    PermissionError, OutOfMemory. It needs CAP_SYS_ADMIN in the user namespace that owns
    the mount namespace.

    Linux 2.6.34 for ``UMOUNT_NOFOLLOW``, :manpage:`umount2(2)`.
    """
    place = fsencode(target)
    flags = integer(flags, -32, "flags")
    result = _lib.umount2(place, flags)
    if result:
        UMOUNT.check(result, target, target=os.fsdecode(target), flags=flags)


@contextlib.contextmanager
def mounted(
    src: Path | None,
    target: Path,
    fs: Path | None = None,
    flags: int = 0,
    data: Data = "",
    umount_flags: int = 0,
) -> Iterator[str]:
    """``with mounted(src, target, fs, flags, data) as path:`` unmounts at the end.

    The arguments are those of :func:`mount`, and *path* is the absolute path of
    *target*. *umount_flags* are for the :func:`umount` at the end; a bind mount with
    ``MS_REC`` needs ``MNT_DETACH`` if other mounts came with it. ::

        with mounted("scratch", "/mnt", "tmpfs", MS_NODEV, {"size": "16m"}) as path:
            build(path)

    The end unmounts this mount and not another one: nothing happens if the body has
    unmounted it already, and a forked child leaves it to its parent. If the body
    raises, that exception comes out whatever the unmount does; a failure of the unmount
    becomes a note of it (Python 3.11). A signal handler that raises (Ctrl-C) changes
    nothing of this.

    Raises what :func:`mount` and :func:`umount` do; RuntimeError at the end if the
    mount was moved or covered, or if the process has another root or mount namespace
    than before; ValueError for the target ``"/"``, for flags that mount nothing new
    (``MS_REMOUNT``, ``MS_MOVE``, a propagation), and for ``MNT_EXPIRE``.

    Linux 5.8 tells mounts apart; before, the end unmounts what is topmost at *target*.
    Linux 6.8 also tells whether one is mounted elsewhere.
    """
    flags, umount_flags = integer(flags, 64, "flags"), integer(umount_flags, -32, "umount_flags")
    if flags & MS_REMOUNT or (flags & (MS_MOVE | PROPAGATIONS) and not flags & MS_BIND):
        raise ValueError("MS_REMOUNT, MS_MOVE and the propagations mount nothing that could be unmounted")
    if umount_flags & MNT_EXPIRE:
        raise ValueError("MNT_EXPIRE unmounts only at its second call, and the end makes one")
    path = real(os.fsdecode(target))
    if path == "/":
        raise ValueError(f"a mount on the root of this process could not be unmounted: {target!r}")
    # A handler of a signal may raise at the start of any function of Python, so the
    # first thing in each case is the call that undoes. It may come twice.
    place, made = fsencode(path), _new("int64_t[4]", [-1, 0, 0, 0])
    try:
        _mount(_lib.butter_mounted, src, target, fs, flags, data, place, made)
        yield path
        result = _unmounted(place, umount_flags, made)
    except BaseException as error:
        result = _unmounted(place, umount_flags, made)
        try:
            _check_end(result, path, umount_flags)
        except (OSError, RuntimeError) as failure:
            if hasattr(error, "add_note"):
                error.add_note(f"{path!r} is still mounted: {failure}")
        raise
    _check_end(result, path, umount_flags)


_ENDS = {
    1: "the mount that was made at {!r} still exists, but that path does not lead to it: it was moved or covered, or "
    "the root of this process has changed",
    2: "this process has another mount namespace, or another root, than when the mount at {!r} was made",
    3: "the path {!r} does not lead to the mount that was made there: it was moved, covered or unmounted, or the mount "
    "namespace or the root of this process has changed",
}


def _check_end(result: int, path: str, flags: int) -> None:
    """Raise for the result of butter_unmounted, unless that is 0."""
    if result > 0:
        raise RuntimeError(_ENDS[result].format(path))
    if result:
        UMOUNT.check(result, path, target=path, flags=flags | UMOUNT_NOFOLLOW)


def pivot_root(new: Path, old: Path) -> None:
    """``pivot_root(new, old)``: make *new* the root, and move the old root to *old*.

    *new* is a mount point, and *old* a directory at or below it. Processes whose root
    or working directory is the old root get the new one, in the whole mount namespace.
    ``pivot_root(".", ".")`` puts the old root on top of the new one, from where
    ``umount(".", MNT_DETACH)`` removes it.

    Raises InvalidArgument (EINVAL: *new* is not a mount point, *old* not below it, or
    a mount is shared; EBUSY: a path is on the mount of the root), PathNotFound,
    PathNotADirectory, InvalidPath, PermissionError, OutOfMemory. ``filename`` is then
    *new*, and ``filename2`` *old*. It needs CAP_SYS_ADMIN in the user namespace that
    owns the mount namespace.

    :manpage:`pivot_root(2)`.
    """
    encoded_new, encoded_old = fsencode(new), fsencode(old)
    result = _lib.pivot_root(encoded_new, encoded_old)
    if result:
        PIVOT_ROOT.check(result, new, path2=old, new=os.fsdecode(new), old=os.fsdecode(old))


def _set_name(errors: Errors, call: Callable[[bytes, int], int], name: Text) -> None:
    if not isinstance(name, (str, bytes)):
        raise TypeError(f"the name must be str or bytes, not {type(name).__name__}")
    encoded = fsencode(name, "the name")
    errors.check(call(encoded, len(encoded)), name=encoded)


def _get_name(errors: Errors, call: Callable[[FFI.CData, int], int]) -> str:
    buffer = _new("char[]", HOST_NAME_MAX + 1)
    errors.check(call(buffer, len(buffer)))
    return os.fsdecode(_string(buffer))


def sethostname(hostname: Text) -> None:
    """``sethostname(hostname, length)``: set the host name of the UTS namespace.

    It has at most 64 bytes.

    Raises InvalidArgument for a longer name, ValueError for a name with a NUL, and
    PermissionError without CAP_SYS_ADMIN in the user namespace that owns the UTS
    namespace.

    :manpage:`sethostname(2)`.
    """
    _set_name(SETHOSTNAME, _lib.sethostname, hostname)


def gethostname() -> str:
    """``gethostname()``: returns the host name of the UTS namespace.

    Bytes that are not text become surrogates, as in file names.

    :manpage:`gethostname(2)`.
    """
    return _get_name(GETHOSTNAME, _lib.gethostname)


def setdomainname(domainname: Text) -> None:
    """``setdomainname(domainname, length)``: set the NIS domain of the UTS namespace.

    It has nothing to do with the domains of DNS. It has at most 64 bytes.

    Raises what :func:`sethostname` does.

    :manpage:`setdomainname(2)`.
    """
    _set_name(SETDOMAINNAME, _lib.setdomainname, domainname)


def getdomainname() -> str:
    """``getdomainname()``: returns the NIS domain of the UTS namespace.

    It is ``"(none)"`` unless it was set.

    :manpage:`getdomainname(2)`.
    """
    return _get_name(GETDOMAINNAME, _lib.getdomainname)


#: ``getpid()``: returns the id of this process in its pid namespace.
#: :manpage:`getpid(2)`.
getpid: Callable[[], int] = _lib.getpid
#: ``getppid()``: returns the id of the parent, 0 if that is in another pid namespace.
#: :manpage:`getppid(2)`.
getppid: Callable[[], int] = _lib.getppid
#: ``gettid()``: returns the id of this thread in its pid namespace.
#: :manpage:`gettid(2)`.
gettid: Callable[[], int] = _lib.gettid
