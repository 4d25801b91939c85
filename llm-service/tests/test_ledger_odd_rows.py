"""Rows that a store would refuse are made to fit."""

from decimal import Decimal

from llm_service.adapters.ledger_row import amount_from_pico, columns_from_row, pico_from_cost
from llm_service.domain.model.usage import Cost, PriceSource, Usage
from llm_service.testing import ledger_row


def test_absurd_counts_and_zero_bytes_are_made_to_fit() -> None:
    columns = columns_from_row(ledger_row(usage=Usage(input=10**30), end_user="a\0b"))
    assert columns["input_tokens"] == 2**40
    assert columns["end_user"] == "ab"


def test_money_is_exact_to_a_millionth_of_a_millionth() -> None:
    cost = Cost(amount=Decimal("12345.000000000001"), source=PriceSource.OPERATOR)
    pico = pico_from_cost(cost)
    assert pico is not None
    assert amount_from_pico(pico) == cost.amount
