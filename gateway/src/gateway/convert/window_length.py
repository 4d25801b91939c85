"""How long windows are: a number of rows, or a length of time such as ``10m``."""

import re
from typing import Annotated, Final, TypedDict

from google.protobuf.duration_pb2 import Duration
from pydantic import BeforeValidator, WithJsonSchema

MOST_ROWS: Final = 1_000_000
_UNITS: Final = {"d": 86_400_000_000, "h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000, "us": 1}
_PART: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(d|h|ms|m|s|us)")
_TEXT: Final = re.compile(rf"(?:{_PART.pattern})+")
_RIGHT: Final = f"is a number of rows from 1 to {MOST_ROWS}, such as 100, or a length of time, such as 10m or 1h30m"


def read_window_length(value: object) -> int | str:
    """Return a number of rows, or the text of a length of time; ValueError says what would be right."""
    if isinstance(value, str):
        text = value.strip().lower()
        if text.isascii() and text.isdigit():
            value = int(text[:20])
        elif len(text) <= 60 and _TEXT.fullmatch(text) and micros_of_text(text) > 0:
            return text
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_ROWS:
        return value
    raise ValueError(_RIGHT)


WindowLength = Annotated[
    int | str,
    BeforeValidator(read_window_length),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MOST_ROWS},
                {"type": "string", "pattern": "^(?:[0-9]+(?:\\.[0-9]+)?(?:d|h|ms|m|s|us))+$"},
            ]
        }
    ),
]
"""Rows, or a length of time."""


def micros_of_text(text: str) -> int:
    """Return the microseconds of a length of time such as ``1h30m``, what is finer cut off."""
    return sum(_micros(number, _UNITS[unit]) for number, unit in _PART.findall(text))


def _micros(number: str, unit: int) -> int:
    whole, _, fraction = number.partition(".")
    return int(whole) * unit + int(fraction or "0") * unit // 10 ** len(fraction)


def length_to_proto(length: int | str | None) -> Duration | None:
    """Return a length of time as a Duration; None for rows and for none."""
    if not isinstance(length, str):
        return None
    micros = micros_of_text(length)
    return Duration(seconds=micros // 1_000_000, nanos=micros % 1_000_000 * 1_000)


class WindowFields(TypedDict):
    """The fields that messages have for the size and the step of windows."""

    window_size: int
    window_duration: Duration | None
    step_rows: int
    step_duration: Duration | None


def window_to_proto(size: int | str | None, step: int | str | None) -> WindowFields:
    """Return size and step of windows as the fields that the messages have for them, by rows and by time."""
    return {
        "window_size": size if isinstance(size, int) else 0,
        "window_duration": length_to_proto(size),
        "step_rows": step if isinstance(step, int) else 0,
        "step_duration": length_to_proto(step),
    }


def text_of_duration(duration: Duration) -> str:
    """Return a length of time in the largest units that say it exactly, such as ``1h30m``."""
    micros = duration.seconds * 1_000_000 + duration.nanos // 1_000
    parts: list[str] = []
    for unit, size in _UNITS.items():
        count, micros = divmod(micros, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
