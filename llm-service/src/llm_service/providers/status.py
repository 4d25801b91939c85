"""HTTP statuses of vendors as failures, the same for every dialect: what a refusal is about decides how far it goes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from llm_service.domain.model.failure import FailureKind, ProviderError
from penstock_kit.errors import ErrorKind

_MAX_RETRY_AFTER: Final = 3600.0
_REFUSALS: Final = frozenset(
    {
        *("content_filter", "content_policy_violation", "data_inspection_failed", "datainspectionfailed"),
        *("moderation_blocked", "1301"),
    }
)
_CONTEXT: Final = frozenset({"context_length_exceeded", "1261"})
# The same in the words of servers without a code for it: vLLM, llama.cpp, Ollama, Qwen, xAI, Mistral.
_CONTEXT_WORDS: Final = re.compile(
    r"maximum context length|context (?:length|window|size)[^.]{0,40}exceed"
    r"|exceed\w*[^.]{0,40}context (?:length|window|size)"
    r"|prompt is too long|maximum prompt length|range of input length|input (?:length|tokens?)[^.]{0,40}exceed"
    r"|too large for model with \d+ maximum context",
    re.IGNORECASE,
)
_TOO_MUCH: Final = frozenset({400, 413, 422})
_MODEL_UNKNOWN: Final = frozenset({"model_not_found", "modelnotfound", "model.accessdenied", "1211"})
# The vendor does not serve the place we call from.
LOCATION: Final = "unsupported_country_region_territory"
# The account has no money or quota left, which no model and no retry helps.
_EXHAUSTED: Final = frozenset({"insufficient_quota", "billing_error", "arrearage", "1113"})
# OpenAI's words, Qwen's, and GLM's numbers.
_BY_CODE: Final = {
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "throttling": 429,
    "1302": 429,
    "1305": 429,
    "overloaded_error": 529,
    "server_overloaded": 529,
    "invalid_api_key": 401,
    "invalidapikey": 401,
    "model_not_found": 404,
}
# Codes with which a 403 says that it refuses the credential and not what was asked.
_CREDENTIAL_CODES: Final = frozenset(
    {
        *("invalid_api_key", "invalidapikey", "invalid_authentication", "authentication_error", "unauthorized"),
        *("account_deactivated", "accountdeactivated", "organization_deactivated", "consumer_suspended"),
        *("api_key_invalid", "api_key_expired", "api_key_service_blocked", "1000", "1001", "1002", "1003", "1004"),
    }
)
# The same in words: "Your API key was reported as leaked", "this token has been revoked".
_CREDENTIAL_WORDS: Final = re.compile(
    r"(?:api[ _-]?key|credential|access token|authentication|secret key|\btoken)s?\b[^.]{0,60}?"
    r"\b(?:invalid|incorrect|not valid|expired|revoked|leaked|disabled|deactivated|suspended|blocked|deleted|unknown)"
    r"|\b(?:invalid|incorrect|expired|revoked|unknown|missing)\b[^.]{0,30}?"
    r"(?:api[ _-]?key|credential|access token|secret key)",
    re.IGNORECASE,
)
_MODERATED: Final = re.compile(r"\b(?:moderat\w+|flagged|content policy|safety system)\b", re.IGNORECASE)
_MESSAGE_LENGTH: Final = 400
_CODE_LENGTH: Final = 100
# A larger number of seconds is a moment since 1970, no span.
_EPOCH: Final = 1e9
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd])")
_SPANS: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhd]))+")


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorError:
    """A vendor's error as it told it.

    `status` is the HTTP status, or the one an error in the middle of a stream would have had. `kind` is the vendor's
    word for what it is about; `code` and `param` go on to the caller. `retry_after` is in seconds, `final` says that
    the vendor asks not to be tried again.
    """

    status: int
    message: str = ""
    kind: str = ""
    code: str = ""
    param: str = ""
    retry_after: float | None = None
    final: bool = False

    @property
    def words(self) -> frozenset[str]:
        """Its code and its kind in lower case."""
        return frozenset({self.code.lower(), self.kind.lower()})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meaning:
    """What a vendor's error means to us; without `kind` and `reason` what the rule of `failure` says."""

    failure: FailureKind
    kind: ErrorKind | None = None
    reason: str = ""
    account_wide: bool = False


_AUTH: Final = _Meaning(failure=FailureKind.AUTH)
_REFUSED: Final = _Meaning(failure=FailureKind.REFUSED)
_NO_MODEL: Final = _Meaning(
    failure=FailureKind.UNSUPPORTED, kind=ErrorKind.NOT_FOUND, reason="PROVIDER_MODEL_NOT_FOUND"
)
_DENIED: Final = _Meaning(
    failure=FailureKind.UNSUPPORTED, kind=ErrorKind.PERMISSION_DENIED, reason="PROVIDER_ACCESS_DENIED"
)
_ELSEWHERE: Final = _Meaning(
    failure=FailureKind.UNSUPPORTED, kind=ErrorKind.BAD_UPSTREAM, reason="PROVIDER_LOCATION_UNSUPPORTED"
)
_OVERLOADED: Final = _Meaning(
    failure=FailureKind.SERVER, kind=ErrorKind.UNAVAILABLE, reason="PROVIDER_LOAD_LIMIT_EXCEEDED"
)
_BY_STATUS: Final[Mapping[int, _Meaning]] = {
    401: _AUTH,
    402: _Meaning(failure=FailureKind.RATE_LIMIT, account_wide=True),
    404: _NO_MODEL,
    408: _Meaning(failure=FailureKind.TIMEOUT),
    413: _Meaning(
        failure=FailureKind.BAD_REQUEST, kind=ErrorKind.PAYLOAD_TOO_LARGE, reason="PROVIDER_REQUEST_LIMIT_EXCEEDED"
    ),
    429: _Meaning(failure=FailureKind.RATE_LIMIT),
    503: _OVERLOADED,
    504: _Meaning(failure=FailureKind.TIMEOUT),
    529: _OVERLOADED,
}


_TOO_LONG: Final = _Meaning(failure=FailureKind.BAD_REQUEST, reason="CONTEXT_LIMIT_EXCEEDED")
_BY_WORD: Final = (
    (_REFUSALS, _REFUSED),
    (_CONTEXT, _TOO_LONG),
    (_EXHAUSTED, _BY_STATUS[402]),
    (frozenset({LOCATION}), _ELSEWHERE),
    (_MODEL_UNKNOWN, _NO_MODEL),
)


def error_from_vendor(told: VendorError, *, provider: str, model: str) -> ProviderError:
    """Return the failure that a vendor's error means.

    A refused credential is ours to mend: the vendor's words about it don't go to the caller, for they may hold a
    piece of the key. Any other refusal is about what was asked and is told with the vendor's code and param.
    """
    meant = _meaning(told)
    if meant.failure is FailureKind.AUTH:
        shown = f"{provider} refused our credentials (HTTP {told.status})"
        return ProviderError(shown, provider=provider, failure=meant.failure, model=model)
    waits = meant.failure is FailureKind.RATE_LIMIT or meant is _OVERLOADED
    return ProviderError(
        _text(provider, told),
        provider=provider,
        failure=meant.failure,
        model=model,
        retry_after=bounded(told.retry_after) if waits else None,
        kind=meant.kind,
        reason=meant.reason,
        vendor_code=told.code[:_CODE_LENGTH],
        vendor_param=told.param[:_CODE_LENGTH],
        account_wide=meant.account_wide,
        final=told.final,
    )


def _meaning(told: VendorError) -> _Meaning:
    words = told.words
    for codes, meaning in _BY_WORD:
        if words & codes:
            return meaning
    if told.status in _TOO_MUCH and _CONTEXT_WORDS.search(told.message):
        return _TOO_LONG
    if told.status == 403:
        return _forbidden(told, words)
    return _BY_STATUS.get(told.status) or _Meaning(failure=_by_class(told.status))


def _forbidden(told: VendorError, words: frozenset[str]) -> _Meaning:
    """What a 403 is about that names no model: the credential, the prompt, or else what was asked as a whole."""
    if words & _CREDENTIAL_CODES or _CREDENTIAL_WORDS.search(told.message):
        return _AUTH
    return _REFUSED if _MODERATED.search(told.message) else _DENIED


def _by_class(status: int) -> FailureKind:
    if status >= 500 or not status:
        return FailureKind.SERVER
    return FailureKind.BAD_REQUEST if status >= 400 else FailureKind.PROTOCOL


def _text(provider: str, told: VendorError) -> str:
    said = told.message.strip()[:_MESSAGE_LENGTH]
    answered = f"answered HTTP {told.status}" if told.status else "failed"
    return f"{provider} {answered}: {said}" if said else f"{provider} {answered}"


def status_from_code(code: str) -> int:
    """Return the HTTP status that an error in the middle of a stream would have had, 0 when its code does not say.

    Servers put that status into the code, or a word.
    """
    if code.isascii() and code.isdigit() and len(code) == 3 and 400 <= int(code) < 600:
        return int(code)
    lowered = code.lower()
    known = lowered in _REFUSALS | _CONTEXT | _EXHAUSTED
    return _BY_CODE.get(lowered, 400 if known else 0)


def told_by_headers(told: VendorError, headers: Mapping[str, str]) -> VendorError:
    """Return `told` with what its response's headers add: the wait (over the body's), and whether to retry."""
    wait = retry_after_seconds(headers)
    final = headers.get("x-should-retry", "").lower() == "false"
    return replace(told, retry_after=told.retry_after if wait is None else wait, final=final)


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
