"""Failures of providers: a closed set of kinds, and for each the error of the caller and the rules of failover."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from penstock_kit.errors import ErrorKind, FieldViolation, PenstockError


class FailureKind(StrEnum):
    """The kinds of failure, the same in metrics, in `Attempt` and in `ProviderState`."""

    CONNECT = "connect"
    TIMEOUT = "timeout"
    FIRST_TOKEN_TIMEOUT = "first_token_timeout"  # noqa: S105 - a kind of failure, no secret
    IDLE_TIMEOUT = "idle_timeout"
    RATE_LIMIT = "rate_limit"
    AUTH = "auth"
    BAD_REQUEST = "bad_request"
    SERVER = "server"
    PROTOCOL = "protocol"
    CUT = "cut"
    REFUSED = "refused"
    BREAKER_OPEN = "breaker_open"
    CROWDED = "crowded"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRule:
    """The rule of a kind: the caller's error, whether another provider is tried, whether the same one is.

    `billed` says whether the vendor may bill a call that failed so: it was at work when the call ended.
    """

    kind: ErrorKind
    reason: str
    failover: bool = True
    retry: bool = False
    counts_against_provider: bool = True
    billed: bool = False


# A credential that a vendor refused is our operator's trouble: the caller sees 502, never a 401 of its own.
FAILURE_RULES: Final[dict[FailureKind, FailureRule]] = {
    FailureKind.CONNECT: FailureRule(kind=ErrorKind.BAD_UPSTREAM, reason="PROVIDER_CONNECTION_FAILED", retry=True),
    FailureKind.TIMEOUT: FailureRule(kind=ErrorKind.DEADLINE_EXCEEDED, reason="PROVIDER_TIMEOUT", billed=True),
    FailureKind.FIRST_TOKEN_TIMEOUT: FailureRule(
        kind=ErrorKind.DEADLINE_EXCEEDED, reason="PROVIDER_FIRST_TOKEN_TIMEOUT", billed=True
    ),
    FailureKind.IDLE_TIMEOUT: FailureRule(kind=ErrorKind.BAD_UPSTREAM, reason="PROVIDER_IDLE_TIMEOUT", billed=True),
    FailureKind.RATE_LIMIT: FailureRule(kind=ErrorKind.RESOURCE_EXHAUSTED, reason="PROVIDER_RATE_LIMIT_EXCEEDED"),
    FailureKind.AUTH: FailureRule(kind=ErrorKind.BAD_UPSTREAM, reason="PROVIDER_CREDENTIALS_INVALID"),
    FailureKind.BAD_REQUEST: FailureRule(
        kind=ErrorKind.INVALID_ARGUMENT,
        reason="PROVIDER_REQUEST_INVALID",
        failover=False,
        counts_against_provider=False,
    ),
    FailureKind.SERVER: FailureRule(kind=ErrorKind.BAD_UPSTREAM, reason="PROVIDER_FAILED", retry=True),
    FailureKind.PROTOCOL: FailureRule(kind=ErrorKind.BAD_UPSTREAM, reason="PROVIDER_RESPONSE_INVALID", billed=True),
    FailureKind.CUT: FailureRule(kind=ErrorKind.BAD_UPSTREAM, reason="PROVIDER_INTERRUPTED", retry=True, billed=True),
    FailureKind.REFUSED: FailureRule(
        kind=ErrorKind.UNPROCESSABLE,
        reason="PROMPT_FILTERED",
        failover=False,
        counts_against_provider=False,
    ),
    FailureKind.BREAKER_OPEN: FailureRule(
        kind=ErrorKind.UNAVAILABLE, reason="PROVIDER_UNAVAILABLE", counts_against_provider=False
    ),
    # So many calls of the vendor were under way, of this tenant or of all, that this one was not made.
    FailureKind.CROWDED: FailureRule(
        kind=ErrorKind.UNAVAILABLE, reason="PROVIDER_UNAVAILABLE", counts_against_provider=False
    ),
    FailureKind.UNSUPPORTED: FailureRule(
        kind=ErrorKind.UNIMPLEMENTED, reason="PROVIDER_FEATURE_UNSUPPORTED", counts_against_provider=False
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One failed attempt at a provider; `duration` is in seconds."""

    provider: str
    model: str
    failure: FailureKind
    duration: float


class ProviderError(PenstockError):
    """A provider could not answer.

    `failure` decides what routing does next; `kind` and `reason` are what the caller sees instead of
    what the failure's rule says. The message is for the caller, so an adapter puts no secret and no
    request content into it. `retry_after` is the vendor's wish in seconds. `asked` is false when no
    call was made, because of what was known before. `vendor_code` and `vendor_param` are the vendor's own
    code of the error and the parameter it names. `account_wide` says that a limit holds for every model of
    the key, `final` that the vendor asks not to be tried again.
    """

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        failure: FailureKind,
        model: str = "",
        retry_after: float | None = None,
        kind: ErrorKind | None = None,
        reason: str = "",
        asked: bool = True,
        vendor_code: str = "",
        vendor_param: str = "",
        account_wide: bool = False,
        final: bool = False,
    ) -> None:
        rule = FAILURE_RULES[failure]
        metadata = {"provider": provider, "failure": failure.value}
        if model:
            metadata["model"] = model
        if vendor_code:
            metadata["vendor_code"] = vendor_code
        if final:
            metadata["final"] = "true"
        super().__init__(
            message,
            reason=reason or rule.reason,
            kind=kind or rule.kind,
            metadata=metadata,
            retry_after=retry_after,
            violations=[FieldViolation(field=vendor_param, description=message)] if vendor_param else (),
        )
        self.provider = provider
        self.model = model
        self.failure = failure
        self.asked = asked
        self.account_wide = account_wide
        self.final = final

    @property
    def rule(self) -> FailureRule:
        """The rule of this failure's kind."""
        return FAILURE_RULES[self.failure]

    @property
    def billed(self) -> bool:
        """Whether the vendor may bill the call that failed."""
        return self.asked and self.rule.billed
