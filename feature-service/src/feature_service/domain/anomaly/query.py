"""What is asked about anomalies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from feature_service.domain.anomaly.method import DEFAULT_OVERLAP, DEFAULT_WINDOW_SIZE, AnomalyMethod
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.span import Span

DEFAULT_WINDOW: Final = WindowPlan(size=DEFAULT_WINDOW_SIZE, overlap=DEFAULT_OVERLAP)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyQuery:
    """Which windows of which devices to score, and what to fit. An empty `device_codes` means all of the model.

    Without `baseline` it is chosen (see :mod:`feature_service.domain.anomaly.baseline`), without `threshold` it is
    chosen on the baseline. Windows by time with fewer than `min_rows` rows are left out; 0: fewer than half of
    what those of the baseline usually have. With `detector_id` nothing is fitted:
    `method`, `fields`, `baseline`, `min_rows` and all of `window` but its overlap are then the detector's. With
    `stretches` it is also told what lasts, and which windows are anomalous by single readings alone.
    """

    span: Span
    model_code: str = ""
    device_codes: Sequence[str] = ()
    baseline: Span | None = None
    fields: Sequence[str] = ()
    method: AnomalyMethod = AnomalyMethod.PCA
    window: WindowPlan | TimeWindowPlan = DEFAULT_WINDOW
    min_rows: int = 0
    threshold: float | None = None
    detector_id: str = ""
    stretches: bool = False
