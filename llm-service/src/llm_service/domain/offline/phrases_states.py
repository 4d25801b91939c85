"""The phrases of a report about since when, for which stretches and whether something holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a value lies: below (-1), within (0) or above (1) `low` to `high`, nine tenths of the readings.

    It is said in the question, or the `newest` of the readings.
    """

    device: str
    period: str
    field: str
    value: str
    side: int
    low: str
    middle: str
    high: str
    newest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """An uninterrupted stretch of readings: its begin, its end and its length as they are told."""

    begin: str
    end: str
    length: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FarExtreme:
    """An extreme far from the rest, of which 99 % end at `edge`; it is `rest` ("" when not known) without those
    beyond `bound`.

    `name` is that of the extreme and its field.
    """

    device: str
    name: str
    value: str
    time: str
    edge: str
    bound: str
    rest: str
    rest_time: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Versus:
    """In how many intervals of a width a field of the first device was above, or below, that of the second."""

    devices: tuple[str, str]
    field: str
    period: str
    above: bool
    held: int
    count: int
    share: str
    width: str
    length: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """For how long of the `whole` a device ran, and how often and how long it stopped for `least` or more ("" any)."""

    device: str
    period: str
    running: str
    whole: str
    stopped: str
    count: int
    least: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingSince:
    """Since when a device runs, or stands, up to its last reading; `begin` is "" where that is not known.

    `known` says that its state changed then, and not that its readings begin there. `pausing` is a running one that
    stands for a moment, `before` the stop that it runs since.
    """

    device: str
    running: bool
    condition: str
    begin: str
    length: str
    seen: str
    known: bool
    pausing: bool
    before: Stretch | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanTime:
    """How long a device ran between two stops, or (with `repair`) how long a stop was, on average; "" without a stop.

    Stops `over`, or at least, `least` count ("" for all); `spent` is the time that was shared out among them.
    """

    device: str
    period: str
    value: str
    spent: str
    count: int
    repair: bool
    least: str
    over: bool


class StateWording(Protocol):
    """What is said of stretches of readings, and of readings at a moment."""

    def stretches(self, count: int, total: str, listed: Sequence[Stretch]) -> str:
        """List all stretches there are, or the longest of them."""
        ...

    def latest_stretches(self, number: int, count: int, listed: Sequence[Stretch], *, whole: bool) -> str:
        """List the last stretches of `count`; where not the `whole` of them is known, the longest, and say so."""
        ...

    def gaps(self, device: str, count: int, total: str, listed: Sequence[Stretch], longest: Stretch | None) -> str:
        """List the gaps between readings, or the longest of them, and name the `longest`; say that there is none."""
        ...

    def last_stretch(self, last: Stretch, *, ongoing: bool) -> str:
        """Tell the last stretch, and whether it goes on."""
        ...

    def since(self, device: str, where: str, last: Stretch, seen: str) -> str:
        """Say since when conditions hold, up to the last reading `seen`."""
        ...

    def no_longer(self, device: str, where: str, last: Stretch) -> str:
        """Say that conditions don't hold at the last reading, and when they last did."""
        ...

    def never(self, device: str, where: str, period: str) -> str:
        """Say that conditions held in no reading."""
        ...

    def holding(self, fitting: Sequence[str], count: int, where: str) -> str:
        """Say which of `count` devices fit conditions at a moment."""
        ...

    def holds(self, device: str, *, fits: bool | None, values: Sequence[str], time: str) -> str:
        """Say whether a device fits conditions at a moment, None for neither, by which values."""
        ...

    def versus(self, told: Versus, listed: Sequence[Stretch], count: int) -> str:
        """Say when one device was above or below another, by at most some of `count` stretches."""
        ...

    def arc_power(self, device: str, period: str, value: str, *, energy: bool) -> str:
        """State the mean power of the arc, or its energy."""
        ...

    def which_time(
        self, name: tuple[str, str, str], told: Sequence[tuple[str, str]], *, lowest: bool, same: bool
    ) -> str:
        """Say in which of two times, each with what it came to, a number is higher, or lower; the first is that one.

        `name` is that of the devices, of the number, and of what fits ("" for all readings).
        """
        ...

    def standing_since(self, told: StandingSince) -> str:
        """Say since when a device runs, or stands."""
        ...

    def pauses_left_out(self, least: str) -> str:
        """Say that pauses shorter than `least` are no stops."""
        ...

    def pausing(self, line: str, length: str) -> str:
        """Say, behind what is said of a device, that it is in a pause of so much so far."""
        ...

    def running_ones(self, devices: Sequence[str], count: int, *, running: bool) -> str:
        """Say which of `count` devices run, or stand, where some are in a pause that is no stop."""
        ...

    def energy_estimated(self) -> str:
        """Say, before the energy of the arc, that no energy is measured."""
        ...

    def power_now(self, device: str, time: str, value: str, factors: str) -> str:
        """State the power of the arc by the newest readings of its factors."""
        ...

    def judged(self, place: Place, *, holds: bool) -> str:
        """Say where a value lies among the readings, and whether it is as was asked."""
        ...

    def state(self, condition: str, *, running: bool) -> str:
        """Say whether a machine runs, as a line above its readings."""
        ...

    def newest_overview(self) -> str:
        """Say that the newest readings are told for an overview."""
        ...

    def starts_told(self, words: str) -> str:
        """Say that starts are told by the longer stops that they end."""
        ...

    def lasting_told(self, least: str) -> str:
        """Say that only stops that last are counted."""
        ...

    def at_once(
        self,
        devices: Sequence[str],
        where: str,
        period: str,
        total: str,
        listed: Sequence[Stretch],
        *,
        count: int,
        whole: bool,
    ) -> str:
        """Say when conditions held on all devices; where not `whole`, the longest stretches of each were compared."""
        ...

    def of_which_lasting(self, count: int, least: str, total: str) -> str:
        """Say how many of all stops lasted so long, and how long they were together."""
        ...

    def single_readings(self, count: int) -> str:
        """Say that what was counted are single readings."""
        ...

    def without_readings(self, length: str) -> str:
        """Say for how much of a time there are no readings."""
        ...

    def oee_told(self, words: str) -> str:
        """Say which part of the effectiveness is told, and what the readings lack for the rest."""
        ...

    def answered(self, text: str, *, holds: bool) -> str:
        """Put yes or no before an answer."""
        ...

    def doing(self, told: Doing, listed: Sequence[Stretch]) -> str:
        """State for how long a device ran, and list its stops, or the longest of them."""
        ...

    def mean_time(self, told: MeanTime) -> str:
        """State the mean time between stops, or of a stop."""
        ...

    def mean_time_name(self, *, repair: bool) -> str:
        """Name the mean time between stops, or of a stop."""
        ...

    def stops_alone(self) -> str:
        """Say that readings show stops, and no failures."""
        ...

    def ratio(self, device: str, period: str, fields: tuple[str, str], value: str, means: tuple[str, str]) -> str:
        """State the ratio of the means of two fields."""
        ...

    def not_drawn(self, words: str) -> str:
        """Say that nothing is drawn."""
        ...

    def maybe_before(self, first: str, begin: str) -> str:
        """Say that what begins with a range may have begun before it."""
        ...

    def overview(self) -> str:
        """Say that an overview is given, as what was asked was not recognised."""
        ...

    def of_labelled(self, field: str) -> str:
        """Say that shares are of the readings that have a label."""
        ...

    def unlabelled(self, names: str, field: str) -> str:
        """Say which devices have no label at all."""
        ...

    def label_count(self, label: str, readings: int, spells: int | None) -> str:
        """Tell how many readings have a label, in how many stretches."""
        ...

    def prevalent(self, device: str, period: str, first: str, counts: Sequence[str], *, lowest: bool) -> str:
        """Say which label there was most, or least, of ("" for as much of each), with the numbers of all."""
        ...

    def of_fitting(self, where: str, shares: Sequence[str]) -> str:
        """Tell shares of the readings that a state is."""
        ...

    def periods_head(self, device: str, name: str) -> str:
        """Open a number of a device in several ranges, in the order of a ranking."""
        ...

    def rest_told(self) -> str:
        """Open numbers of the readings within what is usual."""
        ...

    def beyond(self, devices: tuple[str, str], name: str, *, above: bool, holds: bool, by: str) -> str:
        """Say whether a number of the first device is above, or below, that of the second; `by` is "" for the same."""
        ...

    def longest_stretch(self, longest: Stretch) -> str:
        """Tell from when to when the longest stretch lasted."""
        ...

    def slopes(self, period: str, field: str, first: str, value: str, *, rises: bool, clear: bool) -> str:
        """Say whose values rise (or fall) the most, or, where none does so clearly, that and whose slope is first."""
        ...

    def slope(self, value: str, direction: int) -> str:
        """Tell a slope, and whether it is a rise (1), a fall (-1) or neither."""
        ...

    def spikes_told(self) -> str:
        """Open a list of extremes that lie far from the rest."""
        ...

    def without_spike(self, told: FarExtreme) -> str:
        """Tell an extreme far from the rest, and what it is without such readings."""
        ...

    def order_without(self, ranked: Sequence[str]) -> str:
        """Rank devices by what they have without such readings."""
        ...

    def pooled(self, value: str) -> str:
        """State a number of the readings of several devices together."""
        ...

    def most_anomalies(self, counts: Sequence[tuple[str, str]], *, lowest: bool) -> str:
        """Tell which devices have the most anomalies, or the fewest first."""
        ...

    def groups(self, numbers: Sequence[tuple[str, str]], name: str) -> str:
        """State the number `name` of the readings of each of several groups of devices."""
        ...

    def of_rows(self, name: str, value: str, count: int) -> str:
        """State a number that is made of those of all rows."""
        ...

    def cut_short(self, time: str) -> str:
        """Say that the rows after a time are left out."""
        ...

    def presence(self, period: str, there: int, missing: Sequence[str]) -> str:
        """State how many devices have readings in a time, and which have none; it opens a list of those that have."""
        ...

    def has_readings(self, device: str, count: int) -> str:
        """State how many readings a device has, as a line of that list."""
        ...

    def unbroken(self, device: str, stretch: Stretch) -> str:
        """State the longest time without a stop."""
        ...

    def defects_head(self, device: str, field: str) -> str:
        """Open the stretches in which the labels of a device were bad for a minute or more."""
        ...

    def defect(self, label: str, stretch: Stretch) -> str:
        """Tell one of them."""
        ...

    def spikes_head(self, device: str) -> str:
        """Open single readings that lie far from the rest."""
        ...

    def spike(self, field: str, value: str, edge: str, time: str, *, highest: bool) -> str:
        """Tell the furthest of them, and the edge that 99 % of the readings don't pass."""
        ...

    def lost_readings(self, count: int, every: str) -> str:
        """Say how many readings are missing in gaps, by how many seconds lie between two."""
        ...

    def time_column(self) -> str:
        """Name the column of times of a table, with their zone."""
        ...

    def ends_head(self, device: str, period: str, field: str, count: int, *, highest: bool) -> str:
        """Open a table of the readings with the highest or lowest values."""
        ...
