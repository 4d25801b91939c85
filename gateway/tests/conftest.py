"""A whole gateway on a free port in front of fake services."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from penstock.chat.v1 import chat_pb2_grpc
from penstock.llm.v1 import llm_pb2_grpc
from prometheus_client import CollectorRegistry

from gateway.assembly import Resources, assemble
from gateway.auth.bootstrap import FirstAdmin, ensure_admin
from gateway.auth.password import Passwords
from gateway.auth.sql_store import SqlIdentityStore
from gateway.clients import open_clients
from gateway.listener import Listener, bind
from gateway.main import MIGRATIONS
from gateway.settings import GatewaySettings
from penstock_kit.clock import SystemClock
from penstock_kit.database import migrate, open_database
from penstock_kit.redaction import Redactor
from penstock_kit.telemetry.tracing import Tracing
from penstock_testkit.services import FakeChat, FakeLlm, serve


@dataclass
class Fakes:
    """The services behind the gateway under test."""

    llm: FakeLlm = field(default_factory=FakeLlm)
    chat: FakeChat = field(default_factory=FakeChat)

    @asynccontextmanager
    async def serve(self) -> AsyncGenerator[str]:
        """Serve all of them on one port."""
        async with serve(
            (llm_pb2_grpc.add_LlmServiceServicer_to_server, self.llm),
            (chat_pb2_grpc.add_StreamServiceServicer_to_server, self.chat),
            (chat_pb2_grpc.add_ConversationServiceServicer_to_server, self.chat),
            (chat_pb2_grpc.add_EngineServiceServicer_to_server, self.chat),
        ) as address:
            yield address


@dataclass
class RunningGateway:
    """A gateway that listens, with the means to look inside."""

    url: str
    key: str
    password: str
    store: SqlIdentityStore
    fakes: Fakes
    client: httpx.AsyncClient
    stop: asyncio.Event
    home: Path

    def auth(self, key: str = "") -> dict[str, str]:
        """Headers of the administrator, or of another key."""
        return {"authorization": f"Bearer {key or self.key}"}


@asynccontextmanager
async def running_gateway(home: Path, fakes: Fakes, **settings: Any) -> AsyncGenerator[RunningGateway]:
    """Start a gateway as main.py does, on a free port and with settings of the test's own."""
    async with AsyncExitStack() as stack:
        address = settings.pop("address", None) or await stack.enter_async_context(fakes.serve())
        addresses = dict.fromkeys(("llm_address", "chat_address", "feature_address", "cache_address"), address)
        chosen = GatewaySettings(**{"home": home, "_env_file": None, **addresses, **settings})
        await migrate(chosen.store_url(), MIGRATIONS)
        database = open_database(chosen.store_url(), readers=2)
        stack.push_async_callback(database.close)
        store, passwords, clock = SqlIdentityStore(database), Passwords(), SystemClock()
        await ensure_admin(store=store, passwords=passwords, clock=clock, home=home, chosen=FirstAdmin())
        clients = open_clients(
            llm=chosen.llm_address, chat=chosen.chat_address, feature=chosen.feature_address, cache=chosen.cache_address
        )
        stack.push_async_callback(clients.close)
        resources = Resources(
            home=home, store=store, passwords=passwords, clients=clients, clock=clock,
            registry=CollectorRegistry(), tracing=Tracing(None), redactor=Redactor(),
        )  # fmt: skip
        application = assemble(chosen, resources)
        bound, stop = bind("127.0.0.1", 0), asyncio.Event()
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        serving = asyncio.create_task(Listener(application, bound, grace_seconds=1).serve(stop))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=10))
        yield RunningGateway(
            url=url,
            key=(home / "admin.key").read_text().strip(),
            password=(home / "admin.password").read_text().strip(),
            store=store, fakes=fakes, client=client, stop=stop, home=home,
        )  # fmt: skip
        await client.aclose()
        stop.set()
        await serving


GatewayFactory = Callable[..., Any]


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


@pytest.fixture
async def gateway(tmp_path: Path, fakes: Fakes) -> AsyncGenerator[RunningGateway]:
    async with running_gateway(tmp_path, fakes) as running:
        yield running


@pytest.fixture
async def start_gateway(tmp_path: Path, fakes: Fakes) -> AsyncGenerator[GatewayFactory]:
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> RunningGateway:
            return await stack.enter_async_context(running_gateway(tmp_path, fakes, **settings))

        yield start
