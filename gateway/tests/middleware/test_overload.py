"""A gateway with too much to do refuses questions at once, in the caller's dialect, and still shows what is."""

import asyncio

import pytest
import pytest_asyncio

from gateway.middleware.concurrency_limiter import ConcurrencyLimiter
from gateway.middleware.overload import LimitedWork
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
# Whose refusal depends on the request goes the long way; both ways must say the same.
EARLY: dict[str, str] = {}
LATE = {"x-request-id": "mine"}


def full(prefix="/", *, reads=False):
    """A limit that others have reached."""
    limiter = ConcurrencyLimiter(0.1)
    limiter.limit = 1
    assert limiter.acquire("")
    return LimitedWork(prefix=prefix, service="gateway", limiter=limiter, reads=reads)


@pytest_asyncio.fixture(loop_scope="session")
async def crowded(start_gateway):
    """A gateway that refuses all new work."""
    return await start_gateway(limits=(full(),))


@pytest.mark.parametrize("more", [EARLY, LATE], ids=["early", "late"])
@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1/chat/completions", lambda body: body["error"]["code"] == "load_limit_exceeded"),
        ("/v1/embeddings", lambda body: body["error"]["code"] == "load_limit_exceeded"),
        ("/v1/messages", lambda body: body["error"]["type"] == "overloaded_error" and body["request_id"]),
        ("/api/v1/conversations", lambda body: body["reason"] == "LOAD_LIMIT_EXCEEDED" and body["request_id"]),
        ("/api/v2/data/ingest", lambda body: body["reason"] == "LOAD_LIMIT_EXCEEDED"),
    ],
)
async def test_work_is_refused_at_once_and_told_when_to_come_again(crowded, path, shape, more):
    answer = await crowded.client.post(path, json=QUESTION, headers=more)
    assert answer.status_code == 503, answer.text
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["x-request-id"] == more.get("x-request-id", answer.headers["x-request-id"])
    assert shape(answer.json())
    assert crowded.fakes.llm.requests == []


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/api/v1/conversations"])
async def test_an_early_refusal_says_what_a_late_one_says(crowded, path):
    early = await crowded.client.post(path, json=QUESTION)
    late = await crowded.client.post(path, json=QUESTION, headers={"x-request-id": early.headers["x-request-id"]})
    assert early.json() == late.json()
    assert {name: value for name, value in early.headers.items() if name != "date"} == {
        name: value for name, value in late.headers.items() if name != "date"
    }


async def test_each_early_refusal_has_an_id_of_its_own(crowded):
    answers = [await crowded.client.post("/v1/messages", json=QUESTION) for _ in range(2)]
    first, second = (answer.headers["x-request-id"] for answer in answers)
    assert first != second
    assert answers[1].json()["request_id"] == second


async def test_a_connection_goes_on_after_a_refusal(crowded):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(crowded.url.rpartition(":")[2]))
    body = b'{"x": "' + b"y" * 500 + b'"}'
    refused = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    writer.write(refused[:-300])
    async with asyncio.timeout(HANG_SECONDS):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 503 ")
        # The answer was there before the body; the rest of it is no request.
        writer.write(refused[-300:] + b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        rest = await reader.read()
    assert rest.count(b"HTTP/1.1 ") == 1
    assert b"HTTP/1.1 200 " in rest
    writer.close()


async def test_refusals_of_many_requests_in_one_piece_come_in_order(crowded):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(crowded.url.rpartition(":")[2]))
    refused = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
    read = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
    last = b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    writer.write(refused + read + refused + refused + last)
    async with asyncio.timeout(HANG_SECONDS):
        answers = (await reader.read()).split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in answers] == [b"503", b"200", b"503", b"503", b"200"]
    writer.close()


async def test_a_page_of_another_origin_can_read_the_refusal(crowded):
    answer = await crowded.client.post(
        "/v1/chat/completions", json=QUESTION, headers={"origin": "https://page.example"}
    )
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (503, "*")


async def test_refusals_are_counted(crowded):
    before = await _counted(crowded)
    for more in (EARLY, LATE, EARLY):
        await crowded.client.post("/v1/chat/completions", json=QUESTION, headers=more)
    assert await _counted(crowded) == before + 3


async def _counted(gateway):
    metrics = (await gateway.client.get("/metrics", headers=gateway.auth())).text
    lines = [line for line in metrics.splitlines() if line.startswith("http_requests_total") and 'status="503"' in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


async def test_what_is_refused_is_not_looked_up(crowded):
    answer = await crowded.client.post("/v1/chat/completions", json=QUESTION)
    assert answer.status_code == 503


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/api/v1/costs/summary", "/api/v1/keys", "/api/v1/budgets"])
async def test_lists_costs_and_health_answer(crowded, path):
    assert (await crowded.client.get(path, headers=crowded.auth())).status_code == 200


READS = (
    "/v1/models",
    "/api/v1/costs/summary",
    "/api/v1/keys",
    "/api/v1/budgets?page_size=3",
    "/api/v2/metadata/devices",
)
WATCHED = ("/health", "/ready/gateway", "/metrics", "/api/v2/metrics", "/v1/dashboard/realtime", "/api/v2/auth/me")


async def test_reads_have_a_limit_of_their_own_that_refuses_no_question_and_hides_nothing(start_gateway):
    gateway = await start_gateway(limits=(full(reads=True),))
    for path in READS:
        answers = [await gateway.client.get(path, headers={**gateway.auth(), **more}) for more in (EARLY, LATE)]
        assert [(each.status_code, each.headers["retry-after"]) for each in answers] == [(503, "1")] * 2, path
    assert (await gateway.client.head(READS[0], headers=gateway.auth())).status_code == 503
    for path in WATCHED:
        assert (await gateway.client.get(path, headers=gateway.auth())).status_code == 200, path
    answered = await gateway.client.post("/v1/chat/completions", json=QUESTION, headers=gateway.auth())
    assert answered.status_code == 200
    gone = await gateway.client.delete("/api/v1/keys/key_none", headers=gateway.auth())
    assert gone.json()["reason"] == "KEY_NOT_FOUND"


async def test_a_stream_is_followed_and_a_file_fetched_however_much_is_read(start_gateway):
    gateway = await start_gateway(limits=(full(reads=True),))
    for path in ("/api/v1/streams/strm_none/events", "/api/v2/ai/datasets/ds_none/download"):
        answer = await gateway.client.get(path, headers=gateway.auth())
        assert answer.status_code != 503, answer.text


async def test_who_reads_little_is_served_beside_one_that_fills_the_limit_of_reads(start_gateway):
    work = LimitedWork(prefix="/", service="reads", limiter=ConcurrencyLimiter(0.1), reads=True)
    gateway = await start_gateway(limits=(work,))
    assert (await gateway.client.get("/api/v1/keys", headers=gateway.auth())).status_code == 200
    work.limiter.limit = 4
    for _ in range(4):
        assert work.limiter.acquire("heavy")
    assert (await gateway.client.get("/api/v1/keys", headers=gateway.auth())).status_code == 200
    assert work.limiter.in_flight == 4
    assert not work.limiter.acquire("heavy")


async def test_changes_are_work_as_questions_are(crowded):
    for method in ("PUT", "PATCH"):
        answer = await crowded.client.request(method, "/api/v1/budgets", json={}, headers=crowded.auth())
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_questions_are_refused_while_the_service_behind_is_and_other_work_goes_on(start_gateway):
    behind = full("/v1/")
    gateway = await start_gateway(limits=(behind,))
    refused = await gateway.client.post("/v1/chat/completions", json=QUESTION, headers=gateway.auth())
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    made = await gateway.client.post("/api/v1/conversations", json={}, headers=gateway.auth())
    assert made.status_code in {200, 201}
    behind.limiter.release("")
    answered = await gateway.client.post("/v1/chat/completions", json=QUESTION, headers=gateway.auth())
    assert (answered.status_code, behind.limiter.in_flight) == (200, 0)


async def test_a_tenant_that_asks_little_is_served_beside_one_that_fills_the_limit(start_gateway):
    work = LimitedWork(prefix="/", service="gateway", limiter=ConcurrencyLimiter(0.1))
    gateway = await start_gateway(limits=(work,))
    # Once served, the gateway knows whose key it is.
    assert (await gateway.client.post("/v1/chat/completions", json=QUESTION, headers=gateway.auth())).status_code == 200
    work.limiter.limit = 4
    for _ in range(4):
        assert work.limiter.acquire("heavy")
    answer = await gateway.client.post("/v1/chat/completions", json=QUESTION, headers=gateway.auth())
    assert answer.status_code == 200
    assert not work.limiter.acquire("heavy")
    stranger = await gateway.client.post("/v1/chat/completions", json=QUESTION, headers=gateway.auth("psk_unknown"))
    assert stranger.status_code == 401


async def test_people_can_sign_in_and_streams_be_stopped(crowded):
    login = {"username": "admin", "password": crowded.password}
    assert (await crowded.client.post("/api/v2/auth/login", json=login)).status_code == 200
    stopped = await crowded.client.post("/api/v1/streams/strm_none/stop", headers=crowded.auth())
    assert stopped.json().get("reason") != "LOAD_LIMIT_EXCEEDED"


async def test_a_gateway_with_little_to_do_refuses_nothing(gateway):
    assert (await gateway.client.post("/v1/chat/completions", json=QUESTION, headers=gateway.auth())).status_code == 200
