"""Which failures of a database pass by themselves."""

import pytest
from asyncpg import InterfaceError
from sqlalchemy import exc

from penstock_kit.database.failure import passes_by_itself, storage_error
from penstock_kit.errors import Unavailable


class DriverError(Exception):
    """An error of PostgreSQL's driver, with its code."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def wrapped(original: Exception, cause: Exception | None = None) -> exc.DBAPIError:
    original.__cause__ = cause
    return exc.DBAPIError("SELECT 1", {}, original)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("08006", True), ("08001", True), ("57P01", True), ("57P02", True), ("57P03", True),
        ("57014", False), ("28P01", False), ("3D000", False), ("53300", False), ("22021", False),
    ],
)  # fmt: skip
def test_a_server_that_goes_or_comes_is_waited_for_and_one_that_refuses_is_not(code: str, expected: bool) -> None:
    assert passes_by_itself(DriverError(code)) is expected
    assert passes_by_itself(wrapped(DriverError(code))) is expected
    assert passes_by_itself(wrapped(Exception("adapter"), DriverError(code))) is expected


def test_a_connection_that_breaks_while_it_is_prepared_is_an_outage() -> None:
    for error in (InterfaceError("connection is closed"), wrapped(Exception("connection is closed"))):
        assert passes_by_itself(error)
        assert isinstance(storage_error(error, "penstock"), Unavailable)
    for error in (InterfaceError("another operation is in progress"), ValueError("closed")):
        assert not passes_by_itself(error)
        assert storage_error(error, "penstock") is None


def test_a_connection_that_is_refused_is_waited_for_and_a_defect_is_not() -> None:
    assert passes_by_itself(ConnectionRefusedError())
    assert passes_by_itself(wrapped(Exception("adapter"), OSError()))
    assert not passes_by_itself(ValueError())


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("08006", "the connection was lost"), ("53100", "out of a resource"), ("53300", "out of a resource"),
        ("57P01", "shutting down or starting"), ("55000", "takes no connections"),
        ("25006", "read-only"), ("28P01", "refuses the user or password"),
        ("3D000", "no such database"),
    ],
)  # fmt: skip
def test_a_server_that_cannot_work_is_told_as_unavailable_with_what_is_wrong(code: str, why: str) -> None:
    error = storage_error(wrapped(DriverError(code)), "penstock on 127.0.0.1")
    assert isinstance(error, Unavailable)
    assert error.reason == "STORAGE_UNAVAILABLE"
    assert why in error.message
    assert "penstock on 127.0.0.1" in error.message


@pytest.mark.parametrize("code", ["42601", "23505", "25001", "40001"])
def test_a_defect_of_ours_is_no_outage(code: str) -> None:
    assert storage_error(wrapped(DriverError(code)), "penstock") is None
