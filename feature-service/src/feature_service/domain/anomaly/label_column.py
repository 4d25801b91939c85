"""Columns that are the answer and no measurement: a detector that looks at one finds what somebody marked."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from feature_service.domain.model.frame import Frame

_NAMES: Final = frozenset({"anomaly", "changepoint", "label", "target"})


def label_columns(frame: Frame, fields: Sequence[str]) -> tuple[str, ...]:
    """Return the fields that have the name of a label and no values but 0 and 1; none when all have."""
    found = tuple(name for name in fields if name.strip().lower() in _NAMES and _is_flag(frame, name))
    return found if len(found) < len(fields) else ()


def _is_flag(frame: Frame, name: str) -> bool:
    values = frame.numbers[name]
    present = values[~np.isnan(values)]
    return bool(len(present) and ((present == 0.0) | (present == 1.0)).all())
