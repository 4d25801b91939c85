"""What speaks against an alarm: devices and fields that are not there, texts in place of numbers."""

import asyncio
from typing import TYPE_CHECKING, Final

from penstock.feature.v1 import feature_pb2 as pb

from gateway.alerts.model import Alarm, Watch
from penstock_kit.errors import PenstockError

if TYPE_CHECKING:
    from penstock.feature.v1.feature_pb2_grpc import FeatureServiceAsyncStub

_SECONDS: Final = 5.0
# Devices that are looked at, all at once.
_MOST: Final = 20
# Reasons for which a value is never found. That a device has no rows yet is none.
_NEVER: Final = frozenset({"DEVICE_NOT_FOUND", "FIELD_NOT_FOUND"})


async def doubts_about(features: "FeatureServiceAsyncStub", alarm: Alarm) -> list[str]:
    """Return why the alarm would find nothing on some of its devices as they are now, a sentence each.

    It is no reason to refuse it: a device may be watched before it is there.
    """
    if alarm.watch is Watch.ANOMALY:
        return []
    found = await asyncio.gather(*(_doubt(features, code, alarm.field) for code in alarm.device_codes[:_MOST]))
    return [doubt for doubt in dict.fromkeys(found) if doubt]


async def _doubt(features: "FeatureServiceAsyncStub", code: str, field: str) -> str:
    request = pb.QueryHistoryRequest(device_code=code, fields=[field] if field else [], limit=1, newest_first=True)
    try:
        answer = await features.QueryHistory(request, timeout=_SECONDS)
    except PenstockError as error:
        return f"{code}: {error.message}" if error.reason in _NEVER else ""
    texts = any(column.name == field and not column.numbers and column.texts for column in answer.rows.columns)
    return f"{code}: the field {field!r} holds texts, which no limit is compared with" if texts else ""
