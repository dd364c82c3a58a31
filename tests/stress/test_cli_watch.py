"""``butter watch`` in a storm of files."""

import json
import os
import signal
import tempfile
from pathlib import Path

import pytest
from commands import finish, stop, watching

from butter.errors import sysctl

pytestmark = [pytest.mark.stress, pytest.mark.usefixtures("plain_environment")]

FILES, DIRECTORIES = 50_000, 100


def text_path(line):
    return line.split()[2]


def json_path(line):
    return json.loads(line)["path"]


@pytest.fixture
def directory():
    """A directory in memory, where there is one: a disk is slow and shared."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as name:
        yield name


@pytest.mark.parametrize(("options", "path_of"), [([], text_path), (["--json"], json_path)])
def test_each_file_is_told(directory, options, path_of):
    """With -r each file has its line, also where the queue of the kernel overflows."""
    paths = [f"{directory}/{number % DIRECTORIES}/{number}" for number in range(FILES)]
    for number in range(DIRECTORIES):
        os.mkdir(f"{directory}/{number}")
    limits = ["-n", str(FILES), "-t", "100"]
    with tempfile.TemporaryFile() as output:
        with watching("-r", directory, "-e", "create", *limits, *options, stdout=output) as process:
            for path in paths:
                with open(path, "wb", buffering=0) as file:
                    file.write(b"x")
            code = process.wait(timeout=120)
        output.seek(0)
        told = [path_of(line.decode()) for line in output]
    assert sorted(told) == sorted(paths)
    assert code == 0


def test_lost_events_are_found(directory):
    """After an overflow of the kernel's queue every file is told all the same."""
    files = sysctl("fs.inotify.max_queued_events") // 2 + 10
    with watching("-r", directory, "-e", "created", "-n", str(files)) as process:
        stop(process)
        for number in range(files):
            Path(directory, str(number)).touch()
        process.send_signal(signal.SIGCONT)
        code, lines, said = finish(process)
    assert (code, said) == (0, "")
    assert {int(line.rpartition("/")[2]) for line in lines} == set(range(files))
