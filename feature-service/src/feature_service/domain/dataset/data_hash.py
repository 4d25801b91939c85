"""A fingerprint of the rows that a data set is made of: equal where and only where the rows are."""

import hashlib
from collections.abc import Mapping
from typing import Final

import numpy as np

from feature_service.domain.dataset.label import LabelArray, LabelledRows

_NO_TEXT: Final = "\x00"
_END_OF_TEXT: Final = "\x1f"


def data_hash(devices: Mapping[str, LabelledRows]) -> str:
    """Return the SHA-256 of devices, times, values and labels, whatever store they are from and in which order."""
    whole = hashlib.sha256()
    for code in sorted(devices):
        rows = devices[code]
        whole.update(f"{code}\n{len(rows.frame)}\n".encode())
        whole.update(rows.frame.timestamps.astype("<i8").tobytes())
        for name in sorted(rows.frame.numbers):
            whole.update(f"{name}\n".encode())
            whole.update(_bytes(rows.frame.numbers[name]))
        whole.update(_bytes(rows.labels))
    return whole.hexdigest()


def _bytes(column: LabelArray) -> bytes:
    if column.dtype == np.object_:
        return _END_OF_TEXT.join(_NO_TEXT if text is None else str(text) for text in column).encode(errors="replace")
    values = column.astype("<f8") + 0.0  # one zero
    return np.where(np.isnan(values), np.nan, values).astype("<f8").tobytes()
