"""HTTP statuses of vendors as failures, the same for every dialect."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from llm_service.domain.failure import FailureKind, ProviderError
from penstock_kit.errors import ErrorKind

_MAX_RETRY_AFTER: Final = 3600.0
_REFUSALS: Final = frozenset({"content_filter", "content_policy_violation", "data_inspection_failed", "1301"})
_CONTEXT: Final = frozenset({"context_length_exceeded"})
_SHOWN_AS: Final = {
    404: (ErrorKind.NOT_FOUND, "PROVIDER_MODEL_NOT_FOUND"),
    413: (ErrorKind.PAYLOAD_TOO_LARGE, "PROVIDER_REQUEST_TOO_LARGE"),
}
_MESSAGE_LENGTH: Final = 400


def error_from_status(
    status: int,
    *,
    provider: str,
    model: str,
    message: str,
    code: str = "",
    retry_after: str = "",
    in_milliseconds: bool = False,
) -> ProviderError:
    """Return the failure that a vendor's HTTP `status` means.

    `message` and `code` are from its error body. A vendor's 401 and 403 become ours to mend: the
    message does not go to the caller, for it may hold a piece of the key.
    """
    failure, kind, reason = _meaning(status, code)
    shown = (
        f"{provider} refused our credentials (HTTP {status})"
        if failure is FailureKind.AUTH
        else _text(provider, status, message)
    )
    wait = _seconds(retry_after, in_milliseconds) if failure is FailureKind.RATE_LIMIT or status == 503 else None
    return ProviderError(
        shown, provider=provider, failure=failure, model=model, retry_after=wait, kind=kind, reason=reason
    )


_BY_STATUS: Final[dict[int, FailureKind]] = {
    401: FailureKind.AUTH,
    402: FailureKind.RATE_LIMIT,
    403: FailureKind.AUTH,
    404: FailureKind.UNSUPPORTED,
    408: FailureKind.TIMEOUT,
    429: FailureKind.RATE_LIMIT,
    504: FailureKind.TIMEOUT,
}


def _meaning(status: int, code: str) -> tuple[FailureKind, ErrorKind | None, str]:
    if code.lower() in _REFUSALS:
        return FailureKind.REFUSED, None, ""
    if code.lower() in _CONTEXT:
        return FailureKind.BAD_REQUEST, None, "CONTEXT_LENGTH_EXCEEDED"
    if status in _SHOWN_AS:
        kind, reason = _SHOWN_AS[status]
        return _BY_STATUS.get(status, FailureKind.BAD_REQUEST), kind, reason
    return _BY_STATUS.get(status) or _by_class(status), None, ""


def _by_class(status: int) -> FailureKind:
    if status >= 500:
        return FailureKind.SERVER
    return FailureKind.BAD_REQUEST if status >= 400 else FailureKind.PROTOCOL


def _text(provider: str, status: int, message: str) -> str:
    said = message.strip()[:_MESSAGE_LENGTH]
    return f"{provider} answered HTTP {status}: {said}" if said else f"{provider} answered HTTP {status}"


def _seconds(text: str, in_milliseconds: bool) -> float | None:
    """Retry-After as seconds or as a date, bounded to an hour; nonsense is None."""
    try:
        seconds = float(text) / (1000 if in_milliseconds else 1)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds() if text else -1.0
        except (TypeError, ValueError):
            return None
    return min(seconds, _MAX_RETRY_AFTER) if seconds >= 0 else None
