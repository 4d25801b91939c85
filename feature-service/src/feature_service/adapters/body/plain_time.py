"""Columns of times that are all written alike, read by pyarrow."""

# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyarrow has no type information.

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_service.domain.ingest.parsed_column import ParsedTimes
from feature_service.domain.model.array import IndexArray
from feature_service.domain.model.span import FIRST_MICROS

# Fewer digits are a date without separators.
_FEWEST: Final = 10**8


def plain_times(column: Any) -> ParsedTimes | None:
    """Return the times of a column of texts; None when they are not all of one form that is read the same by all.

    The forms: ISO 8601 without a zone, with one, and whole numbers of seconds to nanoseconds since the epoch.
    """
    micros = _counts(column, pa.timestamp("us"))
    if micros is not None:
        return _inside(ParsedTimes(micros=micros))
    for read in (_zoned, _numbered):
        micros = read(column)
        if micros is not None:
            return _inside(ParsedTimes(micros=micros, is_local=np.zeros(len(micros), dtype=np.bool_)))
    return None


def _zoned(column: Any) -> IndexArray | None:
    return _counts(column, pa.timestamp("us", tz="UTC"))


def _numbered(column: Any) -> IndexArray | None:
    numbers = _counts(column, pa.int64())
    if numbers is None or len(numbers) == 0:
        return None
    sizes = np.abs(numbers)
    if int(sizes.min()) < _FEWEST:
        return None
    bounds = [sizes < 10**11, sizes < 10**14, sizes < 10**17]
    return np.select(bounds, [numbers * 1_000_000, numbers * 1_000, numbers], numbers // 1_000)


def _counts(column: Any, kind: Any) -> IndexArray | None:
    try:
        cast = pc.cast(column, kind)
    except pa.ArrowInvalid:
        return None
    return None if cast.null_count else pc.cast(cast, pa.int64()).to_numpy(zero_copy_only=False)


def _inside(times: ParsedTimes) -> ParsedTimes | None:
    """The times, None when one is before the year 1: it depends on its neighbours what is said of it."""
    return times if len(times.micros) and int(times.micros.min()) >= FIRST_MICROS else None
