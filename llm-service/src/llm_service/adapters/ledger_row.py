"""Ledger rows to and from columns."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from llm_service.domain.billing.ledger import LedgerRow, Outcome
from llm_service.domain.model.usage import UNKNOWN_COST, Cost, PriceSource, Usage

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PICO: Final = Decimal(10) ** 12
_COUNTS: Final = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
_MOST: Final = 2**40  # tokens; what a broken vendor reports must not make the sums overflow
# Longest texts the columns take; PostgreSQL refuses longer ones and a ledger row must not be refused.
_LENGTHS: Final = {
    "tenant_id": 128,
    "user_id": 128,
    "key_id": 128,
    "request_id": 128,
    "provider": 64,
    "model": 256,
    "requested_model": 256,
    "surface": 32,
    "end_user": 256,
    "error_kind": 64,
}


def micros_from_time(time: datetime) -> int:
    """Return `time` as microseconds since 1970."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def time_from_micros(micros: int) -> datetime:
    """Return microseconds since 1970 as a time in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def pico_from_cost(cost: Cost) -> int | None:
    """Return money as whole 1e-12 of its currency, None when unknown."""
    return None if cost.amount is None else int((cost.amount * _PICO).to_integral_value())


def amount_from_pico(pico: int | Decimal) -> Decimal:
    """Return the exact decimal of an integer of 1e-12."""
    amount = Decimal(int(pico)) / _PICO
    return amount.normalize() if amount else Decimal(0)


def columns_from_row(row: LedgerRow) -> dict[str, Any]:
    """Return the column values of `row`."""
    columns: dict[str, Any] = {
        "id": row.id,
        "create_time": micros_from_time(row.create_time),
        "tenant_id": row.tenant_id,
        "user_id": row.user_id,
        "key_id": row.key_id,
        "request_id": row.request_id,
        "operation": row.operation,
        "provider": row.provider,
        "model": row.model,
        "requested_model": row.requested_model,
        "input_tokens": row.usage.input,
        "cache_read_tokens": row.usage.cache_read,
        "cache_write_tokens": row.usage.cache_write,
        "output_tokens": row.usage.output,
        "reasoning_tokens": row.usage.reasoning,
        "estimated": row.usage.estimated,
        "cost_pico": pico_from_cost(row.cost),
        "price_source": row.cost.source.value,
        "savings_pico": pico_from_cost(row.cache_savings),
        "outcome": row.outcome.value,
        "error_kind": row.error_kind,
        "finish_reason": row.finish_reason,
        "attempts": row.attempts,
        "cached": row.cached,
        "duration": row.duration,
        "time_to_first_token": row.time_to_first_token,
        "surface": row.surface,
        "end_user": row.end_user,
        "labels": dict(row.labels),
    }
    for name, length in _LENGTHS.items():
        columns[name] = columns[name].replace("\0", "")[:length]
    for name in _COUNTS:
        columns[name] = min(columns[name], _MOST)
    return columns


def row_from_columns(columns: Mapping[str, Any]) -> LedgerRow:
    """Return the row that `columns` hold."""
    savings = columns["savings_pico"]
    pico, source = columns["cost_pico"], PriceSource(columns["price_source"])
    return LedgerRow(
        id=columns["id"],
        create_time=time_from_micros(columns["create_time"]),
        tenant_id=columns["tenant_id"],
        user_id=columns["user_id"],
        key_id=columns["key_id"],
        request_id=columns["request_id"],
        operation=columns["operation"],
        provider=columns["provider"],
        model=columns["model"],
        requested_model=columns["requested_model"],
        usage=usage_from_columns(columns, estimated=bool(columns["estimated"])),
        cost=Cost(amount=None if pico is None else amount_from_pico(pico), source=source),
        cache_savings=UNKNOWN_COST if savings is None else Cost(amount=amount_from_pico(savings), source=source),
        outcome=Outcome(columns["outcome"]),
        error_kind=columns["error_kind"],
        finish_reason=columns["finish_reason"],
        attempts=columns["attempts"],
        cached=bool(columns["cached"]),
        duration=columns["duration"],
        time_to_first_token=columns["time_to_first_token"],
        surface=columns["surface"],
        end_user=columns["end_user"],
        labels=columns["labels"],
    )


def usage_from_columns(columns: Mapping[str, Any], *, estimated: bool) -> Usage:
    """Return the token counts (or their sums) that `columns` hold."""
    return Usage(
        input=int(columns["input_tokens"] or 0),
        cache_read=int(columns["cache_read_tokens"] or 0),
        cache_write=int(columns["cache_write_tokens"] or 0),
        output=int(columns["output_tokens"] or 0),
        reasoning=int(columns["reasoning_tokens"] or 0),
        estimated=estimated,
    )
