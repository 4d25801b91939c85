"""Lines of the call journal: one for a call that began, one for each state of it that was noted."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import orjson

from llm_service.adapters.ledger_row import time_from_micros
from llm_service.domain.billing.ledger import LedgerRow, Outcome
from llm_service.domain.model.usage import NOTHING_SOLD, Cost, PriceSource, Usage
from penstock_kit.context import current_context

BEGAN: Final = "b"
STANDS: Final = "s"
ENDED: Final = "e"
# The error kind of a row whose call ended with its process.
KILLED: Final = "process_killed"

Record = tuple[Any, ...]


def began_record(
    call_id: str,
    micros: int,
    *,
    operation: str,
    requested_model: str,
    surface: str,
    end_user: str,
    labels: Mapping[str, str],
) -> Record:
    """Return the record of a call of the current caller; `micros` is when it began."""
    context = current_context()
    caller = context.caller
    return (
        BEGAN,
        call_id,
        micros,
        caller.tenant_id,
        caller.user_id,
        caller.key_id,
        context.request_id,
        operation,
        requested_model,
        surface,
        end_user,
        dict(labels) if labels else None,
    )


def state_record(kind: str, row: LedgerRow) -> Record:
    """Return what changes while a call runs, as `row` has it; `kind` is STANDS or ENDED."""
    usage, cost, savings = row.usage, row.cost, row.cache_savings
    return (
        kind,
        row.id,
        row.provider,
        row.model,
        (usage.input, usage.cache_read, usage.cache_write, usage.output, usage.reasoning, usage.estimated),
        (None if cost.amount is None else str(cost.amount), cost.source.value),
        (None if savings.amount is None else str(savings.amount), savings.source.value),
        row.outcome.value,
        row.error_kind,
        row.finish_reason,
        row.attempts,
        row.cached,
        row.duration,
        row.time_to_first_token,
    )


def line_of(record: Record) -> bytes:
    """Return the record as one line."""
    return orjson.dumps(record) + b"\n"


def rows_of(lines: Iterable[bytes]) -> list[LedgerRow]:
    """Return the last known state of every call in `lines`, in the order they began; broken lines are left out."""
    rows: dict[str, LedgerRow] = {}
    for line in lines:
        try:
            record: list[Any] = orjson.loads(line)
            if record[0] == BEGAN:
                rows[record[1]] = _begun_row(record)
            elif (row := rows.get(record[1])) is not None:
                rows[record[1]] = _row_in_state(row, record)
        except (ValueError, LookupError, TypeError, ArithmeticError):
            continue
    return list(rows.values())


def _begun_row(record: list[Any]) -> LedgerRow:
    return LedgerRow(
        id=record[1],
        create_time=time_from_micros(record[2]),
        tenant_id=record[3],
        user_id=record[4],
        key_id=record[5],
        request_id=record[6],
        operation=record[7],
        provider="",
        model="",
        requested_model=record[8],
        usage=Usage(),
        cost=NOTHING_SOLD,
        outcome=Outcome.ERROR,
        duration=0.0,
        error_kind=KILLED,
        surface=record[9],
        end_user=record[10],
        labels=record[11] or {},
    )


def _row_in_state(row: LedgerRow, record: list[Any]) -> LedgerRow:
    counts, ended = record[4], record[0] == ENDED
    return replace(
        row,
        provider=record[2],
        model=record[3],
        usage=Usage(
            input=counts[0],
            cache_read=counts[1],
            cache_write=counts[2],
            output=counts[3],
            reasoning=counts[4],
            estimated=counts[5],
        ),
        cost=_cost(record[5]),
        cache_savings=_cost(record[6]),
        outcome=Outcome(record[7]) if ended else Outcome.ERROR,
        error_kind=record[8] if ended else KILLED,
        finish_reason=record[9],
        attempts=record[10],
        cached=record[11],
        duration=record[12],
        time_to_first_token=record[13],
    )


def _cost(pair: list[Any]) -> Cost:
    return Cost(amount=None if pair[0] is None else Decimal(pair[0]), source=PriceSource(pair[1]))
