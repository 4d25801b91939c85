"""Version N and N + 1 serve side by side over one PostgreSQL and one Redis: nothing fails while one takes over."""

import asyncio
import itertools
import shutil
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from penstock_testkit.servers import RedisServer
from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.waiting import HANG_SECONDS, until_true

# What the next version adds to tables that every request touches.
ADDED = {
    "gateway": ("gateway_users", "gateway_api_keys"),
    "llm_service": ("llm_ledger", "llm_budget_use"),
    "chat_stream_service": ("conversations", "messages", "streams"),
    "feature_service": ("device", "data_model"),
}
REVISION = '''"""What the next version adds."""

import sqlalchemy as sa
from alembic import op

revision = "9001"
down_revision = "{down}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column to each table, and a table."""
    for table in {tables!r}:
        op.add_column(table, sa.Column("next_note", sa.Text, nullable=False, server_default="new"))
    op.create_table("{package}_next", sa.Column("id", sa.Integer, primary_key=True))
'''
ENOUGH = 25


def next_version(folder: Path) -> Path:
    """Copy the services, with a revision more each; return the folder to import them from."""
    for package, tables in ADDED.items():
        spec = find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        shutil.copytree(Path(spec.origin).parent, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
        versions = folder / package / "migrations" / "versions"
        down = max(path.stem.partition("_")[0] for path in versions.glob("*.py"))
        text = REVISION.format(down=down, tables=tables, package=package)
        (versions / "9001_next.py").write_text(text)
    return folder


class Load:
    """Asks the gateways in `rotation` in turn, and collects what failed."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.rotation: list[str] = []
        self.answered: dict[str, int] = {}
        self.failed: list[str] = []
        self._client = client
        self._turns: Iterator[int] = itertools.count()
        self._under_way: dict[str, int] = {}
        self._changed = asyncio.Condition()

    async def work(self) -> None:
        """Ask without end, one kind of request after the other."""
        for kind in itertools.cycle((self._complete, self._converse, self._look)):
            url = self.rotation[next(self._turns) % len(self.rotation)]
            self._under_way[url] = self._under_way.get(url, 0) + 1
            try:
                await kind(url)
            except (httpx.HTTPError, AssertionError, KeyError) as error:
                self.failed.append(f"{kind.__name__} at {url}: {error!r}")
            finally:
                self._under_way[url] -= 1
            self.answered[url] = self.answered.get(url, 0) + 1
            async with self._changed:
                self._changed.notify_all()

    async def served(self, url: str, more: int) -> None:
        """Return when `url` has answered so many more requests."""
        wanted = self.answered.get(url, 0) + more
        async with self._changed, asyncio.timeout(HANG_SECONDS):
            await self._changed.wait_for(lambda: self.answered.get(url, 0) >= wanted)

    async def take_out(self, url: str) -> None:
        """Ask `url` no more, and return when it has answered everything."""
        self.rotation.remove(url)
        async with self._changed, asyncio.timeout(HANG_SECONDS):
            await self._changed.wait_for(lambda: not self._under_way[url])

    async def _complete(self, url: str) -> None:
        body = {"model": "fallback/rules", "messages": [{"role": "user", "content": "hello"}]}
        answer = (await self._client.post(f"{url}/v1/chat/completions", json=body)).raise_for_status().json()
        assert answer["choices"][0]["message"]["content"]

    async def _converse(self, url: str) -> None:
        made = (await self._client.post(f"{url}/api/v1/conversations", json={})).raise_for_status().json()
        path = f"{url}/api/v1/conversations/{made['id']}"
        question = {"role": "user", "content": "How are you?"}
        answer = (await self._client.post(f"{path}/stream", json=question)).raise_for_status().text
        assert "event: complete_state" in answer

        async def is_stored() -> bool:
            # While the database is held an answer that is out is stored a moment later.
            messages = (await self._client.get(f"{path}/messages")).raise_for_status().json()["messages"]
            return len(messages) == 2

        await until_true(is_stored)

    async def _look(self, url: str) -> None:
        (await self._client.get(f"{url}/api/v2/metadata/devices")).raise_for_status()
        (await self._client.get(f"{url}/api/v1/costs/summary?group_by=provider")).raise_for_status()


@asynccontextmanager
async def loading(load: Load, workers: int) -> AsyncGenerator[None]:
    """Have the load go on for the block."""
    tasks = [asyncio.create_task(load.work()) for _ in range(workers)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_two_versions_over_one_database_fail_no_request_while_one_takes_over(
    tmp_path: Path, postgres_url: str, redis_server: RedisServer, redis_url: str
) -> None:
    shared = {"DATABASE_URL": postgres_url, "REDIS_URL": redis_url, "JWT_SECRET": "s" * 40}
    next_env = shared | {"PYTHONPATH": str(next_version(tmp_path / "next"))}
    systems: list[RunningSystem] = []

    async def start(name: str, environment: dict[str, Any]) -> RunningSystem:
        system = await asyncio.to_thread(start_system, tmp_path / name, extra_env=environment, demo=False)
        systems.append(system)
        return system

    try:
        old = await start("old", shared)
        async with httpx.AsyncClient(headers={"x-api-key": old.key}, timeout=HANG_SECONDS) as client:
            load = Load(client)
            load.rotation.append(old.url)
            async with loading(load, 3):
                await load.served(old.url, ENOUGH)
                new = await start("new", next_env)
                load.rotation.append(new.url)
                await load.served(old.url, ENOUGH)
                await load.served(new.url, ENOUGH)
                await load.take_out(old.url)
                await asyncio.to_thread(old.stop)
                # The old version starts once more, as a replica that is replaced does: the schema serves it.
                again = await start("old", shared)
                load.rotation.append(again.url)
                await load.served(again.url, ENOUGH)
                await load.served(new.url, ENOUGH)
                await load.take_out(again.url)
                await load.served(new.url, ENOUGH)
        assert load.failed == []
        assert new.output().count("schema migrated") == len(ADDED)
        assert again.output().count("which serves this one too") >= len(ADDED)
    finally:
        for system in systems:
            await asyncio.to_thread(system.stop)


@pytest.mark.parametrize("package", ADDED)
def test_the_next_version_is_made_of_every_service_that_keeps_records(package: str) -> None:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    assert (Path(spec.origin).parent / "migrations" / "env.py").is_file()
