"""HTTP endpoints as tools, against a real server."""

import asyncio
import gzip
import ipaddress
import json
import zlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from chat_stream_service.adapters.operator_tools.configuration import ToolsConfiguration
from chat_stream_service.adapters.operator_tools.entry import HttpEntry
from chat_stream_service.adapters.operator_tools.operator_tools import OperatorTools
from chat_stream_service.domain.model.tool import Tool, ToolContext
from penstock_kit.errors import (
    BadUpstream,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    PenstockError,
    PermissionDenied,
    Unavailable,
)
from penstock_kit.outbound.destinations import Destinations
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS

CONTEXT = ToolContext(tenant_id="t", user_id="u", conversation_id="c", stream_id="s", max_characters=2000)
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


@dataclass
class Endpoint:
    """A server on the loopback interface that shows what it was asked, or does what `answer` does."""

    port: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list)
    answer: Any = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        seen = {
            "method": request.method,
            "path": request.raw_path,
            "authorization": request.headers.get("authorization", ""),
            "body": json.loads(body) if body else None,
        }
        self.asked.append(seen)
        return await self.answer(request) if self.answer else web.json_response(seen)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


@pytest.fixture
async def endpoint() -> AsyncGenerator[Endpoint]:
    served = Endpoint()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", served.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.port = runner.addresses[0][1]
    yield served
    await runner.cleanup()


@dataclass
class Toolbox:
    """Makes tools that are closed with the test."""

    clock: ManualClock = field(default_factory=ManualClock)
    opened: list[OperatorTools] = field(default_factory=list)
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost")
    networks: Any = LOOPBACK

    def make(self, url: str, **entry: Any) -> Tool:
        described = HttpEntry(**{"name": "probe", "description": "Probes.", "url": url, **entry})
        tools = OperatorTools(
            ToolsConfiguration(http=(described,), destinations=Destinations(hosts=self.hosts, networks=self.networks)),
            clock=self.clock,
            max_seconds=30,
        )
        self.opened.append(tools)
        return tools.sources[0].tools()[0]


@pytest.fixture
async def tools() -> AsyncGenerator[Toolbox]:
    box = Toolbox()
    yield box
    for opened in box.opened:
        await opened.close()


def schema(*names: str, required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {} for name in names}, "required": list(required)}


async def test_arguments_fill_the_path_and_the_rest_goes_into_the_query(endpoint: Endpoint, tools: Toolbox) -> None:
    tool = tools.make(
        endpoint.url("/v1/{city}/now?u={units}"),
        headers={"Authorization": "Bearer secret"},
        parameters=schema("city", "units", "days", required=("city", "units")),
    )
    await tool.call({"city": "a/b c?", "units": "°C", "days": [1, 2], "deep": True}, CONTEXT)
    assert endpoint.asked == [
        {
            "method": "GET",
            "path": "/v1/a%2Fb%20c%3F/now?u=%C2%B0C&days=1&days=2&deep=true",
            "authorization": "Bearer secret",
            "body": None,
        }
    ]


async def test_with_a_body_the_rest_goes_there(endpoint: Endpoint, tools: Toolbox) -> None:
    tool = tools.make(endpoint.url("/orders/{id}"), method="PUT", parameters=schema("id", "note", required=("id",)))
    text = await tool.call({"id": 7, "note": {"a": 1}}, CONTEXT)
    assert json.loads(text)["body"] == {"note": {"a": 1}}
    assert endpoint.asked[0]["path"] == "/orders/7"


@pytest.mark.parametrize("value", ["..", ".", ""])
async def test_an_argument_cannot_leave_its_place_in_the_path(endpoint: Endpoint, tools: Toolbox, value: str) -> None:
    tool = tools.make(endpoint.url("/v1/{a}/x"), parameters=schema("a", required=("a",)))
    with pytest.raises(InvalidArgument, match="can't be part of a path"):
        await tool.call({"a": value}, CONTEXT)
    assert endpoint.asked == []


async def test_a_refusal_is_told_to_the_model_with_what_the_endpoint_said(endpoint: Endpoint, tools: Toolbox) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.json_response({"detail": "no such city"}, status=404)

    endpoint.answer = refuse
    with pytest.raises(FailedPrecondition, match=r"404: .*no such city"):
        await tools.make(endpoint.url("/")).call({}, CONTEXT)


async def test_a_server_that_fails_is_left_alone_after_three_failures_and_tried_again(
    endpoint: Endpoint, tools: Toolbox
) -> None:
    async def fail(request: web.Request) -> web.Response:
        return web.Response(status=503, text="down")

    endpoint.answer = fail
    tool = tools.make(endpoint.url("/"))
    for _ in range(3):
        with pytest.raises(BadUpstream, match="503"):
            await tool.call({}, CONTEXT)
    with pytest.raises(Unavailable, match="out of order"):
        await tool.call({}, CONTEXT)
    assert len(endpoint.asked) == 3
    endpoint.answer = None
    tools.clock.advance(10)
    assert json.loads(await tool.call({}, CONTEXT))["path"] == "/"
    assert json.loads(await tool.call({}, CONTEXT))["path"] == "/"


async def test_a_server_that_hangs_costs_no_more_than_the_tools_time(endpoint: Endpoint, tools: Toolbox) -> None:
    async def hang(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    endpoint.answer = hang
    tool = tools.make(endpoint.url("/"), timeout_seconds=0.1)
    async with asyncio.timeout(HANG_SECONDS):
        with pytest.raises(DeadlineExceeded, match=r"within 0\.1 s"):
            await tool.call({}, CONTEXT)


async def test_a_server_that_is_not_there_is_told_as_down(tools: Toolbox) -> None:
    with pytest.raises(Unavailable, match="can't be reached"):
        await tools.make("http://127.0.0.1:1/").call({}, CONTEXT)


async def test_a_body_without_end_is_not_read_to_its_end(endpoint: Endpoint, tools: Toolbox) -> None:
    sent = 0

    async def pour(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"content-type": "text/plain"})
        await response.prepare(request)
        while True:
            await response.write(b"x" * 10_000)
            sent += 10_000

    endpoint.answer = pour
    with pytest.raises(FailedPrecondition, match="more than 50,000 bytes"):
        await tools.make(endpoint.url("/"), max_response_bytes=50_000).call({}, CONTEXT)
    assert sent < 20_000_000


async def test_a_long_answer_is_cut_to_what_the_entry_allows(endpoint: Endpoint, tools: Toolbox) -> None:
    async def long(request: web.Request) -> web.Response:
        return web.Response(text="y" * 5000)

    endpoint.answer = long
    text = await tools.make(endpoint.url("/"), max_result_characters=600).call({}, CONTEXT)
    assert len(text) == 600
    assert "truncated" in text


async def test_an_answer_that_is_no_text_is_refused(endpoint: Endpoint, tools: Toolbox) -> None:
    async def picture(request: web.Request) -> web.Response:
        return web.Response(body=b"\x89PNG", content_type="image/png")

    endpoint.answer = picture
    with pytest.raises(BadUpstream, match="image/png"):
        await tools.make(endpoint.url("/")).call({}, CONTEXT)


async def test_a_name_that_leads_to_a_private_address_is_refused_before_a_connection(
    endpoint: Endpoint, tools: Toolbox
) -> None:
    tools.networks = ()
    with pytest.raises(PermissionDenied, match="not on the public internet"):
        await tools.make(endpoint.url("/", host="localhost")).call({}, CONTEXT)
    assert endpoint.asked == []


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest/meta-data", "http://other.example/", "http://[::ffff:10.0.0.1]/"]
)
async def test_a_redirect_to_a_place_not_allowed_is_not_followed(
    endpoint: Endpoint, tools: Toolbox, target: str
) -> None:
    async def away(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"location": target})

    endpoint.answer = away
    with pytest.raises(PermissionDenied):
        await tools.make(endpoint.url("/")).call({}, CONTEXT)


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:99999/", "http://a:b:c/", "http://127.0.0.1\\\\@x/", "http://%20/"]
)
async def test_a_redirect_to_what_is_no_url_is_told_as_one(endpoint: Endpoint, tools: Toolbox, target: str) -> None:
    async def away(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"location": target})

    endpoint.answer = away
    with pytest.raises(PenstockError, match="leads nowhere") as refused:
        await tools.make(endpoint.url("/")).call({}, CONTEXT)
    assert refused.value.reason == "TOOL_REDIRECT_INVALID"


async def test_a_redirect_to_another_host_is_not_told_the_secret(endpoint: Endpoint, tools: Toolbox) -> None:
    async def away(request: web.Request) -> web.Response:
        if request.path == "/second":
            return web.Response(text="there")
        return web.Response(status=302, headers={"location": endpoint.url("/second", host="localhost")})

    endpoint.answer = away
    tool = tools.make(endpoint.url("/first"), headers={"Authorization": "Bearer secret"})
    assert await tool.call({}, CONTEXT) == "there"
    assert [seen["authorization"] for seen in endpoint.asked] == ["Bearer secret", ""]


async def test_a_ring_of_redirects_ends(endpoint: Endpoint, tools: Toolbox) -> None:
    async def ring(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"location": "/"})

    endpoint.answer = ring
    with pytest.raises(PenstockError, match="redirects more than 3 times"):
        await tools.make(endpoint.url("/")).call({}, CONTEXT)
    assert len(endpoint.asked) == 4


async def test_a_bomb_of_gzip_is_unpacked_no_further_than_an_answer_may_be_long(
    endpoint: Endpoint, tools: Toolbox
) -> None:
    packed = gzip.compress(b"0" * 100_000_000)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"content-encoding": "gzip", "content-type": "text/plain"})

    endpoint.answer = answer
    with pytest.raises(FailedPrecondition, match="answered more than 10,000 bytes"):
        await tools.make(endpoint.url("/"), max_response_bytes=10_000).call({}, CONTEXT)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_compressed_answer_is_unpacked(endpoint: Endpoint, tools: Toolbox, encoding: str) -> None:
    packed = gzip.compress(b"said") if encoding == "gzip" else zlib.compress(b"said")

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"content-encoding": encoding, "content-type": "text/plain"})

    endpoint.answer = answer
    assert await tools.make(endpoint.url("/")).call({}, CONTEXT) == "said"


@pytest.mark.parametrize(
    "charset", ["iso-8859-1", "latin1", "windows-1252", "cp1252", "utf-16", "utf-32", "UTF-8", "utf8"]
)
async def test_an_answer_is_read_in_the_charset_that_its_server_names(
    endpoint: Endpoint, tools: Toolbox, charset: str
) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(
            body="Größe 3 £".encode(charset), headers={"content-type": f"text/plain; charset={charset}"}
        )

    endpoint.answer = answer
    assert await tools.make(endpoint.url("/")).call({}, CONTEXT) == "Größe 3 £"


@pytest.mark.parametrize(
    "charset", ["gb18030", "gbk", "big5", "euc-jp", "euc-kr", "shift_jis", "sjis", "iso-2022-jp", "koi8-r"]
)
async def test_charsets_of_other_scripts_are_read_too(endpoint: Endpoint, tools: Toolbox, charset: str) -> None:
    word = {"koi8-r": "насос", "euc-kr": "펌프"}.get(charset, "中")

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=word.encode(charset), headers={"content-type": f"text/plain; charset={charset}"})

    endpoint.answer = answer
    assert await tools.make(endpoint.url("/")).call({}, CONTEXT) == word


async def test_a_charset_that_nobody_knows_is_read_as_utf_8(endpoint: Endpoint, tools: Toolbox) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body="Größe".encode(), headers={"content-type": "text/plain; charset=latin-99"})

    endpoint.answer = answer
    assert await tools.make(endpoint.url("/")).call({}, CONTEXT) == "Größe"


async def test_a_charset_that_is_none_of_texts_is_read_as_utf_8(endpoint: Endpoint, tools: Toolbox) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=b"a-" + b"9" * 500_000, headers={"content-type": "text/plain; charset=punycode"})

    endpoint.answer = answer
    async with asyncio.timeout(HANG_SECONDS):
        assert (await tools.make(endpoint.url("/")).call({}, CONTEXT)).startswith("a-99")
