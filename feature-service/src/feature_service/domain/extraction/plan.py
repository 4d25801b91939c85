"""How features are to be made (no NumPy needed to say it)."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.span import Extent, Span
from feature_service.domain.preprocessing.method import (
    DEFAULT_OUTLIER_THRESHOLD,
    DEFAULT_SCALED_RANGE,
    MissingMethod,
    NormalizeMethod,
    OutlierMethod,
)

if TYPE_CHECKING:
    from feature_service.domain.extraction.extract import FittedPreprocessing

MOST_VALUES_AT_ONCE: Final = 2_000_000
"""Values of rows that are in memory at once (16 MB, and a few times that while features are made of them).

A range of more is read block by block.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionPlan:
    """How features are made. Empty `features` means the default ones (see the catalog).

    `normalize_is_default`: nobody named the scaling, so a single window, which has nothing to be scaled by, has none.
    With `fitted`, which `fitted_by` stands for, nothing is fitted on the rows: they are treated by it.
    """

    window: WindowPlan | TimeWindowPlan = field(default_factory=WindowPlan)
    features: tuple[str, ...] = ()
    missing: MissingMethod = MissingMethod.INTERPOLATE
    outliers: OutlierMethod = OutlierMethod.NONE
    outlier_threshold: float = DEFAULT_OUTLIER_THRESHOLD
    normalize: NormalizeMethod = NormalizeMethod.Z_SCORE
    normalize_is_default: bool = False
    value_range: tuple[float, float] = DEFAULT_SCALED_RANGE
    fitted_by: str = ""
    fitted: "FittedPreprocessing | None" = field(default=None, compare=False)


def within(plan: ExtractionPlan, span: Span, extent: Extent) -> ExtractionPlan:
    """Return the plan for a range of the rows of a series: windows by time lie within it."""
    return replace(plan, window=plan.window.within(span, extent))
