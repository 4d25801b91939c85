"""Bodies of very many small things: refused before each of them costs its time."""

import json

import pytest

from gateway.dialects.openai.embedding import embed_request_from_json
from gateway.http.body import parse_object
from penstock_kit.errors import InvalidArgument

MOST = 100_000
PART = {"type": "text", "text": "x"}
MESSAGE = {"role": "user", "content": "x"}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}
CALL = {"model": "m", "messages": [MESSAGE]}
BODIES = {
    "/v1/chat/completions messages": {"model": "m", "messages": [MESSAGE] * MOST},
    "/v1/chat/completions logit_bias": {**CALL, "logit_bias": dict.fromkeys(map(str, range(MOST)), 1)},
    "/v1/chat/completions metadata": {**CALL, "metadata": dict.fromkeys(map(str, range(MOST)), "x")},
    "/v1/chat/completions stop": {**CALL, "stop": ["x"] * MOST},
    "/v1/messages parts": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [PART] * MOST}]},
    "/v1/responses tools": {"model": "m", "input": [MESSAGE], "tools": [TOOL] * MOST},
    "/api/v1/conversations labels": {"labels": dict.fromkeys(map(str, range(MOST)), "x")},
    "/api/v1/conversations/conv_x/stream values": {
        "content": "x",
        "template_values": dict.fromkeys(map(str, range(MOST)), "x"),
    },
    "/api/v1/personalities tools": {"name": "x", "prompt": "x", "tools": ["x"] * MOST},
    "/v1/embeddings arrays": {"model": "m", "input": [[1]] * MOST},
}


def refusal_of(value):
    with pytest.raises(InvalidArgument, match="more than 100,000 entries") as caught:
        parse_object(json.dumps(value).encode())
    return caught.value.reason


def test_a_body_may_have_a_hundred_thousand_entries():
    body = {"messages": [{}] * (MOST - 1)}
    assert parse_object(json.dumps(body).encode()) == body
    assert refusal_of({"messages": [{}] * MOST}) == "JSON_LIMIT_EXCEEDED"


@pytest.mark.parametrize("entry", [{}, [], "", None, True, 1, 2.5, {"a": {}}, [[]]])
def test_entries_of_every_kind_count(entry):
    refusal_of({"messages": [entry] * MOST})
    refusal_of({"messages": dict.fromkeys(map(str, range(MOST)), entry)})


def test_entries_within_each_other_count_as_those_beside_each_other():
    refusal_of({"tools": [{"properties": {str(number): {"anyOf": [{}, {}]} for number in range(MOST // 4)}}]})


@pytest.mark.parametrize("value", [[1] * 300_001, [[1, 2, 3]] * 2_000 + [[1] * 294_001], [["x"] * 300_001]])
def test_embeddings_of_more_token_ids_than_openai_takes_are_refused(value):
    with pytest.raises(InvalidArgument, match="at most 300,000 token ids together, not 300,001"):
        embed_request_from_json({"input": value}, idempotency_key="")


@pytest.mark.parametrize(("value", "inputs"), [([1] * 300_000, 1), ([[1] * 150] * 2_000, 2_000)])
def test_embeddings_of_as_many_token_ids_as_openai_takes_are_asked_for(value, inputs):
    request, _ = embed_request_from_json({"input": value}, idempotency_key="")
    assert (len(request.token_inputs), sum(len(each.tokens) for each in request.token_inputs)) == (inputs, 300_000)


def test_token_ids_are_as_many_as_fit():
    body = {"input": [[1, 2.5] * MOST]}
    assert parse_object(json.dumps(body).encode(), has_token_ids=True) == body


@pytest.mark.parametrize("text", ["{[" * MOST, "," * (MOST + 1), '\\"{' * MOST])
def test_brackets_and_commas_in_texts_are_no_entries(text):
    body = {"messages": [{"content": text}]}
    assert parse_object(json.dumps(body).encode()) == body


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("named", BODIES)
async def test_a_request_of_very_many_things_is_refused(gateway, named):
    refused = await gateway.client.post(named.split()[0], headers=gateway.auth(), json=BODIES[named])
    assert refused.status_code == 400
    assert "more than 100,000 entries" in refused.text
