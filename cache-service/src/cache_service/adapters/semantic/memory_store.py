"""Answers of the semantic cache in the memory of one process."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from cache_service.domain.semantic.entry import SemanticEntry
from cache_service.domain.semantic.store import SemanticLimits, StoredVector
from penstock_kit.clock import Clock

# Oldest entries that are looked at with every one that is stored.
_SWEPT: Final = 16


class _Tenant:
    """A tenant's entries in the order of storing, and its partitions with the one stored into last at the end."""

    def __init__(self) -> None:
        self.entries: OrderedDict[str, SemanticEntry] = OrderedDict()
        self.partitions: OrderedDict[str, OrderedDict[str, int]] = OrderedDict()
        self.size = 0


class MemorySemanticStore:
    """A SemanticStore that is gone at the end of the process."""

    name = "memory"

    def __init__(self, *, clock: Clock, limits: SemanticLimits) -> None:
        self._clock = clock
        self._limits = limits
        self._tenants: dict[str, _Tenant] = {}
        self._owners: dict[str, str] = {}
        self._sequence = 0

    async def put(self, entry: SemanticEntry, ttl: float) -> int:
        """Store an entry; return how many others had to go for it."""
        tenant = self._tenants.setdefault(entry.tenant, _Tenant())
        self._forget(entry.tenant, entry.id)
        self._sequence += 1
        tenant.entries[entry.id] = entry
        tenant.size += len(entry.value)
        tenant.partitions.setdefault(entry.partition, OrderedDict())[entry.id] = self._sequence
        tenant.partitions.move_to_end(entry.partition)
        self._owners[entry.id] = entry.tenant
        self._sweep(tenant)
        gone = list(self._surplus(tenant, entry.partition))
        return sum(self._forget(entry.tenant, each) for each in gone)

    async def list_after(self, tenant: str, partition: str, after: int, limit: int) -> Sequence[StoredVector]:
        """Return what was stored in a partition after a sequence."""
        held = self._tenants.get(tenant)
        stored = held.partitions.get(partition) if held else None
        if not held or not stored or next(reversed(stored.values())) <= after:
            return ()
        new = ((each, sequence) for each, sequence in stored.items() if sequence > after)
        return [
            StoredVector(id=each, sequence=sequence, vector=held.entries[each].vector)
            for each, sequence in islice(new, limit)
        ]

    async def read(self, ids: Sequence[str]) -> Sequence[SemanticEntry | None]:
        """Return the live entries in the order of `ids`."""
        return [self._live(each) for each in ids]

    async def delete(self, tenant: str, ids: Sequence[str]) -> int:
        """Delete entries of the tenant."""
        return sum(self._forget(tenant, each) for each in ids if self._owners.get(each) == tenant)

    async def delete_questions(self, tenant: str, prefix: str) -> int:
        """Delete entries whose question begins so."""
        folded = prefix.casefold()
        return self._forget_where(tenant, lambda entry: entry.question.casefold().startswith(folded))

    async def close(self) -> None:
        """Do nothing: nothing is held open here."""

    def _sweep(self, tenant: _Tenant) -> None:
        """Clear away what has expired of the oldest."""
        now = self._clock.now()
        expired = [entry for entry in islice(tenant.entries.values(), _SWEPT) if entry.expire_time <= now]
        for entry in expired:
            self._forget(entry.tenant, entry.id)

    def _surplus(self, tenant: _Tenant, partition: str) -> Iterator[str]:
        """The oldest of a partition or tenant that is too large, and the partitions stored into least recently."""
        stored = tenant.partitions[partition]
        yield from islice(stored, max(0, len(stored) - self._limits.partition_entries))
        yield from islice(tenant.entries, max(0, len(tenant.entries) - self._limits.tenant_entries))
        size = tenant.size
        for each in tenant.entries if size > self._limits.tenant_bytes else ():
            if size <= self._limits.tenant_bytes:
                break
            size -= len(tenant.entries[each].value)
            yield each
        for each in islice(tenant.partitions, max(0, len(tenant.partitions) - self._limits.tenant_partitions)):
            yield from tenant.partitions[each]

    def _live(self, entry_id: str) -> SemanticEntry | None:
        tenant = self._tenants.get(self._owners.get(entry_id, ""))
        entry = tenant.entries.get(entry_id) if tenant else None
        return entry if entry is not None and entry.expire_time > self._clock.now() else None

    def _forget_where(self, tenant: str, matches: Callable[[SemanticEntry], bool]) -> int:
        held = self._tenants.get(tenant)
        found = [each for each, entry in held.entries.items() if matches(entry)] if held else []
        return sum(self._forget(tenant, each) for each in found)

    def _forget(self, tenant: str, entry_id: str) -> int:
        held = self._tenants.get(tenant)
        entry = held.entries.pop(entry_id, None) if held else None
        if held is None or entry is None:
            return 0
        held.size -= len(entry.value)
        stored = held.partitions[entry.partition]
        del stored[entry_id], self._owners[entry_id]
        if not stored:
            del held.partitions[entry.partition]
        return 1
