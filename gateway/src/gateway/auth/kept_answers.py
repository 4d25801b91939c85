"""Answers kept under the idempotency keys of callers: made once, by whichever gateway claims the key first."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.auth.row import micros
from gateway.auth.table import kept_answers as table
from penstock_kit.clock import Clock
from penstock_kit.database import Database
from penstock_kit.database.asynchronous import AsyncConnection
from penstock_kit.errors import FailedPrecondition, Unprocessable
from penstock_kit.ids import new_id

# Told with an answer that was kept: nothing was done for it.
REPLAYED_HEADER: Final = "idempotent-replayed"
# How long who makes an answer may take before another one makes it.
_LEASE: Final = timedelta(minutes=2)
_PRUNE_SECONDS: Final = 600.0
# Between two looks at what another gateway makes.
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """What was answered."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is known of a key: an `answer`; or `owner`, under which the caller is to make it; or neither, while another
    one makes it."""

    owner: str = ""
    answer: KeptAnswer | None = None


@dataclass(slots=True, eq=False)
class _Making:
    """An answer in the making at this gateway."""

    fingerprint: str
    over: asyncio.Event = field(default_factory=asyncio.Event)


class KeptAnswers:
    """The answers in the database that all gateways share, for `hours`; `close` encrypts their bodies, `open` decrypts
    or raises FailedPrecondition.

    A body may be a secret that is shown once, and names and keys are nobody's business: a key is stored as a digest.
    Who waits for an answer only reads: once when it is made at this gateway, ever more seldom when at another.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        hours: float,
        close: Callable[[str], str],
        open: Callable[[str], str],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._clock = clock
        self._kept = timedelta(hours=hours)
        self._close = close
        self._open = open
        self._sleep = sleep
        self._pruned_at = clock.monotonic()
        self._making: dict[str, _Making] = {}

    async def settled(self, name: str, fingerprint: str) -> Claim:
        """Return what :meth:`claim` does once that is an answer, or ours to make and to :meth:`end` then."""
        pause = _FIRST_PAUSE
        while True:
            if (making := self._making.get(name)) is not None:
                _require_same(making.fingerprint, fingerprint)
                await making.over.wait()
            claim = await self.claim(name, fingerprint)
            if claim.owner:
                self._making[name] = _Making(fingerprint)
            if claim.owner or claim.answer is not None:
                return claim
            if name not in self._making:
                await self._sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def end(self, name: str) -> None:
        """Wake those who wait here for what was made, or was not."""
        if (making := self._making.pop(name, None)) is not None:
            making.over.set()

    async def claim(self, name: str, fingerprint: str) -> Claim:
        """Claim `name` for the request of `fingerprint`; nothing is written where another one's counts.

        Raises Unprocessable (IDEMPOTENCY_KEY_CONFLICT) when it came with another one, FailedPrecondition
        (IDEMPOTENCY_ANSWER_UNAVAILABLE) when the answer cannot be read any more.
        """
        owner, now = new_id("claim"), self._clock.now()
        await self._prune(now)
        async with self._database.read() as connection:
            found = (await connection.execute(select(table).where(table.c.name == name))).one_or_none()
        if (there := self._there(found, fingerprint, now)) is not None:
            return there
        try:
            async with self._database.write() as connection:
                return await self._claim(connection, name, fingerprint, owner, now)
        except IntegrityError:  # another gateway was faster by a moment
            return Claim()

    async def keep(self, name: str, claim: Claim, answer: KeptAnswer) -> None:
        """Keep the answer that was made under a claim."""
        made = {"status": answer.status, "body": self._close(answer.body.decode())}
        async with self._database.write() as connection:
            await connection.execute(
                update(table).where(table.c.name == name, table.c.owner == claim.owner).values(made)
            )

    async def release(self, name: str, claim: Claim) -> None:
        """Give a claim back: nothing was made, and the next one may try."""
        async with self._database.write() as connection:
            await connection.execute(delete(table).where(table.c.name == name, table.c.owner == claim.owner))

    async def _claim(
        self, connection: AsyncConnection, name: str, fingerprint: str, owner: str, now: datetime
    ) -> Claim:
        found = (await connection.execute(select(table).where(table.c.name == name))).one_or_none()
        if (there := self._there(found, fingerprint, now)) is not None:
            return there
        mine = {"fingerprint": fingerprint, "owner": owner, "time": _micros(now), "status": 0, "body": ""}
        if found is None:
            await connection.execute(insert(table).values(name=name, **mine))
            return Claim(owner=owner)
        left = (table.c.name == name) & (table.c.owner == found.owner)
        taken = await connection.execute(update(table).where(left).values(mine))
        return Claim(owner=owner if taken.rowcount else "")

    def _there(self, found: Any, fingerprint: str, now: datetime) -> Claim | None:
        """Return what the row of a key says to a request, None where the key is free to claim."""
        if found is None or found.time < _micros(now - self._kept):
            return None
        _require_same(found.fingerprint, fingerprint)
        if found.status:
            return Claim(answer=KeptAnswer(status=found.status, body=self._open_body(found.body)))
        return Claim() if found.time >= _micros(now - _LEASE) else None

    def _open_body(self, closed: str) -> bytes:
        try:
            return self._open(closed).encode()
        except FailedPrecondition as error:
            message = (
                "this idempotency key was used before, and its request is done; its answer was kept under a JWT_SECRET "
                "that is not known any more: read what the request made, or use a new key to ask anew"
            )
            raise FailedPrecondition(message, reason="IDEMPOTENCY_ANSWER_UNAVAILABLE") from error

    async def _prune(self, now: datetime) -> None:
        """Delete what is older than its time, now and then."""
        if self._clock.monotonic() - self._pruned_at < _PRUNE_SECONDS:
            return
        self._pruned_at = self._clock.monotonic()
        async with self._database.write() as connection:
            await connection.execute(delete(table).where(table.c.time < _micros(now - self._kept)))


def _require_same(kept: str, asked: str) -> None:
    if kept != asked:
        message = "this idempotency key was used with another request before; use a new key for a new request"
        raise Unprocessable(message, reason="IDEMPOTENCY_KEY_CONFLICT")


def _micros(moment: datetime) -> int:
    return micros(moment) or 0
