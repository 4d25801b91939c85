"""The unit of work that a data set is spread by: the windows of a device that begin on one day.

The rows of a partition are cleaned already, by what was fitted on the training part, and hold all rows of its windows.
So a partition needs nothing but itself, and its features are the same to the bit wherever they are computed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

import numpy as np

from feature_service.domain.extraction.extract import CleanRows, feature_matrix
from feature_service.domain.extraction.range_cleaning import CleanRange
from feature_service.domain.feature.window_rows import Windowing, WindowRows
from feature_service.domain.model.array import FloatArray, IndexArray, TimeArray
from penstock_kit.errors import Unavailable

LEAST_ROWS: Final = 20_000
"""Rows below which the next day goes into the same partition: sending them would take longer than computing."""
MOST_ROWS: Final = 250_000
"""Rows beyond which a day is cut: they are in memory several times (2 MB a field)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PartitionSpec:
    """What features to make of which windows of which rows."""

    rows: CleanRows
    windows: WindowRows
    window: Windowing
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Partition:
    """The windows `windows` of a row range of a device, numbered `row_range`; `day` is that of the first (UTC, ISO)."""

    device_code: str
    day: str
    spec: PartitionSpec
    row_range: int
    windows: slice

    def __len__(self) -> int:
        return len(self.spec.windows)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PartitionFeatures:
    """The features of the windows of a device from a day on: (windows, fields x features)."""

    device_code: str
    day: str
    values: FloatArray


class PartitionFailed(Unavailable):
    """One partition can't be computed, as worker after worker ended over it; the others can.

    The reason is PARTITION_WORKERS_UNAVAILABLE.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text, reason="PARTITION_WORKERS_UNAVAILABLE")


Told = Callable[[Partition, float], None]
"""Is told the share of a partition that is done, partition after partition; what it raises ends the run."""


class PartitionRunner(Protocol):
    """Where partitions are computed."""

    def run(self, partitions: Iterable[Partition], told: Told) -> "Iterator[tuple[Partition, PartitionFeatures]]":
        """Yield every partition with its features, in their order; blocks meanwhile.

        Few partitions are taken ahead. Raises what `told` raises, after all work was ended, and Unavailable
        PARTITION_WORKERS_UNAVAILABLE when workers are not to be reached, or end again and again over a partition: then
        the others are yielded first, and the error names each that failed.
        """
        ...


class InlineRunner:
    """Computes partitions one by one in the thread that asks."""

    def run(self, partitions: Iterable[Partition], told: Told) -> "Iterator[tuple[Partition, PartitionFeatures]]":
        """Yield every partition with its features."""
        for each in partitions:
            yield each, run_partition(each.device_code, each.day, each.spec, _told_of(each, told))


def _told_of(partition: Partition, told: Told) -> Callable[[float], None]:
    return lambda share: told(partition, share)


def run_partition(
    device_code: str, day: str, spec: PartitionSpec, progress: Callable[[float], None] | None = None
) -> PartitionFeatures:
    """Return the features of a device's windows of a day; `progress` is told the share that is done, field by field."""
    values = feature_matrix(spec.rows, spec.window, spec.features, spec.windows, progress)
    return PartitionFeatures(device_code=device_code, day=day, values=values)


def partitions_of(
    device_code: str,
    rows: CleanRows | CleanRange,
    windows: WindowRows,
    *,
    window: Windowing,
    features: tuple[str, ...],
    row_range: int = 0,
) -> Iterator[Partition]:
    """Yield the windows of the rows as partitions, in their order."""
    days = windows.times.astype("datetime64[D]")
    for first, last in pairwise(_edges(days, windows.first)):
        begin, end = int(windows.first[first]), int(windows.stop[last - 1])
        yield Partition(
            device_code=device_code,
            day=str(days[first]),
            spec=PartitionSpec(
                rows=rows.cut(slice(begin, end)),
                windows=windows.cut(slice(first, last)),
                window=window,
                features=features,
            ),
            row_range=row_range,
            windows=slice(first, last),
        )


def _edges(days: TimeArray, starts: IndexArray) -> list[int]:
    """The windows with which partitions begin, and the number of all."""
    if len(starts) == 0:
        return []
    midnights: list[int] = [*(np.flatnonzero(days[1:] != days[:-1]) + 1).tolist(), len(starts)]
    edges = [0]
    for midnight in midnights:
        while int(starts[midnight - 1] - starts[edges[-1]]) >= MOST_ROWS:
            beyond = int(starts[edges[-1]]) + MOST_ROWS
            edges.append(int(np.searchsorted(starts, beyond, side="left")))
        if midnight == len(starts) or int(starts[midnight] - starts[edges[-1]]) >= LEAST_ROWS:
            edges.append(midnight)
    return edges
