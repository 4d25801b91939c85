"""Which rows are for training and which for validation.

Rows are cut into stretches, each wholly of one part, before anything is filled or windowed: no window, and no
filled value, has rows of both parts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

import numpy as np

from feature_service.domain.array import BoolArray
from feature_service.domain.dataset.plan import DatasetPlan, SplitMethod
from penstock_kit.errors import InvalidArgument


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Rows start <= row < stop of a device, all of one part."""

    device_code: str
    start: int
    stop: int
    training: bool


def stretches(rows: Mapping[str, int], plan: DatasetPlan) -> list[Stretch]:
    """Return the stretches of all devices, whose number of rows are `rows`, in their order.

    Raises InvalidArgument TOO_FEW_DEVICES when a split by device has no two.
    """
    match plan.split:
        case SplitMethod.TIME:
            return [stretch for code, count in rows.items() for stretch in _by_time(code, count, plan)]
        case SplitMethod.DEVICE:
            return _by_device(rows, plan)
        case SplitMethod.RANDOM:
            random = np.random.default_rng(plan.random_state)
            return [stretch for code, count in rows.items() for stretch in _by_window(code, count, plan, random)]
        case _:
            assert_never(plan.split)


def _by_time(code: str, rows: int, plan: DatasetPlan) -> list[Stretch]:
    boundary = round(rows * (1 - plan.val_split))
    return [
        Stretch(device_code=code, start=0, stop=boundary, training=True),
        Stretch(device_code=code, start=boundary, stop=rows, training=False),
    ]


def _by_device(rows: Mapping[str, int], plan: DatasetPlan) -> list[Stretch]:
    if len(rows) < 2:
        raise InvalidArgument(
            f"a split by device needs two devices with rows, there is {len(rows)}; split by time instead",
            reason="TOO_FEW_DEVICES",
        )
    wanted = min(max(1, round(len(rows) * plan.val_split)), len(rows) - 1)
    shuffled: list[int] = np.random.default_rng(plan.random_state).permutation(len(rows)).tolist()
    validation = {list(rows)[index] for index in shuffled[:wanted]}
    return [
        Stretch(device_code=code, start=0, stop=count, training=code not in validation) for code, count in rows.items()
    ]


def _by_window(code: str, rows: int, plan: DatasetPlan, random: np.random.Generator) -> list[Stretch]:
    """Runs of neighbouring windows that the draw put into the same part."""
    size = plan.extraction.window.size
    count = rows // size
    if count == 0:
        return []
    training = np.ones(count, dtype=np.bool_)
    training[random.permutation(count)[: round(count * plan.val_split)]] = False
    return [
        Stretch(device_code=code, start=first * size, stop=last * size, training=bool(training[first]))
        for first, last in _runs(training)
    ]


def _runs(values: BoolArray) -> list[tuple[int, int]]:
    changes = (np.flatnonzero(values[1:] != values[:-1]) + 1).tolist()
    return list(zip([0, *changes], [*changes, len(values)], strict=True))
