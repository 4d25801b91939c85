from pathlib import Path

import grpc
import grpc.aio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_kit.errors import (
    BadUpstream,
    ErrorKind,
    FieldViolation,
    InvalidArgument,
    NotFound,
    PayloadTooLarge,
    PenstockError,
    ResourceExhausted,
    Unavailable,
    error_class,
    error_from_rpc,
    error_from_status,
    error_to_status,
    grpc_code,
    http_status,
    kind_from_grpc_code,
    problem_from_error,
    title,
)
from penstock_kit.errors.kind import KIND_TABLE

EXPECTED = {
    ErrorKind.INVALID_ARGUMENT: ("INVALID_ARGUMENT", 400),
    ErrorKind.UNAUTHENTICATED: ("UNAUTHENTICATED", 401),
    ErrorKind.PERMISSION_DENIED: ("PERMISSION_DENIED", 403),
    ErrorKind.NOT_FOUND: ("NOT_FOUND", 404),
    ErrorKind.ALREADY_EXISTS: ("ALREADY_EXISTS", 409),
    ErrorKind.FAILED_PRECONDITION: ("FAILED_PRECONDITION", 412),
    ErrorKind.ABORTED: ("ABORTED", 409),
    ErrorKind.RESOURCE_EXHAUSTED: ("RESOURCE_EXHAUSTED", 429),
    ErrorKind.PAYLOAD_TOO_LARGE: ("RESOURCE_EXHAUSTED", 413),
    ErrorKind.UNPROCESSABLE: ("INVALID_ARGUMENT", 422),
    ErrorKind.CANCELLED: ("CANCELLED", 499),
    ErrorKind.DEADLINE_EXCEEDED: ("DEADLINE_EXCEEDED", 504),
    ErrorKind.UNAVAILABLE: ("UNAVAILABLE", 503),
    ErrorKind.BAD_UPSTREAM: ("UNKNOWN", 502),
    ErrorKind.UNIMPLEMENTED: ("UNIMPLEMENTED", 501),
    ErrorKind.INTERNAL: ("INTERNAL", 500),
}

texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=200)
names = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
errors = st.builds(
    lambda kind, message, reason, metadata, retry_after, fields: error_class(kind)(
        message, reason=reason, metadata=metadata, retry_after=retry_after, violations=fields
    ),
    kind=st.sampled_from(ErrorKind),
    message=texts,
    reason=st.from_regex(r"[A-Z][A-Z0-9_]{1,30}", fullmatch=True),
    metadata=st.dictionaries(names, texts, max_size=5),
    retry_after=st.none() | st.integers(0, 86_400_000).map(lambda millis: millis / 1000),
    fields=st.lists(st.builds(FieldViolation, field=texts, description=texts), max_size=5),
)


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_each_kind_maps_to_the_documented_grpc_code_and_http_status(kind: ErrorKind) -> None:
    code, status = EXPECTED[kind]
    assert grpc_code(kind) == grpc.StatusCode[code].value[0]
    assert http_status(kind) == status
    assert title(kind)
    assert error_class(kind)("x").kind is kind


@given(errors)
def test_an_error_survives_the_way_through_a_status_unchanged(error: PenstockError) -> None:
    received = error_from_status(error_to_status(error))
    assert type(received) is type(error)
    assert received.message == error.message
    assert received.kind is error.kind
    assert received.reason == error.reason
    assert received.metadata == error.metadata
    assert received.retry_after == error.retry_after
    assert received.violations == error.violations
    assert received.retryable == error.retryable


def test_a_bare_penstock_error_becomes_the_class_of_its_kind() -> None:
    error = PenstockError("no such device 'X'", reason="DEVICE_NOT_FOUND", kind=ErrorKind.NOT_FOUND)
    assert isinstance(error_from_status(error_to_status(error)), NotFound)


def test_a_status_is_bounded_because_it_travels_in_trailers() -> None:
    fields = [FieldViolation(field=f"rows[{n}]", description="很" * 5000) for n in range(500)]
    status = error_to_status(InvalidArgument("坏" * 50_000, violations=fields))
    assert status.ByteSize() < 24 * 1024
    assert len(error_from_status(status).violations) == 20


def test_what_a_caller_chose_makes_no_status_longer_than_trailers_may_be() -> None:
    fields = [FieldViolation(field="坏" * 50_000, description="long")]
    metadata = {"device": "坏" * 50_000, "code": "x" * 50_000}
    received = error_from_status(error_to_status(InvalidArgument("x", metadata=metadata, violations=fields)))
    assert len(received.violations[0].field) == 200
    assert {key: len(value) for key, value in received.metadata.items()} == {"device": 1000, "code": 1000}
    assert received.metadata["device"].endswith("…")


def test_a_limit_is_retryable_only_when_it_says_when() -> None:
    assert ResourceExhausted("too fast", retry_after=0.5).retryable
    assert not ResourceExhausted("budget is used up").retryable
    assert Unavailable("x").retryable
    assert BadUpstream("x").retryable
    assert not NotFound("x").retryable


def rpc_error(
    code: grpc.StatusCode, details: str, trailers: tuple[tuple[str, bytes], ...] = ()
) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailers), details, "")


def test_a_dead_peer_is_named_with_its_address() -> None:
    error = error_from_rpc(
        rpc_error(grpc.StatusCode.UNAVAILABLE, "Connection refused"), service="llm-service", target="127.0.0.1:50051"
    )
    assert isinstance(error, Unavailable)
    assert error.reason == "SERVICE_UNAVAILABLE"
    assert "llm-service at 127.0.0.1:50051" in error.message


def test_a_message_over_the_limit_is_a_payload_too_large() -> None:
    details = "Received message larger than max (41943040 vs. 33554432)"
    error = error_from_rpc(rpc_error(grpc.StatusCode.RESOURCE_EXHAUSTED, details))
    assert isinstance(error, PayloadTooLarge)


def test_garbled_details_fall_back_to_the_code() -> None:
    trailers = (("grpc-status-details-bin", b"\xff\xff\xff"),)
    error = error_from_rpc(rpc_error(grpc.StatusCode.NOT_FOUND, "gone", trailers), service="s")
    assert isinstance(error, NotFound)
    assert error.message == "s: gone"


@pytest.mark.parametrize("code", list(grpc.StatusCode))
def test_every_bare_code_has_a_kind(code: grpc.StatusCode) -> None:
    if code is not grpc.StatusCode.OK:
        assert error_from_rpc(rpc_error(code, "why")).kind is kind_from_grpc_code(code.value[0])


def test_an_unknown_code_is_internal() -> None:
    assert kind_from_grpc_code(99) is ErrorKind.INTERNAL


def test_a_problem_has_the_fields_of_rfc_9457_and_ours() -> None:
    error = InvalidArgument(
        "end_time 2020-01-01 is before start_time 2020-02-01",
        reason="TIME_RANGE_INVALID",
        violations=[FieldViolation(field="end_time", description="must be after start_time")],
    )
    assert problem_from_error(error, instance="/api/v2/x", request_id="req_1") == {
        "type": "urn:penstock:problem:invalid-argument",
        "title": "Invalid argument",
        "status": 400,
        "detail": "end_time 2020-01-01 is before start_time 2020-02-01",
        "instance": "/api/v2/x",
        "reason": "TIME_RANGE_INVALID",
        "request_id": "req_1",
        "retryable": False,
        "success": False,
        "errors": [{"field": "end_time", "description": "must be after start_time"}],
    }


def test_a_problem_without_fields_at_fault_has_no_errors() -> None:
    assert "errors" not in problem_from_error(NotFound("x"), instance="/", request_id="r")


def test_the_documented_table_is_the_one_in_the_code() -> None:
    page = (Path(__file__).parents[3] / "docs" / "errors.md").read_text("utf-8")
    rows = [[cell.strip(" `") for cell in line.split("|")[1:6]] for line in page.splitlines() if line.startswith("| `")]
    documented = {row[0]: row[1:] for row in rows if row[0] in ErrorKind.__members__}
    codes = {code.value[0]: code.name for code in grpc.StatusCode}
    for kind, row in KIND_TABLE.items():
        assert documented[kind.name][:3] == [codes[row.grpc], str(row.http), row.title]
        retryable = "when it says when" if kind is ErrorKind.RESOURCE_EXHAUSTED else "yes" if row.retryable else "no"
        assert documented[kind.name][3] == retryable
