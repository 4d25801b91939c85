"""Line protocol over HTTP as clients of InfluxDB send it, and how they are answered."""

import asyncio
import base64
import gzip

import pytest
from penstock.feature.v1 import feature_pb2 as pb

from gateway.http.influx import MAX_WRITE_BYTES
from penstock_kit.errors import DeadlineExceeded, InvalidArgument, PayloadTooLarge, ResourceExhausted, Unavailable
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATHS = ("/write", "/api/v2/write", "/api/v3/write_lp")
LINE = b"weld,device=d current=1.5 1714557600000000000\n"


async def write(gateway, path="/write", content=LINE, headers=None):
    sent = {"authorization": f"Token {gateway.key}"} if headers is None else headers
    return await gateway.client.post(path, content=content, headers=sent)


@pytest.mark.parametrize(
    ("path", "precision", "tag"),
    [
        ("/api/v2/write?org=o&bucket=b&precision=ms&device_tag=sensor", "ms", "sensor"),
        ("/api/v2/write?org=o&bucket=b&no_sync=true", "", ""),
        ("/write?db=x&precision=s&rp=autogen&consistency=one", "s", ""),
        ("/api/v3/write_lp?db=x&precision=nanosecond&accept_partial=true&no_sync=false", "nanosecond", ""),
        ("/api/v3/write_lp?db=x&no_sync=true&device_tag=sensor", "auto", "sensor"),
    ],
)
async def test_points_are_passed_on_and_answered_without_a_body(gateway, path, precision, tag):
    answer = await write(gateway, path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["x-influxdb-version"]
    options = gateway.fakes.feature.options[-1]
    assert (options.format, options.create) == (pb.INGEST_FORMAT_LINE_PROTOCOL, True)
    assert (options.time_precision, options.device_column, options.whole) == (precision, tag, False)
    assert gateway.fakes.feature.bodies[-1] == LINE


async def test_overwritten_points_are_counted_in_the_answer(gateway):
    gateway.fakes.feature.points = pb.IngestResponse(rows_accepted=2, rows_merged=1)
    assert (await write(gateway)).headers["x-penstock-rows-merged"] == "1"


async def test_the_key_may_come_in_every_way_that_clients_of_influxdb_know(gateway):
    key = gateway.key
    basic = base64.b64encode(f"user:{key}".encode()).decode()
    for header in (f"Token {key}", f"token user:{key}", f"Bearer {key}", f"Basic {basic}"):
        assert (await write(gateway, headers={"authorization": header})).status_code == 204
    assert (await write(gateway, headers={"x-api-key": key})).status_code == 204
    assert (await write(gateway, f"/write?db=x&u=user&p={key}", headers={})).status_code == 204


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("header", ["Token nonsense", "Basic ???", "Token", ""])
async def test_without_a_key_that_counts_nothing_is_written(gateway, path, header):
    before = len(gateway.fakes.feature.bodies)
    answer = await write(gateway, path, headers={"authorization": header})
    assert answer.status_code == 401
    assert len(gateway.fakes.feature.bodies) == before


@pytest.mark.parametrize("path", PATHS)
async def test_a_key_that_may_not_write_telemetry_writes_nothing(gateway, path):
    wish = {"name": "reader", "scopes": ["telemetry:read", "chat"]}
    made = await gateway.client.post("/api/v1/keys", headers=gateway.auth(), json=wish)
    before = len(gateway.fakes.feature.bodies)
    answer = await write(gateway, path, headers={"authorization": f"Token {made.json()['key']}"})
    assert answer.status_code == 403
    assert len(gateway.fakes.feature.bodies) == before


async def test_a_partial_write_names_its_first_line_and_how_many_were_dropped(gateway):
    errors = [pb.RowError(line=7, reason="field 'ä' is\n'nan', which is no value")]
    gateway.fakes.feature.points = pb.IngestResponse(rows_accepted=8, rows_rejected=2, errors=errors)
    v1, v2 = await write(gateway, "/write"), await write(gateway, "/api/v2/write")
    message = "partial write: line 7: field 'ä' is\n'nan', which is no value dropped=2"
    assert (v1.status_code, v1.json()) == (400, {"error": message})
    assert v1.headers["x-influxdb-error"] == message.replace("ä", "?").replace("\n", "?")
    assert (v2.status_code, v2.json()) == (400, {"code": "invalid", "message": message, "line": 7})
    assert v2.headers["x-platform-error-code"] == "invalid"


async def test_a_client_of_version_3_is_told_all_refused_lines_or_the_first_for_which_nothing_is_stored(gateway):
    errors = [pb.RowError(line=7, reason="it has no fields"), pb.RowError(line=9, reason="it has no tag")]
    told = [
        {"line_number": 7, "error_message": "it has no fields"},
        {"line_number": 9, "error_message": "it has no tag"},
    ]
    gateway.fakes.feature.points = pb.IngestResponse(rows_accepted=8, rows_rejected=2, errors=errors)
    partial = await write(gateway, "/api/v3/write_lp")
    assert (partial.status_code, partial.json()) == (
        400,
        {"error": "partial write of line protocol occurred", "data": told},
    )
    gateway.fakes.feature.points = pb.IngestResponse(rows_rejected=2, errors=errors)
    whole = await write(gateway, "/api/v3/write_lp?accept_partial=false")
    assert gateway.fakes.feature.options[-1].whole
    assert (whole.status_code, whole.json()) == (
        400,
        {"error": "parsing failed for write_lp endpoint", "data": told[0]},
    )
    none = await write(gateway, "/api/v3/write_lp")  # of a body whose lines are all bad each is told, too
    assert none.json()["data"] == told


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("error", "status", "again"),
    [
        (InvalidArgument("precision is 'd'", reason="PRECISION_INVALID"), 400, False),
        (PayloadTooLarge("too large", reason="BODY_LIMIT_EXCEEDED"), 413, False),
        (Unavailable("the store is away", reason="TELEMETRY_UNAVAILABLE", retry_after=0.0), 503, True),
        (DeadlineExceeded("too slow", reason="DEADLINE_EXCEEDED"), 503, True),
        (ResourceExhausted("too much", reason="RATE_LIMIT_EXCEEDED", retry_after=2.2), 429, True),
    ],
)
async def test_what_can_be_sent_again_is_503_or_429_with_whole_seconds_to_wait(gateway, path, error, status, again):
    gateway.fakes.feature.refusal = error
    answer = await write(gateway, path)
    assert answer.status_code == status
    assert answer.json()["message" if path == "/api/v2/write" else "error"]
    if again:
        assert answer.headers["retry-after"].isdigit()
        assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("path", PATHS)
async def test_a_compressed_body_is_unpacked_and_one_that_unpacks_to_too_much_is_too_large(gateway, path):
    headers = {"authorization": f"Token {gateway.key}", "content-encoding": "gzip"}
    assert (await write(gateway, path, gzip.compress(LINE), headers)).status_code == 204
    assert gateway.fakes.feature.bodies[-1] == LINE
    before = len(gateway.fakes.feature.bodies)
    bomb = await asyncio.to_thread(gzip.compress, b"#" * (MAX_WRITE_BYTES + 1), 1)
    answer = await asyncio.wait_for(write(gateway, path, bomb, headers), HANG_SECONDS)
    assert answer.status_code == 413
    assert len(gateway.fakes.feature.bodies) == before


async def test_a_ping_needs_no_key_and_tells_a_version(gateway):
    for method in ("GET", "HEAD"):
        answer = await gateway.client.request(method, "/ping")
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["x-influxdb-version"]


async def test_what_clients_ask_before_they_write_is_answered(gateway):
    headers = {"authorization": f"Token {gateway.key}"}
    created = await gateway.client.post("/query", params={"q": 'CREATE DATABASE "telegraf"'}, headers=headers)
    assert (created.status_code, created.json()) == (200, {"results": [{"statement_id": 0}]})
    by_form = await gateway.client.post("/query", data={"q": "CREATE DATABASE telegraf"}, headers=headers)
    assert by_form.json() == {"results": [{"statement_id": 0}]}
    shown = await gateway.client.get("/query", params={"q": "SHOW DATABASES"}, headers=headers)
    assert shown.json()["results"][0]["series"][0]["values"] == [["penstock"]]
    unknown = await gateway.client.get("/query", params={"q": "DROP DATABASE x"}, headers=headers)
    assert (unknown.status_code, "unknown statement" in unknown.json()["error"]) == (400, True)
    assert (await gateway.client.get("/query", params={"q": "SHOW DATABASES"})).status_code == 401
