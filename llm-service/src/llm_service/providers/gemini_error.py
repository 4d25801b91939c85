"""Google's error bodies: the message, what kind it is, and how long to wait."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

Json = Mapping[str, Any]
_KEY_REASONS: Final = frozenset({"API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED"})
_TOO_LONG: Final = "exceeds the maximum number of tokens"
_ABROAD: Final = "location is not supported"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleError:
    """An error as Google tells it: HTTP `status`, `message`, our `code` of it, and `retry_after` in seconds."""

    status: int
    message: str
    code: str = ""
    retry_after: float | None = None


def error_of(body: object, status: int) -> GoogleError:
    """Return the error in `body`, which came with HTTP `status` (0: it says itself)."""
    error = _inner(body)
    message = str(error.get("message") or "")
    code = "context_length_exceeded" if _TOO_LONG in message else str(error.get("status") or "")
    return GoogleError(
        status=_meant(error, status or _number(error.get("code")), message),
        message=message,
        code=code,
        retry_after=_wait(error),
    )


def _inner(body: object) -> Json:
    """The error itself; a stream that fails early answers with a list of one."""
    if isinstance(body, list) and body:
        body = cast(list[object], body)[0]
    if not isinstance(body, dict):
        return {}
    inner = cast(Json, body).get("error", body)
    return cast(Json, inner) if isinstance(inner, dict) else {}


def _meant(error: Json, status: int, message: str) -> int:
    """A bad key, and a place Google does not serve, are told as bad requests, though not the caller's."""
    reasons = {str(detail.get("reason") or "") for detail in _details(error)}
    if status == 400 and (reasons & _KEY_REASONS or _ABROAD in message):
        return 403
    return status or 500


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
