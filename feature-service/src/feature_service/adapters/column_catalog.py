"""Which table and columns hold which series: field names are free text, so columns are numbered and the names kept.

Each series (a device of a tenant) has a table of its own, in which a range of time lies together, with a column per
field. How tables are made and altered is a store's affair; what they are called, and which field a column holds, is
said here for all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from feature_service.domain.model.series import FieldKind, SeriesKey
from penstock_kit.errors import InvalidArgument


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesTable:
    """A series' table; `kinds` in the order of the columns ``f0``, ``f1`` …"""

    id: int
    kinds: Mapping[str, FieldKind]

    @property
    def name(self) -> str:
        """The name of the table."""
        return f"series_{self.id}"

    def column(self, field: str) -> str:
        """Return the name of the field's column. Raises KeyError."""
        return self.columns[field]

    @property
    def columns(self) -> Mapping[str, str]:
        """The column of each field."""
        return {field: f"f{ordinal}" for ordinal, field in enumerate(self.kinds)}

    def missing(self, key: SeriesKey, kinds: Mapping[str, FieldKind]) -> dict[str, FieldKind]:
        """Return those of `kinds` that have no column yet, in their order.

        Raises InvalidArgument FIELD_TYPE_CONFLICT when a field has a column of the other kind.
        """
        for field, kind in kinds.items():
            known = self.kinds.get(field, kind)
            if known is not kind:
                raise InvalidArgument(
                    f"field {field!r} of device {key.device_code!r} holds {known.value}s, the rows bring {kind.value}s",
                    reason="FIELD_TYPE_CONFLICT",
                    metadata={"field": field},
                )
        return {field: kind for field, kind in kinds.items() if field not in self.kinds}

    def with_columns(self, kinds: Mapping[str, FieldKind]) -> "SeriesTable":
        """Return the table with a column more for each of `kinds`, after those there are."""
        return SeriesTable(id=self.id, kinds={**self.kinds, **kinds})


class ColumnCatalog:
    """The series of a store, kept in memory; changed only by what write transactions have committed."""

    def __init__(self) -> None:
        self._tables: dict[SeriesKey, SeriesTable] = {}

    def table(self, key: SeriesKey) -> SeriesTable | None:
        """Return the series' table, None when it was never written to."""
        return self._tables.get(key)

    def remember_all(self, tables: Mapping[SeriesKey, SeriesTable]) -> None:
        """Take over what was read of a store, or what a committed transaction made of the series."""
        self._tables.update(tables)

    def forget(self, key: SeriesKey) -> None:
        """Take over that a committed transaction dropped the series."""
        self._tables.pop(key, None)
