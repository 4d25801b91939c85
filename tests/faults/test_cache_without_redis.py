"""Two cache-services under load while their Redis is killed or hung, and when it is back."""

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from penstock.cache.v1 import cache_pb2 as pb
from penstock.cache.v1 import cache_pb2_grpc

from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.grpc import open_channel
from penstock_testkit.fault_rows import FaultRow, NoteFault
from penstock_testkit.redis_time import redis_client
from penstock_testkit.servers.process import ServerProcess, free_port, free_ports
from penstock_testkit.servers.redis import start_local_redis
from penstock_testkit.waiting import HANG_SECONDS, assert_within, until_true

_INHERITED = ("PATH", "HOME", "TMPDIR", "PYTHONPATH")
RATE, SECONDS = 200, 2.0
SECRET = "a-secret-of-this-test-and-of-nothing-else"
ANN = Caller(user_id="ann", tenant_id="acme", scopes=frozenset({"operator", "admin"}))


@dataclass(slots=True, kw_only=True)
class CacheProcess:
    """One cache-service in a process of its own."""

    stub: Any
    log: Path

    def outages(self) -> int:
        return self.log.read_text().count("redis is away")

    async def breaker(self) -> str:
        return (await self.status()).breaker_state

    async def status(self) -> pb.GetStatusResponse:
        return await self.stub.GetStatus(pb.GetStatusRequest())


@dataclass(slots=True)
class Load:
    """Mixed work at a steady rate; how long each call took, and what failed."""

    took: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.took, n=100)[98]

    async def run(self, caches: list[CacheProcess], seconds: float) -> None:
        """Send so many calls a second, whatever becomes of the earlier ones."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(int(RATE * seconds)):
                await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
                group.create_task(self._one(caches[number % len(caches)].stub, number))

    async def _one(self, stub: Any, number: int) -> None:
        key = f"k:{number % 40}"
        work: Callable[[], Awaitable[Any]] = [
            lambda: stub.Get(pb.GetRequest(key=key)),
            lambda: stub.Set(pb.SetRequest(entry=pb.Entry(key=key, value=b"v" * 200, tags=["t"]))),
            lambda: stub.GetMany(pb.GetManyRequest(keys=[f"k:{n}" for n in range(8)])),
            lambda: stub.TakeRateLimit(_rate(f"r:{number % 5}")),
            lambda: stub.Increment(pb.IncrementRequest(key="n", delta=1)),
            lambda: stub.Invalidate(pb.InvalidateRequest(prefix=f"k:{number % 40}")),
        ][number % 6]
        began = time.monotonic()
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - every failure counts
            self.failed.append(repr(error))
        self.took.append(time.monotonic() - began)


def _rate(key: str) -> pb.TakeRateLimitRequest:
    request = pb.TakeRateLimitRequest(key=key, cost=1, limit=10_000)
    request.window.FromSeconds(60)
    return request


async def says(cache: CacheProcess, word: str) -> bool:
    """Whether what the service says is wrong has `word` in it."""
    return word in (await cache.status()).components[0].detail


@asynccontextmanager
async def cache_process(home: Path, redis_url: str) -> AsyncGenerator[CacheProcess]:
    port, metrics_port = free_ports(2)
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ} | {
        "PENSTOCK_HOME": str(home),
        "CACHE_SERVICE_PORT": str(port),
        "CACHE_SERVICE_METRICS_PORT": str(metrics_port),
        "PENSTOCK_SERVICE_SECRET": SECRET,
        "REDIS_URL": redis_url,
    }
    process, log = _launch(home, environment)
    try:
        channel = open_channel(f"127.0.0.1:{port}", service="cache-service", timeout=HANG_SECONDS, secret=SECRET)
        async with channel:
            await asyncio.wait_for(channel.channel_ready(), HANG_SECONDS)
            yield CacheProcess(stub=cache_pb2_grpc.CacheServiceStub(channel), log=log)
    finally:
        process.kill()
        process.wait()


def _launch(home: Path, environment: dict[str, str]) -> "tuple[subprocess.Popen[bytes], Path]":
    home.mkdir()
    log = home / "cache.log"
    with log.open("wb") as sink:
        command = [sys.executable, "-m", "cache_service"]
        process = subprocess.Popen(command, env=environment, stdout=sink, stderr=subprocess.STDOUT, cwd=home)
    return process, log


async def all_are(caches: list[CacheProcess], breaker: str) -> bool:
    return all([await cache.breaker() == breaker for cache in caches])


# A server started anew waits so many microseconds after each key on its disk, and answers LOADING after every 2 MiB.
SLOW_LOADING = ("--key-load-delay", "20000")
LOADED_KEYS, LOADED_BYTES = 100, 512 * 1024


@pytest.mark.parametrize("fault", ["killed", "hung", "restarted", "loading"])
async def test_no_request_fails_while_redis_is_away(
    tmp_path: Path, fault: str, record_property: Any, note_fault: NoteFault
) -> None:
    port = free_port()
    redis = start_local_redis(port)
    url = f"redis://127.0.0.1:{port}/0"
    if fault == "loading":  # before anybody uses it: saving blocks it, which on a busy machine is an outage of its own
        await save_keys(url)
    async with AsyncExitStack() as stack:
        stack.enter_context(use_context(CallContext(request_id="req_c", caller=ANN)))
        caches = [await stack.enter_async_context(cache_process(tmp_path / f"c{n}", url)) for n in range(2)]
        await until_true(lambda: all_are(caches, "closed"))
        quiet, away, after = Load(), Load(), Load()
        await quiet.run(caches, SECONDS)
        loading = asyncio.create_task(away.run(caches, SECONDS))
        await asyncio.sleep(0)
        began = time.monotonic()
        redis = bring_about(fault, redis, port)
        # One that is back at once may be used again before anybody looks.
        opened = 0.0 if fault == "restarted" else began + await until_true(lambda: all_are(caches, "open")) - began
        if fault == "loading":
            await until_true(lambda: says(caches[0], "LOADING"))
        away_status = await caches[0].status()
        await loading
        if fault == "killed":
            redis.stop()
            redis = start_local_redis(port)
        elif fault == "hung":
            redis.resume()
        used_again = await until_true(lambda: all_are(caches, "closed"))
        await after.run(caches, SECONDS / 2)
        status = await caches[0].status()
        outages = [cache.outages() for cache in caches]
    redis.stop()
    figures = {
        "opened_s": opened,
        "used_again_s": used_again,
        "p99_before_ms": quiet.p99 * 1e3,
        "p99_during_ms": away.p99 * 1e3,
    }
    record_property(fault, {name: round(value, 3) for name, value in figures.items()})
    print(fault, {name: round(value, 3) for name, value in figures.items()})
    failed = [*quiet.failed, *away.failed, *after.failed]
    note_fault(
        FaultRow(
            fault=f"Redis {fault} under {RATE} requests/s",
            figure=f"{len(failed)} failed, p99 {(away.p99 - quiet.p99) * 1e3:+.0f} ms, open after {opened:.2f} s",
            goal="0 failed, p99 +50 ms, open ≤ 1 s",
            met=not failed and away.p99 - quiet.p99 <= 0.05 and opened <= 1.0,
        )
    )
    note_fault(
        FaultRow(
            fault=f"Redis back after it was {fault}",
            figure=f"{len(after.failed)} failed, used again after {used_again:.2f} s",
            goal="0 failed, ≤ 5 s",
            met=not after.failed and used_again <= 5.0,
        )
    )
    assert failed == []
    assert outages == [1, 1], "one line an outage"
    if fault != "restarted":
        assert [(each.name, each.state) for each in away_status.components] == [("redis", "degraded")]
        assert away_status.components[0].detail, "what is wrong is said"
    assert ([(each.name, each.state) for each in status.components], status.replicas) == ([("redis", "ok")], 2)
    assert_within(opened, 1.0, "opening the breaker")
    assert_within(used_again, 5.0, "using Redis again")
    assert_within(away.p99 - quiet.p99, 0.25, "what an outage adds")


def bring_about(fault: str, redis: ServerProcess, port: int) -> ServerProcess:
    """Kill a Redis, hang it, or start it anew at once; return the one that is there."""
    if fault == "hung":
        redis.hang()
        return redis
    redis.kill()
    if fault == "killed":
        return redis
    return start_local_redis(port, *(SLOW_LOADING if fault == "loading" else ()), scratch=redis.scratch)


async def save_keys(url: str) -> None:
    """Have so much on the server's disk that it needs its time to read it."""
    admin = redis_client(url)
    try:
        await admin.config_set("rdbcompression", "no")
        await admin.execute_command("DEBUG", "POPULATE", LOADED_KEYS, "elsewhere", LOADED_BYTES)
        await admin.save()
    finally:
        await admin.aclose()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sickness:
    """What a Redis that answers can't do: the commands that bring it about, and those that mend it.

    `beside` is a command that goes on until it is mended, `without_its_folder` takes what it could save to.
    """

    begin: list[tuple[Any, ...]]
    end: list[tuple[Any, ...]]
    opens: bool = True
    beside: tuple[Any, ...] = ()
    without_its_folder: bool = False


SICKNESSES = {
    "read-only": Sickness(begin=[("REPLICAOF", "127.0.0.1", "1")], end=[("REPLICAOF", "NO", "ONE")]),
    "full": Sickness(
        begin=[("CONFIG", "SET", "maxmemory", "1")], end=[("CONFIG", "SET", "maxmemory", "0")], opens=False
    ),
    "asking for another password": Sickness(
        begin=[("CONFIG", "SET", "requirepass", "another"), ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")],
        end=[("CONFIG", "SET", "requirepass", "")],
    ),
    "unable to save": Sickness(
        begin=[("CONFIG", "SET", "save", "3600 1"), ("BGSAVE",)],
        end=[("CONFIG", "SET", "stop-writes-on-bgsave-error", "no"), ("CONFIG", "SET", "save", "")],
        without_its_folder=True,
    ),
    "busy with a script": Sickness(
        begin=[("CONFIG", "SET", "lua-time-limit", "50")],
        beside=("EVAL", "while true do end", 0),
        end=[("SCRIPT", "KILL")],
    ),
}


@pytest.mark.parametrize("sickness", SICKNESSES)
async def test_no_request_fails_while_redis_answers_and_cannot_work(
    tmp_path: Path, sickness: str, note_fault: NoteFault
) -> None:
    port, case = free_port(), SICKNESSES[sickness]
    redis = start_local_redis(port)
    url = f"redis://127.0.0.1:{port}/0"
    admin, other = redis_client(url), redis_client(url)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(admin.aclose)
        stack.push_async_callback(other.aclose)
        stack.enter_context(use_context(CallContext(request_id="req_c", caller=ANN)))
        caches = [await stack.enter_async_context(cache_process(tmp_path / f"c{n}", url)) for n in range(2)]
        await until_true(lambda: all_are(caches, "closed"))
        quiet, sick, after = Load(), Load(), Load()
        await quiet.run(caches, SECONDS)
        loading = asyncio.create_task(sick.run(caches, SECONDS))
        if case.without_its_folder:
            shutil.rmtree(redis.scratch)
        for command in case.begin:
            await admin.execute_command(*command)
        busy = asyncio.create_task(other.execute_command(*case.beside)) if case.beside else None
        opened = await until_true(lambda: all_are(caches, "open")) if case.opens else 0.0
        await loading
        for command in case.end:
            await admin.execute_command(*command)
        if busy is not None:
            await asyncio.gather(busy, return_exceptions=True)
        used_again = await until_true(lambda: all_are(caches, "closed"))
        await after.run(caches, SECONDS / 2)
        logs = "".join(cache.log.read_text() for cache in caches)
    redis.stop()
    failed = [*quiet.failed, *sick.failed, *after.failed]
    added = sick.p99 - quiet.p99
    opening = f"open after {opened:.2f} s" if case.opens else "stays closed"
    note_fault(
        FaultRow(
            fault=f"Redis {sickness} under {RATE} requests/s",
            figure=f"{len(failed)} failed, p99 {added * 1e3:+.0f} ms, {opening}, used again after {used_again:.2f} s",
            goal=f"0 failed, p99 +50 ms, {'open ≤ 1 s, again ≤ 5 s' if case.opens else 'stays closed'}",
            met=not failed and added <= 0.05 and opened <= 1.0 and used_again <= 5.0,
        )
    )
    assert failed == []
    assert_within(opened, 1.0, "opening the breaker")
    assert_within(used_again, 5.0, "using Redis again")
    assert logs.count("redis is away") == (2 if case.opens else 0), "one line an outage"
