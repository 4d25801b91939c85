"""Which telemetry store a URL means, and what is said of one that means none."""

import time

import pytest
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.adapters.telemetry_url import open_telemetry
from feature_service.domain.model.series import SeriesKey
from feature_service.settings import FeatureSettings
from penstock_kit.errors import InvalidArgument, Unavailable
from penstock_testkit.servers.fault_proxy import FaultProxy
from penstock_testkit.waiting import assert_within

KEY = SeriesKey(tenant_id="t", device_code="d")


@pytest.mark.parametrize(
    "url", ["mysql://root:secret@db/rows", "rows.duckdb", "duckdb:///", "duckdb://rows", "x:///y", "postgresql://host"]
)
def test_a_url_of_no_known_store_is_refused_with_those_that_are_known(url):
    with pytest.raises(InvalidArgument) as refused:
        open_telemetry(url)
    assert refused.value.reason == "TELEMETRY_URL_INVALID"
    assert "is not the URL of a telemetry store; write duckdb:///path/to/file" in refused.value.message
    assert "secret" not in refused.value.message
    assert url.partition(":")[0] in refused.value.message


async def test_a_duckdb_url_means_the_file_of_its_path(tmp_path):
    store = open_telemetry(f"duckdb:///{tmp_path}/a folder/rows.duckdb")
    assert await store.extent(KEY) is None
    assert (tmp_path / "a folder" / "rows.duckdb").exists()
    await store.close()


async def component(service, name):
    found = (await service.features.GetStatus(pb.GetStatusRequest())).components
    return next(each for each in found if each.name == name)


async def ingest(service):
    async def messages():
        yield pb.IngestRequest(options=pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code="d", create=True))
        yield pb.IngestRequest(chunk=b"timestamp,a\n2024-05-01T00:00:00Z,1.5\n")

    return await service.features.Ingest(messages())


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
async def test_a_postgresql_url_means_that_database(postgres_url, scheme):
    store = open_telemetry(postgres_url.replace("postgresql", scheme, 1))
    assert await store.extent(KEY) is None
    await store.close()


async def test_a_service_whose_telemetry_server_is_away_starts_at_once_says_so_and_takes_rows_when_it_comes(
    start_service, tmp_path, postgres_url
):
    proxy = FaultProxy(postgres_url)
    begun = time.monotonic()
    async with start_service(tmp_path, TELEMETRY_URL=proxy.url) as service:
        assert_within(time.monotonic() - begun, 3, "the start")
        telemetry = await component(service, "telemetry")
        assert (telemetry.state, telemetry.detail) == (
            "down",
            "the telemetry store (PostgreSQL) can't be used: no connection (Connection refused)",
        )
        with pytest.raises(Unavailable):
            await ingest(service)
        await proxy.open()
        assert (await ingest(service)).rows_accepted == 1
        telemetry = await component(service, "telemetry")
        assert telemetry.state == "ok"
    await proxy.cut()


def test_without_a_url_rows_are_in_a_file_of_the_home(tmp_path):
    settings = FeatureSettings(_env_file=None, PENSTOCK_HOME=tmp_path)
    assert settings.rows_url == f"duckdb:///{tmp_path}/telemetry.duckdb"


async def test_a_service_does_not_start_on_a_store_it_does_not_know(start_service, tmp_path):
    with pytest.raises(InvalidArgument, match="'mysql://x' is not the URL of a telemetry store"):
        async with start_service(tmp_path, TELEMETRY_URL="mysql://x"):
            pass
