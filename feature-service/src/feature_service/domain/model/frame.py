"""Frames: telemetry rows of one device as columns, which stores return and preprocessing transforms."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from feature_service.domain.model.array import BoolArray, FloatArray, TextArray, TimeArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """Rows in ascending order of time; every column is as long as `timestamps` (``datetime64[us]``, UTC)."""

    timestamps: TimeArray
    numbers: Mapping[str, FloatArray] = field(default_factory=dict[str, FloatArray])
    texts: Mapping[str, TextArray] = field(default_factory=dict[str, TextArray])

    def __len__(self) -> int:
        return len(self.timestamps)

    def where(self, keep: BoolArray) -> "Frame":
        """Return the rows for which `keep` is true."""
        return Frame(
            timestamps=self.timestamps[keep],
            numbers={name: values[keep] for name, values in self.numbers.items()},
            texts={name: values[keep] for name, values in self.texts.items()},
        )

    def first(self, rows: int) -> "Frame":
        """Return the first `rows` rows, all when there are fewer."""
        return self.cut(slice(rows))

    def cut(self, inside: slice) -> "Frame":
        """Return the rows of the slice `inside`."""
        return Frame(
            timestamps=self.timestamps[inside],
            numbers={name: values[inside] for name, values in self.numbers.items()},
            texts={name: values[inside] for name, values in self.texts.items()},
        )

    def reversed(self) -> "Frame":
        """Return the rows in the other order."""
        return self.cut(slice(None, None, -1))

    def pieces(self, rows: int) -> "Iterator[Frame]":
        """Yield the rows in frames of at most `rows`; itself when it is no longer than that."""
        if len(self) <= rows:
            yield self
            return
        for start in range(0, len(self), rows):
            yield self.cut(slice(start, start + rows))

    def with_numbers(self, numbers: Mapping[str, FloatArray]) -> "Frame":
        """Return the same rows with other number columns."""
        return Frame(timestamps=self.timestamps, numbers=numbers, texts=self.texts)


def concatenate(frames: Sequence[Frame]) -> Frame:
    """Return the rows of frames that have the same columns, one after the other."""
    first = frames[0]
    return Frame(
        timestamps=np.concatenate([frame.timestamps for frame in frames]),
        numbers={name: np.concatenate([frame.numbers[name] for frame in frames]) for name in first.numbers},
        texts={name: np.concatenate([frame.texts[name] for frame in frames]) for name in first.texts},
    )
