"""How many users a tenant may have."""

import pytest

from gateway.auth import users
from gateway.auth.users import NewUserRequest
from penstock_kit.errors import ResourceExhausted


async def test_a_tenant_has_a_limited_number_of_users_and_no_other_is_refused_for_it(house, monkeypatch):
    admin = await house.user("admin", scopes={"admin", "chat"})
    elsewhere = await house.user("chief", tenant="other", scopes={"admin", "chat"})
    there = len(await house.users.list_users(admin))
    monkeypatch.setattr(users, "MAX_USERS", there + 1)

    def wish(name):
        return NewUserRequest(username=name, password="four unlikely words here", scopes=frozenset({"chat"}))

    made = await house.users.create(admin, wish("first"))
    with pytest.raises(ResourceExhausted, match=f"at most {there + 1} users; delete some") as refused:
        await house.users.create(admin, wish("second"))
    assert refused.value.reason == "USERS_LIMIT_EXCEEDED"
    monkeypatch.setattr(users, "MAX_USERS", len(await house.users.list_users(elsewhere)) + 1)
    await house.users.create(elsewhere, wish("second"))
    monkeypatch.setattr(users, "MAX_USERS", there + 1)
    await house.users.delete(admin, made.id)
    await house.users.create(admin, wish("second"))
