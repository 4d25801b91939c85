"""Alarms on how strange a device is: the detector's score of its newest window, with hysteresis and silence."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from alert_world import ALARM, NOW
from penstock.feature.v1 import feature_pb2 as pb
from penstock.feature.v1 import feature_pb2_grpc

from gateway.alerts.devices import DeviceValues
from gateway.alerts.model import Alarm, Watch
from penstock_kit.grpc.channel import open_channel
from penstock_testkit import services

STRANGE = replace(ALARM, watch=Watch.ANOMALY, field="", limit=0, detector_id="det_1", device_codes=("WLD001",))


def scored(*scores: float | None, age: float = 60, threshold: float = 1.2) -> pb.DetectAnomaliesResponse:
    device = pb.DeviceAnomalies(device_code="WLD001", threshold=threshold)
    for score in scores:
        window = pb.AnomalyWindow(score=score, fields=[pb.FieldContribution(name="current", contribution=0.7)])
        window.end_time.FromDatetime(NOW - timedelta(seconds=age))
        device.windows.append(window)
    return pb.DetectAnomaliesResponse(detector_id="det_1", devices=[device])


@pytest.fixture
async def feature() -> AsyncIterator[Any]:
    fakes: Any = services
    fake = fakes.FakeFeature()
    async with services.serve((feature_pb2_grpc.add_FeatureServiceServicer_to_server, fake)) as address:
        channel: Any = open_channel(address, service="feature-service")
        stub: Any = feature_pb2_grpc.FeatureServiceStub(channel)
        fake.look = DeviceValues(features=stub, metadata=stub)
        yield fake
        await channel.close()


@pytest.mark.parametrize(
    ("answer", "alarm", "firing", "holds"),
    [
        (scored(9, 1.1), STRANGE, False, False),
        (scored(0, 1.3), STRANGE, False, True),
        (scored(1.3), replace(STRANGE, limit=2), False, False),
        (scored(1.1), replace(STRANGE, hysteresis=0.2), True, True),
        (scored(1.1), replace(STRANGE, hysteresis=0.2), False, False),
        (scored(1.3, None), STRANGE, False, True),
        (scored(None), STRANGE, False, None),
        (scored(9, age=899), STRANGE, False, True),
        (scored(9, age=901), STRANGE, False, None),
        (scored(9, age=1199), replace(STRANGE, seconds=600), False, True),
        (scored(9, age=1201), replace(STRANGE, seconds=600), False, None),
        (scored(), STRANGE, False, None),
    ],
)
async def test_the_newest_score_decides_against_the_threshold_and_an_old_one_says_nothing(
    feature: Any, answer: pb.DetectAnomaliesResponse, alarm: Alarm, firing: bool, holds: bool | None
) -> None:
    feature.anomalies = answer
    (found,) = await feature.look.observe(alarm, frozenset({"WLD001"} if firing else ()), NOW)
    assert found.observation is not None
    assert (found.device_code, found.observation.holds) == ("WLD001", holds)
    assert feature.requests[-1].detector_id == "det_1"
    assert feature.callers[-1].tenant_id == "acme"


async def test_a_message_names_the_field_that_makes_a_device_strange(feature: Any) -> None:
    feature.anomalies = scored(3.5)
    (found,) = await feature.look.observe(STRANGE, frozenset(), NOW)
    assert found.observation is not None
    assert (found.observation.labels["field"], found.observation.value) == ("current", 3.5)


async def test_of_many_devices_one_that_cannot_be_asked_about_costs_itself(feature: Any) -> None:
    codes = tuple(f"WLD{n:03}" for n in range(40))
    feature.away = frozenset({"WLD007"})
    alarm = replace(ALARM, device_codes=codes, watch=Watch.NO_DATA, seconds=60)
    found = await feature.look.observe(alarm, frozenset(), NOW)
    assert [each.device_code for each in found] == list(codes)
    assert [each.device_code for each in found if each.observation is None] == ["WLD007"]
