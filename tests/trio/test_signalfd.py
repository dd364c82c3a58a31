"""Signalfd_async under trio: the mask, and children of trio."""

import os
import signal

import support
import trio
from loops import under_trio
from support import blocked, send

from butter.trio.signalfd import Signalfd_async

USR1, RT = signal.SIGUSR1, signal.SIGRTMIN


@support.alone
@under_trio
async def test_async_with():
    """Signals are blocked inside and come in order; the mask from before comes back."""
    async with Signalfd_async([USR1, RT]) as signals:
        assert blocked() == signals.signals == {USR1, RT}
        send(RT)
        send(USR1)
        first = await signals.get()
        assert (first.signal, first.pid) == (USR1, os.getpid())
        assert (await signals.wait()).signal == RT
    assert blocked() == set()
    assert signals.closed()
    signals = Signalfd_async(USR1)
    await signals.aclose()
    assert signals.closed()


@support.alone
@under_trio
async def test_children_of_trio_can_be_terminated():
    """A child of trio ends by SIGTERM with ``preexec_fn=signals.restore``."""
    async with Signalfd_async([signal.SIGINT, signal.SIGTERM]) as signals:
        process = await trio.lowlevel.open_process(["sleep", "1000"], preexec_fn=signals.restore)
        process.terminate()
        assert await process.wait() == -signal.SIGTERM
        assert blocked() == signals.signals
