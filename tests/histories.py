"""Random histories of trees: a mirror that follows the changes has to equal the disk.

    python tests/histories.py [COUNT [SEED]]

The COUNT histories (1,000) are spread over tmpfs, ext4, btrfs and overlay, over both
backends, and over the ways below: some lose events, because their queue is short, and
some are those of a user without privileges. Without root they are in the directory of
temporary files, without mounts and short queues. Two processes share the work.

A history follows from its seed, and from the order in which the kernel lets its
processes run. A failure prints the command that tries it again, which may have to be
repeated.
"""

import os
import pickle
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

import support
from support import in_child
from support.histories import history, limit_watches, open_all, short_queue, start

#: the ways of a history: its options, and whether it is a user's without privileges
WAYS = {
    "all events": {},
    "versions": {"links": False},
    "pauses": {"pause": 0.015},
    "overflows": {"queue": 64, "count": 300},
    "overflows, versions": {"queue": 64, "count": 300, "links": False},
    "mounts": {"mounts": True, "count": 300},
    "patterns": {"exclude": ("b", "g", "/a/c")},
    "permission": {"closed": True},
    "permission, overflows": {"closed": True, "queue": 64, "count": 300},
    "few watches": {"watches": 24, "partial": True},
}
#: megabytes of a filesystem in a file
SIZES = {"ext4": 64, "btrfs": 128}
WORKERS = 2


def cases(kind):
    """The histories of a filesystem: ``[(backend, way), ...]``."""
    root = support.capable("CAP_SYS_ADMIN")
    without = set() if root else {"queue", "mounts"}
    without |= set() if support.namespaces_allowed() else {"watches"}
    found = [("inotify", way) for way in WAYS if not WAYS[way].keys() & without]
    if root and kind != "overlay" and support.kernel() >= (5, 17):
        # only root may use fanotify, which has no watches
        found += [("fanotify", way) for way in WAYS if not WAYS[way].keys() & {"closed", "watches"}]
    return found


def one(place, seed, backend, way):
    """One history, in a new directory; returns how often the queue overflowed."""
    within = f"{place}/here"
    options = dict(WAYS[way], backend=backend)
    size, watches = options.pop("queue", None), options.pop("watches", None)
    os.makedirs(within)
    os.chmod(within, 0o777)

    def body():
        if options.get("closed"):
            support.become_nobody()
        if watches is not None:
            support.own_namespaces()
            limit_watches(watches)
        return history(within, seed, **options)

    with short_queue(backend, size):
        try:
            return in_child(body)
        finally:
            clear(place)


def clear(place):
    """Remove a directory with all that is mounted in it."""
    while mounts := [mount for mount in support.mountinfo() if f"{mount.target}/".startswith(f"{place}/")]:
        for mount in reversed(mounts):
            support.libc.umount2(os.fsencode(mount.target), 2)  # MNT_DETACH
    open_all(place)
    shutil.rmtree(place)


def some(kind, directory, seeds, places, deadline):
    """Histories of one of *places* filesystems, until a time: ``{case: Counter}``."""
    found, possible = {}, cases(kind)
    for seed in seeds:
        if deadline is not None and time.monotonic() > deadline:
            break
        # each of them on each filesystem, in turn
        case = possible[seed // WORKERS // places % len(possible)]
        sums = found.setdefault(case, Counter())
        place = f"{directory}/{seed}"
        try:
            sums["overflows"] += one(place, seed, *case)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            sums["failures"] += 1
            again = f"nox -s histories -- 1 {seed}"
            print(f"FAILED: {kind}, {case[0]}, {case[1]}; to try it again: {again}", file=sys.stderr, flush=True)
            print("".join(getattr(error, "__notes__", None) or traceback.format_exc()), file=sys.stderr, flush=True)
        sums["histories"] += 1
    return found


def on_filesystem(kind, directory, body, timeout):
    """``body(path)`` in a new filesystem, in a mount namespace of its own."""

    def run(path):
        if kind == "overlay":
            for name in "lower", "upper", "work", "merged":
                os.mkdir(name)
            # some files are there from the beginning, and are copied up
            support.raw_mount(kind, "merged", kind, 0, "lowerdir=lower,upperdir=upper,workdir=work")
            path += "/merged"
        return body(path)

    made = "tmpfs" if kind == "overlay" else kind
    return support.own_filesystem(run, directory, made, size=SIZES.get(kind), timeout=timeout)


def kinds():
    """The filesystems on which histories can be tried."""
    if not support.capable("CAP_SYS_ADMIN"):
        return ["here"]
    made = [kind for kind in SIZES if kind in support.FILESYSTEMS and os.path.exists("/dev/loop-control")]
    return ["tmpfs", "overlay", *made]


def share(directory, seeds, timeout, seconds):
    """The part of one worker: ``{(filesystem, backend, way): numbers}``."""
    found, places, begun = {}, kinds(), time.monotonic()
    for number, kind in enumerate(places):
        mine = [seed for seed in seeds if seed // WORKERS % len(places) == number]
        place = f"{directory}/{kind}"
        os.mkdir(place)
        os.chmod(place, 0o755)

        # as long on each filesystem
        deadline = seconds and begun + seconds * (number + 1) / len(places)

        def body(path, kind=kind, seeds=mine, deadline=deadline):
            return some(kind, path, seeds, len(places), deadline)

        sums = body(place) if kind == "here" else on_filesystem(kind, place, body, timeout)
        found.update({(kind, *case): numbers for case, numbers in sums.items()})
    return found


def run(count=1_000, seed=0, seconds=None, show=print):
    """Try *count* histories, for at most *seconds*; return how many failed."""
    begun = time.monotonic()
    # each takes a fraction of a second
    timeout = 60 + 2 * count
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        os.chmod(directory, 0o755)
        workers = []
        for worker in range(WORKERS):
            place = Path(directory, str(worker))
            place.mkdir()
            place.chmod(0o755)
            seeds = range(seed + worker, seed + count, WORKERS)

            def work(place=place, seeds=seeds):
                found = share(place, seeds, timeout, seconds)
                (place / "found").write_bytes(pickle.dumps(found))

            workers.append((start(work), place / "found"))
        total = {}
        for pid, path in workers:
            os.waitpid(pid, 0)
            for case, numbers in pickle.loads(path.read_bytes()).items():
                total.setdefault(case, Counter()).update(numbers)
    for case, numbers in sorted(total.items()):
        held = numbers["histories"] - numbers["failures"]
        words = "".join(f"{word:10}" for word in case)
        show(f"{words:42} {held:5} of {numbers['histories']:5} right, {numbers['overflows']:5} overflows")
    failed = sum(numbers["failures"] for numbers in total.values())
    tried = sum(numbers["histories"] for numbers in total.values())
    show(f"{failed} of {tried} histories failed, in {time.monotonic() - begun:.0f} seconds")
    return failed


if __name__ == "__main__":
    sys.exit(1 if run(*map(int, sys.argv[1:])) else 0)
