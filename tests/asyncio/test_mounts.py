"""The behaviour of butter.asyncio.mounts that is its own."""

import pytest
from loops import both
from support import Mounter, needs

from butter.asyncio.mounts import MountMonitor_async
from butter.errors import NoMoreEvents

pytestmark = needs("CAP_SYS_ADMIN", kernel=(6, 15))


@both
async def test_the_end_of_a_namespace(tmp_path):
    """``async for`` ends with the namespace, and a get raises NoMoreEvents."""
    with Mounter(tmp_path) as other:
        async with MountMonitor_async(f"/proc/{other.pid}/ns/mnt") as monitor:
            other.mount(4)
            event = await monitor.get(60)
            assert (event.appeared, event.mount.source) == (True, "4")
            assert monitor.mounts[event.id] is event.mount
            other.end()
            assert [each.gone async for each in monitor]
            assert not monitor.mounts
            with pytest.raises(NoMoreEvents):
                await monitor.get()
