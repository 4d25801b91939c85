"""Rows of one device as columns: what a store returns and what the pipeline works on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
        return Frame(
            timestamps=self.timestamps[:rows],
            numbers={name: values[:rows] for name, values in self.numbers.items()},
            texts={name: values[:rows] for name, values in self.texts.items()},
        )

    def with_numbers(self, numbers: Mapping[str, FloatArray]) -> "Frame":
        """Return the same rows with other number columns."""
        return Frame(timestamps=self.timestamps, numbers=numbers, texts=self.texts)
