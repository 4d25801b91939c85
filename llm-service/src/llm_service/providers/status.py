"""HTTP statuses of vendors as failures, the same for every dialect."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from llm_service.domain.model.failure import FailureKind, ProviderError
from penstock_kit.errors import ErrorKind

_MAX_RETRY_AFTER: Final = 3600.0
_REFUSALS: Final = frozenset({"content_filter", "content_policy_violation", "data_inspection_failed", "1301"})
_CONTEXT: Final = frozenset({"context_length_exceeded", "1261"})
# OpenAI's words, Qwen's, and GLM's numbers.
_BY_CODE: Final = {
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "throttling": 429,
    "1302": 429,
    "1305": 429,
    "invalid_api_key": 401,
    "invalidapikey": 401,
    "model_not_found": 404,
}
_SHOWN_AS: Final = {
    404: (ErrorKind.NOT_FOUND, "PROVIDER_MODEL_NOT_FOUND"),
    413: (ErrorKind.PAYLOAD_TOO_LARGE, "PROVIDER_REQUEST_TOO_LARGE"),
}
_MESSAGE_LENGTH: Final = 400
# A larger number of seconds is a moment since 1970, no span.
_EPOCH: Final = 1e9
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd])")
_SPANS: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhd]))+")


def error_from_status(
    status: int,
    *,
    provider: str,
    model: str,
    message: str,
    code: str = "",
    retry_after: float | None = None,
) -> ProviderError:
    """Return the failure that a vendor's HTTP `status` means.

    `message` and `code` are from its error body. A vendor's 401 and 403 become ours to mend: the
    message does not go to the caller, for it may hold a piece of the key. `retry_after` is in seconds.
    """
    failure, kind, reason = _meaning(status, code)
    shown = (
        f"{provider} refused our credentials (HTTP {status})"
        if failure is FailureKind.AUTH
        else _text(provider, status, message)
    )
    wait = retry_after if failure is FailureKind.RATE_LIMIT or status == 503 else None
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


def error_from_code(code: str, *, provider: str, model: str, message: str) -> ProviderError:
    """Return the failure that an error in the middle of a stream means; it has a code and no status.

    Servers put the status they would have had into the code, or a word; what is not known is the server's trouble.
    """
    status = int(code) if code.isdigit() and 400 <= int(code) < 600 else _BY_CODE.get(code.lower(), 0)
    if status or code.lower() in _REFUSALS | _CONTEXT:
        return error_from_status(status or 400, provider=provider, model=model, message=message, code=code)
    said = message.strip()[:_MESSAGE_LENGTH]
    return ProviderError(f"{provider} failed: {said}", provider=provider, failure=FailureKind.SERVER, model=model)


def error_from_response(
    status: int,
    headers: Mapping[str, str],
    *,
    provider: str,
    model: str,
    message: str,
    code: str = "",
    retry_after: float | None = None,
) -> ProviderError:
    """Return the failure that a refusing response means; `retry_after` is the wait its body asks for, in seconds."""
    wait = retry_after_seconds(headers)
    return error_from_status(
        status,
        provider=provider,
        model=model,
        message=message,
        code=code,
        retry_after=bounded(retry_after) if wait is None else wait,
    )


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return how long the vendor wants us to wait, at most an hour; None when it does not say or says nonsense.

    Read are Retry-After-Ms, Retry-After (seconds or a date) and, of the rate-limit headers, the reset of
    whichever limit has nothing left (OpenAI: "1s", "6m0s", "20ms"; Anthropic: a time).
    """
    if milliseconds := headers.get("retry-after-ms"):
        return bounded(_number(milliseconds, 1000))
    if wait := headers.get("retry-after"):
        return bounded(_number(wait) if _number(wait) is not None else _until(wait))
    resets = [bounded(_span(text)) for text in _resets(headers)]
    return max((seconds for seconds in resets if seconds is not None), default=None)


def bounded(seconds: float | None) -> float | None:
    """Return `seconds` when it is a time to wait, at most an hour."""
    return None if seconds is None or not seconds >= 0 else min(seconds, _MAX_RETRY_AFTER)


def _resets(headers: Mapping[str, str]) -> list[str]:
    found: list[str] = []
    for name, left in headers.items():
        lowered = name.lower()
        if "ratelimit-" in lowered and "remaining" in lowered and left.strip() == "0":
            found.append(headers.get(lowered.replace("remaining", "reset"), ""))
    return found or [headers.get("x-ratelimit-reset", "")]


def _span(text: str) -> float | None:
    """A span as "1m30.5s" or "20ms", a number of seconds, or a moment."""
    if pieces := _SPAN.findall(text if _SPANS.fullmatch(text) else ""):
        return sum(float(amount) * _UNITS[unit] for amount, unit in pieces)
    seconds = _number(text)
    if seconds is None:
        return _until(text)
    return seconds - datetime.now(UTC).timestamp() if seconds > _EPOCH else seconds


def _until(text: str) -> float | None:
    """Seconds until a date as in HTTP, or as in ISO 8601."""
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            return (parse(text) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            continue
    return None


def _number(text: str, divisor: int = 1) -> float | None:
    try:
        return float(text) / divisor
    except ValueError:
        return None
