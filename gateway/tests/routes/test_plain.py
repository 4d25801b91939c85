"""Frequent routes in their plainest form are served past FastAPI, and no caller can tell."""

from typing import Any

import pytest
from pydantic import Field
from starlette.responses import PlainTextResponse

from gateway.auth.guard import Guard
from gateway.auth.scope import TELEMETRY_READ
from gateway.http.body import read_body
from gateway.routes.plain import PlainRequests, PlainRoute
from gateway.routes.strict import RequestModel
from penstock_kit.context import CallContext, use_context
from penstock_kit.errors import PermissionDenied, Unauthenticated

pytestmark = pytest.mark.asyncio(loop_scope="session")

JSON = ("content-type", "application/json")
REALTIME, HISTORY = "/api/v2/data/query/realtime", "/api/v2/data/query/history"
EXTRACT = "/api/v2/ai/features/extract"
# What differs between any two answers.
MOMENTARY = {"request_id", "execution_time"}
MOMENTARY_HEADERS = {"x-request-id", "content-length", "date"}


async def answered(gateway: Any, method: str, path: str, headers: list[tuple[str, str]], body: Any) -> Any:
    own = [*gateway.auth().items()] if headers[0] != ("x-anonymous", "1") else []
    sent = {"json": body} if isinstance(body, dict) else {"content": body}
    answer = await gateway.client.request(method, path, headers=[*own, *headers], **sent)
    shown = {name: value for name, value in answer.headers.items() if name not in MOMENTARY_HEADERS}
    content = {name: value for name, value in answer.json().items() if name not in MOMENTARY}
    return answer.status_code, shown, content


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (REALTIME, {"model_code": "m"}, 200),
        (REALTIME, {"model_code": "m", "filters": {"current": {"gt": 1}}, "page": 2, "page_size": 7}, 200),
        (REALTIME, {"model_code": "m", "page": 0}, 422),
        (REALTIME, {"model_code": "m", "filters": {"a": {"near": 1}}}, 400),
        (REALTIME, {"model_code": "m", "pages": 1}, 422),
        (REALTIME, {"model_code": "a\u0000b"}, 400),
        (REALTIME, b"", 422),
        (REALTIME, b"{", 400),
        (REALTIME, b"[]", 422),
        (REALTIME, b'{"page": NaN}', 400),
        (HISTORY, {"device_code": "W", "start_time": "2026-01-01T00:00:00+01:00", "interval": 60}, 200),
        (HISTORY, {"device_code": "W", "interval": "1m"}, 422),
        (HISTORY, {}, 422),
        (EXTRACT, {"device_code": "W", "window_size": 10, "overlap": 0.5}, 200),
        (EXTRACT, {"device_code": "W", "window_size": 0}, 422),
    ],
)
async def test_a_plain_body_is_answered_as_fastapi_answers_it(gateway: Any, path: str, body: Any, status: int) -> None:
    plain = await answered(gateway, "POST", path, [JSON], body)
    asked = list(gateway.fakes.feature.requests)
    gateway.fakes.feature.requests.clear()
    # A second content type is not plain, and FastAPI looks at the first.
    assert plain == await answered(gateway, "POST", path, [JSON, JSON], body)
    assert plain[0] == status
    assert asked == gateway.fakes.feature.requests
    assert len(asked) == (status == 200)


@pytest.mark.parametrize("path", ["/api/v2/metadata/models", "/api/v2/metadata/devices"])
async def test_a_plain_list_is_answered_as_fastapi_answers_it(gateway: Any, path: str) -> None:
    plain = await answered(gateway, "GET", path, [JSON], b"")
    assert plain == await answered(gateway, "GET", f"{path}?page_size=0", [JSON], b"")


@pytest.mark.parametrize("path", [REALTIME, EXTRACT])
async def test_who_shows_nothing_is_told_so_in_the_same_words(gateway: Any, path: str) -> None:
    anonymous, body = ("x-anonymous", "1"), {"device_code": "W"}
    plain = await answered(gateway, "POST", path, [anonymous, JSON], body)
    assert plain == await answered(gateway, "POST", path, [anonymous, JSON, JSON], body)
    assert plain[0] == 401


async def test_the_metrics_know_a_plain_request_by_its_route(gateway: Any) -> None:
    await answered(gateway, "POST", REALTIME, [JSON], {"model_code": "m"})
    page = (await gateway.client.get("/metrics", headers=gateway.auth())).text
    assert f'http_requests_total{{endpoint="{REALTIME}",method="POST",status="200"}}' in page


class Body(RequestModel):
    number: int = Field(ge=1)


class Served:
    """A plain route on its own: what its two ways were asked."""

    def __init__(self, house: Any) -> None:
        self.plain: list[int] = []
        self.others: list[bytes] = []
        requests = PlainRequests(scope=TELEMETRY_READ, answer=self._answer, body=Body)
        self._app = PlainRoute(self._otherwise, requests, Guard(house.authenticator))

    async def _answer(self, body: Body) -> PlainTextResponse:
        self.plain.append(body.number)
        return PlainTextResponse("plain")

    async def _otherwise(self, scope: Any, receive: Any, send: Any) -> None:
        self.others.append(await read_body(receive))

    async def post(self, *pieces: bytes, key: str, kind: bytes = b"application/json", query: bytes = b"") -> None:
        messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
        messages[-1]["more_body"] = False
        headers = [(b"content-type", kind), (b"x-api-key", key.encode())]

        async def receive() -> Any:
            return messages.pop(0)

        async def send(message: Any) -> None:
            pass

        with use_context(CallContext(request_id="req_1")):
            await self._app({"type": "http", "query_string": query, "headers": headers}, receive, send)


async def test_only_what_is_plain_and_right_is_served_past_fastapi(house: Any) -> None:
    shown, _ = await house.key(await house.user("ann", [TELEMETRY_READ]), [TELEMETRY_READ])
    served = Served(house)
    await served.post(b'{"num', b'ber": 1}', key=shown.text)
    await served.post(b'{"number": 2}', key=shown.text, kind=b"application/json; charset=utf-8")
    assert (served.plain, served.others) == ([1, 2], [])
    await served.post(b'{"number": 3}', key=shown.text, query=b"debug=1")
    await served.post(b'{"number": 4}', key=shown.text, kind=b"text/plain")
    await served.post(b'{"num', b'ber": 0}', key=shown.text)
    await served.post(b"{", key=shown.text)
    assert served.plain == [1, 2]
    assert served.others == [b'{"number": 3}', b'{"number": 4}', b'{"number": 0}', b"{"]


async def test_a_plain_request_needs_what_its_route_needs(house: Any) -> None:
    shown, _ = await house.key(await house.user("bob", ["chat"]), ["chat"])
    served = Served(house)
    with pytest.raises(PermissionDenied):
        await served.post(b'{"number": 1}', key=shown.text)
    with pytest.raises(Unauthenticated):
        await served.post(b'{"number": 1}', key="")
    assert served.plain == served.others == []
