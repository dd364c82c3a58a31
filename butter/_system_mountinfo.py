"""The lines of ``/proc/self/mountinfo``, which proc_pid_mountinfo(5) describes."""

from __future__ import annotations

import os
import re
from typing import NamedTuple


class MountLine(NamedTuple):
    """A mount, as a line of ``mountinfo`` has it."""

    id: int
    parent: int
    device: str
    root: str
    target: str
    options: list[str]
    propagation: list[str]
    kind: str
    source: str
    superblock: list[str]

    @property
    def shared(self) -> bool:
        """Whether mounts on it appear elsewhere too."""
        return any(word.startswith("shared:") for word in self.propagation)


def _unescaped(field: str) -> str:
    # the kernel writes a blank as \040
    return os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8)]), os.fsencode(field)))


def parse(line: str) -> MountLine:
    """Return the mount of a line.

    Raises ValueError for a line that the kernel does not write.
    """
    left, _, right = line.partition(" - ")
    number, parent, device, root, target, options, *propagation = left.split(" ")
    kind, source, superblock = right.split(" ")
    return MountLine(
        int(number),
        int(parent),
        device,
        _unescaped(root),
        _unescaped(target),
        options.split(","),
        propagation,
        _unescaped(kind),
        _unescaped(source),
        superblock.split(","),
    )


def mount_lines() -> list[MountLine]:
    """Return the mounts that this thread can reach.

    Raises OSError where ``/proc`` is not mounted.
    """
    with open("/proc/thread-self/mountinfo", "rb") as file:
        return [parse(os.fsdecode(line)) for line in file.read().split(b"\n")[:-1]]
