"""Telemetry over HTTP: streamed ingest, queries, features, data sets."""

import asyncio
import gzip

import pytest
from google.protobuf.duration_pb2 import Duration
from penstock.feature.v1 import feature_pb2 as pb

from penstock_kit.errors import NotFound
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")

CSV = "timestamp;a b\n2026-01-01;1\n"


async def ingest(gateway, content, kind, query="", **headers):
    return await gateway.client.post(
        f"/api/v2/data/ingest{query}", content=content, headers={**gateway.auth(), "content-type": kind, **headers}
    )


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("application/json", pb.INGEST_FORMAT_JSON), ("application/x-ndjson", pb.INGEST_FORMAT_NDJSON),
        ("application/ndjson", pb.INGEST_FORMAT_NDJSON), ("application/jsonl", pb.INGEST_FORMAT_NDJSON),
        ("text/csv", pb.INGEST_FORMAT_CSV), ("application/csv", pb.INGEST_FORMAT_CSV),
        ("Text/CSV; header=present", pb.INGEST_FORMAT_CSV),
        ("application/vnd.apache.arrow.stream", pb.INGEST_FORMAT_ARROW),
        ("application/vnd.apache.arrow.file", pb.INGEST_FORMAT_ARROW),
        ("application/vnd.apache.parquet", pb.INGEST_FORMAT_PARQUET),
    ],
)  # fmt: skip
async def test_every_content_type_there_is_names_its_form(gateway, kind, form):
    assert (await ingest(gateway, b"x", kind, "?device_code=W")).status_code == 200
    assert gateway.fakes.feature.options[-1].format == form


async def test_a_body_is_passed_on_in_chunks_with_its_parameters(gateway):
    body = b"x" * 3_500_000
    query = "?device_code=WLD001&model_code=m&timestamp_column=ts&delimiter=%3B&tz=Asia/Shanghai&create=true"
    answer = await ingest(gateway, body, "text/csv; charset=utf-8", query)
    data = answer.json()["data"]
    assert (data["device_code"], data["rows_accepted"], data["rows_rejected"]) == ("WLD001", 2, 1)
    assert data["errors"] == [{"line": 3, "reason": "current: 'abc' is not a number"}]
    assert data["fields"] == [{"name": "a b", "type": "number", "guessed": True, "decimal": ","}]
    assert (data["rows_merged"], data["notes"]) == (1, ["the body was read in its order"])
    assert answer.json()["success"] is True and answer.json()["execution_time"] > 0
    options = gateway.fakes.feature.options[0]
    assert (options.format, options.device_code, options.model_code) == (pb.INGEST_FORMAT_CSV, "WLD001", "m")
    assert (options.timestamp_column, options.delimiter, options.time_zone) == ("ts", ";", "Asia/Shanghai")
    assert options.create is True
    assert gateway.fakes.feature.bodies == [body]
    assert max(gateway.fakes.feature.chunk_sizes) <= 1024 * 1024


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("application/json", pb.INGEST_FORMAT_JSON),
        ("text/csv", pb.INGEST_FORMAT_CSV),
        ("application/vnd.apache.arrow.stream", pb.INGEST_FORMAT_ARROW),
        ("application/vnd.apache.parquet", pb.INGEST_FORMAT_PARQUET),
    ],
)
async def test_the_content_type_says_the_form(gateway, kind, form):
    assert (await ingest(gateway, b"body", kind)).status_code == 200
    assert gateway.fakes.feature.options[0].format == form


@pytest.mark.parametrize(
    ("name", "form"),
    [("csv", pb.INGEST_FORMAT_CSV), ("arrow", pb.INGEST_FORMAT_ARROW), ("parquet", pb.INGEST_FORMAT_PARQUET)],
)
async def test_a_client_that_knows_bytes_alone_says_the_form_in_the_query(gateway, name, form):
    answer = await ingest(gateway, b"body", "application/octet-stream", f"?format={name}")
    assert answer.status_code == 200
    assert gateway.fakes.feature.options[0].format == form


async def test_an_unknown_content_type_is_told_the_known_ones(gateway):
    answer = await ingest(gateway, b"body", "application/xml")
    assert answer.status_code == 400
    assert "text/csv" in answer.json()["detail"]


async def test_a_compressed_body_arrives_unpacked(gateway):
    await ingest(gateway, gzip.compress(CSV.encode()), "text/csv", **{"content-encoding": "gzip"})
    assert gateway.fakes.feature.bodies == [CSV.encode()]


async def test_a_refusal_comes_back_while_the_body_is_still_being_sent(gateway):
    gateway.fakes.feature.refusal = NotFound("unknown device 'X'", reason="DEVICE_NOT_FOUND")
    answer = await ingest(gateway, b"x" * 8_000_000, "text/csv", "?device_code=X")
    assert answer.status_code == 404
    assert answer.json()["reason"] == "DEVICE_NOT_FOUND"


async def test_a_body_over_the_ingest_limit_is_refused_and_not_stored(start_gateway, fakes):
    gateway = await start_gateway(max_ingest_bytes=2_000_000)

    async def pieces():
        for _ in range(50):
            yield b"x" * 100_000

    answer = await ingest(gateway, pieces(), "text/csv")
    assert answer.status_code == 413
    assert fakes.feature.bodies == []


async def test_half_a_body_is_not_stored_when_the_client_leaves(gateway):
    _, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rpartition(":")[2]))
    head = f"POST /api/v2/data/ingest HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.key}\r\n"
    writer.write(f"{head}content-type: text/csv\r\ncontent-length: 1000\r\n\r\n{CSV}".encode())
    await writer.drain()
    async with asyncio.timeout(HANG_SECONDS):
        while not gateway.fakes.feature.chunk_sizes:
            await gateway.client.get("/health")
        writer.close()
        while gateway.fakes.feature.refused == 0:
            await gateway.client.get("/health")
    assert gateway.fakes.feature.bodies == []


async def test_rows_come_with_null_for_what_is_missing(gateway):
    answer = await gateway.client.post(
        "/api/v2/data/query/realtime",
        headers=gateway.auth(),
        json={"model_code": "m", "filters": {"device_code": ["A", "B"], "current": {"gt": 1, "<=": 9}, "ok": True}},
    )
    assert answer.json()["data"]["rows"] == [
        {"timestamp": "1970-01-01T00:00:01Z", "device_code": "WLD001", "current": 1.5, "quality_label": "good"},
        {"timestamp": "1970-01-01T00:00:02.500000Z", "device_code": "WLD002", "current": None, "quality_label": None},
    ]
    filters = gateway.fakes.feature.requests[0].filters
    assert [(entry.field, entry.operator) for entry in filters] == [
        ("device_code", pb.Filter.OPERATOR_IN),
        ("current", pb.Filter.OPERATOR_GT),
        ("current", pb.Filter.OPERATOR_LE),
        ("ok", pb.Filter.OPERATOR_EQ),
    ]
    assert [value.text for value in filters[0].values] == ["A", "B"]
    assert filters[3].values[0].flag is True


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_interval_that_is_no_number_is_told_its_unit(gateway, method):
    wrong = {"device_code": "W", "interval": "1m"}
    options = {"params": wrong} if method == "GET" else {"json": wrong}
    answer = await gateway.client.request(method, "/api/v2/data/query/history", headers=gateway.auth(), **options)
    assert answer.status_code == 422
    assert "interval: is a number of seconds, such as 60 (given: '1m')" in answer.json()["detail"]


async def test_how_times_are_written_goes_to_the_reader_of_the_body(gateway):
    await ingest(gateway, CSV, "text/csv", "?time_column=clock&date_order=dmy")
    options = gateway.fakes.feature.options[0]
    assert (options.time_column, options.date_order) == ("clock", "dmy")


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ({"current": {"near": 5}}, "filters.current"),
        ({"current": {"gt": [None]}}, "filters.current"),
        ([{"operator": "eq", "value": 1}], "filters[0].field"),
        ("current > 5", "filters"),
    ],
)
async def test_a_wrong_filter_is_named(gateway, filters, field):
    answer = await gateway.client.post("/api/v2/data/query/realtime", headers=gateway.auth(), json={"filters": filters})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


async def test_history_can_be_asked_both_ways_and_come_by_columns(gateway):
    body = {"device_code": "W", "start_time": "2026-01-01T00:00:00+08:00", "interval": 90, "format": "columns"}
    posted = await gateway.client.post("/api/v2/data/query/history", headers=gateway.auth(), json=body)
    got = await gateway.client.get("/api/v2/data/query/history", headers=gateway.auth(), params=body)
    assert posted.json()["data"] == got.json()["data"]
    assert posted.json()["data"]["columns"] == {"current": [1.5, None], "quality_label": ["good", None]}
    first, second = gateway.fakes.feature.requests
    assert first == second
    assert first.start_time.ToJsonString() == "2025-12-31T16:00:00Z"
    assert first.interval.seconds == 90


@pytest.mark.parametrize("as_json", [True, False], ids=["from a service that writes JSON", "from one before that"])
async def test_features_are_a_matrix_with_null_for_what_is_undefined(gateway, as_json):
    gateway.fakes.feature.writes_json = as_json
    answer = await gateway.client.post(
        "/api/v2/ai/features/extract", headers=gateway.auth(), json={"device_code": "W", "window_size": 2}
    )
    data = answer.json()["data"]
    assert gateway.fakes.feature.requests[0].as_json
    assert data["features"] == [[1.5, None], [2.5, None]]
    assert data["feature_names"] == ["current_mean", "current_std"]
    assert data["timestamps"] == ["1970-01-01T00:00:00Z", "1970-01-01T00:00:01.500000Z"]
    assert data["metadata"]["window_count"] == 2
    assert data["metadata"]["window_size"] == 2
    assert data["metadata"]["overlap"] == 0.5
    assert data["metadata"]["normalize_method"] == "z_score"


async def test_a_data_set_is_described_and_downloaded_whole(gateway):
    path = "/api/v2/ai/datasets/ds_1"
    described = (await gateway.client.get(path, headers=gateway.auth())).json()["data"]
    assert described["download_url"] == f"{path}/download"
    file = await gateway.client.get(described["download_url"], headers=gateway.auth())
    assert file.content == gateway.fakes.feature.file
    assert file.headers["content-disposition"] == 'attachment; filename="ds_1.npz"'
    assert int(file.headers["content-length"]) == len(file.content)
    assert (await gateway.client.get(f"{path}/manifest", headers=gateway.auth())).json() == {"v": 1}
    assert (file.headers["accept-ranges"], file.headers["etag"]) == ("bytes", '"ds_1.npz"')
    missing = await gateway.client.get("/api/v2/ai/datasets/ds_2/download", headers=gateway.auth())
    assert missing.status_code == 404


async def test_a_reader_cannot_write(gateway):
    made = await gateway.client.post(
        "/api/v1/keys", headers=gateway.auth(), json={"name": "r", "scopes": ["telemetry:read"]}
    )
    key = made.json()["key"]
    answer = await gateway.client.post(
        "/api/v2/data/ingest", content=CSV, headers={**gateway.auth(key), "content-type": "text/csv"}
    )
    assert (answer.status_code, answer.json()["reason"]) == (403, "SCOPE_REQUIRED")
    query = {"device_code": "W"}
    read = await gateway.client.post("/api/v2/data/query/history", headers=gateway.auth(key), json=query)
    assert read.status_code == 200


async def test_what_a_caller_leaves_out_of_an_extraction_is_left_to_the_model(gateway):
    for path in ("/api/v2/ai/features/extract", "/api/v2/ai/features/dataset"):
        body = {"device_code": "W"} if path.endswith("extract") else {"model_code": "m"}
        await gateway.client.post(path, headers=gateway.auth(), json=body)
    await gateway.client.get("/api/v2/ai/features/stats?model_code=m", headers=gateway.auth())
    assert len(gateway.fakes.feature.requests) == 3
    for request in gateway.fakes.feature.requests:
        assert request.options == pb.ExtractionOptions(), type(request)


async def test_feature_statistics_pass_options_on_and_are_named_by_feature(gateway):
    query = "model_code=m&window_size=50&features=mean&features=max&fields=a&device_code=W&correlations=false"
    answer = await gateway.client.get(f"/api/v2/ai/features/stats?{query}", headers=gateway.auth())
    request = gateway.fakes.feature.requests[0]
    assert (request.options.window_size, list(request.options.features), list(request.options.fields)) == (
        50,
        ["mean", "max"],
        ["a"],
    )
    assert (list(request.device_codes), request.without_correlations) == (["W"], True)
    data = answer.json()["data"]
    assert [entry["feature_name"] for entry in data["feature_statistics"]] == ["current_mean", "current_std"]
    assert (data["correlation_matrix"], data["sample_count"]) == ([[1.0, None], [None, None]], 7)


@pytest.mark.parametrize(
    ("asked", "status", "part", "told"),
    [
        ("bytes=0-9", 206, slice(0, 10), "bytes 0-9/{size}"),
        ("bytes=10-", 206, slice(10, None), "bytes 10-{last}/{size}"),
        ("bytes=-5", 206, slice(-5, None), "bytes {fifth}-{last}/{size}"),
        ("bytes=5-99999999", 206, slice(5, None), "bytes 5-{last}/{size}"),
        ("bytes=99999999-", 416, slice(0, 0), "bytes */{size}"),
        ("bytes=9-3", 200, slice(None), None),
        ("bytes=0-1,4-5", 200, slice(None), None),
        ("rows=0-1", 200, slice(None), None),
    ],
)
async def test_a_download_goes_on_where_it_broke_off(gateway, asked, status, part, told):
    path = "/api/v2/ai/datasets/ds_1/download"
    whole = (await gateway.client.get(path, headers=gateway.auth())).content
    answer = await gateway.client.get(path, headers={**gateway.auth(), "Range": asked, "If-Range": '"ds_1.npz"'})
    assert answer.status_code == status
    assert answer.content == whole[part]
    size = len(whole)
    wanted = told and told.format(size=size, last=size - 1, fifth=size - 5)
    assert answer.headers.get("content-range") == wanted
    other = await gateway.client.get(path, headers={**gateway.auth(), "Range": asked, "If-Range": '"ds_9.npz"'})
    assert (other.status_code, other.content) == (200, whole)


async def test_a_plot_is_asked_for_as_the_query_says_and_given_as_it_comes(gateway):
    query = {"device_code": "WLD001", "kind": "windows", "field": ["a", "b"], "max_gap": 2.5, "window_size": 50}
    answer = await gateway.client.get("/api/v2/ai/plot", params=query, headers=gateway.auth())
    assert answer.status_code == 200, answer.text
    assert (answer.headers["content-type"], answer.content) == ("image/svg+xml", b"<svg/>")
    asked = gateway.fakes.feature.requests[-1]
    assert (asked.kind, list(asked.fields), asked.max_gap.ToMilliseconds(), asked.window_size) == (
        "windows",
        ["a", "b"],
        2500,
        50,
    )
    assert not asked.HasField("overlap")


async def test_a_file_of_history_without_a_limit_is_sent_as_it_comes_and_has_all_rows(gateway):
    path, asked = "/api/v2/data/query/history", {"device_code": "WLD001", "fields": ["x"], "format": "csv"}
    answer = await gateway.client.post(path, json=asked, headers=gateway.auth())
    assert (answer.status_code, answer.text) == (200, "timestamp,x\n2026-01-01T00:00:00Z,1\n")
    assert (answer.headers["content-type"], answer.headers["x-truncated"]) == ("text/csv", "false")
    assert answer.headers["content-disposition"] == 'attachment; filename="rows.csv"'
    request = gateway.fakes.feature.requests[-1]
    assert isinstance(request, pb.ExportRowsRequest)
    assert (request.device_code, list(request.fields), request.format) == ("WLD001", ["x"], "csv")
    query = {"device_code": "WLD001", "format": "arrow"}
    assert (await gateway.client.get(path, params=query, headers=gateway.auth())).status_code == 200
    assert gateway.fakes.feature.requests[-1].format == "arrow"


@pytest.mark.parametrize(
    "bounded", [{"limit": 5}, {"interval": 60}, {"aggregate": "lttb"}, {"newest_first": True}, {"format": "rows"}]
)
async def test_rows_that_are_bounded_or_reduced_are_no_file_of_all(gateway, bounded):
    asked = {"device_code": "WLD001", "format": "csv", **bounded}
    await gateway.client.post("/api/v2/data/query/history", json=asked, headers=gateway.auth())
    request = gateway.fakes.feature.requests[-1]
    assert isinstance(request, pb.QueryHistoryRequest)
    assert request.limit == bounded.get("limit", 10_000)


async def test_gaps_are_listed_where_it_was_said_how_long_they_are(gateway):
    path, asked = "/api/v2/data/query/history", {"device_code": "WLD001", "aggregate": "lttb", "max_gap": 1.5}
    answer = await gateway.client.post(path, json=asked, headers=gateway.auth())
    assert gateway.fakes.feature.requests[-1].max_gap == Duration(seconds=1, nanos=500_000_000)
    assert answer.json()["data"]["gaps"] == []
    told = await gateway.client.get(path, params=asked | {"format": "csv"}, headers=gateway.auth())
    assert told.status_code == 200
    assert gateway.fakes.feature.requests[-1].max_gap == Duration(seconds=1, nanos=500_000_000)
    plain = await gateway.client.post(path, json={"device_code": "WLD001"}, headers=gateway.auth())
    assert "gaps" not in plain.json()["data"]


async def test_a_file_of_an_unknown_device_is_a_problem_and_no_file(gateway):
    gateway.fakes.feature.unknown = frozenset({"nope"})
    asked = {"device_code": "nope", "format": "csv"}
    try:
        answer = await gateway.client.post("/api/v2/data/query/history", json=asked, headers=gateway.auth())
    finally:
        gateway.fakes.feature.unknown = frozenset()
    assert (answer.status_code, answer.json()["reason"]) == (404, "DEVICE_NOT_FOUND")
