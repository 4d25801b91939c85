"""The gen_ai metrics."""

from dataclasses import replace
from decimal import Decimal

import pytest
from prometheus_client import CollectorRegistry

from llm_service.adapters.gen_ai_metrics import MeasuredLedger
from llm_service.domain.billing.ledger import Outcome
from llm_service.domain.model.usage import UNKNOWN_COST, Cost, PriceSource, Usage
from llm_service.testing import ListLedger, ledger_row

CHAT = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "fallback"}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_a_row_is_counted_and_handed_on(registry: CollectorRegistry) -> None:
    inner = ListLedger()
    row = replace(ledger_row(usage=Usage(input=10, cache_read=5, output=3, reasoning=4)), time_to_first_token=0.05)
    MeasuredLedger(inner, registry).record(row)
    assert inner.rows == [row]
    value = registry.get_sample_value
    assert value("gen_ai_client_operation_duration_seconds_sum", CHAT | {"error_type": ""}) == 0.1
    assert value("gen_ai_client_time_to_first_token_seconds_sum", CHAT) == 0.05
    assert value("gen_ai_client_token_usage_sum", CHAT | {"gen_ai_token_type": "input"}) == 15
    assert value("gen_ai_client_token_usage_sum", CHAT | {"gen_ai_token_type": "output"}) == 7


@pytest.mark.parametrize(
    ("kind", "outcome", "shown"),
    [
        ("rate_limit", Outcome.ERROR, "rate_limit"),
        ("SOMETHING_A_CALLER_MADE_UP", Outcome.ERROR, "error"),
        ("", Outcome.CANCELLED, "cancelled"),
        ("BUDGET_LIMIT_EXCEEDED", Outcome.BUDGET_EXCEEDED, "budget_exceeded"),
    ],
)
def test_error_types_are_of_a_closed_set(registry: CollectorRegistry, kind: str, outcome: Outcome, shown: str) -> None:
    row = replace(ledger_row(outcome=outcome), error_kind=kind)
    MeasuredLedger(ListLedger(), registry).record(row)
    labels = CHAT | {"error_type": shown}
    assert registry.get_sample_value("gen_ai_client_operation_duration_seconds_count", labels) == 1


def test_cost_is_added_up_by_provider_and_model_and_a_call_without_a_price_adds_none(
    registry: CollectorRegistry,
) -> None:
    ledger = MeasuredLedger(ListLedger(), registry)
    row = replace(
        ledger_row(), provider="openai", model="gpt", cost=Cost(amount=Decimal("0.25"), source=PriceSource.OPERATOR)
    )
    ledger.record(row)
    ledger.record(row)
    ledger.record(replace(row, model="made-up-by-a-caller", cost=UNKNOWN_COST))
    value = registry.get_sample_value
    assert value("penstock_llm_cost_dollars_total", {"provider": "openai", "model": "gpt"}) == 0.5
    assert value("penstock_llm_cost_dollars_total", {"provider": "openai", "model": "made-up-by-a-caller"}) is None
