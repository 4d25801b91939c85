"""Which telemetry store a URL means, and what is said of one that means none."""

import pytest

from feature_service.adapters.telemetry_url import open_telemetry
from feature_service.domain.model.series import SeriesKey
from feature_service.settings import FeatureSettings
from penstock_kit.errors import InvalidArgument

KEY = SeriesKey(tenant_id="t", device_code="d")


@pytest.mark.parametrize("url", ["mysql://root:secret@db/rows", "rows.duckdb", "duckdb:///", "duckdb://rows", "x:///y"])
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


def test_without_a_url_rows_are_in_a_file_of_the_home(tmp_path):
    settings = FeatureSettings(_env_file=None, PENSTOCK_HOME=tmp_path)
    assert settings.rows_url == f"duckdb:///{tmp_path}/telemetry.duckdb"


async def test_a_service_does_not_start_on_a_store_it_does_not_know(start_service, tmp_path):
    with pytest.raises(InvalidArgument, match="'mysql://x' is not the URL of a telemetry store"):
        async with start_service(tmp_path, TELEMETRY_URL="mysql://x"):
            pass
