"""The numbers and pictures of docs/performance.rst, which come from docs/figures/."""

import json
import platform
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from xml.etree import ElementTree

import plots
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs/performance.rst").read_text()

TAKEN = {
    "machine": {"cpu": "a", "cores": 2, "kernel": "6.18-x", "python": "CPython 3.13.0", "butter": "1.0"},
    "comparisons": [
        {
            "title": "Draining",
            "unit": "ns",
            "rounds": 9,
            "contenders": {"slow": [2900, 3000, 3200], "butter": [390, 400, 410], "C floor": [280, 300, 300]},
        },
        {"title": "Alone", "unit": "ns", "rounds": 9, "contenders": {"butter": [1, 2, 3]}},
        {"title": "Draining more", "unit": "bytes", "rounds": 9, "contenders": {"butter": [5] * 3, "x": [1] * 3}},
    ],
}


@pytest.fixture
def taken(tmp_path, monkeypatch):
    """A folder with one file of numbers, as of a benchmark."""
    monkeypatch.setattr(plots, "FOLDER", tmp_path)
    monkeypatch.setattr(plots, "PICTURES", {"taken": plots.Picture("taken", "^Draining$")})
    plots.measured.cache_clear()
    (tmp_path / "taken.json").write_text(json.dumps(TAKEN))
    yield tmp_path
    plots.measured.cache_clear()


def picture(*texts):
    """An SVG with these texts, and a scale."""
    lines = "".join(f"<text>{text}</text>" for text in texts)
    scale = '<g id="xtick_1"><text>1/2</text></g>'
    return f'<svg xmlns="http://www.w3.org/2000/svg"><g>{lines}</g>{scale}</svg>'


def test_pictures_are_of_today():
    """Each picture shows the numbers of its file."""
    assert plots.outdated() == []


def test_each_picture_is_shown():
    """Each picture is on the page once and has a file; each file of numbers is used."""
    shown = re.findall(r"^\.\. generated:: figure (\w+)$", PAGE, re.MULTILINE)
    assert sorted(shown) == sorted(plots.PICTURES) == sorted(path.stem for path in plots.FOLDER.glob("*.svg"))
    assert {picture.data for picture in plots.PICTURES.values()} == {path.stem for path in plots.FOLDER.glob("*.json")}


@pytest.mark.parametrize("name", plots.PICTURES)
def test_a_picture_needs_no_other_file(name):
    """A picture has its colours in itself, no background, and links to nothing."""
    root = ElementTree.parse(plots.FOLDER / f"{name}.svg").getroot()
    links = [value for part in root.iter() for key, value in part.attrib.items() if key.endswith("href")]
    assert [link for link in links if not link.startswith("#")] == []
    assert "#ffffff" not in (plots.FOLDER / f"{name}.svg").read_text()


def test_the_page_has_no_number_of_its_own():
    """A ratio or a time in the prose of the page comes from a file."""
    text = re.sub(r":measured:`[^`]*`", "", PAGE)
    assert len(re.findall(":measured:`", PAGE)) > 10
    assert re.findall(r"\d[\d.,]* (?:times|ns|µs|ms|percent|seconds?|microseconds?)\b|\b\d+\.\d+\b", text) == []


def test_readme_has_the_numbers_of_the_page():
    """The first paragraph of the page is in README, with its numbers."""
    paragraph = plots.filled(PAGE.split("\n\n")[1])
    readme = (ROOT / "README.rst").read_text()
    wanted = "\n".join(textwrap.wrap(" ".join(paragraph.split()), 88, break_on_hyphens=False))
    assert wanted in readme, f"it has to say:\n{wanted}"


def test_numbers(taken):
    """A ratio has few digits, a median its unit, and a rate is rounded."""
    assert plots.number("taken | Draining | slow / butter") == "7.50"
    assert plots.number("taken | Draining | slow / C floor") == "10.0"
    assert plots.number("taken |\nDraining | C floor / butter") == "0.75"
    assert plots.number("taken | Draining | slow") == "3.00 µs"
    assert plots.number("taken | Draining m | butter") == "5.00 bytes"
    assert plots.number("taken | Draining | slow per second") == "330,000"
    assert plots.filled("It takes :measured:`taken | Draining |\n  slow`.") == "It takes 3.00 µs."


@pytest.mark.parametrize("question", ["taken | Draining | fast", "taken | Drain | butter", "taken | Alone | butter"])
def test_numbers_that_nobody_measured(taken, question):
    """A number of a contender or a title that no file has, or two have, is an error."""
    with pytest.raises((KeyError, ValueError)):
        plots.number(question)


def test_results_of_a_benchmark(taken):
    """The file of a benchmark has the medians, the quartiles and the machine."""
    pytest.importorskip("uvloop")  # which the benchmarks need, and PyPy has not
    code = """
import itertools, pathlib, sys
from benchmarks import forget_checkout
forget_checkout()
from benchmarks.record import Record
from benchmarks.runner import Comparison
samples = {"butter": itertools.count(400).__next__, "C floor": itertools.count(300, 10).__next__}
comparison = Comparison("Draining", samples, rounds=5)
Record(pathlib.Path(sys.argv[1]), "taken").add(comparison, comparison.measure())
"""
    subprocess.run([sys.executable, "-c", code, taken], cwd=ROOT, check=True)
    machine, (found,) = plots.measured("taken")
    # the first sample of each warms up
    assert found == ("Draining", "ns", 5, {"C floor": (320, 330, 340), "butter": (402, 403, 404)})
    assert list(machine) == list(TAKEN["machine"])
    assert machine["python"].endswith(platform.python_version())


def test_an_outdated_picture_is_seen(taken):
    """A picture that is missing or shows another number is noticed; a scale is not."""
    assert plots.outdated() == ["taken"]
    words = list(plots.words(plots.PICTURES["taken"]))
    assert {"Draining", "C floor", "0.75", "300 ns", "slow", "7.50", "3.00 µs"} <= set(words)
    (taken / "taken.svg").write_text(picture(*words))
    assert plots.outdated() == []
    (taken / "taken.svg").write_text(picture(*words).replace("300 ns", "310 ns"))
    assert plots.outdated() == ["taken"]


def test_the_words_below_a_picture(taken):
    """A picture on the page has its numbers as text, its command, and its machine."""
    text = " ".join(plots.directive("taken").split())
    assert ":alt: Draining: C floor 300 ns, butter 400 ns, slow 3.00 µs." in text
    assert "``python -m benchmarks taken``: CPython 3.13.0, Linux 6.18, 2 cores (a), 9 rounds." in text


def test_a_drawn_picture_is_of_today(tmp_path):
    """A picture that is drawn has all words, the same bytes each time, and no date."""
    pytest.importorskip("matplotlib")  # of the extra bench, with which nox -s lint runs this
    # in another process, as matplotlib leaves its fonts open
    code = "import pathlib, plots, sys; plots.draw(plots.PICTURES['eventfd'], pathlib.Path(sys.argv[1]))"
    paths = [tmp_path / "first.svg", tmp_path / "second.svg"]
    for path in paths:
        subprocess.run([sys.executable, "-c", code, path], cwd=ROOT / "tools", check=True)
    assert sorted(plots.drawn(paths[0])) == sorted(plots.words(plots.PICTURES["eventfd"]))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert b"dc:date" not in paths[0].read_bytes()
