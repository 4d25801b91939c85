"""A page of the newest rows of many devices or fields, by statements that are bounded each.

One statement over every field of every device would need gigabytes to be planned alone: what it has of columns is
devices times fields. So first the page's rows are found, by time and device without their fields, and then the fields
of those rows are read, of a few devices at a time, and only those that a device has.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from feature_service.adapters.duckdb import telemetry_sql as sql
from feature_service.domain.model.series import FieldKind
from feature_service.domain.query.answer_limit import require_sendable
from feature_service.domain.telemetry.query import NewestQuery
from penstock_kit.errors import Unprocessable

if TYPE_CHECKING:
    from feature_service.domain.model.frame import Frame

MOST_SERIES: Final = 300
"""Series that one statement looks through."""
MOST_COLUMNS: Final = 5_000
"""Columns that one statement has over all its series."""
MOST_SORTED: Final = 100
"""Fields that one statement sorts along with the times: sorting a text takes 200 KB, whatever the number of rows."""
MOST_FIELDS: Final = 500
"""Fields that one statement reads."""
_DEEPEST: Final = 1_000_000
"""Rows that are looked through for a page of more than MOST_SERIES series."""
_CELL_BYTES: Final = 8

Fetch = Callable[[sql.Statement], Awaitable[dict[str, Any]]]
"""Runs a statement and returns its columns as arrays."""


def is_wide(sources: Sequence[sql.Source], fields: Sequence[str]) -> bool:
    """Return whether one statement over all series and fields would be too large."""
    return len(sources) > MOST_SERIES or len(fields) > MOST_SORTED or len(sources) * len(fields) > MOST_COLUMNS


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PageRows:
    """The rows of a page in its order: times in microseconds, places of their series; and how many rows fit in all."""

    times: Any
    places: Any
    total: int


class NewestPage:
    """Reads one page of `sources` (sorted by their codes) by statements that `fetch` runs."""

    def __init__(
        self,
        sources: Sequence[sql.Source],
        query: NewestQuery,
        fetch: Fetch,
        series_at_once: int = MOST_SERIES,
        columns_at_once: int = MOST_COLUMNS,
    ) -> None:
        self._series_at_once = series_at_once
        self._columns_at_once = columns_at_once
        self._sources = sources
        self._query = query
        self._fetch = fetch

    async def rows(self) -> PageRows:
        """Return which rows are on the page.

        Raises Unprocessable PAGE_INVALID for a page far behind of more series than a statement looks through.
        """
        import numpy as np

        end = self._query.offset + self._query.limit
        if len(self._sources) > self._series_at_once and end > _DEEPEST:
            raise Unprocessable(
                f"the page ends at row {end} of {len(self._sources)} devices; it may end at row {_DEEPEST}: "
                "ask for a shorter range, or name fewer devices",
                reason="PAGE_INVALID",
            )
        times, places, total = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), 0
        for start in range(0, len(self._sources), self._series_at_once):
            found, counted = await self._rows_of(start)
            total += counted
            times = np.concatenate([times, found["t"]])
            places = np.concatenate([places, found["place"].astype(np.int64)])
            order = np.lexsort((places, -times))[:end]
            times, places = times[order], places[order]
        return PageRows(times=times[self._offset :], places=places[self._offset :], total=total)

    @property
    def _offset(self) -> int:
        return 0 if len(self._sources) <= self._series_at_once else self._query.offset

    async def _rows_of(self, start: int) -> tuple[dict[str, Any], int]:
        part, query = self._sources[start : start + self._series_at_once], self._query
        union = sql.placed(part, query.span, query.conditions, start)
        # Of several parts each gives all that may be before the end of the page; one alone skips what is before it.
        limits = [self._offset + query.limit, query.offset - self._offset]
        text = f"SELECT epoch_us(ts) AS t, place FROM ({union.text}) ORDER BY ts DESC, place LIMIT ? OFFSET ?"  # noqa: S608 - our own text
        found = await self._fetch(sql.Statement(text, [*union.values, *limits]))
        counted = await self._fetch(sql.count(part, query.span, query.conditions))
        return found, int(next(iter(counted.values()))[0])

    async def frame(self, page: PageRows, kinds: Mapping[str, FieldKind]) -> "Frame":
        """Return the fields of the page's rows. Raises Unprocessable ANSWER_LIMIT_EXCEEDED."""
        import numpy as np

        from feature_service.domain.model.frame import Frame

        require_sendable(len(page.times) * len(kinds) * _CELL_BYTES, "ask for fewer fields or a smaller page")
        numbers = {name: np.full(len(page.times), np.nan) for name, kind in kinds.items() if kind is FieldKind.NUMBER}
        texts = {name: np.full(len(page.times), None, object) for name, kind in kinds.items() if kind is FieldKind.TEXT}
        wanted: list[int] = np.unique(page.places).tolist()
        known = {place: [name for name in kinds if name in self._sources[place].table.kinds] for place in wanted}
        rows = {pair: row for row, pair in enumerate(zip(page.places.tolist(), page.times.tolist(), strict=True))}
        for places, names in _pieces(known, self._columns_at_once):
            chosen = {name: kinds[name] for name in names}
            at = {place: page.times[page.places == place].tolist() for place in places}
            found = await self._fetch(sql.rows_at({place: self._sources[place] for place in places}, at, chosen))
            pairs = zip(found["place"].tolist(), found["t"].tolist(), strict=True)
            where = np.array([rows[pair] for pair in pairs], dtype=np.int64)
            for index, name in enumerate(names):
                column = found[f"c{index}"]
                if name in numbers:
                    numbers[name][where] = np.ma.filled(column, np.nan)
                else:
                    texts[name][where] = _texts(column)
        return Frame(timestamps=page.times.view("datetime64[us]"), numbers=numbers, texts=texts)


def _pieces(known: Mapping[int, Sequence[str]], most: int) -> Iterator[tuple[list[int], list[str]]]:
    """Yield series and fields to be read by one statement, of at most `most` columns over all its series."""
    places: list[int] = []
    names: dict[str, None] = {}
    for place, own in known.items():
        both = names | dict.fromkeys(own)
        if places and (len(places) + 1) * len(both) > most:
            yield from _of_few_fields(places, list(names), most)
            places, both = [], dict.fromkeys(own)
        places.append(place)
        names = both
    if places:
        yield from _of_few_fields(places, list(names), most)


def _of_few_fields(places: list[int], names: list[str], most: int) -> Iterator[tuple[list[int], list[str]]]:
    at_once = min(most, MOST_FIELDS)
    for start in range(0, len(names), at_once):
        yield places, names[start : start + at_once]


def _texts(column: Any) -> Any:
    """Return texts, None where there is none."""
    import numpy as np

    texts = np.array(np.ma.getdata(column), dtype=np.object_)
    texts[np.ma.getmaskarray(column)] = None
    return texts
