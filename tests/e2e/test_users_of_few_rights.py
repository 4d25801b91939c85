"""docs/several-instances.md, users of few rights: made by the page's own lines, they have what a whole system needs."""

import re
import shlex
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
import redis.asyncio

from penstock_testkit.servers.postgres import PostgresServer
from penstock_testkit.servers.process import free_port
from penstock_testkit.servers.redis import OwnRedis
from penstock_testkit.system import start_system
from penstock_testkit.waiting import HANG_SECONDS
from tests.e2e.chat import ask, kinds

PAGE: Final = (Path(__file__).parents[2] / "docs" / "several-instances.md").read_text("utf-8")
SECTION: Final = PAGE.partition("\n## Users of few rights\n")[2].partition("\n## ")[0]
EXTRACTION: Final = {"device_code": "WLD001", "start_time": "2020-01-01T00:00:00Z", "end_time": "2100-01-01T00:00:00Z"}


def block(language: str) -> str:
    """Return the section's one block in a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)
    return found


@pytest.fixture
def own_redis() -> Iterator[OwnRedis]:
    own = OwnRedis(free_port())
    own.start()
    yield own
    own.stop()


@pytest.fixture
async def limited_redis(own_redis: OwnRedis) -> AsyncIterator[tuple[str, Any]]:
    """The URL of the page's user, and a connection of the administrator's."""
    library: Any = redis.asyncio
    async with aclosing(library.Redis.from_url(own_redis.url, decode_responses=True)) as administrator:
        program, *command = shlex.split(block("sh"))
        assert program == "redis-cli"
        await administrator.execute_command(*command)
        yield own_redis.url.replace("redis://", "redis://penstock:choose-one@"), administrator


@pytest.fixture
async def limited_postgres(postgres_server: PostgresServer, postgres_url: str) -> str:
    """The URL of the page's user on a database where nobody may anything by default."""
    name = urlsplit(postgres_url).path[1:]
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    await connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    await connection.execute(block("sql").replace("DATABASE penstock", f"DATABASE {name}"))
    await connection.close()
    parts = urlsplit(postgres_server.url)
    return f"postgresql://penstock_app:choose-one@{parts.hostname}:{parts.port}/{name}"


async def test_users_of_few_rights_have_what_a_whole_system_needs(
    tmp_path: Path, limited_redis: tuple[str, Any], limited_postgres: str, postgres_url: str
) -> None:
    redis_url, administrator = limited_redis
    stores = {"REDIS_URL": redis_url, "DATABASE_URL": limited_postgres, "TELEMETRY_URL": limited_postgres}
    system = start_system(tmp_path / "home", extra_env=stores)
    try:
        headers = {"Authorization": f"Bearer {system.key}"}
        async with httpx.AsyncClient(base_url=system.url, headers=headers, timeout=HANG_SECONDS) as http:
            assert kinds(await ask(http, "How many devices are there?"))[-1] == "complete_state"
            ready = (await http.get("/ready")).json()
    finally:
        system.stop()
    assert '"down"' not in str(ready).replace("'", '"'), ready
    assert await administrator.execute_command("ACL", "LOG") == []
    begins = {key.partition("}")[0][:14] for key in await administrator.keys()}
    assert {"{penstock:cach", "penstock:chat:"} >= begins
    assert "penstock:chat:" in begins
    connection = await asyncpg.connect(postgres_url)
    schemas = {row["schemaname"] for row in await connection.fetch("SELECT schemaname FROM pg_tables")}
    await connection.close()
    assert schemas == {"penstock", "pg_catalog", "information_schema"}
