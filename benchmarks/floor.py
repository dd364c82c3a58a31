"""What C alone costs for the same work: compiled when the benchmarks run."""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Callable
from typing import Any

from cffi import FFI


def compiled(name: str, declarations: str, source: str) -> Any:
    """The ``lib`` of some C code."""
    ffi = FFI()
    ffi.cdef(declarations)
    ffi.set_source(name, source, extra_compile_args=["-O2"])
    with tempfile.TemporaryDirectory() as folder:
        spec = importlib.util.spec_from_file_location(name, ffi.compile(folder))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module.lib


def timed(call: Callable[..., object], *arguments: int) -> float:
    """Nanoseconds for one operation of *call* in C, whose last argument says how many it shall do."""
    start = time.perf_counter_ns()
    call(*arguments)
    return (time.perf_counter_ns() - start) / arguments[-1]
