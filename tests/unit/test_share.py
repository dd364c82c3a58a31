"""The manual pages and the completions that ``tools/share.py`` writes."""

import os
import pty
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import needs

import butter
from butter import cli

TOOL = Path(__file__).resolve().parent.parent.parent / "tools/share.py"

# what is typed, and the end of the last word
TYPED = [
    ("butter do", "doctor"),
    ("butter doctor --w", "--watches"),
    ("butter watch --fil", "--filesystem"),
    ("butter run --bind /et", "/etc"),
    ("butter run unsh", "unshare"),
    ("butter fence --read /et", "/etc"),
    ("butter fence --prof", "--profile"),
    ("butter watch / /et", "/etc"),
    ("butter watch -- unsh", "unshare"),
    ("butter watch / -- unsh", "unshare"),
]


def needs_program(name):
    return needs(when=shutil.which(name) is not None, reason=f"needs {name}")


@pytest.fixture(scope="module")
def share(tmp_path_factory):
    """The directory with all files."""
    directory = tmp_path_factory.mktemp("share")
    env = {**os.environ, "PYTHONPATH": str(Path(butter.__file__).parent.parent)}
    subprocess.run([sys.executable, TOOL, directory], env=env, check=True, timeout=60)
    return directory


@needs_program("mandoc")
def test_manual_pages(share):
    """The command and each subcommand have a page, in which mandoc finds no fault."""
    pages = sorted((share / "man/man1").iterdir())
    assert {page.name for page in pages} == {"butter.1", *(f"butter-{name}.1" for name in cli.COMMANDS)}
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *pages], capture_output=True, text=True, timeout=60)
    assert (lint.returncode, lint.stdout) == (0, "")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_page_of_a_subcommand(share, name):
    """The page of a subcommand has the parts of its help, with every option."""
    text = (share / f"man/man1/butter-{name}.1").read_text().replace("\\-", "-")
    (commands,) = (action for action in cli.command_line([name])._actions if action.choices)
    options = [option for action in commands.choices[name]._actions for option in action.option_strings]
    assert [option for option in options if f"\\fB{option}\\fR" not in text] == ["-h", "--help"]
    if name == "watch":
        assert "[PATH ...] [-- COMMAND ...]" in text
        examples = text.partition("\n.SH EXAMPLES\n")[2].partition("\n.SH ")[0]
        assert "butter watch --follow -n 1 -t 60 -e close_write out" in examples
        assert "\n.SH EVENTS\n" in text
        assert "\n.SH KINDS OF CHANGES\n" in text
    for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "SEE ALSO"):
        assert f"\n.SH {heading}\n" in text


def completed(command, **options):
    """The lines that a shell prints."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
    assert done.stderr == ""
    return done.stdout.splitlines()


ASK_BASH = """
source "$1/bash-completion/completions/butter"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
found=($(complete -p butter))
"${found[-2]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(("typed", "word"), TYPED)
def test_bash(share, typed, word):
    """bash completes subcommands, options, paths and programs."""
    assert word in completed(["bash", "-c", ASK_BASH, "bash", share, *typed.split()])


@needs_program("fish")
@pytest.mark.parametrize(("typed", "word"), TYPED)
def test_fish(share, tmp_path, typed, word):
    """fish completes the same."""
    ask = f"source {share}/fish/vendor_completions.d/butter.fish; complete -C '{typed}'"
    lines = completed(["fish", "--no-config", "-c", ask], env={**os.environ, "HOME": str(tmp_path)})
    assert word in [line.partition("\t")[0].rstrip("/") for line in lines]


@needs_program("zsh")
def test_zsh(share):
    """zsh, which completes at a terminal alone, completes the same."""
    ask = f"PS1=; fpath=({share}/zsh/site-functions $fpath); autoload -U compinit; compinit -D -u; echo rea''dy\n"
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["zsh", "-f", "-i"], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as zsh:
        os.close(theirs)
        try:
            os.write(ours, ask.encode())
            read_until(ours, b"ready\r\n")
            for typed, word in TYPED:
                # Ctrl-U empties the line
                os.write(ours, f"\x15{typed}\t".encode())
                read_until(ours, f"{typed.rpartition(' ')[0]} {word}".encode())
        finally:
            zsh.kill()
            os.close(ours)


def read_until(fd, words):
    """Read from a terminal until it has *words*."""
    text = b""
    while words not in text:
        assert select.select([fd], [], [], 60)[0], text
        text += os.read(fd, 4096)
