import io
import json
import logging
import time
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from penstock_kit.context import CallContext, use_context
from penstock_kit.errors import FieldViolation, NotFound
from penstock_kit.logging import configure_logging, get_logger
from penstock_kit.redaction import Redactor, is_secret_name, mask_urls

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def stream(log_stream: io.StringIO) -> io.StringIO:
    return log_stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_time_level_service_and_event(stream: io.StringIO) -> None:
    configure_logging("llm-service", stream=stream)
    get_logger("llm_service.route").info("provider chosen", provider="openai", attempts=2)
    (line,) = lines(stream)
    assert line["ts"].endswith("Z")
    del line["ts"]
    assert line == {
        "level": "info",
        "service": "llm-service",
        "logger": "llm_service.route",
        "event": "provider chosen",
        "provider": "openai",
        "attempts": 2,
    }


def test_a_line_of_a_call_carries_its_request_and_trace_ids(stream: io.StringIO) -> None:
    configure_logging("s", stream=stream)
    with use_context(CallContext(request_id="req_1", traceparent=TRACEPARENT)):
        get_logger("a").info("inside")
    get_logger("a").info("outside")
    inside, outside = lines(stream)
    assert inside["request_id"] == "req_1"
    assert inside["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert inside["span_id"] == "b7ad6b7169203331"
    assert not {"request_id", "trace_id"} & outside.keys()


def test_lines_below_the_level_are_dropped(stream: io.StringIO) -> None:
    configure_logging("s", "warning", stream=stream)
    get_logger("a").info("no")
    logging.getLogger("lib").info("no")
    get_logger("a").warning("yes")
    assert [line["event"] for line in lines(stream)] == ["yes"]


def test_stdlib_loggers_go_through_the_same_sink(stream: io.StringIO) -> None:
    configure_logging("gateway", stream=stream)
    logging.getLogger("uvicorn.error").error("listening with %s", "psk_abcdefghijklmnop")
    (line,) = lines(stream)
    assert (line["service"], line["logger"], line["level"]) == ("gateway", "uvicorn.error", "error")
    assert line["event"] == "listening with psk_…mnop"


def test_library_access_logs_are_quiet_unless_they_warn(stream: io.StringIO) -> None:
    configure_logging("s", stream=stream)
    logging.getLogger("uvicorn.access").info("GET / 200")
    logging.getLogger("sqlalchemy.engine").info("SELECT 1")
    logging.getLogger("sqlalchemy.engine").warning("pool is full")
    assert [line["event"] for line in lines(stream)] == ["pool is full"]


def test_a_traceback_is_in_the_line_without_the_secret_in_it(stream: io.StringIO) -> None:
    redactor = configure_logging("s", stream=stream)
    redactor.register("correct horse battery staple")
    try:
        raise ValueError("login with correct horse battery staple and Bearer abcdef123456789")
    except ValueError:
        get_logger("a").exception("login failed")
    (line,) = lines(stream)
    assert line["level"] == "error"
    assert "ValueError: login with" in str(line["exception"])
    assert "test_a_traceback_is_in_the_line" in str(line["exception"])
    assert "horse battery" not in stream.getvalue()
    assert "abcdef123456789" not in stream.getvalue()


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-1234567890abcdef",
        "sk-ant-api03-AbCdEfGh_-123",
        "psk_live_0123456789abcdef",
        "AIzaSyD3m0Key0123456789abc",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJl",
    ],
)
def test_secret_shapes_are_masked_wherever_they_stand(stream: io.StringIO, secret: str) -> None:
    configure_logging("s", stream=stream)
    log = get_logger("a")
    log.info(f"called with {secret}", note=f"x={secret};", deep={"list": [{"text": f"({secret})"}]}, one=(secret,))
    log.info("headers", headers={"authorization": f"Bearer {secret}", "x-api-key": secret})
    assert secret not in stream.getvalue()


def test_values_under_secret_names_are_masked_and_counts_of_tokens_are_not(stream: io.StringIO) -> None:
    configure_logging("s", stream=stream)
    get_logger("a").info("x", password="hunter2", api_key="plain-looking-value", max_tokens=100, usage={"tokens": 7})
    (line,) = lines(stream)
    assert line["password"] == "****"
    assert line["api_key"] == "plai…alue"
    assert line["max_tokens"] == 100
    assert line["usage"] == {"tokens": 7}


def test_passwords_in_urls_and_assignments_are_masked() -> None:
    assert mask_urls("postgresql://u:p4ss%40@db/x") == "postgresql://u:****@db/x"
    assert mask_urls("redis://:p4ss@r:6379/0 http://host:8000/a@b") == "redis://:****@r:6379/0 http://host:8000/a@b"
    assert mask_urls("mysql://u:p@ss@db") == "mysql://u:****@db"
    redactor = Redactor()
    assert "hunter22" not in redactor.text('{"password": "hunter22"} api_key=hunter22')
    assert "hunter22" not in redactor.text("OPENAI_API_KEY=hunter22")
    long = "Ab1" * 400
    assert "Ab1Ab1Ab1" not in redactor.text(f"password={long} postgresql://u:{long}@db/x")


@pytest.mark.parametrize("piece", ["a-", "a.", "eyJ", "http://", "x:", "password", "sk-", "Bearer "])
def test_a_long_text_of_a_callers_choice_is_redacted_in_linear_time(piece: str) -> None:
    def seconds(times: int) -> float:
        begun = time.process_time()
        redactor.text("://" + piece * times)
        return time.process_time() - begun

    redactor = Redactor()
    least = min(seconds(2_000) for _ in range(3))
    assert seconds(50_000) < 0.5 + 100 * least  # 25 times the text; the square is 625 times the time


def test_an_error_for_a_caller_keeps_its_sentence_and_loses_its_secret() -> None:
    redactor = Redactor()
    redactor.register("s3cr3t-value")
    error = NotFound(
        "password: must be at least 8 characters, not s3cr3t-value",
        reason="X",
        metadata={"key": "psk_0123456789abcdef"},
        violations=[FieldViolation(field="password", description="was s3cr3t-value")],
    )
    shown = redactor.error(error)
    assert shown.message == "password: must be at least 8 characters, not s3cr…alue"
    assert shown.metadata == {"key": "psk_…cdef"}
    assert shown.violations[0].description == "was s3cr…alue"
    assert (shown.kind, shown.reason) == (error.kind, "X")


@given(st.text(min_size=4, max_size=30))
def test_a_registered_secret_never_passes(secret: str) -> None:
    assume(secret != "****")
    redactor = Redactor()
    redactor.register(secret)
    assert secret not in redactor.text(f"\x00{secret}\x00")


def test_values_that_json_does_not_know_are_still_logged(stream: io.StringIO) -> None:
    configure_logging("s", stream=stream)
    get_logger("a").info("odd", big=2**80, raw=b"\xff", lone="\ud800", fn=object, nested={1: {2, 3}})
    (line,) = lines(stream)
    assert line["event"] == "odd"
    assert line["big"] == 2**80


def test_the_console_format_is_one_readable_line(stream: io.StringIO) -> None:
    configure_logging("chat-stream-service", "info", "console", stream=stream)
    get_logger("a").warning("slow reader", stream_id="st_1")
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert "warning" in text
    assert "chat-stream-service: slow reader" in text
    assert "stream_id=st_1" in text


def test_a_closed_output_does_not_fail_the_caller(stream: io.StringIO) -> None:
    configure_logging("s", stream=stream)
    stream.close()
    get_logger("a").info("nobody reads this")


def test_names_of_secrets_are_recognised() -> None:
    for name in ("OPENAI_API_KEY", "password", "x-api-key", "Authorization", "refresh_token", "client-secret"):
        assert is_secret_name(name), name
    for name in ("credential", "aws_credentials", "OPS_TOKEN", "token_hash", "jwt_previous_secret"):
        assert is_secret_name(name), name
    for name in ("key_id", "model", "device_code", "cache_key"):
        assert not is_secret_name(name), name


def test_settings_about_secrets_are_no_secrets() -> None:
    for name in ("LLM_FIRST_TOKEN_TIMEOUT", "PENSTOCK_ACCESS_TOKEN_SECONDS", "LLM_BUDGET_OUTPUT_TOKENS", "max_tokens"):
        assert not is_secret_name(name), name


def test_a_field_named_credential_is_masked() -> None:
    assert Redactor().value({"credential": "hunter2-and-more"}) == {"credential": "hunt…more"}


@pytest.mark.parametrize("name", ["refresh_token", "access_token", "refresh-token", "password", "client_secret"])
def test_what_a_text_assigns_to_a_secret_name_is_masked(name: str) -> None:
    redactor = Redactor()
    for text in (f"{name}=Zx9hunter22", f'"{name}": "Zx9hunter22"', f"{name}: Zx9hunter22"):
        assert "hunter22" not in redactor.text(text), text


@pytest.mark.parametrize(
    "text",
    [
        "send 'Authorization: Bearer <API key or access token>' or 'x-api-key: <API key>'",
        "a Bearer token is missing",
        "Bearer authentication failed",
        'Authorization: Bearer $KEY"',
        "password: must be at least 8 characters",
        "setting LLM_FIRST_TOKEN_TIMEOUT: Input should be greater than 0 (given: -1)",
    ],
)
def test_words_of_our_own_about_secrets_stay(text: str) -> None:
    redactor = Redactor()
    assert redactor.message(text) == redactor.text(text) == text


@pytest.mark.parametrize("token", ["abcdef123456", "AbCdEfGhIjKl", "a" * 20, "x.y.z", "abc-def", "Abc123=="])
def test_what_follows_bearer_is_masked_when_it_is_no_word(token: str) -> None:
    assert token not in Redactor().message(f"Bearer {token}")
