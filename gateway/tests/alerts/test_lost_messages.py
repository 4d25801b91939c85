"""The alert about lost messages of the MQTT broker."""

from typing import Any

import pytest
from penstock.feature.v1 import feature_pb2 as pb

from gateway.alerts.messages import message_check
from penstock_kit.errors import Unavailable


class Features:
    """Answers what the test wants, or is away."""

    def __init__(self, losses: dict[str, int] | None) -> None:
        self._losses = losses

    async def GetLostMessages(self, request: Any, *, timeout: float) -> pb.GetLostMessagesResponse:  # noqa: N802
        if self._losses is None:
            raise Unavailable("away", reason="SERVICE_UNAVAILABLE")
        losses = [pb.LostMessages(loss=loss, messages=count) for loss, count in self._losses.items()]
        return pb.GetLostMessagesResponse(losses=losses)


async def found(losses: dict[str, int] | None) -> dict[str, tuple[bool | None, str]]:
    features: Any = Features(losses)
    findings = await message_check(features).find()
    assert all(finding.rule == "MessagesLost" and not finding.tenant_id for finding in findings)
    return {finding.subject: (finding.observation.holds, finding.summary) for finding in findings}


async def test_each_way_in_which_messages_are_lost_has_an_alert_of_its_own() -> None:
    told = await found({"refused": 3, "too_large": 0, "overflowed": 1, "broker": 20})
    assert {loss: holds for loss, (holds, _) in told.items()} == {
        "refused": True,
        "too_large": False,
        "overflowed": True,
        "broker": True,
    }
    assert told["refused"][1] == "3 MQTT messages were refused within ten minutes."
    assert told["broker"][1] == "20 MQTT messages were dropped by the broker within ten minutes."


async def test_without_a_broker_there_is_no_alert_about_messages() -> None:
    assert await found({}) == {}


async def test_while_it_cannot_be_asked_nothing_is_said_of_lost_messages() -> None:
    with pytest.raises(Unavailable):
        await found(None)
