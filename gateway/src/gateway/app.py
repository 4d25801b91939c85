"""The ASGI application: hot routes by a look-up, everything else by FastAPI, one stack of middleware around both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.middleware.body_limit import BodyLimit
from gateway.middleware.compression import Compression
from gateway.middleware.failure import Failures
from gateway.middleware.measure import HttpMetrics
from gateway.middleware.request import ENDPOINT_KEY, AccessLog, RequestFrame
from gateway.openapi import DescribedApi
from gateway.problems import render_error
from penstock_kit.context import current_context
from penstock_kit.errors import (
    ErrorKind,
    FieldViolation,
    PenstockError,
    Unprocessable,
    error_class,
    http_status,
)
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


def build_app(*, routers: Sequence[APIRouter], hot: Mapping[tuple[str, str], ASGIApp], frame: Frame) -> ASGIApp:
    """Return the whole application. `hot` maps (method, path) to bare ASGI applications."""
    api = _api(routers, frame.redactor)
    app: ASGIApp = _Dispatch(hot, api)
    app = BodyLimit(app, limit=frame.max_body_bytes, ingest_limit=frame.max_ingest_bytes, ingest_path=frame.ingest_path)
    app = Failures(app, redactor=frame.redactor)
    app = Compression(app)
    app = _CrossOrigin(app, frame.origins)
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
        self._hot = hot
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._hot.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if app is None:
            await self._api(scope, receive, send)
            return
        scope[ENDPOINT_KEY] = scope["path"]
        await app(scope, receive, send)


def _api(routers: Sequence[APIRouter], redactor: Redactor) -> FastAPI:
    api = DescribedApi()
    for router in routers:
        api.include_router(router)

    async def answer(request: Request, error: Exception) -> Response:
        failure = redactor.error(_penstock_error(error))
        request_id = current_context().request_id
        rendered = render_error(failure, path=request.url.path, request_id=request_id)
        status = _METHOD_NOT_ALLOWED if _is_405(error) else rendered.status
        headers = {name.decode(): value.decode() for name, value in rendered.headers}
        return Response(rendered.body, status_code=status, headers=headers)

    for kind in (PenstockError, RequestValidationError, HTTPException):
        api.add_exception_handler(kind, answer)
    return api


def _penstock_error(error: Exception) -> PenstockError:
    """Return what a failure inside FastAPI is in our terms."""
    match error:
        case PenstockError():
            return error
        case RequestValidationError():
            return _invalid(error.errors())
        case HTTPException():
            if isinstance(error.__cause__, PenstockError):  # FastAPI wraps what reading the body raised
                return error.__cause__
            kind = _KIND_BY_STATUS.get(error.status_code, ErrorKind.INVALID_ARGUMENT)
            detail = str(error.detail) or HTTPStatus(error.status_code).phrase
            if error.status_code == HTTPStatus.NOT_FOUND:
                detail = "there is no such path; /docs lists those that are"
            return error_class(kind)(detail, reason=HTTPStatus(error.status_code).name)
        case _:
            raise error


def _invalid(problems: Sequence[Any]) -> PenstockError:
    violations = [
        FieldViolation(field=_field(problem["loc"]), description=f"{problem['msg']} (given: {_given(problem)})")
        for problem in problems
    ]
    listed = "; ".join(f"{entry.field}: {entry.description}" for entry in violations[:3])
    return Unprocessable(f"the request is not valid: {listed}", reason="VALIDATION_FAILED", violations=violations)


def _field(location: Sequence[Any]) -> str:
    """Return ``rows[3].timestamp`` for ("body", "rows", 3, "timestamp"), the name alone for a parameter."""
    names = [part for part in location if part not in {"body", "query", "path", "header"}] or [location[0]]
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in names)
    return text.removeprefix(".")


def _given(problem: Any) -> str:
    text = repr(problem.get("input")) if problem["type"] != "missing" else "nothing"
    return text if len(text) <= 80 else f"{text[:79]}…"


def _is_405(error: Exception) -> bool:
    return isinstance(error, HTTPException) and error.status_code == _METHOD_NOT_ALLOWED
