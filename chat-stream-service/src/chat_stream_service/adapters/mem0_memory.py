"""The memory of mem0ai (an optional extra): loaded on first use, off the event loop, without its telemetry."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

from chat_stream_service.adapters.mem0_extractor import CheckedExtractor
from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.engine import EngineHealth
from chat_stream_service.domain.model.memory import Note, RememberedTurn, shortened
from penstock_kit.errors import Unavailable
from penstock_kit.logging import get_logger

T = TypeVar("T")

INSTALL: Final = "mem0ai is not installed; pip install 'penstock-chat-stream-service[mem0]'"
CONFIGURE: Final = "MEM0_LLM_BASE_URL is not set; name an OpenAI-compatible endpoint, such as a gateway's /v1"
_NOTES: Final = 5
_NOTE_CHARACTERS: Final = 600
# Copies of one fact that are looked for: one beside the new one is enough.
_SAME_FACTS: Final = 2
# A hung endpoint holds a thread no longer than this.
_RECALL_SECONDS: Final = 5.0
_KEEP_SECONDS: Final = 15.0

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mem0Endpoint:
    """An OpenAI-compatible endpoint and the model asked there."""

    base_url: str
    api_key: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mem0Configuration:
    """What mem0 works with. Without a `vector_store_url` (Qdrant) its vectors lie in `folder`, for one replica only."""

    llm: Mem0Endpoint
    embedder: Mem0Endpoint
    dimensions: int
    folder: Path
    vector_store_url: str = ""
    vector_store_key: str = ""


class Mem0Memory:
    """Keeps and recalls through mem0; see Memory. What is said in a conversation is one "run" of its user.

    mem0 blocks, so it lives in threads of its own: two that recall, one that keeps and forgets, in order.
    """

    def __init__(
        self,
        configuration: Mem0Configuration,
        *,
        prepare: Callable[[], None],
        is_there: Callable[[Owner, str], Awaitable[bool]],
    ) -> None:
        self._configuration = configuration
        self._prepare = prepare
        self._is_there = is_there
        self._recalling = ThreadPoolExecutor(2, thread_name_prefix="mem0-recall")
        self._keeping = ThreadPoolExecutor(1, thread_name_prefix="mem0-keep")
        self._opening: asyncio.Future[Any] | None = None
        self._failure = ""

    async def recall(self, owner: Owner, question: str) -> Sequence[Note]:
        """Return mem0's memories that fit; Unavailable (MEM0_UNAVAILABLE) while it is loaded for the first time."""
        opening = self._open()
        if not opening.done():
            raise Unavailable("mem0 is being loaded", reason="MEM0_UNAVAILABLE", retry_after=5)
        memory = opening.result()

        def search() -> Any:
            return memory.search(question, filters={"user_id": _user(owner)}, top_k=_NOTES)

        found = await self._run_in(self._recalling, search)
        return [_note(item) for item in found["results"]]

    async def keep(self, turn: RememberedTurn) -> None:
        """Let mem0 draw facts out of a turn, unless its conversation is deleted before or meanwhile."""
        memory = await asyncio.shield(self._open())
        if not await self._is_there(turn.owner, turn.conversation_id):
            return
        said = [{"role": "user", "content": turn.question}, {"role": "assistant", "content": turn.answer}]

        def add() -> None:
            user = _user(turn.owner)
            added = memory.add(said, user_id=user, run_id=turn.conversation_id)
            for item in added["results"]:
                _keep_once(memory, user, item)

        await self._run_in(self._keeping, add)
        if not await self._is_there(turn.owner, turn.conversation_id):
            await self.forget(turn.owner, turn.conversation_id)

    async def forget(self, owner: Owner, conversation_id: str) -> None:
        """Delete what stems from a conversation, what mem0 noted beside its memories too."""
        memory = await asyncio.shield(self._open())

        def delete() -> None:
            # Opened first: else mem0 leaves the entities of an earlier process where they are.
            _ = memory.entity_store
            memory.delete_all(user_id=_user(owner), run_id=conversation_id)
            _clear_records(memory)

        await self._run_in(self._keeping, delete)

    async def health(self) -> EngineHealth:
        """Return whether the last call of mem0 worked, or that it was not needed yet."""
        return EngineHealth(healthy=not self._failure, detail=self._failure)

    async def close(self) -> None:
        """Give up what waits and close the connections, which ends what hangs."""
        for threads in (self._recalling, self._keeping):
            threads.shutdown(wait=False, cancel_futures=True)
        if self._opening is not None and self._opening.done() and self._opening.exception() is None:
            await asyncio.to_thread(_close, self._opening.result())

    def _open(self) -> asyncio.Future[Any]:
        """Return mem0, or the loading of it; a loading that failed is begun anew."""
        if self._opening is None or (self._opening.done() and self._opening.exception() is not None):
            self._opening = asyncio.ensure_future(self._run_in(self._keeping, self._load))
        return self._opening

    def _load(self) -> Any:
        self._prepare()
        from mem0 import Memory

        memory: Any = Memory.from_config(_config(self._configuration))
        memory.llm.client = memory.llm.client.with_options(timeout=_KEEP_SECONDS, max_retries=0)
        memory.llm = CheckedExtractor(memory.llm)
        model = memory.embedding_model
        model.client = model.client.with_options(timeout=_RECALL_SECONDS, max_retries=0)
        log.info("mem0 loaded", vectors="qdrant" if self._configuration.vector_store_url else "local")
        return memory

    async def _run_in(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        """Do blocking work in a thread and note whether it went well."""
        try:
            result = await asyncio.get_running_loop().run_in_executor(threads, work)
        except Exception as error:
            self._failure = f"mem0 failed: {type(error).__name__}: {str(error)[:200]}"
            raise Unavailable(self._failure, reason="MEM0_FAILED") from error
        self._failure = ""
        return result


def _keep_once(memory: Any, user: str, item: Mapping[str, Any]) -> None:
    """Delete a fact just added that the user has from another conversation: mem0 compares those of one alone."""
    if item.get("event") != "ADD":
        return
    same = {"user_id": user, "hash": hashlib.md5(str(item["memory"]).encode(), usedforsecurity=False).hexdigest()}
    found = memory.vector_store.list(filters=same, top_k=_SAME_FACTS)
    records: Any = found[0] if found and isinstance(found[0], list) else found
    if any(str(record.id) != str(item["id"]) for record in records):
        memory.delete(item["id"])


def _close(memory: Any) -> None:
    for client in (memory.llm.client, memory.embedding_model.client):
        client.close()
    memory.close()


def _clear_records(memory: Any) -> None:
    """Begin mem0's record of last messages and changes anew: it holds what was said, and is kept in memory only."""
    from mem0.memory.storage import SQLiteManager

    memory.db.close()
    memory.db = SQLiteManager(":memory:")


def is_installed() -> bool:
    """Return whether the extra is there, without importing it."""
    return find_spec("mem0") is not None


def _config(configuration: Mem0Configuration) -> dict[str, Any]:
    vectors: dict[str, Any] = {"collection_name": "penstock", "embedding_model_dims": configuration.dimensions}
    if configuration.vector_store_url:
        vectors |= {"url": configuration.vector_store_url, "api_key": configuration.vector_store_key or None}
    else:
        vectors |= {"path": str(configuration.folder / "qdrant"), "on_disk": True}
    embedder = _endpoint(configuration.embedder) | {"embedding_dims": configuration.dimensions}
    return {
        "llm": {"provider": "openai", "config": _endpoint(configuration.llm)},
        "embedder": {"provider": "openai", "config": embedder},
        "vector_store": {"provider": "qdrant", "config": vectors},
        # On disk it would keep the text of deleted memories.
        "history_db_path": ":memory:",
    }


def _endpoint(endpoint: Mem0Endpoint) -> dict[str, Any]:
    return {"model": endpoint.model, "api_key": endpoint.api_key or "none", "openai_base_url": endpoint.base_url}


def _user(owner: Owner) -> str:
    """Return one id for a tenant's user; the parts are quoted, so that no two users share one."""
    return f"{quote(owner.tenant_id, safe='')}/{quote(owner.user_id, safe='')}"


def _note(item: Mapping[str, Any]) -> Note:
    return Note(text=shortened(str(item["memory"]), _NOTE_CHARACTERS), time=str(item.get("created_at") or "")[:10])
