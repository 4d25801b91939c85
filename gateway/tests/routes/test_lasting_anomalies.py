"""What lasts, in the answer of the route of anomalies: where it is asked for."""

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.feature.v1 import feature_pb2 as pb

pytestmark = pytest.mark.asyncio(loop_scope="session")


def found() -> pb.DetectAnomaliesResponse:
    shift = pb.FieldShift(name="gas", level=7.7, usual_level=14.0, unit="L/min")
    stretch = pb.Stretch(
        start_time=Timestamp(seconds=60),
        end_time=Timestamp(seconds=120),
        field="quality",
        value="porosity",
        usual_value="good",
        row_count=60,
        shifts=[shift],
    )
    windows = [pb.AnomalyWindow(score=2.0, anomalous=True, single_readings=single) for single in (True, False)]
    return pb.DetectAnomaliesResponse(devices=[pb.DeviceAnomalies(windows=windows, stretches=[stretch])])


async def device_of(gateway: Any, **said: Any) -> dict[str, Any]:
    gateway.fakes.feature.anomalies = found()
    body = {"device_codes": ["W"], **said}
    answer = await gateway.client.post("/api/v2/ai/anomalies", headers=gateway.auth(), json=body)
    assert gateway.fakes.feature.requests[-1].stretches is said.get("stretches", False)
    return answer.json()["data"]["devices"][0]


async def test_stretches_and_single_readings_are_told_where_they_are_asked_for(gateway: Any) -> None:
    device = await device_of(gateway, stretches=True)
    assert device["stretches"] == [
        {
            "start_time": "1970-01-01T00:01:00Z",
            "end_time": "1970-01-01T00:02:00Z",
            "field": "quality",
            "value": "porosity",
            "usual_value": "good",
            "row_count": 60,
            "shifts": [{"name": "gas", "level": 7.7, "usual_level": 14.0, "unit": "L/min"}],
        }
    ]
    assert [window["single_readings"] for window in device["windows"]] == [True, False]


async def test_without_them_the_answer_is_as_it_was(gateway: Any) -> None:
    device = await device_of(gateway)
    assert "stretches" not in device
    assert all("single_readings" not in window for window in device["windows"])
