"""A question about devices in parts, as the rules read it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Language(StrEnum):
    """Language of the prompt and therefore of the answer."""

    ENGLISH = "en"
    CHINESE = "zh"


class Intent(StrEnum):
    """What the person wants to know."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRange:
    """From `start` (inclusive) to `end` (exclusive), timezone-aware; None is open."""

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StructuredQuery:
    """What a prompt asks for.

    `devices` and `fields` are as written in the prompt, or as the known ones are spelled. `window_size`
    is in points, 0 when not said. `confidence` (0 to 1) is how sure the rules are that it is about devices.
    """

    intent: Intent
    language: Language
    devices: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    statistics: tuple[Statistic, ...] = ()
    time: TimeRange | None = None
    model_code: str = ""
    window_size: int = 0
    confidence: float = 0.0


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters `start` to `end` (exclusive) of a text."""

    start: int
    end: int


def without(text: str, spans: list[Span]) -> str:
    """Return `text` with the characters of `spans` blanked, so that positions stay what they were."""
    characters = list(text)
    for span in spans:
        characters[span.start : span.end] = " " * (span.end - span.start)
    return "".join(characters)
