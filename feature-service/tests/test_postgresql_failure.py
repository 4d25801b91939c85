"""What each failure of the telemetry store's PostgreSQL is for the caller: none of the codes may lose its meaning."""

import pytest

from feature_service.adapters.postgresql.failure import is_lost, telemetry_error
from penstock_kit.errors import InvalidArgument, PenstockError, ResourceExhausted, Unavailable, Unprocessable


class ServerError(Exception):
    """An error of the server, with its code and words of its own."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__("password of db.internal is wrong for value 4242")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("08006", "the connection was lost"), ("08001", "the connection was lost"), ("57P01", "shutting down"),
        ("57P03", "shutting down"), ("53200", "out of a resource"), ("53300", "out of a resource"),
        ("40001", "send this one again"), ("40P01", "send this one again"), ("55P03", "holds a lock"),
        ("25006", "read-only"), ("25P03", "waited too long"), ("28P01", "refuses the user or password"),
        ("08P01", "ignore_startup_parameters"), ("26000", "pool_mode = session"), ("42P05", "pool_mode = session"),
        ("3D000", "no such database"), ("42501", "lacks a privilege"), ("42P01", "is looked for again"),
    ],
)  # fmt: skip
def test_a_server_that_cannot_answer_now_is_unavailable_and_none_of_its_words_are_passed_on(
    code: str, why: str
) -> None:
    error = telemetry_error(ServerError(code), 60)
    assert isinstance(error, Unavailable)
    assert error.reason == "TELEMETRY_UNAVAILABLE"
    assert why in error.message
    assert "4242" not in error.message
    assert "internal" not in error.message


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        ("53100", Unavailable, "STORAGE_UNAVAILABLE"),
        ("57014", ResourceExhausted, "TELEMETRY_TIME_LIMIT_EXCEEDED"),
        ("22003", Unprocessable, "VALUE_INVALID"),
        ("22021", InvalidArgument, "VALUE_INVALID"),
        ("22P05", InvalidArgument, "VALUE_INVALID"),
    ],
)
def test_a_full_disk_a_long_question_and_unfit_values_are_told_apart(
    code: str, kind: type[PenstockError], reason: str
) -> None:
    error = telemetry_error(ServerError(code), 60)
    assert type(error) is kind
    assert error.reason == reason


@pytest.mark.parametrize("code", ["42601", "23505", "22012", "XX000"])
def test_a_defect_of_ours_is_no_state_of_the_server(code: str) -> None:
    assert telemetry_error(ServerError(code), 60) is None


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (ServerError("08006"), True), (ServerError("57P01"), True), (ServerError("57014"), False),
        (ServerError("53300"), False), (ConnectionResetError(), True), (ValueError("closed"), False),
    ],
)  # fmt: skip
def test_only_of_a_lost_connection_the_same_question_may_succeed_over_another(error: Exception, lost: bool) -> None:
    assert is_lost(error) is lost
