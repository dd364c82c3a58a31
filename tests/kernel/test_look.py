"""The facts that the sentences of errors name."""

import errno
import os

import support
from support import in_child

from butter import _look


@support.needs_mounts
def test_facts_without_proc(tmp_path):
    """Capabilities and mounts are known where /proc is not mounted."""

    def body():
        support.own_mounts(str(tmp_path))
        os.chroot(tmp_path)
        os.chdir("/")
        os.mkdir("directory")
        assert not _look.has_proc()
        assert _look.capable(_look.CAP_SYS_ADMIN)
        assert _look.look("/").begins
        assert _look.look("/directory").begins is False
        assert _look.look("/missing") == (errno.ENOENT, False, None, None, None)
        assert _look.in_first_user_namespace() is None
        assert _look.is_foreign("mnt") is None
        assert _look.status_field("Threads") == ""

    in_child(body)


def test_facts_of_nobody(tmp_path):
    """A process without privileges is told so."""

    def body():
        support.become_nobody()
        assert not _look.capable(_look.CAP_SYS_ADMIN)
        assert _look.status_field("Threads") == "1"
        assert _look.has_proc()

    in_child(body)


def test_capable_where_capget_is_refused():
    """A filter that refuses capget does not make the process look powerless."""

    def body():
        support.inject("capget", 1)
        assert _look.capable(_look.CAP_SYS_ADMIN)

    in_child(body)
