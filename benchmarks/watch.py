"""``butter watch -r`` beside inotifywait: its start, its set-up, a storm of files."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.runner import Comparison, Sample, repeated

BUTTER = [os.path.join(os.path.dirname(sys.executable), "butter"), "watch"]
PYTHON = [sys.executable, "-c", "pass"]
STARTS = 20

DIRECTORIES = 20_000

#: how many files are written, and how many of them in a second
FILES, RATE = 100_000, 50_000

#: the name of a file at the end of a path, in text and in JSON
NUMBER = re.compile(rb'[/ ](\d+)(?:"|$)')

WRITER = """
import os, sys, time
where, files, rate, directories = sys.argv[1], *map(int, sys.argv[2:])
begun = time.perf_counter()
for number in range(files):
    if not number % 500:
        time.sleep(max(0, begun + number / rate - time.perf_counter()))
    fd = os.open(f"{where}/{number % directories}/{number}", os.O_CREAT | os.O_WRONLY)
    os.write(fd, b"x")
    os.close(fd)
print(files / (time.perf_counter() - begun))
"""


def start(argv: list[str]) -> Sample:
    """Return a sample of the start and the end of a program.

    The end of a program that watches is slow: the kernel waits for all processors then.
    """

    def once() -> None:
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    return lambda: repeated("once()", STARTS, once=once)


@contextlib.contextmanager
def watching(argv: list[str], output: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program, and wait until it says that it watches."""
    with subprocess.Popen(argv, stdout=output, stderr=subprocess.PIPE) as process:
        try:
            for line in process.stderr or ():
                if b"watching " in line or b"Watches established" in line:
                    break
            else:
                raise RuntimeError(f"{argv} has ended")
            yield process
        finally:
            process.terminate()  # SIGINT is ignored below a shell in the background


def set_up(argv: list[str]) -> Sample:
    """Return a sample of the time until a program watches all directories."""

    def sample() -> float:
        begun = time.perf_counter_ns()
        with watching(argv):
            return time.perf_counter_ns() - begun

    return sample


def storm(argv: list[str], directories: int, told: str) -> Sample:
    """Return a sample of the CPU time that a program takes for each file it tells.

    Raises RuntimeError if it does not tell one of the files; but where it says that the
    queue of the kernel overflowed, as on a busy machine, a line of this benchmark does.
    """

    def sample() -> float:
        with tempfile.TemporaryDirectory(dir="/dev/shm") as top, tempfile.TemporaryFile() as lines:
            for number in range(directories):
                os.mkdir(f"{top}/{number}")
            where = [top] if "-r" in argv else [f"{top}/{number}" for number in range(directories)]
            with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=lines) as reader:
                with watching([*argv, *where], reader.stdin.fileno()) as process:  # type: ignore[union-attr]
                    arguments = [WRITER, top, str(FILES), str(RATE), str(directories)]
                    subprocess.run([sys.executable, "-c", *arguments], check=True, stdout=subprocess.DEVNULL)
                    # the last line is there once the program has nothing left to do
                    taken = -1.0
                    while (now := processor_time(process.pid)) != taken:
                        taken = now
                        time.sleep(0.5)
                reader.stdin.close()  # type: ignore[union-attr]
            lines.seek(0)
            text = lines.read()
        found = {name for line in text.splitlines() if told.encode() in line for name in NUMBER.findall(line)}
        if lost := FILES - len(found):
            words = f"{' '.join([os.path.basename(argv[0]), *argv[1:]])} has lost {lost} of {FILES} files"
            if b"Q_OVERFLOW" not in text:
                raise RuntimeError(words)
            print(f"{words}, and said so")
        return taken / FILES

    return sample


def processor_time(pid: int) -> float:
    """Return the nanoseconds that a process has computed, in the kernel too."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1e9 / os.sysconf("SC_CLK_TCK")


def comparisons() -> Iterator[Comparison]:
    with contextlib.ExitStack() as stack:
        top = stack.enter_context(tempfile.TemporaryDirectory())
        yield Comparison(
            "Start of the command, until it watches",
            {
                "butter": set_up([*BUTTER, "-r", top]),
                "butter without -r": set_up([*BUTTER, top]),
                "the start of Python": start(PYTHON),
            },
            targets={"the start of Python": 2.5},
            rounds=15,
        )
        for number in range(DIRECTORIES):
            os.makedirs(f"{top}/{number % 200}/{number}")
        inotifywait = shutil.which("inotifywait")
        peer = {"inotifywait -r": set_up([inotifywait, "-m", "-r", top])} if inotifywait else {}
        yield Comparison(
            f"Set-up with {DIRECTORIES} directories",
            {"butter": set_up([*BUTTER, "-r", top]), **peer},
            targets={"inotifywait -r": 0.8} if peer else {},
            rounds=7,
        )
    if inotifywait:
        peer = {"inotifywait": storm([inotifywait, "-m"], 10, " CREATE ")}
    yield Comparison(
        f"CPU time of a file, at {RATE} files a second, none of which is lost",
        {
            "butter": storm([*BUTTER, "-r"], 100, "CREATED "),
            "butter --json": storm([*BUTTER, "-r", "--json"], 100, '"created"'),
            "butter without -r": storm(BUTTER, 10, "CREATE "),
            "butter --json without -r": storm([*BUTTER, "--json"], 10, '"IN_CREATE"'),
            **peer,
        },
        rounds=3,
    )
