"""What ends an answer that costs more than was set aside for it."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from llm_service.domain.billing.ledger import LedgerRow
from llm_service.domain.billing.reservation import Reservation
from llm_service.domain.model.event import (
    Event,
    Finished,
    FinishReason,
    RefusalDelta,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageReport,
)
from llm_service.domain.model.usage import Usage
from llm_service.testing import ledger_row, question

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


def test_a_turn_in_which_nothing_came_ends_nothing() -> None:
    kept = reservation(tight=True)
    assert (kept.observe([], cents), kept.exhausted) == ([], False)


def test_another_end_keeps_what_was_set_aside() -> None:
    kept = reservation(tight=True).with_settlement(lambda _: None)
    kept.observe(report(11), cents)
    assert kept.exhausted


@pytest.mark.parametrize(("tight", "most"), [(True, 1000), (False, 2000)])
@pytest.mark.parametrize(
    "said",
    [
        lambda text: TextDelta(text=text),
        lambda text: ThinkingDelta(text=text),
        lambda text: RefusalDelta(text=text),
        lambda text: ToolCallDelta(call_index=0, name=text[:4], arguments=text[4:]),
    ],
    ids=["text", "thinking", "refusal", "tool call"],
)
def test_an_answer_ends_when_all_it_said_is_longer_than_was_set_aside(
    tight: bool, most: int, said: Callable[[str], Event]
) -> None:
    kept = reservation(tight=tight)
    for _ in range(2):
        batch = [said("abcd" * (most // 4)), said("abcd" * (most // 4))]
        assert kept.observe(batch) == batch
    assert not kept.exhausted
    assert kept.observe([said("a")]) == [said("a"), Finished(reason=FinishReason.BUDGET_EXCEEDED)]
    assert kept.exhausted


@pytest.mark.parametrize(
    ("tight", "reason", "told"),
    [
        (True, FinishReason.LENGTH, FinishReason.BUDGET_EXCEEDED),
        (True, FinishReason.STOP, FinishReason.STOP),
        (False, FinishReason.LENGTH, FinishReason.LENGTH),
    ],
)
def test_an_answer_that_ended_at_a_limit_of_the_budgets_says_so_and_any_other_keeps_its_end(
    tight: bool, reason: FinishReason, told: FinishReason
) -> None:
    kept = reservation(tight=tight)
    batch: list[Event] = [TextDelta(text="x" * 40_000), Finished(reason=reason)]
    assert kept.observe(batch) == [batch[0], Finished(reason=told)]
    assert not kept.exhausted, "it is over anyhow"


def test_the_end_of_a_call_is_told_to_whom_it_was_set_aside_for() -> None:
    told: list[LedgerRow] = []
    row = ledger_row()
    reservation(tight=True).settle(row)
    assert told == []
    reservation(tight=True).with_settlement(told.append).settle(row)
    assert told == [row]
