"""A key reaches no further than itself: neither over scopes, nor over its end, nor over its limits."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.auth.api_keys import ApiKeyService, NewKeyRequest
from gateway.auth.delegation import Delegation
from gateway.auth.scope import ADMIN_SCOPES, ALL_SCOPES, MEMBER_SCOPES
from gateway.auth.users import NewUserRequest
from penstock_kit.errors import (
    Aborted,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)

DAY = timedelta(days=1)


async def refused(call, kind, reason):
    with pytest.raises(kind) as caught:
        await call
    assert caught.value.reason == reason


NARROW = [{"telemetry:read"}, {"chat"}, {"admin"}]


@pytest.mark.parametrize("scopes", NARROW, ids=str)
async def test_a_key_neither_sees_nor_touches_a_key_with_a_scope_it_lacks(house, scopes):
    owner = await house.user("root", ALL_SCOPES)
    wide, _ = await house.key(owner, ALL_SCOPES)
    _, narrow = await house.key(owner, scopes)
    before = await house.keys()
    assert wide.key.id not in {key.id for key in await house.api_keys.list_keys(narrow)}
    for call in (
        house.api_keys.get(narrow, wide.key.id),
        house.api_keys.rotate(narrow, wide.key.id, grace=DAY),
        house.api_keys.delete(narrow, wide.key.id),
    ):
        await refused(call, NotFound, "KEY_NOT_FOUND")
    assert await house.keys() == before
    assert (await house.authenticator.recognise(wide.text)).scopes == ALL_SCOPES


async def test_a_key_sees_itself_and_deletes_what_reaches_no_further(house):
    owner = await house.user("ann", MEMBER_SCOPES)
    _, caller = await house.key(owner, {"chat", "models"})
    below, _ = await house.key(owner, {"chat"})
    assert {key.id for key in await house.api_keys.list_keys(caller)} == {caller.key_id, below.key.id}
    await house.api_keys.delete(caller, below.key.id)
    await refused(house.authenticator.recognise(below.text), Unauthenticated, "CREDENTIALS_INVALID")


async def test_a_members_key_rotates_itself_and_no_other(house):
    owner = await house.user("ann", MEMBER_SCOPES)
    shown, caller = await house.key(owner, {"chat"})
    twin, _ = await house.key(owner, {"chat"})
    await refused(house.api_keys.rotate(caller, twin.key.id, grace=DAY), PermissionDenied, "KEY_CREATION_DENIED")
    rotated = await house.api_keys.rotate(caller, shown.key.id, grace=timedelta())
    assert (await house.authenticator.recognise(rotated.text)).key_id == shown.key.id


async def test_a_secret_in_its_grace_is_let_in_and_manages_nothing(house):
    root = await house.user("root", ALL_SCOPES)
    other = await house.user("ann", MEMBER_SCOPES)
    shown, _ = await house.key(root)
    below, _ = await house.key(root, {"chat"})
    await house.api_keys.rotate(root, shown.key.id, grace=DAY)
    old = await house.authenticator.recognise(shown.text)
    before = await house.keys()
    for call in (
        house.api_keys.rotate(old, shown.key.id, grace=DAY),
        house.api_keys.rotate(old, below.key.id, grace=DAY),
        house.api_keys.delete(old, shown.key.id),
        house.api_keys.delete(old, below.key.id),
        house.api_keys.create(old, NewKeyRequest(name="more")),
        house.users.create(old, NewUserRequest(username="eve", password="four unlikely words here")),
        house.users.delete(old, other.user_id),
    ):
        await refused(call, PermissionDenied, "KEY_SECRET_EXPIRED")
    assert await house.keys() == before
    assert await house.store.user(other.user_id) is not None


async def test_what_a_key_with_an_end_makes_ends_no_later(house):
    root = await house.user("root", ALL_SCOPES)
    end = house.clock.now() + DAY
    _, ending = await house.key(root, expire_time=end)
    lasting, _ = await house.key(root)
    later = NewKeyRequest(name="later", expire_time=end + timedelta(seconds=1))
    await refused(house.api_keys.create(ending, later), PermissionDenied, "EXPIRE_TIME_DENIED")
    assert (await house.key(ending))[0].key.expire_time == end
    assert (await house.key(ending, expire_time=end - DAY / 2))[0].key.expire_time == end - DAY / 2
    await refused(house.api_keys.rotate(ending, lasting.key.id, grace=DAY), PermissionDenied, "EXPIRE_TIME_DENIED")
    wish = NewUserRequest(username="eve", password="four unlikely words here")
    await refused(house.users.create(ending, wish), PermissionDenied, "EXPIRE_TIME_DENIED")


async def test_rotating_itself_leaves_a_key_its_end(house):
    root = await house.user("root", ALL_SCOPES)
    shown, ending = await house.key(root, expire_time=house.clock.now() + DAY)
    rotated = await house.api_keys.rotate(ending, shown.key.id, grace=30 * DAY)
    house.clock.advance(DAY.total_seconds())
    for text in (shown.text, rotated.text):
        await refused(house.authenticator.recognise(text), Unauthenticated, "CREDENTIALS_INVALID")


async def test_a_signed_in_user_makes_keys_without_an_end(house):
    root = await house.user("root", ALL_SCOPES)
    assert (await house.key(root))[0].key.expire_time is None


async def test_a_key_with_limits_makes_and_rotates_nothing_that_would_escape_them(house):
    root = await house.user("root", ALL_SCOPES)
    shown, limited = await house.key(root)
    other, _ = await house.key(root)
    house.limits.key_ids.add(shown.key.id)
    before = await house.keys()
    for call in (
        house.api_keys.create(limited, NewKeyRequest(name="more")),
        house.api_keys.rotate(limited, other.key.id, grace=DAY),
        house.users.create(limited, NewUserRequest(username="eve", password="four unlikely words here")),
    ):
        await refused(call, PermissionDenied, "KEY_LIMITS_DENIED")
    assert await house.keys() == before
    assert (await house.api_keys.rotate(limited, shown.key.id, grace=DAY)).key.id == shown.key.id


async def test_an_administrator_neither_touches_nor_plays_an_operator_of_the_same_tenant(house):
    root = await house.user("root", ALL_SCOPES)
    amy = await house.user("amy", ADMIN_SCOPES)
    narrow, _ = await house.key(root, {"chat"})
    wide, _ = await house.key(root)
    assert {key.id for key in await house.api_keys.list_keys(amy)} == {narrow.key.id}
    await refused(house.api_keys.rotate(amy, wide.key.id, grace=DAY), NotFound, "KEY_NOT_FOUND")
    for call in (
        house.api_keys.rotate(amy, narrow.key.id, grace=DAY),
        house.api_keys.create(amy, NewKeyRequest(name="k", scopes=frozenset({"chat"}), user_id=root.user_id)),
        house.users.delete(amy, root.user_id),
    ):
        await refused(call, PermissionDenied, "USER_DENIED")
    assert await house.store.user(root.user_id) is not None


async def test_a_refusal_names_what_the_other_may_do_more_and_nothing_that_both_may(house):
    root = await house.user("root", {"operator", "chat"})
    amy = await house.user("amy", ADMIN_SCOPES)
    with pytest.raises(PermissionDenied, match=f"^the user '{root.user_id}' has operator, which you do not have$"):
        await house.users.get(amy, root.user_id)


async def test_a_scope_that_does_not_exist_is_told_as_a_fault_of_that_field(house):
    ann = await house.user("ann", MEMBER_SCOPES)
    with pytest.raises(InvalidArgument) as caught:
        await house.api_keys.create(ann, NewKeyRequest(name="k", scopes=frozenset({"chat", "chats"})))
    assert caught.value.reason == "SCOPE_INVALID"
    assert [each.field for each in caught.value.violations] == ["scopes"]


async def test_no_user_is_made_with_a_password_that_is_easily_guessed(house):
    root = await house.user("root", ALL_SCOPES)
    for password in ("1234567890", "the-EVE-of-old"):
        wish = NewUserRequest(username="eve", password=password)
        await refused(house.users.create(root, wish), InvalidArgument, "PASSWORD_INVALID")
    assert [user.username for user in await house.users.list_users(root)] == ["root"]


async def test_only_an_operator_grants_operation(house):
    root = await house.user("root", {"operator"})
    amy = await house.user("amy", ADMIN_SCOPES)
    password = "four unlikely words here"
    wish = NewUserRequest(username="olga", password=password, scopes=frozenset({"operator"}))
    await refused(house.users.create(amy, wish), PermissionDenied, "SCOPE_DENIED")
    await refused(
        house.api_keys.create(amy, NewKeyRequest(name="k", scopes=frozenset({"operator"}))),
        PermissionDenied,
        "SCOPE_DENIED",
    )
    assert (await house.users.create(root, wish)).scopes == {"operator"}
    assert (await house.users.create(amy, NewUserRequest(username="bo", password=password))).scopes == MEMBER_SCOPES


async def test_only_an_operator_reaches_users_of_other_tenants(house):
    root = await house.user("root", ALL_SCOPES)
    amy = await house.user("amy", ADMIN_SCOPES)
    cleo = await house.user("cleo", ADMIN_SCOPES, tenant="acme")
    wish = NewUserRequest(username="dan", password="four unlikely words here", tenant_id="acme")
    for admin in (amy, cleo):
        foreign = "default" if admin is cleo else "acme"
        await refused(house.users.list_users(admin, foreign), PermissionDenied, "TENANT_DENIED")
    await refused(house.users.create(amy, wish), PermissionDenied, "TENANT_DENIED")
    await refused(house.users.delete(amy, cleo.user_id), NotFound, "USER_NOT_FOUND")
    made = await house.users.create(root, wish)
    assert [user.username for user in await house.users.list_users(root, "acme")] == ["cleo", "dan"]
    await house.users.delete(root, made.id)
    assert [user.username for user in await house.users.list_users(cleo)] == ["cleo"]


async def test_a_deleted_users_key_stops_at_once(house):
    root = await house.user("root", ALL_SCOPES)
    ann = await house.user("ann", MEMBER_SCOPES)
    shown, _ = await house.key(ann)
    await house.users.delete(root, ann.user_id)
    await refused(house.authenticator.recognise(shown.text), Unauthenticated, "CREDENTIALS_INVALID")


async def test_nobody_deletes_himself_and_is_locked_out(house):
    root = await house.user("root", ALL_SCOPES)
    shown, by_key = await house.key(root)
    for caller in (root, by_key):
        await refused(house.users.delete(caller, root.user_id), FailedPrecondition, "OWN_USER_CONFLICT")
    assert (await house.authenticator.recognise(shown.text)).user_id == root.user_id


async def test_no_key_is_made_for_a_user_of_another_tenant(house):
    amy = await house.user("amy", ADMIN_SCOPES)
    cleo = await house.user("cleo", MEMBER_SCOPES, tenant="acme")
    await refused(house.api_keys.create(amy, NewKeyRequest(name="k", user_id=cleo.user_id)), NotFound, "USER_NOT_FOUND")
    assert await house.keys("acme") == await house.keys() == []


async def test_an_outage_of_the_limits_lets_no_key_make_keys(house):
    class Away:
        async def is_limited(self, caller):
            raise Unavailable("llm-service is away", reason="SERVICE_UNAVAILABLE")

    root = await house.user("root", ALL_SCOPES)
    _, caller = await house.key(root)
    delegation = Delegation(store=house.store, limits=Away())
    api_keys = ApiKeyService(
        store=house.store, authenticator=house.authenticator, delegation=delegation, clock=house.clock
    )
    with pytest.raises(Unavailable, match="away"):
        await api_keys.create(caller, NewKeyRequest(name="more"))
    assert len(await house.keys()) == 1
    # Who has logged in has no limits that anybody would have to know.
    assert (await api_keys.create(root, NewKeyRequest(name="more"))).key.user_id == root.user_id


class Crossed:
    """An identity store in which something else happens before each rotation is written."""

    def __init__(self, store, first):
        self._store, self._first = store, first

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def replace_secret(self, key, *, replaces):
        await self._first()
        return await self._store.replace_secret(key, replaces=replaces)


async def test_of_two_rotations_at_once_the_later_shows_no_secret_that_would_never_work(house):
    ann = await house.user("ann", MEMBER_SCOPES)
    shown, _ = await house.key(ann)
    rotated = []

    async def rival():
        rotated.append(await house.api_keys.rotate(ann, shown.key.id, grace=timedelta(0)))

    store, limits = Crossed(house.store, rival), Delegation(store=house.store, limits=house.limits)
    api_keys = ApiKeyService(store=store, authenticator=house.authenticator, delegation=limits, clock=house.clock)
    await refused(api_keys.rotate(ann, shown.key.id, grace=DAY), Aborted, "KEY_CONFLICT")
    assert (await house.authenticator.recognise(rotated[0].text)).key_id == shown.key.id
    with pytest.raises(Unauthenticated):
        await house.authenticator.recognise(shown.text)


async def test_a_key_that_is_deleted_while_it_is_rotated_stays_deleted_and_shows_no_secret(house):
    ann = await house.user("ann", MEMBER_SCOPES)
    shown, _ = await house.key(ann)
    key = await house.store.key("default", shown.key.id)
    await house.api_keys.delete(ann, key.id)
    assert not await house.store.replace_secret(replace(key, digest="another"), replaces=key.digest)
    assert await house.keys() == []
