"""Rows of a long range treated block by block: what is filled at a border comes from the blocks beside it."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from feature_service.domain.extraction.extract import CleanRows
from feature_service.domain.model.array import FloatArray, TimeArray
from feature_service.domain.model.frame import Frame
from feature_service.domain.preprocessing.method import MissingMethod
from feature_service.domain.preprocessing.missing import MissingFill, any_missing
from feature_service.domain.preprocessing.outlier import OutlierFilter

_LOOKING_AHEAD: Final = (MissingMethod.BACKWARD_FILL, MissingMethod.INTERPOLATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A value of a field that is there and no outlier, and its time in microseconds since the epoch."""

    time: int
    value: float


class BlockCleaner:
    """Treats the blocks of a range in ascending order of time, as :func:`clean_rows` treats the whole range.

    A block that ends with missing values needs the next value behind it: `open_fields` names the fields that do,
    `look_ahead` is told what was found.
    """

    def __init__(self, outlier_filter: OutlierFilter, missing_fill: MissingFill) -> None:
        self._filter = outlier_filter
        self._fill = missing_fill
        self._before: dict[str, Reading] = {}
        self._ahead: dict[str, Reading | None] = {}

    def fence(self, block: Frame) -> Frame:
        """Return the block with outliers treated."""
        return block.with_numbers(self._filter.apply(block.numbers))

    def open_fields(self, fenced: Frame) -> list[str]:
        """Return the fields whose next value behind the block is needed and not known yet."""
        last = _micros(fenced.timestamps[-1])
        return [
            name
            for name, values in fenced.numbers.items()
            if self._is_open(name, values) and not self._is_known(name, last)
        ]

    def look_ahead(self, name: str, found: Reading | None) -> None:
        """Take the next value of a field behind the block, outliers treated; None when there is none in the range."""
        self._ahead[name] = found

    def clean(self, block: Frame, fenced: Frame) -> CleanRows:
        """Return the block treated; `fenced` is what :meth:`fence` made of it."""
        kept = np.ones(len(block), dtype=np.bool_)
        if self._fill.method is MissingMethod.DROP:
            kept = ~any_missing(fenced)
            filled = fenced.where(kept)
        else:
            times = fenced.timestamps
            filled = fenced.with_numbers(
                {name: self._filled(name, values, times) for name, values in fenced.numbers.items()}
            )
        absent = {name: np.isnan(values)[kept] for name, values in block.numbers.items()}
        return CleanRows(frame=filled, absent=absent, kept=kept)

    def _filled(self, name: str, values: FloatArray, times: TimeArray) -> FloatArray:
        before = self._before.get(name)
        ahead = self._ahead.get(name) if self._is_open(name, values) else None
        present = np.flatnonzero(~np.isnan(values))
        if len(present):
            self._before[name] = Reading(time=_micros(times[present[-1]]), value=float(values[present[-1]]))
        if len(present) == len(values):
            return values
        first, last = [before] if before else [], [ahead] if ahead else []
        beside = [*first, *last]
        if not beside:
            return self._fill.apply(Frame(timestamps=times, numbers={name: values})).numbers[name]
        padded = Frame(
            timestamps=np.concatenate((_times(first), times, _times(last))),
            numbers={name: np.concatenate((_values(first), values, _values(last)))},
        )
        return self._fill.apply(padded).numbers[name][len(first) : len(first) + len(values)]

    def _is_open(self, name: str, values: FloatArray) -> bool:
        if self._fill.method in _LOOKING_AHEAD:
            return bool(np.isnan(values[-1]))
        if self._fill.method is MissingMethod.FORWARD_FILL:
            return name not in self._before and bool(np.isnan(values).all())
        return False

    def _is_known(self, name: str, last: int) -> bool:
        if name not in self._ahead:
            return False
        found = self._ahead[name]
        return found is None or found.time > last


def _micros(moment: Any) -> int:
    return int(moment.astype("int64"))


def _times(readings: list[Reading]) -> TimeArray:
    return np.array([each.time for each in readings], dtype="datetime64[us]")


def _values(readings: list[Reading]) -> FloatArray:
    return np.array([each.value for each in readings], dtype=np.float64)
