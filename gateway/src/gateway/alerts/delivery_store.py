"""The messages to channels: which are due, which are being sent, and how they ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import case, delete, func, insert, select, update

from gateway.alerts.channels.channel import Channel
from gateway.alerts.lease import check_fence
from gateway.alerts.message import Message
from gateway.alerts.row import message_from_json, to_json
from gateway.alerts.table import deliveries
from gateway.auth.row import micros
from penstock_kit.database import Database
from penstock_kit.database.asynchronous import AsyncConnection

WAITING, SENDING, SENT, FAILED, UNKNOWN = "waiting", "sending", "sent", "failed", "unknown"
_LONGEST_ERROR: Final = 512
_LOST: Final = "the gateway that sent it ended meanwhile; whether it arrived is not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one channel, how often it was tried, and under which fencing number it is being sent."""

    id: str
    tenant_id: str
    channel_id: str
    status: str
    attempts: int
    error: str
    fence: int
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class DueChannel:
    """A channel whose oldest waiting message is due."""

    tenant_id: str
    channel_id: str


class DeliveryStore:
    """Keeps the messages in the gateway's database. A channel's messages go out in the order of their making."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due_channels(self, now: datetime) -> Sequence[DueChannel]:
        """Return the channels whose oldest waiting message is due; behind it the others wait."""
        place = func.row_number().over(
            partition_by=deliveries.c.channel_id, order_by=(deliveries.c.create_time, deliveries.c.id)
        )
        columns = (deliveries.c.tenant_id, deliveries.c.channel_id, deliveries.c.next_time)
        waiting = select(*columns, place.label("place")).where(deliveries.c.status == WAITING).subquery()
        query = select(waiting).where((waiting.c.place == 1) & (waiting.c.next_time <= micros(now)))
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [DueChannel(tenant_id=row.tenant_id, channel_id=row.channel_id) for row in rows]

    async def give_up_lost(self, fence: int) -> None:
        """Mark UNKNOWN what an earlier evaluator was sending when it ended. Raises LeaseLostError."""
        lost = (deliveries.c.status == SENDING) & (deliveries.c.fence < fence)
        async with self._database.write() as connection:
            await check_fence(connection, fence)
            await connection.execute(update(deliveries).where(lost).values(status=UNKNOWN, error=_LOST))

    async def claim(self, channel_id: str, fence: int, *, most: int, largest: int = 0) -> Sequence[Delivery]:
        """Take the oldest waiting messages of a channel and mark them SENDING. Raises LeaseLostError.

        At most `most`, and as many as have `largest` bytes of text together (0: any); one always.
        """
        waiting = (deliveries.c.status == WAITING) & (deliveries.c.channel_id == channel_id)
        query = select(deliveries).where(waiting).order_by(deliveries.c.create_time, deliveries.c.id).limit(most)
        async with self._database.write() as connection:
            await check_fence(connection, fence)
            found = [_delivery(row, fence) for row in (await connection.execute(query)).all()]
            taken = _fitting(found, largest)
            if taken:
                ours = deliveries.c.id.in_([delivery.id for delivery in taken])
                await connection.execute(update(deliveries).where(ours).values(status=SENDING, fence=fence))
        return taken

    async def finish(self, claimed: Sequence[Delivery], *, status: str, error: str, now: datetime) -> None:
        """Note how the attempt at `claimed` ended."""
        async with self._database.write() as connection:
            for delivery in claimed:
                ours = (deliveries.c.id == delivery.id) & (deliveries.c.fence == delivery.fence)
                values = {"status": status, "attempts": delivery.attempts + 1, "error": error[:_LONGEST_ERROR]}
                await connection.execute(update(deliveries).where(ours).values(next_time=micros(now), **values))

    async def postpone(self, claimed: Sequence[Delivery], *, error: str, later: datetime, attempts: int) -> None:
        """Let `claimed` and what is behind them wait until `later`; what was tried `attempts` times has FAILED."""
        ids = [delivery.id for delivery in claimed]
        ours = deliveries.c.id.in_(ids) & deliveries.c.status.in_((SENDING, UNKNOWN))
        behind = (deliveries.c.channel_id == claimed[0].channel_id) & (deliveries.c.status == WAITING)
        tried = deliveries.c.attempts + 1
        values = {
            "status": case((tried >= attempts, FAILED), else_=WAITING),
            "attempts": tried,
            "error": error[:_LONGEST_ERROR],
            "next_time": micros(later),
        }
        changed = (ours & (deliveries.c.fence == claimed[0].fence)) | behind
        async with self._database.write() as connection:
            await connection.execute(update(deliveries).where(changed).values(**values))

    async def list(self, tenant_id: str, *, limit: int = 100) -> Sequence[Delivery]:
        """Return a tenant's messages, newest first."""
        query = select(deliveries).where(deliveries.c.tenant_id == tenant_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(deliveries.c.create_time.desc()).limit(limit))).all()
        return [_delivery(row, row.fence) for row in rows]

    async def forget(self, before: datetime) -> None:
        """Delete messages that ended and were made before a time."""
        old = (deliveries.c.create_time < micros(before)) & deliveries.c.status.in_((SENT, FAILED, UNKNOWN))
        async with self._database.write() as connection:
            await connection.execute(delete(deliveries).where(old))


async def add_delivery(
    connection: AsyncConnection, channel: Channel, message: Message, fence: int, now: datetime
) -> None:
    """Store a message that waits to be sent; the same message a second time changes nothing."""
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


def _fitting(found: Sequence[Delivery], largest: int) -> Sequence[Delivery]:
    """Return the first messages that have `largest` bytes together, one at least."""
    total = 0
    for place, delivery in enumerate(found):
        total += len(delivery.message.text.encode()) + 2
        if largest and place and total > largest:
            return found[:place]
    return found


def _delivery(row: Any, fence: int) -> Delivery:
    return Delivery(
        id=row.id,
        tenant_id=row.tenant_id,
        channel_id=row.channel_id,
        status=row.status,
        attempts=row.attempts,
        error=row.error,
        fence=fence,
        message=message_from_json(row.message),
    )
