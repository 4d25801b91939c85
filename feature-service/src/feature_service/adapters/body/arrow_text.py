"""How long the texts of a column are once its encoding is undone, found out before it is."""

# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyarrow has no type information.

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_Lengths = npt.NDArray[np.int64]
# A view is four numbers of 32 bits, the first of them the length.
_VIEW_WORDS: Final = 4


def text_bytes(column: Any) -> int:
    """Return the bytes of all texts in the column, of each row as often as it is there; 0 for what holds none."""
    lengths = _lengths(column)
    return 0 if lengths is None else int(lengths.sum())


def _lengths(column: Any) -> _Lengths | None:
    """Return the length of each row's text, None when rows have no length of their own."""
    kind = column.type
    if isinstance(column, pa.ExtensionArray):
        return _lengths(column.storage)
    if pa.types.is_dictionary(kind):
        return _looked_up(column)
    if pa.types.is_run_end_encoded(kind):
        lengths = _lengths(column.values)
        return None if lengths is None else _repeated(lengths, column)
    if pa.types.is_string_view(kind):
        return _viewed(column)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pc.fill_null(pc.cast(pc.binary_length(column), pa.int64()), 0).to_numpy(zero_copy_only=False)
    return None


def _looked_up(column: Any) -> _Lengths | None:
    lengths = _lengths(column.dictionary)
    if lengths is None or not len(lengths):
        return None
    places = pc.fill_null(pc.cast(column.indices, pa.int64()), 0).to_numpy(zero_copy_only=False)
    return np.where(column.is_valid().to_numpy(zero_copy_only=False), lengths[places], 0)


def _viewed(column: Any) -> _Lengths:
    words = np.frombuffer(column.buffers()[1], dtype=np.int32)[::_VIEW_WORDS]
    lengths = words[column.offset : column.offset + len(column)].astype(np.int64)
    return np.where(column.is_valid().to_numpy(zero_copy_only=False), lengths, 0)


def _repeated(lengths: _Lengths, column: Any) -> _Lengths:
    """Return the lengths of runs as those of their rows, as far as these are in the column, which may be a part."""
    ends = column.run_ends.to_numpy(zero_copy_only=False).astype(np.int64)
    inside = np.clip(ends - column.offset, 0, len(column))
    return np.repeat(lengths, np.diff(inside, prepend=0))
