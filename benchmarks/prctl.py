"""Settings and capabilities: reading one, setting one, and the sets of a thread."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pyprctl

from benchmarks.floor import Floor, timed
from benchmarks.runner import Comparison, repeated
from butter.prctl import capget, prctl

floor = Floor(
    "floor_prctl",
    "void read_setting(long count); void set_name(long count); void read_sets(long count);"
    "void read_bounding(long count);",
    """
    #include <linux/capability.h>
    #include <stdint.h>
    #include <sys/prctl.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    static void read_setting(long count)
    {
        while (count--)
            prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    }

    static void set_name(long count)
    {
        while (count--)
            prctl(PR_SET_NAME, "benchmark", 0, 0, 0);
    }

    static void read_sets(long count)
    {
        struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
        struct __user_cap_data_struct data[2];

        while (count--)
            syscall(SYS_capget, &header, data);
    }

    static void read_bounding(long count)
    {
        while (count--)
            for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
                ;
    }
    """,
)

CALLS = 20_000
SETS = 1_000

libc = ctypes.CDLL(None, use_errno=True)
libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
libc_name = ctypes.CDLL(None, use_errno=True)
libc_name.prctl.argtypes = [ctypes.c_int, ctypes.c_char_p, *[ctypes.c_ulong] * 3]


def comparisons() -> Iterator[Comparison]:
    yield Comparison(
        "Reading a setting (dumpable)",
        {
            "C floor": lambda: timed(floor.read_setting, CALLS),
            "butter": lambda: repeated("prctl.dumpable", CALLS, prctl=prctl),
            "butter, by the call": lambda: repeated("prctl(3)", CALLS, prctl=prctl),
            "ctypes": lambda: repeated("call(3, 0, 0, 0, 0)", CALLS, call=libc.prctl),
            "pyprctl": lambda: repeated("get()", CALLS, get=pyprctl.get_dumpable),
        },
    )
    yield Comparison(
        "Setting the name of the thread",
        {
            "C floor": lambda: timed(floor.set_name, CALLS),
            "butter": lambda: repeated("prctl.name = 'benchmark'", CALLS, prctl=prctl),
            "butter, by the call": lambda: repeated("prctl(15, 'benchmark')", CALLS, prctl=prctl),
            "ctypes": lambda: repeated("call(15, b'benchmark', 0, 0, 0)", CALLS, call=libc_name.prctl),
            "pyprctl": lambda: repeated("set('benchmark')", CALLS, set=pyprctl.set_name),
        },
    )
    yield Comparison(
        "The three sets of capabilities of the thread",
        {
            "C floor": lambda: timed(floor.read_sets, CALLS),
            "butter": lambda: repeated("capget()", SETS, capget=capget),
            "pyprctl": lambda: repeated("get()", SETS, get=pyprctl.CapState.get_current),
        },
    )
    yield Comparison(
        "The bounding set as a Python set",
        {
            "C floor": lambda: timed(floor.read_bounding, SETS),
            "butter": lambda: repeated("set(prctl.capbset)", SETS, prctl=prctl),
            "pyprctl": lambda: repeated("probe()", SETS, probe=pyprctl.capbset.probe),
        },
    )
