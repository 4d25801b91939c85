"""The audit log in the gateway's database: appended to, read in pages, and shortened by age and number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, Select, and_, func, insert, select

from gateway.audit.entry import SIGN_IN_FAILED, AuditEntry
from gateway.audit.table import audit
from gateway.auth.row import micros, moment
from gateway.auth.table import users
from penstock_kit.database import Database
from penstock_kit.database.retention import delete_in_batches

# Anybody may fail to sign in: such entries are kept for a month, and so many at most, and push no other out.
_FAILED_DAYS: Final = 30
_MOST_FAILED: Final = 50_000
# Of one user, of what was done and of what was refused each: more than a person does in a year.
_MOST_OF_USER: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """Which entries to read: of one tenant, or of all (empty), newest first, older than `before_id` when it is set."""

    tenant_id: str = ""
    action: str = ""
    user_id: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None
    before_id: int = 0
    limit: int = 100


class AuditStore:
    """Keeps the entries, of failed sign-ins the newest `most_failed`, of a user the newest `most_of_user` acts that
    were done and as many that were refused: nobody pushes out what another did. There is no way to change one.
    """

    def __init__(
        self,
        database: Database,
        *,
        kept_days: int,
        most_failed: int = _MOST_FAILED,
        most_of_user: int = _MOST_OF_USER,
    ) -> None:
        self._most_failed = most_failed
        self._most_of_user = most_of_user
        self._database = database
        self._kept = timedelta(days=kept_days)

    async def append(self, entry: AuditEntry) -> None:
        """Store an entry."""
        row = {
            "time": micros(entry.time),
            "tenant_id": entry.tenant_id,
            "user_id": entry.user_id,
            "key_id": entry.key_id,
            "address": entry.address[:64],
            "request_id": entry.request_id[:128],
            "action": entry.action,
            "target": entry.target[:256],
            "outcome": entry.outcome,
            "details": orjson.dumps(entry.details).decode(),
        }
        async with self._database.write() as connection:
            await connection.execute(insert(audit).values(**row))

    async def list(self, query: AuditQuery) -> Sequence[AuditEntry]:
        """Return entries, newest first, with the names of the users that there still are."""
        async with self._database.read() as connection:
            return [_entry(row) for row in (await connection.execute(_select(query))).all()]

    async def user_named(self, username: str, tenant_id: str = "") -> tuple[str, str] | None:
        """Return id and tenant of the one user of a name, None where nobody or several are called so."""
        query = select(users.c.id, users.c.tenant_id).where(users.c.username == username)
        if tenant_id:
            query = query.where(users.c.tenant_id == tenant_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.limit(2))).all()
        return (rows[0].id, rows[0].tenant_id) if len(rows) == 1 else None

    async def prune(self, now: datetime) -> None:
        """Delete what is older than its time, failed sign-ins beyond their number, and users' acts beyond theirs."""
        failed = audit.c.action == SIGN_IN_FAILED
        await self._delete(audit.c.time < micros(now - self._kept))
        await self._delete(failed & (audit.c.time < micros(now - timedelta(days=_FAILED_DAYS))))
        await self._delete_beyond(self._most_failed, failed)
        kinds = (audit.c.tenant_id, audit.c.user_id, audit.c.outcome)
        crowded = select(*kinds).where(~failed).group_by(*kinds).having(func.count() > self._most_of_user)
        async with self._database.read() as connection:
            found = (await connection.execute(crowded)).all()
        for row in found:
            same = and_(*(column == value for column, value in zip(kinds, row, strict=True)))
            await self._delete_beyond(self._most_of_user, same & ~failed)

    async def _delete_beyond(self, most: int, kind: ColumnElement[bool]) -> None:
        """Delete the entries of a kind but for the newest `most`."""
        newest = select(audit.c.id).where(kind).order_by(audit.c.id.desc()).limit(1).offset(most)
        async with self._database.read() as connection:
            beyond = (await connection.execute(newest)).scalar()
        if beyond is not None:
            await self._delete(kind & (audit.c.id <= beyond))

    async def _delete(self, old: ColumnElement[bool]) -> None:
        await delete_in_batches(self._database, audit, old)


def _select(query: AuditQuery) -> Select[Any]:
    username = func.coalesce(users.c.username, "").label("username")
    chosen = select(audit, username).outerjoin(users, users.c.id == audit.c.user_id)
    conditions = [
        (query.tenant_id, audit.c.tenant_id == query.tenant_id),
        (query.action, audit.c.action == query.action),
        (query.user_id, audit.c.user_id == query.user_id),
        (query.start_time, audit.c.time >= (micros(query.start_time) or 0)),
        (query.end_time, audit.c.time < (micros(query.end_time) or 0)),
        (query.before_id, audit.c.id < query.before_id),
    ]
    wanted = [condition for given, condition in conditions if given]
    return chosen.where(*wanted).order_by(audit.c.id.desc()).limit(query.limit)


def _entry(row: Any) -> AuditEntry:
    time = moment(row.time)
    assert time is not None
    return AuditEntry(
        id=row.id,
        time=time,
        tenant_id=row.tenant_id,
        user_id=row.user_id,
        key_id=row.key_id,
        username=row.username,
        address=row.address,
        request_id=row.request_id,
        action=row.action,
        target=row.target,
        outcome=row.outcome,
        details=orjson.loads(row.details),
    )
