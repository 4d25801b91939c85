"""A feature service in this process: real stores in a temporary folder, real gRPC on a free port."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from penstock.feature.v1 import backup_pb2_grpc, feature_pb2_grpc
from prometheus_client import CollectorRegistry

from feature_service.adapters.native_kernel import compile_library
from feature_service.adapters.telemetry_url import open_telemetry
from feature_service.domain.feature import kernel
from feature_service.domain.feature.native_library import NativeLibrary
from feature_service.domain.telemetry.store import TelemetryStore
from feature_service.main import MIGRATIONS, open_servicers
from feature_service.settings import FeatureSettings
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.database import Database, migrate, sqlite_url
from penstock_kit.grpc import GrpcServer, open_channel
from penstock_kit.telemetry import ProcessMetrics
from penstock_testkit.databases import lay_out, migrated


@dataclass(frozen=True)
class RunningService:
    """Stubs of a running service, and where it listens."""

    address: str
    features: feature_pb2_grpc.FeatureServiceStub
    metadata: feature_pb2_grpc.MetadataServiceStub
    backup: backup_pb2_grpc.BackupServiceStub


@asynccontextmanager
async def running_service(
    home: Path, *, registry: CollectorRegistry | None = None, **settings: Any
) -> AsyncGenerator[RunningService]:
    # No cache there: every test sees what the stores hold.
    values: dict[str, Any] = {
        "PENSTOCK_HOME": home,
        "DEMO_DATA": False,
        "CACHE_SERVICE_ADDRESS": "127.0.0.1:1",
        **settings,
    }
    if "DATABASE_URL" not in values:
        await lay_out(sqlite_url(Path(values["PENSTOCK_HOME"]) / "feature.db"), MIGRATIONS)
    feature_settings = FeatureSettings(_env_file=None, **values)  # pyright: ignore[reportCallIssue]
    process = ProcessMetrics(CollectorRegistry(), "feature-service")
    async with open_servicers(feature_settings, process=process, registry=registry) as servicers:
        server = GrpcServer(service="feature-service", grace_seconds=1.0)
        servicers.add_to(server)
        port = await server.start(0)
        async with open_channel(f"127.0.0.1:{port}", service="feature-service") as channel:
            yield RunningService(
                address=f"127.0.0.1:{port}",
                features=feature_pb2_grpc.FeatureServiceStub(channel),
                metadata=feature_pb2_grpc.MetadataServiceStub(channel),
                backup=backup_pb2_grpc.BackupServiceStub(channel),
            )
        await server.drain()


@pytest.fixture(scope="session")
def start_service() -> Callable[..., AbstractAsyncContextManager[RunningService]]:
    """Return the context manager that runs a service on a folder, with settings by their environment names."""
    return running_service


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty database with the newest schema, to be copied: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "feature.db"
    asyncio.run(migrate(sqlite_url(path), MIGRATIONS))
    return path


@pytest.fixture(scope="session")
def compiled_library(tmp_path_factory: pytest.TempPathFactory) -> NativeLibrary:
    """Return the native kernel, made here: a machine that runs the tests has a C compiler."""
    path = tmp_path_factory.mktemp("native") / "window_sums.so"
    compile_library(path)
    return NativeLibrary(path)


@pytest.fixture(scope="module", params=["numpy", "native"])
def each_kernel(request: pytest.FixtureRequest) -> Iterator[str]:
    """Let a module's tests run with either kernel, whatever set-up made."""
    library = request.getfixturevalue("compiled_library") if request.param == "native" else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "native_library", lambda: library)
        yield request.param


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database; a test that asks for it runs on both kinds."""
    return sqlite_url(tmp_path / "x.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Open a database with the newest schema, of both kinds in turn."""
    async with migrated(database_url, MIGRATIONS) as opened:
        yield opened


@pytest.fixture
async def service_on_duckdb(tmp_path: Path, migrated_database: Path) -> AsyncIterator[RunningService]:
    """Run a service whose telemetry is in a file."""
    shutil.copy(migrated_database, tmp_path / "feature.db")
    async with running_service(tmp_path) as running:
        yield running


@pytest.fixture
async def service_that_keeps_a_month(tmp_path: Path, migrated_database: Path) -> AsyncIterator[RunningService]:
    """Run a service that deletes rows after thirty days."""
    shutil.copy(migrated_database, tmp_path / "feature.db")
    async with running_service(tmp_path, TELEMETRY_DAYS="30") as running:
        yield running


@pytest.fixture
async def service_on_postgresql(
    tmp_path: Path, migrated_database: Path, postgres_url: str
) -> AsyncIterator[RunningService]:
    """Run a service whose telemetry is in a PostgreSQL of its own."""
    shutil.copy(migrated_database, tmp_path / "feature.db")
    async with running_service(tmp_path, TELEMETRY_URL=postgres_url) as running:
        yield running


@pytest.fixture
def service(service_on_duckdb: RunningService) -> RunningService:
    """Return a running service; a module whose tests hold for every store has its own fixture of this name."""
    return service_on_duckdb


@pytest.fixture
def as_tenant() -> Callable[[str], AbstractContextManager[CallContext]]:
    """Return a context manager in which calls are made by a user of the tenant named."""

    def enter(tenant_id: str) -> AbstractContextManager[CallContext]:
        caller = Caller(user_id=f"user of {tenant_id}", tenant_id=tenant_id)
        return use_context(CallContext(request_id="req_test", caller=caller))

    return enter


@pytest.fixture(params=["duckdb", "postgresql"])
def telemetry_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty store of telemetry; a test that asks for it runs on both kinds."""
    if request.param == "duckdb":
        return f"duckdb:///{tmp_path / 'telemetry.duckdb'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
async def telemetry_store(telemetry_url: str) -> AsyncIterator[TelemetryStore]:
    """Open an empty store of telemetry, of both kinds in turn."""
    opened = open_telemetry(telemetry_url)
    yield opened
    await opened.close()
