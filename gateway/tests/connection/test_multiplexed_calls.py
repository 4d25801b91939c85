"""The gateway's frequent calls to the services share streams, unless PENSTOCK_MULTIPLEX_CALLS turns that off."""

import pytest

from gateway.composition.clients import open_clients
from gateway.settings import GatewaySettings
from penstock_kit.grpc.call import SingleCall, StreamingCall
from penstock_kit.grpc.multiplex.call import MultiplexedSingleCall, MultiplexedStreamingCall

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("value", "unary", "streaming"),
    [("true", MultiplexedSingleCall, MultiplexedStreamingCall), ("false", SingleCall, StreamingCall)],
)
async def test_the_setting_decides_whether_frequent_calls_share_a_stream(value, unary, streaming):
    settings = GatewaySettings(_env_file=None, PENSTOCK_MULTIPLEX_CALLS=value)
    async with open_clients(settings) as clients:
        assert type(clients.llm.Complete) is unary
        assert type(clients.llm.StreamComplete) is streaming
        assert type(clients.streams.StreamChat) is streaming
        assert type(clients.conversations.GetConversation) is SingleCall


@pytest.mark.parametrize("multiplexed", [True, False])
async def test_a_completion_and_a_chat_are_answered_in_both_ways(start_gateway, multiplexed):
    gateway = await start_gateway(multiplex_calls=multiplexed)
    question = {"model": "fallback/rules", "messages": [{"role": "user", "content": "Hi"}]}
    completion = await gateway.client.post("/v1/chat/completions", headers=gateway.auth(), json=question)
    assert completion.json()["choices"][0]["finish_reason"] == "stop"
    created = await gateway.client.post("/api/v1/conversations", headers=gateway.auth(), json={"title": "t"})
    path = f"/api/v1/conversations/{created.json()['id']}/stream"
    chat = await gateway.client.post(path, headers=gateway.auth(), json={"content": "Hi there!"})
    assert chat.text.count("event: ") == 5
    assert "event: complete_state" in chat.text
