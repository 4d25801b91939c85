"""What is said of an alarm that would find nothing: it is stored all the same."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any

import pytest
from penstock.feature.v1 import feature_pb2 as pb
from penstock.feature.v1 import feature_pb2_grpc as rpc

from gateway.alerts.doubts import doubts_about
from gateway.alerts.model import Alarm, Watch
from penstock_kit.errors import InvalidArgument, NotFound, Unavailable
from penstock_kit.grpc import open_channel
from penstock_testkit.services.hosting import serve

LABEL = pb.Column(name="state", texts=["ok"])
SPEED = pb.Column(name="speed", numbers=[5.0])


class Telemetry(rpc.FeatureServiceServicer):
    """One device has a number and a text, another no rows yet, a third can't be asked; others there are none."""

    async def QueryHistory(self, request: pb.QueryHistoryRequest, context: Any) -> pb.QueryHistoryResponse:  # noqa: N802
        match request.device_code:
            case "new":
                raise NotFound("there are no rows of device 'new' yet", reason="DATA_NOT_FOUND")
            case "away":
                raise Unavailable("the store is away", reason="TELEMETRY_UNAVAILABLE")
            case "pump":
                column = {"state": LABEL, "speed": SPEED}.get("".join(request.fields), SPEED)
                if request.fields and request.fields[0] != column.name:
                    raise InvalidArgument("unknown field 'sped'; the device has: speed", reason="FIELD_NOT_FOUND")
                return pb.QueryHistoryResponse(rows=pb.Table(timestamps=[1], columns=[column]))
        raise NotFound(f"unknown device {request.device_code!r}", reason="DEVICE_NOT_FOUND")


@pytest.fixture
async def features() -> AsyncGenerator[Any]:
    # Other methods are not asked for.
    async with serve((rpc.add_FeatureServiceServicer_to_server, Telemetry())) as address:  # pyright: ignore[reportAbstractUsage]
        channel = open_channel(address, service="feature-service")
        yield rpc.FeatureServiceStub(channel)
        await channel.close()


@pytest.mark.parametrize(
    ("codes", "field", "watch", "said"),
    [
        (("pump",), "speed", Watch.ABOVE, []),
        (("pump", "new", "away"), "speed", Watch.ABOVE, []),
        (("pump",), "", Watch.NO_DATA, []),
        (("pump",), "sped", Watch.ABOVE, ["pump: unknown field 'sped'; the device has: speed"]),
        (("pump",), "state", Watch.BELOW, ["pump: the field 'state' holds texts, which no limit is compared with"]),
        (("pmp", "pump"), "speed", Watch.ABOVE, ["pmp: unknown device 'pmp'"]),
        (("pmp",), "", Watch.NO_DATA, ["pmp: unknown device 'pmp'"]),
        (("pmp",), "", Watch.ANOMALY, []),
    ],
)
async def test_a_device_or_field_that_is_not_there_is_doubted_and_nothing_else(
    features: Any, codes: tuple[str, ...], field: str, watch: Watch, said: list[str]
) -> None:
    alarm = Alarm(
        id="a",
        tenant_id="acme",
        user_id="u",
        name="x",
        watch=watch,
        device_codes=codes,
        field=field,
        create_time=datetime(2026, 5, 1, tzinfo=UTC),
    )
    assert await doubts_about(features, alarm) == said
