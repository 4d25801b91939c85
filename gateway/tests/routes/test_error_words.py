"""Every kind of error in the words of each vendor whose clients call: no kind may lose its own."""

import json

import pytest

from gateway.chat.reconnect import ReconnectPolicy
from gateway.http.problems import openai_error, render_error
from penstock_kit.errors import ErrorKind, PenstockError

# For each kind: OpenAI's type, Anthropic's type, InfluxDB 2's code, and the status of InfluxDB.
WORDS = {
    ErrorKind.INVALID_ARGUMENT: ("invalid_request_error", "invalid_request_error", "invalid", 400),
    ErrorKind.UNAUTHENTICATED: ("authentication_error", "authentication_error", "unauthorized", 401),
    ErrorKind.PERMISSION_DENIED: ("permission_error", "permission_error", "forbidden", 403),
    ErrorKind.NOT_FOUND: ("invalid_request_error", "not_found_error", "not found", 404),
    ErrorKind.ALREADY_EXISTS: ("invalid_request_error", "invalid_request_error", "invalid", 409),
    ErrorKind.FAILED_PRECONDITION: ("invalid_request_error", "invalid_request_error", "invalid", 412),
    ErrorKind.ABORTED: ("invalid_request_error", "invalid_request_error", "invalid", 409),
    ErrorKind.RESOURCE_EXHAUSTED: ("rate_limit_error", "rate_limit_error", "too many requests", 429),
    ErrorKind.PAYLOAD_TOO_LARGE: ("invalid_request_error", "request_too_large", "request too large", 413),
    ErrorKind.UNPROCESSABLE: ("invalid_request_error", "invalid_request_error", "unprocessable entity", 422),
    ErrorKind.CANCELLED: ("invalid_request_error", "invalid_request_error", "invalid", 499),
    ErrorKind.DEADLINE_EXCEEDED: ("timeout_error", "timeout_error", "unavailable", 503),
    ErrorKind.UNAVAILABLE: ("service_unavailable_error", "overloaded_error", "unavailable", 503),
    ErrorKind.BAD_UPSTREAM: ("upstream_error", "api_error", "unavailable", 503),
    ErrorKind.UNIMPLEMENTED: ("invalid_request_error", "invalid_request_error", "invalid", 501),
    ErrorKind.INTERNAL: ("server_error", "api_error", "internal error", 500),
}


def error_of(kind: ErrorKind, reason: str = "SOME_REASON", **fields: str) -> PenstockError:
    return PenstockError("it failed", kind=kind, reason=reason, metadata=fields)


def test_every_kind_has_its_words_here() -> None:
    assert set(WORDS) == set(ErrorKind)


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_a_kind_of_error_has_the_word_that_each_vendors_clients_know(kind: ErrorKind) -> None:
    openai, anthropic, influx, status = WORDS[kind]
    error = error_of(kind)
    told = {
        path: render_error(error, path=path, request_id="req_1")
        for path in ("/v1/chat/completions", "/v1/messages", "/api/v2/write", "/write")
    }
    bodies = {path: json.loads(rendered.body) for path, rendered in told.items()}
    assert bodies["/v1/chat/completions"]["error"]["type"] == openai
    assert bodies["/v1/messages"]["error"]["type"] == anthropic
    assert (bodies["/api/v2/write"]["code"], bodies["/write"]) == (influx, {"error": "it failed"})
    assert (told["/api/v2/write"].status, told["/write"].status) == (status, status)
    assert (b"x-platform-error-code", influx.encode()) in told["/api/v2/write"].headers
    challenged = [name for name, _ in told["/v1/messages"].headers if name == b"www-authenticate"]
    assert bool(challenged) is (kind is ErrorKind.UNAUTHENTICATED)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("CREDENTIALS_REQUIRED", "invalid_api_key"), ("CREDENTIALS_INVALID", "invalid_api_key"),
        ("BUDGET_LIMIT_EXCEEDED", "insufficient_quota"), ("CONTEXT_LIMIT_EXCEEDED", "context_length_exceeded"),
        ("SOME_REASON", "some_reason"),
    ],
)  # fmt: skip
def test_what_openais_clients_know_by_a_code_has_it(reason: str, code: str) -> None:
    told = openai_error(error_of(ErrorKind.RESOURCE_EXHAUSTED, reason))["error"]
    assert told["code"] == code
    assert told["type"] == ("insufficient_quota" if code == "insufficient_quota" else "rate_limit_error")


@pytest.mark.parametrize("kind", list(ErrorKind))
async def test_only_a_call_that_broke_is_made_again(kind: ErrorKind) -> None:
    broken = {ErrorKind.UNAVAILABLE, ErrorKind.CANCELLED, ErrorKind.INTERNAL}
    reconnects = ReconnectPolicy(window=60)
    if kind in broken:
        await reconnects.pause(error_of(kind))
    else:
        with pytest.raises(PenstockError, match="it failed"):
            await reconnects.pause(error_of(kind))
