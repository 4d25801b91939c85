"""The audit log's table: what is kept for how long."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.audit.entry import SIGN_IN_FAILED, AuditEntry
from gateway.audit.store import AuditQuery, AuditStore
from gateway.main import MIGRATIONS
from penstock_kit.database import sqlite_url
from penstock_testkit.databases import migrated

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def entry(action: str, days: float) -> AuditEntry:
    return AuditEntry(
        time=NOW - timedelta(days=days), tenant_id="acme", user_id="usr_1", key_id="", address="10.0.0.1",
        request_id="req_1", action=action, target="", outcome="done",
    )  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "gateway.db")
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def store(url: str) -> AsyncIterator[AuditStore]:
    async with migrated(url, MIGRATIONS) as database:
        yield AuditStore(database, kept_days=365, most_failed=3, most_of_user=4)


async def test_entries_are_kept_for_their_time_and_failed_sign_ins_for_a_month(store: AuditStore) -> None:
    for action, days in (("key.create", 366), ("key.create", 364), (SIGN_IN_FAILED, 31), (SIGN_IN_FAILED, 29)):
        await store.append(entry(action, days))
    await store.prune(NOW)
    kept = await store.list(AuditQuery(tenant_id="acme"))
    assert [(each.action, (NOW - each.time).days) for each in kept] == [(SIGN_IN_FAILED, 29), ("key.create", 364)]


async def test_of_failed_sign_ins_the_newest_stay_up_to_their_number_and_push_no_other_out(store: AuditStore) -> None:
    for hour in range(5):
        await store.append(entry(SIGN_IN_FAILED, (20 - hour) / 24))
        await store.append(replace(entry("key.create", (20 - hour) / 24), user_id=f"usr_{hour}"))
    await store.prune(NOW)
    kept = await store.list(AuditQuery(action=SIGN_IN_FAILED))
    assert [round((NOW - each.time).total_seconds() / 3600) for each in kept] == [16, 17, 18]
    assert len(await store.list(AuditQuery(action="key.create"))) == 5
    await store.prune(NOW)
    assert len(await store.list(AuditQuery())) == 8


async def test_of_a_users_acts_the_newest_stay_up_to_their_number_and_push_nobody_elses_out(store: AuditStore) -> None:
    others = [
        {"user_id": "usr_2"},
        {"tenant_id": "other"},
        {"outcome": "refused"},
        {"action": SIGN_IN_FAILED, "outcome": "refused"},
    ]
    for other in others:
        await store.append(replace(entry("key.create", 300), **other))  # a failed sign-in so old goes by its age
    await store.append(replace(entry(SIGN_IN_FAILED, 3), outcome="done"))
    for hour in range(10):
        await store.append(entry("key.create", (20 - hour) / 24))
    await store.prune(NOW)

    async def kept() -> list[int]:
        found = await store.list(AuditQuery(tenant_id="acme", user_id="usr_1", action="key.create"))
        return [round((NOW - each.time).total_seconds() / 3600) for each in found if each.outcome == "done"]

    assert await kept() == [11, 12, 13, 14]
    assert len(await store.list(AuditQuery(end_time=NOW - timedelta(days=2)))) == 4, "what others did, and failed"
    await store.prune(NOW)
    assert await kept() == [11, 12, 13, 14]
    await store.prune(NOW + timedelta(days=365, hours=-11.5))
    assert await kept() == [11]


async def test_a_number_is_never_given_twice(store: AuditStore) -> None:
    await store.append(entry("key.create", 400))
    (before,) = await store.list(AuditQuery())
    await store.prune(NOW)
    await store.append(entry("key.create", 0))
    (after,) = await store.list(AuditQuery())
    assert after.id > before.id


async def test_an_act_is_recorded_however_long_what_it_names_is(store: AuditStore) -> None:
    await store.append(replace(entry("key.create", 0), address="a" * 65, request_id="r" * 129, target="t" * 257))
    (kept,) = await store.list(AuditQuery())
    assert (kept.address, kept.request_id, kept.target) == ("a" * 64, "r" * 128, "t" * 256)


async def test_a_time_range_holds_its_start_and_not_its_end(store: AuditStore) -> None:
    for days in (2, 1, 0):
        await store.append(entry("key.create", days))
    found = await store.list(AuditQuery(start_time=NOW - timedelta(days=2), end_time=NOW))
    assert [(NOW - each.time).days for each in found] == [1, 2]
