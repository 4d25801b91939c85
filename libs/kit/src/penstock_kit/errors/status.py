"""PenstockError ⇄ google.rpc.Status, without loss of kind, reason, metadata, retry time or fields."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, cast

from penstock_kit.errors.error import FieldViolation, PenstockError, error_class
from penstock_kit.errors.kind import ErrorKind, grpc_code, kind_from_grpc_code

if TYPE_CHECKING:
    import grpc.aio
    from google.rpc import status_pb2

DOMAIN: Final = "penstock"
DETAILS_KEY: Final = "grpc-status-details-bin"
_KIND_KEY: Final = "penstock_kind"
# Status travels in HTTP/2 trailers, which peers cap (8 KiB is common), percent-encoded and base64-encoded.
_MAX_MESSAGE: Final = 1000
_MAX_VIOLATIONS: Final = 20
_MAX_DESCRIPTION: Final = 200
_MAX_FIELD: Final = 200
_MAX_VALUE: Final = 1000


def error_to_status(error: PenstockError) -> "status_pb2.Status":
    """Return `error` as a google.rpc.Status with ErrorInfo, RetryInfo and BadRequest details.

    Bounded, for it travels in trailers, and trailers that are too large replace the error by one of gRPC's: 1,000
    characters of message and of each value of the metadata, 20 fields of 200 characters each.
    """
    from google.rpc import error_details_pb2, status_pb2

    status = status_pb2.Status(code=grpc_code(error.kind), message=_shortened(error.message, _MAX_MESSAGE))
    metadata = {key: _shortened(value, _MAX_VALUE) for key, value in error.metadata.items()}
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata)
    info.metadata[_KIND_KEY] = error.kind.value
    status.details.add().Pack(info)
    if error.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(round(error.retry_after * 1e9))
        status.details.add().Pack(retry)
    if error.violations:
        bad = error_details_pb2.BadRequest()
        for violation in error.violations[:_MAX_VIOLATIONS]:
            description = _shortened(violation.description, _MAX_DESCRIPTION)
            bad.field_violations.add(field=_shortened(violation.field, _MAX_FIELD), description=description)
        status.details.add().Pack(bad)
    return status


def error_from_status(status: "status_pb2.Status") -> PenstockError:
    """Return the PenstockError that `status` carries; without our ErrorInfo, by its code alone."""
    from google.rpc import error_details_pb2

    info = error_details_pb2.ErrorInfo()
    retry = error_details_pb2.RetryInfo()
    bad = error_details_pb2.BadRequest()
    retry_after: float | None = None
    for detail in status.details:
        if detail.Unpack(info) or detail.Unpack(bad):
            continue
        if detail.Unpack(retry):
            retry_after = retry.retry_delay.ToNanoseconds() / 1e9
    metadata = dict(info.metadata)
    kind = _kind(metadata.pop(_KIND_KEY, ""), status.code)
    return error_class(kind)(
        status.message,
        reason=info.reason,
        metadata=metadata,
        retry_after=retry_after,
        violations=[FieldViolation(field=v.field, description=v.description) for v in bad.field_violations],
    )


def error_from_rpc(rpc_error: "grpc.aio.AioRpcError", *, service: str = "", target: str = "") -> PenstockError:
    """Return the PenstockError behind a failed call.

    With details it is the very error the peer raised. Without, it is made from the code; for a dead or
    unreachable peer the message says which `service` at which `target`.
    """
    packed = _details(rpc_error)
    if packed is not None:
        from google.protobuf.message import DecodeError
        from google.rpc import status_pb2

        try:
            return error_from_status(status_pb2.Status.FromString(packed))
        except DecodeError:
            pass
    return _from_code(rpc_error.code().value[0], rpc_error.details() or "", _peer(service, target), service)


def _from_code(code: int, details: str, peer: str, service: str) -> PenstockError:
    kind = kind_from_grpc_code(code)
    match kind:
        case ErrorKind.UNAVAILABLE:
            message = f"{peer} cannot be reached: {details or 'no connection'}"
            return error_class(kind)(message, reason="SERVICE_UNAVAILABLE")
        case ErrorKind.DEADLINE_EXCEEDED:
            return error_class(kind)(f"{peer} did not answer before the deadline of the call")
        case ErrorKind.RESOURCE_EXHAUSTED if "message" in details.lower() and "larger" in details.lower():
            # Not what gRPC says of it, and not where the peer is: neither helps a caller.
            message = f"a message of {service or 'a service'} is larger than may be sent at once; ask for less"
            return error_class(ErrorKind.PAYLOAD_TOO_LARGE)(message, reason="MESSAGE_LIMIT_EXCEEDED")
        case _:
            return error_class(kind)(f"{peer}: {details}" if details else f"{peer} answered {kind.value}")


def _details(rpc_error: "grpc.aio.AioRpcError") -> bytes | None:
    trailers = cast("Iterable[tuple[str, str | bytes]]", rpc_error.trailing_metadata() or ())
    for key, value in trailers:
        if key == DETAILS_KEY and isinstance(value, bytes):
            return value
    return None


def _peer(service: str, target: str) -> str:
    if service and target:
        return f"{service} at {target}"
    return service or target or "the called service"


def _kind(name: str, code: int) -> ErrorKind:
    try:
        return ErrorKind(name)
    except ValueError:
        return kind_from_grpc_code(code)


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
