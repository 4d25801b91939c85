"""Buckets reduced in several ways, as columns beside each other."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING

from feature_service.domain.telemetry.query import Aggregate

if TYPE_CHECKING:
    from feature_service.domain.model.frame import Frame


def field_of(name: str, aggregate: Aggregate) -> str:
    """Return what a field's column is called when it is reduced by `aggregate`, beside others."""
    return f"{name}_{aggregate}"


def units_of_each(units: Mapping[str, str], aggregates: Sequence[Aggregate]) -> Mapping[str, str]:
    """Return the units of the columns; a count has none."""
    measured = [way for way in aggregates if way is not Aggregate.COUNT]
    return {field_of(name, way): unit for name, unit in units.items() for way in measured}


def beside(frames: Mapping[Aggregate, "Frame"]) -> "Frame":
    """Return the buckets that all of the frames have, with the columns of each, named by field and aggregate.

    A bucket may be missing in one when rows came between two reads; it is left out until the next question.
    """
    import numpy as np

    from feature_service.domain.model.frame import Frame

    times = reduce(np.intersect1d, [frame.timestamps for frame in frames.values()])
    kept = {aggregate: frame.where(np.isin(frame.timestamps, times)) for aggregate, frame in frames.items()}
    first = next(iter(kept.values()))
    return Frame(
        timestamps=first.timestamps,
        numbers={field_of(name, way): frame.numbers[name] for way, frame in kept.items() for name in frame.numbers},
        texts={field_of(name, way): frame.texts[name] for way, frame in kept.items() for name in frame.texts},
    )
