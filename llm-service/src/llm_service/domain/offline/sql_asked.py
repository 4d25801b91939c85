"""A small query in SQL, put in words that the rules read: aggregates or fields of one device, times and comparisons."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

_TOKEN: Final = re.compile(
    r"'[^']{0,64}'|\"[^\"]{0,64}\"|[A-Za-z_][\w.]{0,63}|\d+(?:\.\d+)?|>=|<=|<>|!=|[=<>(),*;-]|\S"
)
_MOST: Final = 120
_LONGEST_CALL: Final = 10
_AGGREGATES: Final = {
    "max": "maximum",
    "min": "minimum",
    "avg": "mean",
    "mean": "mean",
    "sum": "sum of",
    "stddev": "standard deviation of",
    "stddev_samp": "standard deviation of",
    "stddev_pop": "standard deviation of",
    "variance": "variance of",
    "median": "median",
}
_TIMES: Final = frozenset({"ts", "time", "timestamp", "datetime", "date", "t", "event_time", "created_at"})
_NOW: Final = frozenset({"now", "current_timestamp", "sysdate", "getdate"})
_DEVICES: Final = frozenset({"device", "device_code", "device_id", "machine", "code"})
_TABLES: Final = frozenset({"readings", "telemetry", "data", "devices", "measurements", "records", "history", "values"})
_WIDTHS: Final = {"minute": "minute", "hour": "hour", "day": "day", "week": "week"}
_CLAUSES: Final = frozenset({"where", "group", "order", "limit", "having"})
_FROM_ON: Final = frozenset({">=", ">"})


@dataclass(slots=True)
class _Parts:
    asked: list[str] = field(default_factory=list[str])
    device: str = ""
    begin: str = ""
    end: str = ""
    rolling: str = ""
    conditions: list[str] = field(default_factory=list[str])
    width: str = ""
    limit: str = ""


def in_words(text: str) -> str:
    """Return a query in SQL in words, any other text as it is.

    What of it is not known stays as it is written, so that the answer names it.
    """
    if not text[:7].lower().startswith("select "):
        return text
    tokens = _TOKEN.findall(text)[:_MOST]
    lower = [token.lower() for token in tokens]
    if "from" not in lower:
        return text
    start = lower.index("from")
    parts = _Parts()
    left = _read_asked(tokens[1:start], parts)
    rest = start + 1
    if rest < len(tokens) and lower[rest] not in _CLAUSES:
        name = tokens[rest].strip("'\"")
        parts.device = "" if name.lower() in _TABLES else name
        rest += 1
    left += _read_clauses(tokens[rest:], parts)
    return _written(parts, left)


def _read_asked(tokens: Sequence[str], parts: _Parts) -> list[str]:
    """Read what is selected; return what is not known of it."""
    left: list[str] = []
    at = 0
    while at < len(tokens):
        name = tokens[at].lower()
        if tokens[at + 1 : at + 2] == ["("] and ")" in tokens[at : at + _LONGEST_CALL]:
            end = at + tokens[at : at + _LONGEST_CALL].index(")")
            inner = " ".join(tokens[at + 2 : end]).strip("'\"")
            if name == "count":
                parts.asked.append("number of readings")
            elif name in _AGGREGATES:
                parts.asked.append(f"{_AGGREGATES[name]} {inner}")
            elif name in {"date_trunc", "time_bucket"}:
                parts.width = next((word for each, word in _WIDTHS.items() if each in inner.lower()), "")
            else:
                left.append(f"{name} {inner}")
            at = end + 1
        elif tokens[at] in {",", "*", ";"}:
            at += 1
        elif name == "as":
            at += 2
        elif name in {"distinct", "all"} or name in _TIMES:
            at += 1
        else:
            parts.asked.append(tokens[at].strip("'\""))
            at += 1
    return left


def _read_clauses(tokens: Sequence[str], parts: _Parts) -> list[str]:
    """Read the conditions, the grouping and the limit; return what is not known of them."""
    left: list[str] = []
    at, clause = 0, ""
    while at < len(tokens):
        name = tokens[at].lower()
        if name in _CLAUSES:
            clause = name
            at += 1
        elif name in {";", "by", "and", ",", "asc", "desc", "(", ")", "::"}:
            at += 1
        elif clause == "where":
            at = _read_condition(tokens, at, parts, left)
        elif clause == "limit":
            parts.limit = tokens[at]
            at += 1
        elif clause == "group":
            parts.width = next((word for each, word in _WIDTHS.items() if each in name), parts.width)
            at += 1
        elif clause == "order":
            at += 1
        else:
            left.append(tokens[at])
            at += 1
    return left


def _read_condition(tokens: Sequence[str], at: int, parts: _Parts, left: list[str]) -> int:
    """Read the comparison at `at`; return the place behind it."""
    name, how = tokens[at].lower(), tokens[at + 1].lower() if at + 1 < len(tokens) else ""
    if name in _TIMES and how in {">=", ">", "<", "<=", "between", "="}:
        return _read_time(tokens, at + 2, how, parts, left)
    if name in _DEVICES and how == "=" and at + 2 < len(tokens):
        parts.device = tokens[at + 2].strip("'\"")
        return at + 3
    if how in {">=", ">", "<", "<=", "=", "!=", "<>"} and at + 2 < len(tokens):
        minus = tokens[at + 2] == "-"
        value = tokens[at + 2 + minus].strip("'\"") if at + 2 + minus < len(tokens) else ""
        parts.conditions.append(f"{tokens[at]} {how} {'-' * minus}{value}")
        return at + 3 + minus
    if how == "between" and at + 4 < len(tokens):
        parts.conditions.append(f"{tokens[at]} between {tokens[at + 2]} and {tokens[at + 4]}")
        return at + 5
    left.append(tokens[at])
    return at + 1


def _read_time(tokens: Sequence[str], at: int, how: str, parts: _Parts, left: list[str]) -> int:
    """Read the time, or the two of them, at `at`; return the place behind."""
    value, length, end = _time_at(tokens, at)
    if how == "between":
        behind = end + (tokens[end].lower() == "and" if end < len(tokens) else 0)
        second, _, end = _time_at(tokens, behind)
        parts.begin, parts.rolling = value, length
        parts.end = "" if second == "now" else second
    elif how in _FROM_ON:
        parts.begin, parts.rolling = value, length
    elif how == "=":
        left.append(f"at {value}")
    elif value != "now":
        parts.end = value
    return end


def _time_at(tokens: Sequence[str], at: int) -> tuple[str, str, int]:
    """The time at `at` as written, the length that it lies back from now, and the place behind it."""
    if at >= len(tokens):
        return "", "", at
    word = tokens[at].lower()
    if word not in _NOW:
        at += word in {"timestamp", "date"} and at + 1 < len(tokens)
        return tokens[at].strip("'\"").replace("T", " "), "", at + 1
    at += 1
    while at < len(tokens) and tokens[at] in {"(", ")"}:
        at += 1
    if at < len(tokens) and tokens[at] == "-":
        at += 1
        at += at < len(tokens) and tokens[at].lower() == "interval"
        length = tokens[at].strip("'\"") if at < len(tokens) else ""
        at += 1
        if length.replace(".", "").isdecimal() and at < len(tokens):
            length = f"{length} {tokens[at].lower()}"
            at += 1
        return "", length, at
    return "now", "", at


def _written(parts: _Parts, left: Sequence[str]) -> str:
    asked = " and ".join(parts.asked) or "show the readings"
    if parts.limit and not any(each in " ".join(parts.asked) for each in _AGGREGATES.values()):
        asked = f"the last {parts.limit} readings of {asked}" if parts.asked else f"the last {parts.limit} readings"
    words = [asked, f"of {parts.device}" if parts.device else "of all devices"]
    if parts.width:
        words.append(f"per {parts.width}")
    if parts.rolling:
        words.append(f"in the last {parts.rolling}" + (f" until {parts.end}" if parts.end else ""))
    elif parts.begin and parts.end:
        words.append(f"from {parts.begin} to {parts.end}")
    elif parts.begin or parts.end:
        words.append(f"since {parts.begin}" if parts.begin else f"until {parts.end}")
    if parts.conditions:
        words.append(f"where {' and '.join(parts.conditions)}")
    return " ".join([*words, *left])
