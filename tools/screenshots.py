#!/usr/bin/env python3
"""Look at the manual in Chromium: pictures of its pages, and checks in the browser.

    python tools/screenshots.py HTML FOLDER [PAGE ...]

HTML has the built pages, FOLDER gets the pictures, and a PAGE is a name as
``how_to/proxy``, all of them by default. Each page is taken four times, on a wide
screen and on a phone, in light and in dark. The program exits with 1 when

* a page is wider than its window, and so scrolls sideways as a whole;
* a picture is missing, or the console has an error;
* the manual's search for a word does not find the page that the word leads to: one
  whose ``.. index::`` marks it with a ``!``.

The browser is spoken to through two pipes, so nothing but Chromium is needed.
"""

from __future__ import annotations

import base64
import functools
import http.server
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from pathlib import Path
from types import TracebackType
from typing import Any

#: a page has to be among so many first results of a search for its words
FIRST = 5

#: the width and the height of each window
WINDOWS = {"wide": (1400, 900), "phone": (390, 844)}
SCHEMES = ["light", "dark"]
#: the height of a picture at most, in pixels: a long page looks alike everywhere
HEIGHT = 4000

#: seconds that the browser has for an answer
LIMIT = 120

OPTIONS = [
    "--headless=new",
    *(["--no-sandbox"] if os.geteuid() == 0 else []),  # with which it refuses to run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
]

# on a phone the theme lets the text scroll as a whole instead of the window
COMPLAINTS = """(() => {
    const found = [];
    for (const box of [document.documentElement, document.querySelector(".content")]) {
        if (box.scrollWidth <= box.clientWidth) continue;
        const scrolls = (each) => each !== box && (getComputedStyle(each).overflowX !== "visible" ||
            scrolls(each.parentElement));
        const edge = box.getBoundingClientRect().left + box.clientWidth;
        const wide = [...box.querySelectorAll("*")].filter((each) =>
            each.getBoundingClientRect().right > edge && !scrolls(each.parentElement));
        found.push(`it scrolls sideways, to a width of ${box.scrollWidth}, by ` +
            wide.slice(-3).map((each) => each.outerHTML.slice(0, 70)).join(", "));
    }
    for (const image of document.images)
        if (!image.naturalWidth) found.push(`the picture ${image.src} is missing`);
    return found;
})()"""

# the summary is written when the last result is there
RESULTS = """(async () => {
    while (!document.querySelector(".search-summary")?.innerText)
        await new Promise((resume) => setTimeout(resume, 10));
    return [...document.querySelectorAll("#search-results ul.search > li > a")].map((each) => each.href);
})()"""


class Chromium:
    """A browser with one page, spoken to by its DevTools protocol."""

    def __init__(self, profile: str) -> None:
        # the browser's ends are its descriptors 3 and 4
        script = 'exec chromium "$@" 3<&0 4>&1 0</dev/null 1>&0 2>&0'
        self.process = subprocess.Popen(
            ["sh", "-c", script, "sh", *OPTIONS, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self.number = 0
        self.session = ""
        self.rest = b""
        self.errors: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in "Page", "Runtime", "Log":
            self.call(f"{domain}.enable")

    def __enter__(self) -> Chromium:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.communicate()

    def receive(self) -> dict[str, Any]:
        """Return the next message, and remember errors of the console."""
        assert self.process.stdout is not None
        while b"\0" not in self.rest:
            if not select.select([self.process.stdout], [], [], LIMIT)[0]:
                raise TimeoutError(f"the browser says nothing for {LIMIT} seconds")
            if not (more := self.process.stdout.read(1 << 20)):
                raise EOFError("the browser has ended")
            self.rest += more
        text, _, self.rest = self.rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        about = message.get("params", {})
        if message.get("method") == "Log.entryAdded" and about["entry"]["level"] == "error":
            self.errors.append(f"{about['entry']['text']} ({about['entry'].get('url')})")
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(about["exceptionDetails"]["exception"]["description"])
        if message.get("method") == "Runtime.consoleAPICalled" and about["type"] in ("assert", "error"):
            self.errors.append(" ".join(str(each.get("value", each.get("description"))) for each in about["args"]))
        return message

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol, and return its result."""
        assert self.process.stdin is not None
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        self.process.stdin.write(json.dumps(request).encode() + b"\0")
        while (answer := self.receive()).get("id") != self.number:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, address: str) -> None:
        """Show the page, and return when it is loaded."""
        self.errors = []
        self.call("Page.navigate", url=address)
        while self.receive().get("method") != "Page.loadEventFired":
            pass

    def resize(self, width: int, height: int) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def prefer(self, scheme: str) -> None:
        """Say which colours the user likes, as the system's settings would."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def evaluate(self, script: str) -> Any:
        """Return the value of *script* in the page."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def picture(self) -> bytes:
        """Return the page as a PNG, also the part that is below the window."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "scale": 1, "width": size["width"], "height": min(size["height"], HEIGHT)}
        found = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(found["data"])


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


def take(browser: Chromium, site: str, page: str, folder: Path) -> list[str]:
    """Take the pictures of *page*, and return what is wrong with it."""
    complaints = []
    for window, size in WINDOWS.items():
        browser.resize(*size)
        browser.open(f"{site}/{page}.html")
        found = browser.evaluate(COMPLAINTS)
        complaints += [f"{page} ({window}): {each}" for each in [*found, *browser.errors]]
        for scheme in SCHEMES:
            browser.prefer(scheme)
            path = folder / f"{page.replace('/', '-')}.{window}.{scheme}.png"
            path.write_bytes(browser.picture())
    return complaints


def words_of_pages(html: Path) -> list[tuple[str, str]]:
    """Return the main entries of the index, each with its page."""
    text = (html / "searchindex.js").read_text()
    index = json.loads(text[text.index("{") : text.rindex("}") + 1])
    return [
        (words, index["docnames"][page])
        for words, places in index["indexentries"].items()
        for page, _, main in places
        if main
    ]


def search(browser: Chromium, site: str, words: str) -> list[str]:
    """Return the pages that the manual's search finds, the best first."""
    browser.open(f"{site}/search.html?q={urllib.parse.quote(words)}")
    return [urllib.parse.urlsplit(link).path[1:].removesuffix(".html") for link in browser.evaluate(RESULTS)]


def main() -> None:
    html, folder = Path(sys.argv[1]), Path(sys.argv[2])
    skipped = {"genindex", "py-modindex", "search"}
    every = sorted(path.relative_to(html).with_suffix("").as_posix() for path in html.rglob("*.html"))
    pages = sys.argv[3:] or [page for page in every if page not in skipped and not page.startswith("_")]
    folder.mkdir(parents=True, exist_ok=True)
    # pages that are read as files may not fetch the excerpts of a search
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(html)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    site = f"http://127.0.0.1:{server.server_port}"
    complaints = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, Chromium(profile) as browser:
        for page in pages:
            complaints += take(browser, site, page, folder)
        for words, page in words_of_pages(html):
            found = search(browser, site, words)
            if page not in found[:FIRST]:
                place = f"result {found.index(page) + 1}" if page in found else "not found"
                complaints.append(f"search of {words!r}: {page} is {place}, after {', '.join(found[:FIRST])}")
    server.shutdown()
    print(f"{len(pages)} pages are in {folder}")
    if complaints:
        sys.exit("\n".join(complaints))


if __name__ == "__main__":
    main()
