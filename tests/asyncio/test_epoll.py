"""The behaviour of Epoll_async alone, and of a loop with an EpollSelector."""

import asyncio
import os
import socket
import time

import pytest
from loops import both, run, waiters
from support import needs

from butter.asyncio.epoll import Epoll_async
from butter.epoll import EPOLLET, EPOLLIN, EPOLLONESHOT, EPOLLOUT, EpollParams, EpollSelector
from butter.eventfd import Eventfd


def loop_of_a_selector():
    return asyncio.SelectorEventLoop(EpollSelector())


@both
async def test_an_event_of_a_descriptor_that_changed_does_not_come():
    """The queue drops what it has of a descriptor that is unregistered or modified."""
    async with Epoll_async() as epoll:
        with Eventfd(1) as one, Eventfd(1) as two, Eventfd(1) as three:
            for counter in one, two, three:
                epoll.register(counter, EPOLLIN | EPOLLONESHOT)
            assert (await epoll.get()).fd == one.fileno()
            assert epoll.qsize() == 2
            epoll.unregister(two)
            assert epoll.qsize() == 1
            epoll.modify(three, EPOLLOUT | EPOLLET)
            assert await epoll.read_events() == [(three.fileno(), EPOLLOUT)]
            assert epoll.empty()


@both
async def test_a_task_waits_for_what_is_registered_later():
    """A task that waits is woken by a descriptor that is registered meanwhile."""
    async with Epoll_async() as epoll:
        tasks = await waiters(epoll, 1)
        with Eventfd(1) as counter:
            epoll.register(counter, EPOLLIN | EPOLLET)
            assert await tasks[0] == (counter.fileno(), EPOLLIN)


@needs(kernel=(6, 9))
@both
async def test_parameters_of_busy_polling():
    """The parameters that were set are those that the kernel returns."""
    async with Epoll_async() as epoll:
        epoll.params = EpollParams(20, 16, True)
        assert epoll.params == (20, 16, True)


def test_flags():
    """Other flags, and flags that are not an int, are refused."""
    for flags in 1, "flags":
        with pytest.raises((ValueError, TypeError), match="flag"):
            Epoll_async(flags)


def test_a_loop_waits_to_the_nanosecond():
    """Of many short sleeps on an EpollSelector one takes less than a millisecond."""

    async def main():
        took = []
        while not took or min(took) >= 1_000_000:
            start = time.monotonic_ns()
            await asyncio.sleep(0.0001)
            took.append(time.monotonic_ns() - start)
            assert len(took) < 10_000
        return min(took)

    assert run(main(), loop_of_a_selector) >= 100_000


@pytest.mark.parametrize("mode", ["plain", "debug"])
def test_a_loop_serves(mode):
    """Connections and threads work on a loop with an EpollSelector."""

    async def main():
        async def echo(reader, writer):
            while data := await reader.read(1000):
                writer.write(data)
                await writer.drain()
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        blob = os.urandom(1 << 20)
        writer.write(blob)
        assert await reader.readexactly(len(blob)) == blob
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, lambda: "thread")

    assert run(main(), loop_of_a_selector, mode) == "thread"


def test_a_loop_forgets_readers_and_writers():
    """A reader and a writer of one socket come and go one by one."""

    async def main():
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        with one, other:
            one.setblocking(False)
            readable, writable = asyncio.Event(), asyncio.Event()
            loop.add_reader(one, readable.set)
            loop.add_writer(one, writable.set)
            await writable.wait()
            assert not readable.is_set()
            assert loop.remove_writer(one)
            other.send(b"x")
            await readable.wait()
            assert loop.remove_reader(one)
            assert not loop.remove_reader(one)
            assert not loop.remove_writer(one)

    run(main(), loop_of_a_selector)
