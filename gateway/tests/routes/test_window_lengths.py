"""Windows of an extraction are asked for in rows or by time, and told the same way."""

import pytest
from google.protobuf.duration_pb2 import Duration
from penstock.feature.v1 import feature_pb2 as pb

from gateway.convert.anomaly import anomalies_from_proto
from gateway.convert.feature import extraction_metadata
from gateway.convert.window_length import length_to_proto, read_window_length, text_of_duration
from gateway.routes.anomalies import AnomaliesRequest
from gateway.routes.extraction import ExtractionOptions
from gateway.routes.plots import PlotParameters
from gateway.routes.window_options import WindowOptions

pytestmark = pytest.mark.asyncio(loop_scope="session")

MINUTE = 60


async def test_a_length_of_time_becomes_a_window_by_time_and_a_number_one_by_rows(gateway):
    cases = [
        ({"window_size": "10m", "step": "2m30s", "min_rows": 3}, by_time(10 * MINUTE, 150, min_rows=3)),
        ({"window_size": "1.5s"}, pb.ExtractionOptions(window_duration=Duration(seconds=1, nanos=500_000_000))),
        ({"window_size": 60, "step": 15}, pb.ExtractionOptions(window_size=60, step_rows=15)),
        ({"window_size": "60", "overlap": 0.5}, pb.ExtractionOptions(window_size=60, overlap=0.5)),
    ]
    for said, _ in cases:
        body = {"device_code": "W", **said}
        answer = await gateway.client.post("/api/v2/ai/features/extract", headers=gateway.auth(), json=body)
        assert answer.status_code == 200, answer.text
    query = "model_code=m&window_size=1h&step=15m"
    await gateway.client.get(f"/api/v2/ai/features/stats?{query}", headers=gateway.auth())
    *extractions, statistics = gateway.fakes.feature.requests
    assert [each.options for each in extractions] == [expected for _, expected in cases]
    assert statistics.options == by_time(60 * MINUTE, 15 * MINUTE)


@pytest.mark.parametrize("asker", [AnomaliesRequest, ExtractionOptions, PlotParameters])
@pytest.mark.parametrize("name", ["window_size", "step"])
async def test_size_and_step_of_windows_are_declared_once_for_all_that_take_them(asker, name):
    assert asker.model_fields[name].description == WindowOptions.model_fields[name].description
    assert name not in vars(asker).get("__annotations__", {})


async def test_anomalies_and_plots_take_windows_by_time_as_well(gateway):
    body = {"device_codes": ["W"], "window_size": "10m", "step": "5m", "min_rows": 4}
    await gateway.client.post("/api/v2/ai/anomalies", headers=gateway.auth(), json=body)
    query = {"device_code": "W", "kind": "windows", "window_size": "10m", "step": "5m"}
    await gateway.client.get("/api/v2/ai/plot", headers=gateway.auth(), params=query)
    anomalies, plot = gateway.fakes.feature.requests
    for asked in (anomalies, plot):
        assert (asked.window_duration, asked.step_duration) == (Duration(seconds=600), Duration(seconds=300))
        assert (asked.window_size, asked.step_rows) == (0, 0)
    assert anomalies.min_rows == 4


async def test_anomalies_tell_the_length_of_their_windows_and_those_left_out():
    left_out = [pb.LeftOutWindows(reason="the window has no row", windows=4)]
    by_minutes = pb.DeviceAnomalies(window_duration=Duration(seconds=90), min_rows=5, left_out=left_out)
    by_rows = pb.DeviceAnomalies(window_size=30, warnings=["field 'label' was left out"])
    answer = anomalies_from_proto(pb.DetectAnomaliesResponse(devices=[by_minutes, by_rows]))
    first, second = answer["devices"]
    assert (first["window_size"], first["min_rows"]) == ("1m30s", 5)
    assert first["windows_left_out"] == [{"windows": 4, "reason": "the window has no row"}]
    assert (second["window_size"], "windows_left_out" in second) == (30, False)
    assert (first["warnings"], second["warnings"]) == ([], ["field 'label' was left out"])


@pytest.mark.parametrize("wrong", [0, -1, "0s", "m", "10 m5", "1x", "", 1.5, True, [], "1" * 400, "9" * 13 + "d"])
async def test_a_window_that_is_neither_is_refused_with_what_would_be_right(gateway, wrong):
    for name in ("window_size", "step"):
        body = {"device_code": "W", name: wrong}
        answer = await gateway.client.post("/api/v2/ai/features/extract", headers=gateway.auth(), json=body)
        assert answer.status_code == 422
        assert "such as 10m or 1h30m" in answer.text
    assert not gateway.fakes.feature.requests


async def test_windows_by_time_are_told_as_they_are_asked_for_with_those_left_out():
    options = by_time(10 * MINUTE, 90, min_rows=2)
    left_out = [pb.LeftOutWindows(reason="the window has no row", windows=4)]
    told = extraction_metadata(pb.ExtractFeaturesResponse(options=options, left_out=left_out))
    assert (told["window_size"], told["step"], told["min_rows"]) == ("10m", "1m30s", 2)
    assert told["windows_left_out"] == [{"windows": 4, "reason": "the window has no row"}]
    assert "windows_left_out" not in extraction_metadata(pb.ExtractFeaturesResponse())


@pytest.mark.parametrize("text", ["10m", "1h30m", "1d", "90s", "500ms", "1us", "2d3h4m5s6ms7us"])
async def test_a_length_that_is_told_can_be_asked_for(text):
    told = text_of_duration(length_to_proto(read_window_length(text)))
    assert length_to_proto(read_window_length(told)) == length_to_proto(text)


def by_time(seconds, step, **values):
    return pb.ExtractionOptions(
        window_duration=Duration(seconds=seconds), step_duration=Duration(seconds=step), **values
    )
