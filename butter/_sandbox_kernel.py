"""Whether this kernel can enforce a sandbox, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter import landlock
from butter._sandbox_cgroup import missing
from butter._sandbox_profiles import DEVICES_ABI, TCP_ABI
from butter.seccomp import SECCOMP_RET_ERRNO, action_available

if TYPE_CHECKING:
    from collections.abc import Mapping

    from butter._sandbox_rules import Paths


def not_enforced(paths: Paths, settings: Mapping[str, str]) -> list[str]:
    """Return sentences about the things that this kernel cannot enforce."""
    found, sentences = landlock.abi(), []
    if not found:
        sentences.append(_why_no_landlock())
    for wanted, least, what in (
        (paths.connect or paths.bind, TCP_ABI, "connect and bind"),
        (paths.own_devices, DEVICES_ABI, "devices"),
    ):
        if wanted and found < least:
            sentences.append(
                f"{what} need landlock ABI {least}, which Linux {landlock.ABIS[least]} brought, and this kernel has"
                f" {f'ABI {found}' if found else 'none'}"
            )
    if not has_filters():
        sentences.append("the kernel has no filters of system calls (seccomp), or a filter hides them")
    return sentences + list(filter(None, [missing(settings)]))


def has_filters() -> bool:
    """Return whether the kernel takes filters that answer with an errno."""
    try:
        return action_available(SECCOMP_RET_ERRNO)
    except OSError:
        return False


def _why_no_landlock() -> str:
    try:
        landlock.landlock_create_ruleset(None, 0, landlock.LANDLOCK_CREATE_RULESET_VERSION)
    except OSError as error:
        return str(error.strerror)
    return "the kernel has no landlock"
