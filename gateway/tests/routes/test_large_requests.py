"""A large body below /api, or a large message of a WebSocket, holds nobody else up while it is read and validated."""

import asyncio
import json
import time
from typing import Any

import pytest
from pydantic import ValidationError
from websockets.asyncio.client import connect

from gateway.chat.request import StreamChatRequest
from gateway.http.validation import validation_error
from gateway.routes.metadata import DeviceCreate
from penstock_testkit.loop_turns import watch_turns
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")

WRONG = {f"name-{number}": number for number in range(40_000)}
DEVICE = {"device_code": "d", "labels": WRONG}
QUESTION = {"content": "hi", "template_values": WRONG}


def seconds_of(model: Any, value: Any) -> float:
    """What looking for all that is wrong takes, the best of three."""
    taken: list[float] = []
    for _ in range(3):
        begun = time.thread_time()
        try:
            model.model_validate(json.loads(json.dumps(value)))
        except ValidationError as error:
            validation_error(error.errors())
        taken.append(time.thread_time() - begun)
    return min(taken)


async def test_a_large_body_that_is_not_valid_is_looked_at_beside_the_loop_and_told_in_short(gateway: Any) -> None:
    alone = seconds_of(DeviceCreate, DEVICE)
    body = json.dumps(DEVICE).encode()
    headers = {**gateway.auth(), "content-type": "application/json"}
    async with watch_turns() as turns:
        answer = await gateway.client.post("/api/v2/metadata/devices", content=body, headers=headers)
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 100
    assert "and 39997 more" in answer.json()["detail"]
    assert turns.longest < 0.5 * alone


async def test_a_large_body_that_is_valid_is_answered_as_a_small_one(gateway: Any) -> None:
    device = {"device_code": "d", "fields": [f"a-field-with-a-long-name-{number:05d}" for number in range(9_000)]}
    assert len(json.dumps(device)) > 200_000
    answer = await gateway.client.post("/api/v2/metadata/devices", json=device, headers=gateway.auth())
    small = await gateway.client.post("/api/v2/metadata/devices", json={"device_code": "d"}, headers=gateway.auth())
    assert answer.status_code == small.status_code


async def test_a_large_plain_request_that_is_not_valid_is_refused_by_its_field(gateway: Any) -> None:
    body = {"device_code": "d", "fields": ["x" * 200] * 1_000, "limit": "many"}
    answer = await gateway.client.post("/api/v2/data/query/history", json=body, headers=gateway.auth())
    assert (answer.status_code, [each["field"] for each in answer.json()["errors"]]) == (422, ["limit"])


async def test_a_large_message_of_a_websocket_is_looked_at_beside_the_loop(gateway: Any) -> None:
    alone = seconds_of(StreamChatRequest, QUESTION)
    made = await gateway.client.post("/api/v1/conversations", headers=gateway.auth(), json={})
    address = f"{gateway.url.replace('http', 'ws')}/api/v1/ws/conversations/{made.json()['id']}"
    async with connect(address, additional_headers=gateway.auth()) as websocket:
        message = json.dumps({"type": "ask", **QUESTION})
        async with watch_turns() as turns:
            await websocket.send(message)
            told = json.loads(await asyncio.wait_for(websocket.recv(), HANG_SECONDS))
    assert (told["type"], told["reason"]) == ("error", "VALIDATION_FAILED")
    assert turns.longest < 0.5 * alone
