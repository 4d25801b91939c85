"""DatasetStore on SQLite or PostgreSQL, through SQLAlchemy Core."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, update

from feature_service.adapters.dataset.plan_json import plan_from_json, plan_to_json
from feature_service.adapters.metadata.table import dataset
from feature_service.domain.dataset.plan import DatasetPlan
from feature_service.domain.dataset.record import AbandonedJob, Dataset, DatasetState, Lease
from penstock_kit.database import Database

_UNFINISHED: Final = dataset.c.state.in_([state.value for state in DatasetState if not state.is_final])


class SqlDatasetStore:
    """See :class:`feature_service.domain.dataset.record.DatasetStore` for what the methods promise."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, tenant_id: str, added: Dataset, lease: Lease, plan: DatasetPlan | None = None) -> None:
        """Insert a record."""
        values = {**_to_row(tenant_id, added), "owner": lease.owner, "lease_until": lease.until}
        values |= {"plan": plan_to_json(plan) if plan else "", "attempts": 1}
        async with self._database.write() as connection:
            await connection.execute(insert(dataset).values(values))

    async def change(self, tenant_id: str, changed: Dataset, *, owner: str) -> bool:
        """Update a record of the owner."""
        where = (dataset.c.tenant_id == tenant_id, dataset.c.dataset_id == changed.id, dataset.c.owner == owner)
        async with self._database.write() as connection:
            done = await connection.execute(update(dataset).where(*where).values(_to_row(tenant_id, changed)))
            return done.rowcount > 0

    async def dataset(self, tenant_id: str, dataset_id: str) -> Dataset | None:
        """Return one record."""
        return await self._one(dataset.c.tenant_id == tenant_id, dataset.c.dataset_id == dataset_id)

    async def get_by_request(self, tenant_id: str, request_id: str) -> Dataset | None:
        """Return the newest record of a request id."""
        return await self._one(dataset.c.tenant_id == tenant_id, dataset.c.request_id == request_id)

    async def datasets(self, tenant_id: str, *, before: str, limit: int) -> Sequence[Dataset]:
        """Return records, newest first: ids sort by time."""
        statement = select(dataset).where(dataset.c.tenant_id == tenant_id)
        if before:
            statement = statement.where(dataset.c.dataset_id < before)
        async with self._database.read() as connection:
            found = await connection.execute(statement.order_by(dataset.c.dataset_id.desc()).limit(limit))
            return [_from_row(row) for row in found]

    async def ended_before(self, created: int, *, owner: str, limit: int) -> Sequence[tuple[str, str]]:
        """Return tenant and id of what `owner` built and began before that moment, oldest first."""
        where = (~_UNFINISHED, dataset.c.created < created, dataset.c.owner.in_((owner, "")))
        query = select(dataset.c.tenant_id, dataset.c.dataset_id).where(*where).order_by(dataset.c.created).limit(limit)
        async with self._database.read() as connection:
            return [(row.tenant_id, row.dataset_id) for row in await connection.execute(query)]

    async def remove(self, tenant_id: str, dataset_id: str) -> bool:
        """Delete a record."""
        where = (dataset.c.tenant_id == tenant_id, dataset.c.dataset_id == dataset_id)
        async with self._database.write() as connection:
            return (await connection.execute(delete(dataset).where(*where))).rowcount > 0

    async def renew(self, lease: Lease) -> None:
        """Extend the leases of the owner."""
        where = (_UNFINISHED, dataset.c.owner == lease.owner)
        async with self._database.write() as connection:
            await connection.execute(update(dataset).where(*where).values(lease_until=lease.until))

    async def release(self, owner: str) -> None:
        """End the leases of the owner, and take back the attempt."""
        values = {"lease_until": 0, "attempts": dataset.c.attempts - 1}
        async with self._database.write() as connection:
            await connection.execute(update(dataset).where(_UNFINISHED, dataset.c.owner == owner).values(values))

    async def take_abandoned(
        self, lease: Lease, *, now: int, attempts: int, limit: int, owner: str = ""
    ) -> Sequence[AbandonedJob]:
        """Look for them, then take each over unless another replica was faster."""
        where = (_abandoned(now, owner), _can_begin(attempts))
        query = select(dataset).where(*where).order_by(dataset.c.dataset_id).limit(limit)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        taken = [await self._take(row, lease) for row in rows]
        return [job for job in taken if job is not None]

    async def _take(self, row: Any, lease: Lease) -> AbandonedJob | None:
        """Take one over; one whose plan is of another version is left without a plan, for nobody to take."""
        same = (dataset.c.owner == row.owner, dataset.c.lease_until == row.lease_until, _UNFINISHED)
        where = (dataset.c.tenant_id == row.tenant_id, dataset.c.dataset_id == row.dataset_id, *same)
        begun = {"state": DatasetState.QUEUED.value, "progress": 0.0, "attempts": row.attempts + 1}
        plan = plan_from_json(row.plan)
        values = {**begun, "owner": lease.owner, "lease_until": lease.until} if plan else {"plan": ""}
        async with self._database.write() as connection:
            taken = (await connection.execute(update(dataset).where(*where).values(values))).rowcount > 0
        return _abandoned_job(row, plan) if plan and taken else None

    async def fail_abandoned(self, failure: str, *, now: int, attempts: int, owner: str = "") -> int:
        """Mark what nobody builds any more. It is looked for first: reading costs the other writers nothing."""
        where = (_abandoned(now, owner), ~_can_begin(attempts))
        async with self._database.read() as connection:
            if (await connection.execute(select(dataset.c.dataset_id).where(*where).limit(1))).first() is None:
                return 0
        values = {"state": DatasetState.FAILED.value, "failure": failure}
        async with self._database.write() as connection:
            return (await connection.execute(update(dataset).where(*where).values(values))).rowcount

    async def _one(self, *where: Any) -> Dataset | None:
        async with self._database.read() as connection:
            statement = select(dataset).where(*where).order_by(dataset.c.dataset_id.desc()).limit(1)
            found = (await connection.execute(statement)).one_or_none()
            return None if found is None else _from_row(found)


def _abandoned(now: int, owner: str) -> ColumnElement[bool]:
    gone = dataset.c.lease_until < now
    return and_(_UNFINISHED, or_(gone, dataset.c.owner == owner) if owner else gone)


def _can_begin(attempts: int) -> ColumnElement[bool]:
    return and_(dataset.c.plan != "", dataset.c.attempts < attempts)


def _abandoned_job(row: Any, plan: DatasetPlan) -> AbandonedJob:
    queued = replace(_from_row(row), state=DatasetState.QUEUED, progress=0.0)
    return AbandonedJob(tenant_id=row.tenant_id, dataset=queued, plan=plan)


def _to_row(tenant_id: str, value: Dataset) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id,
        "dataset_id": value.id,
        "request_id": value.request_id,
        "model_code": value.model_code,
        "state": value.state.value,
        "progress": value.progress,
        "failure": value.failure,
        "train_samples": value.train_samples,
        "val_samples": value.val_samples,
        "feature_names": orjson.dumps(list(value.feature_names)).decode(),
        "class_distribution": orjson.dumps(dict(value.class_distribution)).decode(),
        "manifest": value.manifest,
        "created": value.created,
    }


def _from_row(row: Any) -> Dataset:
    return Dataset(
        id=row.dataset_id,
        request_id=row.request_id,
        model_code=row.model_code,
        state=DatasetState(row.state),
        progress=row.progress,
        failure=row.failure,
        train_samples=row.train_samples,
        val_samples=row.val_samples,
        feature_names=tuple(orjson.loads(row.feature_names)),
        class_distribution=orjson.loads(row.class_distribution),
        manifest=row.manifest,
        created=row.created,
    )
