"""What a call sends, how often, and to which gateway, as gateways see it."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest

from penstock_client._async.transport import AsyncTransport
from penstock_client._call import Call, payload
from penstock_client._sync.transport import Transport
from penstock_client.errors import AuthenticationError, RateLimitError, ServerError, TenantRequiredError

CALL = Call(method="GET", path="/x")


class Gateway:
    """Answers calls with the statuses of `statuses`, then 200, and remembers the credentials of each.

    Who signs in gets a token with the number of the sign-in, which lasts `token_seconds`.
    """

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.token_seconds = 900.0
        self.seen: list[str | None] = []
        self.sign_ins: list[str | None] = []
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                gateway.sign_ins.append(self.headers["authorization"])
                token = f"t{len(gateway.sign_ins)}"
                self._answer(200, {"access_token": token, "expires_in": gateway.token_seconds})

            def do_GET(self) -> None:
                gateway.seen.append(self.headers["authorization"])
                status = gateway.statuses.pop(0) if gateway.statuses else 200
                self._answer(status, {"detail": "no"} if status != 200 else {"success": True, "data": "yes"})

            def _answer(self, status: int, body: dict[str, Any]) -> None:
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("retry-after", "0")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> "Gateway":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def two() -> Iterator[list[Gateway]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Gateway()) for _ in range(2)]


@pytest.fixture
def gateway(two: list[Gateway]) -> Gateway:
    return two[0]


def transport_to(*gateways: Gateway, max_retries: int = 3, **credentials: str) -> Transport:
    given = {"api_key": "", "username": "", "password": "", "tenant": ""} | credentials
    return Transport([each.url for each in gateways], timeout=60, max_retries=max_retries, trust_env=False, **given)


def test_every_call_carries_the_key_and_only_a_call_that_signs_in_carries_none(gateway: Gateway) -> None:
    assert transport_to(gateway, api_key="psk_1").call(CALL) == "yes"
    assert transport_to(gateway).call(CALL) == "yes"
    assert transport_to(gateway, username="ada", password="p").call(CALL) == "yes"
    assert gateway.seen == ["Bearer psk_1", None, "Bearer t1"]
    assert gateway.sign_ins == [None]


def test_a_token_is_used_until_half_a_minute_before_its_end(gateway: Gateway) -> None:
    for seconds, tokens in ((900, ["Bearer t1", "Bearer t1"]), (29, ["Bearer t2", "Bearer t3"])):
        gateway.token_seconds = seconds
        transport = transport_to(gateway, username="ada", password="p")
        gateway.seen.clear()
        assert [transport.call(CALL) for _ in range(2)] == ["yes", "yes"]
        assert gateway.seen == tokens


def test_a_token_that_ended_before_its_time_is_replaced_once_and_a_key_never(gateway: Gateway) -> None:
    gateway.statuses = [401, 200, 401, 401]
    transport = transport_to(gateway, username="ada", password="p")
    assert transport.call(CALL) == "yes"
    assert gateway.seen == ["Bearer t1", "Bearer t2"]
    with pytest.raises(AuthenticationError):
        transport.call(CALL)
    assert gateway.seen[2:] == ["Bearer t2", "Bearer t3"]
    gateway.statuses = [401]
    with pytest.raises(AuthenticationError):
        transport_to(gateway, api_key="psk_1").call(CALL)
    assert len(gateway.seen) == 5


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_a_call_is_sent_again_as_often_as_it_may_be(gateway: Gateway, retries: int) -> None:
    gateway.statuses = [503] * 9
    with pytest.raises(ServerError):
        transport_to(gateway, max_retries=retries).call(CALL)
    assert len(gateway.seen) == retries + 1


def test_each_of_several_gateways_is_asked_even_where_nothing_is_to_be_asked_again(two: list[Gateway]) -> None:
    two[0].statuses = [503]
    assert transport_to(*two, max_retries=0).call(CALL) == "yes"
    assert [len(each.seen) for each in two] == [1, 1]


@pytest.mark.parametrize(("status", "asked"), [(429, [2, 0]), (408, [2, 0]), (500, [1, 1]), (503, [1, 1])])
def test_a_gateway_that_says_too_many_works_and_is_waited_for(
    two: list[Gateway], status: int, asked: list[int]
) -> None:
    two[0].statuses = [status]
    assert transport_to(*two).call(CALL) == "yes"
    assert [len(each.seen) for each in two] == asked


def test_too_many_requests_are_told_with_the_time_to_wait(gateway: Gateway) -> None:
    gateway.statuses = [429]
    with pytest.raises(RateLimitError) as caught:
        transport_to(gateway, max_retries=0).call(CALL)
    assert (caught.value.status, caught.value.retry_after) == (429, 0)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"success": True, "data": [1]}, [1]),
        ({"success": True}, {"success": True}),
        ({"data": [1]}, {"data": [1]}),
        ([{"success": True, "data": 1}], [{"success": True, "data": 1}]),
        (None, None),
    ],
)
def test_an_answer_comes_out_of_its_envelope_and_any_other_as_it_is(body: Any, expected: Any) -> None:
    assert payload(httpx2.Response(200, json=body)) == expected


def test_an_answer_that_is_no_json_is_its_text_and_one_without_a_body_is_none() -> None:
    assert payload(httpx2.Response(200, text="plain")) == "plain"
    assert payload(httpx2.Response(204)) is None


def test_what_is_asked_in_the_address_is_written_as_the_gateway_reads_it() -> None:
    query = {"yes": True, "no": False, "none": None, "count": 3, "name": "a"}
    arguments = Call(method="GET", path="/x", query=query).arguments()
    assert arguments["params"] == {"yes": "true", "no": "false", "count": 3, "name": "a"}
    assert arguments["content"] is None


def test_a_name_of_several_tenants_is_told_with_the_gateways_words_first() -> None:
    error = TenantRequiredError(400, {"detail": "which tenant?", "reason": "TENANT_REQUIRED"}, {})
    assert str(error) == (
        "which tenant? (HTTP 400, TENANT_REQUIRED); give the client tenant='…', or username='TENANT/NAME'"
    )


@pytest.mark.parametrize(
    ("seconds", "streamed", "connecting", "silent"),
    [(None, False, 5.0, 5.0), (7.0, False, 7.0, 7.0), (None, True, 5.0, 60.0), (7.0, True, 7.0, 7.0)],
)
async def test_a_stream_may_be_silent_for_a_minute_and_a_call_as_long_as_the_client_or_it_says(
    seconds: float | None, streamed: bool, connecting: float, silent: float
) -> None:
    seen: list[dict[str, float]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.extensions["timeout"])
        return httpx2.Response(200, json={})

    who: dict[str, Any] = {"api_key": "k", "username": "", "password": "", "tenant": ""}
    asked = AsyncTransport(["http://127.0.0.1:1"], **who, timeout=5.0, max_retries=0, trust_env=False)
    await asked.close()
    asked._http = httpx2.AsyncClient(timeout=5.0, transport=httpx2.MockTransport(answer))
    call = Call(method="GET", path="/x", timeout=seconds)
    if streamed:
        async with asked.open(call):
            pass
    else:
        await asked.call(call)
    await asked.close()
    assert seen == [{"connect": connecting, "read": silent, "write": connecting, "pool": connecting}]
