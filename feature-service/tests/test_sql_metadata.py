"""The metadata store on real SQLite and real PostgreSQL."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import event, text

from feature_service.adapters.metadata.row_count import count_rows
from feature_service.adapters.metadata.sql_store import SqlMetadataStore
from feature_service.adapters.metadata.table import device
from feature_service.domain.model.device import DataModel, Device, Field
from feature_service.domain.model.series import FieldKind
from feature_service.domain.registry.metadata_store import DeviceFilter, ModelFilter, NotedRows
from feature_service.main import MIGRATIONS
from penstock_kit.database import open_database, sqlite_url
from penstock_kit.errors import AlreadyExists, FailedPrecondition
from penstock_testkit.databases import lay_out

NUMBER, TEXT = FieldKind.NUMBER, FieldKind.TEXT
MODEL = DataModel(
    code="m",
    name="Model",
    device_type="pump",
    model_type="quality",
    fields=(Field(code="b c", unit="A"), Field(code="a", kind=TEXT, description="label")),
    label_field="a",
    defaults='{"window_size": 5}',
    created=1,
    updated=2,
)


@pytest.fixture
def store(database):
    return SqlMetadataStore(database)


async def test_a_device_comes_back_as_it_was_added(store):
    added = Device(
        code="d",
        name="Pump 1",
        device_type="pump",
        model_code="m",
        active=False,
        fields={"z": NUMBER, "a b": TEXT},
        labels={"hall": "B"},
        created=1,
        updated=2,
    )
    await store.add_device("t", added)
    assert await store.device("t", "d") == added
    assert list((await store.device("t", "d")).fields) == ["z", "a b"]
    assert await store.device("other", "d") is None


async def test_a_device_cannot_be_added_twice(store):
    await store.add_device("t", Device(code="d"))
    with pytest.raises(AlreadyExists, match="device 'd' exists already"):
        await store.add_device("t", Device(code="d"))
    await store.add_device("u", Device(code="d"))


async def test_a_changed_device_keeps_what_rows_have_told_of_it(store):
    await store.add_device("t", Device(code="d", created=1))
    await store.note_rows("t", "d", {"a": NUMBER}, first=10, last=20)
    stored = await store.device("t", "d")
    await store.change_device("t", replace(stored, name="New", first_seen=None, created=99, updated=5))
    changed = await store.device("t", "d")
    assert (changed.name, changed.first_seen, changed.last_seen, changed.created, changed.updated) == (
        "New",
        10,
        20,
        1,
        5,
    )
    assert changed.fields == {"a": NUMBER}


async def test_rows_add_fields_in_order_and_widen_the_seen_times(store):
    await store.add_device("t", Device(code="d", fields={"b": NUMBER}))
    await store.note_rows("t", "d", {"c": NUMBER, "b": NUMBER}, first=10, last=20)
    await store.note_rows("t", "d", {"a": TEXT}, first=15, last=18)
    await store.note_rows("t", "d", {}, first=5, last=30)
    stored = await store.device("t", "d")
    assert list(stored.fields) == ["b", "c", "a"]
    assert (stored.first_seen, stored.last_seen) == (5, 30)


async def test_concurrent_rows_of_one_device_are_all_noted(store):
    await store.add_device("t", Device(code="d"))
    notes = [store.note_rows("t", "d", {"a": NUMBER, f"f{n}": NUMBER}, first=n, last=n) for n in range(8)]
    await asyncio.gather(*notes)
    stored = await store.device("t", "d")
    assert sorted(stored.fields) == ["a", *(f"f{n}" for n in range(8))]
    assert (stored.first_seen, stored.last_seen) == (0, 7)


async def test_devices_are_listed_by_page_and_filter(store):
    for number in range(5):
        kind = "pump" if number % 2 else "fan"
        await store.add_device("t", Device(code=f"D{number}", name=f"100%_{number}", device_type=kind, model_code=kind))
    await store.add_device("u", Device(code="D9"))
    first = await store.devices("t", DeviceFilter(), after="", limit=2)
    second = await store.devices("t", DeviceFilter(), after="D1", limit=2)
    assert [each.code for each in first.devices] == ["D0", "D1"]
    assert [each.code for each in second.devices] == ["D2", "D3"]
    assert (first.total, first.total_is_estimate) == (5, False)

    async def codes(**criteria):
        page = await store.devices("t", DeviceFilter(**criteria), after="", limit=10)
        return [each.code for each in page.devices]

    assert await codes(device_type="pump") == ["D1", "D3"]
    assert await codes(model_code="fan") == ["D0", "D2", "D4"]
    assert await codes(search="d3") == ["D3"]
    assert await codes(search="%_4") == ["D4"]
    assert await codes(search="100_4") == []
    assert await store.device_codes("t", model_code="fan") == ["D0", "D2", "D4"]


async def test_listing_takes_the_same_number_of_queries_for_any_number_of_devices(database):
    store = SqlMetadataStore(database)
    statements = []
    event.listen(
        database._readers.sync_engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2])
    )

    async def queries(limit):
        statements.clear()
        await store.devices("t", DeviceFilter(), after="", limit=limit)
        return len(statements)

    for number in range(20):
        await store.add_device("t", Device(code=f"D{number}", fields={"a": NUMBER}))
    assert await queries(2) == await queries(20)


async def test_a_removed_device_is_gone_with_its_fields(store):
    await store.add_device("t", Device(code="d", fields={"a": NUMBER}))
    assert await store.remove_device("t", "d")
    assert not await store.remove_device("t", "d")
    await store.add_device("t", Device(code="d"))
    assert (await store.device("t", "d")).fields == {}


async def test_a_model_comes_back_as_it_was_added(store):
    await store.add_model("t", MODEL)
    assert await store.model("t", "m") == MODEL
    assert await store.model("other", "m") is None
    with pytest.raises(AlreadyExists, match="data model 'm' exists already"):
        await store.add_model("t", MODEL)


async def test_a_changed_model_replaces_its_fields(store):
    await store.add_model("t", MODEL)
    changed = replace(MODEL, active=False, fields=(Field(code="a", unit="V"), Field(code="new")), updated=9)
    await store.change_model("t", changed)
    assert await store.model("t", "m") == changed


async def test_models_of_one_type_share_what_is_said_of_a_field(store):
    await store.add_model("t", MODEL)
    await store.add_model("t", replace(MODEL, code="n", fields=(Field(code="b c", unit="mA"),)))
    fields = {field.code: field.unit for field in (await store.model("t", "m")).fields}
    assert fields == {"b c": "mA", "a": ""}


async def test_models_are_listed_by_page_and_filter(store):
    for code, active, use in (("a", True, "quality"), ("b", False, "quality"), ("c", True, "wear")):
        await store.add_model("t", replace(MODEL, code=code, active=active, model_type=use))

    async def codes(after="", **criteria):
        page = await store.models("t", ModelFilter(**criteria), after=after, limit=10)
        return [each.code for each in page.models], page.total

    assert await codes() == (["a", "b", "c"], 3)
    assert await codes(after="a") == (["b", "c"], 3)
    assert await codes(active_only=True) == (["a", "c"], 2)
    assert await codes(model_type="quality") == (["a", "b"], 2)
    assert await codes(device_type="fan") == ([], 0)
    assert await store.model_codes("t") == ["a", "b", "c"]


async def test_a_model_in_use_is_not_removed(store):
    await store.add_model("t", MODEL)
    await store.add_device("t", Device(code="d", model_code="m"))
    with pytest.raises(FailedPrecondition, match="used by devices"):
        await store.remove_model("t", "m")
    await store.remove_device("t", "d")
    assert await store.remove_model("t", "m")
    assert not await store.remove_model("t", "m")


async def test_large_tables_are_estimated_on_postgresql_and_counted_on_sqlite(database):
    store = SqlMetadataStore(database)
    for number in range(30):
        await store.add_device("t", Device(code=f"D{number}"))
    if not database.is_sqlite:
        async with database.write() as connection:
            await connection.execute(text("ANALYZE device"))
    async with database.read() as connection:
        total, estimated = await count_rows(connection, device.select().where(device.c.tenant_id == "t"), counted=10)
    assert (total, estimated) == (30, not database.is_sqlite)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (
            "SELECT model_code FROM data_model WHERE tenant_id = 't' AND active AND model_code > 'a'",
            "active_data_model",
        ),
        ("SELECT name FROM data_model WHERE tenant_id = 't' AND model_type = 'q' AND active", "data_model_by_type"),
        ("SELECT unit FROM type_field WHERE tenant_id = 't' AND device_type = 'd' AND field_code = 'f'", "type_field"),
    ],
)
async def test_the_indexes_of_the_contract_are_used(tmp_path, query, index):
    url = sqlite_url(tmp_path / "x.db")
    await lay_out(url, MIGRATIONS)
    database = open_database(url)
    async with database.read() as connection:
        plan = (await connection.execute(text(f"EXPLAIN QUERY PLAN {query}"))).all()
    await database.close()
    assert "USING" in str(plan)
    assert index in str(plan)


async def test_codes_and_fields_of_another_tenants_devices_are_never_listed(store):
    await store.add_device("t", Device(code="mine", model_code="m", fields={"a": NUMBER}))
    await store.add_device("t", Device(code="same", model_code="m", fields={"b": NUMBER}))
    await store.add_device("u", Device(code="same", model_code="m", fields={"secret": TEXT, "b": TEXT}))
    await store.add_device("u", Device(code="theirs", model_code="m", fields={"c": NUMBER}))
    assert await store.device_codes("t") == ["mine", "same"]
    assert await store.device_codes("t", model_code="m") == ["mine", "same"]
    assert (await store.device("t", "same")).fields == {"b": NUMBER}
    page = await store.devices("t", DeviceFilter(), after="", limit=10)
    assert {found.code: dict(found.fields) for found in page.devices} == {"mine": {"a": NUMBER}, "same": {"b": NUMBER}}


async def test_codes_and_fields_of_another_tenants_models_are_never_listed(store):
    theirs = replace(MODEL, fields=(Field(code="b c", unit="V"), Field(code="secret")))
    await store.add_model("t", MODEL)
    await store.add_model("u", theirs)
    await store.add_model("u", replace(theirs, code="n"))
    assert await store.model_codes("t") == ["m"]
    assert await store.model("t", "m") == MODEL
    assert (await store.models("t", ModelFilter(), after="", limit=10)).models == [MODEL]


async def test_what_one_tenant_changes_or_removes_stays_as_it_was_with_another(store):
    theirs = Device(code="d", name="Theirs", model_code="m", fields={"b": TEXT}, first_seen=3, last_seen=4)
    for tenant, each in (("t", Device(code="d", model_code="m")), ("u", theirs)):
        await store.add_device(tenant, each)
        await store.add_model(tenant, MODEL)
    changed, wider = replace(theirs, name="New", active=False), replace(MODEL, name="New", fields=(Field(code="n"),))
    for change in (
        lambda: store.change_device("t", changed),
        lambda: store.note_rows("t", "d", {"n": NUMBER}, first=1, last=9),
        lambda: store.change_model("t", wider),
        lambda: store.extend_model("t", "m", [Field(code="x")], updated=9),
        lambda: store.remove_device("t", "d"),
        lambda: store.remove_model("t", "m"),
    ):
        await change()
        assert (await store.device("u", "d"), await store.model("u", "m")) == (theirs, MODEL)
    assert (await store.device("t", "d"), await store.model("t", "m")) == (None, None)
    assert not await store.remove_device("t", "d"), "another tenant's device of this code is none"
    assert not await store.remove_model("t", "m")


async def test_concurrent_fields_of_one_model_are_all_kept(store):
    await store.add_model("t", MODEL)
    new = [[Field(code=f"f{number}"), Field(code="shared")] for number in range(8)]
    await asyncio.gather(*(store.extend_model("t", "m", fields, updated=9) for fields in new))
    found = await store.model("t", "m")
    assert {field.code for field in found.fields} == {"b c", "a", "shared", *(f"f{number}" for number in range(8))}
    assert found.updated == 9
    await store.extend_model("t", "gone", new[0], updated=9)
    assert await store.model("t", "gone") is None


async def test_models_of_one_type_can_be_made_at_once(store):
    models = [replace(MODEL, code=f"m{number}") for number in range(8)]
    await asyncio.gather(*(store.add_model("t", model) for model in models))
    page = await store.models("t", ModelFilter(), after="", limit=10)
    assert list(page.models) == models


async def test_thousands_of_devices_are_added_and_noted_in_a_few_transactions(store, database):
    await store.add_device("t", Device(code="d0007", name="mine", fields={"a": NUMBER}, created=1, updated=1))
    before = database.counts.writes
    added = [Device(code=f"d{number:04}", created=2, updated=2) for number in range(2_000)]
    await store.add_devices("t", added)
    notes = [NotedRows(code=each.code, fields={"b": TEXT, "a": NUMBER}, first=10, last=20) for each in added]
    assert await store.note_all_rows("t", notes)
    assert not await store.note_all_rows("t", notes)
    assert database.counts.writes - before <= 12
    assert len(await store.device_codes("t")) == 2_000
    kept, new = await store.device("t", "d0007"), await store.device("t", "d1999")
    assert (kept.name, kept.created, dict(kept.fields)) == ("mine", 1, {"a": NUMBER, "b": TEXT})
    assert (new.created, new.first_seen, new.last_seen, list(new.fields)) == (2, 10, 20, ["b", "a"])


async def test_replicas_that_add_and_note_the_same_devices_at_once_lose_nothing(store):
    codes = [f"d{number:03}" for number in range(200)]

    async def take(replica, order):
        await store.add_devices("t", [Device(code=code, created=1, updated=1) for code in order])
        fields = {"both": NUMBER, replica: NUMBER}
        await store.note_all_rows("t", [NotedRows(code=code, fields=fields, first=1, last=2) for code in order])

    await asyncio.gather(take("one", codes), take("two", codes[::-1]))
    found = [await store.device("t", code) for code in codes]
    assert [sorted(each.fields) for each in found] == [["both", "one", "two"]] * 200
