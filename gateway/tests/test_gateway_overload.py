"""A gateway with too much to do refuses questions at once, in the caller's dialect, and still shows what is."""

import pytest
import pytest_asyncio

from gateway.middleware.overload import BusyService
from penstock_kit.overload import LoadShedder

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}


@pytest_asyncio.fixture(loop_scope="session")
async def crowded(start_gateway):
    """A gateway that refuses all new work."""
    shedder = LoadShedder(0.3)
    shedder.share = 1.0
    return await start_gateway(shedder=shedder)


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1/chat/completions", lambda body: body["error"]["code"] == "load_limit_exceeded"),
        ("/v1/embeddings", lambda body: body["error"]["code"] == "load_limit_exceeded"),
        ("/v1/messages", lambda body: body["error"]["type"] == "overloaded_error"),
        ("/api/v1/conversations", lambda body: body["reason"] == "LOAD_LIMIT_EXCEEDED"),
        ("/api/v2/data/ingest", lambda body: body["reason"] == "LOAD_LIMIT_EXCEEDED"),
    ],
)
async def test_work_is_refused_at_once_and_told_when_to_come_again(crowded, path, shape):
    answer = await crowded.client.post(path, json=QUESTION, headers=crowded.auth())
    assert answer.status_code == 503, answer.text
    assert answer.headers["retry-after"] == "1"
    assert shape(answer.json())
    assert crowded.fakes.llm.requests == []


async def test_what_is_refused_is_not_looked_up(crowded):
    answer = await crowded.client.post("/v1/chat/completions", json=QUESTION)
    assert answer.status_code == 503


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/api/v1/costs/summary", "/api/v1/keys", "/api/v1/budgets"])
async def test_lists_costs_and_health_answer(crowded, path):
    assert (await crowded.client.get(path, headers=crowded.auth())).status_code == 200


async def test_questions_are_refused_while_the_service_behind_is_and_other_work_goes_on(start_gateway):
    async def ask():
        """Say at once how one is."""

    behind = BusyService("/v1/", ask, target=0.3)
    behind.shedder.share = 1.0
    gateway = await start_gateway(behind=(behind,))
    refused = await gateway.client.post("/v1/chat/completions", json=QUESTION, headers=gateway.auth())
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    made = await gateway.client.post("/api/v1/conversations", json={}, headers=gateway.auth())
    assert made.status_code in {200, 201}
    behind.shedder.share = 0.0
    answered = await gateway.client.post("/v1/chat/completions", json=QUESTION, headers=gateway.auth())
    assert (answered.status_code, behind.under_way) == (200, 0)


async def test_people_can_sign_in_and_streams_be_stopped(crowded):
    login = {"username": "admin", "password": crowded.password}
    assert (await crowded.client.post("/api/v2/auth/login", json=login)).status_code == 200
    stopped = await crowded.client.post("/api/v1/streams/strm_none/stop", headers=crowded.auth())
    assert stopped.json().get("reason") != "LOAD_LIMIT_EXCEEDED"


async def test_a_gateway_with_little_to_do_refuses_nothing(gateway):
    assert (await gateway.client.post("/v1/chat/completions", json=QUESTION, headers=gateway.auth())).status_code == 200
