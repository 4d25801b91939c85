"""Idempotency: the same key of the same caller is one provider call, one charge and one answer."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from llm_service.domain.completion import Completion
from llm_service.domain.metering import Answering
from llm_service.domain.provider import EventBatch
from penstock_kit.context import current_context
from penstock_kit.errors import InvalidArgument, Unprocessable

_LONGEST_KEY = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """An answer that was given, and the fingerprint of the question."""

    fingerprint: str
    events: EventBatch


class AnswerStore(Protocol):
    """Where answers are kept for a day, for every replica."""

    async def get(self, key: str) -> KeptAnswer | None:
        """Return the answer kept under `key`; None when there is none or the store is away."""
        ...

    async def put(self, key: str, answer: KeptAnswer) -> None:
        """Keep `answer`, if the store is there."""
        ...


@dataclass(slots=True, kw_only=True)
class _Running:
    """An answer in the making: what came so far, and who is told of more."""

    fingerprint: str
    batches: list[EventBatch] = field(default_factory=list[EventBatch])
    readers: int = 0
    over: bool = False
    error: BaseException | None = None
    more: asyncio.Condition = field(default_factory=asyncio.Condition)
    task: asyncio.Task[None] | None = None

    def has_more_than(self, count: int) -> bool:
        return self.over or len(self.batches) > count


class Idempotent:
    """Gives every asker with one key the same answer, those who come while it is made and those who come later.

    The call goes on as long as one of its askers is there. A failed call is not kept: the next may try again.
    """

    def __init__(self, inner: Answering, *, store: AnswerStore) -> None:
        self._inner = inner
        self._store = store
        self._running: dict[str, _Running] = {}

    async def stream(self, request: Completion) -> AsyncGenerator[EventBatch]:
        """Yield the answer. Raises Unprocessable (IDEMPOTENCY_KEY_REUSED) when the key came with another question."""
        chosen = self._once(request) if request.idempotency_key else self._inner.stream(request)
        async with aclosing(chosen) as batches:
            async for batch in batches:
                yield batch

    async def _once(self, request: Completion) -> AsyncGenerator[EventBatch]:
        key, fingerprint = _key(request), _fingerprint(request)
        running = self._running.get(key)
        if running is None:
            kept = await self._store.get(key)
            if kept is not None:
                _require_same(kept.fingerprint, fingerprint)
                yield kept.events
                return
            # Another asker may have begun while the store was asked.
            running = self._running.get(key) or self._begun(key, fingerprint, request)
        _require_same(running.fingerprint, fingerprint)
        async with aclosing(self._followed(key, running)) as batches:
            async for batch in batches:
                yield batch

    def _begun(self, key: str, fingerprint: str, request: Completion) -> _Running:
        running = self._running[key] = _Running(fingerprint=fingerprint)
        running.task = asyncio.create_task(self._make(key, running, request))
        return running

    async def _make(self, key: str, running: _Running, request: Completion) -> None:
        try:
            async with aclosing(self._inner.stream(request)) as batches:
                async for batch in batches:
                    running.batches.append(batch)
                    async with running.more:
                        running.more.notify_all()
            events = [event for batch in running.batches for event in batch]
            await self._store.put(key, KeptAnswer(fingerprint=running.fingerprint, events=events))
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the askers raise it
            running.error = error
        finally:
            running.over = True
            self._forget(key, running)
            async with running.more:
                running.more.notify_all()

    async def _followed(self, key: str, running: _Running) -> AsyncGenerator[EventBatch]:
        running.readers += 1
        at = 0
        try:
            while True:
                async with running.more:
                    await running.more.wait_for(partial(running.has_more_than, at))
                while at < len(running.batches):
                    yield running.batches[at]
                    at += 1
                if running.over and at == len(running.batches):
                    break
            if running.error is not None:
                raise running.error
        finally:
            running.readers -= 1
            if not running.readers and running.task is not None and not running.over:
                self._forget(key, running)
                running.task.cancel()

    def _forget(self, key: str, running: _Running) -> None:
        if self._running.get(key) is running:
            del self._running[key]


def _key(request: Completion) -> str:
    """The caller and its key, as a name that shows neither."""
    if len(request.idempotency_key) > _LONGEST_KEY:
        message = f"the idempotency key has {len(request.idempotency_key)} characters; {_LONGEST_KEY} are allowed"
        raise InvalidArgument(message, reason="IDEMPOTENCY_KEY_TOO_LONG")
    caller = current_context().caller
    parts = (caller.tenant_id, caller.user_id, caller.key_id, request.idempotency_key)
    return "idempotency:" + hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _fingerprint(request: Completion) -> str:
    """The same for the same question, streamed or not."""
    question = replace(request, idempotency_key="", streaming=True, labels={})
    return hashlib.sha256(repr(question).encode()).hexdigest()


def _require_same(kept: str, asked: str) -> None:
    if kept != asked:
        message = "this idempotency key was used with another request before; use a new key for a new request"
        raise Unprocessable(message, reason="IDEMPOTENCY_KEY_REUSED")
