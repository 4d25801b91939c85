"""What an alarm finds on its devices: all of them, those in service, and what their newest rows say."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from penstock.feature.v1 import feature_pb2 as pb
from penstock.feature.v1 import feature_pb2_grpc as rpc

from gateway.alerts.devices import DeviceValues
from gateway.alerts.model import Alarm, Watch
from penstock_kit.context import current_context
from penstock_kit.errors import NotFound
from penstock_kit.grpc import open_channel
from penstock_testkit.services.hosting import serve

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MANY = 1203


class Registry(rpc.MetadataServiceServicer):
    """Many devices, in pages; each seventh is out of service."""

    def __init__(self) -> None:
        self.callers: set[tuple[str, str]] = set()

    async def ListDevices(self, request: pb.ListDevicesRequest, context: Any) -> pb.ListDevicesResponse:  # noqa: N802
        caller = current_context().caller
        self.callers.add((caller.tenant_id, caller.user_id))
        begin = int(request.page_token or 0)
        end = min(begin + request.page_size, MANY)
        devices = [pb.Device(device_code=f"D{number:05}", active=number % 7 != 0) for number in range(begin, end)]
        return pb.ListDevicesResponse(devices=devices, next_page_token=str(end) if end < MANY else "")


class Telemetry(rpc.FeatureServiceServicer):
    """Each device's newest row is of one age, beside `further` ones; those of a few were never heard of."""

    def __init__(self) -> None:
        self.age = timedelta(seconds=10)
        self.further: tuple[timedelta, ...] = ()
        self.scored_until: datetime | None = None
        self.callers: set[tuple[str, str]] = set()

    async def QueryHistory(self, request: pb.QueryHistoryRequest, context: Any) -> pb.QueryHistoryResponse:  # noqa: N802
        caller = current_context().caller
        self.callers.add((caller.tenant_id, caller.user_id))
        if request.device_code == "D00001":
            raise NotFound("nothing is known of it", reason="DEVICE_NOT_FOUND")
        times = (NOW - age for age in (self.age, *self.further))
        end = request.end_time.ToDatetime(UTC) if request.HasField("end_time") else datetime.max.replace(tzinfo=UTC)
        time = int(max(time for time in times if time < end).timestamp() * 1_000_000)
        column = pb.Column(name="temperature", numbers=[91.0])
        table = pb.Table(timestamps=[time], device_codes=[request.device_code], columns=[column])
        return pb.QueryHistoryResponse(rows=table)

    async def DetectAnomalies(  # noqa: N802
        self, request: pb.DetectAnomaliesRequest, context: Any
    ) -> pb.DetectAnomaliesResponse:
        self.scored_until = request.end_time.ToDatetime(UTC)
        return pb.DetectAnomaliesResponse()


@pytest.fixture
async def looked() -> AsyncGenerator[tuple[DeviceValues, Registry, Telemetry]]:
    # Other methods are not asked for.
    registry, telemetry = Registry(), Telemetry()  # pyright: ignore[reportAbstractUsage]
    async with serve(
        (rpc.add_MetadataServiceServicer_to_server, registry), (rpc.add_FeatureServiceServicer_to_server, telemetry)
    ) as address:
        channel = open_channel(address, service="feature-service")
        features, metadata = rpc.FeatureServiceStub(channel), rpc.MetadataServiceStub(channel)
        yield DeviceValues(features=features, metadata=metadata), registry, telemetry  # type: ignore[arg-type]
        await channel.close()


def alarm(**fields: Any) -> Alarm:
    whole: dict[str, Any] = {
        "id": "a",
        "tenant_id": "acme",
        "user_id": "u",
        "name": "hot",
        "watch": Watch.ABOVE,
        "limit": 80.0,
        "field": "temperature",
        "create_time": NOW,
    }
    return Alarm(**(whole | fields))


async def test_an_alarm_on_a_model_looks_at_every_device_that_is_in_service_as_its_maker(
    looked: tuple[DeviceValues, Registry, Telemetry],
) -> None:
    values, registry, telemetry = looked
    found = await values.observe(alarm(model_code="weld"), frozenset(), NOW)
    assert [each.device_code for each in found] == [f"D{number:05}" for number in range(MANY) if number % 7]
    assert registry.callers == telemetry.callers == {("acme", "u")}


@pytest.mark.parametrize(
    ("watch", "age", "seconds", "holds"),
    [
        (Watch.ABOVE, 10, 0, True),
        (Watch.ABOVE, 299, 0, True),
        (Watch.ABOVE, 301, 0, None),
        (Watch.ABOVE, 599, 300, True),
        (Watch.ABOVE, 601, 300, None),
        (Watch.NO_DATA, 59, 60, False),
        (Watch.NO_DATA, 61, 60, True),
    ],
)
async def test_a_value_that_is_too_old_says_nothing_but_that_there_is_no_data(
    looked: tuple[DeviceValues, Registry, Telemetry], watch: Watch, age: int, seconds: float, holds: bool | None
) -> None:
    values, _, telemetry = looked
    telemetry.age = timedelta(seconds=age)
    asked = alarm(watch=watch, seconds=seconds, device_codes=("D00002",))
    (found,) = await values.observe(asked, frozenset(), NOW)
    assert (found.observation.holds, found.last_seen) == (holds, NOW - telemetry.age)


@pytest.mark.parametrize(("watch", "holds"), [(Watch.ABOVE, None), (Watch.NO_DATA, True)])
async def test_a_device_that_was_never_heard_of_has_no_data(
    looked: tuple[DeviceValues, Registry, Telemetry], watch: Watch, holds: bool | None
) -> None:
    (found,) = await looked[0].observe(alarm(watch=watch, seconds=60, device_codes=("D00001",)), frozenset(), NOW)
    assert (found.observation.holds, found.last_seen) == (holds, None)


@pytest.mark.parametrize(
    ("watch", "age", "holds"), [(Watch.ABOVE, 10, True), (Watch.NO_DATA, 10, False), (Watch.NO_DATA, 3600, True)]
)
async def test_a_row_of_the_future_hides_neither_a_value_nor_silence(
    looked: tuple[DeviceValues, Registry, Telemetry], watch: Watch, age: int, holds: bool
) -> None:
    values, _, telemetry = looked
    telemetry.age, telemetry.further = timedelta(seconds=age), (timedelta(days=-9000), timedelta(minutes=-61))
    (found,) = await values.observe(alarm(watch=watch, seconds=60, device_codes=("D00002",)), frozenset(), NOW)
    assert (found.observation.holds, found.last_seen) == (holds, NOW - telemetry.age)


async def test_a_clock_that_is_a_little_ahead_is_believed(looked: tuple[DeviceValues, Registry, Telemetry]) -> None:
    values, _, telemetry = looked
    telemetry.age = timedelta(seconds=-240)
    (found,) = await values.observe(alarm(seconds=60, device_codes=("D00002",)), frozenset(), NOW)
    assert (found.observation.holds, found.last_seen) == (True, NOW - telemetry.age)


async def test_windows_of_the_future_are_not_scored(looked: tuple[DeviceValues, Registry, Telemetry]) -> None:
    values, _, telemetry = looked
    asked = alarm(watch=Watch.ANOMALY, detector_id="det_1", device_codes=("D00002",))
    assert await values.observe(asked, frozenset(), NOW) == []
    assert telemetry.scored_until == NOW + timedelta(minutes=5)
