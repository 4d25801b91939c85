"""A text that grows by small pieces."""

from typing import Final

# Pieces are joined when there are so many: each is an object of its own, of some fifty bytes beside its text.
_MOST_PIECES: Final = 16


class GrowingText:
    """Pieces in order, joined a few at a time as they come and all of them when the text is asked for.

    A piece costs the same however long the text is.
    """

    __slots__ = ("_loose", "_pieces")

    def __init__(self, text: str = "") -> None:
        self._pieces: list[str] = [text] if text else []
        # How many of them, at the end, are not joined yet.
        self._loose = 0

    def __bool__(self) -> bool:
        """Return whether there is any piece."""
        return bool(self._pieces)

    def append(self, piece: str) -> None:
        """Add a piece at the end."""
        self._pieces.append(piece)
        self._loose += 1
        if self._loose >= _MOST_PIECES:
            self._pieces[-_MOST_PIECES:] = ["".join(self._pieces[-_MOST_PIECES:])]
            self._loose = 0

    def read(self) -> str:
        """Return the whole text."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
            self._loose = 0
        return self._pieces[0] if self._pieces else ""
