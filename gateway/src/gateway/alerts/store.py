"""Alarms, channels and states, in the gateway's database."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, and_, case, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from gateway.alerts.channels.channel import Channel
from gateway.alerts.delivery_store import add_delivery
from gateway.alerts.evaluation import advance
from gateway.alerts.lease import check_fence
from gateway.alerts.message import Message
from gateway.alerts.model import Alarm, AlertState, Change, Observation, Status
from gateway.alerts.row import (
    alarm_from_json,
    channel_from_json,
    state_from_json,
    state_to_row,
    to_json,
)
from gateway.alerts.secret_box import SecretBox
from gateway.alerts.table import alarms, alert_states, channels
from gateway.auth.row import micros, moment
from penstock_kit.database import Database
from penstock_kit.database.asynchronous import AsyncConnection
from penstock_kit.errors import NotFound, PenstockError
from penstock_kit.logging import get_logger

log = get_logger(__name__)

T = TypeVar("T")

_ORDER: Final = (Status.FIRING, Status.NO_DATA, Status.PENDING, Status.OK)
_RANK: Final = case({status.value: rank for rank, status in enumerate(_ORDER)}, value=alert_states.c.status, else_=9)
_UNKNOWN_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableChannel:
    """A channel that no known secret opens any more: it can be stored anew or deleted."""

    id: str
    tenant_id: str
    create_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StatePage:
    """Which alerts of a tenant are wanted: those behind `after` (rank, fingerprint), of one `status` or of all.

    Alerts of rules whose id begins with one of `hidden` are not the caller's to see.
    """

    tenant_id: str
    limit: int
    status: str = ""
    hidden: tuple[str, ...] = ()
    after: tuple[int, str] | None = None


class AlertStore:
    """What alerts keep. Everything a caller names is looked up within its tenant."""

    def __init__(self, database: Database, box: SecretBox) -> None:
        self._database = database
        self._box = box
        self._warned: set[str] = set()

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
        """Return the alarms of a tenant, or the active ones of all; one that can't be read is left out and logged."""
        wanted = alarms.c.tenant_id == tenant_id if tenant_id else alarms.c.active
        query = select(alarms.c.id, alarms.c.definition).where(wanted).order_by(alarms.c.id)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [alarm for row in rows if (alarm := self._readable(row.id, alarm_from_json, row.definition)) is not None]

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
        return self._open_channel(found)

    async def list_channels(self, tenant_id: str = "") -> Sequence[Channel]:
        """Return the channels of a tenant, or all; one that can't be read is left out and logged."""
        rows = await self._channel_rows(tenant_id)
        opened = (self._readable(row.id, self._open_channel, row.definition) for row in rows)
        return [channel for channel in opened if channel is not None]

    async def count_channels(self, tenant_id: str) -> int:
        """Return how many channels a tenant has, readable or not."""
        return len(await self._channel_rows(tenant_id))

    async def list_unreadable_channels(self, tenant_id: str) -> Sequence[UnreadableChannel]:
        """Return the channels of a tenant that no secret opens any more."""
        rows = await self._channel_rows(tenant_id)
        return [
            UnreadableChannel(id=row.id, tenant_id=tenant_id, create_time=moment(row.create_time) or _UNKNOWN_TIME)
            for row in rows
            if self._readable(row.id, self._open_channel, row.definition) is None
        ]

    async def channel_created(self, tenant_id: str, channel_id: str) -> datetime:
        """Return when a channel was made, whether it can be read or not. Raises NotFound (CHANNEL_NOT_FOUND)."""
        for row in await self._channel_rows(tenant_id):
            if row.id == channel_id:
                return moment(row.create_time) or _UNKNOWN_TIME
        raise NotFound(f"there is no channel {channel_id!r}", reason="CHANNEL_NOT_FOUND")

    async def delete_channel(self, tenant_id: str, channel_id: str) -> None:
        """Delete a channel. Raises NotFound (CHANNEL_NOT_FOUND)."""
        ours = (channels.c.id == channel_id) & (channels.c.tenant_id == tenant_id)
        async with self._database.write() as connection:
            if not (await connection.execute(delete(channels).where(ours))).rowcount:
                raise NotFound(f"there is no channel {channel_id!r}", reason="CHANNEL_NOT_FOUND")

    async def list_states(self, tenant_id: str = "") -> Sequence[AlertState]:
        """Return what is known of the alerts of a tenant, or of all; what can't be read is left out and logged."""
        query = select(alert_states.c.fingerprint, alert_states.c.definition).order_by(alert_states.c.fingerprint)
        if tenant_id:
            query = query.where(alert_states.c.tenant_id == tenant_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        read = (self._readable(row.fingerprint, state_from_json, row.definition) for row in rows)
        return [state for state in read if state is not None]

    async def page_states(self, page: StatePage) -> Sequence[AlertState]:
        """Return one page of what is known of the alerts of a tenant, what fires first."""
        query = select(alert_states.c.fingerprint, alert_states.c.definition).where(_in_page(page))
        query = query.order_by(_RANK, alert_states.c.fingerprint).limit(page.limit)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        read = (self._readable(row.fingerprint, state_from_json, row.definition) for row in rows)
        return [state for state in read if state is not None]

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

    async def record(
        self, fence: int, changed: Sequence[AlertState], messages: Sequence[tuple[Channel, Message]], now: datetime
    ) -> None:
        """Store new states and the messages about them, both or neither. Raises LeaseLostError."""
        async with self._database.write() as connection:
            await check_fence(connection, fence)
            for state in changed:
                await _put_state(connection, state, now)
            for channel, message in messages:
                await add_delivery(connection, channel, message, fence, now)

    async def advance_one(
        self,
        fresh: AlertState,
        found: Observation,
        messages: Callable[[AlertState, Change], Sequence[tuple[Channel, Message]]],
        now: datetime,
    ) -> Change:
        """Note what was found of one alert, told of by others, with what people are to be told; both or neither.

        `fresh` is its state where nothing is known of it. Two that note the same at once make one change.
        """
        try:
            return await self._advance_one(fresh, found, messages, now)
        except IntegrityError:  # another gateway has just stored the first of it
            return await self._advance_one(fresh, found, messages, now)

    async def _advance_one(
        self,
        fresh: AlertState,
        found: Observation,
        messages: Callable[[AlertState, Change], Sequence[tuple[Channel, Message]]],
        now: datetime,
    ) -> Change:
        query = select(alert_states.c.definition).where(alert_states.c.fingerprint == fresh.fingerprint)
        async with self._database.write() as connection:
            known = (await connection.execute(query.with_for_update())).scalar()
            before = state_from_json(known) if known is not None else fresh
            after, change = advance(before, found, hold_seconds=0, repeat_seconds=0, now=now)
            if after.status is not before.status:
                await _put_state(connection, after, now)
                for channel, message in messages(after, change):
                    await add_delivery(connection, channel, message, 0, now)
        return change

    async def end_states(self, tenant_id: str, alarm_id: str) -> None:
        """Forget what is known of an alarm that is watched no longer."""
        known = (alert_states.c.rule_id == alarm_id) & (alert_states.c.tenant_id == tenant_id)
        async with self._database.write() as connection:
            await connection.execute(delete(alert_states).where(known))

    async def forget_states(self, before: datetime) -> None:
        """Delete what is known of alerts that ended before a time."""
        old = (alert_states.c.update_time < micros(before)) & (alert_states.c.status == Status.OK.value)
        async with self._database.write() as connection:
            await connection.execute(delete(alert_states).where(old))

    async def _channel_rows(self, tenant_id: str) -> Sequence[Any]:
        query = select(channels.c.id, channels.c.definition, channels.c.create_time).order_by(channels.c.id)
        if tenant_id:
            query = query.where(channels.c.tenant_id == tenant_id)
        async with self._database.read() as connection:
            return (await connection.execute(query)).all()

    def _open_channel(self, closed: str) -> Channel:
        return channel_from_json(self._box.open(closed))

    def _readable(self, row_id: str, read: Callable[[str], T], text: str) -> T | None:
        """Return what is in a row, or None when it can't be read: one row costs no other. The log says so once."""
        try:
            return read(text)
        except (PenstockError, ValueError, TypeError, KeyError, AttributeError) as error:
            if row_id not in self._warned:
                self._warned.add(row_id)
                log.warning("a row of the alerts can't be read", row_id=row_id, detail=str(error))
            return None


async def _put_state(connection: AsyncConnection, state: AlertState, now: datetime) -> None:
    known = alert_states.c.fingerprint == state.fingerprint
    stored = (await connection.execute(select(alert_states.c.definition).where(known).with_for_update())).scalar()
    if stored is not None:
        state = _with_peoples_word(state, state_from_json(stored))
    row = state_to_row(state, now)
    if not (await connection.execute(update(alert_states).where(known).values(**row))).rowcount:
        await connection.execute(insert(alert_states).values(**row))


def _with_peoples_word(state: AlertState, stored: AlertState) -> AlertState:
    """Return `state` with what people said of it while it was being found: they snooze, and acknowledge an episode."""
    same = state.episode == stored.episode and state.status in {Status.FIRING, Status.NO_DATA}
    acknowledged = stored.acknowledged_by if same else state.acknowledged_by
    return replace(state, snoozed_until=stored.snoozed_until, acknowledged_by=acknowledged)


def rank_of(state: AlertState) -> int:
    """Return the place of a state's status in a list: what fires comes first."""
    return _ORDER.index(state.status)


def _in_page(page: StatePage) -> ColumnElement[bool]:
    wanted: list[ColumnElement[bool]] = [alert_states.c.tenant_id == page.tenant_id]
    if page.status:
        wanted.append(alert_states.c.status == page.status)
    wanted += [~alert_states.c.rule_id.startswith(prefix, autoescape=True) for prefix in page.hidden]
    if page.after is not None:
        rank, fingerprint = page.after
        behind = and_(_RANK.in_([rank]), alert_states.c.fingerprint > fingerprint)
        wanted.append(or_(_RANK.in_(range(rank + 1, len(_ORDER))), behind))
    return and_(*wanted)
