"""Process: what a user of subprocess.Popen expects, and an end of its own."""

import errno
import gc
import inspect
import os
import select
import signal
import sys
import threading
from pathlib import Path

import pytest
import support
from support import alone, in_child, inject, needs

from butter._clone_spawn import SpawnOptions
from butter.clone import CLONE_NEWPID, CLONE_NEWUTS, DEVNULL, PIPE, STDOUT, Process, spawn
from butter.pidfd import PIDFD_SIGNAL_PROCESS_GROUP, Pidfd

pytestmark = needs(kernel=(5, 4))

# far more than anything takes, and more than pipes hold
LONG, LARGE = 60, 3_000_000

# says when it is ready, and does not heed SIGTERM
STUBBORN = ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"]


def gone(pid):
    """Whether there is neither a process nor a zombie of this number."""
    return not Path(f"/proc/{pid}").exists()


def fill(stream):
    """Fill a pipe and the file in front of it."""
    os.set_blocking(stream.fileno(), False)
    try:
        while True:
            stream.write(b"x" * 4096)
    except BlockingIOError:
        pass


# communicate


def test_communicate():
    """communicate returns the output and the errors, and learns the exit code."""
    with Process(["sh", "-c", "cat; echo error >&2; exit 3"], stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        assert process.communicate(b"input\n", LONG) == (b"input\n", b"error\n")
        assert process.returncode == 3
        # as often as it is asked
        assert process.communicate() == (b"input\n", b"error\n")


def test_much_both_ways():
    """More input, output and errors than pipes hold go through, at the same time."""
    data = os.urandom(LARGE)
    with Process(["tee", "/dev/stderr"], stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        assert process.communicate(memoryview(data), LONG) == (data, data)


@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr", "none"])
def test_a_pipe_alone(name):
    """A stream without a pipe is None in the result, and without any it is a wait."""
    options = {} if name == "none" else {name: PIPE}
    with Process(["sh", "-c", "cat <&3; echo error >&2"], pass_fds={3: 0}, **{"stderr": DEVNULL, **options}) as process:
        out, err = process.communicate(b"" if name == "stdin" else None, LONG)
    assert (out, err) == (b"" if name == "stdout" else None, b"error\n" if name == "stderr" else None)
    assert process.returncode == 0


def test_input_that_nobody_reads():
    """A program that ends without reading its input is not an error."""
    with Process(["true"], stdin=PIPE) as process:
        process.stdin.write(b"kept in the file")
        assert process.communicate(bytes(LARGE), LONG) == (None, None)
        assert process.returncode == 0


def test_bytes_before_communicate():
    """Bytes that the file has written, or read ahead, before are not lost."""
    with Process(["cat"], stdin=PIPE, stdout=PIPE) as process:
        process.stdin.write(b"one\ntwo\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"one\n"
        process.stdin.write(b"three\n")
        assert process.communicate(b"four\n", LONG) == (b"two\nthree\nfour\n", None)


def test_large_file_buffer_before_communicate():
    """A buffer that the pipe cannot take waits for its turn: there is no deadlock."""
    with Process(["cat"], stdin=PIPE, stdout=PIPE) as process:
        data = bytes(range(256)) * (LARGE >> 8)
        fill(process.stdin)  # and with it the pipe of the output
        out, _ = process.communicate(data, LONG)
        assert out.endswith(data)
        assert out.strip(b"x") == data


def test_timeout_loses_nothing(pipe):
    """After a TimeoutError the program goes on, and a later call has all the output."""
    script = "cat; echo first; read line <&3; echo $line"
    with Process(["sh", "-c", script], stdin=PIPE, stdout=PIPE, pass_fds={3: pipe.reading}) as process:
        for data, timeout in ((b"input\n", 0), (None, 0.05), (None, 0)):
            with pytest.raises(TimeoutError, match=f"has not ended.* within {timeout} seconds"):
                process.communicate(data, timeout)
        with pytest.raises(ValueError, match="input must be None"):
            process.communicate(b"more")
        os.write(pipe.writing, b"second\n")
        assert process.communicate(timeout=LONG) == (b"input\nfirst\nsecond\n", None)


def test_timeout_with_endless_output():
    """Output that never ends does not keep communicate from its timeout."""
    with Process(["yes"], stdout=PIPE) as process, pytest.raises(TimeoutError):
        process.communicate(timeout=0.02)
    assert process.returncode == -signal.SIGTERM


def test_process_that_ends_after_its_pipes(pipe):
    """communicate waits for the end also where the output has ended before."""
    script = "exec >&-; read line <&3; exit 5"
    with Process(["sh", "-c", script], stdout=PIPE, pass_fds={3: pipe.reading}) as process:
        with pytest.raises(TimeoutError):
            process.communicate(timeout=0.02)
        os.write(pipe.writing, b"\n")
        assert process.communicate(timeout=LONG) == (b"", None)
        assert process.returncode == 5


def test_interrupted_communicate():
    """An exception of a signal handler ends communicate, and a later call continues."""

    class Interrupt(Exception):
        pass

    def handler(*_):
        raise Interrupt

    with Process(["sh", "-c", "echo out; cat"], stdin=PIPE, stdout=PIPE) as process:
        # a second writer, so that the program waits for its input
        keep = os.dup(process.stdin.fileno())
        with support.alarms(support.when_waiting(handler)), pytest.raises(Interrupt):
            process.communicate(b"in\n")
        os.close(keep)
        assert process.communicate(timeout=LONG) == (b"out\nin\n", None)


@pytest.mark.parametrize(
    ("error", "words", "options", "input"),
    [
        (ValueError, "needs stdin=PIPE", {}, b"data"),
        (TypeError, "input must be bytes or another buffer, not str", {"stdin": PIPE}, "text"),
        (TypeError, "must be str", {"stdin": PIPE, "text": True}, b"data"),
        (UnicodeEncodeError, "ascii", {"stdin": PIPE, "encoding": "ascii"}, "ä"),
    ],
)
def test_wrong_input(error, words, options, input):
    """Wrong input is refused, and a right one is then taken."""
    with Process(["true"], **options) as process:
        with pytest.raises(error, match=words):
            process.communicate(input)
        assert process.communicate(timeout=LONG) == (None, None)


# text


def test_text():
    """With text, encoding or errors the streams and communicate have str."""
    with Process(["cat"], stdin=PIPE, stdout=PIPE, encoding="latin-1") as process:
        process.stdin.write("ä\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ä\n"
        assert process.communicate("ö\r\nü", LONG) == ("ö\nü", None)
    with Process(["printf", r"\344"], stdout=PIPE, encoding="utf-8", errors="replace") as process:
        assert process.communicate(timeout=LONG) == ("\ufffd", None)
    with Process(["echo", "a"], stdout=PIPE, text=True) as process:
        assert list(process.stdout) == ["a\n"]
        assert process.wait(LONG) == 0


@pytest.mark.parametrize(
    ("error", "words", "options"),
    [
        (LookupError, "no such", {"encoding": "no such"}),
        (LookupError, "hex", {"encoding": "hex"}),
        (LookupError, "no such", {"encoding": "utf-8", "errors": "no such"}),
        (TypeError, "must be str", {"errors": 5}),
        (ValueError, "^grace is -1; it must not be negative", {"grace": -1}),
        (TypeError, "^grace must be a number of seconds or None, not str", {"grace": "1"}),
    ],
)
def test_refused_before_the_program(error, words, options, tmp_path):
    """A value that cannot be is refused before the program starts."""
    with pytest.raises(error, match=words):
        Process(["true"], stdin=PIPE, stdout=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.implementation.name == "pypy", reason="its finalisers run later, and handlers elsewhere")
@alone
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("options", [{}, {"text": True}], ids=str)
def test_handler_that_raises_anywhere(options):
    """A handler that raises after the program has started leaves nothing of it."""

    class Interrupt(Exception):
        pass

    def profile(frame, event, _):
        # handlers run at the beginning of a function, and when a call returns
        nonlocal left, begun
        if (event, frame.f_code) == ("return", spawn.__code__):
            begun = True
            return
        if (event, frame.f_code) == ("return", Process.__init__.__code__):
            sys.setprofile(None)
        if not begun or not sys.getprofile():
            return
        left -= 1
        if left == 0:
            sys.setprofile(None)
            raise Interrupt

    def attempt(number):
        nonlocal left, begun
        left, begun = number, False
        try:
            sys.setprofile(profile)
            process = Process(["sleep", "60"], stdin=PIPE, stdout=PIPE, grace=0, **options)
        except Interrupt:
            return True
        finally:
            sys.setprofile(None)
        with process:
            return False

    left, begun = 0, False
    attempt(0)
    before, number = support.descriptors(), 1
    while attempt(number):
        assert support.descriptors() == before, number
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        number += 1
    assert number > 10


# what it has of Pidfd and spawn


def test_names_of_popen():
    """The attributes and methods are those that users of Popen know."""
    with Process(["sh", "-c", "exit 3"], stdout=PIPE, stderr=STDOUT) as process:
        assert isinstance(process, Pidfd)
        assert process.args == ["sh", "-c", "exit 3"]
        assert process.stdin is process.stderr is None
        assert process.wait(LONG) == process.poll() == process.returncode == 3
        pid = process.pid
    # also afterwards
    assert process.wait() == process.poll() == process.returncode == 3
    assert (process.pid, process.closed(), process.stdout.closed) == (pid, True, True)
    assert repr(process) == f"<Process fd=closed pid={pid} returncode=3 args=['sh', '-c', 'exit 3']>"


def test_signals():
    """Signals reach the program, and nothing happens once it has ended."""
    for send, number in ((Process.terminate, signal.SIGTERM), (Process.kill, signal.SIGKILL)):
        with Process(["sleep", "60"]) as process:
            send(process)
            assert process.wait(LONG) == -number
            send(process)
            process.send_signal(signal.SIGUSR1)
        send(process)
    # the kernel knows that it has ended before the object does
    with Process(["true"]) as process:
        os.waitpid(process.pid, 0)
        process.terminate()


@alone
def test_end_of_what_another_call_has_reaped():
    """Nothing is left of it, though the kernels before Linux 6.15 keep no exit code."""
    inject("ioctl", errno.ENOTTY)
    before = support.descriptors()
    with Process(["true"]) as process:
        os.waitpid(process.pid, 0)
    assert support.descriptors() == before


@needs(kernel=(6, 9))
def test_signal_to_a_group():
    """A signal to the group of a program that leads none is an error while it runs."""
    with Process(["sleep", "60"]) as process:
        with pytest.raises(ProcessLookupError, match="does not lead one"):
            process.send_signal(signal.SIGTERM, flags=PIDFD_SIGNAL_PROCESS_GROUP)
        process.kill()
        process.wait(LONG)
        process.send_signal(signal.SIGTERM, flags=PIDFD_SIGNAL_PROCESS_GROUP)
    with Process(["sleep", "60"], process_group=0) as process:
        process.send_signal(signal.SIGTERM, flags=PIDFD_SIGNAL_PROCESS_GROUP)
        assert process.wait(LONG) == -signal.SIGTERM


def test_files_by_path(tmp_path):
    """A stream may be the path of a file, and so may those of spawn."""
    (tmp_path / "in").write_bytes(b"b\na\n")
    with Process(["sort"], stdin=tmp_path / "in", stdout=str(tmp_path / "out")) as process:
        assert process.wait(LONG) == 0
    assert (tmp_path / "out").read_bytes() == b"a\nb\n"
    with pytest.raises(FileNotFoundError) as caught:
        Process(["sort"], stdin=tmp_path / "none")
    assert Path(caught.value.filename) == tmp_path / "none"


def test_options_of_spawn(tmp_path):
    """Every option of spawn is one of Process, and means the same."""
    named = set(inspect.signature(Process).parameters) - {"text", "encoding", "errors", "grace", "options"}
    assert named | set(SpawnOptions.__annotations__) == set(inspect.signature(spawn).parameters)
    with Process(["sh", "-c", "echo $A; pwd"], stdout=PIPE, cwd=tmp_path, env={"A": "1"}, path="/bin") as process:
        assert process.communicate(timeout=LONG) == (f"1\n{tmp_path}\n".encode(), None)
    with pytest.raises(FileNotFoundError, match=r"spawn\(cwd\)"):
        Process(["true"], cwd=tmp_path / "none", stdout=PIPE)
    with pytest.raises(TypeError, match="preexec_fn"):
        Process(["true"], preexec_fn=print)


def test_adopt():
    """A Child of spawn becomes a Process with all it has."""
    with Process.adopt(spawn(["cat"], stdin=PIPE, stdout=PIPE)) as process:
        assert process.communicate(b"data", LONG) == (b"data", None)
        assert (process.returncode, process.args) == (0, None)


# the end of the block


def test_end_of_block_terminates():
    """A program that still runs at the end of the block is terminated and reaped."""
    with Process(["sleep", "60"]) as process:
        pass
    assert process.returncode == -signal.SIGTERM
    assert gone(process.pid)


@pytest.mark.parametrize("grace", [0, 0.05])
def test_end_of_block_kills(grace):
    """A program that does not end in the grace time is killed and reaped."""
    with Process(STUBBORN, stdout=PIPE, grace=grace) as process:
        assert process.stdout.readline() == b"ready\n"
    assert process.returncode == -signal.SIGKILL
    assert gone(process.pid)


def test_end_of_block_after_an_exception():
    """An exception in the block is raised after the program has ended."""
    with pytest.raises(ZeroDivisionError), Process(["sleep", "60"]) as process:
        raise ZeroDivisionError
    assert gone(process.pid)


def test_grace():
    """A program may end in its own way in the grace time, and write before."""
    script = "trap 'echo bye >&3; exit 4' TERM; echo ready; while :; do sleep 0.01; done"
    with support.Pipe() as pipe:
        with Process(["sh", "-c", script], stdout=PIPE, pass_fds={3: pipe.writing}, grace=LONG) as process:
            assert process.stdout.readline() == b"ready\n"
        assert process.returncode == 4
        assert os.read(pipe.reading, 10) == b"bye\n"


def test_interrupted_end():
    """An exception in the grace time kills the program, and it is reaped."""

    def handler(*_):
        raise KeyboardInterrupt

    process = Process(STUBBORN, stdout=PIPE, grace=None)
    assert process.stdout.readline() == b"ready\n"
    with support.alarms(support.when_waiting(handler)), pytest.raises(KeyboardInterrupt), process:
        pass
    assert process.returncode == -signal.SIGKILL
    assert gone(process.pid)


def test_unwritten_input_at_the_end():
    """Bytes that the program never read do not delay the end of the block."""
    with Process(["sleep", "60"], stdin=PIPE) as process:
        fill(process.stdin)
    assert process.stdin.closed


def test_forked_child_leaves_the_block():
    """A forked child that leaves the block does nothing to the program or its pipes."""
    with Process(["cat"], stdin=PIPE, stdout=PIPE) as process:
        process.stdin.write(b"in the buffer of the file")

        def leave():
            process.__exit__(None, None, None)
            return process.closed() and process.stdin.closed and process.stdout.closed

        assert in_child(leave)
        assert process.poll() is None
        assert os.get_blocking(process.stdout.fileno())
        assert process.communicate(timeout=LONG)[0] == b"in the buffer of the file"


def test_pipe_that_another_file_has():
    """A detached pipe stays open, and all else is closed at the end of the block."""
    with Process(["cat"], stdin=PIPE, stdout=PIPE) as process:
        detached = process.stdin.detach()
    assert (process.closed(), process.stdout.closed, detached.closed) == (True, True, False)
    detached.close()


def test_input_for_a_closed_pipe():
    """Input that cannot be written any more is refused."""
    with Process(["cat"], stdin=PIPE, stdout=PIPE) as process:
        process.stdin.close()
        with pytest.raises(ValueError, match="stdin is closed"):
            process.communicate(b"data")
        assert process.communicate(timeout=LONG) == (b"", None)


def test_reaped_by_another():
    """A child that another call has reaped does not fail at the end of the block."""

    def body():
        inject("ioctl", errno.ENOTTY)  # no kernel keeps the code
        with Process(["true"]) as process:
            os.waitpid(process.pid, 0)
        return process.returncode

    assert in_child(body) is None


@needs("CAP_SYS_ADMIN")
def test_first_of_a_pid_namespace():
    """A program without a handler that is pid 1 is killed after the grace time."""
    with Process(["sleep", "60"], namespaces=CLONE_NEWPID | CLONE_NEWUTS, hostname="x", grace=0.05) as process:
        pass
    assert process.returncode == -signal.SIGKILL


def test_forgotten():
    """A forgotten process warns, and its child is reaped when the next one is made."""
    forgotten = [Process(["true"])]
    pid = forgotten[0].pid
    assert select.select(forgotten, [], [], LONG)[0]
    with pytest.warns(ResourceWarning, match=r"unclosed <Process .*args=\['true'\]"):
        support.forget(forgotten)
    with Process(["true"]):
        assert gone(pid)


# many, and elsewhere


def test_hundred_at_once():
    """A hundred programs at once keep their output apart."""
    processes = [Process(["sh", "-c", f"cat; echo {n}"], stdin=PIPE, stdout=PIPE) for n in range(100)]
    for number, process in enumerate(processes):
        with process:
            assert process.communicate(b"in\n", LONG) == (f"in\n{number}\n".encode(), None)
            assert process.returncode == 0


def test_threads():
    """Threads that communicate with programs of their own do not disturb each other."""
    found = {}

    def talk(number):
        data = bytes([number]) * 200_000
        with Process(["cat"], stdin=PIPE, stdout=PIPE) as process:
            found[number] = process.communicate(data, LONG) == (data, None)

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(8), True)
    gc.collect()
