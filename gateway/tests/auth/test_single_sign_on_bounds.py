"""How many people single sign-on lets in, and sign-ins a browser begins; and halves of letters from the issuer."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.auth import users
from gateway.auth.authenticator import Authenticator
from gateway.auth.identity import ExternalIdentity
from gateway.auth.oidc.account_store import ExternalAccountStore
from gateway.auth.oidc.accounts import ExternalAccounts
from gateway.auth.oidc.group_rules import Grant, GroupRules
from gateway.auth.oidc.sign_in import MOST_PENDING
from gateway.auth.scope import MEMBER_SCOPES
from gateway.auth.sql_store import SqlIdentityStore
from gateway.auth.token import AccessTokens
from gateway.main import MIGRATIONS
from penstock_kit.clock import SystemClock
from penstock_kit.errors import ResourceExhausted
from penstock_testkit.databases import migrated

JANE = ExternalIdentity(issuer="https://op.example", subject="1", names=("jane",), groups=("welders",))
RULES = GroupRules(
    rules=tuple((group, Grant(tenant_id=group, scopes=MEMBER_SCOPES)) for group in ("welders", "painters"))
)
HALF = "a\ud800"


async def test_somebody_new_needs_room_in_the_tenant_and_whoever_is_known_or_moves_there_does_not(
    url: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with migrated(url, MIGRATIONS) as database:
        store, clock = SqlIdentityStore(database), SystemClock()
        tokens = AccessTokens(secrets=("s" * 32,), lifetime=timedelta(hours=1), clock=clock)
        accounts = ExternalAccounts(
            accounts=ExternalAccountStore(database), store=store, rules=RULES, clock=clock,
            authenticator=Authenticator(store=store, tokens=tokens, clock=clock),
        )  # fmt: skip
        await accounts.admit(JANE)
        painter = (await accounts.admit(replace(JANE, subject="2", groups=("painters",)))).user
        monkeypatch.setattr(users, "MAX_USERS", 1)
        with pytest.raises(ResourceExhausted) as caught:
            await accounts.admit(replace(JANE, subject="3"))
        assert caught.value.reason == "USERS_LIMIT_EXCEEDED"
        assert (await accounts.admit(JANE)).user.username == "jane"
        moved = (await accounts.admit(replace(JANE, subject="2"))).user
        assert (moved.id, moved.username) == (painter.id, "jane-2")
        assert [user.username for user in await store.users("welders")] == ["jane", "jane-2"]


@pytest.mark.asyncio(loop_scope="session")
async def test_halves_of_letters_are_no_nonce_no_hash_and_nobody_and_no_name_here(
    running: Any, provider: Any, browse: Any
) -> None:
    for claims in ({"nonce": HALF}, {"at_hash": HALF}, {"sub": HALF}):
        provider.token_claims = claims
        answer = await browse(running).sign_in()
        assert (answer.status_code, answer.json()["reason"]) == (401, "ID_TOKEN_INVALID"), claims
    provider.token_claims = {"preferred_username": HALF, "name": "Ann", "groups": [HALF, "welders"]}
    assert (await browse(running).sign_in()).status_code == 302
    assert [user.username for user in await running.store.users("welding")] == ["Ann"]


@pytest.mark.asyncio(loop_scope="session")
async def test_a_browser_that_begins_ever_more_sign_ins_keeps_the_newest_and_can_end_them(
    running: Any, provider: Any, browse: Any
) -> None:
    browser = browse(running)
    begun = [await browser.start() for _ in range(MOST_PENDING + 3)]
    assert len(browser.client.cookies) == MOST_PENDING
    ended = [await browser.callback(await browser.authorize(url)) for url in (begun[2], begun[3], begun[-1])]
    assert [answer.status_code for answer in ended] == [400, 302, 302]
    strange = {"cookie": "; ".join(f"penstock-sign-in-({number:07}=x" for number in range(MOST_PENDING))}
    assert (await browse(running, strange).start()).startswith(provider.issuer)
