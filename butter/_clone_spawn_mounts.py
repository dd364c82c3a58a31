"""The mounts and the root of a child of spawn, and their errors.

The sentences of butter.system look at the paths as this process sees them. After the
first mount the child may see others there: its sentences then say no more than the
kernel did.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from butter._arguments import fsencode
from butter._checks import descriptor, listed, number
from butter._clone_errors import KINDS, names_of
from butter._clone_spawn_c import lib
from butter._clone_spawn_errors import ROOT, as_seen
from butter._constants.clone import CLONE_NEWNS, CLONE_NEWUSER
from butter._constants.system import MNT_DETACH, MS_BIND, MS_MOVE, MS_PRIVATE, MS_REC, MS_REMOUNT
from butter._constants.system_mounts import AT_EMPTY_PATH, AT_FDCWD, MOVE_MOUNT_F_EMPTY_PATH
from butter._look import in_first_user_namespace, look
from butter._system_errors import MOUNT, PROPAGATIONS, SHOWN, line_of, locked_flags, not_of_users, shows_more
from butter._system_look import UNSEEN, filesystems, first_failing, in_user_namespace, is_foreign, real
from butter._system_look import mounts as mount_table
from butter._system_mounts_errors import MOVE_MOUNT
from butter._system_options import mount_options
from butter.errors import (
    NOT_ALLOWED,
    Errors,
    InvalidArgument,
    InvalidPath,
    PathNotADirectory,
    PathNotFound,
    raise_sysctl,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from butter._arguments import HasFileno, Path
    from butter._clone_spawn_options import Joined
    from butter._clone_steps import Steps
    from butter.errors import Meaning

_FORM = "tuples (source, target, fs, flags, data) or (Mount, target)"


# why the program may see other files at a path
_MOUNTED_BEFORE = "a mount before this one may hide it"
_MOUNTED = "one of mounts may hide it"
_JOINED = "in the mount namespace that it joins"
_BELOW = "its paths begin at root"


# The sentences; *hidden* is why the program may see other files at a path, if so


def _as_mount(number: int, **about: Any) -> str:
    """Return the sentence of butter.system.mount, which looks at the paths."""
    sentence = MOUNT.meanings[number][1]
    return sentence(**about) if callable(sentence) else sentence


def _places(target: str = "", src: str | None = None, fs: str | None = None, flags: int = 0, **_: object) -> str:
    """Return the paths of a mount, of whose source many filesystems do not make one."""
    known = filesystems()
    is_path = src is not None and (flags & (MS_BIND | MS_MOVE) or known.get(fs or "", not known))
    return " or ".join(map(repr, dict.fromkeys([src, target] if is_path else [target])))


def _inside(made: int, joined: int) -> bool:
    """Return whether a child is in a user namespace that a process made.

    It makes the kinds *made*, and joins others.
    """
    return bool((made | joined) & CLONE_NEWUSER) or in_user_namespace()


def _no_access(hidden: str = "", made: int = 0, joined: int = 0, **about: Any) -> str:
    places = _places(**about)
    if hidden:
        return f"no permission to search a directory of {places}, or to use the device{as_seen(hidden)}"
    seen = first_failing(errno.EACCES, about.get("target"), about.get("src"))
    if (made | joined) & CLONE_NEWUSER and seen is None:
        return f"no permission in the user namespace of the program to search a directory of {places}"
    return _as_mount(errno.EACCES, **about)


def _busy(hidden: str = "", **about: Any) -> str:
    if hidden:
        places = _places(**about)
        return f"{places} is in use: mounted there already or elsewhere, or open for writing{as_seen(hidden)}"
    return _as_mount(errno.EBUSY, **about)


def _refused(hidden: str = "", made: int = 0, joined: int = 0, **about: Any) -> str:
    flags, src = about.get("flags", 0), about.get("src")
    places = _places(**about)
    # in a new namespace every mount is private, so that is not the reason
    if flags & MS_MOVE or (hidden and flags & (MS_REMOUNT | MS_BIND | PROPAGATIONS)):
        kind = "is not a mount point, is locked, or is not of the kind that the flags need"
        return f"{places} {kind}{as_seen(hidden)}"
    if flags & MS_BIND and src and not flags & (MS_REC | MS_REMOUNT) and _inside(made, joined):
        return f"the mounts below {src!r} are locked, so what they hide must not be seen: add MS_REC"
    return _as_mount(errno.EINVAL, **about)


def _looped(hidden: str = "", **about: Any) -> str:
    if hidden:
        return f"{_places(**about)} goes through too many symbolic links, or is below itself{as_seen(hidden)}"
    return _as_mount(errno.ELOOP, **about)


def _nothing(hidden: str = "", **about: Any) -> str:
    places, data = _places(**about), about.get("data")
    if hidden:
        options = f" or a path in the options {os.fsdecode(data)!r}" if data else ""
        return f"{places}{options} does not exist{as_seen(hidden)}"
    return _as_mount(errno.ENOENT, **about)


def _not_a_device(hidden: str = "", src: str | None = None, **about: Any) -> str:
    if hidden:
        return f"{src!r} is not a block device{as_seen(hidden)}"
    return _as_mount(errno.ENOTBLK, src=src, **about)


def _not_directories(hidden: str = "", **about: Any) -> str:
    if hidden:
        return f"{_places(**about)} is not a directory, or a part of the path is not{as_seen(hidden)}"
    return _as_mount(errno.ENOTDIR, **about)


def _too_many(**_: object) -> str:
    return f"there are too many mounts: {raise_sysctl('fs.mount-max')}"


def _not_permitted(
    hidden: str = "",
    made: int = 0,
    joined: int = 0,
    target: str = "",
    fs: str | None = None,
    flags: int = 0,
    **_: object,
) -> str:
    if not _inside(made, joined):
        unknown = f"this is not allowed in a user namespace, or {NOT_ALLOWED}; {UNSEEN}"
        return unknown if in_first_user_namespace() is None else NOT_ALLOWED
    if flags & MS_REMOUNT:
        kept = None if hidden else locked_flags(target, flags)
        if kept:
            return kept
        return f"the flags of the mount at {target!r}, or its filesystem, belong to another user namespace"
    if not fs or flags & (MS_BIND | MS_MOVE | PROPAGATIONS):
        return NOT_ALLOWED
    shown = SHOWN.get(fs)
    if shown is None:
        return not_of_users(fs)
    flag = next(flag for flag, kind in KINDS.items() if kind == shown)
    # new namespaces are made in those that are joined
    theirs = made if made & CLONE_NEWUSER else made | joined
    if theirs & flag or not ((made | joined) & CLONE_NEWUSER or is_foreign(shown)):
        return shows_more(fs)
    return (
        f"{fs!r} shows the {shown} namespace, which has to belong to the user namespace of the program: add "
        f"{names_of(flag)} to namespaces"
    )


_MOUNT: Mapping[int, Meaning] = {
    **MOUNT.meanings,
    errno.EACCES: (PermissionError, _no_access),
    errno.EBUSY: (InvalidArgument, _busy),
    errno.EINVAL: (InvalidArgument, _refused),
    errno.ELOOP: (InvalidPath, _looped),
    errno.ENOENT: (PathNotFound, _nothing),
    errno.ENOSPC: (OSError, _too_many),
    errno.ENOTBLK: (InvalidArgument, _not_a_device),
    errno.ENOTDIR: (PathNotADirectory, _not_directories),
    errno.EPERM: (PermissionError, _not_permitted),
}
#: what keeps the mounts of a new namespace in there
PRIVATE = Errors(
    "spawn(namespaces): mount",
    {
        errno.EINVAL: (
            InvalidArgument,
            "the root directory of this process is not a mount point, because of a chroot(), and the mounts of a new "
            "mount namespace are made private from there on; pivot_root() does not have this effect",
        ),
    },
)
#: the mounts, and the one that makes the new root a mount point
MOUNTS = Errors("spawn(mounts): mount", _MOUNT)
ROOT_MOUNT = Errors("spawn(root): mount", _MOUNT)


def _not_attached(from_dirfd: int = -1, to_path: bytes = b"", hidden: str = "", **_: object) -> str:
    target = os.fsdecode(to_path)
    kinds = {place.type == stat.S_IFDIR for place in (look("", from_dirfd, AT_EMPTY_PATH), look(to_path)) if place.type}
    differ = f"one of descriptor {from_dirfd} and {target!r} is a directory, and the other is not"
    if len(kinds) == 2 and not hidden:
        return differ
    detached = f"descriptor {from_dirfd} is not a detached mount, or belongs to another mount namespace"
    return f"{detached}; or {differ}{as_seen(hidden)}" if hidden else detached


def _no_target(to_path: bytes = b"", hidden: str = "", **_: object) -> str:
    return f"{os.fsdecode(to_path)!r} does not exist{as_seen(hidden)}"


#: the mounts that were made before, and are attached
ATTACHED = Errors(
    "spawn(mounts): move_mount",
    {
        **MOVE_MOUNT.meanings,
        errno.EINVAL: (InvalidArgument, _not_attached),
        errno.ENOENT: (PathNotFound, _no_target),
        errno.EPERM: (PermissionError, NOT_ALLOWED),
    },
)


def _pivot_refused(new: str = "", hidden: str = "", **_: object) -> str:
    already = "the path leads to the root that there is already"
    if real(new) == "/" and not hidden:
        return already
    root = line_of("/")
    if look("/").begins is False or (mount_table() and root is None):
        return (
            "the root directory of this process is not a mount point, because of a chroot(); without CLONE_NEWNS in "
            "namespaces the program's root is changed by chroot too"
        )
    if root and root.kind == "rootfs":
        return (
            "the root of this process is the rootfs that the kernel began with, which stays; without CLONE_NEWNS in "
            "namespaces the program's root is changed by chroot"
        )
    locked = "the root of this mount namespace, or the new one, is locked"
    return f"{locked}, or {already}" if hidden else locked


#: the exchange of the root, once the new one is a mount point and the directory
PIVOT = Errors(
    "spawn(root): pivot_root",
    {
        errno.EBUSY: (InvalidArgument, "the path leads to the root that there is already"),
        errno.EINVAL: (InvalidArgument, _pivot_refused),
    },
)
UNMOUNTED = Errors("spawn(root): umount2", {errno.EINVAL: (InvalidArgument, "the old root is locked")})


# The steps


def add_mounts(steps: Steps, mounts: Iterable[Any], root: Path | None, new: int, joined: list[Joined]) -> str:
    """The mounts in their order, and then the root.

    Returns why the steps after them may see other files than this process, if so.
    """
    kinds = sum(kind for kind, _fd in joined)
    entries = listed(mounts, "mounts", _FORM, ordered=True)
    if entries and not (new | kinds) & CLONE_NEWNS:
        raise ValueError("mounts needs CLONE_NEWNS in namespaces: they would be those of the whole machine")
    about = {"made": new, "joined": kinds, "hidden": _JOINED if kinds & CLONE_NEWNS else ""}
    if new & CLONE_NEWNS:
        # as unshare(1) does: what is mounted inside must not appear outside
        _add_mount(steps, "namespaces", PRIVATE, about, None, "/", None, MS_REC | MS_PRIVATE)
    for entry in entries:
        if not isinstance(entry, (tuple, list)) or not 2 <= len(entry) <= 5:
            raise TypeError(f"mounts must be a list of {_FORM}, not of {entry!r}")
        if not hasattr(entry[0], "fileno"):
            _add_mount(steps, "mounts", MOUNTS, about, *entry)
        elif len(entry) == 2:
            _add_detached(steps, about, *entry)
        else:
            raise TypeError(f"mounts must be a list of {_FORM}, not of {entry!r}: a Mount has its flags already")
        about = {**about, "hidden": _MOUNTED_BEFORE}
    if entries:
        about = {**about, "hidden": _MOUNTED}
    if root is None:
        return str(about["hidden"])
    # not in a namespace that was joined, where pivot_root moves the root of all
    _add_root(steps, about, root, pivots=bool(new & CLONE_NEWNS))
    return _BELOW


def _add_mount(
    steps: Steps,
    option: str,
    errors: Errors,
    about: dict[str, Any],
    source: Path | None,
    target: Path,
    fs: Path | None = None,
    flags: int = 0,
    data: Any = "",
) -> None:
    flags = number(flags, 64, f"{option}: flags")
    options = _options_of(data, option)
    steps.add(
        *(option, errors, lib.SYS_mount),
        None if source is None else fsencode(source, f"{option}: source"),
        fsencode(target, f"{option}: target"),
        None if fs is None else fsencode(fs, f"{option}: fs"),
        *(flags, options or None),
        path=source,
        path2=target,
        src=None if source is None else os.fsdecode(source),
        target=os.fsdecode(target),
        fs=None if fs is None else os.fsdecode(fs),
        flags=flags,
        data=options,
        **about,
    )


def _options_of(data: Any, option: str) -> bytes:
    try:
        return mount_options(data)
    except TypeError as error:
        raise TypeError(f"{option}: {error}") from None
    except ValueError as error:
        raise ValueError(f"{option}: {error}") from None


def _add_detached(steps: Steps, about: dict[str, Any], mount: HasFileno, target: Path) -> None:
    """Attach a mount that is not part of a tree yet."""
    fd, path = descriptor(mount, "mounts"), fsencode(target, "mounts: target")
    steps.add(
        *("mounts", ATTACHED, lib.SYS_move_mount),
        *(fd, b"", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH),
        path=target,
        from_dirfd=fd,
        from_path=b"",
        to_dirfd=AT_FDCWD,
        to_path=path,
        flags=MOVE_MOUNT_F_EMPTY_PATH,
        **about,
    )


def _add_root(steps: Steps, about: dict[str, Any], root: Path, pivots: bool) -> None:
    encoded = fsencode(root, "root")
    hidden = about["hidden"]
    if encoded.startswith(b".") and set(encoded.split(b"/")) <= {b"", b"."}:
        root = os.getcwd()  # "." does not lead to what is mounted there
        encoded = os.fsencode(root)
    # whatever is mounted, these are the root that there is
    same = encoded.startswith(b"/") and set(encoded.split(b"/")) <= {b"", b".", b".."}
    if not pivots:
        steps.add("root", ROOT, lib.SYS_chroot, encoded, path=root, hidden=hidden)
    elif not same:
        # The new root has to be a mount point. After pivot_root the old one is on top
        # of it, until it is unmounted.
        _add_mount(steps, "root", ROOT_MOUNT, about, root, root, None, MS_BIND | MS_REC)
        steps.add("root", ROOT, lib.SYS_chdir, encoded, path=root, hidden=hidden)
        steps.add("root", PIVOT, lib.SYS_pivot_root, b".", b".", path=root, new=os.fsdecode(root), hidden=hidden)
        steps.add("root", UNMOUNTED, lib.SYS_umount2, b".", MNT_DETACH, path=root)
    steps.add("root", ROOT, lib.SYS_chdir, b"/", path=root, hidden=hidden)
