"""DetectorStore on SQLite or PostgreSQL, through SQLAlchemy Core: every replica knows every detector."""

import asyncio
from typing import Final

from sqlalchemy import delete, insert, select, update

from feature_service.adapters.metadata.table import detector
from feature_service.domain.anomaly.record import MAX_DETECTORS, DetectorSet
from penstock_kit.database import Database
from penstock_kit.errors import Unprocessable

FORMAT_VERSION: Final = 1
"""Of what is stored; a detector of another version is refused, and fitted anew by its owner."""
# How often it is noted that a detector is used: a change of that is a write.
_NOTED_MICROS: Final = 3_600_000_000


class SqlDetectorStore:
    """See :class:`feature_service.domain.anomaly.record.DetectorStore` for what the methods promise."""

    def __init__(self, database: Database, *, most: int = MAX_DETECTORS) -> None:
        self._database = database
        self._most = most

    async def add(self, tenant_id: str, added: DetectorSet) -> None:
        """Insert a set and delete those beyond the limit."""
        from feature_service.adapters.detector.npz import detectors_to_bytes

        heads, content = await asyncio.to_thread(detectors_to_bytes, added.detectors)
        values = {
            "tenant_id": tenant_id,
            "detector_id": added.id,
            "model_code": added.model_code,
            "version": FORMAT_VERSION,
            "heads": heads,
            "arrays": content,
            "created": added.created,
            "used": added.created,
        }
        kept = (
            select(detector.c.detector_id)
            .where(detector.c.tenant_id == tenant_id)
            .order_by(detector.c.used.desc(), detector.c.detector_id.desc())
            .limit(self._most)
        )
        async with self._database.write() as connection:
            await connection.execute(insert(detector).values(values))
            ids = [row.detector_id for row in await connection.execute(kept)]
            where = (detector.c.tenant_id == tenant_id, detector.c.detector_id.not_in(ids))
            await connection.execute(delete(detector).where(*where))

    async def find(self, tenant_id: str, detector_id: str, *, now: int) -> DetectorSet | None:
        """Return a set and note that it was used."""
        from feature_service.adapters.detector.npz import detectors_from_bytes

        where = (detector.c.tenant_id == tenant_id, detector.c.detector_id == detector_id)
        async with self._database.read() as connection:
            row = (await connection.execute(select(detector).where(*where))).one_or_none()
        if row is None:
            return None
        if row.version != FORMAT_VERSION:
            raise Unprocessable(
                f"detector {detector_id!r} was stored by another version of Penstock; detect without detector_id, "
                "which fits a new one",
                reason="DETECTOR_INVALID",
            )
        if now - row.used > _NOTED_MICROS:
            async with self._database.write() as connection:
                await connection.execute(update(detector).where(*where).values(used=now))
        return DetectorSet(
            id=row.detector_id,
            model_code=row.model_code,
            created=row.created,
            detectors=await asyncio.to_thread(detectors_from_bytes, row.heads, row.arrays),
        )
