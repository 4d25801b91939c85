"""What may be drawn (no NumPy needed to say it)."""

from dataclasses import dataclass
from enum import StrEnum

from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.span import Span


class PlotKind(StrEnum):
    """What a plot shows: rows as they are, means of windows, values outside of fences, windows unlike a baseline."""

    SERIES = "series"
    WINDOWS = "windows"
    OUTLIERS = "outliers"
    ANOMALIES = "anomalies"


class PlotFormat(StrEnum):
    """The forms of a picture."""

    SVG = "svg"
    PNG = "png"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotQuery:
    """What to draw of a device, and how large (pixels). Empty `fields`: the first of its number fields.

    A line is broken between rows farther apart than `max_gap` microseconds; None: never. `window` is how rows are cut
    for plots of windows and anomalies. `is_raster` where each pixel costs something, as in a PNG.
    """

    device_code: str
    kind: PlotKind
    span: Span
    window: WindowPlan | TimeWindowPlan
    fields: tuple[str, ...] = ()
    width: int = 960
    height: int = 0
    max_gap: int | None = None
    is_raster: bool = False
