"""How far a load is, told while it goes on."""

import json

import pytest

from penstock_kit.errors import Unprocessable

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/api/v2/data/ingest?device_code=D&create=true"
CSV = "timestamp,x\n2026-01-01T00:00:00Z,1\n"


async def lines(gateway, content=CSV):
    headers = gateway.auth() | {"content-type": "text/csv", "accept": "application/x-ndjson"}
    answer = await gateway.client.post(PATH, content=content, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson"), answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_a_load_that_wants_lines_is_told_how_far_it_is_and_then_what_a_plain_one_is(gateway):
    progress, result = await lines(gateway)
    assert progress == {"progress": {"stage": "receiving", "received_bytes": 3, "rows_accepted": 0, "rows_rejected": 0}}
    headers = gateway.auth() | {"content-type": "text/csv"}
    plain = (await gateway.client.post(PATH, content=CSV, headers=headers)).json()
    assert result | {"execution_time": 0} == plain | {"execution_time": 0}
    assert gateway.fakes.feature.bodies[-2:] == [CSV.encode()] * 2


async def test_a_body_that_is_refused_ends_its_lines_with_the_problem(gateway):
    gateway.fakes.feature.refusal = Unprocessable("none of the 1 rows can be stored", reason="ROWS_INVALID")
    try:
        _, last = await lines(gateway)
    finally:
        gateway.fakes.feature.refusal = None
    assert (last["error"]["status"], last["error"]["reason"]) == (422, "ROWS_INVALID")
    assert last["error"]["instance"] == "/api/v2/data/ingest"


async def test_what_is_refused_before_the_first_line_keeps_its_status(gateway):
    headers = gateway.auth() | {"content-type": "text/plain", "accept": "application/x-ndjson"}
    answer = await gateway.client.post(PATH, content=CSV, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
