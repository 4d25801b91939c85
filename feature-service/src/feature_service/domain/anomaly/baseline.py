"""The baseline that is taken where none is named.

It is the rows right before the range: as many as the range has, at least 20,000 (all that a machine does in some
hours, not one of its moods) and at most 60,000. Where there are too few, it is the first third of the range's own rows:
fewer than 5 windows have, or than that third where it has less than 20,000. A few minutes say nothing of a day.
"""

from typing import TYPE_CHECKING, Final

from feature_service.domain.anomaly.method import MIN_BASELINE_WINDOWS
from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import Span
from feature_service.domain.telemetry.query import HistoryQuery
from feature_service.domain.telemetry.store import TelemetryStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feature_service.domain.model.frame import Frame

_LEAST_ROWS: Final = 20_000
_MOST_ROWS: Final = 60_000


async def default_baseline(
    telemetry: TelemetryStore,
    key: SeriesKey,
    fields: "Sequence[str]",
    frame: "Frame",
    *,
    start: int | None,
    window_size: int,
) -> "Frame":
    """Return the rows to fit on for scoring `frame`, the rows from `start` on."""
    least = MIN_BASELINE_WINDOWS * window_size
    if start is not None:
        wanted = min(max(len(frame), _LEAST_ROWS, least), max(_MOST_ROWS, least))
        query = HistoryQuery(fields=fields, span=Span(end=start), limit=wanted, newest_first=True)
        before = await telemetry.history(key, query)
        if len(before) >= max(least, min(len(frame) // 3, _LEAST_ROWS)):
            return before.cut(slice(None, None, -1))
    return frame.first(len(frame) // 3)
