"""A whole gateway on a free port in front of fake services."""

import asyncio
import shutil
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import uvicorn
from fastapi.dependencies import models
from penstock.chat.v1 import chat_pb2_grpc
from penstock.feature.v1 import feature_pb2_grpc
from penstock.llm.v1 import cost_pb2_grpc, llm_pb2_grpc
from prometheus_client import CollectorRegistry
from sqlalchemy import update

from gateway.auth.api_keys import ApiKeyService, NewKeyRequest
from gateway.auth.authenticator import Authenticator
from gateway.auth.bootstrap import FirstAdmin, ensure_admin
from gateway.auth.delegation import Delegation
from gateway.auth.identity import User
from gateway.auth.login_attempts import LoginAttemptLimiter
from gateway.auth.password import Passwords
from gateway.auth.session import Sessions
from gateway.auth.sql_store import SqlIdentityStore
from gateway.auth.table import users
from gateway.auth.token import AccessTokens
from gateway.auth.users import UserService
from gateway.composition.app import assemble
from gateway.composition.clients import open_clients
from gateway.composition.services import Resources
from gateway.connection.limits import HttpLimits
from gateway.connection.listener import Listener, bind
from gateway.connection.protocol import protocol_of
from gateway.connection.registry import Connections
from gateway.connection.websocket_protocol import WebSocketProtocol
from gateway.main import MIGRATIONS
from gateway.settings import GatewaySettings
from penstock_kit.address import host_and_port
from penstock_kit.clock import SystemClock
from penstock_kit.context import Caller
from penstock_kit.database import migrate, open_database, sqlite_url
from penstock_kit.redaction import Redactor
from penstock_kit.telemetry.tracing import Tracing
from penstock_testkit.clock import ManualClock
from penstock_testkit.databases import lay_out
from penstock_testkit.services import FakeChat, FakeCosts, FakeFeature, FakeLlm, serve
from penstock_testkit.waiting import HANG_SECONDS


@dataclass
class Fakes:
    """The services behind the gateway under test."""

    llm: FakeLlm = field(default_factory=FakeLlm)
    chat: FakeChat = field(default_factory=FakeChat)
    feature: FakeFeature = field(default_factory=FakeFeature)
    costs: FakeCosts = field(default_factory=FakeCosts)

    def reset(self) -> None:
        """Forget what was scripted and asked."""
        for fake in (self.llm, self.chat, self.feature, self.costs):
            fake.__init__()  # type: ignore[misc]

    @asynccontextmanager
    async def serve(self) -> AsyncGenerator[str]:
        """Serve all of them on one port."""
        async with serve(
            (llm_pb2_grpc.add_LlmServiceServicer_to_server, self.llm),
            (cost_pb2_grpc.add_CostServiceServicer_to_server, self.costs),
            (chat_pb2_grpc.add_StreamServiceServicer_to_server, self.chat),
            (chat_pb2_grpc.add_ConversationServiceServicer_to_server, self.chat),
            (chat_pb2_grpc.add_EngineServiceServicer_to_server, self.chat),
            (feature_pb2_grpc.add_FeatureServiceServicer_to_server, self.feature),
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
        limits = settings.pop("limits", ())
        address = settings.pop("address", None) or await stack.enter_async_context(fakes.serve())
        addresses = dict.fromkeys(("llm_address", "chat_address", "feature_address", "cache_address"), address)
        chosen = GatewaySettings(**{"home": home, "_env_file": None, **addresses, **settings})
        await migrate(chosen.store_url(), MIGRATIONS)
        database = open_database(chosen.store_url(), readers=2)
        stack.push_async_callback(database.close)
        store, passwords, clock = SqlIdentityStore(database), Passwords(), SystemClock()
        await ensure_admin(store=store, passwords=passwords, clock=clock, home=home, chosen=FirstAdmin())
        clients = await stack.enter_async_context(open_clients(chosen))
        resources = Resources(
            home=home, store=store, database=database, passwords=passwords, clients=clients, clock=clock,
            registry=CollectorRegistry(), tracing=Tracing(None), redactor=Redactor(), limits=limits,
        )  # fmt: skip
        application = assemble(chosen, resources)
        # How long readiness waits for its store is no matter of what it says: a machine may stand still for longer.
        application.on_drain.__self__.timeout = HANG_SECONDS  # pyright: ignore[reportFunctionMemberAccess]
        bound, stop = bind(chosen.host, 0), asyncio.Event()
        url = f"http://{host_and_port(*bound.getsockname()[:2])}"
        serving = asyncio.create_task(Listener(application, bound, grace_seconds=1).serve(stop))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=HANG_SECONDS, verify=False))
        yield RunningGateway(
            url=url,
            key=(home / "admin.key").read_text().strip(),
            password=(home / "admin.password").read_text().strip(),
            store=store, fakes=fakes, client=client, stop=stop, home=home,
        )  # fmt: skip
        await client.aclose()
        stop.set()
        await serving
        forget_routes()


def forget_routes() -> None:
    """Clear FastAPI's own caches of what it found out about functions: by them each gateway would live for ever."""
    for each in vars(models).values():
        if hasattr(each, "cache_clear"):
            each.cache_clear()


GatewayFactory = Callable[..., Any]


@pytest.fixture(scope="session")
def prepared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a migrated store and an administrator, to be copied: hashing a password takes its time."""
    home = tmp_path_factory.mktemp("prepared")

    async def prepare() -> None:
        url = GatewaySettings(home=home, _env_file=None).store_url()
        await migrate(url, MIGRATIONS)
        database = open_database(url, readers=1)
        store = SqlIdentityStore(database)
        await ensure_admin(store=store, passwords=Passwords(), clock=SystemClock(), home=home, chosen=FirstAdmin())
        await database.close()

    asyncio.run(prepare())
    return home


@pytest.fixture(scope="session")
def fakes_of_session() -> Fakes:
    return Fakes()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gateway_of_session(
    tmp_path_factory: pytest.TempPathFactory, prepared_home: Path, fakes_of_session: Fakes
) -> AsyncGenerator[RunningGateway]:
    home = shutil.copytree(prepared_home, tmp_path_factory.mktemp("gateway") / "var")
    async with running_gateway(home, fakes_of_session) as running:
        yield running


@pytest.fixture
def gateway(gateway_of_session: RunningGateway) -> RunningGateway:
    """The gateway with default settings that all tests share, its fakes as new."""
    gateway_of_session.fakes.reset()
    return gateway_of_session


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


@pytest_asyncio.fixture(loop_scope="session")
async def start_gateway(tmp_path: Path, prepared_home: Path, fakes: Fakes) -> AsyncGenerator[GatewayFactory]:
    """Start a gateway of the test's own, with settings of its own."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> RunningGateway:
            home = tmp_path / "var"
            if not home.exists():  # a second one shares the home of the first
                shutil.copytree(prepared_home, home)
            return await stack.enter_async_context(running_gateway(home, fakes, **settings))

        yield start


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpServed:
    """An ASGI application at a socket, behind the gateway's HTTP protocol."""

    bound: socket.socket
    connections: Connections
    open: set[Any]

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection."""
        reader, writer = await asyncio.open_connection(*self.bound.getsockname())
        try:
            yield reader, writer
        finally:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    async def answers(self, *sent: bytes) -> bytes:
        """Send on a connection of its own and return all that comes until it is closed."""
        async with self.connected() as (reader, writer), asyncio.timeout(HANG_SECONDS):
            for piece in sent:
                writer.write(piece)
            return await reader.read()


HttpServer = Callable[..., Any]


@pytest.fixture
def serve_http() -> HttpServer:
    """Serve an ASGI application with limits of the test's own, which are looked after twenty times a second."""

    @asynccontextmanager
    async def served(app: Any, *, cap: int = 100, **limits: Any) -> AsyncGenerator[HttpServed]:
        config = uvicorn.Config(app, lifespan="off", log_config=None, port=0, ws=WebSocketProtocol)
        server = uvicorn.Server(config)
        config.load()
        connections = Connections(cap=cap)
        protocol, here = protocol_of(connections, HttpLimits(**limits)), server.server_state
        with bind("127.0.0.1", 0) as bound:
            accepting = await asyncio.get_running_loop().create_server(
                lambda: protocol(config=config, server_state=here, app_state={}), sock=bound
            )
            watching = asyncio.create_task(connections.watch(lambda: here.connections, every=0.05))
            yield HttpServed(bound=bound, connections=connections, open=here.connections)
            watching.cancel()
            accepting.close()
            for connection in list(here.connections):
                connection.transport.abort()
            while here.connections:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0)

    return served


# --- identities alone, on a clock of the test's ----------------------------------------------------------------

DAY = timedelta(days=1)


class Limits:
    """Knows which keys have limits."""

    def __init__(self):
        self.key_ids = set()

    async def is_limited(self, caller):
        return caller.key_id in self.key_ids


class House:
    """An identity store with everything that stands on it, and a few people in it."""

    def __init__(self, database, clock):
        store, passwords = SqlIdentityStore(database), Passwords()
        self.database, self.store, self.clock, self.limits = database, store, clock, Limits()
        self.tokens = AccessTokens(secrets=("s" * 32,), lifetime=timedelta(minutes=15), clock=clock)
        self.authenticator = Authenticator(store=store, tokens=self.tokens, clock=clock)
        delegation = Delegation(store=store, limits=self.limits)
        self.api_keys = ApiKeyService(store=store, authenticator=self.authenticator, delegation=delegation, clock=clock)
        self.users = UserService(
            store=store, passwords=passwords, authenticator=self.authenticator, delegation=delegation, clock=clock
        )
        self.sessions = Sessions(
            store=store, passwords=passwords, tokens=self.tokens, clock=clock, lifetime=DAY,
            attempts=LoginAttemptLimiter(clock=clock, pairs=2, addresses=3, names=8), on_end=self.authenticator.forget,
        )  # fmt: skip

    async def user(self, name, scopes, *, tenant="default", password_hash=""):
        """Store a user and return it as a caller who has logged in."""
        user = User(
            id=f"user_{name}", tenant_id=tenant, username=name, password_hash=password_hash, scopes=frozenset(scopes),
            active=True, create_time=self.clock.now(),
        )  # fmt: skip
        assert await self.store.add_user(user)
        return Caller(user_id=user.id, tenant_id=tenant, scopes=user.scopes)

    async def change_user(self, caller, **columns):
        """Change a user as another version, or somebody with SQL, would; nothing is forgotten."""
        async with self.database.write() as connection:
            await connection.execute(update(users).where(users.c.id == caller.user_id).values(columns))

    async def token(self, caller):
        """Return an access token of a user's present session."""
        return self.tokens.issue(await self.store.user(caller.user_id))

    async def key(self, caller, scopes=(), **wish):
        """Make a key and return it with the caller that it stands for."""
        shown = await self.api_keys.create(caller, NewKeyRequest(name="k", scopes=frozenset(scopes), **wish))
        return shown, await self.authenticator.recognise(shown.text)

    async def keys(self, tenant="default"):
        """Return all keys as they are stored."""
        return await self.store.keys(tenant)


@pytest.fixture
async def house(tmp_path):
    url = sqlite_url(tmp_path / "gateway.db")
    await lay_out(url, MIGRATIONS)
    database = open_database(url, readers=1)
    yield House(database, ManualClock(start=datetime(2026, 11, 21, tzinfo=UTC)))
    await database.close()
