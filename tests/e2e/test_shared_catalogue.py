"""Devices and data models through the shared cache: two feature-services, one database, one cache-service."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.cache.v1 import cache_pb2, cache_pb2_grpc
from penstock.common.v1 import warmup_pb2, warmup_pb2_grpc
from penstock.feature.v1 import feature_pb2 as pb
from penstock.feature.v1 import feature_pb2_grpc
from prometheus_client import CollectorRegistry
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from cache_service.composition.services import build_services
from cache_service.composition.stores import memory_stores
from cache_service.edge.servicer import CacheServicer
from cache_service.settings import CacheSettings
from feature_service.main import open_servicers
from feature_service.settings import FeatureSettings
from penstock_kit.clock import SystemClock
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.database import open_database, sqlite_url
from penstock_kit.errors import PermissionDenied
from penstock_kit.grpc import GrpcServer, open_channel
from penstock_kit.telemetry import ProcessMetrics
from penstock_testkit.waiting import until_true

ROWS = b"timestamp,current,label\n" + b"".join(b"2026-01-01T00:00:%02dZ,%d,ok\n" % (n, n) for n in range(60))


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    features: Any
    metadata: Any
    warmup: Any

    async def fields_of(self, model_code: str) -> list[str]:
        answer = await self.metadata.GetDataModel(pb.GetDataModelRequest(model_code=model_code))
        return [field.display_name for field in answer.model.fields]

    async def codes(self) -> list[str]:
        listed = await self.metadata.ListDevices(pb.ListDevicesRequest())
        return [device.device_code for device in listed.devices]

    async def ingest(self, device_code: str, body: bytes = ROWS) -> None:
        options = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code=device_code, model_code="weld", create=True)

        async def messages() -> AsyncIterator[pb.IngestRequest]:
            yield pb.IngestRequest(options=options)
            yield pb.IngestRequest(chunk=body)

        await self.features.Ingest(messages())

    async def read_mix(self) -> None:
        """Models 3 : the newest rows 2 : extraction 1."""
        for _ in range(3):
            await self.metadata.ListDataModels(pb.ListDataModelsRequest())
        for _ in range(2):
            await self.features.QueryRealtime(pb.QueryRealtimeRequest(model_code="weld"))
        await self.features.ExtractFeatures(_extraction("m-1"))


def _extraction(device_code: str) -> pb.ExtractFeaturesRequest:
    begin, end = Timestamp(), Timestamp()
    begin.FromJsonString("2026-01-01T00:00:00Z")
    end.FromJsonString("2026-01-01T00:01:00Z")
    return pb.ExtractFeaturesRequest(
        model_code="weld",
        device_code=device_code,
        start_time=begin,
        end_time=end,
        options=pb.ExtractionOptions(window_size=10),
    )


@dataclass(slots=True, kw_only=True)
class Installation:
    """Two replicas of feature-service and their cache."""

    replicas: list[Replica]
    cache: GrpcServer
    cache_address: str
    folder: Path
    asked: "_CountedReads"

    async def drop_everything(self) -> None:
        async with open_channel(self.cache_address, service="cache-service") as channel:
            stub = cache_pb2_grpc.CacheServiceStub(channel)
            await stub.Invalidate(cache_pb2.InvalidateRequest(prefix="feature"))


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[Installation]:
    async with AsyncExitStack() as stack:
        settings = CacheSettings(_env_file=None)  # type: ignore[call-arg]
        clock = SystemClock()
        services = build_services(settings, memory_stores(settings, clock), clock)
        cache = GrpcServer(service="cache-service", grace_seconds=0)
        asked = _CountedReads(services=services, clock=clock)
        cache.add(cache_pb2_grpc.add_CacheServiceServicer_to_server, asked)
        address = f"127.0.0.1:{await cache.start(0)}"
        stack.push_async_callback(cache.drain)
        ann = Caller(user_id="ann", tenant_id="acme", scopes=frozenset({"operator"}))
        stack.enter_context(use_context(CallContext(request_id="req_t", caller=ann)))
        replicas = [await stack.enter_async_context(_replica(tmp_path, name, address)) for name in ("a", "b")]
        yield Installation(replicas=replicas, cache=cache, cache_address=address, folder=tmp_path, asked=asked)


class _CountedReads(CacheServicer):
    """A cache that counts how often it is asked for one value."""

    reads = 0

    async def Get(self, request: cache_pb2.GetRequest, context: Any) -> cache_pb2.GetResponse:  # noqa: N802
        self.reads += 1
        return await super().Get(request, context)


class _replica:  # noqa: N801 - used as a function
    def __init__(self, folder: Path, name: str, cache_address: str, *, shares_records: bool = True) -> None:
        self._settings = FeatureSettings(
            _env_file=None,  # type: ignore[call-arg]
            PENSTOCK_HOME=folder / name,
            DATABASE_URL=sqlite_url(folder / "shared.db") if shares_records else "",
            CACHE_SERVICE_ADDRESS=cache_address,
            DEMO_DATA=False,
        )
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Replica:
        process = ProcessMetrics(CollectorRegistry(), "feature-service")
        servicers = await self._stack.enter_async_context(open_servicers(self._settings, process=process))
        server = GrpcServer(service="feature-service", grace_seconds=0)
        servicers.add_to(server)
        port = await server.start(0)
        self._stack.push_async_callback(server.drain)
        channel = await self._stack.enter_async_context(open_channel(f"127.0.0.1:{port}", service="feature-service"))
        return Replica(
            features=feature_pb2_grpc.FeatureServiceStub(channel),
            metadata=feature_pb2_grpc.MetadataServiceStub(channel),
            warmup=warmup_pb2_grpc.WarmupServiceStub(channel),
        )

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """Give the list of the statements that any engine of this process executes inside the block."""
    statements: list[str] = []

    def note(*arguments: Any) -> None:
        statements.append(arguments[2])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_the_read_mix_costs_the_database_at_most_a_fifth_of_its_statements(
    installation: Installation, record_property: Any
) -> None:
    first, second = installation.replicas
    await first.ingest("m-1")
    await second.ingest("m-1")
    with counted_statements() as cold:
        await first.read_mix()
    with counted_statements() as warm:
        await first.read_mix()
        await second.read_mix()
    record_property("statements", {"cold": len(cold), "warm, twice": len(warm)})
    assert len(cold) >= 6
    assert len(warm) <= 2 * len(cold) / 5, warm


async def test_a_changed_model_is_read_changed_through_the_other_service_at_once(installation: Installation) -> None:
    first, second = installation.replicas
    await first.ingest("m-1")
    assert await second.fields_of("weld") == await first.fields_of("weld") == ["", ""]
    model = pb.DataModel(model_code="weld", fields=[pb.Field(field_code="current", display_name="Current")])
    await first.metadata.UpdateDataModel(pb.UpdateDataModelRequest(model=model, update_fields=["fields"]))
    assert await second.fields_of("weld") == ["Current"]
    await second.metadata.UpdateDataModel(
        pb.UpdateDataModelRequest(
            model=pb.DataModel(model_code="weld", fields=[pb.Field(field_code="current", display_name="Strom")]),
            update_fields=["fields"],
        )
    )
    assert await first.fields_of("weld") == ["Strom"]


async def test_a_model_that_was_asked_for_in_vain_is_found_once_it_is_there(installation: Installation) -> None:
    first, second = installation.replicas
    with pytest.raises(Exception, match="unknown model"):
        await second.fields_of("press")
    await first.metadata.CreateDataModel(pb.CreateDataModelRequest(model=pb.DataModel(model_code="press")))
    assert await second.fields_of("press") == []


async def test_a_device_list_follows_every_change_through_the_other_service(installation: Installation) -> None:
    first, second = installation.replicas
    await first.ingest("m-1")
    assert await second.codes() == ["m-1"]
    await second.ingest("m-2")
    assert await first.codes() == ["m-1", "m-2"]
    await first.metadata.DeleteDevice(pb.DeleteDeviceRequest(device_code="m-2"))
    assert await second.codes() == ["m-1"]


async def test_a_cached_device_list_tells_when_the_devices_were_seen_last(installation: Installation) -> None:
    first, second = installation.replicas
    await first.ingest("m-1")
    before = (await second.metadata.ListDevices(pb.ListDevicesRequest())).devices[0]
    await first.ingest("m-1", b"timestamp,current\n2026-02-01T00:00:00Z,1\n")
    with counted_statements() as statements:
        after = (await second.metadata.ListDevices(pb.ListDevicesRequest())).devices[0]
    assert before.last_seen_time.ToJsonString() == "2026-01-01T00:00:59Z"
    assert after.last_seen_time.ToJsonString() == "2026-02-01T00:00:00Z"
    assert len(statements) == 1, "only the seen times are read"


async def test_a_new_field_of_a_device_can_be_asked_for_at_once(installation: Installation) -> None:
    first, _ = installation.replicas
    await first.ingest("m-1")
    await first.features.ExtractFeatures(_extraction("m-1"))
    await first.ingest("m-1", b"timestamp,voltage\n2026-01-01T00:00:00Z,230\n")
    request = _extraction("m-1")
    request.options.fields.append("voltage")
    table = await first.features.ExtractFeatures(request)
    assert table.feature_names[0].startswith("voltage_")


async def test_without_the_cache_the_stores_answer_and_what_changed_meanwhile_is_never_served_old(
    installation: Installation,
) -> None:
    first, _ = installation.replicas
    await first.ingest("m-1")
    assert await first.codes() == ["m-1"]
    await installation.cache.drain()
    await first.ingest("m-2")
    assert await first.codes() == ["m-1", "m-2"]
    await first.read_mix()


async def test_tenants_see_their_own_devices_through_one_cache(installation: Installation) -> None:
    first, second = installation.replicas
    await first.ingest("m-1")
    assert await first.codes() == ["m-1"]
    with use_context(CallContext(request_id="req_o", caller=Caller(user_id="bob", tenant_id="other"))):
        assert await first.codes() == await second.codes() == []
        with pytest.raises(Exception, match="unknown model"):
            await second.fields_of("weld")


async def test_a_warm_up_leaves_the_read_mix_nothing_to_ask_the_database(installation: Installation) -> None:
    first, second = installation.replicas
    await first.ingest("m-1")
    await second.ingest("m-1")
    await installation.drop_everything()
    report = await first.warmup.WarmUp(warmup_pb2.WarmUpRequest())
    assert (sorted(report.sources), dict(report.failures)) == (["fields", "models"], {})
    assert report.loaded >= 5
    with counted_statements() as statements:
        await first.read_mix()
        await second.read_mix()
    assert statements == []


async def test_a_service_warms_the_cache_at_its_start_and_trusts_nothing_of_an_earlier_database(
    installation: Installation,
) -> None:
    first, _ = installation.replicas
    await first.ingest("m-1")
    assert await first.codes() == ["m-1"]
    database = open_database(sqlite_url(installation.folder / "shared.db"))
    async with database.write() as connection:
        await connection.execute(text("UPDATE device SET name = 'of a restored backup'"))
    await database.close()
    async with _replica(installation.folder, "c", installation.cache_address) as third:

        async def is_warm() -> bool:
            listed = await third.metadata.ListDevices(pb.ListDevicesRequest())
            return [device.name for device in listed.devices] == ["of a restored backup"]

        await until_true(is_warm)


async def test_a_service_with_records_of_its_own_asks_for_what_it_read_a_moment_ago_no_more(
    installation: Installation,
) -> None:
    async with _replica(installation.folder, "own", installation.cache_address, shares_records=False) as alone:
        await alone.ingest("m-1")
        for _ in range(2):  # the first fills the cache, the second keeps what it reads there
            await alone.read_mix()
        before = installation.asked.reads
        with counted_statements() as statements:
            for _ in range(5):
                await alone.read_mix()
    assert statements == []
    assert installation.asked.reads - before <= 8, "at most what a second makes old, of 45 values"


async def test_a_service_with_records_of_its_own_reads_each_change_at_once(installation: Installation) -> None:
    async with _replica(installation.folder, "own", installation.cache_address, shares_records=False) as alone:
        await alone.ingest("m-1")
        for number in range(5):
            name = f"Current {number}"
            model = pb.DataModel(model_code="weld", fields=[pb.Field(field_code="current", display_name=name)])
            await alone.metadata.UpdateDataModel(pb.UpdateDataModelRequest(model=model, update_fields=["fields"]))
            listed = await alone.metadata.ListDataModels(pb.ListDataModelsRequest())
            assert [field.display_name for field in listed.models[0].fields] == [name]
            assert await alone.fields_of("weld") == [name]
            code = f"n-{number}"
            await alone.metadata.CreateDevice(
                pb.CreateDeviceRequest(device=pb.Device(device_code=code, model_code="weld"))
            )
            assert code in await alone.codes()
            await alone.ingest(code)
            rows = await alone.features.QueryRealtime(pb.QueryRealtimeRequest(model_code="weld"))
            assert code in rows.rows.device_codes


async def test_only_operators_warm_the_cache_up(installation: Installation) -> None:
    bob = Caller(user_id="bob", tenant_id="acme", scopes=frozenset({"admin"}))
    with use_context(CallContext(request_id="req_b", caller=bob)), pytest.raises(PermissionDenied):
        await installation.replicas[0].warmup.WarmUp(warmup_pb2.WarmUpRequest())
