"""The cells of a column that a parser has read already: their values, and the cells as texts where they are needed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from feature_service.domain.model.array import BoolArray, FloatArray, IndexArray, TextArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParsedTimes:
    """What time cells say, in microseconds since the epoch; where `is_local` (None: everywhere) as local time."""

    micros: IndexArray
    is_local: BoolArray | None = None


class ParsedColumn(Sequence[str]):
    """`count` cells as texts, which `head` yields and `cells` lists when somebody looks at them.

    A value that is given says what reading cell by cell would say: `numbers` are finite, NaN where the cell is empty,
    `texts` are None there. Left out, nothing was parsed and the cells are read one by one.
    """

    def __init__(
        self,
        *,
        count: int,
        head: Callable[[], Iterator[str]],
        cells: Callable[[], Sequence[str]],
        numbers: FloatArray | None = None,
        texts: TextArray | None = None,
        times: ParsedTimes | None = None,
    ) -> None:
        self._count = count
        self._head = head
        self._cells = cells
        self.numbers = numbers
        self.texts = texts
        self.times = times

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        read = 0
        for cell in self._head():
            yield cell
            read += 1
        if read < self._count:
            yield from self._cells()[read:]

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return self._cells()[index]
