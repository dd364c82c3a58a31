"""How often what a watcher tells leads to something else than what is on the disk.

Each history is random operations of two processes below one directory, which are those
of ``nox -s histories`` with names in UTF-8, and which butter, watchdog and watchfiles
watch at the same time, each in a process of its own. For each of them a mirror begins
with a listing and follows what is told. Needs root, for the filesystems and for queues
that are short; ``-r`` says how many histories each row has.
"""

from __future__ import annotations

import logging
import os
import stat
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers.inotify import InotifyObserver
from watchfiles import Change
from watchfiles._rust_notify import RustNotify

from benchmarks import ROOT
from benchmarks.runner import Comparison, table
from butter.tree import Tree

sys.path.append(str(ROOT / "tests"))

import histories
from support.histories import Mirror, Storm, differences, lay_out, lowered, on_disk

#: how many events a short queue has, and how many operations a process does
SHORT, OPERATIONS = 64, {"": 150, "short queue": 300}
#: the seconds after which a watcher has told all
SILENCE = 1.0

fork = get_context("fork")
#: the kinds of the names below a directory: whether each is a directory
Kinds = dict[str, bool]


class Plain(Storm):  # type: ignore[misc]  # the tests have no types
    """The usual operations, with names that every watcher can tell."""

    DIRECTORIES = (b"a", b"b", b"c", b"d")
    FILES = (b"f", b"g", b"h", b"i")


class Mirrors:
    """Two readings of what is told about the names below *root*.

    *replayed* follows the words; for *looked_up* each path that is named is looked at
    when it is told, and a directory is walked through.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self.replayed = kinds(root)
        self.looked_up = dict(self.replayed)

    def _name(self, path: str) -> str | None:
        return None if path == self._root else path[len(self._root) + 1 :]

    def created(self, path: str, is_dir: bool) -> None:
        if name := self._name(path):
            self.replayed[name] = is_dir

    def deleted(self, path: str) -> None:
        if name := self._name(path):
            remove(self.replayed, name)

    def moved(self, old_path: str, path: str) -> None:
        old, new = self._name(old_path), self._name(path)
        found = remove(self.replayed, old) if old else {}
        # the parts of a directory that has moved already are told again
        if new and old and found:
            remove(self.replayed, new)
            self.replayed.update({new + name[len(old) :]: is_dir for name, is_dir in found.items()})

    def look_up(self, path: str) -> None:
        if name := self._name(path):
            remove(self.looked_up, name)
            try:
                self.looked_up[name] = stat.S_ISDIR(os.lstat(path).st_mode)
            except OSError:
                return
            self.looked_up.update({f"{name}/{below}": is_dir for below, is_dir in kinds(path).items()})


def remove(found: Kinds, name: str) -> Kinds:
    """Remove *name* with all below it, and return what was there."""
    return {each: found.pop(each) for each in list(found) if f"{each}/".startswith(f"{name}/")}


def kinds(root: str) -> Kinds:
    """List what is below *root*."""
    while True:
        try:
            return {path: entry.is_dir for path, entry in on_disk(root).items() if path}
        except FileNotFoundError:
            pass  # something went while it was listed


# Each of these follows a history, between two words of its connection, and sends
# whether its mirrors differ from the listing that comes then.


def butter(root: str, limit: AbstractContextManager[None], connection: Connection) -> None:
    with limit:
        tree = Tree(root, backend="inotify")
    mirror = Mirror(tree.entries())
    connection.send("ready")
    failed = False
    while not connection.poll():
        try:
            failed = failed or not follow(mirror, tree.wait(0.002))
        except TimeoutError:
            pass
    tree.sync(20)
    while tree.pending:
        failed = failed or not follow(mirror, tree.wait(0))
    disk = on_disk(root)
    # names, kinds and inodes: the others tell of no versions
    different = failed or bool(differences(mirror.entries, disk, {entry.inode for entry in disk.values()}))
    connection.send({"butter": different, "overflows": bool(tree._hints.overflows)})


def follow(mirror: Any, change: object) -> bool:
    """Return whether the mirror knows what a change is about."""
    try:
        mirror.follow(change)
    except AssertionError:
        return False
    return True


def watchdog(root: str, limit: AbstractContextManager[None], connection: Connection) -> None:
    # it says at length what it finds odd
    logging.disable()
    warnings.simplefilter("ignore")
    threading.excepthook = lambda _: None
    mirrors, last = Mirrors(root), [time.monotonic()]

    class Handler(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            last[0] = time.monotonic()
            path, dest = os.fsdecode(event.src_path), os.fsdecode(event.dest_path)
            if event.event_type == "created":
                mirrors.created(path, event.is_directory)
            elif event.event_type == "deleted":
                mirrors.deleted(path)
            elif event.event_type == "moved":
                mirrors.moved(path, dest)
                mirrors.look_up(dest)
            mirrors.look_up(path)

    with limit:
        observer = InotifyObserver()
    observer.schedule(Handler(), root, recursive=True)
    observer.start()
    connection.send("ready")
    connection.recv()
    over = time.monotonic()
    while time.monotonic() < max(last[0], over) + SILENCE:
        time.sleep(0.05)
    connection.send(compared("watchdog", mirrors, kinds(root)))


def watchfiles(root: str, limit: AbstractContextManager[None], connection: Connection) -> None:
    mirrors = Mirrors(root)
    with limit:
        notify = RustNotify([root], False, False, 300, True, False)
    connection.send("ready")
    over = False
    while True:
        # the times are those of its watch()
        found = notify.watch(1600, 50, int(SILENCE * 1000), None)
        # in an order that makes sense: what was there goes, parents come first
        for kind, path in sorted(found, key=lambda told: (-told[0], told[1])) if isinstance(found, set) else ():
            if kind == Change.deleted:
                mirrors.deleted(path)
            elif kind == Change.added:
                # which kind it is, is not told
                mirrors.created(path, os.path.isdir(path) and not os.path.islink(path))
            mirrors.look_up(path)
        if over and not isinstance(found, set):
            break
        over = over or connection.poll()
    connection.send(compared("watchfiles", mirrors, kinds(root)))


def compared(name: str, mirrors: Mirrors, disk: Kinds) -> dict[str, bool]:
    return {f"{name}, replayed": mirrors.replayed != disk, f"{name}, looked up": mirrors.looked_up != disk}


WATCHERS: list[Callable[[str, AbstractContextManager[None], Connection], None]] = [butter, watchdog, watchfiles]
COLUMNS = ["butter", "watchdog, replayed", "watchdog, looked up", "watchfiles, replayed", "watchfiles, looked up"]


def history(place: str, seed: int, way: str) -> Counter[str]:
    """Return the mirrors that are wrong after one history, in a new directory."""
    root = lay_out(place)

    def storm(seed: object, count: int) -> int:
        # no versions are compared, so that nothing has to know which file has two names
        with open(os.devnull, "wb") as linked:
            pid: int = Plain(place, seed, linked.fileno(), wild=False).start(count)
        return pid

    os.waitpid(storm(seed, 60), 0)
    wrong: Counter[str] = Counter()
    connections = []
    processes = []
    for watch in WATCHERS:
        here, there = fork.Pipe()
        limit = lowered("inotify", SHORT) if way else nullcontext()
        processes.append(fork.Process(target=watch, args=(root, limit, there)))
        processes[-1].start()
        there.close()
        connections.append(here)
    for each in connections:
        each.recv()
    storms = [storm(f"{seed} {number}", OPERATIONS[way]) for number in range(2)]
    for pid in storms:
        os.waitpid(pid, 0)
    for each in connections:
        each.send("over")
    for each, process in zip(connections, processes):
        try:
            wrong.update({name: int(value) for name, value in each.recv().items()})
        except EOFError:
            # it ended by an exception
            name = WATCHERS[connections.index(each)].__name__
            wrong.update(column for column in COLUMNS if column.startswith(name))
        process.join()
    return wrong


def some(path: str, count: int) -> dict[str, Counter[str]]:
    """Return how many of *count* histories left each mirror wrong, with each queue."""
    found = {way: Counter[str]() for way in OPERATIONS}
    for way, wrong in found.items():
        for seed in range(count):
            wrong.update(history(f"{path}/{way}{seed}", seed, way))
    return found


class Divergence(Comparison):
    """A table that counts the mirrors which differ from the disk."""

    def run(self) -> str:
        rows = []
        for kind in histories.kinds():
            with tempfile.TemporaryDirectory(dir="/tmp") as directory:
                os.chmod(directory, 0o755)
                found = histories.on_filesystem(
                    kind, directory, lambda path: some(path, self.rounds), 60 + 10 * self.rounds
                )
            for way, wrong in found.items():
                rows.append((f"{kind}, {way}" if way else kind, *(str(wrong[name]) for name in COLUMNS)))
        return "\n".join([f"{self.title}, of {self.rounds}", "", *table(("", *COLUMNS), rows)])


def comparisons() -> Iterator[Comparison]:
    yield Divergence("Histories that left a mirror wrong", {}, rounds=40)
