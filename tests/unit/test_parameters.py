"""Parameters keep the documented names and places, even those that differ."""

import inspect

import pytest

import butter.clone
import butter.eventfd
import butter.inotify
import butter.memfd
import butter.signalfd
import butter.splice
import butter.system
import butter.timerfd
import butter.utils
from butter.asyncio.eventfd import Eventfd_async
from butter.asyncio.inotify import Inotify_async
from butter.asyncio.signalfd import Signalfd_async
from butter.asyncio.timerfd import Timerfd_async


def test_signatures_of_classes():
    """``help()`` and editors show the arguments of a class, and of a subclass."""

    class Subclass(butter.memfd.Memfd):
        def __init__(self, size):
            super().__init__("name", size)

    for cls in butter.inotify.Inotify, butter.memfd.Memfd, butter.timerfd.Timer, Subclass:
        own = inspect.signature(cls.__init__)
        assert inspect.signature(cls) == own.replace(parameters=list(own.parameters.values())[1:])


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (butter.eventfd.str_to_events, "str"),
        (butter.inotify.str_to_events, "str"),
        (butter.signalfd.str_to_events, "str"),
        (butter.inotify.Inotify.watch, "self path events mask"),
        (Inotify_async.watch, "self path events mask"),
        (butter.signalfd.Signalfd.disable, "self signals signal"),
        (butter.signalfd.Signalfd.enable, "self signals"),
        (butter.utils.get_buffered_length, "fd"),
        (butter.utils.Eventlike.wait, "self timeout"),
        (butter.eventfd.eventfd, "initial_value flags closefd"),
        (butter.eventfd.Eventfd, "initial_value flags closefd"),
        (butter.eventfd.Eventfd.increment, "self value"),
        (Eventfd_async, "initial_value flags"),
        (butter.inotify.inotify_init, "flags closefd"),
        (butter.inotify.inotify_add_watch, "fd path mask"),
        (butter.inotify.inotify_rm_watch, "fd wd"),
        (butter.inotify.Inotify, "flags closefd"),
        (butter.inotify.Inotify.ignore, "self wd"),
        (butter.inotify.Inotify.del_watch, "self wd"),
        (butter.inotify.watch, "path events"),
        (Inotify_async, "flags"),
        (butter.timerfd.timerfd, "clock_type flags closefd"),
        (butter.timerfd.timerfd_gettime, "fd"),
        (butter.timerfd.timerfd_settime, "fd timer_spec flags"),
        (butter.timerfd.TimerVal, "timerspec"),
        (butter.timerfd.TimerVal.every, "self seconds nano_seconds"),
        (butter.timerfd.TimerVal.after, "self seconds nano_seconds"),
        (butter.timerfd.Timer, "clock_type flags closefd"),
        (butter.timerfd.Timer.update, "self absolute"),
        (Timerfd_async, "clock_type flags"),
        (butter.signalfd.signalfd, "signals fd flags closefd"),
        (butter.signalfd.pthread_sigmask, "action signals"),
        (butter.signalfd.Signalfd, "signals flags closefd"),
        (Signalfd_async, "signals flags"),
        (butter.memfd.memfd_create, "name flags closefd"),
        (butter.memfd.revoke, "fd flags"),
        (butter.memfd.Memfd, "name initial_value flags closefd"),
        (butter.memfd.Memfd.mmap, "self length flags prot access offset"),
        (butter.splice.splice, "fd_in fd_out in_offset out_offset len flags"),
        (butter.splice.tee, "fd_in fd_out len flags"),
        (butter.splice.vmsplice, "fd vec flags"),
        (butter.system.mount, "src target fs flags data"),
        (butter.system.umount, "target flags"),
        (butter.system.pivot_root, "new old"),
        (butter.system.sethostname, "hostname"),
        (butter.clone.unshare, "flags"),
        (butter.clone.setns, "fd nstype"),
        (butter.system.fsopen, "fstype flags closefd"),
        (butter.system.fsconfig, "fd cmd key value aux"),
        (butter.system.fsmount, "fd flags attr_flags closefd"),
        (butter.system.fspick, "dirfd path flags closefd"),
        (butter.system.open_tree, "dirfd path flags closefd"),
        (butter.system.open_tree_attr, "dirfd path flags attr_set attr_clr propagation userns_fd closefd"),
        (butter.system.mount_setattr, "dirfd path flags attr_set attr_clr propagation userns_fd"),
        (butter.system.move_mount, "from_dirfd from_path to_dirfd to_path flags"),
        (butter.system.statmount, "mnt_id mask flags"),
        (butter.system.listmount, "mnt_id last count flags"),
        (butter.system.Mount, "path flags closefd"),
    ],
)
def test_names(function, names):
    """Arguments keep their names and order; newer ones come last."""
    expected = names.split()
    assert list(inspect.signature(function).parameters)[: len(expected)] == expected
