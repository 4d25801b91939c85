"""What a query fetched, as frames."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from feature_service.domain.model.array import FloatArray, TextArray
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import FieldKind


def empty_frame(fields: Sequence[str]) -> Frame:
    """Return no rows of number fields."""
    return Frame(
        timestamps=np.empty(0, dtype="datetime64[us]"), numbers={name: np.empty(0, dtype=np.float64) for name in fields}
    )


def frame_of_columns(columns: Mapping[str, Any], fields: Sequence[str], kinds: Mapping[str, FieldKind]) -> Frame:
    """Return the fetched columns (the time first, then c0, c1 … for the fields), in the order fetched."""
    timestamps = next(iter(columns.values()))
    numbers: dict[str, FloatArray] = {}
    texts: dict[str, TextArray] = {}
    for index, name in enumerate(fields):
        values = columns[f"c{index}"]
        if kinds.get(name) is FieldKind.TEXT and values.dtype == np.object_:
            texts[name] = np.array(np.ma.getdata(values))
            texts[name][np.ma.getmaskarray(values)] = None
        else:
            numbers[name] = np.asarray(np.ma.filled(values, np.nan), dtype=np.float64)
    return Frame(timestamps=np.asarray(timestamps, dtype="datetime64[us]"), numbers=numbers, texts=texts)


def in_order_of_time(frame: Frame) -> Frame:
    """Return the rows in ascending order of time; late rows were stored after those they belong before."""
    times = frame.timestamps
    if bool((times[1:] > times[:-1]).all()):
        return frame
    order = np.argsort(times, kind="stable")
    return Frame(
        timestamps=times[order],
        numbers={name: values[order] for name, values in frame.numbers.items()},
        texts={name: values[order] for name, values in frame.texts.items()},
    )
