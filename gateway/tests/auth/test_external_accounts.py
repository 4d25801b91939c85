"""Users of an issuer in both stores, and the file that says what groups give."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from gateway.auth.authenticator import Authenticator
from gateway.auth.identity import ExternalIdentity
from gateway.auth.oidc.account_store import ExternalAccountStore
from gateway.auth.oidc.accounts import ExternalAccounts, GroupDenied
from gateway.auth.oidc.group_rules import GroupRules, read_group_rules
from gateway.auth.scope import ALL_SCOPES, MEMBER_SCOPES
from gateway.auth.sql_store import SqlIdentityStore
from gateway.auth.table import external_identities
from gateway.auth.token import AccessTokens
from gateway.main import MIGRATIONS
from penstock_kit.clock import SystemClock
from penstock_kit.errors import FailedPrecondition
from penstock_testkit.databases import migrated

RULES = """
rules:
  - {group: boss, role: operator}
  - {group: leads, role: admin, tenant: welding}
  - {group: guests, scopes: [costs, chat]}
  - {group: welders, tenant: welding}
"""
JANE = ExternalIdentity(issuer="https://op.example", subject="1", names=("jane",), groups=("welders",))


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "groups.yaml"

    def read(text=RULES) -> GroupRules:
        path.write_text(text)
        return read_group_rules(str(path))

    return read


@pytest.fixture
async def database(url):
    async with migrated(url, MIGRATIONS) as database:
        yield database


@pytest.fixture
def house(database, rules):
    """Two gateways' accounts on one database, and the store they share."""
    store, clock = SqlIdentityStore(database), SystemClock()
    tokens = AccessTokens(secrets=("s" * 32,), lifetime=None, clock=clock)

    def gateway():
        return ExternalAccounts(
            accounts=ExternalAccountStore(database), store=store, rules=rules(),
            authenticator=Authenticator(store=store, tokens=tokens, clock=clock), clock=clock,
        )  # fmt: skip

    return gateway(), gateway(), store


async def test_first_sign_ins_at_once_make_one_user(house, database):
    here, there, store = house
    found = await asyncio.gather(*(gateway.admit(JANE) for gateway in (here, there) * 4))
    assert len({admission.user.id for admission in found}) == 1
    assert [user.username for user in await store.users("welding")] == ["jane"]
    async with database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(external_identities))).scalar_one() == 1


async def test_first_sign_ins_at_once_of_people_of_one_name_make_as_many_users(house):
    here, there, store = house
    people = [replace(JANE, subject=str(number)) for number in range(4)]
    found = await asyncio.gather(
        *(gateway.admit(each) for each, gateway in zip(people, (here, there) * 2, strict=True))
    )
    assert len({admission.user.id for admission in found}) == 4
    assert len({user.username for user in await store.users("welding")}) == 4


async def test_the_same_subject_of_another_issuer_is_somebody_else(house):
    here, _, _ = house
    mine = await here.admit(JANE)
    theirs = await here.admit(replace(JANE, issuer="https://op.example/"))
    assert mine.user.id != theirs.user.id and theirs.user.username == "jane-2"


async def test_a_user_moves_to_a_tenant_where_the_name_is_taken_and_is_withdrawn_and_comes_back(house, someone):
    here, _, store = house
    await store.add_user(someone("JANE", "default"))
    made = (await here.admit(JANE)).user
    moved = await here.admit(replace(JANE, groups=("guests",)))
    assert moved.change == "update" and moved.user.id == made.id
    assert (moved.user.tenant_id, moved.user.username, moved.user.scopes) == ("default", "jane-2", {"costs", "chat"})
    assert moved.user.session_epoch == made.session_epoch + 1
    with pytest.raises(GroupDenied) as caught:
        await here.admit(replace(JANE, groups=()))
    assert caught.value.user.id == made.id
    found = await store.user(made.id)
    assert found.scopes == frozenset() and found.session_epoch == made.session_epoch + 2
    back = await here.admit(replace(JANE, groups=("guests",)))
    assert back.user.scopes == {"costs", "chat"}


async def test_a_user_who_was_deleted_here_comes_back_as_a_new_one(house):
    here, _, store = house
    made = (await here.admit(JANE)).user
    await store.delete_user("welding", made.id)
    again = await here.admit(JANE)
    assert again.change == "create" and again.user.id != made.id


# --- the file -----------------------------------------------------------------------------------------------------


def test_the_first_rule_of_somebodys_groups_counts_and_the_operator_role_needs_its_own(rules):
    found = rules()
    assert found.grant(["welders", "leads"]).scopes == MEMBER_SCOPES | {"admin"}
    assert found.grant(["welders", "boss"]).scopes == ALL_SCOPES
    assert found.grant(["welders", "guests"]).scopes == {"costs", "chat"}
    assert found.grant(["welders"]).scopes == MEMBER_SCOPES
    assert found.grant(["Boss", "boss ", "operator", "admin"]) is None
    assert found.grant([]) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rules: []", "line 1, column 1, rules: must name a group; else nobody could sign in"),
        ("rule: []", "line 1, column 1, rule: Extra inputs"),
        ("rules:\n  - group: a\n    role: king", "line 3, column 5, rules[0].role"),
        ("rules:\n  - role: admin", "rules[0].group: Field required"),
        ("rules:\n  - group: a\n    tenant: A/B", "line 3, column 5, rules[0].tenant"),
        ("rules:\n  - group: a\n  - group: a", "line 3, column 5, rules[1].group: is 'a', which a rule before it has"),
        ("rules:\n  - group: a\n    role: admin\n    scopes: [chat]", "scopes narrow the role member alone"),
        ("rules:\n  - group: a\n    scopes: [admin]", "unknown scopes admin"),
        ("rules:\n  - group: ''", "line 2, column 5, rules[0].group"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_place(rules, text, told):
    with pytest.raises(FailedPrecondition) as caught:
        rules(text)
    assert caught.value.reason == "CONFIGURATION_INVALID"
    assert told in caught.value.message and (text == "rules: []" or "nobody could" not in caught.value.message)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(FailedPrecondition, match="PENSTOCK_OIDC_GROUPS_FILE"):
        read_group_rules(str(tmp_path / "none.yaml"))
