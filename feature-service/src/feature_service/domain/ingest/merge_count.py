"""How many rows of a body overwrote earlier rows of the same body."""

from itertools import pairwise

import numpy as np

from feature_service.domain.array import TimeArray
from feature_service.domain.telemetry import SeriesKey


class MergeCount:
    """Counts the rows of each series that were given at a time the body had given before.

    Times are kept, eight bytes a row; they are compared only when blocks overlap in time.
    """

    def __init__(self) -> None:
        self._times: dict[SeriesKey, list[TimeArray]] = {}
        self._within = 0

    def add(self, key: SeriesKey, given: int, times: TimeArray) -> None:
        """Take a block of `given` rows, of which those at `times` (ascending, each once) are left."""
        self._within += given - len(times)
        self._times.setdefault(key, []).append(times)

    def total(self) -> int:
        """Return how many rows were merged into others."""
        return self._within + sum(map(_merged_across, self._times.values()))


def _merged_across(blocks: list[TimeArray]) -> int:
    if all(later[0] > earlier[-1] for earlier, later in pairwise(blocks)):
        return 0
    times = np.concatenate(blocks)
    return len(times) - len(np.unique(times))
