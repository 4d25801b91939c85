"""What ends an answer that costs more than was set aside for it."""

from decimal import Decimal

import pytest

from llm_service.domain.billing.reservation import Reservation
from llm_service.domain.model.event import Event, Finished, FinishReason, TextDelta, UsageReport
from llm_service.domain.model.usage import Usage
from llm_service.testing import question

AMOUNT = Decimal("0.01")


def reservation(*, tight: bool) -> Reservation:
    return Reservation(question(), tokens=1000, amount=AMOUNT, tight=tight)


def cents(usage: Usage) -> Decimal:
    """A token of output costs a thousandth of a dollar."""
    return Decimal(usage.output) / 1000


def report(tokens: int) -> list[Event]:
    return [TextDelta(text="x"), UsageReport(usage=Usage(output=tokens))]


@pytest.mark.parametrize(("tight", "borne"), [(True, 10), (False, 20)])
def test_an_answer_ends_when_its_vendor_bills_more_than_was_set_aside(tight: bool, borne: int) -> None:
    kept = reservation(tight=tight)
    assert kept.observe(report(borne), cents) == report(borne)
    assert not kept.exhausted
    *shown, last = kept.observe(report(borne + 1), cents)
    assert kept.exhausted
    assert shown == report(borne + 1)
    assert isinstance(last, Finished)
    assert last.reason is FinishReason.BUDGET_EXCEEDED


def test_without_a_budget_no_bill_ends_an_answer() -> None:
    free = Reservation(question())
    assert free.observe(report(10**9), cents) == report(10**9)
    assert not free.exhausted


def test_another_end_keeps_what_was_set_aside() -> None:
    kept = reservation(tight=True).with_settlement(lambda _: None)
    kept.observe(report(11), cents)
    assert kept.exhausted
