"""Stretches of time relative to now: "last 24 hours", "yesterday", "过去一小时", "上周"."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from llm_service.domain.offline.date import Period, next_month
from llm_service.domain.offline.number import CHINESE_NUMBER, ENGLISH_NUMBER, number_from_words
from llm_service.domain.offline.query import Span

_UNITS: Final[dict[str, timedelta]] = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "month": timedelta(days=30),
    "y": timedelta(days=365),
    "秒": timedelta(seconds=1),
    "分": timedelta(minutes=1),
    "小": timedelta(hours=1),
    "钟": timedelta(hours=1),
    "天": timedelta(days=1),
    "日": timedelta(days=1),
    "周": timedelta(weeks=1),
    "星": timedelta(weeks=1),
    "礼": timedelta(weeks=1),
    "月": timedelta(days=30),
    "年": timedelta(days=365),
}
_ENGLISH_UNIT: Final = r"(?:seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w|months?|years?|y)"
_CHINESE_UNIT: Final = r"(?:秒钟?|分钟?|小时|钟头|天|日|周|星期|礼拜|月|年)"
_ROLLING: Final = (
    re.compile(
        rf"\b(?:last|past|previous|recent|latest)\s+(?P<n>{ENGLISH_NUMBER})\s*(?P<u>{_ENGLISH_UNIT})\b"
        rf"|\b(?:last|past|previous)\s+(?P<one>second|minute|hour|day)\b|\bpast\s+(?P<one2>week|month|year)\b"
    ),
    re.compile(
        rf"(?:最近|过去|近|前|上)\s*的?(?P<n>{CHINESE_NUMBER})\s*个?(?P<u>{_CHINESE_UNIT})"
        rf"|(?:最近|过去|近)(?P<one>小时|天|周|月|年)"
    ),
)
_AGO: Final = (
    re.compile(rf"\b(?P<n>{ENGLISH_NUMBER})\s*(?P<u>{_ENGLISH_UNIT})\s+ago\b"),
    re.compile(rf"(?P<n>{CHINESE_NUMBER})\s*个?(?P<u>{_CHINESE_UNIT})(?:之前|以前|前)"),
)
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAY: Final = re.compile(
    rf"\b(?:last\s+|on\s+)?(?P<en>{'|'.join(_WEEKDAYS)})\b|(?:周|星期|礼拜)(?P<zh>[一二三四五六日天])"
)
_PARTS: Final[tuple[tuple[str, int, int], ...]] = (
    (r"morning|早上|上午|早晨", 0, 12),
    (r"afternoon|下午", 12, 18),
    (r"evening|晚上|傍晚", 18, 24),
    (r"凌晨", 0, 6),
)


def find_rolling(text: str, now: datetime) -> Period | None:
    """Return "the last N units" up to now."""
    for pattern in _ROLLING:
        if match := pattern.search(text):
            groups = match.groupdict()
            unit = groups.get("u") or groups.get("one") or groups.get("one2") or ""
            length = _unit(unit) * number_from_words(groups.get("n") or "")
            return Period(span=Span(match.start(), match.end()), start=now - length, end=now)
    return None


def find_ago(text: str, now: datetime) -> Period | None:
    """Return the one unit that began N units ago; of days and longer, the calendar day."""
    for pattern in _AGO:
        if match := pattern.search(text):
            unit = _unit(match["u"])
            start = now - unit * number_from_words(match["n"])
            if unit >= timedelta(days=1):
                start, unit = _midnight(start), timedelta(days=1)
            return Period(span=Span(match.start(), match.end()), start=start, end=min(start + unit, now))
    return None


def find_named(text: str, now: datetime) -> Period | None:
    """Return a stretch that has a name: a day, week, month or year near now, or a part of a day."""
    for pattern, stretch in _NAMED:
        if match := re.search(pattern, text):
            start, end = stretch(_midnight(now))
            return _part_of_day(text, Period(span=Span(match.start(), match.end()), start=start, end=end))
    return _find_weekday(text, now)


def _part_of_day(text: str, day: Period) -> Period:
    if day.end - day.start != timedelta(days=1):
        return day
    for pattern, first, last in _PARTS:
        match = re.compile(rf"\s*(?:的|in the)?\s*(?:{pattern})(?!\s*\d)").match(text, day.span.end)
        if match:
            start = day.start + timedelta(hours=first)
            return Period(span=Span(day.span.start, match.end()), start=start, end=day.start + timedelta(hours=last))
    return day


def _find_weekday(text: str, now: datetime) -> Period | None:
    match = _WEEKDAY.search(text)
    if not match:
        return None
    wanted = _WEEKDAYS.index(match["en"]) if match["en"] else "一二三四五六日".find(match["zh"].replace("天", "日"))
    start = _midnight(now) - timedelta(days=(now.weekday() - wanted) % 7)
    return Period(span=Span(match.start(), match.end()), start=start, end=start + timedelta(days=1))


def _unit(text: str) -> timedelta:
    if text.startswith("mo"):
        return _UNITS["month"]
    return _UNITS[text[0]]


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _days(first: int, last: int) -> Callable[[datetime], tuple[datetime, datetime]]:
    return lambda today: (today + timedelta(days=first), today + timedelta(days=last))


def _night(today: datetime) -> tuple[datetime, datetime]:
    return today - timedelta(hours=6), today + timedelta(hours=6)


def _week(back: int) -> Callable[[datetime], tuple[datetime, datetime]]:
    def stretch(today: datetime) -> tuple[datetime, datetime]:
        monday = today - timedelta(days=today.weekday() + 7 * back)
        return monday, monday + timedelta(days=7)

    return stretch


def _this_month(today: datetime) -> tuple[datetime, datetime]:
    first = today.replace(day=1)
    return first, next_month(first)


def _last_month(today: datetime) -> tuple[datetime, datetime]:
    end = today.replace(day=1)
    return (end - timedelta(days=1)).replace(day=1), end


def _year(back: int) -> Callable[[datetime], tuple[datetime, datetime]]:
    def stretch(today: datetime) -> tuple[datetime, datetime]:
        first = today.replace(year=today.year - back, month=1, day=1)
        return first, first.replace(year=first.year + 1)

    return stretch


_NAMED: Final[tuple[tuple[str, Callable[[datetime], tuple[datetime, datetime]]], ...]] = (
    (r"\b(?:the )?day before yesterday\b|前天|前日", _days(-2, -1)),
    (r"\byesterday\b|昨天|昨日", _days(-1, 0)),
    (r"\blast night\b|昨晚|昨夜", _night),
    (r"\b(?:today|this(?=\s+(?:morning|afternoon|evening)\b))|今天|今日|今(?=早|晚)", _days(0, 1)),
    (r"\bthis week\b|本周|这周|这个?星期|这一周", _week(0)),
    (r"\b(?:last|previous) week\b|上周|上个?星期|上一周", _week(1)),
    (r"\bthis month\b|本月|这个?月", _this_month),
    (r"\b(?:last|previous) month\b|上个?月", _last_month),
    (r"\bthis year\b|今年|本年", _year(0)),
    (r"\b(?:last|previous) year\b|去年", _year(1)),
)
