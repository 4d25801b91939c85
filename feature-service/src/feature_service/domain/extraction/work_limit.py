"""How much may be computed for one request: windows that share nearly all of their rows are looked at without end."""

from typing import Final

from feature_service.domain.feature.duration_text import duration_text
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from penstock_kit.errors import Unprocessable

MAX_READINGS: Final = 10_000_000_000
"""Readings of windows, each once for each feature, that are looked at for an answer: about a minute or two."""
MAX_SHARED_READINGS: Final = 2_000_000_000
"""The same where all tenants wait for one turn: some seconds."""
MAX_PICTURE_READINGS: Final = 250_000_000
"""The same for a picture, which is not wide enough to show more: about a second."""
MAX_FILE_READINGS: Final = 200_000_000_000
"""The same for a file or a data set, which may take its time: about half an hour."""
MAX_FILE_VALUES: Final = 1_000_000_000
"""Features of windows in a file (8 GB on the disk)."""


def require_workable(
    window: WindowPlan | TimeWindowPlan,
    windows: int,
    *,
    rows: int,
    columns: int,
    most: int = MAX_READINGS,
    values: int = MAX_FILE_VALUES,
) -> None:
    """Raise Unprocessable FEATURES_LIMIT_EXCEEDED for so many windows, in `rows` rows, of `columns` features of fields.

    At most `most` readings are looked at, and `values` features computed.
    """
    if windows * columns > values:
        raise _too_many(
            f"{windows} windows of {columns} features are {windows * columns} values, at most {values} are computed"
        )
    looks = readings(window, windows, rows=rows) * columns
    if looks > most:
        raise _too_many(
            f"{windows} windows of {window}, one every {_step(window)}, look at {looks} readings for {columns} "
            f"features, at most {most} are"
        )


def readings(window: WindowPlan | TimeWindowPlan, windows: int, *, rows: int) -> int:
    """Return how many rows so many windows have together at most: a row is in as many as lie over each other."""
    return rows * min(windows, -(-window.size // window.step))


def _step(window: WindowPlan | TimeWindowPlan) -> str:
    return f"{window.step} rows" if isinstance(window, WindowPlan) else duration_text(window.step)


def _too_many(what: str) -> Unprocessable:
    return Unprocessable(
        f"{what}; ask for a smaller overlap, a shorter range, fewer fields or fewer features",
        reason="FEATURES_LIMIT_EXCEEDED",
    )
