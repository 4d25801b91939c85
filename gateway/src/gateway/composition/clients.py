"""Channels to the four services and the stubs on them."""

from collections.abc import Mapping
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
from penstock.feature.v1.feature_pb2_grpc import FeatureServiceStub, MetadataServiceStub
from penstock.llm.v1.cost_pb2_grpc import CostServiceStub
from penstock.llm.v1.llm_pb2_grpc import LlmServiceStub

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
# What is called with every request.
_MULTIPLEXED: Final[dict[str, tuple[str, ...]]] = {
    "llm-service": ("penstock.llm.v1.LlmService/Complete", "penstock.llm.v1.LlmService/StreamComplete"),
    "chat-stream-service": ("penstock.chat.v1.StreamService/StreamChat", "penstock.chat.v1.StreamService/ReadStream"),
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
    health: Mapping[str, HealthStub]
    channels: tuple[PenstockChannel, ...]

    async def close(self) -> None:
        """Close every channel."""
        for channel in self.channels:
            await channel.close()


def open_clients(*, llm: str, chat: str, feature: str, cache: str, secret: str = "", multiplex: bool = True) -> Clients:
    """Return the stubs of the services at these addresses. Nothing is connected yet.

    An address is ``host:port``, several of them separated by commas, or a gRPC URI; see
    :func:`penstock_kit.address.target_of`. Calls carry the installation's `secret`; with
    `multiplex` the frequent ones share streams.
    """

    def channel(addresses: str, service: str) -> PenstockChannel:
        return open_channel(
            addresses,
            service=service,
            idempotent=_IDEMPOTENT[service],
            multiplexed=_MULTIPLEXED.get(service, ()) if multiplex else (),
            secret=secret,
        )

    llm_channel = channel(llm, "llm-service")
    chat_channel = channel(chat, "chat-stream-service")
    feature_channel = channel(feature, "feature-service")
    cache_channel = channel(cache, "cache-service")
    return Clients(
        llm=LlmServiceStub(llm_channel),
        costs=CostServiceStub(llm_channel),
        streams=StreamServiceStub(chat_channel),
        conversations=ConversationServiceStub(chat_channel),
        engines=EngineServiceStub(chat_channel),
        registrations=ClientServiceStub(chat_channel),
        tools=ToolServiceStub(chat_channel),
        features=FeatureServiceStub(feature_channel),
        metadata=MetadataServiceStub(feature_channel),
        cache=CacheServiceStub(cache_channel),
        processes={
            "llm-service": ProcessServiceStub(llm_channel),
            "chat-stream-service": ProcessServiceStub(chat_channel),
            "feature-service": ProcessServiceStub(feature_channel),
            "cache-service": ProcessServiceStub(cache_channel),
        },
        health={"llm-service": HealthStub(llm_channel), "chat-stream-service": HealthStub(chat_channel)},
        channels=(llm_channel, chat_channel, feature_channel, cache_channel),
    )
