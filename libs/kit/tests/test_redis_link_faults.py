"""The link to a Redis that swallows what it is sent, hangs for long, or answers what was not asked for."""

import asyncio
import random
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any

import pytest

from penstock_kit.clock import SystemClock
from penstock_kit.redis.link import RedisLink, RedisUnavailable
from penstock_testkit.redis_time import redis_client
from penstock_testkit.servers.process import free_port
from penstock_testkit.servers.redis import OwnRedis
from penstock_testkit.waiting import HANG_SECONDS, assert_within, until, until_true

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
READS = 10_000


@asynccontextmanager
async def serving(handle: Handle) -> AsyncGenerator[int]:
    """A server that does what the test wants with each connection; gives its port."""
    handlers: set[asyncio.Task[Any]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await handle(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del writer
    while await reader.read(1 << 16):
        pass


async def answer_ping_alone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"PING\r\n")
    writer.write(b"+PONG\r\n")
    await swallow(reader, writer)


async def read_no_further_than_ping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if (await reader.read(64)).endswith(b"PING\r\n"):
        writer.write(b"+PONG\r\n")
    await asyncio.get_running_loop().create_future()


@contextmanager
def no_more_connections() -> Generator[int]:
    """A port whose system takes no further connection and refuses none."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        for _ in range(8):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port


async def seconds_until_given_up(url: str, *, up_first: bool = False, value: bytes = b"v") -> float:
    link = RedisLink(url, clock=SystemClock())
    try:
        if up_first:
            await link.probe([("PING",)])
        began = time.monotonic()
        with pytest.raises(RedisUnavailable):
            await (link.run if up_first else link.probe)([("SET", "k", value)])
        return time.monotonic() - began
    finally:
        await link.close()


async def test_a_server_that_swallows_everything_costs_one_deadline_at_whatever_stage() -> None:
    took: dict[str, float] = {}
    with no_more_connections() as port:
        took["connecting"] = await seconds_until_given_up(f"redis://127.0.0.1:{port}/0")
    async with serving(swallow) as port:
        took["agreeing on TLS"] = await seconds_until_given_up(f"rediss://127.0.0.1:{port}/0?ssl_cert_reqs=none")
        took["showing the password"] = await seconds_until_given_up(f"redis://:secret@127.0.0.1:{port}/0")
    async with serving(read_no_further_than_ping) as port:
        url = f"redis://127.0.0.1:{port}/0"
        took["writing"] = await seconds_until_given_up(url, up_first=True, value=bytes(16 << 20))
    async with serving(answer_ping_alone) as port:
        took["reading"] = await seconds_until_given_up(f"redis://127.0.0.1:{port}/0", up_first=True)
    for stage, seconds in took.items():
        assert seconds >= 0.15, f"{stage}: it was given up before its time"
        assert_within(seconds, 0.25, stage)


def cut(data: bytes, chance: random.Random) -> Iterator[bytes]:
    while data:
        size = chance.randint(1, 9)
        yield data[:size]
        data = data[size:]


async def test_10000_reads_with_callers_that_leave_or_tire_get_no_foreign_value_over_either_protocol() -> None:
    chance = random.Random(3)

    async def answer_with_what_is_asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            words = [await read_word(reader) for _ in range(int((await reader.readuntil(b"\r\n"))[1:]))]
            if words[0] == b"HELLO":
                answer = b"%1\r\n$5\r\nproto\r\n:3\r\n"
            else:
                answer = b"$%d\r\n%b\r\n" % (len(words[1]), words[1])
                if chance.random() < 0.2:
                    answer = b">2\r\n$10\r\ninvalidate\r\n$1\r\nx\r\n" + answer
                if chance.random() < 0.003:
                    await asyncio.sleep(0.03)  # a server that stalls: some callers go on without it
            for piece in cut(answer, chance) if chance.random() < 0.05 else (answer,):
                writer.write(piece)
                if chance.random() < 0.01:
                    await writer.drain()
                    await asyncio.sleep(0.002)

    async with serving(answer_with_what_is_asked) as port:
        url = f"redis://127.0.0.1:{port}/0?protocol=3"
        link = RedisLink(url, clock=SystemClock(), timeout=HANG_SECONDS, wait_seconds=0.01)
        await link.probe([("GET", "first")])
        counts = {"value": 0, "left": 0, "tired": 0}

        async def ask(number: int) -> None:
            try:
                (answer,) = await link.run([("GET", f"k{number}")])
            except RedisUnavailable:
                counts["tired"] += 1
            except asyncio.CancelledError:
                counts["left"] += 1
                raise
            else:
                assert answer == f"k{number}".encode()
                counts["value"] += 1

        for start in range(0, READS, 100):
            asked = [asyncio.create_task(ask(start + number)) for number in range(100)]
            for _ in range(chance.randint(0, 3)):
                await asyncio.sleep(0)
            for task in chance.sample(asked, 10):
                task.cancel()
            for error in await asyncio.gather(*asked, return_exceptions=True):
                assert error is None or isinstance(error, asyncio.CancelledError)
        assert link.up
        await link.close()
    assert min(counts.values()) > 0, counts


async def read_word(reader: asyncio.StreamReader) -> bytes:
    size = int((await reader.readuntil(b"\r\n"))[1:])
    return (await reader.readexactly(size + 2))[:-2]


async def test_a_long_hang_leaves_no_call_unsettled_no_connection_behind_and_no_queue() -> None:
    redis = OwnRedis(free_port())
    redis.start()
    link = RedisLink(redis.url, clock=SystemClock(), timeout=0.02)
    client: Any = redis_client(redis.url)

    async def answers() -> bool:
        with suppress(RedisUnavailable):
            return bool(await link.probe([("PING",)]))
        return False

    try:
        await until_true(answers)  # a machine that is short of time does not answer in 0.02 s at once
        connections = len(await client.client_list())
        tasks = len(asyncio.all_tasks())
        redis.running.hang()
        with pytest.raises(RedisUnavailable):
            await link.run([("GET", "k")])
        refused = 0
        for number in range(120_000):  # ten minutes at 200 a second
            try:
                await link.run([("GET", f"k{number}")])
            except RedisUnavailable:
                refused += 1
            if number % 2_000 == 0:
                with pytest.raises(RedisUnavailable):
                    await link.probe([("PING",)])
        assert refused == 120_000
        assert len(asyncio.all_tasks()) <= tasks, "reconnecting leaves nothing running"
        redis.running.resume()
        assert_within(await until_true(answers), 5.0, "using Redis again")

        async def as_before() -> bool:
            return len(await client.client_list()) == connections

        await until_true(as_before)
        await until(lambda: len(asyncio.all_tasks()) <= tasks)
    finally:
        await client.aclose()
        await link.close()
        redis.stop()
