"""Stretches of line protocol whose lines all have the same fields, read column by column."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from feature_service.domain.model.array import FloatArray, IndexArray

# Characters of a stretch.
_STRETCH: Final = 1024 * 1024
_FLOATS: Final = re.compile(r"[0-9+\-.eE\n]*").fullmatch
_INTEGERS: Final = re.compile(r"(?:[+-]?[0-9]{1,15}i\n)*").fullmatch
_TIMES: Final = re.compile(r"(?:[+-]?(?:[0-9]{1,18}|[0-8][0-9]{18})\n)*").fullmatch
# What may mean something else in another place.
_SPECIAL: Final = ('"', "\\", "#", "\t", "\0")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointColumns:
    """Lines with the same fields: what stands before the fields of each, their times as given, and the numbers."""

    heads: Sequence[str]
    times: IndexArray
    numbers: Mapping[str, FloatArray]


def stretches(text: str) -> Iterator[str]:
    """Yield the text in stretches of whole lines."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + _STRETCH) + 1
        end = end or len(text)
        yield text[start:end]
        start = end


def read_columns(stretch: str) -> PointColumns | None:
    """Return the points of a stretch; None when its lines differ in form, have texts or escapes, or one is no point.

    What is returned is what reading line by line gives.
    """
    if not stretch.isascii() or any(mark in stretch for mark in _SPECIAL):
        return None
    parts = [line.split(" ") for line in stretch.removesuffix("\n").split("\n")]
    if set(map(len, parts)) != {3}:
        return None
    heads, fields, times = zip(*parts, strict=True)
    if not _TIMES("".join(f"{time}\n" for time in times)) or "" in heads:
        return None
    numbers = _numbers(fields)
    if numbers is None:
        return None
    return PointColumns(heads=heads, times=np.array(list(map(int, times)), dtype=np.int64), numbers=numbers)


def _numbers(fields: Sequence[str]) -> dict[str, FloatArray] | None:
    names = [pair.partition("=")[0] for pair in fields[0].split(",")]
    pairs = ",".join(fields).split(",")
    width = len(names)
    if len(pairs) != width * len(fields) or len(set(names)) != width or not all(names):
        return None
    if width > 1 and {text.count(",") for text in fields} != {width - 1}:
        return None
    columns: dict[str, FloatArray] = {}
    for place, name in enumerate(names):
        values = _values(name, pairs[place::width])
        if values is None:
            return None
        columns[name] = values
    return columns


def _values(name: str, pairs: Sequence[str]) -> FloatArray | None:
    """The numbers of one field in every line, None when a line has another field in its place or no plain number."""
    _, *values = ("\n" + "\n".join(pairs)).split(f"\n{name}=")
    if len(values) != len(pairs):
        return None
    written = "\n".join(values)
    try:
        if written.endswith("i"):
            return _integers(f"{written}\n")
        numbers = np.array(list(map(float, values)), dtype=np.float64) if _FLOATS(written) else None
    except ValueError:
        return None
    return numbers if numbers is not None and np.isfinite(numbers).all() else None


def _integers(written: str) -> FloatArray | None:
    return (
        np.array(list(map(float, written.replace("i", "").split())), dtype=np.float64) if _INTEGERS(written) else None
    )
