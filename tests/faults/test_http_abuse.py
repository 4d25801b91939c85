"""A gateway process under connections that want to use it up: what they cost it, and that others are served."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from penstock_testkit.fault_rows import Measured
from penstock_testkit.waiting import HANG_SECONDS, assert_within, bound
from tests.faults.gateway_process import Gateway, gateway

MEGABYTE = 1024 * 1024
FEW_FILES = 256
CROWD = 400
GET = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
SLOW_HEAD = b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: "
SLOW_BODY = b"POST /api/v2/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"


@pytest.fixture
async def small(tmp_path: Path) -> AsyncGenerator[Gateway]:
    """A gateway that may open `FEW_FILES` files."""
    short = {"PENSTOCK_HEAD_SECONDS": "2", "PENSTOCK_BODY_SECONDS": "2"}
    async with gateway(tmp_path, "127.0.0.1:1", open_files=FEW_FILES, **short) as running:
        yield running


def proportional_megabytes(pid: int) -> float:
    """What a process takes, and its part of what it shares with others."""
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith("Pss:")) / 1024


def connect(stack: ExitStack, url: str) -> socket.socket:
    """A connection that is never read from."""
    at = urlsplit(url)
    made = stack.enter_context(socket.create_connection((at.hostname or "", at.port or 0), timeout=HANG_SECONDS))
    made.setblocking(False)
    return made


def log_lines(home: Path) -> list[dict[str, Any]]:
    """The lines of the gateway's log."""
    lines = next(home.glob("gateway-*.log")).read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


async def statuses(url: str, count: int) -> list[int]:
    """What others get, each on a connection of its own; an answer that takes longer than :func:`bound` of 2 s fails."""
    found: list[int] = []
    for _ in range(count):
        async with httpx.AsyncClient(timeout=bound(2)) as client:
            found.append((await client.get(f"{url}/health")).status_code)
        await asyncio.sleep(0.1)
    return found


async def test_32_megabytes_of_pipelined_requests_cost_little_and_end_the_connection(
    tmp_path: Path, measured: Measured
) -> None:
    loop = asyncio.get_running_loop()
    async with gateway(tmp_path, "127.0.0.1:1") as running:
        assert await statuses(running.url, 3) == [200, 200, 200]
        before, sent = proportional_megabytes(running.process.pid), 0
        with ExitStack() as stack:
            greedy = connect(stack, running.url)
            with suppress(TimeoutError):
                while sent < 32 * MEGABYTE:
                    sent += await asyncio.wait_for(loop.sock_sendall(greedy, GET * 2000), 1) or len(GET) * 2000
            assert sent < 32 * MEGABYTE, "what nobody answers is not read"
            grown = proportional_megabytes(running.process.pid) - before
            measured(f"+ {max(0.0, grown):.1f} MB, {sent / MEGABYTE:.1f} MB taken from the client")
            assert grown < 20
            assert await statuses(running.url, 3) == [200, 200, 200]
            async with asyncio.timeout(HANG_SECONDS):
                with pytest.raises(ConnectionError):
                    await loop.sock_sendall(greedy, GET * 200_000)


async def test_400_idle_connections_leave_room_for_others_and_a_line_in_the_log(
    small: Gateway, tmp_path: Path, measured: Measured
) -> None:
    with ExitStack() as stack:
        for _ in range(CROWD):
            connect(stack, small.url)
        await asyncio.sleep(0.2)
        assert await statuses(small.url, 5) == [200] * 5
        # What it opens itself still opens: nobody's key is read from the store.
        assert (await small.client.get("/api/v1/keys")).status_code == 200
    crowded = [line for line in log_lines(tmp_path) if line["event"].startswith("too many connections")]
    measured(f"{CROWD} idle connections at {FEW_FILES} files: 5 of 5 others served, {len(crowded)} line in the log")
    assert len(crowded) == 1, "one line, however many there were"
    assert crowded[0]["limit"] < FEW_FILES


@pytest.mark.parametrize("sent", [SLOW_HEAD, SLOW_BODY], ids=["heads", "bodies"])
async def test_400_connections_of_a_byte_now_and_then_end_and_others_are_served(
    small: Gateway, sent: bytes, measured: Measured
) -> None:
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        crowd = [connect(stack, small.url) for _ in range(CROWD)]
        for connection in crowd:
            with suppress(OSError):
                connection.send(sent)
        for _ in range(8):
            await asyncio.sleep(0.5)
            for connection in crowd:
                with suppress(OSError):
                    connection.send(b"x")
        assert await statuses(small.url, 5) == [200] * 5
        begun = loop.time()
        answers = [await first_line(connection) for connection in crowd]
        assert_within(loop.time() - begun, 10, "the end of all of them")
    slow = sum(answer.startswith(b"HTTP/1.1 408") for answer in answers)
    measured(f"{CROWD} slow ones: 5 of 5 others served, {slow} told 408, the others closed or 503")
    assert set(answers) <= {b"HTTP/1.1 408 Request Timeout", b"HTTP/1.1 503 Service Unavailable", b""}
    assert b"HTTP/1.1 408 Request Timeout" in answers


async def test_a_head_of_28_megabytes_costs_nothing(tmp_path: Path, measured: Measured) -> None:
    loop = asyncio.get_running_loop()
    async with gateway(tmp_path, "127.0.0.1:1") as running:
        assert await statuses(running.url, 3) == [200, 200, 200]
        before = proportional_megabytes(running.process.pid)
        with ExitStack() as stack:
            greedy = connect(stack, running.url)
            with suppress(ConnectionError):
                await loop.sock_sendall(greedy, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 28 * MEGABYTE)
            assert await first_line(greedy) == b"HTTP/1.1 431 Request Header Fields Too Large"
        grown = proportional_megabytes(running.process.pid) - before
        measured(f"a head of 28 MB: 431, + {max(0.0, grown):.1f} MB")
        assert grown < 5


async def first_line(connection: socket.socket) -> bytes:
    """The first line that was answered, empty when the connection was just closed."""
    loop, answer = asyncio.get_running_loop(), b""
    async with asyncio.timeout(HANG_SECONDS):
        with suppress(ConnectionError):
            while got := await loop.sock_recv(connection, 65536):
                answer += got
    return answer.partition(b"\r\n")[0]
