"""The zone a question's times are in: "UTC+8", "Beijing time", "Europe/Berlin", "北京时间"."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.sentence import Sentence

_AREAS: Final = frozenset(
    {"africa", "america", "antarctica", "asia", "atlantic", "australia", "europe", "indian", "pacific", "etc"}
)
_MOST_HOURS: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundZone:
    """A zone by the name an answer gives it."""

    name: str
    zone: tzinfo


def find_zone(sentence: Sentence, now: datetime) -> FoundZone | None:
    """Return the zone the sentence names, and mark its words; "local time" is that of `now`."""
    for at in range(len(sentence)):
        value = sentence.senses(at).get(Kind.ZONE)
        if isinstance(value, str):
            found, end = _named(sentence, at, value, now)
        elif (zone := _iana(sentence, at)) is not None:
            found, end = zone, at + 3
        else:
            continue
        begin = at - 1 if sentence.text(at - 1) in {"in", "(", "按", "以"} else at
        end += sentence.text(end) in {"time", ")", "时间"}
        sentence.use(begin, end)
        return found
    return None


def offset_at(sentence: Sentence, at: int) -> tuple[tzinfo, int] | None:
    """Return the offset "+8", "-05:30" or "+0800" at `at` and the place behind it."""
    hours = sentence.number(at + 1)
    digits = sentence.digits(at + 1)
    if sentence.text(at) not in {"+", "-", "−"} or hours is None or not sentence.glued(at + 1):
        return None
    minutes, end = 0.0, at + 2
    if len(digits) == 4:
        hours, minutes = divmod(hours, 100)
    elif sentence.text(end) == ":" and (named := sentence.number(end + 1)) is not None:
        minutes, end = named, end + 2
    if hours > _MOST_HOURS or minutes >= 60 or hours % 1:
        return None
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(offset if sentence.text(at) == "+" else -offset), end


def _named(sentence: Sentence, at: int, value: str, now: datetime) -> tuple[FoundZone, int]:
    if value == "local":
        return FoundZone(name=str(now.tzinfo or "UTC"), zone=now.tzinfo or UTC), at + 1
    if value == "UTC":
        if (offset := offset_at(sentence, at + 1)) is not None:
            return FoundZone(name=str(offset[0]), zone=offset[0]), offset[1]
        return FoundZone(name="UTC", zone=UTC), at + 1
    return FoundZone(name=value, zone=ZoneInfo(value)), at + 1


def _iana(sentence: Sentence, at: int) -> FoundZone | None:
    """A name such as Europe/Berlin; only the known areas are looked up."""
    joined = sentence.text(at + 1) == "/" and sentence.glued(at + 1) and sentence.glued(at + 2)
    if sentence.text(at) not in _AREAS or not joined:
        return None
    name = f"{sentence.raw(at).title()}/{sentence.raw(at + 2)}"
    for spelled in (name, name.title()):
        try:
            return FoundZone(name=spelled, zone=ZoneInfo(spelled))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return None
