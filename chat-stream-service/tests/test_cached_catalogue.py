"""Personalities and templates through the shared cache: read once, and never as they were before a change."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from penstock.cache.v1 import cache_pb2_grpc
from sqlalchemy import event
from sqlalchemy.engine import Engine

from cache_service.composition.services import build_services
from cache_service.composition.stores import memory_stores
from cache_service.edge.servicer import CacheServicer
from cache_service.settings import CacheSettings
from chat_stream_service.adapters.cached_store import CachedStore, cached_personalities, cached_templates
from chat_stream_service.adapters.sql_personality_store import SqlPersonalityStore, SqlTemplateStore
from chat_stream_service.domain.conversations.personality import Personality, Template
from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.main import MIGRATIONS
from penstock_kit.cache import CacheClient
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.database import open_database, sqlite_url
from penstock_kit.errors import NotFound
from penstock_kit.grpc import GrpcServer, open_channel
from penstock_testkit.clock import ManualClock
from penstock_testkit.databases import lay_out
from penstock_testkit.waiting import HANG_SECONDS

ANN = Owner(tenant_id="acme", user_id="ann")
EVE = Owner(tenant_id="evil", user_id="eve")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Two replicas' catalogues over one database and one cache, and the statements that reached the database."""

    here: tuple[CachedStore[Any], CachedStore[Any]]
    there: tuple[CachedStore[Any], CachedStore[Any]]
    reads: list[str] = field(default_factory=list[str])


def as_user(owner: Owner) -> Any:
    return use_context(CallContext(request_id="req_1", caller=Caller(user_id=owner.user_id, tenant_id=owner.tenant_id)))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def shelf(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Shelf]:
    settings = CacheSettings(_env_file=None, CACHE_SEMANTIC_STORE="memory")  # type: ignore[call-arg]
    services = build_services(settings, memory_stores(settings, clock), clock)
    server = GrpcServer(service="cache-service", grace_seconds=0)
    server.add(cache_pb2_grpc.add_CacheServiceServicer_to_server, CacheServicer(services=services, clock=clock))
    channel = open_channel(f"127.0.0.1:{await server.start(0)}", service="cache-service")
    url = sqlite_url(tmp_path / "chat.db")
    await lay_out(url, MIGRATIONS)
    database = open_database(url)

    def stores() -> tuple[CachedStore[Any], CachedStore[Any]]:
        cache = CacheClient(channel, timeout=HANG_SECONDS)
        return (
            cached_personalities(SqlPersonalityStore(database), cache),
            cached_templates(SqlTemplateStore(database), cache),
        )

    made = Shelf(here=stores(), there=stores())

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("SELECT"):
            made.reads.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield made
    event.remove(Engine, "before_cursor_execute", note)
    await database.close()
    await channel.close()
    await server.drain()


def items(clock: ManualClock) -> tuple[Personality, Template]:
    now = clock.now()
    return (
        Personality(id="one", name="Pirate", prompt="Arr.", create_time=now, update_time=now, tools=("list_devices",)),
        Template(id="one", name="Greeting", content="Hello {{name}}.", create_time=now, update_time=now),
    )


@pytest.mark.parametrize("kind", [0, 1], ids=["personality", "template"])
async def test_an_item_is_read_once_and_every_change_is_seen_at_once_at_the_other_replica(
    shelf: Shelf, clock: ManualClock, kind: int
) -> None:
    here, there, item = shelf.here[kind], shelf.there[kind], items(clock)[kind]
    with as_user(ANN):
        await here.create(ANN, item)
        assert await there.get(ANN, "one") == item
        assert (await there.list_page(ANN, size=50, token="")).items == [item]
        shelf.reads.clear()
        assert await here.get(ANN, "one") == item
        assert (await here.list_page(ANN, size=50, token="")).items == [item]
        assert shelf.reads == []
        changed = replace(item, name="Other")
        await here.replace(ANN, changed)
        assert (await there.get(ANN, "one")).name == "Other"
        assert [each.name for each in (await there.list_page(ANN, size=50, token="")).items] == ["Other"]
        await here.create(ANN, replace(item, id="two", name="Second"))
        assert len((await there.list_page(ANN, size=50, token="")).items) == 2
        await here.delete(ANN, "one")
        with pytest.raises(NotFound):
            await there.get(ANN, "one")
        assert [each.id for each in (await there.list_page(ANN, size=50, token="")).items] == ["two"]


@pytest.mark.parametrize("kind", [0, 1], ids=["personality", "template"])
async def test_a_cached_item_is_given_to_no_other_tenant_and_anothers_is_not_cached(
    shelf: Shelf, clock: ManualClock, kind: int
) -> None:
    store, item = shelf.here[kind], items(clock)[kind]
    with as_user(ANN):
        await store.create(ANN, item)
        assert await store.get(ANN, "one") == item
        await store.list_page(ANN, size=50, token="")
    with as_user(EVE):
        with pytest.raises(NotFound):
            await store.get(EVE, "one")
        assert (await store.list_page(EVE, size=50, token="")).items == []
        assert await store.get(ANN, "one") == item, "who acts for another tenant asks the store"
        with pytest.raises(NotFound):
            await store.get(EVE, "one")


@pytest.mark.parametrize("kind", [0, 1], ids=["personality", "template"])
async def test_pages_of_other_sizes_and_places_are_cached_apart(shelf: Shelf, clock: ManualClock, kind: int) -> None:
    store, item = shelf.here[kind], items(clock)[kind]
    with as_user(ANN):
        for at in range(3):
            await store.create(ANN, replace(item, id=f"id_{at}", name=f"n{at}"))
        first = await store.list_page(ANN, size=2, token="")
        rest = await store.list_page(ANN, size=2, token=first.next_token)
        assert [each.id for each in (*first.items, *rest.items)] == ["id_0", "id_1", "id_2"]
        assert len((await store.list_page(ANN, size=1, token="")).items) == 1
        assert rest.next_token == ""


@pytest.mark.parametrize("kind", [0, 1], ids=["personality", "template"])
async def test_a_warm_up_reads_the_items_of_every_tenant(shelf: Shelf, clock: ManualClock, kind: int) -> None:
    store, item = shelf.here[kind], items(clock)[kind]
    for owner, name in ((ANN, "a"), (EVE, "e")):
        with as_user(owner):
            await store.create(owner, replace(item, id=name))
    assert await store.warm_up() == 4, "a page and an item of each"
    shelf.reads.clear()
    for owner, name in ((ANN, "a"), (EVE, "e")):
        with as_user(owner):
            assert (await shelf.there[kind].get(owner, name)).id == name
            assert len((await shelf.there[kind].list_page(owner, size=50, token="")).items) == 1
    assert shelf.reads == []
