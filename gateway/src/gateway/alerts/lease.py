"""The evaluator's lease: one gateway of all evaluates, and a number fences off what an earlier holder still writes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.alerts.table import leases
from gateway.auth.row import micros
from penstock_kit.database import Database
from penstock_kit.database.asynchronous import AsyncConnection

_LEASE: Final = "alerts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A held lease: its fencing number, and the time at which another gateway may take it."""

    fence: int
    until: datetime


class LeaseLostError(Exception):
    """Another gateway evaluates meanwhile; nothing of the transaction counts."""


class LeaseStore:
    """Keeps the lease in the gateway's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def acquire(self, holder: str, *, seconds: float, now: datetime) -> Lease | None:
        """Take or renew the lease; None while another gateway holds it."""
        until = now + timedelta(seconds=seconds)
        async with self._database.write() as connection:
            query = select(leases.c.holder, leases.c.fence, leases.c.expire_time).where(leases.c.name == _LEASE)
            found = (await connection.execute(query)).first()
            if found is None:
                return await _take_first(connection, holder, until)
            if found.holder != holder and found.expire_time > (micros(now) or 0):
                return None
            fence = found.fence if found.holder == holder else found.fence + 1
            seen = (leases.c.name == _LEASE) & (leases.c.fence == found.fence) & (leases.c.holder == found.holder)
            values = {"holder": holder, "fence": fence, "expire_time": micros(until)}
            taken = (await connection.execute(update(leases).where(seen).values(**values))).rowcount
        return Lease(fence=fence, until=until) if taken else None

    async def release(self, holder: str, *, now: datetime) -> None:
        """Give the lease back, when it is held, so that another gateway need not wait for its end."""
        held = (leases.c.name == _LEASE) & (leases.c.holder == holder)
        async with self._database.write() as connection:
            await connection.execute(update(leases).where(held).values(expire_time=micros(now)))


async def check_fence(connection: AsyncConnection, fence: int) -> None:
    """Raise LeaseLostError when `fence` is not the newest; lock the lease until the transaction ends."""
    held = (leases.c.name == _LEASE) & (leases.c.fence == fence)
    if not (await connection.execute(update(leases).where(held).values(fence=fence))).rowcount:
        raise LeaseLostError


async def _take_first(connection: AsyncConnection, holder: str, until: datetime) -> Lease | None:
    row = {"name": _LEASE, "holder": holder, "fence": 1, "expire_time": micros(until)}
    try:
        async with connection.begin_nested():
            await connection.execute(insert(leases).values(**row))
    except IntegrityError:
        return None
    return Lease(fence=1, until=until)
