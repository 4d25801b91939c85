"""The read mix (data models 3 : newest rows 2 : extraction 1) of a feature-service with the shared cache and without.

The services run in this process behind real gRPC, over SQLite. A database elsewhere takes its time for each statement:
in a second pair of rows every statement waits for 20 ms, which is said in their names.
"""

import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp
from penstock.cache.v1 import cache_pb2, cache_pb2_grpc
from penstock.feature.v1 import feature_pb2 as pb
from penstock.feature.v1 import feature_pb2_grpc
from prometheus_client import CollectorRegistry
from sqlalchemy import event
from sqlalchemy.engine import Engine

from bench.measure import Figure, Report, percentile
from cache_service.composition.services import build_services
from cache_service.composition.stores import memory_stores
from cache_service.edge.servicer import CacheServicer
from cache_service.settings import CacheSettings
from feature_service.main import open_servicers
from feature_service.settings import FeatureSettings
from penstock_kit.clock import SystemClock
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.database import sqlite_url
from penstock_kit.grpc import GrpcServer, open_channel
from penstock_kit.telemetry import ProcessMetrics
from penstock_testkit.servers.process import free_port

MIXES: Final = 100
FAR_MIXES: Final = 15
FAR_SECONDS: Final = 0.02
_ROWS: Final = b"timestamp,current,label\n" + b"".join(b"2026-01-01T00:00:%02dZ,%d,ok\n" % (n, n) for n in range(60))
_ANN: Final = Caller(user_id="ann", tenant_id="bench", scopes=frozenset({"operator"}))


async def run() -> Report:
    """Measure what the mix takes, and how many statements."""
    report = Report(
        title="Read mix",
        note=f"Models 3 : newest rows 2 : extraction 1, as one mix; {MIXES} mixes over SQLite, {FAR_MIXES} where every "
        f"statement takes {FAR_SECONDS * 1e3:.0f} ms more, as those of a database elsewhere do.",
    )
    with tempfile.TemporaryDirectory() as folder, use_context(CallContext(request_id="req_bench", caller=_ANN)):
        for name in ("plain", "cached"):
            (Path(folder) / name).mkdir()
        async with _cache() as address:
            plain = await _measured(Path(folder) / "plain", f"127.0.0.1:{free_port()}")
            cached = await _measured(Path(folder) / "cached", address)
            async with open_channel(address, service="cache-service") as channel:
                stats = await cache_pb2_grpc.CacheServiceStub(channel).GetStats(cache_pb2.GetStatsRequest())
    for name, with_cache, without, goal in zip(
        ("statements of a mix", "a mix, p50", "a mix, p50, statements of 20 ms"),
        cached,
        plain,
        ("≥ 80 % fewer", "≤ 15 ms", ""),
        strict=True,
    ):
        unit = "" if name.startswith("statements") else "ms"
        beside = f"without the cache: {without:.1f} {unit}".strip()
        ratio = without / with_cache if with_cache else None
        report.figures.append(Figure(name=name, value=with_cache, unit=unit, beside=beside, ratio=ratio, goal=goal))
    hit_rate = 100 * stats.hits / max(1, stats.hits + stats.misses)
    report.figures.append(
        Figure(name="hits of all reads, the cold ones included", value=hit_rate, unit="%", goal="> 95 %")
    )
    return report


async def _measured(home: Path, cache_address: str) -> tuple[float, float, float]:
    """Return statements of a mix, milliseconds of a mix, and milliseconds with statements that take their time."""
    async with _features(home, cache_address) as (metadata, features):
        await features.Ingest(_rows())
        await _mix(metadata, features)
        with _counted() as statements:
            near = await _milliseconds(metadata, features, MIXES)
        with _counted(FAR_SECONDS):
            far = await _milliseconds(metadata, features, FAR_MIXES)
        return len(statements) / MIXES, near, far


async def _milliseconds(metadata: Any, features: Any, times: int) -> float:
    taken: list[float] = []
    for _ in range(times):
        started = time.perf_counter()
        await _mix(metadata, features)
        taken.append((time.perf_counter() - started) * 1e3)
    return percentile(taken, 0.5)


async def _mix(metadata: Any, features: Any) -> None:
    for _ in range(3):
        await metadata.ListDataModels(pb.ListDataModelsRequest())
    for _ in range(2):
        await features.QueryRealtime(pb.QueryRealtimeRequest(model_code="weld"))
    begin, end = Timestamp(), Timestamp()
    begin.FromJsonString("2026-01-01T00:00:00Z")
    end.FromJsonString("2026-01-01T00:01:00Z")
    asked = pb.ExtractFeaturesRequest(model_code="weld", device_code="m-1", start_time=begin, end_time=end)
    asked.options.window_size = 10
    await features.ExtractFeatures(asked)


async def _rows() -> AsyncIterator[pb.IngestRequest]:
    options = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code="m-1", model_code="weld", create=True)
    yield pb.IngestRequest(options=options)
    yield pb.IngestRequest(chunk=_ROWS)


@contextmanager
def _counted(seconds: float = 0.0) -> Generator[list[str]]:
    """Give the statements that are executed inside the block; each takes `seconds` more."""
    statements: list[str] = []

    def note(*arguments: Any) -> None:
        statements.append(arguments[2])
        time.sleep(seconds)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@asynccontextmanager
async def _cache() -> AsyncGenerator[str]:
    settings, clock = CacheSettings(_env_file=None), SystemClock()  # type: ignore[call-arg]
    services = build_services(settings, memory_stores(settings, clock), clock)
    server = GrpcServer(service="cache-service", grace_seconds=0)
    server.add(cache_pb2_grpc.add_CacheServiceServicer_to_server, CacheServicer(services=services, clock=clock))
    yield f"127.0.0.1:{await server.start(0)}"
    await server.drain()


@asynccontextmanager
async def _features(home: Path, cache_address: str) -> AsyncGenerator[tuple[Any, Any]]:
    settings = FeatureSettings(
        _env_file=None,  # type: ignore[call-arg]
        PENSTOCK_HOME=home,
        DATABASE_URL=sqlite_url(home / "bench.db"),
        CACHE_SERVICE_ADDRESS=cache_address,
        DEMO_DATA=False,
    )
    async with AsyncExitStack() as stack:
        process = ProcessMetrics(CollectorRegistry(), "feature-service")
        servicers = await stack.enter_async_context(open_servicers(settings, process=process))
        server = GrpcServer(service="feature-service", grace_seconds=0)
        servicers.add_to(server)
        port = await server.start(0)
        stack.push_async_callback(server.drain)
        channel = await stack.enter_async_context(open_channel(f"127.0.0.1:{port}", service="feature-service"))
        yield feature_pb2_grpc.MetadataServiceStub(channel), feature_pb2_grpc.FeatureServiceStub(channel)
