"""``butter fence``: what the program may use, its start and end, its terminal."""

import errno
import json
import os
import platform
import shlex
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from commands import COMMAND, Terminal, children, one_line, ready, run_as_nobody, state, stopped_job
from support import in_child, inject, needs, needs_no_filter, until

import butter
from butter import cli, sandbox
from butter.cli import fence as _cli_fence

pytestmark = [pytest.mark.usefixtures("plain_environment"), needs_no_filter, needs(kernel=(6, 12))]

FENCE = *COMMAND, "fence"
MISSING = "Operation not permitted\n"


def fence(*arguments, cwd=None, env=None):
    """``butter fence``, run to its end in a forked child, as a new Python is slow."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:

        def body():
            for number, file in (1, out), (2, err):
                os.dup2(file.fileno(), number)
            sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
            if cwd is not None:
                os.chdir(cwd)
            if env is not None:
                os.environ.clear()
                os.environ.update(env)
            return cli.main(["fence", *map(os.fspath, arguments)])

        status = in_child(body)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(arguments, status, out.read(), err.read())


def shell(script, *options, **settings):
    """The lines that a shell script prints behind a fence."""
    done = fence(*options, "--", "sh", "-c", script, **settings)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


#: the options with which this Python starts
PYTHON = [
    word
    for path in sorted({sys.base_prefix, sys.prefix, str(Path(butter.__file__).parent.parent)})
    for word in ("--execute", path)
] + ["--read", "/proc/cpuinfo"]  # which PyPy reads


def python(script, *arguments, options=(), **settings):
    """The output of a Python program behind a fence."""
    done = fence(*PYTHON, *options, "--", sys.executable, "-c", script, *arguments, **settings)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def files(tmp_path):
    """Directories whose files say their names."""
    for name in "read", "written", "executed", "other":
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(f"{name}\n")
        program = tmp_path / name / "program"
        program.write_text("#!/bin/sh\necho started\n")
        program.chmod(0o755)
    return tmp_path


TRY = """
for name in read written executed other; do
  { read line < $name/file; } 2>/dev/null && echo "$name is read"
  { echo x >> $name/file; } 2>/dev/null && echo "$name is written"
  $name/program > /dev/null 2>&1 && echo "$name is executed"
done
echo done
"""


def test_files(files):
    """Files that are named may be read, written, or executed, and no others."""
    options = "--read", "read", "--write", files / "written", "--execute", "executed", "--profile", "build"
    assert shell(TRY, *options, cwd=files) == [
        *("read is read", "written is read", "written is written", "executed is read", "executed is executed"),
        "done",
    ]


def test_nothing_named():
    """Without options a program of /usr starts, and reads nothing of its user's."""
    script = "cd /; echo *; { read line < /etc/hostname; } 2>/dev/null || echo refused"
    assert shell(script) == ["*", "refused"]


def test_bare(files):
    """With --bare not even the programs of the machine may be used."""
    done = fence("--bare", "--", "sh", "-c", "echo started")
    assert (done.returncode, done.stdout) == (126, "")
    one_line(done.stderr, "fence: --execute has to name the loader of '", "/sh'")
    system = [word for path in ("/usr", "/lib", "/lib64") if os.path.exists(path) for word in ("--execute", path)]
    assert shell("echo started; { read line < /etc/ld.so.cache; } 2>/dev/null || echo refused", "--bare", *system) == [
        "started",
        "refused",
    ]


def test_own_program(files):
    """PROGRAM itself is named, by a path or by its name, and nothing beside it."""
    done = fence("--", "other/program", cwd=files)
    assert (done.returncode, done.stdout) == (0, "started\n")
    environment = {**os.environ, "PATH": f"{files}/other:{os.environ['PATH']}"}
    assert fence("--", "program", env=environment).stdout == "started\n"
    assert fence("--profile", "build", "--", "other/program", "x", cwd=files / "other").returncode == 127
    assert shell(f"{files}/read/program 2>/dev/null || echo refused", "--profile", "build") == ["refused"]


def test_program_on_the_search_path(files):
    """PROGRAM is the first that can be executed in its own PATH, as where it starts."""
    (files / "read/program").chmod(0o644)
    search = f"{files}/read:{files}/other:{os.environ['PATH']}"
    assert fence("--", "program", env={**os.environ, "PATH": search}).stdout == "started\n"
    assert fence("--env", f"PATH={search}", "--", "program").stdout == "started\n"
    done = fence("--env", "PATH=/usr/bin", "--", "program", env={**os.environ, "PATH": search})
    assert done.returncode == 127
    done = fence("--", "read/program", cwd=files)
    assert done.returncode == 126
    one_line(done.stderr, "'read/program' cannot be executed: Permission denied")


def test_dangling_program(tmp_path):
    """A symbolic link that leads nowhere is what the sentence is about."""
    (tmp_path / "link").symlink_to("nowhere")
    done = fence("--", "./link", cwd=tmp_path)
    assert done.returncode == 127
    one_line(done.stderr, "'./link' is a symbolic link to a file that does not exist")


@needs(when=os.path.exists("/usr/bin/python3"), reason="needs a Python in /usr")
def test_first_example(tmp_path):
    """The first example of --help works as it is."""
    (tmp_path / "program.py").write_text("print('started')")
    assert "\n  butter fence --read . -- /usr/bin/python3 program.py\n" in _cli_fence.EPILOG
    done = fence("--read", ".", "--", "/usr/bin/python3", "program.py", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "started\n", "")


def test_profiles_of_the_options():
    """The command has the profiles of the module, which its help does not import."""
    assert tuple(sandbox.PROFILES) == _cli_fence.PROFILES


@pytest.mark.skipif(platform.python_implementation() == "PyPy", reason="its venvs are others")
def test_venv(tmp_path):
    """A Python of a venv starts with the two directories that --help names."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").symlink_to(sys.executable)
    (tmp_path / "pyvenv.cfg").write_text(f"home = {os.path.dirname(os.path.realpath(sys.executable))}\n")
    options = "--read", tmp_path, "--read", sys.base_prefix
    done = fence(*options, "--", tmp_path / "bin/python", "-c", "print('started')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "started\n", "")


def test_profiles(files):
    """A program starts others with the profile build alone."""
    done = fence("--", "sh", "-c", "/bin/true; echo started")
    assert done.returncode != 0
    assert "fork" in done.stderr
    assert shell("/bin/true && echo started", "--profile", "build") == ["started"]


CONNECT = """
import socket, sys
for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
    for port in map(int, sys.argv[1:]):
        try:
            socket.socket(socket.AF_INET, kind).connect(("127.0.0.1", port))
            print("connected to", port)
        except PermissionError as error:
            print(error.strerror)
"""


def test_ports():
    """TCP is for the ports that are named, and there is nothing else without any."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [str(server.getsockname()[1]) for server in (one, other)]
        named, refused = f"connected to {ports[0]}\n", "Permission denied\n"
        assert python(CONNECT, *ports, options=["--connect", ports[0]]) == named + refused + 2 * MISSING
        assert python(CONNECT, *ports) == 4 * MISSING


BIND = """
import socket, sys
for port in map(int, sys.argv[1:]):
    try:
        socket.create_server(("127.0.0.1", port))
        print("bound")
    except PermissionError as error:
        print(error.strerror.split(" (")[0])
"""


def test_ports_of_its_own():
    """A server gets the ports that are named."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert python(BIND, str(port), "0", options=["--bind", str(port)]) == "bound\nPermission denied\n"


def test_environment():
    """The program has the variables that name no secret, and those that are named."""
    environment = {"PATH": os.environ["PATH"], "LC_X": "x", "HOME": "/h", "SECRET": "s", "GIVEN": "g"}
    environment.update({name: value for name, value in os.environ.items() if name.startswith("PYTHON")})
    script = "echo $HOME $LC_X $SECRET $GIVEN $SET"
    assert shell(script, env=environment) == ["/h x"]
    assert shell(script, "--env", "GIVEN", "--env", "SET=a=b", "--env", "NONE", env=environment) == ["/h x g a=b"]


def test_descriptors(tmp_path):
    """The program has its three streams, and no other descriptor that was open."""
    script = "import os; print(sorted(fd for fd in range(50) if os.path.exists(f'/dev/fd/{fd}')))"
    with open(os.devnull) as null:
        os.set_inheritable(null.fileno(), True)
        assert python(script, options=["--read", "/proc"]) == "[0, 1, 2]\n"


def test_privileges():
    """The program has no capability, and cannot get one."""
    script = """
while read name value; do
  case $name in Cap[!B]*|NoNewPrivs:|Seccomp:) echo "$value";; esac
done < /proc/self/status
"""
    status = shell(script, "--read", "/proc")
    assert status == ["0" * 16] * 4 + ["1", "2"]


def test_terminal_of_others():
    """With a terminal the program may set its mode, and not type for others."""
    script = """
import fcntl, termios
mode = termios.tcgetattr(0)
termios.tcsetattr(0, termios.TCSANOW, mode)
print("set", flush=True)
try:
    fcntl.ioctl(0, termios.TIOCSTI, b"x")
except OSError as error:
    print(error.strerror, flush=True)
"""
    with Terminal(*PYTHON, "--devices", "/dev/tty", "--", sys.executable, "-c", script, command=FENCE) as terminal:
        terminal.expect(b"set")
        terminal.expect(b"Operation not permitted")


def test_limits(tmp_path):
    """--rlimit is a limit of each process."""
    script = "ulimit -n; ulimit -t; ulimit -c"
    assert shell(script, "--rlimit", "nofile=20", "--rlimit", "cpu=60") == ["20", "60", "0"]


def test_groups():
    """--memory and --processes take a control group, and are refused without one."""
    done = fence("--memory", "1g", "--processes", "50", "--", "echo", "started")
    if done.returncode:
        assert (done.returncode, done.stdout) == (125, "")
        one_line(done.stderr, "a control group", "--best-effort starts PROGRAM without that")
        done = fence("--memory", "1g", "--best-effort", "--", "echo", "started")
        one_line(done.stderr, "fence: not enforced: ", "memory")
    assert done.stdout == "started\n"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["/none"], 127, "fence: '/none' was not found"),
        (["none-such"], 127, "fence: 'none-such' was not found"),
        (["/usr"], 126, "fence: '/usr' is a directory"),
        (["/tmp"], 126, "fence: '/tmp' is a directory"),
        (["/etc/passwd"], 126, "fence: '/etc/passwd' cannot be executed: Permission denied"),
        (["--read", "/none", "true"], 125, "the path does not exist: '/none'"),
        (["--write", "/none", "true"], 125, "does not exist: '/none'; make it before, or name its directory"),
        (["--read", "", "true"], 125, "--read: '' is not a path"),
        (["--connect", "http", "true"], 125, "--connect: 'http' is not a port"),
        (["--bind", "65536", "true"], 125, "--bind: '65536' is not a port"),
        (["--profile", "pur", "true"], 125, "did you mean 'pure'?"),
        (["--profile", "pure", "--connect", "1", "true"], 125, "the profile 'pure' has no network"),
        (["--env", "=A", "true"], 125, "'=A' is not NAME or NAME=VALUE"),
        (["--env", "A=\udcff", "--", "true"], 0, ""),
        (["--rlimit", "cup=1", "true"], 125, "'cup' is not a limit; did you mean 'cpu'?"),
        (["--rlimit", "CPU=1", "true"], 125, "'CPU' is not a limit; did you mean 'cpu'?"),
        (["--rlimit", "cpu", "true"], 125, "'cpu' lacks its number, as in cpu=60"),
        (["--rlimit", "cpu=", "true"], 125, "'' is not a size"),
        (["--memory", "much", "true"], 125, "'much' is not a size"),
        (["--processes", "0", "true"], 125, "'0' is not a whole number"),
        (["--json", "true"], 125, "--json is about the --report"),
        (["--raed", "x", "true"], 125, "did you mean '--read'?"),
        ([], 125, "PROGRAM is missing"),
    ],
)
def test_failure(arguments, status, words):
    """A program that is not started is one line, and a status of its own."""
    done = fence(*arguments)
    assert (done.returncode, done.stdout) == (status, "")
    if status:
        one_line(done.stderr, words)


def test_names_of_any_bytes(tmp_path):
    """A path is any bytes, and so is an argument."""
    name = os.fsdecode(b"\xff\n")
    (tmp_path / name).write_text("text")
    assert shell(f"read line < {shlex.quote(name)} || echo $line", "--read", name, cwd=tmp_path) == ["text"]


@pytest.mark.parametrize("call", ["landlock_create_ruleset", "seccomp"])
def test_missing_feature(call, capfd):
    """Where the kernel lacks a fence the program is not started, but by best effort."""

    def body(*options):
        inject(call, errno.ENOSYS)
        return cli.main(["fence", *options, "--", "echo", "started"])

    assert in_child(body) == 125
    said = capfd.readouterr()
    assert said.out == ""
    one_line(said.err, "fence: ", "--best-effort starts PROGRAM without that")
    assert in_child(body, "--report") == 1
    assert "\nmissing: " in capfd.readouterr().out
    assert in_child(body, "--best-effort") == 0
    said = capfd.readouterr()
    assert said.out == "started\n"
    one_line(said.err, "fence: not enforced: ")


def test_report():
    """The report says what holds, for people and for programs, and starts nothing."""
    done = fence("--report", "--connect", "443")
    assert (done.returncode, done.stderr) == (0, "")
    closed, _, still_open = done.stdout.partition("\nopen:\n")
    assert "\n  udp " in closed
    assert "\n  stat " in "\n" + still_open
    done = fence("--report", "--json", "--bind", "443", "--", "echo", "started")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    ways = {way["name"]: way for way in report["ways"]}
    assert report["profile"] == "network-client"
    assert ways["tcp_listen"]["closed"] is False
    assert ways["read"]["by"] == ["landlock"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--read", "/none"], "the path does not exist: '/none'"),
        (["--", "/none"], "'/none' was not found"),
        (["--", "none-such"], "'none-such' was not found"),
        (["--", "/etc/passwd"], "'/etc/passwd' cannot be executed"),
        (["--", "/tmp"], "'/tmp' is a directory"),
        (["--bare", "--", "sh"], "--execute has to name the loader of '"),
        (["--rlimit", "nofile=999999999999"], "RLIMIT_NOFILE: 999999999999 is above "),
    ],
)
def test_report_of_what_does_not_start(arguments, words):
    """The report says what keeps PROGRAM from its start, and its exit code is 1."""
    done = fence("--report", *arguments)
    assert (done.returncode, done.stderr) == (1, "")
    assert [words in line for line in done.stdout.splitlines() if line.startswith("error: ")] == [True]
    report = json.loads(fence("--report", "--json", *arguments).stdout)
    assert (report["starts"], len(report["errors"]), report["missing"]) == (False, 1, [])


def test_report_of_a_limit():
    """A limit that a user may not raise is an error of the report, as of the start."""
    imports = "from butter import cli\nfrom butter.cli import _fence, fence\nimport resource"
    imports += "\nresource.setrlimit(resource.RLIMIT_CPU, (50, 50))"
    for options, words in (["--report"], "error: RLIMIT_CPU: 60 is above 50"), ([], ""):
        done = run_as_nobody(imports, "cli.main()", "fence", *options, "--rlimit", "cpu=60", "--", "true")
        assert done.returncode == (1 if options else 125)
        assert words in done.stdout


@needs(when=os.geteuid() == 0, reason="is about root")
@pytest.mark.parametrize(
    ("option", "path", "places"),
    [
        ("--write", "/", ["/proc/sys", "/sys", "/dev"]),
        ("--write", "/proc", ["/proc/sys"]),
        ("--write", "/proc/sys/kernel", ["/proc/sys"]),
        ("--write", "/sys/..", ["/proc/sys", "/sys", "/dev"]),
        ("--write", "/dev", ["/dev"]),
        ("--read", "/dev", ["/dev"]),
    ],
)
def test_ways_of_root(option, path, places):
    """For root a directory with the files of the machine in it is told of."""
    done = fence(option, path, "--", "true")
    assert done.returncode == 0
    report = fence("--report", option, path).stdout
    for place in places:
        assert f"fence: warning: {option} {path} has {place}, by which root " in done.stderr
        assert f"\nwarning: {option} {path} has {place}, by which root " in report
    assert done.stderr.count("warning: ") == report.count("warning: ") == len(places)


def test_no_ways_of_others(public_path):
    """A file below, as /dev/null, has no warning, and a user has none."""
    for options in (
        ["--write", "/dev/null"],
        ["--read", "/proc/sys"],
        ["--read", "/proc/sys/kernel"],
        ["--write", public_path],
    ):
        done = fence(*options, "--", "true")
        assert (done.returncode, done.stderr) == (0, "")
    imports = "from butter import cli\nfrom butter.cli import _fence, fence"
    done = run_as_nobody(imports, "cli.main()", "fence", "--write", "/", "--", "true")
    assert (done.returncode, done.stderr) == (0, "")


def test_unprivileged(public_path):
    """A user without rights has the same fences."""
    (public_path / "file").write_text("text\n")
    script = f"read line < {public_path}/file && echo $line; read line < /etc/hostname || echo refused"
    imports = "from butter import cli\nfrom butter.cli import _fence, fence"
    arguments = "fence", "--read", public_path / "file", "--", "sh", "-c", script
    done = run_as_nobody(imports, "cli.main()", *arguments)
    assert (done.returncode, done.stdout) == (0, "text\nrefused\n")


def test_killed_parent():
    """After SIGKILL of the command its program is gone, too."""
    with ready("fence", "--", "sh", "-c", "echo ready; exec sleep 60") as process:
        process.kill()
        # the end of the pipe comes when its last writer is gone
        assert process.communicate(timeout=60) == (b"", b"")


def test_ctrl_z_with_a_handler():
    """Ctrl-Z stops the command after a handler of the program, and fg continues it."""
    script = "trap 'echo han''dled; trap - TSTP; kill -TSTP $$' TSTP; echo rea''dy; while :; do :; done"
    with stopped_job("fence", "sh", "-c", script, says=[b"handled"]) as terminal:
        terminal.write(b"fg\n")
        until(lambda: state(children(terminal.pid)[0]) != "T")
        terminal.write(b"\x03")
        terminal.expect(b"prompt> ")
        terminal.write(b"echo status $?\n")
        terminal.expect(b"status 130")
