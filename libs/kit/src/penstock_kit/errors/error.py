"""PenstockError and one subclass per kind."""

# The names are those of the gRPC codes, which every reader knows; an Error suffix would add nothing.
# ruff: noqa: N818

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from penstock_kit.errors.kind import KIND_TABLE, ErrorKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldViolation:
    """One field of a request that is wrong: its path (``rows[3].timestamp``) and why."""

    field: str
    description: str


class PenstockError(Exception):
    """A failure that a caller is told about: what was wrong (with the value) and what would be right.

    `reason` is stable UPPER_SNAKE for programs, `metadata` its values as text, `retry_after` seconds
    until a retry makes sense, `violations` the fields at fault.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        kind: ErrorKind,
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = None,
        violations: Sequence[FieldViolation] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.kind = kind
        self.metadata: Mapping[str, str] = dict(metadata or {})
        self.retry_after = retry_after
        self.violations = tuple(violations)

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later: by kind, and for a limit only when it says when."""
        if self.kind is ErrorKind.RESOURCE_EXHAUSTED:
            return self.retry_after is not None
        return KIND_TABLE[self.kind].retryable

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r}, reason={self.reason!r}, kind={self.kind.value})"


class _Kinded(PenstockError):
    """A PenstockError whose class fixes the kind; the reason defaults to the kind's own name."""

    fixed_kind: ClassVar[ErrorKind] = ErrorKind.INTERNAL

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = None,
        violations: Sequence[FieldViolation] = (),
    ) -> None:
        super().__init__(
            message,
            reason=reason or self.fixed_kind.value,
            kind=self.fixed_kind,
            metadata=metadata,
            retry_after=retry_after,
            violations=violations,
        )


class InvalidArgument(_Kinded):
    """The request itself is wrong, whatever the state (400)."""

    fixed_kind = ErrorKind.INVALID_ARGUMENT


class Unauthenticated(_Kinded):
    """The request carries no credentials, or invalid ones (401)."""

    fixed_kind = ErrorKind.UNAUTHENTICATED


class PermissionDenied(_Kinded):
    """The caller is authenticated and lacks the permission (403)."""

    fixed_kind = ErrorKind.PERMISSION_DENIED


class NotFound(_Kinded):
    """The resource does not exist, or belongs to another tenant or user, which must look the same (404)."""

    fixed_kind = ErrorKind.NOT_FOUND


class AlreadyExists(_Kinded):
    """The name or id of a resource to be created is taken (409)."""

    fixed_kind = ErrorKind.ALREADY_EXISTS


class FailedPrecondition(_Kinded):
    """The request is valid, and the state of the system does not allow it (412)."""

    fixed_kind = ErrorKind.FAILED_PRECONDITION


class Aborted(_Kinded):
    """The operation lost a race with another writer; repeating all of it may succeed (409)."""

    fixed_kind = ErrorKind.ABORTED


class ResourceExhausted(_Kinded):
    """A rate limit, quota or budget is used up (429); `retry_after` when waiting helps."""

    fixed_kind = ErrorKind.RESOURCE_EXHAUSTED


class PayloadTooLarge(_Kinded):
    """The body or message is over the limit (413)."""

    fixed_kind = ErrorKind.PAYLOAD_TOO_LARGE


class Unprocessable(_Kinded):
    """The request is well-formed, and its content can't be processed (422)."""

    fixed_kind = ErrorKind.UNPROCESSABLE


class Cancelled(_Kinded):
    """The caller disconnected or cancelled the call (499)."""

    fixed_kind = ErrorKind.CANCELLED


class DeadlineExceeded(_Kinded):
    """The deadline that the caller set has passed (504)."""

    fixed_kind = ErrorKind.DEADLINE_EXCEEDED


class Unavailable(_Kinded):
    """A service or a store can't answer now; a retry may succeed (503)."""

    fixed_kind = ErrorKind.UNAVAILABLE


class BadUpstream(_Kinded):
    """A model provider or another external system failed (502)."""

    fixed_kind = ErrorKind.BAD_UPSTREAM


class Unimplemented(_Kinded):
    """This build or configuration has no such operation (501)."""

    fixed_kind = ErrorKind.UNIMPLEMENTED


class Internal(_Kinded):
    """Penstock has a defect (500)."""

    fixed_kind = ErrorKind.INTERNAL


_CLASS_BY_KIND: dict[ErrorKind, type[_Kinded]] = {cls.fixed_kind: cls for cls in _Kinded.__subclasses__()}


def error_class(kind: ErrorKind) -> type[_Kinded]:
    """Return the subclass that stands for `kind`, so that a received error can be caught by its class."""
    return _CLASS_BY_KIND[kind]
