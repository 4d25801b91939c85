"""Costs, ledger rows, budgets and prices ⇄ JSON."""

import csv
import io
from collections.abc import Iterable
from typing import Final

from penstock.common.v1.common_pb2 import Money
from penstock.llm.v1 import cost_pb2 as pb

from gateway.convert.csv_cell import harmless
from gateway.convert.scalar import JsonObject, milliseconds, money_from_proto, time_from_proto, usage_from_proto
from gateway.http.json import encode

DECIMAL: Final = r"^[0-9]{1,12}(\.[0-9]{1,12})?$"
_COLUMNS: Final = (
    "group", "requests", "failures", "cached_requests", "unpriced_requests", "input_tokens", "cache_read_tokens",
    "cache_write_tokens", "output_tokens", "reasoning_tokens", "cost", "currency", "cache_savings", "mean_ms",
)  # fmt: skip
_LEDGER_COLUMNS: Final = (
    "id", "create_time", "user_id", "key_id", "request_id", "provider", "model", "input_tokens", "cache_read_tokens",
    "cache_write_tokens", "output_tokens", "reasoning_tokens", "estimated", "cost", "currency", "cost_source",
    "time_to_first_token_ms", "duration_ms", "outcome", "cached", "error_kind", "surface", "end_user", "labels",
)  # fmt: skip


def cost_row_from_proto(row: pb.CostRow) -> JsonObject:
    """Return one group of the summary."""
    return {
        "group": row.group,
        "requests": row.requests,
        "failures": row.failures,
        "cached_requests": row.cached_requests,
        "unpriced_requests": row.unpriced_requests,
        "usage": usage_from_proto(row.usage),
        "cost": money_from_proto(row.cost),
        "cache_savings": money_from_proto(row.cache_savings),
        "mean_ms": milliseconds(row, "mean_duration"),
    }


def csv_from_rows(rows: Iterable[pb.CostRow]) -> str:
    """Return the summary as CSV. A group that a spreadsheet would take for a formula gets a quote in front."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for row in rows:
        usage = row.usage
        writer.writerow(
            (
                harmless(row.group), row.requests, row.failures, row.cached_requests, row.unpriced_requests,
                usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens, usage.output_tokens,
                usage.reasoning_tokens, row.cost.amount, row.cost.currency or "USD", row.cache_savings.amount,
                milliseconds(row, "mean_duration"),
            )
        )  # fmt: skip
    return text.getvalue()


def csv_from_ledger(entries: Iterable[pb.LedgerEntry]) -> str:
    """Return rows of the ledger as CSV, times in ISO 8601; what a spreadsheet would take for a formula is quoted."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_LEDGER_COLUMNS)
    for entry in entries:
        usage, time = entry.usage, time_from_proto(entry, "create_time")
        texts = (entry.user_id, entry.key_id, entry.request_id, entry.provider, entry.model)
        labels = (entry.error_kind, entry.surface, entry.end_user, encode(dict(entry.labels)).decode())
        writer.writerow(
            (
                entry.id, "" if time is None else f"{time:%Y-%m-%dT%H:%M:%S.%fZ}", *map(harmless, texts),
                usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens, usage.output_tokens,
                usage.reasoning_tokens, usage.estimated, entry.cost.amount, entry.cost.currency or "USD",
                entry.cost.source, milliseconds(entry, "time_to_first_token"), milliseconds(entry, "duration"),
                entry.outcome, entry.cached, *map(harmless, labels),
            )
        )  # fmt: skip
    return text.getvalue()


def ledger_entry_from_proto(entry: pb.LedgerEntry) -> JsonObject:
    """Return one row of the ledger."""
    return {
        "id": entry.id,
        "create_time": time_from_proto(entry, "create_time"),
        "user_id": entry.user_id,
        "key_id": entry.key_id or None,
        "request_id": entry.request_id,
        "provider": entry.provider,
        "model": entry.model,
        "usage": usage_from_proto(entry.usage),
        "cost": money_from_proto(entry.cost),
        "time_to_first_token_ms": milliseconds(entry, "time_to_first_token"),
        "duration_ms": milliseconds(entry, "duration"),
        "outcome": entry.outcome,
        "error_kind": entry.error_kind or None,
        "cached": entry.cached,
        "surface": entry.surface,
        "end_user": entry.end_user or None,
        "labels": dict(entry.labels),
    }


def budget_from_proto(budget: pb.Budget) -> JsonObject:
    """Return a budget with what is spent."""
    return {
        "id": budget.id,
        "scope": budget.scope,
        "subject": budget.subject or None,
        "period": budget.period,
        "limit": money_from_proto(budget.limit),
        "spent": money_from_proto(budget.spent),
        "reserved": money_from_proto(budget.reserved),
        "period_end": time_from_proto(budget, "period_end"),
    }


def money_to_proto(amount: str, currency: str = "USD") -> Money:
    """Return an amount given as a decimal string."""
    return Money(amount=amount, currency=currency)


def price_from_proto(price: pb.Price) -> JsonObject:
    """Return a price per million tokens, by class; null where unknown."""
    return {
        "provider": price.provider,
        "model": price.model,
        "input": price.input or None,
        "cache_read": price.cache_read or None,
        "cache_write": price.cache_write or None,
        "output": price.output or None,
        "source": price.source,
        "effective_time": time_from_proto(price, "effective_time"),
    }
