"""The offline provider's phrases in English."""

from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.english_devices import EnglishDevices
from llm_service.domain.offline.phrases_states import Stretch

_COURSE: Final = {-1: "falls", 0: "stays about level", 1: "rises", 2: "goes up and down, with no clear direction"}


_OF: Final = frozenset({"standard deviation", "range", "variance", "number of readings", "sum", "missing ratio"})
_ENDS: Final = {True: "The last ", False: "The first ", None: ""}


class English(EnglishDevices):
    """Wording in English; see the port for what each phrase says."""

    def readings_counted(self, words: str) -> str:
        """Say what is counted."""
        return f"“{words}”: the readings that fit are counted, not how often that began."

    def one_value(self, device: str, period: str, name: str, value: str, count: int) -> str:
        """State one number."""
        return f"The {name} of {device} {period} is {value} ({count} readings)."

    def named(self, field: str, statistic: str) -> str:
        """Name a statistic of a field."""
        return f"{statistic} of {field}" if field and statistic in _OF else f"{statistic} {field}".rstrip()

    def row_count(self, device: str, period: str, count: int) -> str:
        """State the number of readings."""
        return f"{device} has {count} readings {period}."

    def statistics_head(self, device: str, period: str, count: int) -> str:
        """Open a list."""
        return f"{device} {period} ({count} readings):"

    def comparison_head(self, devices: Sequence[str], period: str) -> str:
        """Open a comparison."""
        return f"{' compared with '.join(devices)} {period}:"

    def difference(self, first: str, second: str, difference: str, percent: str) -> str:
        """State a difference."""
        share = f" ({percent} %)" if percent else ""
        return f"{second} − {first} = {difference}{share}"

    def steady(self, device: str, period: str) -> str:
        """Nothing extreme."""
        return (
            f"Nothing stands out on {device} {period}: no value lies more than 4 standard deviations from its mean, "
            "and no field misses more than 1 % of its values."
        )

    def anomalies_head(self, device: str, period: str) -> str:
        """Open the extremes."""
        return f"On {device} {period} this stands out (more than 4 standard deviations, or more than 1 % missing):"

    def extreme(self, field: str, value: str, sigmas: str, mean: str) -> str:
        """State an extreme."""
        return f"- {field}: {value} is {sigmas} standard deviations from the mean {mean}"

    def ordinary(self, device: str, period: str, windows: int, threshold: str) -> str:
        """Nothing stands out."""
        return f"Nothing stands out on {device} {period}: none of {windows} windows scores above {threshold}."

    def strange_head(self, device: str, period: str, count: int, windows: int, threshold: str) -> str:
        """Open the anomalies."""
        what = "1 time stands out" if count == 1 else f"{count} times stand out"
        return f"On {device} {period} {what} ({windows} windows compared with its baseline, limit {threshold}):"

    def brief(self, count: int, of: int) -> str:
        """Say how many anomalies may be one odd reading each."""
        few = ("It is" if of == 1 else "All are") if count == of else f"{count} of them {'is' if count == 1 else 'are'}"
        rest = "" if count == of else "; those that last come first"
        return f"{few} so short that a single odd reading can be all there is{rest}."

    def besides_single(self, count: int) -> str:
        """Say how many odd readings there are besides."""
        return f"Besides, {self._odd_readings(count)} of a moment."

    def besides_stops(self, device: str, count: int) -> str:
        """Say how many times are of stops."""
        what = "1 time is" if count == 1 else f"{count} times are"
        return f"On {device} {what} left out that lie in stops or the warming up behind them: no faults by themselves."

    def only_single(self, device: str, period: str, count: int, windows: int, threshold: str, *, besides: bool) -> str:
        """Nothing but odd readings."""
        of = f"({windows} windows compared with its baseline, limit {threshold})"
        if besides:
            return f"Besides, {self._odd_readings(count)} of a moment {of}."
        return f"Nothing that lasts stands out on {device} {period}, only {self._odd_readings(count)} of a moment {of}."

    def _odd_readings(self, count: int) -> str:
        return "1 single odd reading" if count == 1 else f"{count} single odd readings"

    def odd_states_head(self, device: str, period: str) -> str:
        """Open odd states."""
        return f"On {device} {period} this was not as usual (levels are medians, pauses left out):"

    def odd_state(self, start: str, end: str, length: str, parts: Sequence[str]) -> str:
        """Tell an odd state."""
        return f"- {start} to {end} {self.times.name} ({length}): {'; '.join(parts)}"

    def instead(self, field: str, value: str, usual: str) -> str:
        """Tell what differs."""
        return f"{field} {value} instead of {usual}"

    def compared_with(self, start: str, end: str) -> str:
        """Say which time anomalies were compared with."""
        return f"Compared with {start} to {end} {self.times.name}."

    def strange(self, start: str, end: str, score: str, shares: Sequence[tuple[str, str]]) -> str:
        """State an anomaly."""
        fields = ", ".join(f"{name} ({share} %)" for name, share in shares)
        return f"- {start} to {end} {self.times.name}: score {score}, by {fields}"

    def missing(self, field: str, percent: str) -> str:
        """State missing values."""
        return f"- {field}: {percent} % of the values are missing"

    def trend(self, device: str, period: str, field: str, direction: int, numbers: Sequence[str]) -> str:
        """State a course."""
        first, last, change, low, low_at, high, high_at = numbers
        return (
            f"{field} of {device} {period} {_COURSE[direction]}: from {first} to {last} (change {change}), "
            f"lowest {low} at {low_at}, highest {high} at {high_at} {self.times.name}."
        )

    def beyond(self, devices: tuple[str, str], name: str, *, above: bool, holds: bool, by: str) -> str:
        """Say yes or no of two devices."""
        side, other = ("higher", "lower") if above else ("lower", "higher")
        if holds:
            return f"Yes: the {name} of {devices[0]} is {side} than that of {devices[1]}, by {by}."
        apart = f"it is {by} {other}" if by else "both are the same"
        return f"No: the {name} of {devices[0]} is not {side} than that of {devices[1]}, {apart}."

    def power_now(self, device: str, time: str, value: str, factors: str) -> str:
        """State the power now."""
        at = f"at {time} {self.times.name}, its last reading,"
        return f"The power of {device} {at} is {value} (voltage × current, {factors})."

    def longest_stretch(self, longest: Stretch) -> str:
        """Tell the longest stretch."""
        return f"The longest lasted from {longest.begin} to {longest.end} {self.times.name} ({longest.length})."

    def slopes(self, period: str, field: str, first: str, value: str, *, rises: bool, clear: bool) -> str:
        """Say whose values rise or fall the most."""
        if clear:
            way = "rise" if rises else "fall"
            return f"{first} has the strongest {way} of {field} {period}: {value} (slope of its course)."
        way, end = ("rises", "highest") if rises else ("falls", "lowest")
        return (
            f"No device's {field} clearly {way} {period}: no slope that way stands out against the scatter. The {end} "
            f"is that of {first}, {value}."
        )

    def slope(self, value: str, direction: int) -> str:
        """Tell a slope."""
        return f"{value} ({_COURSE[direction]})"

    def no_numbers(self, device: str, period: str) -> str:
        """No numbers."""
        return f"{device} has no numeric readings {period}."

    def last_head(self, device: str, time: str, where: str = "") -> str:
        """Open the last reading."""
        return f"The last reading of {device} {where}{' ' * bool(where)}is from {time} {self.times.name}:"

    def ahead(self, by: str) -> str:
        """Say that a time lies ahead of now."""
        return f"That is {by} ahead of now: the clock it was taken by is wrong, so it may not be the present value."

    def rows_head(self, device: str, period: str, count: int, newest: bool | None) -> str:
        """Open a table."""
        return f"{_ENDS[newest]}{count} readings of {device} {period}:"

    def features_head(self, device: str, period: str, windows: int, features: int) -> str:
        """Open the features."""
        return f"{device} {period}: {features} features over {windows} windows. Mean (minimum to maximum) of each:"

    def feature(self, name: str, mean: str, low: str, high: str) -> str:
        """State a feature."""
        return f"- {name}: {mean} ({low} to {high})"

    def fitting_count(self, device: str, period: str, where: str, fitting: int, total: int) -> str:
        """State a count."""
        return f"{fitting} of the {total} readings of {device} {period} fit: {where.removeprefix('where ')}."

    def fitting_share(self, device: str, period: str, where: str, share: str, counts: tuple[int, int]) -> str:
        """State a share."""
        text = where.removeprefix("where ")
        return f"{share} % of the readings of {device} {period} fit ({counts[0]} of {counts[1]}): {text}."

    def fitting_times(self, device: str, period: str, where: str, times: tuple[str, str] | None, count: int) -> str:
        """State when readings fit."""
        if times is None:
            return f"No reading of {device} {period} fits: {where.removeprefix('where ')}."
        first, last = times
        text = where.removeprefix("where ")
        return f"{device} {period}, {text}: first at {first}, last at {last} {self.times.name} ({count} readings)."

    def extreme_time(self, device: str, period: str, name: str, value: str, time: str) -> str:
        """State an extreme with its time."""
        return f"The {name} of {device} {period} is {value}, first reached at {time} {self.times.name}."

    def correlation(self, device: str, period: str, fields: tuple[str, str], value: str, count: int) -> str:
        """State a correlation."""
        return f"{fields[0]} and {fields[1]} of {device} {period} correlate with r = {value} ({count} readings)."

    def ranking(self, name: str, period: str, first: str, value: str, *, lowest: bool, count: int) -> str:
        """Say which is first."""
        when = f" {period}" if period else ""
        if count == 1:
            return f"There is only {first} to tell of: the {name}{when} is {value}."
        has = "have" if ", " in first else "has"
        return f"{first} {has} the {'lowest' if lowest else 'highest'} {name}{when}: {value} (of {count})."

    def values_head(self, device: str, period: str, field: str, count: int) -> str:
        """Open counts of values."""
        return f"{field} of {device} {period} ({count} readings):"

    def interval_head(self, device: str, period: str, name: str, interval: str, count: int) -> str:
        """Open rows per interval."""
        return f"{name} of {device} per {interval} {period} ({count} rows):"

    def intervals_held(self, head: str, interval: str, where: str, count: int, whole: int) -> str:
        """State how many intervals fit."""
        return f"{head} {where.removeprefix('where ')} in {count} of {whole} {interval}s with readings."

    def percentile(self, share: str) -> str:
        """Name a percentile."""
        ending = {"1": "st", "2": "nd", "3": "rd"}.get(share[-1], "th") if share[-2:-1] != "1" else "th"
        return f"{share}{ending} percentile"

    def no_value(self) -> str:
        """Stand for a missing text."""
        return "(none)"

    def and_more(self, count: int) -> str:
        """Say what was left out."""
        return f"- … and {count} more"
