"""The phrases of a report, one implementation a language."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from llm_service.domain.offline.phrases_devices import DeviceWording
from llm_service.domain.offline.query import Condition, Statistic, TimeRange
from llm_service.domain.offline.shown_zone import ShownZone


@dataclass(frozen=True, slots=True, kw_only=True)
class Spells:
    """How often readings fit, how long in all of which time, of how many, and the longest spell with its begin.

    Only spells of `least`, or with `over` of more, count where that is said; `mean` is how long one is on average. With
    `always` it was asked whether all readings fit.
    """

    count: int
    total: str
    whole: str
    share: str
    fitting: int
    readings: int
    longest: str
    begin: str
    whether: bool = False
    least: str = ""
    over: bool = False
    always: bool = False
    mean: str = ""


class Wording(DeviceWording, Protocol):
    """Everything the offline provider can say. Texts are Markdown and plain enough for a terminal."""

    def readings_counted(self, words: str) -> str:
        """Say that readings are counted where events were asked for."""
        ...

    @property
    def times(self) -> ShownZone:
        """The zone in which times are told."""
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

    def named(self, field: str, statistic: str) -> str:
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

    def ordinary(self, device: str, period: str, windows: int, threshold: str) -> str:
        """Say that no window scores above the threshold."""
        ...

    def strange_head(self, device: str, period: str, count: int, windows: int, threshold: str) -> str:
        """Open a list of times that stand out."""
        ...

    def brief(self, count: int, of: int) -> str:
        """Say how many of the anomalies are so short that one odd reading can make them."""
        ...

    def besides_single(self, count: int) -> str:
        """Say how many times there are besides that single odd readings alone make stand out."""
        ...

    def besides_stops(self, device: str, count: int) -> str:
        """Say how many times of a device are left out as those of stops, or of the warming up behind them."""
        ...

    def only_single(self, device: str, period: str, count: int, windows: int, threshold: str, *, besides: bool) -> str:
        """Say that nothing stands out but so many single odd readings: at all, or besides what was told."""
        ...

    def odd_states_head(self, device: str, period: str) -> str:
        """Open a list of times in which a text field was not as usual."""
        ...

    def odd_state(self, start: str, end: str, length: str, parts: Sequence[str]) -> str:
        """Tell such a time, how long it was and what was different."""
        ...

    def instead(self, field: str, value: str, usual: str) -> str:
        """Tell what a field was instead of what it usually is."""
        ...

    def compared_with(self, start: str, end: str) -> str:
        """Say which time the anomalies were compared with."""
        ...

    def strange(self, start: str, end: str, score: str, shares: Sequence[tuple[str, str]]) -> str:
        """State a time that stands out, with the fields and their shares in percent."""
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

    def last_head(self, device: str, time: str, where: str = "") -> str:
        """Open the last reading, or the last one that fits."""
        ...

    def ahead(self, by: str) -> str:
        """Say that the time of a reading lies so far ahead of now, so that it can't be right."""
        ...

    def rows_head(self, device: str, period: str, count: int, newest: bool | None) -> str:
        """Open a table of readings: the last (True) or the first (False) of more, or all there are."""
        ...

    def features_head(self, device: str, period: str, windows: int, features: int) -> str:
        """Open a summary of features."""
        ...

    def feature(self, name: str, mean: str, low: str, high: str) -> str:
        """State one feature's spread over the windows."""
        ...

    def odd_readings(self, device: str, period: str, count: str) -> str:
        """Open a list of single readings far from the rest."""
        ...

    def no_odd_readings(self, device: str, period: str, count: int) -> str:
        """Say that no reading lies far from the rest."""
        ...

    def condition(self, condition: Condition) -> str:
        """Name a condition: current > 200 A."""
        ...

    def where(self, conditions: Sequence[Condition], *, any_of: bool = False) -> str:
        """Name what readings had to fit (all, or any of them), to follow a range of time; "" for nothing."""
        ...

    def spells(self, device: str, period: str, where: str, told: "Spells") -> str:
        """State how often and for how long readings fit, "yes" or "no" first where that was asked."""
        ...

    def times_of(self, count: int | str) -> str:
        """Name a number of times."""
        ...

    def on_average(self, value: str) -> str:
        """State a mean of several ranges."""
        ...

    def tidy(self, text: str) -> str:
        """Return the text of an answer with the blanks that its language has."""
        ...

    def of_period(self, text: str, period: str) -> str:
        """Say of which range of time a sentence is."""
        ...

    def together(self, value: str) -> str:
        """State what the amounts of several devices are together."""
        ...

    def spells_head(self, device: str, where: str) -> str:
        """Open a list of how often readings fit in several ranges."""
        ...

    def shares_head(self, device: str, where: str) -> str:
        """Open a list of the shares of readings that fit in several ranges."""
        ...

    def shares_line(self, period: str, share: str, counts: str) -> str:
        """State one of the list."""
        ...

    def spells_line(self, period: str, told: "Spells") -> str:
        """State how often and for how long readings fit in one of them."""
        ...

    def at_head(self, device: str, asked: str, time: str) -> str:
        """Open the last reading at or before the moment that was asked for."""
        ...

    def not_so_early(self, device: str, asked: str) -> str:
        """Say that there is no reading at or before the moment that was asked for."""
        ...

    def units(self, device: str, fields: Sequence[tuple[str, str]]) -> str:
        """Name the units of fields, "" for one that is not known."""
        ...

    def length_in(self, seconds: float, unit: str) -> str:
        """Name a length of time in "s", "min" or "h", "" for its own units."""
        ...

    def length(self, seconds: float) -> str:
        """Name a length of time in its two largest units."""
        ...

    def fitting_count(self, device: str, period: str, where: str, fitting: int, total: int) -> str:
        """State how many of the readings fit."""
        ...

    def fitting_share(self, device: str, period: str, where: str, share: str, counts: tuple[int, int]) -> str:
        """State which share of the readings fits; `counts` are those that fit and all."""
        ...

    def fitting_times(self, device: str, period: str, where: str, times: tuple[str, str] | None, count: int) -> str:
        """State when the first and the last reading that fits was; None when none does."""
        ...

    def extreme_time(self, device: str, period: str, name: str, value: str, time: str) -> str:
        """State an extreme and when it was (first) reached."""
        ...

    def correlation(self, device: str, period: str, fields: tuple[str, str], value: str, count: int) -> str:
        """State Pearson's correlation of two fields."""
        ...

    def ranking(self, name: str, period: str, first: str, value: str, *, lowest: bool, count: int) -> str:
        """Say which of `count` devices (or intervals) is first, by what."""
        ...

    def values_head(self, device: str, period: str, field: str, count: int) -> str:
        """Open the counts of a text field's values."""
        ...

    def interval_head(self, device: str, period: str, name: str, interval: str, count: int) -> str:
        """Open rows of one value per interval."""
        ...

    def intervals_held(self, head: str, interval: str, where: str, count: int, whole: int) -> str:
        """State in how many of `whole` intervals the numbers that `head` opens are within limits."""
        ...

    def interval(self, length: timedelta) -> str:
        """Name the width of an interval."""
        ...

    def percentile(self, share: str) -> str:
        """Name a percentile."""
        ...

    def no_value(self) -> str:
        """Stand for a text that is missing."""
        ...

    def slot(self, name: str) -> str:
        """Name a part of a question that an answer can leave out."""
        ...

    def and_more(self, count: int) -> str:
        """Say how many further lines were left out."""
        ...
