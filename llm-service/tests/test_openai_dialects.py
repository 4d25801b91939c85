"""Those who speak OpenAI's dialect, each with its own deviations, as rows of data."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from llm_service.domain.model.completion import fold
from llm_service.domain.model.event import FinishReason, Started, TextDelta
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.profile import ProviderProfile, Quirks
from llm_service.domain.model.profile import vendor as vendor_row
from llm_service.domain.model.request import Reasoning, ResponseForm, ResponseFormat, Sampling
from llm_service.domain.model.usage import Usage
from llm_service.providers.openai import OpenAiProvider
from llm_service.testing import collected, question
from penstock_testkit.clock import ManualClock
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply

Make = Callable[[str], OpenAiProvider]
SAMPLING = Sampling(temperature=0.1, max_output_tokens=9, seed=1, frequency_penalty=0.5, top_k=3, n=2)


@pytest.fixture
async def speaking(profile: ProviderProfile, clock: ManualClock, new_id: Callable[[str], str]) -> AsyncIterator[Make]:
    made: list[OpenAiProvider] = []

    def make(name: str) -> OpenAiProvider:
        row = vendor_row(name)
        own = replace(profile, name=name, quirks=row.quirks if row else Quirks())
        made.append(OpenAiProvider(own, clock=clock, new_id=new_id, connect_timeout=60))
        return made[-1]

    yield make
    for provider in made:
        await provider.close()


KNOBS = [
    ("openai", "max_completion_tokens", {"top_k"}),
    ("qwen", "max_tokens", {"frequency_penalty"}),
    ("glm", "max_tokens", {"frequency_penalty", "seed", "n", "top_k"}),
    ("deepseek", "max_tokens", {"seed", "n", "top_k"}),
    ("vllm", "max_tokens", set[str]()),
]


@pytest.mark.parametrize(("name", "longest", "lacking"), KNOBS)
async def test_each_gets_the_knobs_it_has_and_the_rest_is_named(
    speaking: Make, vendor: OpenAiServer, name: str, longest: str, lacking: set[str]
) -> None:
    started = (await collected(speaking(name).stream(replace(question(model="m"), sampling=SAMPLING))))[0]
    assert isinstance(started, Started)
    assert set(started.dropped_params) == lacking
    body = vendor.received[0].body
    assert body[longest] == 9
    assert not lacking & body.keys()


THINKING = [
    ("openai", {"reasoning_effort": "low"}),
    ("qwen", {"enable_thinking": True}),
    ("glm", {"thinking": {"type": "enabled"}}),
    ("deepseek", {"thinking": {"type": "enabled"}}),
]


@pytest.mark.parametrize(("name", "sent"), THINKING)
async def test_each_is_told_to_think_in_its_own_way(
    speaking: Make, vendor: OpenAiServer, name: str, sent: dict[str, Any]
) -> None:
    await collected(speaking(name).stream(replace(question(model="m"), reasoning=Reasoning(effort="low"))))
    assert sent.items() <= vendor.received[0].body.items()


@pytest.mark.parametrize("name", ["glm", "deepseek"])
async def test_a_schema_goes_in_words_to_those_who_have_only_a_json_mode(
    speaking: Make, vendor: OpenAiServer, name: str
) -> None:
    form = ResponseFormat(form=ResponseForm.JSON_SCHEMA, schema='{"type": "object"}')
    await collected(speaking(name).stream(replace(question(model="m"), response_format=form)))
    body = vendor.received[0].body
    assert body["response_format"] == {"type": "json_object"}
    assert '{"type": "object"}' in body["messages"][-1]["content"]


async def answered(provider: OpenAiProvider, *chunks: dict[str, Any], server: OpenAiServer) -> Any:
    server.script(Reply(raw=b"".join(b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in chunks)))
    return await fold(provider.stream(question(model="m")))


def choice(finish: str | None = None, index: int = 0, **delta: Any) -> dict[str, Any]:
    return {"id": "x", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def ended(**usage: Any) -> dict[str, Any]:
    return {**choice("stop"), "usage": usage}


USAGES = [
    (
        {"prompt_tokens": 10, "prompt_cache_hit_tokens": 6, "completion_tokens": 2},
        Usage(input=4, cache_read=6, output=2),
    ),
    (
        {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens": 0},
        Usage(input=6, cache_read=4),
    ),
    (
        {"prompt_tokens": 1, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 5}},
        Usage(input=1, output=4, reasoning=5),
    ),
    ({"prompt_tokens": 3, "completion_tokens": None, "prompt_tokens_details": None}, Usage(input=3)),
]


@pytest.mark.parametrize(("usage", "counted"), USAGES)
async def test_every_shape_of_usage_is_read_into_disjoint_classes(
    speaking: Make, vendor: OpenAiServer, usage: dict[str, Any], counted: Usage
) -> None:
    answer = await answered(speaking("deepseek"), choice(content="a"), ended(**usage), server=vendor)
    assert answer.finished.usage == counted


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_reasoning_is_read_by_either_name(speaking: Make, vendor: OpenAiServer, field: str) -> None:
    answer = await answered(
        speaking("vllm"), choice(**{field: "hm"}), choice(content=""), choice(content="so"), ended(), server=vendor
    )
    assert (answer.first.thinking, answer.first.text) == ("hm", "so")


async def test_calls_whose_pieces_are_mixed_are_told_apart(speaking: Make, vendor: OpenAiServer) -> None:
    def piece(index: int, text: str, **more: Any) -> dict[str, Any]:
        return choice(
            tool_calls=[{"index": index, "function": {"arguments": text, **more.pop("function", {})}, **more}]
        )

    answer = await answered(
        speaking("qwen"),
        piece(0, "", id="a", function={"name": "look"}),
        piece(1, "", id="b", function={"name": "hear"}),
        piece(0, '{"x"'),
        piece(1, '{"y"'),
        piece(0, ":1}", id="a"),
        piece(1, ":2}", id=""),
        choice("tool_calls"),
        server=vendor,
    )
    calls = [(call.id, call.name, call.arguments) for call in answer.first.tool_calls]
    assert calls == [("a", "look", '{"x":1}'), ("b", "hear", '{"y":2}')]


async def test_several_answers_are_told_apart(speaking: Make, vendor: OpenAiServer) -> None:
    chunks = (choice(content="a"), choice(index=1, content="b"), choice("stop"), choice("length", index=1))
    answer = await answered(speaking("openai"), *chunks, server=vendor)
    assert [each.text for each in answer.choices] == ["a", "b"]
    assert [each.reason for each in answer.choices] == [FinishReason.STOP, FinishReason.LENGTH]


async def test_log_probabilities_are_passed_on(speaking: Make, vendor: OpenAiServer) -> None:
    vendor.script(Reply(chunks=("a",), logprobs={"content": [{"token": "a", "logprob": -0.1}]}))
    events = await collected(speaking("openai").stream(question(model="m")))
    texts = [event for event in events if isinstance(event, TextDelta)]
    assert orjson.loads(texts[0].logprobs_json)["content"][0]["logprob"] == -0.1


@pytest.mark.parametrize("reason", ["network_error", "insufficient_system_resource"])
async def test_a_vendor_that_gives_up_has_failed_and_not_finished(
    speaking: Make, vendor: OpenAiServer, reason: str
) -> None:
    with pytest.raises(ProviderError, match=reason) as caught:
        await answered(speaking("glm"), choice(content="a"), choice(reason), server=vendor)
    assert caught.value.failure is FailureKind.SERVER


ERRORS = [
    ({"code": "1301", "message": "unsafe"}, FailureKind.REFUSED),
    ({"code": "1302", "message": "too many"}, FailureKind.RATE_LIMIT),
    ({"code": "data_inspection_failed", "message": "unsafe"}, FailureKind.REFUSED),
    ({"code": "rate_limit_exceeded", "message": "slow"}, FailureKind.RATE_LIMIT),
    ({"code": 429, "message": "slow"}, FailureKind.RATE_LIMIT),
    ({"code": 503, "message": "away"}, FailureKind.SERVER),
    ({"message": "odd"}, FailureKind.SERVER),
    ("just words", FailureKind.SERVER),
]


@pytest.mark.parametrize(("error", "failure"), ERRORS)
async def test_an_error_in_the_stream_has_the_meaning_of_its_code(
    speaking: Make, vendor: OpenAiServer, error: object, failure: FailureKind
) -> None:
    with pytest.raises(ProviderError) as caught:
        await answered(speaking("glm"), choice(content="a"), {"error": error}, server=vendor)
    assert caught.value.failure is failure
