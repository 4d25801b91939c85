"""Tables that others write: their time, device and field columns as series that can be read and never written."""

# ruff: noqa: S608 - the names of the mapping are quoted, values are parameters

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from feature_service.adapters.postgresql.statement import Relation
from feature_service.adapters.postgresql.timestamp import timestamp_literal
from feature_service.domain.ingest.existing_devices import ExistingDevice
from feature_service.domain.model.series import FieldKind, SeriesKey
from feature_service.domain.model.span import END_MICROS, FIRST_MICROS, micros_of
from penstock_kit.errors import FailedPrecondition

if TYPE_CHECKING:
    from feature_service.adapters.postgresql.pool import Connection

MAX_DEVICES: Final = 10_000
_COLUMNS: Final = """
SELECT a.attname AS name, t.typcategory::text AS category, format_type(a.atttypid, NULL) AS type
FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
"""
_TIMES: Final = ("timestamp with time zone", "timestamp without time zone")
# PostgreSQL's categories of types.
_NUMBERS: Final = ("N", "B")
_TEXTS: Final = ("S", "E")
_GREATEST: Final = "'1.7976931348623157e308'::float8"
_PARAMETER: Final = re.compile(r"\$\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingTable:
    """How a table is read: the columns of time and device, and the column of each field.

    `table` may name its schema (``plant.readings``). Its devices belong to `tenant_id` and are of `model_code`.
    """

    tenant_id: str
    table: str
    time: str
    device: str
    fields: Mapping[str, str]
    model_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A table whose columns were looked at, with the expressions that read it."""

    mapping: ExistingTable
    name: str
    time: str
    ranged: str
    device: str
    columns: Mapping[str, str]
    kinds: Mapping[str, FieldKind]
    tests: Sequence[str] = field(default_factory=tuple[str, ...])

    def relation(self, device_code: str) -> Relation:
        """Return where the rows of the device lie."""
        return Relation(
            table=self.name,
            time=self.time,
            ranged=self.ranged,
            key=self.device,
            keys=(device_code,),
            columns=self.columns,
            kinds=self.kinds,
            device_code=device_code,
            tests=tuple(self.tests),
        )


class ExistingTables:
    """Finds the series of tables that others write. Their columns are looked at once."""

    def __init__(self, tables: Sequence[ExistingTable]) -> None:
        self._tables = tables
        self._opened: dict[str, _Opened] = {}

    def __bool__(self) -> bool:
        return bool(self._tables)

    async def relations(self, connection: "Connection", keys: Sequence[SeriesKey]) -> dict[SeriesKey, Relation]:
        """Return where the rows lie of those of the series that a table has; of several tables the first."""
        found: dict[SeriesKey, Relation] = {}
        for mapping in self._tables:
            codes = [key.device_code for key in keys if key.tenant_id == mapping.tenant_id and key not in found]
            if not codes:
                continue
            opened = await self._open(connection, mapping)
            rows = await connection.fetch(
                f"SELECT code FROM unnest($1::text[]) AS w (code) WHERE EXISTS "
                f"(SELECT FROM {opened.name} WHERE {opened.device} = code)",
                codes,
            )
            for row in rows:
                key = SeriesKey(tenant_id=mapping.tenant_id, device_code=row["code"])
                found[key] = opened.relation(row["code"])
        return found

    async def devices(self, connection: "Connection") -> list[ExistingDevice]:
        """Return the devices of every table, with the times of their first and last row."""
        found: list[ExistingDevice] = []
        for mapping in self._tables:
            opened = await self._open(connection, mapping)
            rows = await connection.fetch(
                f"SELECT {opened.device} AS code, min({opened.time}) AS first, max({opened.time}) AS last "
                f"FROM {opened.name} WHERE {' AND '.join(opened.tests)} AND {opened.device} IS NOT NULL "
                f"GROUP BY 1 ORDER BY 1 LIMIT {MAX_DEVICES}"
            )
            found += [_device(opened, row) for row in rows]
        return found

    async def _open(self, connection: "Connection", mapping: ExistingTable) -> _Opened:
        opened = self._opened.get(mapping.table)
        if opened is None:
            columns = {row["name"]: row for row in await connection.fetch(_COLUMNS, _quoted_table(mapping.table))}
            opened = self._opened[mapping.table] = _open(mapping, columns)
        return opened


def _open(mapping: ExistingTable, columns: Mapping[str, Any]) -> _Opened:
    if not columns:
        raise _invalid(mapping, "there is no such table, or the user may not see it")
    wanted = {"time": mapping.time, "device": mapping.device, **mapping.fields}
    missing = [f"{column!r} ({use})" for use, column in wanted.items() if column not in columns]
    if missing:
        raise _invalid(mapping, f"it has no column {', '.join(missing)}; it has {', '.join(map(repr, columns))}")
    if columns[mapping.time]["type"] not in _TIMES:
        raise _invalid(mapping, f"the time column {mapping.time!r} is {columns[mapping.time]['type']}, no timestamp")
    kinds = {name: _kind(mapping, columns[column]) for name, column in mapping.fields.items()}
    time, device = _quoted(mapping.time), _quoted(mapping.device)
    return _Opened(
        mapping=mapping,
        name=_quoted_table(mapping.table),
        # Times without a zone are UTC, as the connection's zone is: compared as they are, an index is used.
        time=f"({time}::timestamptz)",
        ranged=time,
        device=device if columns[mapping.device]["category"] == "S" else f"({device}::text)",
        columns={
            name: _expression(_quoted(column), kinds[name], is_truth=columns[column]["category"] == "B")
            for name, column in mapping.fields.items()
        },
        kinds=kinds,
        # Neither missing nor infinite, nor before there was a calendar.
        tests=(
            f"{time} >= {timestamp_literal(FIRST_MICROS)}",
            f"{time} <= {timestamp_literal(END_MICROS - 1)}",
        ),
    )


def _kind(mapping: ExistingTable, column: Any) -> FieldKind:
    if column["category"] in _NUMBERS:
        return FieldKind.NUMBER
    if column["category"] in _TEXTS or column["type"] == "uuid":
        return FieldKind.TEXT
    raise _invalid(mapping, f"the column {column['name']!r} is {column['type']}, neither number nor text")


def _expression(column: str, kind: FieldKind, *, is_truth: bool) -> str:
    """The column as a finite number, or as a text in the order of its bytes."""
    if kind is FieldKind.TEXT:
        return f'({column}::text COLLATE "C")'
    column = f"{column}::int::float8" if is_truth else f"{column}::float8"
    return f"(CASE WHEN {column} BETWEEN -{_GREATEST} AND {_GREATEST} THEN {column} END)"


def _device(opened: _Opened, row: Any) -> ExistingDevice:
    return ExistingDevice(
        key=SeriesKey(tenant_id=opened.mapping.tenant_id, device_code=row["code"]),
        model_code=opened.mapping.model_code,
        kinds=opened.kinds,
        first=micros_of(row["first"]),
        last=micros_of(row["last"]),
    )


def _quoted_table(name: str) -> str:
    return ".".join(map(_quoted, name.split(".")))


def _quoted(name: str) -> str:
    """The name as an SQL identifier, whatever is in it."""
    if not name or "\x00" in name or _PARAMETER.search(name):
        raise FailedPrecondition(
            f"{name!r} can't be the name of a table or column to read: it is empty, or has a NUL or a $ before a digit",
            reason="TELEMETRY_TABLE_INVALID",
        )
    return '"' + name.replace('"', '""') + '"'


def _invalid(mapping: ExistingTable, why: str) -> FailedPrecondition:
    return FailedPrecondition(f"the table {mapping.table!r} can't be read: {why}", reason="TELEMETRY_TABLE_INVALID")
