"""The ledger and budget rows of the fault table, against the real service."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from penstock.common.v1 import common_pb2
from penstock.llm.v1 import cost_pb2, llm_pb2

from penstock_kit.database import sqlite_url
from penstock_kit.errors import ResourceExhausted, Unavailable
from penstock_testkit.fault_rows import Measured
from penstock_testkit.servers import PostgresServer
from penstock_testkit.servers.fault_proxy import FaultProxy
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import FakeUsage, Reply
from penstock_testkit.waiting import HANG_SECONDS, until, until_true
from tests.faults.llm_in_process import ADMIN, ALICE, Llm, as_caller, running
from tests.faults.llm_process import llm_process


def config(vendor: OpenAiServer) -> str:
    return f"""
providers: [{{name: v, base_url: "{vendor.base_url}", models: [m]}}]
prices: [{{provider: v, model: m, input: 1, output: 2}}]
"""


async def put_total_budget(llm: Llm, amount: str) -> None:
    budget = cost_pb2.Budget(scope="total", period="total", limit=common_pb2.Money(amount=amount))
    with as_caller(ADMIN):
        await llm.costs.PutBudget(cost_pb2.PutBudgetRequest(budget=budget))


async def test_200_parallel_requests_at_the_edge_of_a_budget_overspend_nothing(
    tmp_path: Path, measured: Measured
) -> None:
    reply = Reply(usage=FakeUsage(prompt=10, completion=20), chunk_delay=0.01)
    async with OpenAiServer(default=reply) as vendor, running(tmp_path, config(vendor)) as llm:
        # One call costs 50 millionths; about half of them fit.
        await put_total_budget(llm, "0.005")

        async def ask() -> bool:
            try:
                with as_caller(ALICE):
                    await llm.stream("v/m", sampling={"max_output_tokens": 20})
                return True
            except ResourceExhausted as error:
                assert error.reason == "BUDGET_LIMIT_EXCEEDED"
                return False

        answered = sum(await asyncio.gather(*(ask() for _ in range(200))))
        with as_caller(ADMIN):
            [budget] = (await llm.costs.ListBudgets(cost_pb2.ListBudgetsRequest())).budgets
            total = (await llm.costs.SummarizeCosts(cost_pb2.SummarizeCostsRequest())).total
    over = max(Decimal(0), Decimal(budget.spent.amount) - Decimal("0.005"))
    measured(f"{answered} of 200 answered, {over.normalize():f} overspent")
    assert 0 < answered < 200
    assert len(vendor.sold) == answered
    sold = sum(Decimal(usage.prompt + 2 * usage.completion) for usage in vendor.sold) / 1_000_000
    assert Decimal(budget.spent.amount) == Decimal(total.cost.amount) == sold
    assert Decimal(budget.spent.amount) <= Decimal("0.005")
    assert Decimal(budget.reserved.amount) == 0
    assert total.requests == 200


async def test_the_same_idempotency_key_50_times_in_parallel_is_one_call_one_charge_and_one_body(
    tmp_path: Path, measured: Measured
) -> None:
    reply = Reply(usage=FakeUsage(prompt=10, completion=20), chunk_delay=0.01)
    async with OpenAiServer(default=reply) as vendor, running(tmp_path, config(vendor)) as llm:

        async def ask() -> bytes:
            with as_caller(ALICE):
                answer = await llm.complete("v/m", idempotency_key="execution")
            return answer.SerializeToString(deterministic=True)

        answers = await asyncio.gather(*(ask() for _ in range(50)))
        rows = await llm.ledger()
        measured(f"{len(vendor.received)} call, {len(rows)} charge, {len(set(answers))} body")
        assert len(set(answers)) == 1
        assert await ask() == answers[0]
        assert len(vendor.received) == 1
        assert len(await llm.ledger()) == 1


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
async def test_two_replicas_make_one_call_for_50_questions_and_50_embeddings_with_one_key_each(
    tmp_path: Path, postgres_url: str, store: str
) -> None:
    url = postgres_url if store == "postgresql" else sqlite_url(tmp_path / "shared.db")
    homes = [tmp_path / "one", tmp_path / "other"]
    for home in homes:
        home.mkdir()
    reply = Reply(usage=FakeUsage(prompt=10, completion=20), chunk_delay=0.05)
    embed = llm_pb2.EmbedRequest(model="v/text-embedding-m", inputs=["a", "b"], idempotency_key="vectors")
    async with (
        OpenAiServer(default=reply) as vendor,
        running(homes[0], config(vendor), DATABASE_URL=url) as one,
        running(homes[1], config(vendor), DATABASE_URL=url) as other,
    ):

        async def ask(llm: Llm, at: int) -> bytes:
            with as_caller(ALICE):
                if at % 4 < 2:
                    return (await llm.complete("v/m", idempotency_key="execution")).SerializeToString(
                        deterministic=True
                    )
                events = await llm.stream("v/m", idempotency_key="streamed")
                return b"".join(event.SerializeToString(deterministic=True) for event in events)

        async def embedded(llm: Llm) -> bytes:
            with as_caller(ALICE):
                return (await llm.llm.Embed(embed)).SerializeToString(deterministic=True)

        answers = await asyncio.gather(*(ask((one, other)[at % 2], at) for at in range(100)))
        vectors = await asyncio.gather(*(embedded((one, other)[at % 2]) for at in range(50)))
        assert len(set(answers)) == 2
        assert len(set(vectors)) == 1
        assert sorted(received.path for received in vendor.received) == [
            "/v1/chat/completions",
            "/v1/chat/completions",
            "/v1/embeddings",
        ]
        await other.ledger()
        assert len(await one.ledger()) == 3


async def test_chat_goes_on_while_postgresql_is_away_and_every_row_is_written_once(
    tmp_path: Path, postgres_server: PostgresServer, postgres_url: str, measured: Measured
) -> None:
    async with OpenAiServer() as vendor, running(tmp_path, config(vendor), DATABASE_URL=postgres_url) as llm:
        await llm.complete("v/m")
        await llm.ledger()
        await _refuse_connections(postgres_server, postgres_url, refuse=True)
        for _ in range(20):
            assert (await llm.complete("v/m")).text == "pong"
        spool = tmp_path / "llm-ledger-spool.jsonl"
        await until(spool.exists, seconds=HANG_SECONDS)
        await _refuse_connections(postgres_server, postgres_url, refuse=False)
        await until(lambda: not spool.exists(), seconds=HANG_SECONDS)
        rows = await llm.ledger()
    measured(f"20 of 20 answered meanwhile, {len({row.id for row in rows})} of 21 rows, {len(rows)} written")
    assert len(rows) == len({row.id for row in rows}) == 21 == len(vendor.sold)
    assert not spool.exists()


async def test_nobody_spends_before_the_rules_were_read(tmp_path: Path, postgres_url: str) -> None:
    proxy = FaultProxy(postgres_url)
    async with (
        OpenAiServer() as vendor,
        llm_process(tmp_path, config(vendor), DATABASE_URL=proxy.url) as llm,
    ):
        with pytest.raises(Unavailable) as caught:
            await llm.complete("v/m")
        assert (caught.value.reason, vendor.sold) == ("LIMITS_UNAVAILABLE", [])
        await proxy.open()
        await llm.logged("the database is there")
        assert (await llm.complete("v/m")).text == "pong"
        await proxy.cut()


async def test_the_budgets_read_last_hold_while_the_store_is_away_and_that_is_told(
    tmp_path: Path, postgres_server: PostgresServer, postgres_url: str
) -> None:
    settings = {"DATABASE_URL": postgres_url, "LLM_RULES_REFRESH_SECONDS": "0.2"}
    async with OpenAiServer() as vendor, llm_process(tmp_path, config(vendor), **settings) as llm:
        limit = common_pb2.Money(amount="1")
        budget = cost_pb2.Budget(scope="key", subject=ALICE.key_id, period="month", limit=limit)
        with as_caller(ADMIN):
            await llm.costs.PutBudget(cost_pb2.PutBudgetRequest(budget=budget))
        with as_caller(ALICE):
            assert (await llm.complete("v/m")).text == "pong"
        await _refuse_connections(postgres_server, postgres_url, refuse=True)
        await llm.logged("budgets, key policies and prices can't be read, the last ones stay")
        with as_caller(ADMIN):
            [component] = (await llm.llm.GetStatus(llm_pb2.GetStatusRequest())).components
        assert (component.name, component.state) == ("database", "down")
        with as_caller(ALICE):
            assert (await llm.complete("v/m")).text == "pong"  # answered, and counted afterwards
        await _refuse_connections(postgres_server, postgres_url, refuse=False)
        sold = sum(Decimal(usage.prompt + 2 * usage.completion) for usage in vendor.sold) / 1_000_000

        async def counted() -> bool:
            with as_caller(ADMIN):
                [found] = (await llm.costs.ListBudgets(cost_pb2.ListBudgetsRequest())).budgets
            return Decimal(found.spent.amount) == sold

        await until_true(counted)
    assert len(vendor.sold) == 2


async def _refuse_connections(server: PostgresServer, url: str, *, refuse: bool) -> None:
    """Let the server refuse every connection to the database of `url` and end those there are, or allow them again."""
    import asyncpg

    name = url.rsplit("/", 1)[1].partition("?")[0]
    connection = await asyncpg.connect(server.url)
    await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {not refuse}')
    if refuse:
        await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    await connection.close()
