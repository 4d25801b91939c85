"""From when to when, and how many, the rows of ranges are: asked before rows are read, and again by what reads them."""

from collections.abc import Awaitable, Callable
from typing import Final

from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import Extent, Span

_MOST_RANGES: Final = 256


class RangeExtents:
    """The last ranges that were counted, each good until its series is written to.

    `version` is a number that is another one after each change of a series. The range that was used longest ago goes
    where there are more than `most_ranges`.
    """

    def __init__(self, version: Callable[[SeriesKey], int], most_ranges: int = _MOST_RANGES) -> None:
        self._version = version
        self._most_ranges = most_ranges
        self._known: dict[tuple[SeriesKey, Span], tuple[int, Extent | None]] = {}

    async def get_or_count(
        self, key: SeriesKey, span: Span, count: Callable[[], Awaitable[Extent | None]]
    ) -> Extent | None:
        """Return the extent of the range, None without a row: the known one, or what `count` returns."""
        # From before the rows are counted: what is written meanwhile ends this extent, too.
        version, name = self._version(key), (key, span)
        of, extent = self._known.pop(name, (None, None))
        if of != version:
            extent = await count()
        self._known[name] = (version, extent)
        while len(self._known) > self._most_ranges:
            del self._known[next(iter(self._known))]
        return extent
