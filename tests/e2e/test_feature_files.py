"""Features as files and as answers of any size, through the whole system."""

import io
import json

import httpx
import numpy as np
import pandas as pd

ROWS = 40_000


async def _load(http: httpx.AsyncClient, device: str) -> None:
    random = np.random.default_rng(3)
    table = pd.DataFrame({f"s{n}": random.normal(size=ROWS) for n in range(16)})
    table.insert(0, "timestamp", pd.date_range("2024-05-01", periods=ROWS, freq="1s"))
    query = {"device_code": device, "create": "true"}
    answer = await http.post(
        "/api/v2/data/ingest", params=query, content=table.to_csv(index=False), headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 200, answer.text


async def test_an_answer_that_fits_into_no_message_is_streamed_and_equals_the_file(http: httpx.AsyncClient) -> None:
    await _load(http, "features-large")
    body = {"device_code": "features-large", "window_size": 100, "overlap": 0.99, "normalize_method": "none"}
    answer = await http.post("/api/v2/ai/features/extract", json=body)
    assert answer.status_code == 200, answer.text[:500]
    assert len(answer.content) > 64 * 1024 * 1024
    assert answer.content.startswith(b'{"success":true,"data":{"feature_names":')
    whole = json.loads(answer.content)
    assert whole["success"] is True
    data = whole["data"]
    assert data["metadata"]["window_count"] == len(data["features"]) == len(data["timestamps"]) == ROWS - 99
    file = await http.post("/api/v2/ai/features/extract", params={"format": "arrow"}, json=body)
    assert file.headers["content-type"] == "application/vnd.apache.arrow.file"
    frame = pd.read_feather(io.BytesIO(file.content))
    assert list(frame.columns[1:]) == data["feature_names"]
    np.testing.assert_array_equal(frame[data["feature_names"]].to_numpy(), np.array(data["features"], dtype=float))


async def test_a_file_of_features_of_an_unknown_device_is_a_problem_and_no_file(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/api/v2/ai/features/extract", params={"format": "npz"}, json={"device_code": "no-such-device"}
    )
    assert answer.status_code == 404
    assert answer.json()["reason"] == "DEVICE_NOT_FOUND"


async def test_rows_come_as_the_file_that_the_header_accept_or_the_format_asks_for(http: httpx.AsyncClient) -> None:
    await _load(http, "features-rows")
    path, body = "/api/v2/data/query/history", {"device_code": "features-rows", "limit": 10}
    arrow, csv = {"accept": "application/vnd.apache.arrow.file"}, {"accept": "text/csv, */*;q=0.1"}
    for answer in (
        await http.post(path, json=body, headers=arrow),
        await http.post(path, json={**body, "format": "arrow"}),
        await http.get(path, params=body, headers=arrow),
    ):
        assert answer.headers["content-type"] == "application/vnd.apache.arrow.file"
        assert (answer.headers["x-truncated"], answer.headers["vary"]) == ("true", "accept")
        assert len(pd.read_feather(io.BytesIO(answer.content))) == 10
    for answer in (
        await http.post(path, json=body, headers=csv),
        await http.post(path, json=body, headers={"accept": "text/*"}),
        await http.get(path, params={**body, "format": "csv"}),
    ):
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert len(pd.read_csv(io.StringIO(answer.text), parse_dates=["timestamp"])) == 10
    for headers in ({}, {"accept": "*/*"}, {"accept": "application/json, text/csv;q=0.5"}):
        assert len((await http.post(path, json=body, headers=headers)).json()["data"]["rows"]) == 10


async def test_a_file_of_history_without_a_limit_has_all_rows(http: httpx.AsyncClient) -> None:
    await _load(http, "features-all-rows")
    path, body = "/api/v2/data/query/history", {"device_code": "features-all-rows"}
    csv = await http.post(path, json={**body, "format": "csv"})
    assert (csv.status_code, csv.headers["x-truncated"]) == (200, "false")
    assert len(pd.read_csv(io.StringIO(csv.text), parse_dates=["timestamp"])) == ROWS > 10_000
    arrow = await http.get(path, params={**body, "format": "arrow"})
    assert len(pd.read_feather(io.BytesIO(arrow.content))) == ROWS
    assert len((await http.post(path, json=body)).json()["data"]["rows"]) == 10_000


async def test_the_newest_rows_come_as_the_file_that_is_asked_for(http: httpx.AsyncClient) -> None:
    table = "timestamp,current\n2026-01-01T00:00:00Z,1\n2026-01-01T00:00:01Z,2\n"
    await http.post(
        "/api/v2/data/ingest",
        params={"device_code": "newest-rows", "model_code": "newest_rows", "create": "true"},
        content=table,
        headers={"Content-Type": "text/csv"},
    )
    path, body = "/api/v2/data/query/realtime", {"model_code": "newest_rows", "page_size": 1}
    for answer in (
        await http.post(path, json=body, headers={"accept": "application/vnd.apache.arrow.file"}),
        await http.post(path, json={**body, "format": "arrow"}),
    ):
        assert answer.headers["content-type"] == "application/vnd.apache.arrow.file", answer.text
        assert (answer.headers["x-total"], answer.headers["x-truncated"]) == ("2", "true")
        frame = pd.read_feather(io.BytesIO(answer.content))
        assert frame[["device_code", "current"]].to_numpy().tolist() == [["newest-rows", 2.0]]
    csv = await http.post(path, json=body, headers={"accept": "text/csv"})
    assert csv.text.splitlines()[1:] == ['"2026-01-01T00:00:01.000000Z","newest-rows",2']
    for headers in ({}, {"accept": "*/*"}, {"accept": "application/json"}):
        assert (await http.post(path, json=body, headers=headers)).json()["data"]["rows"][0]["current"] == 2
