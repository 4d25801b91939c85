"""Policies of API keys in SQLite or PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, insert

from llm_service.adapters.table import key_policy
from llm_service.adapters.whole_table import WholeTable
from llm_service.domain.billing.key_policy import KeyPolicy
from penstock_kit.database import Database

# Keys that one statement names.
_BATCH: Final = 500


class SqlKeyPolicies:
    """One row a key."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._whole_table = WholeTable(database, key_policy, key_policy.c.key_id, _policy)

    async def put(self, policy: KeyPolicy) -> None:
        """Create or replace the policy of a key."""
        values = {
            "tenant_id": policy.tenant_id,
            "key_id": policy.key_id,
            "allowed_models": list(policy.allowed_models),
            "tokens_per_minute": policy.tokens_per_minute,
            "requests_per_minute": policy.requests_per_minute,
            "semantic_cache": policy.semantic_cache,
        }
        async with self._database.write() as connection:
            await connection.execute(delete(key_policy).where(_is(policy.tenant_id, policy.key_id)))
            await connection.execute(insert(key_policy).values(values))

    async def delete(self, tenant_id: str, key_ids: Sequence[str]) -> int:
        """Delete the policies of those keys and say how many there were."""
        deleted = 0
        for at in range(0, len(key_ids), _BATCH):
            theirs = and_(key_policy.c.tenant_id == tenant_id, key_policy.c.key_id.in_(key_ids[at : at + _BATCH]))
            async with self._database.write() as connection:
                deleted += (await connection.execute(delete(key_policy).where(theirs))).rowcount
        return deleted

    async def all(self) -> Sequence[KeyPolicy]:
        """Return every policy."""
        return await self._whole_table.read()


def _policy(row: Mapping[Any, Any]) -> KeyPolicy:
    return KeyPolicy(
        tenant_id=row["tenant_id"],
        key_id=row["key_id"],
        allowed_models=tuple(row["allowed_models"]),
        tokens_per_minute=row["tokens_per_minute"],
        requests_per_minute=row["requests_per_minute"],
        semantic_cache=bool(row["semantic_cache"]),
    )


def _is(tenant_id: str, key_id: str) -> ColumnElement[bool]:
    return and_(key_policy.c.tenant_id == tenant_id, key_policy.c.key_id == key_id)
