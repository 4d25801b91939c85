"""Google's error bodies: the message, what kind it is, and how long to wait."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from llm_service.providers.status import LOCATION, VendorError

Json = Mapping[str, Any]
_KEY_REASONS: Final = frozenset(
    {
        *("API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED", "API_KEY_IP_ADDRESS_BLOCKED"),
        *("API_KEY_HTTP_REFERRER_BLOCKED", "CONSUMER_SUSPENDED", "ACCESS_TOKEN_EXPIRED", "ACCOUNT_STATE_INVALID"),
    }
)
_TOO_LONG: Final = "exceeds the maximum number of tokens"
_ABROAD: Final = "location is not supported"


def error_of(body: object, status: int) -> VendorError:
    """Return the error in `body`, which came with HTTP `status` (0: it says itself)."""
    error = _inner(body)
    message = str(error.get("message") or "")
    reasons = {str(detail.get("reason") or "") for detail in _details(error)}
    return VendorError(
        status=_meant(reasons, status or _number(error.get("code"))),
        message=message,
        kind=_kind(error, message),
        retry_after=_wait(error),
    )


def _kind(error: Json, message: str) -> str:
    if _TOO_LONG in message:
        return "context_length_exceeded"
    return LOCATION if _ABROAD in message else str(error.get("status") or "")


def _inner(body: object) -> Json:
    """The error itself; a stream that fails early answers with a list of one."""
    if isinstance(body, list) and body:
        body = cast(list[object], body)[0]
    if not isinstance(body, dict):
        return {}
    inner = cast(Json, body).get("error", body)
    return cast(Json, inner) if isinstance(inner, dict) else {"message": inner}


def _meant(reasons: set[str], status: int) -> int:
    """A bad key is told as a bad request, or as a request that is forbidden, though it is not the caller's."""
    return 401 if reasons & _KEY_REASONS else status or 500


def _wait(error: Json) -> float | None:
    """RetryInfo's delay, such as "34.07s"."""
    for detail in _details(error):
        if delay := str(detail.get("retryDelay") or ""):
            try:
                return float(delay.removesuffix("s"))
            except ValueError:
                return None
    return None


def _details(error: Json) -> Iterator[Json]:
    for detail in error.get("details") or ():
        if isinstance(detail, dict):
            yield cast(Json, detail)


def _number(code: object) -> int:
    return code if isinstance(code, int) else 0
