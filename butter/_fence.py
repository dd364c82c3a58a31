"""The fences around a program, as plain data: a sandbox makes them, spawn puts them up.

Neither knows the other's module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from butter._arguments import HasFileno


class Fence(NamedTuple):
    """The fences around one program or process, in the order in which they are put up.

    The last are no_new_privs and those that need it. All capabilities are dropped, too.
    """

    #: an open directory of a control group, or None
    cgroup: HasFileno | None
    #: {resource.RLIMIT_…: (soft, hard)}
    rlimits: Mapping[int, tuple[int, int]]
    #: the environment where the caller of spawn does not pass one, or None
    env: Mapping[Any, Any] | None
    #: an open ruleset of landlock, or None, and the flags of landlock_restrict_self
    ruleset: HasFileno | None
    ruleset_flags: int
    #: programs of seccomp, each as the bytes of its instructions, and their flags
    filters: Sequence[bytes]
    filter_flags: int


class Fenced(Protocol):
    """The methods that spawn calls of its *sandbox*."""

    def _fence(self) -> Fence:
        """Return new fences, whose descriptors the caller closes by _release."""

    def _release(self, fence: Fence) -> None:
        """Close the descriptors of a fence."""

    def _check_program(self, candidates: Sequence[bytes]) -> None:
        """Raise if the first of these paths that exists may not be executed inside."""
