"""The baseline that is taken where none is named.

It is the rows right before the range: as many as the range has, at least 20,000 (all that a machine does in some
hours, not one of its moods) and at most 60,000. Where there are too few, it is the first third of the range's own rows:
fewer than 5 windows have, or than that third where it has less than 20,000. A few minutes say nothing of a day. Of
windows by time twice as many rows are taken as 5 of them have at the range's rate, and they last as long as 5 do.
"""

from typing import TYPE_CHECKING, Final

from feature_service.domain.anomaly.method import MIN_BASELINE_WINDOWS
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import Span
from feature_service.domain.telemetry.query import HistoryQuery
from feature_service.domain.telemetry.store import TelemetryStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feature_service.domain.model.frame import Frame

_LEAST_ROWS: Final = 20_000
_MOST_ROWS: Final = 60_000
_MOST_VALUES: Final = 10_000_000
"""Rows times fields that are read before a range so that windows by time fit into them."""


async def default_baseline(
    telemetry: TelemetryStore,
    key: SeriesKey,
    fields: "Sequence[str]",
    frame: "Frame",
    *,
    start: int | None,
    window: WindowPlan | TimeWindowPlan,
) -> "Frame":
    """Return the rows to fit on for scoring `frame`, the rows from `start` on."""
    least = _least_rows(window, frame, len(fields))
    if start is not None:
        wanted = min(max(len(frame), _LEAST_ROWS, least), max(_MOST_ROWS, least))
        query = HistoryQuery(fields=fields, span=Span(end=start), limit=wanted, newest_first=True)
        before = await telemetry.history(key, query)
        if _is_long(before, window) and len(before) >= min(len(frame) // 3, _LEAST_ROWS):
            return before.cut(slice(None, None, -1))
    return frame.first(len(frame) // 3)


def _least_rows(window: WindowPlan | TimeWindowPlan, frame: "Frame", fields: int) -> int:
    if isinstance(window, WindowPlan):
        return MIN_BASELINE_WINDOWS * window.size
    rows = len(frame) * window.size // max(_micros(frame), 1) + 1
    return min(2 * MIN_BASELINE_WINDOWS * rows, _MOST_VALUES // max(fields, 1))


def _is_long(newest_first: "Frame", window: WindowPlan | TimeWindowPlan) -> bool:
    if isinstance(window, WindowPlan):
        return len(newest_first) >= MIN_BASELINE_WINDOWS * window.size
    return _micros(newest_first) >= MIN_BASELINE_WINDOWS * window.size


def _micros(frame: "Frame") -> int:
    """How long the rows last, in whichever order they are."""
    times = frame.timestamps.astype("datetime64[us]").astype("int64")
    return abs(int(times[-1]) - int(times[0])) if len(times) else 0
