"""Every field of every request of the service: at its bound it is taken, beyond it refused by its name."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.common.v1 import common_pb2
from penstock.llm.v1 import cost_pb2, cost_pb2_grpc, llm_pb2, llm_pb2_grpc

from llm_service.main import serve
from llm_service.settings import LlmSettings
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.grpc import open_channel
from penstock_testkit.request_sweep import RequestSweep, bounds
from penstock_testkit.servers.process import free_port
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.waiting import HANG_SECONDS

OPERATOR: Final = Caller(user_id="u", tenant_id="t", scopes=frozenset({"admin", "operator"}))
SOON, LATER = Timestamp(seconds=1_767_225_600), Timestamp(seconds=1_767_229_200)
DOLLAR: Final = common_pb2.Money(currency="USD", amount="1")
QUESTION: Final = llm_pb2.CompletionRequest(
    model="fallback/rules",
    messages=[llm_pb2.Message(role=llm_pb2.ROLE_USER, parts=[llm_pb2.Part(text="hello")])],
    tools=[common_pb2.ToolDefinition(name="look", parameters_json='{"type": "object"}')],
)

RIGHTS: Final = {
    "Complete": llm_pb2.CompleteRequest(completion=QUESTION),
    "StreamComplete": llm_pb2.StreamCompleteRequest(completion=QUESTION),
    "Embed": llm_pb2.EmbedRequest(model="fallback/rules", inputs=["a"]),
    "CountTokens": llm_pb2.CountTokensRequest(completion=QUESTION),
    "ParsePrompt": llm_pb2.ParsePromptRequest(
        prompt="mean current of WLD001 today",
        known_devices=["WLD001"],
        known_fields=["current"],
        now=SOON,
        time_zone="Europe/Berlin",
        model="fallback/rules",
    ),
    "ExplainRoute": llm_pb2.ExplainRouteRequest(model="openai/m1"),
    "ReloadConfiguration": llm_pb2.ReloadConfigurationRequest(request_id="x"),
}
COST_RIGHTS: Final = {
    "SummarizeCosts": cost_pb2.SummarizeCostsRequest(group_by=1, start_time=SOON, end_time=LATER),
    "ListLedger": cost_pb2.ListLedgerRequest(start_time=SOON, end_time=LATER),
    "PutBudget": cost_pb2.PutBudgetRequest(
        budget=cost_pb2.Budget(id="b", scope="key", subject="k", period="day", limit=DOLLAR)
    ),
    "ListBudgets": cost_pb2.ListBudgetsRequest(),
    "DeleteBudget": cost_pb2.DeleteBudgetRequest(id="none"),
    "PutKeyPolicy": cost_pb2.PutKeyPolicyRequest(
        policy=cost_pb2.KeyPolicy(key_id="k", allowed_models=["openai/*"], tokens_per_minute=10)
    ),
    "GetKeyPolicy": cost_pb2.GetKeyPolicyRequest(key_id="k"),
    "DeleteKeyPolicy": cost_pb2.DeleteKeyPolicyRequest(key_id="none"),
    "DeleteUserLimits": cost_pb2.DeleteUserLimitsRequest(user_id="none"),
    "ListPrices": cost_pb2.ListPricesRequest(),
    "PutPrice": cost_pb2.PutPriceRequest(
        price=cost_pb2.Price(provider="openai", model="m9", input="1", output="2", cache_read="1", cache_write="1")
    ),
}
NAN: Final = float("nan")
BOUNDS: Final = [
    *bounds("Complete", completion__messages=(list(QUESTION.messages), []), completion__tools__name=("n", "")),
    *bounds("Complete", completion__tools__parameters_json=("{}", "[]"), completion__tools__extra_json=("{}", "[]")),
    *bounds("Complete", completion__extra_json=("{}", '{"a":' * 9_000 + "1" + "}" * 9_000)),
    *bounds("Complete", completion__messages__parts__tool_call=(0, -1)),
    *bounds("Complete", completion__policy=("cost", "cheap")),
    *bounds("Complete", completion__sampling__temperature=(0.0, NAN), completion__sampling__top_p=(1.0, NAN)),
    *bounds("Complete", completion__sampling__frequency_penalty=(0.0, NAN)),
    *bounds("Complete", completion__sampling__presence_penalty=(0.0, NAN), completion__sampling__n=(1, -1)),
    *bounds("Complete", completion__sampling__n=(128, 129)),
    *bounds("Complete", completion__sampling__max_output_tokens=(1, -1), completion__sampling__top_logprobs=(0, -1)),
    *bounds("Complete", completion__reasoning__max_tokens=(0, -1), completion__cache__threshold=(1.0, 1.01)),
    *bounds("Embed", inputs=(["a"] * 2048, ["a"] * 2049), dimensions=(8192, 8193), extra_json=("{}", "[]")),
    *bounds("Embed", dimensions=(0, -1)),
    *bounds("ParsePrompt", time_zone=("", "Europe/" + "Berlin" * 100)),
    *bounds("ExplainRoute", policy=("", "cheap")),
]
COST_BOUNDS: Final = [
    *bounds("SummarizeCosts", group_by=(6, 7)),
    *bounds("ListLedger", page_size=(1_000, -1)),
    *bounds("PutBudget", budget__scope=("key", "keys"), budget__period=("month", "week")),
    *bounds("PutBudget", budget__id=("b" * 64, "b" * 65), budget__subject=("s" * 128, "s" * 129)),
    *bounds("PutBudget", budget__limit__amount=("0.5", "-0.5"), budget__limit__currency=("USD", "EUR")),
    *bounds("ListBudgets", page_size=(1_000, -1), min_spent_ratio=(0.0, -0.1)),
    *bounds("PutKeyPolicy", policy__tokens_per_minute=(2**53, -1), policy__requests_per_minute=(0, -1)),
    *bounds("PutKeyPolicy", policy__allowed_models=(["a" * 256] * 100, ["a" * 257])),
    *bounds("PutKeyPolicy", policy__allowed_models=(["a"], ["a"] * 101)),
    *bounds("PutKeyPolicy", policy__key_id=("k" * 128, "k" * 129)),
    *bounds("PutPrice", price__provider=("p" * 64, "p" * 65), price__model=("m" * 256, "m" * 257)),
    *bounds("ListPrices", page_size=(1_000, -1)),
    *bounds("PutPrice", price__input=("0", "-1"), price__output=("0", "x"), price__cache_read=("0", "NaN")),
    *bounds("PutPrice", price__cache_write=("0", "-1"), price__provider=("p", ""), price__model=("m", "")),
]

_TOLD: Final = "told the vendor as it is, or compared; the size of a message bounds it"
_OWN: Final = "the caller's own text for reports; the size of a message bounds it"
_NAME: Final = "a name, compared with those there are"
_SECOND_TRY: Final = "kept to know a second try by"
FREE: Final = {
    "CompletionRequest.model": _NAME,
    "CompletionRequest.end_user": _OWN,
    "CompletionRequest.idempotency_key": _SECOND_TRY,
    "CompletionRequest.surface": _OWN,
    "CompletionRequest.exclude_providers": _NAME,
    "CompletionRequest.labels": _OWN,
    "CompletionRequest.betas": _NAME,
    "CompletionRequest.tools": "as many as a message holds",
    "Message.parts": "as many as a message holds",
    "Message.tool_calls": "as many as a message holds",
    "Message.tool_call_id": _TOLD,
    "Message.name": _TOLD,
    "Part.text": _TOLD,
    "Part.cache_ttl": _TOLD,
    "ImagePart.url": _TOLD,
    "ImagePart.data": _TOLD,
    "ImagePart.media_type": _TOLD,
    "ImagePart.detail": _TOLD,
    "FilePart.filename": _TOLD,
    "FilePart.data": _TOLD,
    "FilePart.media_type": _TOLD,
    "FilePart.url": _TOLD,
    "ThinkingPart.text": _TOLD,
    "ThinkingPart.signature": _TOLD,
    "ThinkingPart.redacted": _TOLD,
    "ToolCall.id": _TOLD,
    "ToolCall.name": _TOLD,
    "ToolCall.arguments_json": _TOLD,
    "ToolDefinition.description": _TOLD,
    "ToolDefinition.cache_ttl": _TOLD,
    "ToolChoice.name": "one of the tools, with the mode that names one",
    "ResponseFormat.name": _TOLD,
    "ResponseFormat.schema_json": "a JSON object, with the kind that has one",
    "ResponseFormat.description": _TOLD,
    "Sampling.top_k": "-1 means all to some servers",
    "Sampling.seed": "any number is one",
    "Sampling.stop": _TOLD,
    "Reasoning.effort": _TOLD,
    "EmbedRequest.model": _NAME,
    "EmbedRequest.token_inputs": "2,048 as of texts, and never both",
    "EmbedRequest.end_user": _OWN,
    "EmbedRequest.idempotency_key": _SECOND_TRY,
    "TokenInput.tokens": _TOLD,
    "ParsePromptRequest.prompt": "a longer one is read as far as its bound goes, which test_offline_bounds.py holds",
    "ParsePromptRequest.known_devices": _NAME,
    "ParsePromptRequest.known_fields": _NAME,
    "ParsePromptRequest.model": _NAME,
    "ParsePromptRequest.idempotency_key": _SECOND_TRY,
    "ExplainRouteRequest.model": _NAME,
    "ReloadConfigurationRequest.request_id": _SECOND_TRY,
}
COST_FREE: Final = {
    "SummarizeCostsRequest.user_id": _NAME,
    "SummarizeCostsRequest.key_id": _NAME,
    "ListLedgerRequest.page_token": "the id to go on behind: any text is one",
    "ListLedgerRequest.user_id": _NAME,
    "ListLedgerRequest.key_id": _NAME,
    "Budget.period_end": "output only",
    "Budget.tenant_id": "output only",
    "Money.source": "output only",
    "PutBudgetRequest.request_id": _SECOND_TRY,
    "ListBudgetsRequest.page_token": "the name to go on behind: any text is one",
    "DeleteBudgetRequest.id": _NAME,
    "DeleteBudgetRequest.request_id": _SECOND_TRY,
    "PutKeyPolicyRequest.request_id": _SECOND_TRY,
    "GetKeyPolicyRequest.key_id": _NAME,
    "DeleteKeyPolicyRequest.key_id": _NAME,
    "DeleteKeyPolicyRequest.request_id": _SECOND_TRY,
    "DeleteUserLimitsRequest.tenant_id": _NAME,
    "DeleteUserLimitsRequest.user_id": _NAME,
    "DeleteUserLimitsRequest.key_ids": _NAME,
    "DeleteUserLimitsRequest.request_id": _SECOND_TRY,
    "Price.source": "output only",
    "Price.effective_time": "output only",
    "ListPricesRequest.provider": _NAME,
    "ListPricesRequest.page_token": "the name to go on behind: any text is one",
    "PutPriceRequest.request_id": _SECOND_TRY,
}
SAID: Final = {"completion": "message", "group_by": "group"}


@pytest.fixture
async def channel(vendor: OpenAiServer, tmp_path: Path) -> AsyncIterator[Any]:
    """A way to the service, with a vendor to ask, as an operator."""
    port, stop = free_port(), asyncio.Event()
    made: Any = LlmSettings
    settings = made(
        _env_file=None,
        PENSTOCK_HOME=tmp_path,
        LLM_SERVICE_PORT=port,
        LLM_SERVICE_METRICS_PORT=0,
        OPENAI_BASE_URL=vendor.base_url,
        OPENAI_API_KEY="sk-test-0001-abcd",
        OPENAI_MODELS="m1",
        PENSTOCK_GRACE_SECONDS=1,
        PENSTOCK_OVERLOAD_LAG=0,
        PENSTOCK_OVERLOAD_DELAY=0,
    )
    task = asyncio.create_task(serve(settings, stop))
    async with open_channel(f"127.0.0.1:{port}", service="llm-service") as opened:
        await asyncio.wait_for(opened.channel_ready(), HANG_SECONDS)
        with use_context(CallContext(request_id="r", caller=OPERATOR)):
            yield opened
    stop.set()
    await asyncio.wait_for(task, HANG_SECONDS)


@pytest.fixture
def sweep(channel: Any) -> RequestSweep:
    return RequestSweep(
        service=llm_pb2.DESCRIPTOR.services_by_name["LlmService"],
        stub=llm_pb2_grpc.LlmServiceStub(channel),
        rights=RIGHTS,
        free=FREE,
        said=SAID,
    )


@pytest.fixture
def cost_sweep(channel: Any) -> RequestSweep:
    return RequestSweep(
        service=cost_pb2.DESCRIPTOR.services_by_name["CostService"],
        stub=cost_pb2_grpc.CostServiceStub(channel),
        rights=COST_RIGHTS,
        free=COST_FREE,
        said=SAID,
        absent=("DeleteBudget",),
    )


async def test_no_edge_of_a_field_is_an_error_of_the_service(sweep: RequestSweep, cost_sweep: RequestSweep) -> None:
    assert await sweep.faults() == []
    assert await cost_sweep.faults() == []


async def test_no_edge_of_a_question_is_an_error_where_a_vendor_is_asked(sweep: RequestSweep) -> None:
    question = llm_pb2.CompleteRequest(completion=QUESTION)
    question.completion.model = "openai/m1"
    assert await replace(sweep, rights={"Complete": question}).faults() == []


async def test_each_bound_holds_and_is_named(sweep: RequestSweep, cost_sweep: RequestSweep) -> None:
    assert await sweep.bound_faults(BOUNDS) == []
    assert await cost_sweep.bound_faults(COST_BOUNDS) == []


async def test_every_field_has_a_bound_or_a_reason(sweep: RequestSweep, cost_sweep: RequestSweep) -> None:
    for each, held in ((sweep, BOUNDS), (cost_sweep, COST_BOUNDS)):
        assert each.missing_methods() == []
        assert each.unknown_fields(held) == []
