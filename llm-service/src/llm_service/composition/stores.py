"""The stores of llm-service: ledger, budgets, policies, prices and replayed answers in SQL, the journal in files."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from llm_service.adapters.file_journal import FileJournal, WrittenMark
from llm_service.adapters.ledger_spool import LedgerSpool
from llm_service.adapters.sql_budget import SqlBudgets
from llm_service.adapters.sql_idempotency import SqlIdempotencyStore
from llm_service.adapters.sql_key_policy import SqlKeyPolicies
from llm_service.adapters.sql_ledger import SqlLedger
from llm_service.adapters.sql_price import SqlPrices
from llm_service.adapters.sql_recovery import SqlRecovery
from llm_service.adapters.sql_retention import delete_old_rows
from llm_service.settings import SCHEMA, LlmSettings
from penstock_kit.clock import Clock
from penstock_kit.database import Database, open_database
from penstock_kit.database.retention import Retention, Rule, days_before
from penstock_kit.ids import new_id
from penstock_kit.supervision import supervise

# What the last rows may take at the end; what is left then is settled from the journal at the next start.
_CLOSE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Every store of the service, over one database and the files of its home."""

    database: Database
    ledger: SqlLedger
    budgets: SqlBudgets
    policies: SqlKeyPolicies
    prices: SqlPrices
    answers: SqlIdempotencyStore
    journal: FileJournal
    recovery: SqlRecovery
    recovery_seconds: float
    retention: Retention

    @asynccontextmanager
    async def run(self) -> AsyncGenerator[None]:
        """Write, renew and recover in the background; at the end of the block, write what is left.

        The database's schema must be there, or the database known to be away.
        """
        writing = [_start("ledger", self.ledger.run), _start("budgets", self.budgets.run)]
        keeping = [
            _start("kept answers", self.answers.run),
            _start("what is set aside", self.budgets.keep),
            _start("journal", self.journal.run),
            _start("recovery", partial(self.recovery.run, self.recovery_seconds)),
        ]
        try:
            async with self.retention.running():
                yield
        finally:
            for task in keeping:
                task.cancel()
            self.ledger.close()
            self.budgets.close()
            _, unwritten = await asyncio.wait(writing, timeout=_CLOSE_SECONDS)
            for task in unwritten:
                task.cancel()
            self.journal.close()


def _start(name: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
    return asyncio.create_task(supervise(name, work), name=name)


@asynccontextmanager
async def open_stores(settings: LlmSettings, clock: Clock) -> AsyncGenerator[Stores]:
    """Give the stores that the settings name, and close their database at the end of the block.

    Nothing is connected yet.
    """
    database = open_database(settings.database, schema=SCHEMA)
    try:
        yield _build_stores(settings, database, clock)
    finally:
        await database.close()


def _build_stores(settings: LlmSettings, database: Database, clock: Clock) -> Stores:
    ledger = SqlLedger(database, LedgerSpool(settings.home / "llm-ledger-spool.jsonl"))
    budgets = SqlBudgets(database, clock)
    return Stores(
        database=database,
        ledger=ledger,
        budgets=budgets,
        policies=SqlKeyPolicies(database),
        prices=SqlPrices(database, clock),
        answers=SqlIdempotencyStore(
            database, clock, owner=new_id("llm"), life=timedelta(hours=settings.kept_answer_hours)
        ),
        journal=FileJournal(settings.home, clock, new_id, written=_written_mark(ledger, budgets)),
        recovery=SqlRecovery(database, settings.home),
        recovery_seconds=settings.recovery_seconds,
        retention=_build_retention(settings, database, clock),
    )


def _build_retention(settings: LlmSettings, database: Database, clock: Clock) -> Retention:
    rules: dict[str, Rule] = {}
    if settings.ledger_days:
        rules["ledger"] = lambda: delete_old_rows(database, days_before(clock, settings.ledger_days))
    return Retention(rules, database.counts, every=settings.retention_seconds)


def _written_mark(ledger: SqlLedger, budgets: SqlBudgets) -> WrittenMark:
    """Return what says whether the rows and settlements of now are in the database."""

    def mark() -> Callable[[], bool]:
        rows, settlements = ledger.taken, budgets.taken
        return lambda: ledger.written >= rows and budgets.written >= settlements

    return mark
