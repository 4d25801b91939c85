"""Looks at what tenants have spent of their budgets."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from penstock.llm.v1 import cost_pb2 as pb

from gateway.alerts.model import Observation, Severity
from gateway.alerts.system import Check, Finding
from penstock_kit.context import SYSTEM, CallContext, use_context
from penstock_kit.ids import new_id

if TYPE_CHECKING:
    from penstock.llm.v1.cost_pb2_grpc import CostServiceAsyncStub

NEARLY_SPENT: Final = 0.8
SPENT: Final = 1.0
_PAGE: Final = 500
_SECONDS: Final = 3.0


def budget_check(costs: "CostServiceAsyncStub") -> Check:
    """Return the check that finds the budgets of all tenants of which 80 % and 100 % are spent.

    A budget's alert belongs to its running period: each period tells once, and has its own alert.
    """

    async def find() -> Sequence[Finding]:
        with use_context(CallContext(request_id=new_id("req"), caller=SYSTEM)):
            return [finding for budget in await _nearly_spent(costs) for finding in _findings(budget)]

    return Check(name="budgets", rules=frozenset({"BudgetNearlySpent", "BudgetSpent"}), find=find)


async def _nearly_spent(costs: "CostServiceAsyncStub") -> Sequence[pb.Budget]:
    budgets: list[pb.Budget] = []
    token = ""
    while True:
        request = pb.ListBudgetsRequest(
            page_size=_PAGE, page_token=token, all_tenants=True, min_spent_ratio=NEARLY_SPENT
        )
        page = await costs.ListBudgets(request, timeout=_SECONDS)
        budgets += page.budgets
        token = page.next_page_token
        if not token:
            return budgets


def _findings(budget: pb.Budget) -> Iterator[Finding]:
    limit, spent = Decimal(budget.limit.amount or 0), Decimal(budget.spent.amount or 0)
    share = float(spent / limit) if limit else 1.0
    whose, whose_zh = _whose(budget)
    english = f"{share:.0%} of the budget of {whose}, {limit:f} USD, is spent."
    chinese = f"{whose_zh}的预算 {limit:f} USD 已使用 {share:.0%}."
    period_end = budget.period_end.ToJsonString() if budget.HasField("period_end") else ""
    nearly = Finding(
        rule="BudgetNearlySpent",
        subject=f"{budget.id}|{period_end}",
        severity=Severity.WARNING,
        hold_seconds=0,
        observation=_observation(budget, share, NEARLY_SPENT),
        summary=english,
        summary_zh=chinese,
        tenant_id=budget.tenant_id,
        repeat_seconds=0,
    )
    yield nearly
    yield replace(
        nearly,
        rule="BudgetSpent",
        severity=Severity.CRITICAL,
        observation=_observation(budget, share, SPENT),
        summary=f"{english} Calls on it are refused.",
        summary_zh=f"{chinese} 相关调用将被拒绝.",
    )


def _observation(budget: pb.Budget, share: float, from_share: float) -> Observation:
    labels = {"budget": budget.id, "scope": budget.scope, "subject": budget.subject, "period": budget.period}
    return Observation(holds=share >= from_share, value=round(share, 4), labels=labels)


def _whose(budget: pb.Budget) -> tuple[str, str]:
    per, per_zh = {"day": (" a day", "每天"), "month": (" a month", "每月")}.get(budget.period, ("", ""))
    match budget.scope:
        case "key":
            return f"the key {budget.subject}{per}", f"密钥 {budget.subject} {per_zh}"
        case "user":
            return f"the user {budget.subject}{per}", f"用户 {budget.subject} {per_zh}"
        case _:
            return f"the tenant {budget.tenant_id}{per}", f"租户 {budget.tenant_id} {per_zh}"
