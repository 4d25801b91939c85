"""The link to a real Redis, and to servers that misbehave."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from penstock_kit.clock import Clock, SystemClock
from penstock_kit.redis.address import address_of
from penstock_kit.redis.connection import ConnectionLost, PipelinedConnection
from penstock_kit.redis.link import RedisLink, RedisUnavailable
from penstock_testkit.clock import ManualClock
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import HANG_SECONDS, until, until_true

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


AWAY: Final = "redis is away, going on in memory"
BACK: Final = "redis is back"


@asynccontextmanager
async def linked(url: str, *, clock: Clock | None = None, **options: Any) -> AsyncGenerator[RedisLink]:
    link = RedisLink(url, clock=clock or SystemClock(), **options)
    try:
        yield link
    finally:
        await link.close()


@asynccontextmanager
async def serving(serve: Serve) -> AsyncGenerator[str]:
    """A server that does what the test wants with each connection."""
    handlers: set[asyncio.Task[Any]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await serve(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    finally:
        server.close()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


async def test_callers_that_leave_never_shift_the_answers_of_others(redis_url: str) -> None:
    chance = random.Random(7)
    async with linked(redis_url, timeout=HANG_SECONDS) as link:
        await link.probe([("MSET", *(part for n in range(2000) for part in (f"k{n}", f"v{n}")))])

        async def ask(number: int) -> Any:
            (answer,) = await link.run([("GET", f"k{number}")])
            assert answer == f"v{number}".encode()
            return answer

        asked: list[asyncio.Task[Any]] = []
        for number in range(2000):
            task = asyncio.create_task(ask(number))
            asked.append(task)
            if chance.random() < 0.3:
                await asyncio.sleep(0)
            if chance.random() < 0.3:
                chance.choice(asked[-20:]).cancel()
        answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, bytes) for answer in answers) > 1000
    assert all(isinstance(answer, bytes | asyncio.CancelledError) for answer in answers)


async def test_answers_cut_at_any_byte_are_put_together() -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"b\r\n")
        for byte in b"$5\r\nfirst\r\n-ERR no\r\n*2\r\n:7\r\n$-1\r\n":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()

    async with serving(trickle) as url:
        connection = await PipelinedConnection.open(address_of(url))
        first, second, third = await connection.send([("GET", "a"), ("X", "y"), ("GET", "b")])
        assert (first, f"{second}", third) == (b"first", "ERR no", [7, None])
        connection.close()


async def test_what_is_no_answer_of_a_redis_ends_the_connection() -> None:
    async def speak_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"a\r\n")
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()

    async with serving(speak_http) as url:
        connection = await PipelinedConnection.open(address_of(url))
        with pytest.raises(ConnectionLost, match="not an answer of Redis"):
            await connection.send([("GET", "a")])
        assert connection.closed
        with pytest.raises(ConnectionLost):
            await connection.send([("GET", "a")])


async def test_a_server_that_takes_and_never_answers_is_away_in_time_and_asked_anew_later() -> None:
    connections: list[asyncio.StreamWriter] = []

    async def first_mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while await reader.readuntil(b"PING\r\n"):
            if len(connections) > 1:
                writer.write(b"+PONG\r\n")

    async with serving(first_mute) as url, linked(url, timeout=0.05) as link:
        with pytest.raises(RedisUnavailable):
            await link.probe([("PING",)])
        assert not link.up

        async def is_back() -> bool:
            with suppress(RedisUnavailable):  # a machine that is short of time does not answer in 0.05 s either
                return await link.probe([("PING",)]) == [b"PONG"]
            return False

        await until_true(is_back)
        assert link.up


async def test_an_impatient_caller_goes_on_and_only_the_probe_says_that_redis_is_away() -> None:
    slow = asyncio.Event()

    async def answer_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"PING\r\n")
        writer.write(b"+PONG\r\n")
        await reader.readuntil(b"\r\na\r\n")
        await slow.wait()
        writer.write(b"$1\r\n1\r\n")
        await reader.readuntil(b"\r\nb\r\n")
        writer.write(b"$1\r\n2\r\n")
        await reader.read()

    async with serving(answer_late) as url, linked(url, timeout=HANG_SECONDS, wait_seconds=0.02) as link:
        await link.probe([("PING",)])
        with pytest.raises(RedisUnavailable, match="no answer within"):
            await link.run([("GET", "a")])
        assert link.up
        slow.set()
        assert await link.probe([("GET", "b")]) == [b"2"], "the late answer is nobody else's"


async def test_a_command_that_may_have_run_is_never_sent_again() -> None:
    seen: list[bytes] = []

    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"n\r\n"))

    async with serving(drop) as url, linked(url) as link:
        with pytest.raises(RedisUnavailable):
            await link.probe([("INCR", "n")])
        await asyncio.sleep(0)
    assert len(seen) == 1


async def test_a_password_that_is_wrong_is_said_without_it(redis_url: str, caplog: Any) -> None:
    wrong = redis_url.replace("redis://", "redis://:planted-password@")
    async with linked(wrong) as link:
        with pytest.raises(RedisUnavailable) as away:
            await link.probe([("PING",)])
    assert "AUTH" in f"{away.value}"
    assert "planted-password" not in f"{away.value}{link.error}{caplog.text}"


async def test_a_server_that_answers_probes_and_refuses_the_same_command_is_said_once_a_minute() -> None:
    refuses, clock = asyncio.Event(), ManualClock()
    refuses.set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while command := await reader.readuntil(b"PING\r\n"):
            writer.write(b"-NOPERM no 'info'\r\n" if b"INFO" in command and refuses.is_set() else b"+PONG\r\n")

    async def ask(link: RedisLink) -> None:
        await link.probe([("PING",)])
        with suppress(RedisUnavailable):
            await link.run([("INFO", "PING")])
        clock.advance(0.4)

    with capture_logs() as lines:
        async with serving(answer) as url, linked(url, clock=clock, timeout=HANG_SECONDS) as link:
            for _ in range(100):
                await ask(link)
            assert [line["event"] for line in lines] == [AWAY, BACK], "forty seconds of it"
            for _ in range(100):
                await ask(link)
            assert [line["event"] for line in lines].count(AWAY) == 2
            refuses.clear()
            told = len(lines)
            for _ in range(10):
                await ask(link)
    assert [line["event"] for line in lines[told:]] == [BACK]


async def test_a_redis_that_is_not_there_is_named() -> None:
    port = free_port()
    async with linked(f"redis://:secret@127.0.0.1:{port}/0") as link:
        with pytest.raises(RedisUnavailable, match=f"127.0.0.1:{port}"):
            await link.probe([("PING",)])
        assert "secret" not in link.error


async def test_large_values_go_over_a_connection_of_their_own(redis_url: str) -> None:
    async with linked(f"{redis_url}?client_name=lanes", timeout=HANG_SECONDS) as link:
        await link.probe([("SET", "k", b"x" * 1000)])
        (clients,) = await link.run([("CLIENT", "LIST")])
        assert clients.count(b"name=lanes") == 1
        await link.probe([("SET", "big", b"x" * 1_000_000)])
        await link.run([("GET", "small")])
        (clients,) = await link.run([("CLIENT", "LIST")])
    assert clients.count(b"name=lanes") == 2


async def test_a_full_server_refuses_with_an_answer_where_that_is_expected(redis_url: str) -> None:
    async with linked(redis_url) as link:
        await link.probe([("CONFIG", "SET", "maxmemory", "1")])
        try:
            (answer,) = await link.run([("SET", "k", "v")], may_lack_room=True)
            assert f"{answer}".startswith("OOM")
            assert link.up
            with pytest.raises(RedisUnavailable, match="OOM"):
                await link.run([("SET", "k", "v")])
        finally:
            await link.probe([("CONFIG", "SET", "maxmemory", "0")])


@pytest.mark.parametrize(
    ("code", "is_away"),
    [
        ("LOADING", True), ("READONLY", True), ("MASTERDOWN", True), ("NOAUTH", True), ("WRONGPASS", True),
        ("NOPERM", True), ("MISCONF", True), ("BUSY", True), ("CLUSTERDOWN", True), ("OOM", True),
        ("ERR", False), ("WRONGTYPE", False), ("MYOWN", False),
    ],
)  # fmt: skip
async def test_a_server_that_answers_and_cannot_work_is_away_and_any_other_error_is_an_answer(
    redis_url: str, code: str, is_away: bool
) -> None:
    async with linked(redis_url) as link:
        await link.probe([("PING",)])
        command = ("EVAL", f"return redis.error_reply('{code} for a reason')", 0)
        if is_away:
            with pytest.raises(RedisUnavailable, match=code):
                await link.run([command])
        else:
            (answer,) = await link.run([command])
            assert isinstance(answer, Exception)
            assert link.up


async def test_an_error_about_the_command_itself_is_an_answer(redis_url: str) -> None:
    async with linked(redis_url) as link:
        await link.probe([("SET", "text", "abc")])
        first, second = await link.run([("INCR", "text"), ("GET", "text")])
        assert isinstance(first, Exception)
        assert second == b"abc"
        assert link.up


async def test_a_transaction_gives_the_answers_of_its_commands(redis_url: str) -> None:
    async with linked(redis_url) as link:
        await link.probe([("PING",)])
        assert await link.run([("SET", "a", 1), ("INCR", "a")], transaction=True) == [b"OK", 2]


async def test_an_outage_is_told_once_and_its_end_too(redis_url: str) -> None:
    turns: list[bool] = []
    async with linked(redis_url) as link:
        link.listen(turns.append)
        await link.probe([("PING",)])
        link.on_failure(OSError("gone"))
        link.on_failure(OSError("gone"))
        await link.probe([("PING",)])
        await until(lambda: len(turns) == 3)
    assert turns == [True, False, True]


def test_a_url_says_how_to_get_in() -> None:
    address = address_of("rediss://ann:secret@cache.example:6380/3?ssl_cert_reqs=none&client_name=us")
    assert (address.host, address.port, address.database) == ("cache.example", 6380, 3)
    assert address.tls is not None
    assert address.greeting() == [("AUTH", "ann", "secret"), ("CLIENT", "SETNAME", "us"), ("SELECT", 3)]
    assert address_of("unix:///run/redis.sock").path == "/run/redis.sock"
    with pytest.raises(ValueError, match="scheme"):
        address_of("http://127.0.0.1")
