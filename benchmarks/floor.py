"""The cost of the same work in C alone.

The C is compiled when a benchmark first asks for it.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Callable
from typing import Any

from cffi import FFI


class Floor:
    """Functions of C.

    ``Floor("floor_x", "void f(int fd);", "static void f(int fd) {}").f(fd)`` calls one.
    """

    def __init__(self, name: str, declarations: str, source: str) -> None:
        self._name, self._declarations, self._source = name, declarations, source
        self._lib: Any = None

    def __getattr__(self, function: str) -> Any:
        if self._lib is None:
            self._lib = self._compiled()
        return getattr(self._lib, function)

    def _compiled(self) -> Any:
        ffi = FFI()
        ffi.cdef(self._declarations)
        ffi.set_source(self._name, self._source, extra_compile_args=["-O2"])
        with tempfile.TemporaryDirectory() as folder:
            spec = importlib.util.spec_from_file_location(self._name, ffi.compile(folder))
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        return module.lib


def timed(call: Callable[..., object], *arguments: int) -> float:
    """Return the nanoseconds of one operation of *call*, a function of C.

    Its last argument is the number of operations.
    """
    start = time.perf_counter_ns()
    call(*arguments)
    return (time.perf_counter_ns() - start) / arguments[-1]
