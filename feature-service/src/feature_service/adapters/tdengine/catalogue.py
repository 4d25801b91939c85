"""Which series there are, which fields their tables have, and how both come to be.

What a table has is asked for with each question: other services change it too. What a name stands for never changes,
and is remembered.
"""

# ruff: noqa: S608 - only names made in this package are written into statements, and texts as literals

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from feature_service.adapters.tdengine import name
from feature_service.adapters.tdengine.client import TDengineClient
from feature_service.adapters.tdengine.failure import NO_TABLE, TDengineError, too_wide
from feature_service.adapters.tdengine.literal import text_literal
from feature_service.domain.model.series import FieldKind, SeriesKey
from penstock_kit.errors import InvalidArgument, PenstockError

_AT_ONCE: Final = 500
_MOST_NAME: Final = 1_000
_MOST_COLUMNS: Final = 4_096
_ROW_BYTES: Final = 65_000
"""What the columns of a table may need together: TDengine's limit is 64 KB from 3.0.5 on."""
_FIRST_WIDTH: Final = 32
_CHARACTER: Final = 4
_OWN_COLUMNS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A series' table: the kinds of its fields in the order of its columns, and how many characters texts may have."""

    table: str
    kinds: Mapping[str, FieldKind] = field(default_factory=dict[str, FieldKind])
    widths: Mapping[str, int] = field(default_factory=dict[str, int])
    exists: bool = True

    @property
    def row_bytes(self) -> int:
        """What a row needs at most, by TDengine's count."""
        numbers = len(self.kinds) - len(self.widths)
        return 9 + 8 * numbers + sum(_CHARACTER * width + 2 for width in self.widths.values())


class SeriesCatalogue:
    """The series in the database called `database` that `client` asks."""

    def __init__(self, client: TDengineClient, database: str) -> None:
        self._client = client
        self._database = database
        self._fields: dict[str, str] = {}
        """The field of each column whose name is known."""

    async def prepare(self) -> None:
        """Make the tables that say what names stand for."""
        made = f"({name.TIME} TIMESTAMP, {name.PRESENT} BOOL)"
        await self._client.ask(
            f"CREATE STABLE IF NOT EXISTS {name.FIELDS} {made} TAGS (code VARCHAR(64), label NCHAR({_MOST_NAME}))"
        )
        await self._client.ask(
            f"CREATE STABLE IF NOT EXISTS {name.SERIES} {made} "
            f"TAGS (code VARCHAR(64), tenant NCHAR({_MOST_NAME}), device NCHAR({_MOST_NAME}))"
        )

    async def find(self, key: SeriesKey) -> Series | None:
        """Return the series, None when it was never written to."""
        table = name.table_of(key)
        try:
            described = (await self._client.ask(f"DESCRIBE {table}")).rows
        except TDengineError as failure:
            if failure.code not in NO_TABLE:
                raise
            return None
        columns = {str(row[0]): row for row in described if row[0] not in {name.TIME, name.PRESENT}}
        fields = await self._names(list(columns))
        kinds = {fields[column]: _kind(row) for column, row in columns.items() if column in fields}
        widths = {
            fields[column]: int(row[2])
            for column, row in columns.items()
            if column in fields and _kind(row) is FieldKind.TEXT
        }
        return Series(table=table, kinds=kinds, widths=widths)

    async def keys(self) -> list[SeriesKey]:
        """Return the key of every series that has a table."""
        tables: list[str] = []
        while part := await self._tables_after(tables[-1] if tables else ""):
            tables += part
        found: list[SeriesKey] = []
        for start in range(0, len(tables), _AT_ONCE):
            listed = ", ".join(text_literal(each) for each in tables[start : start + _AT_ONCE])
            rows = (
                await self._client.ask(f"SELECT TAGS tenant, device FROM {name.SERIES} WHERE code IN ({listed})")
            ).rows
            found += [SeriesKey(tenant_id=tenant, device_code=device) for tenant, device in rows]
        return sorted(found)

    async def extend(self, key: SeriesKey, wanted: Mapping[str, FieldKind], widths: Mapping[str, int]) -> Series:
        """Return the series with columns for the fields `wanted`, wide enough for texts of so many characters.

        Raises InvalidArgument FIELD_TYPE_CONFLICT for a field of the other kind, Unprocessable FIELDS_LIMIT_EXCEEDED
        for more than a table holds: then nothing was changed.
        """
        known = await self.find(key) or Series(table=name.table_of(key), exists=False)
        grown = _grown(known, key, wanted, widths)
        if grown == known:
            return known
        await self._name(key, [each for each in grown.kinds if each not in known.kinds])
        if not known.exists:
            await self._create(grown)
        # Another service may have made the table, or a column of it, in the meantime.
        found = await self.find(key) or known
        _grown(found, key, wanted, widths)
        for each, kind in grown.kinds.items():
            if each not in found.kinds:
                await self._add(key, found.table, each, kind, grown.widths.get(each, 0))
            elif found.widths.get(each, 0) < grown.widths.get(each, 0):
                column = name.column_of(each)
                await self._client.ask(f"ALTER TABLE {found.table} MODIFY COLUMN {column} NCHAR({grown.widths[each]})")
        return await self.find(key) or grown

    async def drop(self, key: SeriesKey) -> None:
        """Delete the series' table; what its name stands for is kept, as it will stand for the same again."""
        await self._client.ask(f"DROP TABLE IF EXISTS {name.table_of(key)}")

    async def _create(self, series: Series) -> None:
        columns = "".join(
            f", {name.column_of(each)} {_type(kind, series.widths.get(each, 0))}" for each, kind in series.kinds.items()
        )
        await self._client.ask(
            f"CREATE TABLE IF NOT EXISTS {series.table} ({name.TIME} TIMESTAMP, {name.PRESENT} BOOL{columns})"
        )

    async def _add(self, key: SeriesKey, table: str, each: str, kind: FieldKind, width: int) -> None:
        try:
            await self._client.ask(f"ALTER TABLE {table} ADD COLUMN {name.column_of(each)} {_type(kind, width)}")
        except PenstockError:
            found = await self.find(key)
            if found is None or found.kinds.get(each) is not kind:
                raise

    async def _name(self, key: SeriesKey, fields: Sequence[str]) -> None:
        """Write down what the names of the series' table and of the columns stand for, before there are any."""
        for each in (key.tenant_id, key.device_code, *fields):
            if len(each) > _MOST_NAME:
                raise InvalidArgument(
                    f"a name of {len(each)} characters is too long for TDengine, which keeps {_MOST_NAME}",
                    reason="VALUE_INVALID",
                )
        table = name.table_of(key)
        tags = ", ".join(text_literal(each) for each in (table, key.tenant_id, key.device_code))
        await self._client.ask(f"CREATE TABLE IF NOT EXISTS n{table} USING {name.SERIES} TAGS ({tags})")
        columns = {name.column_of(each): each for each in fields}
        known = await self._names(list(columns))
        for column, each in columns.items():
            if column not in known:
                tags = f"{text_literal(column)}, {text_literal(each)}"
                await self._client.ask(f"CREATE TABLE IF NOT EXISTS n{column} USING {name.FIELDS} TAGS ({tags})")

    async def _names(self, columns: Sequence[str]) -> Mapping[str, str]:
        unknown = [each for each in columns if each not in self._fields]
        for start in range(0, len(unknown), _AT_ONCE):
            listed = ", ".join(text_literal(each) for each in unknown[start : start + _AT_ONCE])
            rows = (await self._client.ask(f"SELECT TAGS code, label FROM {name.FIELDS} WHERE code IN ({listed})")).rows
            self._fields.update({str(code): str(label) for code, label in rows})
        return {each: self._fields[each] for each in columns if each in self._fields}

    async def _tables_after(self, last: str) -> list[str]:
        rows = (
            await self._client.ask(
                f"SELECT table_name FROM information_schema.ins_tables WHERE db_name = {text_literal(self._database)} "
                f"AND table_name > {text_literal(last or 's_')} AND table_name < 's_~' "
                f"ORDER BY table_name LIMIT {_AT_ONCE}"
            )
        ).rows
        return [str(table) for (table,) in rows]


def _grown(known: Series, key: SeriesKey, wanted: Mapping[str, FieldKind], widths: Mapping[str, int]) -> Series:
    """Return the series with what is wanted, or raise that it can't be."""
    for each, kind in wanted.items():
        if known.kinds.get(each, kind) is not kind:
            raise InvalidArgument(
                f"field {each!r} of device {key.device_code!r} holds {known.kinds[each].value}s, "
                f"the rows bring {kind.value}s",
                reason="FIELD_TYPE_CONFLICT",
                metadata={"field": each},
            )
    kinds = {**known.kinds, **wanted}
    wider = {
        each: _width(widths.get(each, 0), known.widths.get(each, 0))
        for each, kind in kinds.items()
        if kind is FieldKind.TEXT
    }
    grown = Series(table=known.table, kinds=kinds, widths=wider, exists=known.exists)
    subject = f"device {key.device_code!r} with {len(kinds)} fields"
    if len(kinds) + _OWN_COLUMNS > _MOST_COLUMNS:
        raise too_wide(subject, f"it has {_MOST_COLUMNS - _OWN_COLUMNS} columns")
    if grown.row_bytes > _ROW_BYTES:
        raise too_wide(subject, f"its rows have {_ROW_BYTES} bytes, 8 for a number and 4 for each character of texts")
    return grown


def _width(needed: int, known: int) -> int:
    """Return how many characters a text column gets: what it has, or twice as much as often as needed."""
    width = max(known, _FIRST_WIDTH)
    while width < needed:
        width *= 2
    return width


def _type(kind: FieldKind, width: int) -> str:
    return "DOUBLE" if kind is FieldKind.NUMBER else f"NCHAR({width})"


def _kind(described: Sequence[Any]) -> FieldKind:
    return FieldKind.TEXT if str(described[1]).upper() == "NCHAR" else FieldKind.NUMBER
