"""What can go wrong: one family, so that a caller can catch as much or as little as it wants."""

from collections.abc import Mapping
from typing import Any, Final


class PenstockError(Exception):
    """Base of everything that this package raises on purpose."""


class ConnectionFailedError(PenstockError):
    """No gateway answered: refused, unknown host, timed out or cut before the answer was whole."""


class QueueError(PenstockError):
    """The offline queue can't be used: no key, a wrong key, a folder that can't be written."""


class StreamBrokenError(PenstockError):
    """A stream ended without its terminal event and could not be resumed.

    `stream_id` is empty when not even the first event came; `last_sequence` is the last event that was delivered, so
    ``client.conversations.resume(stream_id, after=last_sequence)`` goes on later.
    """

    def __init__(self, message: str, *, stream_id: str, last_sequence: int) -> None:
        super().__init__(message)
        self.stream_id = stream_id
        self.last_sequence = last_sequence


class AnswerClosedError(PenstockError):
    """An answer is not read any more: it was read to its end already, or left before it.

    Of one that was left ``client.conversations.resume(stream_id, after=last_sequence)`` reads the rest.
    """

    def __init__(self, message: str, *, stream_id: str, last_sequence: int) -> None:
        super().__init__(message)
        self.stream_id = stream_id
        self.last_sequence = last_sequence


class ApiError(PenstockError):
    """The gateway refused a request: `status`, stable `reason`, `detail` for people, `request_id` for its logs."""

    def __init__(self, status: int, problem: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        self.status: Final = status
        self.problem: Final = problem
        self.reason: Final = str(problem.get("reason") or "")
        self.detail: Final = str(problem.get("detail") or problem.get("title") or f"HTTP {status}")
        self.request_id: Final = str(problem.get("request_id") or headers.get("x-request-id", ""))
        self.retryable: Final = bool(problem.get("retryable", status in RETRIED))
        self.retry_after: Final = _seconds(headers.get("retry-after", ""))
        super().__init__(f"{self.detail} (HTTP {status}{', ' + self.reason if self.reason else ''})")


class BadRequestError(ApiError):
    """The request is wrong as it stands (400, 413, 422 and what has no class of its own)."""


class TenantRequiredError(BadRequestError):
    """Users of too many tenants have the name that signs in (TENANT_REQUIRED): `tenant=` says which is meant."""

    def __init__(self, status: int, problem: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        super().__init__(status, problem, headers)
        self.args = (f"{self.args[0]}; give the client tenant='…', or username='TENANT/NAME'",)


class AuthenticationError(ApiError):
    """The key or token is missing, wrong or expired (401)."""


class PermissionDeniedError(ApiError):
    """The key lacks a scope or a role (403)."""


class NotFoundError(ApiError):
    """There is no such thing, or it is somebody else's (404)."""


class ConflictError(ApiError):
    """It exists already, or the conversation is busy (409, 412)."""


class RateLimitError(ApiError):
    """A limit or a budget is used up (402, 429); `retry_after` says for how many seconds, where it is known."""


class ServerError(ApiError):
    """The gateway or what stands behind it failed (5xx)."""


RETRIED: Final = frozenset({408, 429, 500, 502, 503, 504, 529})
_CLASSES: Final[dict[int, type[ApiError]]] = {
    401: AuthenticationError,
    402: RateLimitError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    412: ConflictError,
    429: RateLimitError,
}
_REASONS: Final[dict[str, type[ApiError]]] = {"TENANT_REQUIRED": TenantRequiredError}
_SERVER: Final = 500


class AnswerFailedError(PenstockError):
    """An answer ended in an `error` event: `code`, `reason`, `retryable`, and `partial_content` that was said."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        self.code: Final = event.get("code", "")
        self.reason: Final = str(event.get("reason") or "")
        self.retryable: Final = bool(event.get("retryable"))
        self.partial_content: Final = str(event.get("partial_content") or "")
        super().__init__(f"{event.get('message') or 'the answer failed'} ({self.reason or self.code})")


def api_error(status: int, problem: Mapping[str, Any], headers: Mapping[str, str]) -> ApiError:
    """Return the error of an answer with `status`; `problem` is its problem+json, as far as it had one."""
    known = _REASONS.get(str(problem.get("reason"))) or _CLASSES.get(status)
    known = known or (ServerError if status >= _SERVER else BadRequestError)
    return known(status, problem, headers)


def _seconds(text: str) -> float | None:
    try:
        return max(0.0, float(text))
    except ValueError:  # left out, or a date, which no gateway of Penstock sends
        return None
