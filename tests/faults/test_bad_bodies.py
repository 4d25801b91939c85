"""Bodies that are no requests: too large, packed to burst, nested without end."""

import statistics
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

from penstock_testkit.fault_rows import Measured
from penstock_testkit.waiting import assert_within
from tests.faults.gateway_process import Gateway, gateway

MEGABYTE = 1024 * 1024
TRIES = 5
PATHS = ("/v1/chat/completions", "/api/v1/llm/parse", "/api/v2/data/query/realtime")


def bomb() -> bytes:
    """64 MB of spaces, packed to 64 KB: more than a body may have."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([packer.compress(b" " * MEGABYTE) for _ in range(64)]) + packer.flush()


BODIES: dict[str, tuple[Callable[[], bytes], dict[str, str], int]] = {
    "a body of 21 MB": (lambda: b" " * 21 * MEGABYTE, {}, 413),
    "a gzip bomb": (bomb, {"content-encoding": "gzip"}, 413),
    "JSON of 10,000 levels": (lambda: b'{"a":' * 10_000 + b"1" + b"}" * 10_000, {}, 400),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_is_no_request_is_refused_at_once_and_takes_no_memory(
    tmp_path: Path, name: str, measured: Measured
) -> None:
    make, headers, status = BODIES[name]
    body = make()
    async with gateway(tmp_path, "127.0.0.1:1") as running:
        await refused(running, PATHS[0], body, headers, status)
        before = megabytes(running)
        took = [await refused(running, path, body, headers, status) for path in PATHS for _ in range(TRIES)]
        grown = megabytes(running) - before
        assert (await running.client.get("/health")).status_code == 200
    measured(f"{name}: {status} in {statistics.median(took) * 1000:.0f} ms, + {max(0.0, grown):.0f} MB")
    assert grown < 40
    # The client makes the large ones first: what it takes for that is in the time.
    assert_within(statistics.median(took), 0.05)


async def refused(running: Gateway, path: str, body: bytes, headers: dict[str, str], status: int) -> float:
    """Send a body; return the seconds to its refusal."""
    began = time.perf_counter()
    try:
        sent = {"content-type": "application/json", "content-length": str(len(body)), **headers}
        answer = await running.client.post(path, content=body, headers=sent)
    except httpx.WriteError:
        return time.perf_counter() - began  # it was told and closed before all was sent
    assert answer.status_code == status, answer.text
    return time.perf_counter() - began


def megabytes(running: Gateway) -> float:
    return psutil.Process(running.process.pid).memory_full_info().pss / MEGABYTE
