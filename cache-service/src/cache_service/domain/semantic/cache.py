"""Looks questions up by meaning, stores answers, and purges them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Final

from cache_service.domain.limit import require_not_negative
from cache_service.domain.semantic.entry import SemanticEntry, SemanticPartition
from cache_service.domain.semantic.gate import Gate, SemanticAnswer
from cache_service.domain.semantic.guards import refusing_guard
from cache_service.domain.semantic.loaded import LoadedPartition, LoadedPartitions
from cache_service.domain.semantic.review import HitLog, SemanticHit
from cache_service.domain.semantic.statistics import SemanticCounts, SemanticStatistics
from cache_service.domain.semantic.store import SemanticStore, SemanticStoreAway
from cache_service.domain.semantic.threshold import Thresholds
from penstock_kit.clock import Clock
from penstock_kit.text import Reading, read_text

# The nearest that are looked at, some at a time: questions that differ in a number alone may all be near.
_CANDIDATES: Final = 32
_READ_AT_ONCE: Final = 8
_LOADING_SECONDS: Final = 0.05
_remembered = lru_cache(maxsize=4096)(read_text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question as a caller asks it. `vector` is of length one, made by `embedder`; empty when it has no direction."""

    tenant: str
    partition_key: str
    text: str
    vector: bytes
    embedder: str

    def partition(self, reading: Reading) -> SemanticPartition:
        """Return where the question belongs."""
        return SemanticPartition(
            tenant=self.tenant,
            key=self.partition_key,
            embedder=self.embedder,
            dimensions=len(self.vector) // 4,
            language=reading.language,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a look-up came to. Without `entry` it is a miss, and `refused_by` says why when something was near."""

    entry: SemanticEntry | None = None
    similarity: float = 0.0
    refused_by: str = ""
    loading: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The id of what was stored, or the rule that it broke."""

    entry_id: str = ""
    refused_by: str = ""


@dataclass(kw_only=True)
class SemanticCache:
    """The semantic cache of a replica. A store that is away makes every look-up a miss, never a failure."""

    store: SemanticStore
    loaded: LoadedPartitions
    gate: Gate
    thresholds: Thresholds
    clock: Clock
    new_id: Callable[[], str]
    default_ttl: float
    longest_ttl: float
    statistics: SemanticStatistics = field(default_factory=SemanticStatistics)
    review: HitLog = field(default_factory=HitLog)

    async def lookup(self, question: Question, threshold: float = 0.0) -> Found:
        """Return the answer to a question of the same meaning, within the tenant and the partition."""
        reading = _remembered(question.text)
        partition = question.partition(reading)
        needed = self.thresholds.needed(question.embedder, partition.id, threshold)
        if broken := self._broken(question, reading):
            return self._missed(question.tenant, Found(refused_by=broken))
        try:
            loaded = await self.loaded.synchronize(question.tenant, partition.id, partition.dimensions)
            found = await self._found(question, reading, partition.id, loaded, needed)
        except SemanticStoreAway:
            self._count(question.tenant, lambda counts: _add(counts, "unavailable"))
            return self._missed(question.tenant, Found(refused_by="unavailable"))
        return found if found.entry is not None else self._missed(question.tenant, found)

    async def put(self, question: Question, answer: SemanticAnswer, value: bytes, ttl: float) -> Stored:
        """Store an answer, when question and answer are such that another may be given it."""
        require_not_negative(ttl, "ttl")
        reading = _remembered(question.text)
        broken = self._broken(question, reading) or self.gate.answer(answer, value)
        if broken:
            self._count(question.tenant, lambda counts: counts.gated.update((broken,)))
            return Stored(refused_by=broken)
        seconds, now = min(ttl or self.default_ttl, self.longest_ttl), self.clock.now()
        entry = SemanticEntry(
            id=self.new_id(),
            tenant=question.tenant,
            partition=question.partition(reading).id,
            question=question.text,
            vector=question.vector,
            value=value,
            model=answer.model,
            create_time=now,
            expire_time=now + timedelta(seconds=seconds),
        )
        return await self._put(entry, seconds)

    async def purge(self, tenant: str, *, entry_id: str = "", prefix: str = "") -> int:
        """Delete one entry, or those whose question begins so; without either all of the tenant's.

        Where an entry had been given to other questions, its partition asks for more similarity from then on.
        """
        if entry_id:
            for hit in self.review.of_entry(tenant, entry_id):
                self.thresholds.tighten(hit.partition, hit.similarity)
            self.review.forget(tenant, frozenset({entry_id}))
            return await self.store.delete(tenant, [entry_id])
        if prefix:
            begun = (
                hit for hit in self.review.page(tenant, 10**6) if hit.stored.casefold().startswith(prefix.casefold())
            )
            self.review.forget(tenant, frozenset(hit.entry_id for hit in begun))
        else:
            self.review.forget(tenant, None)
        return await self.store.delete_questions(tenant, prefix)

    def hits(self, tenant: str, size: int, before: int) -> Sequence[SemanticHit]:
        """Return the hits of late, the newest first."""
        return self.review.page(tenant, size, before)

    async def close(self) -> None:
        """Stop loading, and close the store."""
        await self.loaded.close()
        await self.store.close()

    async def _found(
        self, question: Question, reading: Reading, partition: str, loaded: LoadedPartition, needed: float
    ) -> Found:
        nearest = loaded.index.nearest(question.vector, _CANDIDATES)
        near = [(entry_id, similarity) for entry_id, similarity in nearest if similarity >= needed]
        loading = _LOADING_SECONDS if loaded.is_loading else 0.0
        if not near:
            return Found(similarity=nearest[0][1] if nearest else 0.0, loading=loading)
        refused = ""
        for at in range(0, len(near), _READ_AT_ONCE):
            found = await self._first_fitting(question, reading, partition, near[at : at + _READ_AT_ONCE])
            if found.entry is not None:
                return found
            refused = refused or found.refused_by
        return Found(similarity=near[0][1], refused_by=refused, loading=loading)

    async def _first_fitting(
        self, question: Question, reading: Reading, partition: str, near: Sequence[tuple[str, float]]
    ) -> Found:
        """Return the nearest that the store still has and no guard refuses, else what refused the nearest."""
        refused = ""
        entries = await self.store.read([entry_id for entry_id, _ in near])
        for (entry_id, similarity), entry in zip(near, entries, strict=True):
            if entry is None or not self._is_own(entry, question.tenant, partition):
                self.loaded.drop(partition, [entry_id])
            elif guard := self._refusing(entry, reading):
                refused = refused or guard
                self._count(question.tenant, lambda counts, guard=guard: counts.refusals.update((guard,)))
            else:
                return self._hit(question, entry, similarity)
        return Found(refused_by=refused)

    def _is_own(self, entry: SemanticEntry, tenant: str, partition: str) -> bool:
        """Whether an entry may be given: the store is asked again for what the index found."""
        return entry.tenant == tenant and entry.partition == partition and entry.expire_time > self.clock.now()

    def _refusing(self, entry: SemanticEntry, reading: Reading) -> str:
        return "" if entry.question == reading.text else refusing_guard(_remembered(entry.question), reading)

    def _hit(self, question: Question, entry: SemanticEntry, similarity: float) -> Found:
        self._count(question.tenant, lambda counts: _add(counts, "hits"))
        if entry.question != question.text:
            self.review.add(
                question.tenant,
                asked=question.text,
                stored=entry.question,
                similarity=similarity,
                entry_id=entry.id,
                partition=entry.partition,
                model=entry.model,
                at=self.clock.now(),
            )
        return Found(entry=entry, similarity=min(1.0, similarity))

    async def _put(self, entry: SemanticEntry, seconds: float) -> Stored:
        try:
            evicted = await self.store.put(entry, seconds)
        except SemanticStoreAway:
            return Stored(refused_by="unavailable")
        for counts in self.statistics.both(entry.tenant):
            counts.stores += 1
            counts.evictions += evicted
        return Stored(entry_id=entry.id)

    def _broken(self, question: Question, reading: Reading) -> str:
        """The rule that a question breaks. Without a tenant nothing is cached, and without a vector neither."""
        if not question.tenant:
            return "tenant"
        return self.gate.question(reading) or ("" if question.vector else "vector")

    def _missed(self, tenant: str, found: Found) -> Found:
        self._count(tenant, lambda counts: _add(counts, "misses"))
        return found

    def _count(self, tenant: str, counted: Callable[[SemanticCounts], None]) -> None:
        for counts in self.statistics.both(tenant):
            counted(counts)


def _add(counts: SemanticCounts, name: str) -> None:
    setattr(counts, name, getattr(counts, name) + 1)
