"""OpenAI requests → Completion, and events → the bytes of chunks."""

import json

import pytest
from penstock.common.v1.common_pb2 import ToolCall, Usage
from penstock.llm.v1 import llm_pb2 as pb

from gateway.dialects.openai.answer import chat_completion_from_proto
from gateway.dialects.openai.chunk import ChunkRenderer
from gateway.dialects.openai.request import chat_request_from_json
from gateway.http.problems import openai_error, render_error
from gateway.model_call.deadline import caller_timeout
from gateway.model_call.headers import dropped_header, headers_from_started
from penstock_kit.errors import BadUpstream, FieldViolation, InvalidArgument, ResourceExhausted, Unavailable

USER = {"role": "user", "content": "hi"}
STARTED = pb.Started(id="ans_1", provider="openai", model="gpt-5")


def completion(**body):
    return chat_request_from_json({"messages": [USER], **body}).completion


def test_a_plain_request_leaves_every_knob_to_the_vendor():
    asked = completion(model="openai/gpt-5")
    assert asked.model == "openai/gpt-5"
    assert not asked.HasField("sampling")
    assert not asked.extra_json
    assert not asked.cache.exact


def test_every_knob_finds_its_place():
    asked = chat_request_from_json(
        {
            "messages": [USER], "stream": True, "stream_options": {"include_usage": True}, "temperature": 0,
            "top_p": 0.9, "top_k": 5, "n": 2, "stop": ["a", "b"], "max_tokens": 7, "seed": 42,
            "frequency_penalty": 1, "presence_penalty": -1.5, "logprobs": True, "top_logprobs": 3,
            "parallel_tool_calls": False, "reasoning_effort": "low", "user": "u", "service_tier": "auto",
            "x_penstock": {"policy": "cost", "exclude_providers": ["a"], "labels": {"team": "x"}},
        }
    )  # fmt: skip
    sampling = asked.completion.sampling
    assert (asked.stream, asked.include_usage) == (True, True)
    assert (sampling.temperature, sampling.top_p, sampling.top_k, sampling.n) == (0, 0.9, 5, 2)
    assert sampling.HasField("temperature")
    assert (list(sampling.stop), sampling.max_output_tokens, sampling.seed) == (["a", "b"], 7, 42)
    assert (sampling.frequency_penalty, sampling.presence_penalty) == (1, -1.5)
    assert (sampling.logprobs, sampling.top_logprobs, sampling.parallel_tool_calls) == (True, 3, False)
    assert sampling.HasField("parallel_tool_calls")
    assert asked.completion.reasoning.effort == "low"
    assert asked.completion.extra_json == '{"service_tier":"auto"}'
    assert (asked.completion.policy, list(asked.completion.exclude_providers)) == ("cost", ["a"])
    assert asked.completion.labels == {"team": "x"}
    assert (asked.completion.cache.exact, asked.completion.cache.own) == (True, True)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"temperature": 0}, (True, True)),
        ({"temperature": 0, "x_penstock": {"cache": {"exact": True}}}, (True, False)),
        ({"x_penstock": {"cache": {"exact": True}}}, (True, False)),
        ({"temperature": 0, "x_penstock": {"cache": {"exact": False}}}, (False, False)),
        ({"temperature": 0, "x_penstock": {"cache": {"bypass": True}}}, (False, False)),
        ({"temperature": 0.1}, (False, False)),
    ],
)
def test_answers_are_shared_with_others_only_when_the_request_says_so(body, expected):
    cache = completion(**body).cache
    assert (cache.exact, cache.own) == expected


def test_max_completion_tokens_wins_over_max_tokens_and_null_counts_as_absent():
    assert completion(max_tokens=5, max_completion_tokens=9).sampling.max_output_tokens == 9
    assert not completion(temperature=None, stop=None, tools=None, extra=None).extra_json


def test_messages_of_all_kinds_are_taken():
    asked = chat_request_from_json(
        {
            "messages": [
                {"role": "developer", "content": "short"},
                {
                    "role": "user", "name": "ada",
                    "content": [
                        {"type": "text", "text": "look", "cache_control": {"type": "ephemeral"}},
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
                        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AQI="}},
                    ],
                },
                {
                    "role": "assistant", "content": None, "reasoning_content": "hm",
                    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "42"},
            ]
        }
    ).completion  # fmt: skip
    system, user, assistant, tool = asked.messages
    assert (system.role, system.parts[0].text) == (pb.ROLE_SYSTEM, "short")
    assert (user.name, user.parts[0].cache_ttl, user.parts[1].image.detail) == ("ada", "5m", "low")
    assert (user.parts[2].file.data, user.parts[2].file.media_type) == (b"\x01\x02", "application/pdf")
    assert assistant.parts[0].thinking.text == "hm"
    assert assistant.tool_calls[0] == ToolCall(id="c1", name="f", arguments_json="{}")
    assert (tool.role, tool.tool_call_id, tool.parts[0].text) == (pb.ROLE_TOOL, "c1", "42")


def test_tools_choice_and_schema_are_taken():
    schema = {"type": "object", "properties": {"a": {"type": "number"}}}
    asked = completion(
        tools=[{"type": "function", "function": {"name": "f", "parameters": schema, "strict": True}}],
        tool_choice={"type": "function", "function": {"name": "f"}},
        response_format={"type": "json_schema", "json_schema": {"name": "out", "schema": schema, "strict": True}},
    )
    assert (asked.tools[0].name, json.loads(asked.tools[0].parameters_json), asked.tools[0].strict) == (
        "f",
        schema,
        True,
    )
    assert (asked.tool_choice.mode, asked.tool_choice.name) == (pb.ToolChoice.MODE_NAMED, "f")
    assert asked.response_format.kind == pb.ResponseFormat.KIND_JSON_SCHEMA
    assert json.loads(asked.response_format.schema_json) == schema
    assert completion(tool_choice="required").tool_choice.mode == pb.ToolChoice.MODE_REQUIRED


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [5]}, "messages[0]"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [USER, {"role": "user", "content": [{"type": "text"}]}]}, "messages[1].content[0].text"),
        ({"messages": [{"role": "user", "content": [{"type": "smell"}]}]}, "messages[0].content[0].type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///etc"}}]}]},
            "messages[0].content[0].image_url.url",
        ),
        ({"model": 5}, "model"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"n": 10**30}, "n"),
        ({"stream": "yes"}, "stream"),
        ({"stop": [1]}, "stop[0]"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "function", "function": 5}]}, "tools[0].function"),
        ({"tool_choice": "maybe"}, "tool_choice"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"x_penstock": {"policy": "best"}}, "x_penstock.policy"),
    ],
    ids=str,
)
def test_a_wrong_field_is_named_as_param(body, param):
    with pytest.raises(InvalidArgument) as caught:
        chat_request_from_json({"messages": [USER], **body})
    assert openai_error(caught.value)["error"]["param"] == param
    assert openai_error(caught.value)["error"]["type"] == "invalid_request_error"


# --- chunks -------------------------------------------------------------------------------------------------------


def frames(data: bytes):
    parts = data.decode().split("\n\n")
    assert parts.pop() == ""
    assert all(part.startswith("data: ") and "\n" not in part for part in parts)
    return [part if part == "data: [DONE]" else json.loads(part.removeprefix("data: ")) for part in parts]


def text(value, index=0):
    return pb.CompletionEvent(text=pb.TextDelta(text=value, index=index))


def finished(reason="stop", **fields):
    return pb.CompletionEvent(finished=pb.Finished(finish_reason=reason, usage=Usage(output_tokens=1), **fields))


def test_nothing_is_said_before_content_so_that_another_provider_may_take_over():
    renderer = ChunkRenderer(include_usage=False)
    assert renderer.render([pb.CompletionEvent(started=pb.Started(id="a", provider="first", model="x"))]) == b""
    assert renderer.render([pb.CompletionEvent(started=STARTED)]) == b""
    assert frames(renderer.render([text("hi")]))[0]["model"] == "gpt-5"


def test_a_stream_has_one_role_one_finish_reason_and_done_at_the_end():
    renderer = ChunkRenderer(include_usage=True)
    data = renderer.render([pb.CompletionEvent(started=STARTED), text('a "quoted"\n'), text("é"), finished()])
    *chunks, usage, done = frames(data)
    assert done == "data: [DONE]"
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas == [{"role": "assistant", "content": 'a "quoted"\n'}, {"content": "é"}, {}]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, "stop"]
    assert all(chunk["usage"] is None for chunk in chunks)
    assert (usage["choices"], usage["usage"]["completion_tokens"]) == ([], 1)
    assert chunks[-1]["x_penstock"]["provider"] == "openai"
    assert {chunk["id"] for chunk in (*chunks, usage)} == {"chatcmpl-ans_1"}
    assert renderer.finished


def test_reasoning_refusal_tools_and_several_choices_have_their_own_deltas():
    renderer = ChunkRenderer(include_usage=False)
    data = renderer.render(
        [
            pb.CompletionEvent(started=STARTED),
            pb.CompletionEvent(thinking=pb.ThinkingDelta(text="hm")),
            pb.CompletionEvent(tool_call=pb.ToolCallDelta(id="c1", name="f", arguments="")),
            pb.CompletionEvent(tool_call=pb.ToolCallDelta(arguments="{}")),
            pb.CompletionEvent(refusal=pb.TextDelta(text="no", index=1)),
            finished("tool_calls", choice_finish_reasons={1: "content_filter"}),
        ]
    )
    *chunks, _ = frames(data)
    deltas = [(chunk["choices"][0]["index"], chunk["choices"][0]["delta"]) for chunk in chunks]
    function = {"name": "f", "arguments": ""}
    assert deltas == [
        (0, {"role": "assistant", "content": "", "reasoning_content": "hm"}),
        (0, {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": function}]}),
        (0, {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}),
        (1, {"role": "assistant", "content": "", "refusal": "no"}),
        (0, {}),
        (1, {}),
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[-2:]] == ["tool_calls", "content_filter"]


def test_an_empty_answer_still_has_a_role_and_a_finish_reason():
    renderer = ChunkRenderer(include_usage=False)
    chunk, done = frames(renderer.render([pb.CompletionEvent(started=STARTED), finished("length")]))
    assert chunk["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert (chunk["choices"][0]["finish_reason"], done) == ("length", "data: [DONE]")


def test_log_probabilities_ride_with_their_text():
    renderer = ChunkRenderer(include_usage=False)
    delta = pb.TextDelta(text="a", logprobs_json='{"content":[{"token":"a"}]}')
    chunk = frames(renderer.render([pb.CompletionEvent(started=STARTED), pb.CompletionEvent(text=delta)]))[0]
    assert chunk["choices"][0]["logprobs"] == {"content": [{"token": "a"}]}


def test_a_cut_by_the_budget_is_a_length_stop_that_says_why():
    renderer = ChunkRenderer(include_usage=False)
    *_, chunk, _ = frames(
        renderer.render([pb.CompletionEvent(started=STARTED), text("a"), finished("budget_exceeded")])
    )
    assert chunk["choices"][0]["finish_reason"] == "length"
    assert chunk["x_penstock"]["finish_reason"] == "budget_exceeded"


def test_a_whole_answer_carries_calls_reasoning_and_more_choices():
    answer = pb.Completion(
        started=STARTED,
        thinking="hm",
        tool_calls=[ToolCall(id="c1", name="f", arguments_json="{}")],
        finished=pb.Finished(finish_reason="tool_calls"),
        more_choices=[pb.Choice(index=1, text="b", finish_reason="stop")],
    )
    first, second = chat_completion_from_proto(answer)["choices"]
    assert first["message"]["content"] is None
    assert first["message"]["reasoning_content"] == "hm"
    assert first["message"]["tool_calls"][0]["function"] == {"name": "f", "arguments": "{}"}
    assert (second["index"], second["message"]["content"], second["finish_reason"]) == (1, "b", "stop")


def test_headers_say_who_answered_and_cannot_be_broken_into():
    started = pb.Started(
        provider="fallback", dropped_params=["logit_bias", "x\r\nset-cookie: a"], degraded=True,
        failed_attempts=[pb.Attempt(provider="openai", error_kind="rate_limit")],
        cache="semantic_hit", similarity=0.971,
    )  # fmt: skip
    headers = dict(headers_from_started(started))
    assert headers[b"x-penstock-provider"] == b"fallback"
    assert headers[b"x-dropped-params"] == b"logit_bias,x??set-cookie: a"
    assert headers[b"x-degraded"] == b"openai:rate_limit"
    assert headers[b"x-cache"] == b"hit; sim=0.97"


def test_what_was_dropped_is_told_in_a_header_that_every_client_and_proxy_reads():
    assert dropped_header(["a", "b", "a", "x" * 100]) == (b"x-dropped-params", b"a,b," + b"x" * 100)
    assert dropped_header(["x" * 101])[1] == b"x" * 97 + b"..."
    assert dropped_header(["x" * 1_000_000, "x" * 2_000_000])[1] == b"x" * 97 + b"..."
    assert dropped_header([f"p{n:03}" for n in range(400)])[1] == b",".join(b"p%03d" % n for n in range(400))
    many = dropped_header([f"p{n:03}" for n in range(403)])[1]
    assert many == b",".join([*(b"p%03d" % n for n in range(400)), b"+3 more"])


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None), ({"x-stainless-read-timeout": "42.5"}, 42.5), ({"x-stainless-timeout": "7"}, 7.0),
        ({"x-stainless-read-timeout": "NaN", "x-stainless-timeout": "7"}, 7.0),
        ({"x-stainless-read-timeout": "-1"}, None), ({"x-stainless-read-timeout": "inf"}, None),
        ({"x-stainless-read-timeout": "not given"}, None),
    ],
    ids=str,
)  # fmt: skip
def test_the_callers_timeout_is_read_from_its_sdk(headers, seconds):
    assert caller_timeout([(name.encode(), value.encode()) for name, value in headers.items()]) == seconds


def test_a_vendors_code_and_param_reach_the_caller():
    error = InvalidArgument(
        "Unsupported parameter", reason="PROVIDER_REQUEST_INVALID", metadata={"vendor_code": "unsupported_parameter"},
        violations=[FieldViolation(field="max_tokens", description="Unsupported parameter")],
    )  # fmt: skip
    shown = json.loads(render_error(error, path="/v1/chat/completions", request_id="r").body)["error"]
    assert (shown["code"], shown["param"]) == ("unsupported_parameter", "max_tokens")


@pytest.mark.parametrize(
    "error",
    [
        BadUpstream("refused our credentials", reason="PROVIDER_CREDENTIALS_INVALID"),
        BadUpstream("not served here", reason="PROVIDER_LOCATION_UNSUPPORTED"),
        BadUpstream("failed", reason="PROVIDER_FAILED", metadata={"final": "true"}),
        InvalidArgument("wrong"),
    ],
)
def test_what_no_retry_mends_is_told_as_final(error):
    headers = dict(render_error(error, path="/v1/chat/completions", request_id="r").headers)
    assert headers[b"x-should-retry"] == b"false"
    assert b"retry-after" not in headers


def test_an_overloaded_vendor_is_told_as_overloaded_and_worth_a_retry():
    error = Unavailable("overloaded", reason="PROVIDER_LOAD_LIMIT_EXCEEDED")
    rendered = render_error(error, path="/v1/messages", request_id="r")
    assert (rendered.status, json.loads(rendered.body)["error"]["type"]) == (503, "overloaded_error")
    assert dict(rendered.headers)[b"x-should-retry"] == b"true"


def test_a_spent_budget_is_not_worth_a_retry_and_a_limit_is():
    spent = render_error(ResourceExhausted("spent", reason="BUDGET_LIMIT_EXCEEDED"), path="/v1/x", request_id="r")
    limit = render_error(ResourceExhausted("slow", reason="RATE", retry_after=0.2), path="/v1/x", request_id="r")
    failed = render_error(BadUpstream("failed"), path="/v1/x", request_id="r")
    tomorrow = ResourceExhausted("spent", reason="BUDGET_LIMIT_EXCEEDED", retry_after=7200)
    headers = dict(render_error(tomorrow, path="/v1/messages", request_id="r").headers)
    assert (headers[b"x-should-retry"], headers[b"retry-after"]) == (b"false", b"7200")
    assert dict(spent.headers)[b"x-should-retry"] == b"false"
    assert json.loads(spent.body)["error"]["type"] == "insufficient_quota"
    assert dict(limit.headers)[b"retry-after-ms"] == b"200"
    assert dict(limit.headers)[b"retry-after"] == b"1"
    assert (failed.status, dict(failed.headers)[b"x-should-retry"]) == (502, b"true")
