"""Alarms, channels, states, deliveries and the evaluator's lease, in the gateway's database."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.alerts.channels.channel import Channel
from gateway.alerts.message import Message
from gateway.alerts.model import Alarm, AlertState
from gateway.alerts.row import (
    alarm_from_json,
    channel_from_json,
    message_from_json,
    state_from_json,
    state_to_row,
    to_json,
)
from gateway.alerts.secret_box import SecretBox
from gateway.alerts.table import alarms, alert_states, channels, deliveries, leases
from gateway.auth.row import micros
from penstock_kit.database import Database
from penstock_kit.errors import NotFound

_LEASE: Final = "alerts"
WAITING, SENDING, SENT, FAILED, UNKNOWN = "waiting", "sending", "sent", "failed", "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one channel, and how often it was tried."""

    id: str
    tenant_id: str
    channel_id: str
    status: str
    attempts: int
    error: str
    message: Message


class LeaseLostError(Exception):
    """Another gateway evaluates meanwhile; nothing of the transaction counts."""


class AlertStore:
    """What alerts keep. Everything a caller names is looked up within its tenant."""

    def __init__(self, database: Database, box: SecretBox) -> None:
        self._database = database
        self._box = box

    async def put_alarm(self, alarm: Alarm) -> None:
        """Store an alarm, in the place of the one with its id."""
        row = {"active": alarm.active, "definition": to_json(alarm)}
        async with self._database.write() as connection:
            ours = (alarms.c.id == alarm.id) & (alarms.c.tenant_id == alarm.tenant_id)
            if not (await connection.execute(update(alarms).where(ours).values(**row))).rowcount:
                created = micros(alarm.create_time)
                own = {"id": alarm.id, "tenant_id": alarm.tenant_id, "create_time": created, **row}
                await connection.execute(insert(alarms).values(**own))

    async def alarm(self, tenant_id: str, alarm_id: str) -> Alarm:
        """Return an alarm. Raises NotFound (ALARM_NOT_FOUND)."""
        ours = (alarms.c.id == alarm_id) & (alarms.c.tenant_id == tenant_id)
        async with self._database.read() as connection:
            found = (await connection.execute(select(alarms.c.definition).where(ours))).scalar()
        if found is None:
            raise NotFound(f"there is no alarm {alarm_id!r}", reason="ALARM_NOT_FOUND")
        return alarm_from_json(found)

    async def list_alarms(self, tenant_id: str = "") -> Sequence[Alarm]:
        """Return the alarms of a tenant, or the active ones of all."""
        wanted = alarms.c.tenant_id == tenant_id if tenant_id else alarms.c.active
        query = select(alarms.c.definition).where(wanted).order_by(alarms.c.id)
        async with self._database.read() as connection:
            return [alarm_from_json(text) for text in (await connection.execute(query)).scalars()]

    async def delete_alarm(self, tenant_id: str, alarm_id: str) -> None:
        """Delete an alarm and what is known of it. Raises NotFound (ALARM_NOT_FOUND)."""
        ours = (alarms.c.id == alarm_id) & (alarms.c.tenant_id == tenant_id)
        states = (alert_states.c.rule_id == alarm_id) & (alert_states.c.tenant_id == tenant_id)
        async with self._database.write() as connection:
            if not (await connection.execute(delete(alarms).where(ours))).rowcount:
                raise NotFound(f"there is no alarm {alarm_id!r}", reason="ALARM_NOT_FOUND")
            await connection.execute(delete(alert_states).where(states))

    async def put_channel(self, channel: Channel) -> None:
        """Store a channel, in the place of the one with its id."""
        row = {"definition": self._box.close(to_json(channel))}
        async with self._database.write() as connection:
            ours = (channels.c.id == channel.id) & (channels.c.tenant_id == channel.tenant_id)
            if not (await connection.execute(update(channels).where(ours).values(**row))).rowcount:
                created = micros(channel.create_time)
                own = {"id": channel.id, "tenant_id": channel.tenant_id, "create_time": created, **row}
                await connection.execute(insert(channels).values(**own))

    async def channel(self, tenant_id: str, channel_id: str) -> Channel:
        """Return a channel. Raises NotFound (CHANNEL_NOT_FOUND)."""
        ours = (channels.c.id == channel_id) & (channels.c.tenant_id == tenant_id)
        async with self._database.read() as connection:
            found = (await connection.execute(select(channels.c.definition).where(ours))).scalar()
        if found is None:
            raise NotFound(f"there is no channel {channel_id!r}", reason="CHANNEL_NOT_FOUND")
        return channel_from_json(self._box.open(found))

    async def list_channels(self, tenant_id: str = "") -> Sequence[Channel]:
        """Return the channels of a tenant, or all."""
        query = select(channels.c.definition).order_by(channels.c.id)
        if tenant_id:
            query = query.where(channels.c.tenant_id == tenant_id)
        async with self._database.read() as connection:
            closed = (await connection.execute(query)).scalars().all()
        return [channel_from_json(self._box.open(text)) for text in closed]

    async def delete_channel(self, tenant_id: str, channel_id: str) -> None:
        """Delete a channel. Raises NotFound (CHANNEL_NOT_FOUND)."""
        ours = (channels.c.id == channel_id) & (channels.c.tenant_id == tenant_id)
        async with self._database.write() as connection:
            if not (await connection.execute(delete(channels).where(ours))).rowcount:
                raise NotFound(f"there is no channel {channel_id!r}", reason="CHANNEL_NOT_FOUND")

    async def list_states(self, tenant_id: str = "") -> Sequence[AlertState]:
        """Return what is known of the alerts of a tenant, or of all."""
        query = select(alert_states.c.definition).order_by(alert_states.c.fingerprint)
        if tenant_id:
            query = query.where(alert_states.c.tenant_id == tenant_id)
        async with self._database.read() as connection:
            return [state_from_json(text) for text in (await connection.execute(query)).scalars()]

    async def state(self, tenant_id: str, fingerprint: str) -> AlertState:
        """Return what is known of one alert. Raises NotFound (ALERT_NOT_FOUND)."""
        ours = (alert_states.c.fingerprint == fingerprint) & (alert_states.c.tenant_id == tenant_id)
        async with self._database.read() as connection:
            found = (await connection.execute(select(alert_states.c.definition).where(ours))).scalar()
        if found is None:
            raise NotFound(f"there is no alert {fingerprint!r}", reason="ALERT_NOT_FOUND")
        return state_from_json(found)

    async def change_state(self, tenant_id: str, fingerprint: str, now: datetime, **changes: Any) -> AlertState:
        """Acknowledge or snooze an alert and return it. Raises NotFound (ALERT_NOT_FOUND)."""
        ours = (alert_states.c.fingerprint == fingerprint) & (alert_states.c.tenant_id == tenant_id)
        async with self._database.write() as connection:
            found = (await connection.execute(select(alert_states.c.definition).where(ours))).scalar()
            if found is None:
                raise NotFound(f"there is no alert {fingerprint!r}", reason="ALERT_NOT_FOUND")
            changed = replace(state_from_json(found), **changes)
            await connection.execute(update(alert_states).where(ours).values(**state_to_row(changed, now)))
        return changed

    async def acquire_lease(self, holder: str, *, seconds: float, now: datetime) -> int:
        """Return the fencing number of the evaluator's lease, 0 while another gateway holds it."""
        until = micros(now + timedelta(seconds=seconds))
        async with self._database.write() as connection:
            query = select(leases.c.holder, leases.c.fence, leases.c.expire_time).where(leases.c.name == _LEASE)
            found = (await connection.execute(query)).first()
            if found is None:
                first = {"name": _LEASE, "holder": holder, "fence": 1, "expire_time": until}
                try:
                    async with connection.begin_nested():
                        await connection.execute(insert(leases).values(**first))
                except IntegrityError:
                    return 0
                return 1
            if found.holder != holder and found.expire_time > (micros(now) or 0):
                return 0
            fence = found.fence if found.holder == holder else found.fence + 1
            ours = (leases.c.name == _LEASE) & (leases.c.fence == found.fence) & (leases.c.holder == found.holder)
            values = {"holder": holder, "fence": fence, "expire_time": until}
            return fence if (await connection.execute(update(leases).where(ours).values(**values))).rowcount else 0

    async def record(
        self, fence: int, changed: Sequence[AlertState], messages: Sequence[tuple[Channel, Message]], now: datetime
    ) -> None:
        """Store new states and the messages about them, both or neither. Raises LeaseLostError."""
        async with self._database.write() as connection:
            await self._check_fence(connection, fence)
            for state in changed:
                await _put_state(connection, state, now)
            for channel, message in messages:
                await _add_delivery(connection, channel, message, fence, now)

    async def claim_deliveries(self, fence: int, now: datetime, *, limit: int = 50) -> Sequence[Delivery]:
        """Take the messages that are due and mark them as being sent. Raises LeaseLostError.

        What an earlier evaluator was sending when it ended is marked UNKNOWN: it may have arrived, and goes out no
        second time.
        """
        async with self._database.write() as connection:
            await self._check_fence(connection, fence)
            orphaned = (deliveries.c.status == SENDING) & (deliveries.c.fence < fence)
            text = "the gateway that sent it ended meanwhile; whether it arrived is not known"
            await connection.execute(update(deliveries).where(orphaned).values(status=UNKNOWN, error=text))
            due = (deliveries.c.status == WAITING) & (deliveries.c.next_time <= micros(now))
            query = select(deliveries).where(due).order_by(deliveries.c.next_time).limit(limit)
            rows = (await connection.execute(query)).all()
            ids = [row.id for row in rows]
            taken = update(deliveries).where(deliveries.c.id.in_(ids)).values(status=SENDING, fence=fence)
            if ids:
                await connection.execute(taken)
        return [_delivery(row) for row in rows]

    async def finish_delivery(
        self, delivery: Delivery, *, status: str, error: str, next_time: datetime | None, now: datetime
    ) -> None:
        """Note how an attempt ended; WAITING with a time is tried again then."""
        values = {
            "status": status,
            "attempts": delivery.attempts + 1,
            "error": error[:512],
            "next_time": micros(next_time or now),
        }
        async with self._database.write() as connection:
            await connection.execute(update(deliveries).where(deliveries.c.id == delivery.id).values(**values))

    async def list_deliveries(self, tenant_id: str, *, limit: int = 100) -> Sequence[Delivery]:
        """Return a tenant's messages, newest first."""
        query = select(deliveries).where(deliveries.c.tenant_id == tenant_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(deliveries.c.create_time.desc()).limit(limit))).all()
        return [_delivery(row) for row in rows]

    async def forget_deliveries(self, before: datetime) -> None:
        """Delete messages that ended before a time."""
        old = (deliveries.c.create_time < micros(before)) & deliveries.c.status.in_((SENT, FAILED, UNKNOWN))
        async with self._database.write() as connection:
            await connection.execute(delete(deliveries).where(old))

    async def _check_fence(self, connection: AsyncConnection, fence: int) -> None:
        held = (leases.c.name == _LEASE) & (leases.c.fence == fence)
        if not (await connection.execute(update(leases).where(held).values(fence=fence))).rowcount:
            raise LeaseLostError


async def _put_state(connection: AsyncConnection, state: AlertState, now: datetime) -> None:
    row = state_to_row(state, now)
    known = alert_states.c.fingerprint == state.fingerprint
    if not (await connection.execute(update(alert_states).where(known).values(**row))).rowcount:
        await connection.execute(insert(alert_states).values(**row))


async def _add_delivery(
    connection: AsyncConnection, channel: Channel, message: Message, fence: int, now: datetime
) -> None:
    known = select(deliveries.c.id).where(deliveries.c.id == message.delivery_id)
    if (await connection.execute(known)).first() is not None:
        return
    row = {
        "id": message.delivery_id,
        "tenant_id": channel.tenant_id,
        "channel_id": channel.id,
        "status": WAITING,
        "attempts": 0,
        "next_time": micros(now),
        "fence": fence,
        "error": "",
        "message": to_json(message),
        "create_time": micros(now),
    }
    await connection.execute(insert(deliveries).values(**row))


def _delivery(row: Any) -> Delivery:
    return Delivery(
        id=row.id,
        tenant_id=row.tenant_id,
        channel_id=row.channel_id,
        status=row.status,
        attempts=row.attempts,
        error=row.error,
        message=message_from_json(row.message),
    )
