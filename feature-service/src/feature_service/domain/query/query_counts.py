"""Numbers of the questions about telemetry: kept here once, read by the metrics."""

import time
from bisect import bisect_left
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from feature_service.domain.model.device import DataModel

# Seconds that the store and the features took.
QUERY_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# What questions are counted under about devices without a model, and about one model too many.
NO_MODEL: Final = "(none)"
OTHER: Final = "(other)"
_MOST_MODELS: Final = 200


@dataclass(slots=True)
class ModelNumbers:
    """Questions about one data model: how many were read from the store, how long they took, and extractions."""

    model_type: str
    queries: int = 0
    seconds: float = 0.0
    extractions: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(QUERY_BUCKETS) + 1))


class QueryCounts:
    """Counts questions by data model, for a bounded number of models; over all tenants."""

    def __init__(self) -> None:
        self.models: dict[str, ModelNumbers] = {}
        self.active = 0

    @contextmanager
    def query(self, model: DataModel | None, *, extracts: bool = False) -> Generator[None]:
        """Count the block as a question about `model`, one of features with `extracts`; failed ones count too."""
        begun = time.perf_counter()
        self.active += 1
        try:
            yield
        finally:
            self.active -= 1
            self._count(model, time.perf_counter() - begun, extracts=extracts)

    def _count(self, model: DataModel | None, seconds: float, *, extracts: bool) -> None:
        numbers = self._of(model)
        numbers.queries += 1
        numbers.extractions += extracts
        numbers.seconds += seconds
        numbers.buckets[bisect_left(QUERY_BUCKETS, seconds)] += 1

    def _of(self, model: DataModel | None) -> ModelNumbers:
        code, model_type = (model.code, model.model_type) if model else (NO_MODEL, "")
        if code not in self.models and len(self.models) >= _MOST_MODELS:
            code, model_type = OTHER, ""
        return self.models.setdefault(code, ModelNumbers(model_type))
