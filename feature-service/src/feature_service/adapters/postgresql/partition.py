"""Partitions of the rows by time: a month each around the present, a year each farther away, two for all the rest."""

# ruff: noqa: S608 - only names made in this package are written into statements

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from feature_service.adapters.postgresql.timestamp import timestamp_literal
from feature_service.adapters.postgresql.transaction import in_transaction
from feature_service.domain.model.span import EPOCH, micros_of

if TYPE_CHECKING:
    from feature_service.adapters.postgresql.pool import Connection
    from feature_service.domain.model.array import TimeArray

TABLE: Final = "telemetry_rows"
LOCK: Final = 0x74656C656D  # "telem" in ASCII: the advisory lock of who makes partitions
_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 2099
_MONTHS_BEFORE: Final = 60
_MONTHS_AHEAD: Final = 2
_NAME: Final = re.compile(rf"{TABLE}_(?:(\d{{4}})(?:_(\d{{2}}))?|(before|after))")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Partition:
    """Rows from `start` to `end` (exclusive), in microseconds since the epoch; None leaves a side open."""

    start: int | None
    end: int | None
    name: str

    def holds(self, micros: int) -> bool:
        """Return whether a row of that time is in it."""
        return (self.start is None or micros >= self.start) and (self.end is None or micros < self.end)


def partition_of(name: str) -> Partition | None:
    """Return the partition of that name; None for a table that is named otherwise."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    if found[3] == "before":
        return Partition(start=None, end=_micros(_FIRST_YEAR, 1), name=name)
    if found[3] == "after":
        return Partition(start=_micros(_LAST_YEAR + 1, 1), end=None, name=name)
    year, month = int(found[1]), int(found[2] or 1)
    end = _micros(year, month + 1) if found[2] else _micros(year + 1, 1)
    return Partition(start=_micros(year, month), end=end, name=name)


def new_partition(micros: int, known: Sequence[Partition], now: datetime) -> Partition:
    """Return the partition to make for a row of that time, which none of `known` holds.

    Years of which a month has a partition are kept in months. So there are few, whatever times devices send: a read
    without bounds takes a lock on each.
    """
    moment = EPOCH + timedelta(microseconds=micros)
    year, month = moment.year, moment.month
    if year < _FIRST_YEAR or year > _LAST_YEAR:
        name = f"{TABLE}_{'before' if year < _FIRST_YEAR else 'after'}"
    elif _is_near(moment, now) or any(each.name.startswith(f"{TABLE}_{year:04}_") for each in known):
        name = f"{TABLE}_{year:04}_{month:02}"
    else:
        name = f"{TABLE}_{year:04}"
    made = partition_of(name)
    assert made is not None
    return made


def slices(times: "TimeArray", partitions: Sequence[Partition]) -> "Iterator[tuple[Partition, slice]]":
    """Yield the rows (of ascending times) that each partition holds."""
    micros = times.astype("int64")
    for each in partitions:
        begin = 0 if each.start is None else int(np.searchsorted(micros, each.start))
        end = len(micros) if each.end is None else int(np.searchsorted(micros, each.end))
        if begin < end:
            yield each, slice(begin, end)


def uncovered(times: "TimeArray", partitions: Sequence[Partition]) -> int | None:
    """Return the time of the first row that no partition holds, None when all are held."""
    held = np.zeros(len(times), dtype=np.bool_)
    for _, inside in slices(times, partitions):
        held[inside] = True
    return None if bool(held.all()) else int(times[~held][0].astype("int64"))


async def load_partitions(connection: "Connection") -> list[Partition]:
    """Return the partitions there are."""
    rows = await connection.fetch(
        "SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid "
        f"WHERE i.inhparent = '{TABLE}'::regclass ORDER BY c.relname"
    )
    return [found for row in rows if (found := partition_of(row["relname"])) is not None]


async def make_partition(connection: "Connection", micros: int, now: datetime) -> list[Partition]:
    """Make the partition for a row of that time unless it is there; return all there are.

    Whoever else makes one waits; readers and writers do not: attaching takes no lock that they mind.
    """
    async with in_transaction(connection):
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        known = await load_partitions(connection)
        if any(each.holds(micros) for each in known):
            return known
        made = new_partition(micros, known, now)
        start = "MINVALUE" if made.start is None else timestamp_literal(made.start)
        end = "MAXVALUE" if made.end is None else timestamp_literal(made.end)
        await connection.execute(f"CREATE TABLE {made.name} (LIKE {TABLE} INCLUDING ALL)")
        await connection.execute(
            f"ALTER TABLE {TABLE} ATTACH PARTITION {made.name} FOR VALUES FROM ({start}) TO ({end})"
        )
        return sorted([*known, made], key=lambda each: each.name)


def _is_near(moment: datetime, now: datetime) -> bool:
    months = 12 * (moment.year - now.year) + moment.month - now.month
    return -_MONTHS_BEFORE <= months <= _MONTHS_AHEAD


def _micros(year: int, month: int) -> int:
    years, months = divmod(month - 1, 12)
    return micros_of(datetime(year + years, months + 1, 1, tzinfo=UTC))
