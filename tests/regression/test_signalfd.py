"""Defects that signalfd once had, one test for each, named after its id; and what programs rely on."""

import asyncio
import errno
import os
import signal
import subprocess
import sys

import pytest
import support
from support import kernel_mask

from butter.asyncio.signalfd import Signalfd_async
from butter.signalfd import (
    SFD_NONBLOCK,
    SIG_BLOCK,
    SIG_UNBLOCK,
    Signalfd,
    pthread_sigmask,
    signalfd,
    signum_to_signame,
    str_to_events,
)

USR1, USR2 = signal.SIGUSR1, signal.SIGUSR2


def test_E12():
    """Arguments are checked under -O as well."""
    program = """
from butter.signalfd import *
for call in Signalfd, sigset, signalfd:
    try:
        call(["x"])
    except TypeError:
        print("x")
"""
    found = subprocess.run([sys.executable, "-O", "-c", support.same_path(program)], stdout=subprocess.PIPE, check=True)
    assert found.stdout == b"x\n" * 3


def test_S1(in_child):
    """The mask that the object is made with is honoured."""
    with Signalfd([USR1, USR2]) as signals:
        assert USR1 in signals
        assert USR2 in signals
        assert kernel_mask(signals.fileno()) == {USR1, USR2}

    def body():
        with Signalfd(USR1) as signals:
            os.kill(os.getpid(), USR1)
            return signals.wait(10).signal

    assert in_child(body) == USR1


def test_S2():
    """A number that is no signal is refused by every call and method."""
    with Signalfd() as signals:
        for call in (
            lambda: signals.enable(9999),
            lambda: signals.enable([9999]),
            lambda: signals.disable([9999]),
            lambda: pthread_sigmask(SIG_BLOCK, [9999]),
            lambda: signalfd([999]),
            lambda: Signalfd([999]),
        ):
            with pytest.raises(ValueError, match="no signal"):
                call()
        assert signals.sigmask == set()


def test_S3(in_child):
    """An action that is none is an error, and the old mask is what the call returns."""
    with pytest.raises(ValueError, match="SIG_SETMASK, not 99") as caught:
        pthread_sigmask(99, [USR1])
    assert caught.value.errno == errno.EINVAL

    def body():
        return pthread_sigmask(SIG_BLOCK, [USR1]), pthread_sigmask(SIG_UNBLOCK, [USR1]), pthread_sigmask(SIG_BLOCK, [])

    assert in_child(body) == (set(), {USR1}, set())


def test_S4():
    """The trap and the band of a signal can be asked for."""
    data = bytearray(128)
    data[28], data[36] = 5, 6
    (event,) = str_to_events(data)
    band, trap = (5, 6) if sys.byteorder == "little" else (5 << 24, 6 << 24)
    assert (event.sigio_band, event.trapno) == (event.ssi_band, event.ssi_trapno) == (band, trap)


def test_S5():
    """disable takes what enable takes: one signal, or many."""
    with Signalfd([USR1, USR2]) as signals:
        signals.disable([USR1])
        assert signals.sigmask == {USR2}
        signals.disable(USR2)
        assert signals.sigmask == set()
        signals.enable([USR1, 12])
        signals.disable({USR1, 12})
        assert kernel_mask(signals.fileno()) == set()


def test_S6():
    """Only signals have names, and 29 is SIGIO."""
    assert 65 not in signum_to_signame
    assert "NSIG" not in signum_to_signame.values()
    assert signum_to_signame[29] == "SIGIO"
    assert signum_to_signame[6] == "SIGABRT"


def test_Q2(in_child):
    """The awaitable honours its mask and its flags."""

    def body():
        async def main():
            async with Signalfd_async(USR1, SFD_NONBLOCK) as signals:
                assert USR1 in signals
                assert kernel_mask(signals.fileno()) == {USR1}
                os.kill(os.getpid(), USR1)
                return (await signals.wait()).signal

        return asyncio.run(main())

    assert in_child(body) == USR1


# What programs do


def test_without_with(in_child):
    """Made empty, enabled by one signal, blocked by hand with Python's own constant, closed by hand."""

    def body():
        signals = Signalfd()
        signals.enable(USR1)
        pthread_sigmask(signal.SIG_BLOCK, [USR1])
        os.kill(os.getpid(), USR1)
        number = signals.wait().signal
        signals.close()
        return number

    assert in_child(body) == USR1


def test_async_of_one_signal(in_child):
    """The awaitable takes one signal as well as many, and has enable."""

    def body():
        async def main():
            signals = Signalfd_async(USR1)
            pthread_sigmask(SIG_BLOCK, USR1)
            signals.enable(USR1)
            found = []
            for _ in range(5):
                os.kill(os.getpid(), USR1)
                found.append((await signals.wait()).signal)
            signals.close()
            return found

        return asyncio.run(main())

    assert in_child(body) == [USR1] * 5
