"""The telemetry store on a TDengine: the contract of all stores, and what its REST API has of its own."""

import asyncio
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_service.adapters.tdengine.literal import text_literal
from feature_service.adapters.tdengine.name import column_of, table_of
from feature_service.adapters.tdengine.telemetry_store import TDengineTelemetryStore
from feature_service.adapters.telemetry_url import open_telemetry
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import FieldKind, SeriesKey
from feature_service.domain.model.span import Span, micros_of
from feature_service.domain.telemetry.query import HistoryQuery, NewestQuery
from penstock_kit.errors import FailedPrecondition, InvalidArgument, Unavailable, Unprocessable
from penstock_testkit.contracts.telemetry_rows import KEY, OTHER, SECOND, frame_of, seconds_of
from penstock_testkit.contracts.telemetry_store import TelemetryStoreContract
from penstock_testkit.servers.fault_proxy import FaultProxy
from penstock_testkit.servers.tdengine import TDengineServer
from penstock_testkit.servers.tdengine_database import Database
from penstock_testkit.servers.tdengine_token import tokens_of

ATTACKS = (
    "'",
    "\\",
    "\\'",
    "''",
    "`",
    "x'); DROP TABLE s; --",
    "\\'); DROP DATABASE penstock; --",
    "a\nb",
    "\\\\'",
    "%_\\%",
)


@pytest.fixture
async def server():
    async with TDengineServer() as started:
        yield started


@pytest.fixture
async def store(server):
    opened = TDengineTelemetryStore(server.url())
    yield opened
    await opened.close()


class TestTDengineTelemetryStore(TelemetryStoreContract):
    first_micros = micros_of(datetime(1930, 1, 1, tzinfo=UTC))
    last_micros = micros_of(datetime(2900, 1, 1, tzinfo=UTC))


class TestTDengineThatAnswersWithFewRows(TestTDengineTelemetryStore):
    """The same where the server gives at most 700 rows, however many are asked for (restfulRowLimit)."""

    @pytest.fixture
    async def server(self):
        async with TDengineServer(most_rows=700) as started:
            yield started


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_text_is_one_word_of_a_statement_and_the_same_text(text):
    words = tokens_of(f"SELECT {text_literal(text)}, x")
    assert [(each.kind, each.value) for each in words[1:3]] == [("text", text), ("mark", ",")]


@pytest.mark.parametrize("text", ["a\0b", "\ud83d"])
def test_a_text_that_tdengine_cannot_hold_is_refused(text):
    with pytest.raises(InvalidArgument, match="NUL or half a character"):
        text_literal(text)


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_a_name_is_of_letters_and_digits_whatever_it_stands_for(text):
    for name in (column_of(text), table_of(SeriesKey(tenant_id="t", device_code=text))):
        assert len(name) <= 64
        assert name.replace("_", "").isalnum()
        assert name.isascii()
        assert name == name.lower()


def test_tenants_and_devices_that_read_alike_together_have_tables_of_their_own():
    pairs = [("a", "bc"), ("ab", "c"), ("", "abc"), ("1:a", "bc"), ("a", "BC")]
    assert len({table_of(SeriesKey(tenant_id=tenant, device_code=code)) for tenant, code in pairs}) == len(pairs)


@pytest.mark.parametrize("text", ATTACKS)
async def test_what_would_end_a_text_early_goes_in_and_comes_back_as_name_and_as_value(store, server, text):
    key = SeriesKey(tenant_id=text, device_code=text)
    await store.append(KEY, frame_of([1], a=[1]))
    await store.append(key, frame_of([1], {text: [text]}))
    assert (await store.read(key, [text], Span())).texts[text].tolist() == [text]
    assert await store.fields(key) == {text: FieldKind.TEXT}
    assert set(await store.series()) == {key, KEY}
    assert list(server.databases) == ["penstock"]
    assert (await store.extent(KEY)).rows == 1


async def test_a_later_text_may_be_longer_than_all_before(store):
    await store.append(KEY, frame_of([1], {"t": ["x"]}))
    await store.append(KEY, frame_of([2], {"t": ["溶" * 3_000]}))
    assert [len(text) for text in (await store.read(KEY, ["t"], Span())).texts["t"]] == [1, 3_000]


async def test_what_does_not_fit_into_a_table_is_refused_with_the_limit_and_leaves_nothing(store):
    with pytest.raises(Unprocessable, match="does not fit into a table of TDengine: its rows have 65000 bytes"):
        await store.append(KEY, frame_of([1], {"t": ["x" * 20_000]}))
    many = {f"field {number}": [1.0] for number in range(4_095)}
    with pytest.raises(Unprocessable, match="it has 4094 columns"):
        await store.append(KEY, frame_of([1], **many))
    assert await store.fields(KEY) == {}


@pytest.mark.parametrize("place", ["device", "field"])
async def test_a_name_is_kept_up_to_the_length_that_a_tag_has(store, place):
    async def append(name):
        key, field = (SeriesKey(tenant_id="t", device_code=name), "a") if place == "device" else (KEY, name)
        await store.append(key, frame_of([1], **{field: [1]}))

    await append("n" * 1000)
    with pytest.raises(InvalidArgument, match="1001 characters is too long"):
        await append("n" * 1001)


async def test_rows_older_than_the_database_keeps_are_refused_and_the_others_of_the_body_stored(server, store):
    server.databases["penstock"] = Database(precision="us", keep_minutes=10 * 1_440)
    now = datetime.now(UTC).timestamp()
    times = [now - 20 * 86_400, now - 5 * 86_400, now]
    with pytest.raises(Unprocessable, match=r"1 row is older than .*\(KEEP\)") as refused:
        await store.append_all([(KEY, frame_of(times, a=[1, 2, 3])), (OTHER, frame_of([now], a=[4]))])
    assert refused.value.reason == "TELEMETRY_KEEP_LIMIT_EXCEEDED"
    assert (await store.read(KEY, ["a"], Span())).numbers["a"].tolist() == [2, 3]
    assert (await store.extent(OTHER)).rows == 1


async def test_rows_too_far_ahead_are_refused_and_not_taken_for_stored(store):
    ahead = np.array([micros_of(datetime(9000, 1, 1, tzinfo=UTC))]).astype("datetime64[us]")
    with pytest.raises(Unprocessable, match="too far ahead"):
        await store.append(KEY, Frame(timestamps=ahead, numbers={"a": np.array([1.0])}))


async def test_a_server_that_stores_fewer_rows_than_were_sent_is_not_believed(server, store):
    server.forget_rows = 1
    with pytest.raises(Unavailable, match="of 3 rows it stored 2"):
        await store.append(KEY, frame_of([1, 2, 3], a=[1, 2, 3]))
    server.forget_rows = 0
    await store.append(KEY, frame_of([1, 2, 3], a=[1, 2, 3]))
    assert (await store.extent(KEY)).rows == 3


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (0x0357, "the server refuses the user or password"),
        (0x0303, "the user lacks a privilege there"),
        (0x1234, "it answered with its error 0x1234"),
        (0x80001234 - 0x100000000, "it answered with its error 0x1234"),
    ],
)
async def test_a_failure_under_http_200_is_one_and_nothing_of_the_servers_text_is_passed_on(server, store, code, says):
    await store.append(KEY, frame_of([1], {"t": ["secret"]}))
    server.refuse["INSERT"] = code
    with pytest.raises(Unavailable) as refused:
        await store.append(KEY, frame_of([2], {"t": ["secret"]}))
    assert (refused.value.reason, says in refused.value.message) == ("TELEMETRY_UNAVAILABLE", True)
    assert "secret" not in refused.value.message


async def test_a_body_that_broke_off_is_whole_after_it_is_sent_again(server, store):
    await store.append(OTHER, frame_of([1], a=[1]))
    parts = [(KEY, frame_of([1, 2], a=[1, 2])), (OTHER, frame_of([2], b=[2]))]
    server.refuse[f"ALTER TABLE {table_of(OTHER)}"] = 0x0904
    with pytest.raises(Unavailable):
        await store.append_all(parts)
    server.refuse.clear()
    await store.append_all(parts)
    assert [(await store.extent(key)).rows for key in (KEY, OTHER)] == [2, 2]


async def test_a_wrong_password_is_told_and_not_repeated_in_the_message(server):
    store = open_telemetry(server.url().replace("taosdata", "wr0ng"))
    with pytest.raises(Unavailable, match="the server refuses the user or password") as refused:
        await store.ping()
    assert "wr0ng" not in str(refused.value)
    with pytest.raises(Unavailable, match="the server refuses the user or password"):
        await store.append(KEY, frame_of([1], a=[1]))
    await store.close()


async def test_a_server_that_is_away_is_told_and_asked_again_when_it_is_back(server):
    proxy = FaultProxy(server.url())
    await proxy.open()
    store = open_telemetry(proxy.url)
    await store.append(KEY, frame_of([1], a=[1]))
    await proxy.cut()
    with pytest.raises(Unavailable, match="TDengine"):
        await store.read(KEY, ["a"], Span())
    await proxy.open()
    assert (await store.extent(KEY)).rows == 1
    await store.close()
    await proxy.cut()


@pytest.mark.parametrize(
    ("version", "database", "says"),
    [
        ("2.6.0.34", Database(precision="us"), "it is TDengine 2.6.0.34, at least 3"),
        ("3.3.6.0", Database(precision="ms"), "are of ms, not us"),
        ("3.3.6.0", Database(precision="ns"), "are of ns, not us"),
    ],
)
async def test_a_server_that_would_lose_times_or_rows_is_refused_at_the_first_question(version, database, says):
    async with TDengineServer(version=version) as server:
        server.databases["penstock"] = database
        store = TDengineTelemetryStore(server.url())
        with pytest.raises(FailedPrecondition, match=says) as refused:
            await store.fields(KEY)
        assert refused.value.reason == "TELEMETRY_INVALID"
        await store.close()


async def test_several_services_see_each_others_series_fields_and_rows(server, store):
    other = TDengineTelemetryStore(server.url())
    await store.append(KEY, frame_of([1], a=[1]))
    await other.append(KEY, frame_of([1, 2], {"t": ["x", "y"]}, b=[1, 2]))
    assert list(await store.fields(KEY)) == list(await other.fields(KEY)) == ["a", "b", "t"]
    await asyncio.gather(*(each.append(KEY, frame_of([3], c=[3])) for each in (store, other)))
    assert (await store.extent(KEY)).rows == 3
    await other.drop(KEY)
    assert await store.fields(KEY) == {}
    await other.close()


async def test_times_are_asked_for_and_given_as_integers(server, store):
    await store.append(KEY, frame_of([1, 1.5, 1.500001], a=[1, 2, 3]))
    await store.read(KEY, ["a"], Span(start=SECOND))
    await store.history(KEY, HistoryQuery(fields=["a"], span=Span(end=2 * SECOND), limit=2))
    await store.newest([KEY], NewestQuery(fields=["a"], span=Span()))
    asked = [each for each in server.statements if each.startswith(("SELECT CAST", "INSERT"))]
    assert asked
    assert not [each for each in asked if "1970" in each or "SELECT ts" in each]
    assert (await store.read(KEY, ["a"], Span())).timestamps.astype("int64").tolist() == [SECOND, 1_500_000, 1_500_001]


async def test_a_copy_is_a_file_of_the_default_store_with_every_row(store, tmp_path):
    await store.append(KEY, frame_of(range(3), {"t": ["x", None, "z"]}, a=[1, np.nan, 3]))
    await store.append(OTHER, frame_of([5], b=[5]))
    await store.copy_to(tmp_path / "copy.duckdb")
    copy = open_telemetry(f"duckdb:///{tmp_path}/copy.duckdb")
    assert await copy.series() == await store.series()
    frame = await copy.read(KEY, ["a", "t"], Span())
    assert (seconds_of(frame), frame.texts["t"].tolist()) == ([0, 1, 2], ["x", None, "z"])
    await copy.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("taosrest://root:taosdata@host:6041", "the database is named by small letters"),
        ("taosrest://root:taosdata@host/a;drop", "the database is named by small letters"),
        ("taosrest://root:taosdata@host/a%20b", "the database is named by small letters"),
        ("taosrest://host:6041/rows", "it names no user"),
        ("taosrest://root:taosdata@host:99999/rows", "its port is no number from 1 to 65535"),
        ("taosrest:///rows", "it names no host"),
        ("taosrest://root:taosdata@host/rows?tz=UTC", "there are no options"),
    ],
)
def test_a_url_of_tdengine_that_is_wrong_is_refused_with_what_is_wrong(url, says):
    with pytest.raises(InvalidArgument, match=says) as refused:
        open_telemetry(url)
    assert refused.value.reason == "TELEMETRY_URL_INVALID"
    assert "taosdata" not in refused.value.message
