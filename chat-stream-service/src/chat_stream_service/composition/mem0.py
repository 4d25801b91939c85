"""mem0 as the settings describe it, or why it is not there."""

from functools import partial

from chat_stream_service.adapters.absent_memory import AbsentMemory
from chat_stream_service.adapters.mem0_memory import (
    CONFIGURE,
    INSTALL,
    Mem0Configuration,
    Mem0Endpoint,
    Mem0Memory,
)
from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.conversation_store import ConversationStore
from chat_stream_service.settings import ChatSettings, prepare_mem0
from penstock_kit.errors import NotFound


def build_mem0(settings: ChatSettings, store: ConversationStore, *, installed: bool) -> Mem0Memory | AbsentMemory:
    """Return mem0's memory; it is imported when it is first needed."""
    if not installed:
        return AbsentMemory(INSTALL)
    if not settings.mem0_llm_base_url:
        return AbsentMemory(CONFIGURE)

    async def is_there(owner: Owner, conversation_id: str) -> bool:
        try:
            await store.get(owner, conversation_id)
        except NotFound:
            return False
        return True

    folder = settings.home / "mem0"
    return Mem0Memory(_configuration(settings), prepare=partial(prepare_mem0, folder), is_there=is_there)


def _configuration(settings: ChatSettings) -> Mem0Configuration:
    llm = Mem0Endpoint(
        base_url=settings.mem0_llm_base_url,
        api_key=settings.mem0_llm_api_key.get_secret_value(),
        model=settings.mem0_llm_model,
    )
    embedder = Mem0Endpoint(
        base_url=settings.mem0_embedder_base_url or llm.base_url,
        api_key=settings.mem0_embedder_api_key.get_secret_value() or llm.api_key,
        model=settings.mem0_embedder_model,
    )
    return Mem0Configuration(
        llm=llm,
        embedder=embedder,
        dimensions=settings.mem0_embedder_dimensions,
        folder=settings.home / "mem0",
        vector_store_url=settings.mem0_vector_store_url,
        vector_store_key=settings.mem0_vector_store_api_key.get_secret_value(),
    )
