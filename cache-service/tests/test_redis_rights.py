"""A user of Redis who lacks a right: a working cache all the same, and it is said what is missing."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any, Final

import pytest
import redis.asyncio
from structlog.testing import capture_logs

from cache_service.adapters.redis.membership import BEAT_SECONDS
from penstock_testkit.servers.redis import OwnRedis
from penstock_testkit.waiting import until

ALL: Final = ("~*", "+@all", "allchannels")
AWAY: Final = "redis is away, going on in memory"
DENIED: Final = "the user of redis may not listen to other replicas"


def _administrator(url: str) -> Any:
    library: Any = redis.asyncio
    return library.Redis.from_url(url)


@pytest.fixture
async def limited(redis: OwnRedis) -> AsyncIterator[Callable[[Sequence[str]], Any]]:
    """What makes a user with such rights and gives the URL to come as them."""
    async with aclosing(_administrator(redis.url)) as administrator:

        async def user(rights: Sequence[str]) -> str:
            await administrator.execute_command("ACL", "SETUSER", "limited", "on", ">pw", *rights)
            return redis.url.replace("redis://", "redis://limited:pw@")

        yield user


@pytest.mark.parametrize(
    "rights",
    [
        pytest.param(("~*", "+@all", "resetchannels"), id="no channel"),
        pytest.param((*ALL, "-publish"), id="no publish"),
        pytest.param((*ALL, "-eval", "-evalsha"), id="no scripts"),
        pytest.param((*ALL, "-zadd"), id="a command of a script"),
        pytest.param(("~another:*", "+@all", "allchannels"), id="no keys"),
    ],
)
async def test_a_user_without_a_right_gets_a_cache_in_memory_and_the_state_says_what_is_missing(
    limited: Any, replica: Any, given_up: Any, rights: Sequence[str]
) -> None:
    with capture_logs() as lines:
        async with replica(await limited(rights)) as one:
            await given_up(one)
            assert await one.put("a", b"1")
            assert await one.value("a") == b"1"
            await asyncio.sleep(2.5 * BEAT_SECONDS)
            state = one.services.cache.state()
            assert state.breaker == "open"
            assert "no permissions" in state.detail or "user executing the script can't" in state.detail
    assert [line["event"] for line in lines] == [AWAY]


async def test_a_user_who_may_not_listen_uses_redis_and_the_log_says_so_once(
    limited: Any, replica: Any, in_use: Any
) -> None:
    with capture_logs() as lines:
        async with replica(await limited((*ALL, "-subscribe"))) as one:
            await in_use(one)
            await until(lambda: DENIED in [line["event"] for line in lines])
            assert await one.put("a", b"1")
            assert await one.value("a") == b"1"
            await asyncio.sleep(2.5 * BEAT_SECONDS)
            assert one.breaker == "closed"
    assert [line["event"] for line in lines] == [DENIED]
