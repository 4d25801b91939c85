"""The FastAPI application of the ordinary routes, whose failures are answered as problems."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from gateway.composition.openapi import DocumentedApi
from gateway.dialects.anthropic.endpoint import MESSAGES_PATH
from gateway.dialects.anthropic.models import speaks_anthropic
from gateway.http.base_url import Misdirected, misdirected
from gateway.http.frames import release_frames
from gateway.http.problems import render_error
from gateway.http.validation import validation_error
from gateway.middleware.error_responses import internal_error
from penstock_kit.context import current_context
from penstock_kit.errors import ErrorKind, NotFound, PenstockError, error_class, http_status
from penstock_kit.redaction import Redactor

_REASON_BY_STATUS: Final[dict[int, str]] = {
    HTTPStatus.NOT_FOUND: "ROUTE_NOT_FOUND",
    HTTPStatus.METHOD_NOT_ALLOWED: "METHOD_UNSUPPORTED",
}
_KIND_BY_STATUS: Final = {http_status(kind): kind for kind in reversed(ErrorKind)}
_METHOD_NOT_ALLOWED: Final = 405
_NO_PATH: Final = "there is no such path; /docs lists those that are"
_OFFERED: Final = (
    ": of OpenAI's API chat/completions, responses, embeddings and models, of Anthropic's messages, "
    "messages/count_tokens and models; there are no batches, files, pictures or recordings of their own"
)


def build_api(routers: Sequence[APIRouter], redactor: Redactor) -> FastAPI:
    """Return the application of `routers`; texts of its errors are masked by `redactor`."""
    api = DocumentedApi()
    for router in routers:
        api.include_router(router)

    async def answer(request: Request, error: Exception) -> Response:
        meant = _meant(request, error)
        failure = redactor.error(_no_such_path(request, meant) if meant else _penstock_error(error, request.url.path))
        request_id = current_context().request_id
        status = _METHOD_NOT_ALLOWED if _is_405(error) else 0
        path = _spoken_path(request, meant.path if meant else request.url.path)
        rendered = render_error(failure, path=path, request_id=request_id, status=status)
        headers = {name.decode(): value.decode() for name, value in rendered.headers}
        if isinstance(error, HTTPException) and error.headers and "Allow" in error.headers:
            headers["allow"] = error.headers["Allow"]
        release_frames(error)
        return Response(rendered.body, status_code=rendered.status, headers=headers)

    # The last is answered too, and then raised on for the log.
    for kind in (PenstockError, RequestValidationError, HTTPException, Exception):
        api.add_exception_handler(kind, answer)
    return api


def _spoken_path(request: Request, path: str) -> str:
    """Return the path whose dialect the caller speaks: Anthropic's clients ask for ``/v1/models`` and others too."""
    is_anthropic = path.startswith("/v1/") and speaks_anthropic(request.headers.raw)
    return MESSAGES_PATH if is_anthropic else path


def _meant(request: Request, error: Exception) -> Misdirected | None:
    """Return which path a client with another base URL meant, where there is none such as it asked for."""
    if not isinstance(error, HTTPException) or error.status_code != HTTPStatus.NOT_FOUND or error.__cause__:
        return None
    return misdirected(request.url.path, is_anthropic=speaks_anthropic(request.headers.raw))


def _no_such_path(request: Request, meant: Misdirected) -> PenstockError:
    return NotFound(f"there is no path {request.url.path[:200]!r}; {meant.remedy}", reason="ROUTE_NOT_FOUND")


def _penstock_error(error: Exception, path: str) -> PenstockError:
    """Return what a failure inside FastAPI is in our terms."""
    match error:
        case PenstockError():
            return error
        case RequestValidationError():
            return validation_error(error.errors())
        case HTTPException():
            if isinstance(error.__cause__, PenstockError):  # FastAPI wraps what reading the body raised
                return error.__cause__
            kind = _KIND_BY_STATUS.get(error.status_code, ErrorKind.INVALID_ARGUMENT)
            detail = str(error.detail) or HTTPStatus(error.status_code).phrase
            if error.status_code == HTTPStatus.NOT_FOUND:
                detail = _NO_PATH + (_OFFERED if path.startswith("/v1/") else "")
            return error_class(kind)(detail, reason=_REASON_BY_STATUS.get(error.status_code, "REQUEST_INVALID"))
        case _:
            return internal_error()


def _is_405(error: Exception) -> bool:
    return isinstance(error, HTTPException) and error.status_code == _METHOD_NOT_ALLOWED
