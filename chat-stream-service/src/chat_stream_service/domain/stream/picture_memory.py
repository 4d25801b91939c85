"""How many bytes of pictures the answers under way hold in memory."""

from typing import Final

from penstock_kit.errors import Unavailable

_RETRY_AFTER: Final = 1.0


class PictureMemory:
    """Bounds the pictures of all turns of this replica. `most` are bytes."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._held = 0

    def reserve(self, size: int) -> "PictureReservation":
        """Return a reservation of `size` bytes; Unavailable (LOAD_LIMIT_EXCEEDED) when there is no room for them."""
        made = PictureReservation(self)
        if not made.try_grow(size):
            message = "more pictures are being looked at than there is memory for; ask again in a moment"
            raise Unavailable(message, reason="LOAD_LIMIT_EXCEEDED", retry_after=_RETRY_AFTER)
        return made

    def try_add(self, size: int) -> bool:
        """Count `size` more bytes in; False when they don't fit."""
        if size > 0 and self._held + size > self._most:
            return False
        self._held += size
        return True


class PictureReservation:
    """The bytes of one turn; released once, however often that is asked for."""

    def __init__(self, memory: PictureMemory) -> None:
        self._memory = memory
        self._size = 0

    def try_grow(self, size: int) -> bool:
        """Reserve `size` more bytes; False when they don't fit."""
        if not self._memory.try_add(size):
            return False
        self._size += size
        return True

    def release(self) -> None:
        """Give all bytes back."""
        self._memory.try_add(-self._size)
        self._size = 0
