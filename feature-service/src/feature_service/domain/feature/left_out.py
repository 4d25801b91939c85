"""Windows by time that a range has and features are not made of, and why."""

from dataclasses import dataclass
from typing import Final

from feature_service.domain.feature.duration_text import duration_text
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from penstock_kit.errors import Unprocessable


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """How many windows were left out: with fewer than `min_rows` rows, and with no row for longer than `max_gap`.

    Windows by rows have none: they are where rows are.
    """

    too_few: int = 0
    over_gap: int = 0

    def reasons(self, window: WindowPlan | TimeWindowPlan) -> dict[str, int]:
        """Return the number of windows by the reason in words; 0 is left out."""
        if isinstance(window, WindowPlan):
            return {}
        few = "no row" if window.min_rows == 1 else f"fewer than min_rows rows ({window.min_rows})"
        gap = f"no row for longer than max_gap ({duration_text(window.max_gap or 0)})"
        counts = {f"the window has {few}": self.too_few, f"the window has {gap}": self.over_gap}
        return {reason: count for reason, count in counts.items() if count}


NONE_LEFT_OUT: Final = LeftOut()


def left_out(window: WindowPlan | TimeWindowPlan, made: int, over_gap: int) -> LeftOut:
    """Return what the range of the plan has beside the windows that were made."""
    if isinstance(window, WindowPlan):
        return NONE_LEFT_OUT
    first, stop = window.places()
    return LeftOut(too_few=stop - first - made - over_gap, over_gap=over_gap)


def require_time_windows(window: TimeWindowPlan, made: int, over_gap: int) -> None:
    """Raise Unprocessable WINDOW_LIMIT_EXCEEDED when all windows of the range were left out."""
    if made:
        return
    reasons = left_out(window, made, over_gap).reasons(window)
    told = "; ".join(f"{count} as {reason}" for reason, count in reasons.items())
    raise Unprocessable(
        f"all windows of {window} in the range are left out: {told}; ask for longer windows, a smaller min_rows or a "
        "larger max_gap",
        reason="WINDOW_LIMIT_EXCEEDED",
        metadata={"window_size": str(window)},
    )
