"""Signalfd_async: masks, the loop's thread, and other handlers of signals."""

import asyncio
import os
import signal
import threading

import pytest
import support
from loops import LOOPS, both
from support import blocked, send

from butter.asyncio.signalfd import Signalfd_async
from butter.signalfd import SIG_BLOCK, Signal, Signalfd, pthread_sigmask

USR1, USR2, CHLD, RT = signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD, signal.SIGRTMIN


@support.alone
@both
async def test_async_with():
    """Signals are blocked inside and come in order; the mask from before comes back."""
    pthread_sigmask(SIG_BLOCK, [signal.SIGHUP])
    async with Signalfd_async([USR1, RT]) as signals:
        assert blocked() == {signal.SIGHUP, USR1, RT}
        assert not os.get_blocking(signals.fileno())
        send(RT)
        send(USR1)
        first = await signals.get()
        assert isinstance(first, Signal)
        assert (first.signal, first.pid) == (USR1, os.getpid())
        assert (await signals.wait()).signal == RT
        assert signals.empty()
    assert blocked() == {signal.SIGHUP}
    assert signals.closed()


@support.alone
@both
async def test_mask_is_given_back_after_an_error():
    """An exception, or a close inside, changes nothing about the mask at the end."""
    with pytest.raises(LookupError):
        async with Signalfd_async(USR1):
            raise LookupError
    assert blocked() == set()
    async with Signalfd_async(USR1) as signals:
        signals.close()
        assert blocked() == {USR1}
    assert blocked() == set()


@support.alone
@both
async def test_what_waits_is_handled_after():
    """An unread signal is handled after the block, and the object is closed."""

    def handler(*_):
        raise LookupError

    signal.signal(USR1, handler)
    signals = Signalfd_async(USR1)
    with pytest.raises(LookupError):
        async with signals:
            send(USR1)
    assert signals.closed()
    assert blocked() == set()


@support.alone
@both
async def test_methods_of_the_object():
    """The mask is changed and asked for as that of Signalfd, with the same words."""
    async with Signalfd_async() as signals:
        assert USR1 not in signals
        signals.enable(USR1)
        signals.enable([USR2, RT])
        assert USR1 in signals
        assert signals.sigmask == {USR1, USR2, RT} == blocked()
        send(USR2)
        assert (await signals.get()).signal == USR2
        signals.disable([USR1])
        assert signals.sigmask == {USR2, RT}
        signals.disable_all()
        assert signals.sigmask == set()
        signals.enable_all()
        assert signals.sigmask == signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
        with pytest.raises(ValueError, match="no signal"):
            signals.enable(0)
    with pytest.raises(ValueError, match="closed file"):
        signals.enable(USR1)
    for name in (
        "enable",
        "enable_all",
        "disable",
        "disable_all",
        "signals",
        "sigmask",
        "__contains__",
        "block",
        "restore",
    ):
        assert getattr(Signalfd_async, name).__doc__ == getattr(Signalfd, name).__doc__


@support.alone
@both
async def test_child_processes():
    """Each SIGCHLD wakes the loop, which reaps the children that ended."""
    async with Signalfd_async(CHLD) as signals:
        children = set()
        for status in range(5):
            pid = os.fork()
            if not pid:
                os._exit(status)
            children.add(pid)
        statuses = []
        while children:
            await signals.get()
            while children:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    break
                children.remove(pid)
                statuses.append(os.WEXITSTATUS(status))
        assert sorted(statuses) == [0, 1, 2, 3, 4]


@support.alone
@both
async def test_subprocesses_can_be_terminated():
    """A child of asyncio ends by SIGTERM with ``preexec_fn=signals.restore``."""
    async with Signalfd_async([signal.SIGINT, signal.SIGTERM]) as signals:
        process = await asyncio.create_subprocess_exec("sleep", "1000", preexec_fn=signals.restore)
        process.terminate()
        assert blocked() == signals.signals
        assert await process.wait() == -signal.SIGTERM


@support.alone
@both
async def test_beside_the_loops_own_subprocesses():
    """A warning says that uvloop's subprocesses need SIGCHLD; asyncio's do not."""
    async with Signalfd_async(CHLD) as signals:
        process = await asyncio.create_subprocess_exec("true")
        if type(asyncio.get_running_loop()) is LOOPS.get("uvloop"):
            with pytest.warns(RuntimeWarning, match="process.wait") as caught:
                event = await signals.get()
            assert [warning.filename for warning in caught] == [__file__]
            assert process.returncode is None
        else:
            event = await signals.get()
            assert await process.wait() == 0
        assert event.pid == process.pid
    # now uvloop gets one, and sees to its child
    send(CHLD)
    assert await process.wait() == 0


@support.alone
@both
async def test_spellings():
    """The older name of the set means the same."""
    async with Signalfd_async(sigmask=[USR1]) as signals:
        signals.enable(signals=RT)
        signals.disable(signal=USR1)
        assert signals.signals == signals.sigmask == {RT}
    with pytest.raises(TypeError, match="one argument"):
        Signalfd_async([USR1], sigmask=[USR1])


@support.alone
@both
async def test_beside_the_loops_own_handlers():
    """The loop handles its own signals, and the blocked one comes here."""
    loop, handled = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(USR2, handled.set)
    async with Signalfd_async(USR1) as signals:
        send(USR2)
        send(USR1)
        await handled.wait()
        assert (await signals.get()).signal == USR1
    loop.remove_signal_handler(USR2)


@support.alone
@both
async def test_threads_of_the_block():
    """A thread of the block inherits the mask, so the process's signals come here."""
    async with Signalfd_async(RT) as signals:
        inherited = []

        def work():
            inherited.append(blocked())
            send(RT)

        thread = threading.Thread(target=work)
        thread.start()
        event = await signals.get()
        thread.join()
        assert inherited == [{RT}]
        assert event.signal == RT


@support.alone
@both
@pytest.mark.parametrize("name", ["block", "restore"])
async def test_handler_that_raises_on_the_way(name, monkeypatch):
    """If a handler raises while the mask is changed, the mask is put back."""
    real, calls = getattr(Signalfd, name), []

    def interrupted(signals):
        calls.append(name)
        if name == "block":
            real(signals)
        if len(calls) == 1:
            raise LookupError
        real(signals)

    monkeypatch.setattr(Signalfd, name, interrupted)
    signals = Signalfd_async(USR1)
    with pytest.raises(LookupError):
        async with signals:
            assert blocked() == {USR1}
    assert blocked() == set()
    signals.close()
