"""The awaitables: one module for each feature, as ``from butter.asyncio.inotify import Inotify_async``."""
