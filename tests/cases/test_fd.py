"""The cases of dup3 and close_range: one test for each, named after it."""

import errno
import fcntl
import os
import threading

import pytest
from support import needs

from butter.errors import InvalidArgument
from butter.fd import CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_UNSHARE, O_CLOEXEC, close_range, dup3

needs_close_range = needs(kernel=(5, 11))
LAST = 2**32 - 1
# above the descriptors of the tests themselves
FIRST, SECOND, THIRD = 900, 1000, 942


def close_on_exec(fd):
    """Whether a descriptor is closed on exec, None if it is not open."""
    try:
        return bool(fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC)
    except OSError:
        return None


def seen():
    return [close_on_exec(fd) for fd in (FIRST, SECOND, THIRD)]


@pytest.mark.parametrize("flags", [0, O_CLOEXEC])
def test_dup3_01(flags, in_child):
    """The duplicate is closed on exec if the flag says so."""

    def body():
        assert dup3(1, 4, flags, closefd=False) == 4
        assert close_on_exec(4) is bool(flags)

    in_child(body)


@needs_close_range
@pytest.mark.parametrize(
    ("flags", "own", "others"),
    [
        (0, [None, None, None], [None, None, None]),
        (CLOSE_RANGE_UNSHARE, [None, None, None], [False, False, False]),
        (CLOSE_RANGE_CLOEXEC, [True, True, False], [True, True, False]),
        (CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE, [True, True, False], [False, False, None]),
    ],
)
def test_close_range01(flags, own, others, in_child):
    """A thread closes a range, of its own table of descriptors if it asks for one."""

    def body():
        found = []

        def work():
            if not flags & CLOSE_RANGE_CLOEXEC:
                dup3(SECOND, THIRD, closefd=False)
            close_range(FIRST, LAST, flags)
            if flags & CLOSE_RANGE_CLOEXEC:
                dup3(SECOND, THIRD, closefd=False)
            found.extend(seen())
            close_range(FIRST, LAST)
            found.append(seen())

        dup3(0, FIRST, closefd=False)
        dup3(0, SECOND, closefd=False)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert found == [*own, [None, None, None]]
        assert seen() == (others if flags & CLOSE_RANGE_UNSHARE else [None, None, None])
        close_range(FIRST, LAST)
        assert seen() == [None, None, None]

    in_child(body)


@needs_close_range
def test_close_range02(in_child):
    """Ranges that are empty, reversed, at the end of the numbers, or shared."""

    def body():
        dup3(0, FIRST)
        dup3(0, SECOND)
        assert close_range(FIRST, SECOND, 0) is None
        assert seen() == [None, None, None]
        for arguments in ((4, 3, 0), (3, LAST, LAST)):
            with pytest.raises(InvalidArgument) as caught:
                close_range(*arguments)
            assert caught.value.errno == errno.EINVAL
        close_range(LAST, LAST, 0)
        dup3(0, FIRST, closefd=False)
        close_range(FIRST, FIRST, CLOSE_RANGE_CLOEXEC)
        assert close_on_exec(FIRST) is True
        found = []

        def work():
            close_range(FIRST, FIRST, CLOSE_RANGE_UNSHARE)
            found.append(close_on_exec(FIRST))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert found == [None]
        assert close_on_exec(FIRST) is True
        os.close(FIRST)

    in_child(body)
