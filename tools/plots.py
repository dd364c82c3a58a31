#!/usr/bin/env python3
"""Draw the pictures of docs/performance.rst, from the numbers in docs/figures/.

    python tools/plots.py          draw them, with matplotlib of the extra bench
    python tools/plots.py --check  list those that show other numbers than the files
                                   have, and exit with 1 if there are any

``python -m benchmarks FEATURE --json docs/figures`` writes a file of numbers. The check
compares the words and numbers in a picture, and not its bytes, because these depend on
the version of matplotlib; so it needs no matplotlib.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs/figures"


class Picture(NamedTuple):
    """The comparisons in the file *data* whose titles match *pattern*, from the top."""

    data: str
    pattern: str = ""


PICTURES = {
    "inotify": Picture("inotify", "^(Draining|Asking)"),
    "inotify_asyncio": Picture("inotify", "on (asyncio|uvloop)$"),
    "inotify_trio": Picture("inotify", "on trio$"),
    "eventfd": Picture("eventfd"),
    "timerfd": Picture("timerfd"),
    "signalfd": Picture("signalfd"),
    "sigset": Picture("sigset"),
    "prctl": Picture("prctl"),
    "seccomp": Picture("seccomp"),
    "seccomp_listener": Picture("seccomp_listener", "answered(, on \\w+)?, waking|answered$"),
    "landlock": Picture("landlock"),
    "sandbox": Picture("sandbox"),
    "clone": Picture("clone"),
    "mounts": Picture("mounts"),
    "splice": Picture("splice"),
    "uring": Picture("uring", "(one by one|32 at once|by read_many|4,096 at once)$"),
    "aio": Picture("aio", " (1|32) at once$"),
    "asyncio_files": Picture("asyncio_files", "^(An awaited read|A small)"),
    "asyncio_files_writes": Picture("asyncio_files", "^An awaited write"),
    "asyncio_files_timers": Picture("asyncio_files", "^The latest timer"),
    "epoll": Picture("epoll", "^(poll|read_events|epoll_wait) .* (1|10000) |modify$|echo"),
    "pidfd": Picture("pidfd"),
    "spawn": Picture("spawn"),
    "tree": Picture("tree", "^(Set-up|Memory|CPU time|A rescan)"),
    "watch": Picture("watch", "^CPU time"),
    "imports": Picture("imports"),
}


class Bar(NamedTuple):
    """The samples of a contender: their quartiles, and the median between these."""

    low: float
    median: float
    high: float


class Comparison(NamedTuple):
    """A comparison of a file, its contenders from the fastest to the slowest."""

    title: str
    unit: str
    rounds: int
    bars: dict[str, Bar]

    def ratio(self, name: str, other: str = "butter") -> str:
        """How many times as long as the *other* a contender took."""
        ratio = self.bars[name].median / self.bars[other].median
        return f"{ratio:.{2 if ratio < 9.995 else 1 if ratio < 99.95 else 0}f}"

    def value(self, name: str) -> str:
        """The median of a contender, as people read it."""
        value, unit = self.bars[name].median, self.unit
        for larger in {"ns": ("µs", "ms", "s"), "bytes": ("kB", "MB")}[unit]:
            if value < 999.5:
                break
            value, unit = value / 1000, larger
        return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {unit}"


@functools.cache
def measured(data: str) -> tuple[dict[str, Any], list[Comparison]]:
    """Return the machine of a file, and its comparisons that have two contenders."""
    content = json.loads((FOLDER / f"{data}.json").read_text())
    found = []
    for each in content["comparisons"]:
        bars = {name: Bar(*taken) for name, taken in each["contenders"].items()}
        bars = dict(sorted(bars.items(), key=lambda item: item[1].median))
        bars.pop("nothing", None)  # it is beyond each scale
        if len(bars) > 1:
            found.append(Comparison(each["title"], each["unit"], each["rounds"], bars))
    return content["machine"], found


def comparisons(picture: Picture) -> list[Comparison]:
    return [each for each in measured(picture.data)[1] if re.search(picture.pattern, each.title)]


# The words of a picture, and of the manual


def words(picture: Picture) -> Iterator[str]:
    """The words and numbers in a picture, but for those of the scale."""
    for comparison in comparisons(picture):
        yield comparison.title
        for name in comparison.bars:
            yield from (name, comparison.ratio(name), comparison.value(name))
    yield SCALE


def directive(name: str) -> str:
    """Return the directive for a picture, with its words, and how it was made."""
    picture = PICTURES[name]
    machine, _ = measured(picture.data)
    found = comparisons(picture)
    said = [f"{each.title}: {', '.join(f'{name} {each.value(name)}' for name in each.bars)}." for each in found]
    kernel = machine["kernel"].partition("-")[0]
    rounds = sorted({each.rounds for each in found})
    return "\n".join(
        [
            f".. figure:: figures/{name}.svg",
            f"   :alt: {' '.join(said)}",
            "",
            f"   ``python -m benchmarks {picture.data}``: {machine['python']}, Linux {kernel},",
            f"   {machine['cores']} cores ({machine['cpu']}), {' or '.join(map(str, rounds))} rounds.",
        ]
    )


def number(question: str) -> str:
    """Return the number that *question* asks for.

    It has the name of a file, a title or its beginning, and then two contenders, for
    the ratio of their medians, or one, for its median: ``imports | Importing an
    awaitable | butter / asyncio alone``. With ``per second`` after a contender it is
    how often a second has that median.
    """
    data, title, asked = (" ".join(part.split()) for part in question.split("|"))
    _, known = measured(data)
    begun = [each for each in known if each.title.startswith(title)]
    (found,) = [each for each in begun if each.title == title] or begun
    name, _, other = asked.partition(" / ")
    if other:
        return found.ratio(name, other)
    if name.endswith(" per second"):
        often = 1e9 / found.bars[name[: -len(" per second")]].median
        return f"{float(f'{often:.2g}'):,.0f}"
    return found.value(name)


def filled(text: str) -> str:
    """Return a text of a page, with each role ``measured`` replaced by its number."""
    return re.sub(r":measured:`([^`]*)`", lambda role: number(role[1]), text)


# The pictures

SCALE = "times butter"

#: readable on white and on black
TEXT, LINES = "#7d7d7d", "#7d7d7d55"
COLOURS = {"butter": "#d07000", "floor": "#7d7d7d", "peer": "#4c86c6"}

#: contenders that do less than the work of butter
FLOORS = ("C floor", "C ring", "asyncio alone", "fork alone", "spawn without a sandbox", "the start of Python")

#: in inches, of 72 pixels of the picture
WIDTH, ROW, HEAD, FOOT = 7.2, 0.27, 0.42, 0.5


def kind(name: str) -> str:
    return "butter" if name.startswith("butter") else "floor" if name in FLOORS else "peer"


def draw(picture: Picture, path: Path) -> None:
    """Write the picture: a point for each contender, on a scale of ratios to butter."""
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, NullLocator

    found = comparisons(picture)
    ratios = [bar / each.bars["butter"].median for each in found for bars in each.bars.values() for bar in bars]
    scale = [2.0**power for power in range(-12, 16) if min(ratios) / 2 < 2.0**power < max(ratios) * 2]
    if len(scale) > 9:
        scale = [tick for tick in scale if tick in (1 / 64, 1 / 16, 1 / 4, 1, 4, 16, 64, 256, 1024)]
    heights = [HEAD + ROW * len(each.bars) for each in found]
    height = sum(heights) + FOOT
    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "butter",
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 10,
        "text.color": TEXT,
        "xtick.color": TEXT,
        "ytick.color": TEXT,
        "axes.labelcolor": TEXT,
    }
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(WIDTH, height))
        top = height
        for each, size in zip(found, heights):
            axes = figure.add_axes((0.35, (top - size) / height, 0.43, (size - HEAD) / height))
            top -= size
            axes.patch.set_visible(False)
            axes.set_xscale("log")
            axes.set_xlim(min([*ratios, *scale]) / 1.15, max([*ratios, *scale]) * 1.15)
            axes.set_ylim(len(each.bars) - 0.5, -0.5)
            axes.set_title(each.title, x=-0.81, loc="left", fontsize=10, fontweight="bold")
            axes.xaxis.set_major_locator(FixedLocator(scale))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.grid(axis="x", color=LINES, linewidth=0.6)
            axes.axvline(1, color=COLOURS["butter"], linewidth=1)
            axes.set_yticks(range(len(each.bars)), each.bars)
            axes.tick_params(length=0, labelbottom=False)
            for spine in axes.spines.values():
                spine.set_visible(False)
            for row, (name, bar) in enumerate(each.bars.items()):
                low, middle, high = (value / each.bars["butter"].median for value in bar)
                colour = COLOURS[kind(name)]
                axes.plot([low, high], [row, row], color=colour, linewidth=5, alpha=0.35, solid_capstyle="round")
                axes.plot([middle], [row], color=colour, marker="o", markersize=6)
                beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center"}
                axes.text(1.17, row, each.ratio(name), color=colour, **beside)
                axes.text(1.49, row, each.value(name), **beside)
        axes.set_xticks(scale, [f"{tick:g}" if tick >= 1 else f"1/{1 / tick:g}" for tick in scale])
        axes.tick_params(labelbottom=True)
        axes.set_xlabel(SCALE, fontsize=9)
        metadata = {"Title": ", ".join(each.title for each in found), "Date": None, "Creator": None}
        figure.savefig(path, format="svg", transparent=True, metadata=metadata)
    # without spaces at the ends of lines
    path.write_text("".join(f"{line.rstrip()}\n" for line in path.read_text().splitlines()))


def drawn(path: Path) -> list[str]:
    """Return the words and numbers in a picture, without those of the scale."""

    def texts(element: ElementTree.Element) -> Iterator[str]:
        if element.tag.endswith("}text"):
            yield element.text or ""
        for part in element:
            if not part.get("id", "").startswith("xtick"):
                yield from texts(part)

    return list(texts(ElementTree.parse(path).getroot()))


def outdated() -> list[str]:
    """Return the names of the pictures that do not show the numbers of today."""
    return [
        name
        for name, picture in PICTURES.items()
        if not (path := FOLDER / f"{name}.svg").exists() or sorted(drawn(path)) != sorted(words(picture))
    ]


def main() -> None:
    if "--check" not in sys.argv[1:]:
        for name, picture in PICTURES.items():
            draw(picture, FOLDER / f"{name}.svg")
    elif names := outdated():
        sys.exit(f"not up to date in docs/figures: {', '.join(names)}; 'python tools/plots.py' draws them anew")


if __name__ == "__main__":
    main()
