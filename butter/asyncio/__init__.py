"""The awaitables, one module for each feature.

``from butter.asyncio.inotify import Inotify_async`` imports one.
"""
