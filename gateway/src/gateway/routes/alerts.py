"""Alarms, what they found, who is told, and what was sent."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Query, Response
from pydantic import Field, model_validator

from gateway.alerts.channels.channel import Channel, ChannelKind
from gateway.alerts.delivery_store import Delivery, DeliveryStore
from gateway.alerts.evaluator import SYSTEM_RULES, TENANT_RULES
from gateway.alerts.model import Alarm, AlertState, Severity, Watch
from gateway.alerts.notifier import Notifier
from gateway.alerts.store import AlertStore, UnreadableChannel
from gateway.auth.guard import Guard
from gateway.auth.scope import ADMIN, OPERATOR, TELEMETRY_READ, TELEMETRY_WRITE, includes
from gateway.http.json import JsonResponse
from gateway.routes.router import add, api_router
from gateway.routes.strict import RequestModel
from penstock_kit.clock import Clock
from penstock_kit.context import Caller, current_context
from penstock_kit.errors import FieldViolation, InvalidArgument, PermissionDenied, ResourceExhausted
from penstock_kit.ids import new_id

_MOST: Final = 500
_HTTP: Final = frozenset({ChannelKind.DINGTALK, ChannelKind.WECOM, ChannelKind.WEBHOOK})


Code = Annotated[str, Field(min_length=1, max_length=128)]


class AlarmBody(RequestModel):
    """What to watch on devices. `above` and `below` compare with `limit`, `outside` with `lower` and `upper`."""

    name: str = Field(min_length=1, max_length=200)
    watch: Watch = Field(description="`above`, `below`, `outside` (a band) or `no_data`.")
    device_codes: list[Annotated[str, Field(min_length=1, max_length=128)]] = Field(
        default_factory=list, max_length=200
    )
    model_code: str = Field(
        default="", max_length=128, description="With no `device_codes`: all devices of this model."
    )
    field: str = Field(default="", max_length=256, description="Left out only with `no_data`.")
    limit: float | None = None
    lower: float | None = None
    upper: float | None = None
    hysteresis: float = Field(default=0, ge=0, description="How far inside the limit the value must come to end it.")
    seconds: float = Field(default=0, ge=0, le=604_800, description="How long it must hold; with `no_data`: be silent.")
    severity: Severity = Severity.WARNING
    channel_ids: list[Annotated[str, Field(max_length=64)]] = Field(
        default_factory=list, max_length=50, description="Who is told; empty: all channels of the tenant."
    )
    repeat_seconds: float = Field(default=14_400, ge=0, le=2_592_000, description="0: told once.")
    active: bool = True

    @model_validator(mode="after")
    def _whole(self) -> "AlarmBody":
        if not self.device_codes and not self.model_code:
            raise ValueError("name device_codes, or a model_code for all of its devices")
        if self.watch is not Watch.NO_DATA and not self.field:
            raise ValueError("name the field that is watched")
        if self.watch in {Watch.ABOVE, Watch.BELOW} and self.limit is None:
            raise ValueError(f"{self.watch.value} needs limit")
        if self.watch is Watch.OUTSIDE and (self.lower is None or self.upper is None or self.lower >= self.upper):
            raise ValueError("outside needs lower and upper, lower below upper")
        if self.watch is Watch.OUTSIDE and self.hysteresis * 2 >= (self.upper or 0.0) - (self.lower or 0.0):
            raise ValueError("hysteresis must be less than half of the band, or the alarm never ends")
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
            severity=self.severity,
            channel_ids=tuple(self.channel_ids),
            repeat_seconds=self.repeat_seconds,
            active=self.active,
            create_time=created,
        )


class ChannelBody(RequestModel):
    """Who is told, and how."""

    name: str = Field(min_length=1, max_length=200)
    kind: ChannelKind
    language: Literal["en", "zh"] = "en"
    url: str = Field(default="", max_length=2000, description="Of the robot or webhook; never shown again.")
    secret: str = Field(default="", max_length=256, description="Signs (DingTalk, webhook); never shown again.")
    previous_secret: str = Field(default="", max_length=256, description="Webhook: signs too while it is replaced.")
    recipients: list[Annotated[str, Field(pattern=r"^[^@\s,;]+@[^@\s,;]+$", max_length=254)]] = Field(
        default_factory=list, max_length=50
    )
    system: bool = Field(default=False, description="Also about the system itself; for operators.")

    @model_validator(mode="after")
    def _whole(self) -> "ChannelBody":
        if self.kind is ChannelKind.EMAIL and not self.recipients:
            raise ValueError("email needs recipients")
        if self.kind in _HTTP and not self.url.startswith(("https://", "http://")):
            raise ValueError(f"{self.kind.value} needs the url of the robot or webhook")
        return self

    def to_channel(self, channel_id: str, caller: Caller, created: datetime) -> Channel:
        """Return the channel of `caller`'s tenant."""
        return Channel(
            id=channel_id,
            tenant_id=caller.tenant_id,
            name=self.name,
            kind=self.kind,
            language=self.language,
            url=self.url,
            secrets=tuple(filter(None, (self.secret, self.previous_secret))),
            recipients=tuple(self.recipients),
            options={"system": "true"} if self.system else {},
            create_time=created,
        )


class SnoozeBody(RequestModel):
    """For how long nobody wants to hear of it."""

    seconds: float = Field(ge=0, le=2_592_000, description="0: ends the snooze.")


class AlertRoutes:
    """``/api/v1/alarms``, ``/api/v1/alerts`` and ``/api/v1/channels``: everything of the caller's tenant alone."""

    def __init__(
        self, *, store: AlertStore, deliveries: DeliveryStore, notifier: Notifier, guard: Guard, clock: Clock
    ) -> None:
        self._store = store
        self._deliveries = deliveries
        self._notifier = notifier
        self._clock = clock
        self.router = api_router("alerts")
        reading = [Depends(guard.needs(TELEMETRY_READ))]
        writing = [Depends(guard.needs(TELEMETRY_WRITE))]
        admin = [Depends(guard.needs(ADMIN))]
        add(self.router, "GET /api/v1/alarms", self.list_alarms, dependencies=reading)
        add(self.router, "POST /api/v1/alarms", self.create_alarm, status_code=201, dependencies=writing)
        add(self.router, "GET /api/v1/alarms/{alarm_id}", self.get_alarm, dependencies=reading)
        add(self.router, "PUT /api/v1/alarms/{alarm_id}", self.update_alarm, dependencies=writing)
        add(self.router, "DELETE /api/v1/alarms/{alarm_id}", self.delete_alarm, status_code=204, dependencies=writing)
        add(self.router, "GET /api/v1/alerts", self.list_alerts, dependencies=reading)
        add(self.router, "POST /api/v1/alerts/{fingerprint}/acknowledge", self.acknowledge, dependencies=writing)
        add(self.router, "POST /api/v1/alerts/{fingerprint}/snooze", self.snooze, dependencies=writing)
        add(self.router, "GET /api/v1/channels", self.list_channels, dependencies=admin)
        add(self.router, "POST /api/v1/channels", self.create_channel, status_code=201, dependencies=admin)
        add(self.router, "PUT /api/v1/channels/{channel_id}", self.update_channel, dependencies=admin)
        add(
            self.router,
            "DELETE /api/v1/channels/{channel_id}",
            self.delete_channel,
            status_code=204,
            dependencies=admin,
        )
        add(self.router, "POST /api/v1/channels/{channel_id}/test", self.test_channel, dependencies=admin)
        add(self.router, "GET /api/v1/notifications", self.list_notifications, dependencies=admin)

    async def list_alarms(self) -> Response:
        """List the tenant's alarms on device values."""
        found = await self._store.list_alarms(_caller().tenant_id)
        return JsonResponse({"alarms": [alarm_to_json(alarm) for alarm in found]})

    async def create_alarm(self, body: AlarmBody) -> Response:
        """Watch a value of devices: a threshold, a band, or silence; told through the tenant's channels."""
        caller = _caller()
        if len(await self._store.list_alarms(caller.tenant_id)) >= _MOST:
            raise ResourceExhausted(f"a tenant has at most {_MOST} alarms", reason="ALARMS_LIMIT_EXCEEDED")
        await self._check_channels(caller, body)
        alarm = body.to_alarm(new_id("alarm"), caller, self._clock.now())
        await self._store.put_alarm(alarm)
        return JsonResponse(alarm_to_json(alarm), 201)

    async def get_alarm(self, alarm_id: str) -> Response:
        """Read an alarm."""
        return JsonResponse(alarm_to_json(await self._store.alarm(_caller().tenant_id, alarm_id)))

    async def update_alarm(self, alarm_id: str, body: AlarmBody) -> Response:
        """Replace an alarm; what is known of it stays."""
        caller = _caller()
        before = await self._store.alarm(caller.tenant_id, alarm_id)
        await self._check_channels(caller, body)
        alarm = body.to_alarm(alarm_id, caller, before.create_time)
        await self._store.put_alarm(alarm)
        if not alarm.active:
            await self._store.end_states(caller.tenant_id, alarm_id)
        return JsonResponse(alarm_to_json(alarm))

    async def delete_alarm(self, alarm_id: str) -> Response:
        """Delete an alarm and what is known of it."""
        await self._store.delete_alarm(_caller().tenant_id, alarm_id)
        return Response(status_code=204)

    async def list_alerts(
        self, status: Annotated[Literal["", "ok", "pending", "firing", "no_data"], Query()] = ""
    ) -> Response:
        """List what fires, what is about to, and what has ended; the system's own alerts for operators only."""
        caller = _caller()
        found = await self._store.list_states(caller.tenant_id)
        found = [state for state in found if _may_see(caller, state)]
        shown = [alert_to_json(state) for state in found if not status or state.status.value == status]
        return JsonResponse({"alerts": shown})

    async def acknowledge(self, fingerprint: str) -> Response:
        """Say that somebody looks after it: it is told no more until it ends."""
        caller, now = _caller(), self._clock.now()
        _check_system(caller, await self._store.state(caller.tenant_id, fingerprint))
        state = await self._store.change_state(caller.tenant_id, fingerprint, now, acknowledged_by=caller.user_id)
        return JsonResponse(alert_to_json(state))

    async def snooze(self, fingerprint: str, body: SnoozeBody) -> Response:
        """Be told nothing of it for some time."""
        caller, now = _caller(), self._clock.now()
        _check_system(caller, await self._store.state(caller.tenant_id, fingerprint))
        until = now + timedelta(seconds=body.seconds) if body.seconds else None
        state = await self._store.change_state(caller.tenant_id, fingerprint, now, snoozed_until=until)
        return JsonResponse(alert_to_json(state))

    async def list_channels(self) -> Response:
        """List the tenant's channels; addresses of robots and secrets are not shown."""
        tenant_id = _caller().tenant_id
        shown = [channel_to_json(channel) for channel in await self._store.list_channels(tenant_id)]
        lost = [unreadable_to_json(channel) for channel in await self._store.list_unreadable_channels(tenant_id)]
        return JsonResponse({"channels": [*shown, *lost]})

    async def create_channel(self, body: ChannelBody) -> Response:
        """Add a channel: e-mail, DingTalk, WeCom or a signed webhook."""
        caller = _caller()
        _check_for_system(caller, body)
        channel = body.to_channel(new_id("chan"), caller, self._clock.now())
        await self._store.put_channel(channel)
        return JsonResponse(channel_to_json(channel), 201)

    async def update_channel(self, channel_id: str, body: ChannelBody) -> Response:
        """Replace a channel, its address and secrets included."""
        caller = _caller()
        _check_for_system(caller, body)
        created = await self._store.channel_created(caller.tenant_id, channel_id)
        channel = body.to_channel(channel_id, caller, created)
        await self._store.put_channel(channel)
        return JsonResponse(channel_to_json(channel))

    async def delete_channel(self, channel_id: str) -> Response:
        """Delete a channel."""
        await self._store.delete_channel(_caller().tenant_id, channel_id)
        return Response(status_code=204)

    async def test_channel(self, channel_id: str) -> Response:
        """Send a test message and say what the other side answered."""
        channel = await self._store.channel(_caller().tenant_id, channel_id)
        await self._notifier.test(channel)
        return JsonResponse({"delivered": True})

    async def list_notifications(self) -> Response:
        """List the newest hundred messages with their outcome."""
        found = await self._deliveries.list(_caller().tenant_id)
        return JsonResponse({"notifications": [delivery_to_json(delivery) for delivery in found]})

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


def channel_to_json(channel: Channel) -> dict[str, Any]:
    """Return a channel without what is secret of it."""
    return {
        "id": channel.id,
        "name": channel.name,
        "kind": channel.kind.value,
        "language": channel.language,
        "recipients": list(channel.recipients),
        "is_signed": bool(channel.secrets),
        "system": channel.options.get("system") == "true",
        "create_time": channel.create_time,
        "is_readable": True,
    }


def unreadable_to_json(channel: UnreadableChannel) -> dict[str, Any]:
    """Return a channel that can't be read any more: its id, to store it anew or to delete it."""
    return {"id": channel.id, "name": "", "kind": None, "create_time": channel.create_time, "is_readable": False}


def delivery_to_json(delivery: Delivery) -> dict[str, Any]:
    """Return a notification as the API shows it."""
    return {
        "id": delivery.id,
        "channel_id": delivery.channel_id,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "error": delivery.error or None,
        "title": delivery.message.title,
        "change": delivery.message.change,
        "fingerprint": delivery.message.fingerprint,
        "time": delivery.message.time,
    }


def _caller() -> Caller:
    return current_context().caller


def _may_see(caller: Caller, state: AlertState) -> bool:
    """Return whether an alert is the caller's affair: the system is the operators', budgets the administrators'."""
    if state.rule_id.startswith(SYSTEM_RULES):
        return includes(caller.scopes, OPERATOR)
    return not state.rule_id.startswith(TENANT_RULES) or includes(caller.scopes, ADMIN)


def _check_system(caller: Caller, state: AlertState) -> None:
    if not _may_see(caller, state):
        raise PermissionDenied("this alert is the operator's or the administrators'", reason="SCOPE_REQUIRED")


def _check_for_system(caller: Caller, body: ChannelBody) -> None:
    if body.system and not includes(caller.scopes, OPERATOR):
        raise PermissionDenied("only an operator is told about the system itself", reason="SCOPE_REQUIRED")
