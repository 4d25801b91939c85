"""Channels to the four services and the stubs on them."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from grpc_health.v1.health_pb2_grpc import HealthStub
from penstock.cache.v1.cache_pb2_grpc import CacheServiceStub
from penstock.chat.v1.chat_pb2_grpc import (
    ClientServiceStub,
    ConversationServiceStub,
    EngineServiceStub,
    StreamServiceStub,
    ToolServiceStub,
)
from penstock.common.v1.process_pb2_grpc import ProcessServiceStub
from penstock.common.v1.warmup_pb2_grpc import WarmupServiceStub
from penstock.feature.v1.feature_pb2_grpc import FeatureServiceStub, MetadataServiceStub
from penstock.llm.v1.cost_pb2_grpc import CostServiceStub
from penstock.llm.v1.llm_pb2_grpc import LlmServiceStub

from gateway.settings import GatewaySettings
from penstock_kit.grpc.channel import PenstockChannel, open_channel

if TYPE_CHECKING:
    from penstock.cache.v1.cache_pb2_grpc import CacheServiceAsyncStub
    from penstock.chat.v1.chat_pb2_grpc import (
        ClientServiceAsyncStub,
        ConversationServiceAsyncStub,
        EngineServiceAsyncStub,
        StreamServiceAsyncStub,
        ToolServiceAsyncStub,
    )
    from penstock.common.v1.process_pb2_grpc import ProcessServiceAsyncStub
    from penstock.common.v1.warmup_pb2_grpc import WarmupServiceAsyncStub
    from penstock.feature.v1.feature_pb2_grpc import FeatureServiceAsyncStub, MetadataServiceAsyncStub
    from penstock.llm.v1.cost_pb2_grpc import CostServiceAsyncStub
    from penstock.llm.v1.llm_pb2_grpc import LlmServiceAsyncStub

# Reads, which may be asked twice when a connection breaks.
_IDEMPOTENT: Final[dict[str, tuple[str, ...]]] = {
    "llm-service": (
        "penstock.llm.v1.LlmService/ListModels",
        "penstock.llm.v1.LlmService/ListProviders",
        "penstock.llm.v1.CostService/SummarizeCosts",
    ),
    "chat-stream-service": (
        "penstock.chat.v1.ConversationService/ListConversations",
        "penstock.chat.v1.ConversationService/GetConversation",
        "penstock.chat.v1.ConversationService/ListMessages",
        "penstock.chat.v1.EngineService/ListEngines",
        "penstock.chat.v1.ToolService/ListTools",
        "penstock.chat.v1.ClientService/ListClients",
    ),
    "feature-service": (
        "penstock.feature.v1.MetadataService/ListDevices",
        "penstock.feature.v1.MetadataService/GetDevice",
        "penstock.feature.v1.MetadataService/ListDataModels",
        "penstock.feature.v1.MetadataService/GetDataModel",
        "penstock.feature.v1.FeatureService/GetDataset",
    ),
    "cache-service": ("penstock.cache.v1.CacheService/GetStats",),
}
# What is called with every request, and the questions about devices that pages ask again and again.
_MULTIPLEXED: Final[dict[str, tuple[str, ...]]] = {
    "llm-service": ("penstock.llm.v1.LlmService/Complete", "penstock.llm.v1.LlmService/StreamComplete"),
    "chat-stream-service": ("penstock.chat.v1.StreamService/StreamChat", "penstock.chat.v1.StreamService/ReadStream"),
    "feature-service": (
        "penstock.feature.v1.MetadataService/ListDevices",
        "penstock.feature.v1.MetadataService/ListDataModels",
        "penstock.feature.v1.FeatureService/QueryRealtime",
        "penstock.feature.v1.FeatureService/QueryHistory",
        "penstock.feature.v1.FeatureService/ComputeStatistics",
        "penstock.feature.v1.FeatureService/ExtractFeatures",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """One stub per gRPC service. Channels connect on first use and reconnect by themselves."""

    llm: "LlmServiceAsyncStub"
    costs: "CostServiceAsyncStub"
    streams: "StreamServiceAsyncStub"
    conversations: "ConversationServiceAsyncStub"
    engines: "EngineServiceAsyncStub"
    registrations: "ClientServiceAsyncStub"
    tools: "ToolServiceAsyncStub"
    features: "FeatureServiceAsyncStub"
    metadata: "MetadataServiceAsyncStub"
    cache: "CacheServiceAsyncStub"
    processes: "Mapping[str, ProcessServiceAsyncStub]"
    warmups: "Mapping[str, WarmupServiceAsyncStub]"
    health: Mapping[str, HealthStub]


@asynccontextmanager
async def open_clients(settings: GatewaySettings, *, secret: str = "") -> AsyncGenerator[Clients]:
    """Give the stubs of the services at the addresses of `settings`, and close their channels at the end of the block.

    Nothing is connected yet. Calls carry the installation's `secret`; the frequent ones share streams unless the
    settings turn that off.
    """
    llm = _open_channel(settings.llm_address, "llm-service", settings, secret)
    chat = _open_channel(settings.chat_address, "chat-stream-service", settings, secret)
    feature = _open_channel(settings.feature_address, "feature-service", settings, secret)
    cache = _open_channel(settings.cache_address, "cache-service", settings, secret)
    try:
        yield _build_stubs(llm=llm, chat=chat, feature=feature, cache=cache)
    finally:
        for channel in (llm, chat, feature, cache):
            await channel.close()


def _open_channel(addresses: str, service: str, settings: GatewaySettings, secret: str) -> PenstockChannel:
    return open_channel(
        addresses,
        service=service,
        idempotent=_IDEMPOTENT[service],
        multiplexed=_MULTIPLEXED.get(service, ()) if settings.multiplex_calls else (),
        secret=secret,
    )


def _build_stubs(
    *, llm: PenstockChannel, chat: PenstockChannel, feature: PenstockChannel, cache: PenstockChannel
) -> Clients:
    return Clients(
        llm=LlmServiceStub(llm),
        costs=CostServiceStub(llm),
        streams=StreamServiceStub(chat),
        conversations=ConversationServiceStub(chat),
        engines=EngineServiceStub(chat),
        registrations=ClientServiceStub(chat),
        tools=ToolServiceStub(chat),
        features=FeatureServiceStub(feature),
        metadata=MetadataServiceStub(feature),
        cache=CacheServiceStub(cache),
        processes={
            "llm-service": ProcessServiceStub(llm),
            "chat-stream-service": ProcessServiceStub(chat),
            "feature-service": ProcessServiceStub(feature),
            "cache-service": ProcessServiceStub(cache),
        },
        warmups={"feature-service": WarmupServiceStub(feature), "chat-stream-service": WarmupServiceStub(chat)},
        health={"llm-service": HealthStub(llm), "chat-stream-service": HealthStub(chat)},
    )
