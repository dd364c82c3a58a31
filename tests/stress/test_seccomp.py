"""Filters and programs by the thousand: the interpreter answers as the kernel does."""

import pytest
from support import filters, in_child

from butter._seccomp_calls import architecture
from butter.prctl import prctl

pytestmark = pytest.mark.stress


def compare(function, *args):
    """Run a comparison in a child, which may load filters."""

    def body():
        prctl.no_new_privs = True
        return function(*args)

    return in_child(body, timeout=600)


def test_many_filters(pytestconfig):
    """A hundred thousand answers of the kernel are those of the rules."""
    count = pytestconfig.getoption("count")
    assert compare(filters.compare_filters, "stress", count // 4, 20) == 5 * count


def test_many_programs(pytestconfig):
    """A hundred thousand answers of random programs are those of the interpreter."""
    count = pytestconfig.getoption("count")
    assert compare(filters.compare_programs, "stress", count // 2, 20, architecture().audit) > count // 4
