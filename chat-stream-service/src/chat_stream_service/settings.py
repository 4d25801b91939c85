"""What chat-stream-service can be told from outside."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import Field, SecretStr

from penstock_kit.database import sqlite_url
from penstock_kit.settings import GrpcServiceSettings, ServiceAddress

# The schema of its tables on PostgreSQL.
SCHEMA: Final = "chat_stream_service"


class ChatSettings(GrpcServiceSettings):
    """The settings of chat-stream-service; see docs/configuration.md."""

    port: int = Field(default=50052, ge=0, le=65535, alias="CHAT_STREAM_SERVICE_PORT", description="gRPC port.")
    metrics_port: int = Field(
        default=9152, ge=0, le=65535, alias="CHAT_STREAM_SERVICE_METRICS_PORT", description="Port of /metrics."
    )
    database_url: SecretStr = Field(
        default=SecretStr(""), alias="DATABASE_URL", description="Empty: chat.db under PENSTOCK_HOME."
    )
    own_database_url: SecretStr = Field(
        default=SecretStr(""),
        alias="CHAT_STREAM_SERVICE_DATABASE_URL",
        description="The database of this service alone, in place of DATABASE_URL.",
    )
    redis_url: SecretStr = Field(default=SecretStr(""), alias="REDIS_URL", description="Empty: memory.")
    llm_address: ServiceAddress = Field(default="127.0.0.1:50051", alias="LLM_SERVICE_ADDRESS")
    feature_address: ServiceAddress = Field(default="127.0.0.1:50053", alias="FEATURE_SERVICE_ADDRESS")
    cache_address: ServiceAddress = Field(default="127.0.0.1:50054", alias="CACHE_SERVICE_ADDRESS")

    conversation_days: float = Field(
        default=0,
        ge=0,
        alias="CHAT_CONVERSATION_DAYS",
        description="Days without use after which a conversation is deleted, with all that belongs to it; 0: never.",
    )
    max_chunk_tokens: int = Field(
        default=50, ge=1, le=10_000, alias="CHAT_MAX_CHUNK_TOKENS", description="Tokens joined into a chunk at most."
    )
    max_streams: int = Field(default=2000, ge=1, alias="CHAT_MAX_STREAMS", description="Answers under way at once.")
    detach_seconds: float = Field(
        default=120.0, gt=0, alias="CHAT_DETACH_SECONDS", description="How long an answer goes on without readers."
    )
    busy_wait_seconds: float = Field(
        default=120.0,
        gt=0,
        alias="CHAT_BUSY_WAIT_SECONDS",
        description="How long a question with on_busy: wait waits for the answer before it.",
    )
    picture_memory_bytes: int = Field(
        default=256 * 1024 * 1024,
        ge=16 * 1024 * 1024,
        alias="CHAT_PICTURE_MEMORY_BYTES",
        description="Pictures of all answers under way at most, in bytes; more questions with pictures get 503.",
    )
    turn_seconds: float = Field(default=600.0, gt=0, alias="CHAT_TURN_SECONDS", description="Longest answer.")
    stop_seconds: float = Field(
        default=5.0, gt=0, alias="CHAT_STOP_SECONDS", description="How long a stop waits for the end of the answer."
    )
    idle_seconds: float = Field(
        default=120.0, gt=0, alias="CHAT_IDLE_SECONDS", description="Longest silence of an engine."
    )
    stale_seconds: float = Field(
        default=60.0, gt=0, alias="CHAT_STALE_SECONDS", description="A reader that takes nothing for so long is ended."
    )
    write_interval_seconds: float = Field(
        default=0.02,
        ge=0,
        le=1,
        alias="CHAT_WRITE_INTERVAL_SECONDS",
        description="Longest time in which events for one reader are gathered, when there are many; 0: never.",
    )
    clean_seconds: float = Field(default=15.0, gt=0, alias="CHAT_CLEAN_SECONDS", description="Pause of house-keeping.")
    max_rounds: int = Field(default=8, ge=1, alias="CHAT_MAX_ROUNDS", description="Rounds of tool calls a turn.")
    max_tool_calls: int = Field(default=32, ge=1, alias="CHAT_MAX_TOOL_CALLS", description="Tool calls a turn.")
    tool_seconds: float = Field(default=30.0, gt=0, alias="CHAT_TOOL_SECONDS", description="Longest call of a tool.")
    max_result_characters: int = Field(
        default=16_000, ge=500, alias="CHAT_MAX_RESULT_CHARACTERS", description="Longest tool result."
    )
    tools_file: str = Field(
        default="", alias="CHAT_TOOLS_FILE", description="HTTP endpoints and MCP servers as tools, YAML or JSON."
    )
    tools_watch_seconds: float = Field(
        default=2.0,
        ge=0,
        alias="CHAT_TOOLS_WATCH_SECONDS",
        description="How often the tools file is looked at; 0: never.",
    )
    history_tokens: int = Field(
        default=16_000, ge=0, alias="CHAT_HISTORY_TOKENS", description="Tokens of earlier turns told to the model."
    )
    memory_patience_seconds: float = Field(
        default=0.05,
        ge=0,
        alias="CHAT_MEMORY_PATIENCE_SECONDS",
        description="What memory may cost a turn before it is done without.",
    )
    embedding_model: str = Field(
        default="auto",
        alias="CHAT_EMBEDDING_MODEL",
        description="Finds earlier turns by meaning: provider/model, auto (the first a provider has) or off.",
    )
    mem0_llm_base_url: str = Field(
        default="",
        alias="MEM0_LLM_BASE_URL",
        description="OpenAI-compatible endpoint of the engine mem0_proxy; empty: it has no memory.",
    )
    mem0_llm_api_key: SecretStr = Field(default=SecretStr(""), alias="MEM0_LLM_API_KEY")
    mem0_llm_model: str = Field(default="gpt-5-mini", alias="MEM0_LLM_MODEL")
    mem0_embedder_base_url: str = Field(
        default="", alias="MEM0_EMBEDDER_BASE_URL", description="Empty: that of MEM0_LLM_BASE_URL."
    )
    mem0_embedder_api_key: SecretStr = Field(
        default=SecretStr(""), alias="MEM0_EMBEDDER_API_KEY", description="Empty: that of MEM0_LLM_API_KEY."
    )
    mem0_embedder_model: str = Field(default="text-embedding-3-small", alias="MEM0_EMBEDDER_MODEL")
    mem0_embedder_dimensions: int = Field(
        default=1536, ge=1, alias="MEM0_EMBEDDER_DIMENSIONS", description="Length of the embedder's vectors."
    )
    mem0_vector_store_url: str = Field(
        default="",
        alias="MEM0_VECTOR_STORE_URL",
        description="A Qdrant server; empty: a folder under PENSTOCK_HOME, for one replica.",
    )
    mem0_vector_store_api_key: SecretStr = Field(default=SecretStr(""), alias="MEM0_VECTOR_STORE_API_KEY")
    mem0_patience_seconds: float = Field(
        default=0.3, ge=0, alias="MEM0_PATIENCE_SECONDS", description="What mem0 may cost a turn."
    )
    log_retention_seconds: float = Field(
        default=300.0, ge=0, alias="CHAT_LOG_RETENTION_SECONDS", description="How long an ended stream can be replayed."
    )
    log_max_events: int = Field(default=20_000, ge=16, alias="CHAT_LOG_MAX_EVENTS", description="Events kept a stream.")
    log_max_bytes: int = Field(
        default=256 * 1024 * 1024, ge=1024 * 1024, alias="CHAT_LOG_MAX_BYTES", description="Bytes of all streams."
    )

    @property
    def named_database_url(self) -> str:
        """URL of the database that the settings name, empty for a file under PENSTOCK_HOME."""
        return self.own_database_url.get_secret_value() or self.database_url.get_secret_value()

    @property
    def database(self) -> str:
        """URL of the database, the SQLite file under PENSTOCK_HOME when none is set."""
        return self.named_database_url or sqlite_url(self.home / "chat.db")


def tool_environment() -> Mapping[str, str]:
    """Return the variables that a tools file may put into headers, as ``${NAME}``."""
    return os.environ


def prepare_mem0(folder: Path) -> None:
    """Tell mem0, which reads the environment at its import, to keep quiet and to stay in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["MEM0_TELEMETRY"] = "False"
    os.environ["MEM0_DIR"] = str(folder)
