"""HTTP statuses and headers of vendors as failures."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from llm_service.domain.model.failure import FailureKind
from llm_service.providers.status import (
    VendorError,
    error_from_vendor,
    retry_after_seconds,
    status_from_code,
    told_by_headers,
)
from penstock_kit.errors import ErrorKind, http_status

WAITS = [
    ({"retry-after": "7"}, 7.0),
    ({"retry-after": "0.5"}, 0.5),
    ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
    ({"retry-after": "86400"}, 3600.0),
    ({"retry-after": "-3"}, None),
    ({"retry-after": "nan"}, None),
    ({"retry-after": "soon"}, None),
    ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360.0),
    ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "20ms"}, 0.02),
    ({"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "20s"}, None),
    ({"x-ratelimit-reset": "12"}, 12.0),
    ({}, None),
]


@pytest.mark.parametrize(("headers", "seconds"), WAITS)
def test_the_wait_is_read_from_whichever_header_says_it(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_seconds(headers) == seconds


def test_a_wait_until_a_date_is_read_in_both_forms() -> None:
    then = datetime.now(UTC) + timedelta(seconds=90)
    headers = {"anthropic-ratelimit-requests-remaining": "0", "anthropic-ratelimit-requests-reset": then.isoformat()}
    for found in (retry_after_seconds({"retry-after": format_datetime(then)}), retry_after_seconds(headers)):
        assert found is not None
        left = (then - datetime.now(UTC)).total_seconds()
        assert left - 1 <= found <= 90, "a date of HTTP has whole seconds"


def test_a_moment_in_seconds_since_1970_is_a_wait_until_then() -> None:
    then = datetime.now(UTC).timestamp() + 30
    found = retry_after_seconds({"x-ratelimit-reset": str(then)})
    assert found is not None
    assert then - datetime.now(UTC).timestamp() <= found <= 30


def test_a_wait_in_the_body_counts_when_the_headers_say_nothing() -> None:
    def wait(headers: dict[str, str]) -> float | None:
        told = told_by_headers(VendorError(status=429, retry_after=4.0), headers)
        return error_from_vendor(told, provider="p", model="m").retry_after

    assert wait({}) == 4.0
    assert wait({"retry-after": "2"}) == 2.0


def test_a_wait_is_told_for_limits_and_outages_only() -> None:
    told = told_by_headers(VendorError(status=500, message="broken"), {"retry-after": "2"})
    error = error_from_vendor(told, provider="p", model="m")
    assert (error.failure, error.retry_after) == (FailureKind.SERVER, None)
    overloaded = error_from_vendor(VendorError(status=529, retry_after=2.0), provider="p", model="m")
    assert (overloaded.kind, overloaded.reason, overloaded.retry_after) == (
        ErrorKind.UNAVAILABLE,
        "PROVIDER_LOAD_LIMIT_EXCEEDED",
        2.0,
    )


# Status, code and words of a refusal, and what it ends: the request alone, or the key.
REFUSALS = [
    (VendorError(status=403, code="model_not_found", message="no access to model"), FailureKind.UNSUPPORTED, 404),
    (VendorError(status=403, kind="permission_error", message="Your API key does not have permission"), None, 403),
    (VendorError(status=403, message="Your input was flagged by moderation"), FailureKind.REFUSED, 422),
    (VendorError(status=403, code="content_filter"), FailureKind.REFUSED, 422),
    (VendorError(status=403, code="Model.AccessDenied", message="access to model denied"), None, 404),
    (VendorError(status=400, code="unsupported_country_region_territory"), FailureKind.UNSUPPORTED, 502),
    (VendorError(status=403, message="Your API key was reported as leaked."), FailureKind.AUTH, 502),
    (VendorError(status=403, message="Invalid API key provided"), FailureKind.AUTH, 502),
    (VendorError(status=403, message="The access token has been revoked"), FailureKind.AUTH, 502),
    (VendorError(status=403, code="account_deactivated"), FailureKind.AUTH, 502),
    (VendorError(status=401), FailureKind.AUTH, 502),
]


@pytest.mark.parametrize(("told", "failure", "status"), REFUSALS)
def test_only_a_refused_credential_is_more_than_the_callers_own_refusal(
    told: VendorError, failure: FailureKind | None, status: int
) -> None:
    error = error_from_vendor(told, provider="p", model="m")
    assert error.failure is (failure or FailureKind.UNSUPPORTED)
    assert http_status(error.kind) == status
    assert error.rule.counts_against_provider is (failure is FailureKind.AUTH)


def test_the_vendors_code_and_param_go_with_its_error() -> None:
    told = VendorError(status=400, message="Unsupported", code="unsupported_parameter", param="max_tokens")
    error = error_from_vendor(told, provider="p", model="m")
    assert error.metadata["vendor_code"] == "unsupported_parameter"
    assert [violation.field for violation in error.violations] == ["max_tokens"]


@pytest.mark.parametrize(
    "told",
    [VendorError(status=402), VendorError(status=429, code="insufficient_quota"), VendorError(status=403, code="1113")],
)
def test_an_account_without_money_is_a_limit_of_every_model(told: VendorError) -> None:
    error = error_from_vendor(told, provider="p", model="m")
    assert (error.failure, error.account_wide, error.retryable) == (FailureKind.RATE_LIMIT, True, False)


def test_a_vendor_that_asks_not_to_be_tried_again_is_heeded() -> None:
    told = told_by_headers(VendorError(status=500), {"x-should-retry": "false"})
    error = error_from_vendor(told, provider="p", model="m")
    assert error.final
    assert error.metadata["final"] == "true"


@pytest.mark.parametrize(
    ("code", "status"), [("429", 429), ("599", 599), ("²²²", 0), ("٤٢٩", 0), ("600", 0), ("4" * 5000, 0)]
)
def test_only_a_number_of_three_plain_digits_is_the_status_of_an_error_in_a_stream(code: str, status: int) -> None:
    assert status_from_code(code) == status
