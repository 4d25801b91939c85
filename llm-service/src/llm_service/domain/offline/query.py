"""A question about devices in parts, as the rules read it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Language(StrEnum):
    """Language of the prompt and therefore of the answer."""

    ENGLISH = "en"
    CHINESE = "zh"


class Intent(StrEnum):
    """What the question asks for."""

    STATISTICS = "statistics"
    QUERY = "query"
    FEATURES = "features"
    LIST_DEVICES = "list_devices"
    COMPARE = "compare"
    TREND = "trend"
    ANOMALY = "anomaly"
    CHAT = "chat"


class Statistic(StrEnum):
    """A number over a range of values."""

    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    STD = "std"
    MEDIAN = "median"
    COUNT = "count"
    RANGE = "range"
    SUM = "sum"
    MISSING_RATIO = "missing_ratio"
    LAST = "last"
    FIRST = "first"
    VARIANCE = "variance"
    SHARE = "share"
    PERCENTILE = "percentile"
    CORRELATION = "correlation"
    EVENTS = "events"
    DURATION = "duration"
    INTEGRAL = "integral"
    CHANGE = "change"


class Operator(StrEnum):
    """The comparison of a condition."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A comparison of `field` with `value`, which readings must fulfil. `field` is empty for "the label of the device".

    `unit` is the one the value was given in, empty for that of the field.
    """

    field: str
    operator: Operator
    value: float | str
    unit: str = ""


class Verdict(StrEnum):
    """What is asked of a value: whether it is as usual, or higher or lower than that."""

    USUAL = "usual"
    UNUSUAL = "unusual"
    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A value of `field` that shall be set against its readings; `unit` is as said, "" for the field's own.

    Without a value it is the newest reading.
    """

    field: str
    value: float | None
    unit: str
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReference:
    """A device by a number: "machine 2" by its name, "the second one" by its place in the list (-1 is the last).

    With `label` it is each device that has this value of a label: "hall A"; `excluded` ones are left out.
    """

    number: int
    by_place: bool = False
    label: str = ""
    excluded: bool = False


class Remark(StrEnum):
    """A kind of remark that the answer makes about the reading of the question."""

    READ_AS = "read_as"  # a word in another spelling: what was written, what it was taken for
    DAY_FIRST = "day_first"  # 03/04/2026: as written, the date it was taken for
    CANNOT = "cannot"  # what can't be answered, as written
    NOT_CONVERTED = "not_converted"  # values' own unit, the one they can't be given in
    NOT_MEASURED = "not_measured"  # devices that were left out, the fields they lack
    READINGS = "readings"  # how the number of times was asked for: what is counted are readings
    OVERVIEW = "overview"  # nothing: what was asked was not recognised, all of it is told in brief
    NO_FIELD = "no_field"  # a device, the field it has not
    NEWEST = "newest"  # nothing: the newest readings are told for an overview
    NOT_DRAWN = "not_drawn"  # how a drawing was asked for
    NOT_TABLED = "not_tabled"  # how a table was asked for
    ONCE_MORE = "once_more"  # nothing: what was told was doubted, and is computed once more
    STARTS = "starts"  # how a start was asked for, which is told by the stops before
    OEE = "oee"  # how the effectiveness was asked for, of which a part is told
    LASTING = "lasting"  # how long a stop has to last to be counted, where no length was asked for
    LABELLED = "labelled"  # the field whose readings with a value are all that a share is of
    PARTLY = "partly"  # devices, since when and until when they have readings of the range, "" where from or to its end
    UNLABELLED = "unlabelled"  # devices that were left out, the field of which they have no value


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One remark about the reading of a question, with the words it is about."""

    remark: Remark
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRange:
    """From `start` (inclusive) to `end` (exclusive), timezone-aware; None is open.

    An `instant` was said as a moment, `start`; `end` is then the end of the minute, hour … that began with it.
    """

    start: datetime | None = None
    end: datetime | None = None
    instant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one `unit` ("L", "m3", "m", "kWh") costs in a `currency`, "" where none was named."""

    amount: float
    unit: str
    currency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StructuredQuery:
    """A question about devices, as the rules understood it.

    `devices` and `fields` are as written in the prompt, or as the known ones are spelled. `time` is the first range
    named, `periods` all of them when there are several. `window_size` is in points, 0 when not said,
    `window_length` a length of time. `confidence` (0 to 1) is how sure the rules are that it is about devices.

    `conditions` all have to hold. `interval` asks for one row per so much time, `limit` for so many single
    readings, the `newest` or the first. `when` asks for the time of what is asked, `rank` for the device (or the
    interval) that has it. `unit` is the one to answer in, `zone` the one the times were said in.

    With `any_condition` one of the conditions is enough. `whether` asks if they ever hold, `top` for so many of a
    ranking, `asks_unit` for units, `recent` for the course up to now. `counted_as` is how a number of times, a
    duration or an amount was asked for, as written.

    `once` asks for the first or the last time, `since` since when the conditions hold, `holds` whether they do at a
    moment, or now. `ordered` ("highest", "lowest") asks for the `limit` readings at that end of the one field.
    `versus` ("above", "below") asks when or for how long the first of two devices was so against the second.
    `decimals` are the digits behind the point that an answer is to have. `least` is how long the conditions have to
    hold at a stretch to count (`over`: longer than that), `each` asks for the single stretches,
    `longest` for so many of them, the longest first. `by_group` ranks the groups that a label names.
    `first` asks for the first time alone where `once` is set. `robust` leaves single readings far from the rest out,
    `within` says that they are left out already.

    `back` is how far `time` lies behind that of a question before, where one was asked.

    `of_them` asks for one of those that were spoken of before, `averaged` for the mean of the number or the duration of
    all intervals, `always` whether all readings fit the conditions, `judged` whether a value is as usual.

    With `narrows` the conditions are further ones to those before: "the good ones only". With `adds` the statistics are
    asked for besides those before: "plus the median". `owner` is a word for the device spoken of: "its".

    `same_time` names the time of day that was spoken of: "at the same time yesterday".

    `again` is the number to be made of those of all intervals: the mean of the hourly maximum. `winner` is a ranking
    before, of whose first device it is asked, `owner` the word for it.

    With `half_open` the half of the day was not said of it; `another` ("any", "group" for one of the same hall) asks of
    one device that was not spoken of before.

    With `undated` no day was said of `time`; `others` asks of the devices that were not spoken of before.

    `counts_intervals` asks how many intervals have a number that fits the conditions; planned, these are `limits`.

    `ratio` asks for the ratio of the means of two `fields`.

    `tells_state` asks whether the machine runs, beside all its newest readings; of an `overview` that is said.

    `beyond` ("above", "below") asks whether the first of two devices was so against the second.

    `lasting` says that `least` was not asked for: it is what makes a stop of a pause.

    `told_in` ("s", "min", "h") is the unit that a duration is asked for in.

    `at_once` asks when the conditions held on all of several devices.

    `course` ("up", "down") is what yes or no is asked of.

    `latest` asks for so many of the last stretches, `doing` for how long machines ran and for their stops.

    `mean_time` ("between", "repair") asks how long machines run between two stops, or how long a stop is, on average.

    `gist` ("happened", "better") is asked of a time and has no number of its own: the parts that are known are told.

    `presence` ("there", "missing") asks which devices have readings in a time, or have none.

    `unbroken` asks for the longest time without a stop.

    `prevalent` ("most", "least") asks which of the labels that the conditions name there was more, or less, of.

    `told` are the lines of the answer before that are asked for once more.

    `standing` asks since when machines run, or stand: by the stops that last, no pauses.

    `then` is a question of the same message, of whose moment it is asked: "and was B welding at that time".

    `odd` asks for the single readings that can't be right.

    `which_time` ("highest", "lowest") asks in which of two times it was more, or less.

    `everywhere` says that all devices are meant for want of any that is named.

    `prices` are those that the question names; amounts of what is sold by their units are told with their costs.

    `negation` is one of the unread phrases that turns round what is asked: no number can be given.

    `unread` are the words that were not understood; an answer must name them. `refused` is what was asked and
    can't be done at all. `follows` says that the question only makes sense after another one.
    """

    intent: Intent
    language: Language
    devices: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    statistics: tuple[Statistic, ...] = ()
    time: TimeRange | None = None
    model_code: str = ""
    window_size: int = 0
    window_length: timedelta | None = None
    confidence: float = 0.0
    periods: tuple[TimeRange, ...] = ()
    conditions: tuple[Condition, ...] = ()
    percentiles: tuple[float, ...] = ()
    interval: timedelta | None = None
    limit: int = 0
    newest: bool = True
    when: bool = False
    rank: bool = False
    all_devices: bool = False
    everywhere: bool = False
    except_devices: tuple[str, ...] = ()
    references: tuple[DeviceReference, ...] = ()
    unit: str = ""
    zone: str = ""
    unread: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    refused: str = ""
    follows: bool = False
    any_condition: bool = False
    whether: bool = False
    top: int = 0
    asks_unit: bool = False
    recent: bool = False
    counted_as: tuple[str, ...] = ()
    once: bool = False
    since: bool = False
    holds: bool = False
    ordered: str = ""
    versus: str = ""
    decimals: int | None = None
    least: timedelta | None = None
    over: bool = False
    longest: int = 0
    always: bool = False
    averaged: bool = False
    of_them: bool = False
    each: bool = False
    by_group: bool = False
    robust: bool = False
    within: bool = False
    back: timedelta | None = None
    judged: Judged | None = None
    first: bool = False
    negation: str = ""
    counts_intervals: bool = False
    limits: tuple[Condition, ...] = ()
    undated: bool = False
    half_open: bool = False
    another: str = ""
    others: bool = False
    same_time: bool = False
    narrows: bool = False
    adds: bool = False
    owner: str = ""
    again: Statistic | None = None
    winner: "StructuredQuery | None" = None
    tells_state: bool = False
    ratio: bool = False
    overview: bool = False
    beyond: str = ""
    lasting: bool = False
    latest: int = 0
    at_once: bool = False
    told_in: str = ""
    doing: bool = False
    course: str = ""
    mean_time: str = ""
    gist: str = ""
    presence: str = ""
    unbroken: bool = False
    prevalent: str = ""
    which_time: str = ""
    standing: bool = False
    prices: tuple[Price, ...] = ()
    told: tuple[str, ...] = ()
    odd: bool = False
    then: "StructuredQuery | None" = None

    @property
    def first_device(self) -> str:
        """The first named device, empty when none is named."""
        return self.devices[0] if self.devices else ""
