"""DatasetStore on SQLite or PostgreSQL, through SQLAlchemy Core."""

from collections.abc import Sequence
from typing import Any, Final

import orjson
from sqlalchemy import delete, insert, or_, select, update

from feature_service.adapters.metadata.table import dataset
from feature_service.domain.dataset.record import Dataset, DatasetState, Lease
from penstock_kit.database import Database

_UNFINISHED: Final = dataset.c.state.in_([state.value for state in DatasetState if not state.is_final])


class SqlDatasetStore:
    """See :class:`feature_service.domain.dataset.record.DatasetStore` for what the methods promise."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, tenant_id: str, added: Dataset, lease: Lease) -> None:
        """Insert a record."""
        values = {**_to_row(tenant_id, added), "owner": lease.owner, "lease_until": lease.until}
        async with self._database.write() as connection:
            await connection.execute(insert(dataset).values(values))

    async def change(self, tenant_id: str, changed: Dataset) -> None:
        """Update a record."""
        where = (dataset.c.tenant_id == tenant_id, dataset.c.dataset_id == changed.id)
        async with self._database.write() as connection:
            await connection.execute(update(dataset).where(*where).values(_to_row(tenant_id, changed)))

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

    async def fail_abandoned(self, failure: str, *, now: int, owner: str = "") -> int:
        """Mark what nobody builds any more. It is looked for first: reading costs the other writers nothing."""
        gone = dataset.c.lease_until < now
        where = (_UNFINISHED, or_(gone, dataset.c.owner == owner) if owner else gone)
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
