"""The rows of a data set as columns one after the other: in memory, or mapped from the disk where they are many."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final, Protocol, Self

import numpy as np

from feature_service.domain.dataset.label import LabelledRows
from feature_service.domain.extraction.plan import MOST_VALUES_AT_ONCE
from feature_service.domain.model.array import FloatArray, TextArray
from feature_service.domain.model.frame import Frame

IN_MEMORY: Final = 20_000_000
"""Values that are kept in memory (160 MB); more lie on the disk, whose pages the system takes back as it needs."""
_BLOCK_VALUES: Final = 500_000
"""Values that a store hands over at once, during which other callers may wait (4 ms; four times as many take 50 ms)."""
_TEXTS_AT_ONCE: Final = 5_000
"""Texts that are put into a column at once: meanwhile, for about a millisecond, nobody else is answered."""
_LEAST_ROWS: Final = 10_000
"""Rows that are read at once though they have many columns: each statement takes its time for every column."""
_MOST_SPARE: Final = 1_000


class RowRoom(Protocol):
    """Room for a matrix on the disk; a context manager that forgets it at the end. The methods block."""

    @property
    def values(self) -> FloatArray:
        """The matrix."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def allocate(self, rows: int, columns: int) -> None:
        """Make room. Raises Unavailable STORAGE_UNAVAILABLE when there is none."""
        ...


class RowTable:
    """Takes the blocks of devices of which about so many rows are expected, and gives each device's rows.

    Each field, the times and a label that is a number are a column of all devices, each device a part of it. A label
    that is a text is kept by row, each different text once.
    """

    def __init__(
        self,
        fields: Sequence[str],
        label: str,
        rows: Mapping[str, int],
        room: RowRoom | None,
        *,
        in_memory: int = IN_MEMORY,
    ) -> None:
        self._fields = fields
        self._label = label
        self._filled = dict.fromkeys(rows, 0)
        self._parts: dict[str, slice] = {}
        self._texts: dict[str, TextArray] = {}
        self._known: dict[str, str] = {}
        end = 0
        for code, count in rows.items():
            # Rows may arrive between counting and reading; what is beyond these is not taken.
            room_of_one = count + min(_MOST_SPARE, 10 + count // 10)
            self._parts[code] = slice(end, end + room_of_one)
            end += room_of_one
        self._columns = _allocated(len(fields) + 2, end, room if (len(fields) + 2) * end > in_memory else None)

    @property
    def rows_at_once(self) -> int:
        """The rows that a block may have."""
        columns = len(self._columns)
        return max(1, _BLOCK_VALUES // columns, min(_LEAST_ROWS, MOST_VALUES_AT_ONCE // columns))

    def add(self, code: str, block: Frame) -> None:
        """Take the next rows of a device."""
        part, start = self._columns[:, self._parts[code]], self._filled[code]
        rows = block.first(part.shape[1] - start)
        inside = slice(start, start + len(rows))
        part[0, inside] = rows.timestamps.astype("datetime64[us]").view(np.float64)  # the bits, in eight bytes
        for place, name in enumerate(self._fields, 1):
            part[place, inside] = rows.numbers[name]
        texts = rows.texts.get(self._label)
        if texts is None:
            part[-1, inside] = rows.numbers[self._label]
        else:
            if code not in self._texts:
                self._texts[code] = np.empty(part.shape[1], dtype=np.object_)
            column = self._texts[code][inside]
            for first in range(0, len(rows), _TEXTS_AT_ONCE):
                piece = slice(first, first + _TEXTS_AT_ONCE)
                column[piece] = self._interned(texts[piece])
        self._filled[code] += len(rows)

    def device(self, code: str) -> LabelledRows:
        """Return the rows of a device."""
        part = self._columns[:, self._parts[code]][:, : self._filled[code]]
        frame = Frame(
            timestamps=part[0].view("datetime64[us]"),
            numbers={name: part[place] for place, name in enumerate(self._fields, 1)},
        )
        texts = self._texts.get(code)
        return LabelledRows(frame=frame, labels=part[-1] if texts is None else texts[: self._filled[code]])

    def _interned(self, texts: TextArray) -> list[str | None]:
        return [None if text is None else self._known.setdefault(text, text) for text in texts.tolist()]


def _allocated(columns: int, rows: int, room: RowRoom | None) -> FloatArray:
    if room is None:
        return np.empty((columns, rows))
    room.allocate(columns, rows)
    return np.asarray(room.values)
