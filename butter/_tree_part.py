"""The base of what has a descriptor beside that of an object of butter.tree."""

from __future__ import annotations

from butter.utils import _close


class Part:
    """Something that owns a descriptor, and is closed with an object.

    It has no descriptor when it is made: the object knows it before it opens one, so
    that a signal handler that raises then leaves nothing open.
    """

    _fd = -1

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            _close(fd)
