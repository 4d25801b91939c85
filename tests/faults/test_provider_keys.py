"""Keys that a vendor refuses: another is used, an alert is raised once, and nobody is shown the vendor's 401."""

import asyncio
from pathlib import Path

import pytest
from penstock.common.v1 import common_pb2
from penstock.llm.v1 import cost_pb2, llm_pb2

from penstock_kit.context import Caller
from penstock_kit.errors import BadUpstream, PermissionDenied
from penstock_testkit.vendors.anthropic_server import AnthropicServer
from penstock_testkit.vendors.openai_server import OpenAiServer
from tests.faults.llm_in_process import ADMIN, as_caller, completion, running
from tests.faults.llm_process import llm_process

REFUSED, ACCEPTED = "sk-refused-0001-aaaa", "sk-accepted-0002-bbbb"


async def test_counting_tokens_goes_on_with_the_next_key(tmp_path: Path) -> None:
    async with AnthropicServer(key=ACCEPTED) as vendor:
        settings = {"ANTHROPIC_API_KEY": f"{REFUSED},{ACCEPTED}", "ANTHROPIC_BASE_URL": vendor.base_url}
        async with running(tmp_path, "{}", **settings) as llm:
            request = llm_pb2.CountTokensRequest(completion=completion("how many?", model="anthropic/m"))
            # The first use loads the vendor's library, which may take longer than a count may: that one is estimated.
            first = [await llm.llm.CountTokens(request)]
            counted = [await llm.llm.CountTokens(request) for _ in range(2 + first[0].estimated)]
            counted += [each for each in first if not each.estimated]
            state = await llm.provider("anthropic")
    assert all(each.input_tokens > 0 and not each.estimated for each in counted)
    assert [key.state for key in state.keys] == ["dead", "live"]
    assert len(vendor.received) in ({4} if not first[0].estimated else {4, 5}), "the refused key is not asked again"


async def test_a_refused_key_is_an_alert_in_log_and_metrics_once(tmp_path: Path) -> None:
    async with OpenAiServer(key=ACCEPTED) as vendor:
        settings = {"OPENAI_API_KEY": f"{REFUSED},{ACCEPTED}", "OPENAI_BASE_URL": vendor.base_url}
        async with llm_process(tmp_path, "{}", OPENAI_MODELS="m", **settings) as llm:
            answers = [await llm.complete("openai/m") for _ in range(5)]
            metrics = await asyncio.to_thread(llm.metrics)
            log = llm.output()
    assert [answer.text for answer in answers] == ["pong"] * 5
    assert 'penstock_llm_keys{provider="openai",state="dead"} 1.0' in metrics
    assert 'penstock_llm_keys{provider="openai",state="live"} 1.0' in metrics
    assert log.count("provider key refused by its vendor") == 1
    assert REFUSED not in log + metrics
    assert len(vendor.received) == 6


async def test_when_every_key_is_refused_the_caller_sees_a_bad_upstream_and_the_vendor_no_more_calls(
    tmp_path: Path,
) -> None:
    async with OpenAiServer(key="another") as vendor:
        settings = {"OPENAI_API_KEY": f"{REFUSED},{ACCEPTED}", "OPENAI_BASE_URL": vendor.base_url}
        async with running(tmp_path, "{}", **settings) as llm:
            for _ in range(3):
                with pytest.raises(BadUpstream, match="refused our credentials"):
                    await llm.complete("openai/m")
    assert len(vendor.received) == 2


async def test_a_deleted_keys_budgets_go_with_it(tmp_path: Path) -> None:
    gone, stays = Caller(user_id="alice", key_id="k1"), Caller(user_id="alice", key_id="k2")
    async with running(tmp_path, "{}") as llm:
        for subject in (gone.key_id, stays.key_id):
            budget = cost_pb2.Budget(scope="key", subject=subject, period="month", limit=common_pb2.Money(amount="1"))
            with as_caller(ADMIN):
                await llm.costs.PutBudget(cost_pb2.PutBudgetRequest(budget=budget))
        with as_caller(gone):
            await llm.costs.DeleteKeyPolicy(cost_pb2.DeleteKeyPolicyRequest(key_id=gone.key_id))
        with as_caller(ADMIN):
            left = (await llm.costs.ListBudgets(cost_pb2.ListBudgetsRequest())).budgets
    assert [budget.subject for budget in left] == [stays.key_id]


async def test_a_deleted_users_limits_and_those_of_its_keys_go_with_it_in_its_own_tenant(tmp_path: Path) -> None:
    operator = Caller(user_id="root", scopes=frozenset({"operator"}))
    elsewhere = Caller(user_id="chief", tenant_id="elsewhere", scopes=frozenset({"admin"}))
    limits = [("key", "k1"), ("key", "k2"), ("key", "k3"), ("user", "alice"), ("user", "k3"), ("total", "")]
    request = cost_pb2.DeleteUserLimitsRequest(tenant_id="elsewhere", user_id="alice", key_ids=["k1", "k2"])

    async def left(caller: Caller) -> list[tuple[str, str]]:
        with as_caller(caller):
            listed = (await llm.costs.ListBudgets(cost_pb2.ListBudgetsRequest())).budgets
            policies = [
                (await llm.costs.GetKeyPolicy(cost_pb2.GetKeyPolicyRequest(key_id=subject))).policy
                for scope, subject in limits
                if scope == "key"
            ]
        kept = [("policy", policy.key_id) for policy in policies if policy.requests_per_minute]
        return sorted([*((budget.scope, budget.subject) for budget in listed), *kept])

    async with running(tmp_path, "{}") as llm:
        for caller in (ADMIN, elsewhere):
            with as_caller(caller):
                for scope, subject in limits:
                    money = common_pb2.Money(amount="1")
                    budget = cost_pb2.Budget(scope=scope, subject=subject, period="month", limit=money)
                    await llm.costs.PutBudget(cost_pb2.PutBudgetRequest(budget=budget))
                    if scope == "key":
                        policy = cost_pb2.KeyPolicy(key_id=subject, requests_per_minute=5)
                        await llm.costs.PutKeyPolicy(cost_pb2.PutKeyPolicyRequest(policy=policy))
        before = await left(ADMIN)
        assert len(before) == 9
        for caller in (
            Caller(user_id="chief", scopes=frozenset({"admin"})),
            Caller(user_id="alice", tenant_id="elsewhere"),
        ):
            with as_caller(caller), pytest.raises(PermissionDenied):
                await llm.costs.DeleteUserLimits(request)
        assert await left(elsewhere) == before
        with as_caller(operator):
            await llm.costs.DeleteUserLimits(request)
        assert await left(elsewhere) == [("key", "k3"), ("policy", "k3"), ("total", ""), ("user", "k3")]
        assert await left(ADMIN) == before
