"""The awaitables under trio, one module for each feature.

``from butter.trio.inotify import Inotify_async`` imports one. They need trio, which
``pip install trio`` installs.
"""
