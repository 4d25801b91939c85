"""The stores of chat-stream-service: all in SQL, what many turns read behind cache-service."""

from dataclasses import dataclass

from chat_stream_service.adapters.cached_store import cached_personalities, cached_templates
from chat_stream_service.adapters.sql_conversation_store import SqlConversationStore
from chat_stream_service.adapters.sql_engine_choice import SqlEngineChoice
from chat_stream_service.adapters.sql_erasure_store import SqlErasureStore
from chat_stream_service.adapters.sql_memory import SqlMemory
from chat_stream_service.adapters.sql_personality_store import SqlPersonalityStore, SqlTemplateStore
from chat_stream_service.adapters.sql_summary_store import SqlSummaryStore
from chat_stream_service.domain.conversations.personality import PersonalityStore, TemplateStore
from chat_stream_service.domain.model.conversation_store import ConversationStore
from penstock_kit.cache import CacheClient
from penstock_kit.cache.warmup import Warmup
from penstock_kit.clock import Clock
from penstock_kit.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Every store of the service, over one database."""

    database: Database
    conversations: ConversationStore
    personalities: PersonalityStore
    templates: TemplateStore
    warmup: Warmup
    engine_choice: SqlEngineChoice
    erasures: SqlErasureStore
    memory: SqlMemory
    summaries: SqlSummaryStore


def build_stores(database: Database, cache: CacheClient, clock: Clock) -> Stores:
    """Return the stores over `database`; nothing is connected yet."""
    personalities = cached_personalities(SqlPersonalityStore(database), cache)
    templates = cached_templates(SqlTemplateStore(database), cache)
    return Stores(
        database=database,
        conversations=SqlConversationStore(database),
        personalities=personalities,
        templates=templates,
        warmup=Warmup({"personalities": personalities.warm_up, "templates": templates.warm_up}),
        engine_choice=SqlEngineChoice(database, clock=clock),
        erasures=SqlErasureStore(database, clock=clock),
        memory=SqlMemory(database),
        summaries=SqlSummaryStore(database),
    )
