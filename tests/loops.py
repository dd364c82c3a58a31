"""Event loops for the tests of the awaitables.

A test that uses no other functions of a loop than those of this file runs in asyncio's
loops, and in trio.
"""

import asyncio
import contextlib
import contextvars
import functools
import gc
import importlib
import inspect
import platform
import select
import signal
import sys
import threading
from unittest import mock

import pytest
import support
import trio
import trio.testing

LOOPS = {"asyncio": asyncio.SelectorEventLoop}
if platform.python_implementation() == "CPython":
    import uvloop

    LOOPS["uvloop"] = uvloop.Loop
    # libuv's first loop opens a pipe and keeps it: not a leak of the first test
    uvloop.Loop().close()

#: the kind of loop that is trio's, for ``run``
TRIO = "trio"
#: the error of ``get_nowait``, and of ``within`` and of a timeout, in either loop
NOTHING = asyncio.QueueEmpty, trio.WouldBlock
TOO_LATE = asyncio.TimeoutError, trio.TooSlowError

# a debug loop checks its callers; an eager task runs at once to its first await
MODES = ["plain", "debug"] + (["eager"] if sys.version_info >= (3, 12) else [])


def eager(loop, coroutine, eager_start=None, **options):
    """asyncio.eager_task_factory, without the argument that uvloop passes to it."""
    return asyncio.Task(coroutine, loop=loop, eager_start=True, **options)


def run(main, kind=asyncio.SelectorEventLoop, mode="plain", timeout=60):
    """Run the coroutine *main* in a new loop of *kind*, and return its result.

    More than *timeout* seconds are a failure, and so is a complaint of the loop.
    """
    if kind is TRIO:
        return run_trio(main, timeout)
    loop = kind()
    complaints = []
    loop.set_exception_handler(lambda loop, context: complaints.append(context))
    loop.set_debug(mode == "debug")
    if mode == "eager":
        loop.set_task_factory(eager)
    try:
        result = loop.run_until_complete(asyncio.wait_for(main, timeout))
    finally:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks))
        # as asyncio.run does
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        # tasks complain when they are collected
        del tasks
        gc.collect()
    assert not complaints
    return result


def run_trio(main, timeout):
    """Run *main* under trio, and wait for the end of trio's threads.

    They would wait for 10 seconds for more to do, and take the signals of later tests.
    """
    before = threading.active_count()
    with mock.patch("trio._core._thread_cache.IDLE_TIMEOUT", 0.01):
        try:
            return trio.run(_in_nursery, main, timeout)
        finally:
            support.until(lambda: threading.active_count() <= before)


def counting(kind):
    """A class of loops that list in ``calls`` each add_reader and remove_reader."""

    class Counting(kind):
        def __init__(self):
            self.calls = []
            super().__init__()

        def add_reader(self, *args):
            self.calls.append("add_reader")
            return super().add_reader(*args)

        def remove_reader(self, *args):
            self.calls.append("remove_reader")
            return super().remove_reader(*args)

    return Counting


_nursery = contextvars.ContextVar("the nursery of the tasks of this run of trio")


async def _in_nursery(main, timeout):
    """Return the result of *main*, and cancel the tasks that it has left."""
    result = error = None
    async with trio.open_nursery() as nursery:
        _nursery.set(nursery)
        try:
            with trio.fail_after(timeout):
                result = await main
        except BaseException as caught:
            error = caught  # raised outside of the nursery, which would wrap it
        nursery.cancel_scope.cancel()
    if error is not None:
        raise error
    return result


class TrioTask:
    """A task of trio with the methods that the tests use of one of asyncio."""

    def __init__(self, coroutine):
        self._scope, self._end, self._results, self._error = trio.CancelScope(), trio.Event(), [], None
        _nursery.get().start_soon(self._run, coroutine)

    async def _run(self, coroutine):
        try:
            with self._scope:
                self._results.append(await coroutine)
        except Exception as error:
            self._error = error
        finally:
            self._end.set()

    def done(self):
        return self._end.is_set()

    def cancel(self):
        self._scope.cancel()

    def cancelled(self):
        return self.done() and self._error is None and not self._results

    def exception(self):
        return self._error

    def result(self):
        if self._error is not None:
            raise self._error
        if self.cancelled():
            raise asyncio.CancelledError
        return self._results[0]

    def __await__(self):
        yield from self._end.wait().__await__()
        return self.result()


def in_trio():
    """Whether the running loop is trio's."""
    return trio.lowlevel.in_trio_run()


def start(coroutine):
    """A new task of the running loop."""
    return TrioTask(coroutine) if in_trio() else asyncio.ensure_future(coroutine)


async def turn(count=1):
    """Let the loop go round *count* times: each ready task and callback runs."""
    for _ in range(count):
        await (trio.testing.wait_all_tasks_blocked() if in_trio() else asyncio.sleep(0))


async def waiters(queue, count):
    """Tasks that wait in ``queue.get()``, in their order."""
    tasks = []
    for _ in range(count):
        tasks.append(start(queue.get()))
        if in_trio():
            await turn()  # trio starts tasks in any order
    await turn()
    assert not any(task.done() for task in tasks)
    return tasks


async def finished(tasks):
    """Wait until all *tasks* are done, however they ended."""
    if in_trio():
        with trio.fail_after(10):
            for task in tasks:
                await task._end.wait()
    elif tasks:
        _, pending = await asyncio.wait(tasks, timeout=10)
        assert not pending


async def within(seconds, coroutine):
    """The result of *coroutine*, or one of TOO_LATE."""
    if in_trio():
        with trio.fail_after(seconds):
            return await coroutine
    return await asyncio.wait_for(coroutine, seconds)


def soon(function):
    """Have the loop call *function* in its next turn."""
    call = trio.lowlevel.current_trio_token().run_sync_soon if in_trio() else asyncio.get_running_loop().call_soon
    call(function)


def when_readable(fd, function):
    """Have the loop call *function* once, in the turn that finds *fd* readable."""

    async def wait():
        await trio.lowlevel.wait_readable(fd)
        function()

    def call():
        loop.remove_reader(fd)
        function()

    if in_trio():
        start(wait())
    else:
        loop = asyncio.get_running_loop()
        loop.add_reader(fd, call)


@contextlib.contextmanager
def on_signal(number, function):
    """Have the loop call *function* when the signal comes."""
    if in_trio():
        token = trio.lowlevel.current_trio_token()
        before = signal.signal(number, lambda *_: token.run_sync_soon(function))
        yield
        signal.signal(number, before)
    else:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(number, function)
        yield
        loop.remove_signal_handler(number)


def of_trio(awaitable):
    """The class of this name for trio."""
    module = importlib.import_module(awaitable.__module__.replace("butter.asyncio.", "butter.trio."))
    return getattr(module, awaitable.__name__)


def until_readable(queue):
    """Return as soon as the kernel has an event for *queue*."""
    poll = select.poll()
    poll.register(queue, select.POLLIN)
    assert poll.poll(10_000)


def both(test):
    """Run a test with each *kind* of loop, and a coroutine in one."""
    if inspect.iscoroutinefunction(test):
        coroutine = test
        fixtures = inspect.signature(coroutine).parameters
        test = runner(coroutine, lambda kind, **values: run(coroutine(**values), kind), ["kind", *fixtures])
    return pytest.mark.parametrize("kind", LOOPS.values(), ids=LOOPS)(test)


def under_trio(coroutine):
    """Run a coroutine as a test in trio."""
    return runner(coroutine, lambda **values: run(coroutine(**values), TRIO), inspect.signature(coroutine).parameters)


def runner(coroutine, function, fixtures):
    """Make of *function*, which runs *coroutine*, the test of that name for pytest."""
    functools.update_wrapper(function, coroutine)
    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    function.__signature__ = inspect.Signature([inspect.Parameter(name, either) for name in fixtures])
    return function
