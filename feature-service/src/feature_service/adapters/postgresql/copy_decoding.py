"""The bytes of COPY BINARY as frames: the time, then numbers without NULLs, then texts."""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from feature_service.adapters.postgresql.copy_encoding import HEAD
from feature_service.adapters.postgresql.selection import Selection
from feature_service.adapters.postgresql.timestamp import PG_EPOCH_MICROS
from feature_service.domain.model.array import IndexArray, TextArray
from feature_service.domain.model.frame import Frame

_LENGTH: Final = struct.Struct(">i")
_TIME: Final = [("columns", ">i2"), ("ts_length", ">i4"), ("ts", ">i8")]
_NUMBER: Final = [("length", ">i4"), ("value", ">f8")]
_NUMBER_BYTES: Final = 12
_TIME_BYTES: Final = 14
_HEAD_BYTES: Final = _TIME_BYTES + 4
# An array without elements has no dimensions, one with elements the count and the first index of its only one.
_EMPTY_ARRAY: Final = 12
_ARRAY_HEAD: Final = 20
_EMPTY_BYTES: Final = _HEAD_BYTES + _EMPTY_ARRAY
_END: Final = b"\xff\xff"


def decode_rows(data: bytes, selection: Selection) -> Frame:
    """Return the rows as a frame of the selection's fields; those it does not fetch are missing everywhere."""
    body = memoryview(data)[len(HEAD) :]
    places = selection.places
    rows = _columns(body, selection) if places is None else _arrays(body, places, selection)
    numbers = {name: rows.numbers[:, place].astype(np.float64) for place, name in enumerate(selection.numbers)}
    fields = selection.names
    missing = (name for name in fields if name not in numbers and name not in rows.texts)
    numbers |= {name: np.full(len(rows.times), np.nan) for name in missing}
    return Frame(
        timestamps=(rows.times.astype(np.int64) + PG_EPOCH_MICROS).view("datetime64[us]"),
        numbers={name: numbers[name] for name in fields if name in numbers},
        texts={name: rows.texts[name] for name in fields if name in rows.texts},
    )


def empty_frame(selection: Selection) -> Frame:
    """Return no rows."""
    return decode_rows(HEAD, selection)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """Times since PostgreSQL's zero, the fetched numbers of each row, and the texts by field."""

    times: Any
    numbers: Any
    texts: Mapping[str, TextArray]


def _columns(body: memoryview, selection: Selection) -> _Rows:
    """Decode rows with a column for each number: all of one width but for the texts behind."""
    row = np.dtype([*_TIME, ("numbers", _NUMBER, (len(selection.numbers),))])
    if not selection.texts:
        records = np.frombuffer(body[: len(body) // row.itemsize * row.itemsize], dtype=row)
        return _Rows(times=records["ts"], numbers=records["numbers"]["value"], texts={})
    found = _scan(body, selection.texts, lambda _: row.itemsize)
    records = _gathered(body, found.starts, row)
    return _Rows(times=records["ts"], numbers=records["numbers"]["value"], texts=found.texts)


def _arrays(body: memoryview, places: Mapping[str, int], selection: Selection) -> _Rows:
    """Decode rows with the numbers as one array, which is shorter in rows from before the series had all fields."""
    wanted = [places[name] for name in selection.numbers]
    if not selection.texts and (records := _equal_arrays(body)) is not None:
        return _Rows(times=records["ts"], numbers=_picked(records["numbers"]["value"], wanted), texts={})

    def width(place: int) -> int:
        return _HEAD_BYTES + _LENGTH.unpack_from(body, place + _TIME_BYTES)[0]

    found = _scan(body, selection.texts, width)
    times = np.empty(len(found.starts), dtype=np.int64)
    numbers = np.full((len(found.starts), len(wanted)), np.nan)
    for size in np.unique(found.widths):
        which = np.flatnonzero(found.widths == size)
        records = _gathered(body, found.starts[which], _array_row(int(size)))
        times[which] = records["ts"]
        numbers[which] = _picked(records["numbers"]["value"], wanted)
    return _Rows(times=times, numbers=numbers, texts=found.texts)


def _equal_arrays(body: memoryview) -> Any:
    """The rows when all have arrays of one length; None otherwise."""
    if len(body) <= _HEAD_BYTES:
        return np.empty(0, dtype=_array_row(_EMPTY_BYTES))
    size = _LENGTH.unpack_from(body, _TIME_BYTES)[0]
    row = _array_row(_HEAD_BYTES + size)
    if len(body) % row.itemsize != len(_END):
        return None
    records = np.frombuffer(body[: -len(_END)], dtype=row)
    return records if bool((records["length"] == size).all() and (records["columns"] == 2).all()) else None


def _array_row(width: int) -> "np.dtype[Any]":
    """The type of a row of that many bytes, without texts, whose numbers are an array."""
    count = 0 if width == _EMPTY_BYTES else (width - _HEAD_BYTES - _ARRAY_HEAD) // _NUMBER_BYTES
    head = ("array", f"V{_ARRAY_HEAD if count else _EMPTY_ARRAY}")
    return np.dtype([*_TIME, ("length", ">i4"), head, ("numbers", _NUMBER, (count,))])


def _picked(values: Any, places: Sequence[int]) -> Any:
    """The columns at `places`; NaN for those that are not there."""
    if all(place < values.shape[1] for place in places):
        return values[:, places]
    found = np.full((len(values), len(places)), np.nan)
    inside = [index for index, place in enumerate(places) if place < values.shape[1]]
    found[:, inside] = values[:, [places[index] for index in inside]]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scan:
    """Where each row begins, how many bytes it has before its texts, and the texts by field."""

    starts: IndexArray
    widths: IndexArray
    texts: Mapping[str, TextArray]


def _scan(data: memoryview, texts: Sequence[str], width: Callable[[int], int]) -> _Scan:
    """Go through rows of various lengths: `width` tells how many bytes the row at a place has before its texts."""
    columns = range(len(texts))
    starts: list[int] = []
    widths: list[int] = []
    found: list[list[str | None]] = [[] for _ in columns]
    decoded: dict[bytes, str] = {}
    place, length_of = 0, _LENGTH.unpack_from
    while place + 2 < len(data):
        starts.append(place)
        widths.append(width(place))
        place += widths[-1]
        for column in columns:
            (length,) = length_of(data, place)
            place += 4
            if length < 0:
                found[column].append(None)
                continue
            raw = bytes(data[place : place + length])
            text = decoded.get(raw)
            if text is None:
                text = decoded[raw] = raw.decode()
            found[column].append(text)
            place += length
    return _Scan(
        starts=np.array(starts, dtype=np.int64),
        widths=np.array(widths, dtype=np.int64),
        texts={name: _objects(found[column]) for column, name in enumerate(texts)},
    )


def _gathered(data: memoryview, starts: IndexArray, row: "np.dtype[Any]") -> Any:
    """The rows at `starts` one behind the other."""
    heads = np.frombuffer(data, dtype=np.uint8)[starts[:, None] + np.arange(row.itemsize)]
    return np.ascontiguousarray(heads).view(row).reshape(len(starts))


def _objects(values: Sequence[str | None]) -> TextArray:
    made = np.empty(len(values), dtype=np.object_)
    made[:] = values
    return made
