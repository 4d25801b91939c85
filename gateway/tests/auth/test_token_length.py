"""An access token is read up to 8 KiB, however well it is signed."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.auth.identity import User
from gateway.auth.token import AccessTokens
from penstock_kit.errors import FailedPrecondition, Unauthenticated
from penstock_testkit.clock import ManualClock

START = datetime(2026, 5, 1, tzinfo=UTC)


def tokens(secret: str = "s" * 32) -> AccessTokens:
    return AccessTokens(secrets=(secret,), lifetime=timedelta(minutes=15), clock=ManualClock(start=START))


def issued(scope_length: int) -> str:
    user = User(
        id="usr_1", tenant_id="default", username="u", password_hash="", scopes=frozenset({"s" * scope_length}),
        active=True, create_time=START,
    )  # fmt: skip
    return tokens().issue(user)


def test_a_signed_token_is_read_up_to_its_length_and_no_further() -> None:
    lengths = {len(issued(size)): size for size in range(5600, 6000)}
    last = max(length for length in lengths if length <= 8192)
    first = min(length for length in lengths if length > 8192)
    assert tokens().verify(issued(lengths[last])).caller.user_id == "usr_1"
    with pytest.raises(Unauthenticated):
        tokens().verify(issued(lengths[first]))


def test_a_secret_of_31_bytes_signs_nothing() -> None:
    assert tokens("s" * 32).lifetime == timedelta(minutes=15)
    with pytest.raises(FailedPrecondition, match="31 bytes"):
        tokens("s" * 31)
