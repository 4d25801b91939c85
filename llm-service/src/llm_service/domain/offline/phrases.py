"""The phrases of a report, one implementation a language."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from llm_service.domain.offline.query import Statistic, TimeRange
from llm_service.domain.offline.result import DeviceCard


class Wording(Protocol):
    """Everything the offline provider can say. Texts are Markdown and plain enough for a terminal."""

    def unconfigured(self) -> str:
        """Say that no model is configured, how to configure one, and what works without."""
        ...

    def models_failed(self) -> str:
        """Say that the configured models could not answer just now."""
        ...

    def omitted(self, characters: int) -> str:
        """Say that so many characters of the question were too many to be read."""
        ...

    def no_tools(self) -> str:
        """Say that a device is asked for and no tool to look is there."""
        ...

    def tool_failed(self, tool: str, message: str) -> str:
        """Pass on what the tool said was wrong."""
        ...

    def which_device(self, codes: Sequence[str]) -> str:
        """Ask back for the device, naming those there are."""
        ...

    def unknown_devices(self, codes: Sequence[str], existing: Sequence[str]) -> str:
        """Say that there are no such devices, and which there are."""
        ...

    def unknown_fields(self, device: str, fields: Sequence[str], existing: Sequence[str]) -> str:
        """Say that the device has no such fields, and which it has."""
        ...

    def no_data(self, device: str, time: TimeRange | None, extent: TimeRange | None) -> str:
        """Say that there is nothing in the range, and which range the data covers."""
        ...

    def device_list(self, cards: Sequence[DeviceCard], count: int) -> str:
        """List the first of `count` devices with their fields."""
        ...

    def period(self, time: TimeRange | None) -> str:
        """Name a range of time, to follow the name of a device."""
        ...

    def statistic(self, statistic: Statistic) -> str:
        """Name a statistic."""
        ...

    def one_value(self, device: str, period: str, name: str, value: str, count: int) -> str:
        """State one number as a sentence; `name` is what :meth:`named` returned."""
        ...

    def named(self, field: str, statistic: Statistic) -> str:
        """Name a statistic of a field."""
        ...

    def row_count(self, device: str, period: str, count: int) -> str:
        """State how many readings there are."""
        ...

    def statistics_head(self, device: str, period: str, count: int) -> str:
        """Open a list of statistics."""
        ...

    def comparison_head(self, devices: Sequence[str], period: str) -> str:
        """Open a comparison."""
        ...

    def difference(self, first: str, second: str, difference: str, percent: str) -> str:
        """State by how much `second` differs from `first`."""
        ...

    def steady(self, device: str, period: str) -> str:
        """Say that no field is out of the ordinary by the rule of 4 standard deviations."""
        ...

    def anomalies_head(self, device: str, period: str) -> str:
        """Open a list of fields with extreme values."""
        ...

    def extreme(self, field: str, value: str, sigmas: str, mean: str) -> str:
        """State that a value lies that many standard deviations from the mean."""
        ...

    def missing(self, field: str, percent: str) -> str:
        """State how much of a field is missing."""
        ...

    def trend(self, device: str, period: str, field: str, direction: int, numbers: Sequence[str]) -> str:
        """State a course: direction -1, 0 or 1.

        The numbers are first, last, change, lowest, its time, highest, its time.
        """
        ...

    def no_numbers(self, device: str, period: str) -> str:
        """Say that there are readings but no numbers in them."""
        ...

    def last_head(self, device: str, time: str) -> str:
        """Open the last reading."""
        ...

    def rows_head(self, device: str, period: str, count: int, truncated: bool) -> str:
        """Open a table of readings."""
        ...

    def features_head(self, device: str, period: str, windows: int, features: int) -> str:
        """Open a summary of features."""
        ...

    def feature(self, name: str, mean: str, low: str, high: str) -> str:
        """State one feature's spread over the windows."""
        ...

    def and_more(self, count: int) -> str:
        """Say how many further lines were left out."""
        ...


def number(value: float | None, digits: int = 6) -> str:
    """Return `value` with `digits` significant digits and without needless zeros; "–" for none."""
    if value is None:
        return "–"
    whole = 10**digits <= abs(value) < 1e15
    return f"{value:.0f}" if whole else f"{value:.{digits}g}"


def percent(ratio: float) -> str:
    """Return `ratio` as percent with three significant digits."""
    return number(100 * ratio, 3)


def stamp(time: datetime) -> str:
    """Return `time` in UTC, seconds only when they are not zero."""
    utc = time.astimezone(UTC)
    return f"{utc:%Y-%m-%d %H:%M:%S}" if utc.second else f"{utc:%Y-%m-%d %H:%M}"


def whole_day(time: TimeRange) -> str | None:
    """Return the date when `time` is exactly one UTC day, otherwise None."""
    if time.start is None or time.end is None:
        return None
    start = time.start.astimezone(UTC)
    midnight = (start.hour, start.minute, start.second, start.microsecond) == (0, 0, 0, 0)
    return f"{start:%Y-%m-%d}" if midnight and time.end - time.start == timedelta(days=1) else None
