"""The constants of :mod:`butter.fanotify`, an import path of butter 0.13."""

from __future__ import annotations

from os import O_RDONLY as O_RDONLY
from os import O_RDWR as O_RDWR
from os import O_WRONLY as O_WRONLY

from butter._constants.fanotify import *  # noqa: F403
from butter._fanotify_modify_dir import modify_dir as _modify_dir

__getattr__ = _modify_dir(__name__)
