"""Waiting for processes, under whichever event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter._awaitables._awaitable import AnyAwaitable, forward
from butter.pidfd import Pidfd

if TYPE_CHECKING:
    from typing_extensions import Self

    from butter._arguments import FileDescriptor


class AnyPidfd(AnyAwaitable[Pidfd]):
    """The part of ``Pidfd_async`` that is the same under each loop."""

    _source_class: type[Pidfd] = Pidfd

    _ended = False  # the loop found the descriptor readable

    def __init__(self, pid: int | Pidfd, flags: int = 0) -> None:
        if not isinstance(pid, Pidfd):
            super().__init__(Pidfd(pid, flags))
        elif flags:
            raise ValueError(f"flags is {flags}, but a Pidfd is open already: flags are for a number")
        else:
            super().__init__(self._owned(pid))

    @classmethod
    def adopt(cls, source: FileDescriptor | Pidfd) -> Self:
        """Return an awaitable for a descriptor that exists already.

        *source* is an int, anything with ``fileno()``, or a
        :class:`butter.pidfd.Pidfd`. The returned object owns it and closes it. Another
        awaitable is left closed by this call.

        Raises InvalidArgument for a descriptor of another kind, and ValueError for an
        awaitable that tasks are waiting for; *source* is then unchanged, and still the
        caller's. Where ``/proc`` is not mounted the kind is not checked.
        """
        self = cls.__new__(cls)
        super(AnyPidfd, self).__init__(cls._owned(source))
        return self

    async def wait(self, timeout: float | None = None) -> int:
        """Return the exit code of the process, waiting at most *timeout* seconds."""
        raise NotImplementedError

    @property
    def pid(self) -> int | None:
        """The number that the process had when the object was made."""
        return self._source.pid

    @property
    def returncode(self) -> int | None:
        """The exit code if it is known; see :attr:`butter.pidfd.Pidfd.returncode`."""
        return self._source.returncode

    poll = forward(Pidfd.poll)
    send_signal = forward(Pidfd.send_signal)
    terminate = forward(Pidfd.terminate)
    kill = forward(Pidfd.kill)
    info = forward(Pidfd.info)
    getfd = forward(Pidfd.getfd)
    namespace = forward(Pidfd.namespace)
