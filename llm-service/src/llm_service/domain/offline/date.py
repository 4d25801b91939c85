"""Dates and times of day found in a text, in English and Chinese, before anything is made of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from datetime import time as time_of_day
from typing import Final

from llm_service.domain.offline.query import Span

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAME: Final = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec)\.?"
)
_ISO_DAY: Final = re.compile(r"(?<!\d)(?P<y>\d{4})(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})(?!\d)")
_CHINESE_DAY: Final = re.compile(r"(?:(?P<y>\d{4})\s*年\s*)?(?P<m>\d{1,2})\s*月\s*(?P<d>\d{1,2})\s*[日号]?")
_MONTH_DAY: Final = re.compile(
    rf"\b(?P<n>{_MONTH_NAME})\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?!\d|:)(?:,?\s+(?P<y>\d{{4}}))?\b"
)
_DAY_MONTH: Final = re.compile(
    rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<n>{_MONTH_NAME})(?:,?\s+(?P<y>\d{{4}}))?(?![a-z])"
)
_ISO_MONTH: Final = re.compile(r"(?<![\d-])(?P<y>\d{4})-(?P<m>\d{2})(?![\d-])")
_CHINESE_MONTH: Final = re.compile(r"(?P<y>\d{4})\s*年\s*(?P<m>\d{1,2})\s*月")
_NAMED_MONTH: Final = re.compile(rf"\b(?P<n>{_MONTH_NAME})\s+(?P<y>\d{{4}})\b")
_YEAR: Final = re.compile(r"(?:\b(?:in|during|of)\s+(?P<y>(?:19|20)\d{2})\b|(?P<z>(?:19|20)\d{2})\s*年)")
_YEAR_DIGITS: Final = re.compile(r"(?<![\d.:])(?:19|20)\d{2}(?![\d:])")
_CLOCK: Final = re.compile(
    r"(?P<part>上午|下午|早上|晚上|中午|凌晨)?\s*(?<![\d:])(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2})(?:[.]\d+)?)?"
    r"\s*(?P<half>[ap]\.?m\.?(?![a-z]))?(?P<zone>z(?![a-z])|utc|[+-]\d{2}:?\d{2})?"
)
_HOUR: Final = re.compile(r"(?<![\d.:-])(?P<h>\d{1,2})\s*(?P<half>[ap]\.?m\.?)(?![a-z])")
_CHINESE_CLOCK: Final = re.compile(
    r"(?P<part>上午|下午|早上|晚上|中午|凌晨)?\s*(?<!\d)(?P<h>\d{1,2})\s*[点时](?!间)(?:钟|整)?"
    r"(?:\s*(?P<m>\d{1,2})\s*分?|(?P<half>半))?(?:\s*(?P<s>\d{1,2})\s*秒)?"
)
_NAMED_CLOCK: Final = re.compile(r"\b(?:noon|midday)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A stretch of the calendar, `start` to `end` (exclusive), found at `span`."""

    span: Span
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockTime:
    """A time of day found at `span`, as exact as `width` says.

    `zone` when it was written; `marked` when the half of the day was ("3 pm", "下午3点").
    """

    span: Span
    at: time_of_day
    width: timedelta
    zone: tzinfo | None = None
    marked: bool = False


def find_dates(text: str, now: datetime) -> list[Period]:
    """Return the calendar days, months and years written in `text` (lower case), without overlaps, in order."""
    found: list[Period] = []
    for period in _all_dates(text, now):
        if all(period.span.end <= other.span.start or period.span.start >= other.span.end for other in found):
            found.append(period)
    return sorted(found, key=lambda period: period.span)


def find_clock_times(text: str) -> list[ClockTime]:
    """Return the times of day written in `text` (lower case), in order. Dates have to be blanked before."""
    found: list[ClockTime] = []
    for pattern in (_CLOCK, _HOUR, _CHINESE_CLOCK, _NAMED_CLOCK):
        for match in pattern.finditer(text):
            span = _trimmed_span(match)
            clock = _clock_time(match, span)
            if clock and all(span.end <= other.span.start or span.start >= other.span.end for other in found):
                found.append(clock)
    return sorted(found, key=lambda clock: clock.span)


def _all_dates(text: str, now: datetime) -> Iterator[Period]:
    for pattern in (_ISO_DAY, _CHINESE_DAY, _MONTH_DAY, _DAY_MONTH):
        for match in pattern.finditer(text):
            if start := _start(match, now, day=int(match["d"])):
                yield Period(span=_span(match), start=start, end=start + timedelta(days=1))
    for pattern in (_CHINESE_MONTH, _ISO_MONTH, _NAMED_MONTH):
        for match in pattern.finditer(text):
            if start := _start(match, now, day=1):
                yield Period(span=_span(match), start=start, end=next_month(start))
    for match in _YEAR.finditer(text):
        year = int(match["y"] or match["z"])
        start = datetime(year, 1, 1, tzinfo=now.tzinfo)
        yield Period(span=_span(match), start=start, end=start.replace(year=year + 1))


def next_month(start: datetime) -> datetime:
    """Return the first day of the month after `start`, which is the first of one."""
    return (start + timedelta(days=32)).replace(day=1)


def _trimmed_span(match: re.Match[str]) -> Span:
    """The span without blanks at its ends: what lies between two moments decides how they belong together."""
    found = match[0]
    return Span(match.end() - len(found.lstrip()), match.start() + len(found.rstrip()))


def _span(match: re.Match[str]) -> Span:
    return Span(match.start(), match.end())


def _start(match: re.Match[str], now: datetime, *, day: int) -> datetime | None:
    """Without a year it is the only year in the text, else the last such day not in the future; impossible is None."""
    groups = match.groupdict()
    years = set(_YEAR_DIGITS.findall(match.string))
    written = groups["y"] or (years.pop() if len(years) == 1 else "")
    month = _MONTHS.index(groups["n"][:3]) + 1 if groups.get("n") else int(groups["m"])
    try:
        start = datetime(int(written or now.year), month, day, tzinfo=now.tzinfo)
        return start if written or start <= now else start.replace(year=start.year - 1)
    except ValueError:
        return None


def _clock_time(match: re.Match[str], span: Span) -> ClockTime | None:
    groups = match.groupdict()
    if "h" not in groups:
        return ClockTime(span=span, at=time_of_day(12), width=timedelta(hours=1))
    minute = 30 if groups.get("half") == "半" else int(groups.get("m") or 0)
    hour = _hour(int(groups["h"]), groups.get("half") or "", groups.get("part") or "")
    try:
        at = time_of_day(hour, minute, int(groups.get("s") or 0))
    except ValueError:
        return None
    marked = bool(groups.get("part") or (groups.get("half") or "").startswith(("a", "p")))
    return ClockTime(span=span, at=at, width=_width(groups), zone=_zone(groups.get("zone") or ""), marked=marked)


def _hour(hour: int, half: str, part: str) -> int:
    afternoon = half.startswith("p") or part in {"下午", "晚上"} or (part == "中午" and hour < 3)
    morning = half.startswith("a") or part in {"凌晨"}
    if afternoon and hour < 12:
        return hour + 12
    return 0 if morning and hour == 12 else hour


def _width(groups: dict[str, str | None]) -> timedelta:
    if groups.get("s"):
        return timedelta(seconds=1)
    return timedelta(minutes=1) if groups.get("m") or groups.get("half") == "半" else timedelta(hours=1)


def _zone(text: str) -> tzinfo | None:
    if not text:
        return None
    if text in {"z", "utc"}:
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)
