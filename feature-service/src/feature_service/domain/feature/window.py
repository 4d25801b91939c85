"""Windows by points: how many rows, how far apart, and how many fit."""

from dataclasses import dataclass, replace
from typing import Final

from feature_service.domain.model.span import Extent, Span
from penstock_kit.errors import InvalidArgument, Unprocessable

DEFAULT_SIZE: Final = 100
DEFAULT_OVERLAP: Final = 0.5
MAX_SIZE: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPlan:
    """Windows of `size` rows of which consecutive ones share the fraction `overlap` (0 <= overlap < 1).

    The step between the first rows of consecutive windows is ``max(1, round(size * (1 - overlap)))``; rows after
    the last full window are left out. No window has two neighbouring rows that are more than `max_gap` microseconds
    apart; None: gaps do not matter. Raises InvalidArgument for a size, an overlap or a gap out of range.
    """

    size: int = DEFAULT_SIZE
    overlap: float = DEFAULT_OVERLAP
    max_gap: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.size <= MAX_SIZE:
            raise InvalidArgument(
                f"window_size is {self.size}; it must be from 1 to {MAX_SIZE} rows", reason="WINDOW_SIZE_INVALID"
            )
        if not 0 <= self.overlap < 1:
            raise InvalidArgument(
                f"overlap is {self.overlap}; it must be at least 0 and less than 1", reason="OVERLAP_INVALID"
            )
        if self.max_gap is not None and self.max_gap <= 0:
            raise InvalidArgument("max_gap must be longer than 0", reason="MAX_GAP_INVALID")

    @property
    def step(self) -> int:
        """The rows from one window's start to the next one's."""
        return max(1, round(self.size * (1 - self.overlap)))

    def __str__(self) -> str:
        return f"{self.size} rows"

    def overlapping(self, overlap: float) -> "WindowPlan":
        """Return windows of the same size that share another fraction."""
        return replace(self, overlap=overlap)

    def within(self, span: Span, extent: Extent) -> "WindowPlan":
        """Return the plan for a range of rows: the same for every range."""
        return self

    def rows_of_window(self, rows: int) -> int:
        """Return how many rows a window has."""
        return self.size

    def count(self, rows: int) -> int:
        """Return how many full windows fit into `rows` rows without a gap; with gaps there are fewer."""
        return 0 if rows < self.size else (rows - self.size) // self.step + 1

    def require(self, rows: int) -> int:
        """Return `count(rows)`; raise Unprocessable WINDOW_LIMIT_EXCEEDED when not even one window fits."""
        if rows < self.size:
            raise Unprocessable(
                f"window_size is {self.size} but there are only {rows} rows in the range; "
                f"ask for a longer range or a window of at most {rows} rows",
                reason="WINDOW_LIMIT_EXCEEDED",
                metadata={"window_size": str(self.size), "rows": str(rows)},
            )
        return self.count(rows)
