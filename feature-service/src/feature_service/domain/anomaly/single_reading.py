"""Which windows are anomalous by single readings alone: those that are not once the range's glitches are left out."""

from collections.abc import Callable
from dataclasses import replace

from feature_service.domain.anomaly.detector import Detector, ScoredWindows, score_windows
from feature_service.domain.anomaly.glitch import without_glitches
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.span import Span


def with_single_readings(
    found: ScoredWindows,
    detector: Detector,
    frame: Frame,
    overlap: float,
    *,
    threshold: float,
    span: Span,
    check: Callable[[], None] = lambda: None,
) -> ScoredWindows:
    """Return `found`, the windows of `frame`, with those told apart that single readings alone make anomalous."""
    if not found.anomalous.any():
        return replace(found, single_readings=found.anomalous)
    calm = without_glitches(frame, detector.fields, check=check)
    again = score_windows(detector, calm, overlap, threshold=threshold, span=span, check=check)
    return replace(found, single_readings=found.anomalous & ~again.anomalous)
