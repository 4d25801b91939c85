"""Reading a prompt: the rules that make a StructuredQuery of it."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from llm_service.domain.offline.device import find_devices
from llm_service.domain.offline.field import find_fields
from llm_service.domain.offline.prompt import readable_prompt
from llm_service.domain.offline.query import Intent, Span, Statistic, StructuredQuery, TimeRange, without
from llm_service.domain.offline.timerange import find_time_range
from llm_service.domain.offline.vocabulary import (
    find_intent,
    find_statistics,
    language_of,
    speaks_of_devices,
    usual_field_of,
)

_MODEL_CODE: Final = re.compile(
    r"\b(?:model(?:[ _]code)?|data model)\s+[\"']?([A-Za-z]\w*_\w+)|(?:数据)?模型\s*[\"']?([A-Za-z]\w*_\w+)"
)
_WINDOW: Final = re.compile(
    r"\bwindows?(?:\s+size)?\s+(?:of\s+)?(\d+)|\b(\d+)[- ]point windows?|窗口(?:大小)?\s*(?:为|是)?\s*(\d+)"
)


def parse_prompt(
    text: str, now: datetime, *, known_devices: Sequence[str] = (), known_fields: Sequence[str] = ()
) -> StructuredQuery:
    """Return what `text` asks for, in English or Chinese.

    `now` is timezone-aware; times without a zone are in its zone. `known_devices` and `known_fields`
    help to recognise names, and to spell them as they are. Deterministic: no model is asked.
    """
    readable = readable_prompt(text).text
    model_code, rest = _take(_MODEL_CODE, readable)
    window, rest = _take(_WINDOW, rest)
    devices = find_devices(rest, known_devices) if known_devices else ()
    time = find_time_range(_blank_words(rest, devices), now)
    timeless = without(rest, list(time.spans)) if time else rest
    devices = find_devices(timeless, known_devices)
    nameless = _blank_words(timeless, devices)
    fields = find_fields(nameless, known_fields)
    statistics = find_statistics(
        _blank_words(nameless, [name for name in fields if usual_field_of(name) is None]).lower()
    )
    lowered = nameless.lower()
    intent = _intent(lowered, devices, fields, statistics, time.time if time else None)
    evidence = (devices, fields, statistics, time, find_intent(lowered), speaks_of_devices(lowered))
    return StructuredQuery(
        intent=intent,
        language=language_of(readable),
        devices=devices,
        fields=fields,
        statistics=statistics,
        time=time.time if time else None,
        model_code=model_code,
        window_size=int(window or 0),
        confidence=_confidence(intent, evidence),
    )


def _take(pattern: re.Pattern[str], text: str) -> tuple[str, str]:
    """Return the first group of `pattern` that matched and `text` without the match."""
    match = pattern.search(text)
    if match is None:
        return "", text
    return next(group for group in match.groups() if group), without(text, [Span(match.start(), match.end())])


def _blank_words(text: str, words: Sequence[str]) -> str:
    for word in words:
        text = re.sub(re.escape(word), lambda match: " " * len(match[0]), text, flags=re.IGNORECASE)
    return text


def _intent(
    text: str,
    devices: Sequence[str],
    fields: Sequence[str],
    statistics: Sequence[Statistic],
    time: TimeRange | None,
) -> Intent:
    named = find_intent(text)
    about_devices = bool(devices) or speaks_of_devices(text)
    if named is Intent.LIST_DEVICES:
        return named
    if not about_devices and not (fields and (statistics or time or named)):
        return Intent.CHAT
    if named is not None and (named is not Intent.STATISTICS or not statistics):
        return named
    if devices or fields or statistics:
        return Intent.QUERY if tuple(statistics) == (Statistic.LAST,) else Intent.STATISTICS
    return Intent.CHAT


def _confidence(intent: Intent, evidence: Sequence[object]) -> float:
    """How sure it is that this is about devices: a code-like word alone ("GPT4") is not enough."""
    if intent is Intent.CHAT:
        return 0.5
    return 1.0 if intent is Intent.LIST_DEVICES else round(min(1.0, 0.2 + 0.2 * sum(map(bool, evidence))), 1)
