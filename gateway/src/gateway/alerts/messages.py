"""Looks at what was lost of the messages of the MQTT broker."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from penstock.feature.v1 import feature_pb2 as pb

from gateway.alerts.model import Observation, Severity
from gateway.alerts.system import Check, Finding
from penstock_kit.context import SYSTEM, CallContext, use_context
from penstock_kit.ids import new_id

if TYPE_CHECKING:
    from penstock.feature.v1.feature_pb2_grpc import FeatureServiceAsyncStub

RULE: Final = "MessagesLost"
_SECONDS: Final = 3.0
_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "refused": ("were refused", "被拒绝"),
    "too_large": ("were too large", "过大"),
    "overflowed": ("of QoS 0 came faster than they are stored", "(QoS 0) 到达过快"),
    "broker": ("were dropped by the broker", "被代理丢弃"),
}


def message_check(features: "FeatureServiceAsyncStub") -> Check:
    """Return the check that finds messages lost within the last ten minutes, by how; none without a broker."""

    async def find() -> Sequence[Finding]:
        with use_context(CallContext(request_id=new_id("req"), caller=SYSTEM)):
            answer = await features.GetLostMessages(pb.GetLostMessagesRequest(), timeout=_SECONDS)
        return [_finding(lost) for lost in answer.losses]

    return Check(name="messages", rules=frozenset({RULE}), find=find)


def _finding(lost: pb.LostMessages) -> Finding:
    english, chinese = _TEXTS.get(lost.loss, (lost.loss, lost.loss))
    return Finding(
        rule=RULE,
        subject=lost.loss,
        severity=Severity.WARNING,
        hold_seconds=0,
        observation=Observation(holds=lost.messages > 0, value=float(lost.messages), labels={"loss": lost.loss}),
        summary=f"{lost.messages} MQTT messages {english} within ten minutes.",
        summary_zh=f"十分钟内有 {lost.messages} 条 MQTT 消息{chinese}.",
    )
