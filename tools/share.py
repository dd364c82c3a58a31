#!/usr/bin/env python3
"""Write what is installed below share/: manual pages, and completions for shells.

    python tools/share.py DIRECTORY

Everything comes from the parsers of the command, by argparse-manpage and shtab.
setup.py calls this with the butter that it has just built.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import shtab
from argparse_manpage.manpage import Manpage

import butter
from butter.cli import command_line

# where each shell looks for the completion of a command
COMPLETIONS = {
    "bash": "bash-completion/completions/butter",
    "zsh": "zsh/site-functions/_butter",
    "fish": "fish/vendor_completions.d/butter.fish",
}

PROGRAM = {
    "bash": "_butter_programs",
    "zsh": "_command_names -e",
    "fish": "(__fish_complete_command)",
    "preamble": {"bash": '_butter_programs() {\n  compgen -c -- "$1"\n}'},
}

# a path, and after -- a program
PATH_OR_PROGRAM = {
    "bash": "_butter_paths",
    "zsh": "_butter_paths",
    "fish": "(if contains -- -- (commandline -opc); __fish_complete_command; "
    "else; __fish_complete_path (commandline -ct); end)",
    "preamble": {
        "bash": """\
_butter_paths() {
  local kind=f
  [[ " ${COMP_WORDS[*]:0:COMP_CWORD} " != *" -- "* ]] || kind=c
  compgen -$kind -- "$1"
}""",
        "zsh": """\
_butter_paths() {
  if (( ${words[(I)--]} )); then _command_names -e; else _files; fi
}""",
    },
}

# what a shell offers for an argument, by the word for it in the help
VALUES = {
    "PATH": shtab.FILE,
    "FILE": shtab.FILE,
    "SOURCE[:TARGET]": shtab.FILE,
    "DIR": shtab.DIRECTORY,
    "DIR[:TARGET]": shtab.DIRECTORY,
    "PROGRAM": PROGRAM,
    "ARGUMENT": shtab.FILE,
}


# the headings of help texts that manual pages have under another name
HEADINGS = {"exit codes": "exit status"}


def parsers() -> tuple[argparse.ArgumentParser, argparse._SubParsersAction[argparse.ArgumentParser]]:
    """Return the parser of the command, and its action that has the subcommands."""
    main = command_line([])
    (commands,) = (action for action in main._actions if isinstance(action, argparse._SubParsersAction))
    return main, commands


def completions() -> dict[str, str]:
    """Return the completion for each shell, by the path below share/."""
    main, commands = parsers()
    for command in commands._choices_actions:
        parser = commands.choices[command.dest]
        parser.description = command.help  # one line, as a shell shows it
        if getattr(parser, "takes_command", False):
            # the shells know one kind of further arguments
            paths, argv = parser._get_positional_actions()
            paths.complete = PATH_OR_PROGRAM  # type: ignore[attr-defined]
            parser._remove_action(argv)
        for action in parser._actions:
            if action.choices is None and isinstance(action.metavar, str):
                if action.metavar in VALUES and not hasattr(action, "complete"):
                    action.complete = VALUES[action.metavar]  # type: ignore[attr-defined]
                action.metavar = re.split(r"\[?:", action.metavar)[0]  # zsh ends a message there
    found = {path: shtab.complete(main, shell) + "\n" for shell, path in COMPLETIONS.items()}
    # shtab has zsh complete one of many arguments
    found[COMPLETIONS["zsh"]] = found[COMPLETIONS["zsh"]].replace('"(*)::', '"*:')
    return found


def pages() -> dict[str, str]:
    """Return the manual pages, by the path below share/."""
    main, commands = parsers()
    found = {"butter": (main, main.description or "")}
    for action in commands._choices_actions:
        found[f"butter-{action.dest}"] = (commands.choices[action.dest], action.help or "")
    # they have pages of their own, and the page of the command has only the list
    commands.choices.clear()
    return {f"man/man1/{name}.1": page(name, *each, others=set(found) - {name}) for name, each in found.items()}


def page(name: str, parser: argparse.ArgumentParser, summary: str, others: set[str]) -> str:
    sections = sections_of(parser.epilog or "")
    sections["see also"] = ", ".join(f".BR {other} (1)" for other in sorted(others)).replace(", ", " ,\n")
    parser.epilog = None
    for group in parser._action_groups:
        if group.title == "positional arguments":
            group.title = "arguments"
    manual = Manpage(parser)
    manual.prog = name
    manual.description = summary.rstrip(".")
    manual.source = f"butter {butter.__version__}"
    manual.manual = "butter"
    usage = manual.synopsis[len(parser.prog.split()) :]
    manual.synopsis = [parser.prog, *map(roff, usage)]
    for heading, text in sections.items():
        manual.add_section(HEADINGS.get(heading, heading), "=", text)
    return tidy(str(manual))


def sections_of(epilog: str) -> dict[str, str]:
    """Return the sections of the end of a help text, as roff.

    A paragraph that begins with a heading, as ``exit codes:``, is a section; all the
    others are its notes.
    """
    found: dict[str, list[str]] = {"notes": []}
    for paragraph in filter(None, re.split(r"\n\s*\n", epilog.strip("\n"))):
        first, _, rest = paragraph.partition("\n")
        if re.fullmatch("[a-z]+( [a-z]+)*:", first) and rest.startswith(" "):
            found.setdefault(first[:-1], []).append(listed(rest))
        else:
            found["notes"].append(listed(paragraph))
    found["notes"] = found.pop("notes")  # the last
    return {heading: "\n.PP\n".join(texts) for heading, texts in found.items() if texts}


def listed(paragraph: str) -> str:
    """Return a paragraph as roff, of which the indented lines are a list.

    A line has a term, and after two spaces its text, which further lines may continue;
    one with more words side by side is a part of a table.
    """
    found = []
    for line in paragraph.splitlines():
        term, *texts = re.split(" {2,}", line.strip())
        if not line.startswith(" "):
            found.append(roff(line))
        elif len(texts) > 1:
            found.append(roff(" ".join([term, *texts])))
        elif not texts and line.startswith(" " * 5):
            found.append(roff(term))
        else:
            found += [".TP", f"\\fB{roff(term)}\\fR", roff(*texts) if texts else "\\&"]
    return "\n".join(found)


def roff(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-")


def tidy(text: str) -> str:
    """Return a page without empty lines; no text in it is a request of roff."""
    title, *lines = text.splitlines()
    found = [title.replace("\\-", "-")]  # or the date is not taken for one
    for line in lines:
        if not line:
            found.append(".PP")
        elif line.startswith("'") or re.match(r"\.(?!(BR?|PP|SH|TH|TP)\b)", line):
            found.append(f"\\&{line}")
        else:
            if line.startswith((".SH", ".TP")) and found[-1:] == [".PP"]:
                found.pop()
            found.append(line)
    return "\n".join(found) + "\n"


def main() -> None:
    share = Path(sys.argv[1])
    for path, text in {**completions(), **pages()}.items():
        (share / path).parent.mkdir(parents=True, exist_ok=True)
        (share / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
