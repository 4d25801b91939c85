"""Answers kept under idempotency keys in SQLite or PostgreSQL: claimed by one replica, read by all."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from llm_service.adapters.ledger_row import micros_from_time
from llm_service.adapters.sql_retention import delete_expired_answers
from llm_service.adapters.table import kept_answer
from llm_service.domain.reuse.idempotent_execution import Claim, ClaimState
from penstock_kit.clock import Clock
from penstock_kit.database import Database
from penstock_kit.errors import PenstockError
from penstock_kit.logging import get_logger

_LIFE: Final = timedelta(hours=24)
_LEASE: Final = timedelta(seconds=15)
_RENEWAL: Final = 5.0
_LARGEST: Final = 32 * 1024 * 1024
_UNWRITTEN: Final = 1000
# Renewals between two looks for answers whose day is over.
_SWEEP: Final = 120

log = get_logger(__name__)


class SqlIdempotencyStore:
    """Claims last for a lease that :meth:`run` renews: those of a process that died are another's 15 s later.

    `owner` names this process, `life` is for how long an answer is given again. One that the store does not take is
    given from memory until it does.
    """

    def __init__(self, database: Database, clock: Clock, *, owner: str, life: timedelta = _LIFE) -> None:
        self._database = database
        self._life = life
        self._clock = clock
        self._owner = owner
        self._mine: dict[str, str] = {}
        self._unwritten: OrderedDict[str, tuple[str, bytes]] = OrderedDict()

    async def claim(self, key: str, fingerprint: str) -> Claim:
        """Claim `key`. While the store is away the claim is granted: an answer is worth more than a second charge."""
        if known := self._unwritten.get(key):
            return Claim(state=ClaimState.REPLAY, fingerprint=known[0], value=known[1])
        self._mine[key] = fingerprint
        claim = Claim(state=ClaimState.CLAIMED, fingerprint=fingerprint)
        try:
            claim = await self._claim(key, fingerprint)
        except (PenstockError, DBAPIError) as error:
            log.warning("an idempotency key can't be claimed, its call is made", detail=type(error).__name__)
        finally:
            if claim.state is not ClaimState.CLAIMED:
                self._mine.pop(key, None)
        return claim

    async def save(self, key: str, value: bytes) -> None:
        """Keep the answer for its life; one over 32 MiB is not kept."""
        if len(value) > _LARGEST:
            await self.release(key)
            return
        fingerprint = self._mine.pop(key, "")
        self._unwritten[key] = (fingerprint, value)
        while len(self._unwritten) > _UNWRITTEN:
            self._unwritten.popitem(last=False)
        await self._write_unwritten()

    async def release(self, key: str) -> None:
        """Give the claim back."""
        self._mine.pop(key, None)
        mine = and_(kept_answer.c.key == key, kept_answer.c.owner == self._owner, kept_answer.c.value.is_(None))
        try:
            async with self._database.write() as connection:
                await connection.execute(delete(kept_answer).where(mine))
        except (PenstockError, DBAPIError) as error:
            log.warning("an idempotency key stays claimed until its lease ends", detail=type(error).__name__)

    async def run(self) -> None:
        """Renew the claims, write what waits for the store and drop what is a day old, for ever."""
        turn = 0
        while True:
            try:
                await self._write_unwritten()
                await self.renew()
                if turn % _SWEEP == 0:
                    await self._sweep()
                turn += 1
            except (PenstockError, DBAPIError) as error:
                log.warning("idempotency keys wait for the store", detail=type(error).__name__)
            await asyncio.sleep(_RENEWAL)

    async def _claim(self, key: str, fingerprint: str) -> Claim:
        found = select(kept_answer).where(kept_answer.c.key == key)
        async with self._database.read() as connection:
            row = (await connection.execute(found)).mappings().first()
        now = self._clock.now()
        if row is not None and not _is_free(row, now):
            return _claim_of(row)
        values = self._values(key, fingerprint, now)
        async with self._database.write() as connection:
            dialect: Any = sqlite if self._database.is_sqlite else postgresql
            free = or_(
                kept_answer.c.expire_time < micros_from_time(now),
                and_(kept_answer.c.value.is_(None), kept_answer.c.lease_until < micros_from_time(now)),
            )
            statement = dialect.insert(kept_answer).values(values)
            changes = {name: value for name, value in values.items() if name != "key"}
            statement = statement.on_conflict_do_update(index_elements=["key"], set_=changes, where=free)
            taken = (await connection.execute(statement.returning(kept_answer.c.key))).first()
        state = ClaimState.CLAIMED if taken else ClaimState.IN_FLIGHT
        return Claim(state=state, fingerprint=fingerprint)

    def _values(self, key: str, fingerprint: str, now: datetime) -> dict[str, Any]:
        return {
            "key": key,
            "fingerprint": fingerprint,
            "owner": self._owner,
            "lease_until": micros_from_time(now + _LEASE),
            "expire_time": micros_from_time(now + self._life),
            "value": None,
        }

    async def _write_unwritten(self) -> None:
        """Write the answers that are only here; they stay when the store is away."""
        for key, (fingerprint, value) in tuple(self._unwritten.items()):
            values = self._values(key, fingerprint, self._clock.now()) | {"value": value}
            dialect: Any = sqlite if self._database.is_sqlite else postgresql
            statement = dialect.insert(kept_answer).values(values)
            unanswered = kept_answer.c.value.is_(None)
            statement = statement.on_conflict_do_update(index_elements=["key"], set_=values, where=unanswered)
            try:
                async with self._database.write() as connection:
                    await connection.execute(statement)
            except (PenstockError, DBAPIError) as error:
                log.warning("an answer waits for the store under its idempotency key", detail=type(error).__name__)
                return
            self._unwritten.pop(key, None)

    async def renew(self) -> None:
        """Let the claims of this process last for another lease."""
        if not self._mine:
            return
        until = micros_from_time(self._clock.now() + _LEASE)
        mine = and_(kept_answer.c.key.in_(tuple(self._mine)), kept_answer.c.owner == self._owner)
        async with self._database.write() as connection:
            await connection.execute(update(kept_answer).where(mine).values(lease_until=until))

    async def _sweep(self) -> None:
        await delete_expired_answers(self._database, self._clock.now())


def _is_free(row: Mapping[Any, Any], now: datetime) -> bool:
    """Whether nobody holds the key: its day is over, or who claimed it died before there was an answer."""
    micros = micros_from_time(now)
    return row["expire_time"] < micros or (row["value"] is None and row["lease_until"] < micros)


def _claim_of(row: Mapping[Any, Any]) -> Claim:
    if row["value"] is None:
        return Claim(state=ClaimState.IN_FLIGHT, fingerprint=row["fingerprint"])
    return Claim(state=ClaimState.REPLAY, fingerprint=row["fingerprint"], value=bytes(row["value"]))
