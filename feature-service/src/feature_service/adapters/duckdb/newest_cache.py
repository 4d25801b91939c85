"""Pages of newest rows that are asked for again before anything was written to their series."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from feature_service.domain.model.series import SeriesKey
from feature_service.domain.telemetry.query import NewestQuery, NewestRows

if TYPE_CHECKING:
    from feature_service.domain.model.frame import Frame

_MOST_PAGES: Final = 64
_MOST_CELLS: Final = 20_000
_MOST_CHARACTERS: Final = 200_000


class NewestCache:
    """The last pages that were read, each good until one of its series is written to.

    One process writes the file, so nothing changes that is not told here. The page that was used longest ago goes where
    there are too many; large ones are not kept.
    """

    def __init__(self, most_pages: int = _MOST_PAGES) -> None:
        self._most_pages = most_pages
        self._written: dict[SeriesKey, int] = {}
        self._pages: dict[tuple[object, ...], tuple[tuple[int, ...], NewestRows]] = {}

    def note_written(self, keys: Iterable[SeriesKey]) -> None:
        """Let no page of these series count any more."""
        for key in keys:
            self._written[key] = self._written.get(key, 0) + 1

    def version(self, key: SeriesKey) -> int:
        """Return how often the series was written to."""
        return self._written.get(key, 0)

    async def get_or_read(
        self, keys: Sequence[SeriesKey], query: NewestQuery, read: Callable[[], Awaitable[NewestRows]]
    ) -> NewestRows:
        """Return the page if nothing was written since it was read, else what `read` returns, and keep that."""
        name, versions = _name(keys, query), tuple(map(self.version, keys))
        of, rows = self._pages.pop(name, ((), None))
        if rows is None or of != versions:
            # The versions are those from before the reading: what is written meanwhile ends this page, too.
            of, rows = versions, await read()
        if _is_small(rows.frame):
            self._pages[name] = (of, rows)
        while len(self._pages) > self._most_pages:
            del self._pages[next(iter(self._pages))]
        return rows


def _name(keys: Sequence[SeriesKey], query: NewestQuery) -> tuple[object, ...]:
    wanted = (tuple(query.fields), query.span, tuple(query.conditions), query.offset, query.limit)
    return (tuple(keys), *wanted)


def _is_small(frame: "Frame") -> bool:
    cells = len(frame) * (len(frame.numbers) + len(frame.texts))
    if cells > _MOST_CELLS:
        return False
    return sum(len(text) for column in frame.texts.values() for text in column if text is not None) <= _MOST_CHARACTERS
