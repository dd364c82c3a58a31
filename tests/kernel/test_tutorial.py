"""The tutorial, read as a reader does: commands are typed, and the output compared."""

import difflib
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import threading

import pytest
from commands import stop

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAMS = sorted((ROOT / "examples/tutorial").glob("*.py"))
PAGES = [ROOT / f"docs/tutorial/{path.stem.partition('_')[2]}.rst" for path in PROGRAMS]
BLOCK = re.compile(r"^\.\. code-block:: console\n   :caption: (.*)\n\n((?:   .*\n|\n)+)", re.MULTILINE)


class Reader:
    """A reader with two terminals, of which one runs the watcher.

    The watcher is stopped while the reader types in the other one, so that nothing
    depends on how fast either is.
    """

    def __init__(self, directory):
        self.directory = directory
        self.watcher = self.command = self.loop = None
        self.shown = self.repeated = None  # the last line, and one that may come again
        self.stopped = False

    def type(self, command):
        """Type a *command* in the terminal of the watcher, where none runs now."""
        self.ended()
        if not command.startswith("python "):
            subprocess.run(["sh", "-ec", command], cwd=self.directory, check=True)
            return
        self.command = command
        self.watcher = subprocess.Popen(
            [sys.executable, "-W", "error", *shlex.split(command)[1:]],
            cwd=self.directory,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},  # as it is in a terminal, line by line
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        # the end of its output, instead of a line that never comes
        self.timer = threading.Timer(60, self.watcher.kill)
        self.timer.start()

    def see(self, lines):
        """Type and read the *lines* of the watcher's terminal.

        A line ``...`` is the line above, any number of times; an indented one is any
        lines.
        """
        lines = iter(lines)
        for line in lines:
            if line == "$ fg":
                assert next(lines) == self.command
                self.watcher.send_signal(signal.SIGCONT)
                self.stopped = False
            elif line == "$":
                self.ended()
            elif line.startswith("$ "):
                self.type(line[2:])
            elif line == "^Z":
                stop(self.watcher)
                self.stopped = True
                assert next(lines).split() == ["[1]+", "Stopped", *self.command.split()]
            elif line == "^C":
                self.watcher.send_signal(signal.SIGINT)
            elif line == "...":
                self.repeated = self.shown
            elif line.strip() == "...":
                line = next(lines)
                while self.next_line() != line:
                    pass
            elif line == "Terminated":  # by the shell
                assert {*self.watcher.stdout} <= {f"{self.repeated}\n"}
                assert self.watcher.wait() == -signal.SIGTERM
            else:
                while self.next_line() == self.repeated != line:
                    pass
                assert self.shown == line
                self.repeated = None

    def next_line(self):
        line = self.watcher.stdout.readline()
        assert line.endswith("\n"), "the watcher has ended"
        self.shown = line[:-1]
        return self.shown

    def type_elsewhere(self, lines):
        """Type all *lines* in the other terminal."""
        self.end_loop()
        assert all(line.startswith("$ ") for line in lines)
        script = "\n".join(line[2:] for line in lines)
        if script.startswith("while "):
            self.loop = subprocess.Popen(["sh", "-c", script], cwd=self.directory, start_new_session=True)
            return
        # by its number, because another suite may be running a program of this name
        arguments = shlex.quote(f"-xf {self.command}")
        script = f'pkill() {{ test "$*" = {arguments}; kill {self.watcher.pid}; }}\n{script}'
        if not self.stopped:
            stop(self.watcher)
        subprocess.run(["sh", "-ec", script], cwd=self.directory, check=True)
        if not self.stopped:
            self.watcher.send_signal(signal.SIGCONT)

    def end_loop(self):
        if self.loop is not None:
            os.killpg(self.loop.pid, signal.SIGKILL)
            self.loop.wait()
            self.loop = None

    def ended(self):
        """See that the watcher has shown all that it had to, and ended."""
        if self.watcher is not None:
            assert self.watcher.stdout.read() == ""
            self.watcher.wait()
            self.timer.cancel()
            self.watcher.stdout.close()
            self.watcher = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end_loop()
        if self.watcher is not None:
            self.timer.cancel()
            with self.watcher:
                self.watcher.kill()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_step(page, tmp_path):
    """The commands of a page lead to the output that the page shows, and to no more."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    with Reader(tmp_path) as reader:
        for terminal, text in BLOCK.findall(page.read_text()):
            lines = re.sub("^   ", "", text, flags=re.MULTILINE).rstrip("\n").split("\n")
            {"The watcher's terminal": reader.see, "Another terminal": reader.type_elsewhere}[terminal](lines)
        reader.ended()


def body(path):
    """The lines of a program, and the number of the first below its docstring."""
    lines = path.read_text().splitlines()
    return lines, next(number for number, line in enumerate(lines) if line.startswith("import "))


def new_lines(before, path):
    """The numbers of those lines of a program that the one *before* does not have."""
    (old, start), (lines, first) = body(before), body(path)
    matcher = difflib.SequenceMatcher(None, old[start:], lines[first:], autojunk=False)
    numbers = [
        number for tag, _, _, low, high in matcher.get_opcodes() if tag != "equal" for number in range(low, high)
    ]
    return [first + number + 1 for number in numbers if lines[first + number]]


def ranges(numbers):
    """Numbers as ``:emphasize-lines:`` has them: ``1,3-5``."""
    found = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(f"{low}-{high}" if low < high else str(low) for low, high in found)


@pytest.mark.parametrize("step", range(len(PAGES)), ids=[path.stem for path in PAGES])
def test_program_of_a_step(step):
    """A page has its program whole, and marks the lines that the last one had not."""
    path, options = PROGRAMS[step], ["   :language: python"]
    if step:
        options.append(f"   :emphasize-lines: {ranges(new_lines(PROGRAMS[step - 1], path))}")
    include = f".. literalinclude:: ../../examples/tutorial/{path.name}\n" + "\n".join(options) + "\n\n"
    assert include in PAGES[step].read_text()
    assert f"examples/tutorial/{path.name}" in PAGES[step].read_text()
