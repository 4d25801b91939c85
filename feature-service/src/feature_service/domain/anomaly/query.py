"""What is asked about anomalies."""

from collections.abc import Sequence
from dataclasses import dataclass

from feature_service.domain.anomaly.method import DEFAULT_OVERLAP, DEFAULT_WINDOW_SIZE, AnomalyMethod
from feature_service.domain.model.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyQuery:
    """Which windows of which devices to score, and what to fit. An empty `device_codes` means all of the model.

    Without `baseline` it is chosen (see :mod:`feature_service.domain.anomaly.baseline`), without `threshold` it is
    chosen on the baseline. No window has neighbouring rows farther apart than `max_gap` microseconds; None: gaps do not
    matter. With `detector_id` nothing is fitted: `method`, `window_size`, `max_gap`, `fields` and `baseline` are then
    the detector's.
    """

    span: Span
    model_code: str = ""
    device_codes: Sequence[str] = ()
    baseline: Span | None = None
    fields: Sequence[str] = ()
    method: AnomalyMethod = AnomalyMethod.PCA
    window_size: int = DEFAULT_WINDOW_SIZE
    overlap: float = DEFAULT_OVERLAP
    threshold: float | None = None
    detector_id: str = ""
    max_gap: int | None = None
