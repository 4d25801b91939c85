"""Windows by time: how long, how far apart, and which of them a range has. No NumPy is needed to say it."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from feature_service.domain.feature.duration_text import duration_text
from feature_service.domain.feature.window import DEFAULT_OVERLAP, MAX_SIZE
from feature_service.domain.model.span import Extent, Span, iso_time
from penstock_kit.errors import InvalidArgument, Unprocessable

_MICROSECOND: Final = timedelta(microseconds=1)
LEAST_SIZE: Final = 1_000
"""The shortest window in microseconds."""
MOST_SIZE: Final = timedelta(days=3_660) // _MICROSECOND
"""The longest window in microseconds: ten years."""
MOST_SHARED: Final = 1_000
"""Windows that a row may be in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeWindowPlan:
    """Windows of `size` microseconds, one every `step` (0: half of the size), at whole multiples of it since 1970.

    Where windows lie depends on no row and no range: a window is the same in a range of a year, of a day, and in what
    is read block by block. A window is made when all its time lies in the range, from `start` (inclusive) to `end`
    (exclusive); see :meth:`within`. It is left out when fewer than `min_rows` rows are in it, or, with a `max_gap`,
    when it has no row for longer than that many microseconds, at its ends too.

    Raises InvalidArgument for a size, a step, a number of rows or a gap out of range.
    """

    size: int
    step: int = 0
    min_rows: int = 1
    max_gap: int | None = None
    start: int | None = None
    end: int | None = None

    def __post_init__(self) -> None:
        if not LEAST_SIZE <= self.size <= MOST_SIZE:
            raise InvalidArgument(
                f"window_size is {duration_text(self.size)}; it must be from {duration_text(LEAST_SIZE)} to "
                f"{duration_text(MOST_SIZE)}",
                reason="WINDOW_SIZE_INVALID",
            )
        if self.step == 0:
            object.__setattr__(self, "step", step_of(self.size, DEFAULT_OVERLAP))
        if not self.size <= MOST_SHARED * self.step <= MOST_SHARED * self.size:
            raise InvalidArgument(
                f"step is {duration_text(self.step)}; it must be at least a {MOST_SHARED}th of window_size and at "
                f"most all of it, {duration_text(self.size)}",
                reason="STEP_INVALID",
            )
        if not 1 <= self.min_rows <= MAX_SIZE:
            raise InvalidArgument(
                f"min_rows is {self.min_rows}; it must be from 1 to {MAX_SIZE}", reason="MIN_ROWS_INVALID"
            )
        if self.max_gap is not None and self.max_gap <= 0:
            raise InvalidArgument("max_gap must be longer than 0", reason="MAX_GAP_INVALID")

    @property
    def overlap(self) -> float:
        """The share of its time that a window has in common with the next one."""
        return 1 - self.step / self.size

    def __str__(self) -> str:
        return duration_text(self.size)

    def overlapping(self, overlap: float) -> "TimeWindowPlan":
        """Return windows of the same size that share another fraction. Raises InvalidArgument OVERLAP_INVALID."""
        return replace(self, step=step_of(self.size, overlap))

    def within(self, span: Span, extent: Extent) -> "TimeWindowPlan":
        """Return the plan for a range of rows, unless it is for one already.

        A side that the range leaves open ends with the first or the last row. Windows that are farther from the rows
        than their size have none, and count as none.
        """
        if self.start is not None and self.end is not None:
            return self
        start = extent.first if span.start is None else max(span.start, extent.first - self.size + 1)
        end = extent.last + 1 if span.end is None else min(span.end, extent.last + self.size)
        return replace(self, start=start, end=end)

    def places(self) -> tuple[int, int]:
        """Return the first window of the range and the one behind the last, as multiples of the step since 1970."""
        assert self.start is not None, "the range is not known yet"
        assert self.end is not None, "the range is not known yet"
        first = -(-self.start // self.step)
        return first, max(first, (self.end - self.size) // self.step + 1)

    def count(self, rows: int) -> int:
        """Return how many windows of the range so many rows can be in at most."""
        if rows == 0:
            return 0
        first, stop = self.places()
        return min(stop - first, rows * -(-self.size // self.step))

    def require(self, rows: int) -> int:
        """Return `count(rows)`; raise Unprocessable WINDOW_LIMIT_EXCEEDED when the range has no whole window."""
        if count := self.count(rows):
            return count
        known = self.start is not None and self.end is not None
        where = f"between {iso_time(self.start or 0)} and {iso_time(self.end or 0)}" if known else "in no rows"
        raise Unprocessable(
            f"no window of {self} lies {where}; windows begin at whole multiples of {duration_text(self.step)} since "
            "1970: ask for a longer range or a shorter window",
            reason="WINDOW_LIMIT_EXCEEDED",
            metadata={"window_size": str(self), "rows": str(rows)},
        )

    def rows_of_window(self, rows: int) -> int:
        """Return about how many rows a window has when the range has so many."""
        assert self.start is not None, "the range is not known yet"
        assert self.end is not None, "the range is not known yet"
        return min(MAX_SIZE, rows * self.size // max(self.size, self.end - self.start) + 1)


def step_of(size: int, overlap: float) -> int:
    """Return the step of windows that share the fraction `overlap`. Raises InvalidArgument OVERLAP_INVALID."""
    if not 0 <= overlap < 1:
        raise InvalidArgument(f"overlap is {overlap}; it must be at least 0 and less than 1", reason="OVERLAP_INVALID")
    return max(1, round(size * (1 - overlap)))
