"""Passwords whose hashes were made with other costs than today's still let their owners in, and are hashed anew."""

import pytest
from argon2 import PasswordHasher

from gateway.auth.password import Passwords
from gateway.auth.scope import MEMBER_SCOPES
from penstock_kit.errors import Unauthenticated

WORD = "right horse battery"
# The costs before, and those of a foreign system.
EARLIER = [PasswordHasher(memory_cost=65536, time_cost=3, parallelism=4), PasswordHasher(memory_cost=8192, time_cost=1)]


async def hash_of(house, caller) -> str:
    return (await house.store.user(caller.user_id)).password_hash


@pytest.mark.parametrize("hasher", EARLIER)
async def test_a_password_that_was_hashed_with_other_costs_lets_in_and_is_hashed_anew(house, hasher):
    ann = await house.user("ann", MEMBER_SCOPES, password_hash=hasher.hash(WORD))
    first = await house.sessions.login("ann", WORD, address="home")
    renewed = await hash_of(house, ann)
    assert hasher.check_needs_rehash(renewed)
    assert not Passwords().is_outdated(renewed)
    second = await house.sessions.login("ann", WORD, address="home")
    assert await hash_of(house, ann) == renewed
    # Neither ended the other's session.
    for pair in (first, second):
        assert (await house.sessions.refresh(pair.refresh_token)).access_token


async def test_a_wrong_password_leaves_an_earlier_hash_as_it_is(house):
    stored = EARLIER[0].hash(WORD)
    ann = await house.user("ann", MEMBER_SCOPES, password_hash=stored)
    with pytest.raises(Unauthenticated):
        await house.sessions.login("ann", "left mule accumulator", address="home")
    assert await hash_of(house, ann) == stored


async def test_a_hash_that_was_changed_meanwhile_is_not_replaced_by_the_renewed_one(house):
    ann = await house.user("ann", MEMBER_SCOPES, password_hash="chosen meanwhile")
    assert not await house.store.renew_hash(ann.user_id, "renewed", replaces="before")
    assert await hash_of(house, ann) == "chosen meanwhile"
    assert await house.store.renew_hash(ann.user_id, "renewed", replaces="chosen meanwhile")
    assert await hash_of(house, ann) == "renewed"
