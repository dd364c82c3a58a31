#!/usr/bin/env python3
"""Log each mount that appears, moves or goes, also in a container.

    python examples/mount_monitor.py [PID]

PID is a process in the mount namespace to watch; by default it is the own one. This
needs root, or a user namespace of one's own (``unshare --user --map-root-user
--mount``), and Linux 6.15.
"""

import contextlib
import sys

from butter.mounts import MountEvent, MountMonitor


def line(event: MountEvent) -> str:
    mount = event.mount
    how = " (found by looking)" if event.found else ""
    # a mount may be gone before anything but its id is known
    what = f"{mount.path!r} ({mount.fstype} {mount.source!r})" if mount.path else f"mount {mount.id:#x}"
    if event.before is not None:
        return f"moved {event.before.path!r} -> {what}{how}"
    return f"{'gone' if event.gone else 'appeared'} {what}{how}"


def main(namespace: str) -> None:
    with MountMonitor(namespace) as monitor, contextlib.suppress(KeyboardInterrupt):
        print("watching", len(monitor.mounts), "mounts", flush=True)
        # the loop ends when the last process of the namespace has ended
        for event in monitor:
            print(line(event), flush=True)


if __name__ == "__main__":
    main(f"/proc/{sys.argv[1] if len(sys.argv) > 1 else 'self'}/ns/mnt")
