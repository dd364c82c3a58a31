"""What is checked before a change lands: ``nox``, or one session of it, as ``nox -s lint``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PYTHONS = ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "pypy3"]

nox.options.default_venv_backend = "venv"
# a Python that this machine lacks is no failure
nox.options.error_on_missing_interpreters = False


@nox.session
def lint(session: nox.Session) -> None:
    """Format, lint and types of Python and C; the generated files."""
    session.install(".[bench,docs,lint,test]", "setuptools>=77")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("mypy")
    session.run("clang-format", "--dry-run", "--Werror", *map(str, Path("butter/build").glob("*.c")))
    built = session.create_tmp()
    session.run(
        *("python", "setup.py", "-q", "build_ext", "--force", "--build-temp", built, "--build-lib", built),
        env={"CFLAGS": "-Wall -Wextra -Werror"},
    )
    session.run("python", "tools/constants.py", "--check")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The suite, on every Python; what follows ``--`` goes to pytest."""
    session.install(".[test]")
    # PyPy's compiler now and then crashes on the syntax trees that pytest makes of assertions (pytest-dev/pytest#11168)
    plain = ["--assert=plain"] if session.python == "pypy3" else []
    session.run("pytest", *plain, *session.posargs)


@nox.session
def stress(session: nox.Session) -> None:
    """What runs for long, millions of events, waits and cancellations, and what sets the time of day."""
    session.install(".[test]")
    session.run("pytest", "-m", "stress or clock", *session.posargs)


@nox.session
def wheel(session: nox.Session) -> None:
    """The wheel and the sdist: what is in them, and the suite against the installed wheel, from outside the tree."""
    session.install("build", "pytest", "hypothesis")
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
def fuzz(session: nox.Session) -> None:
    """The parsers under the address and undefined-behaviour sanitizers, a million inputs and more."""
    session.install("cffi")
    for harness in sorted(Path("tests/fuzz").glob("*.c")):
        session.run("python", "tests/fuzz/run.py", harness.stem, *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation; a warning is an error."""
    session.install(".[docs]")
    session.run("sphinx-build", "-W", "-q", "-b", "html", "docs", "docs/_build/html")


@nox.session
def benchmarks(session: nox.Session) -> None:
    """butter beside its peers: ``nox -s benchmarks -- inotify``. Not part of a check: a busy machine tells nothing."""
    session.install(".[bench]")
    session.run("python", "-m", "benchmarks", *session.posargs)


nox.options.sessions = ["lint", "tests", "fuzz", "docs", "wheel", "stress"]
