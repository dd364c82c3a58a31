"""The paths that the objects of butter.tree take."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from butter._arguments import fsencode
from butter._tree_errors import TREE

if TYPE_CHECKING:
    from butter._arguments import Path

#: of a path that the kernel takes, in bytes, with the zero at its end
PATH_MAX = 4096
#: of a file in a directory, in bytes
_LONGEST_NAME = 255


def directory_at(path: Path) -> bytes:
    """Return the absolute path, without symbolic links, of a directory that exists."""
    name, place = fsencode(path), b""
    if len(name) >= PATH_MAX and max(map(len, name.split(b"/"))) <= _LONGEST_NAME:
        # the kernel takes no path that is so long, but the way leads from one
        # directory to the next
        return os.path.realpath(name)
    try:
        # the kernel is asked first: realpath returns a path for any name
        wrong = 0 if stat.S_ISDIR(os.stat(name).st_mode) else errno.ENOTDIR
        # the working directory may be deleted
        place = os.path.realpath(name)
    except OSError as error:
        wrong = error.errno or 0
    if wrong:
        TREE.fail(wrong, path)
    return place


def name_at(path: Path) -> bytes:
    """Return the absolute path of a file that need not exist."""
    name, above, wrong = fsencode(path), b"", 0
    try:
        above = b"" if name.startswith(b"/") else os.getcwdb()
    except OSError as error:
        wrong = error.errno or 0
    if wrong or not name:
        TREE.fail(wrong or errno.ENOENT, path)
    return os.path.join(above, name)


def is_below(path: bytes, top: bytes) -> bool:
    """Return whether an absolute path is *top* or below it."""
    return path == top or path.startswith(top.rstrip(b"/") + b"/")
