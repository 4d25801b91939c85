"""Windows that share nearly all of their rows: what would be computed without an end is refused before it is begun."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pytest
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.domain.dataset.plan import DatasetPlan
from feature_service.domain.dataset.source import DatasetLimits
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.extraction.work_limit import readings, require_workable
from feature_service.domain.feature.catalog import definitions
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from penstock_kit.errors import Unprocessable

ROWS = 400_000
# 10,001 windows of 200,000 rows, one every 20: each feature of a field looks at 4 billion readings.
ENDLESS = {"window_size": 200_000, "overlap": 0.9999}


@pytest.fixture
async def loaded(service, as_tenant):
    times = pa.array(1_704_067_200_000_000 + np.arange(ROWS) * 1_000_000).cast(pa.timestamp("us"))
    numbers = np.random.default_rng(3).normal(size=(3, ROWS))
    table = pa.table({"timestamp": times} | {f"f{place}": column for place, column in enumerate(numbers)})
    sink = io.BytesIO()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)

    async def messages():
        options = pb.IngestOptions(format=pb.INGEST_FORMAT_ARROW, device_code="d", model_code="m", create=True)
        yield pb.IngestRequest(options=options)
        for start in range(0, sink.tell(), 1_000_000):
            yield pb.IngestRequest(chunk=sink.getvalue()[start : start + 1_000_000])

    with as_tenant("t"):
        await service.features.Ingest(messages())
        yield service


def asked(**options):
    return pb.ExtractFeaturesRequest(device_code="d", options=pb.ExtractionOptions(**{**ENDLESS, **options}))


async def downloaded(service, request):
    async with service.features.DownloadFeatures(pb.DownloadFeaturesRequest(extraction=request)) as messages:
        return [message async for message in messages]


async def test_whatever_makes_windows_refuses_those_that_would_be_looked_at_without_end(loaded):
    everything = [*definitions()]
    features = loaded.features
    for what, call in {
        "features": lambda: features.ExtractFeatures(asked(fields=["f0"])),
        "statistics": lambda: features.GetFeatureStats(
            pb.GetFeatureStatsRequest(model_code="m", options=asked(fields=["f0"]).options, without_correlations=True)
        ),
        "file": lambda: downloaded(loaded, asked(features=everything)),
        "anomalies": lambda: features.DetectAnomalies(
            pb.DetectAnomaliesRequest(device_codes=["d"], window_size=20_000, overlap=0.9999)
        ),
        "plot": lambda: features.DrawPlot(
            pb.DrawPlotRequest(device_code="d", kind="windows", window_size=200_000, overlap=0.9999)
        ),
    }.items():
        with pytest.raises(Unprocessable, match="ask for a smaller overlap") as refused:
            await call()
        assert refused.value.reason == "FEATURES_LIMIT_EXCEEDED", what


async def test_a_picture_and_what_all_tenants_wait_for_look_at_less(loaded):
    # Up to 2,000 windows lie over each other: 0.8 billion readings for a picture, 4 billion for anomalies.
    for what, call in {
        "anomalies": lambda: loaded.features.DetectAnomalies(
            pb.DetectAnomaliesRequest(device_codes=["d"], window_size=20_000, overlap=0.9995, fields=["f0"])
        ),
        "plot": lambda: loaded.features.DrawPlot(
            pb.DrawPlotRequest(device_code="d", kind="windows", window_size=20_000, overlap=0.9995, fields=["f0"])
        ),
    }.items():
        with pytest.raises(Unprocessable, match="ask for a smaller overlap") as refused:
            await call()
        assert refused.value.reason == "FEATURES_LIMIT_EXCEEDED", what
    drawn = await loaded.features.DrawPlot(
        pb.DrawPlotRequest(device_code="d", kind="windows", window_size=20_000, overlap=0.99, fields=["f0"])
    )
    assert drawn.picture.startswith(b"<svg")


async def test_the_same_windows_with_less_overlap_are_computed(loaded):
    answer = await loaded.features.ExtractFeatures(asked(fields=["f0"], overlap=0.9))
    assert answer.window_count == 11


def test_a_data_set_of_such_windows_is_refused():
    plan = DatasetPlan(
        model_code="m", label_field="l", extraction=ExtractionPlan(window=WindowPlan(size=200_000, overlap=0.9999))
    )
    DatasetLimits().require({"d": ROWS}, 7, plan)
    with pytest.raises(Unprocessable) as refused:
        DatasetLimits().require({"d": ROWS, "e": ROWS}, 7, plan)
    assert refused.value.reason == "FEATURES_LIMIT_EXCEEDED"


def test_a_row_is_in_as_many_windows_as_lie_over_each_other():
    assert readings(WindowPlan(size=10, overlap=0.5), 100, rows=1_000) == 2_000
    assert readings(WindowPlan(size=10, overlap=0.5), 1, rows=10) == 10
    assert readings(TimeWindowPlan(size=10_000, step=1_000), 100, rows=1_000) == 10_000


def test_the_limits_themselves_are_allowed_and_one_more_is_not():
    window = WindowPlan(size=1, overlap=0.0)
    require_workable(window, 10, rows=10, columns=2, most=20, values=20)
    for limits in ({"most": 19}, {"values": 19}):
        with pytest.raises(Unprocessable) as refused:
            require_workable(window, 10, rows=10, columns=2, **limits)
        assert refused.value.reason == "FEATURES_LIMIT_EXCEEDED"
