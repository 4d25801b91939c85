"""What is sent again after a failure, when, and what never is."""

import httpx2
import pytest

from penstock_client._call import Call, failure, is_worth_another_try
from penstock_client._endpoints import Endpoints, backoff, is_loopback
from penstock_client.errors import AuthenticationError, NotFoundError, PermissionDeniedError

POST = Call(method="POST", path="/x")
KEYED = Call(method="POST", path="/x", idempotency_key="k")
GET = Call(method="GET", path="/x")


@pytest.mark.parametrize("call", [POST, KEYED, GET], ids=["post", "keyed", "get"])
@pytest.mark.parametrize(
    "error", [httpx2.ConnectError("x"), httpx2.ConnectTimeout("x"), httpx2.PoolTimeout("x")], ids=str
)
def test_what_never_reached_a_gateway_is_always_sent_again(call: Call, error: Exception) -> None:
    assert is_worth_another_try(error, call)


@pytest.mark.parametrize(
    "error", [httpx2.ReadTimeout("x"), httpx2.ReadError("x"), httpx2.RemoteProtocolError("x")], ids=str
)
def test_what_may_have_been_done_is_sent_again_only_when_that_does_no_harm(error: Exception) -> None:
    assert [is_worth_another_try(error, call) for call in (POST, KEYED, GET)] == [False, True, True]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (429, [True, True, True]),
        (503, [True, True, True]),
        (500, [False, True, True]),
        (502, [False, True, True]),
        (504, [False, True, True]),
        (400, [False, False, False]),
        (401, [False, False, False]),
        (404, [False, False, False]),
        (409, [False, False, False]),
        (422, [False, False, False]),
    ],
)
def test_a_refusal_is_asked_again_by_its_status(status: int, expected: list[bool]) -> None:
    error = failure(status, b'{"detail": "no"}', {})
    assert [is_worth_another_try(error, call) for call in (POST, KEYED, GET)] == expected


def test_a_gateway_that_says_no_more_tries_is_believed() -> None:
    error = failure(503, b'{"detail": "no", "retryable": false}', {})
    assert not any(is_worth_another_try(error, call) for call in (POST, KEYED, GET))


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_what_reads_replaces_or_deletes_may_be_repeated_and_what_makes_or_changes_may_not(method: str) -> None:
    assert Call(method=method, path="/x").repeatable
    assert not any(Call(method=other, path="/x").repeatable for other in ("POST", "PATCH"))


def test_waits_are_what_the_gateway_asked_for_up_to_a_minute_else_they_grow_and_differ() -> None:
    assert all(7 <= backoff(1, retry_after=7) <= 7.25 for _ in range(50))
    assert all(60 <= backoff(1, retry_after=3600) <= 60.25 for _ in range(50))
    for attempt, longest in ((1, 0.5), (2, 1.0), (4, 4.0), (10, 20.0)):
        waits = [backoff(attempt, retry_after=None) for _ in range(400)]
        assert 0 <= min(waits) < longest / 4
        assert longest * 3 / 4 < max(waits) <= longest
    assert max(backoff(10, retry_after=None, longest=5.0) for _ in range(200)) <= 5
    assert 0 <= backoff(5_000, retry_after=None) <= 20, "an hour's attempts are not beyond what a number holds"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8000", True), ("http://127.9.9.9", True), ("http://[::1]:8000", True),
        ("http://localhost:8000", True), ("http://10.0.0.1", False), ("http://[2001:db8::1]", False),
        ("https://localhost.example.org", False), ("http://127.0.0.1.example.org", False),
    ],
)  # fmt: skip
def test_only_this_machine_is_asked_past_a_proxy(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:8000", "ftp://a", "http://", "", "file:///etc/passwd", "http://[::1", "http://a:99999", "http://a b"],
)
def test_what_is_no_gateways_address_is_refused_and_named(url: str) -> None:
    with pytest.raises(ValueError, match="begins with http:// or https://"):
        Endpoints([url])


def test_without_an_address_it_is_said_what_one_looks_like() -> None:
    with pytest.raises(ValueError, match=r"http://127\.0\.0\.1:8000"):
        Endpoints([])


@pytest.mark.parametrize(
    ("status", "kind"), [(401, AuthenticationError), (403, PermissionDeniedError), (404, NotFoundError)]
)
def test_errors_have_the_class_of_their_status_and_the_words_of_the_gateway(status: int, kind: type[Exception]) -> None:
    error = failure(status, b'{"detail": "why", "reason": "R", "request_id": "req_1"}', {"retry-after": "3"})
    assert type(error) is kind
    assert (error.reason, error.detail, error.request_id, error.retry_after) == ("R", "why", "req_1", 3)
    assert str(error) == f"why (HTTP {status}, R)"


def test_errors_of_the_dialects_and_answers_that_are_no_json_are_told_too() -> None:
    dialect = failure(400, b'{"error": {"message": "no model", "code": "model_invalid", "type": "t"}}', {})
    assert (dialect.detail, dialect.reason) == ("no model", "model_invalid")
    assert failure(502, b"<html>bad \xff gateway", {}).detail.startswith("<html>bad")
    assert failure(502, b"", {}).detail == "HTTP 502"
    assert failure(502, b"[1]", {}).detail == "[1]"
