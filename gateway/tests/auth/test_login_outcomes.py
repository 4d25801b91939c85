"""What is counted of sign-ins, and what a guess at a name that nobody has takes."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from gateway.auth.login_attempts import LoginAttemptLimiter
from gateway.auth.password import Passwords
from gateway.auth.scope import MEMBER_SCOPES
from gateway.auth.session import Sessions
from penstock_kit.errors import Unauthenticated

PASSWORD = "right horse battery"


async def test_each_attempt_is_counted_once_as_what_it_was(house: Any) -> None:
    counted: list[bool] = []
    passwords = Passwords()
    sessions = Sessions(
        store=house.store, passwords=passwords, tokens=house.tokens, clock=house.clock, lifetime=timedelta(days=1),
        attempts=LoginAttemptLimiter(clock=house.clock), on_login=counted.append,
    )  # fmt: skip
    await house.user("cleo", MEMBER_SCOPES, password_hash=await passwords.hash(PASSWORD))
    for username, password in (("cleo", "wrong"), ("nobody", PASSWORD)):
        with pytest.raises(Unauthenticated):
            await sessions.login(username, password, address="home")
    assert counted == [False, False]
    pair = await sessions.login("cleo", PASSWORD, address="home")
    assert counted == [False, False, True]
    await sessions.refresh(pair.refresh_token)
    assert counted == [False, False, True], "who refreshes is in already"
    sessions.record_refusal()
    assert counted == [False, False, True, False]


async def seconds_of(passwords: Passwords, stored: Sequence[str], *, times: int) -> float:
    """Return the processor time that some wrong guesses take, whoever else uses the processor meanwhile."""
    await passwords.find_match("wrong", stored)
    begun = time.process_time()
    for _ in range(times):
        assert await passwords.find_match("wrong", stored) is None
    return time.process_time() - begun


async def test_a_guess_at_a_name_that_nobody_has_takes_as_long_as_one_at_a_users() -> None:
    passwords = Passwords()
    stored = [await passwords.hash(PASSWORD)]
    rounds = [
        (await seconds_of(passwords, stored, times=2), await seconds_of(passwords, [], times=2)) for _ in range(4)
    ]
    known, unknown = (min(each) for each in zip(*rounds, strict=True))
    assert known / 2 < unknown < known * 1.7, rounds


async def test_guesses_at_names_that_nobody_has_are_noted_as_failed_and_match_nothing() -> None:
    passwords = Passwords()
    found = await asyncio.gather(*(passwords.find_match("no such user", []) for _ in range(3)))
    assert found == [None] * 3
