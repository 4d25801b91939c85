"""Values that no field, calendar or store can hold are the caller's error, told with the field's name."""

import ast
import asyncio
import importlib
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter
from google.protobuf.descriptor import FieldDescriptor
from penstock.chat.v1 import chat_pb2
from prometheus_client import CollectorRegistry
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

import gateway
from gateway.composition.app import MiddlewareOptions, build_app
from gateway.convert.protobuf import build_message
from gateway.middleware.metrics import HttpMetrics
from gateway.middleware.overload import WorkAdmission
from penstock_kit.errors import InvalidArgument
from penstock_kit.redaction import Redactor
from penstock_kit.telemetry.tracing import Tracing
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")

STREAM = "/api/v1/streams/x/events"
HISTORY = "/api/v2/data/query/history"
DATASET = "/api/v2/ai/features/dataset"
NUL = "with a \x00"


@pytest.mark.parametrize(
    ("method", "path", "options", "field"),
    [
        ("GET", f"{STREAM}?after=9223372036854775808", {}, "after"),
        ("GET", f"{STREAM}?after=99999999999999999999", {}, "after"),
        ("GET", STREAM, {"headers": {"last-event-id": "9223372036854775808"}}, "after_sequence"),
        ("GET", STREAM, {"headers": {"last-event-id": "9" * 40}}, "after_sequence"),
        ("GET", "/api/v1/costs/ledger?start_time=0001-01-01T00:00:00%2B14:00", {}, "start_time"),
        ("GET", "/api/v1/costs/summary?end_time=9999-12-31T23:59:59-14:00", {}, "end_time"),
        ("GET", "/api/v2/ai/features/stats?model_code=m&start_time=0001-01-01T00:00:00%2B00:01", {}, "start_time"),
        ("GET", "/api/v2/data/statistics?device_code=d&end_time=9999-12-31T23:59:59-01:00", {}, "end_time"),
        ("POST", "/api/v1/keys", {"json": {"name": "x", "expire_time": "9999-12-31T23:59:59-14:00"}}, "expire_time"),
        ("POST", "/api/v1/llm/parse", {"json": {"prompt": "x", "now": "0001-01-01T00:00:00+14:00"}}, "now"),
        ("PUT", "/api/v1/keys/{own}/policy", {"json": {"tokens_per_minute": 2**63}}, "tokens_per_minute"),
        ("PUT", "/api/v1/keys/{own}/policy", {"json": {"requests_per_minute": 2**63}}, "requests_per_minute"),
        ("POST", HISTORY, {"json": {"device_code": "d", "interval": 9.2e257}}, "interval"),
        ("GET", f"{HISTORY}?device_code=d&interval=1e300", {}, "interval"),
        ("GET", f"{HISTORY}?device_code=d&interval=nan", {}, "interval"),
        ("GET", f"{HISTORY}?device_code=d&interval=inf", {}, "interval"),
        ("GET", f"{HISTORY}?device_code=", {}, "device_code"),
        ("POST", HISTORY, {"json": {"device_code": "d", "start_time": "0001-01-01T00:00:00+00:01"}}, "start_time"),
        ("POST", DATASET, {"json": {"model_code": "m", "random_state": 2**63}}, "random_state"),
        ("POST", "/api/v2/data/query/realtime", {"json": {"model_code": "m", "page": 2**63 - 1}}, "page"),
        ("GET", "/api/v1/costs/ledger?page_size=%D9%A1", {}, "page_size"),
        ("PUT", "/api/v1/budgets/b", {"json": {"scope": "total", "period": "day", "limit": "\u0661\u0662"}}, "limit"),
        ("POST", "/api/v2/data/query/history", {"json": {"device_code": "W", "interval": "\uff16\uff10"}}, "interval"),
        ("POST", "/api/v1/conversations", {"json": {"title": NUL}}, "title"),
        ("POST", "/api/v1/conversations", {"json": {"labels": {"a": NUL}}}, "labels.a"),
        ("POST", "/api/v1/conversations", {"json": {"labels": {NUL: "a"}}}, "labels"),
        ("POST", "/api/v1/conversations/c/stream", {"json": {"content": NUL}}, "content"),
        ("GET", "/api/v1/conversations/a%00b", {}, "path"),
        ("GET", "/api/v2/metadata/devices?search=a%00b", {}, "query"),
    ],
)
async def test_a_value_that_cannot_be_held_is_refused_with_its_field(
    gateway: Any, method: str, path: str, options: dict[str, Any], field: str
) -> None:
    headers = {**gateway.auth(), **options.pop("headers", {})}
    if "{own}" in path:
        listed = (await gateway.client.get("/api/v1/keys", headers=headers)).json()["keys"]
        path = path.replace("{own}", listed[0]["id"])
    answer = await gateway.client.request(method, path, headers=headers, **options)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert [violation["field"] for violation in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    "body",
    [
        b'{"title": NaN}', b'{"title": Infinity}', b'{"labels": {"a": 1e400}}', b'{"title": "\\ud800"}',
        b'{"title": "\xff"}', b'{"title": "a', b"[" * 100_000, b'{"labels": ' * 5000 + b"1" + b"}" * 5000,
    ],
)  # fmt: skip
async def test_what_is_no_json_is_400(gateway: Any, body: bytes) -> None:
    answer = await gateway.client.post("/api/v1/conversations", content=body, headers=gateway.auth())
    assert (answer.status_code, answer.json()["reason"]) == (400, "JSON_INVALID")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing/here", 404),
        ("PATCH", "/health", 405),
        ("GET", "/api/v1/costs/ledger?page_size=-1", 422),
        ("POST", "/api/v1/keys", 422),
        ("GET", "/api/v1/users", 401),
    ],
)
async def test_every_error_of_the_gateway_is_problem_json(gateway: Any, method: str, path: str, status: int) -> None:
    headers = {} if status == 401 else gateway.auth()
    answer = await gateway.client.request(method, path, headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (status != 405) or answer.headers["allow"]


async def test_a_redirect_names_no_host(gateway: Any) -> None:
    answer = await gateway.client.get("/api/v1/users/?a=b", headers={**gateway.auth(), "host": "evil.example"})
    assert (answer.status_code, answer.headers["location"]) == (307, "/api/v1/users?a=b")


def application(router: APIRouter) -> Any:
    """The gateway's application with one router."""
    options = MiddlewareOptions(
        metrics=HttpMetrics(CollectorRegistry()), tracing=Tracing(None), redactor=Redactor(), origins=("*",),
        max_body_bytes=1000, path_limits={}, access_log="off",
        admission=WorkAdmission((), lambda _: ""),
    )  # fmt: skip
    return build_app(routers=[router], hot={}, options=options)


async def test_an_exception_that_nobody_foresaw_is_problem_json_and_tells_nothing(serve_http: Any) -> None:
    router = APIRouter()

    @router.get("/broken")
    async def broken() -> None:
        raise KeyError("s3cret")

    sent = b"GET /broken HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    async with serve_http(application(router)) as served:
        answer = await served.answers(sent)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"content-type: application/problem+json" in answer
    assert b"s3cret" not in answer


@asynccontextmanager
async def socket(gateway: Any) -> AsyncGenerator[ClientConnection]:
    """The WebSocket of a new conversation."""
    made = await gateway.client.post("/api/v1/conversations", headers=gateway.auth(), json={})
    url = f"{gateway.url.replace('http', 'ws')}/api/v1/ws/conversations/{made.json()['id']}"
    async with connect(url, additional_headers=gateway.auth(), max_size=None) as websocket:
        yield websocket


async def test_odd_messages_of_a_socket_are_answered_and_it_stays_open(gateway: Any) -> None:
    odd = [
        b"\x00\xff",
        b'{"type": "ping"}',
        '{"type": "resume", "stream_id": "s", "after": 9223372036854775808}',
        '{"type": "resume", "stream_id": "s", "after": 1e400}',
        '{"type": "ask", "content": "a\\u0000"}',
        '{"type": "ask", "content": "\\ud800"}',
        '{"type": "nothing"}',
        "[" * 100_000,
        "",
    ]
    async with asyncio.timeout(HANG_SECONDS), socket(gateway) as websocket:
        for sent in odd:
            await websocket.send(sent)
            event = json.loads(await websocket.recv())
            assert (event["type"], event["code"] // 100) == ("error", 4), sent
        await websocket.send('{"type": "ping", "request_id": "r"}')
        assert json.loads(await websocket.recv()) == {"type": "pong", "request_id": "r"}


async def test_a_message_that_is_too_large_or_no_text_closes_the_socket_with_its_code(gateway: Any) -> None:
    async with asyncio.timeout(HANG_SECONDS):
        for sent, code in (("x" * 2_000_000, 1009), (b"\xff", 1007)):
            async with socket(gateway) as websocket:
                with pytest.raises(ConnectionClosedError) as closed:
                    await websocket.send(sent, text=True)
                    await websocket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == code


async def test_a_sequence_beyond_64_bits_opens_no_socket(gateway: Any) -> None:
    path = "/api/v1/ws/conversations/c?stream_id=s&after=9223372036854775808"
    answer = await gateway.client.get(path, headers={**gateway.auth(), **UPGRADE})
    assert answer.status_code == 403


UPGRADE = {
    "connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip


async def test_a_message_names_the_field_at_fault_and_keeps_our_own_mistakes() -> None:
    with pytest.raises(InvalidArgument, match=r"^page_size: 1000000000000 is out of range$"):
        build_message(chat_pb2.ListMessagesRequest, conversation_id="c", page_size=10**12)
    unknown: Any = {"no_such_field": 1}
    with pytest.raises(ValueError, match="no_such_field"):
        build_message(chat_pb2.ListMessagesRequest, **unknown)


HOLDS_ANYTHING = {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_BOOL,
                  FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_ENUM}  # fmt: skip
# Made of what a service said, not of what a caller sent.
OURS = {"chat/resuming_stream.py"}


async def test_messages_with_numbers_are_made_where_a_number_too_large_is_told() -> None:
    source = Path(gateway.__file__).parent
    bare: list[str] = []
    for path in sorted(file for room in ("routes", "chat", "transfer", "mcp") for file in (source / room).glob("*.py")):
        name = path.relative_to(source).as_posix()
        module = importlib.import_module(f"gateway.{name.removesuffix('.py').replace('/', '.')}")
        for node in ast.walk(ast.parse(path.read_text())):
            if name not in OURS and _is_bare(node, module):
                bare.append(f"{name}:{node.lineno}")  # pyright: ignore
    assert bare == [], "use build_message(pb.X, …)"


def _is_bare(node: ast.AST, module: Any) -> bool:
    """Whether `node` calls a message with a number among its fields."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.keywords):
        return False
    if not (isinstance(node.func.value, ast.Name) and node.func.value.id.endswith("pb")):
        return False
    kind = getattr(getattr(module, node.func.value.id), node.func.attr)
    return any(field.type not in HOLDS_ANYTHING for field in kind.DESCRIPTOR.fields)
