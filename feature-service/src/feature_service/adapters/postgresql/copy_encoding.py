"""Rows as the bytes of COPY BINARY, made by NumPy: no Python object for a cell of numbers.

A row is a count of columns and, for each column, its length and its bytes, all big-endian; an array is its number of
dimensions, a flag for NULLs, the type of its elements, their count, the first index, and each element with its length.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from feature_service.adapters.postgresql.timestamp import PG_EPOCH_MICROS
from feature_service.domain.model.array import TextArray
from feature_service.domain.model.frame import Frame

HEAD: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TAIL: Final = b"\xff\xff"
_PIECE_BYTES: Final = 8 * 1024 * 1024
_FLOAT8: Final = 701
_TEXT: Final = 25
_ARRAY_BYTES: Final = 20
_NUMBER_BYTES: Final = 12
_NULL: Final = -1
_COLUMNS: Final = 4

_Bytes = NDArray[np.uint8]
_ROW: Final = [("columns", ">i2"), ("id_length", ">i4"), ("id", ">i8"), ("ts_length", ">i4"), ("ts", ">i8")]
_ARRAY: Final = [
    ("length", ">i4"),
    ("dimensions", ">i4"),
    ("nulls", ">i4"),
    ("type", ">i4"),
    ("count", ">i4"),
    ("first", ">i4"),
]


def encode_rows(series_id: int, positions: Mapping[str, int], rows: Frame) -> Iterator[bytes]:
    """Yield the rows for COPY into the columns series_id, ts, numbers and texts, in pieces of bounded size.

    A field's value is at its position, from 0, of the array of its kind; a missing one is NULL.
    """
    width = _COLUMNS * 16 + _NUMBER_BYTES * (1 + max((positions[name] for name in rows.numbers), default=0))
    for piece in rows.pieces(max(1, _PIECE_BYTES // width)):
        yield from _encode(series_id, positions, piece)


def _encode(series_id: int, positions: Mapping[str, int], rows: Frame) -> Iterator[bytes]:
    texts = {positions[name]: _text_bytes(values) for name, values in rows.texts.items()}
    longest = sum(each.dtype.itemsize for each, _ in texts.values())
    if len(rows) > 1 and longest * len(rows) > 2 * _PIECE_BYTES:
        # One long text among short ones would make a matrix of mostly nothing.
        for half in rows.pieces((len(rows) + 1) // 2):
            yield from _encode(series_id, positions, half)
        return
    parts = [_heads(series_id, rows), *_numbers(positions, rows), *_texts(texts, len(rows))]
    matrix = np.hstack([part for part, _ in parts])
    if all(kept is None for _, kept in parts):
        yield matrix.tobytes()
        return
    kept = [np.ones(part.shape, dtype=np.bool_) if kept is None else kept for part, kept in parts]
    yield matrix[np.hstack(kept)].tobytes()


_Part = tuple[_Bytes, "NDArray[np.bool_] | None"]
"""Bytes of each row, and which of them there are: None for all."""


def _heads(series_id: int, rows: Frame) -> _Part:
    made = np.zeros(len(rows), dtype=_ROW)
    made["columns"], made["id_length"], made["id"], made["ts_length"] = _COLUMNS, 8, series_id, 8
    made["ts"] = rows.timestamps.astype("int64") - PG_EPOCH_MICROS
    return _as_bytes(made), None


def _numbers(positions: Mapping[str, int], rows: Frame) -> list[_Part]:
    if not rows.numbers:
        return [_nulls(len(rows))]
    values = np.full((len(rows), 1 + max(positions[name] for name in rows.numbers)), np.nan)
    for name, column in rows.numbers.items():
        values[:, positions[name]] = column
    missing = np.isnan(values)
    absent = missing.sum(axis=1)
    head = _array_head(_FLOAT8, values.shape[1], absent > 0)
    head["length"] = _ARRAY_BYTES + _NUMBER_BYTES * values.shape[1] - 8 * absent
    cells = np.zeros(values.shape, dtype=[("length", ">i4"), ("value", ">f8")])
    cells["length"], cells["value"] = np.where(missing, _NULL, 8), values
    kept = np.ones((*values.shape, _NUMBER_BYTES), dtype=np.bool_)
    kept[:, :, 4:] = ~missing[:, :, None]
    return [
        (_as_bytes(head), None),
        (_as_bytes(cells), kept.reshape(len(rows), -1) if bool(absent.any()) else None),
    ]


def _texts(texts: Mapping[int, "tuple[NDArray[np.bytes_], NDArray[np.int64]]"], rows: int) -> list[_Part]:
    if not texts:
        return [_nulls(rows)]
    slots = 1 + max(texts)
    nothing = (np.zeros(rows, dtype="S1"), np.full(rows, _NULL))
    columns = [texts.get(place, nothing) for place in range(slots)]
    lengths = np.vstack([each for _, each in columns])
    absent: NDArray[np.int64] = (lengths < 0).sum(axis=0)
    head = _array_head(_TEXT, slots, absent > 0)
    head["length"] = _ARRAY_BYTES + 4 * slots + np.maximum(lengths, 0).sum(axis=0)
    parts: list[_Part] = [(_as_bytes(head), None)]
    for (content, own), length in zip(columns, lengths, strict=True):
        parts.append((_as_bytes(length.astype(">i4")), None))
        parts.append((_as_bytes(content), np.arange(content.dtype.itemsize) < own[:, None]))
    return parts


def _array_head(element: int, count: int, nulls: "NDArray[np.bool_]") -> Any:
    head = np.zeros(len(nulls), dtype=_ARRAY)
    head["dimensions"], head["nulls"], head["type"], head["count"], head["first"] = 1, nulls, element, count, 1
    return head


def _text_bytes(values: TextArray) -> "tuple[NDArray[np.bytes_], NDArray[np.int64]]":
    """The texts as bytes of one width, and the length of each: -1 for a missing one. Raises UnicodeEncodeError."""
    encoded = [None if value is None else value.encode() for value in values.tolist()]
    lengths = np.array([_NULL if each is None else len(each) for each in encoded], dtype=np.int64)
    return np.array([each or b"" for each in encoded], dtype=f"S{max(1, int(lengths.max(initial=0)))}"), lengths


def _nulls(rows: int) -> _Part:
    return _as_bytes(np.full(rows, _NULL, dtype=">i4")), None


def _as_bytes(values: Any) -> _Bytes:
    return np.ascontiguousarray(values).reshape(len(values), -1).view(np.uint8).reshape(len(values), -1)
