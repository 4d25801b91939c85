"""Rows as SELECT statements, and what they give as frames.

Times are asked for as integers: as texts they come in the zone of the server, with as many digits as it likes. The
server may give fewer rows than were asked for, so only an empty answer ends a range.
"""

# ruff: noqa: S608 - only names made in this package are written into statements, and texts as literals

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from feature_service.adapters.tdengine.catalogue import Series
from feature_service.adapters.tdengine.client import TDengineClient
from feature_service.adapters.tdengine.name import PRESENT, TIME, column_of
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import FieldKind
from feature_service.domain.model.span import Span

_CELLS: Final = 200_000
"""Values that one answer has, about, as a text of a few megabytes."""


def where(span: Span) -> str:
    """Return the clause that keeps to the range."""
    bounds = ((">=", span.start), ("<", span.end))
    tests = [f"{TIME} {operator} {int(bound)}" for operator, bound in bounds if bound is not None]
    return f" WHERE {' AND '.join(tests)}" if tests else ""


async def read_pages(
    client: TDengineClient,
    series: Series,
    fields: Sequence[str],
    span: Span,
    *,
    limit: int | None = None,
    newest_first: bool = False,
) -> AsyncGenerator[Frame]:
    """Yield the rows in the range in order of time, at most `limit`, in as many frames as there are answers."""
    fields = list(dict.fromkeys(fields))
    known = [each for each in fields if each in series.kinds]
    columns = "".join(f", {column_of(each)}" for each in known) or f", {PRESENT}"
    most = max(1, _CELLS // (len(known) + 1))
    left = limit
    while left is None or left > 0:
        size = most if left is None else min(most, left)
        order = "DESC" if newest_first else "ASC"
        text = (
            f"SELECT CAST({TIME} AS BIGINT){columns} FROM {series.table}{where(span)} ORDER BY {TIME} {order} "
            f"LIMIT {size}"
        )
        rows = (await client.ask(text)).rows
        if not rows:
            return
        yield frame_of(rows, fields, known, series)
        left = None if left is None else left - len(rows)
        last = int(rows[-1][0])
        if newest_first:
            if span.start is not None and last <= span.start:
                return
            span = Span(start=span.start, end=last)
        else:
            if span.end is not None and last + 1 >= span.end:
                return
            span = Span(start=last + 1, end=span.end)


def frame_of(
    rows: Sequence[Sequence[Any]], fields: Sequence[str], known: Sequence[str], series: Series | None
) -> Frame:
    """Return the rows of an answer, whose columns are the time and the fields `known`, with all `fields`."""
    kinds: Mapping[str, FieldKind] = {} if series is None else series.kinds
    columns = dict(zip(known, list(zip(*rows, strict=True))[1:] if rows else [()] * len(known), strict=False))
    numbers: dict[str, Any] = {}
    texts: dict[str, Any] = {}
    for field in fields:
        if kinds.get(field) is FieldKind.TEXT:
            values = np.empty(len(rows), dtype=object)
            values[:] = columns.get(field, ())
            texts[field] = values
        elif field in columns:
            # None becomes NaN.
            numbers[field] = np.array(columns[field], dtype=np.float64)
        else:
            numbers[field] = np.full(len(rows), np.nan)
    times = np.array([row[0] for row in rows], dtype=np.int64).astype("datetime64[us]")
    return Frame(timestamps=times, numbers=numbers, texts=texts)
