"""Routers that parse JSON bodies strictly and describe their errors in the OpenAPI document."""

from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.routing import Match, Route, WebSocketRoute
from starlette.types import Receive, Scope

from gateway.http.body import parse_storable
from gateway.http.validation import validation_error
from gateway.routes.once import once
from gateway.routes.strict import STRICT_PATHS, KnownParameters
from penstock_kit.aside import is_large, run_aside

_PROBLEM: Final[dict[str, Any]] = {
    "description": "What went wrong, as RFC 9457 problem details.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {"4XX": _PROBLEM, "5XX": _PROBLEM}
_FORM: Final = b"application/x-www-form-urlencoded"


class _JsonRequest(Request):
    """A request whose JSON is parsed strictly: no NaN, no NUL, bounded nesting. A large one is validated with that.

    FastAPI validates on the event loop, where what is valid already costs nothing.
    """

    def __init__(self, scope: Scope, receive: Receive, body_field: Any) -> None:
        super().__init__(scope, receive)
        self._body_field = body_field

    async def json(self) -> Any:
        """Return the body's JSON, or of a large body what it is validated to be.

        Raises InvalidArgument where it is no JSON, Unprocessable (VALIDATION_FAILED) for a large one that is not valid.
        """
        body = await self.body()
        return await run_aside(len(body), lambda: self._read(body))

    def _read(self, body: bytes) -> Any:
        value = parse_storable(body)
        if self._body_field is None or not is_large(len(body)):
            return value
        valid, problems = self._body_field.validate(value, loc=("body",))
        if problems:
            raise validation_error(problems)
        return valid


class JsonRoute(APIRoute):
    """A route whose body is JSON whatever ``curl -d`` calls it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler for a request whose JSON is parsed strictly."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            scope = request.scope
            kept = [pair for pair in scope["headers"] if pair[0] != b"content-type" or not pair[1].startswith(_FORM)]
            if not any(name == b"content-type" for name, _ in kept):
                kept.append((b"content-type", b"application/json"))
            field = None if self._embed_body_fields else self.body_field
            return await handler(_JsonRequest({**scope, "headers": kept}, request.receive, field))

        return handle


class ApiRouter(APIRouter):
    """A router that is included without a prefix, and looks at its routes only for a path that may be of one of them.

    FastAPI asks each router in turn, which tries all of its routes: for a path of the last more than a hundred regular
    expressions, 0.2 ms.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._beginnings: tuple[str, ...] = ()
        self._known_routes = 0

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether one of the routes is the scope's."""
        if not scope.get("root_path") and not scope["path"].startswith(self._route_beginnings()):
            return Match.NONE, {}
        return super().matches(scope)

    def _route_beginnings(self) -> tuple[str, ...]:
        """What the routes' paths begin with, up to their first parameter."""
        if self._known_routes != len(self.routes):
            paths = [route.path if isinstance(route, Route | WebSocketRoute) else "" for route in self.routes]
            self._beginnings = tuple({path.partition("{")[0] for path in paths})
            self._known_routes = len(self.routes)
        return self._beginnings


def api_router(tag: str, admitted: Callable[[Request], Awaitable[Any]] | None = None) -> APIRouter:
    """Return an empty router whose routes are listed under `tag` and open only to those whom `admitted` lets in."""
    dependencies = [] if admitted is None else [Depends(admitted)]
    return ApiRouter(tags=[tag], route_class=JsonRoute, responses=PROBLEMS, dependencies=dependencies)


def add(router: APIRouter, route: str, endpoint: Callable[..., Any], **options: Any) -> None:
    """Add ``"POST /api/v1/things"``, described by its endpoint. Below ``/api`` unknown parameters are refused.

    What creates something (201, but for tickets, which are used once) heeds an Idempotency-Key.
    """
    method, _, path = route.partition(" ")
    if method == "POST" and options.get("status_code") == HTTPStatus.CREATED and not path.endswith("/ticket"):
        endpoint = once(endpoint)
    if path.startswith(STRICT_PATHS):
        # Behind those that tell who may ask.
        options["dependencies"] = [*options.get("dependencies", ()), Depends(KnownParameters())]
    router.add_api_route(path, endpoint, methods=[method], **options)


EVENTS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": (
            "Events `message_chunk`, `tool_call`, `tool_result`, `thinking`, `complete_state`, `error`; each with "
            "`type`, `stream_id`, `sequence` (1, 2, 3 …) and `create_time`. The last is a final `complete_state` "
            "or an `error`."
        ),
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}

PICTURE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file, as it was sent.",
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("image/png", "image/jpeg", "image/gif", "image/webp")
        },
    }
}
