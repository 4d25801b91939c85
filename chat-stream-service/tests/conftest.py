"""A whole chat-stream-service on a free port, between a scripted llm-service and a scripted feature-service."""

import asyncio
import shutil
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

import pytest
from penstock.cache.v1 import cache_pb2, cache_pb2_grpc
from penstock.chat.v1 import chat_pb2 as pb
from penstock.chat.v1 import chat_pb2_grpc
from penstock.common.v1 import process_pb2_grpc
from penstock.common.v1.common_pb2 import Money, Usage
from penstock.feature.v1 import feature_pb2, feature_pb2_grpc
from penstock.llm.v1 import llm_pb2, llm_pb2_grpc

from chat_stream_service.composition.resources import Resources, open_resources
from chat_stream_service.composition.servicers import add_servicers
from chat_stream_service.composition.services import Services, build_services
from chat_stream_service.main import MIGRATIONS
from chat_stream_service.settings import ChatSettings
from penstock_kit.cache import CacheClient
from penstock_kit.clock import SystemClock
from penstock_kit.context import CallContext, Caller, current_context, use_context
from penstock_kit.database import Database, migrate, sqlite_url
from penstock_kit.errors import NotFound, Unavailable
from penstock_kit.grpc import GrpcServer, open_channel
from penstock_testkit.databases import migrated
from penstock_testkit.services import FakeLlm, Step, serve
from penstock_testkit.waiting import HANG_SECONDS

ANN = Caller(user_id="ann", tenant_id="acme", scopes=frozenset({"admin", "operator"}))
BOB = Caller(user_id="bob", tenant_id="acme")
EVE = Caller(user_id="ann", tenant_id="other")


def seconds_left() -> float:
    """Return how long the call that is being answered may take."""
    deadline = current_context().deadline
    return inf if deadline is None else deadline - time.monotonic()


class RoundsLlm(FakeLlm):
    """Plays the next of `rounds` at each call, the last one again and again."""

    def __init__(self) -> None:
        super().__init__()
        self.rounds: list[Sequence[Step]] = []
        self.seconds_left: list[float] = []
        self.embed: Callable[[Any], Any] | None = None

    async def Embed(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await (self.embed(request) if self.embed else super().Embed(request, context))

    async def StreamComplete(  # noqa: N802
        self, request: llm_pb2.StreamCompleteRequest, context: Any
    ) -> AsyncIterator[llm_pb2.StreamCompleteResponse]:
        self.seconds_left.append(seconds_left())
        if self.rounds:
            self.script = self.rounds.pop(0) if len(self.rounds) > 1 else self.rounds[0]
        answers = super().StreamComplete(request, context)
        async with aclosing(answers):
            async for answer in answers:
                yield answer


class FakeFeature(feature_pb2_grpc.FeatureServiceServicer, feature_pb2_grpc.MetadataServiceServicer):
    """Answers with what the test sets; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.statistics = feature_pb2.ComputeStatisticsResponse()
        self.history = feature_pb2.QueryHistoryResponse()
        self.features = feature_pb2.ExtractFeaturesResponse()
        self.anomalies: dict[str, feature_pb2.DetectAnomaliesResponse] = {}
        self.devices: list[feature_pb2.Device] = []
        self.models: list[feature_pb2.DataModel] = []
        self.hold: asyncio.Event | None = None

    async def ComputeStatistics(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        if request.device_code == "NOPE":
            raise NotFound("there is no device 'NOPE'; list the devices", reason="DEVICE_NOT_FOUND")
        if request.device_code == "EMPTY":
            raise NotFound("there are no rows of device 'EMPTY' yet", reason="DATA_NOT_FOUND")
        if self.hold is not None:
            await self.hold.wait()
        return self.statistics

    async def QueryHistory(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        return self.history

    async def ExtractFeatures(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        return self.features

    async def DetectAnomalies(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        (code,) = request.device_codes
        if code not in self.anomalies:
            raise NotFound(f"there are no rows of device {code!r} yet", reason="DATA_NOT_FOUND")
        return self.anomalies[code]

    async def GetDevice(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        found = [device for device in self.devices if device.device_code == request.device_code]
        if self.devices and not found:
            raise NotFound(f"there is no device {request.device_code!r}", reason="DEVICE_NOT_FOUND")
        return feature_pb2.GetDeviceResponse(device=found[0] if found else None)

    async def GetDataModel(self, request: Any, context: Any) -> Any:  # noqa: N802
        found = [model for model in self.models if model.model_code == request.model_code]
        if not found:
            raise NotFound(f"there is no data model {request.model_code!r}", reason="DATA_MODEL_NOT_FOUND")
        return feature_pb2.GetDataModelResponse(model=found[0])

    async def ListDevices(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        return feature_pb2.ListDevicesResponse(devices=self.devices)

    async def ListDataModels(self, request: Any, context: Any) -> Any:  # noqa: N802
        return feature_pb2.ListDataModelsResponse(models=self.models)


class FakeCache(cache_pb2_grpc.CacheServiceServicer):
    """Keeps values by tenant and key; down while `down` is set."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], bytes] = {}
        self.classes: dict[str, str] = {}
        self.reads = 0
        self.down = False
        self.stored = asyncio.Event()

    async def Get(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.reads += 1
        if self.down:
            raise Unavailable("out of order")
        value = self.values.get(self._place(request.key))
        return cache_pb2.GetResponse(found=value is not None, value=value or b"", generation=1)

    async def Set(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.values[self._place(request.entry.key)] = request.entry.value
        self.classes[request.entry.key] = request.entry.ttl_class
        self.stored.set()
        return cache_pb2.SetResponse(written=True)

    async def AcquireLease(self, request: Any, context: Any) -> Any:  # noqa: N802
        return cache_pb2.AcquireLeaseResponse(lease_token="lease", generation=1)

    async def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        for key in request.keys:
            self.values.pop(self._place(key), None)
        return cache_pb2.DeleteResponse(deleted=len(request.keys))

    async def Invalidate(self, request: Any, context: Any) -> Any:  # noqa: N802
        tenant, prefix = self._place(request.prefix)
        for place in [place for place in self.values if place[0] == tenant and place[1].startswith(prefix)]:
            del self.values[place]
        return cache_pb2.InvalidateResponse(deleted=1)

    def _place(self, key: str) -> tuple[str, str]:
        return current_context().caller.tenant_id, key


def says(*texts: str, finish: str = "stop", cost: str = "0.001") -> list[Step]:
    """Return the script of a model call that says `texts`, a message each."""
    return [
        started(),
        *([llm_pb2.CompletionEvent(text=llm_pb2.TextDelta(text=text))] for text in texts),
        finished(finish, cost),
    ]


def calls(*named: tuple[str, str], text: str = "") -> list[Step]:
    """Return the script of a model call that calls tools with these (name, arguments)."""
    deltas = [
        llm_pb2.CompletionEvent(
            tool_call=llm_pb2.ToolCallDelta(call_index=index, id=f"call_{index}", name=name, arguments=arguments)
        )
        for index, (name, arguments) in enumerate(named)
    ]
    said = [llm_pb2.CompletionEvent(text=llm_pb2.TextDelta(text=text))] if text else []
    return [started(), [*said, *deltas], finished("tool_calls", "0.001")]


def started() -> Step:
    return [llm_pb2.CompletionEvent(started=llm_pb2.Started(id="a", provider="openai", model="gpt-5", cache="miss"))]


def finished(reason: str, cost: str) -> Step:
    end = llm_pb2.Finished(
        finish_reason=reason,
        usage=Usage(input_tokens=10, output_tokens=4),
        cost=Money(currency="USD", amount=cost, source="catalogue"),
    )
    return [llm_pb2.CompletionEvent(finished=end)]


@dataclass
class Chat:
    """A client of the service under test."""

    streams: Any
    conversations: Any
    engines: Any
    clients: Any
    tools: Any
    processes: Any
    services: Services
    server: GrpcServer
    resources: Resources
    llm: RoundsLlm
    feature: FakeFeature
    cache: FakeCache
    settings: ChatSettings
    says: Callable[..., list[Step]] = field(default=staticmethod(says))
    calls: Callable[..., list[Step]] = field(default=staticmethod(calls))
    started: Callable[[], Step] = field(default=staticmethod(started))

    async def conversation(self, **fields: Any) -> str:
        """Create a conversation and return its id."""
        made = await self.conversations.CreateConversation(pb.CreateConversationRequest(**fields))
        return made.conversation.id

    async def personality(self, **fields: Any) -> str:
        """Create a personality and return its id."""
        request = pb.CreatePersonalityRequest(personality=pb.Personality(**fields))
        return (await self.engines.CreatePersonality(request)).personality.id

    def ask(self, conversation_id: str, content: str = "Hello?", **fields: Any) -> Any:
        """Begin a turn; iterate the call for its messages."""
        return self.streams.StreamChat(pb.StreamChatRequest(conversation_id=conversation_id, content=content, **fields))

    async def answer(self, conversation_id: str, content: str = "Hello?", **fields: Any) -> list[pb.ChatEvent]:
        """Run a turn and return all its events."""
        return await self.events(self.ask(conversation_id, content, **fields))

    async def read(self, stream_id: str, after: int = 0) -> list[pb.ChatEvent]:
        """Read a stream to its end."""
        return await self.events(
            self.streams.ReadStream(pb.ReadStreamRequest(stream_id=stream_id, after_sequence=after))
        )

    async def events(self, call: Any) -> list[pb.ChatEvent]:
        """Return all events of a call that ends."""
        async with asyncio.timeout(HANG_SECONDS):
            return [event async for message in call for event in message.events]

    async def messages(self, conversation_id: str) -> list[pb.Message]:
        """Return a conversation's messages."""
        request = pb.ListMessagesRequest(conversation_id=conversation_id)
        return list((await self.conversations.ListMessages(request)).messages)

    @asynccontextmanager
    async def as_caller(self, caller: Caller) -> AsyncGenerator[None]:
        """Call as somebody else."""
        with use_context(CallContext(request_id="req_t", caller=caller)):
            yield


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file to copy: migrating one for each test would be most of the tests' time."""
    path = tmp_path_factory.mktemp("chat") / "empty.db"
    asyncio.run(migrate(sqlite_url(path), MIGRATIONS))
    return path


@pytest.fixture
def chat_settings(tmp_path: Path, request: pytest.FixtureRequest) -> ChatSettings:
    """Settings for the service under test; a test parametrizes them indirectly with a dictionary of changes."""
    settings = ChatSettings(PENSTOCK_HOME=tmp_path, _env_file=None)  # type: ignore[call-arg]
    # What is recalled is waited for: how long a busy machine takes to recall decides no other test.
    patient = {"memory_patience_seconds": HANG_SECONDS}
    return settings.model_copy(update=patient | getattr(request, "param", {}))


@asynccontextmanager
async def running_chat(chat_settings: ChatSettings, empty_database: Path, *, grace: float = 0) -> AsyncGenerator[Chat]:
    """Serve the service with these settings, with `ann` of `acme` as the caller."""
    if not (chat_settings.home / "chat.db").exists():
        shutil.copy(empty_database, chat_settings.home / "chat.db")
    llm, feature, cache = RoundsLlm(), FakeFeature(), FakeCache()
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(
            serve(
                (llm_pb2_grpc.add_LlmServiceServicer_to_server, llm),
                (feature_pb2_grpc.add_FeatureServiceServicer_to_server, feature),
                (feature_pb2_grpc.add_MetadataServiceServicer_to_server, feature),
                (cache_pb2_grpc.add_CacheServiceServicer_to_server, cache),
            )
        )
        peers = ("llm_address", "feature_address", "cache_address")
        own = {name for name in peers if getattr(chat_settings, name) == ChatSettings.model_fields[name].default}
        settings = chat_settings.model_copy(update=dict.fromkeys(own, address))
        clock = SystemClock()
        resources = await stack.enter_async_context(open_resources(settings))
        # A busy machine misses nothing that is cached: tests of the cache count what it is asked.
        cache_client = CacheClient(resources.cache, clock=clock, timeout=HANG_SECONDS)
        services = build_services(settings, resources, clock, cache=cache_client)
        await stack.enter_async_context(services.run())
        server = GrpcServer(service="chat-stream-service", grace_seconds=grace)
        add_servicers(server, services, clock)
        port = await server.start(0)
        stack.push_async_callback(server.drain)
        stack.push_async_callback(services.streams.drain, 0)
        channel = open_channel(f"127.0.0.1:{port}", service="chat-stream-service")
        stack.push_async_callback(channel.close)
        stack.enter_context(use_context(CallContext(request_id="req_t", caller=ANN)))
        yield Chat(
            streams=chat_pb2_grpc.StreamServiceStub(channel),
            conversations=chat_pb2_grpc.ConversationServiceStub(channel),
            engines=chat_pb2_grpc.EngineServiceStub(channel),
            clients=chat_pb2_grpc.ClientServiceStub(channel),
            tools=chat_pb2_grpc.ToolServiceStub(channel),
            processes=process_pb2_grpc.ProcessServiceStub(channel),
            services=services,
            server=server,
            resources=resources,
            llm=llm,
            feature=feature,
            cache=cache,
            settings=settings,
        )


@pytest.fixture
async def chat(chat_settings: ChatSettings, empty_database: Path) -> AsyncGenerator[Chat]:
    """The service, served, with `ann` of `acme` as the caller."""
    async with running_chat(chat_settings, empty_database) as running:
        yield running


@pytest.fixture
def chat_with(chat_settings: ChatSettings, empty_database: Path) -> Callable[..., Any]:
    """Serves the service with changed settings, for as long as the block around it lasts."""

    def serve_with(*, grace: float = 0, **changes: Any) -> Any:
        return running_chat(chat_settings.model_copy(update=changes), empty_database, grace=grace)

    return serve_with


@pytest.fixture
def bob() -> Caller:
    """Another user of the same tenant."""
    return BOB


@pytest.fixture
def eve() -> Caller:
    """A user of the same name in another tenant."""
    return EVE


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'chat.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
async def database(store_url: str) -> AsyncGenerator[Database]:
    """An open database with the newest schema, of each kind."""
    async with migrated(store_url, MIGRATIONS) as opened:
        yield opened
