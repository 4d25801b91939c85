"""A deleted conversation is forgotten by every memory, now or as soon as the memory can."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.memory import Memory
from chat_stream_service.domain.stream.background import BackgroundJobs
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.errors import PenstockError
from penstock_kit.logging import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """A conversation that the memory named `memory` has yet to forget."""

    id: str
    memory: str
    owner: Owner
    conversation_id: str


class ErasureStore(Protocol):
    """Erasures that are not done yet, kept until they are."""

    async def add(self, noted: Sequence[Erasure]) -> None:
        """Store erasures."""
        ...

    async def list_pending(self, *, most: int) -> Sequence[Erasure]:
        """Return the oldest ones whose conversation is deleted."""
        ...

    async def remove(self, erasure_id: str) -> None:
        """Forget an erasure that was done."""
        ...


class ErasureQueue:
    """Notes before a deletion what is to be forgotten, and sees to it after: a memory that is down is asked again."""

    def __init__(
        self,
        memories: Mapping[str, Memory],
        *,
        store: ErasureStore,
        background: BackgroundJobs,
        new_id: Callable[[str], str],
    ) -> None:
        self._memories = memories
        self._store = store
        self._background = background
        self._new_id = new_id

    async def add(self, owner: Owner, conversation_id: str) -> None:
        """Store what is to be forgotten once the conversation is deleted."""
        await self._store.add(
            [
                Erasure(id=self._new_id("era"), memory=name, owner=owner, conversation_id=conversation_id)
                for name in self._memories
            ]
        )

    async def begin(self) -> None:
        """Have it forgotten soon."""
        self._background.submit("forget", self.run_pending)

    async def run_pending(self) -> None:
        """Do what waits; what fails waits on. Done now and then, for what a process that ended left behind too."""
        for erasure in await self._store.list_pending(most=100):
            memory = self._memories.get(erasure.memory)
            if memory is not None:
                await self._forget(memory, erasure)

    async def _forget(self, memory: Memory, erasure: Erasure) -> None:
        caller = Caller(user_id=erasure.owner.user_id, tenant_id=erasure.owner.tenant_id)
        try:
            with use_context(CallContext(request_id=self._new_id("req"), caller=caller)):
                await memory.forget(erasure.owner, erasure.conversation_id)
        except PenstockError as error:
            log.warning("memory could not forget, it is asked again", memory=erasure.memory, detail=error.message)
            return
        await self._store.remove(erasure.id)
