"""Every word of a vendor that means something has its meaning: none of the tables may lose a row unnoticed."""

import pytest

from llm_service.domain.model.event import Finished, FinishReason
from llm_service.domain.model.failure import FailureKind
from llm_service.providers.gemini_event import ResponseReader
from llm_service.providers.openai_chunk import ChunkReader
from llm_service.providers.status import VendorError, error_from_vendor, status_from_code

CALLERS = ("content_filter", "content_policy_violation", "data_inspection_failed", "moderation_blocked", "1301")
CREDENTIALS = (
    "invalid_api_key", "invalidapikey", "invalid_authentication", "authentication_error", "unauthorized",
    "account_deactivated", "accountdeactivated", "organization_deactivated", "consumer_suspended", "api_key_invalid",
    "api_key_expired", "api_key_service_blocked", "1000", "1001", "1002", "1003", "1004",
)  # fmt: skip


def failure_of(status: int, code: str) -> tuple[FailureKind, str]:
    """What a vendor's error with a code is, whether the code is in any case, and in its kind too."""
    told = [
        error_from_vendor(told, provider="p", model="m")
        for told in (
            VendorError(status=status, code=code),
            VendorError(status=status, code=code.upper()),
            VendorError(status=status, kind=code),
        )
    ]
    (failure,) = {error.failure for error in told}
    (reason,) = {error.reason for error in told}
    return failure, reason


@pytest.mark.parametrize("status", [400, 403, 429])
@pytest.mark.parametrize("code", CALLERS)
def test_a_moderated_prompt_is_refused_by_any_word_of_it(status: int, code: str) -> None:
    assert failure_of(status, code)[0] is FailureKind.REFUSED


@pytest.mark.parametrize("code", ["context_length_exceeded", "1261"])
def test_a_prompt_that_is_too_long_is_told_as_such(code: str) -> None:
    assert failure_of(400, code) == (FailureKind.BAD_REQUEST, "CONTEXT_LIMIT_EXCEEDED")


@pytest.mark.parametrize("code", ["insufficient_quota", "billing_error", "arrearage", "1113"])
def test_an_account_without_money_is_a_limit_by_any_word_of_it(code: str) -> None:
    error = error_from_vendor(VendorError(status=400, code=code), provider="p", model="m")
    assert (error.failure, error.account_wide) == (FailureKind.RATE_LIMIT, True)


@pytest.mark.parametrize("code", ["model_not_found", "modelnotfound", "model.accessdenied", "1211"])
def test_a_model_that_there_is_not_is_told_as_such(code: str) -> None:
    assert failure_of(400, code) == (FailureKind.UNSUPPORTED, "PROVIDER_MODEL_NOT_FOUND")


@pytest.mark.parametrize("code", CREDENTIALS)
def test_a_403_with_a_word_about_the_credential_ends_the_key(code: str) -> None:
    assert failure_of(403, code)[0] is FailureKind.AUTH
    assert failure_of(403, "something_else")[0] is FailureKind.UNSUPPORTED


@pytest.mark.parametrize(
    ("status", "failure", "reason"),
    [
        (401, FailureKind.AUTH, "PROVIDER_CREDENTIALS_INVALID"),
        (402, FailureKind.RATE_LIMIT, "PROVIDER_RATE_LIMIT_EXCEEDED"),
        (404, FailureKind.UNSUPPORTED, "PROVIDER_MODEL_NOT_FOUND"),
        (408, FailureKind.TIMEOUT, "PROVIDER_TIMEOUT"),
        (413, FailureKind.BAD_REQUEST, "PROVIDER_REQUEST_LIMIT_EXCEEDED"),
        (429, FailureKind.RATE_LIMIT, "PROVIDER_RATE_LIMIT_EXCEEDED"),
        (500, FailureKind.SERVER, "PROVIDER_FAILED"),
        (503, FailureKind.SERVER, "PROVIDER_LOAD_LIMIT_EXCEEDED"),
        (504, FailureKind.TIMEOUT, "PROVIDER_TIMEOUT"),
        (529, FailureKind.SERVER, "PROVIDER_LOAD_LIMIT_EXCEEDED"),
        (400, FailureKind.BAD_REQUEST, "PROVIDER_REQUEST_INVALID"),
        (0, FailureKind.SERVER, "PROVIDER_FAILED"),
    ],
)
def test_a_status_alone_has_its_meaning(status: int, failure: FailureKind, reason: str) -> None:
    assert failure_of(status, "") == (failure, reason)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("rate_limit_exceeded", 429), ("insufficient_quota", 429), ("throttling", 429), ("1302", 429), ("1305", 429),
        ("overloaded_error", 529), ("server_overloaded", 529), ("invalid_api_key", 401), ("InvalidApiKey", 401),
        ("model_not_found", 404), ("content_filter", 400), ("1261", 400), ("arrearage", 400), ("400", 400),
        ("599", 599), ("399", 0), ("600", 0), ("42", 0), ("whatever", 0),
    ],
)  # fmt: skip
def test_an_error_within_a_stream_has_the_status_its_code_stands_for(code: str, status: int) -> None:
    assert status_from_code(code) == status


FILTERED = (
    "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "ESCALATION", "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION",
)  # fmt: skip
GEMINI = [
    ("STOP", FinishReason.STOP), ("MAX_TOKENS", FinishReason.LENGTH), ("OTHER", FinishReason.STOP),
    *((said, FinishReason.CONTENT_FILTER) for said in FILTERED),
]  # fmt: skip


@pytest.mark.parametrize(("said", "reason"), GEMINI)
def test_geminis_reasons_to_end_are_ours(said: str, reason: FinishReason) -> None:
    reader = ResponseReader(lambda prefix: f"{prefix}_1")
    list(reader.events({"candidates": [{"finishReason": said}]}))
    assert [event.reason for event in reader.end() if isinstance(event, Finished)] == [reason]
    assert reader.broken == ""


@pytest.mark.parametrize(
    "said",
    [
        "MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
    ],
)  # fmt: skip
def test_what_gemini_could_make_no_answer_of_is_broken(said: str) -> None:
    reader = ResponseReader(lambda prefix: f"{prefix}_1")
    list(reader.events({"candidates": [{"finishReason": said}]}))
    assert reader.broken == said


@pytest.mark.parametrize(
    ("said", "reason", "gave_up"),
    [
        ("stop", FinishReason.STOP, ""), ("length", FinishReason.LENGTH, ""), ("max_tokens", FinishReason.LENGTH, ""),
        ("model_length", FinishReason.LENGTH, ""), ("abort", FinishReason.STOP, "abort"),
        ("tool_calls", FinishReason.TOOL_CALLS, ""), ("function_call", FinishReason.TOOL_CALLS, ""),
        ("content_filter", FinishReason.CONTENT_FILTER, ""), ("sensitive", FinishReason.CONTENT_FILTER, ""),
        ("network_error", FinishReason.STOP, "network_error"), ("error", FinishReason.STOP, "error"),
        ("insufficient_system_resource", FinishReason.STOP, "insufficient_system_resource"),
    ],
)  # fmt: skip
def test_the_reasons_to_end_of_openais_kind_are_ours(said: str, reason: FinishReason, gave_up: str) -> None:
    reader = ChunkReader(lambda prefix: f"{prefix}_1")
    reader.events({"choices": [{"index": 0, "delta": {}, "finish_reason": said}]})
    assert [event.reason for event in reader.end() if isinstance(event, Finished)] == [reason]
    assert reader.gave_up == gave_up
