"""The errno tables, found by walking the modules of butter."""

import importlib
import pkgutil

import butter
from butter.errors import Errors


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
