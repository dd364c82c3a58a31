"""Watching a tree: its set-up, its memory, and what a change costs.

Each of the trees has 20,000 directories. inotifywait takes part where the package
``inotify-tools`` is installed.
"""

from __future__ import annotations

import functools
import gc
import logging
import mmap
import os
import queue
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from watchdog.events import FileClosedEvent, FileCreatedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers.inotify import InotifyObserver
from watchfiles._rust_notify import RustNotify

from benchmarks import ROOT
from benchmarks.runner import FOLDER, Comparison, Sample
from butter.inotify import IN_ATTRIB, IN_CLOSE_WRITE, Inotify
from butter.tree import ChangeKind, Tree

DIRECTORIES, FILES = 20_000, 100_000
WRITTEN = 50_000
CHANGES = 500
NAME = "report-{}.txt"
#: the seconds after which nothing more is expected
SILENCE = 3

Watcher = Callable[[str], AbstractContextManager[object]]


@functools.cache
def big_tree(files: int) -> str:
    """Return the path of a tree with so many *files*; its parent has nothing else."""
    place = tempfile.mkdtemp(prefix="butter-", dir=FOLDER)
    # removes it when this process ends, even if it is killed
    command = ["sh", "-c", 'cat; exec rm -r "$0"', place]
    cleaners.append(subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True))
    path = f"{place}/tree"
    os.mkdir(path)
    each = files // DIRECTORIES
    for number in range(DIRECTORIES):
        # the 1st of 200 has the others in it
        first, second = divmod(number, 200)
        directory = f"{path}/{first}/{second}" if second else f"{path}/{first}"
        os.mkdir(directory)
        for file in range(each):
            Path(directory, NAME.format(file)).touch()
    return path


cleaners: list[subprocess.Popen[bytes]] = []

# Each of these watches the tree at a path, and has done so when the block begins.


@contextmanager
def butter_tree(path: str) -> Iterator[Tree]:
    with Tree(path, backend="inotify") as tree:
        yield tree


@contextmanager
def butter_with_entries(path: str) -> Iterator[object]:
    with Tree(path, backend="inotify") as tree:
        yield tree.entries()


@contextmanager
def watchdog(
    path: str,
    handler: FileSystemEventHandler | None = None,
    only: list[type[FileSystemEvent]] | None = None,
) -> Iterator[object]:
    # a thread of it complains when it ends
    logging.getLogger("watchdog").setLevel(logging.CRITICAL)
    observer = InotifyObserver()
    observer.schedule(handler or FileSystemEventHandler(), path, recursive=True, event_filter=only)
    observer.start()
    yield observer
    observer.stop()
    observer.join()


@contextmanager
def watchfiles(path: str) -> Iterator[RustNotify]:
    # as its watch() does it
    with RustNotify([path], False, False, 300, True, False) as notify:
        yield notify


@contextmanager
def inotifywait(path: str) -> Iterator[subprocess.Popen[str]]:
    command = ["inotifywait", "--monitor", "--recursive", path]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while process.stderr.readline() != "Watches established.\n":
            assert process.poll() is None
        yield process
        process.kill()


WATCHERS: dict[str, Watcher] = {"butter": butter_tree, "watchdog": watchdog, "watchfiles": watchfiles}
if shutil.which("inotifywait"):
    WATCHERS["inotifywait -r"] = inotifywait


def set_up(watcher: Watcher) -> Sample:
    """Return a sample of the set-up, for one directory."""

    def sample() -> float:
        path = big_tree(FILES)
        start = time.perf_counter_ns()
        with watcher(path):
            return (time.perf_counter_ns() - start) / DIRECTORIES

    return sample


# Memory is that of a process of its own, to which the samples before have left nothing.

MEMORY = """
import sys
from benchmarks import forget_checkout
forget_checkout()
from benchmarks.tree import WATCHERS, held
print(held(WATCHERS[sys.argv[1]], sys.argv[2], sys.argv[3]))
"""


def held(watcher: Watcher, empty: str, path: str) -> int:
    """Return the bytes by which a watched tree is larger than one without content."""

    def resident(found: object) -> int:
        gc.collect()
        process = found.pid if isinstance(found, subprocess.Popen) else "self"
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * mmap.PAGESIZE

    with watcher(empty) as found:
        before = resident(found)
    with watcher(path) as found:
        return resident(found) - before


def memory(name: str, files: int) -> float:
    """Return the bytes that a tree with so many *files* takes."""
    path = big_tree(files)
    with tempfile.TemporaryDirectory() as empty:
        command = [sys.executable, "-c", MEMORY, name, empty, path]
        return float(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def of_directory(name: str) -> Sample:
    return lambda: memory(name, 0) / DIRECTORIES


def of_file(name: str) -> Sample:
    return lambda: (memory(name, FILES) - memory(name, 0)) / FILES - len(NAME.format(0))


# Each of these reads what is told of the files that are written below a path, until all
# of them were told or nothing more comes, and returns how many were.


def told_by_butter(path: str, go: Callable[[], None]) -> int:
    told = set()
    with Tree(path, backend="inotify") as tree:
        go()
        for change in tree:
            if change.kind is ChangeKind.WRITTEN or change.kind is ChangeKind.CREATED:
                told.add(change.path)
                if len(told) == WRITTEN:
                    break
    return len(told)


def told_by_watchdog(only: list[type[FileSystemEvent]] | None) -> Callable[[str, Callable[[], None]], int]:
    class Handler(FileSystemEventHandler):
        def __init__(self) -> None:
            self.told: set[str | bytes] = set()

        def on_created(self, event: FileSystemEvent) -> None:
            self.told.add(event.src_path)

        on_closed = on_created

    def told(path: str, go: Callable[[], None]) -> int:
        handler, before = Handler(), -1
        with watchdog(path, handler, only):
            go()
            deadline = time.monotonic() + SILENCE
            while len(handler.told) < WRITTEN and time.monotonic() < deadline:
                if len(handler.told) > before:
                    before, deadline = len(handler.told), time.monotonic() + SILENCE
                time.sleep(0.1)
        return len(handler.told)

    return told


def told_by_watchfiles(path: str, go: Callable[[], None]) -> int:
    told: set[str] = set()
    with watchfiles(path) as notify:
        go()
        # the times are those of its watch()
        while len(told) < WRITTEN and isinstance(found := notify.watch(1600, 50, SILENCE * 1000, None), set):
            told.update(name for _, name in found)
    return len(told)


def written(read: Callable[[str, Callable[[], None]], int]) -> Sample:
    """Return a sample of the CPU time that *read* takes for a file that it is told."""

    def sample() -> float:
        reading, writing = os.pipe()
        start = 0
        with tempfile.TemporaryDirectory(dir=FOLDER) as path:
            writer = os.fork()
            if not writer:
                try:
                    os.read(reading, 1)
                    write_files(path)
                finally:
                    os._exit(0)
            for number in range(100):
                os.mkdir(f"{path}/{number}")

            def go() -> None:
                nonlocal start
                start = time.process_time_ns()
                os.write(writing, b"g")

            count = read(path, go)
            elapsed = time.process_time_ns() - start
            os.waitpid(writer, 0)
            os.close(reading)
            os.close(writing)
            if count < WRITTEN:
                print(f"only {count:,} of {WRITTEN:,} files were told")
            return elapsed / count

    return sample


def write_files(path: str) -> None:
    for number in range(WRITTEN):
        with open(f"{path}/{number % 100}/{number}", "wb") as file:
            file.write(b"a line\n")
        if number % 50 == 0:
            # or the queues overflow, of those that read slowly
            time.sleep(0.002)


# One change: each yields a function that waits for its record.


@contextmanager
def flat(path: str) -> Iterator[Callable[[], object]]:
    with Inotify() as inotify:
        inotify.watch(path, IN_ATTRIB | IN_CLOSE_WRITE)
        yield inotify.wait


@contextmanager
def in_tree(path: str) -> Iterator[Callable[[], object]]:
    with Tree(path, backend="inotify") as tree:
        yield tree.wait


@contextmanager
def in_watchdog(path: str) -> Iterator[Callable[[], object]]:
    class Handler(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            if event.event_type in ("attrib", "closed"):
                told.put(event)

    told: queue.SimpleQueue[FileSystemEvent] = queue.SimpleQueue()
    with watchdog(path, Handler()):
        yield told.get


def touch(path: str) -> None:
    os.utime(path)


def write(path: str) -> None:
    with open(path, "ab") as file:
        file.write(b"a line\n")


def changed(
    watcher: Callable[[str], AbstractContextManager[Callable[[], object]]], change: Callable[[str], None]
) -> Sample:
    """Return a sample of a *change* of a file, until its record is there."""

    def sample() -> float:
        with tempfile.TemporaryDirectory() as path:
            file = Path(path, "report.txt")
            file.touch()
            with watcher(path) as wait:
                start = time.perf_counter_ns()
                for _ in range(CHANGES):
                    change(str(file))
                    wait()
                return (time.perf_counter_ns() - start) / CHANGES

    return sample


# After an overflow all is looked at again.


def rescanned() -> float:
    """Return the nanoseconds for one directory, when the queue has overflowed."""
    path = big_tree(FILES)
    beside = [f"{path}-{number}" for number in range(2)]
    for name in beside:
        Path(name).touch()
    with Tree(path, backend="inotify") as tree:
        # the way to the tree is watched as well: events that mean nothing for it
        for number in range(int(Path("/proc/sys/fs/inotify/max_queued_events").read_text()) + 1):
            os.utime(beside[number % 2])
        start = time.perf_counter_ns()
        tree.sync()
        elapsed = time.perf_counter_ns() - start
        assert tree._hints.overflows == 1
        assert not tree.pending
    return elapsed / DIRECTORIES


def listed() -> float:
    """Return the nanoseconds for one directory, with an lstat of each file."""
    start = time.perf_counter_ns()
    left, count = [big_tree(FILES)], 0
    while left:
        with os.scandir(left.pop()) as entries:
            for entry in entries:
                count += 1
                if stat.S_ISDIR(entry.stat(follow_symlinks=False).st_mode):
                    left.append(entry.path)
    assert count == DIRECTORIES + FILES, count
    return (time.perf_counter_ns() - start) / DIRECTORIES


def comparisons() -> Iterator[Comparison]:
    watchers = {**WATCHERS, "butter, and entries()": butter_with_entries}
    yield Comparison(
        f"Set-up of {DIRECTORIES:,} directories with {FILES:,} files, for one directory",
        {name: set_up(watcher) for name, watcher in watchers.items()},
        {"watchfiles": 0.75, "inotifywait -r": 0.8},
        rounds=9,
    )
    yield Comparison(
        "Memory for one directory",
        {name: of_directory(name) for name in WATCHERS},
        most=250,
        rounds=3,
        unit="bytes",
    )
    yield Comparison(
        "Memory for one file, beside its name",
        {"butter": of_file("butter")},
        most=100,
        rounds=3,
        unit="bytes",
    )
    yield Comparison(
        f"CPU time for {WRITTEN:,} written files, for one file",
        {
            "butter": written(told_by_butter),
            "watchdog": written(told_by_watchdog(None)),
            "watchdog, two kinds of events": written(told_by_watchdog([FileCreatedEvent, FileClosedEvent])),
            "watchfiles": written(told_by_watchfiles),
        },
        {"watchdog": 0.4},
        rounds=5,
    )
    for what, change in ("touched", touch), ("written", write):
        yield Comparison(
            f"One {what} file to its record",
            {
                "butter": changed(in_tree, change),
                "a flat Inotify": changed(flat, change),
                "watchdog": changed(in_watchdog, change),
            },
            {"a flat Inotify": 1.5},
        )
    yield Comparison(
        f"A rescan of {DIRECTORIES:,} unchanged directories with {FILES:,} files, for one directory",
        {"butter": rescanned, "os.scandir and lstat": listed},
        most=300_000_000 / DIRECTORIES,
        rounds=5,
    )
