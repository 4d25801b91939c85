"""Statements over the rows of series: values travel as parameters, names are our own or quoted."""

# ruff: noqa: S608 - names are our own or quoted, values are parameters

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from feature_service.adapters.column_catalog import SeriesTable
from feature_service.adapters.postgresql.series import positions
from feature_service.adapters.postgresql.timestamp import within
from feature_service.domain.model.series import FieldKind
from feature_service.domain.model.span import Span
from feature_service.domain.telemetry.query import Condition, Operator

NAN: Final = "'NaN'::float8"
_TYPES: Final = {FieldKind.NUMBER: "float8", FieldKind.TEXT: "text"}


@dataclass(slots=True)
class Values:
    """The values of a statement's parameters, in order."""

    listed: list[object] = field(default_factory=list[object])

    def bind(self, value: object) -> str:
        """Take a value and return the parameter it is given by, with its type."""
        self.listed.append(value)
        return f"${len(self.listed)}::{'text' if isinstance(value, str) else 'float8'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """Where rows of series lie: a table, the expressions of their time and fields, and which series is whose.

    `keys` are the values of the expression `key` that the rows have: the series' ids, or a device's name in a table
    that others write. `places` are those of the numbers in an array `numbers`, where there is one. `ranged` is the time
    as ranges are compared with it, when that is another expression, and `tests` hold for all rows that count.
    """

    table: str
    time: str
    key: str
    keys: tuple[int | str, ...]
    columns: Mapping[str, str]
    kinds: Mapping[str, FieldKind]
    device_code: str = ""
    places: Mapping[str, int] | None = None
    ranged: str = ""
    tests: tuple[str, ...] = ()

    def selected(self, name: str, kind: FieldKind) -> str:
        """Return the field as an expression of that kind; NULL where these rows have none."""
        own = self.kinds.get(name)
        if own is None or (kind is FieldKind.NUMBER and own is FieldKind.TEXT):
            return f"NULL::{_TYPES[kind]}"
        return self.columns[name] if own is kind else f"({self.columns[name]})::text"

    def fetched(self, name: str) -> str:
        """Return the field as it is fetched: a missing number as NaN, so that all rows have one width."""
        column = self.columns[name]
        return f"coalesce({column}, {NAN})" if self.kinds[name] is FieldKind.NUMBER else column

    def where(self, span: Span, conditions: Sequence[Condition], values: Values) -> str:
        """Return the test for rows of the series in the range that fit every condition."""
        inside = within(self.ranged or self.time, span)
        tests = [self._own(values), *self.tests, *inside, fits(self, conditions, values)]
        return " AND ".join(test for test in tests if test != "true")

    def _own(self, values: Values) -> str:
        given = [str(key) if isinstance(key, int) else values.bind(key) for key in self.keys]
        return f"{self.key} = {given[0]}" if len(given) == 1 else f"{self.key} IN ({', '.join(given)})"


def relation_of(device_code: str, table: SeriesTable) -> Relation:
    """Return where the rows of a series of our own lie."""
    places = positions(table)
    columns = {
        name: f"numbers[{places[name] + 1}]" if kind is FieldKind.NUMBER else f'(texts[{places[name] + 1}] COLLATE "C")'
        for name, kind in table.kinds.items()
    }
    return Relation(
        table="telemetry_rows",
        time="ts",
        key="series_id",
        keys=(table.id,),
        columns=columns,
        kinds=table.kinds,
        device_code=device_code,
        places=places,
    )


def together(relations: Sequence[Relation], fields: Sequence[str]) -> list[Relation]:
    """Return the relations with those joined that have `fields` at the same places: one scan instead of many."""
    joined: dict[object, Relation] = {}
    for each in relations:
        place = (each.table, each.time, each.key, tuple(each.columns.get(name, "") for name in fields))
        place = (place, tuple(each.kinds.get(name) for name in fields))
        known = joined.get(place)
        joined[place] = each if known is None else replace(known, keys=(*known.keys, *each.keys))
    return list(joined.values())


def names_of(fields: Sequence[str], conditions: Sequence[Condition]) -> list[str]:
    """Return every field that a question speaks of."""
    tested = [each.field for condition in conditions for each in condition.alternatives]
    return list(dict.fromkeys((*fields, *tested)))


def union(
    relations: Sequence[Relation],
    kinds: Mapping[str, FieldKind],
    span: Span,
    conditions: Sequence[Condition],
    values: Values,
) -> str:
    """Select ts and the fields as c0, c1 … of all rows that fit, each field computed once."""
    parts: list[str] = []
    for each in together(relations, names_of(list(kinds), conditions)):
        selected = [each.selected(name, kind) for name, kind in kinds.items()]
        columns = "".join(f", {column} AS c{place}" for place, column in enumerate(selected))
        where = each.where(span, conditions, values)
        parts.append(f"SELECT {each.time} AS ts{columns} FROM {each.table} WHERE {where}")
    return f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS u OFFSET 0"


def fits(relation: Relation, conditions: Sequence[Condition], values: Values) -> str:
    """Return the test that holds for rows that fit every condition."""
    return " AND ".join(_test(relation, condition, values) for condition in conditions) or "true"


def _test(relation: Relation, condition: Condition, values: Values) -> str:
    if condition.any_of:
        return f"({' OR '.join(_test(relation, each, values) for each in condition.any_of)})"
    kind = relation.kinds.get(condition.field)
    # A device that has no such field, or one of the other kind, has no row that fits.
    if kind is None or any(isinstance(operand, str) != (kind is FieldKind.TEXT) for operand in condition.operands):
        return "false"
    column = relation.columns[condition.field]
    given = [values.bind(operand if isinstance(operand, str) else float(operand)) for operand in condition.operands]
    if condition.operator is Operator.IN:
        return f"{column} IN ({', '.join(given)})"
    operator = "<>" if condition.operator is Operator.NE else condition.operator.value
    return f"{column} {operator} {given[0]}"
