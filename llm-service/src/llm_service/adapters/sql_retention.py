"""Ledger rows and kept answers that are older than their time."""

from datetime import datetime
from typing import Final

from llm_service.adapters.ledger_row import micros_from_time
from llm_service.adapters.table import kept_answer, ledger
from penstock_kit.database import Database
from penstock_kit.database.retention import delete_in_batches

# Answers that are deleted in one transaction: they may be large.
_ANSWERS: Final = 50


async def delete_old_rows(database: Database, before: datetime) -> int:
    """Delete ledger rows of calls that began before that moment; return how many. What is spent of budgets stays."""
    return await delete_in_batches(database, ledger, ledger.c.create_time < micros_from_time(before))


async def delete_expired_answers(database: Database, now: datetime) -> int:
    """Delete answers under idempotency keys whose life is over; return how many."""
    return await delete_in_batches(
        database, kept_answer, kept_answer.c.expire_time < micros_from_time(now), batch=_ANSWERS
    )
