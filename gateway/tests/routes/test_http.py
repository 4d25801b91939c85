"""What surrounds every route: errors, limits, compression, CORS, request ids, readiness, metrics, pages."""

import asyncio
import gzip
import json
import re
import time
import zlib

import brotli
import httpx
import pytest
from penstock.common.v1.common_pb2 import ComponentStatus

from gateway.http.json import encode
from gateway.middleware.compression import Compression
from penstock_kit.errors import Internal
from penstock_testkit.services import Fail, Hang, Wait, answer_events
from penstock_testkit.services.chat import turn
from penstock_testkit.waiting import HANG_SECONDS, assert_within

pytestmark = pytest.mark.asyncio(loop_scope="session")

MEBIBYTE = 1024 * 1024


async def post(gateway, path, **options):
    headers = {**gateway.auth(), **options.pop("headers", {})}
    return await gateway.client.post(path, headers=headers, **options)


def refusal(answer):
    """Return the status and the reason, of a problem or of OpenAI's error."""
    body = answer.json()
    return answer.status_code, body["error"]["code"].upper() if "error" in body else body["reason"]


async def test_a_wrong_field_is_named_with_what_was_given(gateway):
    made = await post(gateway, "/api/v1/conversations", json={})
    answer = await post(
        gateway, f"/api/v1/conversations/{made.json()['id']}/stream", json={"content": 5, "role": "robot"}
    )
    problem = answer.json()
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert (problem["reason"], problem["success"], problem["status"]) == ("VALIDATION_FAILED", False, 422)
    assert [error["field"] for error in problem["errors"]] == ["content", "role"]
    assert "(given: 5)" in problem["errors"][0]["description"]
    assert problem["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"", b'{"content": NaN}', b"\xff", b"[" * 10_000, b'{"a":' * 10_000],
    ids=lambda body: repr(body[:12]),
)
@pytest.mark.parametrize(
    ("path", "empty"),
    [("/api/v1/llm/parse", (422, "VALIDATION_FAILED")), ("/v1/chat/completions", (400, "JSON_INVALID"))],
)
async def test_broken_and_deeply_nested_json_is_refused_quickly(gateway, path, empty, body):
    begun = time.perf_counter()
    answer = await post(gateway, path, content=body, headers={"content-type": "application/json"})
    assert refusal(answer) == ((400, "JSON_INVALID") if body else empty)
    assert_within(time.perf_counter() - begun, 2)


async def test_json_too_deep_to_pass_on_is_a_400(gateway):
    nested = json.loads('{"a":' * 400 + "1" + "}" * 400)
    tool = {"type": "function", "function": {"name": "f", "parameters": nested}}
    body = {"messages": [{"role": "user", "content": "x"}], "tools": [tool]}
    answer = await post(gateway, "/v1/chat/completions", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "tools[0].function.parameters"


async def test_a_declared_length_over_the_limit_is_refused_before_the_body_comes(gateway):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rpartition(":")[2]))
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n"
        b"authorization: Bearer " + gateway.key.encode() + b"\r\n\r\n{"
    )
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HANG_SECONDS)
    body = await asyncio.wait_for(reader.readuntil(b"}}"), HANG_SECONDS)
    writer.close()
    assert head.startswith(b"HTTP/1.1 413")
    assert json.loads(body)["error"]["code"] == "body_limit_exceeded"


async def test_a_body_of_unknown_length_is_cut_at_the_limit(start_gateway):
    gateway = await start_gateway(max_body_bytes=MEBIBYTE)

    async def endless():
        for _ in range(1000):
            yield b" " * 65_536

    for path in ("/v1/chat/completions", "/api/v1/llm/parse"):
        answer = await post(gateway, path, content=endless())
        assert refusal(answer) == (413, "BODY_LIMIT_EXCEEDED"), path
        assert f"larger than {MEBIBYTE} bytes" in answer.text


async def test_a_body_of_just_the_limit_is_taken_and_one_byte_more_is_not(start_gateway):
    gateway = await start_gateway(max_body_bytes=MEBIBYTE)
    body = b'{"messages": [{"role": "user", "content": "x"}]}'.ljust(MEBIBYTE)

    async def pieces(whole):
        for at in range(0, len(whole), 65_536):
            yield whole[at : at + 65_536]

    for content in (body, pieces(body)):
        assert (await post(gateway, "/v1/chat/completions", content=content)).status_code == 200
    for content in (body + b" ", pieces(body + b" ")):
        assert refusal(await post(gateway, "/v1/chat/completions", content=content)) == (413, "BODY_LIMIT_EXCEEDED")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/v1/llm/parse", "/api/v2/data/ingest"])
async def test_a_gzip_bomb_is_refused_without_being_unpacked(start_gateway, path):
    gateway = await start_gateway(max_body_bytes=MEBIBYTE, max_ingest_bytes=MEBIBYTE)
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join([packer.compress(b" " * MEBIBYTE) for _ in range(64)]) + packer.flush()
    begun = time.perf_counter()
    answer = await post(
        gateway, path, content=bomb, headers={"content-encoding": "gzip", "content-type": "application/json"}
    )
    assert refusal(answer) == (413, "BODY_LIMIT_EXCEEDED")
    assert_within(time.perf_counter() - begun, 2)


async def test_compressed_bodies_are_unpacked_and_unknown_encodings_named(gateway):
    body = gzip.compress(b'{"messages": [{"role": "user", ') + gzip.compress(b'"content": "x"}]}')
    answer = await post(gateway, "/v1/chat/completions", content=body, headers={"content-encoding": "gzip"})
    assert answer.status_code == 200
    for encoding, content, reason, text in (
        ("gzip", body[:-9], "CONTENT_ENCODING_INVALID", "ends early"),
        ("gzip", b"no gzip", "CONTENT_ENCODING_INVALID", "damaged"),
        ("zstd", b"{}", "CONTENT_ENCODING_UNSUPPORTED", "'zstd' is not understood; send gzip, deflate or none"),
    ):
        answer = await post(gateway, "/v1/chat/completions", content=content, headers={"content-encoding": encoding})
        assert refusal(answer) == (400, reason), (encoding, content)
        assert text in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/api/v1/nothing", "GET", 404),
        ("/v1/nothing", "GET", 404),
        ("/health", "POST", 405),
        ("/v1/models", "PUT", 405),
    ],
)
async def test_unknown_paths_and_methods_have_the_shape_of_their_surface(gateway, path, method, status):
    answer = await gateway.client.request(method, path, headers=gateway.auth())
    assert answer.status_code == status
    body = answer.json()
    reason = {404: "ROUTE_NOT_FOUND", 405: "METHOD_UNSUPPORTED"}[status]
    if path.startswith("/v1/"):
        assert (body["error"]["type"], body["error"]["code"]) == ("invalid_request_error", reason.lower())
    else:
        assert answer.headers["content-type"] == "application/problem+json"
        assert (body["success"], body["status"], body["reason"]) == (False, status, reason)


async def test_anthropics_path_answers_in_anthropics_shape(gateway):
    answer = await gateway.client.get("/v1/messages/nothing")
    assert answer.json()["type"] == "error"
    assert answer.json()["error"]["type"] == "not_found_error"


async def test_every_route_but_the_open_ones_asks_for_credentials(gateway):
    description = (await gateway.client.get("/openapi.json")).json()
    checked = 0
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            if operation.get("security") == []:
                continue
            answer = await gateway.client.request(method, re.sub(r"\{\w+\}", "x", path))
            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            checked += 1
    assert checked > 60


async def test_an_unexpected_error_says_nothing_about_itself(gateway):
    gateway.fakes.llm.script = [Fail(Internal("internal error; the service log has it under this request id"))]
    answer = await post(gateway, "/v1/chat/completions", json={"messages": [{"role": "user", "content": "x"}]})
    assert answer.status_code == 500
    assert answer.json()["error"]["type"] == "server_error"
    assert answer.headers["x-should-retry"] == "false"


async def test_a_request_id_is_kept_when_it_is_sane_and_made_otherwise(gateway):
    for given, kept in (("req-from-me.1", True), ("a b", False), ("x" * 200, False)):
        answer = await gateway.client.get("/health", headers={"x-request-id": given})
        assert (answer.headers["x-request-id"] == given) is kept


async def test_preflights_are_answered_without_credentials(gateway):
    answer = await gateway.client.options(
        "/api/v1/conversations/c/stream",
        headers={
            "origin": "https://shop.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,content-type",
        },
    )
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "authorization" in answer.headers["access-control-allow-headers"]


async def test_errors_too_can_be_read_by_a_page_of_another_origin(start_gateway):
    gateway = await start_gateway(cors_origins="https://shop.example, https://b.example")
    for path in ("/v1/chat/completions", "/api/v1/llm/parse"):
        answer = await gateway.client.post(path, headers={"origin": "https://shop.example"}, json={})
        assert answer.status_code == 401
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        assert "x-request-id" in answer.headers["access-control-expose-headers"]
    answer = await gateway.client.get("/health", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


async def test_large_json_is_compressed_as_the_client_asks(gateway):
    for accepted, expected in (("gzip", "gzip"), ("gzip, br", "br"), ("br;q=0, gzip", "gzip"), ("identity", None)):
        answer = await gateway.client.get("/openapi.json", headers={"accept-encoding": accepted})
        assert answer.headers.get("content-encoding") == expected
        assert answer.json()["info"]["title"] == "Penstock"
    small = await gateway.client.get("/health", headers={"accept-encoding": "gzip, br"})
    assert "content-encoding" not in small.headers


async def test_what_is_compressed_is_the_same_bytes_and_streams_pass_untouched():
    async def run(kind, bodies):
        sent = []

        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
            for index, body in enumerate(bodies):
                more = index < len(bodies) - 1
                await send({"type": "http.response.body", "body": body, "more_body": more})

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "headers": [(b"accept-encoding", b"br")]}
        await Compression(app, least=10)(scope, None, send)
        return sent

    whole = await run(b"application/json", [b"a" * 500_000])
    assert brotli.decompress(whole[1]["body"]) == b"a" * 500_000
    for kind, bodies in ((b"text/event-stream", [b"a" * 100]), (b"application/json", [b"a" * 100, b"b"])):
        assert [message["body"] for message in (await run(kind, bodies))[1:]] == bodies


async def test_readiness_names_every_service_and_store(gateway):
    answer = await gateway.client.get("/ready")
    report = answer.json()
    assert (answer.status_code, report["status"]) == (200, "degraded")
    assert set(report["services"]) == {
        "gateway/database", "llm-service", "chat-stream-service", "feature-service", "cache-service",
    }  # fmt: skip
    assert "feature-service/telemetry" in report["degraded"]
    assert report["services"]["cache-service"]["state"] == "down"


@pytest.mark.parametrize(
    ("blocking", "expected"), [(False, (200, "degraded", "degraded")), (True, (503, "unavailable", "down"))]
)
async def test_a_required_service_that_does_nothing_without_its_store_is_not_ready(gateway, blocking, expected):
    gateway.fakes.llm.components = [
        ComponentStatus(name="database", state="down", detail="its schema could not be prepared", blocking=blocking)
    ]
    answer = await gateway.client.get("/ready")
    service = answer.json()["services"]["llm-service"]
    assert (answer.status_code, answer.json()["status"], service["state"]) == expected
    assert service["stores"]["database"]["detail"] == "its schema could not be prepared"
    assert "llm-service/database" in answer.json()["degraded"]


async def test_without_its_services_the_gateway_lives_and_is_not_ready(start_gateway):
    gateway = await start_gateway(address="127.0.0.1:1")
    assert (await gateway.client.get("/health")).json()["status"] == "ok"
    begun = time.perf_counter()
    answer = await gateway.client.get("/ready")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert "llm-service at 127.0.0.1:1" in answer.json()["services"]["llm-service"]["detail"]
    refused = await post(gateway, "/v1/chat/completions", json={"messages": [{"role": "user", "content": "x"}]})
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert_within(time.perf_counter() - begun, 5)


async def test_a_gateway_whose_services_are_down_is_ready_for_its_balancer(start_gateway):
    gateway = await start_gateway(address="127.0.0.1:1")
    answer = await gateway.client.get("/ready/gateway")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert set(answer.json()["services"]) == {"gateway/database"}


async def test_requests_are_counted_by_the_template_of_their_route(start_gateway):
    gateway = await start_gateway()
    await gateway.client.get("/api/v1/conversations/conv_1", headers=gateway.auth())
    await gateway.client.get("/api/v1/does/not/exist")
    await post(gateway, "/v1/chat/completions", json={"messages": [{"role": "user", "content": "x"}]})
    for path in ("/metrics", "/api/v2/metrics"):
        text = (await gateway.client.get(path)).text
        for endpoint, method, status in (
            ("/api/v1/conversations/{conversation_id}", "GET", 404),
            ("unmatched", "GET", 404),
            ("/v1/chat/completions", "POST", 200),
        ):
            assert f'http_requests_total{{endpoint="{endpoint}",method="{method}",status="{status}"}} 1.0' in text
        assert 'http_request_duration_seconds_bucket{endpoint="/v1/chat/completions",le="' in text
        assert "does/not/exist" not in text


async def test_metrics_are_for_local_scrapers_and_operators(gateway):
    user = {"username": "amy.metrics", "password": "four unlikely words here"}
    await post(gateway, "/api/v1/users", json={**user, "scopes": ["admin"]})
    login = await gateway.client.post("/api/v2/auth/login", json=user)
    admin = gateway.auth(login.json()["data"]["access_token"])
    for path in ("/metrics", "/api/v2/metrics"):
        for headers, status in (
            ({}, 200), (gateway.auth(), 200), (admin, 403), (gateway.auth("psk_wrong"), 401),
            ({"x-forwarded-for": "198.51.100.7"}, 401), ({"forwarded": "for=198.51.100.7"}, 401),
        ):  # fmt: skip
            answer = await gateway.client.get(path, headers=headers)
            assert answer.status_code == status, (path, headers)
            assert ("http_requests_total" in answer.text) == (status == 200)


async def test_metrics_are_for_everybody_where_the_operator_says_so(start_gateway):
    gateway = await start_gateway(metrics_access="everybody")
    for headers in ({"x-forwarded-for": "198.51.100.7"}, gateway.auth("psk_wrong")):
        assert (await gateway.client.get("/metrics", headers=headers)).status_code == 200


async def test_what_the_api_answers_is_kept_by_no_cache_and_guessed_by_no_browser(gateway):
    login = {"username": "admin", "password": gateway.password}
    pair = (await gateway.client.post("/api/v2/auth/login", json=login)).json()["data"]
    made = await post(gateway, "/api/v1/keys", json={"name": "k", "scopes": ["chat"]})
    conversation = (await post(gateway, "/api/v1/conversations", json={})).json()["id"]
    answers = [
        await gateway.client.post("/api/v2/auth/login", json=login), made,
        await gateway.client.post("/api/v2/auth/refresh", json={"refresh_token": pair["refresh_token"]}),
        await gateway.client.get("/api/v2/auth/me", headers=gateway.auth()),
        await gateway.client.get("/api/v1/users", headers=gateway.auth()),
        await post(gateway, f"/api/v1/keys/{made.json()['id']}/rotate"),
        await post(gateway, f"/api/v1/conversations/{conversation}/ticket"),
        await gateway.client.get("/api/v1/keys"), await gateway.client.get("/v1/models", headers=gateway.auth()),
        await post(gateway, "/v1/chat/completions", json={"messages": [{"role": "user", "content": "x"}]}),
    ]  # fmt: skip
    for answer in answers:
        assert answer.headers.get_list("cache-control") == ["no-store"], answer.url
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"], answer.url
    for path in ("/", "/static/chat.js", "/health"):
        page = await gateway.client.get(path)
        assert page.headers.get_list("x-content-type-options") == ["nosniff"], path
        assert "no-store" not in page.headers.get("cache-control", ""), path


async def test_the_pages_load_nothing_from_elsewhere(gateway):
    for path in ("/", "/docs"):
        page = await gateway.client.get(path)
        assert page.status_code == 200
        assert "default-src 'self'" in page.headers["content-security-policy"]
        found = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert found
        assert all(link.startswith("/") for link in found)
        for link in found:
            assert (await gateway.client.get(link)).status_code == 200, link
    unchanged = await gateway.client.get("/static/chat.js", headers={"if-none-match": page.headers["etag"]})
    tag = unchanged.headers["etag"]
    assert (await gateway.client.get("/static/chat.js", headers={"if-none-match": tag})).status_code == 304
    assert (await gateway.client.get("/static/..%2fapp.py")).status_code == 404


async def test_the_description_has_words_for_every_operation(gateway):
    description = (await gateway.client.get("/openapi.json")).json()
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            assert operation.get("description"), (method, path)
    assert {"/v1/chat/completions", "/api/v2/data/ingest", "/api/v1/conversations/{conversation_id}/stream"} <= set(
        description["paths"]
    )


async def test_nan_and_infinities_are_null_and_times_end_in_z():
    from datetime import datetime

    value = {"a": [float("nan"), float("inf"), 1.5], "t": datetime(2026, 1, 2)}
    assert encode(value) == b'{"a":[null,null,1.5],"t":"2026-01-02T00:00:00Z"}'


async def test_a_stop_ends_the_gateway_and_lets_running_answers_finish(start_gateway, fakes):
    gateway = await start_gateway()
    go = asyncio.Event()
    script = answer_events("one", "two")
    fakes.llm.script = [*script[:2], Wait(go), *script[2:]]
    body = {"messages": [{"role": "user", "content": "x"}], "stream": True}
    async with gateway.client.stream("POST", "/v1/chat/completions", headers=gateway.auth(), json=body) as answer:
        pieces = answer.aiter_raw()
        await anext(pieces)
        gateway.stop.set()
        async with httpx.AsyncClient(base_url=gateway.url, timeout=HANG_SECONDS) as fresh:
            for _ in range(100):
                try:
                    if (await fresh.get("/ready")).status_code == 503:
                        break
                except (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError):
                    break  # it listens no more, or closed a connection of which it had read nothing
        go.set()
        rest = b"".join([piece async for piece in pieces])
    assert rest.endswith(b"data: [DONE]\n\n")


async def test_what_runs_longer_than_the_grace_is_told_to_come_back(start_gateway, fakes):
    gateway = await start_gateway()
    hangs = [Hang(), Hang(), Hang()]
    fakes.chat.script = [*turn("a")[:2], hangs[0]]
    fakes.llm.script = [*answer_events("one")[:2], hangs[1]]
    made = await post(gateway, "/api/v1/conversations", json={})
    body = {"messages": [{"role": "user", "content": "x"}]}
    path = f"/api/v1/conversations/{made.json()['id']}/stream"
    own = asyncio.create_task(post(gateway, path, json={"content": "x"}))
    chunks = asyncio.create_task(post(gateway, "/v1/chat/completions", json={**body, "stream": True}))
    await asyncio.gather(*(asyncio.wait_for(hang.reached.wait(), HANG_SECONDS) for hang in hangs[:2]))
    fakes.llm.script = [hangs[2]]
    whole = asyncio.create_task(post(gateway, "/v1/chat/completions", json=body))
    await asyncio.wait_for(hangs[2].reached.wait(), HANG_SECONDS)
    gateway.stop.set()
    answers = await asyncio.wait_for(asyncio.gather(own, chunks, whole), HANG_SECONDS)
    assert answers[0].content.endswith(b"}\n\n: reconnect\n")
    assert b"gateway_unavailable" in answers[1].content
    assert b"[DONE]" not in answers[1].content
    assert (answers[2].status_code, answers[2].json()["error"]["code"]) == (503, "gateway_unavailable")
    await asyncio.gather(*(asyncio.wait_for(hang.left.wait(), HANG_SECONDS) for hang in hangs))


async def test_every_body_is_described_as_client_generators_read_it(gateway):
    description = (await gateway.client.get("/openapi.json")).json()
    known = {"application/json", "application/octet-stream", "multipart/form-data", "application/x-www-form-urlencoded"}
    unknown = [
        (path, kind)
        for path, operations in description["paths"].items()
        for operation in operations.values()
        for kind in operation.get("requestBody", {}).get("content", {})
        if kind not in known
    ]
    assert unknown == []
