"""Control groups that bound the memory and the processes of a sandbox."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING

from butter._system_mountinfo import parse
from butter.landlock import NotEnforced

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = "butter-sandbox-"
_numbers = itertools.count()


def find(controllers: set[str]) -> Path | None:
    """Return a directory in which groups have the *controllers*, or None.

    It is that of this process, or one above, and this process may make groups there.
    """
    with open("/proc/self/mountinfo") as lines:
        mount = next((line for line in map(parse, lines) if line.kind == "cgroup2"), None)
    with open("/proc/self/cgroup") as groups:
        own = next((line[3:].strip() for line in groups if line.startswith("0::")), None)
    if mount is None or own is None:
        return None
    top = Path(mount.target)
    here = top / own.strip("/")
    for directory in [here, *here.parents]:
        with contextlib.suppress(OSError):
            enabled = set((directory / "cgroup.subtree_control").read_text().split())
            if controllers <= enabled and os.access(directory, os.W_OK):
                return directory
        if directory == top:
            break
    return None


def settings_of(memory: int | None, processes: int | None) -> dict[str, str]:
    """Return the files of a group, with what is written to them."""
    settings = {}
    if memory is not None:
        # without swap, which would be more memory
        settings.update({"memory.max": str(memory), "memory.swap.max": "0"})
    if processes is not None:
        settings["pids.max"] = str(processes)
    return settings


def missing(settings: Mapping[str, str]) -> str | None:
    """Return a sentence if this process cannot make such a group."""
    controllers = {name.split(".")[0] for name in settings}
    if not controllers or find(controllers):
        return None
    bounds = " and ".join({"memory": "memory", "pids": "processes"}[each] for each in sorted(controllers))
    return (
        f"a bound for {bounds} needs a control group (cgroup2) that this process may make, with the controllers"
        f" {', '.join(sorted(controllers))}: a directory above that of the process has to list"
        " them in cgroup.subtree_control, as in 'systemd-run --user --scope -p Delegate=yes'; rlimits bound"
        " each process alone, without a control group"
    )


class Group:
    """A control group, whose directory is open until :meth:`close`.

    It is removed once its processes have ended, which may be later: then by the next
    sandbox that makes one.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        directory = find({name.split(".")[0] for name in settings})
        if directory is None:
            raise NotEnforced(errno.EOPNOTSUPP, f"sandbox: {missing(settings)}")
        sweep(directory)
        self._path = directory / f"{_NAME}{os.getpid()}-{next(_numbers)}"
        self._path.mkdir()
        self._fd = -1
        try:
            for name, value in settings.items():
                if name != "memory.swap.max" or (self._path / name).exists():
                    (self._path / name).write_text(value)
            self._fd = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        """The descriptor of the directory."""
        return self._fd

    def kill(self) -> None:
        """Kill all processes in the group (Linux 5.14)."""
        with contextlib.suppress(OSError):
            (self._path / "cgroup.kill").write_text("1")

    def close(self) -> None:
        """Close the directory, and remove the group if it is empty."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
        with contextlib.suppress(OSError):
            self._path.rmdir()


def sweep(directory: Path) -> None:
    """Remove the empty groups of sandboxes, of processes that are gone too."""
    for path in directory.glob(f"{_NAME}*"):
        number = path.name[len(_NAME) :].split("-")[0]
        if number == str(os.getpid()) or not os.path.exists(f"/proc/{number}"):
            # one that has processes stays
            with contextlib.suppress(OSError):
                path.rmdir()
