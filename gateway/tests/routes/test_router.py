"""A router that skips what can't be its path chooses what FastAPI's own chooses."""

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request, WebSocket
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Match
from starlette.types import Message, Scope

from gateway.routes.router import ApiRouter, add

PATHS = (
    ("GET /things", "POST /things", "GET /things/{thing_id}", "GET /things/{thing_id}/parts/{part_id}"),
    ("GET /thin", "DELETE /things/{thing_id}", "GET /{any_id}/words"),
    ("GET /", "GET /things/first", "PUT /other/{name:path}"),
)
pieces = st.sampled_from(["", "thing", "things", "thin", "first", "parts", "words", "other", "1", "a b", "{thing_id}"])
paths = st.lists(pieces, max_size=5).map(lambda parts: "/" + "/".join(parts))
methods = st.sampled_from(["GET", "POST", "PUT", "DELETE"])


def made(kind: type[APIRouter]) -> FastAPI:
    """An application of routers of this kind, nested ones and sockets among them."""
    api = FastAPI()
    for number, routes in enumerate(PATHS):
        router = kind()
        for route in routes:
            add(router, route, _naming(f"{number} {route}"))
        api.include_router(router)
    outer, inner = kind(), APIRouter()
    add(inner, "GET /inner/{name}", _naming("inner"))
    outer.include_router(inner)
    outer.add_api_websocket_route("/sockets/{name}", _socket)
    api.include_router(outer)
    return api


def _naming(name: str) -> Any:
    async def endpoint(request: Request) -> dict[str, Any]:
        return {"route": name, **request.path_params}

    return endpoint


async def _socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


OURS, FASTAPIS = made(ApiRouter), made(APIRouter)


async def answer(api: FastAPI, **scope: Any) -> list[Message]:
    """What the application sends to a request."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect" if scope["type"] == "websocket" else "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    whole: Scope = {"headers": [], "query_string": b"", "root_path": "", "server": ("here", 80), "scheme": "http"}
    await api({**whole, **scope}, receive, send)
    return sent


@given(method=methods, path=paths | st.just("/inner/x") | st.just("/inner/"))
async def test_a_request_gets_the_answer_that_it_would_get_if_every_route_were_tried(method: str, path: str) -> None:
    scope = {"type": "http", "method": method, "path": path}
    assert await answer(OURS, **scope) == await answer(FASTAPIS, **scope)


@pytest.mark.parametrize("path", ["/sockets/a", "/sockets", "/things"])
async def test_a_socket_finds_its_route_and_no_other(path: str) -> None:
    scope = {"type": "websocket", "path": path, "subprotocols": []}
    assert await answer(OURS, **scope) == await answer(FASTAPIS, **scope)


async def test_an_application_below_a_path_of_its_own_finds_its_routes() -> None:
    scope = {"type": "http", "method": "GET", "path": "/below/things/1", "root_path": "/below"}
    assert await answer(OURS, **scope) == await answer(FASTAPIS, **scope)
    assert (await answer(OURS, **scope))[0]["status"] == 200


async def test_a_route_that_is_added_later_is_found() -> None:
    api, router = FastAPI(), ApiRouter()
    add(router, "GET /things", _naming("first"))
    api.include_router(router)
    later = {"type": "http", "method": "GET", "path": "/later"}
    assert (await answer(api, **later))[0]["status"] == 404
    add(router, "GET /later", _naming("later"))
    assert (await answer(api, **later))[0]["status"] == 200


async def test_a_router_tries_none_of_its_routes_for_a_path_that_begins_otherwise() -> None:
    tried: list[str] = []

    class Told(APIRoute):
        def matches(self, scope: Scope) -> tuple[Match, Scope]:
            tried.append(scope["path"])
            return super().matches(scope)

    api, router = FastAPI(), ApiRouter(route_class=Told)
    add(router, "GET /things/{thing_id}", _naming("thing"))
    api.include_router(router)
    for path in ("/things/1", "/other/1"):
        await answer(api, type="http", method="GET", path=path)
    assert set(tried) == {"/things/1"}
