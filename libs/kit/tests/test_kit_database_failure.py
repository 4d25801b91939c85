"""Which failures of a database pass by themselves."""

import pytest
from sqlalchemy import exc

from penstock_kit.database.failure import passes_by_itself


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


def test_a_connection_that_is_refused_is_waited_for_and_a_defect_is_not() -> None:
    assert passes_by_itself(ConnectionRefusedError())
    assert passes_by_itself(wrapped(Exception("adapter"), OSError()))
    assert not passes_by_itself(ValueError())
