"""HTTP statuses and headers of vendors as failures."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from llm_service.domain.model.failure import FailureKind
from llm_service.providers.status import error_from_response, retry_after_seconds

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
        assert 80 < found <= 90


def test_a_moment_in_seconds_since_1970_is_a_wait_until_then() -> None:
    found = retry_after_seconds({"x-ratelimit-reset": str(datetime.now(UTC).timestamp() + 30)})
    assert found is not None
    assert 20 < found <= 30


def test_a_wait_in_the_body_counts_when_the_headers_say_nothing() -> None:
    def wait(headers: dict[str, str]) -> float | None:
        return error_from_response(429, headers, provider="p", model="m", message="", retry_after=4.0).retry_after

    assert wait({}) == 4.0
    assert wait({"retry-after": "2"}) == 2.0


def test_a_wait_is_told_for_limits_and_outages_only() -> None:
    error = error_from_response(500, {"retry-after": "2"}, provider="p", model="m", message="broken")
    assert (error.failure, error.retry_after) == (FailureKind.SERVER, None)
