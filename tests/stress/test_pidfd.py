"""pidfd under load: the end of no process is lost, and each has its own exit code."""

import asyncio
import os
import random
import signal
import threading

import pytest
import support
from loops import both, run

from butter.asyncio.pidfd import Pidfd_async
from butter.pidfd import P_ALL, WEXITED, WNOWAIT, Pidfd, waitid

pytestmark = pytest.mark.stress


class Crowd:
    """Children that end all at once, each with the exit code of its place."""

    def __init__(self, count):
        self._reading, self._writing = os.pipe()
        self.codes = [number % 256 for number in range(count)]
        self.pids = list(map(self._forked, self.codes))

    def _forked(self, code):
        pid = os.fork()
        if not pid:
            try:
                os.close(self._writing)
                os.read(self._reading, 1)
            finally:
                os._exit(code)
        return pid

    def end(self):
        os.close(self._writing)
        os.close(self._reading)


@support.needs_descriptors(4096)
@both
def test_a_thousand_children_at_once(kind):
    """A thousand children end at once, and each task gets its own exit code."""
    count = 1000

    async def main():
        randomly = random.Random(0)
        crowd = Crowd(count)
        codes = crowd.codes
        processes = [Pidfd_async(pid) for pid in crowd.pids]
        tasks = [asyncio.ensure_future(process.wait(60)) for process in processes for _ in range(2)]
        await asyncio.sleep(0)
        for number in randomly.sample(range(count), 200):
            processes[number].kill()
            codes[number] = -signal.SIGKILL
        cancelled = randomly.sample(range(2 * count), 300)
        for number in cancelled:
            tasks[number].cancel()
        crowd.end()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        for number, code in enumerate(found):
            if number in cancelled:
                assert isinstance(code, asyncio.CancelledError)
            else:
                assert code == codes[number // 2]
        for process, code in zip(processes, codes):
            assert await process.wait(60) == code
            process.close()
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)

    def body():
        support.allow_descriptors(4096)
        run(main(), kind, timeout=120)

    support.in_child(body, timeout=180)


def test_threads_reap_what_others_wait_for():
    """Eight threads wait for each of many children under a storm of signals."""

    def body():
        with support.alarms(lambda *_: None, 0.001):
            for _ in range(300):
                crowd = Crowd(1)
                with Pidfd(crowd.pids[0]) as process:
                    found = []
                    threads = [threading.Thread(target=wait, args=(process, found)) for _ in range(8)]
                    for thread in threads:
                        thread.start()
                    crowd.end()
                    for thread in threads:
                        thread.join()
                    assert found == [0] * 8

    def wait(process, found):
        found.append(process.wait(60))

    support.in_child(body, timeout=120)


def test_forgotten_children_do_not_pile_up():
    """A thousand forgotten children leave neither zombie nor descriptor."""

    def body():
        before = support.descriptors()
        for _ in range(20):
            crowd = Crowd(50)
            box = list(map(Pidfd, crowd.pids))
            with pytest.warns(ResourceWarning, match="unclosed"):
                support.forget(box)
            crowd.end()
        while True:
            Pidfd(os.getpid()).close()
            try:
                waitid(P_ALL, 0, WEXITED | WNOWAIT)
            except ChildProcessError:
                break
        Pidfd(os.getpid()).close()
        assert support.descriptors() == before

    support.in_child(body, timeout=180)
