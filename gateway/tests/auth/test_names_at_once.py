"""Names that are given at the same moment, by one gateway or by two that have one database."""

import asyncio

import pytest

from gateway.auth.delegation import Delegation
from gateway.auth.identity import ExternalIdentity
from gateway.auth.look_alikes import looks_of
from gateway.auth.oidc.account_store import ExternalAccountStore
from gateway.auth.oidc.group_rules import Grant
from gateway.auth.password import Passwords
from gateway.auth.scope import ALL_SCOPES
from gateway.auth.sql_store import SqlIdentityStore
from gateway.auth.users import NewUserRequest, UserService
from gateway.main import MIGRATIONS
from penstock_kit.database import open_database
from penstock_kit.errors import AlreadyExists
from penstock_testkit.databases import lay_out

ALIKE = ("marek", "rnarek", "Marek", "MAREK")
PASSWORD = "four unlikely words here"


@pytest.fixture
async def databases(url):
    """The same empty database, as two gateways have it open."""
    await lay_out(url, MIGRATIONS)
    found = [open_database(url, readers=1) for _ in range(2)]
    yield found
    for database in found:
        await database.close()


@pytest.fixture
def stores(databases):
    return [SqlIdentityStore(database) for database in databases]


def looks_like(name):
    return lambda other: not looks_of(name).isdisjoint(looks_of(other.username))


async def test_of_names_that_look_the_same_one_is_stored_when_several_gateways_store_them_at_once(stores, someone):
    tenants = [f"tenant-{number}" for number in range(6)]
    calls = [
        stores[number % 2].add_user(someone(name, tenant), is_taken=looks_like(name))
        for tenant in tenants
        for number, name in enumerate(ALIKE)
    ]
    stored = await asyncio.gather(*calls)
    assert sum(stored) == len(tenants)
    for tenant in tenants:
        assert len(await stores[0].users(tenant)) == 1


async def test_of_names_that_look_the_same_one_is_stored_when_issuers_and_administrators_store_them_at_once(
    stores, databases, someone
):
    accounts = [ExternalAccountStore(database) for database in databases]
    tenants = [f"tenant-{number}" for number in range(6)]
    calls = []
    for tenant in tenants:
        for number, name in enumerate(ALIKE):
            user, place = someone(name, tenant), number // 2
            identity = ExternalIdentity(issuer="https://issuer.example", subject=user.id)
            by_issuer = number % 2 == 0
            made = (
                accounts[place].add(identity, user)
                if by_issuer
                else stores[place].add_user(user, is_taken=looks_like(name))
            )
            calls.append(made)
    assert sum(await asyncio.gather(*calls)) == len(tenants)


async def test_a_user_of_an_issuer_moves_under_no_name_that_looks_like_one_there(stores, databases, someone):
    accounts = ExternalAccountStore(databases[0])
    grant = Grant(tenant_id="there", scopes=frozenset({"chat"}))
    assert await stores[0].add_user(someone("rnarek", "there"))
    comer = someone("marek", "here")
    assert await accounts.add(ExternalIdentity(issuer="https://issuer.example", subject="1"), comer)
    assert not await accounts.move(comer.id, "marek", grant)
    assert await accounts.move(comer.id, "marek-2", grant)
    moved = await stores[1].user(comer.id)
    assert (moved.tenant_id, moved.username) == ("there", "marek-2")


async def test_a_name_that_looks_like_one_in_another_tenant_is_stored(stores, someone):
    for number, name in enumerate(ALIKE):
        assert await stores[0].add_user(someone(name, f"tenant-{number}"), is_taken=looks_like(name))


class Meeting(Passwords):
    """Hashes nothing before as many as `users` are about to be stored, none of whom has seen another."""

    def __init__(self, users):
        super().__init__(parallel=users)
        self._barrier = asyncio.Barrier(users)

    async def hash(self, password):
        await self._barrier.wait()
        return await super().hash(password)


async def test_of_users_made_at_once_with_names_that_look_the_same_one_is_made(house):
    service = UserService(
        store=house.store,
        passwords=Meeting(len(ALIKE)),
        authenticator=house.authenticator,
        delegation=Delegation(store=house.store, limits=house.limits),
        clock=house.clock,
    )
    root = await house.user("root", ALL_SCOPES)
    calls = (service.create(root, NewUserRequest(username=name, password=PASSWORD)) for name in ALIKE)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    refusals = [outcome for outcome in outcomes if isinstance(outcome, AlreadyExists)]
    assert [refusal.reason for refusal in refusals] == ["USER_EXISTS"] * (len(ALIKE) - 1)
    assert len(await house.store.users("default")) == 2
