"""Event loops for the tests of the awaitables."""

import asyncio
import functools
import gc
import inspect
import platform
import select
import sys

import pytest

LOOPS = {"asyncio": asyncio.SelectorEventLoop}
if platform.python_implementation() == "CPython":
    import uvloop

    LOOPS["uvloop"] = uvloop.Loop
    # libuv's first loop opens a pipe and keeps it: not a leak of the first test
    uvloop.Loop().close()

# a debug loop checks its callers; an eager task runs at once to its first await
MODES = ["plain", "debug"] + (["eager"] if sys.version_info >= (3, 12) else [])


def eager(loop, coroutine, eager_start=None, **options):
    """asyncio.eager_task_factory, without the argument that uvloop passes to it."""
    return asyncio.Task(coroutine, loop=loop, eager_start=True, **options)


def run(main, kind=asyncio.SelectorEventLoop, mode="plain", timeout=60):
    """Run the coroutine *main* in a new loop of *kind*, and return its result.

    More than *timeout* seconds are a failure, and so is a complaint of the loop.
    """
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
        loop.close()
        # tasks complain when they are collected
        del tasks
        gc.collect()
    assert not complaints
    return result


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


async def turn(count=1):
    """Let the loop go round *count* times: each ready task and callback runs."""
    for _ in range(count):
        await asyncio.sleep(0)


async def waiters(queue, count):
    """Tasks that wait in ``queue.get()``, in their order."""
    tasks = [asyncio.ensure_future(queue.get()) for _ in range(count)]
    await turn()
    assert not any(task.done() for task in tasks)
    return tasks


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


def runner(coroutine, function, fixtures):
    """Make of *function*, which runs *coroutine*, the test of that name for pytest."""
    functools.update_wrapper(function, coroutine)
    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    function.__signature__ = inspect.Signature([inspect.Parameter(name, either) for name in fixtures])
    return function
