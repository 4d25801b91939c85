"""Whether a credential that counted moments ago counts still: each thing that ends it, and nothing else, by itself."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.auth.authenticator import _accepted_until
from gateway.auth.identity import ApiKey, User
from gateway.auth.revalidation import is_current, revalidate
from gateway.auth.secret import digest, version
from penstock_kit.context import Caller
from penstock_testkit.clock import START

SECOND = timedelta(seconds=1)
OLD, NEW = digest("psk_old"), digest("psk_new")
USER = User(
    id="u",
    tenant_id="t",
    username="ann",
    password_hash="",
    scopes=frozenset({"chat", "models"}),
    active=True,
    create_time=START,
    session_epoch=3,
)
KEY = ApiKey(
    id="k",
    tenant_id="t",
    user_id="u",
    name="key",
    prefix="psk",
    digest=NEW,
    scopes=frozenset({"chat", "costs"}),
    create_time=START,
)
SESSION = Caller(user_id="u", tenant_id="t", scopes=frozenset({"chat", "costs"}), credential_version=3)
OPEN = {"fam_1"}
SIGNED_IN, SIGNED_OUT = replace(SESSION, session_id="fam_1"), replace(SESSION, session_id="fam_2")
BY_KEY = replace(SESSION, key_id="k", credential_version=version(NEW))
BY_OLD = replace(BY_KEY, credential_version=version(OLD))
ROTATED = replace(KEY, previous_digest=OLD, previous_expire_time=START + SECOND)


@pytest.mark.parametrize(
    ("caller", "user", "key", "scopes"),
    [
        (SESSION, USER, None, {"chat"}),
        (SESSION, replace(USER, scopes=frozenset({"models"})), None, set()),
        (SIGNED_IN, USER, None, {"chat"}),
        (BY_KEY, USER, KEY, {"chat"}),
        (BY_KEY, USER, replace(KEY, scopes=frozenset({"models"})), {"models"}),
        (BY_KEY, replace(USER, session_epoch=4), KEY, {"chat"}),
        (BY_KEY, USER, replace(KEY, expire_time=START + SECOND), {"chat"}),
        (BY_KEY, USER, ROTATED, {"chat"}),
        (BY_OLD, USER, ROTATED, {"chat"}),
        (BY_OLD, USER, replace(ROTATED, expire_time=START + SECOND), {"chat"}),
    ],
)
def test_what_counts_still_has_the_scopes_that_its_owner_and_it_have_by_now(
    caller: Caller, user: User, key: ApiKey | None, scopes: set[str]
) -> None:
    assert revalidate(caller, user=user, key=key, sessions=OPEN, now=START) == replace(caller, scopes=frozenset(scopes))


@pytest.mark.parametrize(
    ("caller", "user", "key"),
    [
        (SESSION, None, None),
        (SESSION, replace(USER, active=False), None),
        (SESSION, replace(USER, tenant_id="other"), None),
        (SESSION, replace(USER, session_epoch=4), None),
        (SESSION, replace(USER, session_epoch=2), None),
        (SIGNED_OUT, USER, None),
        (SIGNED_IN, replace(USER, session_epoch=4), None),
        (BY_KEY, None, KEY),
        (BY_KEY, replace(USER, active=False), KEY),
        (BY_KEY, replace(USER, tenant_id="other"), KEY),
        (BY_KEY, USER, None),
        (BY_KEY, USER, replace(KEY, tenant_id="other")),
        (BY_KEY, USER, replace(KEY, user_id="other")),
        (BY_KEY, USER, replace(KEY, expire_time=START)),
        (BY_OLD, USER, KEY),
        (BY_OLD, USER, replace(ROTATED, previous_expire_time=None)),
        (BY_OLD, USER, replace(ROTATED, previous_expire_time=START)),
        (BY_OLD, USER, replace(ROTATED, previous_digest=digest("psk_other"))),
        (BY_OLD, USER, replace(ROTATED, expire_time=START)),
    ],
)
def test_each_of_these_ends_a_credential(caller: Caller, user: User | None, key: ApiKey | None) -> None:
    assert revalidate(caller, user=user, key=key, sessions=OPEN, now=START) is None


def test_only_the_present_secret_of_a_key_is_current() -> None:
    assert is_current(BY_KEY, ROTATED)
    assert not is_current(BY_OLD, ROTATED)


@pytest.mark.parametrize(
    ("key", "shown", "until"),
    [
        (KEY, NEW, None),
        (replace(KEY, expire_time=START + SECOND), NEW, START + SECOND),
        (replace(KEY, expire_time=START), NEW, START),
        (replace(KEY, expire_time=START - SECOND), NEW, START),
        (KEY, OLD, START),
        (ROTATED, NEW, None),
        (ROTATED, OLD, START + SECOND),
        (replace(ROTATED, expire_time=START + SECOND / 2), OLD, START + SECOND / 2),
        (replace(ROTATED, expire_time=START + 2 * SECOND), OLD, START + SECOND),
        (replace(ROTATED, expire_time=START), OLD, START),
        (replace(ROTATED, previous_expire_time=None), OLD, START),
        (replace(ROTATED, previous_expire_time=START - SECOND), OLD, START),
        (ROTATED, digest("psk_other"), START),
        (KEY, "", START),
    ],
)
def test_a_secret_counts_until_the_first_of_its_ends_and_a_strange_one_not_at_all(
    key: ApiKey, shown: str, until: Any
) -> None:
    assert _accepted_until(key, shown, START) == until
