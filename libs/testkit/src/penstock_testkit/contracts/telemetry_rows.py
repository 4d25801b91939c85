"""Rows for the contracts of telemetry stores. The values of the port are feature-service's, which must be installed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import SeriesKey

KEY: Final = SeriesKey(tenant_id="t", device_code="d'1")
OTHER: Final = SeriesKey(tenant_id="t", device_code="d2")
SECOND: Final = 1_000_000


def frame_of(seconds: Iterable[float], texts: Mapping[str, Sequence[Any]] | None = None, /, **numbers: Any) -> Frame:
    """Return rows at `seconds` since the epoch."""
    times = (np.asarray(list(seconds)) * SECOND).astype("datetime64[us]")
    columns = {name: np.asarray(values, dtype=float) for name, values in numbers.items()}
    objects = {name: np.array(values, dtype=object) for name, values in (texts or {}).items()}
    return Frame(timestamps=times, numbers=columns, texts=objects)


def seconds_of(frame: Frame) -> list[int]:
    """Return the times of the rows in whole seconds."""
    return (frame.timestamps.astype("int64") // SECOND).tolist()
