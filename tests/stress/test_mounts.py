"""Mounts that come, move and go all the time, seen by several threads."""

import os
import random
import threading

import pytest
import support
from support import in_child, needs

from butter.errors import NoMoreEvents
from butter.mounts import FAN_NONBLOCK, MountMonitor
from butter.system import MS_MOVE, mount, mounts, umount

pytestmark = [pytest.mark.stress, needs("CAP_SYS_ADMIN", kernel=(6, 15))]

TASKS = 3
STEPS = 4_000


def change(place, seed):
    """Mount, move and unmount in the directory *place*, which is left as it was."""
    chance = random.Random(seed)
    free, used = [f"{place}/{name}" for name in "abcdef"], []
    for path in free:
        os.makedirs(path)
    for step in range(STEPS):
        if used and (not free or chance.random() < 0.4):
            path = used.pop(chance.randrange(len(used)))
            if free and chance.random() < 0.5:
                target = free.pop(0)
                mount(path, target, None, MS_MOVE)
                used.append(target)
            else:
                umount(path)
            free.append(path)
        else:
            path = free.pop(0)
            mount(f"{place}-{step}", path, "tmpfs")
            used.append(path)
    for path in used:
        umount(path)


@pytest.mark.parametrize("threads", [1, 4])
def test_every_mount_is_told_once(tmp_path, threads):
    """Each mount appears once and goes once, and the table ends as the kernel's."""

    def body():
        support.own_mounts(tmp_path)
        events, stop = [], threading.Event()
        with MountMonitor(flags=FAN_NONBLOCK) as monitor:
            before = set(monitor.mounts)

            def read():
                while True:
                    try:
                        events.append(monitor.wait(0.2))
                    except TimeoutError:
                        if stop.is_set():
                            return

            readers = [threading.Thread(target=read) for _ in range(threads)]
            tasks = []
            for number in range(TASKS):
                pid = os.fork()
                if not pid:
                    status = 1
                    try:
                        change(f"{tmp_path}/{number}", number)
                        status = 0
                    finally:
                        os._exit(status)
                tasks.append(pid)
            for reader in readers:
                reader.start()
            assert [os.waitpid(pid, 0)[1] for pid in tasks] == [0] * TASKS
            stop.set()
            for reader in readers:
                reader.join()
            appeared = [each.id for each in events if each.appeared]
            gone = [each.id for each in events if each.gone]
            assert len(appeared) == len(set(appeared)) > 1000
            assert sorted(appeared) == sorted(gone)
            assert {each.id for each in events if each.moved} <= set(appeared)
            assert not any(each.found for each in events)
            assert set(monitor.mounts) == before == {each.id for each in mounts()}

    in_child(body)


def test_namespaces_that_end(tmp_path):
    """A monitor notices the end of its namespace, at whichever moment it looks."""
    for _ in range(300):
        with support.Mounter(tmp_path) as other, MountMonitor(f"/proc/{other.pid}/ns/mnt") as monitor:
            ender = threading.Thread(target=other.end)
            ender.start()
            assert all(each.gone for each in monitor)
            with pytest.raises(NoMoreEvents):
                monitor.wait(60)
            ender.join()
