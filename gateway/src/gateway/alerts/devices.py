"""Looks up what alarms watch: the newest values of devices."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from penstock.feature.v1 import feature_pb2 as pb

from gateway.alerts.anomalies import observe_anomalies
from gateway.alerts.model import Alarm, Observation, Watch
from gateway.convert.telemetry import rows_from_table
from penstock_kit.context import ADMIN_SCOPE, CallContext, Caller, use_context
from penstock_kit.errors import NotFound, PenstockError
from penstock_kit.ids import new_id
from penstock_kit.logging import get_logger

if TYPE_CHECKING:
    from penstock.feature.v1.feature_pb2_grpc import FeatureServiceAsyncStub, MetadataServiceAsyncStub

_PAGE: Final = 500
_SECONDS: Final = 5.0
# Devices of one alarm that are asked about at once.
_AT_ONCE: Final = 8
# By how much a device's clock may be ahead. A row from later than that is an error of a clock: it would be the newest
# for years, and no alarm would see what comes after it.
AHEAD: Final = timedelta(minutes=5)

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceObservation:
    """What was found on one device; `last_seen` is the time of its newest row that is not of the future, None without.

    Without an `observation` the device could not be asked about: what is known of it stays as it is.
    """

    device_code: str
    last_seen: datetime | None
    observation: Observation | None


class DeviceValues:
    """Asks feature-service, as the tenant of the alarm."""

    def __init__(self, *, features: "FeatureServiceAsyncStub", metadata: "MetadataServiceAsyncStub") -> None:
        self._features = features
        self._metadata = metadata

    async def observe(self, alarm: Alarm, firing: frozenset[str], now: datetime) -> Sequence[DeviceObservation]:
        """Return what `alarm` finds on each of its devices; `firing` are those on which it fires already."""
        caller = Caller(user_id=alarm.user_id, tenant_id=alarm.tenant_id, scopes=frozenset({ADMIN_SCOPE}))
        with use_context(CallContext(request_id=new_id("req"), caller=caller)):
            if alarm.watch is Watch.ANOMALY:
                return await self._observe_anomalies(alarm, firing, now)
            at_once = asyncio.Semaphore(_AT_ONCE)
            codes = await self._devices(alarm)
            return await asyncio.gather(*(self._try(at_once, alarm, code, code in firing, now) for code in codes))

    async def _observe_anomalies(
        self, alarm: Alarm, firing: frozenset[str], now: datetime
    ) -> Sequence[DeviceObservation]:
        found = await observe_anomalies(self._features, alarm, firing, now, until=now + AHEAD)
        return [
            DeviceObservation(device_code=code, last_seen=time, observation=observation)
            for code, time, observation in found
        ]

    async def _try(
        self, at_once: asyncio.Semaphore, alarm: Alarm, code: str, is_firing: bool, now: datetime
    ) -> DeviceObservation:
        async with at_once:
            try:
                return await self._observe(alarm, code, is_firing, now)
            except PenstockError as error:
                log.warning("a device's alarm can't be evaluated", alarm_id=alarm.id, device=code, reason=error.reason)
                return DeviceObservation(device_code=code, last_seen=None, observation=None)

    async def _devices(self, alarm: Alarm) -> Sequence[str]:
        if alarm.device_codes:
            return alarm.device_codes
        codes: list[str] = []
        token = ""
        while True:
            request = pb.ListDevicesRequest(model_code=alarm.model_code, page_size=_PAGE, page_token=token)
            page = await self._metadata.ListDevices(request, timeout=_SECONDS)
            codes += [device.device_code for device in page.devices if device.active]
            token = page.next_page_token
            if not token:
                return codes

    async def _observe(self, alarm: Alarm, code: str, is_firing: bool, now: datetime) -> DeviceObservation:
        newest = await self._newest(alarm, code, now)
        labels = {"device_code": code, "model_code": alarm.model_code, "field": alarm.field}
        if newest is None:
            holds = True if alarm.watch is Watch.NO_DATA else None
            return DeviceObservation(
                device_code=code, last_seen=None, observation=Observation(holds=holds, labels=labels)
            )
        time, value = newest
        labels["last_seen"] = f"{time:%Y-%m-%d %H:%M:%S} UTC"
        age = (now - time).total_seconds()
        if alarm.watch is Watch.NO_DATA:
            found = Observation(holds=age > alarm.seconds, labels=labels)
        elif value is None or age > _stale_after(alarm):
            found = Observation(holds=None, labels=labels)
        else:
            found = Observation(holds=alarm.breaches(value, is_firing=is_firing), value=value, labels=labels)
        return DeviceObservation(device_code=code, last_seen=time, observation=found)

    async def _newest(self, alarm: Alarm, code: str, now: datetime) -> tuple[datetime, float | None] | None:
        request = pb.QueryHistoryRequest(
            device_code=code, fields=[alarm.field] if alarm.field else [], limit=1, newest_first=True
        )
        request.end_time.FromDatetime(now + AHEAD)
        try:
            answer = await self._features.QueryHistory(request, timeout=_SECONDS)
        except NotFound:
            return None
        rows = rows_from_table(answer.rows)
        if not rows:
            return None
        row = rows[-1]
        value = row.get(alarm.field)
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        return _time(row["timestamp"]), number


def _stale_after(alarm: Alarm) -> float:
    """Return from which age on a value says nothing about now: five minutes, or twice the time that must hold."""
    return max(300.0, 2 * alarm.seconds)


def _time(value: object) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
