"""Idempotent execution: of all requests under one key, on all replicas, one is executed and all get its answer."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

from penstock_kit.errors import Unprocessable

Item = TypeVar("Item")
_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 0.5


class ClaimState(Enum):
    """CLAIMED: the claimer makes the answer. IN_FLIGHT: another one makes it. REPLAY: it was made and is replayed."""

    CLAIMED = "claimed"
    IN_FLIGHT = "in_flight"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What became of a claim; `fingerprint` is of the question asked first, `value` the kept answer."""

    state: ClaimState
    fingerprint: str
    value: bytes = b""


class IdempotencyStore(Protocol):
    """Where answers are claimed by one replica and kept for all. While it is away every claim is CLAIMED."""

    async def claim(self, key: str, fingerprint: str) -> Claim:
        """Claim the making of the answer under `key`, unless it is made, or being made by a replica that lives."""
        ...

    async def save(self, key: str, value: bytes) -> None:
        """Keep the answer that was claimed."""
        ...

    async def release(self, key: str) -> None:
        """Give the claim up: there is no answer to keep."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec(Generic[Item]):
    """How the items of an answer become bytes. `decode` returns None for what another version wrote."""

    encode: Callable[[Sequence[Item]], bytes]
    decode: Callable[[bytes], Sequence[Item] | None]


@dataclass(slots=True, kw_only=True)
class _Execution(Generic[Item]):
    """An answer in the making in this process: what came so far, and who follows it."""

    fingerprint: str
    items: list[Item] = field(default_factory=list[Item])
    readers: int = 0
    made: bool = False
    over: bool = False
    error: BaseException | None = None
    more: asyncio.Condition = field(default_factory=asyncio.Condition)
    task: asyncio.Task[None] | None = None

    def has_more_than(self, count: int) -> bool:
        return self.over or len(self.items) > count

    async def tell(self) -> None:
        async with self.more:
            self.more.notify_all()


class IdempotentExecution(Generic[Item]):
    """Gives every asker with one key the same answer, those who come while it is made and those who come later.

    The making goes on as long as one of its askers in this process is there. A failed one is not kept: the
    next asker may try again.
    """

    def __init__(
        self,
        store: IdempotencyStore,
        codec: Codec[Item],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._codec = codec
        self._sleep = sleep
        self._running: dict[str, _Execution[Item]] = {}

    async def run(self, key: str, fingerprint: str, make: Callable[[], AsyncGenerator[Item]]) -> AsyncGenerator[Item]:
        """Yield the answer. Raises Unprocessable (IDEMPOTENCY_KEY_CONFLICT) when `key` came with another question."""
        running = self._running.get(key) or self._start(key, fingerprint, make)
        _require_same(running.fingerprint, fingerprint)
        running.readers += 1
        at = 0
        try:
            while True:
                async with running.more:
                    await running.more.wait_for(partial(running.has_more_than, at))
                while at < len(running.items):
                    yield running.items[at]
                    at += 1
                if running.over:
                    break
            if running.error is not None:
                raise running.error
        finally:
            self._leave(key, running)

    def _start(self, key: str, fingerprint: str, make: Callable[[], AsyncGenerator[Item]]) -> _Execution[Item]:
        running = self._running[key] = _Execution[Item](fingerprint=fingerprint)
        running.task = asyncio.create_task(self._run(key, running, make))
        return running

    async def _run(self, key: str, running: _Execution[Item], make: Callable[[], AsyncGenerator[Item]]) -> None:
        try:
            kept = await self._claim(key, running.fingerprint)
            if kept is None:
                await self._execute(key, running, make)
            else:
                running.items.extend(kept)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the askers raise it
            running.error = error
        finally:
            running.over = True
            self._forget(key, running)
            await running.tell()

    async def _claim(self, key: str, fingerprint: str) -> Sequence[Item] | None:
        """Wait until the answer is there, or is ours to make (None)."""
        pause = _FIRST_PAUSE
        while True:
            claim = await self._store.claim(key, fingerprint)
            if claim.state is ClaimState.CLAIMED:
                return None
            _require_same(claim.fingerprint, fingerprint)
            if claim.state is ClaimState.REPLAY:
                return self._codec.decode(claim.value)
            await self._sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    async def _execute(self, key: str, running: _Execution[Item], make: Callable[[], AsyncGenerator[Item]]) -> None:
        try:
            async with aclosing(make()) as items:
                async for item in items:
                    running.items.append(item)
                    await running.tell()
            running.made = True
        except BaseException:
            await self._store.release(key)
            raise
        await self._store.save(key, self._codec.encode(running.items))

    def _leave(self, key: str, running: _Execution[Item]) -> None:
        """An asker went; without any the making ends, unless the answer is there and only being kept."""
        running.readers -= 1
        if not running.readers and running.task is not None and not running.made and not running.over:
            self._forget(key, running)
            running.task.cancel()

    def _forget(self, key: str, running: _Execution[Item]) -> None:
        if self._running.get(key) is running:
            del self._running[key]


def _require_same(kept: str, asked: str) -> None:
    if kept != asked:
        message = "this idempotency key was used with another request before; use a new key for a new request"
        raise Unprocessable(message, reason="IDEMPOTENCY_KEY_CONFLICT")
