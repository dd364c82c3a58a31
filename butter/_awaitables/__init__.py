"""The awaitables as far as they do not depend on the event loop, for each feature.

:mod:`butter.asyncio` and :mod:`butter.trio` make them complete.
"""
