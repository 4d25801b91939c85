"""Policies of keys in SQLite and PostgreSQL."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llm_service.adapters.sql_key_policy import SqlKeyPolicies
from llm_service.domain.billing.key_policy import KeyPolicy
from llm_service.main import MIGRATIONS
from penstock_kit.database import sqlite_url
from penstock_testkit.databases import migrated

MINE = KeyPolicy(
    tenant_id="acme",
    key_id="k1",
    allowed_models=("openai/*", "gpt-5"),
    tokens_per_minute=10,
    requests_per_minute=2,
    semantic_cache=True,
)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "llm.db")
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def policies(url: str) -> AsyncIterator[SqlKeyPolicies]:
    async with migrated(url, MIGRATIONS) as database:
        yield SqlKeyPolicies(database)


async def test_a_policy_is_read_as_it_was_put_and_replaced_whole(policies: SqlKeyPolicies) -> None:
    await policies.put(MINE)
    assert await policies.all() == [MINE]
    narrower = KeyPolicy(tenant_id="acme", key_id="k1", requests_per_minute=1)
    await policies.put(narrower)
    assert await policies.all() == [narrower]


async def test_policies_of_another_tenant_or_key_are_neither_replaced_nor_deleted(policies: SqlKeyPolicies) -> None:
    others = [replace(MINE, tenant_id="other"), replace(MINE, key_id="k2")]
    for policy in (*others, MINE, replace(MINE, tokens_per_minute=5)):
        await policies.put(policy)
    assert len(await policies.all()) == 3
    assert await policies.delete("acme", ["k1"]) == 1
    assert await policies.delete("acme", ["k1"]) == 0
    assert sorted(await policies.all(), key=lambda each: each.key_id) == others


@pytest.mark.parametrize(
    ("patterns", "model", "allowed"),
    [
        ((), "openai/gpt-5", True),
        (("gpt-5",), "openai/gpt-5", True),
        (("gpt-*",), "openai/gpt-5", True),
        (("openai/*",), "openai/gpt-5", True),
        (("openai/*",), "anthropic/gpt-5", False),
        (("gpt-5",), "openai/gpt-5-mini", False),
        (("GPT-5",), "openai/gpt-5", False),
    ],
)
def test_a_policy_allows_models_by_id_bare_name_and_pattern(
    patterns: tuple[str, ...], model: str, *, allowed: bool
) -> None:
    provider, _, name = model.partition("/")
    assert replace(MINE, allowed_models=patterns).allows(provider, name) is allowed


@pytest.mark.parametrize(
    ("limits", "forbids"),
    [
        ({}, False),
        ({"allowed_models": ("gpt-*",)}, True),
        ({"tokens_per_minute": 1}, True),
        ({"requests_per_minute": 1}, True),
    ],
)
def test_a_policy_with_any_one_limit_forbids_something(limits: dict[str, Any], *, forbids: bool) -> None:
    assert KeyPolicy(tenant_id="t", key_id="k", **limits).limits is forbids
