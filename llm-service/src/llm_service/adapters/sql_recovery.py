"""Settles the calls of processes that were killed: a ledger row for each, and what was set aside given back."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from llm_service.adapters.file_journal import orphaned_rows
from llm_service.adapters.ledger_row import columns_from_row
from llm_service.adapters.table import budget_hold, budget_use, ledger
from llm_service.domain.billing.ledger import LedgerRow
from penstock_kit.database import Database
from penstock_kit.database.asynchronous import AsyncConnection
from penstock_kit.errors import PenstockError
from penstock_kit.logging import get_logger

_BATCH: Final = 200

log = get_logger(__name__)


class SqlRecovery:
    """Looks below `home` for journals of the dead. Each call is settled once: rows and holds go by its id."""

    def __init__(self, database: Database, home: Path) -> None:
        self._database = database
        self._home = home

    async def run(self, seconds: float) -> None:
        """Settle what there is now and then every `seconds`, for ever."""
        while True:
            await self.settle()
            await asyncio.sleep(seconds)

    async def settle(self) -> int:
        """Settle every orphaned call and return how many there were; while the store is away they stay."""
        try:
            with orphaned_rows(self._home) as rows:
                for at in range(0, len(rows), _BATCH):
                    await self._settle(rows[at : at + _BATCH])
        except (PenstockError, DBAPIError, OSError) as error:
            log.warning("calls of a killed process wait to be settled", detail=type(error).__name__)
            return 0
        if rows:
            log.warning("calls of a killed process settled", calls=len(rows))
        return len(rows)

    async def _settle(self, rows: Sequence[LedgerRow]) -> None:
        dialect: Any = sqlite if self._database.is_sqlite else postgresql
        ids = [row.id for row in rows]
        async with self._database.write() as connection:
            statement = dialect.insert(ledger).on_conflict_do_nothing(index_elements=["id"])
            await connection.execute(statement, [columns_from_row(row) for row in rows])
            written = await connection.execute(select(ledger.c.id, ledger.c.cost_pico).where(ledger.c.id.in_(ids)))
            spent: dict[str, int] = {each.id: each.cost_pico or 0 for each in written}
            await _give_back(connection, ids, spent)


async def _give_back(connection: AsyncConnection, ids: Sequence[str], spent: dict[str, int]) -> None:
    """Turn what was set aside for the calls `ids` into what they cost; holds that are gone were settled before."""
    held = delete(budget_hold).where(budget_hold.c.hold_id.in_(ids)).returning(*budget_hold.c)
    holds = (await connection.execute(held)).mappings().all()
    for reservation in sorted(holds, key=lambda each: each["budget_id"]):
        mine = (
            budget_use.c.budget_id == reservation["budget_id"],
            budget_use.c.period_start == reservation["period_start"],
        )
        cost = spent.get(reservation["hold_id"], 0)
        values = {
            "spent_pico": budget_use.c.spent_pico + cost,
            "reserved_pico": budget_use.c.reserved_pico - reservation["amount_pico"],
        }
        await connection.execute(update(budget_use).where(*mine).values(values))
