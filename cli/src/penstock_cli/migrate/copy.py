"""The copy: table after table in the order of their keys, a batch a transaction, so that it goes on where it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import Table

from penstock_cli.failure import CommandFailed
from penstock_cli.migrate.store import FINISHED, Progress, RecordStore, batches
from penstock_cli.migrate.value import key_positions

_BATCH_ROWS: Final = 1000


class Reporter(Protocol):
    """Is told of each step that is done, once it is durable."""

    def step(self, what: str, rows: int = 0, of: int = 0) -> None:
        """Tell that `rows` of `of` are there, or that something else is done."""
        ...


async def copy_records(
    source: RecordStore,
    target: RecordStore,
    tables: Sequence[Table],
    reporter: Reporter,
    *,
    batch_rows: int = _BATCH_ROWS,
) -> bool:
    """Bring all rows of `tables`, parents first, from `source` into `target`; return False when that was done before.

    It goes on where an earlier move ended. Raises CommandFailed when the target holds rows that no move wrote.
    """
    begun = await target.progress()
    if begun is None:
        await _require_empty(target, tables)
        await target.begin()
        reporter.step("begun")
    progress = begun or {}
    if FINISHED in progress:
        return False
    for table in tables:
        done = progress.get(table.name, Progress())
        if not done.finished:
            await _copy_table(_Copying(source=source, target=target, reporter=reporter), table, done, batch_rows)
    for table in tables:
        last = await source.sequence(table)
        if last is not None:
            await target.set_sequence(table, last)
            reporter.step(f"ids of {table.name} go on after {last}")
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copying:
    """From where to where, and who is told."""

    source: RecordStore
    target: RecordStore
    reporter: Reporter


async def _copy_table(copying: _Copying, table: Table, done: Progress, batch_rows: int) -> None:
    source, target, reporter = copying.source, copying.target, copying.reporter
    total, rows = await source.count(table), done.rows
    positions = key_positions(table)
    async for batch in batches(source.rows(table, done.last_key), batch_rows):
        rows += len(batch)
        last_key = tuple(batch[-1][place] for place in positions)
        await target.write(table, batch, Progress(rows=rows, last_key=last_key))
        reporter.step(table.name, rows, total)
    await target.note(table.name, Progress(rows=rows, finished=True))
    reporter.step(table.name, rows, total)


async def _require_empty(target: RecordStore, tables: Sequence[Table]) -> None:
    for table in tables:
        count = await target.count(table)
        if count:
            message = f"{target.title} has {count} rows in {table.name} that no move wrote"
            raise CommandFailed(f"{message}; name an empty database, or drop the schema of that service")
