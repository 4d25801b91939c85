"""Who gets in, and who does not: the attack table of JWTs, API keys over their life, passwords, refresh tokens."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.auth.api_keys import ApiKeyService, NewKeyRequest
from gateway.auth.authenticator import Authenticator
from gateway.auth.delegation import Delegation
from gateway.auth.identity import User
from gateway.auth.login_attempts import LoginAttemptLimiter
from gateway.auth.password import Passwords
from gateway.auth.scope import ALL_SCOPES, MEMBER_SCOPES
from gateway.auth.secret import digest, new_key
from gateway.auth.session import Sessions
from gateway.auth.sql_store import SqlIdentityStore
from gateway.auth.token import AUDIENCE, ISSUER, AccessTokens
from gateway.main import MIGRATIONS
from penstock_kit.context import Caller
from penstock_kit.database import open_database, sqlite_url
from penstock_kit.errors import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
)
from penstock_testkit.clock import ManualClock
from penstock_testkit.databases import lay_out

SECRET = "a-secret-of-more-than-thirty-two-bytes!!"


@pytest.fixture
def clock():
    return ManualClock(start=datetime(2026, 11, 21, tzinfo=UTC))


@pytest.fixture
def tokens(clock):
    return AccessTokens(secrets=(SECRET,), lifetime=timedelta(minutes=15), clock=clock)


@pytest.fixture
async def database(tmp_path):
    url = sqlite_url(tmp_path / "gateway.db")
    await lay_out(url, MIGRATIONS)
    database = open_database(url, readers=1)
    yield database
    await database.close()


@pytest.fixture
async def store(database):
    return SqlIdentityStore(database)


def a_user(clock, name="ada", *, tenant="default", scopes=ALL_SCOPES, password_hash=""):
    return User(
        id=f"user_{name}", tenant_id=tenant, username=name, password_hash=password_hash,
        scopes=scopes, active=True, create_time=clock.now(),
    )  # fmt: skip


@pytest.fixture
async def ada(store, clock):
    user = a_user(clock)
    await store.add_user(user)
    return user


@pytest.fixture
def authenticator(store, tokens, clock):
    return Authenticator(store=store, tokens=tokens, clock=clock, remember=10)


def caller_of(user):
    return Caller(user_id=user.id, tenant_id=user.tenant_id, scopes=user.scopes)


class NoLimits:
    """No key has a policy or a budget, but for those named."""

    def __init__(self, *key_ids):
        self.key_ids = set(key_ids)

    async def is_limited(self, caller):
        return caller.key_id in self.key_ids


def api_keys_of(store, authenticator, clock, limits=None):
    delegation = Delegation(store=store, limits=limits or NoLimits())
    return ApiKeyService(store=store, authenticator=authenticator, delegation=delegation, clock=clock)


# --- JWT ----------------------------------------------------------------------------------------------------------


def good_claims(clock):
    now = int(clock.now().timestamp())
    return {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "user_ada", "tid": "default", "scope": "admin",
        "iat": now, "exp": now + 600, "jti": "at_1",
    }  # fmt: skip


def signed(tokens, claims, *, key=SECRET, algorithm="HS256", **headers):
    kid = jwt.get_unverified_header(tokens.issue(a_user(ManualClock())))["kid"]
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid, "typ": "at+jwt", **headers})


def encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_an_issued_token_is_verified_with_its_tenant_and_scopes(tokens, clock):
    access = tokens.verify(tokens.issue(a_user(clock, tenant="acme", scopes=frozenset({"chat"}))))
    assert access.caller == Caller(user_id="user_ada", tenant_id="acme", scopes=frozenset({"chat"}))
    assert access.expire_time == clock.now() + timedelta(minutes=15)


def test_the_claims_of_the_attacks_are_otherwise_good(tokens, clock):
    assert tokens.verify(signed(tokens, good_claims(clock))).caller.user_id == "user_ada"


@pytest.mark.parametrize(
    "change",
    [
        {"exp": -1}, {"exp": None}, {"aud": "other"}, {"aud": None}, {"iss": "evil"}, {"iss": None}, {"sub": None},
        {"sub": ""}, {"sub": 7}, {"jti": None}, {"iat": None}, {"tid": None}, {"tid": ""}, {"scope": None},
        {"exp": "soon"}, {"exp": 1e300},
    ],
    ids=str,
)  # fmt: skip
def test_a_token_with_wrong_or_missing_claims_is_refused(tokens, clock, change):
    claims = {**good_claims(clock), **change}
    if claims["exp"] == -1:
        claims["exp"] = int(clock.now().timestamp()) - 1
    token = signed(tokens, {name: value for name, value in claims.items() if value is not None})
    with pytest.raises(Unauthenticated, match="not valid or have expired"):
        tokens.verify(token)


@pytest.mark.parametrize(
    "headers",
    [{"kid": "other"}, {"kid": ""}, {"kid": "../../etc/passwd"}, {"typ": "JWT"}, {"crit": ["exp"]}],
    ids=str,
)
def test_a_token_with_a_wrong_header_is_refused(tokens, clock, headers):
    with pytest.raises(Unauthenticated):
        tokens.verify(signed(tokens, good_claims(clock), **headers))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_only_the_one_algorithm_is_accepted(tokens, clock, algorithm):
    with pytest.raises(Unauthenticated):
        tokens.verify(signed(tokens, good_claims(clock), key=SECRET * 2, algorithm=algorithm))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
def test_an_unsigned_token_is_refused(tokens, clock, algorithm):
    head, _, signature = signed(tokens, good_claims(clock)).split(".")
    kid = jwt.get_unverified_header(f"{head}.e30.{signature}")["kid"]
    header = encoded({"alg": algorithm, "kid": kid, "typ": "at+jwt"})
    for end in ("", signature):
        with pytest.raises(Unauthenticated):
            tokens.verify(f"{header}.{encoded(good_claims(clock))}.{end}")


def test_a_token_signed_with_an_rsa_key_is_refused(tokens, clock):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(Unauthenticated):
        tokens.verify(signed(tokens, good_claims(clock), key=private, algorithm="RS256"))


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "....", "eyJ.eyJ.x", "x" * 9000, "\ud800.a.b"], ids=repr)
def test_what_is_no_token_is_refused(tokens, token):
    with pytest.raises(Unauthenticated):
        tokens.verify(token)


def test_a_changed_payload_is_refused(tokens, clock):
    head, _, signature = tokens.issue(a_user(clock, scopes=frozenset({"chat"}))).split(".")
    with pytest.raises(Unauthenticated):
        tokens.verify(f"{head}.{encoded(good_claims(clock))}.{signature}")


def test_a_previous_secret_is_accepted_and_no_longer_signs(tokens, clock):
    old = tokens.issue(a_user(clock))
    newer = "another-secret-of-more-than-thirty-two-bytes"
    rotated = AccessTokens(secrets=(newer, SECRET), lifetime=timedelta(minutes=15), clock=clock)
    assert rotated.verify(old).caller.user_id == "user_ada"
    with pytest.raises(Unauthenticated):
        tokens.verify(rotated.issue(a_user(clock)))


def test_a_short_secret_is_refused_at_start(clock):
    with pytest.raises(FailedPrecondition, match="at least 32"):
        AccessTokens(secrets=("short",), lifetime=timedelta(minutes=15), clock=clock)


# --- credentials in headers ---------------------------------------------------------------------------------------


async def test_a_bearer_may_be_a_token_or_a_key_and_x_api_key_a_key(authenticator, store, tokens, clock, ada):
    shown = await api_keys_of(store, authenticator, clock).create(
        caller_of(ada), NewKeyRequest(name="k", scopes=frozenset({"chat"}))
    )
    by_key = await authenticator.caller([(b"authorization", b"Bearer " + shown.text.encode())])
    by_header = await authenticator.caller([(b"x-api-key", shown.text.encode())])
    by_token = await authenticator.caller([(b"authorization", b"bearer " + tokens.issue(ada).encode())])
    assert by_key == by_header
    assert (by_key.key_id, by_key.scopes) == (shown.key.id, frozenset({"chat"}))
    assert (by_token.user_id, by_token.key_id) == (ada.id, "")


async def test_a_good_key_counts_beside_a_foreign_bearer(authenticator, store, clock, ada):
    shown = await api_keys_of(store, authenticator, clock).create(caller_of(ada), NewKeyRequest(name="k"))
    headers = [(b"authorization", b"Bearer sk-somebody-elses"), (b"x-api-key", shown.text.encode())]
    assert (await authenticator.caller(headers)).key_id == shown.key.id


@pytest.mark.parametrize(
    "headers",
    [[], [(b"authorization", b"Basic YTpi")], [(b"authorization", b"Bearer ")], [(b"x-api-key", b"")]],
    ids=str,
)
async def test_missing_credentials_are_told_what_to_send(authenticator, headers):
    with pytest.raises(Unauthenticated, match="Authorization: Bearer") as caught:
        await authenticator.caller(headers)
    assert caught.value.reason == "CREDENTIALS_REQUIRED"


async def test_wrong_keys_are_refused_alike(authenticator, store, clock, ada):
    shown = await api_keys_of(store, authenticator, clock).create(caller_of(ada), NewKeyRequest(name="k"))
    texts = [new_key().text, shown.text[:-1], shown.text + "x", shown.key.prefix, shown.key.digest, "psk_", "psk_\xff"]
    messages = set()
    for text in texts:
        with pytest.raises(Unauthenticated) as caught:
            await authenticator.caller([(b"x-api-key", text.encode("latin-1"))])
        messages.add((caught.value.message, caught.value.reason))
    assert len(messages) == 1


async def test_only_the_digest_of_a_key_is_stored(authenticator, store, clock, ada, tmp_path):
    shown = await api_keys_of(store, authenticator, clock).create(caller_of(ada), NewKeyRequest(name="k"))
    secret = shown.text.removeprefix(shown.key.prefix)
    files = b"".join(path.read_bytes() for path in tmp_path.glob("gateway.db*"))
    assert shown.key.digest.encode() in files
    assert secret.encode() not in files


async def test_an_expired_key_stops_counting_even_when_it_is_remembered(authenticator, store, clock, ada):
    api_keys = api_keys_of(store, authenticator, clock)
    wish = NewKeyRequest(name="k", expire_time=clock.now() + timedelta(seconds=5))
    headers = [(b"x-api-key", (await api_keys.create(caller_of(ada), wish)).text.encode())]
    await authenticator.caller(headers)
    clock.advance(5)
    with pytest.raises(Unauthenticated):
        await authenticator.caller(headers)


@pytest.mark.parametrize("seconds", [0, -1])
async def test_no_key_is_made_that_has_ended_already(authenticator, store, clock, ada, seconds):
    api_keys = api_keys_of(store, authenticator, clock)
    wish = NewKeyRequest(name="k", expire_time=clock.now() + timedelta(seconds=seconds))
    with pytest.raises(InvalidArgument, match="must be in the future") as caught:
        await api_keys.create(caller_of(ada), wish)
    assert caught.value.reason == "EXPIRE_TIME_INVALID"
    assert await store.keys("default") == []


async def test_a_rotated_key_keeps_its_old_secret_for_the_grace_only(authenticator, store, clock, ada):
    api_keys = api_keys_of(store, authenticator, clock)
    old = await api_keys.create(caller_of(ada), NewKeyRequest(name="k"))
    new = await api_keys.rotate(caller_of(ada), old.key.id, grace=timedelta(seconds=30))
    assert new.key.id == old.key.id
    for text in (old.text, new.text):
        assert (await authenticator.recognise(text)).key_id == old.key.id
    clock.advance(30)
    assert (await authenticator.recognise(new.text)).key_id == old.key.id
    with pytest.raises(Unauthenticated):
        await authenticator.recognise(old.text)


async def test_a_deleted_key_stops_counting_at_once(authenticator, store, clock, ada):
    api_keys = api_keys_of(store, authenticator, clock)
    shown = await api_keys.create(caller_of(ada), NewKeyRequest(name="k"))
    await authenticator.recognise(shown.text)
    await api_keys.delete(caller_of(ada), shown.key.id)
    with pytest.raises(Unauthenticated):
        await authenticator.recognise(shown.text)


async def test_a_deleted_users_token_stops_counting(authenticator, store, tokens, clock, ada):
    token = tokens.issue(ada)
    await authenticator.recognise(token)
    await store.delete_user("default", ada.id)
    clock.advance(10)
    with pytest.raises(Unauthenticated):
        await authenticator.recognise(token)


async def test_a_key_never_carries_more_than_its_owner(authenticator, store, clock):
    member = a_user(clock, "bob", scopes=frozenset({"chat"}))
    await store.add_user(member)
    api_keys = api_keys_of(store, authenticator, clock)
    with pytest.raises(PermissionDenied, match="models"):
        await api_keys.create(caller_of(member), NewKeyRequest(name="k", scopes=frozenset({"models"})))
    with pytest.raises(InvalidArgument, match="unknown scopes root"):
        await api_keys.create(caller_of(member), NewKeyRequest(name="k", scopes=frozenset({"root"})))


async def test_a_limited_key_cannot_make_keys(authenticator, store, clock, ada):
    api_keys = api_keys_of(store, authenticator, clock)
    shown = await api_keys.create(caller_of(ada), NewKeyRequest(name="k", scopes=MEMBER_SCOPES))
    limited = await authenticator.recognise(shown.text)
    with pytest.raises(PermissionDenied, match="administrator"):
        await api_keys.create(limited, NewKeyRequest(name="more"))


async def test_keys_of_others_and_of_other_tenants_look_like_none(authenticator, store, clock, ada):
    api_keys = api_keys_of(store, authenticator, clock)
    shown = await api_keys.create(caller_of(ada), NewKeyRequest(name="k"))
    bob = a_user(clock, "bob", scopes=MEMBER_SCOPES)
    eve = a_user(clock, "eve", tenant="acme")
    for stranger in (bob, eve):
        await store.add_user(stranger)
        with pytest.raises(NotFound):
            await api_keys.delete(caller_of(stranger), shown.key.id)
        assert await api_keys.list_keys(caller_of(stranger)) == []


async def test_the_store_lists_the_keys_of_one_tenant_and_of_one_user(authenticator, store, clock, ada):
    api_keys = api_keys_of(store, authenticator, clock)
    mine = (await api_keys.create(caller_of(ada), NewKeyRequest(name="k"))).key.id
    others = {}
    for name, tenant in (("bob", "default"), ("eve", "acme")):
        user = a_user(clock, name, tenant=tenant)
        await store.add_user(user)
        others[name] = (await api_keys.create(caller_of(user), NewKeyRequest(name="k"))).key.id
    assert [key.id for key in await store.keys("default", ada.id)] == [mine]
    assert {key.id for key in await store.keys("default")} == {mine, others["bob"]}
    assert await store.keys("acme", ada.id) == []


async def test_the_store_deletes_neither_key_nor_user_of_another_tenant(authenticator, store, clock, ada):
    shown = await api_keys_of(store, authenticator, clock).create(caller_of(ada), NewKeyRequest(name="k"))
    assert await store.delete_key("acme", shown.key.id) is False
    assert await store.delete_user("acme", ada.id) is False
    assert (await authenticator.recognise(shown.text)).user_id == ada.id
    assert await store.delete_key("default", shown.key.id) is True
    assert await store.delete_user("default", ada.id) is True


# --- sessions -----------------------------------------------------------------------------------------------------


@pytest.fixture
async def passwords():
    return Passwords()


@pytest.fixture
async def sessions(store, tokens, clock, passwords):
    await store.add_user(a_user(clock, "cleo", password_hash=await passwords.hash("right horse battery")))
    return Sessions(
        store=store, passwords=passwords, tokens=tokens, clock=clock, lifetime=timedelta(days=1),
        attempts=LoginAttemptLimiter(clock=clock, pairs=2, addresses=3, names=8),
    )  # fmt: skip


async def test_a_login_gives_tokens_and_a_refresh_the_next_ones(sessions, tokens):
    first = await sessions.login("cleo", "right horse battery", address="a")
    second = await sessions.refresh(first.refresh_token)
    assert tokens.verify(second.access_token).caller.user_id == "user_cleo"
    assert second.refresh_token != first.refresh_token


async def test_a_refresh_token_used_twice_ends_the_session(sessions):
    first = await sessions.login("cleo", "right horse battery", address="a")
    second = await sessions.refresh(first.refresh_token)
    with pytest.raises(Unauthenticated):
        await sessions.refresh(first.refresh_token)
    with pytest.raises(Unauthenticated):
        await sessions.refresh(second.refresh_token)


async def test_of_parallel_uses_of_one_refresh_token_at_most_one_succeeds(sessions):
    pair = await sessions.login("cleo", "right horse battery", address="a")
    results = await asyncio.gather(*(sessions.refresh(pair.refresh_token) for _ in range(8)), return_exceptions=True)
    assert sum(not isinstance(result, Exception) for result in results) <= 1


async def test_a_new_password_ends_the_sessions_of_its_user_alone(sessions, store, clock, passwords):
    await store.add_user(a_user(clock, "dora", password_hash=await passwords.hash("left mule accumulator")))
    hers, others = [
        await sessions.login(name, word, address="a")
        for name, word in (("cleo", "right horse battery"), ("dora", "left mule accumulator"))
    ]
    await store.set_password("user_cleo", "")
    with pytest.raises(Unauthenticated):
        await sessions.refresh(hers.refresh_token)
    assert await store.token(digest(hers.refresh_token)) is None, "nothing is kept of a session that ended"
    assert (await sessions.refresh(others.refresh_token)).refresh_token


async def test_a_session_ends_with_its_time_or_its_logout(sessions, clock):
    pair = await sessions.login("cleo", "right horse battery", address="a")
    await sessions.logout(pair.refresh_token)
    with pytest.raises(Unauthenticated):
        await sessions.refresh(pair.refresh_token)
    other = await sessions.login("cleo", "right horse battery", address="a")
    clock.advance(86_400)
    with pytest.raises(Unauthenticated):
        await sessions.refresh(other.refresh_token)


async def test_a_session_that_is_refreshed_ends_with_the_time_of_its_login(sessions, clock):
    pair = await sessions.login("cleo", "right horse battery", address="a")
    for _ in range(2):
        clock.advance(43_199)
        pair = await sessions.refresh(pair.refresh_token)
    clock.advance(2)
    with pytest.raises(Unauthenticated):
        await sessions.refresh(pair.refresh_token)


async def test_a_wrong_password_and_an_unknown_user_are_told_the_same(sessions):
    messages = set()
    for name in ("cleo", "nobody"):
        with pytest.raises(Unauthenticated) as caught:
            await sessions.login(name, "wrong", address=name)
        messages.add(caught.value.message)
    assert len(messages) == 1


async def test_guessing_is_paused_and_the_pause_ends(sessions, clock):
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await sessions.login("cleo", "wrong", address="a")
    with pytest.raises(ResourceExhausted) as caught:
        await sessions.login("cleo", "right horse battery", address="a")
    assert caught.value.retry_after == 60
    assert await sessions.login("cleo", "right horse battery", address="b")
    clock.advance(60)
    assert await sessions.login("cleo", "right horse battery", address="a")
