"""The words of time, in English and Chinese."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon


class PartOfDay(StrEnum):
    """A part of a day; `EARLY` is from midnight to six, where the morning begins."""

    FIRST_HALF = "first_half"
    SECOND_HALF = "second_half"
    DAYTIME = "daytime"
    EARLY = "early"
    MORNING = "morning"
    NOON = "noon"
    AFTERNOON = "afternoon"
    EVENING = "evening"
    NIGHT = "night"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDay:
    """A day so many days from today, perhaps a part of it."""

    days: int
    part: PartOfDay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativePeriod:
    """A minute, hour, week, weekend, month or year, so many back from this one."""

    unit: str
    back: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekday:
    """A day of the week (Monday is 0), of the week so many back when that was said."""

    number: int
    back: int | None = None


MONTHS: Final = (
    "january|jan",
    "february|feb",
    "march|mar",
    "april|apr",
    "may",
    "june|jun",
    "july|jul",
    "august|aug",
    "september|sept|sep",
    "october|oct",
    "november|nov",
    "december|dec",
)
WEEKDAYS: Final = (
    "monday|mon",
    "tuesday|tues|tue",
    "wednesday|wed",
    "thursday|thurs|thur|thu",
    "friday|fri",
    "saturday|sat",
    "sunday|sun",
)
UNITS: Final = {
    "s": "second|seconds|sec|secs|s|秒|秒钟",
    "min": "minute|minutes|min|mins|m|分钟",
    "h": "hour|hours|hr|hrs|h|小时|钟头|个小时|个钟头",
    "d": "day|days|d|天|日",
    "w": "week|weeks|w|周|星期|礼拜|个星期|个礼拜",
    "month": "month|months|个月",
    "y": "year|years|yr|yrs|y|年",
}
_DAYS: Final = (
    ("day before yesterday|the day before yesterday|前天|前日", NamedDay(days=-2)),
    ("yesterday|ystd|yday|y ' day|yest|昨天|昨日", NamedDay(days=-1)),
    (
        "since the start of the day|since the beginning of the day|from the start of the day|today|tdy|2day|今天|今日"
        "|the day so far|of the day so far|day so far"
        "|of the day until now|of today|当天|over the day|through the day|in the course of the day",
        NamedDay(days=0),
    ),
    ("tomorrow|明天|明日", NamedDay(days=1)),
    (
        "last night|overnight|over night|over the night|昨夜|昨天夜里|昨天晚上|昨晚",
        NamedDay(days=-1, part=PartOfDay.NIGHT),
    ),
    ("tonight|this evening|今晚|今夜|今天晚上", NamedDay(days=0, part=PartOfDay.EVENING)),
    ("this morning|今早|今晨|今天早上|今天早晨|今天上午", NamedDay(days=0, part=PartOfDay.MORNING)),
    ("this afternoon|今天下午", NamedDay(days=0, part=PartOfDay.AFTERNOON)),
    ("昨早|昨天早上|昨天上午", NamedDay(days=-1, part=PartOfDay.MORNING)),
)
_PARTS: Final = {
    PartOfDay.FIRST_HALF: "上半天|前半天|first half of the day|the first half of the day"
    "|first half|the first half|前半段|前半",
    PartOfDay.DAYTIME: "during the day|during the daytime|in the daytime|daytime|白天|日间",
    PartOfDay.SECOND_HALF: "下半天|后半天|second half of the day|the second half of the day"
    "|second half|the second half|后半段|后半|other half|the other half",
    PartOfDay.EARLY: "凌晨|early morning|the small hours|后半夜",
    PartOfDay.MORNING: "morning|in the morning|早上|上午|早晨|清晨|一早|大清早|早间|a . m . hours",
    PartOfDay.NOON: "中午|lunchtime|lunch time|lunch|午间",
    PartOfDay.AFTERNOON: "afternoon|in the afternoon|下午|午后",
    PartOfDay.EVENING: "evening|in the evening|晚上|傍晚|晚间",
    PartOfDay.NIGHT: "night|at night|夜里|夜间|深夜",
}
_RELATIVE_PERIODS: Final = (
    ("this hour|the current hour|本小时|这个小时|这一小时", RelativePeriod(unit="h", back=0)),
    ("this minute|本分钟", RelativePeriod(unit="min", back=0)),
    ("这周一共|本周一共|这周一直|本周一直|这星期一共|这个星期一共", RelativePeriod(unit="w", back=0)),
    ("上周一共|上周一直|上星期一共|上个星期一共", RelativePeriod(unit="w", back=1)),
    ("this week|本周|这周|这个星期|这星期|这一周|这个礼拜", RelativePeriod(unit="w", back=0)),
    ("last week|previous week|上周|上个星期|上星期|上一周|上个礼拜", RelativePeriod(unit="w", back=1)),
    ("week before last|上上周", RelativePeriod(unit="w", back=2)),
    ("next week|下周|下个星期", RelativePeriod(unit="w", back=-1)),
    ("this month|本月|这个月|当月", RelativePeriod(unit="month", back=0)),
    ("last month|previous month|上个月|上月", RelativePeriod(unit="month", back=1)),
    ("next month|下个月", RelativePeriod(unit="month", back=-1)),
    ("week to date|the week to date|this week so far", RelativePeriod(unit="w", back=0)),
    ("month to date|the month to date|this month so far", RelativePeriod(unit="month", back=0)),
    ("this quarter|quarter to date|本季度|这个季度", RelativePeriod(unit="q", back=0)),
    ("previous quarter|上季度|上个季度", RelativePeriod(unit="q", back=1)),
    ("year to date|the year to date|this year so far", RelativePeriod(unit="y", back=0)),
    ("this year|今年|本年", RelativePeriod(unit="y", back=0)),
    ("last year|previous year|去年", RelativePeriod(unit="y", back=1)),
    ("this weekend|last weekend|the weekend|weekend|周末|上周末", RelativePeriod(unit="weekend", back=0)),
)


# A time before the one that was spoken of.
_BACK: Final = {
    "h": "the hour before|hour before|the hour before that|an hour before that|再前一小时|再前一个小时",
    "d": "the day before|day before|the day before that|the previous day|previous day|a day earlier|one day earlier"
    "|前一天|前一日|再前一天|头一天|头天",
    "w": "the week before|week before|the week before that|the previous week|a week earlier|one week earlier|前一周"
    "|前一个星期|前一星期|再前一周",
}


def add_time_words(lexicon: Lexicon) -> None:
    """Add the words of time to `lexicon`."""

    def add(kind: Kind, value: object, phrases: str) -> None:
        lexicon.add(kind, value, phrases.split("|"))

    for number, names in enumerate(MONTHS, 1):
        add(Kind.MONTH, number, names)
    for number, names in enumerate(WEEKDAYS):
        add(Kind.WEEKDAY, Weekday(number=number), names)
    for number, name in enumerate("一二三四五六日"):
        names = (name, "天") if name == "日" else (name,)
        for prefix, back in (("", None), ("上", 1), ("上个", 1), ("本", 0), ("这", 0)):
            phrases = [f"{prefix}{week}{each}" for week in ("周", "星期", "礼拜") for each in names]
            lexicon.add(Kind.WEEKDAY, Weekday(number=number, back=back), phrases)
    for code, names in UNITS.items():
        add(Kind.TIME_UNIT, code, names)
    for names, day in _DAYS:
        add(Kind.DAY, day, names)
    for part, names in _PARTS.items():
        add(Kind.PART, part, names)
    for names, relative in _RELATIVE_PERIODS:
        add(Kind.RELATIVE_PERIOD, relative, names)
    for code, names in {
        "h": "hourly|逐小时",
        "d": "daily|逐日|by day|per day of",
        "w": "weekly",
        "min": "minutely|逐分钟",
    }.items():
        add(Kind.RHYTHM, code, names)
    for phrase, code in {"hour by hour": "h", "day by day": "d", "minute by minute": "min"}.items():
        add(Kind.RHYTHM, code, phrase)
    add(Kind.HALF, "am", "am|a . m .|a . m")
    add(Kind.HALF, "pm", "pm|p . m .|p . m")
    add(Kind.CLOCK, 12 * 60, "noon|midday|12 noon|正午")
    add(Kind.CLOCK, 0, "midnight|午夜|零点|零时")
    for minutes, names in {30: "half past", 15: "quarter past|a quarter past", -15: "quarter to|a quarter to"}.items():
        add(Kind.PAST, minutes, names)
    add(Kind.OCLOCK, None, "o ' clock|oclock|o ’ clock|o'clock|hours sharp")
    _add_links(add)


def _add_links(add: Callable[[Kind, object, str], None]) -> None:
    add(
        Kind.LAST,
        None,
        "last|past|previous|recent|latest|the last|the past|the previous|most recent|最近|过去|近|上|最近的"
        "|过去的|前|之前的",
    )
    for code, names in _BACK.items():
        add(Kind.BACK, code, names)
    add(Kind.AGO, None, "ago|前|之前|以前|earlier")
    add(Kind.WITHIN, None, "内|以内|之内|里|中")
    add(Kind.SINCE, None, "since|after|starting|starting at|starting on|starting from|from|自|自从|从|as of|beginning")
    add(
        Kind.SINCE_AFTER,
        None,
        "以来|之后|以后|起|开始|onwards|onward|至今|到现在|后|until now|till now|to now|up to now|so far|and later",
    )
    add(Kind.UNTIL, False, "before|prior to|by|earlier than|早于")
    add(Kind.UNTIL, True, "until|till|up to|截至|截止|截止到|到")
    add(Kind.UNTIL_AFTER, False, "之前的|以前的|之前|以前|前")
    add(Kind.UNTIL_AFTER, True, "为止|止")
    add(Kind.FROM, None, "from|从|自")
    add(Kind.BETWEEN, None, "between|in between|介于|在")
    add(Kind.TO, None, "to|and|until|till|through|thru|-|–|—|~|～|至|到|和|与|直到|up to|to the|/")
    add(Kind.AT, None, "at|on|around|about|@|在|于|t|, at|on the|the")
    add(Kind.NOW, None, "now|right now|present|the present|现在|此刻")
    add(Kind.EVERY, None, "every|each|per|by|by the|每|每个|每一|每隔|按|for every|for each|按每")
