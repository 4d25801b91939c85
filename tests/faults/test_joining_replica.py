"""A replica that joins others behind one name: how soon it has its share of the calls, with real processes."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

import pytest
from penstock.cache.v1 import cache_pb2, cache_pb2_grpc

from penstock_kit.cache import FREQUENT_CALLS
from penstock_kit.context import SYSTEM, CallContext, use_context
from penstock_kit.grpc import open_channel
from penstock_testkit.servers.name_server import run_name_server
from penstock_testkit.servers.process import free_ports
from penstock_testkit.waiting import HANG_SECONDS, assert_within, until

NAME: Final = "cache.test"
FIRST, SECOND = "127.0.0.1", "127.0.0.2"
SECRET: Final = "0123456789abcdef0123456789abcdef"
AGE: Final = 1.0
STREAM_LIFETIME: Final = 1.0
# What each may take longer, and how seldom gRPC asks for a name again.
BOUND: Final = 1.1 * AGE + 1.2 * STREAM_LIFETIME + 2.0 + 1.0
SHARE: Final = 0.15
COUNTED: Final = re.compile(
    r'^penstock_rpc_requests_total\{.*method="penstock\.cache\.v1\.CacheService/Get".*\} (\S+)$'
)


class Replica:
    """One process of cache-service and what it has counted."""

    def __init__(self, host: str, metrics_port: int, log: Path) -> None:
        self._url = f"http://{host}:{metrics_port}/metrics"
        self._log = log

    def is_serving(self) -> bool:
        """Whether it says that it listens."""
        return "serving" in self._log.read_text(errors="replace")

    def answered(self) -> float:
        """How many calls it has answered."""
        with urlopen(self._url, timeout=HANG_SECONDS) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(found[1]) for line in lines if (found := COUNTED.match(line)))


@contextmanager
def replica(host: str, ports: Sequence[int], home: Path) -> Iterator[Replica]:
    home.mkdir()
    log = home / "log"
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ} | {
        "PENSTOCK_HOME": str(home),
        "PENSTOCK_SERVICE_BIND_HOST": host,
        "PENSTOCK_SERVICE_SECRET": SECRET,
        "PENSTOCK_CONNECTION_AGE_SECONDS": str(AGE),
        "CACHE_SERVICE_PORT": str(ports[0]),
        "CACHE_SERVICE_METRICS_PORT": str(ports[1]),
    }
    with log.open("wb") as sink:
        command = [sys.executable, "-m", "cache_service"]
        process = subprocess.Popen(command, env=environment, stdout=sink, stderr=subprocess.STDOUT, cwd=home)
    try:
        yield Replica(host, ports[1], log)
    finally:
        process.kill()
        process.wait()


async def share_of(joined: Replica, other: Replica, stub: Any) -> float:
    """Make 200 calls, none of which may fail; return which part of them `joined` answered."""
    before = joined.answered(), other.answered()
    for _ in range(25):
        await asyncio.gather(*(stub.Get(cache_pb2.GetRequest(key="k")) for _ in range(8)))
    ours, theirs = joined.answered() - before[0], other.answered() - before[1]
    return ours / (ours + theirs)


@pytest.mark.parametrize("multiplexed", [(), FREQUENT_CALLS], ids=["plain", "multiplexed"])
async def test_a_replica_that_joins_has_its_share_of_calls_within_the_age_of_connections(
    tmp_path: Path, multiplexed: Sequence[str]
) -> None:
    ports = free_ports(2)
    async with run_name_server() as names, asyncio.timeout(HANG_SECONDS):
        names.set(NAME, [FIRST])
        with (
            replica(FIRST, ports, tmp_path / "first") as first,
            replica(SECOND, ports, tmp_path / "second") as second,
            use_context(CallContext(request_id="req_join", caller=SYSTEM)),
        ):
            await until(lambda: first.is_serving() and second.is_serving())
            channel = open_channel(
                names.target(NAME, ports[0]),
                service="cache-service",
                timeout=HANG_SECONDS,
                multiplexed=multiplexed,
                secret=SECRET,
                stream_lifetime=STREAM_LIFETIME,
            )
            async with channel:
                stub = cache_pb2_grpc.CacheServiceStub(channel)
                assert await share_of(second, first, stub) == 0
                names.set(NAME, [FIRST, SECOND])
                joined = time.monotonic()
                while await share_of(second, first, stub) < SHARE:
                    pass
                assert_within(time.monotonic() - joined, BOUND, "a share of the calls for a replica that joined")
