"""Idempotency: the same key of the same caller is one provider call, one charge and one answer."""

import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from llm_service.domain.billing.metering import CompletionSource
from llm_service.domain.embedding.embedding_call import Embedded, Embedder
from llm_service.domain.model.provider import EmbeddingRequest, EventBatch
from llm_service.domain.model.request import CompletionRequest
from llm_service.domain.reuse.idempotent_execution import IdempotentExecution
from penstock_kit.aside import run_aside
from penstock_kit.context import current_context
from penstock_kit.errors import InvalidArgument

_LONGEST_KEY: Final = 255


class IdempotentCompletions:
    """Answers questions; those with an idempotency key once."""

    def __init__(self, inner: CompletionSource, *, execution: IdempotentExecution[EventBatch]) -> None:
        self._inner = inner
        self._execution = execution

    def stream(self, request: CompletionRequest) -> AsyncGenerator[EventBatch]:
        """Return the answer. Unprocessable (IDEMPOTENCY_KEY_CONFLICT) when the key came with another question."""
        if not request.idempotency_key:
            return self._inner.stream(request)
        return self._once(request, scoped_key(request.idempotency_key))

    async def _once(self, request: CompletionRequest, key: str) -> AsyncGenerator[EventBatch]:
        # The same for the same question, streamed or not.
        question = replace(request, idempotency_key="", streaming=True, labels={})
        fingerprint = await run_aside(request.size, lambda: fingerprint_of(question))
        async with aclosing(self._execution.run(key, fingerprint, lambda: self._inner.stream(request))) as batches:
            async for batch in batches:
                yield batch


class IdempotentEmbedder:
    """Embeds texts; those with an idempotency key once."""

    def __init__(self, inner: Embedder, *, execution: IdempotentExecution[Embedded]) -> None:
        self._inner = inner
        self._execution = execution

    async def embed(self, request: EmbeddingRequest) -> Embedded:
        """Return the vectors. Raises Unprocessable (IDEMPOTENCY_KEY_CONFLICT) when the key came with other inputs."""
        if not request.idempotency_key:
            return await self._inner.embed(request)
        key, question = scoped_key(request.idempotency_key), replace(request, idempotency_key="")
        async with aclosing(self._execution.run(key, fingerprint_of(question), lambda: self._one(request))) as found:
            return await anext(found)

    async def _one(self, request: EmbeddingRequest) -> AsyncGenerator[Embedded]:
        yield await self._inner.embed(request)


def scoped_key(given: str) -> str:
    """Return the caller and its key as a name that shows neither. Raises InvalidArgument for one too long."""
    if len(given) > _LONGEST_KEY:
        message = f"the idempotency key has {len(given)} characters; {_LONGEST_KEY} are allowed"
        raise InvalidArgument(message, reason="IDEMPOTENCY_KEY_INVALID")
    caller = current_context().caller
    return _digest("\0".join((caller.tenant_id, caller.user_id, caller.key_id, given)))


def fingerprint_of(asked: object) -> str:
    """Return what is the same for the same question, whatever value `asked` is."""
    return _digest(repr(asked))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
