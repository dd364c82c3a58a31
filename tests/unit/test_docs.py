"""The manual is whole: every name, constant, errno, example and page has a place.

Sphinx is not needed here: ``tools/reference.py`` writes the text of the generated
parts, and ``nox -s docs`` makes the pages of it.
"""

import ast
import builtins
import codeop
import functools
import importlib
import os
import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

import pictures
import pytest
import reference
from commands import run
from support import errno_tables

import butter.errors

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
PAGES = {
    path.relative_to(DOCS).with_suffix("").as_posix(): path
    for path in sorted(DOCS.rglob("*.rst"))
    if "_build" not in path.parts
}
EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("*.py"))
MODULES = {module.__name__: module for module in reference.public_modules()}
TABLES = errno_tables()
CALLS = sorted(call for call in TABLES if call != "fork")  # the command's own
# the jobs for which most users come, and their words for them
JOBS = {
    "how_to/work_off_spool": ["complete", "finished file", "spool"],
    "how_to/watch_directory": ["close_write"],
    "how_to/watch_tree": ["recursive", "subdirectories"],
    "how_to/follow_configuration": ["rename", "reload"],
    "tutorial/asyncio": ["asyncio"],
    "tutorial/timeout": ["timeout"],
    "tutorial/overflow": ["overflow"],
    "how_to/graceful_shutdown": ["graceful shutdown", "SIGTERM"],
    "how_to/heartbeat": ["heartbeat", "every second"],
    "how_to/wake_from_thread": ["thread"],
    "how_to/memfd_to_child": ["sealed", "pass_fds"],
    "how_to/proxy": ["socket"],
    "splice": ["sendfile"],
    "how_to/use_in_epoll": ["select"],
    "coming_from/pyinotify": ["pyinotify"],
    "coming_from/watchdog": ["watchdog"],
}
SETTINGS = runpy.run_path(str(DOCS / "conf.py"))
GENERATED = re.compile(r"^\.\. generated:: (\w+)(.*)$", re.MULTILINE)


@functools.cache
def text_of(page):
    """A page as Sphinx reads it."""
    return GENERATED.sub(lambda found: getattr(reference, found[1])(*found[2].split()), PAGES[page].read_text())


def is_documented(module, name):
    """Whether a page has *name* in full, or in short beside its *module*'s text."""
    short = rf"::? ?{name}\b|``{name}``"
    for page in PAGES:
        text = text_of(page)
        if re.search(rf"(auto\w+:: |:constant:`){module}\.{name}\b", text):
            return True
        if (found := re.search(rf"automodule:: {module}\n(   :.*\n)*", text)) and (
            ":members:" in found[0] or re.search(short, text)
        ):
            return True
    return False


@pytest.mark.parametrize("module", [name for name, module in MODULES.items() if hasattr(module, "__all__")])
def test_every_public_name_has_a_place(module):
    """A name that programs can import is in the reference."""
    names = set(MODULES[module].__all__) - {"__version__"}
    assert {name for name in names if not is_documented(module, name)} == set()


@pytest.mark.parametrize("module", MODULES)
def test_every_public_module_has_a_place(module):
    """A module that programs can import is described on exactly one page."""
    found = [page for page in PAGES if re.search(rf"module:: {module}$", text_of(page), re.MULTILINE)]
    assert len(found) == 1


def test_a_name_without_a_place_is_seen():
    """A name that no page has is noticed by the test of the reference."""
    assert is_documented("butter.inotify", "IN_CLOSE_WRITE")
    assert not is_documented("butter.inotify", "IN_CLOSE_WRIT")
    assert not is_documented("butter.eventfd", "IN_CLOSE_WRITE")


def test_constants_have_number_meaning_and_kernel():
    """The table of an argument has all that its builder says."""
    text = " ".join(reference.feature("inotify").split())
    row = "* - :constant:`butter.inotify.IN_MASK_CREATE butter.inotify.InotifyMask.MASK_CREATE`"
    assert f"{row} - ``0x10000000`` - refuse an object that is already watched - 4.18" in text


def test_kernels_of_a_docstring():
    """The kernel of the whole thing is told from those of its parts."""
    own = "Linux 5.9, and 5.11 for ``CLOSE_RANGE_CLOEXEC``; :manpage:`close_range(2)`."
    assert reference.kernels_in(own) == (["5.9"], ["5.11"])
    assert reference.kernels_in("Its id.\n\nLinux 6.18, and 6.11 for mounts.") == (["6.11"], ["6.18"])
    assert reference.kernels_in("It is the thread's. arm64 and RISC-V, Linux 5.4.") == (["5.4"], [])
    assert reference.kernels_in("A wait, before Linux\n5.11 in milliseconds.") == ([], ["5.11"])
    assert reference.kernels_in("Linux 6.13 has the calls; Linux 2.6.39 had not.") == ([], ["6.13"])


def test_the_table_of_kernels_has_each_constant():
    """A constant of a newer kernel stands in the row of that kernel alone."""
    rows = re.split(r"^   \* - ", text_of("kernels"), flags=re.MULTILINE)
    newer = [
        (f"butter.{name}.{constant}`", since[1])
        for name in reference.feature_modules()
        for group in reference.declared_groups(name)
        for constant, meaning in group.constants
        if (since := reference.SINCE.search(meaning)) and reference.numbers(since[1]) >= reference.OLDEST
    ]
    assert len(newer) > 200
    for constant, kernel in newer:
        assert [row.split()[0] for row in rows if constant in row] == [kernel], constant


def test_the_table_of_kernels_has_calls_and_objects():
    """A call, an object and a method stand in the rows of the kernels they name."""
    rows = {row.split()[0]: row for row in re.split(r"^   \* - ", reference.kernels(), flags=re.MULTILINE)[1:]}
    assert ":obj:`pidfd_open <butter.pidfd.pidfd_open>`" in rows["5.3"]
    assert (
        ":obj:`MountMonitor <butter.mounts.MountMonitor>`"
        in rows["6.15"].partition("     - ")[2].partition("     - ")[0]
    )
    assert ":obj:`Pidfd.info <butter.pidfd.Pidfd.info>`" in rows["6.13"]
    assert ":obj:`Mount <butter.system.Mount>`" in rows["5.12"].rpartition("     - ")[2]
    assert "``open_tree``" in next(row for row in reference.newer_calls().split("* - ") if row.startswith("5.2\n"))


@pytest.mark.parametrize("call", CALLS)
def test_every_errno_has_a_sentence(call):
    """Each errno's meaning is written out, on one page."""
    heading = f"\n{call}\n{'~' * len(call)}\n"
    assert [text_of(page).count(heading) for page in PAGES if heading in text_of(page)] == [1]
    for number, (_, sentence) in TABLES[call].meanings.items():
        sentences = reference.sentences(sentence)
        assert sentences, number
        assert all(len(re.findall("[a-z]{2,}", text)) >= 2 for text in sentences), sentences
        # dots at the beginning may stand for a name, and not for a part of the sentence
        assert not [text for text in sentences if re.match("… ?([…;,.]|is …)", text)]


def test_the_tree_of_exceptions():
    """Each exception is drawn with the name by which a program imports it."""
    names = re.findall(r"── ([\w.]+)", reference.tree())
    assert {"butter.memfd.Sealed", "NoMoreEvents", "PermissionError"} <= set(names)
    for name in names:
        module, _, short = name.rpartition(".")
        # the others are Python's, or of the module that the page is about
        homes = [importlib.import_module(module)] if module else [builtins, butter.errors]
        assert any(issubclass(getattr(home, short, object), OSError) for home in homes), name


def test_sentences_of_a_function():
    """Every text that a function may return is found; looked-up values are gaps."""
    limit = "this user has no watch left: fs.inotify.max_user_watches is …; 'sysctl …' as root raises it"
    rows = {row[0]: row[2] for call, table in reference.tables(["butter._inotify"]) for row in table}
    assert rows["``ENOSPC``"] == limit


@pytest.mark.parametrize("command", ["watch", "doctor", "demo"])
def test_the_command_has_every_option(command):
    """The page of the command has each option of --help."""
    page = text_of("command")
    # elsewhere, because Python would import the checkout, which may not be compiled
    help = run(command, "--help", cwd="/").stdout
    options = set(re.findall(r"(?<!\S)--?[a-z]+", help.partition("options:")[2] or help))
    assert "--help" in options
    assert {option for option in options if option not in page} == set()


@pytest.mark.parametrize("page", [page for page in PAGES if ">>> " in PAGES[page].read_text()])
def test_examples_can_be_pasted(page):
    """An interactive Python takes the lines that the copy button of a page copies."""
    prompts = re.compile(f"^(?:{SETTINGS['copybutton_prompt_text']})(.*)", re.MULTILINE)
    for block in re.split(r"\n\s*\n", PAGES[page].read_text()):
        statement = ""
        for line in prompts.findall(block) if ">>> " in block else ():
            statement += line
            statement = "" if codeop.compile_command(statement) else statement + "\n"
        assert statement == "", "end the statement by a line that is '...'"


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_has_a_guide(example):
    """A guide has the whole program, by its file."""
    assert f".. literalinclude:: ../../examples/{example}.py\n" in PAGES[f"how_to/{example}"].read_text()


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_kernel_of_an_example_is_on_its_page(example):
    """The page, which leaves the docstring out, says which kernel the program needs."""
    docstring = " ".join(ast.get_docstring(ast.parse((ROOT / f"examples/{example}.py").read_text())).split())
    for kernel in re.findall(r"Linux \d+\.\d+", docstring):
        assert kernel in " ".join(PAGES[f"how_to/{example}"].read_text().split())


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith(("how_to/", "tutorial/"))])
def test_a_block_has_a_language(page):
    """A block says what it is, because Sphinx would colour it as Python."""
    assert re.findall(r"^(?!\.\. ).*::$", PAGES[page].read_text(), re.MULTILINE) == []


def test_every_page_can_be_reached():
    """Each page stands in one table of contents, and each entry is a page."""
    entries = []
    for path in PAGES.values():
        for tree in re.findall(r"^\.\. toctree::\n((?:   .*\n|\n)*)", path.read_text(), re.MULTILINE):
            entries += [line.strip() for line in tree.splitlines() if line.strip() and not line.strip().startswith(":")]
    assert sorted([*entries, "index"]) == sorted(PAGES)


@functools.cache
def links_of(page):
    """The pages to which the text of a page leads; tables of contents are not text."""
    found = re.findall(r":doc:`(?:[^`<]*<)?([^`<>]+)>?`", PAGES[page].read_text())
    return {os.path.normpath(os.path.join("/", os.path.dirname(page), target))[1:] for target in found}


@pytest.mark.parametrize(("page", "words"), JOBS.items())
def test_a_common_job_is_found(page, words):
    """The first page leads to the guide in two clicks, and its index has the words."""
    # nox -s screenshots asks the search for them
    near = links_of("index")
    assert page in near.union(*map(links_of, near))
    directives = re.findall(r"^\.\. index::(.*\n(?:   .*\n)*)", PAGES[page].read_text(), re.MULTILINE)
    marked = {word.strip(" \n,") for word in re.split("[!,]", "".join(directives))}
    assert set(words) <= marked


def test_python_inventory():
    """The names of Python's manual are sorted lines: a change is easily read."""
    lines = (DOCS / "python.inv").read_text().splitlines()
    assert lines[0] == "# Sphinx inventory version 1"
    assert all(
        re.fullmatch(r"[\w.]+ (mod|class|exception|function|method|data) library/[\w.-]+\.html", x) for x in lines[3:]
    )
    assert lines[3:] == sorted(lines[3:], key=str.lower)


def test_the_configuration_needs_no_network():
    """Every inventory that the build reads stands in the repository."""
    assert all((DOCS / inventory).is_file() for _, inventory in SETTINGS["intersphinx_mapping"].values())


def test_pictures():
    """Each picture is on a page, with words instead, and needs no other file."""
    shown = [
        (DOCS / page).parent / found
        for page, path in PAGES.items()
        for found in re.findall(r"^\.\. image:: (\S+)\n   :alt: \S", path.read_text(), re.MULTILINE)
    ]
    assert sorted(shown) == sorted(pictures.FOLDER / f"{name}.svg" for name in pictures.PICTURES)
    for path in shown:
        names = {name for element in ElementTree.parse(path).iter() for name in element.attrib}
        assert not [name for name in names if "href" in name]
