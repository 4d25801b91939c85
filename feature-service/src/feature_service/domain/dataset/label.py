"""Labels of rows as numbered classes, and labels of windows."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Final, TypeAlias

import numpy as np

from feature_service.domain.dataset.plan import LabelMode
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window_rows import WindowRows, micros_of_times
from feature_service.domain.model.array import FloatArray, IndexArray, TextArray, TimeArray
from feature_service.domain.model.frame import Frame
from penstock_kit.errors import Unprocessable

LabelArray: TypeAlias = FloatArray | TextArray
MAX_CLASSES: Final = 100
NO_LABEL: Final = -1
_PIECE: Final = 10_000
"""Labels that are looked at at once: while these are counted, a millisecond or two, nobody else is answered. As Python
objects they take ten times their place, too."""
_EXACT_WHOLE: Final = 2.0**53
"""Up to here a float tells every whole number from the next."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledRows:
    """The rows of a device, and the label of each."""

    frame: Frame
    labels: LabelArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Classes:
    """The labels there are, in ascending order, all texts or all numbers; `common` is the one of most rows."""

    labels: tuple[str, ...] | tuple[float, ...]
    common: int

    def names(self) -> list[str]:
        """Return the labels as texts, each its own: texts as they are, whole numbers without a fraction."""
        return [label if isinstance(label, str) else _number_name(label) for label in self.labels]


def classes_of(columns: Iterable[LabelArray]) -> Classes:
    """Return the classes in the label columns of several devices.

    Raises Unprocessable LABEL_EMPTY without any label, CLASSES_LIMIT_EXCEEDED when it looks like a measurement,
    LABEL_INVALID when some devices have texts and others numbers.
    """
    counts: Counter[str | float] = Counter()
    for column in columns:
        for start in range(0, len(column), _PIECE):
            counts.update(_counted(column[start : start + _PIECE]))
    texts = {label: count for label, count in counts.items() if isinstance(label, str)}
    numbers = {label: count for label, count in counts.items() if isinstance(label, float) and label == label}  # noqa: PLR0124
    if texts and numbers:
        raise Unprocessable(
            f"the label is a text such as {min(texts)!r} in some devices and a number such as {min(numbers):g} in "
            "others; choose devices that agree",
            reason="LABEL_INVALID",
        )
    labels = tuple(sorted(texts)) or tuple(sorted(numbers))
    if not labels:
        raise Unprocessable("no row in the range has a label", reason="LABEL_EMPTY")
    if len(labels) > MAX_CLASSES:
        raise Unprocessable(
            f"the label has {len(labels)} different values, at most {MAX_CLASSES} make sense as classes; "
            "name a field with labels",
            reason="CLASSES_LIMIT_EXCEEDED",
        )
    return Classes(labels=labels, common=max(range(len(labels)), key=lambda index: counts[labels[index]]))


def _counted(column: LabelArray) -> dict[str | float, int]:
    if column.dtype == np.object_:
        return Counter(column.tolist())
    # NaN, a row without a label, is equal to no other: each would be a class of its own.
    labels, counts = np.unique(column[~np.isnan(column.astype(np.float64))], return_counts=True)
    return dict(zip(labels.tolist(), counts.tolist(), strict=True))


def _number_name(label: float) -> str:
    return str(int(label)) if label.is_integer() and abs(label) < _EXACT_WHOLE else repr(label)


def codes_of(column: LabelArray, classes: Classes) -> IndexArray:
    """Return the number of each row's class, NO_LABEL where it has none."""
    code: dict[str | float, int] = {label: number for number, label in enumerate(classes.labels)}
    codes = np.empty(len(column), dtype=np.int64)
    for start in range(0, len(column), _PIECE):
        piece = column[start : start + _PIECE].tolist()
        codes[start : start + len(piece)] = np.fromiter(map(code.get, piece, repeat(NO_LABEL)), np.int64, len(piece))
    return codes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelRows:
    """The rows that give each window its label: from row `first` to before row `stop`, none where they are equal."""

    first: IndexArray
    stop: IndexArray

    def cut(self, windows: slice) -> "LabelRows":
        """Return those of some of the windows."""
        return LabelRows(first=self.first[windows], stop=self.stop[windows])

    def less(self, rows: int) -> "LabelRows":
        """Return the same rows, counted from row `rows` on."""
        return LabelRows(first=self.first - rows, stop=self.stop - rows)

    @classmethod
    def behind(cls, windows: WindowRows, window: TimeWindowPlan, times: TimeArray, horizon: int) -> "LabelRows":
        """The rows from the end of each window by time to before `horizon` microseconds later; none where rows end."""
        end = micros_of_times(windows.times) + window.size + horizon
        micros = micros_of_times(times)
        stop = np.searchsorted(micros, end, side="left")
        known = end <= int(micros[-1]) + 1 if len(micros) else np.zeros(0, dtype=np.bool_)
        return cls(first=windows.stop, stop=np.where(known, stop, windows.stop))

    @classmethod
    def ahead(cls, starts: IndexArray, size: int, times: TimeArray, horizon: int) -> "LabelRows":
        """The rows after each window, to `horizon` microseconds after its last row; none where rows end before that."""
        micros = micros_of_times(times)
        last = micros[starts + size - 1] + horizon
        stop = np.searchsorted(micros, last, side="right")
        known = last <= int(micros[-1]) if len(times) else np.zeros(0, dtype=np.bool_)
        return cls(first=starts + size, stop=np.where(known, np.maximum(stop, starts + size), starts + size))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowLabels:
    """The class of each window, NO_LABEL where it has none, and the share of its labelled rows that are of it."""

    codes: IndexArray
    purity: FloatArray


def joined(labels: Sequence[WindowLabels]) -> WindowLabels:
    """Return the labels of windows that follow each other."""
    if not labels:
        return WindowLabels(codes=np.empty(0, dtype=np.int64), purity=np.empty(0))
    return WindowLabels(
        codes=np.concatenate([each.codes for each in labels]), purity=np.concatenate([each.purity for each in labels])
    )


def window_labels(codes: IndexArray, classes: Classes, rows: LabelRows, mode: LabelMode) -> WindowLabels:
    """Return the labels of windows from the labels of `rows`, whose classes are `codes`."""
    counts = _counts(codes, len(classes.labels), rows)
    if mode is LabelMode.LAST:
        labels = np.where(rows.stop > rows.first, codes[np.maximum(rows.stop - 1, 0)], NO_LABEL)
    else:
        ranked = 2 * counts
        if mode is LabelMode.ANY:
            # One row of another class outweighs all rows of the commonest.
            ranked[:, classes.common] = np.minimum(counts[:, classes.common], 1)
        labels = np.where(counts.any(axis=1), ranked.argmax(axis=1), NO_LABEL)
    own = counts[np.arange(len(labels)), np.maximum(labels, 0)]
    return WindowLabels(codes=labels, purity=own / np.maximum(counts.sum(axis=1), 1))


def _counts(codes: IndexArray, classes: int, rows: LabelRows) -> IndexArray:
    """How many rows of each class give each window its label: (windows, classes)."""
    counts = np.empty((len(rows.first), classes), dtype=np.int64)
    for code in range(classes):
        running = np.concatenate(([0], np.cumsum(codes == code)))
        counts[:, code] = running[rows.stop] - running[rows.first]
    return counts
