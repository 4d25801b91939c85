"""How many personalities and prompt templates a tenant may have."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chat_stream_service.adapters.sql_personality_store import SqlPersonalityStore, SqlTemplateStore
from chat_stream_service.domain.conversations.personality import Personality, Template
from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.main import MIGRATIONS
from penstock_kit.database import Database, sqlite_url
from penstock_kit.errors import ResourceExhausted
from penstock_testkit.databases import migrated

NOW = datetime(2026, 5, 1, tzinfo=UTC)
ACME, OTHER = Owner(tenant_id="acme", user_id="ann"), Owner(tenant_id="other", user_id="bob")


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str) -> AsyncIterator[Database]:
    url = sqlite_url(tmp_path / "chat.db") if request.param == "sqlite" else postgres_url
    async with migrated(url, MIGRATIONS) as opened:
        yield opened


def personality(number: int) -> Personality:
    return Personality(id=f"p{number}", name="p", prompt="Be kind.", create_time=NOW, update_time=NOW)


def template(number: int) -> Template:
    return Template(id=f"t{number}", name="t", content="{{content}}", create_time=NOW, update_time=NOW)


async def test_a_tenant_has_a_limited_number_of_personalities_and_no_other_is_refused_for_it(
    database: Database,
) -> None:
    store = SqlPersonalityStore(database, most=2)
    for number in range(2):
        await store.create(ACME, personality(number))
    with pytest.raises(ResourceExhausted, match="at most 2 personalities; delete some") as refused:
        await store.create(ACME, personality(2))
    assert refused.value.reason == "PERSONALITIES_LIMIT_EXCEEDED"
    await store.create(OTHER, personality(2))
    await store.replace(ACME, personality(1))
    await store.delete(ACME, "p0")
    await store.create(ACME, personality(3))


async def test_a_tenant_has_a_limited_number_of_templates_and_no_other_is_refused_for_it(database: Database) -> None:
    store = SqlTemplateStore(database, most=2)
    for number in range(2):
        await store.create(ACME, template(number))
    with pytest.raises(ResourceExhausted, match="at most 2 prompt templates; delete some") as refused:
        await store.create(ACME, template(2))
    assert refused.value.reason == "TEMPLATES_LIMIT_EXCEEDED"
    await store.create(OTHER, template(2))
    await store.replace(ACME, template(1))
    await store.delete(ACME, "t0")
    await store.create(ACME, template(3))


async def test_long_personalities_and_templates_do_not_keep_a_tenant_from_its_lists(database: Database) -> None:
    long = "字" * 1_500_000
    prompts, contents = SqlPersonalityStore(database), SqlTemplateStore(database)
    for number in range(5):
        await prompts.create(ACME, replace(personality(number), tools=("t" * 1_500_000,)))
        await contents.create(ACME, replace(template(number), content=long))
    for store in (prompts, contents):
        pages = [await store.list_page(ACME, size=50, token="")]
        while pages[-1].next_token:
            pages.append(await store.list_page(ACME, size=50, token=pages[-1].next_token))
        assert [len(page.items) for page in pages] == [2, 2, 1]
