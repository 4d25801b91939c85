"""The offline provider's names of things in English, and its phrases about events and moments."""

from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.english_states import EnglishStates
from llm_service.domain.offline.phrases import Spells
from llm_service.domain.offline.query import Condition, Statistic

_STATISTICS: Final = {
    Statistic.MEAN: "mean",
    Statistic.MIN: "minimum",
    Statistic.MAX: "maximum",
    Statistic.STD: "standard deviation",
    Statistic.MEDIAN: "median",
    Statistic.COUNT: "number of readings",
    Statistic.RANGE: "range",
    Statistic.SUM: "sum",
    Statistic.MISSING_RATIO: "missing ratio",
    Statistic.LAST: "last value",
    Statistic.FIRST: "first value",
    Statistic.VARIANCE: "variance",
    Statistic.SHARE: "share",
    Statistic.PERCENTILE: "percentile",
    Statistic.CORRELATION: "correlation",
    Statistic.EVENTS: "number of times",
    Statistic.DURATION: "duration",
    Statistic.INTEGRAL: "total over time of",
    Statistic.CHANGE: "change of",
}
_SLOTS: Final = {
    "conditions": "the condition",
    "periods": "the further range of time",
    "percentiles": "the percentile",
    "interval": "the rows per interval",
    "limit": "the number of readings",
    "when": "the time it happened",
    "unit": "the unit",
    "statistics": "the statistic",
    "rank": "which one is highest or lowest",
    "fields": "the further fields",
    "time": "the range of time",
    "compare": "the comparison",
    "window_size": "the size of the windows",
    "model_code": "the data model",
    "devices": "the further devices",
    "zone": "rows by the zone named (they are cut by UTC)",
    "top": "how many of the ranking",
    "ordered": "the order by values",
    "since": "since when it is so",
    "holds": "whether it is so at that moment",
    "decimals": "the number of decimals",
    "least": "how long it has to last",
    "each": "the single stretches",
    "measure": "by what to rank (no field was named, so the readings were counted)",
    "limits": "to count the hours or days",
    "again": "the number of the numbers of intervals",
    "doing": "what was done when",
    "unbroken": "the longest time without a stop",
    "at_once": "that all were so at once",
    "latest": "that the last ones are asked for",
    "mean_time": "the mean time between stops, or of a stop",
    "robust": "to leave out readings far from the rest",
    "versus": "when one was above the other",
    "groups": "the comparison of the groups as wholes",
    "prices": "the price",
}


def _whether(told: Spells) -> str:
    """Yes or no, where that was asked."""
    if told.always:
        return "Yes, always: " if told.fitting == told.readings else "No, not always: "
    return "Yes: " if told.whether else ""


_LEAST: Final = {False: "at least", True: "longer than"}


class EnglishEvents(EnglishStates):
    """The names of things in English, and phrases about when, how often and for how long."""

    statistics = _STATISTICS
    slots = _SLOTS
    lengths = (("week", "weeks"), ("day", "days"), ("hour", "hours"), ("minute", "minutes"), ("second", "seconds"))

    def where(self, conditions: Sequence[Condition], *, any_of: bool = False) -> str:
        """Name what readings had to fit."""
        link = " or " if any_of else " and "
        return f"where {link.join(map(self.condition, conditions))}" if conditions else ""

    def odd_readings(self, device: str, period: str, count: str) -> str:
        """Open readings that can't be right."""
        return (
            f"{count} readings of {device} {period} lie further from the rest than 98 % of all are apart, as of a "
            f"sensor that errs for a moment ({self.times.name}):"
        )

    def no_odd_readings(self, device: str, period: str, count: int) -> str:
        """There are none."""
        return f"No reading of {device} {period} lies that far from the rest ({count} readings)."

    def spells(self, device: str, period: str, where: str, told: Spells) -> str:
        """State how often and how long."""
        text = where.removeprefix("where ")
        if not told.count:
            lead = "No: not once" if told.whether else "Not once"
            least = f" for {_LEAST[told.over]} {told.least}" if told.least else ""
            counts = told.whole if told.least else f"0 of {told.readings} readings, {told.whole}"
            return f"{lead} on {device} {period}: {text}{least} ({counts})."
        times = "once" if told.count == 1 else f"{told.count} times"
        longest = f"; the longest lasted {told.longest}, from {told.begin} {self.times.name}" if told.begin else ""
        least = f" that last {_LEAST[told.over]} {told.least}" if told.least else ""
        counts = "" if told.least else f", {told.fitting} of {told.readings} readings"
        mean = f"; {told.mean} on average" if told.mean else ""
        return (
            f"{_whether(told)}{text} on {device} {period}: {times} (uninterrupted stretches of "
            f"readings{least}), for {told.total} of {told.whole} in all ({told.share} % of the time{counts})"
            f"{mean}{longest}."
        )

    def on_average(self, value: str) -> str:
        """State a mean."""
        return f"On average: {value}."

    def times_of(self, count: int | str) -> str:
        """Name a number of times."""
        return "once" if count == 1 else f"{count} times"

    def tidy(self, text: str) -> str:
        """Return the text as it is."""
        return text

    def together(self, value: str) -> str:
        """State a total."""
        return f"Together: {value}."

    def spells_head(self, device: str, where: str) -> str:
        """Open a list."""
        return f"{where.removeprefix('where ')} on {device} (number of uninterrupted stretches of readings):"

    def shares_head(self, device: str, where: str) -> str:
        """Open a list of shares."""
        return f"Share of the readings of {device} {where}:"

    def shares_line(self, period: str, share: str, counts: str) -> str:
        """State one of the list."""
        return f"- {period}: {share} % ({counts})"

    def spells_line(self, period: str, told: Spells) -> str:
        """State one of the list."""
        times = "once" if told.count == 1 else f"{told.count} times"
        return f"- {period}: {times}, for {told.total} ({told.share} % of the time)"

    def at_head(self, device: str, asked: str, time: str) -> str:
        """Open the reading at a moment."""
        read = "" if asked == time else f", by its last reading until then, of {time}"
        return f"{device} at {asked} {self.times.name}{read}:"

    def not_so_early(self, device: str, asked: str) -> str:
        """There is none so early."""
        return f"{device} has no reading at {asked} {self.times.name} or before."

    def units(self, device: str, fields: Sequence[tuple[str, str]]) -> str:
        """Name units."""
        return f"{device}: {', '.join(f'{name} in {unit}' if unit else f'{name} (no unit)' for name, unit in fields)}."
