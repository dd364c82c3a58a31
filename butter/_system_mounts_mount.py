"""A mount and its descriptor: Mount."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from butter._arguments import CLOEXEC_DEFAULT, fileno, fsencode
from butter._constants.system_mounts import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_RECURSIVE,
    FSCONFIG_CMD_CREATE,
    FSCONFIG_SET_FD,
    FSCONFIG_SET_FLAG,
    FSCONFIG_SET_STRING,
    MOUNT_ATTR__ATIME,
    MOUNT_ATTR_IDMAP,
    MOUNT_ATTR_NOATIME,
    MOUNT_ATTR_NODEV,
    MOUNT_ATTR_NODIRATIME,
    MOUNT_ATTR_NOEXEC,
    MOUNT_ATTR_NOSUID,
    MOUNT_ATTR_NOSYMFOLLOW,
    MOUNT_ATTR_RDONLY,
    MOUNT_ATTR_RELATIME,
    MOUNT_ATTR_STRICTATIME,
    MOVE_MOUNT_BENEATH,
    MOVE_MOUNT_F_EMPTY_PATH,
    MOVE_MOUNT_T_EMPTY_PATH,
    MOVE_MOUNT_T_SYMLINKS,
    OPEN_TREE_CLONE,
)
from butter._descriptor import ADOPT, Descriptor, link_of
from butter._system_mounts import (
    fsconfig,
    fsmount,
    fsopen,
    mount_setattr,
    move_mount,
    open_tree,
)
from butter._system_mounts_errors import PROPAGATIONS
from butter._system_mounts_status import is_mount, mount_id
from butter._system_options import option_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Union

    from typing_extensions import Self

    from butter._arguments import FileDescriptor, HasFileno, Path

    Value = Union[bool, int, Path, HasFileno, None]
    Option = Union[Value, Sequence[Value]]

_ATIMES = {
    "relatime": MOUNT_ATTR_RELATIME,
    "noatime": MOUNT_ATTR_NOATIME,
    "strictatime": MOUNT_ATTR_STRICTATIME,
}
# files that fuse, autofs and 9p take as the text of their number alone
_NUMBERS = ("fd", "rfdno", "wfdno")


class Mount(Descriptor):
    """``Mount(path)``: the mount at *path*, as an object.

    A mount that :meth:`new` or :meth:`clone` returns is attached nowhere: no other
    process can see it, and it ends with its object unless :meth:`attach` puts it into
    the tree. Meanwhile it can be set up::

        with Mount.new("tmpfs", size="1m") as mount:
            mount.set(nosuid=True, nodev=True)
            os.mkdir("data", dir_fd=mount.fileno())
            mount.attach("/srv")

    Closing the object leaves an attached mount where it is. Its descriptor is a
    directory for the functions of :mod:`os` that take *dir_fd*. *flags* are OpenTree's
    and MountAt's; *closefd* keeps the descriptor from programs that the process
    executes.

    Raises what :func:`open_tree` does.

    Linux 5.2, and 5.12 for :meth:`set`; :manpage:`open_tree(2)`.
    """

    _kind = "a mount"
    _link = "/"

    def __init__(self, path: Path, flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> None:
        super().__init__(open_tree(AT_FDCWD, path, flags, closefd))

    @classmethod
    def new(cls, fstype: Path, /, **options: Option) -> Self:
        """Mount a new filesystem: ``Mount.new("ext4", source="/dev/sda1", ro=True)``.

        *fstype* is its type. The value of an option is True for one that has no value,
        a str, bytes, path or int, an object with ``fileno()`` for an option that is a
        file, or a list of these for an option that is set more than once; an option
        that is None is left out. *source* is what to mount. The attributes of the mount
        itself, as *nosuid*, are set by :meth:`set`.

        Raises what :func:`fsopen`, :func:`fsconfig` and :func:`fsmount` do, TypeError
        for a value of another type, and ValueError for False, which no option can be,
        and for an int where filesystems read octal digits: ``mode="755"``.
        """
        prepared = [setting for name, value in options.items() for setting in _settings(name, value)]
        context = fsopen(fstype)
        try:
            for command, name, value, aux in prepared:
                fsconfig(context, command, name, value, aux)
            fsconfig(context, FSCONFIG_CMD_CREATE)
            return cls._owning(fsmount(context))
        finally:
            os.close(context)

    @classmethod
    def clone(cls, path: Path, recursive: bool = False) -> Self:
        """Copy the mount at *path*, from *path* on: a bind mount.

        With *recursive* the mounts below it are copied too.

        Raises what :func:`open_tree` does.
        """
        return cls._owning(open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | (AT_RECURSIVE if recursive else 0)))

    @classmethod
    def _owning(cls, fd: int) -> Self:
        self = cls.__new__(cls)
        Descriptor.__init__(self, fd)
        return self

    def _take_over(self, owner: Descriptor) -> None:
        # a memfd has a path as well
        self._adopted(owner.fileno())
        super()._take_over(owner)

    def _adopted(self, fd: int) -> None:
        # any file has a path, but only the root of a mount can be moved or set
        if not is_mount(fd):
            ADOPT.fail(errno.EINVAL, fd=fd, kind=self._kind, found=repr(link_of(fd)))

    @property
    def id(self) -> int:
        """Its unique id, which :func:`statmount` takes once it is attached.

        Raises OSError (ENOSYS) before Linux 6.8, ValueError if the object is closed.
        """
        return mount_id(self.fileno())

    def attach(self, path: Path | FileDescriptor, beneath: bool = False) -> None:
        """Put the mount on *path*, a path or a descriptor.

        A mount that is attached already is moved there. With *beneath* it comes below
        what is mounted on *path*, and is seen when that is unmounted (Linux 6.5).

        Raises what :func:`move_mount` does, and ValueError if the object is closed.
        """
        flags = MOVE_MOUNT_F_EMPTY_PATH | (MOVE_MOUNT_BENEATH if beneath else 0)
        if isinstance(path, (str, bytes, os.PathLike)):
            move_mount(self, "", AT_FDCWD, path, flags | MOVE_MOUNT_T_SYMLINKS)
        else:
            move_mount(self, "", path, "", flags | MOVE_MOUNT_T_EMPTY_PATH)

    def set(
        self,
        *,
        readonly: bool | None = None,
        nosuid: bool | None = None,
        nodev: bool | None = None,
        noexec: bool | None = None,
        nosymfollow: bool | None = None,
        nodiratime: bool | None = None,
        atime: str | None = None,
        propagation: str | int | None = None,
        idmap: FileDescriptor | None = None,
        recursive: bool = False,
    ) -> None:
        """Change attributes of the mount: ``mount.set(readonly=True, recursive=True)``.

        An attribute that is True is set, one that is False is cleared, and one that is
        None stays as it is. *atime* is ``"relatime"``, ``"noatime"`` or
        ``"strictatime"``. *propagation* is ``"shared"``, ``"slave"``, ``"private"`` or
        ``"unbindable"``, or one of ``MS_SHARED`` and so on. *idmap* is a user
        namespace, as a descriptor: the owners of files are then those that it maps them
        to, which can be set only before the mount is attached. With *recursive* all
        mounts below it are changed too, or none if one cannot be.

        Raises what :func:`mount_setattr` does, TypeError for an attribute that is not a
        bool, and ValueError for another word, or if the object is closed.
        """
        attr_set = attr_clr = 0
        for name, wanted, bit in (
            ("readonly", readonly, MOUNT_ATTR_RDONLY),
            ("nosuid", nosuid, MOUNT_ATTR_NOSUID),
            ("nodev", nodev, MOUNT_ATTR_NODEV),
            ("noexec", noexec, MOUNT_ATTR_NOEXEC),
            ("nosymfollow", nosymfollow, MOUNT_ATTR_NOSYMFOLLOW),
            ("nodiratime", nodiratime, MOUNT_ATTR_NODIRATIME),
        ):
            if not (wanted is None or isinstance(wanted, bool)):
                raise TypeError(f"{name} must be True, False or None, not {wanted!r}")
            attr_set |= bit if wanted else 0
            attr_clr |= bit if wanted is False else 0
        if atime is not None:
            attr_set |= _word("atime", atime, _ATIMES)
            attr_clr |= MOUNT_ATTR__ATIME
        if isinstance(propagation, str):
            propagation = _word("propagation", propagation, PROPAGATIONS)
        if idmap is not None:
            attr_set |= MOUNT_ATTR_IDMAP
        mount_setattr(
            self,
            "",
            AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0),
            attr_set,
            attr_clr,
            propagation or 0,
            0 if idmap is None else idmap,
        )


def _word(name: str, word: str, words: Mapping[str, int]) -> int:
    if word not in words:
        raise ValueError(f"{name} is {word!r}; it must be one of {', '.join(words)}")
    return words[word]


def _settings(name: str, value: Option) -> Iterator[tuple[int, str, bytes | None, int]]:
    """Yield what fsconfig takes to set the option *name*: command, key, value, aux."""
    if value is None:
        return
    if isinstance(value, (str, bytes, os.PathLike, int)):
        text = option_value(name, value)
        if text is None:
            yield FSCONFIG_SET_FLAG, name, None, 0
        else:
            yield FSCONFIG_SET_STRING, name, fsencode(text, f"option {name!r}"), 0
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _settings(name, each)
    elif hasattr(value, "fileno") and name in _NUMBERS:
        yield FSCONFIG_SET_STRING, name, b"%d" % fileno(value), 0
    elif hasattr(value, "fileno"):
        yield FSCONFIG_SET_FD, name, None, fileno(value)
    else:
        raise TypeError(f"the option {name} cannot be of the type {type(value).__name__}")
