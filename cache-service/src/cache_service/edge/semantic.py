"""The RPCs of the semantic cache."""

# The methods bear the names of the RPCs.
# ruff: noqa: N802

import sys
from array import array
from collections.abc import Iterable
from math import isfinite
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp
from penstock.cache.v1 import cache_pb2 as pb

from cache_service.domain.semantic.cache import Question, SemanticCache
from cache_service.domain.semantic.embedder import Embedder
from cache_service.domain.semantic.gate import SemanticAnswer
from cache_service.domain.semantic.review import SemanticHit
from cache_service.domain.semantic.statistics import SemanticCounts
from cache_service.domain.semantic.vector import unit_vector
from cache_service.edge.convert import duration_to_proto, seconds_from_proto
from penstock_kit.context import current_context
from penstock_kit.errors import FailedPrecondition, InvalidArgument
from penstock_kit.role import require_admin, require_operator

_LONGEST_QUESTION: Final = 8_192
_LONGEST_KEY: Final = 512
_MOST_DIMENSIONS: Final = 4_096
_PAGE: Final = 50
_LONGEST_PAGE: Final = 200
_LONGEST_TOKEN: Final = 18


class SemanticRpcs:
    """Looks up, stores, purges and reports for the caller's tenant."""

    def __init__(self, semantic: SemanticCache, embedder: Embedder | None = None) -> None:
        self._semantic = semantic
        self._embedder = embedder

    async def SemanticLookup(self, request: pb.SemanticLookupRequest, context: Any) -> pb.SemanticLookupResponse:
        """Look a question up."""
        found = await self._semantic.lookup(await self._question(request), request.threshold)
        loading = duration_to_proto(found.loading) if found.loading else None
        if found.entry is None:
            return pb.SemanticLookupResponse(
                similarity=max(0.0, found.similarity), refused_by=found.refused_by, loading=loading
            )
        return pb.SemanticLookupResponse(
            hit=True, value=found.entry.value, similarity=found.similarity, entry_id=found.entry.id
        )

    async def SemanticStore(self, request: pb.SemanticStoreRequest, context: Any) -> pb.SemanticStoreResponse:
        """Store an answer, or say which rule keeps it out."""
        stored = await self._semantic.put(
            await self._question(request), _answer(request.answer), request.value, seconds_from_proto(request.ttl)
        )
        return pb.SemanticStoreResponse(entry_id=stored.entry_id, refused_by=stored.refused_by)

    async def _question(self, request: pb.SemanticLookupRequest | pb.SemanticStoreRequest) -> Question:
        """Return the question, with a vector of this service's own model where the caller sent none."""
        if request.embedding or self._embedder is None:
            return _question(request, _vector(request.embedding), request.embedder)
        _check(request)
        return _question(request, await self._embedder.embed(request.text), self._embedder.name)

    async def SemanticPurge(self, request: pb.SemanticPurgeRequest, context: Any) -> pb.SemanticPurgeResponse:
        """Delete answers of a tenant."""
        tenant = _tenant(request.tenant_id, "purge answers of the semantic cache")
        if [bool(request.id), bool(request.prefix), request.all].count(True) != 1:
            message = (
                "give one of id (a stored answer), prefix (how questions begin) and all (everything of the tenant)"
            )
            raise InvalidArgument(message, reason="SELECTOR_INVALID")
        deleted = await self._semantic.purge(tenant, entry_id=request.id, prefix=request.prefix)
        return pb.SemanticPurgeResponse(deleted=deleted)

    async def ListSemanticHits(self, request: pb.ListSemanticHitsRequest, context: Any) -> pb.ListSemanticHitsResponse:
        """List the hits of late."""
        tenant = _tenant(request.tenant_id, "see what the semantic cache answered")
        size = min(request.page_size or _PAGE, _LONGEST_PAGE)
        if size < 0:
            message = f"page_size is {size}, it must be 1 to {_LONGEST_PAGE}, or 0 for {_PAGE}"
            raise InvalidArgument(message, reason="PAGE_SIZE_INVALID")
        token = request.page_token
        if token and not (token.isascii() and token.isdecimal() and len(token) <= _LONGEST_TOKEN):
            message = f"page_token {token[:40]!r} is not of this list; pass next_page_token on"
            raise InvalidArgument(message, reason="PAGE_TOKEN_INVALID")
        hits = self._semantic.hits(tenant, size + 1, int(token or 0))
        token = str(hits[size - 1].number) if len(hits) > size else ""
        return pb.ListSemanticHitsResponse(hits=[_hit_to_proto(hit) for hit in hits[:size]], next_page_token=token)

    async def GetSemanticStats(self, request: pb.GetSemanticStatsRequest, context: Any) -> pb.GetSemanticStatsResponse:
        """Tell the statistics of the caller's tenant, or for operators of all."""
        if request.all_tenants:
            require_operator("see the semantic cache's statistics over all tenants")
            counts = self._semantic.statistics.total
        else:
            caller = require_admin("see the semantic cache's statistics")
            counts = self._semantic.statistics.of(caller.tenant_id)
        return self._stats(counts, is_whole=request.all_tenants)

    def _stats(self, counts: SemanticCounts, *, is_whole: bool) -> pb.GetSemanticStatsResponse:
        return pb.GetSemanticStatsResponse(
            hits=counts.hits,
            misses=counts.misses,
            stores=counts.stores,
            evictions=counts.evictions,
            refusals=counts.refusals,
            gated=counts.gated,
            vectors=self._semantic.loaded.vectors if is_whole else 0,
            partitions=len(self._semantic.loaded) if is_whole else 0,
            store=self._semantic.store.name,
        )


def _tenant(named: str, what: str) -> str:
    """The caller's tenant, or the one an operator names."""
    caller = require_admin(what)
    if named and named != caller.tenant_id:
        require_operator(f"{what} of another tenant")
        return named
    return caller.tenant_id


def _check(request: pb.SemanticLookupRequest | pb.SemanticStoreRequest) -> None:
    if not request.partition_key or len(request.partition_key) > _LONGEST_KEY:
        message = f"partition_key has {len(request.partition_key)} characters, it must have 1 to {_LONGEST_KEY}"
        raise InvalidArgument(message, reason="PARTITION_KEY_INVALID")
    if len(request.text.encode()) > _LONGEST_QUESTION:
        message = f"text has {len(request.text.encode())} bytes, at most {_LONGEST_QUESTION} are looked up"
        raise InvalidArgument(message, reason="TEXT_LIMIT_EXCEEDED")


def _question(request: pb.SemanticLookupRequest | pb.SemanticStoreRequest, vector: bytes, embedder: str) -> Question:
    _check(request)
    return Question(
        tenant=current_context().caller.tenant_id,
        partition_key=request.partition_key,
        text=request.text,
        vector=unit_vector(vector),
        embedder=embedder,
    )


def _vector(numbers: Iterable[float]) -> bytes:
    values = array("f", numbers)
    if not values:
        message = (
            "no embedding was given, and this installation has no local model to make one; send the question's vector"
        )
        raise FailedPrecondition(message, reason="EMBEDDER_UNAVAILABLE")
    if len(values) > _MOST_DIMENSIONS:
        message = f"the embedding has {len(values)} numbers, at most {_MOST_DIMENSIONS} are compared"
        raise InvalidArgument(message, reason="EMBEDDING_INVALID")
    if not all(map(isfinite, values)):  # such a vector is as near to all others as to none
        message = "the embedding has numbers that are not finite; send the question's vector as its model gave it"
        raise InvalidArgument(message, reason="EMBEDDING_INVALID")
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def _answer(answer: pb.SemanticAnswer) -> SemanticAnswer:
    return SemanticAnswer(
        finish_reason=answer.finish_reason,
        tool_calls=answer.tool_calls,
        failed=answer.failed,
        temperature=answer.temperature if answer.HasField("temperature") else None,
        text=answer.text,
        model=answer.model,
    )


def _hit_to_proto(hit: SemanticHit) -> pb.SemanticHit:
    created = Timestamp()
    created.FromDatetime(hit.create_time)
    return pb.SemanticHit(
        asked=hit.asked,
        stored=hit.stored,
        similarity=hit.similarity,
        entry_id=hit.entry_id,
        model=hit.model,
        create_time=created,
    )
