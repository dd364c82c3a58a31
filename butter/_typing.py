"""The bases that only annotations need: importing typing costs more than the rest of butter together."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Generic as Generic
else:

    class Generic:
        """Stands in for :class:`typing.Generic`: whatever it is subscribed with, it stays itself."""

        def __class_getitem__(cls, item):
            return cls
