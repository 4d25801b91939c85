"""The tables of the chat database. Times are microseconds since the Unix epoch, UTC; structures are JSON text."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

_ID: Final = 64
_NAME: Final = 256

metadata: Final = MetaData()

conversations: Final = Table(
    "conversations",
    metadata,
    Column("id", String(_ID), primary_key=True),
    Column("tenant_id", String(_NAME), nullable=False),
    Column("user_id", String(_NAME), nullable=False),
    Column("title", Text, nullable=False),
    Column("model", String(_NAME), nullable=False),
    Column("personality_id", String(_ID), nullable=False),
    Column("labels_json", Text, nullable=False),
    Column("message_count", Integer, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("update_time", BigInteger, nullable=False),
    # What was said up to and with the message `summary_until`, in short; both empty while all of it is told.
    Column("summary", Text, nullable=False, server_default=""),
    Column("summary_until", String(_ID), nullable=False, server_default=""),
    Index("ix_conversations_owner", "tenant_id", "user_id", "update_time", "id"),
)

messages: Final = Table(
    "messages",
    metadata,
    # Time-ordered, so that the order of ids is that of the conversation.
    Column("id", String(_ID), primary_key=True),
    Column("conversation_id", String(_ID), ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("role", String(16), nullable=False),
    Column("content", Text, nullable=False),
    Column("stream_id", String(_ID), nullable=False),
    Column("model", String(_NAME), nullable=False),
    Column("tool_calls_json", Text, nullable=False),
    Column("tool_call_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("is_error", Boolean, nullable=False),
    Column("thinking", Text, nullable=False),
    Column("usage_json", Text, nullable=False),
    Column("status", String(32), nullable=False),
    Column("create_time", BigInteger, nullable=False),
    # Ids, kinds and sizes of the pictures of a question; their bytes are in `pictures`.
    Column("pictures_json", Text, nullable=False, server_default=""),
    Index("ix_messages_conversation", "conversation_id", "id"),
)

pictures: Final = Table(
    "pictures",
    metadata,
    Column("id", String(_ID), primary_key=True),
    Column("conversation_id", String(_ID), ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("media_type", String(64), nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("ix_pictures_conversation", "conversation_id"),
)

streams: Final = Table(
    "streams",
    metadata,
    Column("id", String(_ID), primary_key=True),
    Column("conversation_id", String(_ID), ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("tenant_id", String(_NAME), nullable=False),
    Column("user_id", String(_NAME), nullable=False),
    # NULL when the caller gave none: NULLs are distinct, so the uniqueness is of given ones.
    Column("request_id", String(_NAME), nullable=True),
    Column("last_sequence", BigInteger, nullable=False),
    # The terminal event but for its text, which is the message's; empty while the stream runs.
    Column("ending_json", Text, nullable=False),
    # The whole text and reasoning of the terminal event.
    Column("content", Text, nullable=False),
    Column("thinking", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("end_time", BigInteger, nullable=True),
    Index("ux_streams_request", "conversation_id", "request_id", unique=True),
)

personalities: Final = Table(
    "personalities",
    metadata,
    Column("id", String(_ID), primary_key=True),
    Column("tenant_id", String(_NAME), nullable=False),
    Column("name", String(_NAME), nullable=False),
    Column("description", Text, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("temperature", Float, nullable=True),
    Column("tools_json", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("update_time", BigInteger, nullable=False),
    Index("ix_personalities_tenant", "tenant_id", "id"),
)

templates: Final = Table(
    "prompt_templates",
    metadata,
    Column("id", String(_ID), primary_key=True),
    Column("tenant_id", String(_NAME), nullable=False),
    Column("name", String(_NAME), nullable=False),
    Column("description", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("update_time", BigInteger, nullable=False),
    Index("ix_prompt_templates_tenant", "tenant_id", "id"),
)

choices: Final = Table(
    "choices",
    metadata,
    # What was chosen: "engine".
    Column("name", String(_NAME), primary_key=True),
    Column("value", Text, nullable=False),
    Column("update_time", BigInteger, nullable=False),
)

# Turns as they are remembered. SQLite keeps their full-text index beside them, in `memory_index`.
memories: Final = Table(
    "memories",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("tenant_id", String(_NAME), nullable=False),
    Column("user_id", String(_NAME), nullable=False),
    Column("conversation_id", String(_ID), ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("stream_id", String(_ID), nullable=False, unique=True),
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False),
    # Search terms, blank between them, the owner's token first.
    Column("terms", Text, nullable=False),
    # Little-endian float32 values of the model `vector_model`; NULL without one.
    Column("vector", LargeBinary, nullable=True),
    Column("vector_model", String(_NAME), nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Index("ix_memories_owner", "tenant_id", "user_id", "number"),
    Index("ix_memories_conversation", "conversation_id"),
)

# Conversations that are deleted here and that another memory has yet to forget.
erasures: Final = Table(
    "memory_erasures",
    metadata,
    Column("id", String(_ID), primary_key=True),
    Column("memory", String(_ID), nullable=False),
    Column("tenant_id", String(_NAME), nullable=False),
    Column("user_id", String(_NAME), nullable=False),
    Column("conversation_id", String(_ID), nullable=False),
    Column("create_time", BigInteger, nullable=False),
)
