"""Alarms on device values, and what they and the rules about the system found."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import Depends, Query, Response
from pydantic import Field, model_validator

from gateway.alerts.anomalies import fit_detector
from gateway.alerts.channels.channel import ChannelKind
from gateway.alerts.doubts import doubts_about
from gateway.alerts.evaluator import SYSTEM_RULES, TENANT_RULES
from gateway.alerts.model import Alarm, AlertState, Severity, Watch
from gateway.alerts.store import AlertStore, StatePage, rank_of
from gateway.auth.guard import Guard
from gateway.auth.scope import ADMIN, OPERATOR, TELEMETRY_READ, TELEMETRY_WRITE
from gateway.convert.scalar import in_utc
from gateway.http.json import JsonResponse
from gateway.http.names import PlainName
from gateway.routes.anomalies import Baseline
from gateway.routes.listing import listing
from gateway.routes.parameters import PageSize, PageToken
from gateway.routes.router import add, api_router
from gateway.routes.strict import RequestModel
from penstock_kit.clock import Clock
from penstock_kit.context import Caller, current_context
from penstock_kit.errors import FieldViolation, InvalidArgument, PermissionDenied, ResourceExhausted
from penstock_kit.ids import new_id
from penstock_kit.role import includes

if TYPE_CHECKING:
    from penstock.feature.v1.feature_pb2_grpc import FeatureServiceAsyncStub

_MOST: Final = 500
_LEAST_REPEAT: Final = 60
_PAGE: Final = 200
# Devices that the alarms of a tenant name together: each is asked for in every round.
_MOST_WATCHED: Final = 2_000
_MOST_SCORED: Final = 100
_HTTP: Final = frozenset({ChannelKind.DINGTALK, ChannelKind.WECOM, ChannelKind.WEBHOOK})


Code = Annotated[str, Field(min_length=1, max_length=128)]


class AlarmBody(RequestModel):
    """What to watch on devices. `above` and `below` compare with `limit`, `outside` with `lower` and `upper`."""

    name: PlainName = Field(min_length=1, max_length=200)
    watch: Watch = Field(description="`above`, `below`, `outside` (a band), `no_data` or `anomaly`.")
    device_codes: list[Annotated[str, Field(min_length=1, max_length=128)]] = Field(
        default_factory=list, max_length=200
    )
    model_code: str = Field(
        default="", max_length=128, description="With no `device_codes`: all devices of this model."
    )
    field: str = Field(default="", max_length=256, description="Left out only with `no_data` and `anomaly`.")
    limit: float | None = None
    detector_id: str = Field(
        default="", max_length=128, description="With `anomaly`: a detector; left out: one is fitted on `baseline`."
    )
    baseline: Baseline | None = Field(default=None, description="With `anomaly`: a time in which all was well.")
    lower: float | None = None
    upper: float | None = None
    hysteresis: float = Field(default=0, ge=0, description="How far inside the limit the value must come to end it.")
    seconds: float = Field(default=0, ge=0, le=604_800, description="How long it must hold; with `no_data`: be silent.")
    severity: Severity = Severity.WARNING
    channel_ids: list[Annotated[str, Field(max_length=64)]] = Field(
        default_factory=list, max_length=50, description="Who is told; empty: all channels of the tenant."
    )
    repeat_seconds: float = Field(default=14_400, ge=0, le=2_592_000, description="0: told once; else 60 at least.")
    active: bool = True

    @model_validator(mode="after")
    def _whole(self) -> "AlarmBody":
        if not self.device_codes and not self.model_code:
            raise ValueError("name device_codes, or a model_code for all of its devices")
        if self.watch is Watch.ANOMALY and not self.detector_id and self.baseline is None:
            raise ValueError("anomaly needs a baseline, a time in which all was well, or a detector_id")
        if self.watch is Watch.ANOMALY and len(self.device_codes) > _MOST_SCORED:
            raise ValueError(f"anomaly watches at most {_MOST_SCORED} devices")
        if self.watch not in {Watch.NO_DATA, Watch.ANOMALY} and not self.field:
            raise ValueError("name the field that is watched")
        if self.watch in {Watch.ABOVE, Watch.BELOW} and self.limit is None:
            raise ValueError(f"{self.watch.value} needs limit")
        if self.watch is Watch.OUTSIDE and (self.lower is None or self.upper is None or self.lower >= self.upper):
            raise ValueError("outside needs lower and upper, lower below upper")
        if self.watch is Watch.OUTSIDE and self.hysteresis * 2 >= (self.upper or 0.0) - (self.lower or 0.0):
            raise ValueError("hysteresis must be less than half of the band, or the alarm never ends")
        if 0 < self.repeat_seconds < _LEAST_REPEAT:
            raise ValueError(f"repeat_seconds must be 0 or at least {_LEAST_REPEAT}")
        if self.watch is Watch.NO_DATA and self.seconds <= 0:
            raise ValueError("no_data needs seconds: after how long a silence it fires")
        return self

    def to_alarm(self, alarm_id: str, caller: Caller, created: datetime) -> Alarm:
        """Return the alarm of `caller`."""
        return Alarm(
            id=alarm_id,
            tenant_id=caller.tenant_id,
            user_id=caller.user_id,
            name=self.name,
            watch=self.watch,
            device_codes=tuple(self.device_codes),
            model_code=self.model_code,
            field=self.field,
            limit=self.limit or 0.0,
            lower=self.lower or 0.0,
            upper=self.upper or 0.0,
            hysteresis=self.hysteresis,
            seconds=self.seconds,
            detector_id=self.detector_id,
            severity=self.severity,
            channel_ids=tuple(self.channel_ids),
            repeat_seconds=self.repeat_seconds,
            active=self.active,
            create_time=created,
        )


class SnoozeBody(RequestModel):
    """For how long nobody wants to hear of it."""

    seconds: float = Field(ge=0, le=2_592_000, description="0: ends the snooze.")


class AlertRoutes:
    """``/api/v1/alarms`` and ``/api/v1/alerts``: everything of the caller's tenant alone."""

    def __init__(
        self,
        *,
        store: AlertStore,
        features: "FeatureServiceAsyncStub",
        guard: Guard,
        clock: Clock,
    ) -> None:
        self._store = store
        self._features = features
        self._clock = clock
        self.router = api_router("alerts")
        reading = [Depends(guard.needs(TELEMETRY_READ))]
        writing = [Depends(guard.needs(TELEMETRY_WRITE))]
        add(self.router, "GET /api/v1/alarms", self.list_alarms, dependencies=reading)
        add(self.router, "POST /api/v1/alarms", self.create_alarm, status_code=201, dependencies=writing)
        add(self.router, "GET /api/v1/alarms/{alarm_id}", self.get_alarm, dependencies=reading)
        add(self.router, "PUT /api/v1/alarms/{alarm_id}", self.update_alarm, dependencies=writing)
        add(self.router, "DELETE /api/v1/alarms/{alarm_id}", self.delete_alarm, status_code=204, dependencies=writing)
        add(self.router, "GET /api/v1/alerts", self.list_alerts, dependencies=reading)
        add(self.router, "POST /api/v1/alerts/{fingerprint}/acknowledge", self.acknowledge, dependencies=writing)
        add(self.router, "POST /api/v1/alerts/{fingerprint}/snooze", self.snooze, dependencies=writing)

    async def list_alarms(self) -> Response:
        """List the tenant's alarms on device values."""
        found = await self._store.list_alarms(_caller().tenant_id)
        return JsonResponse({"alarms": [alarm_to_json(alarm) for alarm in found]})

    async def create_alarm(self, body: AlarmBody) -> Response:
        """Watch a value of devices: a threshold, a band, or silence; told through the tenant's channels."""
        caller = _caller()
        others = await self._store.list_alarms(caller.tenant_id)
        if len(others) >= _MOST:
            raise ResourceExhausted(f"a tenant has at most {_MOST} alarms", reason="ALARMS_LIMIT_EXCEEDED")
        _check_watched(body, others)
        await self._check_channels(caller, body)
        body = await self._with_detector(body)
        alarm = body.to_alarm(new_id("alarm"), caller, self._clock.now())
        await self._store.put_alarm(alarm)
        return JsonResponse(await self._stored(alarm), 201)

    async def get_alarm(self, alarm_id: str) -> Response:
        """Read an alarm."""
        return JsonResponse(alarm_to_json(await self._store.alarm(_caller().tenant_id, alarm_id)))

    async def update_alarm(self, alarm_id: str, body: AlarmBody) -> Response:
        """Replace an alarm of your own, as an administrator any; what is known of it stays."""
        caller = _caller()
        before = await self._own_alarm(caller, alarm_id)
        others = [alarm for alarm in await self._store.list_alarms(caller.tenant_id) if alarm.id != alarm_id]
        _check_watched(body, others)
        await self._check_channels(caller, body)
        body = await self._with_detector(body)
        alarm = replace(body.to_alarm(alarm_id, caller, before.create_time), user_id=before.user_id)
        await self._store.put_alarm(alarm)
        if not alarm.active:
            await self._store.end_states(caller.tenant_id, alarm_id)
        return JsonResponse(await self._stored(alarm))

    async def delete_alarm(self, alarm_id: str) -> Response:
        """Delete an alarm of your own, as an administrator any, and what is known of it."""
        caller = _caller()
        await self._own_alarm(caller, alarm_id)
        await self._store.delete_alarm(caller.tenant_id, alarm_id)
        return Response(status_code=204)

    async def list_alerts(
        self,
        status: Annotated[Literal["", "ok", "pending", "firing", "no_data"], Query()] = "",
        page_size: PageSize = 0,
        page_token: PageToken = "",
    ) -> Response:
        """List what fires, what is about to, and what has ended, in this order; the system's own alerts for operators
        only."""
        caller, size = _caller(), page_size or _PAGE
        hidden = _hidden_rules(caller)
        page = StatePage(
            tenant_id=caller.tenant_id, limit=size + 1, status=status, hidden=hidden, after=_after(page_token)
        )
        found = await self._store.page_states(page)
        shown, last = found[:size], found[size - 1] if len(found) > size else None
        token = f"{rank_of(last)}.{last.fingerprint}" if last is not None else ""
        return JsonResponse(listing("alerts", [alert_to_json(state) for state in shown], token))

    async def acknowledge(self, fingerprint: str) -> Response:
        """Say that you look after it: it is told no more until it ends."""
        caller, now = _caller(), self._clock.now()
        _check_system(caller, await self._store.state(caller.tenant_id, fingerprint))
        state = await self._store.change_state(caller.tenant_id, fingerprint, now, acknowledged_by=caller.user_id)
        return JsonResponse(alert_to_json(state))

    async def snooze(self, fingerprint: str, body: SnoozeBody) -> Response:
        """Tell nobody of it for some time; of an alarm, yours or as an administrator any."""
        caller, now = _caller(), self._clock.now()
        found = await self._store.state(caller.tenant_id, fingerprint)
        _check_system(caller, found)
        if not found.rule_id.startswith((SYSTEM_RULES, TENANT_RULES)):
            await self._own_alarm(caller, found.rule_id)
        until = now + timedelta(seconds=body.seconds) if body.seconds else None
        state = await self._store.change_state(caller.tenant_id, fingerprint, now, snoozed_until=until)
        return JsonResponse(alert_to_json(state))

    async def _stored(self, alarm: Alarm) -> dict[str, Any]:
        """The alarm as JSON, with `doubts` when it would find nothing on a device as it is now."""
        doubts = await doubts_about(self._features, alarm)
        return {**alarm_to_json(alarm), **({"doubts": doubts} if doubts else {})}

    async def _own_alarm(self, caller: Caller, alarm_id: str) -> Alarm:
        """Return an alarm that `caller` may change: its own, or as an administrator any of the tenant."""
        alarm = await self._store.alarm(caller.tenant_id, alarm_id)
        if alarm.user_id != caller.user_id and not includes(caller.scopes, ADMIN):
            message = (
                "the alarm is somebody else's: who made it and the tenant's administrators may change and snooze it"
            )
            raise PermissionDenied(message, reason="ALARM_DENIED")
        return alarm

    async def _with_detector(self, body: AlarmBody) -> AlarmBody:
        """Return `body` with the detector that is fitted on its baseline, when it needs one and names none."""
        if body.watch is not Watch.ANOMALY or body.detector_id or body.baseline is None:
            return body
        detector_id = await fit_detector(
            self._features,
            model_code=body.model_code,
            device_codes=body.device_codes,
            field=body.field,
            start_time=in_utc(body.baseline.start_time),
            end_time=in_utc(body.baseline.end_time),
        )
        return body.model_copy(update={"detector_id": detector_id})

    async def _check_channels(self, caller: Caller, body: AlarmBody) -> None:
        known = {channel.id for channel in await self._store.list_channels(caller.tenant_id)}
        unknown = [channel for channel in body.channel_ids if channel not in known]
        if unknown:
            text = f"there is no channel {unknown[0]!r}; GET /api/v1/channels lists them"
            raise InvalidArgument(
                text, reason="CHANNEL_NOT_FOUND", violations=[FieldViolation(field="channel_ids", description=text)]
            )


def alarm_to_json(alarm: Alarm) -> dict[str, Any]:
    """Return an alarm as the API shows it."""
    return {
        "id": alarm.id,
        "user_id": alarm.user_id,
        "name": alarm.name,
        "watch": alarm.watch.value,
        "device_codes": list(alarm.device_codes),
        "model_code": alarm.model_code,
        "field": alarm.field,
        "limit": alarm.limit,
        "lower": alarm.lower,
        "upper": alarm.upper,
        "hysteresis": alarm.hysteresis,
        "seconds": alarm.seconds,
        "detector_id": alarm.detector_id or None,
        "severity": alarm.severity.value,
        "channel_ids": list(alarm.channel_ids),
        "repeat_seconds": alarm.repeat_seconds,
        "active": alarm.active,
        "create_time": alarm.create_time,
    }


def alert_to_json(state: AlertState) -> dict[str, Any]:
    """Return what is known of one alert as the API shows it."""
    return {
        "fingerprint": state.fingerprint,
        "rule": state.rule_name,
        "rule_id": state.rule_id,
        "severity": state.severity.value,
        "status": state.status.value,
        "episode": state.episode,
        "since": state.since,
        "fired_time": state.fired_time,
        "notified_time": state.notified_time,
        "snoozed_until": state.snoozed_until,
        "acknowledged_by": state.acknowledged_by or None,
        "value": state.value,
        "labels": dict(state.labels),
    }


def _caller() -> Caller:
    return current_context().caller


def _may_see(caller: Caller, state: AlertState) -> bool:
    """Return whether an alert is the caller's affair: the system is the operators', budgets the administrators'."""
    return not state.rule_id.startswith(_hidden_rules(caller))


def _hidden_rules(caller: Caller) -> tuple[str, ...]:
    """Return the beginnings of the ids of rules whose alerts `caller` may not see."""
    rights = ((SYSTEM_RULES, OPERATOR), (TENANT_RULES, ADMIN))
    return tuple(prefix for prefix, scope in rights if not includes(caller.scopes, scope))


def _after(token: str) -> tuple[int, str] | None:
    """Return the place that a page's token names. Raises InvalidArgument PAGE_TOKEN_INVALID."""
    if not token:
        return None
    rank, _, fingerprint = token.partition(".")
    if len(rank) != 1 or rank not in "0123" or not fingerprint:
        raise InvalidArgument("page_token is none that this list gave out; leave it out", reason="PAGE_TOKEN_INVALID")
    return int(rank), fingerprint


def _check_watched(body: AlarmBody, others: Sequence[Alarm]) -> None:
    watched = sum(len(alarm.device_codes) for alarm in others)
    if watched + len(body.device_codes) > _MOST_WATCHED:
        text = (
            f"the alarms of a tenant name at most {_MOST_WATCHED} devices together, the others name {watched}; "
            "watch a model_code instead"
        )
        raise ResourceExhausted(text, reason="ALARMS_LIMIT_EXCEEDED")


def _check_system(caller: Caller, state: AlertState) -> None:
    if not _may_see(caller, state):
        raise PermissionDenied("this alert is the operator's or the administrators'", reason="SCOPE_REQUIRED")
