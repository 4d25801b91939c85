"""Files that are read slowly: a tenant has a few of them at once, whatever another one has."""

from contextlib import AsyncExitStack

import numpy as np
import pandas as pd
import pytest
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.edge.file_shares import MOST_AT_ONCE, FileShares
from penstock_kit.errors import ResourceExhausted
from penstock_testkit.waiting import HANG_SECONDS

ROWS = 300_000


async def ingest(service, rows):
    async def messages():
        options = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code="d", model_code="m", create=True)
        yield pb.IngestRequest(options=options)
        times = pd.date_range("2026-01-01", periods=rows, freq="1s")
        body = pd.DataFrame({"timestamp": times, "a": np.arange(rows), "b": 0.125}).to_csv(index=False).encode()
        for start in range(0, len(body), 1_000_000):
            yield pb.IngestRequest(chunk=body[start : start + 1_000_000])

    await service.features.Ingest(messages(), timeout=HANG_SECONDS)


def exported(service):
    return service.features.ExportRows(pb.ExportRowsRequest(device_code="d", format="csv"), timeout=HANG_SECONDS)


async def test_of_files_that_nobody_reads_a_tenant_has_eight_and_may_have_more_once_they_are_closed(service, as_tenant):
    with as_tenant("other"):
        await ingest(service, 10)
    with as_tenant("t"):
        await ingest(service, ROWS)
        async with AsyncExitStack() as unread:
            for _ in range(MOST_AT_ONCE):
                await (await unread.enter_async_context(exported(service))).read()
            features = pb.DownloadFeaturesRequest(extraction=pb.ExtractFeaturesRequest(device_code="d"), format="npz")
            for refused in (exported(service), service.features.DownloadFeatures(features)):
                with pytest.raises(ResourceExhausted) as caught:
                    async with refused as answer:
                        await answer.read()
                assert caught.value.reason == "EXPORTS_LIMIT_EXCEEDED"
            with as_tenant("other"):
                async with exported(service) as answer:
                    assert (await answer.read()).chunk
        async with exported(service) as answer:
            assert sum([message.chunk.count(b"\n") async for message in answer]) == ROWS + 1


def test_a_file_that_failed_is_counted_no_more():
    shares = FileShares(most=1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), shares.share("t"):
            raise ZeroDivisionError
    with shares.share("t"), pytest.raises(ResourceExhausted), shares.share("t"):
        pass
