"""The play of ``butter demo``: a thread changes files, an asyncio loop shows events."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from butter._look import CAP_SYS_ADMIN, capable
from butter.asyncio.clone import Process_async
from butter.asyncio.eventfd import Eventfd_async
from butter.asyncio.fanotify import Fanotify_async
from butter.asyncio.inotify import Inotify_async
from butter.asyncio.signalfd import Signalfd_async
from butter.asyncio.splice import copy
from butter.asyncio.timerfd import Timerfd_async
from butter.cli import FAILED
from butter.cli._flags import flag_names
from butter.cli._limits import processes_exhausted
from butter.cli._output import sentence, tell
from butter.cli._processes import process_of
from butter.clone import DEVNULL
from butter.fanotify import FAN_CLASS_CONTENT, FAN_OPEN_PERM, FAN_REPORT_PIDFD
from butter.inotify import IN_CLOSE_WRITE, IN_CREATE, IN_DELETE, IN_MOVE
from butter.memfd import Memfd

if TYPE_CHECKING:
    from collections.abc import Callable


class Stage:
    """The lines of the play: the seconds since it began, the speaker, the words."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self.ended_by: int | None = None  # the signal that ends the play before its end

    def say(self, speaker: str, words: str) -> None:
        print(f"{time.monotonic() - self.start:5.2f} s  {speaker:10}{words}", flush=True)


async def play() -> int:
    """Show the play; a signal that would end the process ends it after its directory.

    Such a signal is read from the descriptor, too, unless it is ignored, as a hang-up
    is by nohup.
    """
    ending = [each for each in (signal.SIGHUP, signal.SIGTERM) if signal.getsignal(each) == signal.SIG_DFL]
    stage = Stage()
    # before there is a directory
    async with Signalfd_async([signal.SIGUSR1, *ending]) as signals:
        acts = asyncio.ensure_future(perform(stage, signals))
        try:
            return await acts
        except asyncio.CancelledError:
            if stage.ended_by is None:
                raise
    # it is not blocked any more
    signal.raise_signal(stage.ended_by)
    return 128 + stage.ended_by


async def perform(stage: Stage, signals: Signalfd_async) -> int:
    print("A thread changes files. One asyncio loop waits for all events.\n")
    async with Inotify_async() as inotify, Timerfd_async() as timer, Eventfd_async() as wakeup:
        # Not the loop's own executor: asyncio starts a thread to end that one, so where
        # no thread can start it would fail twice.
        with tempfile.TemporaryDirectory(prefix="butter-demo-") as directory, ThreadPoolExecutor(1) as executor:
            # closed before the directory is removed, which takes descriptors too
            async with inotify, timer, wakeup:
                return await perform_in(Path(directory), executor, stage, signals, inotify, timer, wakeup)


async def perform_in(
    directory: Path,
    executor: ThreadPoolExecutor,
    stage: Stage,
    signals: Signalfd_async,
    inotify: Inotify_async,
    timer: Timerfd_async,
    wakeup: Eventfd_async,
) -> int:
    inotify.watch(directory, IN_CREATE | IN_CLOSE_WRITE | IN_MOVE | IN_DELETE)
    timer.every(seconds=0.5)
    stop = threading.Event()
    try:
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(executor, change_files, stage, directory, wakeup, stop)
    except RuntimeError:
        tell(f"demo: {processes_exhausted()}")
        return FAILED
    acts = asyncio.current_task()
    shows = show_files(stage, inotify), show_ticks(stage, timer), show_signals(stage, signals, acts)
    tasks = [asyncio.ensure_future(show) for show in shows]
    try:
        calls = await wakeup.wait()
        await work
        stage.say("eventfd", f"{calls} call")
        await show_copy(stage, directory)
        await show_guard(stage, directory)
    finally:
        # the thread ends before its directory and wakeup do, after Ctrl-C too
        stop.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, work, return_exceptions=True)
    print("\nNow yours: butter watch .")
    return 0


def change_files(stage: Stage, directory: Path, wakeup: Eventfd_async, stop: threading.Event) -> None:
    """Change files in *directory*, one step every 0.4 seconds, until *stop* is set.

    This runs in the thread, and wakes the loop at its end.
    """
    file, renamed = directory / "bread", directory / "toast"
    steps: list[tuple[str, Callable[[], object]]] = [
        ("makes a file", file.touch),
        ("writes into it", lambda: file.write_text("butter")),
        ("renames it", lambda: file.rename(renamed)),
        ("makes a directory", (directory / "plate").mkdir),
        ("deletes the file", renamed.unlink),
        ("sends a signal", lambda: os.kill(os.getpid(), signal.SIGUSR1)),
    ]
    try:
        for words, step in steps:
            stage.say("a thread", words)
            step()
            if stop.wait(0.4):
                return
        stage.say("a thread", "wakes the loop")
    finally:
        wakeup.increment()


async def show_files(stage: Stage, inotify: Inotify_async) -> None:
    async for event in inotify:
        stage.say("inotify", f"{'|'.join(flag_names(event.mask)):14} {event.name}")


async def show_ticks(stage: Stage, timer: Timerfd_async) -> None:
    async for ticks in timer:
        stage.say("timerfd", f"{ticks} tick")


async def show_signals(stage: Stage, signals: Signalfd_async, acts: asyncio.Task[int] | None) -> None:
    """Show signals; one that would end the process ends *acts*."""
    async for event in signals:
        stage.say("signalfd", f"{event.name} from process {event.pid}")
        if event.signal != signal.SIGUSR1 and acts is not None:
            stage.ended_by = event.signal
            acts.cancel()


async def show_copy(stage: Stage, directory: Path) -> None:
    with Memfd("toast", b"bread and butter") as memfd, memfd.sealed_copy() as sealed:
        stage.say("memfd", f"{len(sealed)} bytes that can never change")
        with open(directory / "toast", "wb") as target:
            stage.say("splice", f"{await copy(sealed, target)} of them moved to a file")


async def show_guard(stage: Stage, directory: Path) -> None:
    """Let a shell ask for a file that it may not open."""
    secret = directory / "secret"
    secret.touch()
    with contextlib.ExitStack() as stack:
        try:
            fanotify = stack.enter_context(Fanotify_async(FAN_CLASS_CONTENT | FAN_REPORT_PIDFD))
            fanotify.watch(secret, FAN_OPEN_PERM)
        except OSError as error:
            reason = sentence(error) if capable(CAP_SYS_ADMIN) else "it needs CAP_SYS_ADMIN, as root has it"
            stage.say("fanotify", f"could refuse a file to a program, for root: {reason}")
            return
        async with Process_async(["sh", "-c", ": < secret"], cwd=directory, stderr=DEVNULL) as shell:
            with await fanotify.get(timeout=10) as event:
                stage.say("fanotify", f"{process_of(event).text()} asks to open 'secret'")
                event.deny()
            stage.say("fanotify", f"it may not, and exits with {await shell.wait()}")
