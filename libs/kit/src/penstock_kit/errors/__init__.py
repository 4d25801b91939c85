"""The one error family of Penstock and its three faces: exception, gRPC status, problem+json.

Domain code raises a :class:`PenstockError`; the server interceptor turns it into a
``google.rpc.Status``; the client channel turns that back into the same exception; the
gateway renders it as RFC 9457 problem details. The table behind all of it is
:mod:`penstock_kit.errors.kind`.
"""

from penstock_kit.errors.error import (
    Aborted,
    AlreadyExists,
    BadUpstream,
    Cancelled,
    DeadlineExceeded,
    FailedPrecondition,
    FieldViolation,
    Internal,
    InvalidArgument,
    NotFound,
    PayloadTooLarge,
    PenstockError,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    Unprocessable,
    error_class,
)
from penstock_kit.errors.kind import ErrorKind, grpc_code, http_status, kind_from_grpc_code, title
from penstock_kit.errors.problem import problem_from_error
from penstock_kit.errors.status import error_from_rpc, error_from_status, error_to_status

__all__ = [
    "Aborted",
    "AlreadyExists",
    "BadUpstream",
    "Cancelled",
    "DeadlineExceeded",
    "ErrorKind",
    "FailedPrecondition",
    "FieldViolation",
    "Internal",
    "InvalidArgument",
    "NotFound",
    "PayloadTooLarge",
    "PenstockError",
    "PermissionDenied",
    "ResourceExhausted",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "Unprocessable",
    "error_class",
    "error_from_rpc",
    "error_from_status",
    "error_to_status",
    "grpc_code",
    "http_status",
    "kind_from_grpc_code",
    "problem_from_error",
    "title",
]
