"""The servers that tests run against are real and do what the fixtures say."""

import subprocess
import sys

import asyncpg
import redis.asyncio as redis

from penstock_testkit.servers.process import accepts, free_port, free_ports
from penstock_testkit.servers.redis import start_local_redis
from penstock_testkit.waiting import HANG_SECONDS


async def test_redis_fixture_is_an_empty_redis(redis_url: str) -> None:
    async with redis.Redis.from_url(redis_url, socket_timeout=HANG_SECONDS) as client:
        assert await client.dbsize() == 0
        assert await client.set("a", "1")


async def test_postgres_fixture_is_an_empty_database(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    assert await connection.fetchval("select count(*) from information_schema.tables where table_schema='public'") == 0
    await connection.close()


def test_a_killed_local_redis_no_longer_accepts() -> None:
    port = free_port()
    server = start_local_redis(port)
    assert accepts(port)
    server.kill()
    assert not accepts(port)
    server.stop()


ASKS_FOR_PORTS = """
from penstock_testkit.servers.process import free_ports

print(*free_ports(200), flush=True)
input()
"""


def test_tests_that_run_beside_each_other_are_given_no_port_twice() -> None:
    asking = [
        subprocess.Popen(
            [sys.executable, "-c", ASKS_FOR_PORTS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    ports = [port for process in asking if process.stdout for port in process.stdout.readline().split()]
    for process in asking:
        process.communicate("\n")
    assert len(ports) == len(set(ports)) == 800


def test_a_free_port_is_none_that_the_system_gives_away_meanwhile() -> None:
    assert max(free_ports(100)) < 32_768
