"""The programs that watch files, where other users choose what is there."""

import os
import signal

import pytest
import support
from commands import ignore
from kernel.test_examples import EXAMPLES, running

from butter.system import umount

NAME = b"\xff"
STRICT = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}  # as in most locales
TUTORIAL = sorted(path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.glob("tutorial/*.py"))


def see_the_name(example, directory):
    """See *example* tell of a file whose name is not UTF-8, and of the next one."""
    with running(example, directory, env=STRICT) as process:
        if "spool" not in example:
            assert process.stdout.readline().startswith("watching ")
        for name in NAME, b"next":
            with open(os.fsencode(directory) + b"/" + name, "w") as file:
                file.write("text")
            while repr(os.fsdecode(name))[1:] not in (line := process.stdout.readline()):
                assert line, process.stderr.read()


@pytest.mark.parametrize(
    "example", [*TUTORIAL[:2], TUTORIAL[-1], "watch_directory.py", "watch_tree.py", "work_off_spool.py"]
)
def test_a_name_that_is_not_utf_8(example, tmp_path):
    """A name that cannot be printed as it is does not end the program."""
    ignore(tmp_path, "")
    see_the_name(example, tmp_path)


@support.needs(kernel=(5, 17))
def test_a_name_that_is_not_utf_8_by_fanotify(tmp_path):
    """Nor does it end the one that needs no privileges."""
    see_the_name("monitor_directories.py", tmp_path)


@support.needs("CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH", kernel=(5, 17))
def test_a_name_that_is_not_utf_8_of_a_process(tmp_path):
    """Nor the one that tells which program it was."""
    support.own_filesystem(lambda path: see_the_name("who_changed.py", path), tmp_path)


@support.needs("CAP_SYS_ADMIN", kernel=(6, 16))
def test_a_name_that_is_not_utf_8_of_a_mount(tmp_path):
    """Nor the one that tells mounts."""
    place = tmp_path / os.fsdecode(NAME)
    place.mkdir()
    with support.Mounter(place) as other, running("mount_monitor.py", other.pid, env=STRICT) as process:
        assert process.stdout.readline().startswith("watching ")
        other.mount(6)
        assert process.stdout.readline() == f"appeared {str(place)!r} (tmpfs '6')\n"


@support.needs("CAP_SYS_ADMIN")
@pytest.mark.parametrize("example", ["watch_directory.py", TUTORIAL[1], TUTORIAL[-1]])
def test_what_is_no_file(example, tmp_path):
    """A directory that comes is not told, nor is the unmount that ends the program."""

    def body(path):
        os.mkdir("in")
        os.mkdir("directory")
        with running(example, f"{path}/in", cwd="/") as process:
            assert process.stdout.readline() == f"watching {path}/in\n"
            os.rename("directory", "in/directory")
            os.chdir("/")
            umount(path)
            assert process.communicate(timeout=60) == ("", "")
            assert process.returncode == 0

    support.own_filesystem(body, tmp_path, "tmpfs")


@pytest.mark.parametrize("example", TUTORIAL)
def test_the_tutorial_without_arguments(example):
    """A program that was told no directory says how it is used, and does not wait."""
    with running(example) as process:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (1, "")
        assert f"Usage: python examples/{example} DIRECTORY" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_tutorial_without_a_reader(number, tmp_path):
    """A signal ends the last step of the tutorial also if its output is not read."""
    # with a buffer Python itself could not flush it at the end
    with running("tutorial/6_shutdown.py", tmp_path, unbuffered=True) as process:
        assert process.stdout.readline() == f"watching {tmp_path}\n"
        process.stdout.close()
        process.send_signal(number)
        assert process.stderr.read() == ""
        assert process.wait(60) == 0


@pytest.mark.parametrize("example", TUTORIAL[4:])
def test_the_tutorial_that_cannot_show(example, tmp_path):
    """An error of either task ends the program."""
    with running(example, tmp_path) as process:
        assert process.stdout.readline() == f"watching {tmp_path}\n"
        process.stdout.close()
        (tmp_path / "file").touch()
        assert "BrokenPipeError" in process.stderr.read()
        assert process.wait(60) != 0


def test_a_spool_with_traps(tmp_path):
    """A link and a named pipe neither lead elsewhere nor stop the work."""
    spool = tmp_path / "spool"
    spool.mkdir()
    (tmp_path / "secret").write_text("text")
    (spool / "a").symlink_to(tmp_path / "secret")
    (spool / "b").symlink_to(tmp_path)
    os.mkfifo(spool / "c")
    (spool / "d").write_text("1")
    with running("work_off_spool.py", spool) as process:
        assert process.stdout.readline() == "'c' 0 bytes\n"
        assert process.stdout.readline() == "'d' 1 bytes\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, "")
        assert err == "".join(
            f"not done: [Errno 40] Too many levels of symbolic links: '{spool}/{name}'\n" for name in "ab"
        )
    assert sorted(os.listdir(spool))[:2] == ["a", "b"]
