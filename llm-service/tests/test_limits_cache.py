"""The rules in force in memory: found by whom they are about, read anew without holding up anybody."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from llm_service.adapters import whole_table
from llm_service.adapters.sql_budget import SqlBudgets
from llm_service.adapters.sql_key_policy import SqlKeyPolicies
from llm_service.domain.billing.budget import Budget, BudgetPeriod, BudgetScope
from llm_service.domain.billing.key_policy import KeyPolicy
from llm_service.domain.billing.limits_cache import LimitsCache
from llm_service.main import MIGRATIONS
from penstock_kit.context import Caller
from penstock_kit.database import migrate, open_database, sqlite_url
from penstock_testkit.clock import ManualClock

TOTAL = Budget(
    id="total", tenant_id="acme", scope=BudgetScope.TOTAL, subject="", period=BudgetPeriod.DAY, limit=Decimal(1)
)
OF_USER = replace(TOTAL, id="user", scope=BudgetScope.USER, subject="ann")
OF_KEY = replace(TOTAL, id="key", scope=BudgetScope.KEY, subject="k1")
POLICY = KeyPolicy(tenant_id="acme", key_id="k1")


class Rules:
    """Budgets and policies to read, and how often they were."""

    def __init__(self, budgets: Sequence[Budget], policies: Sequence[KeyPolicy] = ()) -> None:
        self.kept, self.policies, self.readings = list(budgets), list(policies), 0
        self.limits = LimitsCache(
            read_budgets=self.read_budgets, read_policies=self.read_policies, on_failure=lambda _: None
        )

    async def read_budgets(self) -> Sequence[Budget]:
        self.readings += 1
        found = list(self.kept)
        await asyncio.sleep(0)
        return found

    async def read_policies(self) -> Sequence[KeyPolicy]:
        return self.policies


async def test_a_caller_meets_the_budgets_of_its_tenant_user_and_key_and_no_others() -> None:
    others = [
        replace(TOTAL, id="o1", tenant_id="other"),
        replace(OF_USER, id="o2", subject="bob"),
        replace(OF_KEY, id="o3", subject="k2"),
        replace(OF_USER, id="o4", subject="k1"),
        replace(OF_KEY, id="o5", subject="ann"),
    ]
    rules = Rules([*others, OF_KEY, OF_USER, TOTAL, replace(OF_KEY, id="key, too")])
    await rules.limits.refresh()
    found = rules.limits.budgets(Caller(tenant_id="acme", user_id="ann", key_id="k1"))
    assert [budget.id for budget in found] == ["total", "user", "key", "key, too"]
    assert rules.limits.budgets(Caller(tenant_id="acme", user_id="eve")) == [TOTAL]
    assert rules.limits.budgets(Caller(tenant_id="third", user_id="ann", key_id="k1")) == []


@pytest.mark.parametrize(
    ("budgets", "policies"),
    [
        ([replace(OF_USER, id=f"b{number}", subject=f"u{number}") for number in range(5_000)], []),
        ([], [replace(POLICY, key_id=f"k{number}") for number in range(5_000)]),
    ],
    ids=["budgets", "policies"],
)
async def test_others_go_on_while_many_rules_are_taken_in(
    budgets: Sequence[Budget], policies: Sequence[KeyPolicy]
) -> None:
    rules, turns = Rules(budgets, policies), 0
    refreshing = asyncio.create_task(rules.limits.refresh())
    while not refreshing.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns >= 6


async def test_many_who_change_rules_at_once_have_them_read_a_few_times_and_see_their_own() -> None:
    rules = Rules([TOTAL])

    async def put(number: int) -> bool:
        budget = replace(OF_KEY, id=f"b{number}", subject=f"k{number}")
        rules.kept.append(budget)
        await asyncio.sleep(0)
        await rules.limits.refresh()
        caller = Caller(tenant_id="acme", user_id="ann", key_id=f"k{number}")
        return budget in rules.limits.budgets(caller)

    first = asyncio.create_task(rules.limits.refresh())
    assert all(await asyncio.gather(*map(put, range(20))))
    await first
    assert rules.readings <= 3


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "llm.db")
    return str(request.getfixturevalue("postgres_url"))


async def test_the_rules_of_all_tenants_are_read_page_by_page_and_follow_what_is_changed(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_table, "PAGE", 2)
    await migrate(url, MIGRATIONS)
    database = open_database(url)
    try:
        budgets, policies = SqlBudgets(database, ManualClock()), SqlKeyPolicies(database)
        assert (await budgets.all(), await policies.all()) == ([], [])
        names = [("acme", "a"), ("acme", "b"), ("acme", "c"), ("beta", "d"), ("corp", "e"), ("corp", "f")]
        kept = [replace(TOTAL, tenant_id=tenant_id, id=name) for tenant_id, name in names]
        ruled = [
            replace(POLICY, tenant_id=tenant_id, key_id=name, allowed_models=("openai/*", name))
            for tenant_id, name in names
        ]
        for budget, policy in zip(reversed(kept), reversed(ruled), strict=True):
            await budgets.put(budget)
            await policies.put(policy)
        assert (await budgets.all(), await policies.all()) == (kept, ruled)
        kept[2], ruled[2] = replace(kept[2], limit=Decimal(7)), replace(ruled[2], requests_per_minute=9)
        await budgets.put(kept[2])
        await policies.put(ruled[2])
        await budgets.delete("beta", "d")
        await policies.delete("beta", ["d"])
        assert (await budgets.all(), await policies.all()) == (kept[:3] + kept[4:], ruled[:3] + ruled[4:])
    finally:
        await database.close()
