"""A fingerprint of the rows that a data set is made of: equal where and only where the rows are."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from feature_service.domain.dataset.label import LabelArray, LabelledRows

_PIECE: Final = 50_000
_NO_TEXT: Final = "\x00"
_END_OF_TEXT: Final = "\x1f"


def data_hash(devices: Mapping[str, LabelledRows]) -> str:
    """Return the SHA-256 of devices, times, values and labels, whatever store they are from and in which order."""
    whole = hashlib.sha256()
    for code in sorted(devices):
        rows = devices[code]
        whole.update(f"{code}\n{len(rows.frame)}\n".encode())
        for times in _pieces(rows.frame.timestamps):
            whole.update(times.astype("<i8").tobytes())
        for name in sorted(rows.frame.numbers):
            whole.update(f"{name}\n".encode())
            _add(whole.update, rows.frame.numbers[name])
        _add(whole.update, rows.labels)
    return whole.hexdigest()


def _add(update: Callable[[bytes], object], column: LabelArray) -> None:
    for place, piece in enumerate(_pieces(column)):
        if piece.dtype == np.object_:
            texts = _END_OF_TEXT.join(_NO_TEXT if text is None else str(text) for text in piece)
            update((_END_OF_TEXT * (place > 0) + texts).encode(errors="replace"))
        else:
            values = piece.astype("<f8") + 0.0  # one zero
            update(np.where(np.isnan(values), np.nan, values).astype("<f8").tobytes())


def _pieces(column: Any) -> Iterator[Any]:
    """Yield the column in pieces: a copy of a long one need not be in memory whole."""
    for start in range(0, len(column), _PIECE):
        yield column[start : start + _PIECE]
