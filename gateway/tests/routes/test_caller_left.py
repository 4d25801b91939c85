"""What is computed for a caller ends when that caller has left, in feature-service too."""

import asyncio
from typing import Any

import pytest

from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Work:
    """A call of feature-service that takes as long as somebody waits for it."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def __call__(self, request: Any, context: Any) -> Any:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


@pytest.mark.parametrize(
    ("call", "route", "body"),
    [
        ("ExtractFeatures", "POST /api/v2/ai/features/extract", b'{"device_code":"W"}'),
        ("ExtractFeatures", "POST /api/v2/ai/features/extract?format=json", b'{"device_code":"W"}'),
        ("GetFeatureStats", "GET /api/v2/ai/features/stats?model_code=welding", b""),
        ("DetectAnomalies", "POST /api/v2/ai/anomalies", b'{"device_codes":["W"]}'),
        ("DrawPlot", "GET /api/v2/ai/plot?device_code=W", b""),
    ],
)
async def test_what_is_computed_ends_when_its_caller_has_left(
    fakes: Any, start_gateway: Any, call: str, route: str, body: bytes
) -> None:
    work = Work()
    setattr(fakes.feature, call, work)
    gateway = await start_gateway()
    _, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rpartition(":")[2]))
    head = f"{route} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: {gateway.key}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    async with asyncio.timeout(HANG_SECONDS):
        await work.begun.wait()
        writer.close()
        await work.cancelled.wait()
