"""The types that editors and checkers see: jedi, mypy --strict and pyright.

``pytest -m typing`` runs these, with what the extra ``lint`` installs.
"""

import importlib
import json
import pkgutil
import re
import subprocess
import sys
import types
import typing

import pytest

import butter
import butter.asyncio
import butter.trio
from butter._timerfd import TimerVal
from butter.inotify import InotifyEvent
from butter.signalfd import Signal

pytestmark = pytest.mark.typing

# Each line with a comment is one question: a revealed type, as both
# checkers have to print it but for the modules, or a mistake.
PROGRAM = """\
from __future__ import annotations

from signal import SIGTERM, valid_signals

from butter.asyncio.eventfd import Eventfd_async
from butter.asyncio.inotify import Inotify_async
from butter.asyncio.signalfd import Signalfd_async
from butter.asyncio.timerfd import Timerfd_async
from butter.eventfd import Eventfd
from butter.inotify import Inotify
from butter.memfd import Memfd
from butter.prctl import capabilities, prctl
from butter.signalfd import Signalfd
from butter.sigset import sigismember
from butter.system import MS_REMOUNT, getpid, mount, mounted
from butter.timerfd import Timer
from butter.trio import inotify as trio_inotify
from butter.trio.pidfd import Pidfd_async


def objects() -> None:
    with Inotify() as inotify:
        for event in inotify:
            reveal_type(event)  # InotifyEvent
            reveal_type(event.name)  # str
            reveal_type(event.flags)  # InotifyMask
            reveal_type(event.overflow_event)  # bool
            event.overflow_event.nosuch  # mistake
        reveal_type(inotify.wait(1))  # InotifyEvent
        reveal_type(inotify.read_events())  # list[InotifyEvent]
        reveal_type(inotify.watch("/tmp"))  # int
    reveal_type(sigismember(valid_signals(), SIGTERM))  # bool
    with Signalfd([SIGTERM]) as signals:
        for signal in signals:
            reveal_type(signal)  # Signal
            reveal_type(signal.name)  # str
            reveal_type(signal.pid)  # int
            signal.pid.nosuch  # mistake
        reveal_type(signals.read_event())  # Signal
    with Timer() as timer:
        for ticks in timer:
            reveal_type(ticks)  # int
        reveal_type(timer.every(1).after(0.5))  # Timer
        reveal_type(timer.get_current())  # TimerVal
        reveal_type(timer.get_current().next_event)  # TimePair
        reveal_type(timer.update())  # TimerVal
    with Eventfd() as counter:
        for value in counter:
            reveal_type(value)  # int
        reveal_type(counter.read_event())  # int


def files() -> None:
    with Memfd("numbers") as memfd:
        reveal_type(memfd.open())  # BufferedRandom
        reveal_type(memfd.open("rb"))  # BufferedReader
        reveal_type(memfd.open("wb"))  # BufferedWriter
        reveal_type(memfd.open("rb", 0))  # FileIO
        reveal_type(memfd.open("w").read())  # str
        memfd.open("w").write(b"")  # mistake
        memfd.open("wb").write("")  # mistake
        reveal_type(memfd.writable)  # bool
        reveal_type(memfd.sealed_copy())  # Memfd
        reveal_type(memfd.mmap())  # mmap


def mounts() -> None:
    with mounted("scratch", "/mnt", "tmpfs", data={"size": "1m", "ro": True}) as path:
        reveal_type(path)  # str
    mount(None, path, flags=MS_REMOUNT, data={"size": "1m", "nr_inodes": 4})
    mount(None, path, flags=MS_REMOUNT, data={"size": 1.5})  # mistake
    mount(5, path)  # mistake
    reveal_type(getpid())  # int


def settings() -> None:
    reveal_type(prctl.dumpable)  # bool
    reveal_type(prctl.timerslack)  # int
    reveal_type(prctl.securebits)  # PrctlSecurebits
    reveal_type(prctl.capbset)  # BoundingSet
    reveal_type(capabilities.effective)  # set[Capability | int]
    prctl.dumpable = "yes"  # mistake
    prctl.dumpabel = True  # mistake


async def awaitables() -> None:
    async with Inotify_async() as inotify:
        reveal_type(inotify)  # Inotify_async
        async for event in inotify:
            reveal_type(event)  # InotifyEvent
        reveal_type(await inotify.get())  # InotifyEvent
        reveal_type(inotify.get_nowait())  # InotifyEvent
        reveal_type(inotify.watch("/tmp"))  # int
    async for signal in Signalfd_async([SIGTERM]):
        reveal_type(signal)  # Signal
    async for ticks in Timerfd_async().every(seconds=1):
        reveal_type(ticks)  # int
    async for value in Eventfd_async():
        reveal_type(value)  # int


async def awaitables_of_trio() -> None:
    async with trio_inotify.Inotify_async(maxsize=3) as inotify:
        reveal_type(inotify)  # Inotify_async
        async for event in inotify:
            reveal_type(event)  # InotifyEvent
        reveal_type(await inotify.get())  # InotifyEvent
        reveal_type(inotify.watch("/tmp"))  # int
    reveal_type(await Pidfd_async(1).wait(1))  # int
    trio_inotify.Inotify_async(loop=None)  # mistake
"""

# A program's text up to the cursor, and the class whose members have to be offered.
COMPLETIONS = {
    "inotify": ("from butter.inotify import Inotify\nfor event in Inotify():\n    event.", InotifyEvent),
    "signal": ("from butter.signalfd import Signalfd\nfor signal in Signalfd():\n    signal.", Signal),
    "timer": ("from butter.timerfd import Timer\nfor ticks in Timer():\n    ticks.", int),
    "current": ("from butter.timerfd import Timer\nTimer().get_current().", TimerVal),
    "eventfd": ("from butter.eventfd import Eventfd\nEventfd().read_event().", int),
    # jedi does not tell one mode from the other
    "memfd": ("from butter.memfd import Memfd\nMemfd().open('w').", typing.IO),
    "async": (
        "from butter.asyncio.inotify import Inotify_async\n"
        "async def main():\n"
        "    async for event in Inotify_async():\n"
        "        event.",
        InotifyEvent,
    ),
}


def mypy(program, cache):
    """``(line, severity, message)`` of all that mypy says."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(cache)]
    done = subprocess.run([*command, program.name], cwd=program.parent, capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), done.stderr
    return [
        (int(line), severity, message)
        for line, severity, message in re.findall(r"^program\.py:(\d+): (\w+): (.*)$", done.stdout, re.MULTILINE)
    ]


def pyright(program, cache):
    """``(line, severity, message)`` of all that pyright says."""
    (program.parent / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, program.name]
    done = subprocess.run(command, cwd=program.parent, capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return [
        (said["range"]["start"]["line"] + 1, said["severity"], said["message"])
        for said in json.loads(done.stdout)["generalDiagnostics"]
    ]


def plain(name):
    """A type as both checkers print it: without modules and notes."""
    name = re.sub(r"\b(?:\w+\.)+", "", name)
    name = re.sub(r"tuple\[[^\[\]]*, fallback=(\w+)\]", r"\1", name)
    return re.sub(r"\[_\w+\]$", "", name)


@pytest.fixture(scope="module", params=[mypy, pyright], ids=lambda checker: checker.__name__)
def check(request, tmp_path_factory):
    """``check(text)``: a program's types and mistakes, by the numbers of the lines."""
    folder = tmp_path_factory.mktemp(request.param.__name__)

    def check(text):
        program = folder / "program.py"
        program.write_text(text)
        revealed, mistakes = {}, {}
        for line, severity, message in request.param(program, folder / "cache"):
            if found := re.fullmatch(r'(?:Revealed type|Type of ".*") is "(.*)"', message):
                revealed[line] = plain(found[1])
            elif severity == "error":
                mistakes[line] = message
        return revealed, mistakes

    return check


def public_classes():
    """``(module, class)`` of the public modules' classes, but for the constants'."""
    found = [
        *pkgutil.iter_modules(butter.__path__, "butter."),
        *pkgutil.iter_modules(butter.asyncio.__path__, "butter.asyncio."),
        *pkgutil.iter_modules(butter.trio.__path__, "butter.trio."),
    ]
    modules = [importlib.import_module(module.name) for module in found if not module.ispkg and "._" not in module.name]
    return {
        (module.__name__, name)
        for module in modules
        for name in getattr(module, "__all__", ())
        if isinstance(cls := getattr(module, name), type)
        and cls.__module__.startswith("butter")
        and not issubclass(cls, int)
    }


def properties(cls):
    """The attributes of *cls* that are butter's, and not methods."""
    methods = (types.FunctionType, types.BuiltinFunctionType, classmethod, staticmethod)
    return sorted(
        {
            name
            for base in cls.__mro__
            if base.__module__.startswith("butter")
            for name, value in vars(base).items()
            if not name.startswith("_") and not isinstance(value, methods)
        }
    )


def test_types_and_mistakes(check):
    """Every type and every mistake is the one that the comment says."""
    comments = {
        number: comment
        for number, line in enumerate(PROGRAM.splitlines(), 1)
        for _, _, comment in [line.partition("  # ")]
        if comment
    }
    revealed, mistakes = check(PROGRAM)
    assert revealed == {number: comment for number, comment in comments.items() if comment != "mistake"}
    assert set(mistakes) == {number for number, comment in comments.items() if comment == "mistake"}, mistakes


# what a program gives to a request comes back, and the value depends on the request
THE_PROGRAMS_OWN = {f"butter.uring.Completion.{name}" for name in ("buffer", "user_data", "value")}


def test_no_property_is_any(check):
    """Each attribute of each public class has a type of its own."""
    program, asked = ["import " + module for module in sorted({module for module, _ in public_classes()})], {}
    for module, name in sorted(public_classes()):
        program += [f"def about(thing: {module}.{name}) -> None:", "    pass"]
        for attribute in properties(getattr(sys.modules[module], name)):
            program.append(f"    reveal_type(thing.{attribute})")
            asked[len(program)] = f"{module}.{name}.{attribute}"
    revealed, _ = check("\n".join(program))
    assert set(revealed) == set(asked)
    assert "butter.inotify.InotifyEvent.overflow_event" in asked.values()
    holes = {asked[number] for number, found in revealed.items() if re.search(r"\b(Any|Unknown)\b", found)}
    assert holes == THE_PROGRAMS_OWN


@pytest.mark.parametrize(("code", "cls"), COMPLETIONS.values(), ids=COMPLETIONS)
def test_completion(code, cls):
    """Editors that ask jedi offer the attributes of an event."""
    import jedi

    offered = {
        completion.name for completion in jedi.Script(code, environment=jedi.InterpreterEnvironment()).complete()
    }
    assert {name for name in dir(cls) if not name.startswith("_") and not hasattr(tuple, name)} <= offered
