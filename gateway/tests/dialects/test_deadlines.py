"""How long llm-service may take: as long as the operator lets it, or as the caller waits."""

import asyncio

import pytest

from penstock_testkit.services import Hang, answer_events
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")

HI = [{"role": "user", "content": "Hi"}]
ASKED = {
    "completion": ("/v1/chat/completions", {"messages": HI}),
    "message": ("/v1/messages", {"model": "default", "max_tokens": 9, "messages": HI}),
    "count": ("/v1/messages/count_tokens", {"model": "default", "messages": HI}),
    "response": ("/v1/responses", {"model": "default", "input": "Hi"}),
    "embedding": ("/v1/embeddings", {"model": "default", "input": "Hi"}),
}
STREAMED = {name: (path, {**body, "stream": True}) for name, (path, body) in ASKED.items() if name[0] in "mr"} | {
    "chunks": ("/v1/chat/completions", {"messages": HI, "stream": True})
}


async def given(gateway, path, body, **headers):
    """Return the seconds that llm-service was given for a request; gRPC sends long ones in whole seconds."""
    answer = await gateway.client.post(path, headers={**gateway.auth(), **headers}, json=body)
    assert answer.status_code == 200, answer.text
    return gateway.fakes.llm.deadlines[-1]


async def test_every_answer_ends_with_the_operators_limit_or_with_what_the_caller_waits(start_gateway):
    gateway = await start_gateway(completion_seconds=400, stream_seconds=800)
    for name, (path, body) in ASKED.items():
        assert 300 < await given(gateway, path, body) <= 402, name
        assert 100 < await given(gateway, path, body, **{"x-stainless-timeout": "200"}) <= 202, name


async def test_a_streamed_answer_ends_with_the_operators_limit_for_streams(start_gateway):
    gateway = await start_gateway(completion_seconds=400, stream_seconds=800)
    for name, (path, body) in STREAMED.items():
        assert 700 < await given(gateway, path, body) <= 802, name


async def test_a_stream_without_content_ends_with_what_the_caller_waits(gateway):
    for name, (path, body) in STREAMED.items():
        hang = Hang()
        gateway.fakes.llm.script = [*answer_events("")[:1], hang]
        headers = {**gateway.auth(), "x-stainless-read-timeout": "0.3"}
        answer = await gateway.client.post(path, headers=headers, json=body, timeout=HANG_SECONDS)
        assert "no content came within the 0.3 s that the caller waits" in answer.text, name
        await asyncio.wait_for(hang.left.wait(), HANG_SECONDS)
