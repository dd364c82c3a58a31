"""Landlock: a ruleset with twenty paths, and the same put around a process."""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Callable, Iterator

from cffi import FFI
from landlock import FSAccess
from landlock import Ruleset as OtherRuleset

from benchmarks.floor import Floor, timed
from benchmarks.runner import FOLDER, Comparison, repeated
from butter.landlock import READ, Ruleset
from butter.prctl import prctl

floor = Floor(
    "floor_landlock",
    "void set_paths(const char *text); void build(long count); void fence(long count);",
    """
    #ifndef _GNU_SOURCE
    # define _GNU_SOURCE
    #endif
    #include <fcntl.h>
    #include <stdint.h>
    #include <string.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    static char folder[4096];

    static void set_paths(const char *text)
    {
        strncpy(folder, text, sizeof(folder) - 3);
    }

    /* handles the rights of ABI 3, and allows to read below the directories a to t */
    static int ruleset(void)
    {
        struct {
            uint64_t allowed;
            int32_t parent;
        } __attribute__((packed)) rule = {4 | 8, 0};
        uint64_t handled = (1 << 15) - 1;
        int made = syscall(444, &handled, sizeof(handled), 0);
        size_t length = strlen(folder);
        char path[4096];

        memcpy(path, folder, length);
        path[length] = '/';
        path[length + 2] = 0;
        for (char name = 'a'; name <= 't'; name++) {
            path[length + 1] = name;
            rule.parent = open(path, O_PATH | O_CLOEXEC);
            syscall(445, made, 1, &rule, 0);
            close(rule.parent);
        }
        return made;
    }

    static void build(long count)
    {
        while (count--)
            close(ruleset());
    }

    static void fence(long count)
    {
        while (count--) {
            int made = ruleset();

            syscall(446, made, 0);
            close(made);
        }
    }
    """,
)

NAMES = "abcdefghijklmnopqrst"
BUILDS = 200
# a process can have sixteen
FENCES = 10


def by_butter(paths: list[str]) -> Ruleset:
    ruleset = Ruleset(net=(), scope=(), abi=3)
    for path in paths:
        ruleset.allow_path(path, READ)
    return ruleset


def fence_by_butter(paths: list[str]) -> None:
    with by_butter(paths) as ruleset:
        ruleset.restrict()


def by_other(paths: list[str]) -> OtherRuleset:
    ruleset = OtherRuleset(FSAccess((1 << 15) - 1))
    ruleset.allow(*paths, rules=FSAccess(4 | 8))
    return ruleset


def fence_by_other(paths: list[str]) -> None:
    ruleset = by_other(paths)
    ruleset.apply()
    os.close(ruleset._fd)


def with_paths(measure: Callable[[list[str]], float], forked: bool = False) -> Callable[[], float]:
    """Return a sample of *measure* with twenty directories, in a child if *forked*."""

    def sample() -> float:
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            paths = [os.path.join(folder, name) for name in NAMES]
            for path in paths:
                os.mkdir(path)
            floor.set_paths(FFI().new("char[]", os.fsencode(folder)))
            return in_child(measure, paths) if forked else measure(paths)

    return sample


def in_child(measure: Callable[[list[str]], float], paths: list[str]) -> float:
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            prctl.no_new_privs = True
            os.write(writing, struct.pack("d", measure(paths)))
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        taken: float = struct.unpack("d", pipe.read())[0]
    os.waitpid(pid, 0)
    return taken


def comparisons() -> Iterator[Comparison]:
    yield Comparison(
        "A ruleset with 20 paths, closed again",
        {
            "C floor": with_paths(lambda paths: timed(floor.build, BUILDS)),
            "butter": with_paths(
                lambda paths: repeated("by_butter(paths).close()", BUILDS, by_butter=by_butter, paths=paths)
            ),
            "landlock": with_paths(
                lambda paths: repeated(
                    "close(by_other(paths)._fd)", BUILDS, close=os.close, by_other=by_other, paths=paths
                )
            ),
        },
    )
    yield Comparison(
        "A ruleset with 20 paths, around a process",
        {
            "C floor": with_paths(lambda paths: timed(floor.fence, FENCES), True),
            "butter": with_paths(
                lambda paths: repeated("fence(paths)", FENCES, fence=fence_by_butter, paths=paths), True
            ),
            "landlock": with_paths(
                lambda paths: repeated("fence(paths)", FENCES, fence=fence_by_other, paths=paths), True
            ),
        },
        rounds=30,
    )
