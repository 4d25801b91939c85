"""A large model call holds nobody else up while it is read."""

import json
import time

import pytest

from gateway.dialects.anthropic.request import message_request_from_json
from gateway.dialects.openai.request import chat_request_from_json
from gateway.dialects.responses.request import response_request_from_json
from gateway.http.body import parse_object
from penstock_testkit.loop_turns import watch_turns

pytestmark = pytest.mark.asyncio(loop_scope="session")

MESSAGES = [{"role": "user", "content": [{"type": "text", "text": "x"}]}] * 16_000
CALLS = {
    "/v1/chat/completions": ({"model": "m", "messages": MESSAGES}, chat_request_from_json),
    "/v1/messages": ({"model": "m", "max_tokens": 9, "messages": MESSAGES}, message_request_from_json),
    "/v1/messages/count_tokens": (
        {"model": "m", "messages": MESSAGES},
        lambda body: message_request_from_json(body, counting=True),
    ),
    "/v1/responses": (
        {"model": "m", "input": [{"role": "user", "content": [{"type": "input_text", "text": "x"}]}] * 16_000},
        response_request_from_json,
    ),
}


def seconds_of(body, convert):
    begun = time.thread_time()
    convert(parse_object(body))
    return time.thread_time() - begun


@pytest.mark.parametrize("path", CALLS)
async def test_no_turn_of_the_loop_takes_what_reading_a_large_model_call_takes(gateway, path):
    value, convert = CALLS[path]
    body = json.dumps(value).encode()
    alone = min(seconds_of(body, convert) for _ in range(3))
    headers = {**gateway.auth(), "content-type": "application/json"}
    async with watch_turns() as turns:
        answer = await gateway.client.post(path, content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert turns.longest < 0.7 * alone
