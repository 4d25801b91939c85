"""Which column of a table holds the time."""

from collections.abc import Sequence
from typing import Final

from penstock_kit.errors import InvalidArgument

DEFAULT_TIME_COLUMN: Final = "timestamp"
_LIKELY: Final = frozenset({"timestamp", "datetime", "date_time", "time", "ts", "date"})


def find_time_column(names: Sequence[str], asked: str) -> str:
    """Return the name of the time column: `asked`, or ``timestamp``, or the only one with a name like it.

    Raises InvalidArgument TIMESTAMP_COLUMN_NOT_FOUND that lists the columns there are.
    """
    wanted = asked or DEFAULT_TIME_COLUMN
    if wanted in names:
        return wanted
    likely = [name for name in names if name.lower() in _LIKELY]
    if not asked and len(likely) == 1:
        return likely[0]
    raise InvalidArgument(
        f"there is no column {wanted!r}; the columns are: {', '.join(names)}. "
        "Name the one that holds the time with timestamp_column",
        reason="TIMESTAMP_COLUMN_NOT_FOUND",
        metadata={"timestamp_column": wanted},
    )


def find_clock_column(names: Sequence[str], asked: str) -> str:
    """Return `asked`; empty: the time column has the time of day too. Raises InvalidArgument TIME_COLUMN_NOT_FOUND."""
    if asked and asked not in names:
        raise InvalidArgument(
            f"there is no column {asked!r} with the time of day; the columns are: {', '.join(names)}",
            reason="TIME_COLUMN_NOT_FOUND",
            metadata={"time_column": asked},
        )
    return asked
