"""A text that grows by small pieces."""

from typing import Final

# Pieces are joined when there are so many: each is an object of its own, of some fifty bytes beside its text.
_MOST_PIECES: Final = 64


class GrowingText:
    """Pieces in order, joined a few at a time as they come and all of them when the text is asked for.

    A piece costs the same however long the text is.
    """

    __slots__ = ("_joined", "_pieces")

    def __init__(self, text: str = "") -> None:
        self._joined: list[str] = [text] if text else []
        self._pieces: list[str] = []

    def __bool__(self) -> bool:
        """Return whether there is any piece."""
        return bool(self._pieces or self._joined)

    def append(self, piece: str) -> None:
        """Add a piece at the end."""
        pieces = self._pieces
        pieces.append(piece)
        if len(pieces) >= _MOST_PIECES:
            self._joined.append("".join(pieces))
            pieces.clear()

    def read(self) -> str:
        """Return the whole text."""
        if self._pieces or len(self._joined) > 1:
            self._joined = ["".join([*self._joined, *self._pieces])]
            self._pieces.clear()
        return self._joined[0] if self._joined else ""
