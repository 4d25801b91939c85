"""Rows older than those that are kept: stored, and deleted soon after, which is told and not done in silence."""

from collections.abc import Iterable, Sequence

from feature_service.domain.model.span import iso_time


def retention_notes(first_rows: Iterable[int], kept_since: int | None) -> Sequence[str]:
    """Return what is to be told of bodies whose first rows have these times, in microseconds since the epoch.

    `kept_since`: rows before that are deleted; None when all are kept.
    """
    if kept_since is None or all(first >= kept_since for first in first_rows):
        return ()
    return (f"rows before {iso_time(kept_since)} are older than TELEMETRY_DAYS and will be deleted",)
