"""A table that others write, read as devices: the same numbers as of rows of our own, and never written."""

import asyncpg
import numpy as np
import pytest
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.adapters.postgresql.existing_table import ExistingTable
from feature_service.adapters.postgresql.telemetry_store import PostgresTelemetryStore
from feature_service.adapters.telemetry_url import open_telemetry
from feature_service.domain.model.series import FieldKind, SeriesKey
from feature_service.domain.model.span import Span
from feature_service.domain.telemetry.query import Condition, HistoryQuery, NewestQuery, Operator, StatisticsQuery
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.errors import FailedPrecondition, NotFound
from penstock_testkit.contracts.telemetry_rows import SECOND, frame_of, seconds_of
from penstock_testkit.waiting import until_true

KEY = SeriesKey(tenant_id="t", device_code="m'1")
OWN = SeriesKey(tenant_id="t", device_code="own")
TABLE = """
CREATE SCHEMA plant;
CREATE TYPE plant.quality AS ENUM ('good', 'bad');
CREATE TABLE plant."Odd ""log"" ; DROP" (
    "rec at" timestamp{zone} , machine text, "i (A)" real, u numeric(8, 3), running boolean, q plant.quality,
    counted bigint, photo bytea
);
INSERT INTO plant."Odd ""log"" ; DROP"
SELECT '1970-01-01'::timestamp{at} + n * interval '1 second', CASE WHEN n % 2 = 0 THEN 'm''1' ELSE 'm2' END,
    CASE WHEN n % 7 = 0 THEN NULL ELSE n / 4.0 END, n / 8.0, n % 3 = 0,
    (CASE WHEN n % 5 = 0 THEN 'bad' ELSE 'good' END)::plant.quality, n * 1000003
FROM generate_series(0, 999) AS n;
INSERT INTO plant."Odd ""log"" ; DROP" VALUES (NULL, 'm''1', 1), ('infinity', 'm''1', 1), ('0044-03-15 BC', 'm''1', 1),
    ('1970-01-02', 'm''1', 'NaN'), ('1970-01-02 00:00:01', 'm''1', 'infinity');
"""
FIELDS = {"current": "i (A)", "voltage": "u", "on": "running", "quality": "q", "count": "counted"}


def mapping(**changes):
    values = {
        "tenant_id": "t",
        "table": 'plant.Odd "log" ; DROP',
        "time": "rec at",
        "device": "machine",
        "fields": FIELDS,
        "model_code": "machines",
    }
    return ExistingTable(**{**values, **changes})


async def run(url, text):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(text) if text.startswith("SELECT") else await connection.execute(text)
    finally:
        await connection.close()


@pytest.fixture(params=["with time zone", "without time zone"])
async def store(request, postgres_url):
    at = " AT TIME ZONE 'UTC'" if request.param == "with time zone" else ""
    await run(postgres_url, TABLE.format(zone=f" {request.param}", at=at))
    opened = PostgresTelemetryStore(postgres_url, tables=[mapping()])
    yield opened
    await opened.close()


async def test_its_rows_are_those_of_its_device_without_impossible_times_and_values(store):
    frame = await store.read(KEY, [*FIELDS, "unknown"], Span())
    n = np.arange(0, 1_000, 2)
    assert seconds_of(frame) == [*n.tolist(), 86_400, 86_401]
    expected = np.where(n % 7 == 0, np.nan, n / 4)
    np.testing.assert_array_equal(frame.numbers["current"], [*expected, np.nan, np.nan])
    np.testing.assert_array_equal(frame.numbers["voltage"][:500], n / 8)
    np.testing.assert_array_equal(frame.numbers["on"][:500], (n % 3 == 0).astype(float))
    np.testing.assert_array_equal(frame.numbers["count"][:500], n * 1_000_003)
    assert frame.texts["quality"][:3].tolist() == ["bad", "good", "good"]
    assert np.isnan(frame.numbers["unknown"]).all()
    kinds = dict.fromkeys(FIELDS, FieldKind.NUMBER) | {"quality": FieldKind.TEXT}
    assert await store.fields(KEY) == kinds


async def test_it_answers_as_the_same_rows_in_a_series_of_our_own(store):
    span = Span(start=10 * SECOND, end=900 * SECOND)
    await store.append(OWN, await store.read(KEY, list(FIELDS), span))
    above = Condition(field="current", operator=Operator.GT, operands=(100.0,))
    good = Condition(field="quality", operator=Operator.EQ, operands=("good",))
    numbers = [name for name in FIELDS if name != "quality"]
    query = StatisticsQuery(
        fields=numbers, span=span, conditions=(above, good), percentiles=(5, 95), extreme_times=True
    )
    bucketed = HistoryQuery(fields=list(FIELDS), span=span, interval=60 * SECOND, conditions=(above,))
    for ask in (
        lambda key: store.statistics([key], numbers, span, conditions=(above, good), correlate=True),
        lambda key: store.insight(key, query),
        lambda key: store.fitting_time(key, query),
        lambda key: store.integrals(key, query),
        lambda key: store.value_counts(key, ["quality"], query),
        lambda key: store.row_count(key, span),
    ):
        assert repr(await ask(KEY)) == repr(await ask(OWN))
    one, other = await store.history(KEY, bucketed), await store.history(OWN, bucketed)
    np.testing.assert_array_equal(one.timestamps, other.timestamps)
    np.testing.assert_array_equal(one.numbers["current"], other.numbers["current"])
    page = await store.newest([KEY, OWN], NewestQuery(fields=["count"], span=span, limit=2))
    assert (list(page.device_codes), page.total) == (["m'1", "own"], 2 * await store.row_count(OWN, span))


async def test_blocks_together_are_the_whole_read(store):
    whole = await store.read(KEY, ["count"], Span())
    blocks = [block async for block in store.blocks(KEY, ["count"], Span(), 37)]
    np.testing.assert_array_equal(np.concatenate([block.timestamps for block in blocks]), whole.timestamps)


async def test_of_several_rows_of_one_time_one_counts(store, postgres_url):
    name = """plant."Odd ""log"" ; DROP" """
    await run(postgres_url, f"INSERT INTO {name} SELECT * FROM {name} WHERE machine = 'm''1'")
    for rows in (None, 10):
        times = [
            second
            for block in [b async for b in store.blocks(KEY, ["on"], Span(), rows)]
            for second in seconds_of(block)
        ]
        assert times == [*range(0, 1_000, 2), 86_400, 86_401]


async def test_it_is_never_written_and_other_tenants_do_not_see_it(store):
    with pytest.raises(FailedPrecondition) as refused:
        await store.append(KEY, frame_of([1], current=[1]))
    assert refused.value.reason == "TELEMETRY_WRITE_UNSUPPORTED"
    await store.drop(KEY)
    assert (await store.extent(KEY)).rows == 502
    assert await store.extent(SeriesKey(tenant_id="u", device_code=KEY.device_code)) is None
    assert await store.extent(SeriesKey(tenant_id="t", device_code="nobody")) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"table": "plant.none"}, "there is no such table"),
        ({"time": "recorded"}, "it has no column 'recorded' \\(time\\); it has 'rec at', 'machine'"),
        ({"time": "u"}, "the time column 'u' is numeric, no timestamp"),
        ({"fields": {"x": "photo"}}, "the column 'photo' is bytea"),
        ({"fields": {"x": "a$1"}}, "it has no column 'a\\$1'"),
        ({"table": "plant.$1"}, "can't be the name of a table"),
    ],
)
async def test_a_mapping_that_does_not_fit_the_table_is_named(store, postgres_url, changes, message):
    wrong = PostgresTelemetryStore(postgres_url, tables=[mapping(**changes)])
    with pytest.raises(FailedPrecondition, match=message) as refused:
        await wrong.extent(KEY)
    assert refused.value.reason == "TELEMETRY_TABLE_INVALID"
    await wrong.close()


FILE = """
tables:
  - tenant: t
    table: 'plant.Odd "log" ; DROP'
    time: rec at
    device: machine
    model: machines
    fields: {current: i (A), quality: q}
"""


async def test_its_devices_are_registered_with_the_service_and_answer_there(
    store, start_service, postgres_url, tmp_path
):
    file = tmp_path / "tables.yaml"
    file.write_text(FILE)
    with use_context(CallContext(request_id="req_test", caller=Caller(user_id="u", tenant_id="t"))):
        async with start_service(tmp_path, TELEMETRY_URL=postgres_url, TELEMETRY_TABLES_FILE=str(file)) as service:

            async def is_registered():
                try:
                    request = pb.GetDeviceRequest(device_code="m2")
                    device = (await service.metadata.GetDevice(request)).device
                except NotFound:
                    return False
                return device.model_code == "machines" and device.last_seen_time.seconds == 999

            await until_true(is_registered)
            statistics = await service.features.ComputeStatistics(pb.ComputeStatisticsRequest(device_code="m2"))
            assert [(each.field, each.max) for each in statistics.statistics] == [("current", 999 / 4)]


def test_a_file_of_tables_is_read_whole_or_not_at_all(tmp_path):
    file = tmp_path / "tables.yaml"
    file.write_text(FILE.replace("device: machine", "devise: machine"))
    with pytest.raises(FailedPrecondition, match="devise") as refused:
        open_telemetry("postgresql://host/name", tables_file=str(file))
    assert refused.value.reason == "CONFIGURATION_INVALID"
    with pytest.raises(FailedPrecondition, match="tables are read from PostgreSQL alone"):
        open_telemetry(f"duckdb:///{tmp_path}/rows.duckdb", tables_file=str(file))


async def test_who_alters_the_table_meanwhile_breaks_no_reading(postgres_url):
    await run(postgres_url, TABLE.format(zone="", at=""))
    opened = PostgresTelemetryStore(postgres_url, tables=[mapping()])
    name = 'plant."Odd ""log"" ; DROP"'
    changes = [
        f"ALTER TABLE {name} ADD COLUMN further text DEFAULT 'x'",
        f"ALTER TABLE {name} ALTER COLUMN u TYPE double precision",
        f"ALTER TABLE {name} DROP COLUMN photo",
        f"ALTER TABLE {name} ALTER COLUMN counted TYPE numeric",
    ]
    span = Span(start=0, end=1_000 * SECOND)
    try:
        expected = await opened.read(KEY, list(FIELDS), span)
        before = await opened.statistics([KEY], ["current", "voltage"], span)
        for number in range(160):
            if number % 40 == 20:
                await run(postgres_url, changes[number // 40])
            found = await opened.read(KEY, list(FIELDS), span)
            assert found.texts["quality"].tolist() == expected.texts["quality"].tolist()
            for field in ("current", "voltage", "count"):
                np.testing.assert_array_equal(found.numbers[field], expected.numbers[field])
            assert await opened.statistics([KEY], ["current", "voltage"], span) == before
    finally:
        await opened.close()
