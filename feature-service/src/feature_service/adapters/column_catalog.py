"""Which table and columns hold which series: field names are free text, so columns are numbered and the names kept.

Each series (a device of a tenant) has a table of its own, in which a range of time lies together, with a column per
field. How tables are made and altered is a store's affair; what they are called, and which field a column holds, is
said here for all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from feature_service.domain.model.series import FieldKind, SeriesKey
from penstock_kit.errors import InvalidArgument


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesTable:
    """A series' table; `kinds` in the order of the columns ``f0``, ``f1`` …"""

    id: int
    kinds: Mapping[str, FieldKind]
    _columns: dict[str, str] = field(default_factory=dict[str, str], init=False, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The name of the table."""
        return f"series_{self.id}"

    def column(self, name: str) -> str:
        """Return the name of the field's column. Raises KeyError."""
        return self.columns[name]

    @property
    def columns(self) -> Mapping[str, str]:
        """The column of each field."""
        if not self._columns:
            # Once: a statement asks for the column of each of thousands of fields.
            self._columns.update({name: f"f{ordinal}" for ordinal, name in enumerate(self.kinds)})
        return self._columns

    def missing(self, key: SeriesKey, kinds: Mapping[str, FieldKind]) -> dict[str, FieldKind]:
        """Return those of `kinds` that have no column yet, in their order.

        Raises InvalidArgument FIELD_TYPE_CONFLICT when a field has a column of the other kind.
        """
        for name, kind in kinds.items():
            known = self.kinds.get(name, kind)
            if known is not kind:
                raise InvalidArgument(
                    f"field {name!r} of device {key.device_code!r} holds {known.value}s, the rows bring {kind.value}s",
                    reason="FIELD_TYPE_CONFLICT",
                    metadata={"field": name},
                )
        return {name: kind for name, kind in kinds.items() if name not in self.kinds}

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
