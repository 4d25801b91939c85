"""llm-service killed in the middle of calls: their rows are written and what was set aside for them given back."""

import asyncio
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from penstock.common.v1 import common_pb2
from penstock.llm.v1 import cost_pb2, llm_pb2

from penstock_kit.database import sqlite_url
from penstock_kit.errors import PenstockError
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply
from tests.faults.llm_in_process import ADMIN, ALICE, Llm, as_caller, completion
from tests.faults.llm_process import llm_process


def config(vendor: OpenAiServer) -> str:
    return f"""
providers: [{{name: v, base_url: "{vendor.base_url}", models: [m]}}]
prices: [{{provider: v, model: m, input: 1, output: 2}}]
"""


def journals(home: Path) -> int:
    return len(list(home.glob("llm-calls-*")))


async def budget_of(llm: Llm) -> cost_pb2.Budget:
    with as_caller(ADMIN):
        [budget] = (await llm.costs.ListBudgets(cost_pb2.ListBudgetsRequest())).budgets
    return budget


async def put_budget(llm: Llm) -> None:
    budget = cost_pb2.Budget(scope="total", period="total", limit=common_pb2.Money(amount="1"))
    with as_caller(ADMIN):
        await llm.costs.PutBudget(cost_pb2.PutBudgetRequest(budget=budget))


async def begun_stream(llm: Llm, stack: AsyncExitStack) -> Any:
    """A stream whose first words have come."""
    with as_caller(ALICE):
        request = llm_pb2.StreamCompleteRequest(completion=completion("Tell me everything.", model="v/m"))
        call = await stack.enter_async_context(llm.llm.StreamComplete(request))
    while not any(event.HasField("text") for event in (await call.read()).events):
        pass
    return call


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
async def test_another_replica_settles_the_calls_of_a_killed_one_exactly_once(
    tmp_path: Path, postgres_url: str, store: str
) -> None:
    url = postgres_url if store == "postgresql" else sqlite_url(tmp_path / "llm.db")
    settings = {"DATABASE_URL": url, "LLM_RECOVERY_SECONDS": 0.2, "LLM_RULES_REFRESH_SECONDS": 0.2}
    slow = Reply(chunks=("some words of an answer ", "more"), hang_after=1)
    async with (
        OpenAiServer(default=slow) as vendor,
        llm_process(tmp_path, config(vendor), **settings) as doomed,
        llm_process(tmp_path, config(vendor), **settings) as other,
        llm_process(tmp_path, config(vendor), **settings) as third,
    ):
        await put_budget(doomed)
        async with AsyncExitStack() as stack:
            calls = [await begun_stream(doomed, stack) for _ in range(3)]
            asking = asyncio.create_task(doomed.complete("v/m"))
            await vendor.wait_streaming(4)
            assert Decimal((await budget_of(other)).reserved.amount) > 0
            assert await other.ledger() == []
            doomed.kill()
            for call in (*(call.read() for call in calls), asking):
                with pytest.raises(PenstockError):
                    await call
        rows = await other.wait_rows(4)
        budget = await budget_of(third)
        spent = sum(Decimal(row.cost.amount) for row in rows)
        assert [(row.outcome, row.error_kind) for row in rows] == [("error", "process_killed")] * 4
        assert {(row.provider, row.model) for row in rows} == {("v", "m")}
        assert all(row.usage.estimated and row.usage.output_tokens > 0 for row in rows)
        assert [(row.user_id, row.key_id) for row in rows].count((ALICE.user_id, ALICE.key_id)) == 3
        assert Decimal(budget.reserved.amount) == 0
        assert Decimal(budget.spent.amount) == spent > 0
        assert (other.output() + third.output()).count("calls of a killed process settled") == 1


async def test_the_next_start_settles_the_calls_of_a_killed_process(tmp_path: Path) -> None:
    slow = Reply(chunks=("some words of an answer ", "more"), hang_after=1)
    async with OpenAiServer(default=slow) as vendor:
        async with llm_process(tmp_path, config(vendor)) as doomed, AsyncExitStack() as stack:
            await put_budget(doomed)
            vendor.script(Reply(chunks=("a", "b")))
            await doomed.complete("v/m")
            await begun_stream(doomed, stack)
            # Not even the row of the call that is over may be lost, or be counted twice.
            doomed.kill()
        async with llm_process(tmp_path, config(vendor)) as again:
            rows = await again.wait_rows(2)
            assert [row.outcome for row in rows] == ["error", "ok"]
            budget = await budget_of(again)
            assert Decimal(budget.reserved.amount) == 0
            assert Decimal(budget.spent.amount) == sum(Decimal(row.cost.amount) for row in rows)
            assert journals(tmp_path) == 1
