"""How long credentials last: ends, lost scopes, guesses, and what a change of the password ends."""

import asyncio
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from gateway.auth.delegation import Delegation
from gateway.auth.identity import RefreshToken
from gateway.auth.password import Passwords
from gateway.auth.password_policy import check_password
from gateway.auth.scope import ALL_SCOPES, MEMBER_SCOPES
from gateway.auth.secret import digest
from gateway.auth.session_monitor import SessionMonitor
from gateway.auth.users import NewUserRequest, UserService
from penstock_kit.errors import (
    Aborted,
    AlreadyExists,
    InvalidArgument,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
)

OLD, NEW = "right horse battery", "wrong donkey capacitor"


async def refused(house, *credentials):
    for credential in credentials:
        with pytest.raises(Unauthenticated) as caught:
            await house.authenticator.recognise(credential)
        assert caught.value.reason == "CREDENTIALS_INVALID"


# --- keys and tokens ----------------------------------------------------------------------------------------------


async def test_a_key_is_refused_at_its_end_also_by_who_never_saw_it(house):
    ann = await house.user("ann", MEMBER_SCOPES)
    shown, _ = await house.key(ann, expire_time=house.clock.now() + timedelta(seconds=5))
    house.clock.advance(4.999)
    assert (await house.authenticator.recognise(shown.text)).key_id == shown.key.id
    house.authenticator.forget()
    house.clock.advance(0.001)
    await refused(house, shown.text)
    house.clock.advance(1)
    await refused(house, shown.text)


async def test_a_rotated_keys_old_secret_ends_with_the_key_when_that_is_sooner(house):
    ann = await house.user("ann", MEMBER_SCOPES)
    old, _ = await house.key(ann, expire_time=house.clock.now() + timedelta(seconds=30))
    await house.api_keys.rotate(ann, old.key.id, grace=timedelta(days=1))
    house.clock.advance(29.9)
    assert (await house.authenticator.recognise(old.text)).key_id == old.key.id
    house.clock.advance(0.1)
    await refused(house, old.text)


async def test_keys_and_tokens_lose_the_scopes_that_their_user_lost(house):
    bob = await house.user("bob", {"chat", "models"})
    credentials = ((await house.key(bob))[0].text, await house.token(bob))
    for credential in credentials:
        assert (await house.authenticator.recognise(credential)).scopes == {"chat", "models"}
    await house.change_user(bob, scopes="chat,costs")
    house.authenticator.forget()
    for credential in credentials:
        assert (await house.authenticator.recognise(credential)).scopes == {"chat"}


async def test_a_key_of_a_former_administrator_keeps_what_its_owner_has_left(house):
    amy = await house.user("amy", {"admin"})
    shown, before = await house.key(amy, {"chat", "costs"})
    assert before.scopes == {"chat", "costs"}
    await house.change_user(amy, scopes="costs")
    house.authenticator.forget()
    assert (await house.authenticator.recognise(shown.text)).scopes == {"costs"}


async def test_a_key_of_a_former_operator_operates_nothing(house):
    olga = await house.user("olga", ALL_SCOPES)
    shown, before = await house.key(olga)
    assert before.is_operator
    await house.change_user(olga, scopes="admin")
    house.authenticator.forget()
    after = await house.authenticator.recognise(shown.text)
    assert (after.is_operator, after.is_admin) == (False, True)


@pytest.mark.parametrize("change", [{"tenant_id": "acme"}, {"active": False}], ids=str)
async def test_credentials_of_a_user_who_moved_or_was_stopped_are_refused(house, change):
    ann = await house.user("ann", MEMBER_SCOPES)
    credentials = ((await house.key(ann))[0].text, await house.token(ann))
    await house.change_user(ann, **change)
    house.authenticator.forget()
    await refused(house, *credentials)


async def test_a_user_who_was_stopped_neither_refreshes_nor_logs_in(house, cleo, login):
    pair = await login()
    await house.change_user(cleo, active=False)
    for asked in (house.sessions.refresh(pair.refresh_token), login()):
        with pytest.raises(Unauthenticated):
            await asked
    await house.change_user(cleo, active=True)
    assert await login()


# --- guesses ------------------------------------------------------------------------------------------------------


@pytest.fixture
async def cleo(house):
    return await house.user("cleo", ALL_SCOPES, password_hash=await Passwords().hash(OLD))


@pytest.fixture
async def login(house, cleo):
    async def attempt(password=OLD, *, address="home", username="cleo"):
        return await house.sessions.login(username, password, address=address)

    return attempt


async def test_of_many_guesses_at_once_few_are_looked_at(login):
    answers = await asyncio.gather(*(login(f"wrong {number}") for number in range(20)), return_exceptions=True)
    kinds = [type(answer) for answer in answers]
    assert set(kinds) == {Unauthenticated, ResourceExhausted}
    assert kinds.count(Unauthenticated) <= 3  # two are allowed, and two are looked at side by side


async def test_slips_that_are_far_apart_are_not_added_up(house, login):
    for _ in range(6):
        with pytest.raises(Unauthenticated):
            await login("wrong")
        house.clock.advance(40)
    assert await login()


async def test_a_pause_ends_a_minute_after_the_first_of_its_guesses(house, login):
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await login("wrong")
        house.clock.advance(20)
    house.clock.advance(19)
    with pytest.raises(ResourceExhausted) as caught:
        await login()
    assert caught.value.retry_after == pytest.approx(1)
    house.clock.advance(1)
    assert await login()


async def test_guesses_from_one_place_shut_nobody_out_elsewhere(login):
    for number in range(3):
        with pytest.raises(Unauthenticated):
            await login("wrong", address="203.0.113.7", username=f"guessed {number}")
    for name in ("cleo", "somebody else"):
        with pytest.raises(ResourceExhausted):
            await login(address="203.0.113.7", username=name)
    assert await login(address="203.0.113.8")


async def test_a_name_in_two_tenants_logs_each_in_with_the_own_password(house, login):
    hashed = await Passwords().hash(NEW)
    other = replace(await house.store.user("user_cleo"), id="user_2", tenant_id="acme", password_hash=hashed)
    assert await house.store.add_user(other)
    tenants = {}
    for password in (OLD, NEW):
        pair = await login(password)
        tenants[password] = (await house.authenticator.recognise(pair.access_token)).tenant_id
    assert tenants == {OLD: "default", NEW: "acme"}
    assert await house.sessions.login("cleo", NEW, address="home", tenant_id="acme")
    with pytest.raises(Unauthenticated):
        await house.sessions.login("cleo", NEW, address="home", tenant_id="default")


async def namesakes(house, *tenants):
    """Give `cleo` a namesake with the password NEW in each tenant."""
    hashed = await Passwords().hash(NEW)
    cleo = await house.store.user("user_cleo")
    for tenant in tenants:
        assert await house.store.add_user(replace(cleo, id=f"user_of_{tenant}", tenant_id=tenant, password_hash=hashed))


async def test_the_right_password_of_a_namesake_forgives_no_guess_at_another_user(house, login):
    await namesakes(house, "evil")
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await login("wrong")
        with suppress(ResourceExhausted):
            await house.sessions.login("cleo", NEW, address="home", tenant_id="evil")
    with pytest.raises(ResourceExhausted):
        await login("wrong")
    with pytest.raises(ResourceExhausted):
        await house.sessions.login("cleo", OLD, address="home", tenant_id="default")
    assert await login(address="elsewhere")


async def test_a_place_that_a_namesake_knows_is_none_of_the_other_users(house, login):
    await namesakes(house, "evil")
    assert await house.sessions.login("cleo", NEW, address="bot 0", tenant_id="evil")
    for number in range(8):
        with pytest.raises(Unauthenticated):
            await house.sessions.login("cleo", "wrong", address=f"bot {number + 1}", tenant_id="default")
    with pytest.raises(ResourceExhausted):
        await house.sessions.login("cleo", "wrong", address="bot 0", tenant_id="default")


async def test_guesses_at_any_of_the_namesakes_pause_a_login_that_may_mean_either(house, login):
    await namesakes(house, "evil")
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await house.sessions.login("cleo", "wrong", address="home", tenant_id="evil")
    with pytest.raises(ResourceExhausted):
        await login("wrong")
    assert await house.sessions.login("cleo", OLD, address="home", tenant_id="default")


async def test_a_namesake_guessed_from_everywhere_pauses_a_login_that_may_mean_either_unless_both_are_known_there(
    house, login
):
    await namesakes(house, "evil")
    assert await login(address="home")
    for number in range(8):
        with pytest.raises(Unauthenticated):
            await house.sessions.login("cleo", "wrong", address=f"bot {number}", tenant_id="evil")
    for place in ("home", "elsewhere"):
        with pytest.raises(ResourceExhausted):
            await login("wrong", address=place)
    house.clock.advance(60)
    assert await house.sessions.login("cleo", NEW, address="home", tenant_id="evil")
    for number in range(8):
        with pytest.raises(Unauthenticated):
            await house.sessions.login("cleo", "wrong", address=f"bot {number}", tenant_id="evil")
    assert await login(address="home")


async def test_where_many_tenants_have_a_name_the_tenant_is_asked_for(house, login):
    tenants = [f"tenant{number}" for number in range(4)]
    await namesakes(house, *tenants)
    with pytest.raises(InvalidArgument) as caught:
        await login()
    assert caught.value.reason == "TENANT_REQUIRED"
    for name in ("default/cleo", "tenant3/cleo"):
        password = OLD if name.startswith("default") else NEW
        pair = await login(password, username=name)
        assert (await house.authenticator.recognise(pair.access_token)).tenant_id == name.partition("/")[0]
    other = await house.store.user("user_of_tenant0")
    await house.store.delete_user(other.tenant_id, other.id)
    assert await login(NEW)


async def test_an_administrator_learns_no_names_of_other_tenants(house, cleo):
    admin = await house.user("root", {"admin"}, tenant="acme")
    made = await house.users.create(admin, NewUserRequest(username="cleo", password=NEW, scopes=frozenset({"admin"})))
    assert made.tenant_id == "acme"
    with pytest.raises(AlreadyExists) as caught:
        await house.users.create(admin, NewUserRequest(username="cleo", password=NEW, scopes=frozenset({"admin"})))
    assert caught.value.reason == "USER_EXISTS"


async def test_an_ipv6_customer_is_one_place_however_many_addresses_it_has(login):
    for last in ("1", "2"):
        with pytest.raises(Unauthenticated):
            await login("wrong", address=f"2001:db8:1:2::{last}")
    with pytest.raises(ResourceExhausted):
        await login(address="2001:db8:1:2:ffff::3")
    assert await login(address="2001:db8:1:3::1")


async def test_an_ipv4_address_in_the_dress_of_ipv6_is_itself_and_no_neighbour(login):
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await login("wrong", address="::ffff:203.0.113.1")
    with pytest.raises(ResourceExhausted):
        await login(address="203.0.113.1")
    assert await login(address="::ffff:203.0.113.2")


async def test_a_name_guessed_from_everywhere_is_let_in_only_from_where_it_is_known(house, login):
    assert await login(address="home")
    for number in range(8):
        with pytest.raises(Unauthenticated):
            await login("wrong", address=f"bot {number}")
    with pytest.raises(ResourceExhausted):
        await login(address="elsewhere")
    assert await login(address="home")
    house.clock.advance(60)
    assert await login(address="elsewhere")


# --- a change of the password -------------------------------------------------------------------------------------


async def test_a_new_password_ends_every_session(house, cleo, login):
    pairs = [await login(address=place) for place in ("here", "there")]
    for pair in pairs:
        await house.authenticator.recognise(pair.access_token)
    await house.users.change_password(cleo, current=OLD, new=NEW)
    await refused(house, *(pair.access_token for pair in pairs))
    for pair in pairs:
        with pytest.raises(Unauthenticated):
            await house.sessions.refresh(pair.refresh_token)
    fresh = await login(NEW)
    assert (await house.authenticator.recognise(fresh.access_token)).user_id == cleo.user_id


class Meeting(Passwords):
    """Hashes nothing before as many as `changes` are about to, so that none has replaced the password before."""

    def __init__(self, changes):
        super().__init__(parallel=changes)
        self._barrier = asyncio.Barrier(changes)

    async def hash(self, password):
        await self._barrier.wait()
        return await super().hash(password)


async def test_of_two_changes_of_a_password_at_once_one_counts_and_the_other_is_refused(house, cleo, login):
    users = UserService(
        store=house.store, passwords=Meeting(2), authenticator=house.authenticator,
        delegation=Delegation(store=house.store, limits=house.limits), clock=house.clock,
    )  # fmt: skip
    texts = (NEW, "another mule resistor")
    changes = (users.change_password(cleo, current=OLD, new=text) for text in texts)
    outcomes = await asyncio.gather(*changes, return_exceptions=True)
    (refusal,) = [outcome for outcome in outcomes if outcome is not None]
    assert (type(refusal), refusal.reason) == (Aborted, "PASSWORD_CONFLICT")
    lost = outcomes.index(refusal)
    assert await login(texts[1 - lost])
    with pytest.raises(Unauthenticated):
        await login(texts[lost])
    assert (await house.store.user(cleo.user_id)).session_epoch == 1


async def test_a_new_password_leaves_keys_and_other_users_alone(house, cleo):
    ann = await house.user("ann", MEMBER_SCOPES)
    shown, beside = (await house.key(cleo))[0], await house.token(ann)
    await house.users.change_password(cleo, current=OLD, new=NEW)
    assert (await house.authenticator.recognise(shown.text)).user_id == cleo.user_id
    assert (await house.authenticator.recognise(beside)).user_id == ann.user_id


async def test_a_refresh_that_crosses_a_new_password_leaves_no_session_behind(house, cleo):
    stale, now = await house.store.user(cleo.user_id), house.clock.now()
    await house.users.change_password(cleo, current=OLD, new=NEW)
    # What a refresh that had read the user before the change would write after it.
    crossed = RefreshToken(
        digest=digest("prt_crossed"), family_id="fam_1", user_id=stale.id, create_time=now,
        expire_time=now + timedelta(days=1), session_epoch=stale.session_epoch,
    )  # fmt: skip
    await house.store.add_token(crossed)
    with pytest.raises(Unauthenticated):
        await house.sessions.refresh("prt_crossed")


async def test_guesses_at_the_current_password_are_paused(house, cleo, login):
    for _ in range(5):
        with pytest.raises(PermissionDenied, match="current password is wrong"):
            await house.users.change_password(cleo, current="a guess", new=NEW)
    with pytest.raises(ResourceExhausted) as caught:
        await house.users.change_password(cleo, current=OLD, new=NEW)
    assert caught.value.retry_after == 60
    assert await login()
    house.clock.advance(60)
    await house.users.change_password(cleo, current=OLD, new=NEW)
    assert await login(NEW)


async def test_the_right_password_forgives_the_guesses_before_it(house, cleo):
    for current in (OLD, NEW):
        for _ in range(4):
            with pytest.raises(PermissionDenied):
                await house.users.change_password(cleo, current="a guess", new=NEW)
        await house.users.change_password(cleo, current=current, new=NEW if current == OLD else OLD)


async def test_a_login_clears_away_the_sessions_that_have_ended_and_no_other(house, login):
    old = await login()
    house.clock.advance(43_200)
    younger = await login()
    house.clock.advance(43_201)
    await login(address="elsewhere")
    assert await house.store.token(digest(old.refresh_token)) is None
    assert await house.store.token(digest(younger.refresh_token)) is not None


@pytest.mark.parametrize(
    ("password", "complaint"),
    [
        ("short", "at least 10 characters, not 5"), ("1234567890", "too easy to guess"),
        ("0987654321", "too easy to guess"), ("qwertyuiop", "too easy to guess"), ("1q2w3e4r5t6y", "too easy to guess"),
        ("aaaaaaaaaaaa", "too easy to guess"), ("abcabcabcabc", "too easy to guess"), ("a" * 1024, "too easy to guess"),
        ("Passw0rd!!", "too easy to guess"), ("P@ssw0rd2024!", "too easy to guess"), ("admin12345", "too easy"),
        ("welcome2penstock", "too easy"), ("hunter2hunter2", "too easy"), ("summer2026!!", "too easy"),
        ("the-CLEO-of-old", "must not contain the username"), ("the-oelc-of-old", "must not contain the username"),
    ],
)  # fmt: skip
def test_a_password_that_is_easily_guessed_is_refused_without_repeating_it(password, complaint):
    with pytest.raises(InvalidArgument, match=complaint) as caught:
        check_password(password, username="cleo")
    assert caught.value.reason == "PASSWORD_INVALID"
    assert password not in caught.value.message


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "correcthorse", "zK9#mQ2vLp", "Tr0ub4dor&3x", "我爱北京天安门城楼上", "a long password"],
)
def test_words_that_do_not_belong_together_and_random_characters_are_taken(password):
    check_password(password, username="cleo")


async def test_a_weak_new_password_changes_nothing(house, cleo, login):
    pair = await login()
    with pytest.raises(InvalidArgument):
        await house.users.change_password(cleo, current=OLD, new="1234567890")
    assert await house.authenticator.recognise(pair.access_token)
    assert await login()


# --- what outlives its request ------------------------------------------------------------------------------------


@pytest.fixture
def monitor(house):
    return SessionMonitor(store=house.store, clock=house.clock, every=3600)


async def ended(monitor, *callers, scope="chat"):
    """Return whose watched connection ends at the next look."""
    over = []
    with ExitStack() as stack:
        for caller in callers:
            stack.enter_context(monitor.watch(caller, scope, partial(over.append, caller)))
        await monitor.check()
        await monitor.check()
    return over


async def test_what_is_open_ends_with_the_password_the_key_the_user_or_the_scope(house, monitor, cleo):
    bob, dan = await house.user("bob", MEMBER_SCOPES), await house.user("dan", MEMBER_SCOPES)
    signed_in = await house.authenticator.recognise(await house.token(cleo))
    key, by_key = await house.key(cleo)
    of_bob, of_dan = (await house.key(bob))[1], (await house.key(dan))[1]
    everybody = (signed_in, by_key, of_bob, of_dan)
    assert await ended(monitor, *everybody) == []
    await house.users.change_password(cleo, current=OLD, new=NEW)
    assert await ended(monitor, *everybody) == [signed_in]
    await house.api_keys.delete(cleo, key.key.id)
    await house.users.delete(cleo, bob.user_id)
    await house.change_user(dan, scopes="models")
    assert sorted(each.user_id for each in await ended(monitor, by_key, of_bob, of_dan)) == [
        "user_bob", "user_cleo", "user_dan",
    ]  # fmt: skip
    assert await ended(monitor, of_dan, scope="models") == []


async def test_among_more_open_connections_than_are_looked_up_at_once_only_those_of_who_is_gone_end(
    house, monitor, cleo
):
    _, by_key = await house.key(cleo)
    signed_in = await house.authenticator.recognise(await house.token(cleo))
    # Their ids come before and behind those that are there.
    gone = [replace(signed_in, user_id=f"{first}_{number}") for number in range(600) for first in ("a", "z")]
    gone += [replace(by_key, key_id=f"{first}_{number}") for number in range(600) for first in ("a", "z")]
    over = await ended(monitor, *gone[:1200], signed_in, by_key, *gone[1200:])
    assert len(over) == len(gone)
    assert signed_in not in over
    assert by_key not in over


async def test_what_a_secret_opened_ends_with_the_secret_and_its_grace(house, monitor):
    ann = await house.user("ann", MEMBER_SCOPES)
    shown, before = await house.key(ann)
    await house.api_keys.rotate(ann, shown.key.id, grace=timedelta(seconds=30))
    assert await ended(monitor, before) == []
    house.clock.advance(30)
    assert await ended(monitor, before) == [before]


async def test_what_a_key_opened_ends_with_the_key(house, monitor):
    ann = await house.user("ann", MEMBER_SCOPES)
    _, caller = await house.key(ann, expire_time=house.clock.now() + timedelta(seconds=30))
    house.clock.advance(29)
    assert await ended(monitor, caller) == []
    house.clock.advance(1)
    assert await ended(monitor, caller) == [caller]


async def test_a_caller_is_renewed_with_what_it_has_by_then(house, cleo):
    token = await house.token(cleo)
    signed_in = await house.authenticator.recognise(token)
    await house.change_user(cleo, scopes="chat")
    assert (await house.authenticator.revalidate(signed_in)).scopes == {"chat"}
    await house.store.set_password(cleo.user_id, "")
    with pytest.raises(Unauthenticated):
        await house.authenticator.revalidate(signed_in)
