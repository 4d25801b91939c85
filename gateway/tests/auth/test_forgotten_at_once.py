"""What a change of credentials ends, it ends at once, though whoever shows the old ones was recognised just before."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.auth.password import Passwords
from gateway.auth.scope import ALL_SCOPES, MEMBER_SCOPES
from penstock_kit.errors import Unauthenticated

OLD, NEW = "right horse battery", "wrong donkey capacitor"


async def is_recognised(house: Any, credential: str) -> bool:
    try:
        await house.authenticator.recognise(credential)
    except Unauthenticated:
        return False
    return True


@pytest.mark.parametrize(("grace", "counts"), [(timedelta(), False), (timedelta(seconds=5), True)], ids=str)
async def test_a_replaced_secret_counts_for_its_grace_and_no_longer(house: Any, grace: timedelta, counts: bool) -> None:
    ann = await house.user("ann", MEMBER_SCOPES)
    old, _ = await house.key(ann)
    new = await house.api_keys.rotate(ann, old.key.id, grace=grace)
    assert await is_recognised(house, new.text)
    assert await is_recognised(house, old.text) is counts
    house.clock.advance(5)
    assert not await is_recognised(house, old.text)


async def test_a_deleted_keys_secret_counts_no_more(house: Any) -> None:
    ann = await house.user("ann", MEMBER_SCOPES)
    shown, _ = await house.key(ann)
    await house.api_keys.delete(ann, shown.key.id)
    assert not await is_recognised(house, shown.text)


async def test_a_deleted_users_keys_and_tokens_count_no_more(house: Any) -> None:
    root, ann = await house.user("root", ALL_SCOPES), await house.user("ann", MEMBER_SCOPES)
    credentials = ((await house.key(ann))[0].text, await house.token(ann))
    for credential in credentials:
        assert await is_recognised(house, credential)
    await house.users.delete(root, ann.user_id)
    assert [await is_recognised(house, credential) for credential in credentials] == [False, False]


async def test_a_changed_password_ends_tokens_and_no_keys(house: Any) -> None:
    ann = await house.user("ann", MEMBER_SCOPES, password_hash=await Passwords().hash(OLD))
    key, token = (await house.key(ann))[0].text, await house.token(ann)
    assert await is_recognised(house, token)
    await house.users.change_password(ann, current=OLD, new=NEW)
    assert [await is_recognised(house, credential) for credential in (key, token)] == [True, False]
