"""How many API keys a tenant and a user may have."""

from dataclasses import replace

import pytest

from gateway.auth import api_keys
from penstock_kit.errors import ResourceExhausted


@pytest.fixture(autouse=True)
def few_keys(monkeypatch):
    monkeypatch.setattr(api_keys, "MAX_KEYS", 5)
    monkeypatch.setattr(api_keys, "MAX_OWN_KEYS", 3)


async def test_a_user_cannot_fill_the_database_with_keys(house):
    member = await house.user("member", scopes={"chat"})
    kept = [(await house.key(member))[0].key for _ in range(3)]
    with pytest.raises(ResourceExhausted, match="a user who is no administrator 3") as refused:
        await house.key(member)
    assert refused.value.reason == "API_KEYS_LIMIT_EXCEEDED"
    await house.key(await house.user("colleague", scopes={"chat"}))
    await house.api_keys.delete(member, kept[0].id)
    await house.key(member)


async def test_an_administrator_makes_more_but_not_without_end_and_no_other_tenant_is_refused_for_it(house):
    admin = await house.user("admin", scopes={"admin", "chat"})
    for _ in range(5):
        await house.key(admin, {"chat"})
    with pytest.raises(ResourceExhausted, match="at most 5 keys; delete"):
        await house.key(admin, {"chat"})
    await house.key(await house.user("elsewhere", tenant="other", scopes={"chat"}))
    assert len(await house.keys()) == 5


async def test_a_key_that_was_refused_is_not_there_and_one_that_is_stored_is_whole(house):
    member = await house.user("member", scopes={"chat"})
    shown, caller = await house.key(member)
    assert (await house.keys()) == [shown.key]
    assert caller.key_id == shown.key.id
    assert not await house.store.add_key(replace(shown.key, id="key_2", prefix="psk_other"), most=1)
    assert not await house.store.add_key(replace(shown.key, id="key_2", prefix="psk_other"), most_of_user=1)
    assert (await house.keys()) == [shown.key]
