"""How high fields are while a machine works, and in which of them two times differ.

The level of a field is the median of its rows: single odd readings do not move it. A machine that pauses is at 0 for a
while, and its share of pauses is no fault: of a field that is never negative, the rows within a tenth of its usual
height above 0 are left out as long as it has others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from feature_service.domain.anomaly.score import MEDIAN_TO_DEVIATION
from feature_service.domain.model.array import FloatArray

_HEIGHT: Final = 0.95
_RESTING: Final = 0.1
# A field rests where it has more rows at 0 and more above than this share.
_LEAST_SHARE: Final = 0.05
_DEVIATIONS: Final = 3.0
_LEAST_CHANGE: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldShift:
    """A field that was at `level` where it is usually at `usual`, in `unit` ("" when not known)."""

    field: str
    level: float
    usual: float
    unit: str = ""

    @property
    def share(self) -> float:
        """How large the difference is, of the larger one of both."""
        return min(abs(self.level - self.usual) / max(abs(self.level), abs(self.usual), np.finfo(float).tiny), 1.0)


def field_shifts(
    here: Mapping[str, FloatArray], there: Mapping[str, FloatArray], fields: Sequence[str]
) -> list[FieldShift]:
    """Return the fields whose level `here` is another one than `there`, the one that differs most first.

    It differs by more than three deviations of the rows there, and by a twentieth of the level at least.
    """
    found: list[tuple[float, FieldShift]] = []
    for name in fields:
        here_rows, there_rows = _working(here[name], there[name])
        if len(here_rows) == 0 or len(there_rows) == 0:
            continue
        level, usual = float(np.median(here_rows)), float(np.median(there_rows))
        deviation = MEDIAN_TO_DEVIATION * float(np.median(np.abs(there_rows - usual)))
        if abs(level - usual) > max(_DEVIATIONS * deviation, _LEAST_CHANGE * abs(usual)):
            strength = abs(level - usual) / max(deviation, _LEAST_CHANGE * abs(usual), np.finfo(float).tiny)
            found.append((strength, FieldShift(field=name, level=level, usual=usual)))
    return [shift for _, shift in sorted(found, key=lambda pair: -pair[0])]


def _working(here: FloatArray, there: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The rows of both in which the field does not rest, all of one that does nothing else."""
    here, there = here[np.isfinite(here)], there[np.isfinite(there)]
    height = _RESTING * float(np.quantile(there, _HEIGHT)) if len(there) else 0.0
    if height <= 0 or float(np.mean(there < -height)) > _LEAST_SHARE / 2:
        return here, there
    return _above(here, height), _above(there, height)


def _above(values: FloatArray, height: float) -> FloatArray:
    working = values > height
    return values[working] if float(working.mean() if len(working) else 0.0) > _LEAST_SHARE else values
