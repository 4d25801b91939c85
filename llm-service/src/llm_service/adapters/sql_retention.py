"""Ledger rows that are older than their time."""

from datetime import datetime

from llm_service.adapters.ledger_row import micros_from_time
from llm_service.adapters.table import ledger
from penstock_kit.database import Database
from penstock_kit.database.retention import delete_in_batches


async def delete_old_rows(database: Database, before: datetime) -> int:
    """Delete ledger rows of calls that began before that moment; return how many. What is spent of budgets stays."""
    return await delete_in_batches(database, ledger, ledger.c.create_time < micros_from_time(before))
