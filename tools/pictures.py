#!/usr/bin/env python3
"""Write the pictures of the manual: the command in a terminal, as tmux shows it.

    python tools/pictures.py          write them
    python tools/pictures.py --check  list those that are not up to date, and exit with
                                      1 if there are any

``docs/pictures/<name>.svg`` has the text and the colours of a real run, by the butter
that is beside this Python. Only the times of the lines are made up, since each run has
others.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

FOLDER = Path(__file__).resolve().parent.parent / "docs/pictures"


class Step(NamedTuple):
    """A command, and the words that the screen then ends with."""

    command: str
    words: str


PROMPT = "$"

#: the first command of each is typed into the terminal, and others run beside it
PICTURES = {
    "watch": [
        Step("butter watch -e create,close_write,move,delete .", "watching ."),
        Step("echo >new", "CLOSE_WRITE          ./new"),
        Step("mv new old", "./new -> ./old"),
        Step("rm old", "DELETE               ./old"),
    ],
    "watch_tree": [
        Step("butter watch -r src --gitignore", "watching src and all below"),
        Step("echo >src/main.c", "WRITTEN              src/main.c"),
        Step("mkdir src/lib", "CREATED|ISDIR        src/lib"),
        Step("mv src/old.c src/lib/new.c", "src/old.c -> src/lib/new.c"),
        Step("echo >src/lib/new.o; rm -r src/lib", "DELETED|ISDIR        src/lib"),
    ],
    "watch_command": [
        Step("butter watch -r src -- make", "watching src and all below"),
        Step("echo >src/main.c", "butter: make: ended with status 2"),
        Step("echo >src/util.c", "butter: make: ended with status 0"),
    ],
    "watch_summary": [
        Step("butter watch src --summary -e create,close_write,delete -n 8", "watching src"),
        # in turn, because the kernel makes one of equal events in a row
        Step("for i in 1 2 3; do echo >src/main.c; echo >src/main.o; done; rm src/main.o", PROMPT),
    ],
}

#: what is in the directory where the commands run
FILES = {
    ".git/HEAD": "ref: refs/heads/main\n",
    ".gitignore": "*.o\n",
    "Makefile": "app: src/main.c src/util.c\n\tcat $^ >$@\n",
    "src/main.c": "",
    "src/old.c": "",
}

COLUMNS, ROWS = 72, 12

TIME = re.compile(r"\d\d:\d\d:\d\d\.\d{3}")

#: in seconds: far more than anything takes here
LIMIT = 60


class Terminal:
    """A terminal of tmux, with a shell."""

    def __init__(self, where: str) -> None:
        self._where = where
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
            "LC_ALL": "C.UTF-8",
            "HOME": where,
            "PS1": f"{PROMPT} ",
        }
        # without the settings of the user
        command = ["env", "-i", *(f"{name}={value}" for name, value in environment.items()), "TERM=screen", "sh"]
        self._tmux("-f", os.devnull, "new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS), *command)

    def _tmux(self, *arguments: str) -> str:
        # its socket has a short path, whatever that of the directory is
        argv = ["tmux", "-S", "../socket", *arguments]
        return subprocess.run(argv, cwd=self._where, check=True, capture_output=True, text=True, timeout=LIMIT).stdout

    def close(self) -> None:
        """End the shell and what it runs."""
        self._tmux("kill-server")

    def type(self, *keys: str) -> None:
        """Type *keys*, by tmux's names for them."""
        self._tmux("send-keys", *keys)

    def text(self, coloured: bool = False) -> str:
        """The lines on the screen, with the sequences for colours if asked for."""
        return self._tmux("capture-pane", "-p", *(["-e"] if coloured else []))

    def wait_for(self, words: str) -> str:
        """Wait until the text ends with *words*, and return it."""
        end = time.monotonic() + LIMIT
        while not (text := self.text()).rstrip().endswith(words):
            if time.monotonic() > end:
                raise TimeoutError(f"no {words!r} at the end of:\n{text}")
            time.sleep(0.02)
        return text


def run(steps: list[Step]) -> str:
    """Return the screen after all *steps*."""
    times: dict[str, str] = {}
    with tempfile.TemporaryDirectory(dir="/tmp") as top:
        where = f"{top}/project"
        for name, content in FILES.items():
            path = Path(where, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        terminal = Terminal(where)
        try:
            terminal.wait_for(PROMPT)
            for number, (command, words) in enumerate(steps):
                if number:
                    subprocess.run(["sh", "-ec", command], cwd=where, check=True, timeout=LIMIT)
                else:
                    terminal.type("-l", command)
                    terminal.type("Enter")
                for real in TIME.findall(terminal.wait_for(words)):
                    times.setdefault(real, f"12:41:{3 * number + 4:02}.{71 * number + 247}")
            return TIME.sub(lambda found: times[found[0]], terminal.text(coloured=True))
        finally:
            terminal.close()


# The picture of a screen

#: the size of a character, and the space around all of them, in pixels
WIDTH, HEIGHT, SPACE = 8, 19, 14

BACKGROUND, FOREGROUND, DIM = "#1d2025", "#d8dbe0", "#868d98"
PALETTE = ["#5c6370", "#f2777a", "#8fc980", "#f0c674", "#7aa6da", "#c397d8", "#70c0b1", "#eaeaea"]

SEQUENCE = re.compile(r"\033\[([\d;]*)m")


def runs(line: str) -> Iterator[tuple[int, str, str]]:
    """The parts of a line in one colour, each with its column, text and colour."""
    column, colour, dim = 0, FOREGROUND, False
    # text and the parameters of a sequence, in turn
    for number, part in enumerate(SEQUENCE.split(line)):
        if number % 2 == 0:
            text = part.lstrip(" ")
            start = column + len(part) - len(text)
            if text:
                yield start, text.rstrip(" "), DIM if dim else colour
            column += len(part)
            continue
        for code in map(int, part.split(";") if part else ["0"]):
            if code in (0, 39):
                colour = FOREGROUND
            if 30 <= code <= 37:
                colour = PALETTE[code - 30]
            if code in (0, 2, 22):
                dim = code == 2


def svg(screen: str, title: str) -> str:
    """Return the picture of *screen*.

    The width of each part is set, because readers have different fonts.
    """
    lines = screen.rstrip().split("\n")
    width, height = COLUMNS * WIDTH + 2 * SPACE, len(lines) * HEIGHT + 2 * SPACE
    found = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="img" font-family="monospace" font-size="13">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" rx="6" fill="{BACKGROUND}"/>',
    ]
    for row, line in enumerate(lines):
        spans = [
            f'<tspan x="{SPACE + column * WIDTH}" textLength="{len(text) * WIDTH}" lengthAdjust="spacingAndGlyphs"'
            f' fill="{colour}">{escape(text)}</tspan>'
            for column, text, colour in runs(line)
        ]
        baseline = SPACE + row * HEIGHT + HEIGHT * 3 // 4
        found.append(f'<text y="{baseline}" xml:space="preserve">{"".join(spans)}</text>')
    return "\n".join([*found, "</svg>", ""])


def main() -> None:
    if missing := [program for program in ("tmux", "make") if shutil.which(program) is None]:
        sys.exit(f"the pictures need {' and '.join(missing)}")
    check = "--check" in sys.argv[1:]
    changed = []
    for name, steps in PICTURES.items():
        path = FOLDER / f"{name}.svg"
        text = svg(run(steps), steps[0].command)
        if not path.exists() or path.read_text() != text:
            changed.append(path)
            if not check:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
    if check and changed:
        names = ", ".join(str(path.relative_to(FOLDER.parent.parent)) for path in changed)
        sys.exit(f"not up to date: {names}; 'python tools/pictures.py' takes them anew")


if __name__ == "__main__":
    main()
