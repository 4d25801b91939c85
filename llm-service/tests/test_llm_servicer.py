"""The service over gRPC, with a fake vendor before and the offline provider behind."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.common.v1 import common_pb2
from penstock.llm.v1 import cost_pb2, cost_pb2_grpc, llm_pb2, llm_pb2_grpc

from llm_service.edge.completion_request import completion_request_from_proto
from llm_service.main import MIGRATIONS, serve
from llm_service.settings import LlmSettings
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.database import sqlite_url
from penstock_kit.errors import BadUpstream, InvalidArgument, NotFound, PermissionDenied, ResourceExhausted
from penstock_kit.grpc import open_channel
from penstock_testkit.databases import lay_out
from penstock_testkit.loop_turns import watch_turns
from penstock_testkit.servers.process import free_port
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import FakeToolCall, FakeUsage, Reply
from penstock_testkit.waiting import HANG_SECONDS

ALICE = Caller(user_id="alice", key_id="k1")
ADMIN = Caller(user_id="root", scopes=frozenset({"admin"}))
OPERATOR = Caller(user_id="root", scopes=frozenset({"operator"}))


@dataclass(frozen=True)
class Service:
    """Stubs of a running service; `llm` and `costs`."""

    llm: Any
    costs: Any


def as_caller(caller: Caller) -> Any:
    return use_context(CallContext(request_id="req_test", caller=caller))


@pytest.fixture
async def service(vendor: OpenAiServer, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    """The service; a test parametrizes it with the seconds that a vendor has for its first word."""
    config = tmp_path / "llm.yaml"
    config.write_text("aliases: {fast: openai/m1}\nprices: [{provider: openai, model: m1, input: 1, output: 2}]")
    port = free_port()
    settings = LlmSettings(
        _env_file=None,  # type: ignore[call-arg]
        PENSTOCK_HOME=tmp_path,
        LLM_SERVICE_PORT=port,
        LLM_SERVICE_METRICS_PORT=0,
        OPENAI_BASE_URL=vendor.base_url,
        OPENAI_API_KEY="sk-test-0001-abcd",
        OPENAI_MODELS="m1",
        LLM_CONFIG_FILE=str(config),
        LLM_FIRST_TOKEN_TIMEOUT=getattr(request, "param", HANG_SECONDS),
        PENSTOCK_GRACE_SECONDS=1,
    )
    await lay_out(sqlite_url(tmp_path / "llm.db"), MIGRATIONS)
    stop = asyncio.Event()
    task = asyncio.create_task(serve(settings, stop))
    async with open_channel(f"127.0.0.1:{port}", service="llm-service") as channel:
        await asyncio.wait_for(channel.channel_ready(), HANG_SECONDS)
        yield Service(llm=llm_pb2_grpc.LlmServiceStub(channel), costs=cost_pb2_grpc.CostServiceStub(channel))
    stop.set()
    await asyncio.wait_for(task, HANG_SECONDS)


def completion(text: str = "ping", **fields: Any) -> llm_pb2.CompletionRequest:
    message = llm_pb2.Message(role=llm_pb2.ROLE_USER, parts=[llm_pb2.Part(text=text)])
    return llm_pb2.CompletionRequest(messages=[message], **fields)


async def streamed(service: Service, asked: llm_pb2.CompletionRequest) -> list[llm_pb2.CompletionEvent]:
    call = service.llm.StreamComplete(llm_pb2.StreamCompleteRequest(completion=asked))
    return [event async for response in call for event in response.events]


async def test_no_turn_of_the_loop_takes_what_reading_a_large_question_takes(service: Service) -> None:
    message = llm_pb2.Message(role=llm_pb2.ROLE_USER, parts=[llm_pb2.Part(text="x")])
    asked = llm_pb2.CompletionRequest(model="openai/m1", messages=[message] * 33_000)
    begun = time.thread_time()
    completion_request_from_proto(asked, streaming=False, check_url=lambda url: None)
    alone = time.thread_time() - begun
    with as_caller(ALICE):
        await complete(service, completion())
        async with watch_turns() as turns:
            await service.llm.CountTokens(llm_pb2.CountTokensRequest(completion=asked))
    assert turns.longest < 0.7 * alone


async def complete(service: Service, asked: llm_pb2.CompletionRequest) -> llm_pb2.Completion:
    return (await service.llm.Complete(llm_pb2.CompleteRequest(completion=asked))).completion


async def ledger(service: Service, caller: Caller = ADMIN) -> list[cost_pb2.LedgerEntry]:
    with as_caller(caller):
        return list((await service.costs.ListLedger(cost_pb2.ListLedgerRequest())).entries)


async def providers(service: Service) -> llm_pb2.ListProvidersResponse:
    with as_caller(OPERATOR):
        return await service.llm.ListProviders(llm_pb2.ListProvidersRequest())


async def test_no_provider_is_loaded_until_one_answers(service: Service) -> None:
    before = await providers(service)
    assert list(before.loaded_providers) == []
    assert list(before.available_providers) == ["openai", "fallback"]
    await complete(service, completion(model="fallback/rules"))
    after = await providers(service)
    assert list(after.loaded_providers) == ["fallback"]
    assert after.cache_size == 1
    assert after.providers[0].keys[0].masked_key == "sk-t…abcd"


async def test_a_stream_and_an_answer_at_once_say_the_same(service: Service, vendor: OpenAiServer) -> None:
    vendor.default = Reply(chunks=("po", "ng"), usage=FakeUsage(prompt=10, completion=5, cached=4, reasoning=2))
    events = await streamed(service, completion(model="openai/m1"))
    assert [event.WhichOneof("event") for event in events] == ["started", "text", "text", "finished"]
    answer = await complete(service, completion(model="openai/m1"))
    assert answer.text == "".join(event.text.text for event in events) == "pong"
    finished = events[-1].finished
    assert answer.finished.usage == finished.usage
    assert (finished.usage.input_tokens, finished.usage.cache_read_tokens) == (6, 4)
    assert (finished.usage.output_tokens, finished.usage.reasoning_tokens) == (3, 2)
    # (10 prompt tokens at 1 + 5 at 2) per million
    assert (finished.cost.amount, finished.cost.source) == ("0.00002", "operator")


async def test_tool_calls_cross_the_wire(service: Service, vendor: OpenAiServer) -> None:
    vendor.default = Reply(tool_calls=[FakeToolCall(name="look", arguments='{"a": 1}')], finish_reason="tool_calls")
    tool = common_pb2.ToolDefinition(name="look", parameters_json='{"type": "object"}')
    answer = await complete(service, completion(model="openai/m1", tools=[tool]))
    assert [(call.id, call.name, call.arguments_json) for call in answer.tool_calls] == [("call_1", "look", '{"a": 1}')]
    assert answer.finished.finish_reason == "tool_calls"


async def test_a_failing_vendor_is_stood_in_for_and_said_to_be(service: Service, vendor: OpenAiServer) -> None:
    vendor.script(Reply(status=500), Reply(status=500))
    started = (await streamed(service, completion("hello")))[0].started
    assert (started.provider, started.degraded) == ("fallback", True)
    assert [(each.provider, each.error_kind) for each in started.failed_attempts] == [("openai", "server")] * 2
    state = await providers(service)
    assert (state.providers[0].failures, state.providers[0].last_error_kind) == (2, "server")


async def test_a_vendor_that_fails_once_is_asked_again(service: Service, vendor: OpenAiServer) -> None:
    vendor.script(Reply(status=503))
    answer = await complete(service, completion(model="openai/m1"))
    assert (answer.text, answer.started.degraded) == ("pong", False)
    assert [attempt.error_kind for attempt in answer.started.failed_attempts] == ["server"]


@pytest.mark.parametrize("service", [0.5], indirect=True)
async def test_a_silent_vendor_is_stood_in_for_after_the_first_token_timeout(
    service: Service, vendor: OpenAiServer
) -> None:
    vendor.script(Reply(hang_after=0))
    started = (await streamed(service, completion("hello")))[0].started
    assert [attempt.error_kind for attempt in started.failed_attempts] == ["first_token_timeout"]
    await vendor.wait_abandoned()


async def test_a_named_provider_that_refuses_our_key_is_a_bad_upstream(service: Service, vendor: OpenAiServer) -> None:
    vendor.script(Reply(status=401))
    with pytest.raises(BadUpstream, match="refused our credentials") as caught:
        await complete(service, completion(model="openai/m1"))
    assert caught.value.reason == "PROVIDER_CREDENTIALS_INVALID"


async def test_a_cut_stream_ends_in_an_error_with_the_text_so_far_billed(
    service: Service, vendor: OpenAiServer
) -> None:
    vendor.script(Reply(chunks=("some words", "more"), chunk_delay=0.05, cut_after=1))
    with pytest.raises(BadUpstream, match="cut the connection"):
        await streamed(service, completion(model="openai/m1"))
    [entry] = await ledger(service)
    assert (entry.outcome, entry.error_kind) == ("error", "cut")
    assert entry.usage.estimated
    assert entry.usage.output_tokens > 0


async def test_a_caller_that_leaves_ends_the_vendors_call_and_has_a_row(service: Service, vendor: OpenAiServer) -> None:
    vendor.script(Reply(chunks=("some", "more"), hang_after=1))
    with as_caller(ALICE):
        call = service.llm.StreamComplete(llm_pb2.StreamCompleteRequest(completion=completion(model="openai/m1")))
        async with call as responses:
            async for _ in responses:
                break
    await vendor.wait_abandoned()
    entries: list[cost_pb2.LedgerEntry] = []
    async with asyncio.timeout(HANG_SECONDS):
        while not entries:
            entries = await ledger(service)
    assert [(entry.outcome, entry.user_id, entry.key_id) for entry in entries] == [("cancelled", "alice", "k1")]


async def test_times_beyond_the_calendar_are_the_callers_error(service: Service) -> None:
    for seconds in (2**62, -(2**62), 253_402_300_800):
        beyond = Timestamp(seconds=seconds)
        with as_caller(ALICE):
            with pytest.raises(InvalidArgument, match="outside of the years 1 to 9999"):
                await service.costs.ListLedger(cost_pb2.ListLedgerRequest(start_time=beyond))
            with pytest.raises(InvalidArgument, match="outside of the years 1 to 9999"):
                await service.llm.ParsePrompt(llm_pb2.ParsePromptRequest(prompt="today", now=beyond))


async def test_everybody_sees_their_own_costs_and_administrators_all(service: Service) -> None:
    for caller in (ALICE, ALICE, ADMIN):
        with as_caller(caller):
            await complete(service, completion(model="openai/m1"))
    summary = cost_pb2.SummarizeCostsRequest(group_by=cost_pb2.COST_GROUP_USER)
    with as_caller(ALICE):
        mine = await service.costs.SummarizeCosts(summary)
        with pytest.raises(PermissionDenied):
            await service.costs.SummarizeCosts(cost_pb2.SummarizeCostsRequest(user_id="root"))
    with as_caller(ADMIN):
        everybodys = await service.costs.SummarizeCosts(summary)
    assert {row.group: row.requests for row in mine.rows} == {"alice": 2}
    assert {row.group: row.requests for row in everybodys.rows} == {"alice": 2, "root": 1}
    with as_caller(Caller(user_id="alice", tenant_id="other", scopes=frozenset({"admin"}))):
        assert (await service.costs.SummarizeCosts(summary)).total.requests == 0


async def test_only_operators_see_what_all_tenants_spent(service: Service) -> None:
    for tenant in ("one", "two"):
        with as_caller(Caller(user_id="alice", tenant_id=tenant)):
            await complete(service, completion(model="openai/m1"))
    everything = cost_pb2.SummarizeCostsRequest(all_tenants=True)
    with as_caller(Caller(user_id="root", tenant_id="one", scopes=frozenset({"operator"}))):
        assert (await service.costs.SummarizeCosts(everything)).total.requests == 2
    with as_caller(Caller(user_id="root", tenant_id="one", scopes=frozenset({"admin"}))):
        with pytest.raises(PermissionDenied):
            await service.costs.SummarizeCosts(everything)
        by_minute = cost_pb2.SummarizeCostsRequest(group_by=cost_pb2.COST_GROUP_MINUTE)
        with pytest.raises(InvalidArgument, match="at most two days"):
            await service.costs.SummarizeCosts(by_minute)


async def test_models_are_listed_with_their_aliases(service: Service) -> None:
    models = {model.id: model for model in (await service.llm.ListModels(llm_pb2.ListModelsRequest())).models}
    assert list(models) == ["openai/m1", "fallback/rules", "fallback/hashing", "fast"]
    assert list(models["fast"].targets) == ["openai/m1"]
    assert list(models["openai/m1"].aliases) == ["fast"]
    assert list(models["fallback/hashing"].capabilities) == ["embedding"]


async def test_a_key_sees_the_models_and_aliases_that_it_may_use(service: Service) -> None:
    policy = cost_pb2.KeyPolicy(key_id="k1", allowed_models=["fallback/*"])
    with as_caller(ADMIN):
        await service.costs.PutKeyPolicy(cost_pb2.PutKeyPolicyRequest(policy=policy))
    with as_caller(ALICE):
        models = (await service.llm.ListModels(llm_pb2.ListModelsRequest())).models
    assert [model.id for model in models] == ["fallback/rules", "fallback/hashing"]


async def test_a_route_is_explained(service: Service) -> None:
    route = await service.llm.ExplainRoute(llm_pb2.ExplainRouteRequest(model="fast"))
    assert route.alias == "fast"
    assert [(candidate.provider, candidate.model) for candidate in route.candidates] == [
        ("openai", "m1"),
        ("fallback", "rules"),
    ]


async def test_embeddings_come_from_the_named_or_the_offline_provider(service: Service) -> None:
    named = await service.llm.Embed(llm_pb2.EmbedRequest(model="openai/e1", inputs=["a", "b"]))
    assert (named.provider, len(named.embeddings), len(named.embeddings[0].values)) == ("openai", 2, 16)
    offline = await service.llm.Embed(llm_pb2.EmbedRequest(inputs=["valve pressure", "pressure of the valve", "苹果"]))
    assert (offline.provider, offline.model, len(offline.embeddings[0].values)) == ("fallback", "hashing", 1024)
    assert [(entry.provider, entry.surface) for entry in await ledger(service)] == [
        ("fallback", "embeddings"),
        ("openai", "embeddings"),
    ]


@pytest.mark.parametrize(
    ("count", "dimensions"),
    [(1, 2**31 - 1), (1, 8193), (1, -1), (2048, 4096)],
    ids=["2 GB", "8193", "-1", "2048 × 4096"],
)
async def test_vectors_larger_than_any_model_makes_are_refused(service: Service, count: int, dimensions: int) -> None:
    request = llm_pb2.EmbedRequest(inputs=["a"] * count, dimensions=dimensions)
    with pytest.raises(InvalidArgument, match="dimensions"):
        await service.llm.Embed(request)


async def test_a_prompt_is_parsed_in_the_callers_zone(service: Service) -> None:
    request = llm_pb2.ParsePromptRequest(prompt="WLD001 今天的平均电流", time_zone="Asia/Shanghai")
    request.now.FromJsonString("2026-11-21T01:30:00Z")
    parsed = await service.llm.ParsePrompt(request)
    assert (parsed.query.intent, list(parsed.query.devices), parsed.query.language) == ("statistics", ["WLD001"], "zh")
    assert parsed.query.start_time.ToJsonString() == "2026-11-20T16:00:00Z"
    assert parsed.source == "rules"


async def test_a_parsed_prompt_tells_conditions_intervals_units_and_what_was_not_understood(service: Service) -> None:
    prompt = (
        "hourly mean current of all machines except WLD002 in kA where voltage > 20 V and quality is good, sorted oddly"
    )
    query = (await service.llm.ParsePrompt(llm_pb2.ParsePromptRequest(prompt=prompt))).query
    number, text = query.conditions
    assert (number.field, number.operator, number.number, number.unit) == ("voltage", ">", 20, "V")
    assert (text.field, text.operator, text.text) == ("quality_label", "=", "good")
    assert (query.interval.seconds, query.unit) == (3600, "kA")
    assert (query.all_devices, list(query.excluded_devices)) == (True, ["WLD002"])
    assert list(query.unread) == ["oddly"]


async def test_a_parsed_prompt_tells_moments_alternatives_further_ranges_and_how_words_were_read(
    service: Service,
) -> None:
    async def parsed(prompt: str) -> llm_pb2.StructuredQuery:
        return (await service.llm.ParsePrompt(llm_pb2.ParsePromptRequest(prompt=prompt))).query

    assert (await parsed("current of WLD001 an hour ago")).asks_moment
    either = await parsed("did WLD001 have current > 200 or voltage < 15 today?")
    assert (either.any_condition, either.asks_whether) == (True, True)
    compared = await parsed("compare the current of WLD001 today and yesterday")
    assert len(compared.further_ranges) == 1
    assert compared.further_ranges[0].end_time == compared.start_time
    ranked = await parsed("top 3 machines by mean current today")
    assert (ranked.ranking_limit, ranked.asks_which) == (3, True)
    read = await parsed("how long was WLD001 idle today?")
    assert [(each.written, each.taken_for) for each in read.read_as] == [("idle", "current < 5")]
    assert (await parsed("in what unit is current measured?")).asks_unit


@pytest.mark.parametrize(
    ("prompt", "details"),
    [
        (
            "how many stops longer than 3 minutes did WLD001 have today?",
            {"shortest_spell_seconds": "180", "longer_than_that": "true"},
        ),
        ("is 24 V normal for WLD001?", {"judged": "voltage 24 V usual"}),
        ("mean current of WLD001 the day before", {"back_seconds": "86400"}),
        ("which hall used more gas today, A or B?", {"by_group": "true", "groups": "A,B"}),
        ("peak current of WLD001 today without spikes", {"without_outliers": "true"}),
        ("mean voltage of machine 2 today to 2 decimals", {"device_numbers": "2", "decimals": "2"}),
        ("when did WLD002 first exceed 60 degrees today?", {"once": "first"}),
        ("mean current of WLD001 today", {}),
    ],
)
async def test_a_parsed_prompt_tells_all_that_is_asked_for(
    service: Service, prompt: str, details: dict[str, str]
) -> None:
    query = (await service.llm.ParsePrompt(llm_pb2.ParsePromptRequest(prompt=prompt))).query
    assert dict(query.details) == details
    assert not query.unread


@pytest.mark.parametrize("now", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
async def test_prompts_at_the_edges_of_the_calendar_are_parsed(service: Service, now: str) -> None:
    for phrase in (
        "last 3 hours",
        "yesterday",
        "next year",
        "from 10 pm to 2 am",
        "last month",
        "5 days ago",
        "on Monday",
    ):
        request = llm_pb2.ParsePromptRequest(prompt=f"mean current of WLD001 {phrase}")
        request.now.FromJsonString(now)
        parsed = await service.llm.ParsePrompt(request)
        assert list(parsed.query.devices) == ["WLD001"]


async def test_a_now_that_is_beyond_the_calendar_in_its_zone_is_refused(service: Service) -> None:
    request = llm_pb2.ParsePromptRequest(prompt="mean current of WLD001", time_zone="Asia/Shanghai")
    request.now.FromJsonString("9999-12-31T23:59:59Z")
    with pytest.raises(InvalidArgument, match="beyond the calendar in Asia/Shanghai"):
        await service.llm.ParsePrompt(request)


async def test_tokens_are_counted_by_rule(service: Service) -> None:
    request = llm_pb2.CountTokensRequest(completion=completion("x" * 400))
    counted = await service.llm.CountTokens(request)
    assert (counted.input_tokens, counted.estimated) == (104, True)


async def test_the_state_of_the_store_is_told(service: Service) -> None:
    status = await service.llm.GetStatus(llm_pb2.GetStatusRequest())
    assert [(component.name, component.state) for component in status.components] == [("database", "ok")]
    assert status.rss_bytes > 0


WRONG = [
    (llm_pb2.CompletionRequest(), "messages: there is no message"),
    (llm_pb2.CompletionRequest(messages=[llm_pb2.Message()]), r"messages\[0\].role: the role is missing"),
    (completion(tools=[common_pb2.ToolDefinition(name="")]), r"tools\[0\].name: the tool has no name"),
    (completion(tools=[common_pb2.ToolDefinition(name="x", parameters_json="{")]), "parameters_json: it is not JSON"),
    (completion(extra_json="[]"), "extra_json: it is not a JSON object"),
    (completion(policy="dice"), "unknown policy 'dice'"),
    (
        completion(tool_choice=llm_pb2.ToolChoice(mode=llm_pb2.ToolChoice.MODE_NAMED, name="x")),
        "tool_choice.name: there is no tool 'x'",
    ),
]


@pytest.mark.parametrize(("asked", "complaint"), WRONG, ids=[complaint for _, complaint in WRONG])
async def test_a_wrong_request_is_refused_naming_the_field(
    service: Service, asked: llm_pb2.CompletionRequest, complaint: str
) -> None:
    with pytest.raises(InvalidArgument, match=complaint):
        await complete(service, asked)


async def test_an_unknown_model_is_not_found(service: Service) -> None:
    with pytest.raises(NotFound, match="'gpt-9' was not found; there are: fast, openai/m1"):
        await complete(service, completion(model="gpt-9"))


async def put_budget(service: Service, amount: str, **fields: Any) -> cost_pb2.Budget:
    budget = cost_pb2.Budget(limit=common_pb2.Money(amount=amount), **{"scope": "total", "period": "total"} | fields)
    with as_caller(ADMIN):
        return (await service.costs.PutBudget(cost_pb2.PutBudgetRequest(budget=budget))).budget


async def test_a_budget_counts_what_was_spent_and_ends_spending(service: Service, vendor: OpenAiServer) -> None:
    vendor.default = Reply(usage=FakeUsage(prompt=10, completion=5))
    with as_caller(ALICE):
        await complete(service, completion(model="openai/m1"))
    made = await put_budget(service, "0.00012", scope="key", subject="k1")
    assert made.spent.amount == "0.00002"
    with as_caller(ALICE):
        answer = await complete(service, completion(model="openai/m1"))
        assert answer.text == "pong"
        with pytest.raises(ResourceExhausted, match=r"the budget of this key, 0\.00012 USD, has") as caught:
            await complete(service, completion("word " * 200, model="openai/m1"))
        [mine] = (await service.costs.ListBudgets(cost_pb2.ListBudgetsRequest())).budgets
    assert caught.value.reason == "BUDGET_LIMIT_EXCEEDED"
    assert (mine.spent.amount, mine.reserved.amount) == ("0.00004", "0")
    assert (await ledger(service))[0].outcome == "budget_exceeded"
    with as_caller(ADMIN):
        await complete(service, completion(model="openai/m1"))
        await service.costs.DeleteBudget(cost_pb2.DeleteBudgetRequest(id=made.id))
    with as_caller(ALICE):
        await complete(service, completion("word " * 200, model="openai/m1"))


@pytest.mark.parametrize("all_tenants", [False, True])
@pytest.mark.parametrize("ratio", [0.0, 1.0])
async def test_budgets_are_listed_page_by_page(service: Service, all_tenants: bool, ratio: float) -> None:
    # Of nothing all is spent.
    made = sorted([(await put_budget(service, "0", scope="user", subject=f"u{each}")).id for each in range(5)])
    mine = await put_budget(service, "0", scope="user", subject="alice")
    pages: list[list[str]] = []
    request = cost_pb2.ListBudgetsRequest(page_size=2, all_tenants=all_tenants, min_spent_ratio=ratio)
    with as_caller(OPERATOR):
        while not pages or request.page_token:
            response = await service.costs.ListBudgets(request)
            pages.append([each.id for each in response.budgets])
            request.page_token = response.next_page_token
    assert pages == [sorted([*made, mine.id])[at : at + 2] for at in (0, 2, 4)]
    with as_caller(ALICE):
        listed = await service.costs.ListBudgets(cost_pb2.ListBudgetsRequest(page_size=1, min_spent_ratio=ratio))
    assert ([each.id for each in listed.budgets], listed.next_page_token) == ([mine.id], "")


async def test_the_vendor_is_told_how_much_the_budget_pays(service: Service, vendor: OpenAiServer) -> None:
    vendor.default = Reply(finish_reason="length")
    await put_budget(service, "0.0002")
    answer = await complete(service, completion(model="openai/m1"))
    [received] = vendor.received
    assert 16 <= received.body["max_tokens" if "max_tokens" in received.body else "max_completion_tokens"] < 100
    assert answer.finished.finish_reason == "budget_exceeded"


async def test_a_running_stream_is_cut_at_the_cap(service: Service, vendor: OpenAiServer) -> None:
    vendor.script(Reply(chunks=("many words come here again ",) * 50, usage=None, hang_after=40))
    await put_budget(service, "0.0002")
    events = await streamed(service, completion(model="openai/m1"))
    assert events[-1].finished.finish_reason == "budget_exceeded"
    await vendor.wait_abandoned()
    assert [entry.outcome for entry in await ledger(service)] == ["budget_exceeded"]


async def test_a_key_uses_only_the_models_and_rates_of_its_policy(service: Service) -> None:
    policy = cost_pb2.KeyPolicy(key_id="k1", allowed_models=["openai/*"], requests_per_minute=1)
    with as_caller(ADMIN):
        await service.costs.PutKeyPolicy(cost_pb2.PutKeyPolicyRequest(policy=policy))
        got = await service.costs.GetKeyPolicy(cost_pb2.GetKeyPolicyRequest(key_id="k1"))
        assert got.policy == policy
    with as_caller(ALICE):
        with pytest.raises(PermissionDenied, match="this key may not use model 'fallback/rules'"):
            await complete(service, completion(model="fallback/rules"))
        await complete(service, completion(model="openai/m1"))
        with pytest.raises(ResourceExhausted, match="1 requests a minute") as caught:
            await complete(service, completion(model="openai/m1"))
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 50


async def test_counting_tokens_is_a_request_to_the_rate_of_a_key(service: Service) -> None:
    policy = cost_pb2.KeyPolicy(key_id="k1", requests_per_minute=2, tokens_per_minute=1)
    with as_caller(ADMIN):
        await service.costs.PutKeyPolicy(cost_pb2.PutKeyPolicyRequest(policy=policy))
    request = llm_pb2.CountTokensRequest(completion=completion(model="openai/m1"))
    with as_caller(ALICE):
        for _ in range(2):
            await service.llm.CountTokens(request)
        with pytest.raises(ResourceExhausted, match="2 requests a minute"):
            await service.llm.CountTokens(request)


async def test_a_price_set_at_run_time_counts_at_once(service: Service) -> None:
    price = cost_pb2.Price(provider="openai", model="m1", input="100", output="200")
    with as_caller(OPERATOR):
        await service.costs.PutPrice(cost_pb2.PutPriceRequest(price=price))
        listed = (await service.costs.ListPrices(cost_pb2.ListPricesRequest(provider="openai"))).prices
    assert [(row.model, row.input, row.source) for row in listed] == [("m1", "100", "operator")]
    answer = await complete(service, completion(model="openai/m1"))
    assert answer.finished.cost.amount == "0.0007"


@pytest.mark.parametrize("amount", ["\u0661\u0662", "\uff11\uff10", "1_000", " 1", "1e99", "NaN", "-1", "", "1000001"])
async def test_an_amount_is_a_decimal_number_in_plain_digits(service: Service, amount: str) -> None:
    price = cost_pb2.Price(provider="openai", model="m1", input=amount, output="1")
    budget = cost_pb2.Budget(scope="user", subject="alice", period="day", limit=common_pb2.Money(amount=amount))
    with as_caller(OPERATOR):
        for call in (
            service.costs.PutPrice(cost_pb2.PutPriceRequest(price=price)),
            service.costs.PutBudget(cost_pb2.PutBudgetRequest(budget=budget)),
        ):
            with pytest.raises(InvalidArgument, match="give a decimal number of USD from 0 to") as caught:
                await call
            assert caught.value.reason == "RULE_INVALID"


@pytest.mark.parametrize("caller", [ALICE, ADMIN, Caller(user_id="", scopes=frozenset({"operator"}))], ids=str)
async def test_what_concerns_every_tenant_is_refused_to_all_but_operators(service: Service, caller: Caller) -> None:
    price = cost_pb2.Price(provider="openai", model="m1", input="0", output="0")
    with as_caller(caller):
        for call in (
            service.costs.PutPrice(cost_pb2.PutPriceRequest(price=price)),
            service.llm.ReloadConfiguration(llm_pb2.ReloadConfigurationRequest()),
            service.llm.ListProviders(llm_pb2.ListProvidersRequest()),
        ):
            with pytest.raises(PermissionDenied) as caught:
                await call
            assert caught.value.reason == "OPERATOR_REQUIRED"
    with as_caller(OPERATOR):
        listed = (await service.costs.ListPrices(cost_pb2.ListPricesRequest(provider="openai"))).prices
    assert [(row.input, row.output) for row in listed] == [("1", "2")]


async def test_a_key_with_limits_changes_neither_policies_nor_budgets(service: Service) -> None:
    by_policy = Caller(user_id="root", key_id="k_policy", scopes=frozenset({"admin"}))
    by_budget = Caller(user_id="root", key_id="k_budget", scopes=frozenset({"admin"}))
    policy = cost_pb2.KeyPolicy(key_id="k_policy", requests_per_minute=60)
    limit = common_pb2.Money(amount="1")
    with as_caller(ADMIN):
        await service.costs.PutKeyPolicy(cost_pb2.PutKeyPolicyRequest(policy=policy))
        budget = cost_pb2.Budget(scope="key", subject="k_budget", period="month", limit=limit)
        budget = (await service.costs.PutBudget(cost_pb2.PutBudgetRequest(budget=budget))).budget
    wider = cost_pb2.KeyPolicy(key_id="k_policy")
    for caller in (by_policy, by_budget):
        with as_caller(caller):
            for call in (
                service.costs.PutKeyPolicy(cost_pb2.PutKeyPolicyRequest(policy=wider)),
                service.costs.PutBudget(cost_pb2.PutBudgetRequest(budget=budget)),
                service.costs.DeleteBudget(cost_pb2.DeleteBudgetRequest(id=budget.id)),
            ):
                with pytest.raises(PermissionDenied) as caught:
                    await call
                assert caught.value.reason == "KEY_LIMITS_DENIED"
    with as_caller(ADMIN):
        kept = await service.costs.GetKeyPolicy(cost_pb2.GetKeyPolicyRequest(key_id="k_policy"))
        assert kept.policy.requests_per_minute == 60
        assert [each.id for each in (await service.costs.ListBudgets(cost_pb2.ListBudgetsRequest())).budgets] == [
            budget.id
        ]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"scope": "team"}, "budget.scope: it is 'team'; there are: key, user, total"),
        ({"period": "year"}, "budget.period: it is 'year'; there are: day, month, total"),
        ({"scope": "user"}, "budget.subject: a budget of a user needs the user's id"),
    ],
)
async def test_a_wrong_budget_is_refused_naming_the_field(
    service: Service, fields: dict[str, str], complaint: str
) -> None:
    with pytest.raises(InvalidArgument, match=complaint):
        await put_budget(service, "1", **fields)
    with pytest.raises(InvalidArgument, match=r"budget.limit.amount: it is '-1'"):
        await put_budget(service, "-1")


async def test_a_reload_that_fails_keeps_the_old_configuration_and_says_so(service: Service, tmp_path: Path) -> None:
    (tmp_path / "llm.yaml").write_text("aliases: {quick: [")
    with as_caller(OPERATOR):
        answer = await service.llm.ReloadConfiguration(llm_pb2.ReloadConfigurationRequest())
        assert (answer.applied, "it is not YAML" in answer.error) == (False, True)
        state = await service.llm.ListProviders(llm_pb2.ListProvidersRequest())
        assert "it is not YAML" in state.configuration_error
        assert (await service.llm.ExplainRoute(llm_pb2.ExplainRouteRequest(model="fast"))).alias == "fast"
        (tmp_path / "llm.yaml").write_text("aliases: {quick: openai/m1}")
        assert (await service.llm.ReloadConfiguration(llm_pb2.ReloadConfigurationRequest())).applied
        assert (await service.llm.ExplainRoute(llm_pb2.ExplainRouteRequest(model="quick"))).alias == "quick"
