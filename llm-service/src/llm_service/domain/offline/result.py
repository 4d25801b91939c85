"""What the device tools told of devices, of ranges, of rows and of features."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from llm_service.domain.offline.json_value import number_or_none
from llm_service.domain.offline.query import Statistic, TimeRange


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCard:
    """One device as list_devices describes it."""

    code: str
    device_type: str = ""
    model_code: str = ""
    name: str = ""
    fields: tuple[str, ...] = ()
    text_fields: tuple[str, ...] = ()
    units: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    first_seen: datetime | None = None
    last_seen: datetime | None = None

    @property
    def extent(self) -> TimeRange | None:
        """From the first to the last reading, None when there is none."""
        if self.first_seen is None or self.last_seen is None:
            return None
        return TimeRange(start=self.first_seen, end=self.last_seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldStatistics:
    """Statistics of one field; a statistic that the tool did not give is absent."""

    field: str
    values: Mapping[Statistic, float]
    unit: str = ""
    min_time: datetime | None = None
    max_time: datetime | None = None
    percentiles: Mapping[str, float] = dataclasses.field(default_factory=dict[str, float])

    def value(self, statistic: Statistic) -> float | None:
        """Return the statistic, derived ones (range, variance, sum) included."""
        low, high = self.values.get(Statistic.MIN), self.values.get(Statistic.MAX)
        mean, count = self.values.get(Statistic.MEAN), self.values.get(Statistic.COUNT)
        if statistic is Statistic.RANGE and low is not None and high is not None:
            return high - low
        if statistic is Statistic.VARIANCE:
            deviation = self.values.get(Statistic.STD)
            return None if deviation is None else deviation * deviation
        if statistic is Statistic.CHANGE:
            first, last = self.values.get(Statistic.FIRST), self.values.get(Statistic.LAST)
            return None if first is None or last is None else last - first
        if statistic is Statistic.SUM and statistic not in self.values and mean is not None and count is not None:
            return mean * count
        return self.values.get(statistic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """An uninterrupted stretch of rows that fit."""

    start: datetime
    seconds: float

    @property
    def end(self) -> datetime:
        """When it ended."""
        return self.start + timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class FittingTime:
    """How long the rows that fit lasted, of `range_seconds`, in how many spells, and the longest of them.

    `listed` are the longest spells in the order of time, `last` is the last, which may be `ongoing`. `longest_gaps` are
    those of all `gaps` between rows, too.
    """

    seconds: float
    range_seconds: float
    spells: int
    longest_seconds: float = 0.0
    longest_start: datetime | None = None
    listed: tuple[Spell, ...] = ()
    last: Spell | None = None
    ongoing: bool = False
    gaps: int = 0
    gap_seconds: float = 0.0
    longest_gaps: tuple[Spell, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatistics:
    """Statistics of a device over a range: of `row_count` rows that fit the conditions, of `rows_in_range`.

    `first_row` and `last_row` are when the first and the last of all rows in the range were, where that is told.
    """

    device: str
    row_count: int
    fields: tuple[FieldStatistics, ...]
    time: TimeRange
    rows_in_range: int = 0
    first_row: datetime | None = None
    last_row: datetime | None = None
    first_fitting: datetime | None = None
    last_fitting: datetime | None = None
    correlations: tuple[tuple[str, str, float | None], ...] = ()
    value_counts: Mapping[str, Mapping[str, int]] = dataclasses.field(default_factory=dict[str, Mapping[str, int]])
    fitting: FittingTime | None = None

    def of(self, field: str) -> FieldStatistics | None:
        """Return the statistics of `field`."""
        return next((one for one in self.fields if one.field == field), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Rows of a device in the order of time, one value per column, None where there is none."""

    device: str
    columns: tuple[str, ...]
    times: tuple[datetime, ...]
    rows: tuple[tuple[object, ...], ...]
    truncated: bool = False
    units: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])

    def points(self, column: str) -> list[tuple[datetime, float]]:
        """Return the numbers of `column` with their times."""
        at = self.columns.index(column)
        pairs = [(time, number_or_none(row[at])) for time, row in zip(self.times, self.rows, strict=True)]
        return [(time, value) for time, value in pairs if value is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSummary:
    """One feature over all windows."""

    feature: str
    low: float | None
    high: float | None
    mean: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFeatures:
    """Features of a device: how many windows, which features and their spread."""

    device: str
    window_count: int
    names: tuple[str, ...]
    summary: tuple[FeatureSummary, ...]
