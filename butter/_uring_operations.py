"""The kinds of requests of io_uring, and their completions."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from butter._constants.uring import IORING_CQE_F_MORE, IORING_CQE_F_NOTIF, UringCompletion
from butter._uring_operation_errors import WAITS
from butter.errors import Errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: the bit of user_data that tells the messages of other rings from requests
MESSAGE_BIT = 1 << 63
#: the bit of the requests that send without copies
ZERO_COPY_BIT = 1 << 61
#: the user_data of the requests that end a ring
ENDING = MESSAGE_BIT - 1


class Operation:
    """A kind of request: its name and number, and how a result is understood.

    *value* makes the value of a completion that has not failed; without it that is the
    result. *fine* are the errnos that are not errors: a timeout ends with ETIME.
    *discard* closes what a completion owns that the program never took. *bits* are
    those that C has to know of its requests, in their numbers. *bundles* says that a
    completion may have used several provided buffers.
    """

    __slots__ = ("_errors", "bits", "bundles", "discard", "fine", "name", "opcode", "value")

    def __init__(
        self,
        name: str,
        opcode: int,
        errors: Any,  # Errors, which the manual does not show
        value: Callable[[Completion], object] | None = None,
        fine: tuple[int, ...] = (),
        discard: Callable[[Completion], object] | None = None,
        bits: int = 0,
        bundles: bool = False,
    ) -> None:
        self.name, self.opcode, self._errors = name, opcode, errors
        self.value, self.fine, self.discard, self.bits, self.bundles = value, fine, discard, bits, bundles

    def error(self, number: int) -> OSError:
        """Return the exception for an errno."""
        return Errors(self.name, self._errors.meanings).error(number)

    def __repr__(self) -> str:
        return f"<operation {self.name}>"


def close_result(completion: Completion) -> None:
    """Close the descriptor that a request has opened."""
    os.close(completion.result)


def read_bytes(completion: Completion) -> bytes:
    """Return the bytes that a request has read."""
    return bytes(memoryview(completion.buffer).cast("B")[: completion.result])


def sent(completion: Completion) -> int:
    """Return how many bytes were sent; of a notification, how the buffer was used."""
    return completion.result & 0xFFFFFFFF if completion.is_notification else completion.result


def joined(buffers: Iterable[Any], count: int) -> bytes:
    """Return the first bytes of several buffers."""
    return b"".join(memoryview(buffer).cast("B") for buffer in buffers)[:count]


def read_several(completion: Completion) -> bytes:
    """Return the bytes that were read, of a request with several buffers."""
    return joined(completion.buffer, completion.result)


class Completion(NamedTuple):
    """The event of a ring: a request has completed. A named tuple.

    * ``user_data``: the object that the program gave to the request, or None
    * ``result`` (int): the result of the kernel, or minus an errno
    * ``flags`` (int): UringCompletion's
    * ``buffer``: the buffer of the request, which the program may use again unless
      ``more``; for a provided buffer, its bytes
    * ``request`` (int): the number that the method of the ring has returned, 0 for a
      message of another ring
    * ``operation``: the kind of the request, with a ``name``
    """

    user_data: Any
    result: int
    flags: int
    buffer: Any
    request: int
    operation: Operation

    @property
    def error(self) -> OSError | None:
        """The exception for the errno in ``result``, or None if it has not failed."""
        if self.result >= 0 or -self.result in self.operation.fine or self.is_notification:
            return None
        return self.operation.error(-self.result)

    @property
    def value(self) -> Any:
        """The result in Python's types, as the method of the ring describes it.

        Raises ``error`` if the request has failed.
        """
        error = self.error
        if error is not None:
            raise error
        make = self.operation.value
        return self.result if make is None else make(self)

    @property
    def more(self) -> bool:
        """Whether the request will have more completions."""
        return self.flags & IORING_CQE_F_MORE != 0

    @property
    def is_notification(self) -> bool:
        """Whether this tells that the kernel no longer uses the buffer of send_zc."""
        return self.flags & IORING_CQE_F_NOTIF != 0

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.operation.name}, user_data={self.user_data!r}, result={self.result}, "
            f"flags={UringCompletion(self.flags)})"
        )


#: a message of another ring, which does not belong to a request
MESSAGE = Operation("message", -1, WAITS)


def ignore(completion: Completion) -> None:
    """Close what a completion owns that the program never took."""
    discard = completion.operation.discard
    if discard is not None and completion.result >= 0:
        # the program may have closed the number by itself, and others are to close
        with contextlib.suppress(OSError):
            discard(completion)
