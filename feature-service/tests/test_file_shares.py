"""Files that are read slowly: a tenant has a few of them at once, whatever another one has."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import numpy as np
import pytest
from penstock.feature.v1 import feature_pb2 as pb
from penstock.feature.v1.feature_pb2_grpc import FeatureServiceStub

from feature_service.edge.file_shares import MOST_AT_ONCE, FileShares
from penstock_kit.errors import ResourceExhausted
from penstock_testkit.narrow_channel import open_narrow_channel
from penstock_testkit.waiting import HANG_SECONDS

# Of a file of 1.3 MB, in messages of 256 KB, a narrow channel takes two messages ahead at most.
ROWS = 40_000


async def ingest(service: Any, rows: int) -> None:
    async def messages() -> AsyncIterator[pb.IngestRequest]:
        options = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code="d", model_code="m", create=True)
        yield pb.IngestRequest(options=options)
        times = np.datetime64("2026-01-01T00:00:00") + np.arange(rows)
        body = "".join(["timestamp,a,b\n", *(f"{time},{number},0.125\n" for number, time in enumerate(times))]).encode()
        for start in range(0, len(body), 1_000_000):
            yield pb.IngestRequest(chunk=body[start : start + 1_000_000])

    await service.features.Ingest(messages(), timeout=HANG_SECONDS)


def exported(features: Any) -> Any:
    return features.ExportRows(pb.ExportRowsRequest(device_code="d", format="csv"), timeout=HANG_SECONDS)


async def test_of_files_that_nobody_reads_a_tenant_has_eight_and_may_have_more_once_they_are_closed(
    service: Any, as_tenant: Any
) -> None:
    with as_tenant("other"):
        await ingest(service, 10)
    with as_tenant("t"):
        await ingest(service, ROWS)
        async with AsyncExitStack() as unread:
            channel = await unread.enter_async_context(open_narrow_channel(service.address, service="feature-service"))
            for _ in range(MOST_AT_ONCE):
                await (await unread.enter_async_context(exported(FeatureServiceStub(channel)))).read()
            features = pb.DownloadFeaturesRequest(extraction=pb.ExtractFeaturesRequest(device_code="d"), format="npz")
            for refused in (exported(service.features), service.features.DownloadFeatures(features)):
                with pytest.raises(ResourceExhausted) as caught:
                    async with refused as answer:
                        await answer.read()
                assert caught.value.reason == "EXPORTS_LIMIT_EXCEEDED"
            with as_tenant("other"):
                async with exported(service.features) as answer:
                    assert (await answer.read()).chunk
        async with exported(service.features) as answer:
            assert sum([message.chunk.count(b"\n") async for message in answer]) == ROWS + 1


def test_a_file_that_failed_is_counted_no_more() -> None:
    shares = FileShares(most=1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), shares.share("t"):
            raise ZeroDivisionError
    with shares.share("t"), pytest.raises(ResourceExhausted), shares.share("t"):
        pass
