"""InfluxDB's official clients of versions 1, 2 and 3, as they are, writing to the gateway."""

import json
import sys
import urllib.request
from datetime import UTC, datetime
from typing import Any

from influxdb import InfluxDBClient as InfluxDBClientV1
from influxdb_client import InfluxDBClient, Point, WriteOptions
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client_3 import InfluxDBClient3, write_client_options
from influxdb_client_3 import WriteOptions as WriteOptions3
from influxdb_client_3.write_client.client.write_api import WriteType
from run import KEY, URL, report

START = 1_714_557_600
COUNT = 5_000
# Of this run alone, so that nothing is there before.
BATCHED = "batched-" + URL.rpartition(":")[2]


def values(device: str, field: str) -> list[Any]:
    """What is stored of a field, in order of time."""
    query = f"{URL}/api/v2/data/query/history?device_code={device}&field={field}&limit=100000&format=columns"
    request = urllib.request.Request(query, headers={"authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["data"]["columns"][field]


def points(device: str) -> list[Point]:
    return [
        Point("weld").tag("device", device).field("v", float(row)).time(datetime.fromtimestamp(START + row, UTC))
        for row in range(COUNT)
    ]


def batching() -> Any:
    failures: list[str] = []
    options = WriteOptions(batch_size=1_000, flush_interval=200, retry_interval=100, max_retries=5)
    with (
        InfluxDBClient(url=URL, token=KEY, org="any") as client,
        client.write_api(write_options=options, error_callback=lambda _, __, error: failures.append(str(error))) as api,
    ):
        api.write(bucket="any", record=points(BATCHED))
    return {"failures": failures, "whole": values(BATCHED, "v") == [float(row) for row in range(COUNT)]}


def synchronous() -> Any:
    with InfluxDBClient(url=URL, token=KEY, org="any", enable_gzip=True) as client:
        text = Point("weld").tag("device", "texts").field("note", 'a "b"\\\nc, d=e').time(START, write_precision="s")
        client.write_api(write_options=SYNCHRONOUS).write(bucket="any", record=text, write_precision="s")
        ping = client.ping()
    return {"ping": ping, "note": values("texts", "note")}


def partial() -> Any:
    lines = [f"weld,device=partial v={row} {START + row}" for row in range(10)]
    lines[3] = f"weld,device=partial v=nan {START}"
    with InfluxDBClient(url=URL, token=KEY, org="any") as client:
        try:
            client.write_api(write_options=SYNCHRONOUS).write(bucket="any", record=lines, write_precision="s")
        except Exception as error:  # noqa: BLE001 - its words are what is asked
            message = json.loads(error.response.data)["message"]
            return {"told": message.startswith("partial write: line 4"), "stored": len(values("partial", "v"))}
    return {"told": False}


def version_3() -> Any:
    with InfluxDBClient3(host=URL, token=KEY, database="any") as client:
        client.write(record=[f"weld,device=three v={row}.0 {(START + row) * 10**9}" for row in range(10)])
    return {"values": values("three", "v") == [float(row) for row in range(10)]}


def version_3_own_path() -> Any:
    refused: list[list[int]] = []
    for later, accept_partial in ((100, True), (200, False)):
        bad = [*(f"weld,device=own v=0 {START + later + row}" for row in range(3)), "weld,device=own v=nan"]
        options = WriteOptions3(write_type=WriteType.synchronous, use_v2_api=False, accept_partial=accept_partial)
        written = write_client_options(write_options=options)
        with InfluxDBClient3(host=URL, token=KEY, database="any", write_client_options=written) as client:
            client.write(record=[f"weld,device=own v={row}.0 {(START + row) * 10**9}" for row in range(10)])
            try:
                client.write(record=bad, write_precision="s")
            except Exception as error:  # noqa: BLE001 - its lines are what is asked
                refused.append([each.line_number for each in getattr(error, "line_errors", [])])
    return {"values": values("own", "v") == [*map(float, range(10)), 0.0, 0.0, 0.0], "refused": refused}


def batching_3() -> Any:
    options = WriteOptions3(batch_size=1_000, flush_interval=200, retry_interval=100, max_retries=5)
    written = write_client_options(write_options=options)
    with InfluxDBClient3(host=URL, token=KEY, database="any", write_client_options=written) as client:
        client.write(record=[f"weld,device={BATCHED}-3 v={row}.0 {(START + row) * 10**9}" for row in range(COUNT)])
    return {"whole": values(f"{BATCHED}-3", "v") == [float(row) for row in range(COUNT)]}


def version_1() -> Any:
    host, _, port = URL.removeprefix("http://").partition(":")
    client = InfluxDBClientV1(host=host, port=int(port), username="any", password=KEY, database="telegraf")
    client.create_database("telegraf")
    row = {"measurement": "weld", "tags": {"device": "one"}, "fields": {"v": 1.5}, "time": "2024-05-01T10:00:00Z"}
    client.write_points([row])
    return {"ping": bool(client.ping()), "databases": len(client.get_list_database()), "values": values("one", "v")}


scenarios = (batching, batching_3, synchronous, partial, version_3, version_3_own_path, version_1)
report(*(scenario for scenario in scenarios if scenario.__name__ in sys.argv[3:]))
