"""A load that is watched: how far it is, and the result of one that is not."""

import asyncio
import io
import time

import pytest
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.domain.ingest.ingest_counts import IngestCounts
from feature_service.domain.ingest.plan import IngestReport
from feature_service.domain.ingest.progress import IngestStage
from feature_service.edge.ingest_rpcs import IngestRpcs
from penstock_kit.errors import InvalidArgument, Unprocessable

OPTIONS = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code="d", model_code="m", create=True)
ROWS = 70_000
BODY = "timestamp,x\n" + "".join(f"{1_767_225_600 + row},{row % 9}\n" for row in range(ROWS)) + "1,bad\n"


async def parts(body=BODY, kind=pb.WatchIngestRequest):
    yield kind(options=OPTIONS)
    data = body.encode()
    for start in range(0, len(data), 100_000):
        yield kind(chunk=data[start : start + 100_000])


async def watched(service, requests):
    async with service.features.WatchIngest(requests) as messages:
        return [message async for message in messages]


async def test_the_last_message_is_what_a_load_that_nobody_watches_gets(service):
    *told, last = await watched(service, parts())
    assert (last.result.rows_accepted, last.result.rows_rejected) == (ROWS, 1)
    assert all(message.HasField("progress") for message in told)
    plain = await service.features.Ingest(parts(kind=pb.IngestRequest))
    plain.ClearField("notes")
    last.result.ClearField("notes")
    del plain.ingested_fields[:], last.result.ingested_fields[:]
    assert last.result == plain


async def test_a_refusal_is_that_of_a_load_that_nobody_watches(service):
    with pytest.raises(Unprocessable) as refused:
        await watched(service, parts(body="timestamp,x\nnever,1\n"))
    assert refused.value.reason == "ROWS_INVALID"

    async def nothing():
        yield pb.WatchIngestRequest(chunk=b"x")
        for _ in range(50):
            yield pb.WatchIngestRequest(chunk=bytes(500_000))

    with pytest.raises(InvalidArgument) as refused:
        await watched(service, nothing())
    assert refused.value.reason == "OPTIONS_REQUIRED"


class SlowIngestion:
    """Reads and stores when it is told to."""

    def __init__(self):
        self.next, self.told, self.ended = asyncio.Event(), asyncio.Event(), False

    async def ingest(self, tenant_id, plan, body, progress):
        """Go on from stage to stage."""
        try:
            for stage, rows in ((IngestStage.READING, 0), (IngestStage.READING, 7), (IngestStage.STORING, 9)):
                progress.stage, progress.rows_accepted, progress.rows_rejected = stage, rows, rows // 7
                self.told.set()
                await self.next.wait()
                self.next.clear()
            return IngestReport(device_code="d", model_code="m", accepted=9, rejected=1)
        finally:
            self.ended = True


@pytest.fixture
def slow():
    return SlowIngestion()


class Spool(io.BytesIO):
    """A body in memory."""

    def body(self):
        """Return it."""
        return self


def rpcs_of(slow):
    counts = IngestCounts(time.monotonic)
    return IngestRpcs(ingestion=slow, points=Spool, ingest_counts=counts, spool=Spool, tell_seconds=0.001)


async def test_stage_bytes_and_rows_are_told_while_it_goes_on(slow):
    seen = []
    async for message in rpcs_of(slow).WatchIngest(parts(), None):
        progress = message.progress
        told = (progress.stage, progress.received_bytes, progress.rows_accepted, progress.rows_rejected)
        if message.HasField("result"):
            seen.append(message.result.rows_accepted)
        elif told not in seen:
            seen.append(told)
            if told[0] != "receiving":
                slow.next.set()
    size = len(BODY.encode())
    assert [each for each in seen if each == 9 or each[0] != "receiving"] == [
        ("reading", size, 0, 0),
        ("reading", size, 7, 1),
        ("storing", size, 9, 1),
        9,
    ]


async def test_who_leaves_ends_the_load(slow):
    messages = rpcs_of(slow).WatchIngest(parts(), None)
    await anext(messages)
    await slow.told.wait()
    await messages.aclose()
    assert slow.ended
