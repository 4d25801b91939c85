"""What the types of Arrow mean for a field: numbers, texts, times as texts, or nothing it could hold."""

# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyarrow has no type information.

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_service.domain.model.array import FloatArray
from feature_service.domain.model.series import FieldKind

_SECONDS: Final = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


def plain(column: Any) -> Any:
    """Return the column without its encoding: dictionaries and runs are written out, extensions are what they store.

    What no field can hold is left as it is: written out it could be of any size.
    """
    inner = plain_type(column.type)
    if kind_of(inner) is None and not pa.types.is_null(inner):
        return column
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_run_end_encoded(column.type):
        column = pc.run_end_decode(column)
    return plain(column.dictionary_decode()) if pa.types.is_dictionary(column.type) else column


def plain_type(kind: Any) -> Any:
    """Return the type of the values in a column of the type, without their encoding."""
    if isinstance(kind, pa.BaseExtensionType):
        return plain_type(kind.storage_type)
    if pa.types.is_run_end_encoded(kind) or pa.types.is_dictionary(kind):
        return plain_type(kind.value_type)
    return kind


def is_text(kind: Any) -> bool:
    """Return whether values of the type are texts."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def kind_of(kind: Any) -> FieldKind | None:
    """Return the kind of field that holds values of the type, None when none can.

    A duration is a number of seconds; a time, a date and a second timestamp are texts in ISO 8601.
    """
    types = pa.types
    if is_text(kind) or (types.is_temporal(kind) and not types.is_duration(kind) and not types.is_interval(kind)):
        return FieldKind.TEXT
    if (
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_decimal(kind)
        or types.is_boolean(kind)
        or types.is_duration(kind)
    ):
        return FieldKind.NUMBER
    return None


def as_numbers(column: Any) -> FloatArray:
    """Return a column of kind NUMBER as floats, NaN where it has no value; durations in seconds."""
    if pa.types.is_duration(column.type):
        counts = as_numbers(pc.cast(column, pa.int64()))
        return counts / _SECONDS[column.type.unit]
    if pa.types.is_decimal(column.type):
        # By way of text, which gives the double nearest to what is written; a cast multiplies, and rounds twice.
        column = pc.cast(column, pa.string())
    try:
        floats = pc.cast(column, pa.float64(), safe=False)
    except pa.ArrowNotImplementedError:
        return np.array([np.nan if cell is None else float(cell) for cell in column.to_pylist()], dtype=np.float64)
    return pc.fill_null(floats, np.nan).to_numpy(zero_copy_only=False).astype(np.float64, copy=False)


def as_texts(column: Any) -> list[str | None]:
    """Return a column of kind TEXT as texts; times in ISO 8601."""
    if pa.types.is_string_view(column.type) or is_text(column.type):
        return pc.cast(column, pa.large_string()).to_pylist()
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        # Written in UTC: the name of a zone says nothing of the instant.
        naive = pc.cast(pc.cast(column, pa.int64()), pa.timestamp(column.type.unit))
        return [None if text is None else f"{text}Z" for text in _iso(naive)]
    return _iso(column)


def _iso(column: Any) -> list[str | None]:
    texts = pc.cast(column, pa.string()).to_pylist()
    return [None if text is None else text.replace(" ", "T") for text in texts]
