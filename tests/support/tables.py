"""Tables that several tests need: of errnos, and of the kinds of namespaces."""

import importlib
import pkgutil

import pytest

import butter
from butter.clone import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
)
from butter.errors import Errors
from support.needs import needs

#: the kinds of namespaces, by their names in /proc/self/ns
KINDS = {
    "cgroup": CLONE_NEWCGROUP,
    "ipc": CLONE_NEWIPC,
    "mnt": CLONE_NEWNS,
    "net": CLONE_NEWNET,
    "pid": CLONE_NEWPID,
    "time": CLONE_NEWTIME,
    "user": CLONE_NEWUSER,
    "uts": CLONE_NEWUTS,
}
#: the names, as the parameters of a test
EACH_KIND = [pytest.param(name, id=name, marks=needs(kernel=(5, 6)) if name == "time" else ()) for name in KINDS]


def errno_tables():
    """The errno tables of all modules of butter: ``{the name of its call: table}``."""
    tables = {}
    for found in pkgutil.walk_packages(butter.__path__, "butter."):
        if found.name.startswith("butter.build") or found.name == "butter.__main__":
            continue
        for value in vars(importlib.import_module(found.name)).values():
            if isinstance(value, Errors):
                assert tables.setdefault(value.call, value) is value, f"two tables of {value.call}"
    return tables
