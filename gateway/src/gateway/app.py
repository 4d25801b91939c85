"""The ASGI application: hot routes by a look-up, everything else by FastAPI, one stack of middleware around both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.anthropic.models import is_asked_by_anthropic
from gateway.anthropic.surface import MESSAGES_PATH
from gateway.body import refuse_nul_in_target
from gateway.middleware.body_limit import BodyLimit
from gateway.middleware.compression import Compression
from gateway.middleware.failure import Failures, unexpected
from gateway.middleware.head import Heads
from gateway.middleware.measure import HttpMetrics
from gateway.middleware.overload import BusyService, Overload
from gateway.middleware.request import ENDPOINT_KEY, AccessLog, RequestFrame
from gateway.openapi import DescribedApi
from gateway.problems import render_error
from gateway.validation import invalid
from penstock_kit.context import current_context
from penstock_kit.errors import (
    ErrorKind,
    PenstockError,
    error_class,
    http_status,
)
from penstock_kit.overload import LoadShedder
from penstock_kit.redaction import Redactor
from penstock_kit.telemetry.tracing import Tracing

_EXPOSED: Final = (
    "x-request-id", "x-stream-id", "x-penstock-provider", "x-cache", "x-dropped-params", "x-degraded",
    "retry-after", "retry-after-ms", "content-disposition",
)  # fmt: skip
_KIND_BY_STATUS: Final = {http_status(kind): kind for kind in reversed(ErrorKind)}
_METHOD_NOT_ALLOWED: Final = 405


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What surrounds the routes."""

    metrics: HttpMetrics
    tracing: Tracing
    redactor: Redactor
    origins: tuple[str, ...]
    max_body_bytes: int
    max_ingest_bytes: int
    ingest_path: str
    access_log: AccessLog
    shedder: LoadShedder
    behind: Sequence[BusyService]


def build_app(*, routers: Sequence[APIRouter], hot: Mapping[tuple[str, str], ASGIApp], frame: Frame) -> ASGIApp:
    """Return the whole application. `hot` maps (method, path) to bare ASGI applications.

    A path may have one parameter (``/things/{thing_id}/stream``), which is then in the scope's ``path_params``.
    """
    api = _api(routers, frame.redactor)
    app: ASGIApp = _Dispatch(hot, api)
    app = BodyLimit(app, limit=frame.max_body_bytes, ingest_limit=frame.max_ingest_bytes, ingest_path=frame.ingest_path)
    app = Overload(app, frame.shedder, frame.behind)
    app = Failures(app, redactor=frame.redactor)
    app = Compression(app)
    app = _CrossOrigin(app, frame.origins)
    app = Heads(app)
    return RequestFrame(app, metrics=frame.metrics, tracing=frame.tracing, access_log=frame.access_log)


class _CrossOrigin:
    """Starlette's CORS, for requests that come from a page of another origin; the others pass untouched."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._cors = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
            allow_headers=("*",),
            expose_headers=_EXPOSED,
            max_age=600,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        crossing = scope["type"] == "http" and b"origin" in dict(scope["headers"])
        await (self._cors if crossing else self._app)(scope, receive, send)


class _Dispatch:
    """Sends the hot routes past FastAPI."""

    def __init__(self, hot: Mapping[tuple[str, str], ASGIApp], api: ASGIApp) -> None:
        self._hot = {key: app for key, app in hot.items() if "{" not in key[1]}
        self._patterns = [_Pattern(method, path, app) for (method, path), app in hot.items() if "{" in path]
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._api(scope, receive, send)
            return
        path = scope["path"]
        refuse_nul_in_target(path, scope["query_string"])
        if path.endswith("/"):
            send = _with_relative_location(send)
        await (self._found(scope) or self._api)(scope, receive, send)

    def _found(self, scope: Scope) -> ASGIApp | None:
        method, path = scope["method"], scope["path"]
        app = self._hot.get((method, path))
        if app is not None:
            scope[ENDPOINT_KEY] = path
            return app
        for pattern in self._patterns:
            if method == pattern.method and (value := pattern.value_in(path)):
                scope[ENDPOINT_KEY] = pattern.path
                scope["path_params"] = {pattern.name: value}
                return pattern.app
        return None


def _with_relative_location(send: Send) -> Send:
    """Return a `send` whose redirects name a path: Host is the caller's word, and a proxy may speak TLS."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == HTTPStatus.TEMPORARY_REDIRECT:
            message["headers"] = [
                (name, _path_of(value) if name == b"location" else value) for name, value in message["headers"]
            ]
        await send(message)

    return sent


def _path_of(url: bytes) -> bytes:
    _, _, after = url.partition(b"://")
    return b"/" + after.partition(b"/")[2]


class _Pattern:
    """A hot path with one parameter."""

    def __init__(self, method: str, path: str, app: ASGIApp) -> None:
        self.method = method
        self.path = path
        self.app = app
        self._before, _, rest = path.partition("{")
        self.name, _, self._after = rest.partition("}")

    def value_in(self, path: str) -> str:
        """Return the parameter's value, empty when `path` is another one."""
        if not (path.startswith(self._before) and path.endswith(self._after)):
            return ""
        value = path[len(self._before) : len(path) - len(self._after)]
        return "" if "/" in value else value


def _api(routers: Sequence[APIRouter], redactor: Redactor) -> FastAPI:
    api = DescribedApi()
    for router in routers:
        api.include_router(router)

    async def answer(request: Request, error: Exception) -> Response:
        failure = redactor.error(_penstock_error(error))
        request_id = current_context().request_id
        status = _METHOD_NOT_ALLOWED if _is_405(error) else 0
        rendered = render_error(failure, path=_spoken_path(request), request_id=request_id, status=status)
        headers = {name.decode(): value.decode() for name, value in rendered.headers}
        if isinstance(error, HTTPException) and error.headers and "Allow" in error.headers:
            headers["allow"] = error.headers["Allow"]
        return Response(rendered.body, status_code=rendered.status, headers=headers)

    # The last is answered too, and then raised on for the log.
    for kind in (PenstockError, RequestValidationError, HTTPException, Exception):
        api.add_exception_handler(kind, answer)
    return api


def _spoken_path(request: Request) -> str:
    """Return the path whose dialect the caller speaks: Anthropic's clients ask ``/v1/models`` too."""
    path = request.url.path
    is_anthropic = path.startswith("/v1/models") and is_asked_by_anthropic(request.headers.raw)
    return MESSAGES_PATH if is_anthropic else path


def _penstock_error(error: Exception) -> PenstockError:
    """Return what a failure inside FastAPI is in our terms."""
    match error:
        case PenstockError():
            return error
        case RequestValidationError():
            return invalid(error.errors())
        case HTTPException():
            if isinstance(error.__cause__, PenstockError):  # FastAPI wraps what reading the body raised
                return error.__cause__
            kind = _KIND_BY_STATUS.get(error.status_code, ErrorKind.INVALID_ARGUMENT)
            detail = str(error.detail) or HTTPStatus(error.status_code).phrase
            if error.status_code == HTTPStatus.NOT_FOUND:
                detail = "there is no such path; /docs lists those that are"
            return error_class(kind)(detail, reason=HTTPStatus(error.status_code).name)
        case _:
            return unexpected()


def _is_405(error: Exception) -> bool:
    return isinstance(error, HTTPException) and error.status_code == _METHOD_NOT_ALLOWED
